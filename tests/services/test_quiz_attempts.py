"""Attempts on a real database: saving, its chain, closing once, late answers, what the assessment reads."""

from __future__ import annotations

import secrets
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from courses import queries as courses
from courses import services as course_services
from courses.models import Completion
from foundation import clock, content
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from foundation.web import OperationConflict, StaleVersion
from quizzes import queries, services
from quizzes.models import AnswerSave, Attempt, Closure, LateSave, Response, Slot
from quizzes.rules import attempt as sitting
from quizzes.rules.answer import BadAnswer
from quizzes.rules.assembly import assemble
from quizzes.rules.item import Choice
from quizzes.rules.scoring import right_answer
from tests.conftest import ON_BOTH
from tests.factories import Factory

PRACTICE, EXAM, STAGE = "week-1-practice", "final-exam", "stage-1-test"


@pytest.fixture
def enrolment(make: Factory) -> int:
    """A trainee in week 7 with every gate waived: all quizzes are open."""
    id_ = make.trainee(make.cohort(weeks_ago=6), "learner")
    make.waive_all_gates(id_, make.person("waiver", "trainer"))
    return id_


def start(enrolment_id: int, ref: str = PRACTICE, seed: str = "") -> int:
    """An attempt; a practice is drawn until its paper holds a single-choice item, which about one draw in ninety does not."""
    with transaction():
        enrolment = courses.find_enrolment(enrolment_id)
        if ref == PRACTICE and not seed and enrolment is not None:
            stored = courses.pinned(enrolment.cohort_id, "blueprint", ref)
            prepared = queries.pools_of(stored.id, queries.bank(enrolment.cohort_id))
            singles = {item.key for cell in prepared.cells for unit in cell for item in unit.items if item.kind == "single"}
            drawn = (f"{secrets.token_hex(8)}" for _ in range(100))
            seed = next(each for each in drawn if singles & {slot.item_key for slot in assemble(prepared, each)})
        return services.start_attempt(enrolment_id, ref, 1, seed)


def save(attempt_id: int, position: int, answer: Any, version: int = 0, op: str = "") -> services.Saved:
    with transaction():
        return services.save_answer(attempt_id, position, answer, op or f"op-{position}-{version}-{id(answer)}", version, 1)


def submit(attempt_id: int) -> str:
    with transaction():
        return services.submit_attempt(attempt_id, 1)


def answer_all(attempt_id: int, right: int | None = None) -> None:
    """Answer every slot: the first `right` of them with the key, the rest with nothing at all (all of them by default)."""
    for slot in queries.slots_of([attempt_id])[attempt_id][:right]:
        save(attempt_id, slot.position, right_answer(slot.item, slot.values))


def events(action: str) -> list[Any]:
    return list(db.session.execute(select(AuditEvent.subject, AuditEvent.facts, AuditEvent.actor_id).where(AuditEvent.action == action)))


# ── start ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_starting_freezes_a_paper_and_its_deadline(enrolment: int) -> None:
    moment = clock.now()
    with clock.standing_at(moment):
        attempt = queries.get_attempt(start(enrolment))
    assert (attempt.purpose, attempt.number, attempt.started_at, attempt.closes_at) == ("practice", 1, moment, moment + timedelta(minutes=30))
    slots = queries.slots_of([attempt.id])[attempt.id]
    assert [slot.position for slot in slots] == list(range(1, 11)) and sum(slot.marks for slot in slots) == 100
    subject, facts, actor = events("attempt:start")[0]
    assert subject == f"attempt:{attempt.id}" and actor == 1 and facts["paper"] == sitting.paper_hash(
        (row.position, row.item_key, content.version(row.item_version_id).scoring_hash, format(row.marks, "f"), row.frozen)
        for row in db.session.scalars(select(Slot).where(Slot.attempt_id == attempt.id).order_by(Slot.position)))


def test_the_same_seed_gives_two_people_the_same_paper(make: Factory, enrolment: int) -> None:
    other = make.trainee(make.cohort("2026-B", weeks_ago=6))
    papers = [[(slot.item.key, slot.order, slot.values) for slot in queries.slots_of([id_])[id_]]
              for id_ in (start(enrolment, seed="one"), start(other, seed="one"), start(other, "week-1-practice", seed="two"))]
    assert papers[0] == papers[1] == papers[2]      # the third call returned to the second's open attempt


