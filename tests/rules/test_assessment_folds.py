"""From what happened to component facts: which attempt counts, when a component is complete, what is still in reach."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.test_assessment_scheme import DEADLINE, SCHEME
from training.assessment.rules import reach
from training.assessment.rules.folds import Earlier, Judged, Presence, Sitting, fold_case, fold_exam, fold_participation, fold_stations, participation_score

D = Decimal
EXAM, SKILL, CASE, PART = SCHEME.components
DAY = timedelta(days=1)
T = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
NEVER = Earlier()


# ── the exam ─────────────────────────────────────────────────────────────────────────────────────────────────────
def sat(number: int, score: str | None, at: datetime | None = T) -> Sitting:
    return Sitting(100 + number, number, None if score is None else D(score), score is None, None if score is None else at)


def test_no_sitting_is_not_performed() -> None:
    assert fold_exam(EXAM, D(80), [], NEVER).fact.state == "not_performed"


def test_an_open_sitting_is_awaited_and_its_score_is_unknown() -> None:
    fact = fold_exam(EXAM, D(80), [sat(1, None)], NEVER).fact
    assert (fact.state, fact.score, fact.performed_at) == ("awaiting", None, None)


def test_a_resit_replaces_a_result_below_the_bar_even_when_it_is_worse() -> None:
    folded = fold_exam(EXAM, D(80), [sat(2, "70", T + DAY), sat(1, "75")], NEVER)
    assert (folded.fact.score, folded.fact.attempt, folded.fact.resits_used, folded.evidence) == (D(70), 2, 1, (102,))


def test_the_better_one_counts_only_where_the_scheme_says_best_of() -> None:
    generous = EXAM.model_copy(update={"resit": EXAM.resit.model_copy(update={"best_of": True})})
    folded = fold_exam(generous, D(80), [sat(1, "75"), sat(2, "70", T + DAY)], NEVER)
    assert (folded.fact.score, folded.fact.resits_used) == (D(75), 0)


def test_a_result_that_met_its_bar_stands_whatever_is_sat_afterwards() -> None:
    folded = fold_exam(EXAM, D(80), [sat(1, "85"), sat(2, "40", T + DAY)], NEVER)
    assert (folded.fact.score, folded.fact.attempt, folded.evidence) == (D(85), 1, (101,))


def test_an_open_resit_makes_the_component_awaited_again() -> None:
    fact = fold_exam(EXAM, D(80), [sat(1, "75"), sat(2, None)], NEVER).fact
    assert (fact.state, fact.resits_used) == ("awaiting", 1)


def test_a_resit_after_its_window_is_left_out() -> None:
    window = Earlier((T,), T + 14 * DAY)
    assert fold_exam(EXAM, D(80), [sat(1, "75"), sat(2, "90", T + 14 * DAY)], window).fact.score == D(75)
    assert fold_exam(EXAM, D(80), [sat(1, "75"), sat(2, "90", T + 13 * DAY)], window).fact.score == D(90)


def test_more_sittings_than_the_scheme_grants_never_count() -> None:
    sittings = [sat(1, "50"), sat(2, "51"), sat(3, "52"), sat(4, "99")]
    folded = fold_exam(EXAM, D(80), sittings, NEVER)
    assert (folded.fact.score, folded.fact.resits_used) == (D(52), 2)


# ── stations ─────────────────────────────────────────────────────────────────────────────────────────────────────
def rated(id_: int, key: str, mark: str | None, at: datetime = T, state: str = "", raters: tuple[int, ...] = (1, 2), red_line: str = "none") -> Judged:
    return Judged(id_, key, 1, at, None if mark is None else D(mark), state or ("complete" if mark is not None else "awaiting"), raters, red_line)  # type: ignore[arg-type]


def test_two_different_stations_make_the_mean() -> None:
    folded = fold_stations(SKILL, [rated(1, "a", "84"), rated(2, "b", "79", T + DAY)], NEVER)
    assert (folded.fact.state, folded.fact.score, folded.fact.performed_at) == ("complete", D("81.5"), T + DAY)
    assert folded.evidence == (1, 2)


def test_one_station_is_not_enough_however_good() -> None:
    assert fold_stations(SKILL, [rated(1, "a", "100")], NEVER).fact.state == "not_performed"


def test_the_same_station_twice_is_one_station_and_the_later_one_counts() -> None:
    twice = [rated(1, "a", "100"), rated(2, "a", "90", T + DAY)]
    assert fold_stations(SKILL, twice, NEVER).fact.state == "not_performed"
    assert fold_stations(SKILL, [*twice, rated(3, "b", "80", T + DAY)], NEVER).fact.score == D(85)


def test_a_station_not_performed_yet_does_not_hold_back_two_complete_ones() -> None:
    planned = Judged(3, "c", 1, None, None, "not_performed", (), "none")
    assert fold_stations(SKILL, [rated(1, "a", "84"), rated(2, "b", "80"), planned], NEVER).fact.state == "complete"


def test_a_third_station_that_was_performed_is_waited_for_and_enters_the_mean() -> None:
    two = [rated(1, "a", "84"), rated(2, "b", "80")]
    assert fold_stations(SKILL, [*two, rated(3, "c", None)], NEVER).fact.state == "awaiting"
    assert fold_stations(SKILL, [*two, rated(3, "c", "70")], NEVER).fact.score == D(78)


@pytest.mark.parametrize("raters", [(), (1,), (1, 1)])
def test_a_station_with_fewer_than_two_different_raters_is_awaited(raters: tuple[int, ...]) -> None:
    assert fold_stations(SKILL, [rated(1, "a", "84"), rated(2, "b", "80", raters=raters)], NEVER).fact.state == "awaiting"


def test_a_held_station_holds_the_component() -> None:
    assert fold_stations(SKILL, [rated(1, "a", "84"), rated(2, "b", None, state="held")], NEVER).fact.state == "held"


def test_a_raised_red_line_is_awaited_although_the_mark_is_agreed() -> None:
    fact = fold_stations(SKILL, [rated(1, "a", "84"), rated(2, "b", "80", red_line="raised")], NEVER).fact
    assert (fact.state, fact.score, fact.red_line) == ("awaiting", None, False)


def test_a_confirmed_red_line_is_told_with_the_marks_kept() -> None:
    fact = fold_stations(SKILL, [rated(1, "a", "96"), rated(2, "b", "90", red_line="confirmed")], NEVER).fact
    assert (fact.state, fact.score, fact.red_line) == ("complete", D(93), True)


def test_after_a_result_below_the_bar_a_further_station_takes_the_place_of_the_weakest() -> None:
    first = [rated(1, "a", "84"), rated(2, "b", "70")]
    folded = fold_stations(SKILL, [*first, rated(3, "c", "82", T + 9 * DAY)], Earlier((T + 7 * DAY,), T + 21 * DAY))
    assert (folded.fact.score, folded.fact.resits_used, folded.evidence) == (D(83), 1, (1, 3))


def test_the_station_with_the_red_line_goes_first_even_when_its_mark_is_better() -> None:
    first = [rated(1, "a", "60"), rated(2, "b", "96", red_line="confirmed")]
    folded = fold_stations(SKILL, [*first, rated(3, "c", "90", T + 9 * DAY)], Earlier((T + 7 * DAY,)))
    assert (folded.evidence, folded.fact.red_line, folded.fact.score) == ((1, 3), False, D(75))


def test_the_same_station_again_takes_its_own_place() -> None:
    first = [rated(1, "a", "84"), rated(2, "b", "70")]
    folded = fold_stations(SKILL, [*first, rated(3, "a", "90", T + 9 * DAY)], Earlier((T + 7 * DAY,)))
    assert (folded.evidence, folded.fact.score) == ((2, 3), D(80))


def test_a_second_resit_round_of_stations_is_not_granted() -> None:
    first = [rated(1, "a", "60"), rated(2, "b", "60")]
    tries = [rated(3, "c", "70", T + 9 * DAY), rated(4, "d", "100", T + 30 * DAY)]
    folded = fold_stations(SKILL, [*first, *tries], Earlier((T + 7 * DAY, T + 20 * DAY)))
    assert (folded.fact.score, folded.fact.resits_used) == (D(65), 1)


# ── the case ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_case_opened_but_not_handed_in_is_not_performed() -> None:
    assert fold_case(CASE, D(60), [Judged(1, "x", 1, None, None, "not_performed", (), "none")], NEVER).fact.state == "not_performed"


def test_the_agreed_mark_of_two_raters_is_the_score() -> None:
    folded = fold_case(CASE, D(60), [rated(7, "x", "72.5")], NEVER)
    assert (folded.fact.state, folded.fact.score, folded.fact.performed_at, folded.evidence) == ("complete", D("72.5"), T, (7,))


def test_another_case_after_one_below_the_bar_is_a_resit() -> None:
    folded = fold_case(CASE, D(60), [rated(1, "x", "50"), rated(2, "y", "90", T + DAY)], NEVER)
    assert (folded.fact.score, folded.fact.resits_used) == (D(90), 1)
    assert fold_case(CASE, D(60), [rated(1, "x", "61"), rated(2, "y", "30", T + DAY)], NEVER).fact.score == D(61)


def test_a_case_with_a_confirmed_red_line_does_not_stand_and_may_be_resat() -> None:
    folded = fold_case(CASE, D(60), [rated(1, "x", "90", red_line="confirmed"), rated(2, "y", "70", T + DAY)], NEVER)
    assert (folded.fact.score, folded.fact.red_line, folded.fact.resits_used) == (D(70), False, 1)


# ── participation ────────────────────────────────────────────────────────────────────────────────────────────────
THERE = Presence(540, 60, 0, 0, 0, D("0.85"), D("1"), T, T)


def participate(presence: Presence, now: datetime = T, earlier: Earlier = NEVER) -> tuple[str, Decimal | None]:
    fact = fold_participation(PART, presence, earlier, DEADLINE, now).fact
    return fact.state, fact.score


def test_participation_is_attendance_and_two_levels_by_weight() -> None:
    # 40 * 540/600 + 30 * .85 + 30 * 1 = 36 + 25.5 + 30
    assert participate(THERE) == ("complete", D("91.5"))


def test_excused_minutes_leave_the_denominator() -> None:
    assert participate(replace(THERE, lost=0, excused=60)) == ("complete", D("95.5"))


def test_a_trainee_excused_from_everything_is_judged_on_the_other_parts() -> None:
    assert participate(replace(THERE, attended=0, lost=0, excused=600)) == ("complete", D("92.5"))


def test_sessions_to_come_leave_participation_not_performed() -> None:
    assert participate(replace(THERE, future=120)) == ("not_performed", None)


@pytest.mark.parametrize("change", [{"discussion": None}, {"group_contribution": None}, {"unmarked": 1, "future": 60}])
def test_a_missing_level_or_register_is_awaited_and_never_the_trainees_lapse(change: dict[str, object]) -> None:
    for now in (T, DEADLINE + DAY):
        assert participate(replace(THERE, **change), now) == ("awaiting", None)  # type: ignore[arg-type]


def test_a_session_planned_after_the_deadline_is_awaited() -> None:
    assert participate(replace(THERE, future=60), DEADLINE) == ("awaiting", None)


def test_a_cohort_without_any_session_has_no_attendance_to_compute() -> None:
    assert participate(Presence(0, 0, 0, 0, 0, D(1), D(1), T, None)) == ("awaiting", None)


def test_levels_set_anew_after_a_result_below_the_bar_are_the_make_up_and_count_as_a_resit() -> None:
    fact = fold_participation(PART, replace(THERE, levels_at=T + 9 * DAY), Earlier((T + 7 * DAY,)), DEADLINE, T + 10 * DAY).fact
    assert (fact.resits_used, fact.attempt) == (1, 2)
    assert fold_participation(PART, THERE, Earlier((T + 7 * DAY,)), DEADLINE, T + 10 * DAY).fact.resits_used == 0


# ── reach ────────────────────────────────────────────────────────────────────────────────────────────────────────
minutes = st.integers(0, 5000)
levels = st.none() | st.sampled_from([D("0"), D("0.45"), D("0.65"), D("0.85"), D("1")])
presences = st.builds(Presence, minutes, minutes, minutes, minutes, st.just(0), levels, levels, st.none(), st.none())
marks = st.none() | st.decimals(0, 100, places=3)


def test_nothing_taken_leaves_everything_possible_and_a_lapse_loses_everything() -> None:
    assert (reach.undecided().possible, reach.forfeited().lost) == (D(100), D(100))


def test_a_score_is_secured_and_the_rest_lost_but_for_what_a_resit_can_add() -> None:
    assert reach.scored(D(76)) == reach.Reach(D(76), D(0), D(24))
    assert reach.scored(D(76), D(80)) == reach.Reach(D(76), D(4), D(20))
    assert reach.scored(D(85), D(80)) == reach.Reach(D(85), D(0), D(15))


def test_each_station_contributes_equally() -> None:
    assert reach.stations([D(84), None], 2) == reach.Reach(D(42), D(50), D(8))
    assert reach.stations([], 2) == reach.undecided()


def test_attendance_is_earned_lost_and_future_by_the_minute() -> None:
    # of 1200 minutes 540 there, 60 missed, 600 to come: 18, 2, 20 of 40; discussion .85 of 30: 25.5 and 4.5; the other level open: 30
    found = reach.participation(PART, Presence(540, 60, 600, 0, 0, D("0.85"), None, None, None))
    assert (found.secured, found.possible, found.lost) == (D("43.5"), D(50), D("6.5"))
    assert found.points(PART.weight) == (D("4.35"), D(5), D("0.65"))


@given(presences)
def test_the_parts_of_participation_are_always_a_whole_and_agree_with_its_score(presence: Presence) -> None:
    found = reach.participation(PART, presence)
    assert abs(found.secured + found.possible + found.lost - 100) < D("1e-20")
    assert min(found.secured, found.lost) >= 0
    assert found.possible > D("-1e-20")
    score = participation_score(PART.evidence, presence)  # type: ignore[arg-type]
    if score is not None and presence.future == 0:
        assert abs(found.secured - score) < D("1e-20")
        assert abs(found.possible) < D("1e-20")


@given(st.lists(marks, max_size=5), st.integers(1, 4))
def test_the_parts_of_stations_are_always_a_whole(known: list[Decimal | None], needed: int) -> None:
    found = reach.stations(known, needed)
    assert abs(found.secured + found.possible + found.lost - 100) < D("1e-20")
    assert found.secured >= 0 and found.lost >= 0 and found.possible > D("-1e-20")


def test_the_whole_is_the_sum_of_points() -> None:
    whole = reach.together([(D(30), reach.undecided()), (D(40), reach.scored(D(88))), (D(20), reach.scored(D(82))), (D(10), reach.forfeited())])
    assert (whole.secured, whole.possible, whole.lost) == (D("51.6"), D(30), D("18.4"))


@given(attended=st.integers(0, 20000), lost=st.integers(0, 20000), level=st.sampled_from(["0", "0.45", "0.65", "0.85", "1"]))
def test_what_is_still_possible_is_never_shown_below_nothing(attended: int, lost: int, level: str) -> None:
    presence = replace(THERE, attended=attended, lost=lost, future=0, discussion=D(level), group_contribution=D(level))
    component = next(c for c in SCHEME.components if c.key == "participation")
    found = reach.participation(component, presence)
    assert found.possible >= 0 and abs(found.secured + found.possible + found.lost - 100) < D("1e-20")


@given(marks=st.lists(st.decimals(0, 100, places=4), min_size=1, max_size=3))
def test_three_stations_never_leave_a_negative_rest(marks: list[D]) -> None:  # type: ignore[valid-type]
    assert reach.stations(marks, 2).possible >= 0
