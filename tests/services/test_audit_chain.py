"""The audit trail: chained in the same transaction, and every kind of forgery is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from foundation import audit
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from tests.conftest import ON_BOTH


def tell(*acts: str) -> None:
    """One transaction per act, so that each event has its own moment."""
    for act in acts:
        with transaction():
            audit.record(f"test:{act}", "test:1", None, act=act, 中文="保留")


@contextmanager
def as_a_forger() -> Iterator[Connection]:
    """A connection of somebody with the database file in hand: the triggers are no hindrance to them."""
    db.session.rollback()
    with db.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            for verb in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER audit_event_no_{verb}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection


def rows() -> list[AuditEvent]:
    return list(db.session.scalars(select(AuditEvent).order_by(AuditEvent.seq)))


@ON_BOTH
def test_events_follow_each_other_without_gaps_and_anyone_can_recompute_them(app: Flask) -> None:
    before = audit.head()[0]
    tell("one", "two", "three")
    prev, expected = "0" * 64, 1
    for row in rows():
        record = [row.seq, row.at.isoformat(timespec="microseconds"), row.action, row.actor_id, row.subject, row.facts, row.prev_hash]
        independent = hashlib.sha256(json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        assert (row.seq, row.prev_hash, row.hash) == (expected, prev, independent)
        prev, expected = row.hash, expected + 1
    assert audit.head() == (before + 3, prev)
    assert audit.verify() == audit.Verdict(before + 3, prev)


@ON_BOTH
def test_an_event_and_its_change_stand_or_fall_together(app: Flask) -> None:
    before = audit.head()
    with pytest.raises(ZeroDivisionError), transaction():
        audit.record("test:never", "test:1", None)
        db.session.flush()
        raise ZeroDivisionError
    assert audit.head() == before
    with pytest.raises(RuntimeError, match="needs a transaction"):
        audit.record("test:outside", "test:1", None)


@ON_BOTH
def test_an_edited_event_is_found_where_it_stands(app: Flask) -> None:
    tell("one", "two", "three", "four")
    victim = audit.head()[0] - 1
    with as_a_forger() as connection:
        connection.execute(text("UPDATE audit_event SET facts = :facts WHERE seq = :seq"), {"facts": '{"act":"else"}', "seq": victim})
    verdict = audit.verify()
    assert (verdict.bad_seq, verdict.reason) == (victim, "the content was changed")


@ON_BOTH
@pytest.mark.parametrize("column, value", [("action", "test:other"), ("subject", "test:2"), ("actor_id", None), ("at", None)])
def test_every_column_is_covered_by_the_hash(app: Flask, make: object, column: str, value: str | None) -> None:
    person = make.person("somebody", "trainee")  # type: ignore[attr-defined]
    with transaction():
        audit.record("test:act", "test:1", person)
    victim = audit.head()[0]
    with as_a_forger() as connection:
        new = ":value" if column != "at" else ("datetime(at, '+1 second')" if connection.dialect.name == "sqlite" else "at + interval '1 second'")
        values = {"seq": victim} if column == "at" else {"seq": victim, "value": value}
        connection.execute(text(f"UPDATE audit_event SET {column} = {new} WHERE seq = :seq"), values)
    assert audit.verify().bad_seq == victim


@ON_BOTH
def test_a_deleted_event_is_found(app: Flask) -> None:
    tell("one", "two", "three")
    victim = audit.head()[0] - 1
    with as_a_forger() as connection:
        connection.execute(text("DELETE FROM audit_event WHERE seq = :seq"), {"seq": victim})
    verdict = audit.verify()
    assert (verdict.bad_seq, verdict.reason) == (victim, "an event is missing")


@ON_BOTH
def test_a_lost_tail_is_found_with_a_checkpoint_alone(app: Flask) -> None:
    tell("one", "two", "three")
    kept = audit.head()
    with as_a_forger() as connection:
        connection.execute(text("DELETE FROM audit_event WHERE seq > :seq"), {"seq": kept[0] - 2})
    assert audit.verify().bad_seq is None, "a chain cut at its end is a whole chain: that is what checkpoints are for"
    verdict = audit.verify(kept)
    assert verdict.bad_seq == kept[0] - 1
    assert "tail was lost" in verdict.reason


@ON_BOTH
def test_a_chain_recomputed_from_the_edit_on_is_found_with_a_checkpoint_alone(app: Flask) -> None:
    tell("one", "two", "three", "four")
    kept = audit.head()
    forged_from = kept[0] - 2
    with as_a_forger() as connection:
        prev = connection.execute(select(AuditEvent.hash).where(AuditEvent.seq == forged_from - 1)).scalar_one()
        for row in connection.execute(select(AuditEvent).where(AuditEvent.seq >= forged_from).order_by(AuditEvent.seq)).all():
            facts = {"act": "forged"} if row.seq == forged_from else row.facts
            new = audit.chain_hash(row.seq, row.at, row.action, row.actor_id, row.subject, facts, prev)
            connection.execute(text("UPDATE audit_event SET facts = :facts, prev_hash = :prev, hash = :hash WHERE seq = :seq"),
                               {"facts": json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":")), "prev": prev, "hash": new,
                                "seq": row.seq})
            prev = new
    assert audit.verify().bad_seq is None, "a full recompute is consistent in itself"
    verdict = audit.verify(kept)
    assert (verdict.bad_seq, "recomputed" in verdict.reason) == (kept[0], True)


def test_a_checkpoint_is_signed_and_an_edited_one_is_refused(app: Flask) -> None:
    tell("one")
    seq, head = audit.head()
    line = audit.make_checkpoint(seq, head, rows()[-1].at)
    assert audit.read_checkpoint(line) == (seq, head)
    forged = {**json.loads(line), "seq": seq - 1}
    for bad in (json.dumps(forged), "{}", "", "not json", line.replace('"signature":"', '"signature":"zz')):
        with pytest.raises(audit.BadCheckpoint):
            audit.read_checkpoint(bad)


def test_the_command_says_what_it_found_and_exits_accordingly(app: Flask, tmp_path: Path) -> None:
    tell("one", "two", "three")
    kept = tmp_path / "checkpoint.json"
    run = app.test_cli_runner()
    assert run.invoke(args=["ledger", "checkpoint", "--out", str(kept)]).exit_code == 0
    answer = run.invoke(args=["ledger", "verify", "--checkpoint", str(kept)])
    assert (answer.exit_code, "chain intact" in answer.output) == (0, True)
    with as_a_forger() as connection:
        connection.execute(text("UPDATE audit_event SET action = 'test:other' WHERE seq = 2"))
    answer = run.invoke(args=["ledger", "verify"])
    assert (answer.exit_code, "event 2: the content was changed" in answer.stderr) == (1, True)
    kept.write_text(kept.read_text().replace('"seq":', '"seq":1'))
    answer = run.invoke(args=["ledger", "verify", "--checkpoint", str(kept)])
    assert (answer.exit_code, "checkpoint" in answer.stderr) == (1, True)
