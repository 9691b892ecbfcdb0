"""The only reader of the clock. Rules take the time as an argument; services and routes ask here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_standing: ContextVar[datetime | None] = ContextVar("standing_clock", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC, to the microsecond."""
    return _standing.get() or datetime.now(UTC)


def today(zone: str) -> date:
    """The calendar day in `zone` (an IANA name), which is what openings and deadlines are about."""
    return now().astimezone(ZoneInfo(zone)).date()


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """Let everything inside happen at `moment` (aware): history made in time order by the demo and by tests."""
    if moment.tzinfo is None:
        raise ValueError("the clock takes aware times only")
    token = _standing.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _standing.reset(token)


def start_of_day(day: date, zone: str) -> datetime:
    """The first instant of `day` in `zone`, as UTC."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def end_of_day(day: date, zone: str) -> datetime:
    """The instant that ends `day` in `zone`: a deadline on a day means strictly before this one."""
    return start_of_day(day + timedelta(days=1), zone)
