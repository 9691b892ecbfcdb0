"""What answers say about items and papers: facility, discrimination, use of options, reliability, gain.

Everything here is an estimate from a sample, not a mark: floats are exact enough, and nobody's result is computed from
them. Each figure carries its n and a 95 % interval, and is withheld (with the reason) where n does not carry it:

- facility (mean fraction) from 5 answers; its Wilson interval. For partial credit the same interval is taken at the mean
  fraction: a variable between 0 and 1 varies at most as much as a right/wrong one of the same mean (X² ≤ X), so the
  interval is never too narrow.
- discrimination from 30: Pearson's r of the item with the rest of the paper (corrected item-total correlation), Fisher's
  interval. Answers of several papers are pooled within papers: means are taken per paper, so that a hard paper does not
  pass for a weak group (a partial correlation; one degree of freedom less for each further paper).
- use of options in the top and bottom 27 % (Kelley 1939) from 30. Who ties at the edge counts with the share that makes
  the group whole, so the order of rows never matters.
- reliability from 30 papers: Cronbach's alpha where everybody had the same items (KR-20 where they are right/wrong), with
  Feldt's interval (1965). Papers drawn for each person differ in their items: there it is the intraclass correlation
  ICC(1,k) of Shrout and Fleiss (1979), items nested in persons, which charges the luck of the draw to the error.

Sums are `fsum`: exactly rounded, whatever the order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import atanh, exp, floor, fsum, lgamma, log, log1p, sqrt, tanh
from typing import Literal, NamedTuple

Z95 = 1.959963984540054
LEAST_SHOWN = 5                 # fewer answers: nothing is shown, for what they say and for whose they are
LEAST_JUDGED = 30               # fewer: no discrimination, no groups, no reliability
TAIL = 0.27
FLAT = 1e-12                    # a spread below this is none
Why = Literal["", "few", "flat", "differ"]


@dataclass(frozen=True)
class Figure:
    """An estimate with what it rests on. `value` None: withheld, `why` says for which reason.

    few: n is too small · flat: everybody earned the same, or everybody did in the rest · differ: papers are not comparable
    """

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    why: Why = ""

    @property
    def is_given(self) -> bool:
        return self.value is not None


# ── distributions ────────────────────────────────────────────────────────────────────────────────────────────────
def beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    tiny, c = 1e-300, 1.0
    d = 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    fraction = d
    for m in range(1, 2000):
        for numerator in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1 + numerator * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + numerator / c
            c = c if abs(c) > tiny else tiny
            fraction *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * fraction


def f_quantile(share: float, df1: float, df2: float) -> float:
    """The value below which F with these degrees of freedom falls with probability `share`.

    >>> round(f_quantile(0.95, 5, 18), 3), round(f_quantile(0.95, 1, 10) ** 0.5, 3)      # with one degree of freedom it is t squared
    (2.773, 2.228)
    """
    low, high = 0.0, 1.0                            # in y = df1·F / (df1·F + df2), where F's distribution is beta
    for _halving in range(200):
        middle = (low + high) / 2
        if beta_share(middle, df1 / 2, df2 / 2) < share:
            low = middle
        else:
            high = middle
        if high - low < 1e-15:
            break
    y = (low + high) / 2
    return df2 * y / (df1 * max(1 - y, 1e-300))


def t_quantile(df: int) -> float:
    """Student's t that 95 % of the distribution lie within, both sides."""
    return sqrt(f_quantile(0.95, 1, df))


