"""Attendance: attended out of planned minutes, excused out of the count; when a mark may stand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.participation.rules.attendance import STATUSES, SessionFact, fold, mark_problem, may_be_held_on, minutes_of, register_opens_at


def test_attended_minutes_out_of_planned_ones_with_the_excused_session_left_out() -> None:
    folded = fold([SessionFact(120, True, "present", 120), SessionFact(90, True, "late", 60), SessionFact(60, True, "excused", 0),
                   SessionFact(30, True, "absent", 0), SessionFact(100, False, None, 0)])
    assert (folded.attended, folded.lost, folded.future, folded.excused, folded.unmarked) == (180, 60, 100, 60, 0)
    assert folded.planned == 340
    assert folded.fraction == Decimal(180) / Decimal(340)


def test_a_forgotten_register_is_not_the_trainees_loss() -> None:
    folded = fold([SessionFact(60, True, None, 0), SessionFact(60, True, "present", 60)])
    assert (folded.lost, folded.future, folded.unmarked) == (0, 60, 1)


def test_somebody_excused_from_everything_has_no_share() -> None:
    folded = fold([SessionFact(60, True, "excused", 0)])
    assert folded.fraction is None
    assert folded.percents == (0, 0, 0)


def test_the_three_shares_of_a_third_each() -> None:
    folded = fold([SessionFact(50, True, "present", 50), SessionFact(50, True, "absent", 0), SessionFact(50, False, None, 0)])
    assert sum(folded.percents) == 100
    assert [round(share, 2) for share in folded.percents] == [Decimal("33.33"), Decimal("33.33"), Decimal("33.33")]


FACTS = st.lists(st.builds(SessionFact, st.integers(1, 480), st.booleans(), st.one_of(st.none(), st.sampled_from(STATUSES)), st.integers(-10, 600)),
                 max_size=30)


@given(FACTS)
def test_every_planned_minute_is_counted_exactly_once(facts: list[SessionFact]) -> None:
    folded = fold(facts)
    assert folded.attended + folded.lost + folded.future + folded.excused == sum(fact.minutes for fact in facts)
    assert folded.planned + folded.excused == sum(fact.minutes for fact in facts)
    assert min(folded.attended, folded.lost, folded.future, folded.excused, folded.unmarked) >= 0


@given(FACTS)
def test_the_share_lies_between_nothing_and_all(facts: list[SessionFact]) -> None:
    folded = fold(facts)
    assert folded.fraction is None or 0 <= folded.fraction <= 1
    assert all(-Decimal("1e-20") <= share <= 100 for share in folded.percents)
    assert abs(sum(folded.percents) - (100 if folded.planned else 0)) < Decimal("1e-20")


@given(FACTS, st.randoms())
def test_the_order_of_sessions_is_irrelevant(facts: list[SessionFact], random: Any) -> None:
    shuffled = facts[:]
    random.shuffle(shuffled)
    assert fold(shuffled) == fold(facts)


@given(FACTS, st.integers(1, 480))
def test_an_excused_session_never_changes_the_share(facts: list[SessionFact], minutes: int) -> None:
    assert fold([*facts, SessionFact(minutes, True, "excused", 0)]).fraction == fold(facts).fraction


@given(FACTS, st.integers(1, 480))
def test_being_there_never_lowers_the_share_and_being_absent_never_raises_it(facts: list[SessionFact], minutes: int) -> None:
    before = fold(facts).fraction
    there, absent = fold([*facts, SessionFact(minutes, True, "present", minutes)]), fold([*facts, SessionFact(minutes, True, "absent", 0)])
    if before is not None:
        assert absent.fraction is not None and there.fraction is not None
        assert absent.fraction <= before <= there.fraction


@pytest.mark.parametrize(("status", "minutes", "counts"), [("present", 0, 90), ("late", 70, 70), ("excused", 70, 0), ("absent", 70, 0)])
def test_what_a_mark_counts(status: str, minutes: int, counts: int) -> None:
    assert minutes_of(status, minutes, 90) == counts


@pytest.mark.parametrize(("status", "minutes", "reason", "before", "problem"), [
    ("present", 0, "", None, ""),
    ("late", 89, "", None, ""),
    ("late", 1, "", None, ""),
    ("late", 0, "", None, "minutes"),
    ("late", 90, "", None, "minutes"),
    ("late", -5, "", None, "minutes"),
    ("excused", 0, "", None, "reason"),
    ("excused", 0, "   ", None, "reason"),
    ("excused", 0, "病假", None, ""),
    ("absent", 0, "", None, ""),
    ("asleep", 0, "x", None, "status"),
    ("", 0, "x", None, "status"),
    ("absent", 0, "", ("present", 90), "reason"),
    ("absent", 0, "点错了", ("present", 90), ""),
    ("late", 60, "", ("late", 70), "reason"),
    ("late", 70, "", ("late", 70), ""),
    ("excused", 0, "", ("excused", 0), ""),
    ("present", 0, "", ("present", 90), ""),
])
def test_when_a_mark_may_stand(status: str, minutes: int, reason: str, before: tuple[str, int] | None, problem: str) -> None:
    assert mark_problem(status, minutes, reason, 90, before) == problem


def test_a_register_opens_a_quarter_of_an_hour_before_the_session() -> None:
    assert register_opens_at(datetime(2026, 9, 7, 1, 0, tzinfo=UTC)) == datetime(2026, 9, 7, 0, 45, tzinfo=UTC)


@pytest.mark.parametrize(("day", "allowed"), [
    (date(2026, 9, 6), False), (date(2026, 9, 7), True), (date(2026, 11, 1), True), (date(2026, 11, 2), False)])
def test_a_session_lies_in_the_cohorts_dates_or_the_week_after(day: date, allowed: bool) -> None:
    assert may_be_held_on(day, date(2026, 9, 7), date(2026, 10, 25)) is allowed
