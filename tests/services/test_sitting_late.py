"""Answers that came late: a recovery file brought by hand, and what a reviewer decides about what is held."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from foundation import clock
from foundation.audit import AuditEvent
from foundation.db import db
from quizzes import queries, services
from quizzes.models import AttemptEvent, LateDecision, LateSave, Response
from quizzes.rules.answer import to_screen
from quizzes.rules.recovery import FORMAT, BadRecovery, KeptAnswer, device_key, seal
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.sitting_scene import PRACTICE, Room, key_of, single

DEVICE = "d" * 32


@pytest.fixture
def room(make: Factory) -> Room:
    return Room(make)


@pytest.fixture
def keys(app: Flask) -> Callable[[int, int, str], bytes]:
    return lambda attempt, person, device: device_key(app.extensions["qizhou_keys"].answers, attempt, person, device)


def on_screen(attempt: int, position: int, answer: Any) -> dict[str, Any]:
    slot = queries.one_slot(attempt, position)
    return to_screen(slot.item, slot.order, answer)


def file_of(room: Room, keys: Callable[[int, int, str], bytes], attempt: int, *kept: KeptAnswer) -> bytes:
    key = keys(attempt, room.learner, DEVICE)
    entries = [seal(key, bytes([number]) * 12, attempt, room.learner, DEVICE, one) for number, one in enumerate(kept, 1)]
    return json.dumps({"format": FORMAT, "attempt": attempt, "device": DEVICE, "entries": entries}).encode()


def count(model: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def standing(attempt: int, position: int) -> Any:
    db.session.rollback()
    return queries.slots_of([attempt])[attempt][position - 1].answer


@ON_BOTH
def test_a_recovery_file_of_an_open_attempt_is_saved_as_the_trainees_own(room: Room, keys: Any) -> None:
    attempt = room.start(PRACTICE)
    position, (a, b, *_rest) = single(attempt)
    other = next(number for number in range(1, 11) if number != position)
    room.save(attempt, position, {"choice": a}, 0, "reached-the-server")
    now = clock.now()
    raw = file_of(room, keys, attempt,
                  KeptAnswer("reached-the-server", position, 0, "", on_screen(attempt, position, {"choice": a}), now),
                  KeptAnswer("newer", position, 0, "reached-the-server", on_screen(attempt, position, {"choice": b}), now),
                  KeptAnswer("never-sent", other, 0, "", on_screen(attempt, other, key_of(attempt, other)), now),
                  KeptAnswer("no-answer", other, 1, "", {"choice": "ZZ"}, now), KeptAnswer("no-place", 99, 0, "", {}, now))
    found = room.do(services.recover, attempt, raw, keys, room.trainer)
    assert (found.saved, found.held, found.refused) == (3, 0, 2)
    assert standing(attempt, position) == {"choice": b} and standing(attempt, other) == key_of(attempt, other)
    again = room.do(services.recover, attempt, raw, keys, room.trainer)
    assert (again.saved, again.held) == (3, 0) and count(LateSave) == 0
    assert [(row.by_id, row.detail) for row in db.session.execute(select(AttemptEvent.by_id, AttemptEvent.detail).where(AttemptEvent.kind == "recovery"))] == [
        (room.trainer, {"entries": 5, "kept": 3, "late": 0})], "the same file again changes nothing"
    assert queries.chain_holds(attempt)


def test_where_something_newer_stands_the_older_answer_is_held_and_overwrites_nothing(room: Room, keys: Any) -> None:
    attempt = room.start(PRACTICE)
    position, (a, b, *_rest) = single(attempt)
    room.save(attempt, position, {"choice": a}, 0, "on-another-computer")
    raw = file_of(room, keys, attempt, KeptAnswer("offline", position, 0, "", on_screen(attempt, position, {"choice": b}), None))
    found = room.do(services.recover, attempt, raw, keys, room.trainer)
    assert (found.saved, found.held) == (0, 1) and standing(attempt, position) == {"choice": a} and count(LateSave) == 1


def test_a_forged_or_foreign_file_changes_nothing(room: Room, keys: Any) -> None:
    attempt = room.start(PRACTICE)
    raw = file_of(room, keys, attempt, KeptAnswer("one", 1, 0, "", on_screen(attempt, 1, key_of(attempt, 1)), None))
    foreign = json.dumps({**json.loads(raw), "attempt": attempt + 1}).encode()
    cut = raw[:-40]
    with_other_key = file_of(room, lambda *_parts: b"k" * 32, attempt, KeptAnswer("one", 1, 0, "", {}, None))
    for bad in (foreign, cut, with_other_key, b"{}"):
        with pytest.raises(BadRecovery):
            room.do(services.recover, attempt, bad, keys, room.trainer)
    assert standing(attempt, 1) is None and count(AttemptEvent) == 0


# ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────
def ended_with_late(room: Room, right: bool = True) -> tuple[int, int, int]:
    """A practice that ended by time with one answer too late: (attempt, position, late id)."""
    now = clock.now() - timedelta(hours=2)
    with clock.standing_at(now):
        attempt = room.start(PRACTICE)
    position, options = single(attempt)
    key = key_of(attempt, position)["choice"]
    chosen = key if right else next(option for option in options if option != key)
    with clock.standing_at(now + timedelta(minutes=29)):
        room.save(attempt, position, {"choice": next(option for option in options if option not in (key, chosen))}, 0, "in-time")
    room.save(attempt, position, {"choice": chosen}, 1, "late")
    return attempt, position, db.session.scalars(select(LateSave.id)).one()


@ON_BOTH
def test_an_accepted_answer_is_a_further_run_and_the_score_follows(room: Room) -> None:
    attempt, _position, late = ended_with_late(room)
    before = queries.earned_of([queries.get_attempt(attempt)], clock.now())[attempt]
    assert before.score == 0
    room.do(services.decide_late, late, True, "The hall's network was down from 10:05 to 10:20.", room.reviewer)
    after = queries.earned_of([queries.get_attempt(attempt)], clock.now())[attempt]
    assert after.score == Decimal(10)
    runs = db.session.execute(select(Response.run, Response.cause, Response.mark).where(Response.slot_id == select(LateSave.slot_id).scalar_subquery())
                              .order_by(Response.run)).all()
    assert [tuple(row) for row in runs] == [(1, "", Decimal(0)), (2, f"late:{late}", Decimal(10))]
    facts = db.session.scalars(select(AuditEvent.facts).where(AuditEvent.action == "late:accept")).one()
    assert (facts["late"], facts["before"], facts["after"]) == (late, "0", "10")
    with pytest.raises(services.AlreadyDecided):
        room.do(services.decide_late, late, False, "no", room.reviewer)


def test_a_refused_answer_stays_readable_and_counts_for_nothing(room: Room) -> None:
    attempt, _position, late = ended_with_late(room)
    room.do(services.decide_late, late, False, "Nobody else in the hall was offline.", room.reviewer)
    assert count(LateDecision) == 1 and queries.earned_of([queries.get_attempt(attempt)], clock.now())[attempt].score == 0
    assert db.session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("late:%"))).all() == ["late:refuse"]


def test_who_sat_or_watched_does_not_decide_and_nobody_decides_too_early(room: Room, keys: Any) -> None:
    attempt, position, late = ended_with_late(room)
    with pytest.raises(services.OwnMatter):
        room.do(services.decide_late, late, True, "mine", room.learner)
    raw = file_of(room, keys, attempt, KeptAnswer("offline", position, 0, "", {}, None))
    room.do(services.recover, attempt, raw, keys, room.trainer)
    with pytest.raises(services.OwnMatter):
        room.do(services.decide_late, late, True, "I brought the file", room.trainer)
    assert count(LateDecision) == 0


def test_an_answer_held_while_the_paper_was_open_waits_for_its_end(room: Room, keys: Any) -> None:
    attempt = room.start(PRACTICE)
    position, (a, b, *_rest) = single(attempt)
    room.save(attempt, position, {"choice": a}, 0, "here")
    raw = file_of(room, keys, attempt, KeptAnswer("there", position, 0, "", on_screen(attempt, position, {"choice": b}), None))
    room.do(services.recover, attempt, raw, keys, room.trainer)
    late = db.session.scalars(select(LateSave.id)).one()
    with pytest.raises(services.StillOpen):
        room.do(services.decide_late, late, True, "early", room.reviewer)
