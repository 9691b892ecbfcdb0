"""Statistics against published data sets and worked examples, and the properties that hold for any answers."""

from __future__ import annotations

from math import isclose, sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizzes.rules import statistics as s
from quizzes.rules.statistics import Seen

# R's data set `attitude` (Chatterjee and Price 1977): 30 departments, 7 questions. Alpha and the item-rest correlations are
# those printed by psych::alpha(attitude) (Revelle).
ATTITUDE = [[int(value) for value in line.split()] for line in """
43 51 30 39 61 92 45
63 64 51 54 63 73 47
71 70 68 69 76 86 48
61 63 45 47 54 84 35
81 78 56 66 71 83 47
43 55 49 44 54 49 34
58 67 42 56 66 68 35
71 75 50 55 70 66 41
72 82 72 67 71 83 31
67 61 45 47 62 80 41
64 53 53 58 58 67 34
67 60 47 39 59 74 41
69 62 57 42 55 63 25
68 83 83 45 59 77 35
77 77 54 72 79 77 46
81 90 50 72 60 54 36
74 85 64 69 79 79 63
65 60 65 75 55 80 60
65 70 46 57 75 85 46
50 58 68 54 64 78 52
50 40 33 34 43 64 33
64 61 52 62 66 80 41
53 66 52 50 63 80 37
40 37 42 58 50 57 49
63 54 42 48 66 75 33
66 77 66 63 88 76 72
78 75 58 74 80 78 49
48 57 44 45 51 83 38
85 85 71 71 77 74 55
82 82 39 59 64 78 39
""".strip().splitlines()]
# Section 6 of the Law School Admission Test (Bock and Lieberman 1970): how many of 1000 gave each pattern of five answers.
LSAT = {"00000": 3, "00001": 6, "00010": 2, "00011": 11, "00100": 1, "00101": 1, "00110": 3, "00111": 4, "01000": 1, "01001": 8, "01011": 16, "01101": 3,
        "01110": 2, "01111": 15, "10000": 10, "10001": 29, "10010": 14, "10011": 81, "10100": 3, "10101": 28, "10110": 15, "10111": 80, "11000": 16,
        "11001": 56, "11010": 21, "11011": 173, "11100": 11, "11101": 61, "11110": 28, "11111": 298}
LSAT_ROWS = [[int(digit) for digit in pattern] for pattern, count in LSAT.items() for _person in range(count)]
# Shrout and Fleiss (1979), table 2: six subjects, four judges.
JUDGED = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
# Student (1908): hours of sleep gained with two drugs, the data set `sleep` of R.
SLEEP = ([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])


