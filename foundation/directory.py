"""The people of the house: reads for the administrator's pages, and every change of a person, a login or a grant.

Changes are made inside a transaction of the caller and audited one by one; many people at once are foundation.intake's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select

from foundation import accounts, audit, clock
from foundation.accounts import fold_login
from foundation.audit import AuditEvent
from foundation.db import canonical_json, db
from foundation.people import Account, FirstCode, GrantRow, Installation, Person, PersonChange
from foundation.permissions import EVERYWHERE, Role
from foundation.web import StaleVersion

PAGE = 50
PARTICULARS = ("employee_no", "name", "email", "mobile", "org_unit", "position")
SCOPED_ROLES = frozenset({Role.TRAINER, Role.REVIEWER, Role.HR})   # the others hold everywhere or for oneself alone


# ── scopes ───────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class ScopeChoice:
    """A scope somebody may be given: its opaque text and its name ({'zh','en'})."""

    scope: str
    name: dict[str, str]


_scope_sources: dict[str, Callable[[], tuple[ScopeChoice, ...]]] = {}


def register_scopes(kind: str, source: Callable[[], tuple[ScopeChoice, ...]]) -> None:
    """A part that knows what 'cohort:17' means offers its scopes here; `kind` is the word before the colon."""
    _scope_sources[kind] = source


def scope_choices() -> tuple[ScopeChoice, ...]:
    """Every scope on offer, 'everywhere' first."""
    found = [ScopeChoice(EVERYWHERE, {"zh": "全部", "en": "Everywhere"})]
    for source in _scope_sources.values():
        found += source()
    return tuple(found)


# ── reads ────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class PersonLine:
    """A person in a list."""

    id: int
    employee_no: str
    name: str
    org_unit: str
    position: str
    is_demo: bool
    login: str | None
    is_active: bool
    has_password: bool
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListingPage:
    people: tuple[PersonLine, ...]
    total: int
    number: int
    pages: int


def _search(text: str, role: str) -> list[Any]:
    where: list[Any] = []
    if text:
        where.append(or_(*(column.icontains(text, autoescape=True) for column in (Person.name, Person.employee_no, Person.org_unit)),
                         Account.login.contains(fold_login(text), autoescape=True)))
    if role == "none":
        where.append(~select(GrantRow.id).where(GrantRow.person_id == Person.id, GrantRow.revoked_at.is_(None)).exists())
    elif role:
        where.append(select(GrantRow.id).where(GrantRow.person_id == Person.id, GrantRow.role == role, GrantRow.revoked_at.is_(None)).exists())
    return where


def listing(text: str, role: str, number: int) -> ListingPage:
    """Page `number` (from 1) of the people whose name, number, org unit or login contains `text` and who hold `role`."""
    where = _search(text.strip()[:80], role)
    joined = select(Person.id).outerjoin(Account, Account.person_id == Person.id).where(*where)
    total: int = db.session.execute(select(func.count()).select_from(joined.subquery())).scalar_one()
    pages = max(1, -(-total // PAGE))
    number = min(max(1, number), pages)
    rows = db.session.execute(
        select(Person.id, Person.employee_no, Person.name, Person.org_unit, Person.position, Person.is_demo, Account.login,
               func.coalesce(Account.is_active, False), Account.password_hash.is_not(None))
        .outerjoin(Account, Account.person_id == Person.id).where(*where).order_by(Person.employee_no).offset((number - 1) * PAGE).limit(PAGE)
    ).all()
    roles: dict[int, list[str]] = {}
    for person_id, role_ in db.session.execute(
            select(GrantRow.person_id, GrantRow.role).where(GrantRow.person_id.in_([row[0] for row in rows]), GrantRow.revoked_at.is_(None)).distinct()):
        roles.setdefault(person_id, []).append(role_)
    order = [role.value for role in Role]
    people = tuple(PersonLine(*row[:7], bool(row[7]), bool(row[8]), tuple(sorted(roles.get(row[0], ()), key=order.index))) for row in rows)
    return ListingPage(people, total, number, pages)


@dataclass(frozen=True)
class GrantLine:
    id: int
    role: str
    scope: str
    granted_at: datetime
    granted_by: str | None


@dataclass(frozen=True)
class ChangeLine:
    field: str
    before: str
    after: str
    at: datetime
    by: str | None


@dataclass(frozen=True)
class PersonPage:
    """Everything the administrator sees of one person. `code_until`: until when an unused first code works."""

    id: int
    employee_no: str
    name: str
    email: str
    mobile: str
    org_unit: str
    position: str
    is_demo: bool
    created_at: datetime
    row_version: int
    account_id: int | None
    login: str
    is_active: bool
    has_password: bool
    must_change: bool
    code_until: datetime | None
    last_sign_in: datetime | None
    grants: tuple[GrantLine, ...]
    history: tuple[ChangeLine, ...]

    def particulars(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in (*PARTICULARS, "login")}


def find_person(person_id: int) -> PersonPage | None:
    """One person with login, live grants and the latest hundred changes; None where unknown."""
    row = db.session.execute(
        select(Person.id, Person.employee_no, Person.name, Person.email, Person.mobile, Person.org_unit, Person.position, Person.is_demo,
               Person.created_at, Person.row_version, Account.id, Account.login, Account.is_active, Account.password_hash, Account.must_change)
        .outerjoin(Account, Account.person_id == Person.id).where(Person.id == person_id)
    ).first()
    if row is None:
        return None
    account_id = row[10]
    code_until = last = None
    if account_id is not None:
        code_until = db.session.execute(
            select(func.max(FirstCode.expires_at)).where(FirstCode.account_id == account_id, FirstCode.used_at.is_(None),
                                                         FirstCode.expires_at > clock.now())).scalar()
        last = db.session.execute(select(func.max(accounts.AuthSession.created_at)).where(accounts.AuthSession.account_id == account_id)).scalar()
    grants = db.session.execute(
        select(GrantRow.id, GrantRow.role, GrantRow.scope, GrantRow.granted_at, Person.name).outerjoin(Person, Person.id == GrantRow.granted_by_id)
        .where(GrantRow.person_id == person_id, GrantRow.revoked_at.is_(None)).order_by(GrantRow.id).limit(200)
    )
    history = db.session.execute(
        select(PersonChange.field, PersonChange.before, PersonChange.after, PersonChange.at, Person.name)
        .outerjoin(Person, Person.id == PersonChange.by_id).where(PersonChange.person_id == person_id).order_by(PersonChange.id.desc()).limit(100)
    )
    return PersonPage(*row[:10], account_id, row[11] or "", bool(row[12]), row[13] is not None, bool(row[14]), code_until, last,
                      tuple(GrantLine(*grant) for grant in grants), tuple(ChangeLine(*change) for change in history))


# ── the audit trail as a page ────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class EventLine:
    seq: int
    at: datetime
    action: str
    actor: str | None
    actor_id: int | None
    subject: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TrailPage:
    """Events in falling order. `older`: the number to continue before, None at the end of the trail."""

    events: tuple[EventLine, ...]
    older: int | None
    total: int


def _facts_shown(facts: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The facts of an event as short texts: long lists cut, hashes shown by their beginning."""
    shown = ((key, value if isinstance(value, str) else "—" if value is None else canonical_json(value)) for key, value in facts.items())
    return tuple((key, f"{text[:12]}…" if re.fullmatch("[0-9a-f]{64}", text) else text if len(text) <= 160 else f"{text[:159]}…") for key, text in shown)


