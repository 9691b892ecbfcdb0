"""The roster import: a file of people becomes persons, logins, roles and enrolments, all of it or none.

The same walk plans and applies. `survey` reads the file and compares it with the database without writing; `apply` walks
over the same rows once more under the write lock and compares digests, so that exactly what was previewed is done, or
nothing. Rows wait in a temporary file between the two: memory holds a chunk of 500, and one line each about all.

What a row means: an empty cell says nothing, what is on record stays. Roles are added, never taken away. `trainee` with a
cohort enrols; `trainer` and `reviewer` with a cohort hold for that cohort alone; a reviewer without one holds everywhere,
a trainer without one gets no role (a trainer teaches a cohort). Whoever is named as mentor gets the mentor's role.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import IO, Any

from sqlalchemy import bindparam, insert, update

from courses.exchange.roster_plan import Planner, RowPlan, Seat
from courses.models import Enrolment
from foundation import audit, clock, intake
from foundation.db import db
from foundation.directory import note_real_people
from foundation.intake import CHUNK
from foundation.permissions import Role
from foundation.roster import FileCheck, Problem, Row, Unreadable, open_roster

SHOWN_PROBLEMS = 300
SHOWN_NEW = 20
SHOWN_CHANGED = 100


class RosterHasErrors(Exception):
    """A file with errors is not applied."""


class PlanChanged(Exception):
    """Between preview and confirmation somebody changed people or cohorts: what would be done is no longer what was shown."""


@dataclass(frozen=True)
class Tally:
    """How much an import does. `roles`: role → grants given; `unchanged`: people the file says nothing new about."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    enrolled: int = 0
    roles: dict[str, int] = field(default_factory=dict)

    @property
    def does_something(self) -> bool:
        return bool(self.new or self.changed or self.roles)


@dataclass(frozen=True)
class Shown:
    """One person of the preview: `changes` as (column, before, after); a cohort as its {'zh','en'} name."""

    row: int
    employee_no: str
    name: str
    org_unit: str
    roles: tuple[str, ...]
    cohort: Any
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Preview:
    """What the file would do and what is wrong with it. `problems` are the first 300 errors and the first 300 warnings."""

    plan: str
    kind: str
    encoding: str
    letters: dict[str, str]
    tally: Tally
    errors: int
    warnings: int
    problems: tuple[Problem, ...]
    fresh: tuple[Shown, ...]
    changed: tuple[Shown, ...]

    @property
    def may_apply(self) -> bool:
        return not self.errors and self.tally.does_something


@dataclass
class Survey:
    """A read file: its preview, and its rows in a temporary file (closed with `close`)."""

    preview: Preview
    numbers: frozenset[str]
    spool: IO[str]

    def close(self) -> None:
        self.spool.close()


