"""What a roster's rows mean for the people, roles and seats on record: compared a chunk at a time, nothing written."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from courses.models import Cohort, Enrolment
from foundation import clock, intake
from foundation.accounts import fold_login
from foundation.db import canonical_json, db
from foundation.directory import PARTICULARS, ScopeChoice, register_scopes
from foundation.intake import Known, Step
from foundation.people import Account, Person
from foundation.permissions import EVERYWHERE, Role
from foundation.roster import Problem, Row


# ── cohorts ──────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass
class CohortSeats:
    id: int
    key: str
    name: dict[str, str]
    seats: int
    taken: int
    ended_on: date | None


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class _Cohorts:
    """Cohorts by key and by either name, with the seats still free; read once per walk."""

    def __init__(self) -> None:
        self._by_key: dict[str, CohortSeats] = {}
        self._by_name: dict[str, list[CohortSeats]] = {}
        taken = select(Enrolment.cohort_id, func.count().label("taken")).where(Enrolment.withdrawn_at.is_(None)).group_by(Enrolment.cohort_id).subquery()
        rows = db.session.execute(
            select(Cohort.id, Cohort.key, Cohort.name_zh, Cohort.name_en, Cohort.seats, func.coalesce(taken.c.taken, 0), Cohort.ends_on, Cohort.zone)
            .outerjoin(taken, taken.c.cohort_id == Cohort.id)
        )
        for id_, key, zh, en, seats, in_use, ends_on, zone in rows:
            cohort = CohortSeats(id_, key, {"zh": zh, "en": en}, seats, in_use, ends_on if clock.today(zone) > ends_on else None)
            self._by_key[_fold(key)] = cohort
            for name in {_fold(zh), _fold(en)}:
                self._by_name.setdefault(name, []).append(cohort)

    def find(self, row: Row, problems: list[Problem]) -> CohortSeats | None:
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
class Seat:
    """An enrolment to be made (`enrolment_id` None), taken up again, or given another mentor."""

    cohort_id: int
    enrolment_id: int | None
    mentor_no: str
    returns: bool = False


@dataclass(frozen=True, slots=True)
class RowPlan:
    row: Row
    step: Step
    seat: Seat | None
    cohort: CohortSeats | None
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


class Planner:
    """Compares rows with the database, a chunk at a time: five or six selects for 500 rows."""

    def __init__(self, numbers: frozenset[str], warns: bool = True) -> None:
        """`numbers`: all employee numbers of the file. `warns`: look for 007 on record beside 7, which costs a select."""
        self.numbers = numbers
        self.warns = warns
        self.cohorts = _Cohorts()
        self.mentors: set[str] = set()       # named as mentors by what this import does
        self.made_mentors: set[str] = set()  # hold or get the mentor's role by their own row
        self._digest = hashlib.sha256()

    def plan(self, rows: Sequence[Row], bad: frozenset[int] = frozenset()) -> tuple[list[RowPlan], list[Problem]]:
        """Plans of the good rows, and the problems of all: rows in `bad` are only looked at for further mistakes."""
        known = intake.known_by_number([row.employee_no for row in rows])
        unknown = [row.employee_no for row in rows if row.employee_no not in known]
        siblings = intake.zero_siblings(unknown) if self.warns else {}
        holders = intake.holders_of_logins([fold_login(row.login or row.employee_no) for row in rows])
        enrolments = self._enrolments([known_.id for known_ in known.values()])
        mentors = intake.numbers_on_record({row.mentor_employee_no for row in rows if row.mentor_employee_no} - self.numbers)
        plans: list[RowPlan] = []
        problems: list[Problem] = []
        for row in rows:
            found: list[Problem] = []
            if row.employee_no in siblings and siblings[row.employee_no][0] not in self.numbers:
                found.append(Problem(row.number, "employee_no", "zeros_known", (row.employee_no, *siblings[row.employee_no]), is_error=False))
            if row.employee_no in known and known[row.employee_no].is_demo:
                found.append(Problem(row.number, "employee_no", "demo_person", (row.employee_no,), is_error=False))
            if row.mentor_employee_no and row.mentor_employee_no not in self.numbers and row.mentor_employee_no not in mentors:
                found.append(Problem(row.number, "mentor_employee_no", "mentor_unknown", (row.mentor_employee_no,)))
            plan = self._row(row, known.get(row.employee_no), holders, enrolments, found)
            problems += found
            if row.number not in bad and not any(problem.is_error for problem in found):
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

    def _row(self, row: Row, known: Known | None, holders: dict[str, str], enrolments: dict[tuple[int, int], Any], problems: list[Problem]) -> RowPlan:
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
        return RowPlan(row, step, seat, cohort, tuple(shown))

    def _login(self, row: Row, known: Known | None, holders: dict[str, str], problems: list[Problem]) -> str:
        if known and known.login and not row.login:
            return known.login
        login = fold_login(row.login or row.employee_no)
        holder = holders.get(login)
        if holder is not None and holder != row.employee_no:
            problems.append(Problem(row.number, "login" if row.login else "employee_no", "login_taken", (login, holder)))
        return login

    def _grants(self, row: Row, known: Known | None, cohort: CohortSeats | None, problems: list[Problem]) -> tuple[tuple[str, str], ...]:
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

    def _seat(self, row: Row, known: Known | None, cohort: CohortSeats | None, enrolments: dict[tuple[int, int], Any],
              shown: list[tuple[str, str, str]], problems: list[Problem]) -> Seat | None:
        enrols = cohort is not None and Role.TRAINEE in row.roles
        if row.mentor_employee_no and not (enrols or row.cohort):
            problems.append(Problem(row.number, "mentor_employee_no", "mentor_without_cohort", is_error=False))
        if cohort is None or not enrols:
            return None
        old = enrolments.get((known.id, cohort.id)) if known else None
        is_in = old is not None and old.withdrawn_at is None
        if old is not None and is_in and (not row.mentor_employee_no or old.employee_no == row.mentor_employee_no):
            return None
        if not is_in:
            cohort.taken += 1
            if cohort.taken > cohort.seats:
                problems.append(Problem(row.number, "cohort", "seats", (cohort.key, cohort.seats, cohort.taken)))
            shown.append(("cohort", "", cohort.key))
        mentor_before = (old.employee_no or "") if old else ""
        if row.mentor_employee_no and row.mentor_employee_no != mentor_before:
            shown.append(("mentor_employee_no", mentor_before, row.mentor_employee_no))
        return Seat(cohort.id, old.id if old else None, row.mentor_employee_no, returns=old is not None and not is_in)