def test_starting_twice_returns_to_the_open_attempt(enrolment: int) -> None:
    assert start(enrolment) == start(enrolment)
    assert db.session.scalars(select(Attempt.number)).all() == [1]


def test_a_practice_may_be_repeated_and_an_exam_may_not(enrolment: int) -> None:
    first = start(enrolment)
    submit(first)
    assert queries.get_attempt(start(enrolment)).number == 2
    exam = start(enrolment, EXAM)
    submit(exam)
    with pytest.raises(services.ExamTaken):
        start(enrolment, EXAM)


def test_an_exam_left_alone_past_its_time_is_closed_and_cannot_be_started_again(enrolment: int) -> None:
    exam = start(enrolment, EXAM)
    with clock.standing_at(clock.now() + timedelta(hours=2)), pytest.raises(services.ExamTaken):
        start(enrolment, EXAM)
    assert queries.get_attempt(exam).closed_how is None     # the refusal rolled its own posting back; the end is derived from time
    assert queries.exam_facts([enrolment], EXAM)[enrolment][0].is_open
    with clock.standing_at(clock.now() + timedelta(hours=2)):
        assert not queries.exam_facts([enrolment], EXAM)[enrolment][0].is_open


def test_what_is_not_open_cannot_be_started(make: Factory) -> None:
    early = make.trainee(make.cohort(weeks_ago=0))
    for ref in (EXAM, STAGE, "no-such-quiz", "mock-exam"):
        with pytest.raises(services.QuizNotOpen):
            start(early, ref)
    gated = make.trainee(make.cohort("2026-B", weeks_ago=6))
    with pytest.raises(services.QuizNotOpen):
        start(gated, EXAM)
    with pytest.raises(services.QuizNotOpen):
        start(999_999)
    with transaction():
        course_services.withdraw(early, 1)
    with pytest.raises(services.QuizNotOpen):
        start(early)


# ── save ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_save_gets_a_receipt_and_the_same_operation_the_same_receipt(enrolment: int) -> None:
    attempt = start(enrolment)
    answer = right_answer(*first_of(attempt))
    one = save(attempt, 1, answer, op="op-1")
    again = save(attempt, 1, answer, op="op-1")
    assert one == again and one.version == 1 and len(one.receipt) == 9 and one.receipt[4] == "-"
    assert len(db.session.scalars(select(AnswerSave.id)).all()) == 1
    with pytest.raises(OperationConflict):
        save(attempt, 1, {}, op="op-1")
    with pytest.raises(OperationConflict):
        save(attempt, 2, right_answer(*first_of(attempt, 2)), op="op-1")


def first_of(attempt_id: int, position: int = 1) -> tuple[Any, dict[str, str]]:
    slot = queries.slots_of([attempt_id])[attempt_id][position - 1]
    return slot.item, slot.values


def single_of(attempt_id: int) -> tuple[int, list[str]]:
    """Position and option keys of the first item with options."""
    slot = next(slot for slot in queries.slots_of([attempt_id])[attempt_id] if isinstance(slot.item, Choice) and slot.item.kind == "single")
    return slot.position, list(slot.order)


def test_two_tabs_never_overwrite_each_other(enrolment: int) -> None:
    attempt = start(enrolment)
    position, (a, b, c, *_rest) = single_of(attempt)
    save(attempt, position, {"choice": a}, 0, "tab-1")
    with pytest.raises(StaleVersion) as stale:
        save(attempt, position, {"choice": b}, 0, "tab-2")
    assert (stale.value.theirs.version, stale.value.theirs.answer) == (1, {"choice": a})
    assert save(attempt, position, {"choice": b}, 1, "tab-2b").version == 2
    with pytest.raises(StaleVersion):
        save(attempt, position, {"choice": c}, 1, "tab-1b")
    with pytest.raises(StaleVersion):
        save(attempt, position, {"choice": c}, 7, "tab-1c")
    assert queries.slots_of([attempt])[attempt][position - 1].answer == {"choice": b}


