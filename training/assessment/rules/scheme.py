"""The assessment scheme as frozen types, and how component scores combine into an outcome.

Everything is `Decimal` and unrounded; bars and band edges compare the unrounded value. A score is rounded once, for the
eye, by `shown`, which never lets a value appear on the other side of an edge than it is on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Annotated, Literal

from pydantic import Field

from foundation.yamlsource import Bilingual, Day, Dec, Strict

HUNDRED = Decimal(100)
State = Literal["not_performed", "awaiting", "held", "complete"]
Result = Literal["pending", "fail", "resit", "pass"]
Standing = Literal["awaiting", "held", "not_performed", "overdue", "below_resit", "below_final", "met"]


# ── the scheme file ──────────────────────────────────────────────────────────────────────────────────────────────
class Band(Strict):
    """A grade band: `min` is inclusive and compared with the unrounded value."""

    key: str
    min: Dec
    title: Bilingual


class Hurdle(Strict):
    """The bar of a component: a number, or a band of the scheme. Exactly one of the two (checked with the file)."""

    score: Dec | None = None
    band: str | None = None


class ExamEvidence(Strict):
    kind: Literal["exam"]


class StationsEvidence(Strict):
    """Role-play stations: at least `stations_min` different ones, each judged by `raters_min` different people; the mean counts."""

    kind: Literal["stations"]
    stations_min: int = Field(ge=1)
    combine: Literal["mean"]
    raters_min: int = Field(ge=1)


class CaseEvidence(Strict):
    kind: Literal["case"]
    raters_min: int = Field(ge=1)


class Part(Strict):
    key: Literal["attendance", "discussion", "group_contribution"]
    weight: Dec


class ParticipationEvidence(Strict):
    """Attendance and two levels set by a trainer, weighted; the weights sum to 100."""

    kind: Literal["participation"]
    parts: tuple[Part, ...] = Field(strict=False)


Evidence = Annotated[ExamEvidence | StationsEvidence | CaseEvidence | ParticipationEvidence, Field(discriminator="kind")]


class RedLines(Strict):
    effect: Literal["below_hurdle"]
    resit_needs: Literal["mentor_coaching"] | None = None


class Resit(Strict):
    """How often a component may be resat; a resit replaces the former result and counts for at most `cap`."""

    attempts: int = Field(ge=0)
    wait_days: int = Field(ge=0)
    form: Literal["parallel", "other-station", "other-case", "make-up-task"]
    best_of: bool
    cap: Dec


class Component(Strict):
    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: Bilingual
    weight: Dec
    evidence: Evidence
    hurdle: Hurdle
    red_lines: RedLines | None = None
    resit: Resit


class Rounding(Strict):
    places: int = Field(ge=0, le=3)
    mode: Literal["half-up"]
    when: Literal["published"]
    never_across: tuple[Literal["hurdle", "band"], ...] = Field(strict=False)


class TotalRule(Strict):
    rounding: Rounding
    missing: Literal["pending"]


class When(Strict):
    """A condition over all components; every part that is given must hold of the same component."""

    any_component: Literal["awaiting_mark", "not_performed", "below_hurdle"] | None = None
    all_components: Literal["at_or_above_hurdle"] | None = None
    deadline: Literal["open", "passed"] | None = None
    resits_left: bool | None = None


class OutcomeRule(Strict):
    result: Result
    when: When


class ExtensionRule(Strict):
    needs: tuple[Literal["reason", "decided_by", "new_date"], ...] = Field(strict=False)
    may_decide: tuple[str, ...] = Field(strict=False)
    max_days: int = Field(ge=0)
    before_deadline_only: bool


class ResitWindow(Strict):
    within_days_after_result: int = Field(ge=0)
    counts_as_late: Literal[False]


class DeadlineRule(Strict):
    """When components must have been performed: days after the last class day, ending at the next midnight of the cohort's zone."""

    days_after_last_day: int = Field(ge=0)
    ends: Literal["next_midnight"]
    applies_to: Literal["component_completed_at"]
    rating_due_days: int = Field(ge=0)
    extension: ExtensionRule
    resits: ResitWindow


