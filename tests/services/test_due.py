"""What falls due is posted one by one: a broken thing holds up nothing, and an idle round writes nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from foundation import audit, due
from foundation.audit import AuditEvent
from foundation.db import db


@pytest.fixture
def duties(app: Flask) -> Iterator[None]:
    """Duties that a test registers are gone afterwards; those of the program stay."""
    kept = dict(due.duties())
    yield
    due.replace(kept)


def told() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(AuditEvent.subject).where(AuditEvent.action == "test:post").order_by(AuditEvent.seq)))


def test_each_thing_is_posted_in_a_transaction_of_its_own_and_faults_hold_up_nothing(duties: None, caplog: pytest.LogCaptureFixture) -> None:
    def post(what: int, now: datetime) -> None:
        audit.record("test:post", f"thing:{what}", None)
        if what == 2:
            raise ZeroDivisionError("thing 2 is broken")

    def broken(now: datetime) -> list[int]:
        raise ConnectionError("cannot look")

    due.register("test.broken", broken, post)
    due.register("test.things", lambda now: [1, 2, 3], post)
    with caplog.at_level(logging.ERROR, "qizhou.due"):
        posted, failed = due.post_all()
    assert (posted, failed) == (2, 2)
    assert told() == ["thing:1", "thing:3"]
    assert "test.broken: could not look" in caplog.text
    assert "test.things: could not post 2" in caplog.text


def test_an_idle_round_writes_nothing(duties: None) -> None:
    before = audit.head()
    due.register("test.things", lambda now: [], lambda what, now: audit.record("test:post", "never", None))
    assert due.post_all()[1] == 0
    assert told() == []
    assert audit.head()[0] >= before[0]
