"""Marks of ratings, agreement of raters, red lines, pairs of raters: worked by hand, and as properties."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.yamlsource import read_yaml
from training.grading.rules.agreement import Judged, gap, median, raters_needed, red_line_state, standing
from training.grading.rules.case import Case
from training.grading.rules.common import text_length
from training.grading.rules.judgement import Judgement, JudgementRefused, Lack, RedLineNote, lacks, read_judgement
from training.grading.rules.pairing import TooFewRaters, distribute
from training.grading.rules.rubric import NOT_OBSERVED, AgreementRule, Instrument, LevelsRefused, Rubric, rubric_score

CONTENT = Path(__file__).resolve().parents[2] / "training" / "grading" / "content"
RUBRIC = Rubric.model_validate(read_yaml(CONTENT / "rubrics" / "needs-interview.yaml", "r").value)
CASE = Case.model_validate(read_yaml(CONTENT / "cases" / "press-threat.yaml", "c").value)
assert isinstance(CASE.rubric, Instrument)
KEYS = ("opening", "questioning", "listening", "layers", "confirming", "compliance")      # weights 10 20 20 20 15 15
LEVELS = ("l1", "l2", "l3", "l4", "l5")                                                   # worth 0 .45 .65 .85 1


def row(*levels: str) -> dict[str, str]:
    return dict(zip(KEYS, levels, strict=True))


@pytest.mark.parametrize(("levels", "mark"), [
    (row("l4", "l4", "l4", "l4", "l4", "l4"), "85"),
    (row("l1", "l1", "l1", "l1", "l1", "l1"), "0"),
    (row("l5", "l5", "l5", "l5", "l5", "l5"), "100"),
    (row("l3", "l3", "l3", "l3", "l3", "l3"), "65"),
    # 10x.65 + 20x.85 + 20x1 + 20x.45 + 15x.65 + 15x.85 = 6.5 + 17 + 20 + 9 + 9.75 + 12.75
    (row("l3", "l4", "l5", "l2", "l3", "l4"), "75"),
    # 10x1 + 20x.85 + 20x.85 + 20x.65 + 15x.85 + 15x.65 = 10 + 17 + 17 + 13 + 12.75 + 9.75: just below the bar of 80
    (row("l5", "l4", "l4", "l3", "l4", "l3"), "79.5"),
])
def test_the_mark_is_the_sum_of_weight_times_fraction(levels: dict[str, str], mark: str) -> None:
    assert rubric_score(RUBRIC, levels) == Decimal(mark)


def test_the_weight_of_what_could_not_be_observed_is_shared_out() -> None:
    # without opening (10): 20x1 + 20x.85 + 20x.85 + 15x.65 + 15x.45 = 20 + 17 + 17 + 9.75 + 6.75 = 70.5 of 90
    assert rubric_score(RUBRIC, row(NOT_OBSERVED, "l5", "l4", "l4", "l3", "l2")) == Decimal("70.5") * 100 / 90
    # what is observed is all good: still 85, whatever is missing
    assert rubric_score(RUBRIC, row(NOT_OBSERVED, "l4", NOT_OBSERVED, "l4", "l4", "l4")) == 85
    # only the two of weight 15 seen, one excellent, one not shown: half
    assert rubric_score(RUBRIC, row(NOT_OBSERVED, NOT_OBSERVED, NOT_OBSERVED, NOT_OBSERVED, "l5", "l1")) == 50


def test_a_case_is_marked_on_its_own_levels() -> None:
    levels = {"grading-and-facts": "good", "diagnosis": "pass", "first-contact": "excellent", "remedy-and-prevention": "fail"}
    # 20x.85 + 30x.65 + 20x1 + 30x.30 = 17 + 19.5 + 20 + 9
    assert rubric_score(CASE.rubric, levels) == Decimal("65.5")


@pytest.mark.parametrize("levels", [
    {}, row("l4", "l4", "l4", "l4", "l4", "l6"), {**row("l4", "l4", "l4", "l4", "l4", "l4"), "charm": "l5"}, row(*[NOT_OBSERVED] * 6),
    dict(list(row("l4", "l4", "l4", "l4", "l4", "l4").items())[:5]),
])
def test_no_mark_is_made_from_levels_that_do_not_fit_the_rubric(levels: dict[str, str]) -> None:
    with pytest.raises(LevelsRefused):
        rubric_score(RUBRIC, levels)


def test_not_observed_is_refused_where_the_rubric_does_not_allow_it() -> None:
    levels = {"grading-and-facts": NOT_OBSERVED, "diagnosis": "pass", "first-contact": "pass", "remedy-and-prevention": "pass"}
    with pytest.raises(LevelsRefused):
        rubric_score(CASE.rubric, levels)


@given(st.lists(st.sampled_from([*LEVELS, NOT_OBSERVED]), min_size=6, max_size=6).filter(lambda levels: set(levels) != {NOT_OBSERVED}))
def test_a_mark_lies_between_its_lowest_and_highest_level_and_more_is_never_less(levels: list[str]) -> None:
    worth = {"l1": 0, "l2": 45, "l3": 65, "l4": 85, "l5": 100}
    seen = [worth[level] for level in levels if level != NOT_OBSERVED]
    mark = rubric_score(RUBRIC, row(*levels))
    slack = Decimal("1e-20")
    assert min(seen) - slack <= mark <= max(seen) + slack
    assert rubric_score(RUBRIC, dict(reversed(list(row(*levels).items())))) == mark
    for index, level in enumerate(levels):
        if level in LEVELS[:-1]:
            better = [*levels]
            better[index] = LEVELS[LEVELS.index(level) + 1]
            assert rubric_score(RUBRIC, row(*better)) > mark


# ── agreement ────────────────────────────────────────────────────────────────────────────────────────────────
RULE = AgreementRule()


def judged(place: int, mark: str, **levels: str) -> Judged:
    return Judged(place * 100, place, Decimal(mark), {**row("l3", "l3", "l3", "l3", "l3", "l3"), **levels})


def fold(*ratings: Judged, has_third: bool = False, needed: int = 2):  # type: ignore[no-untyped-def]
    return standing(RULE, RUBRIC.ranks, True, needed, has_third, ratings)


def test_two_raters_within_the_agreed_difference_give_their_mean() -> None:
    stands = fold(judged(1, "80"), judged(2, "85.5"))
    assert (stands.state, stands.mark) == ("complete", Decimal("82.75"))


def test_a_gap_of_ten_points_is_allowed_and_one_hundredth_more_is_held() -> None:
    assert fold(judged(1, "75"), judged(2, "85")).mark == 80
    held = fold(judged(1, "75"), judged(2, "85.01"))
    assert (held.state, held.mark, held.needs_third) == ("held", None, True)
    assert fold(judged(2, "75"), judged(1, "85.01")).state == "held"


def test_a_gap_of_one_level_is_allowed_and_of_two_is_held_though_the_totals_agree() -> None:
    assert fold(judged(1, "80", opening="l3"), judged(2, "80", opening="l4")).state == "complete"
    assert fold(judged(1, "80", opening="l3"), judged(2, "80", opening="l5")).state == "held"
    wide = gap(judged(1, "80", opening="l1", layers="l1"), judged(2, "80", opening="l5", layers="l5"), RUBRIC.ranks)
    assert (wide.levels, set(wide.criteria)) == (4, {"opening", "layers"})


def test_a_criterion_only_one_rater_could_observe_makes_no_gap_in_levels() -> None:
    assert fold(judged(1, "80", opening=NOT_OBSERVED), judged(2, "80", opening="l5")).state == "complete"


def test_a_third_rater_settles_by_the_median_of_three() -> None:
    first, second = judged(1, "60"), judged(2, "90")
    assert fold(first, second, has_third=True) == standing(RULE, RUBRIC.ranks, True, 2, True, [first, second])
    assert fold(first, second, has_third=True).needs_third is False
    for third, mark in (("72", "72"), ("20", "60"), ("99", "90"), ("60", "60")):
        stands = fold(first, second, judged(3, third), has_third=True)
        assert (stands.state, stands.mark) == ("complete", Decimal(mark))


def test_until_both_are_final_nothing_is_said_and_before_it_was_performed_nothing_is_awaited() -> None:
    assert fold(judged(1, "80")).state == "awaiting"
    assert fold().state == "awaiting"
    assert standing(RULE, RUBRIC.ranks, False, 2, False, []).state == "not_performed"


def test_practice_may_be_rated_by_one_and_what_counts_never() -> None:
    assert raters_needed(RULE, "practice", 1) == 1
    assert raters_needed(RULE, "practice", 2) == 2
    assert raters_needed(RULE, "final", 1) == 2
    assert fold(judged(1, "71"), needed=1).mark == 71


@given(st.lists(st.decimals(0, 100, places=2), min_size=3, max_size=3))
def test_the_median_of_three_is_one_of_them_and_does_not_care_for_order(marks: list[Decimal]) -> None:
    assert {median(list(order)) for order in itertools.permutations(marks)} == {sorted(marks)[1]}


@pytest.mark.parametrize(("decisions", "state"), [
    ([], "none"), ([None], "raised"), ([True], "confirmed"), ([False], "none"), ([False, False], "none"), ([False, None], "raised"),
    ([True, None], "confirmed"), ([False, True], "confirmed"),
])
def test_a_red_line_is_raised_until_decided_and_one_confirmation_is_enough(decisions: list[bool | None], state: str) -> None:
    assert red_line_state(decisions) == state


# ── pairs of raters ──────────────────────────────────────────────────────────────────────────────────────────
def test_raters_take_turns_and_nobody_rates_where_barred() -> None:
    pairs = distribute([1, 2, 3, 4], [7, 8, 9], 2, {2: [8]})
    assert all(len(set(pair)) == 2 for pair in pairs.values())
    assert 8 not in pairs[2]
    load = [sum(rater in pair for pair in pairs.values()) for rater in (7, 8, 9)]
    assert sum(load) == 8 and max(load) - min(load) <= 1
    assert pairs == distribute([1, 2, 3, 4], [7, 8, 9], 2, {2: [8]})


def test_too_few_raters_is_refused_for_all_and_names_who_is_concerned() -> None:
    with pytest.raises(TooFewRaters) as refused:
        distribute([1, 2], [7, 8], 2, {2: [7]})
    assert refused.value.keys == (2,)
    with pytest.raises(TooFewRaters):
        distribute([1], [7, 7], 2, {})


@given(st.integers(1, 40), st.integers(2, 6))
def test_every_performance_gets_different_raters_and_loads_differ_by_one_at_most(count: int, raters: int) -> None:
    pairs = distribute(list(range(count)), list(range(100, 100 + raters)), 2, {})
    load = [sum(rater in pair for pair in pairs.values()) for rater in range(100, 100 + raters)]
    assert all(len(set(pair)) == 2 for pair in pairs.values())
    assert max(load) - min(load) <= 1


# ── what a rating holds ──────────────────────────────────────────────────────────────────────────────────────
WHOLE = {"levels": row("l3", "l3", "l4", "l3", "l4", "l3"), "global_judgement": "clear-pass"}


def test_a_whole_rating_lacks_nothing_and_comes_back_as_it_was() -> None:
    judgement = read_judgement(WHOLE, RUBRIC)
    assert lacks(judgement, RUBRIC) == ()
    assert read_judgement(judgement.to_json(), RUBRIC) == judgement


def test_a_final_rating_needs_levels_evidence_quotation_time_and_the_global_judgement() -> None:
    levels = row("l1", "l2", "l5", "l3", "l4", "l3")
    del levels["compliance"]
    judgement = Judgement(levels, {"questioning": "像填表"}, {"quarrel": RedLineNote("", "03:20"), "return-promised": RedLineNote("一定能回来", "")})
    assert set(lacks(judgement, RUBRIC)) == {
        Lack("evidence", "opening"), Lack("evidence", "listening"), Lack("level", "compliance"), Lack("quotation", "quarrel"),
        Lack("time", "return-promised"), Lack("global_judgement")}


def test_evidence_of_blanks_is_none_and_a_rating_of_nothing_is_no_rating() -> None:
    judgement = read_judgement({"levels": row("l1", "l3", "l3", "l3", "l3", "l3"), "evidence": {"opening": " \n "}, "global_judgement": "good"}, RUBRIC)
    assert lacks(judgement, RUBRIC) == (Lack("evidence", "opening"),)
    nothing = read_judgement({"levels": row(*[NOT_OBSERVED] * 6), "global_judgement": "good"}, RUBRIC)
    assert lacks(nothing, RUBRIC) == (Lack("nothing_observed", "opening"),)


@pytest.mark.parametrize(("body", "reason"), [
    ({"levels": {"opening": "l9"}}, "unknown_level"), ({"levels": {"charm": "l3"}}, "unknown_criterion"), ({"levels": {"opening": ["l3"]}}, "unknown_level"),
    ({"levels": {"opening": 5}}, "unknown_level"), ({"levels": []}, "shape"), ({"marks": 100}, "shape"), ([], "shape"), ("x", "shape"),
    ({"red_lines": {"nothing": {}}}, "unknown_red_line"), ({"red_lines": {"quarrel": "yes"}}, "shape"),
    ({"global_judgement": "superb"}, "unknown_judgement"), ({"comment": "x" * 6001}, "too_long"), ({"evidence": {"opening": "x" * 200_000}}, "too_long"),
    ({"evidence": {"opening": 7}}, "shape"), ({"global_judgement": ["good"]}, "shape"),
])
def test_what_the_rubric_does_not_know_is_refused(body: object, reason: str) -> None:
    with pytest.raises(JudgementRefused) as refused:
        read_judgement(body, RUBRIC)
    assert refused.value.reason == reason


def test_hostile_text_is_kept_as_text_but_for_the_nul_that_no_database_takes() -> None:
    text = "<script>alert(1)</script> ' OR 1=1 --\r\n\x00𝔘🙂"
    assert read_judgement({"comment": text}, RUBRIC).comment == "<script>alert(1)</script> ' OR 1=1 --\n𝔘🙂"


def test_lengths_count_chinese_characters_or_english_words_by_the_language_of_the_text() -> None:
    assert text_length("") == ("zh", 0)
    assert text_length("差额 48,821.92 元") == ("zh", 10)
    assert text_length("Answer by noon, in writing.") == ("en", 5)
    assert text_length("用 Excel 核对三项") == ("zh", 5)