def test_an_answer_that_stands_is_not_saved_twice_and_can_be_taken_back(enrolment: int) -> None:
    attempt = start(enrolment)
    position, (a, *_rest) = single_of(attempt)
    assert save(attempt, position, {}, 0, "nothing").version == 0
    first = save(attempt, position, {"choice": a}, 0, "one")
    assert save(attempt, position, {"choice": a}, 1, "same").receipt == first.receipt
    assert save(attempt, position, {}, 1, "back").version == 2
    slot = queries.slots_of([attempt])[attempt][position - 1]
    assert (slot.answer, slot.completeness, slot.version) == ({}, "none", 2)


def test_what_is_no_answer_or_no_question_is_refused(enrolment: int) -> None:
    attempt = start(enrolment)
    position, _options = single_of(attempt)
    for raw in ({"choice": "no-such-option"}, {"choice": ["x"]}, [], "x", None):
        with pytest.raises(BadAnswer):
            save(attempt, position, raw)
    with pytest.raises(services.UnknownSlot):
        save(attempt, 11, {})
    with pytest.raises(services.UnknownSlot):
        save(999_999, 1, {})
    with pytest.raises(BadAnswer), transaction():
        services.save_answer(attempt, position, {}, "", 0, 1)
    assert db.session.scalars(select(AnswerSave.id)).all() == []


def test_the_saves_form_a_chain_that_shows_an_edit(enrolment: int) -> None:
    attempt = start(enrolment)
    answer_all(attempt)
    assert queries.chain_holds(attempt)
    submit(attempt)
    assert queries.chain_holds(attempt)
    saves = queries.chain_of(attempt)
    assert sitting.chain_head(attempt, saves) == queries.get_attempt(attempt).head_hash
    with db.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER answer_save_no_update"))
        connection.execute(text("UPDATE answer_save SET answer = '{}' WHERE id = (SELECT min(id) FROM answer_save)"))
    db.session.rollback()
    assert not queries.chain_holds(attempt)


def test_the_clock_of_an_attempt_never_runs_backwards(enrolment: int) -> None:
    moment = clock.now()
    with clock.standing_at(moment):
        attempt = start(enrolment)
    position, (a, b, *_rest) = single_of(attempt)
    with clock.standing_at(moment + timedelta(minutes=29)):
        save(attempt, position, {"choice": a}, 0, "late-ish")
    with clock.standing_at(moment + timedelta(minutes=2)):       # somebody set the server's clock back
        saved = save(attempt, position, {"choice": b}, 1, "after")
        view = queries.get_attempt(attempt)
        assert saved.saved_at == moment + timedelta(minutes=29) and view.seconds_left(clock.now()) == 60
    with clock.standing_at(moment + timedelta(minutes=30)):
        assert not queries.get_attempt(attempt).is_open(clock.now())


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_handing_in_scores_what_was_saved_and_completes_the_quiz(enrolment: int) -> None:
    attempt = start(enrolment)
    answer_all(attempt, 6)
    assert submit(attempt) == "handed_in"
    rows = db.session.scalars(select(Response).where(Response.attempt_id == attempt).order_by(Response.slot_id)).all()
    assert [row.fraction for row in rows] == [Decimal(1)] * 6 + [Decimal(0)] * 4
    assert sum(row.mark for row in rows) == 60 and rows[9].answer is None and {row.run for row in rows} == {1}
    done = db.session.execute(select(Completion.kind, Completion.ref, Completion.fraction, Completion.evidence)).one()
    assert tuple(done) == ("quiz", PRACTICE, Decimal("0.6"), f"attempt:{attempt}")
    _subject, facts, _actor = events("attempt:hand_in")[0]
    assert facts["saves"] == 6 == facts["answered"] and facts["head"] == queries.get_attempt(attempt).head_hash


def test_handing_in_again_changes_nothing(enrolment: int) -> None:
    attempt = start(enrolment)
    answer_all(attempt, 3)
    assert [submit(attempt) for _ in range(3)] == ["handed_in"] * 3
    assert len(db.session.scalars(select(Closure.id)).all()) == 1 and len(events("attempt:hand_in")) == 1


