"""The wrong-answer book as a fold over what somebody answered: an item enters when it is missed and leaves after two right answers
on different days. Quizzes and the spaced review count alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

RIGHT_DAYS = 2


@dataclass(frozen=True)
class Given:
    """One answer to one item. `on` is the calendar day of the cohort; `source` finds the answer again (slot:17, review:4)."""

    item_key: str
    at: datetime
    on: date
    fraction: Decimal
    source: str


@dataclass(frozen=True)
class Entry:
    """An item in the book: the latest miss, how often it was missed and asked, and the days it was right since."""

    item_key: str
    missed: Given
    misses: int
    asked: int
    right_on: tuple[date, ...]


def book(answers: Iterable[Given]) -> tuple[Entry, ...]:
    """The entries that stand, the latest miss first.

    A miss always (re-)enters the item and begins the count of right days anew; two right answers on one day are one day.
    """
    standing: dict[str, Entry] = {}
    asked: dict[str, int] = {}
    misses: dict[str, int] = {}
    for given in sorted(answers, key=lambda given: given.at):
        key = given.item_key
        asked[key] = asked.get(key, 0) + 1
        if given.fraction < 1:
            misses[key] = misses.get(key, 0) + 1
            standing[key] = Entry(key, given, misses[key], asked[key], ())
        elif key in standing:
            entry = standing[key]
            days = tuple(sorted({*entry.right_on, given.on}))
            if len(days) >= RIGHT_DAYS:
                del standing[key]
            else:
                standing[key] = Entry(key, entry.missed, entry.misses, asked[key], days)
    return tuple(sorted(standing.values(), key=lambda entry: (entry.missed.at, entry.item_key), reverse=True))
