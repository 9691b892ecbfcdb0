"""The whole path on PostgreSQL as on SQLite: the same services make the same facts, the same pages show them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from foundation import audit, clock, content, due
from foundation.db import UtcTime, db, transaction
from foundation.people import Person
from tests.conftest import ON_BOTH
from tests.factories import Factory
from training.assessment.models import ResultDecision, ResultEntry
from training.credentials.models import Credential
from training.demo.build import build_demo

# ids and moments of these differ from run to run on the same database too
OF_THE_RUN = {"operation", "auth_session", "sign_in_tally"}


def counts() -> dict[str, int]:
    return {name: db.session.scalar(select(func.count()).select_from(table)) or 0 for name, table in sorted(db.metadata.tables.items())
            if name not in OF_THE_RUN}


def results() -> list[tuple[object, ...]]:
    """What was decided about whom, component by component, digit for digit."""
    rows = db.session.execute(
        select(Person.employee_no, ResultDecision.outcome, ResultDecision.total, ResultDecision.total_shown, ResultDecision.band, ResultDecision.verdict_zh,
               ResultEntry.component, ResultEntry.score, ResultEntry.shown, ResultEntry.meets_bar)
        .join(ResultEntry, ResultEntry.decision_id == ResultDecision.id)
        .join(db.metadata.tables["enrolment"], db.metadata.tables["enrolment"].c.id == ResultDecision.enrolment_id)
        .join(Person, Person.id == db.metadata.tables["enrolment"].c.person_id)
        .order_by(Person.employee_no, ResultDecision.number, ResultEntry.component)
    )
    return [tuple(row) for row in rows]


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """What each database held after the same demo was made in it."""
    return {}


@ON_BOTH
def test_the_demo_goes_the_whole_way_and_its_pages_show_it(app: Flask, client_for: Callable[..., Any], made: dict[str, Any]) -> None:
    with clock.standing_at(made.setdefault("moment", clock.now())):
        build_demo()
    db.session.rollback()
    name = db.engine.dialect.name
    made[name] = (counts(), results())
    assert made[name][0]["enrolment"] == 48
    assert made[name][0]["credential"] >= 3
    assert len(made[name][1]) > 12
    verdict = audit.verify()
    assert (verdict.bad_seq, verdict.events) == (None, made[name][0]["audit_event"])
    db.session.rollback()
    for login in ("trainee", "trainer", "mentor", "reviewer", "hr", "admin"):
        client = client_for()
        client.sign_in(login, "qizhou-demo")
        nav = re.search(r'<nav class="nav".*?</nav>', client.get("/").get_data(as_text=True), re.S)
        assert nav is not None
        for path in re.findall(r'href="([^"]+)"', nav.group(0)):
            assert client.get(path, follow_redirects=True).status_code == 200, f"{login}: {path}"
    code = db.session.scalars(select(Credential.code).where(Credential.released_at <= clock.now()).order_by(Credential.id)).first()
    page = client_for().get(f"/verify/{code}")
    assert page.status_code == 200
    hr = client_for()
    hr.sign_in("hr", "qizhou-demo")
    answer = hr.get("/records/certifications.csv")
    rows = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert answer.status_code == 200
    assert len(rows) >= 3
    assert rows[0]["certificate_number"].startswith("QZ-")


@pytest.mark.postgres
def test_both_databases_hold_the_same_facts(made: dict[str, Any]) -> None:
    """Runs after the two above, in this file's order."""
    assert {"sqlite", "postgresql"} <= set(made), "the test before this one makes them"
    assert made["sqlite"][0] == made["postgresql"][0]
    assert made["sqlite"][1] == made["postgresql"][1]


@ON_BOTH
def test_signing_in_is_counted_paused_and_ended(app: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    client = client_for()
    for _time in range(5):
        answer = client.post("/login", data={"login": "somebody", "password": "wrong-password", "csrf_token": client.token("/login")})
        assert answer.status_code == 422
    answer = client.post("/login", data={"login": "somebody", "password": "correct-horse-battery", "csrf_token": client.token("/login")})
    assert answer.status_code == 429, "the right password waits too"
    elsewhere = client_for()
    assert elsewhere.post("/login", data={"login": "somebody", "password": "correct-horse-battery", "csrf_token": elsewhere.token("/login")},
                          environ_base={"REMOTE_ADDR": "10.0.0.7"}).status_code == 303, "another address is not locked out by it"
    assert elsewhere.get("/account").status_code == 200
    assert elsewhere.post("/logout", data={"csrf_token": elsewhere.token()}).status_code == 303
    assert elsewhere.get("/account").status_code == 303


@ON_BOTH
def test_what_time_closed_is_posted_by_the_worker_once(app: Flask, make: Factory) -> None:
    from quizzes import services as quizzes  # beside its only use
    from quizzes.models import Closure

    cohort = make.cohort(weeks_ago=6)
    enrolment = make.trainee(cohort)
    make.waive_all_gates(enrolment, make.trainer(cohort))
    with transaction():
        attempt = quizzes.start_attempt(enrolment, "final-exam", 1)
    assert due.post_all() == (0, 0), "time is not over"
    with clock.standing_at(clock.now() + clock.timedelta(hours=2)):
        assert due.post_all() == (1, 0)
        assert due.post_all() == (0, 0)
    assert [(row.attempt_id, row.how) for row in db.session.scalars(select(Closure))] == [(attempt, "time")]


@ON_BOTH
def test_texts_of_every_kind_come_back_as_they_went_in(app: Flask) -> None:
    for number, words in enumerate(["周以宁", "𠮷野家", "e\u0301 é", "a\nb\tc", "'; DROP TABLE person; --", "\u202eאבג", "👩🏽‍💼", "%s %(x)s :name \\N"]):
        with transaction():
            db.session.add(Person(employee_no=f"{number:03d}", name=words, created_at=clock.now()))
        db.session.expire_all()
        assert db.session.scalars(select(Person.name).where(Person.name == words)).all() == [words]


@pytest.mark.postgres
def test_postgres_keeps_moments_with_their_zone_and_the_content_whole(app: Flask) -> None:
    moments = {(table.name, column.name) for table in db.metadata.tables.values() for column in table.columns if isinstance(column.type, UtcTime)}
    rows = db.session.execute(text("SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'")).all()
    assert {row.data_type for row in rows if (row.table_name, row.column_name) in moments} == {"timestamp with time zone"}
    assert content.plan_against_store(content.read_all()) == []