# ── preview ──────────────────────────────────────────────────────────────────────────────────────────────────
class _Complaints:
    """Counts all problems and keeps the first of each severity."""

    def __init__(self) -> None:
        self.count = {True: 0, False: 0}
        self.kept: dict[bool, list[Problem]] = {True: [], False: []}

    def add(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            self.count[problem.is_error] += 1
            if len(self.kept[problem.is_error]) < SHOWN_PROBLEMS:
                self.kept[problem.is_error].append(problem)

    def sorted(self) -> tuple[Problem, ...]:
        return tuple(sorted(self.kept[True] + self.kept[False], key=lambda problem: (not problem.is_error, problem.row, problem.column)))


_values_of = attrgetter(*(field_.name for field_ in fields(Row)))


def _row_of(values: list[Any]) -> Row:
    number, employee_no, name, email, mobile, org_unit, position, roles, cohort, mentor, login = values
    return Row(number, employee_no, name, email, mobile, org_unit, position, tuple(roles), cohort, mentor, login)


def _read_chunks(spool: IO[str]) -> Iterator[tuple[list[Row], frozenset[int]]]:
    """Chunks of rows, and which of their row numbers have an error already."""
    spool.seek(0)
    for line in spool:
        chunk, bad = json.loads(line)
        yield [_row_of(values) for values in chunk], frozenset(bad)


def _spool_rows(path: Path, spool: IO[str], complaints: _Complaints) -> tuple[FileCheck | None, str, str, dict[str, str]]:
    """Read the file once, its rows into the spool in chunks; returns the check and how the file was read."""
    try:
        roster = open_roster(path)
    except Unreadable as fault:
        complaints.add([Problem(fault.row, "", fault.reason)])
        return None, "", "", {}
    complaints.add(roster.problems)
    check = FileCheck(roster)
    chunk: list[Any] = []
    bad: list[int] = []
    try:
        for row, problems in check.walk():
            complaints.add(problems)
            if row is not None and row.employee_no:
                chunk.append(_values_of(row))
                if any(problem.is_error for problem in problems):
                    bad.append(row.number)
            if len(chunk) == CHUNK:
                spool.write(json.dumps([chunk, bad], ensure_ascii=False) + "\n")
                chunk, bad = [], []
    except Unreadable as fault:
        complaints.add([Problem(fault.row, "", fault.reason)])
    if chunk:
        spool.write(json.dumps([chunk, bad], ensure_ascii=False) + "\n")
    return check, roster.table.kind, roster.table.encoding, {name: roster.letter(name) for name in roster.columns}


def survey(path: Path) -> Survey:
    """Read a file and say what it would do; writes nothing. Close the survey when done."""
    spool = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - handed out, closed by Survey.close
    try:
        complaints = _Complaints()
        check, kind, encoding, letters = _spool_rows(path, spool, complaints)
        numbers = frozenset(check.numbers) if check else frozenset()
        planner = Planner(numbers)
        count: Counter[str] = Counter()
        roles: Counter[str] = Counter()
        fresh: list[Shown] = []
        changed: list[Shown] = []
        for rows, bad in _read_chunks(spool):
            plans, problems = planner.plan(rows, bad)
            complaints.add(problems)
            for plan in plans:
                _count(plan, count, roles)
                _show(plan, fresh, changed)
        _count_mentors(planner, roles)
        tally = Tally(check.rows if check else 0, count["new"], count["changed"], count["unchanged"], count["enrolled"], dict(roles))
        preview = Preview(planner.digest(), kind, encoding, letters, tally, complaints.count[True], complaints.count[False], complaints.sorted(),
                          tuple(fresh), tuple(changed))
        return Survey(preview, numbers, spool)
    except BaseException:
        spool.close()
        raise


def _count(plan: RowPlan, count: Counter[str], roles: Counter[str]) -> None:
    count["new" if plan.step.known is None else "changed" if plan.does_something else "unchanged"] += 1
    count["enrolled"] += bool(plan.seat and (plan.seat.enrolment_id is None or plan.seat.returns))
    roles.update(role for role, _scope in plan.step.grants)


def _count_mentors(planner: Planner, roles: Counter[str]) -> None:
    if new_mentors := planner.new_mentors():
        roles[Role.MENTOR.value] += len(new_mentors)


def _show(plan: RowPlan, fresh: list[Shown], changed: list[Shown]) -> None:
    row, step = plan.row, plan.step
    if not plan.does_something or (len(fresh) >= SHOWN_NEW if step.known is None else len(changed) >= SHOWN_CHANGED):
        return
    shown = Shown(row.number, row.employee_no, step.particulars["name"], step.particulars["org_unit"], tuple(role for role, _scope in step.grants),
                  plan.cohort.name if plan.cohort else None, plan.changes)
    (fresh if step.known is None else changed).append(shown)


# ── confirmation ─────────────────────────────────────────────────────────────────────────────────────────────
def apply(survey_: Survey, file_sha256: str, expected_plan: str, actor_id: int | None) -> Tally:
    """Carry out a surveyed file; inside a transaction. One audit event with the digests of the file and of the plan.

    Raises RosterHasErrors, or PlanChanged where the database now leads to another plan than the one that was confirmed:
    the caller's transaction then leaves no trace. A file that changes nothing leaves no event.
    """
    if survey_.preview.errors:
        raise RosterHasErrors
    planner = Planner(survey_.numbers, warns=False)
    count: Counter[str] = Counter()
    roles: Counter[str] = Counter()
    seats: list[tuple[int, Seat]] = []
    wide: list[list[Any]] = []
    for rows, _none in _read_chunks(survey_.spool):
        plans, problems = planner.plan(rows)
        if any(problem.is_error for problem in problems):
            raise PlanChanged
        ids = intake.carry_out([plan.step for plan in plans if plan.does_something], actor_id)
        for plan in plans:
            _count(plan, count, roles)
            if plan.seat:
                seats.append((ids[plan.row.employee_no], plan.seat))
            wide += [[ids[plan.row.employee_no], role] for role, _scope in plan.step.grants if role in (Role.ADMIN, Role.REVIEWER, Role.HR)]
    new_mentors = planner.new_mentors()
    if planner.digest() != expected_plan:
        raise PlanChanged
    _count_mentors(planner, roles)
    _take_seats(seats)
    intake.give_everywhere([known.id for known in intake.known_by_number(new_mentors).values()], Role.MENTOR, actor_id)
    tally = Tally(survey_.preview.tally.rows, count["new"], count["changed"], count["unchanged"], count["enrolled"], dict(roles))
    if tally.does_something:
        audit.record("roster:import", f"roster:{file_sha256[:16]}", actor_id, file=file_sha256, plan=expected_plan, rows=tally.rows,
                     new=tally.new, changed=tally.changed, enrolled=tally.enrolled, roles=tally.roles, wide=wide[:500],
                     cohorts=sorted({seat.cohort_id for _id, seat in seats}))
    if tally.new:
        note_real_people()
    db.session.expire_all()
    return tally


def _take_seats(seats: list[tuple[int, Seat]]) -> None:
    """Enrolments in bulk: new ones, returning ones, other mentors."""
    mentor_ids = {number: known.id for number, known in intake.known_by_number({seat.mentor_no for _id, seat in seats if seat.mentor_no}).items()}
    now = clock.now()
    table: Any = Enrolment.__table__
    for start in range(0, len(seats), CHUNK):
        batch = seats[start:start + CHUNK]
        made = [{"cohort_id": seat.cohort_id, "person_id": person_id, "mentor_id": mentor_ids.get(seat.mentor_no), "enrolled_at": now, "row_version": 1}
                for person_id, seat in batch if seat.enrolment_id is None]
        if made:
            db.session.execute(insert(table), made)
        back = [{"b_id": seat.enrolment_id} for _id, seat in batch if seat.returns]
        if back:
            db.session.execute(update(table).where(table.c.id == bindparam("b_id")).values(withdrawn_at=None, row_version=table.c.row_version + 1), back)
        moved = [{"b_id": seat.enrolment_id, "b_mentor": mentor_ids[seat.mentor_no]} for _id, seat in batch
                 if seat.enrolment_id is not None and seat.mentor_no in mentor_ids]
        if moved:
            db.session.execute(update(table).where(table.c.id == bindparam("b_id")).values(mentor_id=bindparam("b_mentor"),
                                                                                           row_version=table.c.row_version + 1), moved)
