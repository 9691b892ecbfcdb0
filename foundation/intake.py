"""Many people at once: what a roster's rows mean for those on record, and one statement per table for each chunk of them.

Everything here runs inside a transaction of the caller and leaves the one audit event, with its digest, to the import.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from foundation import accounts, audit, clock
from foundation.db import db
from foundation.directory import PARTICULARS
from foundation.people import Account, FirstCode, GrantRow, Person, PersonChange
from foundation.permissions import EVERYWHERE, Role

CHUNK = 500
_PERSONS: Any = Person.__table__
_ACCOUNTS: Any = Account.__table__
_GRANTS: Any = GrantRow.__table__
_CHANGES: Any = PersonChange.__table__
_CODES: Any = FirstCode.__table__


@dataclass(frozen=True, slots=True)
class Known:
    """A person on record, as a roster is compared with."""

    id: int
    particulars: dict[str, str]
    account_id: int | None
    login: str
    grants: frozenset[tuple[str, str]]
    is_demo: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What a roster's row does to one person: `known` None makes one. `changes`: field → (before, after), the login among
    them; `grants`: roles with scopes to be given."""

    employee_no: str
    known: Known | None
    particulars: dict[str, str]
    login: str
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    grants: tuple[tuple[str, str], ...] = ()


def _batches(values: Collection[Any], size: int = CHUNK) -> Iterable[list[Any]]:
    listed = list(values)
    return (listed[start:start + size] for start in range(0, len(listed), size))


def known_by_number(numbers: Collection[str]) -> dict[str, Known]:
    """People on record by employee number, with login and live grants: two selects for each 500 numbers."""
    found: dict[str, Known] = {}
    for batch in _batches(numbers):
        rows = db.session.execute(
            select(Person.id, Person.employee_no, Person.name, Person.email, Person.mobile, Person.org_unit, Person.position, Account.id, Account.login,
                   Person.is_demo)
            .outerjoin(Account, Account.person_id == Person.id).where(Person.employee_no.in_(batch))
        ).all()
        grants: dict[int, set[tuple[str, str]]] = {}
        for person_id, role, scope in db.session.execute(
                select(GrantRow.person_id, GrantRow.role, GrantRow.scope)
                .where(GrantRow.person_id.in_([row[0] for row in rows]), GrantRow.revoked_at.is_(None))):
            grants.setdefault(person_id, set()).add((role, scope))
        for row in rows:
            particulars = dict(zip(PARTICULARS, row[1:7], strict=True))
            found[row[1]] = Known(row[0], particulars, row[7], row[8] or "", frozenset(grants.get(row[0], ())), row[9])
    return found


def holders_of_logins(logins: Collection[str]) -> dict[str, str]:
    """Login → employee number of whoever has it."""
    found: dict[str, str] = {}
    for batch in _batches(logins):
        found.update(db.session.execute(select(Account.login, Person.employee_no).join(Person, Person.id == Account.person_id)
                                        .where(Account.login.in_(batch))).all())
    return found


def numbers_on_record(numbers: Collection[str]) -> frozenset[str]:
    """Those of the numbers that belong to somebody on record."""
    found: set[str] = set()
    for batch in _batches(numbers):
        found.update(db.session.scalars(select(Person.employee_no).where(Person.employee_no.in_(batch))))
    return frozenset(found)


def numbers_with_role(numbers: Collection[str], role: Role) -> frozenset[str]:
    """Those of the numbers whose holder has the role, in any scope."""
    found: set[str] = set()
    for batch in _batches(numbers):
        found.update(db.session.scalars(select(Person.employee_no).join(GrantRow, GrantRow.person_id == Person.id).where(
            Person.employee_no.in_(batch), GrantRow.role == role.value, GrantRow.revoked_at.is_(None))))
    return frozenset(found)


def _zero_variants(number: str) -> list[str]:
    """The numbers that differ from this one in leading zeros only, up to twelve digits or two zeros more."""
    if not (number.isascii() and number.isdigit()):
        return []
    bare = number.lstrip("0") or "0"
    longest = max(12, len(number) + 2)
    return [variant for zeros in range(longest - len(bare) + 1) if (variant := "0" * zeros + bare) != number]


def zero_siblings(numbers: Collection[str]) -> dict[str, tuple[str, str]]:
    """Number → (number, name) of somebody on record whose number differs in leading zeros only (007 for 7)."""
    asked: dict[str, str] = {variant: number for number in numbers for variant in _zero_variants(number)}
    found: dict[str, tuple[str, str]] = {}
    for batch in _batches(asked, 4000):
        for known, name in db.session.execute(select(Person.employee_no, Person.name).where(Person.employee_no.in_(batch))):
            found.setdefault(asked[known], (known, name))
    return found


