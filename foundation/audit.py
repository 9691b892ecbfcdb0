"""The audit trail: who changed which fact, when, chained so that an edit, a deletion or a lost tail is found.

Events are collected while a transaction runs and chained last, under the write lock. They hold ids and salted
fingerprints, never names or free text: a person can be erased without breaking the chain.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from flask import current_app
from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, mapped_column

from foundation import clock
from foundation.append_only import append_only
from foundation.db import Base, Change, Json, UtcTime, before_commit, canonical_json, current_change, db

GENESIS = "0" * 64


@append_only
class AuditEvent(Base):
    """One change of facts. `seq` has no gaps; `hash` covers everything in the row and the hash before it."""

    __tablename__ = "audit_event"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcTime)
    action: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    subject: Mapped[str]
    facts: Mapped[Any] = mapped_column(Json)
    prev_hash: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    __table_args__ = (Index("ix_audit_event_subject", "subject"), Index("ix_audit_event_at", "at"))


def record(action: str, subject: str, actor_id: int | None, **facts: Any) -> None:
    """Add an event to the transaction under way.

    `action` reads `subject:act` ("result:confirm"); `subject` is `kind:id` ("enrolment:17"); `facts` must be plain
    JSON values (ids, keys, numbers as text, dates) and never names or free text.
    """
    current_change().events.append((action, subject, actor_id, facts))


def fingerprint(value: str) -> str:
    """A salted hash that shows whether a personal value changed without telling the value (16 hex digits)."""
    key: bytes = current_app.extensions["qizhou_keys"].ledger
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:16]


def chain_hash(seq: int, at: datetime, action: str, actor_id: int | None, subject: str, facts: Any, prev_hash: str) -> str:
    """SHA-256 over the canonical record. Pure: the verifier uses the same function on rows read back."""
    record_ = [seq, at.isoformat(timespec="microseconds"), action, actor_id, subject, facts, prev_hash]
    return hashlib.sha256(canonical_json(record_).encode()).hexdigest()


def head() -> tuple[int, str]:
    """Number and hash of the latest event; (0, zeros) for an empty trail."""
    row = db.session.execute(select(AuditEvent.seq, AuditEvent.hash).order_by(AuditEvent.seq.desc()).limit(1)).first()
    return (row.seq, row.hash) if row else (0, GENESIS)


@before_commit
def _chain(change: Change) -> None:
    if not change.events:
        return
    seq, prev = head()
    at = clock.now()
    for action, subject, actor_id, facts in change.events:
        seq += 1
        hash_ = chain_hash(seq, at, action, actor_id, subject, facts, prev)
        db.session.add(AuditEvent(seq=seq, at=at, action=action, actor_id=actor_id, subject=subject, facts=facts, prev_hash=prev, hash=hash_))
        prev = hash_
    db.session.flush()


@dataclass(frozen=True)
class Verdict:
    """What a walk over the chain found: how many events, the head, and the first bad entry where there is one."""

    events: int
    head: str
    bad_seq: int | None = None
    reason: str = ""


def verify(checkpoint: tuple[int, str] | None = None) -> Verdict:
    """Walk the whole chain in batches. A checkpoint (seq, hash) kept elsewhere also proves that no tail was lost."""
    prev, expected, checkpoint_met = GENESIS, 1, checkpoint is None
    for row in _rows():
        if row.seq != expected:
            return Verdict(expected - 1, prev, expected, "an event is missing")
        if row.prev_hash != prev:
            return Verdict(expected - 1, prev, row.seq, "does not follow the event before it")
        if chain_hash(row.seq, row.at, row.action, row.actor_id, row.subject, row.facts, row.prev_hash) != row.hash:
            return Verdict(expected - 1, prev, row.seq, "the content was changed")
        prev, expected = row.hash, expected + 1
        if checkpoint and row.seq == checkpoint[0]:
            if row.hash != checkpoint[1]:
                return Verdict(row.seq, prev, row.seq, "differs from the checkpoint: the chain was recomputed")
            checkpoint_met = True
    if not checkpoint_met:
        return Verdict(expected - 1, prev, expected, "the chain ends before the checkpoint: its tail was lost")
    return Verdict(expected - 1, prev)


def _rows() -> Iterator[Any]:
    columns = (AuditEvent.seq, AuditEvent.at, AuditEvent.action, AuditEvent.actor_id, AuditEvent.subject, AuditEvent.facts,
               AuditEvent.prev_hash, AuditEvent.hash)
    last = -1
    while True:
        batch = db.session.execute(select(*columns).where(AuditEvent.seq > last).order_by(AuditEvent.seq).limit(2000)).all()
        if not batch:
            return
        yield from batch
        last = batch[-1].seq


class BadCheckpoint(Exception):
    """The checkpoint is not ours or was edited."""


def make_checkpoint(seq: int, head_hash: str, at: datetime) -> str:
    """A line to keep elsewhere: number, hash and time of the head, signed with the installation's issuer key."""
    body = {"seq": seq, "head": head_hash, "at": at.isoformat(timespec="seconds")}
    signature = current_app.extensions["qizhou_keys"].issuer.sign(canonical_json(body).encode())
    return canonical_json({**body, "signature": signature.hex()}) + "\n"


def read_checkpoint(text: str) -> tuple[int, str]:
    """(seq, hash) of a signed checkpoint. Raises BadCheckpoint."""
    try:
        body = json.loads(text)
        signature = bytes.fromhex(body.pop("signature"))
        current_app.extensions["qizhou_keys"].issuer.public_key().verify(signature, canonical_json(body).encode())
        return int(body["seq"]), str(body["head"])
    except (ValueError, KeyError, AttributeError, TypeError):
        raise BadCheckpoint("cannot be read") from None
    except InvalidSignature:
        raise BadCheckpoint("the signature does not fit") from None
