"""Saves of several tabs and devices in any order, with a clock that steps both ways, time given, pauses and a hand-in at any
moment: whatever hypothesis comes up with, nothing is overwritten unseen, nothing counts that came late, nothing is lost."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from foundation import clock
from foundation.db import db, transaction
from foundation.hotwrite import Unsuited, hot_transaction
from foundation.web import OperationConflict, StaleVersion
from quizzes import queries, services
from quizzes.models import Attempt, LateSave
from quizzes.rules.recovery import DEVICE
from tests.factories import Factory
from tests.sitting_scene import PRACTICE, Room, single

TABS = ("a" * 32, "b" * 32)
assert all(DEVICE.fullmatch(tab) for tab in TABS)


class Saves(RuleBasedStateMachine):
    """The model: what stands in two questions, what each tab believes, and the deadline."""

    room: Room

    @initialize()
    def begin(self) -> None:
        self.start = clock.now()
        self.now = self.start
        with clock.standing_at(self.now), transaction():
            enrolment = self.room.enrolment
            self.attempt = services.start_attempt(enrolment, PRACTICE, self.room.learner, "seed")
        first, options = single(self.attempt)
        self.positions = (first, next(slot.position for slot in queries.slots_of([self.attempt])[self.attempt] if slot.position != first))
        self.options = options
        self.closes_at = db.session.get_one(Attempt, self.attempt).closes_at
        self.high_water = self.start
        self.version = 0
        self.answer: dict[str, Any] = {}
        self.believes = dict.fromkeys(TABS, 0)
        self.receipts: dict[str, tuple[int, str, dict[str, Any], int]] = {}
        self.late: set[str] = set()
        self.held_by = ""
        self.is_closed = False
        self.count = 0

    @property
    def is_over(self) -> bool:
        return self.is_closed or max(self.now, self.high_water) >= self.closes_at

    def send(self, op: str, answer: dict[str, Any], version: int, tab: str, hot: bool) -> services.Saved:
        with clock.standing_at(self.now):
            try:
                with (hot_transaction if hot else transaction)():
                    return services.save_answer(self.attempt, self.positions[0], answer, op, version, self.room.learner, device=tab)
            except Unsuited:
                with transaction():
                    return services.save_answer(self.attempt, self.positions[0], answer, op, version, self.room.learner, device=tab)

    @rule(tab=st.sampled_from(TABS), option=st.integers(0, 3), hot=st.booleans())
    def save(self, tab: str, option: int, hot: bool) -> None:
        answer = {"choice": self.options[option % len(self.options)]} if option else {}
        self.count += 1
        op, believed = f"op-{self.count}", self.believes[tab]
        try:
            saved = self.send(op, answer, believed, tab, hot)
        except services.TakenOver:
            assert self.held_by not in ("", tab) and not self.is_over
            return
        except StaleVersion as stale:
            assert believed != self.version and not self.is_over
            assert (stale.theirs.version, stale.theirs.answer) == (self.version, self.answer), "the stale tab is shown what stands"
            self.believes[tab] = self.version
            return
        if saved.late:
            assert self.is_over
            self.late.add(op)
            return
        assert not self.is_over and believed == self.version and self.held_by in ("", tab)
        if answer == self.answer:
            assert saved.version == self.version
            return
        self.version, self.answer = self.version + 1, answer
        assert saved.version == self.version and saved.saved_at is not None and saved.saved_at >= self.high_water
        self.high_water = saved.saved_at
        self.believes[tab] = saved.version
        self.receipts[op] = (believed, saved.receipt, answer, saved.version)

    @precondition(lambda self: getattr(self, "receipts", None))
    @rule(data=st.data(), hot=st.booleans(), tab=st.sampled_from(TABS))
    def send_again(self, data: Any, hot: bool, tab: str) -> None:
        """The word about a save got lost: the same again brings the same receipt, from whichever tab and however late."""
        op = data.draw(st.sampled_from(sorted(self.receipts)))
        base, receipt, answer, version = self.receipts[op]
        again = self.send(op, answer, base, tab, hot)
        assert (again.receipt, again.version, again.late) == (receipt, version, False)
        other = {} if answer else {"choice": self.options[0]}
        with pytest.raises(OperationConflict):
            self.send(op, other, base, tab, hot)

    @rule(minutes=st.sampled_from((-120, -61, -5, -1, 0, 1, 4, 9, 31)))
    def step(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(tab=st.sampled_from(TABS), take=st.booleans())
    def claim(self, tab: str, take: bool) -> None:
        try:
            with clock.standing_at(self.now), transaction():
                services.claim_device(self.attempt, tab, take, self.room.learner)
        except services.Ended:
            assert self.is_over
            return
        except services.HeldElsewhere:
            assert self.held_by not in ("", tab) and not take
            return
        self.held_by = tab

    @precondition(lambda self: not getattr(self, "is_over", True))
    @rule(minutes=st.integers(1, 20))
    def give_time(self, minutes: int) -> None:
        with transaction():
            row = db.session.get_one(Attempt, self.attempt)
            row.closes_at += timedelta(minutes=minutes)
        self.closes_at += timedelta(minutes=minutes)

    @rule()
    def hand_in(self) -> None:
        with clock.standing_at(self.now), transaction():
            how = services.submit_attempt(self.attempt, self.room.learner)
        assert self.is_closed or how == ("time" if self.is_over else "handed_in")
        self.is_closed = True

    @invariant()
    def what_stands_is_what_was_last_acknowledged(self) -> None:
        if not hasattr(self, "attempt"):
            return
        db.session.rollback()
        slot = queries.slots_of([self.attempt])[self.attempt][self.positions[0] - 1]
        assert (slot.version, slot.answer or {}) == (self.version, self.answer)
        assert queries.slots_of([self.attempt])[self.attempt][self.positions[1] - 1].version == 0
        assert set(db.session.scalars(select(LateSave.op).where(LateSave.attempt_id == self.attempt))) == self.late
        assert db.session.get_one(Attempt, self.attempt).high_water_at == self.high_water

    def teardown(self) -> None:
        if hasattr(self, "attempt"):
            db.session.rollback()
            assert queries.chain_holds(self.attempt)
            if not self.is_closed:
                with clock.standing_at(self.now), transaction():
                    services.submit_attempt(self.attempt, self.room.learner)


def play(make: Factory, examples: int, steps: int) -> None:
    class Machine(Saves):
        room = Room(make)

    run_state_machine_as_test(Machine, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None, print_blob=True,
                                                         suppress_health_check=list(HealthCheck)))


def test_saves_of_two_devices_in_any_order_and_a_clock_that_steps(app: Flask, make: Factory) -> None:
    play(make, 12, 18)


@pytest.mark.soak
def test_saves_in_any_order_for_long(app: Flask, make: Factory, record_property: Any) -> None:
    examples = int(os.environ.get("SOAK_SECONDS", "120")) * 2
    play(make, examples, 60)
    record_property("sequences of up to 60 steps", examples)
