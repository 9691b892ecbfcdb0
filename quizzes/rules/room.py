"""The exam room as a rule: when a sitting is open, how extra time, breaks and pauses move a closing time, and how a
candidate stands on the invigilator's board.

The end of a sitting moves with a person's extra time and with the pauses of the hall; breaks are reckoned in `breaks`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Window = Literal["early", "open", "paused", "over"]
Standing = Literal["absent", "in", "paused", "break", "offline", "handed_in", "time"]
OFFLINE_AFTER_S = 45
EXTRA_MAX_MINUTES = 240


def paper_seed(sitting_seed: str, enrolment_id: int) -> str:
    """The seed of one person's paper. It tells nothing of the sitting's own seed, which other papers come from."""
    return hashlib.sha256(f"{sitting_seed}/person/{enrolment_id}".encode()).hexdigest()[:32]


def form_seed(sitting_seed: str, label: str) -> str:
    """The seed of one fixed form."""
    return hashlib.sha256(f"{sitting_seed}/form/{label}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Hall:
    """How often and how long the hall stood still: `seconds` of ended pauses, begun ones counted whole; `since`: of the one under way."""

    seconds: int = 0
    since: datetime | None = None


def hall(marks: Iterable[tuple[str, datetime]]) -> Hall:
    """A fold over ("pause" | "resume", moment) in the order of time. A pause within a pause and an end without one change nothing.

    >>> from datetime import UTC
    >>> at = lambda minute: datetime(2026, 1, 5, 9, minute, tzinfo=UTC)
    >>> hall([("pause", at(0)), ("pause", at(2)), ("resume", at(5)), ("resume", at(9)), ("pause", at(20)), ("resume", at(21))]).seconds
    360
    """
    seconds = 0
    since: datetime | None = None
    for kind, at in sorted(marks, key=lambda mark: mark[1]):
        if kind == "pause" and since is None:
            since = at
        elif kind == "resume" and since is not None:
            seconds += whole_seconds(at - since)
            since = None
    return Hall(seconds, since)


def whole_seconds(span: timedelta) -> int:
    """Seconds, begun ones counted whole: in favour of who sits. Never negative."""
    return max(0, -(-span // timedelta(seconds=1)))


def sitting_end(closes_at: datetime, extra_minutes: int, hall_seconds: int) -> datetime:
    """When the sitting ends for somebody with that much extra time, after the hall stood still for so long."""
    return closes_at + timedelta(minutes=extra_minutes, seconds=hall_seconds)


def closing_time(started_at: datetime, minutes: int, extra_minutes: int, end: datetime | None) -> datetime:
    """When an attempt closes that begins now: after its minutes and the person's extra ones, never past `end` (of the
    sitting for this person; None: it belongs to no sitting). Extra time given later, pauses and breaks are added to it."""
    own = started_at + timedelta(minutes=minutes + extra_minutes)
    return own if end is None else min(own, end)


def window(now: datetime, opens_at: datetime, end: datetime, paused_since: datetime | None) -> Window:
    """Whether somebody may begin now. A paused hall takes nobody in, and its end waits."""
    if now < opens_at:
        return "early"
    if paused_since is not None:
        return "paused"
    return "open" if now < end else "over"


def is_silent(now: datetime, seen_at: datetime | None, unsent: int) -> bool:
    """Whether the page of an open attempt is out of touch: not heard of for 45 seconds, or holding what the server has not."""
    return seen_at is None or unsent > 0 or now - seen_at > timedelta(seconds=OFFLINE_AFTER_S)


def standing(now: datetime, attempt: str | None, is_paused: bool, is_on_break: bool, seen_at: datetime | None, unsent: int) -> Standing:
    """How a candidate stands. `attempt`: None before the start, else open, handed_in or time."""
    if attempt is None:
        return "absent"
    if attempt != "open":
        return "handed_in" if attempt == "handed_in" else "time"
    if is_paused:
        return "paused"
    if is_on_break:
        return "break"
    return "offline" if is_silent(now, seen_at, unsent) else "in"
