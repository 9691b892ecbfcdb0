"""One sitting as a rule: when it is open, how it ends, what counts, and the chain of its saves.

Server time decides and never runs backwards: the latest save is a high-water mark that a clock set back cannot undercut.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

State = Literal["open", "handed_in", "time"]
GENESIS = "0" * 64


def effective(now: datetime, high_water_at: datetime) -> datetime:
    """The server's time as this attempt knows it: never before its latest save."""
    return max(now, high_water_at)


def closing_time(started_at: datetime, minutes: int) -> datetime:
    return started_at + timedelta(minutes=minutes)


def clock_of(now: datetime, high_water_at: datetime, paused_at: datetime | None = None) -> datetime:
    """Where the clock of an attempt stands: while the hall is paused, at the moment the pause began. What is saved meanwhile
    counts and bears the real time; the pause is added to the deadline when it ends."""
    moment = effective(now, high_water_at)
    return moment if paused_at is None else min(moment, paused_at)


def state(now: datetime, high_water_at: datetime, closes_at: datetime, closed_how: str | None, paused_at: datetime | None = None) -> State:
    """open, handed_in or time. Past its time an attempt IS closed, whether or not anybody has posted it; a paused one is not past it."""
    if closed_how is not None:
        return "handed_in" if closed_how == "handed_in" else "time"
    return "open" if clock_of(now, high_water_at, paused_at) < closes_at else "time"


def seconds_left(now: datetime, high_water_at: datetime, closes_at: datetime, paused_at: datetime | None = None) -> int:
    """Seconds until the deadline, begun ones counted whole: 0 only once it has passed."""
    return max(0, -((clock_of(now, high_water_at, paused_at) - closes_at) // timedelta(seconds=1)))


def counts(purpose: str) -> bool:
    """Only an attempt made as the exam feeds the written exam."""
    return purpose == "exam"


def may_repeat(purpose: str) -> bool:
    """An exam is sat once (a resit is another paper, opened by the training department); everything else may be repeated."""
    return purpose != "exam"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Save:
    """One autosave as the chain sees it. `saved_at` as ISO text in UTC, to the microsecond."""

    position: int
    version: int
    op: str
    answer: Any
    saved_at: str


def paper_hash(slots: Iterable[tuple[int, str, str, str, Any]]) -> str:
    """Digest of a frozen paper: (position, item key, scoring hash, marks, frozen) of every slot, in order."""
    return _digest([list(slot) for slot in slots])


def chain_hash(previous: str, attempt_id: int, save: Save) -> str:
    """Digest of a save and all before it. Pure: who checks the chain uses the same function."""
    return _digest([previous, attempt_id, save.position, save.version, save.op, save.answer, save.saved_at])


def chain_head(attempt_id: int, saves: Sequence[Save]) -> str:
    """The head of an attempt's saves, recomputed from the first; zeros where nothing was saved."""
    head = GENESIS
    for save in saves:
        head = chain_hash(head, attempt_id, save)
    return head


def answer_digest(position: int, version: int, answer: Any) -> str:
    """What makes two saves of one operation the same: place, the version it was made on, and content."""
    return _digest([position, version, answer])


def receipt(hash_: str) -> str:
    """A short proof for people to note.

    >>> receipt("7f3a22c9ee")
    '7F3A-22C9'
    """
    return f"{hash_[:4]}-{hash_[4:8]}".upper()