class Appeal(Strict):
    within_days: int = Field(ge=0)
    decided_within_days: int = Field(ge=0)
    decided_by: Bilingual
    outcome_may: tuple[Literal["uphold", "re-rate", "repeat"], ...] = Field(strict=False)


class HonourWhen(Strict):
    outcome: Result | None = None
    total_min: Dec | None = None
    components: dict[str, Hurdle] = Field(default_factory=dict)
    first_attempt_only: bool = False
    no_extension: bool = False
    red_lines: Literal["none_raised"] | None = None


class Quota(Strict):
    percent_of_passed: int = Field(ge=0, le=100)
    rounding: Literal["up", "down"]
    minimum: int = Field(ge=0)


class Honour(Strict):
    key: str
    title: Bilingual
    when: HonourWhen
    quota: Quota
    ranking: tuple[str, ...] = Field(strict=False)
    confirmed_by: str
    brings: tuple[Bilingual, ...] = Field(strict=False)


class Separation(Strict):
    rater: Literal["not_trainee"]
    reviewer: Literal["not_rater_of_this_trainee"]


class WorkedExample(Strict):
    """Scores of a first sitting with what they must come to; recomputed when the file is read."""

    scores: dict[str, Dec]
    total: str
    result: Result
    band: str | None = None
    reasons: tuple[str, ...] = Field(default=(), strict=False)
    honour_eligible: str | None = None


class Scheme(Strict):
    """A versioned assessment scheme: weights, bars, bands, outcome rules and deadlines as data."""

    format: Literal["qizhou/scheme@1"]
    key: str
    title: Bilingual
    status: Literal["draft", "reviewed", "approved", "retired"]
    reviewed: Day
    sources: tuple[str, ...] = Field(strict=False)
    applies_to: tuple[str, ...] = Field(strict=False)
    bands: tuple[Band, ...] = Field(min_length=1, strict=False)
    components: tuple[Component, ...] = Field(min_length=1, strict=False)
    total: TotalRule
    outcome: tuple[OutcomeRule, ...] = Field(min_length=1, strict=False)
    total_never_compensates: Literal[True]
    deadline: DeadlineRule
    resit_rules: tuple[Bilingual, ...] = Field(strict=False)
    appeal: Appeal
    honours: tuple[Honour, ...] = Field(default=(), strict=False)
    review_flow: tuple[str, ...] = Field(strict=False)
    separation: Separation
    worked_examples: tuple[WorkedExample, ...] = Field(default=(), strict=False)

    def component(self, key: str) -> Component:
        """The component of that key. Raises KeyError."""
        for component in self.components:
            if component.key == key:
                return component
        raise KeyError(key)

    def band(self, key: str) -> Band:
        """The band of that key. Raises KeyError."""
        for band in self.bands:
            if band.key == key:
                return band
        raise KeyError(key)


# ── bars, bands, rounding ────────────────────────────────────────────────────────────────────────────────────────
def bar_of(scheme: Scheme, hurdle: Hurdle) -> Decimal:
    """The bar as a number on 0-100, whichever way the scheme gives it."""
    return hurdle.score if hurdle.score is not None else scheme.band(hurdle.band or "").min


def meets(scheme: Scheme, component: Component, score: Decimal) -> bool:
    """Whether an unrounded score reaches the component's bar: 79.996 does not reach 80."""
    return score >= bar_of(scheme, component.hurdle)


def band_of(scheme: Scheme, score: Decimal) -> Band:
    """The highest band whose edge the unrounded score reaches; the lowest band below every edge."""
    for band in scheme.bands:
        if score >= band.min:
            return band
    return scheme.bands[-1]


def edges_of(scheme: Scheme, component: Component | None = None) -> tuple[Decimal, ...]:
    """What a figure may not seem to cross: the band edges, and a component's own bar."""
    edges = {band.min for band in scheme.bands} if "band" in scheme.total.rounding.never_across else set()
    if component is not None and "hurdle" in scheme.total.rounding.never_across:
        edges.add(bar_of(scheme, component.hurdle))
    return tuple(sorted(edges))


