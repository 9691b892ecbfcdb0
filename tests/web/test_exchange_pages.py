# ruff: noqa: E501 - samples of other programs stand as those programs write them
"""Import and export of items in the browser: look, confirm exactly that, once; pictures only for who may see them."""

from __future__ import annotations

import base64
import io
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from foundation import clock, i18n
from foundation.audit import AuditEvent
from foundation.content import ContentVersion
from foundation.db import db, transaction
from quizzes.models import Attempt, ItemDraft, Slot
from quizzes.services.pictures import NewPicture, keep_pictures
from tests.rules.test_exchange_formats import a_png

GOOD = "$CATEGORY: needs-and-deposits\n\n// [id:nd-901]\nWhat <b>first</b>?{=Term#Right ~<script>x</script>Colour#No}\n"


@pytest.fixture(autouse=True)
def catalogue() -> None:
    i18n.build()


@pytest.fixture
def writer(make: Any, client_for: Any) -> Any:
    make.person("writer", "reviewer")
    return client_for("writer")


def text(answer: Any) -> str:
    return answer.get_data(as_text=True)


def upload(client: Any, content: str | bytes, name: str = "items.gift", **fields: str) -> str:
    data = content.encode() if isinstance(content, str) else content
    answer = client.send("/items/import", {"file": (io.BytesIO(data), name), "format": "", "area": "", **fields}, content_type="multipart/form-data")
    assert answer.status_code == 303, text(answer)
    return answer.headers["Location"]


def hidden(page: str) -> dict[str, str]:
    return {name: (re.search(rf'name="{name}"[^>]*value="([^"]*)"', page) or ["", ""])[1] for name in ("plan", "format", "area", "leave_out")}


def drafts() -> list[ItemDraft]:
    db.session.rollback()
    return list(db.session.scalars(select(ItemDraft)))


def test_looking_changes_nothing_and_confirming_does_exactly_that_once(writer: Any) -> None:
    address = upload(writer, GOOD)
    page = text(writer.get(address))
    assert drafts() == [] and "nd-901" in page and "Take in exactly this" in page and "&lt;script&gt;" in page and "<script>x" not in page
    assert "<strong>first</strong>" in page and "To be completed" in page
    first = writer.send(address, hidden(page), op="once")
    assert first.status_code == 303 and [draft.key for draft in drafts()] == ["nd-901"]
    assert "1 new" in text(writer.get(first.headers["Location"]))
    again = writer.send(address, hidden(page), op="once")
    assert again.status_code == 303 and len(drafts()) == 1
    assert writer.send(address, hidden(page), op="another").status_code == 404
    page = text(writer.get(upload(writer, GOOD)))
    assert "There is nothing to do" in page and "Take in exactly this" not in page


def test_errors_stand_with_their_lines_in_the_readers_language_and_nothing_can_be_confirmed(writer: Any, client_for: Any) -> None:
    address = upload(writer, GOOD + "\n::x::Bad {=a <i>\n")
    page = text(writer.get(address))
    assert "1 error keeps the file out" in page and "A brace has no partner" in page and "Take in exactly this" not in page
    assert "有一个花括号没有配对" in text(client_for("writer", language="zh").get(address))
    assert writer.send(address, {"plan": "0" * 64, "format": "", "area": "", "leave_out": ""}).status_code == 409 and drafts() == []


def test_a_plan_of_another_day_is_shown_again_instead_of_done(writer: Any) -> None:
    address = upload(writer, GOOD)
    page = text(writer.get(address))
    other = upload(writer, GOOD.replace("Colour", "Size"))
    writer.send(other, hidden(text(writer.get(other))))
    answer = writer.send(address, hidden(page))
    assert answer.status_code == 409 and "Nothing was done" in text(answer)
    assert [draft.body["options"][1]["text"]["en"] for draft in drafts()] == ["Size"]


def test_unknown_types_are_left_out_only_when_asked(writer: Any) -> None:
    file = ('<quiz><question type="stack"><name><text>s</text></name></question><question type="truefalse"><name><text>t</text></name><questiontext><text>So?</text>'
            '</questiontext><answer fraction="100"><text>true</text></answer><answer fraction="0"><text>false</text></answer></question></quiz>')
    page = text(writer.get(upload(writer, file, "q.xml")))
    link = re.search(r'href="([^"]+)">Take in the others', page)
    assert link and "“stack”" in page
    page = text(writer.get(link[1].replace("&amp;", "&")))
    assert "Take in exactly this" in page and "“stack”" in page
    assert writer.send(link[1].split("?")[0], hidden(page)).status_code == 303 and len(drafts()) == 1


def test_without_a_file_the_form_says_so_and_keeps_what_was_chosen(writer: Any) -> None:
    answer = writer.send("/items/import", {"format": "gift", "area": "communication"}, content_type="multipart/form-data")
    assert answer.status_code == 422 and "Choose a file first." in text(answer) and 'selected value="gift"' in text(answer)
    assert writer.send("/items/import", {"format": "evil", "area": ""}, content_type="multipart/form-data").status_code == 422


