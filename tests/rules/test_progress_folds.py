"""Progress as folds: hours, gates with waivers, units, what comes next. Worked by hand on a small programme."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.rules.calendar import default_length, opening_days, openings_out_of_order, unit_number
from courses.rules.outline import Programme
from courses.rules.progress import CompletionFact, earned_minutes, fold_completions, gate_state, is_done, next_activity, unit_states


def text(word: str) -> dict[str, str]:
    return {"zh": word, "en": word}


def unit(number: int, activities: list[dict[str, Any]]) -> dict[str, Any]:
    return {"key": f"week-{number}", "kind": "week", "number": number, "title": text(f"u{number}"), "hours": {"self_study": 2},
            "modules": [{"key": f"m{number}", "title": text("m"), "activities": activities}]}


def activity(kind: str, ref: str, minutes: int, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "ref": ref, "form": "self_study", "minutes": minutes, **more}


PROGRAMME = Programme.model_validate({
    "format": "qizhou/programme@1", "key": "small", "code": "SP", "title": text("small"), "audience": text("all"), "hours": 6, "scheme": "default",
    "delivery_forms": ["self_study"], "outcomes": [], "valid_months": None, "follow_up": {"within_days": 92},
    "assessment": {"written_exam": {"blueprint": "b"}, "skill_demonstration": {"stations": []}, "case_analysis": {"cases": []}},
    "stages": [
        {"key": "one", "title": text("one"), "standard": text("s"), "units": [unit(1, [
            activity("lesson", "a", 30), activity("lesson", "b", 45, required=False), activity("onsite_session", "s1", 90, title=text("s1")),
            activity("quiz", "test-1", 30, min_fraction="0.60")])],
         "gate": {"key": "gate-1", "title": text("g1"), "components": [
             {"kind": "quiz", "ref": "test-1", "min_fraction": "0.60"}, {"kind": "station", "ref": "later", "planned": True}]}},
        {"key": "two", "title": text("two"), "standard": text("s"), "units": [unit(2, [
            activity("lesson", "c", 30), activity("worksheet", "w", 60, planned=True, title=text("w"))])],
         "gate": {"key": "gate-2", "title": text("g2"), "components": [{"kind": "station", "ref": "later-too", "planned": True}]}},
        {"key": "three", "title": text("three"), "standard": text("s"), "units": [unit(3, [activity("lesson", "d", 45)])]},
    ],
}, strict=False)
START = date(2026, 9, 7)
OPENINGS = opening_days(PROGRAMME, START, {})


def done(*facts: tuple[str, str, str | None]) -> dict[tuple[str, str], Decimal | None]:
    return fold_completions(CompletionFact(kind, ref, None if fraction is None else Decimal(fraction)) for kind, ref, fraction in facts)


def test_the_best_of_several_completions_counts() -> None:
    assert done(("quiz", "test-1", "0.5"), ("quiz", "test-1", "0.8"), ("quiz", "test-1", "0.7")) == {("quiz", "test-1"): Decimal("0.8")}


def test_a_completion_without_a_fraction_never_hides_a_judged_one() -> None:
    assert done(("quiz", "test-1", "0.4"), ("quiz", "test-1", None)) == {("quiz", "test-1"): Decimal("0.4")}
    assert done(("quiz", "test-1", None), ("quiz", "test-1", "0.4")) == {("quiz", "test-1"): Decimal("0.4")}


@pytest.mark.parametrize(("fraction", "expected"), [("0.5999", False), ("0.60", True), ("1", True), (None, False)])
def test_an_activity_with_a_least_fraction_is_done_from_that_fraction_on(fraction: str | None, expected: bool) -> None:
    quiz = next(a for a in PROGRAMME.activities if a.ref == "test-1")
    assert is_done(quiz, done(("quiz", "test-1", fraction))) is expected


def test_hours_are_planned_minutes_of_done_activities_plus_attended_session_minutes() -> None:
    assert earned_minutes(PROGRAMME, done(("lesson", "a", None), ("lesson", "b", None)), {"s1": 60}) == 30 + 45 + 60


def test_a_session_never_earns_more_than_its_planned_minutes_and_unknown_sessions_earn_nothing() -> None:
    assert earned_minutes(PROGRAMME, {}, {"s1": 500, "elsewhere": 90}) == 90


def test_what_is_in_preparation_and_what_was_not_reached_earns_nothing() -> None:
    assert earned_minutes(PROGRAMME, done(("worksheet", "w", None), ("quiz", "test-1", "0.3")), {}) == 0


def test_a_gate_is_open_until_its_component_reaches_the_least_fraction() -> None:
    gate = PROGRAMME.stages[0].gate
    assert gate is not None
    assert gate_state(gate, {}, frozenset()) == "open"
    assert gate_state(gate, done(("quiz", "test-1", "0.59")), frozenset()) == "open"
    assert gate_state(gate, done(("quiz", "test-1", "0.60")), frozenset()) == "passed"


def test_a_waiver_lets_through_and_a_later_pass_is_a_pass() -> None:
    gate = PROGRAMME.stages[0].gate
    assert gate is not None
    assert gate_state(gate, {}, frozenset({"gate-1"})) == "waived"
    assert gate_state(gate, done(("quiz", "test-1", "1")), frozenset({"gate-1"})) == "passed"
    assert gate_state(gate, {}, frozenset({"gate-2"})) == "open"


def test_a_gate_of_planned_components_alone_holds_nobody_back() -> None:
    gate = PROGRAMME.stages[1].gate
    assert gate is not None
    assert gate_state(gate, {}, frozenset()) == "passed"


def test_a_unit_opens_on_its_day_and_only_behind_passed_or_waived_gates() -> None:
    late = date(2026, 12, 1)
    states = unit_states(PROGRAMME, OPENINGS, late, {}, {}, frozenset())
    assert [state.is_open for state in states] == [True, False, False]
    assert states[2].blocked_by is not None and states[2].blocked_by.key == "gate-1"
    waived = unit_states(PROGRAMME, OPENINGS, late, {}, {}, frozenset({"gate-1"}))
    assert [state.is_open for state in waived] == [True, True, True]
    early = unit_states(PROGRAMME, OPENINGS, date(2026, 9, 13), {}, {}, frozenset({"gate-1"}))
    assert [state.is_open for state in early] == [True, False, False]
    assert early[1].blocked_by is None


def test_a_unit_is_complete_when_its_required_activities_are_and_optional_or_planned_ones_do_not_matter() -> None:
    facts = done(("lesson", "a", None), ("quiz", "test-1", "0.9"), ("lesson", "c", None))
    first, second, third = unit_states(PROGRAMME, OPENINGS, date(2026, 12, 1), facts, {"s1": 1}, frozenset())
    assert (first.done, first.required, first.is_complete) == (3, 3, True)
    assert (second.done, second.required, second.is_complete) == (1, 1, True)
    assert not third.is_complete


def test_the_next_activity_is_the_first_open_required_one_that_can_be_done_alone() -> None:
    states = unit_states(PROGRAMME, OPENINGS, date(2026, 9, 7), {}, {}, frozenset())
    found = next_activity(states, done(("lesson", "a", None)))
    assert found is not None and found[1].ref == "test-1"
    assert next_activity(states, done(("lesson", "a", None), ("quiz", "test-1", "1"))) is None


FACTS = st.lists(st.builds(CompletionFact, st.sampled_from(["lesson", "quiz", "worksheet"]), st.sampled_from(["a", "b", "c", "d", "w", "test-1"]),
                           st.one_of(st.none(), st.decimals("0", "1", places=4))), max_size=12)
ATTENDED = st.dictionaries(st.sampled_from(["s1", "x"]), st.integers(0, 400), max_size=2)


@given(FACTS, st.randoms())
def test_the_order_of_completions_is_irrelevant(facts: list[CompletionFact], random: Any) -> None:
    shuffled = facts[:]
    random.shuffle(shuffled)
    assert fold_completions(shuffled) == fold_completions(facts)


@given(FACTS, FACTS, ATTENDED)
def test_more_facts_never_take_hours_or_gates_away(facts: list[CompletionFact], more: list[CompletionFact], attended: dict[str, int]) -> None:
    before, after = fold_completions(facts), fold_completions([*facts, *more])
    most = sum(a.minutes for a in PROGRAMME.activities)
    assert 0 <= earned_minutes(PROGRAMME, before, attended) <= earned_minutes(PROGRAMME, after, attended) <= most
    rank = {"open": 0, "waived": 1, "passed": 2}
    for stage in PROGRAMME.stages:
        if stage.gate:
            assert rank[gate_state(stage.gate, before, frozenset())] <= rank[gate_state(stage.gate, after, frozenset())]


@given(FACTS, ATTENDED, st.dates(date(2026, 8, 1), date(2027, 1, 1)), st.sets(st.sampled_from(["gate-1", "gate-2"])))
def test_a_waiver_only_ever_opens(facts: list[CompletionFact], attended: dict[str, int], today: date, waived: set[str]) -> None:
    folded = fold_completions(facts)
    without = unit_states(PROGRAMME, OPENINGS, today, folded, attended, frozenset())
    with_waiver = unit_states(PROGRAMME, OPENINGS, today, folded, attended, frozenset(waived))
    for one, other in zip(without, with_waiver, strict=True):
        assert other.is_open or not one.is_open
        assert (one.done, one.required) == (other.done, other.required)
        assert not other.is_open or other.opens_on <= today


# ── the calendar ─────────────────────────────────────────────────────────────────────────────────────────────
def test_units_open_a_week_apart_and_the_last_day_ends_the_last_week() -> None:
    assert list(OPENINGS.items()) == [("week-1", START), ("week-2", date(2026, 9, 14)), ("week-3", date(2026, 9, 21))]
    assert default_length(PROGRAMME) == 20
    assert [unit_number(PROGRAMME, OPENINGS, day) for day in (date(2026, 9, 6), START, date(2026, 9, 20), date(2027, 1, 1))] == [0, 1, 2, 3]


def test_openings_outside_the_dates_or_out_of_order_are_named() -> None:
    ends_on = date(2026, 9, 27)
    assert openings_out_of_order(PROGRAMME, OPENINGS, START, ends_on) == {}
    moved = {**OPENINGS, "week-2": date(2026, 9, 25), "week-3": date(2026, 9, 24)}
    assert openings_out_of_order(PROGRAMME, moved, START, ends_on) == {"week-3": "order"}
    assert openings_out_of_order(PROGRAMME, {**OPENINGS, "week-1": date(2026, 9, 6), "week-3": date(2026, 9, 28)}, START, ends_on) == {
        "week-1": "outside", "week-3": "outside"}
