"""Sign-in, sessions, passwords. Argon2id with OWASP's 19 MiB: about 25 ms, so that forty people can sign in at once."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import threading
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Select, bindparam, select, update

from foundation import audit, clock
from foundation.db import db
from foundation.hotread import HotRead
from foundation.people import Account, AuthSession, FirstCode, GrantRow, Installation, Person, SignInTally
from foundation.permissions import Actor, Grant, Role

SESSION_ABSOLUTE = timedelta(hours=16)
SESSION_IDLE = timedelta(hours=4)
FREE_FAILURES = 5
CODE_DAYS = 14
_LOOK_ALIKES = str.maketrans("018", "OIB")  # never in a code, so whoever types them read a letter
MIN_PASSWORD = 10
_LOGINS_IN_FLIGHT = threading.BoundedSemaphore(4)
# tests and the demo data choose cheaper parameters by environment; the hash itself says which were used
_hasher = PasswordHasher(time_cost=2, memory_cost=int(os.environ.get("QIZHOU_ARGON2_KIB", "19456")), parallelism=1)
_DUMMY = _hasher.hash("an account that does not exist")

COMMON = frozenset(
    "password 1234567890 0123456789 9876543210 qwertyuiop woaini1314 woaini5201314 iloveyou520 password123 password1234 abc1234567 "
    "a123456789 1q2w3e4r5t 1qaz2wsx3edc qazwsxedc123 admin12345 linjiang123 linjiangbank linjiang2026 zhongguo123 woaizhongguo "
    "5201314520 1314520131 asdfghjkl1 qwer123456 aa123456789 zxcvbnm123 11111111111 88888888888 66666666666 woaiwojia520 "
    "gongxifacai wangyinmima dengluming qizhou1234 qizhou12345".split()
)


class SignInRefused(Exception):
    """Login or password wrong, or the account not active: one message for all three."""


class SignInPaused(Exception):
    """Too many failures from this address for this login."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class PasswordRefused(Exception):
    """`reason` is one of: short, common, like_login, same."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CodeRefused(Exception):
    """The first code is unknown, used or expired."""


def fold_login(login: str) -> str:
    """The spelling under which a login is kept: width and case folded, no blanks around."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


def check_password_rules(password: str, login: str) -> None:
    """Raise PasswordRefused unless the password is ten characters or more and not easily guessed."""
    folded = password.casefold()
    if len(password) < MIN_PASSWORD:
        raise PasswordRefused("short")
    if folded in COMMON or len(set(folded)) < 4:
        raise PasswordRefused("common")
    if len(login) >= 4 and login.casefold() in folded:
        raise PasswordRefused("like_login")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def pause_after(failures: int) -> timedelta:
    """How long further tries wait: none up to five failures, then 1, 2, 4, … 15 minutes."""
    if failures < FREE_FAILURES:
        return timedelta(0)
    return timedelta(minutes=min(15, 2 ** (failures - FREE_FAILURES)))


def check_not_paused(login: str, address: str) -> None:
    """Raise SignInPaused while the growing delay for this login and address runs."""
    tally = db.session.execute(
        select(SignInTally.failures, SignInTally.last_at).where(SignInTally.login == fold_login(login), SignInTally.address == address)
    ).first()
    if tally and (pause := pause_after(tally.failures)):
        until = tally.last_at + pause
        if until > clock.now():
            raise SignInPaused(until)


@dataclass(frozen=True)
class Candidate:
    account_id: int
    person_id: int
    password_hash: str | None


def find_candidate(login: str, password: str) -> Candidate | None:
    """The account if login and password fit, else None; takes the same time for an unknown login."""
    row = db.session.execute(
        select(Account.id, Account.person_id, Account.password_hash, Account.is_active, Person.is_demo)
        .join(Person, Person.id == Account.person_id).where(Account.login == fold_login(login))
    ).first()
    usable = bool(row and row.is_active and row.password_hash and (not row.is_demo or demo_sign_in_open()))
    with _LOGINS_IN_FLIGHT:
        try:
            _hasher.verify(row.password_hash if row and usable else _DUMMY, password)
        except (VerificationError, InvalidHashError):
            return None
    return Candidate(row.id, row.person_id, row.password_hash) if row and usable else None