def test_twenty_parallel_submits_close_exactly_once(app: Flask, enrolment: int) -> None:
    attempt = start(enrolment)
    answer_all(attempt, 4)
    db.session.rollback()
    outcomes: list[str] = []
    gate = threading.Barrier(20)

    def hand_in() -> None:
        with app.app_context():
            gate.wait()
            try:
                outcomes.append(submit(attempt))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=hand_in) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["handed_in"] * 20
    assert len(db.session.scalars(select(Closure.id)).all()) == 1
    assert len(db.session.scalars(select(Response.id)).all()) == 10
    assert len(events("attempt:hand_in")) == 1 and len(db.session.scalars(select(Completion.id)).all()) == 1


def test_parallel_saves_of_one_question_let_exactly_one_first_version_stand(app: Flask, enrolment: int) -> None:
    attempt = start(enrolment)
    position, options = single_of(attempt)
    db.session.rollback()
    outcomes: list[str] = []
    gate = threading.Barrier(8)

    def one(number: int) -> None:
        with app.app_context():
            gate.wait()
            try:
                save(attempt, position, {"choice": options[number % len(options)]}, 0, f"device-{number}")
                outcomes.append("saved")
            except StaleVersion:
                outcomes.append("stale")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved"] + ["stale"] * 7
    assert queries.chain_holds(attempt)


def test_time_closes_an_attempt_with_what_was_saved_though_nobody_returns(enrolment: int) -> None:
    moment = clock.now()
    with clock.standing_at(moment):
        attempt = start(enrolment, EXAM)
        answer_all(attempt, 10)
        expected = sum((slot.marks for slot in queries.slots_of([attempt])[attempt][:10]), Decimal(0))
    later = moment + timedelta(hours=5)
    with clock.standing_at(later):
        derived = queries.exam_facts([enrolment], EXAM)[enrolment]
        assert [(f.score, f.is_open, f.performed_at) for f in derived] == [(expected, False, moment + timedelta(minutes=90))]
        assert db.session.scalars(select(Closure.id)).all() == []
        with transaction():
            assert services.close_due() == 1
        with transaction():
            assert services.close_due() == 0
        assert queries.exam_facts([enrolment], EXAM)[enrolment] == derived
    view = queries.get_attempt(attempt)
    assert (view.closed_how, view.closed_at, view.saves) == ("time", moment + timedelta(minutes=90), 10)
    _subject, facts, actor = events("attempt:time_up")[0]
    assert actor is None and facts["answered"] == 10


def test_closing_takes_only_what_is_due(enrolment: int) -> None:
    start(enrolment)
    with transaction():
        assert services.close_due() == 0
        assert services.close_due(clock.now() + timedelta(minutes=31), limit=5) == 1


def test_handing_in_after_the_time_closes_by_time(enrolment: int) -> None:
    moment = clock.now()
    with clock.standing_at(moment):
        attempt = start(enrolment)
        answer_all(attempt, 2)
    with clock.standing_at(moment + timedelta(minutes=45)):
        assert submit(attempt) == "time"
    assert queries.get_attempt(attempt).closed_at == moment + timedelta(minutes=30)


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_late_answer_is_kept_for_review_and_never_counts(enrolment: int, by_hand: bool) -> None:
    moment = clock.now()
    with clock.standing_at(moment):
        attempt = start(enrolment)
        answer_all(attempt, 2)
        if by_hand:
            submit(attempt)
    item, values = first_of(attempt, 3)
    answer = right_answer(item, values)
    with clock.standing_at(moment + timedelta(minutes=30)):
        first = save(attempt, 3, answer, 0, "late-1")
        again = save(attempt, 3, answer, 0, "late-1")
        assert first.late and again.late and first.receipt == ""
        with pytest.raises(OperationConflict):
            save(attempt, 3, {}, 0, "late-1")
        submit(attempt)
        kept = db.session.execute(select(LateSave.op, LateSave.answer, LateSave.arrived_at)).all()
        assert [tuple(row) for row in kept] == [("late-1", answer, moment + timedelta(minutes=30))]
        view = queries.get_attempt(attempt)
        assert queries.earned_of([view], clock.now())[attempt].score == 20 and view.saves == 2
    assert len(events("attempt:late_save")) == 1