# ── published values ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("hits", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)])
def test_wilson_gives_the_intervals_of_newcombe(hits: int, n: int, low: float, high: float) -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I, method 3."""
    assert [round(edge, 4) for edge in s.wilson(hits / n, n)] == [low, high]


@pytest.mark.parametrize(("share", "df1", "df2", "value"), [(0.95, 1, 10, 4.965), (0.95, 5, 18, 2.773), (0.975, 5, 18, 3.382), (0.975, 10, 10, 3.717),
                                                            (0.99, 4, 20, 4.431), (0.025, 10, 10, 1 / 3.717)])
def test_f_quantiles_are_those_of_the_tables(share: float, df1: int, df2: int, value: float) -> None:
    assert s.f_quantile(share, df1, df2) == pytest.approx(value, abs=6e-4)


@pytest.mark.parametrize(("df", "value"), [(1, 12.706), (4, 2.776), (9, 2.262), (29, 2.045), (120, 1.980)])
def test_t_quantiles_are_those_of_the_tables(df: int, value: float) -> None:
    assert s.t_quantile(df) == pytest.approx(value, abs=6e-4)


def test_fishers_interval_is_that_of_the_textbook() -> None:
    """Zar, Biostatistical Analysis, example 19.1: r = 0.870 from 12 pairs, 0.592 to 0.963."""
    low, high = s.fisher(0.870, 12)
    assert (round(low, 2), round(high, 3)) == (0.59, 0.963)


def test_alpha_of_the_attitude_data() -> None:
    found = s.alpha(ATTITUDE)
    assert found.method == "alpha" and found.items == 7 and found.figure.n == 30
    assert round(found.figure.value or 0, 2) == 0.84
    edges = [1 - (1 - 0.843143) * f for f in (1.66127, 0.53697)]     # Feldt: F of 29 and 174 degrees of freedom at 97.5 and 2.5 %
    assert [found.figure.low, found.figure.high] == [pytest.approx(edge, abs=1e-3) for edge in edges]
    sd = sqrt(s._variance([sum(row) for row in ATTITUDE]))
    assert found.sem == pytest.approx(sd * sqrt(1 - (found.figure.value or 0)))


def test_item_rest_correlations_of_the_attitude_data() -> None:
    printed = [0.67, 0.74, 0.56, 0.71, 0.79, 0.27, 0.46]        # r.drop of psych::alpha
    for item, expected in enumerate(printed):
        rest = [sum(row) - row[item] for row in ATTITUDE]
        assert round(s.correlation([row[item] for row in ATTITUDE], rest, [1] * 30).value or 0, 2) == expected


def test_the_law_school_test_as_the_textbooks_have_it() -> None:
    """Facilities, KR-20 and the point-biserials without the item as printed by ltm::descript(LSAT) (Rizopoulos 2006)."""
    assert len(LSAT_ROWS) == 1000
    found = s.alpha(LSAT_ROWS)
    assert found.method == "kr20" and round(found.figure.value or 0, 3) == 0.295
    for item, (facility, r) in enumerate([(0.924, 0.1128), (0.709, 0.1531), (0.553, 0.1727), (0.763, 0.1444), (0.870, 0.1215)]):
        seen = [Seen(row[item], (sum(row) - row[item]) / 4, sum(row) / 5, 1, "") for row in LSAT_ROWS]
        analysis = s.analyse(seen)
        assert round(analysis.facility.value or 0, 3) == facility
        assert (analysis.discrimination.value or 0) == pytest.approx(r, abs=2e-4)


def test_papers_of_ones_own_as_shrout_and_fleiss_compute_them() -> None:
    """ICC(1,4) = 0.44; its edges as psych::ICC prints them, -0.88 to 0.91."""
    found = s.nested(JUDGED, least=2)
    assert round(found.figure.value or 0, 2) == 0.44
    assert (round(found.figure.low or 0, 2), round(found.figure.high or 0, 2)) == (-0.88, 0.91)
    assert found.sem == pytest.approx(sqrt(6.264 / 4), abs=1e-3), "within mean square 6.26, of four"


def test_gain_of_students_sleepers() -> None:
    found = s.gain(list(zip(*SLEEP, strict=True)))
    assert found.gain.value == pytest.approx(1.58)
    half = s.t_quantile(9) * sqrt(s._variance([b - a for a, b in zip(*SLEEP, strict=True)]) / 10)
    assert (1.58 - half, 1.58 + half) == (pytest.approx(0.7001142, abs=1e-6), pytest.approx(2.4598858, abs=1e-6)), "R: t.test(paired = TRUE)"


def test_normalised_gain_is_hakes() -> None:
    found = s.gain([(0.4, 0.7)] * 6)
    assert found.normalised == pytest.approx(0.5), "30 of the 60 points that were left"
    assert found.gain.low is None, "no spread, no interval"
    assert s.gain([(0.7, 0.4)] * 6).normalised is None and s.gain([(1.0, 1.0)] * 6).normalised is None


# ── what n does not carry ────────────────────────────────────────────────────────────────────────────────────────
def test_nothing_is_shown_that_n_does_not_carry() -> None:
    assert s.facility([1, 0, 1, 1]).why == "few" and s.facility([1, 0, 1, 1, 0]).is_given
    seen = [Seen(row % 2, row / 40, row / 40, 1, "a") for row in range(29)]
    assert s.analyse(seen, ["a", "b"], ["a"], lambda answer: (answer,)).discrimination.why == "few"
    analysis = s.analyse(seen, ["a", "b"], ["a"], lambda answer: (answer,))
    assert analysis.group == 0 and analysis.options[0].top is None and analysis.options[0].pull.why == "few"
    assert s.analyse([*seen, Seen(1, 0.9, 0.9, 1, "a")]).discrimination.is_given
    assert s.alpha(ATTITUDE[:29]).figure.why == "few" and s.alpha(ATTITUDE[:29]).sem is None
    assert s.summary([1.0] * 4).mean is None and s.near([80.0] * 29, 80, 3).why == "few"
    assert s.gain([(0.1, 0.2)] * 4).before is None


def test_no_spread_gives_no_correlation_and_says_so() -> None:
    assert s.correlation([1.0] * 40, [n / 40 for n in range(40)], [1] * 40).why == "flat"
    assert s.alpha([[1.0, 1.0]] * 40).figure.why == "flat"
    assert s.nested([[1, 0]] * 40).figure.why == "flat"


def test_rows_of_different_length_are_refused() -> None:
    assert s.nested([[1, 0, 1]] * 30 + [[1, 0]]).figure.why == "differ"


# ── pooling over papers ──────────────────────────────────────────────────────────────────────────────────────────
def test_a_hard_paper_beside_an_easy_one_does_not_make_an_item_discriminate() -> None:
    """Within each paper item and rest are unrelated; thrown together they would correlate at 0.6."""
    chance = Random(1)
    rows = [(float(chance.random() < level), level + chance.uniform(-0.1, 0.1), paper) for paper, level in ((1, 0.2), (2, 0.8)) for _n in range(400)]
    xs, ys, papers = [list(column) for column in zip(*rows, strict=True)]
    thrown, pooled = s.correlation(xs, ys, [1] * 800), s.correlation(xs, ys, [int(paper) for paper in papers])
    assert (thrown.value or 0) > 0.5 and abs(pooled.value or 0) < 0.1
    assert pooled.n == 800 and s.fisher(0.3, 800, 1) != s.fisher(0.3, 800)


def test_a_pooled_correlation_is_the_partial_one() -> None:
    """Worked by hand: two papers of two-by-two answers, each with r = 1 within."""
    xs, ys, papers = [0.0, 1.0] * 20, [0.1, 0.2] * 10 + [0.7, 0.8] * 10, [1] * 20 + [2] * 20
    assert s.correlation(xs, ys, papers).value == pytest.approx(1.0)
    assert (s.correlation(xs, ys, [1] * 40).value or 0) < 0.2


# ── options and groups ───────────────────────────────────────────────────────────────────────────────────────────
def test_groups_of_twenty_seven_in_a_hundred_worked_by_hand() -> None:
    """100 people with scores 1 … 100: the bottom group is 1 … 27, the top 74 … 100 (Kelley's upper and lower 27 %)."""
    found = s.tails([float(n) for n in range(1, 101)])
    assert (found.size, found.low_edge, found.low_weight, found.high_edge, found.high_weight) == (27, 27.0, 1.0, 74.0, 1.0)
    assert found.top(100) == 1 and found.top(73) == 0 and found.bottom(1) == 1 and found.bottom(28) == 0


def test_ties_at_the_edge_share_what_is_left_of_the_group() -> None:
    found = s.tails([0.0] * 20 + [1.0] * 60 + [2.0] * 20)
    assert found.size == 27 and found.low_weight == pytest.approx(7 / 60) and found.high_weight == pytest.approx(7 / 60)
    weights = 20 * found.bottom(0.0) + 60 * found.bottom(1.0)
    assert weights == pytest.approx(27)


def test_use_of_options_by_hand() -> None:
    """40 people ranked by the rest; the best 11 take A (the key) all but one, the worst 11 take B."""
    seen = [Seen(float(n >= 20 and n != 39), n / 40, n / 40, 1, "a" if n >= 20 and n != 39 else "b") for n in range(40)]
    analysis = s.analyse(seen, ["a", "b", "c"], ["a"], lambda answer: (answer,))
    a, b, c = analysis.options
    assert analysis.group == 11 and (a.count, b.count, c.count) == (19, 21, 0)
    assert (a.top, a.bottom, b.top, b.bottom) == (pytest.approx(10 / 11), 0.0, pytest.approx(1 / 11), 1.0)
    assert a.pull.value == pytest.approx(-(b.pull.value or 0)) and a.pull.value == pytest.approx(analysis.discrimination.value)
    assert c.pull.why == "flat" and c.share.value == 0


def test_an_option_of_a_multiple_choice_counts_in_every_answer_that_holds_it() -> None:
    seen = [Seen(0.5, n / 40, n / 40, 1, "a b" if n % 2 else "b c") for n in range(40)]
    a, b, c = s.analyse(seen, ["a", "b", "c"], ["a", "b"], lambda answer: tuple(answer.split())).options
    assert (a.count, b.count, c.count) == (20, 40, 20)


def test_histogram_puts_the_whole_into_the_last_part() -> None:
    assert s.histogram([0, 5, 60, 79.9, 80, 100, 100], 100) == (2, 0, 0, 0, 0, 0, 1, 1, 1, 2)
    assert s.histogram([20.0] * 3, 40, 4) == (0, 0, 3, 0)


def test_near_the_bar_counts_both_sides() -> None:
    assert s.near([70.0] * 10 + [76.0] * 10 + [84.0] * 10 + [90.0] * 10, 80, 4).value == pytest.approx(0.5)


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────
fractions = st.lists(st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 2 / 3, 1.0]), min_size=30, max_size=60)


