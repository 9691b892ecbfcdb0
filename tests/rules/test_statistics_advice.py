"""The published advice bands: what meets them, what does not, and in which order."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from quizzes.rules import plots
from quizzes.rules.advice import Advice, advise, band
from quizzes.rules.statistics import Seen, analyse


def chosen(answer: str) -> tuple[str, ...]:
    return (answer,) if answer else ()


def people(count: int, take: str, seed: int = 5) -> list[Seen]:
    """`count` people ranked by what they can, who answer as `take` says: a letter per tenth of the ranking, "*" any wrong one."""
    chance = Random(seed)
    seen = []
    for n in range(count):
        letter = take[n * len(take) // count]
        letter = chance.choice("bcd") if letter == "*" else letter
        seen.append(Seen(float(letter == "a"), n / count, n / count, 1, letter))
    return seen


def codes(seen: list[Seen], expected: float = 0.5, keys: str = "abcd") -> list[str]:
    return [one.code for one in advise(analyse(seen, list(keys), ["a"], chosen), expected, True)]


def test_a_good_item_gets_no_advice() -> None:
    assert codes(people(100, "bcdbcaaaaa")) == []


def test_a_wrong_key_is_suspected_first_of_all() -> None:
    """The able all take B; A, the key, is taken by the others."""
    found = advise(analyse(people(100, "aacdcdabbb"), list("abcd"), ["a"], chosen), 0.3, True)
    assert found[0].code == "miskeyed" and found[0].option == "b" and found[0].is_shown
    assert "negative" in [one.code for one in found]


def test_a_wrong_key_is_not_suspected_where_several_options_are_right() -> None:
    found = advise(analyse(people(100, "aacdcdabbb"), list("abcd"), ["a", "c"], chosen), 0.3, False)
    assert "miskeyed" not in [one.code for one in found] and "draws_best" in [one.code for one in found]


def test_an_option_that_draws_the_best_is_named() -> None:
    """The middle takes the key; part of the best takes B, which is not better than the key itself."""
    found = advise(analyse(people(100, "ccdddaaaaaaaab"), list("abcd"), ["a"], chosen), 0.6, True)
    assert [(one.code, one.option) for one in found] == [("draws_best", "b")]


@pytest.mark.parametrize(("expected", "wanted"), [(0.70, ["harder"]), (0.30, ["easier"]), (0.55, []), (0.63, [])])
def test_difficulty_is_held_against_what_was_expected(expected: float, wanted: list[str]) -> None:
    assert codes(people(100, "bcdbcaaaaa"), expected) == wanted


def test_fifteen_points_of_twelve_answers_are_no_reason_and_of_nine_nothing_is() -> None:
    """6 of 12: the interval reaches from 25 to 75 %, so an expected 70 % is not contradicted."""
    assert codes(people(12, "ba"), 0.70) == [] and codes(people(9, "b"), 0.95) == []
    assert codes(people(12, "b"), 0.70) == ["harder"]


def test_a_weak_item_is_a_suspicion_until_the_interval_says_so() -> None:
    few = analyse(people(40, "ab" * 20), list("abcd"), ["a"], chosen)
    many = analyse(people(2000, "ab" * 1000), list("abcd"), ["a"], chosen)
    weak = [next(one for one in advise(found, 0.5, True) if one.code in ("weak", "negative")) for found in (few, many)]
    assert not weak[0].is_shown
    assert weak[1].is_shown or weak[1].code == "negative"


def test_an_unused_option_is_named_and_beyond_doubt_from_enough_answers() -> None:
    for count, shown in ((40, False), (200, True)):
        found = advise(analyse(people(count, "bcbcbaaaaa"), list("abcd"), ["a"], chosen), 0.5, True)
        assert [(one.code, one.option, one.is_shown) for one in found] == [("unused", "d", shown)]


def test_under_thirty_answers_nothing_is_said_of_options_or_discrimination() -> None:
    assert codes(people(29, "aab"), 0.66) == []


def test_urgency_orders_before_certainty_and_certainty_before_size() -> None:
    listed = [Advice("unused", True, 0.05), Advice("weak", False, 0.19), Advice("weak", True, 0.01), Advice("weak", True, 0.1), Advice("miskeyed", False, 0.2)]
    assert [(one.code, one.is_shown, one.size) for one in sorted(listed, key=lambda one: one.rank)] == [
        ("miskeyed", False, 0.2), ("weak", True, 0.1), ("weak", True, 0.01), ("weak", False, 0.19), ("unused", True, 0.05)]


def test_ebels_bands() -> None:
    assert [band(r) for r in (0.40, 0.39, 0.30, 0.29, 0.20, 0.19, 0.0, -0.1)] == [
        "excellent", "good", "good", "marginal", "marginal", "poor", "poor", "negative"]


# ── where the marks of a plot stand ──────────────────────────────────────────────────────────────────────────────
def test_columns_stand_on_the_floor_and_the_bar_divides_them() -> None:
    plot = plots.histogram_plot((0, 2, 0, 0, 0, 0, 0, 4, 6, 1), 100, 80)
    assert [column.is_low for column in plot.columns] == [True] * 8 + [False] * 2
    assert all(column.y + column.height == pytest.approx(plot.floor, abs=0.2) for column in plot.columns)
    assert plot.columns[8].height == max(column.height for column in plot.columns) and plot.bar_end
    assert len(plot.rows) <= 4 and plot.columns[0].height == 0


@pytest.mark.parametrize("most", [1, 3, 4, 5, 17, 99, 500, 4000])
def test_a_histogram_has_at_most_four_lines_and_never_grows_through_the_ceiling(most: int) -> None:
    plot = plots.histogram_plot((most, 0), 10)
    assert 1 <= len(plot.rows) <= 4 and plot.columns[0].y >= 29.9


def test_the_map_holds_every_dot_within_its_frame() -> None:
    points = [(f"i{n}", n / 50, -0.9 + n * 0.036, n % 7 == 0) for n in range(51)]
    plot = plots.map_plot(points)
    assert all(plot.left <= dot.x <= plot.right and 15.9 <= dot.y <= plot.floor + 0.1 for dot in plot.dots)
    assert sum(dot.has_text for dot in plot.dots) >= 5 and not any(dot.has_text and not dot.is_marked for dot in plot.dots)


def test_rows_are_out_where_their_interval_misses_the_line() -> None:
    plot = plots.dot_plot([(0.5, 0.4, 0.6), (0.9, 0.8, 0.95)], 0.55)
    assert [row.is_out for row in plot.rows] == [False, True]
    assert plot.rows[0].low < plot.rows[0].x < plot.rows[0].high


def test_letters_at_the_end_of_traces_keep_apart() -> None:
    plot = plots.trace_plot([("A", True, 0.1, 0.5, 0.9), ("B", False, 0.5, 0.3, 0.0), ("C", False, 0.2, 0.1, 0.0), ("D", False, 0.2, 0.1, 0.01)])
    ends = sorted(trace.text_y for trace in plot.traces)
    assert all(after - before >= 14.9 for before, after in pairwise(ends)) and ends[-1] <= plot.floor + 4.1
