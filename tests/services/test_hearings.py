"""Hearings on a real database: the dry run, the posting and what it leaves, who may decide."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from courses import queries as courses
from courses.models import Completion
from foundation import clock, content
from foundation.audit import AuditEvent, verify
from foundation.db import db, transaction
from foundation.people import GrantRow
from quizzes import queries, services
from quizzes.models import Hearing, ItemRuling, Response, Slot
from quizzes.queries import hearings as pages
from quizzes.queries.attempts import get_attempt, item_version
from quizzes.queries.pages import result_page
from quizzes.rules.item import to_body
from quizzes.services import hearings
from tests import marking_scene
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.hearing_scene import EXAM, PRACTICE, STAGE, Hall, open_, post, rekey, right, scores, single, wrong, wrong_key


@pytest.fixture
def hall(make: Factory) -> Hall:
    return Hall(make)


# ── what a posting does ──────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
@pytest.mark.parametrize("remedy", ["rekey", "accept", "give_all", "drop"])
def test_what_is_posted_is_what_the_dry_run_said(hall: Hall, remedy: str) -> None:
    attempts = hall.all_sit()
    slot = single(attempts[0])
    before = scores(attempts)
    change = {"rekey": rekey(slot), "accept": {"answers": [{"choice": wrong_key(slot)}]}}.get(remedy)
    hearing = open_(slot, remedy, change, hall.opener)
    dry_run = pages.hearing_page(hearing, hall.actor(hall.decider)).dry_run
    assert dry_run is not None and [line.attempt_id for line in dry_run.lines] == attempts
    posted = post(hearing, hall.actor(hall.decider))
    after = scores(attempts)
    assert [format(score, "f") for score in after if score is not None] == [line.new_score for line in dry_run.lines]
    assert [score for score in before if score is not None] == [Decimal(line.old_score) for line in dry_run.lines]
    gains = {"rekey": (-1, 1, 0), "accept": (0, 1, 0), "give_all": (0, 1, 1), "drop": (0, 0, 0)}[remedy]
    assert [(new > old) - (new < old) for old, new in zip(before, after, strict=True)] == list(gains)  # type: ignore[operator]
    assert posted.moved == sum(map(abs, gains))
    assert {row.cause for row in db.session.scalars(select(Response).where(Response.run == 2))} == {f"hearing:{hearing}"}
    assert db.session.scalar(select(func.count(ItemRuling.id))) == 1
    assert verify().bad_seq is None


@ON_BOTH
def test_a_second_post_changes_nothing(hall: Hall) -> None:
    attempts = hall.all_sit()
    hearing = open_(single(attempts[0]), "give_all", None, hall.opener)
    decider = hall.actor(hall.decider)
    seen = pages.hearing_page(hearing, decider).hash
    post(hearing, decider, seen)
    count, stood = db.session.scalar(select(func.count(Response.id))), scores(attempts)
    with pytest.raises(hearings.AlreadyDecided):
        post(hearing, hall.actor(hall.make.person("decider2", "reviewer")), seen)
    with pytest.raises(hearings.AlreadyDecided), transaction():
        hearings.dismiss_hearing(hearing, decider, "late")
    assert (db.session.scalar(select(func.count(Response.id))), scores(attempts)) == (count, stood)


def test_dropping_touches_its_own_slot_alone_and_leaves_both_sums(hall: Hall) -> None:
    attempts = hall.all_sit()
    slot = single(attempts[1])
    views = [get_attempt(id_) for id_ in attempts]
    before = queries.earned_of(views, clock.now())
    post(open_(slot, "drop", None, hall.opener), hall.actor(hall.decider))
    after = queries.earned_of(views, clock.now())
    for id_ in attempts:
        own = next(one for one in queries.slots_of([id_])[id_] if one.item.key == slot.item.key)
        assert after[id_].possible == before[id_].possible - own.marks and after[id_].dropped == {own.id}
        assert {key: value for key, value in after[id_].by_slot.items() if key != own.id} == {
            key: value for key, value in before[id_].by_slot.items() if key != own.id}
    kept = db.session.scalars(select(Response).where(Response.run == 2)).all()
    assert {(row.mark, row.possible) for row in kept} == {(Decimal(0), Decimal(0))}


def test_the_latest_ruling_of_a_version_wins(hall: Hall) -> None:
    attempts = hall.all_sit()
    slot = single(attempts[0])
    decider, before = hall.actor(hall.decider), scores(attempts)
    post(open_(slot, "drop", None, hall.opener), decider)
    post(open_(slot, "give_all", None, hall.opener), decider)
    given = scores(attempts)
    assert given[0] == before[0] and given[1] > before[1] and given[2] > before[2]  # type: ignore[operator]
    assert all(found.dropped == frozenset() for found in queries.earned_of([get_attempt(id_) for id_ in attempts], clock.now()).values())
    post(open_(slot, "accept", {"answers": [{"choice": wrong_key(slot)}]}, hall.opener), decider)
    assert scores(attempts) == [before[0], given[1], before[2]]
    third = next(option.key for option in slot.item.options if not option.correct and option.key != wrong_key(slot))  # type: ignore[union-attr]
    post(open_(slot, "accept", {"answers": [{"choice": third}]}, hall.opener), decider)
    assert scores(attempts) == [before[0], given[1], before[2]], "the first accepted answer stays accepted"


def test_a_rekey_becomes_the_banks_version_and_mends_key_and_feedback_of_earlier_papers(hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0], PRACTICE, right)
    slot = single(attempt)
    posted = post(open_(slot, "rekey", rekey(slot), hall.opener), hall.actor(hall.decider))
    current = content.find_current("item", slot.item.key)
    assert current is not None and current.id == posted.version_id != slot.version_id
    assert item_version(current.id).right == (wrong_key(slot),)  # type: ignore[union-attr]
    page = result_page(get_attempt(attempt), clock.now())
    told = next(one for one in page.questions if one.question.position == slot.position)
    assert told.reheard is not None and told.reheard.remedy == "rekey" and told.verdict == "wrong" and told.mark == "0"
    by_text = {line.text: line for line in told.lines}
    wanted = next(option for option in slot.item.options if option.key == wrong_key(slot)).text.zh  # type: ignore[union-attr]
    assert [text for text, line in by_text.items() if line.is_right] == [wanted]
    assert by_text[wanted].feedback == "更正后的反馈。"


def test_an_accepted_option_shows_as_right_and_one_given_to_all_does_not(hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0], PRACTICE, wrong)
    slot, decider = single(attempt), hall.actor(hall.decider)
    post(open_(slot, "give_all", None, hall.opener), decider)
    told = next(one for one in result_page(get_attempt(attempt), clock.now()).questions if one.question.position == slot.position)
    assert told.verdict == "right" and [line.is_right for line in told.lines if line.chosen] == [False]
    post(open_(slot, "accept", {"answers": [{"choice": wrong_key(slot)}]}, hall.opener), decider)
    told = next(one for one in result_page(get_attempt(attempt), clock.now()).questions if one.question.position == slot.position)
    assert told.verdict == "right" and [line.is_right for line in told.lines if line.chosen] == [True]
    assert told.reheard is not None and len(told.reheard.accepted) == 1


def test_an_exam_tells_that_a_question_was_reheard_and_shows_no_key(hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0], EXAM, wrong)
    slot = single(attempt)
    post(open_(slot, "rekey", rekey(slot), hall.opener), hall.actor(hall.decider))
    page = result_page(get_attempt(attempt), clock.now())
    assert [(heard.position, heard.remedy, heard.accepted) for heard in page.reheard] == [(slot.position, "rekey", ())]
    assert page.questions == () and page.score == ""


def test_the_bank_is_left_alone_where_it_has_moved_on(hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0], EXAM, right)
    slot = single(attempt)
    later = to_body(slot.item) | {"source": slot.item.source, "stem": {"zh": "后来的题干，你会怎么做？", "en": "A later stem: what do you do?"}}
    with transaction():
        version = content.publish(content.Piece("item", slot.item.key, later, {"k": 1}, "approved", "x"), "studio", 1)
    hearing = open_(slot, "rekey", rekey(slot), hall.opener)
    page = pages.hearing_page(hearing, hall.actor(hall.decider))
    assert page.dry_run is not None and page.dry_run.publishes is False
    post(hearing, hall.actor(hall.decider))
    current = content.find_current("item", slot.item.key)
    assert current is not None and current.id == version


def test_an_item_may_be_taken_out_of_use_with_the_remedy(hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0])
    slot = single(attempt)
    post(open_(slot, "give_all", None, hall.opener, retire=True), hall.actor(hall.decider))
    assert content.find_current("item", slot.item.key) is None
    assert slot.item.key not in queries.bank(hall.cohort)


def test_an_item_of_a_set_is_corrected_within_its_set(hall: Hall) -> None:
    found = None
    for number in range(40):        # papers differ by seed; one of them holds a set with a single
        enrolment = hall.make.trainee(hall.cohort, f"s{number}") if number < 20 else 0
        if not enrolment:
            break
        hall.make.waive_all_gates(enrolment, hall.opener)
        attempt = hall.sit(enrolment, EXAM, right, seed=f"seed-{number}")
        found = next((slot for slot in queries.slots_of([attempt])[attempt] if slot.in_set and slot.item.kind == "single"), None)
        if found:
            break
    assert found is not None and found.in_set is not None, "no paper drew a set with a single"
    posted = post(open_(found, "rekey", rekey(found), hall.opener), hall.actor(hall.decider))
    assert posted.version_id is not None
    mended = item_version(posted.version_id)
    assert mended.key == found.in_set.key and [one.key for one in mended.items] == [one.key for one in found.in_set.items]  # type: ignore[union-attr]
    assert [one.key for one, other in zip(mended.items, found.in_set.items, strict=True) if one != other] == [found.item.key]  # type: ignore[union-attr]


# ── papers that are open, and papers that close ──────────────────────────────────────────────────────────────────
@ON_BOTH
@pytest.mark.parametrize("remedy", ["give_all", "drop"])
def test_a_paper_still_open_is_scored_by_the_ruling_at_its_end(hall: Hall, remedy: str) -> None:
    closed = hall.sit(hall.enrolments[0], EXAM)
    slot = single(closed)
    still = hall.sit(hall.enrolments[1], EXAM, hand_in=False)
    hearing = open_(slot, remedy, None, hall.opener)
    page = pages.hearing_page(hearing, hall.actor(hall.decider))
    assert page.dry_run is not None and page.dry_run.still_open == 1 and len(page.dry_run.lines) == 1
    post(hearing, hall.actor(hall.decider))
    with clock.standing_at(clock.now() + timedelta(hours=3)):
        derived = scores([still])
        with transaction():
            services.close_due()
        assert scores([still]) == derived == scores([closed])
    row = db.session.execute(select(Response.possible, Response.mark).join(Slot, Slot.id == Response.slot_id)
                             .where(Response.attempt_id == still, Slot.item_key == slot.item.key)).one()
    assert row.possible == (Decimal(0) if remedy == "drop" else None) and (row.mark > 0) is (remedy == "give_all")


def test_a_posting_on_an_outdated_dry_run_is_refused_and_writes_nothing(hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0], EXAM, right)
    hearing = open_(single(attempt), "give_all", None, hall.opener)
    decider = hall.actor(hall.decider)
    seen = pages.hearing_page(hearing, decider).hash
    hall.sit(hall.enrolments[1], EXAM, wrong)
    with pytest.raises(hearings.StaleDryRun) as stale:
        post(hearing, decider, seen)
    assert len(stale.value.trial.dry_run.lines) == 2
    assert db.session.scalar(select(func.count(ItemRuling.id))) == 0 and db.session.scalar(select(func.count(Response.id)).where(Response.run > 1)) == 0
    post(hearing, decider, stale.value.trial.hash)


def test_practice_that_goes_on_does_not_hold_up_a_decision(hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0], PRACTICE, right)
    hearing = open_(single(attempt), "give_all", None, hall.opener)
    decider = hall.actor(hall.decider)
    seen = pages.hearing_page(hearing, decider)
    hall.sit(hall.enrolments[1], PRACTICE, wrong)
    assert seen.dry_run is not None and seen.dry_run.practice == 1 and seen.dry_run.lines == ()
    assert post(hearing, decider, seen.hash).responses == 1


# ── who may ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_who_opened_sat_or_reviews_elsewhere_does_not_decide(hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0], EXAM, right)
    slot = single(attempt)
    sitter = courses.find_enrolment(hall.enrolments[0])
    assert sitter is not None
    with transaction():
        db.session.add(GrantRow(person_id=sitter.person_id, role="reviewer", scope="*", granted_at=clock.now()))
    elsewhere = hall.make.person("elsewhere", "reviewer", scope=f"cohort:{hall.make.cohort('2026-B')}")
    own = hall.make.person("own", "reviewer")
    hearing = open_(slot, "give_all", None, own)
    for person, reason in ((own, "own_hearing"), (sitter.person_id, "own_paper"), (elsewhere, "scope"), (hall.opener, "permission")):
        with pytest.raises(hearings.MayNotDecide) as refused:
            post(hearing, hall.actor(person), pages.hearing_page(hearing, hall.actor(hall.decider)).hash)
        assert refused.value.reason == reason
    assert db.session.scalar(select(func.count(ItemRuling.id))) == 0
    for actor in [hall.actor(person) for person in (sitter.person_id, elsewhere, hall.opener)]:
        with pytest.raises(hearings.MayNotDecide), transaction():
            hearings.dismiss_hearing(hearing, actor, "no")
    opener = hall.actor(own)
    with transaction():
        hearings.dismiss_hearing(hearing, opener, "Taken back.")
    assert db.session.get_one(Hearing, hearing).dismissed_at is not None


def test_names_are_told_within_ones_own_scope_only(hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0], EXAM, wrong)
    hearing = open_(single(attempt), "give_all", None, hall.opener)
    stranger = hall.make.person("stranger", "trainer", scope=f"cohort:{hall.make.cohort('2026-B')}")
    assert pages.hearing_page(hearing, hall.actor(stranger)).names == {}
    assert len(pages.hearing_page(hearing, hall.actor(hall.decider)).names) == 1


def test_a_hearing_needs_a_paper_a_reason_and_a_change_that_fits(hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0], EXAM, right)
    slot = single(attempt)
    other = next(one for one in queries.slots_of([attempt])[attempt] if one.item.kind == "single" and one.item.key != slot.item.key)
    with pytest.raises(hearings.NeverGiven), transaction():
        hearings.open_hearing(slot.item.key, other.version_id, (), "drop", None, "x", 1)
    with pytest.raises(hearings.NeverGiven), transaction():
        hearings.open_hearing("no-such-item", slot.version_id, (), "drop", None, "x", 1)
    with pytest.raises(hearings.NoMinutes), transaction():
        hearings.open_hearing(slot.item.key, slot.version_id, (), "drop", None, " \x00 ", 1)
    with pytest.raises(hearings.NoLongerFits), transaction():
        hearings.open_hearing(slot.item.key, slot.version_id, (), "rekey", {"item": to_body(other.item)}, "x", 1)
    with pytest.raises(hearings.NotForThisKind), transaction():
        hearings.open_hearing(slot.item.key, slot.version_id, (), "burn", None, "x", 1)
    first = open_(slot, "drop", None)
    with pytest.raises(hearings.AlreadyOpen) as open_already:
        open_(slot, "give_all", None)
    assert open_already.value.hearing_id == first and db.session.scalar(select(func.count(Hearing.id))) == 1


# ── what follows ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_gate_opens_where_a_stage_test_reaches_its_bar_by_the_remedy_and_none_closes(hall: Hall) -> None:
    attempts = hall.all_sit(STAGE)
    slot = single(attempts[0])
    hearing = open_(slot, "give_all", None, hall.opener)
    post(hearing, hall.actor(hall.decider))
    rows = {row.enrolment_id: row for row in db.session.scalars(select(Completion).where(Completion.evidence.like("%/hearing:%")))}
    assert set(rows) == set(hall.enrolments[1:]) and all(row.ref == STAGE and row.kind == "quiz" for row in rows.values())
    assert [row.fraction * 100 for _id, row in sorted(rows.items())] == scores(attempts)[1:]  # type: ignore[operator]
    post(open_(slot, "drop", None, hall.opener), hall.actor(hall.decider))
    best = courses.done_of(hall.enrolments)
    assert [best[id_]["quiz", STAGE] for id_ in hall.enrolments[1:]] == [rows[id_].fraction for id_ in hall.enrolments[1:]], "the best counts"


def test_the_audit_tells_who_posted_what_with_digests_and_no_words(hall: Hall) -> None:
    attempts = hall.all_sit()
    hearing = open_(single(attempts[0]), "give_all", None, hall.opener)
    post(hearing, hall.actor(hall.decider))
    events = {row.action: row for row in db.session.scalars(select(AuditEvent).where(AuditEvent.subject == f"hearing:{hearing}"))}
    assert set(events) == {"hearing:open", "hearing:post", "activity:complete_again"}
    facts = events["hearing:post"].facts
    assert facts["responses"] == 2 and facts["raised"] == 2 and len(facts["digest"]) == 64 and len(facts["dry_run"]) == 64
    assert "查阅" not in str(facts) and "钥匙" not in str(events["hearing:open"].facts)


# ── what people mark ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("remedy", ["give_all", "drop"])
def test_an_essay_is_given_or_dropped_and_no_later_mark_takes_that_back(make: Factory, remedy: str) -> None:
    papers = marking_scene.Hall(make)
    marker, opener, decider = papers.marker("m1"), make.person("opener", "trainer"), make.actor(make.person("decider", "reviewer"))
    first, second = papers.trainee("a"), papers.trainee("b")
    waiting = papers.paper(first, seed="same")
    slot = next(one for one in queries.slots_of([waiting])[waiting] if one.item.kind == "essay")
    assert scores([waiting]) == [None]
    for impossible in ("rekey", "accept"):
        with pytest.raises(hearings.NotForThisKind):
            open_(slot, impossible, {}, opener)
    post(open_(slot, remedy, None, opener), decider)
    later = papers.paper(second, seed="same")
    assert len(marking_scene.essays(waiting)) == 1, "nothing else on this paper waits for a person"
    heard = scores([waiting, later])
    assert heard == [Decimal(100), Decimal(100)]
    dropped = {slot_id for id_ in (waiting, later) for slot_id in queries.earned_of([get_attempt(id_)], clock.now())[id_].dropped}
    assert len(dropped) == (2 if remedy == "drop" else 0)
    for attempt in (waiting, later):
        with contextlib.suppress(services.NothingToMark):
            marking_scene.final(marking_scene.essays(attempt)[0], marker, lost=3)
    assert scores([waiting, later]) == heard