def test_an_attempt_nobody_answered_completes_no_practice_but_is_an_exam_sat(enrolment: int) -> None:
    submit(start(enrolment))
    assert db.session.scalars(select(Completion.id)).all() == []
    exam = start(enrolment, EXAM)
    submit(exam)
    assert db.session.execute(select(Completion.ref, Completion.fraction)).one() == (EXAM, Decimal(0))


def test_facts_of_an_attempt_cannot_be_edited(enrolment: int) -> None:
    attempt = start(enrolment)
    answer_all(attempt, 1)
    submit(attempt)
    for statement in ("UPDATE answer_save SET answer = '{}'", "DELETE FROM slot", "UPDATE response SET mark = '100'", "DELETE FROM attempt_closure"):
        with pytest.raises((IntegrityError, OperationalError)), db.engine.begin() as connection:
            connection.execute(text(statement))


# ── what the assessment reads ────────────────────────────────────────────────────────────────────────────────────
def test_only_the_exam_feeds_the_written_exam(enrolment: int, make: Factory) -> None:
    practice = start(enrolment)
    answer_all(practice)
    submit(practice)
    assert queries.exam_facts([enrolment], EXAM) == {enrolment: []}
    assert queries.exam_facts([enrolment], PRACTICE) == {enrolment: []}
    exam = start(enrolment, EXAM)
    fact = queries.exam_facts([enrolment], EXAM)[enrolment][0]
    assert (fact.attempt_id, fact.number, fact.score, fact.is_open, fact.performed_at) == (exam, 1, None, True, None)
    answer_all(exam, 48)
    submit(exam)
    fact = queries.exam_facts([enrolment], EXAM)[enrolment][0]
    expected = sum((slot.marks for slot in queries.slots_of([exam])[exam][:48]), Decimal(0))
    assert (fact.score, fact.is_open) == (expected, False) and fact.performed_at == queries.get_attempt(exam).closed_at


def test_exam_facts_of_a_whole_cohort_take_as_many_selects_as_of_one(make: Factory, query_count: Any) -> None:
    cohort = make.cohort(weeks_ago=6)
    waiver = make.person("waiver", "trainer")
    ids = [make.trainee(cohort) for _ in range(5)]
    expected: list[Decimal] = []
    for number, id_ in enumerate(ids):
        make.waive_all_gates(id_, waiver)
        exam = start(id_, EXAM)
        answer_all(exam, number)
        expected.append(sum((slot.marks for slot in queries.slots_of([exam])[exam][:number]), Decimal(0)))
        if number % 2:
            submit(exam)
    with clock.standing_at(clock.now() + timedelta(hours=2)):
        queries.exam_facts(ids, EXAM)
        with query_count() as one:
            queries.exam_facts(ids[:1], EXAM)
        with query_count() as all_:
            facts = queries.exam_facts(ids, EXAM)
    assert one.number <= all_.number <= 5
    assert [facts[id_][0].score for id_ in ids] == expected


def test_an_exam_draws_nothing_that_is_for_practice_alone(enrolment: int) -> None:
    for number in range(3):
        attempt = start(enrolment, PRACTICE, seed=f"p{number}")
        assert all(slot.item.usage in ("practice", "both") for slot in queries.slots_of([attempt])[attempt])
        submit(attempt)
    exam = start(enrolment, EXAM)
    slots = queries.slots_of([exam])[exam]
    assert len(slots) == 60 and all(slot.item.usage in ("exam", "both") and slot.item.status == "approved" for slot in slots)


@ON_BOTH
def test_an_attempt_runs_the_same_on_both_databases(make: Factory) -> None:
    enrolment_id = make.trainee(make.cohort(weeks_ago=0))
    attempt = start(enrolment_id)
    answer_all(attempt)
    position, options = single_of(attempt)
    with pytest.raises(StaleVersion):
        save(attempt, position, {"choice": options[0]}, 0, "other")
    submit(attempt)
    view = queries.get_attempt(attempt)
    assert queries.earned_of([view], clock.now())[attempt].score == 100 and queries.chain_holds(attempt)