def shown(score: Decimal, edges: Iterable[Decimal], places: int = 1) -> str:
    """The score for reading: `places` decimals, half-up, and as many more as keep it on its own side of every edge.

    >>> shown(Decimal("79.96"), [Decimal(80)]), shown(Decimal("79.996"), [Decimal(80)]), shown(Decimal("80.04"), [Decimal(80)])
    ('79.96', '79.996', '80.0')
    """
    known = tuple(edges)
    exponent = score.as_tuple().exponent
    most = max(places, -exponent if isinstance(exponent, int) else places)
    with localcontext() as context:
        context.prec = 60
        for digits in range(places, most + 1):
            rounded = score.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
            if all((rounded >= edge) == (score >= edge) for edge in known):
                return format(rounded, "f")
    return format(score, "f")


def weighted_total(scheme: Scheme, scores: Mapping[str, Decimal | None]) -> Decimal | None:
    """Component scores (0-100) combined by weight, exact. A missing one is "not yet", never a silent zero: None."""
    with localcontext() as context:
        context.prec = 60
        total = Decimal(0)
        for component in scheme.components:
            score = scores.get(component.key)
            if score is None:
                return None
            total += component.weight * score
        return total / HUNDRED


# ── facts and terms of one trainee ───────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class ComponentFact:
    """What is known of one component of one trainee.

    `score` is 0-100, unrounded and before a resit's cap; `performed_at` is when the trainee did it, not when it was marked;
    `red_line` is a confirmed one (a raised one makes the state `awaiting`); `attempt` counts sittings, `resits_used` those
    that used up a resit.
    """

    key: str
    state: State
    score: Decimal | None = None
    performed_at: datetime | None = None
    red_line: bool = False
    attempt: int = 1
    resits_used: int = 0


@dataclass(frozen=True)
class Terms:
    """The time limits of one component for one trainee: instants, each meaning "strictly before".

    `resit_until` is None while no result has opened a resit.
    """

    deadline: datetime
    is_extended: bool = False
    resit_until: datetime | None = None


@dataclass(frozen=True)
class ComponentResult:
    """A component judged: where it stands, what it counts, how it is shown."""

    component: Component
    fact: ComponentFact
    terms: Terms
    standing: Standing
    bar: Decimal
    score: Decimal | None
    shown: str
    band: str
    is_late: bool
    is_capped: bool

    @property
    def key(self) -> str:
        return self.component.key

    @property
    def meets_bar(self) -> bool:
        return self.standing == "met"


@dataclass(frozen=True)
class Verdict:
    """The outcome of one trainee with everything it rests on. `total` is unrounded, None while a component has no score."""

    outcome: Result
    results: tuple[ComponentResult, ...]
    total: Decimal | None
    total_shown: str
    band: str
    scheme_version: int
    zh: str = field(default="")
    en: str = field(default="")

    @property
    def reasons(self) -> tuple[ComponentResult, ...]:
        """The components that keep the trainee from passing, in the scheme's order."""
        return tuple(result for result in self.results if result.standing != "met")

    def result(self, key: str) -> ComponentResult:
        """The result of that component. Raises KeyError."""
        for result in self.results:
            if result.key == key:
                return result
        raise KeyError(key)


def counted(component: Component, fact: ComponentFact) -> Decimal | None:
    """What the score counts for: a resit at most the cap."""
    if fact.score is None:
        return None
    return min(fact.score, component.resit.cap) if fact.resits_used else fact.score


