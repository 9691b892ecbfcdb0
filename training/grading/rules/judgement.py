"""One rating as its rater writes it: the shape of a draft, and what is still missing before it can be final."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from training.grading.rules.rubric import NOT_OBSERVED, Instrument

MAX_EVIDENCE = 2000
MAX_QUOTATION = 2000
MAX_WHEN = 80
MAX_COMMENT = 6000


class JudgementRefused(Exception):
    """The draft cannot be kept as it was sent. `reason`: unknown_criterion, unknown_level, unknown_red_line,
    unknown_judgement, too_long, shape. `where` names the place, `limit` the characters allowed."""

    def __init__(self, reason: str, where: str = "", limit: int = 0) -> None:
        super().__init__(f"{reason} {where}")
        self.reason, self.where, self.limit = reason, where, limit


@dataclass(frozen=True)
class RedLineNote:
    """What was said or done, word for word, and when."""

    quotation: str = ""
    happened_at: str = ""


@dataclass(frozen=True)
class Judgement:
    """A rating under way. Every part may be missing until it is made final."""

    levels: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)
    red_lines: Mapping[str, RedLineNote] = field(default_factory=dict)
    global_judgement: str = ""
    comment: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"levels": dict(self.levels), "evidence": dict(self.evidence), "global_judgement": self.global_judgement, "comment": self.comment,
                "red_lines": {key: {"quotation": note.quotation, "happened_at": note.happened_at} for key, note in self.red_lines.items()}}

    @property
    def is_empty(self) -> bool:
        return self == Judgement()


@dataclass(frozen=True, order=True)
class Lack:
    """Something a final rating needs: `what` is level, evidence, quotation, time, global_judgement or nothing_observed."""

    what: str
    key: str = ""


def _text(value: Any, where: str, limit: int) -> str:
    if not isinstance(value, str):
        raise JudgementRefused("shape", where)
    text = value.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    if len(text) > limit:
        raise JudgementRefused("too_long", where, limit)
    return text


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise JudgementRefused("shape", where)
    return value


def read_judgement(value: Any, rubric: Instrument) -> Judgement:
    """A judgement from plain JSON, as a device or form sends it; empty entries are left out. Raises JudgementRefused.

    Nothing is cut off or guessed: what the rubric does not know is refused, so that no mark rests on a level that is not there.
    """
    body = _mapping(value, "body")
    if unknown := set(body) - {"levels", "evidence", "red_lines", "global_judgement", "comment"}:
        raise JudgementRefused("shape", sorted(unknown)[0][:80])
    criteria = {criterion.key for criterion in rubric.criteria}
    known = set(rubric.ranks) | ({NOT_OBSERVED} if rubric.not_observed == "allowed" else set())
    levels: dict[str, str] = {}
    for key, level in _mapping(body.get("levels"), "levels").items():
        if key not in criteria:
            raise JudgementRefused("unknown_criterion", key[:80])
        if level not in ("", None):
            if not isinstance(level, str) or level not in known:
                raise JudgementRefused("unknown_level", key)
            levels[key] = level
    evidence: dict[str, str] = {}
    for key, text in _mapping(body.get("evidence"), "evidence").items():
        if key not in criteria:
            raise JudgementRefused("unknown_criterion", key[:80])
        if line := _text(text, f"evidence.{key}", MAX_EVIDENCE).strip():
            evidence[key] = line
    red_lines: dict[str, RedLineNote] = {}
    for key, note in _mapping(body.get("red_lines"), "red_lines").items():
        if key not in {line.key for line in rubric.red_lines}:
            raise JudgementRefused("unknown_red_line", key[:80])
        fields = _mapping(note, f"red_lines.{key}")
        red_lines[key] = RedLineNote(_text(fields.get("quotation", ""), f"red_lines.{key}.quotation", MAX_QUOTATION).strip(),
                                     _text(fields.get("happened_at", ""), f"red_lines.{key}.happened_at", MAX_WHEN).strip())
    judged = _text(body.get("global_judgement") or "", "global_judgement", MAX_WHEN)
    anchors = {anchor.key for anchor in rubric.global_judgement.anchors} if rubric.global_judgement else set()
    if judged and judged not in anchors:
        raise JudgementRefused("unknown_judgement", "global_judgement")
    return Judgement(levels, evidence, red_lines, judged, _text(body.get("comment") or "", "comment", MAX_COMMENT).strip())


def lacks(judgement: Judgement, rubric: Instrument) -> tuple[Lack, ...]:
    """What a final rating still needs, in the order of the rubric; empty when it can be made final."""
    found = []
    for criterion in rubric.criteria:
        level = judgement.levels.get(criterion.key)
        if level is None:
            found.append(Lack("level", criterion.key))
        elif level in rubric.evidence_required_at and not judgement.evidence.get(criterion.key):
            found.append(Lack("evidence", criterion.key))
    if not found and all(level == NOT_OBSERVED for level in judgement.levels.values()):
        found.append(Lack("nothing_observed", rubric.criteria[0].key))
    for key, note in judgement.red_lines.items():
        if not note.quotation:
            found.append(Lack("quotation", key))
        if not note.happened_at:
            found.append(Lack("time", key))
    if rubric.global_judgement and not judgement.global_judgement:
        found.append(Lack("global_judgement"))
    return tuple(found)