# ── one item ─────────────────────────────────────────────────────────────────────────────────────────────────────
def wilson(mean: float, n: int) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927), 95 %.

    >>> [round(edge, 4) for edge in wilson(15 / 148, 148)]
    [0.0624, 0.1605]
    """
    z2 = Z95 * Z95
    middle = (mean + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * sqrt(max(0.0, mean * (1 - mean)) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, min(mean, middle - half)), min(1.0, max(mean, middle + half))


def facility(fractions: Collection[float], least: int = LEAST_SHOWN) -> Figure:
    """The mean fraction 0..1 that was earned."""
    n = len(fractions)
    if n < max(1, least):
        return Figure(n, why="few")
    mean = min(1.0, max(0.0, fsum(fractions) / n))
    return Figure(n, mean, *wilson(mean, n))


def fisher(r: float, n: int, held: int = 0) -> tuple[float, float]:
    """95 % interval of a correlation from n pairs, `held` further variables held constant (Fisher 1921, 1924)."""
    if n - held <= 3:
        return -1.0, 1.0
    z, half = atanh(max(-1 + 1e-15, min(1 - 1e-15, r))), Z95 / sqrt(n - held - 3)
    return tanh(z - half), tanh(z + half)


class Seen(NamedTuple):
    """One answer to one item. `rest`: what the person earned in the rest of the paper, as a share of its marks; None where
    there is no rest. `total`: the same of the whole paper. `paper`: which answers are comparable (one blueprint version)."""

    fraction: float
    rest: float | None
    total: float
    paper: int
    answer: str


def _centred(values: Sequence[float], papers: Sequence[int]) -> list[float]:
    """Each value less the mean of its paper."""
    if len(set(papers)) == 1:
        mean = fsum(values) / len(values)
        return [value - mean for value in values]
    by_paper: dict[int, list[float]] = {}
    for value, paper in zip(values, papers, strict=True):
        by_paper.setdefault(paper, []).append(value)
    means = {paper: fsum(group) / len(group) for paper, group in by_paper.items()}
    return [value - means[paper] for value, paper in zip(values, papers, strict=True)]


def correlation(xs: Sequence[float], ys: Sequence[float], papers: Sequence[int], least: int = LEAST_JUDGED) -> Figure:
    """Pearson's r within papers, with Fisher's interval."""
    n = len(xs)
    if n < least:
        return Figure(n, why="few")
    return _correlate(_centred(xs, papers), _centred(ys, papers), len(set(papers)))


def _correlate(xs: Sequence[float], ys: Sequence[float], papers: int) -> Figure:
    n = len(xs)
    sxx, syy = fsum(x * x for x in xs), fsum(y * y for y in ys)
    if sxx < FLAT * n or syy < FLAT * n:
        return Figure(n, why="flat")
    r = max(-1.0, min(1.0, fsum(x * y for x, y in zip(xs, ys, strict=True)) / sqrt(sxx * syy)))
    return Figure(n, r, *fisher(r, n, papers - 1))


class Tails(NamedTuple):
    """The lowest and highest of a sample: from which score on somebody belongs to them, and with what weight at the edge."""

    size: int
    low_edge: float
    low_weight: float
    high_edge: float
    high_weight: float

    def bottom(self, score: float) -> float:
        return 1.0 if score < self.low_edge else self.low_weight if score == self.low_edge else 0.0

    def top(self, score: float) -> float:
        return 1.0 if score > self.high_edge else self.high_weight if score == self.high_edge else 0.0


def tails(scores: Sequence[float], share: float = TAIL) -> Tails:
    """The bottom and top `share` of the scores; ties at the edge share what is left of the group."""
    size = max(1, floor(share * len(scores) + 0.5))
    ordered = sorted(scores)
    low, high = ordered[size - 1], ordered[-size]
    below, above = sum(score < low for score in ordered), sum(score > high for score in ordered)
    return Tails(size, low, (size - below) / ordered.count(low), high, (size - above) / ordered.count(high))


@dataclass(frozen=True)
class OptionUse:
    """How an option was used: by how many, by which share of the top and bottom groups, and how choosing it goes with the rest."""

    key: str
    is_right: bool
    count: int
    share: Figure
    top: float | None = None
    bottom: float | None = None
    pull: Figure = Figure(0, why="few")


@dataclass(frozen=True)
class ItemAnalysis:
    """What the answers to one scoring of an item say. `group`: size of the top and bottom groups, 0 where there are none."""

    n: int
    facility: Figure
    discrimination: Figure
    options: tuple[OptionUse, ...]
    unanswered: int
    group: int
    papers: int


def analyse(seen: Sequence[Seen], keys: Sequence[str] = (), right: Collection[str] = (),
            chosen: Callable[[str], Collection[str]] | None = None) -> ItemAnalysis:
    """Facility, discrimination and, with `keys` and a reader of answers, the use of each option. `answer` "" is none."""
    n = len(seen)
    with_rest = [row for row in seen if row.rest is not None]
    papers = [row.paper for row in with_rest]
    found, judged = facility([row.fraction for row in seen]), len(with_rest) >= LEAST_JUDGED
    ys = _centred([row.rest or 0.0 for row in with_rest], papers) if judged else []
    discrimination = Figure(len(with_rest), why="few")
    if judged:
        discrimination = _correlate(_centred([row.fraction for row in with_rest], papers), ys, len(set(papers)))
    options: tuple[OptionUse, ...] = ()
    group = 0
    if keys and chosen and n >= LEAST_SHOWN:
        totals = _levelled([row.total for row in with_rest], papers) if judged else []
        edges = tails(totals) if judged else None
        group = edges.size if edges else 0
        options = _options(seen, with_rest, ys, totals, edges, keys, right, chosen)
    return ItemAnalysis(n, found, discrimination, options, sum(not row.answer for row in seen), group, len(set(papers)))


def _levelled(scores: Sequence[float], papers: Sequence[int]) -> list[float]:
    """Scores to be ranked together: of several papers, each less its paper's mean, without the last bits, so that ties stay ties."""
    return list(scores) if len(set(papers)) == 1 else [round(score, 12) for score in _centred(scores, papers)]


