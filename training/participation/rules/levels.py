"""The level of discussion and group contribution: proposed from a trainer's observations by one published rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

PARTS = ("discussion", "group_contribution")
LEVELS: dict[str, Decimal] = {"l1": Decimal("0"), "l2": Decimal("0.45"), "l3": Decimal("0.65"), "l4": Decimal("0.85"), "l5": Decimal("1")}
LEAST_NOTES = 2


@dataclass(frozen=True)
class LevelText:
    """What a level is called, and per part the behaviour by which it is known. Texts are {'zh', 'en'}."""

    title: dict[str, str]
    anchors: dict[str, dict[str, str]]


LEVEL_TEXTS: dict[str, LevelText] = {
    "l1": LevelText({"zh": "未达到", "en": "Not shown"}, {
        "discussion": {"zh": "全程没有发言，点名后也没有回应议题。", "en": "Says nothing, and does not take up the topic even when asked."},
        "group_contribution": {"zh": "没有参与分工，也没有交出任何成果。", "en": "Takes no part in the work and hands in nothing."},
    }),
    "l2": LevelText({"zh": "不足", "en": "Below standard"}, {
        "discussion": {"zh": "只附和或重复别人的话，说不出自己的依据。", "en": "Agrees or repeats what others said, without a reason of their own."},
        "group_contribution": {"zh": "分到的任务不完整或不按时，要别人补做。", "en": "The own task is incomplete or late, so others have to fill in."},
    }),
    "l3": LevelText({"zh": "合格", "en": "Pass"}, {
        "discussion": {"zh": "被问到时能说清自己的看法，并举出一个理由或例子。", "en": "When asked, states a view clearly and gives one reason or example."},
        "group_contribution": {"zh": "按时完成分到的任务，交出来就能用。", "en": "Completes the own task on time, fit to be used as it is."},
    }),
    "l4": LevelText({"zh": "良好", "en": "Good"}, {
        "discussion": {"zh": "主动发言，联系岗位实例，并回应他人的观点。",
                       "en": "Speaks up unasked, ties the point to a case from the job, and responds to others."},
        "group_contribution": {"zh": "完成自己的任务，还协助他人，把各部分衔接起来。",
                               "en": "Completes the own task, helps others and joins the parts together."},
    }),
    "l5": LevelText({"zh": "优秀", "en": "Excellent"}, {
        "discussion": {"zh": "提出的问题或依据让讨论更进一步，并帮大家归纳出能用的做法。",
                       "en": "Raises a question or evidence that moves the discussion on, and helps the group draw out something usable."},
        "group_contribution": {"zh": "理清分工、化解分歧或补上关键一环，让小组成果明显更好。",
                               "en": "Sorts out the work, settles a disagreement or supplies the missing piece: the group's result is clearly better."},
    }),
}


@dataclass(frozen=True)
class Proposal:
    """A level with what it rests on. `fraction` is None while there are fewer than two observations."""

    fraction: Decimal | None
    notes: int
    mean: Decimal | None


def propose(observed: Sequence[Decimal]) -> Proposal:
    """The highest level that does not exceed the mean of the observed levels; from two observations on.

    >>> propose([Decimal("0.85"), Decimal("1")]).fraction
    Decimal('0.85')
    >>> propose([Decimal("0.85")]).fraction is None
    True
    """
    if not observed:
        return Proposal(None, 0, None)
    mean = sum(observed, Decimal(0)) / len(observed)
    if len(observed) < LEAST_NOTES:
        return Proposal(None, len(observed), mean)
    return Proposal(max(level for level in LEVELS.values() if level <= mean), len(observed), mean)


def level_key(fraction: Decimal) -> str:
    """The level whose fraction this is. Raises KeyError for a value between levels."""
    for key, value in LEVELS.items():
        if value == fraction:
            return key
    raise KeyError(fraction)
