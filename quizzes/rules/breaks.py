"""Personal breaks during a paper, as a fold of what happened.

A break that begins adds the whole of what is left of the allowance to the deadline; its end takes back what was not used. So
the deadline that stands in the row is always the right one for somebody who never comes back: the clock goes on from the
moment the allowance is used up, whether or not a browser says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

KINDS = ("break_start", "break_end", "pause", "resume")


@dataclass(frozen=True)
class Happened:
    """One event of an attempt. `seconds`: of a break's start what was granted, of its end what was used."""

    kind: str
    at: datetime
    seconds: int = 0


@dataclass(frozen=True)
class Breaks:
    """Seconds throughout. `since`: when the break under way began, None where there is none; `granted`: what it added to the
    deadline; `unused`: what a return now would take back."""

    allowed: int
    used: int
    since: datetime | None = None
    granted: int = 0
    unused: int = 0

    @property
    def left(self) -> int:
        """Of the allowance, now."""
        return max(0, self.allowed - self.used)

    @property
    def is_on(self) -> bool:
        """On a break, and the clock stands still for it."""
        return self.since is not None and self.unused > 0

    @property
    def is_overrun(self) -> bool:
        """Still away although the break is used up: the clock runs again."""
        return self.since is not None and self.unused == 0


def _overlap(start: datetime, end: datetime, pauses: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """How much of a stretch of time fell into pauses of the hall (which do not overlap each other)."""
    return sum((max(min(end, until) - max(start, since), timedelta(0)) for since, until in pauses), timedelta(0))


def breaks_of(events: Iterable[Happened], allowed: int, now: datetime) -> Breaks:
    """What was used of an allowance of so many seconds. While the hall is paused a break uses up nothing."""
    pauses: list[tuple[datetime, datetime]] = []
    paused: datetime | None = None
    since: datetime | None = None
    granted = used = 0
    for event in events:
        if event.kind == "pause" and paused is None:
            paused = event.at
        elif event.kind == "resume" and paused is not None:
            pauses.append((paused, event.at))
            paused = None
        elif event.kind == "break_start":
            since, granted = event.at, event.seconds
        elif event.kind == "break_end" and since is not None:
            used += event.seconds
            since, granted = None, 0
    if since is None:
        return Breaks(allowed, used)
    until = max(now, since)
    if paused is not None:
        pauses.append((paused, max(until, paused)))
    counted = min(granted, (until - since - _overlap(since, until, pauses)) // timedelta(seconds=1))
    return Breaks(allowed, used + counted, since, granted, granted - counted)
