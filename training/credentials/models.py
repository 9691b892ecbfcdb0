"""Certificates: an append-only record each, the one that is live per person, programme and cycle, and revocations."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from foundation.append_only import append_only
from foundation.db import Base, Json, UtcTime


class SerialCounter(Base):
    """The last number given out per series ('QZ-2026-SM')."""

    __tablename__ = "serial_counter"
    series: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]


@append_only
class Credential(Base):
    """A certificate as issued. `facts` is the canonical record the paper, the page and the export are made from.

    Name, number, org unit and dates stand beside it a second time, so that lists can be filtered and sorted; a test
    compares them with the record. `valid_until` is the instant at which `expires_on` ends in the cohort's zone.
    """

    __tablename__ = "credential"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)         # QZ-2026-SM-000418
    code: Mapped[str] = mapped_column(unique=True)           # at least 80 random bits, in the QR
    decision_id: Mapped[int] = mapped_column(ForeignKey("result_decision.id"), index=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    cohort_id: Mapped[int] = mapped_column(ForeignKey("cohort.id"), index=True)
    programme_key: Mapped[str] = mapped_column(index=True)
    cycle: Mapped[int]
    facts: Mapped[Any] = mapped_column(Json)
    facts_hash: Mapped[str]                                  # SHA-256 of the canonical facts
    name: Mapped[str]
    employee_no: Mapped[str]
    org_unit: Mapped[str]
    verification_url: Mapped[str]
    issued_at: Mapped[datetime] = mapped_column(UtcTime)
    issued_on: Mapped[date]
    released_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_on: Mapped[date | None]
    valid_until: Mapped[datetime | None] = mapped_column(UtcTime)
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(default="")          # why it was issued anew; '' for a first issue
    template_version: Mapped[str]
    engine_version: Mapped[str]
    font_version: Mapped[str]
    __table_args__ = (Index("ix_credential_issued_on", "issued_on"), Index("ix_credential_org_unit", "org_unit"),
                      Index("ix_credential_employee_no", "employee_no"), CheckConstraint("cycle >= 1", name="cycle"))


class LiveCredential(Base):
    """Exactly one live certificate per person, programme and cycle: the database's own promise."""

    __tablename__ = "live_credential"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    programme_key: Mapped[str]
    cycle: Mapped[int]
    credential_id: Mapped[int] = mapped_column(ForeignKey("credential.id"), unique=True)
    __table_args__ = (UniqueConstraint("person_id", "programme_key", "cycle"),)


@append_only
class Revocation(Base):
    """A certificate was ended, with a reason; shown on the verification page at the next request."""

    __tablename__ = "revocation"
    id: Mapped[int] = mapped_column(primary_key=True)
    credential_id: Mapped[int] = mapped_column(ForeignKey("credential.id"), unique=True)
    reason: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)


@append_only
class RenderedPdf(Base):
    """The first PDF made of a certificate: its hash is kept and the file is served by it from QIZHOU_DATA/files."""

    __tablename__ = "rendered_pdf"
    id: Mapped[int] = mapped_column(primary_key=True)
    credential_id: Mapped[int] = mapped_column(ForeignKey("credential.id"), unique=True)
    sha256: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(UtcTime)


class VerificationTally(Base):
    """How often one address asked the number-and-name form within the present ten minutes. The address is kept salted."""

    __tablename__ = "verification_tally"
    address_hash: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcTime, index=True)
    tries: Mapped[int]