def judge_component(scheme: Scheme, component: Component, fact: ComponentFact, terms: Terms, now: datetime) -> ComponentResult:
    """Where one component stands at `now`.

    A first performance at or after its deadline counts as not performed. Resits have a window of their own and are never late
    by the deadline. A confirmed red line puts the component below its bar; its marks are kept.
    """
    bar = bar_of(scheme, component.hurdle)
    is_late = fact.resits_used == 0 and fact.performed_at is not None and fact.performed_at >= terms.deadline
    score = None
    standing: Standing
    if fact.state == "not_performed" or is_late:
        standing = "overdue" if now >= terms.deadline else "not_performed"
    elif fact.state in ("awaiting", "held"):
        standing = "held" if fact.state == "held" else "awaiting"
    else:
        score = counted(component, fact)
        if score is None:
            standing = "awaiting"
        elif score >= bar and not fact.red_line:
            standing = "met"
        else:
            standing = "below_resit" if resit_is_open(component, fact, terms, now) else "below_final"
    return ComponentResult(
        component, fact, terms, standing, bar, score,
        "" if score is None else shown(score, edges_of(scheme, component), scheme.total.rounding.places),
        "" if score is None else band_of(scheme, score).key, is_late, score is not None and fact.score is not None and score < fact.score)


def resit_is_open(component: Component, fact: ComponentFact, terms: Terms, now: datetime) -> bool:
    """Whether a resit is left and its window has not closed."""
    return fact.resits_used < component.resit.attempts and (terms.resit_until is None or now < terms.resit_until)


def _holds(when: When, standings: Sequence[Standing]) -> bool:
    if when.all_components == "at_or_above_hurdle" and any(standing != "met" for standing in standings):
        return False
    if when.any_component is None:
        return when.all_components is not None
    wanted: set[Standing]
    if when.any_component == "awaiting_mark":
        wanted = {"awaiting", "held"}
    elif when.any_component == "not_performed":
        wanted = {"not_performed", "overdue"}
        if when.deadline is not None:
            wanted = {"not_performed"} if when.deadline == "open" else {"overdue"}
    else:
        wanted = {"below_resit", "below_final"}
        if when.resits_left is not None:
            wanted = {"below_resit"} if when.resits_left else {"below_final"}
    return any(standing in wanted for standing in standings)


def outcome(rules: Sequence[OutcomeRule], standings: Sequence[Standing]) -> Result | None:
    """The result of the first rule that holds of the components' standings; None where no rule does (the file check refuses that)."""
    for rule in rules:
        if _holds(rule.when, standings):
            return rule.result
    return None


def judge(scheme: Scheme, facts: Mapping[str, ComponentFact], terms: Mapping[str, Terms], now: datetime, version: int = 1) -> Verdict:
    """Judge one trainee; a component without a fact was not performed. The words are added by `rules.words.verdict`."""
    results = tuple(
        judge_component(scheme, component, facts.get(component.key) or ComponentFact(component.key, "not_performed"), terms[component.key], now)
        for component in scheme.components)
    found = outcome(scheme.outcome, [result.standing for result in results])
    if found is None:
        raise ValueError(f"scheme {scheme.key} has no outcome for {[result.standing for result in results]}")
    total = weighted_total(scheme, {result.key: result.score for result in results})
    return Verdict(found, results, total, "" if total is None else shown(total, edges_of(scheme), scheme.total.rounding.places),
                   "" if total is None else band_of(scheme, total).key, version)


def eligible_honours(scheme: Scheme, verdict: Verdict, has_extension: bool, red_line_raised: bool) -> tuple[str, ...]:
    """Keys of the honours whose conditions all hold; the quota is decided over the cohort, not here."""
    found = []
    for honour in scheme.honours:
        when = honour.when
        if when.outcome is not None and verdict.outcome != when.outcome:
            continue
        if when.total_min is not None and (verdict.total is None or verdict.total < when.total_min):
            continue
        scores = {result.key: result.score for result in verdict.results}
        if any(scores.get(key) is None or scores[key] < bar_of(scheme, least) for key, least in when.components.items()):  # type: ignore[operator]
            continue
        if when.first_attempt_only and any(result.fact.attempt > 1 or result.fact.resits_used for result in verdict.results):
            continue
        if (when.no_extension and has_extension) or (when.red_lines == "none_raised" and red_line_raised):
            continue
        found.append(honour.key)
    return tuple(found)