def carry_out(steps: Sequence[Step], actor_id: int | None) -> dict[str, int]:
    """Write one chunk of steps with one statement per table; returns employee number → person id of all of them.

    Everybody new gets a login without a password. No audit event: the import records one with a digest.
    """
    now = clock.now()
    fresh = [step for step in steps if step.known is None]
    ids = {step.employee_no: step.known.id for step in steps if step.known}
    if fresh:
        db.session.execute(insert(_PERSONS), [
            {**step.particulars, "employee_no": step.employee_no, "is_demo": False, "created_at": now, "row_version": 1} for step in fresh])
        made = db.session.execute(select(Person.employee_no, Person.id).where(Person.employee_no.in_([step.employee_no for step in fresh])))
        ids.update(made.all())
    loginless = [step for step in steps if step.known is None or step.known.account_id is None]
    if loginless:
        db.session.execute(insert(_ACCOUNTS), [
            {"person_id": ids[step.employee_no], "login": step.login, "must_change": False, "is_active": True, "created_at": now, "row_version": 1}
            for step in loginless])
    _update(steps, ids, actor_id, now)
    grants = [{"person_id": ids[step.employee_no], "role": role, "scope": scope, "granted_at": now, "granted_by_id": actor_id}
              for step in steps for role, scope in step.grants]
    if grants:
        db.session.execute(insert(_GRANTS), grants)
    return ids


def _update(steps: Sequence[Step], ids: dict[str, int], actor_id: int | None, now: datetime) -> None:
    changed = [step for step in steps if step.known is not None and step.changes]
    if not changed:
        return
    fields = [name for name in PARTICULARS if name != "employee_no"]
    values: dict[str, Any] = {name: bindparam(f"b_{name}") for name in fields}
    db.session.execute(
        update(_PERSONS).where(_PERSONS.c.id == bindparam("b_id")).values(values | {"row_version": _PERSONS.c.row_version + 1}),
        [{"b_id": ids[step.employee_no]} | {f"b_{name}": step.particulars[name] for name in fields} for step in changed])
    logins = [step for step in changed if "login" in step.changes]
    if logins:
        db.session.execute(
            update(_ACCOUNTS).where(_ACCOUNTS.c.person_id == bindparam("b_id")).values(login=bindparam("b_login"), row_version=_ACCOUNTS.c.row_version + 1),
            [{"b_id": ids[step.employee_no], "b_login": step.login} for step in logins])
    db.session.execute(insert(_CHANGES), [
        {"person_id": ids[step.employee_no], "field": name, "before": before, "after": after, "at": now, "by_id": actor_id}
        for step in changed for name, (before, after) in step.changes.items()])


def give_everywhere(person_ids: Collection[int], role: Role, actor_id: int | None) -> None:
    """Grant a role everywhere to people who do not hold it (bulk, unaudited: part of an import's one event)."""
    if person_ids:
        now = clock.now()
        db.session.execute(insert(_GRANTS), [
            {"person_id": id_, "role": role.value, "scope": EVERYWHERE, "granted_at": now, "granted_by_id": actor_id} for id_ in person_ids])


@dataclass(frozen=True)
class CodeSlip:
    """One slip of a printed sheet: the only moment at which a first code can be read."""

    name: str
    employee_no: str
    org_unit: str
    login: str
    code: str
    expires_at: datetime


def people_without_password(person_ids: Collection[int]) -> tuple[tuple[int, str, str, str, str], ...]:
    """(account id, name, employee number, org unit, login) of active logins that have no password yet, by number."""
    rows: list[Any] = []
    for batch in _batches(person_ids):
        rows += db.session.execute(
            select(Account.id, Person.name, Person.employee_no, Person.org_unit, Account.login).join(Person, Person.id == Account.person_id)
            .where(Person.id.in_(batch), Account.is_active, Account.password_hash.is_(None))).all()
    return tuple(tuple(row) for row in sorted(rows, key=lambda row: row[2]))


def make_code_sheet(person_ids: Collection[int], subject: str, actor_id: int) -> tuple[CodeSlip, ...]:
    """New first codes for everybody among `person_ids` without a password; unused older codes stop working.

    One audit event on `subject` names the accounts.
    """
    people = people_without_password(person_ids)
    now = clock.now()
    expires = now + timedelta(days=accounts.CODE_DAYS)
    slips, rows = [], []
    for account_id, name, number, unit, login in people:
        code, code_hash = accounts.new_code()
        rows.append({"account_id": account_id, "code_hash": code_hash, "made_at": now, "expires_at": expires, "made_by_id": actor_id})
        slips.append(CodeSlip(name, number, unit, login, code, expires))
    if rows:
        for batch in _batches([row["account_id"] for row in rows]):
            db.session.execute(update(FirstCode).where(FirstCode.account_id.in_(batch), FirstCode.used_at.is_(None), FirstCode.expires_at > now)
                               .values(expires_at=now), execution_options={"synchronize_session": False})
        db.session.execute(insert(_CODES), rows)
        audit.record("account:first-codes", subject, actor_id, accounts=[row["account_id"] for row in rows])
    return tuple(slips)