def _options(seen: Sequence[Seen], with_rest: Sequence[Seen], ys: Sequence[float], totals: Sequence[float], edges: Tails | None,
             keys: Sequence[str], right: Collection[str], chosen: Callable[[str], Collection[str]]) -> tuple[OptionUse, ...]:
    """One pass over the answers; options are counted by distinct answer, of which there are few."""
    counts = Counter([row.answer for row in seen])
    read = {answer: chosen(answer) if answer else () for answer in counts}
    moved: dict[tuple[str, int], list[float]] = {}      # (answer, paper) → the rests, centred, of who gave it
    top: dict[str, float] = {}
    bottom: dict[str, float] = {}
    if edges:
        low, high = edges.low_edge, edges.high_edge
        for row, y, total in zip(with_rest, ys, totals, strict=True):
            place = (row.answer, row.paper)
            if place in moved:
                moved[place].append(y)
            else:
                moved[place] = [y]
            if total >= high:
                top[row.answer] = top.get(row.answer, 0.0) + edges.top(total)
            if total <= low:
                bottom[row.answer] = bottom.get(row.answer, 0.0) + edges.bottom(total)
    sizes: dict[int, int] = {}
    for (_answer, paper), group in moved.items():
        sizes[paper] = sizes.get(paper, 0) + len(group)
    syy = fsum(y * y for y in ys)
    found = []
    for key in keys:
        mine = {answer for answer, taken in read.items() if key in taken}
        count = sum(counts[answer] for answer in mine)
        share = Figure(len(seen), count / len(seen), *wilson(count / len(seen), len(seen)))
        if not edges:
            found.append(OptionUse(key, key in right, count, share))
            continue
        found.append(OptionUse(key, key in right, count, share, min(1.0, fsum(top.get(a, 0.0) for a in mine) / edges.size),
                               min(1.0, fsum(bottom.get(a, 0.0) for a in mine) / edges.size), _pull(mine, moved, sizes, syy)))
    return tuple(found)


def _pull(mine: Collection[str], moved: Mapping[tuple[str, int], list[float]], sizes: Mapping[int, int], syy: float) -> Figure:
    """The point-biserial correlation, within papers, of giving one of these answers with the rest of the paper."""
    n = sum(sizes.values())
    taken: dict[int, int] = {}
    for (answer, paper), group in moved.items():
        if answer in mine:
            taken[paper] = taken.get(paper, 0) + len(group)
    sxx = fsum(count * (1 - count / sizes[paper]) for paper, count in taken.items())
    if sxx < FLAT * n or syy < FLAT * n:
        return Figure(n, why="flat")
    sxy = fsum(y for (answer, _paper), group in moved.items() if answer in mine for y in group)
    r = max(-1.0, min(1.0, sxy / sqrt(sxx * syy)))
    return Figure(n, r, *fisher(r, n, len(sizes) - 1))


# ── a whole paper ────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Summary:
    """Scores of a group: mean and standard deviation (n - 1), and what they ranged over."""

    n: int
    mean: float | None
    sd: float | None
    lowest: float | None
    highest: float | None


def summary(scores: Sequence[float]) -> Summary:
    n = len(scores)
    if n < LEAST_SHOWN:
        return Summary(n, None, None, None, None)
    mean = fsum(scores) / n
    return Summary(n, mean, sqrt(fsum((score - mean) ** 2 for score in scores) / (n - 1)), min(scores), max(scores))


def histogram(scores: Iterable[float], whole: float = 100.0, bins: int = 10) -> tuple[int, ...]:
    """How many scores fall into each of `bins` equal parts of 0..whole; the whole belongs to the last part.

    >>> histogram([0, 9.9, 10, 100])
    (2, 1, 0, 0, 0, 0, 0, 0, 0, 1)
    """
    counts = [0] * bins
    for score in scores:
        counts[min(bins - 1, max(0, floor(round(score * bins / whole, 9))))] += 1
    return tuple(counts)


