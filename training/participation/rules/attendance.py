"""Attendance: attended out of planned minutes; an excused session leaves the denominator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

STATUSES = ("present", "late", "excused", "absent")
REGISTER_OPENS = timedelta(minutes=15)
DAYS_AFTER = 7


def register_opens_at(starts_at: datetime) -> datetime:
    """A register can be kept from a quarter of an hour before the start: people are ticked off at the door."""
    return starts_at - REGISTER_OPENS


def may_be_held_on(day: date, starts_on: date, ends_on: date) -> bool:
    """Whether a session of a cohort may lie on this day: within its dates, or in the week after for what is made up."""
    return starts_on <= day <= ends_on + timedelta(days=DAYS_AFTER)


def minutes_of(status: str, minutes: int, planned: int) -> int:
    """Minutes that count as attended: all of them when present, those given when late, else none."""
    return planned if status == "present" else minutes if status == "late" else 0


def mark_problem(status: str, minutes: int, reason: str, planned: int, before: tuple[str, int] | None) -> str:
    """What keeps a mark from standing: "status", "minutes" (late must leave some and miss some), "reason", or "".

    `minutes` are those attended. `before` is the mark that stands: changing it is a correction, which needs a reason, as
    being excused does. A mark that says what stands already is never a problem.
    """
    if status not in STATUSES:
        return "status"
    if status == "late" and not 0 < minutes < planned:
        return "minutes"
    if before == (status, minutes_of(status, minutes, planned)):
        return ""
    return "reason" if (before is not None or status == "excused") and not reason.strip() else ""


@dataclass(frozen=True)
class SessionFact:
    """One planned session for one trainee. `status` is None while the register has no entry; `is_over` by the clock."""

    minutes: int
    is_over: bool
    status: str | None
    attended: int


@dataclass(frozen=True)
class AttendanceFold:
    """Minutes of all planned sessions: attended, lost, still to come, and those excused (outside the rest)."""

    attended: int
    lost: int
    future: int
    excused: int
    unmarked: int

    @property
    def planned(self) -> int:
        """The denominator: everything but what was excused."""
        return self.attended + self.lost + self.future

    @property
    def percents(self) -> tuple[Decimal, Decimal, Decimal]:
        """Earned, still possible, out of reach: shares of the denominator, 0..100 each, together 100 (or 0 where nothing is planned)."""
        if not self.planned:
            return Decimal(0), Decimal(0), Decimal(0)
        earned, possible = (Decimal(part) * 100 / self.planned for part in (self.attended, self.future))
        return earned, possible, 100 - earned - possible

    @property
    def fraction(self) -> Decimal | None:
        """Attended out of planned, 0..1; None where nothing is planned."""
        return Decimal(self.attended) / Decimal(self.planned) if self.planned else None


def fold(facts: Iterable[SessionFact]) -> AttendanceFold:
    """Fold a trainee's sessions. A session that is over and was never marked counts as still to be marked (future):
    a forgotten register is the trainer's work, not the trainee's loss.

    >>> fold([SessionFact(60, True, "present", 60), SessionFact(60, True, "late", 40), SessionFact(60, True, "excused", 0)]).fraction
    Decimal('0.8333333333333333333333333333')
    """
    attended = lost = future = excused = unmarked = 0
    for fact in facts:
        if fact.status == "excused":
            excused += fact.minutes
        elif fact.status is None:
            future += fact.minutes
            unmarked += fact.is_over
        else:
            there = min(max(fact.attended, 0), fact.minutes)
            attended += there
            lost += fact.minutes - there
    return AttendanceFold(attended, lost, future, excused, unmarked)
