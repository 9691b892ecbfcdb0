"""Persons, their logins, grants, sign-ins. A person is a stable id; the employee number is text ('007' is not '7')."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base, UtcTime


class Person(Base):
    """Somebody known to the bank. Present particulars stand here; what they were before is in `person_change`."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    employee_no: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(default="")
    mobile: Mapped[str] = mapped_column(default="")
    org_unit: Mapped[str] = mapped_column(default="")
    position: Mapped[str] = mapped_column(default="")
    is_demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}


class PersonChange(Base):
    """A former particular of a person. Not append-only in the database: erasure must be able to delete the body."""

    __tablename__ = "person_change"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    field: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcTime)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Account(Base):
    """A login. `password_hash` is None until the person has chosen one with a first code."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), unique=True)
    login: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    must_change: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    language: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    row_version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": row_version}


class FirstCode(Base):
    """A single-use code on paper (80 bits, kept as SHA-256) that lets its holder choose a password."""

    __tablename__ = "first_code"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    code_hash: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class GrantRow(Base):
    """A role held within a scope ('*', 'cohort:17', 'org:…') from a moment on, until revoked."""

    __tablename__ = "role_grant"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    scope: Mapped[str]
    granted_at: Mapped[datetime] = mapped_column(UtcTime)
    granted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)
    __table_args__ = (Index("ix_role_grant_scope", "scope"),)


class AuthSession(Base):
    """One sign-in on one device. Listed to its owner, who may end it; the cookie holds only the token's secret."""

    __tablename__ = "auth_session"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    address: Mapped[str]
    device: Mapped[str]
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)


class SignInTally(Base):
    """Failed sign-ins per login and address since the last success, so that nobody can lock out a whole hall."""

    __tablename__ = "sign_in_tally"
    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str]
    address: Mapped[str]
    failures: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (UniqueConstraint("login", "address"),)


class OperationRow(Base):
    """A form or device operation that was carried out: the same id again gets the first answer, never a second effect."""

    __tablename__ = "operation"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    content_hash: Mapped[str]
    answer: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcTime)


class Installation(Base):
    """Marks of the whole installation, e.g. that the demo data was loaded."""

    __tablename__ = "installation"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