Method = Literal["alpha", "kr20", "nested"]


@dataclass(frozen=True)
class Reliability:
    """How far scores would come out the same again. `sem`: standard error of measurement, in the unit of the rows.

    `figure.low`, `figure.high`: 95 % interval, from the F distribution (Feldt 1965; for nested Shrout and Fleiss 1979).
    """

    method: Method
    figure: Figure
    sem: float | None
    items: int


def alpha(rows: Sequence[Sequence[float]], least: int = LEAST_JUDGED) -> Reliability:
    """Cronbach's alpha of persons x items: `rows[person][item]` in marks. KR-20 where each item knows but two values."""
    n, k = len(rows), len(rows[0]) if rows else 0
    columns = list(zip(*rows, strict=True))
    method: Method = "kr20" if columns and all(len({round(mark, 9) for mark in column}) <= 2 for column in columns) else "alpha"
    if n < max(2, least) or k < 2:
        return Reliability(method, Figure(n, why="few"), None, k)
    between = _variance([fsum(row) for row in rows])
    if between < FLAT:
        return Reliability(method, Figure(n, why="flat"), None, k)
    value = k / (k - 1) * (1 - fsum(_variance(column) for column in columns) / between)
    return Reliability(method, _with_edges(value, n, n - 1, (n - 1) * (k - 1)), sqrt(between * max(0.0, 1 - value)), k)


def nested(rows: Sequence[Sequence[float]], least: int = LEAST_JUDGED) -> Reliability:
    """ICC(1,k): `rows[person]` are the fractions of k items of that person's own; `sem` of the mean fraction.

    Every item counts alike, and all rows are of one length. Differences between papers count as error, as they do for
    whoever drew the harder one.
    """
    n, k = len(rows), len(rows[0]) if rows else 0
    if any(len(row) != k for row in rows):
        return Reliability("nested", Figure(n, why="differ"), None, 0)
    if n < max(2, least) or k < 2:
        return Reliability("nested", Figure(n, why="few"), None, k)
    means = [fsum(row) / k for row in rows]
    within = fsum((value - mean) ** 2 for row, mean in zip(rows, means, strict=True) for value in row) / (n * (k - 1))
    between = k * _variance(means)
    if between < FLAT:
        return Reliability("nested", Figure(n, why="flat"), None, k)
    return Reliability("nested", _with_edges(1 - within / between, n, n - 1, n * (k - 1)), sqrt(within / k), k)


def _variance(values: Sequence[float]) -> float:
    mean = fsum(values) / len(values)
    return fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _with_edges(value: float, n: int, df1: int, df2: int) -> Figure:
    return Figure(n, value, 1 - (1 - value) * f_quantile(0.975, df1, df2), 1 - (1 - value) * f_quantile(0.025, df1, df2))


def near(scores: Sequence[float], bar: float, sem: float) -> Figure:
    """The share of people whose score lies within one standard error of the bar: for them the verdict could have been the other."""
    if len(scores) < LEAST_JUDGED:
        return Figure(len(scores), why="few")
    return facility([1.0 if abs(score - bar) <= sem else 0.0 for score in scores])


# ── before and after ─────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Gain:
    """Pairs of fractions before and after. `normalised`: the share of the possible gain that was gained (Hake 1998)."""

    n: int
    before: float | None
    after: float | None
    gain: Figure
    normalised: float | None


def gain(pairs: Sequence[tuple[float, float]], least: int = LEAST_SHOWN) -> Gain:
    """Mean difference of pairs with Student's interval. Not normalised where nothing was left to gain, or something was lost."""
    n = len(pairs)
    if n < max(2, least):
        return Gain(n, None, None, Figure(n, why="few"), None)
    before, after = fsum(pair[0] for pair in pairs) / n, fsum(pair[1] for pair in pairs) / n
    differences = [pair[1] - pair[0] for pair in pairs]
    mean = fsum(differences) / n
    spread = sqrt(_variance(differences) / n)
    half = t_quantile(n - 1) * spread
    figure = Figure(n, mean, max(-1.0, mean - half), min(1.0, mean + half)) if spread > FLAT else Figure(n, mean)
    return Gain(n, before, after, figure, mean / (1 - before) if before < 1 - FLAT and mean >= 0 else None)
