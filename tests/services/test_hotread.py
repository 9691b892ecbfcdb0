"""Reads without a session: the same rows, the same types, on both databases; what is committed and nothing else."""

from __future__ import annotations

import sqlite3
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import bindparam, func, select

from foundation import hotread
from foundation.db import db, transaction
from foundation.hotread import HotRead
from foundation.people import Person
from tests.conftest import ON_BOTH
from tests.factories import Factory

_P = Person.__table__
BY_NAME = HotRead(select(_P.c.id, _P.c.created_at, _P.c.is_demo, _P.c.name).where(_P.c.name == bindparam("name")).order_by(_P.c.id))
JOINED = HotRead(select(func.aggregate_strings(_P.c.name, "\x1e")).where(_P.c.position == "客户服务经理", _P.c.id > bindparam("after")))


@ON_BOTH
def test_rows_and_types_are_those_of_the_session(app: Flask, make: Factory) -> None:
    make.person(name="安然")
    expected = [tuple(row) for row in db.session.execute(BY_NAME.statement, {"name": "安然"})]
    found = BY_NAME.rows(name="安然")
    assert found == expected and isinstance(found[0][1], datetime) and found[0][1].tzinfo is not None and found[0][2] is False
    assert BY_NAME.rows(name="nobody") == []
    assert JOINED.rows(after=0) == [("安然",)]


def test_a_later_commit_is_seen_and_an_open_change_is_not(app: Flask, make: Factory) -> None:
    make.person(name="安然")
    with transaction():
        db.session.get_one(Person, BY_NAME.rows(name="安然")[0][0]).name = "白朗"
        db.session.flush()
        assert BY_NAME.rows(name="白朗") == []
    assert len(BY_NAME.rows(name="白朗")) == 1


def test_a_hostile_value_is_a_value(app: Flask, make: Factory) -> None:
    make.person(name="安然")
    assert BY_NAME.rows(name="' OR 1=1 --") == []


def test_the_connection_cannot_write(app: Flask, make: Factory) -> None:
    make.person(name="安然")
    BY_NAME.rows(name="安然")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        hotread._thread.connection.execute("UPDATE person SET name = 'x'")
