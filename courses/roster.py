"""The roster import: a file of people becomes persons, logins, roles and enrolments, all of it or none.

The same walk plans and applies. `survey` reads the file and compares it with the database without writing; `apply` walks
over the same rows once more under the write lock and compares digests, so that exactly what was previewed is done, or
nothing. Rows wait in a temporary file between the two: memory holds a chunk of 500, and one line each about all.

What a row means: an empty cell says nothing, what is on record stays. Roles are added, never taken away. `trainee` with a
cohort enrols; `trainer` and `reviewer` with a cohort hold for that cohort alone; a reviewer without one holds everywhere,
a trainer without one gets no role (a trainer teaches a cohort). Whoever is named as mentor gets the mentor's role.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import IO, Any

from sqlalchemy import bindparam, func, insert, select, update

from courses.models import Cohort, Enrolment
from foundation import audit, clock, intake
from foundation.accounts import fold_login
from foundation.db import canonical_json, db
from foundation.directory import PARTICULARS, ScopeChoice, note_real_people, register_scopes
from foundation.intake import CHUNK, Known, Step
from foundation.people import Account, Person
from foundation.permissions import EVERYWHERE, Role
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
    """A read file: its preview, and the good rows in a temporary file (closed with `close`)."""

    preview: Preview
    numbers: frozenset[str]
    spool: IO[str]

    def close(self) -> None:
        self.spool.close()


# ── cohorts ──────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass
class _CohortSeats:
    id: int
    key: str
    name: dict[str, str]
    seats: int
    taken: int
    ended_on: Any


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class _Cohorts:
    """Cohorts by key and by either name, with the seats still free; read once per walk."""

    def __init__(self) -> None:
        self._by_key: dict[str, _CohortSeats] = {}
        self._by_name: dict[str, list[_CohortSeats]] = {}
        taken = select(Enrolment.cohort_id, func.count().label("taken")).where(Enrolment.withdrawn_at.is_(None)).group_by(Enrolment.cohort_id).subquery()
        rows = db.session.execute(
            select(Cohort.id, Cohort.key, Cohort.name_zh, Cohort.name_en, Cohort.seats, func.coalesce(taken.c.taken, 0), Cohort.ends_on, Cohort.zone)
            .outerjoin(taken, taken.c.cohort_id == Cohort.id)
        )
        for id_, key, zh, en, seats, in_use, ends_on, zone in rows:
            cohort = _CohortSeats(id_, key, {"zh": zh, "en": en}, seats, in_use, ends_on if clock.today(zone) > ends_on else None)
            self._by_key[_fold(key)] = cohort
            for name in {_fold(zh), _fold(en)}:
                self._by_name.setdefault(name, []).append(cohort)

    def find(self, row: Row, problems: list[Problem]) -> _CohortSeats | None:
        if not row.cohort:
            return None
        told = _fold(row.cohort)
        named = self._by_name.get(told, [])
        cohort = self._by_key.get(told) or (named[0] if len(named) == 1 else None)
        if cohort is None:
            problems.append(Problem(row.number, "cohort", "cohort_ambiguous" if named else "cohort_unknown", (row.cohort[:60],)))
        elif cohort.ended_on:
            problems.append(Problem(row.number, "cohort", "cohort_over", (cohort.key, cohort.ended_on.isoformat()), is_error=False))
        return cohort


def cohort_scopes() -> tuple[ScopeChoice, ...]:
    """The cohorts a role may be limited to, the latest first."""
    rows = db.session.execute(select(Cohort.id, Cohort.name_zh, Cohort.name_en).order_by(Cohort.starts_on.desc(), Cohort.id.desc()).limit(200))
    return tuple(ScopeChoice(f"cohort:{id_}", {"zh": zh, "en": en}) for id_, zh, en in rows)


register_scopes("cohort", cohort_scopes)


@dataclass(frozen=True)
class WaitingCohort:
    """A cohort with the number of its trainees who have not chosen a password."""

    id: int
    key: str
    name: dict[str, str]
    waiting: int


def cohorts_waiting_for_codes() -> tuple[WaitingCohort, ...]:
    """Cohorts, the latest first, in which somebody has no password yet."""
    rows = db.session.execute(
        select(Cohort.id, Cohort.key, Cohort.name_zh, Cohort.name_en, func.count())
        .join(Enrolment, Enrolment.cohort_id == Cohort.id).join(Account, Account.person_id == Enrolment.person_id)
        .where(Enrolment.withdrawn_at.is_(None), Account.is_active, Account.password_hash.is_(None))
        .group_by(Cohort.id, Cohort.key, Cohort.name_zh, Cohort.name_en, Cohort.starts_on).order_by(Cohort.starts_on.desc(), Cohort.id.desc()).limit(100)
    )
    return tuple(WaitingCohort(id_, key, {"zh": zh, "en": en}, waiting) for id_, key, zh, en, waiting in rows)


# ── the plan of a row ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class _Seat:
    """An enrolment to be made (`enrolment_id` None), taken up again, or given another mentor."""

    cohort_id: int
    enrolment_id: int | None
    mentor_no: str
    returns: bool = False


@dataclass(frozen=True, slots=True)
class _RowPlan:
    row: Row
    step: Step
    seat: _Seat | None
    cohort: _CohortSeats | None
    changes: tuple[tuple[str, str, str], ...]

    @property
    def names_mentor(self) -> bool:
        return any(column == "mentor_employee_no" for column, _before, _after in self.changes)

    @property
    def does_something(self) -> bool:
        step = self.step
        return step.known is None or bool(step.changes or step.grants or self.seat or step.known.account_id is None)

    def digest_line(self) -> str:
        step, seat = self.step, self.seat
        return canonical_json([self.row.number, step.employee_no, step.known.id if step.known else None, step.particulars, step.login, step.changes,
                               step.grants, [seat.cohort_id, seat.enrolment_id, seat.mentor_no, seat.returns] if seat else None])


class _Planner:
    """Compares rows with the database, a chunk at a time: five or six selects for 500 rows."""

    def __init__(self, numbers: frozenset[str]) -> None:
        self.numbers = numbers
        self.cohorts = _Cohorts()
        self.mentors: set[str] = set()       # named as mentors by what this import does
        self.made_mentors: set[str] = set()  # hold or get the mentor's role by their own row
        self._digest = hashlib.sha256()

    def plan(self, rows: Sequence[Row]) -> tuple[list[_RowPlan], list[Problem]]:
        known = intake.known_by_number([row.employee_no for row in rows])
        unknown = [row.employee_no for row in rows if row.employee_no not in known]
        siblings = intake.zero_siblings(unknown)
        holders = intake.holders_of_logins([fold_login(row.login or row.employee_no) for row in rows])
        enrolments = self._enrolments([known_.id for known_ in known.values()])
        mentors = intake.numbers_on_record({row.mentor_employee_no for row in rows if row.mentor_employee_no} - self.numbers)
        plans: list[_RowPlan] = []
        problems: list[Problem] = []
        for row in rows:
            found: list[Problem] = []
            if row.employee_no in siblings and siblings[row.employee_no][0] not in self.numbers:
                found.append(Problem(row.number, "employee_no", "zeros_known", (row.employee_no, *siblings[row.employee_no]), is_error=False))
            if row.mentor_employee_no and row.mentor_employee_no not in self.numbers and row.mentor_employee_no not in mentors:
                found.append(Problem(row.number, "mentor_employee_no", "mentor_unknown", (row.mentor_employee_no,)))
            plan = self._row(row, known.get(row.employee_no), holders, enrolments, found)
            problems += found
            if not any(problem.is_error for problem in found):
                plans.append(plan)
                if plan.names_mentor:
                    self.mentors.add(row.mentor_employee_no)
                if plan.does_something:
                    self._digest.update(plan.digest_line().encode())
        return plans, problems

    def digest(self) -> str:
        """The digest of everything planned so far, the mentors' roles included."""
        return hashlib.sha256(canonical_json([self._digest.hexdigest(), sorted(self.new_mentors())]).encode()).hexdigest()

    def new_mentors(self) -> frozenset[str]:
        """Employee numbers of those who are named as mentors and do not hold the role yet."""
        return frozenset(self.mentors - self.made_mentors - intake.numbers_with_role(self.mentors - self.made_mentors, Role.MENTOR))

    def _enrolments(self, person_ids: list[int]) -> dict[tuple[int, int], Any]:
        mentor = Person.__table__.alias("mentor")
        rows = db.session.execute(
            select(Enrolment.id, Enrolment.cohort_id, Enrolment.person_id, Enrolment.withdrawn_at, mentor.c.employee_no, mentor.c.name)
            .outerjoin(mentor, mentor.c.id == Enrolment.mentor_id).where(Enrolment.person_id.in_(person_ids)))
        return {(row.person_id, row.cohort_id): row for row in rows}

    def _row(self, row: Row, known: Known | None, holders: dict[str, str], enrolments: dict[tuple[int, int], Any], problems: list[Problem]) -> _RowPlan:
        before = known.particulars if known else {}
        particulars = {name: getattr(row, name) or before.get(name, "") for name in PARTICULARS}
        changes = {name: (before[name], particulars[name]) for name in PARTICULARS if known and before[name] != particulars[name]}
        login = self._login(row, known, holders, problems)
        if known and known.account_id is not None and login != known.login:
            changes["login"] = (known.login, login)
        cohort = self.cohorts.find(row, problems)
        grants = self._grants(row, known, cohort, problems)
        if (Role.MENTOR.value, EVERYWHERE) in grants or (known and (Role.MENTOR.value, EVERYWHERE) in known.grants):
            self.made_mentors.add(row.employee_no)
        step = Step(row.employee_no, known, particulars, login, changes, grants)
        shown = [(name, *pair) for name, pair in changes.items()] if known else []
        seat = self._seat(row, known, cohort, enrolments, shown, problems)
        return _RowPlan(row, step, seat, cohort, tuple(shown))

    def _login(self, row: Row, known: Known | None, holders: dict[str, str], problems: list[Problem]) -> str:
        if known and known.login and not row.login:
            return known.login
        login = fold_login(row.login or row.employee_no)
        holder = holders.get(login)
        if holder is not None and holder != row.employee_no:
            problems.append(Problem(row.number, "login" if row.login else "employee_no", "login_taken", (login, holder)))
        return login

    def _grants(self, row: Row, known: Known | None, cohort: _CohortSeats | None, problems: list[Problem]) -> tuple[tuple[str, str], ...]:
        held = known.grants if known else frozenset()
        grants: list[tuple[str, str]] = []
        for role in row.roles:
            scope = EVERYWHERE
            if role in (Role.TRAINER, Role.REVIEWER) and cohort:
                scope = f"cohort:{cohort.id}"
            elif role == Role.TRAINER:
                if not any(role_ == Role.TRAINER for role_, _scope in held):
                    problems.append(Problem(row.number, "cohort", "trainer_without_cohort", is_error=False))
                continue
            if (role, scope) not in held and (role, EVERYWHERE) not in held:
                grants.append((role, scope))
                if role == Role.ADMIN:
                    problems.append(Problem(row.number, "role", "wide_role", is_error=False))
        if cohort and not {Role.TRAINEE, Role.TRAINER, Role.REVIEWER} & set(row.roles):
            problems.append(Problem(row.number, "cohort", "cohort_unused", is_error=False))
        return tuple(grants)

    def _seat(self, row: Row, known: Known | None, cohort: _CohortSeats | None, enrolments: dict[tuple[int, int], Any],
              shown: list[tuple[str, str, str]], problems: list[Problem]) -> _Seat | None:
        enrols = cohort is not None and Role.TRAINEE in row.roles
        if row.mentor_employee_no and not (enrols or row.cohort):
            problems.append(Problem(row.number, "mentor_employee_no", "mentor_without_cohort", is_error=False))
        if cohort is None or not enrols:
            return None
        old = enrolments.get((known.id, cohort.id)) if known else None
        is_in = old is not None and old.withdrawn_at is None
        if is_in and (not row.mentor_employee_no or old.employee_no == row.mentor_employee_no):
            return None
        if not is_in:
            cohort.taken += 1
            if cohort.taken > cohort.seats:
                problems.append(Problem(row.number, "cohort", "seats", (cohort.key, cohort.seats, cohort.taken)))
            shown.append(("cohort", "", cohort.key))
        mentor_before = (old.employee_no or "") if old else ""
        if row.mentor_employee_no and row.mentor_employee_no != mentor_before:
            shown.append(("mentor_employee_no", mentor_before, row.mentor_employee_no))
        return _Seat(cohort.id, old.id if old else None, row.mentor_employee_no, returns=old is not None and not is_in)


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


