"""Spaced review as a rule: how an answer is rated, and how a rating moves an objective's next day.

The memory model is FSRS-6 with its published weights. It is fed whole calendar days of the cohort's zone, because people review
by day ("tomorrow"), not by the hour: an answer at 20:00 and one at 8:00 the next morning are a day apart. Nothing is drawn by
lot, so the same answers on the same days always lead to the same state, and a card can be rebuilt from its log.

Rating, derived and never asked for: a fraction below one half is 1 (again); from one half to below full, or full only at a further
try of the same day, is 2 (hard); full at the day's first try is 3 (good). The model's 4 (easy) is not used: being right does not
tell how easy it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from fsrs import Card, Rating, Scheduler
from fsrs import State as Phase

FORMAT = 1
RETENTION = 0.9                       # the chance of still knowing it at which an objective is asked again
LONGEST_DAYS = 180
DAILY_LIMIT = 20                      # answers a day
TRIES_A_DAY = 2                       # an objective missed today comes round once more today, with another question if there is one
AGAIN, HARD, GOOD = 1, 2, 3
HALF = Decimal("0.5")
_DIGITS = 6                           # of stability and difficulty: more would differ between processors

_MODEL = Scheduler(desired_retention=RETENTION, learning_steps=(), relearning_steps=(), maximum_interval=LONGEST_DAYS, enable_fuzzing=False)


class UnknownFormat(ValueError):
    """A stored state of another format than this program writes."""


@dataclass(frozen=True)
class Memory:
    """What the model holds of one objective. `stability`: days until the chance of knowing it falls to `RETENTION`;
    `difficulty` 1..10; both days are calendar days of the cohort."""

    stability: float
    difficulty: float
    last_on: date
    due_on: date

    def as_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "stability": self.stability, "difficulty": self.difficulty, "last_on": self.last_on.isoformat(),
                "due_on": self.due_on.isoformat()}

    @classmethod
    def read(cls, stored: Any) -> Memory:
        """The memory of a stored state. Raises UnknownFormat."""
        if not isinstance(stored, dict) or stored.get("format") != FORMAT:
            raise UnknownFormat(f"format {FORMAT} is expected")
        return cls(float(stored["stability"]), float(stored["difficulty"]), date.fromisoformat(stored["last_on"]), date.fromisoformat(stored["due_on"]))


@dataclass(frozen=True)
class Answered:
    """One answer in the review, on a calendar day of the cohort."""

    on: date
    fraction: Decimal
    rating: int


def rate(fraction: Decimal, tries_before: int) -> int:
    """1 again, 2 hard or 3 good. `tries_before`: answers to this objective earlier on the same day.

    >>> rate(Decimal(1), 0), rate(Decimal(1), 1), rate(Decimal("0.5"), 0), rate(Decimal("0.25"), 0)
    (3, 2, 2, 1)
    """
    if fraction < HALF:
        return AGAIN
    return GOOD if fraction == 1 and tries_before == 0 else HARD


def _noon(day: date) -> datetime:
    """The moment that stands for a day in the model."""
    return datetime.combine(day, time(12), UTC)


def step(memory: Memory | None, rating: int, on: date) -> Memory:
    """The memory after an answer on a day; None before the first one. The next day is never the same day.

    A day before the last answer (a clock set back) counts as the day of the last answer.
    """
    day = on if memory is None else max(on, memory.last_on)
    if memory is None:
        card = Card(card_id=0, due=_noon(day))
    else:
        card = Card(card_id=0, state=Phase.Review, step=None, stability=memory.stability, difficulty=memory.difficulty, due=_noon(memory.due_on),
                    last_review=_noon(memory.last_on))
    moved, _log = _MODEL.review_card(card, Rating(rating), _noon(day))
    assert moved.stability is not None and moved.difficulty is not None
    days = max(1, (moved.due - _noon(day)).days)
    return Memory(round(moved.stability, _DIGITS), round(moved.difficulty, _DIGITS), day, day + timedelta(days=days))


def replay(answers: Iterable[Answered]) -> Memory | None:
    """The memory that a log of answers, in their order, leads to; None for an empty log."""
    memory: Memory | None = None
    for answer in answers:
        memory = step(memory, answer.rating, answer.on)
    return memory


@dataclass(frozen=True)
class Due:
    """How an objective stands today. `since`: the day it has been due from; `is_new`: it was missed and never reviewed;
    `is_repeat`: it was missed in today's review and comes round once more."""

    objective: str
    since: date
    is_new: bool = False
    is_repeat: bool = False


def due(objective: str, memory: Memory | None, missed_on: date | None, answers_today: tuple[Decimal, ...], today: date) -> Due | None:
    """Whether an objective is to be asked today, and since when.

    `missed_on`: the last day a quiz missed it *after* its last review answer, None where none did. `answers_today`: the
    fractions of today's review answers to it, in order.
    """
    if answers_today:
        is_repeat = answers_today[-1] < 1 and len(answers_today) < TRIES_A_DAY
        return Due(objective, today, is_repeat=True) if is_repeat else None
    if memory is None:
        return Due(objective, missed_on, is_new=True) if missed_on is not None else None
    if memory.due_on <= today:
        return Due(objective, memory.due_on)
    return Due(objective, missed_on) if missed_on is not None else None


def in_order(found: Iterable[Due]) -> tuple[Due, ...]:
    """The day's order: what is due longest, then what is new, and last what comes round once more today."""
    return tuple(sorted(found, key=lambda one: (one.is_repeat, one.is_new, one.since, one.objective)))
