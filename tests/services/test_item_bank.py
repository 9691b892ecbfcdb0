"""Drafts, four eyes, retiring and tags: who may do what to which state, and what a paper may draw afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from foundation import content
from foundation.audit import AuditEvent
from foundation.content import ContentHead, ContentVersion
from foundation.db import db, transaction
from foundation.web import StaleVersion
from quizzes import services
from quizzes.models import ItemDraft, ItemEdit, ItemReview, ItemTag, Slot
from quizzes.queries import bank_form, bank_item, bank_list
from quizzes.queries.bank_registers import blueprints, known_items, placed
from quizzes.rules.assembly import pools
from quizzes.rules.bank import read_fields, to_draft, to_fields
from quizzes.rules.blueprint import pool
from quizzes.services import bank as studio
from tests.conftest import ON_BOTH
from tests.factories import Factory

KEY = "cc-001"


class People:
    def __init__(self, make: Factory) -> None:
        self.author, self.second = make.person("author", "trainer"), make.person("second", "trainer")
        self.reviewer, self.other = make.person("reviewer", "reviewer"), make.person("other", "reviewer")


@pytest.fixture
def people(make: Factory) -> People:
    return People(make)


def draft_of(draft_id: int) -> ItemDraft:
    found = db.session.get(ItemDraft, draft_id)
    assert found is not None
    return found


def version_of(draft_id: int) -> int:
    found = draft_of(draft_id).row_version
    db.session.rollback()
    return found


def do(act: Any, *told: Any) -> Any:
    with transaction():
        return act(*told)


def reworded(draft_id: int, text: str, actor: int) -> None:
    body = dict(draft_of(draft_id).body)
    version = draft_of(draft_id).row_version
    db.session.rollback()
    do(studio.save_draft, draft_id, {**body, "stem": {**body["stem"], "zh": body["stem"]["zh"] + text}}, version, actor)


def handed_in(people: People, text: str = "请选一项。") -> int:
    draft = do(studio.begin_draft, KEY, people.author)
    reworded(draft, text, people.author)
    do(studio.hand_in, draft, version_of(draft), people.author)
    return draft


def current(key: str = KEY) -> Any:
    found = content.find_current("item", key)
    db.session.rollback()
    return found


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_an_item_goes_from_draft_by_two_people_into_the_bank(app: Flask, people: People) -> None:
    before = current()
    draft = handed_in(people)
    assert current().id == before.id, "nothing is published before the second person"
    version = do(studio.approve, draft, version_of(draft), people.reviewer)
    after = current()
    assert after.id == version
    assert after.number == before.number + 1
    assert after.body["stem"]["zh"].endswith("请选一项。")
    assert (after.status, after.body["author_role"], after.body["approver_role"]) == ("approved", "trainer", "reviewer")
    assert after.scoring_hash == before.scoring_hash, "a rewording is scored alike"
    assert db.session.get_one(ContentVersion, version).origin == "studio"
    assert [row.act for row in db.session.scalars(select(ItemReview).order_by(ItemReview.id))] == ["hand_in", "approve"]
    actions = db.session.scalars(select(AuditEvent.action).where(AuditEvent.subject == f"item:{KEY}").order_by(AuditEvent.seq)).all()
    assert actions == ["item:draft", "item:edit", "item:hand_in", "content:publish", "item:approve"]


def test_one_key_has_one_draft_however_often_it_is_begun(app: Flask, people: People) -> None:
    assert do(studio.begin_draft, KEY, people.author) == do(studio.begin_draft, KEY, people.second)
    assert db.session.query(ItemDraft).count() == 1
    with pytest.raises(studio.NoSuchItem):
        do(studio.begin_draft, "no-such-item", people.author)


@pytest.mark.parametrize("key", ["", "UPPER", "ä", "a b", "a--b", "-a", "x" * 61, "a/../b", "a\x00b"])
def test_a_key_that_is_none_is_refused(app: Flask, people: People, key: str) -> None:
    with pytest.raises(studio.BadKey):
        do(studio.new_draft, "single", key, "cadre", "service-manager", people.author)
    assert db.session.query(ItemDraft).count() == 0


def test_a_key_that_an_item_a_part_of_a_set_or_another_draft_has_is_taken(app: Flask, people: People) -> None:
    part = next(entry["key"] for known in known_items() if known.item.kind == "set" for entry in content.version(known.version_id).body["items"])
    db.session.rollback()
    do(studio.new_draft, "single", "fresh-1", "cadre", "service-manager", people.author)
    for key in (KEY, part, "fresh-1"):
        with pytest.raises(studio.KeyTaken):
            do(studio.new_draft, "single", key, "cadre", "service-manager", people.author)


def test_a_save_on_an_older_version_changes_nothing_and_says_what_stands(app: Flask, people: People) -> None:
    draft = do(studio.begin_draft, KEY, people.author)
    old = version_of(draft)
    reworded(draft, "甲", people.author)
    with pytest.raises(StaleVersion) as stale:
        do(studio.save_draft, draft, {"stem": {"zh": "乙", "en": "b"}}, old, people.second)
    assert stale.value.theirs["stem"]["zh"].endswith("甲")
    assert draft_of(draft).body["stem"]["zh"].endswith("甲")


def test_saving_the_same_again_is_no_edit_and_key_and_kind_never_change(app: Flask, people: People) -> None:
    draft = do(studio.begin_draft, KEY, people.author)
    body = draft_of(draft).body
    assert do(studio.save_draft, draft, body, version_of(draft), people.second) is False
    assert db.session.query(ItemEdit).count() == 0
    do(studio.save_draft, draft, {**body, "key": "other", "kind": "cloze", "usage": "both"}, version_of(draft), people.second)
    assert (draft_of(draft).body["key"], draft_of(draft).body["kind"]) == (KEY, "single")


# ── four eyes ────────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_nobody_who_wrote_or_handed_in_a_draft_approves_it(app: Flask, people: People) -> None:
    draft = do(studio.begin_draft, KEY, people.author)
    reworded(draft, "甲", people.other)
    do(studio.hand_in, draft, version_of(draft), people.reviewer)
    for writer in (people.author, people.other, people.reviewer):
        with pytest.raises(studio.OwnDraft):
            do(studio.approve, draft, version_of(draft), writer)
    assert current().number == 1
    assert do(studio.approve, draft, version_of(draft), people.second) > 0


def test_two_people_of_one_role_are_told_apart(app: Flask, people: People) -> None:
    draft = do(studio.begin_draft, KEY, people.reviewer)
    reworded(draft, "甲", people.reviewer)
    do(studio.hand_in, draft, version_of(draft), people.reviewer)
    do(studio.approve, draft, version_of(draft), people.other)
    body = current().body
    assert (body["author_role"], body["approver_role"]) == ("reviewer", "second-reviewer")


def test_an_incomplete_draft_is_not_handed_in_and_every_complaint_is_told(app: Flask, people: People) -> None:
    draft = do(studio.new_draft, "single", "fresh-1", "cadre", "service-manager", people.author)
    with pytest.raises(studio.NotComplete) as refused:
        do(studio.hand_in, draft, version_of(draft), people.author)
    assert {"stem", "options", "objective", "bloom"} <= {finding.field for finding in refused.value.findings}
    assert draft_of(draft).state == "draft"


@pytest.mark.parametrize(("change", "field"), [
    ({"objective": "no.such"}, "objective"), ({"source": "S99"}, "source"), ({"enemy_of": ["no-such-item"]}, "enemy_of"),
    ({"stem": {"zh": "只有中文的一句话，够长吗？", "en": ""}}, "stem.en"),
    ({"difficulty": {"expected_fraction": "often", "basis": "panel"}}, "difficulty.expected_fraction"),
])
def test_what_no_register_holds_or_is_half_written_stands_against_handing_in(app: Flask, people: People, change: dict[str, Any], field: str) -> None:
    draft = do(studio.begin_draft, KEY, people.author)
    do(studio.save_draft, draft, {**draft_of(draft).body, **change}, version_of(draft), people.author)
    with pytest.raises(studio.NotComplete) as refused:
        do(studio.hand_in, draft, version_of(draft), people.author)
    assert field in {finding.field for finding in refused.value.findings if finding.is_error}


def test_a_draft_is_only_moved_from_the_state_the_step_needs(app: Flask, people: People) -> None:
    draft = do(studio.begin_draft, KEY, people.author)
    for act in (lambda: studio.approve(draft, 1, people.reviewer), lambda: studio.send_back(draft, 1, "why", people.reviewer)):
        with pytest.raises(studio.NotOpen):
            do(act)
    reworded(draft, "甲", people.author)
    do(studio.hand_in, draft, version_of(draft), people.author)
    for act in (lambda: studio.hand_in(draft, version_of(draft), people.author), lambda: studio.discard(draft, version_of(draft), people.author),
                lambda: studio.save_draft(draft, {}, version_of(draft), people.author)):
        with pytest.raises(studio.NotOpen):
            do(act)
    do(studio.approve, draft, version_of(draft), people.reviewer)
    with pytest.raises(studio.NotOpen):
        do(studio.approve, draft, version_of(draft), people.other)
    assert current().number == 2, "approved once, whoever clicks again"


def test_a_return_says_why_and_the_draft_can_be_written_on(app: Flask, people: People) -> None:
    draft = handed_in(people)
    with pytest.raises(studio.CommentMissing):
        do(studio.send_back, draft, version_of(draft), "  ", people.reviewer)
    do(studio.send_back, draft, version_of(draft), "题干太长", people.reviewer)
    assert draft_of(draft).state == "draft"
    page = bank_form.draft_page(draft_of(draft), people.author)
    assert [(step.act, step.comment) for step in page.steps if step.act == "return"] == [("return", "题干太长")]
    reworded(draft, "乙", people.author)


def test_a_decision_on_an_older_version_is_refused(app: Flask, people: People) -> None:
    draft = handed_in(people)
    old = version_of(draft)
    do(studio.send_back, draft, old, "乙", people.reviewer)
    do(studio.hand_in, draft, version_of(draft), people.author)
    with pytest.raises(StaleVersion):
        do(studio.approve, draft, old, people.reviewer)


def test_a_draft_never_overwrites_what_was_published_meanwhile_unknowingly(app: Flask, people: People) -> None:
    draft = handed_in(people)
    with transaction():
        now = db.session.scalars(select(ContentVersion).where(ContentVersion.kind == "item", ContentVersion.key == KEY)).one()
        body = {**now.body, "usage": "both"}
        content.publish(content.Piece("item", KEY, body, {"other": 1}, "approved", ""), "import", None)
    with pytest.raises(studio.BaseMoved):
        do(studio.approve, draft, version_of(draft), people.reviewer)
    do(studio.send_back, draft, version_of(draft), "对照新版本", people.reviewer)
    do(studio.take_newer_base, draft, version_of(draft), people.second)
    do(studio.hand_in, draft, version_of(draft), people.author)
    with pytest.raises(studio.OwnDraft):
        do(studio.approve, draft, version_of(draft), people.second)
    do(studio.approve, draft, version_of(draft), people.reviewer)
    assert current().number == 3


# ── what may be scored ───────────────────────────────────────────────────────────────────────────────────────────
def drawn_from(key: str) -> set[str]:
    found = {place.blueprint for place in placed().get(key, ())}
    db.session.rollback()
    return found


def test_a_new_item_is_drawn_by_no_paper_before_another_person_approved_it(app: Flask, people: People) -> None:
    base = current()
    draft = do(studio.new_draft, "single", "fresh-1", base.body["content_area"], "service-manager", people.author)
    fields = to_fields("single", base.body)
    body = to_draft("single", "fresh-1", read_fields("single", fields), draft_of(draft).body)
    do(studio.save_draft, draft, body, version_of(draft), people.author)
    do(studio.hand_in, draft, version_of(draft), people.author)
    assert drawn_from("fresh-1") == set()
    assert "fresh-1" not in content.current_ids("item")
    do(studio.approve, draft, version_of(draft), people.reviewer)
    assert drawn_from("fresh-1") == drawn_from(KEY) != set()
    exam = next(blueprint for blueprint in blueprints().values() if blueprint.purpose == "exam" and blueprint.key in drawn_from(KEY))
    item = bank_item.known_or_404("fresh-1").item
    assert any(unit.piece == "fresh-1" for cell in exam.cells for unit in pool(exam, cell, [item]))
    for status in ("draft", "reviewed", "retired"):
        assert not any(pool(exam, cell, [item.model_copy(update={"status": status})]) for cell in exam.cells), status


def test_retiring_needs_a_reason_takes_the_item_out_of_papers_and_back(app: Flask, people: People) -> None:
    with pytest.raises(studio.CommentMissing):
        do(studio.retire_item, KEY, True, " ", people.author)
    assert do(studio.retire_item, KEY, True, "题干有误", people.author) is True
    assert do(studio.retire_item, KEY, True, "again", people.author) is False
    assert drawn_from(KEY) == set()
    assert bank_item.item_page(KEY, 1).notes[0].reason == "题干有误"
    assert do(studio.retire_item, KEY, False, "已改好", people.author) is True
    assert drawn_from(KEY) != set()
    with pytest.raises(studio.NoSuchItem):
        do(studio.retire_item, "no-such-item", True, "x", people.author)


def test_before_retiring_it_is_told_which_paper_could_no_longer_be_filled(app: Flask, people: People) -> None:
    assert bank_item.gaps_without(KEY) == (), "the bank has enough others"
    exam = blueprints()["final-exam"]
    number, cell = next((n, cell) for n, cell in enumerate(exam.cells) if any(place.blueprint == exam.key and place.cell == n for place in placed()[KEY]))
    units = pools(exam, [known.item for known in known_items() if known.retired_at is None]).cells[number]
    db.session.rollback()
    spare = sum(unit.size for unit in units) - cell.items
    for unit in [unit for unit in units if unit.piece != KEY and unit.size == 1][:spare]:
        do(studio.retire_item, unit.piece, True, "test", people.author)
    gaps = {gap.blueprint: gap for gap in bank_item.gaps_without(KEY)}
    assert (number + 1, cell.items, cell.items - 1) in gaps["final-exam"].short


# ── tags, list, history ──────────────────────────────────────────────────────────────────────────────────────────
def test_tags_are_words_and_stand_once(app: Flask, people: People) -> None:
    assert do(studio.tag, KEY, "  Hall   5 ", people.author) is True
    assert do(studio.tag, KEY, "hall 5", people.author) is False
    assert db.session.scalars(select(ItemTag.tag)).all() == ["hall 5"]
    for bad in ("", "x" * 41, "<b>", "\u202e", "a\x00"):
        with pytest.raises(studio.BadTag):
            do(studio.tag, KEY, bad, people.author)
    with pytest.raises(studio.NoSuchItem):
        do(studio.tag, "no-such-item", "x", people.author)
    for number in range(19):
        do(studio.tag, KEY, f"t{number}", people.author)
    with pytest.raises(studio.BadTag):
        do(studio.tag, KEY, "one more", people.author)
    assert do(studio.untag, KEY, "hall 5", people.author) is True
    assert do(studio.untag, KEY, "hall 5", people.author) is False


def keys(**wanted: Any) -> set[str]:
    found: set[str] = set()
    number, pages = 1, 1
    while number <= pages:
        page = bank_list.listing(bank_list.Wanted(**wanted, page=number))
        found |= {row.key for row in page.rows}
        number, pages = number + 1, page.pages
    db.session.rollback()
    return found


@ON_BOTH
def test_the_list_finds_by_words_of_both_languages_and_every_filter_narrows(app: Flask, people: People) -> None:
    item = bank_item.known_or_404(KEY).item
    zh, en = item.stem.zh[5:12], " ".join(item.stem.en.split()[3:6])
    everything = keys()
    assert KEY in keys(text=zh) and KEY in keys(text=en.upper()) and KEY in keys(text=KEY)
    assert keys(text="\x00' OR 1=1 --") == set()
    for name, value in (("area", item.content_area), ("kind", "single"), ("bloom", item.bloom), ("usage", item.usage), ("placed", "yes"),
                        ("state", "approved")):
        found = keys(**{name: value})
        assert KEY in found, name
        assert name in ("state",) or found < everything, name
    assert keys(kind="single") & keys(kind="numeric") == set()
    bands = [keys(band=band) for band in bank_list.BANDS]
    assert sum(map(len, bands)) == len(everything)
    do(studio.tag, KEY, "hall", people.author)
    assert keys(tag="hall") == {KEY} == keys(text="hall", tag="hall")
    draft = handed_in(people)
    assert keys(state="handed_in") == {KEY}
    do(studio.send_back, draft, version_of(draft), "x", people.reviewer)
    assert keys(state="draft") == {KEY}
    do(studio.new_draft, "cloze", "fresh-1", "cadre", "service-manager", people.author)
    assert keys(state="draft") == {KEY, "fresh-1"}
    do(studio.retire_item, KEY, True, "x", people.author)
    assert keys(state="retired") == {KEY}
    assert KEY not in keys(area=item.content_area), "what is out of use is listed when it is asked for"


def test_the_history_tells_who_wrote_who_approved_and_what_changed(app: Flask, people: People, make: Factory) -> None:
    draft = handed_in(people, "改动。")
    do(studio.approve, draft, version_of(draft), people.reviewer)
    page = bank_item.history_page(KEY, 1)
    assert [line.version.number for line in page.lines] == [2, 1]
    latest = page.lines[0]
    assert [(change.field, "".join(piece.text for piece in change.pieces if piece.act == "ins")) for change in latest.changes] == [("stem.zh", "改动。")]
    assert len(latest.version.authors) == 1 and latest.version.approver and latest.version.approver not in latest.version.authors
    assert page.lines[1].version.origin == "file" and page.lines[1].changes == ()


def test_exposure_counts_papers_and_people_by_version(app: Flask, people: People, make: Factory) -> None:
    cohort = make.cohort(weeks_ago=6)
    for _ in range(3):
        enrolment = make.trainee(cohort)
        make.waive_all_gates(enrolment, people.author)
        do(services.start_attempt, enrolment, "final-exam", people.author)
    rows = db.session.execute(select(Slot.attempt_id, ContentVersion.key).join(ContentVersion, ContentVersion.id == Slot.item_version_id)).all()
    db.session.rollback()
    most = max({key for _attempt, key in rows}, key=lambda key: len({attempt for attempt, other in rows if other == key}))
    papers = len({attempt for attempt, key in rows if key == most})
    page = bank_item.item_page(most, 1)
    assert page.attempts == page.people == page.versions[0].attempts == page.versions[0].people == papers >= 2
    assert (page.answered, page.facility) == (0, None), "nobody has handed in"


# ── the files ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def library() -> Iterator[content.Library]:
    yield content.read_all()


def test_a_load_names_what_the_browser_holds_and_does_not_touch_it(app: Flask, people: People, library: content.Library) -> None:
    assert content.kept_from(library) == []
    draft = handed_in(people)
    do(studio.approve, draft, version_of(draft), people.reviewer)
    do(studio.retire_item, "cc-003", True, "x", people.author)
    assert [(step.kind, step.key) for step in content.kept_from(library)] == [("item", KEY), ("item", "cc-003")]
    assert content.plan_against_store(library) == []
    db.session.rollback()
    said = app.test_cli_runner().invoke(args=["content", "plan"]).output
    assert f"kept       item {KEY}: edited in the browser; export it first" in said
    assert "0 changes" in said
    said = app.test_cli_runner().invoke(args=["content", "load"]).output
    assert f"item {KEY}: edited in the browser; export it first" in said
    assert current().number == 2
    assert db.session.scalar(select(ContentHead.retired_at).where(ContentHead.key == "cc-003")) is not None


def test_what_the_files_hold_again_goes_back_to_the_files(app: Flask, people: People, library: content.Library) -> None:
    do(studio.retire_item, KEY, True, "x", people.author)
    do(studio.retire_item, KEY, False, "y", people.author)
    assert [(step.act, step.key) for step in content.plan_against_store(library)] == [("returned", KEY)]
    do(content.load, library, None)
    assert content.plan_against_store(library) == []
    stored = select(ContentVersion.origin).join(ContentHead, ContentHead.version_id == ContentVersion.id).where(ContentHead.key == KEY)
    assert db.session.scalar(stored) == "file"
