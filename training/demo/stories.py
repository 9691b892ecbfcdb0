"""What becomes of each demo trainee: how they answer, how they are judged, how far they have come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from quizzes.rules.item import Answerable, Cloze, Matching, Multiple, Numeric, Ordering, Single, TrueFalse
from quizzes.rules.scoring import right_answer
from training.demo.cast import COMMENTS, EVIDENCE


@dataclass(frozen=True)
class Story:
    """One trainee. `exam_wrong`: wrong answers in twenty; `skill` and `case` name a quality; `open` what is left undone."""

    exam_wrong: int = 2
    skill: str = "good"                    # excellent | good | weak
    case: str = "good"                     # excellent | good | pass | fail
    absent: int = 1                        # sessions missed
    late: int = 1
    level: str = "l4"                      # of contributions
    open: frozenset[str] = field(default_factory=frozenset)   # exam, station-2, second-rating, case, case-marks, levels, lesson
    gap: bool = False                      # the two raters are far apart
    red_line: str = ""                     # "" | raised | confirmed | rejected
    confirmed: bool = True


def _s(**changes: Any) -> Story:
    if "open" in changes:
        changes["open"] = frozenset(changes["open"].split())
    return Story(**changes)


WEEK_SEVEN: tuple[Story, ...] = (
    _s(open="exam station-2 case lesson", confirmed=False, late=1, absent=0),                     # 周以宁: the login “trainee”
    _s(exam_wrong=2, skill="good", case="pass"),
    _s(exam_wrong=1, skill="excellent", case="excellent", level="l5", absent=0),
    _s(exam_wrong=3, case="pass"),
    _s(exam_wrong=2, skill="weak", confirmed=False),
    _s(exam_wrong=3, case="pass", late=2),
    _s(exam_wrong=2, skill="excellent", case="good"),
    _s(exam_wrong=3, case="pass", absent=8, level="l3", confirmed=False),
    _s(exam_wrong=0, skill="excellent", case="excellent", level="l5", absent=0, late=0),
    _s(exam_wrong=4, case="fail", confirmed=False),
    _s(exam_wrong=2, case="good"),
    _s(exam_wrong=3, case="pass"),
    _s(exam_wrong=1, skill="excellent", case="good"),
    _s(exam_wrong=2, case="good", confirmed=False),
    _s(exam_wrong=6, case="good"),
    _s(exam_wrong=2, case="good", absent=0),
    _s(exam_wrong=3, open="second-rating", confirmed=False),
    _s(exam_wrong=2, case="pass"),
    _s(exam_wrong=1, skill="excellent", case="excellent", absent=0, level="l5", confirmed=False),
    _s(exam_wrong=3, case="pass", gap=True, confirmed=False),
    _s(exam_wrong=2, open="case-marks", confirmed=False),
    _s(exam_wrong=2, red_line="raised", confirmed=False),
    _s(exam_wrong=1, skill="excellent", case="excellent", level="l5", absent=0),
    _s(exam_wrong=5, case="pass", red_line="rejected", confirmed=False),
)


def wrong_answer(item: Answerable, values: Mapping[str, str], chance: Random) -> dict[str, Any]:
    """An answer of the right shape that is not the key."""
    right = right_answer(item, values)
    if isinstance(item, Single):
        return {"choice": chance.choice([o.key for o in item.options if o.key != right["choice"]])}
    if isinstance(item, Multiple):
        wrong = [o.key for o in item.options if o.key not in right["choices"]]
        return {"choices": sorted([*wrong, *right["choices"]][: item.choose])}
    if isinstance(item, TrueFalse):
        return {"value": not right["value"]}
    if isinstance(item, Matching):
        lefts, rights = list(right["pairs"]), list(right["pairs"].values())
        return {"pairs": dict(zip(lefts, rights[1:] + rights[:1], strict=True))}
    if isinstance(item, Ordering):
        turned = sorted(right["positions"], key=lambda key: -right["positions"][key])
        return {"positions": {key: place for place, key in enumerate(turned, start=1)}}
    if isinstance(item, Numeric):
        return {"text": "1"}
    if isinstance(item, Cloze):
        return {"blanks": dict.fromkeys(item.blanks, "服务")}
    return {"text": "先了解情况，再请客户确认。"}


LADDER = {"excellent": ("l5", "l4"), "good": ("l4", "l5"), "weak": ("l3", "l4")}
CASE_LADDER = {"excellent": ("excellent", "good"), "good": ("good", "excellent"), "pass": ("pass", "good"), "fail": ("fail", "pass")}
GLOBAL = {"excellent": "excellent", "good": "good", "weak": "borderline", "pass": "clear-pass", "fail": "clear-fail"}


def judgement(quality: str, criteria: Sequence[str], place: int, chance: Random, is_case: bool = False, lower: bool = False) -> dict[str, Any]:
    """A rating as a rater of the demo would give it; the second differs from the first in one criterion. `lower`: by far."""
    main, other = (CASE_LADDER if is_case else LADDER)[quality]
    levels = dict.fromkeys(criteria, main)
    for key in chance.sample(list(criteria), 1 if place == 1 else 2):
        levels[key] = other
    if lower:
        levels = {key: "l2" if index < 3 else "l3" for index, key in enumerate(criteria)}
    body: dict[str, Any] = {
        "levels": levels, "evidence": {key: chance.choice(EVIDENCE) for key in criteria}, "red_lines": {}, "comment": chance.choice(COMMENTS),
        "global_judgement": "" if is_case else ("borderline" if lower else GLOBAL[quality]),
    }
    if is_case:
        body["evidence"] = dict.fromkeys(criteria, "引用了材料行号，理由能对上事实。")
    return body
