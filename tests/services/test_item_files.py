"""Items as item files: what is written reads back as the same body, and what the browser changed finds its way into the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from foundation import content
from foundation.audit import AuditEvent
from foundation.content import ContentHead, ContentVersion
from foundation.db import db, transaction
from quizzes.exchange import itemfile
from quizzes.loader import read_item_file
from quizzes.models import ItemDraft
from quizzes.rules.item import KINDS, ItemSet, parse, to_body
from quizzes.services import bank as studio
from tests.factories import Factory

KEY = "cc-001"
WRITTEN = "item-file.yaml"


def bodies() -> dict[str, Any]:
    rows = db.session.execute(select(ContentVersion.key, ContentVersion.body).join(ContentHead, ContentHead.version_id == ContentVersion.id)
                              .where(ContentHead.kind == "item").order_by(ContentVersion.key)).all()
    db.session.rollback()
    return {row.key: row.body for row in rows}


def read_back(tmp_path: Path, text: str) -> dict[str, Any]:
    """The bodies that the content reader makes of a file. Complaints that refuse a file fail the test."""
    file = tmp_path / WRITTEN
    file.write_text(text, encoding="utf-8")
    source, found = read_item_file(file)
    assert source.ok, [str(problem) for problem in source.problems if problem.severity == "error"]
    return {item.key: to_body(item) for item, _where in found}


def test_every_kind_written_to_a_file_reads_back_as_the_same_body(app: Flask, tmp_path: Path) -> None:
    chosen: dict[str, dict[str, Any]] = {}
    count = dict.fromkeys(KINDS, 0)
    for key, body in bodies().items():
        if count[body["kind"]] < 3:
            count[body["kind"]] += 1
            chosen.setdefault(body["content_area"], {})[key] = body
    assert min(count.values()) >= 2, count
    for area, sample in chosen.items():
        text = itemfile.write(area, [parse(body) for body in sample.values()])
        assert read_back(tmp_path, text) == sample
        assert "\\u" not in text and "&id" not in text, "Chinese as it is, nothing by reference"


def test_the_keys_stand_in_the_order_of_the_format_and_every_field_has_its_place(app: Flask) -> None:
    for kind, model in KINDS.items():
        assert set(model.model_fields) - {"content_area"} <= set(itemfile.ORDER), kind
    body = next(body for body in bodies().values() if body["kind"] == "numeric")
    text = itemfile.write(body["content_area"], [parse(body)])
    names = [line[2:].split(":")[0] for line in text.split("\nitems:\n")[1].splitlines() if line[:2] in ("- ", "  ") and line[2].isalpha()]
    assert names == sorted(names, key=itemfile.ORDER.index) and names[:5] == ["key", "kind", "objective", "bloom", "difficulty"]
    assert text.startswith(f"format: qizhou/items@1\ncontent_area: {body['content_area']}\ntitle:\n  zh: ")


@pytest.mark.parametrize("words", [
    "行一\n行二", "行一\n\n行三\n", "  前有空格\n行二", "后有空格 \n行二", "\n先空一行", "制表\t符", "“引号”与\"直引号\"和'单引号'",
    "# 不是注释: 也不是键", "- 不是列表", "yes", "No",
    "0x1F", "1e3", "12", "2026-11-22", "null", "~", "&锚 *别名 !标签 %指令 @ `", "冷僻字 𠮷 与 😀", "回车\r\n换行", "行分隔\u2028符",
    "{花括号} [方括号], 逗号", "反斜杠 \\n 不是换行",
    "---\n...", "很长" * 400,
])
def test_whatever_a_text_holds_is_read_back_to_the_letter(app: Flask, tmp_path: Path, words: str) -> None:
    item = parse(db_body(KEY))
    told = item.model_copy(update={"stem": item.stem.model_copy(update={"zh": words, "en": "Choose one."})})  # type: ignore[union-attr]
    file = tmp_path / WRITTEN
    file.write_text(itemfile.write(item.content_area, [told]), encoding="utf-8", newline="")
    _source, found = read_item_file(file)
    assert to_body(found[0][0]) == to_body(told)


def db_body(key: str) -> Any:
    found = content.find_current("item", key)
    db.session.rollback()
    assert found is not None
    return found.body


def test_a_field_without_a_place_is_never_dropped_in_silence(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(itemfile, "ORDER", tuple(name for name in itemfile.ORDER if name != "usage"))
    with pytest.raises(ValueError, match="cc-001: no place for usage"):
        itemfile.write("complaints-and-crisis", [parse(db_body(KEY))])


def test_an_item_stands_complete_so_that_no_defaults_of_another_file_change_it(app: Flask, tmp_path: Path) -> None:
    sets = next(body for body in bodies().values() if body["kind"] == "set")
    text = itemfile.write(sets["content_area"], [parse(sets)])
    others = ("defaults:\n  status: draft\n  reviewed: 2001-01-01\n  author_role: nobody\n  reviewer_role: nobody\n  approver_role: nobody\n  shuffle: false\n"
              "  usage: practice\n  programme: elsewhere\n")
    assert isinstance(parse(sets), ItemSet)
    assert read_back(tmp_path, text.replace("\nitems:\n", f"\n{others}items:\n", 1)) == {sets["key"]: sets}


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────
def published_edit(make: Factory) -> Any:
    """An item edited in the browser by one person and approved by another; its body."""
    author, reviewer = make.person("author", "trainer"), make.person("reviewer", "reviewer")
    with transaction():
        draft = studio.begin_draft(KEY, author)
    row = db.session.get_one(ItemDraft, draft)
    body, version = dict(row.body), row.row_version
    db.session.rollback()
    with transaction():
        studio.save_draft(draft, {**body, "stem": {**body["stem"], "zh": body["stem"]["zh"] + "请选一项。"}}, version, author)
        studio.hand_in(draft, studio.row_version(draft), author)
    with transaction():
        studio.approve(draft, studio.row_version(draft), reviewer)
    return db_body(KEY)


def test_an_item_edited_in_the_browser_goes_back_into_the_files(app: Flask, make: Factory, tmp_path: Path) -> None:
    body = published_edit(make)
    assert body["stem"]["zh"].endswith("请选一项。") and body["author_role"] == "trainer"
    out = tmp_path / "cc.yaml"
    done = app.test_cli_runner().invoke(args=["items", "export-file", KEY, "--out", str(out)])
    assert done.exit_code == 0 and f"1 item → {out}" in done.output
    text = out.read_text(encoding="utf-8")
    assert "请选一项。" in text
    assert read_back(tmp_path, text) == {KEY: body}
    library = content.read_all()
    assert [step.key for step in content.kept_from(library)] == [KEY]
    _source, found = read_item_file(out)
    piece = library.pieces[("item", KEY)]
    piece.body.clear()
    piece.body.update(to_body(found[0][0]))
    assert [(step.act, step.key) for step in content.plan_against_store(library)] == [("returned", KEY)]
    db.session.rollback()
    with transaction():
        content.load(library, None)
    origin = select(ContentVersion.origin).join(ContentHead, ContentHead.version_id == ContentVersion.id).where(ContentHead.key == KEY)
    assert db.session.scalar(origin) == "file" and content.plan_against_store(library) == [] == content.kept_from(library)
    event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "items:export")).one()
    assert event.facts["items"] == 1 and event.facts["format"] == "qizhou"


def test_a_file_for_each_area_in_a_folder_and_one_area_to_standard_output(app: Flask, tmp_path: Path) -> None:
    run = app.test_cli_runner().invoke
    mixed = ["items", "export-file", KEY, "nd-001", "nd-002", "nd-001"]
    refused = run(args=mixed)
    assert refused.exit_code == 1 and "these items are of 2 (complaints-and-crisis, needs-and-deposits): give --out an existing folder" in refused.stderr
    folder = tmp_path / "files"
    folder.mkdir()
    assert run(args=[*mixed, "--out", str(folder)]).exit_code == 0
    assert sorted(file.name for file in folder.iterdir()) == ["complaints-and-crisis.yaml", "needs-and-deposits.yaml"]
    assert set(read_back(tmp_path, (folder / "needs-and-deposits.yaml").read_text(encoding="utf-8"))) == {"nd-001", "nd-002"}
    shown = run(args=["items", "export-file", KEY])
    assert shown.exit_code == 0 and read_back(tmp_path, shown.stdout) == {KEY: db_body(KEY)}
    again = run(args=[*mixed, "--out", str(folder)])
    assert again.exit_code == 1 and "needs-and-deposits.yaml: is there already and is not overwritten" in again.stderr
    lost = run(args=["items", "export-file", KEY, "--out", str(tmp_path / "no" / "such" / "folder.yaml")])
    assert lost.exit_code == 1 and "No such file or directory" in lost.stderr


def test_what_cannot_be_written_is_named_and_nothing_is_written(app: Flask, make: Factory, tmp_path: Path) -> None:
    author = make.person("author", "trainer")
    with transaction():
        studio.retire_item("cc-003", True, "x", author)
        studio.new_draft("essay", "cc-new", "complaints-and-crisis", "service-manager", author)
    whole = next(body for body in bodies().values() if body["kind"] == "set")
    inside = whole["items"][0]["key"]
    out = tmp_path / "out.yaml"
    for key, words in (("no-such-item", "the item bank has no such item"), ("cc-003", "is out of use; take it out of its content file"),
                       ("cc-new", "has no published version yet"), (inside, f"is inside the set {whole['key']}; export that one"),
                       ("", "the item bank has no such item")):
        refused = app.test_cli_runner().invoke(args=["items", "export-file", KEY, key, "--out", str(out)])
        assert refused.exit_code == 1 and f"{key}: {words}" in refused.stderr
        assert not out.exists()
    assert app.test_cli_runner().invoke(args=["items", "export-file"]).exit_code == 2