def demo_sign_in_open() -> bool:
    """Demo accounts sign in only while the database bears the demo mark and QIZHOU_DEMO is not 0."""
    return os.environ.get("QIZHOU_DEMO", "1") != "0" and installation_mark("demo") is not None


def installation_mark(key: str) -> str | None:
    return db.session.execute(select(Installation.value).where(Installation.key == key)).scalar()


def note_failure(login: str, address: str) -> None:
    """Count a failed try; inside a transaction."""
    folded = fold_login(login)[:200]
    tally = db.session.execute(select(SignInTally).where(SignInTally.login == folded, SignInTally.address == address)).scalar()
    if tally is None:
        tally = SignInTally(login=folded, address=address, failures=0, last_at=clock.now())
        db.session.add(tally)
    if clock.now() - tally.last_at > timedelta(hours=1):
        tally.failures = 0
    tally.failures += 1
    tally.last_at = clock.now()


def open_session(candidate: Candidate, address: str, device: str) -> str:
    """Make a sign-in and return its secret token; clears the tally of this login and address."""
    token = secrets.token_urlsafe(32)
    account = db.session.get_one(Account, candidate.account_id)
    if account.password_hash != candidate.password_hash or not account.is_active:
        raise SignInRefused
    row = AuthSession(account_id=account.id, token_hash=_token_hash(token), created_at=clock.now(), address=address, device=device[:200])
    db.session.add(row)
    db.session.flush()
    tally = db.session.execute(select(SignInTally).where(SignInTally.login == account.login, SignInTally.address == address)).scalar()
    if tally:
        db.session.delete(tally)
    audit.record("account:sign-in", f"account:{account.id}", account.person_id, session=row.id)
    return token


def _actor_statement() -> Select[Any]:
    """Built once, on plain tables: every request begins with it."""
    session, account, person, grant = AuthSession.__table__, Account.__table__, Person.__table__, GrantRow.__table__
    return (
        select(session.c.id, session.c.created_at, account.c.id.label("account_id"), account.c.login, account.c.language, account.c.must_change,
               person.c.id.label("person_id"), person.c.name, person.c.employee_no, person.c.is_demo, grant.c.role, grant.c.scope)
        .select_from(session).join(account, account.c.id == session.c.account_id).join(person, person.c.id == account.c.person_id)
        .outerjoin(grant, (grant.c.person_id == person.c.id) & (grant.c.revoked_at.is_(None)))
        .where(session.c.token_hash == bindparam("token_hash"), session.c.ended_at.is_(None), account.c.is_active).order_by(grant.c.id)
    )


_ACTOR = HotRead(_actor_statement())


def find_actor(token: str) -> Actor | None:
    """The person behind a session token, with all grants, in one select; None where ended, too old or inactive."""
    rows = _ACTOR.rows(token_hash=_token_hash(token))
    if not rows or clock.now() - rows[0][1] > SESSION_ABSOLUTE:
        return None
    session_id, _created_at, account_id, login, language, must_change, person_id, name, employee_no, is_demo, _role, _scope = rows[0]
    grants = tuple(Grant(Role(role), scope) for *_rest, role, scope in rows if role)
    return Actor(person_id=person_id, account_id=account_id, session_id=session_id, token=token, name=name, employee_no=employee_no, login=login,
                 language=language, must_change_password=must_change, is_demo=is_demo, grants=grants)


def end_session(session_id: int, account_id: int, actor_id: int) -> None:
    """End one sign-in of this account; nothing happens where it has ended or belongs to another account."""
    ended = db.session.execute(
        update(AuthSession).where(AuthSession.id == session_id, AuthSession.account_id == account_id, AuthSession.ended_at.is_(None))
        .values(ended_at=clock.now()).returning(AuthSession.id)
    ).all()
    if ended:
        audit.record("account:sign-out", f"account:{account_id}", actor_id, session=session_id)


