"""From figures to advice: the published bands, and the order in which items are to be looked at.

An advice is `shown` where the whole 95 % interval lies beyond the band, else a suspicion that more answers may confirm or
clear. Nothing is changed by an advice: a person looks at the item and decides.

| code | when |
|---|---|
| miskeyed | from 30: a wrong option goes with the rest of the paper at r ≥ 0.15 while the key does not (r below 0.05) |
| negative | from 30: discrimination below 0 |
| draws_best | from 30: the top group chose a wrong option at least 10 points more often than the bottom group |
| harder | from 10: facility at least 15 points below the expected, which lies outside the interval |
| weak | from 30: discrimination from 0 to below 0.20 (Ebel 1965: "poor items, to be rejected or improved") |
| easier | from 10: facility at least 15 points above the expected, which lies outside the interval |
| unused | from 30: a wrong option was chosen by fewer than 5 % (Haladyna and Downing 1993) |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from quizzes.rules.statistics import LEAST_JUDGED, ItemAnalysis

Code = Literal["miskeyed", "negative", "draws_best", "harder", "weak", "easier", "unused"]
Band = Literal["excellent", "good", "marginal", "poor", "negative"]
URGENCY: tuple[Code, ...] = ("miskeyed", "negative", "draws_best", "harder", "weak", "easier", "unused")
LEAST_COMPARED = 10         # answers before a facility is held against the expected one
APART = 0.15                # how far from the expected facility is worth a word
WEAK = 0.20
DRAWS = 0.10
PULLS = 0.15
KEY_PULLS = 0.05
UNUSED = 0.05


@dataclass(frozen=True)
class Advice:
    """One reason to look at an item. `option`: the option it is about; `figure`: the number it rests on (a share, a
    difference or r); `size`: how far beyond the band, for the order."""

    code: Code
    is_shown: bool
    size: float
    option: str = ""
    figure: float | None = None

    @property
    def rank(self) -> tuple[int, bool, float]:
        return URGENCY.index(self.code), not self.is_shown, -self.size


def band(discrimination: float) -> Band:
    """Ebel's bands (1965), with negative ones apart.

    >>> [band(r) for r in (0.4, 0.3, 0.2, 0.19, -0.01)]
    ['excellent', 'good', 'marginal', 'poor', 'negative']
    """
    return ("excellent" if discrimination >= 0.40 else "good" if discrimination >= 0.30 else "marginal" if discrimination >= WEAK
            else "poor" if discrimination >= 0 else "negative")


def advise(analysis: ItemAnalysis, expected: float, has_one_key: bool) -> tuple[Advice, ...]:
    """Every advice for one item, the most urgent first. `expected`: the facility its authors expect; `has_one_key`: one
    option is right, so that another may be the true key."""
    found = [*_of_discrimination(analysis), *_of_facility(analysis, expected), *_of_options(analysis, has_one_key)]
    return tuple(sorted(found, key=lambda advice: advice.rank))


def _of_discrimination(analysis: ItemAnalysis) -> Iterable[Advice]:
    r, high = analysis.discrimination.value, analysis.discrimination.high
    if r is None or high is None:
        return
    if r < 0:
        yield Advice("negative", high < 0, -r, figure=r)
    elif r < WEAK:
        yield Advice("weak", high < WEAK, WEAK - r, figure=r)


def _of_facility(analysis: ItemAnalysis, expected: float) -> Iterable[Advice]:
    figure = analysis.facility
    if figure.value is None or figure.low is None or figure.high is None or figure.n < LEAST_COMPARED:
        return
    apart = figure.value - expected
    if apart <= -APART and figure.high < expected:
        yield Advice("harder", figure.high <= expected - APART, -apart, figure=figure.value)
    elif apart >= APART and figure.low > expected:
        yield Advice("easier", figure.low >= expected + APART, apart, figure=figure.value)


def _of_options(analysis: ItemAnalysis, has_one_key: bool) -> Iterable[Advice]:
    if analysis.n < LEAST_JUDGED or not analysis.group:
        return
    key = next((option for option in analysis.options if option.is_right), None)
    for option in analysis.options:
        if option.is_right or option.top is None or option.bottom is None:
            continue
        pull = option.pull.value
        if has_one_key and key is not None and pull is not None and pull >= PULLS and (key.pull.value or 0.0) < KEY_PULLS:
            yield Advice("miskeyed", option.pull.low is not None and option.pull.low > 0, pull, option.key, pull)
        elif option.top - option.bottom >= DRAWS:
            yield Advice("draws_best", option.pull.low is not None and option.pull.low > 0, option.top - option.bottom, option.key, option.top - option.bottom)
        share = option.share
        if share.value is not None and share.high is not None and share.value < UNUSED:
            yield Advice("unused", share.high < UNUSED, UNUSED - share.value, option.key, share.value)
