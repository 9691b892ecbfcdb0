"""Deadlines as instants: a deadline on a day means strictly before the midnight that ends it, in the cohort's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from training.assessment.rules.scheme import Scheme


def end_of(day: date, zone: str) -> datetime:
    """The instant that ends `day` in `zone`, in UTC."""
    return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(zone)).astimezone(UTC)


def deadline_of(scheme: Scheme, ends_on: date, zone: str) -> datetime:
    """When the time for all components ends: the scheme's days after the last class day.

    >>> end_of(date(2026, 12, 6), "Asia/Shanghai").isoformat()
    '2026-12-06T16:00:00+00:00'
    """
    return end_of(ends_on + timedelta(days=scheme.deadline.days_after_last_day), zone)


def rating_due(scheme: Scheme, ends_on: date, zone: str) -> datetime:
    """When raters are to have finished."""
    return end_of(ends_on + timedelta(days=scheme.deadline.days_after_last_day + scheme.deadline.rating_due_days), zone)


def latest_extension(scheme: Scheme, ends_on: date, zone: str) -> datetime:
    """The latest moment an extension may name."""
    return end_of(ends_on + timedelta(days=scheme.deadline.days_after_last_day + scheme.deadline.extension.max_days), zone)


def resit_window(scheme: Scheme, wait_days: int, released_at: datetime, zone: str) -> tuple[datetime, datetime]:
    """(first moment, end) of the time for a resit: from `wait_days` after the day of the result, for the scheme's days."""
    day = released_at.astimezone(ZoneInfo(zone)).date()
    first = datetime.combine(day + timedelta(days=wait_days), time.min, ZoneInfo(zone)).astimezone(UTC)
    return max(first, released_at), end_of(day + timedelta(days=scheme.deadline.resits.within_days_after_result), zone)


def day_of(moment: datetime, zone: str) -> date:
    """The calendar day of a moment in `zone`."""
    return moment.astimezone(ZoneInfo(zone)).date()


def last_day(limit: datetime, zone: str) -> date:
    """The last day that lies (at least in part) before a limit: 6 December for the midnight that ends it."""
    return (limit - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()


def days_later(moment: datetime, days: int, zone: str) -> datetime:
    """The same hour of the day in `zone`, `days` later."""
    local = moment.astimezone(ZoneInfo(zone))
    return datetime.combine(local.date() + timedelta(days=days), local.time(), ZoneInfo(zone)).astimezone(UTC)