def end_other_sessions(account_id: int, actor_id: int, keep: int | None = None) -> int:
    """Sign out everywhere (but `keep`, the session that asks). Returns how many sign-ins ended."""
    where = [AuthSession.account_id == account_id, AuthSession.ended_at.is_(None)]
    if keep is not None:
        where.append(AuthSession.id != keep)
    ended = len(db.session.execute(update(AuthSession).where(*where).values(ended_at=clock.now()).returning(AuthSession.id)).all())
    if ended:
        audit.record("account:sign-out-everywhere", f"account:{account_id}", actor_id, ended=ended)
    return ended


def change_password(account_id: int, actor: Actor, current: str, new: str) -> None:
    """Replace one's own password. Raises SignInRefused (current wrong) or PasswordRefused; ends all other sign-ins."""
    account = db.session.get_one(Account, account_id)
    try:
        _hasher.verify(account.password_hash or _DUMMY, current)
    except (VerificationError, InvalidHashError):
        raise SignInRefused from None
    check_password_rules(new, account.login)
    if new == current:
        raise PasswordRefused("same")
    account.password_hash = hash_password(new)
    account.must_change = False
    end_other_sessions(account_id, actor.person_id, keep=actor.session_id)
    audit.record("account:change-password", f"account:{account_id}", actor.person_id)


def new_code() -> tuple[str, str]:
    """A code for paper and its hash: sixteen letters and digits in groups of four, 80 bits; no 0, 1, 8 or 9 among them."""
    raw = base64.b32encode(secrets.token_bytes(10)).decode()
    return "-".join(raw[i:i + 4] for i in range(0, 16, 4)), _token_hash(raw)


def make_first_code(account_id: int, by_id: int | None) -> str:
    """A new single-use code for this account (the old ones stop working). Shown once, kept as a hash."""
    code, code_hash = new_code()
    now = clock.now()
    db.session.execute(update(FirstCode).where(FirstCode.account_id == account_id, FirstCode.used_at.is_(None)).values(expires_at=now))
    db.session.add(FirstCode(account_id=account_id, code_hash=code_hash, made_at=now, expires_at=now + timedelta(days=CODE_DAYS), made_by_id=by_id))
    audit.record("account:first-code", f"account:{account_id}", by_id)
    return code


def reset_password(account_id: int, actor_id: int) -> str:
    """An administrator's reset: the password stops working, every sign-in ends, a first code is returned."""
    account = db.session.get_one(Account, account_id)
    account.password_hash = None
    account.must_change = True
    end_other_sessions(account_id, actor_id)
    audit.record("account:reset", f"account:{account_id}", actor_id)
    return make_first_code(account_id, actor_id)


def redeem_first_code(login: str, code: str, new_password: str) -> int:
    """Choose a password with a first code; returns the account id. Raises CodeRefused or PasswordRefused."""
    raw = "".join(c for c in unicodedata.normalize("NFKC", code).upper().translate(_LOOK_ALIKES) if c.isalnum())
    row = db.session.execute(
        select(FirstCode, Account).join(Account, Account.id == FirstCode.account_id)
        .where(FirstCode.code_hash == _token_hash(raw), Account.login == fold_login(login))
    ).first()
    if row is None or row.FirstCode.used_at or row.FirstCode.expires_at <= clock.now() or not row.Account.is_active:
        raise CodeRefused
    account: Account = row.Account
    check_password_rules(new_password, account.login)
    account.password_hash = hash_password(new_password)
    account.must_change = False
    row.FirstCode.used_at = clock.now()
    end_other_sessions(account.id, account.person_id)
    audit.record("account:redeem-code", f"account:{account.id}", account.person_id)
    return account.id


def set_language(account_id: int, language: str) -> None:
    db.session.get_one(Account, account_id).language = language
