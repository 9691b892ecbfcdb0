"""The scheme: bars, bands, rounding, totals and outcomes, worked by hand, and properties that hold of any scores."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.content import Library
from training.assessment import loader
from training.assessment.rules import deadlines
from training.assessment.rules.scheme import (
    ComponentFact,
    Scheme,
    Standing,
    State,
    Terms,
    Verdict,
    band_of,
    bar_of,
    edges_of,
    eligible_honours,
    judge,
    meets,
    outcome,
    shown,
    weighted_total,
)

D = Decimal
ZONE = "Asia/Shanghai"
KEYS = ("written_exam", "skill_demonstration", "case_analysis", "participation")
DEADLINE = datetime(2026, 12, 6, 16, 0, tzinfo=UTC)          # midnight that ends 6 December in Shanghai
BEFORE = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
AFTER = datetime(2026, 12, 10, 8, 0, tzinfo=UTC)


def load() -> Scheme:
    library = Library()
    scheme = loader.read_scheme(loader.CONTENT / "schemes" / "default.yaml", library)
    assert scheme is not None
    assert not library.problems, "\n".join(map(str, library.problems))
    return scheme


SCHEME = load()


def complete(*scores: str, **changes: ComponentFact) -> dict[str, ComponentFact]:
    """Facts of a first sitting with these four scores."""
    facts = {key: ComponentFact(key, "complete", D(score), BEFORE) for key, score in zip(KEYS, scores, strict=True)}
    return {**facts, **changes}


def terms(**changes: Terms) -> dict[str, Terms]:
    return {**{key: Terms(DEADLINE) for key in KEYS}, **changes}


def verdict(facts: dict[str, ComponentFact], limits: dict[str, Terms] | None = None, now: datetime = BEFORE) -> Verdict:
    return judge(SCHEME, facts, limits or terms(), now)


# ── the shipped scheme ───────────────────────────────────────────────────────────────────────────────────────────
def test_the_shipped_scheme_is_the_one_of_the_curriculum() -> None:
    assert [(c.key, c.weight, bar_of(SCHEME, c.hurdle)) for c in SCHEME.components] == [
        ("written_exam", D(30), D(80)), ("skill_demonstration", D(40), D(80)), ("case_analysis", D(20), D(60)), ("participation", D(10), D(80))]
    assert [(b.key, b.min) for b in SCHEME.bands] == [("excellent", D(90)), ("good", D(80)), ("pass", D(60)), ("fail", D(0))]


def test_the_stored_body_reads_back_as_the_same_scheme() -> None:
    assert Scheme.model_validate(SCHEME.model_dump(mode="json")) == SCHEME


# ── rounding ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("score", "seen"), [
    ("79.96", "79.96"), ("79.996", "79.996"), ("79.9999999", "79.9999999"), ("80.04", "80.0"), ("80.05", "80.1"), ("79.94", "79.9"), ("79.95", "79.95"),
    ("80", "80.0"), ("0", "0.0"), ("100", "100.0"), ("59.97", "59.97"), ("89.951", "89.95"), ("76.25", "76.3"), ("76.24", "76.2"),
])
def test_a_score_shows_one_decimal_half_up_unless_that_would_cross_an_edge(score: str, seen: str) -> None:
    assert shown(D(score), [D(60), D(80), D(90)]) == seen


def test_half_up_and_not_half_even() -> None:
    assert shown(D("76.45"), []) == "76.5"
    assert shown(D("76.55"), []) == "76.6"


def test_an_edge_between_tenths_is_respected_from_above_too() -> None:
    assert shown(D("80.04"), [D("80.02")]) == "80.04"
    assert shown(D("80.02"), [D("80.02")]) == "80.02"


def test_79_96_fails_a_bar_of_80_and_is_never_shown_as_80() -> None:
    component = SCHEME.component("skill_demonstration")
    assert not meets(SCHEME, component, D("79.96"))
    assert meets(SCHEME, component, D("80"))
    assert band_of(SCHEME, D("79.96")).key == "pass"
    found = verdict(complete("90", "79.96", "85", "85"))
    assert (found.outcome, found.total, found.total_shown) == ("resit", D("84.484"), "84.5")
    assert [r.key for r in found.reasons] == ["skill_demonstration"]
    assert found.result("skill_demonstration").shown == "79.96"


def test_a_repeating_mean_just_below_a_bar_keeps_every_digit_it_needs() -> None:
    score = (D("80") + D("80") + D("79.9999")) / 3
    assert shown(score, [D(80)]) == "79.99997"


def test_a_total_just_below_a_band_edge_does_not_look_excellent() -> None:
    found = verdict(complete("89.9", "90", "90", "89.9"))
    assert found.total == D("89.960")
    assert (found.total_shown, found.band) == ("89.96", "good")


# ── outcomes, worked by hand ─────────────────────────────────────────────────────────────────────────────────────
def test_all_four_bars_met_is_a_pass_with_its_band() -> None:
    # 84*.3 + 82*.4 + 70*.2 + 90*.1 = 25.2 + 32.8 + 14 + 9 = 81
    found = verdict(complete("84", "82", "70", "90"))
    assert (found.outcome, found.total, found.total_shown, found.band, found.reasons) == ("pass", D("81"), "81.0", "good", ())


def test_a_total_of_92_with_one_failed_bar_does_not_pass() -> None:
    # 79*.3 + 98*.4 + 97*.2 + 97*.1 = 23.7 + 39.2 + 19.4 + 9.7 = 92
    found = verdict(complete("79", "98", "97", "97"))
    assert (found.total, found.outcome) == (D("92"), "resit")
    assert [r.key for r in found.reasons] == ["written_exam"]


def test_a_missing_component_is_not_yet_and_never_a_zero() -> None:
    facts = complete("84", "82", "70", "90")
    del facts["case_analysis"]
    found = verdict(facts)
    assert (found.outcome, found.total, found.total_shown, found.band) == ("pending", None, "", "")
    assert weighted_total(SCHEME, {"written_exam": D(84)}) is None


def test_a_missing_component_after_the_deadline_fails() -> None:
    facts = complete("84", "82", "70", "90")
    del facts["case_analysis"]
    assert verdict(facts, now=DEADLINE - timedelta(microseconds=1)).outcome == "pending"
    found = verdict(facts, now=DEADLINE)
    assert (found.outcome, found.total) == ("fail", None)
    assert [(r.key, r.standing) for r in found.reasons] == [("case_analysis", "overdue")]


def test_awaiting_a_mark_after_the_deadline_is_pending_because_marking_late_is_not_the_trainees_fault() -> None:
    facts = complete("84", "82", "70", "90", case_analysis=ComponentFact("case_analysis", "awaiting", None, BEFORE))
    assert verdict(facts, now=AFTER).outcome == "pending"
    held = complete("84", "82", "70", "90", case_analysis=ComponentFact("case_analysis", "held", None, BEFORE))
    found = verdict(held, now=AFTER)
    assert (found.outcome, found.result("case_analysis").standing) == ("pending", "held")


def test_awaiting_comes_before_a_passed_deadline_of_another_component() -> None:
    facts = complete("84", "82", "70", "90", case_analysis=ComponentFact("case_analysis", "awaiting", None, BEFORE),
                     written_exam=ComponentFact("written_exam", "not_performed"))
    found = verdict(facts, now=AFTER)
    assert found.outcome == "pending"
    assert [r.standing for r in found.reasons] == ["overdue", "awaiting"]


def test_performed_late_without_an_extension_counts_as_not_performed() -> None:
    late = ComponentFact("case_analysis", "complete", D(95), DEADLINE)
    found = verdict(complete("84", "82", "70", "90", case_analysis=late), now=AFTER)
    assert (found.outcome, found.total, found.result("case_analysis").is_late) == ("fail", None, True)
    in_time = ComponentFact("case_analysis", "complete", D(95), DEADLINE - timedelta(microseconds=1))
    assert verdict(complete("84", "82", "70", "90", case_analysis=in_time), now=AFTER).outcome == "pass"


def test_an_extension_wins_over_the_deadline() -> None:
    late = ComponentFact("case_analysis", "complete", D(95), DEADLINE + timedelta(days=2))
    extended = terms(case_analysis=Terms(DEADLINE + timedelta(days=3), True))
    assert verdict(complete("84", "82", "70", "90", case_analysis=late), extended, AFTER).outcome == "pass"
    missing = complete("84", "82", "70", "90", case_analysis=ComponentFact("case_analysis", "not_performed"))
    assert verdict(missing, extended, DEADLINE + timedelta(days=1)).outcome == "pending"
    assert verdict(missing, extended, DEADLINE + timedelta(days=3)).outcome == "fail"


def test_an_extension_of_one_component_does_not_help_another() -> None:
    facts = complete("84", "82", "70", "90", written_exam=ComponentFact("written_exam", "not_performed"))
    assert verdict(facts, terms(case_analysis=Terms(DEADLINE + timedelta(days=30), True)), AFTER).outcome == "fail"


def test_a_confirmed_red_line_puts_the_component_below_its_bar_and_keeps_the_marks() -> None:
    crossed = ComponentFact("skill_demonstration", "complete", D(96), BEFORE, red_line=True)
    found = verdict(complete("84", "82", "70", "90", skill_demonstration=crossed))
    result = found.result("skill_demonstration")
    assert (found.outcome, result.standing, result.score, result.meets_bar) == ("resit", "below_resit", D(96), False)
    assert found.total == D("86.6")        # 25.2 + 38.4 + 14 + 9


def test_a_resit_counts_for_at_most_the_cap_and_can_still_meet_the_bar() -> None:
    again = ComponentFact("written_exam", "complete", D(95), BEFORE, attempt=2, resits_used=1)
    found = verdict(complete("84", "82", "70", "90", written_exam=again))
    result = found.result("written_exam")
    assert (found.outcome, result.score, result.shown, result.is_capped) == ("pass", D(80), "80.0", True)
    assert found.total == D("79.8")        # 24 + 32.8 + 14 + 9
    assert found.band == "pass"


def test_a_repeated_sitting_after_an_irregularity_is_not_capped() -> None:
    again = ComponentFact("written_exam", "complete", D(95), BEFORE, attempt=2, resits_used=0)
    assert verdict(complete("84", "82", "70", "90", written_exam=again)).result("written_exam").score == D(95)


def test_below_a_bar_without_a_resit_left_fails() -> None:
    once = ComponentFact("written_exam", "complete", D(70), BEFORE, attempt=2, resits_used=1)
    assert verdict(complete("84", "82", "70", "90", written_exam=once)).outcome == "resit"      # the exam has two resits
    twice = ComponentFact("written_exam", "complete", D(70), BEFORE, attempt=3, resits_used=2)
    assert verdict(complete("84", "82", "70", "90", written_exam=twice)).outcome == "fail"


def test_the_window_of_a_resit_closes() -> None:
    facts = complete("78", "82", "70", "90")
    limits = terms(written_exam=Terms(DEADLINE, False, AFTER))
    assert verdict(facts, limits, AFTER - timedelta(seconds=1)).outcome == "resit"
    assert verdict(facts, limits, AFTER).outcome == "fail"


def test_a_resit_after_the_deadline_is_not_late() -> None:
    again = ComponentFact("written_exam", "complete", D(85), AFTER, attempt=2, resits_used=1)
    assert verdict(complete("84", "82", "70", "90", written_exam=again), now=AFTER + timedelta(days=1)).outcome == "pass"


def test_every_reason_is_listed_and_not_only_the_first() -> None:
    found = verdict(complete("78", "79", "59.96", "70"))
    assert [(r.key, r.shown) for r in found.reasons] == [
        ("written_exam", "78.0"), ("skill_demonstration", "79.0"), ("case_analysis", "59.96"), ("participation", "70.0")]


# ── worked examples and honours ──────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("example", SCHEME.worked_examples, ids=lambda example: example.total)
def test_each_worked_example_of_the_scheme_comes_out_as_written(example: object) -> None:
    facts = {key: ComponentFact(key, "complete", score, BEFORE) for key, score in example.scores.items()}  # type: ignore[attr-defined]
    found = verdict(facts)
    assert found.total_shown == example.total                                                               # type: ignore[attr-defined]
    assert found.outcome == example.result                                                                  # type: ignore[attr-defined]
    assert tuple(r.key for r in found.reasons) == example.reasons                                           # type: ignore[attr-defined]
    assert example.band in (None, found.band)                                                               # type: ignore[attr-defined]


def test_the_honour_needs_everything_its_rule_names() -> None:
    star = complete("92", "93", "88", "90")
    assert eligible_honours(SCHEME, verdict(star), False, False) == ("service-star",)
    assert eligible_honours(SCHEME, verdict(star), True, False) == ()
    assert eligible_honours(SCHEME, verdict(star), False, True) == ()
    assert eligible_honours(SCHEME, verdict(complete("84.99", "99", "99", "99")), False, False) == ()
    second = ComponentFact("case_analysis", "complete", D(99), BEFORE, attempt=2)
    assert eligible_honours(SCHEME, verdict(complete("92", "93", "88", "90", case_analysis=second)), False, False) == ()


# ── deadlines ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_deadline_is_the_midnight_that_ends_the_seventh_day_in_the_cohorts_zone() -> None:
    assert deadlines.deadline_of(SCHEME, date(2026, 11, 29), ZONE) == DEADLINE
    assert deadlines.deadline_of(SCHEME, date(2026, 11, 29), "Europe/Berlin") == datetime(2026, 12, 6, 23, 0, tzinfo=UTC)
    assert deadlines.rating_due(SCHEME, date(2026, 11, 29), ZONE) == DEADLINE + timedelta(days=5)
    assert deadlines.latest_extension(SCHEME, date(2026, 11, 29), ZONE) == DEADLINE + timedelta(days=30)


def test_a_day_of_23_hours_still_ends_at_its_own_midnight() -> None:
    assert deadlines.end_of(date(2027, 3, 28), "Europe/Berlin") == datetime(2027, 3, 28, 22, 0, tzinfo=UTC)


def test_the_resit_window_opens_after_the_wait_and_closes_at_a_midnight() -> None:
    released = datetime(2026, 12, 8, 17, 30, tzinfo=UTC)        # 01:30 on 9 December in Shanghai
    first, last = deadlines.resit_window(SCHEME, 2, released, ZONE)
    assert first == datetime(2026, 12, 10, 16, 0, tzinfo=UTC)   # 11 December begins
    assert last == datetime(2026, 12, 23, 16, 0, tzinfo=UTC)    # 23 December ends
    assert deadlines.resit_window(SCHEME, 0, released, ZONE)[0] == released


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────
scores = st.decimals(min_value=0, max_value=100, allow_nan=False, allow_infinity=False, places=6) | st.builds(
    lambda a, b: D(a) * 100 / D(b), st.integers(0, 7), st.just(7))
states = st.sampled_from(get_args(State))


@given(st.tuples(scores, scores, scores, scores))
def test_the_total_lies_between_the_least_and_the_greatest_score(four: tuple[Decimal, ...]) -> None:
    total = weighted_total(SCHEME, dict(zip(KEYS, four, strict=True)))
    assert total is not None
    assert min(four) <= total <= max(four)


@given(scores, st.lists(st.decimals(min_value=0, max_value=100, places=2), max_size=5))
def test_what_is_shown_is_on_the_same_side_of_every_edge_and_never_far(score: Decimal, edges: list[Decimal]) -> None:
    seen = D(shown(score, edges))
    assert all((seen >= edge) == (score >= edge) for edge in edges)
    assert abs(seen - score) <= D("0.05")


@given(scores)
def test_a_shown_component_score_tells_the_same_band_and_bar_as_the_exact_one(score: Decimal) -> None:
    for component in SCHEME.components:
        seen = D(shown(score, edges_of(SCHEME, component)))
        assert meets(SCHEME, component, seen) == meets(SCHEME, component, score)
        assert band_of(SCHEME, seen) == band_of(SCHEME, score)


@given(st.lists(st.sampled_from(get_args(Standing)), min_size=4, max_size=4))
def test_every_combination_of_standings_has_a_result_and_only_all_met_passes(standings: list[Standing]) -> None:
    result = outcome(SCHEME.outcome, standings)
    assert result is not None
    assert (result == "pass") == (set(standings) == {"met"})
    assert outcome(SCHEME.outcome, list(reversed(standings))) == result


moments = st.integers(0, 61 * 24 * 60).map(lambda minutes: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=minutes))
facts_of_anything = st.fixed_dictionaries({}, optional={
    key: st.builds(ComponentFact, st.just(key), states, st.none() | scores, st.none() | moments, st.booleans(), st.integers(1, 4), st.integers(0, 3))
    for key in KEYS})


@given(facts_of_anything, moments)
def test_any_facts_at_any_time_have_an_outcome_and_a_pass_means_four_bars_met(facts: dict[str, ComponentFact], now: datetime) -> None:
    found = verdict(facts, now=now)
    if found.outcome == "pass":
        assert found.total is not None
        assert all(r.score is not None and r.score >= r.bar and not r.fact.red_line for r in found.results)
    else:
        assert found.reasons


def test_the_content_files_of_this_part_have_no_problem() -> None:
    library = Library()
    loader.read_schemes(library)
    assert not library.problems
    assert set(library.of("scheme")) == {file.stem for file in Path(loader.CONTENT / "schemes").glob("*.yaml")}