def test_a_thrown_away_file_is_gone_and_nobody_else_may_import(writer: Any, make: Any, client_for: Any) -> None:
    address = upload(writer, GOOD)
    make.person("hr-1", "hr")
    assert client_for("hr-1").get(address).status_code == 403 and client_for("hr-1").get("/items/export").status_code == 403
    assert writer.send(f"{address}/discard").status_code == 303 and writer.get(address).status_code == 404
    assert writer.post("/items/export", data={"format": "gift"}).status_code == 400, "no token"


@pytest.mark.parametrize(("format_", "start", "media"), [("gift", b"// ", "text/plain"), ("moodlexml", b"<?xml", "application/xml"), ("csv", b"\xef\xbb\xbf", "text/csv"),
                                                         ("xlsx", b"PK", "spreadsheet")])
def test_the_bank_is_handed_out_as_a_file_and_the_trail_tells_who_took_it(writer: Any, format_: str, start: bytes, media: str) -> None:
    answer = writer.send("/items/export", {"format": format_, "area": "awareness"}, op=f"out-{format_}")
    assert answer.status_code == 200 and answer.data.startswith(start) and media in answer.headers["Content-Type"]
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=items-awareness-")
    (event,) = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "items:export"))
    assert event.actor_id and event.facts["items"] > 10 and event.facts["format"] == format_


def test_the_empty_table_can_be_filled_and_comes_in(writer: Any, client_for: Any) -> None:
    for client, heading in ((writer, "stem_zh"), (client_for("writer", language="zh"), "题干（中文）")):
        answer = client.get("/items/import/template.xlsx")
        assert answer.status_code == 200
        page = text(client.get(upload(client, answer.data, "filled.xlsx")))
        assert "im-" in page and heading


def test_the_pages_ask_the_database_a_fixed_number_of_times(writer: Any, query_count: Any) -> None:
    address = upload(writer, GOOD)
    writer.get(address)
    with query_count() as counted:
        writer.get(address)
    few = counted.number
    address = upload(writer, GOOD + "".join(f"\n// [id:nd-{number}]\nQ{number}?{{=a ~b}}\n" for number in range(910, 960)))
    with query_count() as counted:
        writer.get(address)
    assert counted.number <= few <= 16


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_picture_is_shown_to_staff_and_to_trainees_only_in_a_paper_of_their_own(make: Any, client_for: Any, writer: Any) -> None:
    cohort = make.cohort("2026-A", weeks_ago=6)
    mine, other = make.trainee(cohort, "trainee-a"), make.trainee(cohort, "trainee-b")
    with transaction():
        (sha256,) = keep_pictures([NewPicture(a_png(), "x.png")], None)
    address = f"/pictures/{sha256}"
    answer = writer.get(address)
    assert answer.status_code == 200 and answer.data == a_png() and answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cache-Control"].startswith("private")
    client = client_for("trainee-a")
    assert client.get(address).status_code == 404 and client.get("/pictures/" + "0" * 64).status_code == 404
    with transaction():
        item = db.session.scalars(select(ContentVersion).where(ContentVersion.kind == "item").limit(1)).one()
        body = {**item.body, "stem": {"zh": f"看图 ![图](picture:{sha256})", "en": f"See ![chart](picture:{sha256})"}}
        version = ContentVersion(kind="item", key=item.key, number=99, scoring_hash="s", wording_hash="w", status="approved", origin="import", body=body, made_at=clock.now())
        db.session.add(version)
        db.session.flush()
        now = clock.now()
        attempt = Attempt(enrolment_id=mine, blueprint_key="final-exam", blueprint_version_id=item.id, purpose="practice", number=1, seed="s", started_at=now,
                          closes_at=now + timedelta(hours=1), high_water_at=now)
        db.session.add(attempt)
        db.session.flush()
        db.session.add(Slot(attempt_id=attempt.id, position=1, item_key=item.key, item_version_id=version.id, marks=Decimal(1), frozen={}))
    assert client.get(address).status_code == 200 and client_for("trainee-b").get(address).status_code == 404 and other
    assert client_for().get(address).status_code == 303


def test_a_picture_in_an_import_is_seen_in_the_preview_of_its_draft(writer: Any) -> None:
    told = base64.b64encode(a_png()).decode()
    file = ('<quiz><question type="multichoice"><name><text>p</text></name><idnumber>pic-1</idnumber><questiontext format="html"><text><![CDATA[Look: '
            '<img src="@@PLUGINFILE@@/x.png" alt="a chart"> Which is highest?]]></text>'
            f'<file name="x.png" path="/" encoding="base64">{told}</file></questiontext><single>true</single><answer fraction="100"><text>2024</text></answer>'
            '<answer fraction="0"><text>2023</text></answer><answer fraction="0"><text>2022</text></answer></question></quiz>')
    address = upload(writer, file, "pictures.xml")
    page = text(writer.get(address))
    assert "1 new picture" in page and "〔a chart〕" in page
    writer.send(address, hidden(page))
    (draft,) = drafts()
    assert f'src="/pictures/{draft.body["stem"]["en"].split("picture:")[1][:64]}"' in text(writer.get(f"/bank/drafts/{draft.id}"))