@given(fractions, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_facility_lies_within_its_interval_and_order_never_matters(values: list[float], chance: Random) -> None:
    found = s.facility(values)
    assert 0 <= (found.low or 0) <= (found.value or 0) <= (found.high or 0) <= 1
    shuffled = values[:]
    chance.shuffle(shuffled)
    assert s.facility(shuffled) == found


@given(st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=30, max_size=50), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_alpha_is_at_most_one_and_order_never_matters(rows: list[list[int]], chance: Random) -> None:
    found = s.alpha(rows)
    if not found.figure.is_given:
        return
    assert (found.figure.value or 0) <= 1 + 1e-12
    assert (found.figure.low or 0) <= (found.figure.value or 0) <= (found.figure.high or 0) <= 1 + 1e-9
    order = list(range(4))
    chance.shuffle(order)
    shuffled = [[row[index] for index in order] for row in rows]
    chance.shuffle(shuffled)
    assert s.alpha(shuffled).figure.value == pytest.approx(found.figure.value, abs=1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_an_analysis_does_not_depend_on_the_order_of_the_answers(seed: int) -> None:
    chance = Random(seed)
    seen = [Seen(float(taken == 0), rest := chance.randrange(20) / 20, rest, chance.randrange(2), "abcd"[taken])
            for taken in (chance.randrange(4) for _n in range(45))]
    shuffled = seen[:]
    chance.shuffle(shuffled)
    one, other = (s.analyse(rows, list("abcd"), ["a"], lambda answer: (answer,)) for rows in (seen, shuffled))
    assert one.facility == other.facility and one.group == other.group
    for mine, theirs in zip(one.options, other.options, strict=True):
        assert (mine.count, mine.share) == (theirs.count, theirs.share)
        assert isclose(mine.top or 0, theirs.top or 0, abs_tol=1e-9) and isclose(mine.bottom or 0, theirs.bottom or 0, abs_tol=1e-9)
        assert isclose(mine.pull.value or 0, theirs.pull.value or 0, abs_tol=1e-12)
    assert sum(option.top or 0 for option in one.options) == pytest.approx(1) and sum(option.bottom or 0 for option in one.options) == pytest.approx(1)
    assert -1 <= (one.discrimination.value or 0) <= 1


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=5, max_size=40))
@settings(max_examples=60)
def test_a_gain_is_the_difference_of_its_means(pairs: list[tuple[float, float]]) -> None:
    found = s.gain(pairs)
    assert (found.after or 0) - (found.before or 0) == pytest.approx(found.gain.value, abs=1e-9)
    if found.gain.low is not None:
        assert -1 <= found.gain.low <= (found.gain.value or 0) + 1e-12


def test_partial_credit_never_makes_the_interval_too_narrow() -> None:
    """Of answers worth 0, a half or 1, the interval must hold the true mean at least 95 times in 100."""
    chance, held = Random(3), 0
    for _sample in range(600):
        found = s.facility([chance.choice((0.0, 0.5, 0.5, 1.0)) for _n in range(30)])
        held += (found.low or 0) <= 0.5 <= (found.high or 0)
    assert held >= 570