def trail(action: str, subject: str, before: int | None) -> TrailPage:
    """Fifty events whose action begins with `action` and whose subject is `subject`, older than number `before`."""
    where: list[Any] = []
    if action:
        where.append(AuditEvent.action.startswith(action[:60], autoescape=True))
    if subject:
        where.append(AuditEvent.subject == subject[:80])
    if before is not None:
        where.append(AuditEvent.seq < before)
    rows = db.session.execute(
        select(AuditEvent.seq, AuditEvent.at, AuditEvent.action, Person.name, AuditEvent.actor_id, AuditEvent.subject, AuditEvent.facts)
        .outerjoin(Person, Person.id == AuditEvent.actor_id).where(*where).order_by(AuditEvent.seq.desc()).limit(PAGE + 1)
    ).all()
    events = tuple(EventLine(row.seq, row.at, row.action, row.name, row.actor_id, row.subject, _facts_shown(row.facts)) for row in rows[:PAGE])
    return TrailPage(events, events[-1].seq if len(rows) > PAGE else None, audit.head()[0])


# ── changes of one person ────────────────────────────────────────────────────────────────────────────────────
class NumberTaken(Exception):
    """Another person has this employee number."""


class LoginTaken(Exception):
    """Another person has this login."""


class GrantRefused(Exception):
    """`reason` is one of: scope (the role does not go with it), held, gone, own_admin."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OwnAccount(Exception):
    """Nobody deactivates the login they are signed in with."""


@dataclass(frozen=True)
class Particulars:
    """What the form of a person holds."""

    employee_no: str
    name: str
    email: str = ""
    mobile: str = ""
    org_unit: str = ""
    position: str = ""
    login: str = ""

    def values(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in PARTICULARS}


def add_person(particulars: Particulars, grants: Sequence[tuple[Role, str]], actor_id: int | None, is_demo: bool = False) -> tuple[int, int]:
    """A new person with a login (default the employee number) and no password; returns (person id, account id).

    Raises NumberTaken, LoginTaken or GrantRefused.
    """
    login = fold_login(particulars.login or particulars.employee_no)
    if db.session.execute(select(Person.id).where(Person.employee_no == particulars.employee_no)).first():
        raise NumberTaken(particulars.employee_no)
    if db.session.execute(select(Account.id).where(Account.login == login)).first():
        raise LoginTaken(login)
    now = clock.now()
    person = Person(**particulars.values(), is_demo=is_demo, created_at=now)
    db.session.add(person)
    db.session.flush()
    account = Account(person_id=person.id, login=login, created_at=now)
    db.session.add(account)
    db.session.flush()
    audit.record("person:add", f"person:{person.id}", actor_id, number=audit.fingerprint(particulars.employee_no))
    for role, scope in grants:
        give_role(person.id, role, scope, actor_id)
    if not is_demo:
        note_real_people()
    return person.id, account.id


def change_person(person_id: int, particulars: Particulars, row_version: int, actor_id: int) -> bool:
    """Bring the particulars and the login up to date, former values to the history; False where nothing differs.

    Raises StaleVersion (somebody saved in between), NumberTaken or LoginTaken.
    """
    person = db.session.get_one(Person, person_id)
    if person.row_version != row_version:
        raise StaleVersion(person.row_version)
    account = db.session.execute(select(Account).where(Account.person_id == person_id)).scalar()
    login = fold_login(particulars.login)
    if particulars.employee_no != person.employee_no and db.session.execute(
            select(Person.id).where(Person.employee_no == particulars.employee_no, Person.id != person_id)).first():
        raise NumberTaken(particulars.employee_no)
    if account is not None and login and login != account.login and db.session.execute(select(Account.id).where(Account.login == login)).first():
        raise LoginTaken(login)
    changes = {name: (getattr(person, name), value) for name, value in particulars.values().items() if getattr(person, name) != value}
    for name, (_before, value) in changes.items():
        setattr(person, name, value)
    if account is not None and login and login != account.login:
        changes["login"] = (account.login, login)
        account.login = login
        person.row_version += 1
    now = clock.now()
    db.session.add_all(PersonChange(person_id=person_id, field=name, before=before, after=after, at=now, by_id=actor_id)
                       for name, (before, after) in changes.items())
    if changes:
        audit.record("person:change", f"person:{person_id}", actor_id,
                     fields={name: [audit.fingerprint(before), audit.fingerprint(after)] for name, (before, after) in changes.items()})
    return bool(changes)


def give_role(person_id: int, role: Role, scope: str, actor_id: int | None) -> None:
    """Grant a role within a scope. Raises GrantRefused('scope' | 'held')."""
    if scope != EVERYWHERE and (role not in SCOPED_ROLES or not re.fullmatch(r"[a-z]+:.{1,100}", scope)):
        raise GrantRefused("scope")
    held = db.session.execute(select(GrantRow.id).where(GrantRow.person_id == person_id, GrantRow.role == role.value, GrantRow.scope == scope,
                                                        GrantRow.revoked_at.is_(None))).first()
    if held:
        raise GrantRefused("held")
    db.session.add(GrantRow(person_id=person_id, role=role.value, scope=scope, granted_at=clock.now(), granted_by_id=actor_id))
    audit.record("grant:give", f"person:{person_id}", actor_id, role=role.value, scope=scope)


def revoke_role(person_id: int, grant_id: int, actor_id: int) -> None:
    """End a grant. Raises GrantRefused('gone') where it has ended, ('own_admin') for one's own last administrator's grant."""
    grant = db.session.execute(
        select(GrantRow).where(GrantRow.id == grant_id, GrantRow.person_id == person_id, GrantRow.revoked_at.is_(None))).scalar()
    if grant is None:
        raise GrantRefused("gone")
    if grant.role == Role.ADMIN.value and person_id == actor_id:
        others = db.session.execute(select(GrantRow.id).where(GrantRow.person_id == person_id, GrantRow.role == Role.ADMIN.value,
                                                              GrantRow.revoked_at.is_(None), GrantRow.id != grant_id)).first()
        if others is None:
            raise GrantRefused("own_admin")
    grant.revoked_at = clock.now()
    audit.record("grant:revoke", f"person:{person_id}", actor_id, role=grant.role, scope=grant.scope)


def set_active(person_id: int, is_active: bool, actor_id: int) -> None:
    """Close a login, ending its sign-ins, or open it again. Raises OwnAccount."""
    account = db.session.execute(select(Account).where(Account.person_id == person_id)).scalar_one()
    if person_id == actor_id and not is_active:
        raise OwnAccount
    if account.is_active == is_active:
        return
    account.is_active = is_active
    if not is_active:
        accounts.end_other_sessions(account.id, actor_id)
    audit.record("account:activate" if is_active else "account:deactivate", f"account:{account.id}", actor_id)


def note_real_people() -> None:
    """Remember that real people came into a database that bears the demo mark; a banner says so from then on."""
    if accounts.installation_mark("demo") is not None and accounts.installation_mark("demo-mixed") is None:
        db.session.add(Installation(key="demo-mixed", value=clock.now().isoformat(timespec="seconds")))
        db.session.flush()
