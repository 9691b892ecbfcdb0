"""Rubrics: levels, weighted criteria with anchors, red lines; their checks; the mark of one rating.

A level is worth a fraction, a criterion a weight, a mark is the sum of weight x fraction on 0-100. The global judgement
and red lines never enter it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, localcontext
from difflib import SequenceMatcher
from itertools import combinations, pairwise
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.yamlsource import Bilingual, Day, Dec, Strict
from training.grading.rules.common import Findings, Key, Names, Status, Waiver, check_unique

NOT_OBSERVED = "not_observed"
ALIKE = 0.9
_DEGREE = {"zh": re.compile("非常|十分|比较|较为|较|很|极"), "en": re.compile(r"\b(very|quite|rather|highly|extremely|fairly)\b ?", re.I)}


class Level(Strict):
    key: Key
    fraction: Dec
    title: Bilingual


class Criterion(Strict):
    """`anchors` say what is seen at each level, `not_evidence` what must not be taken for it."""

    key: Key
    weight: int = Field(gt=0)
    family: str = ""
    title: Bilingual
    anchors: dict[str, Bilingual]
    not_evidence: Bilingual


class RedLine(Strict):
    key: Key
    text: Bilingual


class JudgementAnchor(Strict):
    key: Key
    value: int
    text: Bilingual


class GlobalJudgement(Strict):
    question: Bilingual
    anchors: Annotated[tuple[JudgementAnchor, ...], Field(strict=False, min_length=2)]


class AgreementRule(Strict):
    """How many raters, and how far apart they may be: in levels on one criterion, in points on the whole."""

    raters: Literal[1, 2] = 2
    second_blind: Literal[True] = True
    max_level_gap: int = Field(default=1, ge=0)
    max_total_gap: int = Field(default=10, ge=0)
    on_larger_gap: Literal["third-rater"] = "third-rater"


class Instrument(Strict):
    """What a rating is made on: a rubric of its own, or the one inside a case."""

    levels: Annotated[tuple[Level, ...], Field(strict=False, min_length=2)]
    evidence_required_at: Names = ()
    not_observed: Literal["allowed", "refused"] = "refused"
    criteria: Annotated[tuple[Criterion, ...], Field(strict=False, min_length=1)]
    red_lines: Annotated[tuple[RedLine, ...], Field(strict=False)] = ()
    red_line_procedure: Bilingual | None = None
    global_judgement: GlobalJudgement | None = None
    agreement: AgreementRule = AgreementRule()

    @property
    def ascending(self) -> tuple[Level, ...]:
        """The levels from the lowest to the highest."""
        return tuple(sorted(self.levels, key=lambda level: level.fraction))

    @property
    def ranks(self) -> dict[str, int]:
        """Level key → its place, 1 for the lowest: what a gap in levels is counted in."""
        return {level.key: number for number, level in enumerate(self.ascending, 1)}

    def scoring(self) -> dict[str, Any]:
        """The part that decides marks, as plain JSON; texts are not in it."""
        return {
            "levels": [[level.key, format(level.fraction, "f")] for level in self.ascending],
            "criteria": [[criterion.key, criterion.weight] for criterion in self.criteria],
            "red_lines": [line.key for line in self.red_lines], "evidence_required_at": sorted(self.evidence_required_at),
            "not_observed": self.not_observed, "agreement": self.agreement.model_dump(mode="json"),
            "global": [[anchor.key, anchor.value] for anchor in self.global_judgement.anchors] if self.global_judgement else [],
        }


class RubricMinutes(Strict):
    performance: int
    rating: int


class Rubric(Instrument):
    """A rubric file."""

    format: Literal["qizhou/rubric@1"]
    key: Key
    kind: str
    title: Bilingual
    programmes: Names
    status: Status
    reviewed: Day
    sources: Names
    used_by: Names = ()
    minutes: RubricMinutes
    instructions: Bilingual
    waive: Annotated[tuple[Waiver, ...], Field(strict=False)] = ()


# ── the mark ─────────────────────────────────────────────────────────────────────────────────────────────────
class LevelsRefused(ValueError):
    """A criterion without a level, a level the instrument does not know, or nothing observed at all."""


def rubric_score(rubric: Instrument, levels: Mapping[str, str]) -> Decimal:
    """The mark (0-100, unrounded) of one rating: the sum of weight x fraction.

    `levels` names a level key, or `not_observed` where that is allowed, for every criterion. The weight of what could
    not be observed is shared out over the rest in proportion. Raises LevelsRefused.
    """
    fractions = {level.key: level.fraction for level in rubric.levels}
    if set(levels) != {criterion.key for criterion in rubric.criteria}:
        raise LevelsRefused("every criterion needs a level, and nothing else")
    earned, observed = Decimal(0), 0
    for criterion in rubric.criteria:
        level = levels[criterion.key]
        if level == NOT_OBSERVED and rubric.not_observed == "allowed":
            continue
        if level not in fractions:
            raise LevelsRefused(f"{criterion.key} has no level {level}")
        earned += criterion.weight * fractions[level]
        observed += criterion.weight
    if not observed:
        raise LevelsRefused("nothing was observed")
    with localcontext() as context:
        context.prec = 28
        return earned if observed == 100 else earned * 100 / observed


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────
def check_instrument(rubric: Instrument, findings: Findings, where: tuple[Any, ...] = (), any_order: bool = False) -> None:
    """E: weights that miss 100, a level without anchor, anchors alike, levels out of order, unknown levels.
    W: anchors that differ by a word of degree alone; more than eight criteria."""
    keys = [level.key for level in rubric.levels]
    check_unique(keys, "level", (*where, "levels"), findings)
    check_unique([criterion.key for criterion in rubric.criteria], "criterion", (*where, "criteria"), findings)
    check_unique([line.key for line in rubric.red_lines], "red line", (*where, "red_lines"), findings)
    fractions = [level.fraction for level in rubric.levels]
    if any(not 0 <= fraction <= 1 for fraction in fractions):
        findings.error((*where, "levels"), "a fraction lies outside 0..1")
    rising = all(a < b for a, b in pairwise(fractions))
    falling = all(a > b for a, b in pairwise(fractions))
    if not (rising or (any_order and falling)):
        findings.error((*where, "levels"), "levels do not rise from the lowest to the highest fraction")
    if NOT_OBSERVED in keys:
        findings.error((*where, "levels"), f"{NOT_OBSERVED} cannot be a level's key")
    total = sum(criterion.weight for criterion in rubric.criteria)
    if total != 100:
        findings.error((*where, "criteria"), f"the weights sum to {total}, not 100")
    for key in rubric.evidence_required_at:
        if key not in keys:
            findings.error((*where, "evidence_required_at"), f"there is no level {key}")
    if len(rubric.criteria) > 8:
        findings.warn("too-many-criteria", "criteria", (*where, "criteria"), f"{len(rubric.criteria)} criteria; a rater keeps eight in mind")
    for index, criterion in enumerate(rubric.criteria):
        _check_anchors(criterion, keys, findings, (*where, "criteria", index))
    if rubric.global_judgement:
        anchors = rubric.global_judgement.anchors
        check_unique([anchor.key for anchor in anchors], "judgement", (*where, "global_judgement", "anchors"), findings)
        values = [anchor.value for anchor in anchors]
        if values != sorted(set(values)):
            findings.error((*where, "global_judgement", "anchors"), "the values do not rise")


def _check_anchors(criterion: Criterion, keys: list[str], findings: Findings, where: tuple[Any, ...]) -> None:
    for key in keys:
        if key not in criterion.anchors:
            findings.error((*where, "anchors"), f"{criterion.key}: level {key} has no anchor")
    for key in criterion.anchors:
        if key not in keys:
            findings.error((*where, "anchors", key), f"{criterion.key}: {key} is no level")
    for (key_a, anchor_a), (key_b, anchor_b) in combinations(criterion.anchors.items(), 2):
        for language in ("zh", "en"):
            a, b = anchor_a.get(language), anchor_b.get(language)
            if _DEGREE[language].sub("", a) == _DEGREE[language].sub("", b) and a != b:
                findings.warn("anchors-by-degree", f"criteria.{criterion.key}.{key_a}-{key_b}", (*where, "anchors", key_b),
                              f"{key_a} and {key_b} differ only by a word of degree ({language})")
            elif alike(a, b):
                findings.error((*where, "anchors", key_b), f"{criterion.key}: the anchors of {key_a} and {key_b} are alike ({language})")


def alike(a: str, b: str) -> bool:
    """Whether two anchors could not be told apart: similarity above 0.9."""
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return matcher.real_quick_ratio() > ALIKE and matcher.quick_ratio() > ALIKE and matcher.ratio() > ALIKE