def _read_chunks(spool: IO[str]) -> Iterator[list[Row]]:
    spool.seek(0)
    for line in spool:
        yield [Row(*values[:7], tuple(values[7]), *values[8:]) for values in json.loads(line)]


def _spool_rows(path: Path, spool: IO[str], complaints: _Complaints) -> tuple[FileCheck | None, str, str, dict[str, str]]:
    """Read the file once, good rows into the spool in chunks; returns the check and how the file was read."""
    try:
        roster = open_roster(path)
    except Unreadable as fault:
        complaints.add([Problem(fault.row, "", fault.reason)])
        return None, "", "", {}
    complaints.add(roster.problems)
    check = FileCheck(roster)
    chunk: list[Any] = []
    try:
        for row, problems in check.walk():
            complaints.add(problems)
            if row is not None:
                chunk.append(_values_of(row))
            if len(chunk) == CHUNK:
                spool.write(json.dumps(chunk, ensure_ascii=False) + "\n")
                chunk = []
    except Unreadable as fault:
        complaints.add([Problem(fault.row, "", fault.reason)])
    if chunk:
        spool.write(json.dumps(chunk, ensure_ascii=False) + "\n")
    return check, roster.table.kind, roster.table.encoding, {name: roster.letter(name) for name in roster.columns}


