"""The E checks of a scheme file: what would let a result come out wrong is refused before it can be loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations_with_replacement
from typing import get_args

from foundation.yamlsource import Source
from training.assessment.rules.scheme import (
    HUNDRED,
    ComponentFact,
    Honour,
    Hurdle,
    ParticipationEvidence,
    Scheme,
    Standing,
    Terms,
    WorkedExample,
    bar_of,
    eligible_honours,
    judge,
    outcome,
)

STANDINGS: tuple[Standing, ...] = get_args(Standing)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def check_scheme(scheme: Scheme, source: Source) -> None:
    """Note every fault of a scheme with its place. What needs sound weights and bands is looked at only once those are sound."""
    _check_bands(scheme, source)
    _check_components(scheme, source)
    if source.ok:
        _check_outcomes(scheme, source)
        _check_honours(scheme, source)
    if source.ok:
        for index, example in enumerate(scheme.worked_examples):
            _check_example(scheme, example, source, index)


def _check_bands(scheme: Scheme, source: Source) -> None:
    keys = [band.key for band in scheme.bands]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        source.error(("bands",), f"band {key} stands twice")
    for index, (upper, lower) in enumerate(zip(scheme.bands, scheme.bands[1:], strict=False)):
        if lower.min >= upper.min:
            source.error(("bands", index + 1, "min"), f"band {lower.key} must begin below {upper.key}: bands run from the top down")
    if scheme.bands[-1].min != 0:
        source.error(("bands", len(scheme.bands) - 1, "min"), "the lowest band must begin at 0, or a score could be in no band")
    if scheme.bands[0].min > HUNDRED:
        source.error(("bands", 0, "min"), "a band above 100 cannot be reached")


def _check_hurdle(scheme: Scheme, hurdle: Hurdle, source: Source, where: Sequence[object]) -> bool:
    if (hurdle.score is None) == (hurdle.band is None):
        source.error(where, "a bar is either a score or a band")
        return False
    if hurdle.band is not None and hurdle.band not in {band.key for band in scheme.bands}:
        source.error(where, f"band {hurdle.band} is unknown")
        return False
    if not 0 <= bar_of(scheme, hurdle) <= HUNDRED:
        source.error(where, "a bar lies between 0 and 100")
        return False
    return True


def _check_components(scheme: Scheme, source: Source) -> None:
    keys = [component.key for component in scheme.components]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        source.error(("components",), f"component {key} stands twice")
    total = sum(component.weight for component in scheme.components)
    if total != HUNDRED:
        source.error(("components",), f"weights sum to {total}, not 100")
    for index, component in enumerate(scheme.components):
        where = ("components", index)
        if component.weight <= 0:
            source.error((*where, "weight"), f"{component.key}: a weight is more than 0")
        if _check_hurdle(scheme, component.hurdle, source, (*where, "hurdle")):
            bar = bar_of(scheme, component.hurdle)
            if component.resit.attempts and component.resit.cap < bar:
                source.error((*where, "resit"), f"{component.key}: a resit counts at most {component.resit.cap} and could never reach the bar of {bar}")
        if component.resit.cap > HUNDRED:
            source.error((*where, "resit"), f"{component.key}: a cap above 100 is none")
        if isinstance(component.evidence, ParticipationEvidence):
            parts = [part.key for part in component.evidence.parts]
            if len(set(parts)) != len(parts):
                source.error((*where, "evidence"), f"{component.key}: a part stands twice")
            if sum(part.weight for part in component.evidence.parts) != HUNDRED or any(part.weight <= 0 for part in component.evidence.parts):
                source.error((*where, "evidence"), f"{component.key}: the weights of its parts must be above 0 and sum to 100")
    known = {example_key for example in scheme.worked_examples for example_key in example.scores}
    for key in sorted(known - set(keys)):
        source.error(("worked_examples",), f"component {key} is unknown")


def combinations(scheme: Scheme) -> Iterator[tuple[Standing, ...]]:
    """Every combination of component standings. Rules only ask for any and all, so the order of components does not matter."""
    return combinations_with_replacement(STANDINGS, len(scheme.components))


def _check_outcomes(scheme: Scheme, source: Source) -> None:
    without: list[tuple[Standing, ...]] = []
    for standings in combinations(scheme):
        result = outcome(scheme.outcome, standings)
        if result is None:
            without.append(standings)
        elif result == "pass" and any(standing != "met" for standing in standings):
            source.error(("outcome",), f"passes although components stand at {', '.join(standings)}: no total replaces a bar")
            return
    if without:
        source.error(("outcome",), f"no rule gives a result where components stand at {', '.join(without[0])} ({len(without)} such combinations)")


def _check_honours(scheme: Scheme, source: Source) -> None:
    components = {component.key for component in scheme.components}
    seen: set[str] = set()
    for index, honour in enumerate(scheme.honours):
        where = ("honours", index)
        if honour.key in seen:
            source.error(where, f"honour {honour.key} stands twice")
        seen.add(honour.key)
        sound = True
        for key, least in honour.when.components.items():
            if key not in components:
                source.error((*where, "when", "components"), f"{honour.key}: component {key} is unknown")
                sound = False
            elif not _check_hurdle(scheme, least, source, (*where, "when", "components", key)):
                sound = False
        for name in honour.ranking:
            if name not in components | {"total", "global_judgement_mean"}:
                source.error((*where, "ranking"), f"{honour.key}: cannot be ranked by {name}")
        if sound:
            failed = _reachable_with(scheme, honour)
            if failed:
                source.error((*where, "when"), f"{honour.key}: could be reached with {failed} below its bar")


def _reachable_with(scheme: Scheme, honour: Honour) -> str:
    """A component that could be failed while the honour's conditions hold; '' where none can."""
    with_failure = {outcome(scheme.outcome, standings) for standings in combinations(scheme)
                    if any(standing in ("below_resit", "below_final") for standing in standings)}
    if honour.when.outcome is not None and honour.when.outcome not in with_failure:
        return ""
    for component in scheme.components:
        least = honour.when.components.get(component.key)
        guarded = least is not None and bar_of(scheme, least) >= bar_of(scheme, component.hurdle) and honour.when.red_lines == "none_raised"
        if not guarded:
            return component.key
    return ""


def _check_example(scheme: Scheme, example: WorkedExample, source: Source, index: int) -> None:
    where = ("worked_examples", index)
    facts = {key: ComponentFact(key, "complete", score, _NOW) for key, score in example.scores.items()}
    terms = {component.key: Terms(_NOW + timedelta(days=1)) for component in scheme.components}
    verdict = judge(scheme, facts, terms, _NOW)
    reasons = tuple(result.key for result in verdict.reasons)
    honours = eligible_honours(scheme, verdict, has_extension=False, red_line_raised=False)
    if verdict.total_shown != example.total:
        source.error((*where, "total"), f"comes to {verdict.total_shown or 'no total'}, not {example.total}")
    if verdict.outcome != example.result:
        source.error((*where, "result"), f"comes to {verdict.outcome}, not {example.result}")
    if example.band is not None and verdict.band != example.band:
        source.error((*where, "band"), f"is in the band {verdict.band}, not {example.band}")
    if set(reasons) != set(example.reasons):
        source.error((*where, "reasons"), f"the reasons are {', '.join(reasons) or 'none'}, not {', '.join(example.reasons) or 'none'}")
    wanted = (example.honour_eligible,) if example.honour_eligible else ()
    if set(honours) != set(wanted):
        source.error((*where, "honour_eligible"), f"eligible for {', '.join(honours) or 'no honour'}, not {', '.join(wanted) or 'none'}")
