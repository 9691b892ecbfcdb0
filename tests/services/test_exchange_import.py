# ruff: noqa: E501 - samples of other programs stand as those programs write them
"""Items taken in from files and handed out, by the same steps as page and command line: all or nothing, the same file twice
changes nothing, drafts people work on are left alone."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from foundation import audit, clock
from foundation.audit import AuditEvent
from foundation.content import Piece, publish
from foundation.db import db, transaction
from quizzes.exchange import leaving, survey
from quizzes.models import ItemDraft, ItemEdit, ItemPicture, ItemTag
from quizzes.services.pictures import NewPicture, keep_pictures, pictures_folder
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.rules.test_exchange_formats import a_png

GOOD = "$CATEGORY: needs-and-deposits\n\n// [id:nd-901] [tag:Cash]\nWhat first?{=Term#Right ~Colour#No}\n\n// [id:nd-902]\nIt is so.{T}\n"


def looked_at(tmp_path: Path, text: str | bytes, **options: Any) -> survey.Survey:
    file = tmp_path / "items"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    found = survey.survey(file, survey.Options(**options))
    db.session.rollback()
    return found


def take(found: survey.Survey, actor_id: int | None = None) -> survey.Preview:
    with transaction():
        return survey.apply(found, found.preview.plan, actor_id)


def drafts() -> list[ItemDraft]:
    db.session.rollback()
    return list(db.session.scalars(select(ItemDraft).order_by(ItemDraft.key)))


@ON_BOTH
def test_a_file_becomes_drafts_once_and_the_same_file_again_changes_nothing(app: Flask, make: Factory, tmp_path: Path) -> None:
    person = make.person("writer", "reviewer")
    found = looked_at(tmp_path, GOOD)
    assert found.preview.count == {"new": 2, "tags": 1} and found.preview.may_apply and drafts() == []
    take(found, person)
    first, second = drafts()
    assert (first.key, first.kind, first.origin, first.state, first.author_id, first.base_version_id) == ("nd-901", "single", "import", "draft", person, None)
    assert first.batch == found.batch and len(first.batch) == 64 and second.kind == "true_false"
    assert "status" not in first.body and "reviewed" not in first.body
    assert [(tag.item_key, tag.tag) for tag in db.session.scalars(select(ItemTag))] == [("nd-901", "cash")]
    events = list(db.session.scalars(select(AuditEvent).where(AuditEvent.action == "items:import")))
    assert [event.facts["drafts"] for event in events] == [2] and events[0].facts["file"] == found.batch
    before = audit.head()
    again = looked_at(tmp_path, GOOD)
    assert again.preview.count == {"same": 2} and not again.preview.may_apply
    take(again, person)
    assert len(drafts()) == 2 and audit.head() == before


def test_the_shipped_bank_comes_back_unchanged(app: Flask, tmp_path: Path) -> None:
    for format_ in ("gift", "moodlexml", "csv"):
        content = leaving.export(format_).content
        db.session.rollback()
        found = looked_at(tmp_path, content)
        assert found.preview.format == format_ and found.preview.errors == ()
        assert found.preview.count["same"] > 400 and not found.preview.does_something and not found.preview.remarks


def test_a_changed_item_is_a_draft_upon_its_version(app: Flask, tmp_path: Path) -> None:
    content = leaving.export("gift", ["awareness"]).content.decode()
    db.session.rollback()
    found = looked_at(tmp_path, content.replace("柜员小闵", "柜员小敏"))
    changed = [row for row in found.preview.rows if row.act == "changed"]
    assert [(row.key, row.changed, row.missing) for row in changed] == [("sa-001", ("stem",), ())]
    take(found)
    (draft,) = drafts()
    assert draft.base_version_id and "小敏" in draft.body["stem"]["zh"] and draft.author_id is None
    assert [item.key for item in leaving.leaving(["awareness"]) if item.is_draft] == []


def test_nothing_is_half_loaded(app: Flask, tmp_path: Path) -> None:
    found = looked_at(tmp_path, GOOD + "\n::broken::What?{=a ~b\n")
    assert [(remark.line, remark.code) for remark in found.preview.errors] == [(9, "brace_open")]
    before = audit.head()
    with pytest.raises(survey.FileHasErrors):
        take(found)
    assert drafts() == [] and audit.head() == before


def test_a_plan_that_no_longer_holds_is_not_carried_out(app: Flask, make: Factory, tmp_path: Path) -> None:
    found = looked_at(tmp_path, GOOD)
    take(looked_at(tmp_path, GOOD.replace("What first?", "What next?")), make.person("other", "reviewer"))
    with pytest.raises(survey.PlanChanged):
        take(found)
    assert [draft.body["stem"]["en"] for draft in drafts()] == ["What next?", "It is so."]


def test_a_newer_file_replaces_an_untouched_draft_and_never_one_that_people_worked_on(app: Flask, make: Factory, tmp_path: Path) -> None:
    author, other = make.person("writer", "trainer"), make.person("second", "trainer")
    take(looked_at(tmp_path, GOOD), author)
    take(looked_at(tmp_path, GOOD.replace("What first?", "What next?")), author)
    first = drafts()[0]
    assert first.body["stem"]["en"] == "What next?" and len(drafts()) == 2
    assert db.session.scalar(select(func.count()).select_from(ItemEdit)) == 0
    with transaction():
        db.session.add(ItemEdit(draft_id=first.id, by_id=other, at=clock.now(), body_hash="x"))
    found = looked_at(tmp_path, GOOD.replace("What first?", "What last?"))
    assert [(remark.item, remark.code) for remark in found.preview.errors] == [("nd-901", "being_edited")]


def test_who_brings_a_newer_file_becomes_an_author(app: Flask, make: Factory, tmp_path: Path) -> None:
    take(looked_at(tmp_path, GOOD), make.person("writer", "trainer"))
    second = make.person("second", "reviewer")
    take(looked_at(tmp_path, GOOD.replace("What first?", "What next?")), second)
    assert list(db.session.scalars(select(ItemEdit.by_id))) == [second], "so that the second does not approve the own text"


def test_what_people_made_of_a_file_stands_when_the_file_comes_again(app: Flask, make: Factory, tmp_path: Path) -> None:
    take(looked_at(tmp_path, GOOD))
    draft = drafts()[0]
    with transaction():
        row = db.session.get_one(ItemDraft, draft.id)
        row.state = "published"
        body = {**row.body, "stem": {"zh": "先问什么？", "en": "Which first?"}}
        publish(Piece("item", "nd-901", body, body, "approved", "bank"), "import", None)
    assert looked_at(tmp_path, GOOD).preview.count == {"same": 2}


def test_keys_of_sets_and_twice_in_a_file_are_refused(app: Flask, tmp_path: Path) -> None:
    inside = next(stored.body["items"][0]["key"] for stored in survey.bank("").items.values() if stored.body["kind"] == "set")
    db.session.rollback()
    found = looked_at(tmp_path, f"// [id:{inside}]\nA?{{T}}\n\n// [id:x-1]\nB?{{T}}\n\n// [id:x-1]\nC?{{F}}\n")
    assert {(remark.line, remark.code) for remark in found.preview.errors} == {(2, "key_in_set"), (8, "key_twice")}
    same = looked_at(tmp_path, "::Q::A?{T}\n\n::Q::B?{F}\n")
    assert len({row.key for row in same.preview.rows}) == 2 and not same.preview.errors


def test_unknown_types_can_be_left_out_knowingly(app: Flask, tmp_path: Path) -> None:
    text = ('<quiz><question type="stack"><name><text>s</text></name></question><question type="truefalse"><name><text>t</text></name><questiontext><text>So?</text>'
            '</questiontext><answer fraction="100"><text>true</text></answer><answer fraction="0"><text>false</text></answer></question></quiz>')
    assert [remark.code for remark in looked_at(tmp_path, text).preview.errors] == ["unsupported"]
    found = looked_at(tmp_path, text, leave_out=True, area="communication")
    assert found.preview.may_apply and [row.area for row in found.preview.rows] == ["communication"]


@pytest.mark.parametrize(("content", "code"), [
    (b"", "empty"), (b"\x1f\x8b\x08\x00gz", "archive"), (b"PK\x03\x04 a zip with ../../etc/passwd", "table_damaged"), (b"\x89PNG\r\n\x1a\n", "no_format"),
    (b"<!DOCTYPE quiz [<!ENTITY a 'x'>]><quiz/>", "doctype"), (b" " * (24 * 1024 * 1024 + 1), "empty"), (b"x" * (24 * 1024 * 1024 + 1), "too_large"),
])
def test_hostile_files_are_refused_by_name(app: Flask, tmp_path: Path, content: bytes, code: str) -> None:
    found = looked_at(tmp_path, content)
    assert [remark.code for remark in found.preview.remarks] == [code] and not found.preview.may_apply


def test_a_workbook_that_unpacks_to_gigabytes_or_leads_out_is_not_read(app: Flask, tmp_path: Path) -> None:
    import zipfile

    file = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/workbook.xml", b"<workbook/>")
        book.writestr("../../../../tmp/evil", b"x")
        book.writestr("xl/worksheets/sheet1.xml", b"0" * (300 * 1024 * 1024))
    assert [remark.code for remark in looked_at(tmp_path, file.read_bytes()).preview.remarks] == ["table_too_large_inside"]


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────
def with_picture(picture: bytes) -> str:
    told = base64.b64encode(picture).decode()
    return ('<quiz><question type="truefalse"><name><text>p</text></name><idnumber>pic-1</idnumber><questiontext format="html"><text><![CDATA[See '
            f'<img src="@@PLUGINFILE@@/../x.png" alt="chart">]]></text><file name="x.png" path="/../" encoding="base64">{told}</file></questiontext>'
            '<answer fraction="100"><text>true</text></answer><answer fraction="0"><text>false</text></answer></question></quiz>')


@ON_BOTH
def test_a_picture_is_kept_by_its_hash_and_goes_out_again(app: Flask, tmp_path: Path) -> None:
    picture = a_png(5, 4)
    found = looked_at(tmp_path, with_picture(picture))
    assert found.preview.pictures == 1
    take(found)
    row = db.session.scalars(select(ItemPicture)).one()
    kept = pictures_folder() / row.sha256
    assert kept.read_bytes() == picture and row.media_type == "image/png" and "/" not in row.name
    assert (kept.stat().st_mode & 0o077) == 0 and (kept.parent.stat().st_mode & 0o077) == 0
    assert [file.name for file in kept.parent.iterdir()] == [row.sha256]
    assert base64.b64encode(picture) in leaving.export("moodlexml").content
    assert b"pic-1" not in leaving.export("moodlexml", approved_only=True).content
    assert [remark.code for remark in leaving.export("gift").losses if remark.item == "pic-1"] == ["loss_picture"]
    db.session.rollback()
    assert looked_at(tmp_path, with_picture(picture)).preview.count == {"same": 1}


def test_the_same_picture_twice_is_one(app: Flask) -> None:
    with transaction():
        assert len(set(keep_pictures([NewPicture(a_png(), "a.png"), NewPicture(a_png(), "../b.png")], None))) == 1
    with transaction():
        keep_pictures([NewPicture(a_png(), "c.png")], None)
    assert db.session.scalar(select(func.count()).select_from(ItemPicture)) == 1


# ── the command line ─────────────────────────────────────────────────────────────────────────────────────────────
def test_the_commands_do_as_they_say(app: Flask, tmp_path: Path) -> None:
    run = app.test_cli_runner().invoke
    file = tmp_path / "in.gift"
    file.write_text(GOOD, encoding="utf-8")
    dry = run(args=["items", "import", str(file), "--format", "gift", "--dry-run"])
    assert dry.exit_code == 0 and "2 new" in dry.output and "dry run" in dry.output and drafts() == []
    assert run(args=["items", "import", str(file), "--format", "gift"]).exit_code == 0
    assert [draft.key for draft in drafts()] == ["nd-901", "nd-902"]
    assert "2 unchanged" in run(args=["items", "import", str(file), "--format", "gift"]).output
    file.write_text(GOOD + "\n::bad::What?{=a\n", encoding="utf-8")
    bad = run(args=["items", "import", str(file), "--format", "gift"])
    assert bad.exit_code == 1 and "in.gift:9: bad: A brace has no partner" in bad.stderr and "nothing was imported" in bad.stderr
    out = tmp_path / "out.xml"
    told = run(args=["items", "export", "--format", "moodlexml", "--out", str(out)])
    assert told.exit_code == 0 and "nd-901" in out.read_text(encoding="utf-8") and "out.xml: " in told.stderr
    run(args=["items", "export", "--format", "moodlexml", "--out", str(out), "--approved-only"])
    assert "nd-901" not in out.read_text(encoding="utf-8")
    assert "drafts of items that have no published" in " ".join(run(args=["items", "export", "--help"]).output.split())
    assert run(args=["items", "import", str(out), "--format", "moodlexml"]).exit_code == 0
