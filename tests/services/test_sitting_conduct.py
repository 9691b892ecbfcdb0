"""The exam room on a real database: windows, devices, one-way sections, breaks, pauses, time given, facts of the page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from foundation import clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from foundation.hotwrite import Unsuited, hot_transaction
from quizzes import queries, services
from quizzes.models import AnswerSave, AttemptEvent, LateSave, PaperForm, Presence, Slot
from quizzes.services.conduct import MOST_FACTS
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.sitting_scene import EXAM, PRACTICE, Room, key_of, load_sections, single

ONE, OTHER = "1" * 32, "2" * 32
MINUTE = timedelta(minutes=1)


@pytest.fixture
def room(make: Factory) -> Room:
    return Room(make)


def kinds(attempt: int) -> list[str]:
    return list(db.session.scalars(select(AttemptEvent.kind).where(AttemptEvent.attempt_id == attempt).order_by(AttemptEvent.id)))


def audited(action: str) -> int:
    return db.session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.action == action)) or 0


# ── the window ───────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_a_planned_paper_begins_in_its_window_and_nowhere_else(room: Room) -> None:
    now = clock.now()
    room.plan(now + timedelta(hours=1))
    with pytest.raises(services.NotNow) as early:
        room.start()
    assert early.value.admission.state == "early" and early.value.admission.opens_at == now + timedelta(hours=1)
    with clock.standing_at(now + timedelta(hours=6)), pytest.raises(services.NotNow) as over:
        room.start()
    assert over.value.admission.state == "over"
    with clock.standing_at(now + timedelta(hours=2)):
        attempt = room.row(room.start())
        assert (attempt.sitting_id, attempt.closes_at) == (room.sitting, now + timedelta(hours=2, minutes=90))


def test_who_begins_late_has_what_is_left_of_the_window_and_extra_time_on_top(room: Room) -> None:
    now = clock.now()
    room.plan(now, hours=2)
    room.do(services.set_allowance, room.sitting, room.enrolment, 20, 0, "language", 0, room.trainer)
    with clock.standing_at(now + timedelta(minutes=100)):
        assert room.row(room.start()).closes_at == now + timedelta(minutes=140)


def test_a_fixed_form_is_given_slot_by_slot_as_it_was_frozen(room: Room) -> None:
    room.plan(mode="forms", forms=2)
    attempt = room.start()
    row = room.row(attempt)
    form = db.session.get_one(PaperForm, row.form_id)
    slots = db.session.scalars(select(Slot).where(Slot.attempt_id == attempt).order_by(Slot.position)).all()
    assert [(slot.item_key, slot.item_version_id, slot.frozen) for slot in slots] == [
        (one["item_key"], one["item_version_id"], one["frozen"]) for one in form.slots]
    late = room.make.trainee(room.cohort, "late-comer")
    room.make.waive_all_gates(late, room.trainer)
    with transaction():
        other = services.start_attempt(late, EXAM, 1)
    assert room.row(other).form_id is not None, "who came after the approval gets a form at the start"


def test_a_gate_that_is_not_passed_bars_a_planned_paper_too(room: Room) -> None:
    room.plan()
    gated = room.make.trainee(room.cohort, "gated")
    with pytest.raises(services.QuizNotOpen), transaction():
        services.start_attempt(gated, EXAM, 1)


# ── the device ───────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_a_second_device_takes_over_only_knowingly_and_the_first_one_saves_no_more(room: Room) -> None:
    attempt = room.start(PRACTICE)
    position, (a, b, *_rest) = single(attempt)
    assert room.do(services.claim_device, attempt, ONE, False, room.learner)
    assert not room.do(services.claim_device, attempt, ONE, False, room.learner)
    saved = room.save(attempt, position, {"choice": a}, 0, "first", ONE)
    with pytest.raises(services.HeldElsewhere):
        room.do(services.claim_device, attempt, OTHER, False, room.learner)
    with pytest.raises(services.TakenOver):
        room.save(attempt, position, {"choice": b}, 1, "foreign", OTHER)
    assert room.do(services.claim_device, attempt, OTHER, True, room.learner)
    with pytest.raises(services.TakenOver):
        room.save(attempt, position, {"choice": b}, 1, "stale-device", ONE)
    assert room.save(attempt, position, {"choice": a}, 0, "first", ONE).receipt == saved.receipt, "what was saved before keeps its receipt"
    assert room.save(attempt, position, {"choice": b}, 1, "second", OTHER).version == 2
    assert room.save(attempt, position, {"choice": a}, 2, "no-script").version == 3, "a page without scripts names no device; versions protect"
    assert kinds(attempt) == ["device", "device"] and audited("attempt:device") == 1


def test_after_the_end_a_taken_over_device_still_gets_its_answers_held(room: Room) -> None:
    attempt = room.start(PRACTICE)
    position, (a, *_rest) = single(attempt)
    room.do(services.claim_device, attempt, OTHER, False, room.learner)
    room.do(services.submit_attempt, attempt, room.learner)
    assert room.save(attempt, position, {"choice": a}, 0, "late", ONE).late
    with pytest.raises(services.Ended):
        room.do(services.claim_device, attempt, ONE, True, room.learner)


# ── sections ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def sections(make: Factory) -> Room:
    load_sections()
    return Room(make)


def test_a_closed_section_stays_closed_and_the_next_is_not_seen_before(sections: Room) -> None:
    room = sections
    attempt = room.start(PRACTICE)
    (here, (a, b, *_)), (ahead, (c, *_rest)) = single(attempt, 0), single(attempt, 1)
    with pytest.raises(services.SectionAhead):
        room.save(attempt, ahead, {"choice": c}, 0, "ahead")
    room.save(attempt, here, {"choice": a}, 0, "in-time")
    assert room.do(services.close_section, attempt, 0, room.learner) == 1
    with pytest.raises(services.SectionMoved):
        room.do(services.close_section, attempt, 0, room.learner)
    with pytest.raises(services.SectionMoved):
        room.do(services.close_section, attempt, 1, room.learner)      # the last one ends with the paper
    with pytest.raises(Unsuited), hot_transaction():
        services.save_answer(attempt, here, {"choice": b}, "after", 1, room.learner)
    kept = room.save(attempt, here, {"choice": b}, 1, "after")
    assert kept.late and kept.is_section
    assert db.session.scalar(select(func.count()).select_from(LateSave)) == 1
    assert room.save(attempt, ahead, {"choice": c}, 0, "now").version == 1
    view = queries.get_attempt(attempt)
    page = queries.attempt_page(view, clock.now(), 0)
    assert [question.position for question in page.questions] == [6, 7, 8, 9, 10] and [s.way for s in page.sections] == ["closed", "open"]
    assert kinds(attempt) == ["section"] and audited("attempt:section") == 1
    room.do(services.submit_attempt, attempt, room.learner)
    with pytest.raises(services.Ended):
        room.do(services.close_section, attempt, 1, room.learner)


def test_a_paper_without_sections_has_none_to_close(room: Room) -> None:
    attempt = room.start(PRACTICE)
    with pytest.raises(services.SectionMoved):
        room.do(services.close_section, attempt, 0, room.learner)


# ── breaks and pauses ────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_a_break_stops_the_clock_for_as_long_as_it_lasts(room: Room) -> None:
    now = clock.now()
    with clock.standing_at(now):
        room.plan(now)
        attempt = room.start()
    with clock.standing_at(now + 10 * MINUTE):
        assert room.do(services.start_break, attempt, room.learner) == 600
        assert room.do(services.start_break, attempt, room.learner) == 600, "begun twice is begun once"
    with clock.standing_at(now + 14 * MINUTE):
        desk = queries.desk(queries.get_attempt(attempt), clock.now())
        assert (desk.seconds_left, desk.is_covered, desk.breaks.left, desk.closes_at) == (80 * 60, True, 360, now + 94 * MINUTE)
        assert room.do(services.end_break, attempt, room.learner) == 240
        assert room.do(services.end_break, attempt, room.learner) == 0
    assert room.row(attempt).closes_at == now + 94 * MINUTE
    with clock.standing_at(now + 20 * MINUTE):
        assert room.do(services.start_break, attempt, room.learner) == 360, "the rest of the allowance"


def test_an_overrun_break_lets_the_clock_go_on_though_nobody_comes_back(room: Room) -> None:
    now = clock.now()
    with clock.standing_at(now):
        room.plan(now)
        attempt = room.start()
    with clock.standing_at(now + 10 * MINUTE):
        room.do(services.start_break, attempt, room.learner)
    with clock.standing_at(now + 30 * MINUTE):
        desk = queries.desk(queries.get_attempt(attempt), clock.now())
        assert desk.breaks.is_overrun and desk.seconds_left == 70 * 60
    with clock.standing_at(now + 101 * MINUTE):
        assert queries.get_attempt(attempt).state(clock.now()) == "time"
        assert services.due_attempts(clock.now()) == [attempt]
        with pytest.raises(services.Ended):
            room.do(services.end_break, attempt, room.learner)
    with clock.standing_at(now + 99 * MINUTE):
        assert room.do(services.end_break, attempt, room.learner) == 600
        with pytest.raises(services.NoBreakLeft):
            room.do(services.start_break, attempt, room.learner)


def test_without_a_sitting_there_is_no_break(room: Room) -> None:
    attempt = room.start(PRACTICE)
    with pytest.raises(services.NoBreakLeft):
        room.do(services.start_break, attempt, room.learner)
    assert room.do(services.end_break, attempt, room.learner) == 0


@ON_BOTH
def test_what_is_saved_while_the_hall_is_paused_counts_and_the_pause_costs_nobody_time(room: Room) -> None:
    now = clock.now()
    with clock.standing_at(now):
        room.plan(now)
        attempt = room.start()
    with clock.standing_at(now + 80 * MINUTE):
        room.do(services.pause_hall, room.sitting, "fire drill", room.trainer)
    with clock.standing_at(now + 100 * MINUTE):                # past the deadline on the wall, not on the clock of the paper
        view = queries.get_attempt(attempt)
        assert (view.state(clock.now()), view.seconds_left(clock.now())) == ("open", 600)
        assert services.due_attempts(clock.now()) == []
        assert room.save(attempt, 1, key_of(attempt, 1), 0, "in-the-pause").version == 1
        assert db.session.scalars(select(AnswerSave.saved_at)).one() == now + 100 * MINUTE
        with pytest.raises(services.HallPaused):
            room.do(services.start_break, attempt, room.learner)
        room.do(services.resume_hall, room.sitting, room.trainer)
        assert queries.get_attempt(attempt).seconds_left(clock.now()) == 600
    assert room.row(attempt).closes_at == now + 110 * MINUTE


def test_a_pause_within_a_break_uses_up_none_of_it(room: Room) -> None:
    now = clock.now()
    with clock.standing_at(now):
        room.plan(now)
        attempt = room.start()
        room.do(services.start_break, attempt, room.learner)
    with clock.standing_at(now + 2 * MINUTE):
        room.do(services.pause_hall, room.sitting, "power cut", room.trainer)
    with clock.standing_at(now + 32 * MINUTE):
        room.do(services.resume_hall, room.sitting, room.trainer)
    with clock.standing_at(now + 33 * MINUTE):
        assert room.do(services.end_break, attempt, room.learner) == 180
        assert queries.get_attempt(attempt).seconds_left(clock.now()) == 90 * 60


def test_time_given_reaches_an_open_attempt_at_once_and_no_closed_one(room: Room) -> None:
    now = clock.now()
    with clock.standing_at(now):
        room.plan(now)
        attempt = room.start()
        room.do(services.give_extra_time, room.sitting, None, 15, "technical", room.trainer)
    assert room.row(attempt).closes_at == now + 105 * MINUTE
    with clock.standing_at(now + 104 * MINUTE):
        assert room.save(attempt, 1, key_of(attempt, 1), 0, "thanks-to-it").version == 1
    with clock.standing_at(now + 106 * MINUTE):
        room.do(services.give_extra_time, room.sitting, None, 15, "technical", room.trainer)
        assert queries.get_attempt(attempt).state(clock.now()) == "time", "what has ended is not opened again"


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────
def tell(attempt: int, *facts: services.Fact, unsent: int = 0) -> int:
    with hot_transaction():
        return services.record_facts(attempt, ONE, facts, unsent, False)


@ON_BOTH
def test_facts_are_kept_once_with_the_two_clocks_and_nothing_of_the_text(room: Room) -> None:
    attempt = room.start(PRACTICE)
    hour_off = clock.now() + timedelta(hours=1)
    facts = (services.Fact("f1", "focus_lost", hour_off), services.Fact("f2", "paste", hour_off, 3, 240), services.Fact("f3", "flag", None, 4),
             services.Fact("f4", "flag", None, 99), services.Fact("f5", "expelled", None))
    assert tell(attempt, *facts, unsent=2) == 3 and tell(attempt, *facts) == 0
    rows: list[Any] = list(db.session.execute(select(AttemptEvent.kind, AttemptEvent.detail, AttemptEvent.at, AttemptEvent.device_at, AttemptEvent.by_id)
                                              .order_by(AttemptEvent.id)))
    assert [(row.kind, row.detail) for row in rows] == [("focus_lost", None), ("paste", {"length": 240}), ("flag", None)]
    assert rows[0].at < hour_off == rows[0].device_at and rows[0].by_id is None, "server time decides, the device's is noted"
    assert queries.attempt_page(queries.get_attempt(attempt), clock.now(), 1).flagged == {4}
    tell(attempt, services.Fact("f6", "unflag", None, 4))
    assert queries.attempt_page(queries.get_attempt(attempt), clock.now(), 1).flagged == frozenset()
    seen = db.session.execute(select(Presence.unsent, Presence.is_hidden)).one()
    assert tuple(seen) == (0, False)


def test_a_page_that_tells_too_much_is_not_written_down_without_end(room: Room) -> None:
    attempt = room.start(PRACTICE)
    with transaction():
        db.session.execute(AttemptEvent.__table__.insert(), [  # type: ignore[attr-defined]
            {"attempt_id": attempt, "kind": "focus_lost", "at": clock.now(), "device": "", "op": f"x{n}"} for n in range(MOST_FACTS - 1)])
    assert tell(attempt, *(services.Fact(f"y{n}", "focus_lost") for n in range(5))) == 1
    assert tell(attempt, services.Fact("z", "focus_back")) == 0
    assert db.session.scalar(select(func.count()).select_from(Presence)) == 1, "that the page is there is noted all the same"