def survey(path: Path) -> Survey:
    """Read a file and say what it would do; writes nothing. Close the survey when done."""
    spool = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - handed out, closed by Survey.close
    try:
        complaints = _Complaints()
        check, kind, encoding, letters = _spool_rows(path, spool, complaints)
        numbers = frozenset(check.numbers) if check else frozenset()
        planner = _Planner(numbers)
        count: Counter[str] = Counter()
        roles: Counter[str] = Counter()
        fresh: list[Shown] = []
        changed: list[Shown] = []
        for rows in _read_chunks(spool):
            plans, problems = planner.plan(rows)
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


def _count(plan: _RowPlan, count: Counter[str], roles: Counter[str]) -> None:
    count["new" if plan.step.known is None else "changed" if plan.does_something else "unchanged"] += 1
    count["enrolled"] += bool(plan.seat and (plan.seat.enrolment_id is None or plan.seat.returns))
    roles.update(role for role, _scope in plan.step.grants)


def _count_mentors(planner: _Planner, roles: Counter[str]) -> None:
    if new_mentors := planner.new_mentors():
        roles[Role.MENTOR.value] += len(new_mentors)


def _show(plan: _RowPlan, fresh: list[Shown], changed: list[Shown]) -> None:
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
    planner = _Planner(survey_.numbers)
    count: Counter[str] = Counter()
    roles: Counter[str] = Counter()
    seats: list[tuple[int, _Seat]] = []
    wide: list[list[Any]] = []
    for rows in _read_chunks(survey_.spool):
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


def _take_seats(seats: list[tuple[int, _Seat]]) -> None:
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
