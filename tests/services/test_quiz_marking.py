"""Marking by people on a real database: who may, drafts, two markers alone, the third, corrections, what follows from a mark."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from courses import queries as courses
from courses.models import Completion, Enrolment
from foundation import clock, content
from foundation.audit import AuditEvent
from foundation.content import Piece
from foundation.db import db, transaction
from foundation.web import StaleVersion
from quizzes import queries, services
from quizzes.models import EssayDraft, EssayMark, LateDecision, LateSave, Response
from quizzes.queries import marking as reads
from quizzes.rules.item import parse, to_body
from quizzes.rules.item import scoring_of as item_scoring
from quizzes.rules.marking import BadJudgement, Incomplete, code_of
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.marking_scene import TEST, WORDS, Hall, essays, final, judgement, republish, slot_of
from training.assessment.queries import standing_of

D = Decimal


@pytest.fixture
def hall(make: Factory) -> Hall:
    return Hall(make)


def responses(slot_id: int) -> list[Any]:
    return list(db.session.execute(select(Response.run, Response.fraction, Response.mark, Response.cause, Response.answer)
                                   .where(Response.slot_id == slot_id).order_by(Response.run)))


def score_of(attempt_id: int) -> Any:
    return queries.earned_of([queries.get_attempt(attempt_id)], clock.now())[attempt_id]


def seen(hall: Hall, person_id: int, key: str = "") -> Any:
    page = reads.queue_page(hall.make.actor(person_id))
    return next((line for line in page.questions if not key or line.key == key), None)


# ── the end of an attempt ────────────────────────────────────────────────────────────────────────────────────────
def test_a_written_answer_waits_and_the_score_with_it(hall: Hall) -> None:
    attempt = hall.paper(hall.trainee())
    slot = essays(attempt)[0]
    earned = score_of(attempt)
    assert earned.score is None and earned.awaiting == (slot,) and earned.earned == earned.possible == 40
    assert responses(slot) == []
    done = list(db.session.scalars(select(Completion.fraction).where(Completion.ref == TEST)))
    assert done == [None], "handing in is done; the fraction comes with the mark"
    assert seen(hall, hall.marker()).waiting == 1


def test_an_answer_left_empty_earns_nothing_and_waits_for_nobody(hall: Hall) -> None:
    attempt = hall.paper(hall.trainee(), "")
    earned = score_of(attempt)
    assert (earned.awaiting == () and earned.score == D(40) * 100 / 60 // D("1e-20") * D("1e-20")) or earned.score is not None
    assert responses(essays(attempt)[0])[0].fraction == 0
    assert seen(hall, hall.marker()) is None


@ON_BOTH
def test_two_markers_alone_and_the_mean_of_both_is_the_mark(hall: Hall) -> None:
    enrolment = hall.trainee()
    attempt = hall.paper(enrolment)
    slot, one, two = essays(attempt)[0], hall.marker(), hall.marker()
    first = final(slot, one)
    assert first.settlement.state == "second" and not first.is_complete and score_of(attempt).score is None and responses(slot) == []
    second = final(slot, two, lost=1)
    assert second.settlement.state == "complete" and second.is_complete
    assert [(row.run, row.fraction, row.mark, row.cause, row.answer["text"]) for row in responses(slot)] == [(1, D("0.95"), 19, "marks", WORDS)]
    assert abs(score_of(attempt).score - D(5900) / 60) < D("1e-18")
    assert courses.done_of([enrolment])[enrolment][("quiz", TEST)] == score_of(attempt).score / 100
    with pytest.raises(services.SettledByOthers):
        final(slot, hall.marker())
    actions = [row.action for row in db.session.execute(select(AuditEvent.action).where(AuditEvent.subject == f"attempt:{attempt}"))]
    assert actions.count("answer:mark") == 2 and actions.count("answer:settle") == 1


@ON_BOTH
def test_too_far_apart_is_held_and_the_third_decides_with_the_closer_one(hall: Hall) -> None:
    attempt = hall.paper(hall.trainee())
    slot, one, two, third = essays(attempt)[0], hall.marker(), hall.marker(), hall.marker()
    final(slot, one)
    assert final(slot, two, lost=5).settlement.state == "held"
    assert score_of(attempt).awaiting == (slot,) and responses(slot) == []
    assert (seen(hall, one).third, seen(hall, one).waiting) == (1, 0)
    assert (seen(hall, third).held, seen(hall, third).waiting) == (1, 1)
    assert final(slot, third, lost=4).settlement.fraction == D("0.55")
    assert responses(slot)[0].mark == 11 and score_of(attempt).awaiting == ()


def test_nobody_marks_the_own_answer_that_of_a_mentee_or_one_twice(hall: Hall) -> None:
    mentor = hall.marker()
    slot = hall.essay(hall.trainee(mentor_id=mentor))
    with pytest.raises(services.NotSeparate):
        final(slot, mentor)
    with pytest.raises(services.NotSeparate), transaction():
        services.save_draft(slot, {}, "", 0, mentor)
    author = db.session.execute(select(Enrolment.person_id).where(Enrolment.mentor_id == mentor)).scalar_one()
    with pytest.raises(services.NotSeparate):
        final(slot, author)
    assert seen(hall, mentor) is None
    marker = hall.marker()
    final(slot, marker)
    with pytest.raises(services.AlreadyFinal):
        final(slot, marker)
    with pytest.raises(services.AlreadyFinal), transaction():
        services.save_draft(slot, {}, "", 1, marker)
    assert db.session.query(EssayMark).count() == 1


def test_what_is_open_is_not_marked_and_neither_is_what_a_program_scores(hall: Hall) -> None:
    enrolment = hall.trainee()
    with transaction():
        attempt = services.start_attempt(enrolment, TEST, 1)
        services.save_answer(attempt, 11, {"text": WORDS}, "op", 0, 1)
    slots, marker = queries.slots_of([attempt])[attempt], hall.marker()
    for slot in (slots[10].id, 987654):
        with pytest.raises(services.NothingToMark), transaction():
            services.finalise(slot, {}, "", None, marker)
    with transaction():
        services.submit_attempt(attempt, 1)
    assert final(slots[10].id, marker).settlement.state == "second"
    with pytest.raises(services.NothingToMark), transaction():
        services.finalise(slots[0].id, {}, "", None, marker)


def test_who_has_left_is_marked_no_more(hall: Hall) -> None:
    enrolment, marker = hall.trainee(), hall.marker()
    slot = hall.essay(enrolment)
    with transaction():
        db.session.get_one(Enrolment, enrolment).withdrawn_at = clock.now()
    assert seen(hall, marker) is None
    with pytest.raises(services.NothingToMark):
        final(slot, marker)


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_draft_is_versioned_and_a_stale_one_overwrites_nothing(hall: Hall) -> None:
    slot, marker = hall.essay(hall.trainee()), hall.marker()
    key = next(iter(judgement(slot)))
    with transaction():
        assert services.save_draft(slot, {key: 1}, "一", 0, marker).version == 1
    with transaction():
        assert services.save_draft(slot, {key: 1}, "一", 0, marker).version == 1, "saying the same again changes nothing"
        assert services.save_draft(slot, {key: 2}, "一", 1, marker).version == 2
    with pytest.raises(StaleVersion) as stale, transaction():
        services.save_draft(slot, {key: 0}, "late", 1, marker)
    assert (stale.value.theirs.version, stale.value.theirs.judgement, stale.value.theirs.comment) == (2, {key: 2}, "一")
    other = hall.essay(hall.trainee())
    with pytest.raises(StaleVersion), transaction():
        services.save_draft(other, {}, "x", 3, marker)
    with pytest.raises(StaleVersion), transaction():
        services.finalise(slot, judgement(slot), "", 1, marker)
    assert db.session.query(EssayMark).count() == 0 and seen(hall, marker).drafts == 1
    with transaction():
        services.finalise(slot, judgement(slot), "好", 2, marker)
    assert db.session.execute(select(EssayDraft.comment).where(EssayDraft.slot_id == slot)).scalar_one() == "好"


def test_a_final_mark_needs_every_criterion_and_only_marks_of_levels(hall: Hall) -> None:
    slot, marker = hall.essay(hall.trainee()), hall.marker()
    whole = judgement(slot)
    part = dict(list(whole.items())[1:])                                         # type: ignore[union-attr]
    with pytest.raises(Incomplete), transaction():
        services.finalise(slot, part, "", None, marker)
    for wrong in ({**whole, "other": 1}, dict.fromkeys(whole, 99), ["facts"], None):            # type: ignore[dict-item]
        with pytest.raises(BadJudgement), transaction():
            services.finalise(slot, wrong, "", None, marker)
    for comment in ("x" * 4001, "\x00", "\ud800"):
        with pytest.raises(BadJudgement), transaction():
            services.finalise(slot, whole, comment, None, marker)
    assert db.session.query(EssayMark).count() == db.session.query(EssayDraft).count() == 0


# ── corrections ──────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_a_correction_is_a_further_row_with_its_reason_and_the_score_follows(hall: Hall) -> None:
    attempt = hall.paper(hall.trainee())
    slot, one, two = essays(attempt)[0], hall.marker(), hall.marker()
    final(slot, one)
    final(slot, two)
    with pytest.raises(services.NoReason), transaction():
        services.correct(slot, judgement(slot, 1), "", "  ", two)
    stranger = hall.marker()
    with pytest.raises(services.NotFinal), transaction():
        services.correct(slot, judgement(slot, 1), "", "why", stranger)
    with transaction():
        decided = services.correct(slot, judgement(slot, 2), "", "第二条看漏了编号", two)
    assert decided.settlement.fraction == D("0.9")
    assert [(row.run, row.mark) for row in responses(slot)] == [(1, 20), (2, 18)]
    rows = db.session.execute(select(EssayMark.number, EssayMark.fraction, EssayMark.reason).where(EssayMark.marker_id == two).order_by(EssayMark.number)).all()
    assert [tuple(row) for row in rows] == [(1, D(1), ""), (2, D("0.8"), "第二条看漏了编号")]
    assert score_of(attempt).earned == 58


def test_a_correction_that_opens_a_gap_holds_the_answer_again(hall: Hall) -> None:
    attempt = hall.paper(hall.trainee())
    slot, one, two, third = essays(attempt)[0], hall.marker(), hall.marker(), hall.marker()
    final(slot, one)
    final(slot, two)
    assert score_of(attempt).score is not None
    with transaction():
        assert services.correct(slot, judgement(slot, 6), "", "写错了人", two).settlement.state == "held"
    assert score_of(attempt).score is None and score_of(attempt).awaiting == (slot,)
    assert seen(hall, third).held == 1
    final(slot, third, lost=1)
    assert score_of(attempt).earned == 59 and [row.run for row in responses(slot)] == [1, 2]


# ── late answers and hearings ────────────────────────────────────────────────────────────────────────────────────
def test_an_accepted_late_text_takes_the_place_of_the_one_saved_and_is_marked_anew(hall: Hall) -> None:
    attempt = hall.paper(hall.trainee())
    slot, one, two = essays(attempt)[0], hall.marker(), hall.marker()
    final(slot, one, lost=3)
    final(slot, two, lost=3)
    with transaction():
        late = LateSave(attempt_id=attempt, slot_id=slot, op="late", answer={"text": "补上的一段"}, arrived_at=clock.now())
        db.session.add(late)
        db.session.flush()
        db.session.add(LateDecision(late_save_id=late.id, is_accepted=True, reason="断网", by_id=one, at=clock.now()))
    assert score_of(attempt).awaiting == (slot,)
    page = reads.mark_page(slot, hall.make.actor(one))
    assert page.text == "补上的一段" and page.mine is None
    final(slot, one)
    final(slot, two)
    assert responses(slot)[-1].answer == {"text": "补上的一段"} and score_of(attempt).earned == 60


def test_an_accepted_late_answer_that_says_nothing_replaces_nothing(hall: Hall) -> None:
    attempt = hall.paper(hall.trainee())
    slot, one, two = essays(attempt)[0], hall.marker(), hall.marker()
    final(slot, one)
    with transaction():
        late = LateSave(attempt_id=attempt, slot_id=slot, op="late", answer={}, arrived_at=clock.now())
        db.session.add(late)
        db.session.flush()
        db.session.add(LateDecision(late_save_id=late.id, is_accepted=True, reason="断网", by_id=two, at=clock.now()))
    final(slot, two)
    assert responses(slot)[0].answer == {"text": WORDS} and score_of(attempt).earned == 60


def test_what_a_hearing_has_decided_waits_for_no_marker(hall: Hall) -> None:
    attempt = hall.paper(hall.trainee())
    slot, marker = essays(attempt)[0], hall.marker()
    with transaction():
        db.session.add(Response(attempt_id=attempt, slot_id=slot, run=1, answer={"text": WORDS}, fraction=D(1), mark=D(20), scoring_hash="x",
                                scored_at=clock.now(), cause="hearing:1"))
    assert score_of(attempt).awaiting == () and score_of(attempt).earned == 60
    assert seen(hall, marker) is None


# ── short answers, one marker ────────────────────────────────────────────────────────────────────────────────────
SHORT = "quiz-listening-and-questions"
CELL = {"content_area": "communication", "kinds": ["short_answer"], "items": 2, "marks_each": "10"}


def test_short_answers_of_a_practice_are_the_trainees_own_unless_somebody_is_to_mark_them(make: Factory) -> None:
    republish(SHORT, cells=[CELL], marks=20)
    hall = Hall(make)
    attempt = hall.paper(hall.trainee(), ref=SHORT)
    assert score_of(attempt).awaiting == () and score_of(attempt).score is None and seen(hall, hall.marker()) is None


def test_one_marker_ticks_points_and_the_second_answer_completes_the_attempt(make: Factory) -> None:
    republish(SHORT, cells=[CELL], marks=20, marking={"raters": 1})
    hall = Hall(make)
    attempt = hall.paper(hall.trainee(), ref=SHORT)
    one, other = essays(attempt)
    marker = hall.marker()
    assert sum(line.waiting for line in reads.queue_page(hall.make.actor(marker)).questions) == 2
    assert not final(one, marker).is_complete and score_of(attempt).awaiting == (other,) and score_of(attempt).earned == 10
    decided = final(other, marker, lost=1)
    assert decided.is_complete and score_of(attempt).awaiting == ()
    best = slot_of(other).item.marking.max                                       # type: ignore[union-attr]
    assert responses(other)[0].fraction == D(best - 1) / best


# ── the queue ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_queue_is_by_question_across_people_in_an_order_of_the_markers_own(hall: Hall) -> None:
    slots = [hall.essay(hall.trainee()) for _ in range(9)]
    keys = {slot: slot_of(slot).item.key for slot in slots}
    orders = {}
    for marker in (hall.marker(), hall.marker(), hall.marker()):
        page = reads.queue_page(hall.make.actor(marker))
        assert page.waiting == 9 and {line.key: line.waiting for line in page.questions} == {key: list(keys.values()).count(key) for key in set(keys.values())}
        line = page.questions[0]
        walked = [line.next_slot_id]
        while (following := reads.mark_page(walked[-1], hall.make.actor(marker)).next_slot_id) not in walked:
            walked.append(following)
        assert sorted(walked) == [slot for slot in slots if keys[slot] == line.key]
        orders[marker] = tuple(walked)
    assert db.session.query(EssayDraft).count() == 0, "looking claims nothing"
    assert len(set(orders.values())) > 1


def test_another_cohorts_answers_are_not_there(hall: Hall, make: Factory) -> None:
    slot = hall.essay(hall.trainee())
    other = Hall(make, "2026-N")
    stranger = other.marker()
    assert seen(other, stranger) is None
    assert reads.visible_work(slot, make.actor(stranger)) is None


def test_the_page_of_an_answer_holds_no_name_and_nothing_of_the_other_marker(hall: Hall) -> None:
    """The canary: what the first gave and wrote stays out of everything the second is handed before the own mark is final."""
    enrolment = hall.trainee(name="金丝雀")
    slot, one, two = hall.essay(enrolment), hall.marker(), hall.marker()
    with transaction():
        services.finalise(slot, judgement(slot, 3), "KANARI", None, one)
    told = repr(reads.mark_page(slot, hall.make.actor(two))) + repr(reads.queue_page(hall.make.actor(two)))
    member = next(m for m in courses.roster(hall.cohort) if m.id == enrolment)
    for secret in ("金丝雀", member.employee_no, "KANARI", "0.7", hall.make.actor(one).name):
        assert secret not in told, secret
    page = reads.mark_page(slot, hall.make.actor(two))
    assert page.state == "to_mark" and page.total == 0 and page.settled == "" and page.standing == "" and page.spread.count == 0
    assert page.code == code_of(slot)
    final(slot, two, lost=3)
    assert reads.mark_page(slot, hall.make.actor(two)).settled == "7"


def test_own_marks_so_far_are_the_markers_own(hall: Hall) -> None:
    one, two = hall.marker(), hall.marker()
    slots = [hall.essay(hall.trainee(), seed="same") for _ in range(3)]
    assert len({slot_of(slot).item.key for slot in slots}) == 1
    final(slots[0], one)
    final(slots[1], one, lost=5)
    final(slots[1], two)
    assert reads.mark_page(slots[2], hall.make.actor(one)).spread.bands == (0, 0, 1, 0, 1)
    assert reads.mark_page(slots[2], hall.make.actor(two)).spread.bands == (0, 0, 0, 0, 1)


def test_the_queue_takes_the_same_number_of_selects_however_many_wait(hall: Hall, query_count: Any) -> None:
    marker = hall.make.actor(hall.marker())
    numbers = []
    for more in (2, 6):
        slots = [hall.essay(hall.trainee()) for _ in range(more)]
        final(slots[0], hall.marker())
        reads.queue_page(marker)
        with query_count() as counted:
            reads.queue_page(marker)
        numbers.append(counted.number)
        reads.mark_page(slots[1], marker)
        with query_count() as counted:
            reads.mark_page(slots[1], marker)
        assert counted.number <= 16, counted.statements
    assert numbers[0] == numbers[1] <= 8


# ── what the assessment makes of it ──────────────────────────────────────────────────────────────────────────────
def test_an_exam_that_people_still_mark_is_pending_and_never_the_trainees_fault(make: Factory) -> None:
    republish("final-exam", cells=[{"content_area": "complaints-and-crisis", "kinds": ["essay"], "items": 1, "marks_each": "100"}], difficulty=None,
              parallel=None, sections=None, one_way=False)
    stored = content.find_current("item", "cc-067")
    assert stored is not None
    shared = parse({**stored.body, "usage": "both"})
    with transaction():
        content.publish(Piece("item", "cc-067", to_body(shared), item_scoring(shared), "approved", ""), "studio", None)
    hall = Hall(make)
    enrolment = hall.trainee()
    slot = hall.essay(enrolment, ref="final-exam")
    fact = queries.exam_facts([enrolment], "final-exam")[enrolment][0]
    assert fact.score is None and fact.awaiting and not fact.is_open and fact.performed_at is not None
    with clock.standing_at(clock.now() + (clock.now() - clock.now().replace(year=2025))):       # a year on: long after every deadline
        standing = standing_of(enrolment)
        exam = next(result for result in standing.verdict.results if result.component.evidence.kind == "exam")
        assert exam.standing == "awaiting"
    one, two = hall.marker(), hall.marker()
    final(slot, one)
    assert queries.exam_facts([enrolment], "final-exam")[enrolment][0].awaiting, "an exam is marked by two"
    final(slot, two, lost=1)
    fact = queries.exam_facts([enrolment], "final-exam")[enrolment][0]
    assert (fact.score, fact.awaiting) == (95, False)


# ── at once ──────────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_five_markers_at_once_leave_exactly_as_many_marks_as_were_asked_for(app: Flask, hall: Hall) -> None:
    slot = hall.essay(hall.trainee())
    markers = [hall.marker() for _ in range(5)]
    whole, told = judgement(slot), []
    db.session.rollback()

    def go(marker: int) -> None:
        with app.app_context():
            try:
                with transaction():
                    services.finalise(slot, whole, "", None, marker)
                told.append("kept")
            except services.SettledByOthers:
                told.append("not needed")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=go, args=(marker,)) for marker in markers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["kept"] * 2 + ["not needed"] * 3
    assert db.session.query(EssayMark).count() == 2 and len(responses(slot)) == 1
