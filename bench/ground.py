"""An installation to measure: schema, content, one cohort of people who are signed in and sit a quiz."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flask import Flask

from bench.load import Seat

os.environ.setdefault("QIZHOU_ARGON2_KIB", "64")


@dataclass(frozen=True)
class Ground:
    """A QIZHOU_DATA folder with a cookie to read lessons with and seats to save answers from."""

    data: Path
    lesson_cookie: str
    seats: list[Seat]


def _cookie(app: Flask, token: str) -> tuple[str, str]:
    """A signed-in session's cookie header and CSRF token, as a browser would hold them after one page."""
    client = app.test_client()
    with client.session_transaction() as session:
        from foundation import clock

        session["_user_id"], session["_fresh"], session["seen"] = token, True, int(clock.now().timestamp())
        session.permanent = True
    page = client.get("/account").get_data(as_text=True)
    csrf = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    cookie = client.get_cookie("qizhou")
    assert cookie is not None
    return f"qizhou={cookie.value}; qizhou_lang=zh", csrf


def prepare(data: Path, people: int) -> Ground:
    """Make the installation under `data` with `people` trainees, each with an open quiz attempt."""
    from app import create_app
    from courses import services as courses
    from foundation import accounts, clock, content, directory, i18n, schema
    from foundation.db import db, transaction
    from foundation.people import Account
    from foundation.permissions import Role
    from quizzes import queries as quiz_queries
    from quizzes import services as quizzes
    from quizzes.rules.item import Single, TrueFalse

    i18n.build()
    app = create_app({"DATA": data})
    with app.app_context():
        schema.upgrade()
        with transaction():
            content.load(content.read_all(), None)
        start = clock.today("Asia/Shanghai") - timedelta(days=3)
        with transaction():
            plan = courses.CohortPlan("BENCH", "测量班", "Bench cohort", "service-manager", start, start + timedelta(days=48), people)
            cohort = courses.create_cohort(plan, None)
        tokens, attempts = [], []
        for number in range(people):
            with transaction():
                person, account = directory.add_person(directory.Particulars(f"B{number:05d}", f"测量{number}"), [(Role.TRAINEE, "*")], None)
                db.session.get_one(Account, account).password_hash = "x"
                enrolment = courses.enrol(cohort, person, None)
            with transaction():
                tokens.append(accounts.open_session(accounts.Candidate(account, person, "x"), "127.0.0.1", "bench"))
                attempts.append(quizzes.start_attempt(enrolment, "week-1-practice", person))
        slots = quiz_queries.slots_of(attempts)
        chosen = {attempt: next(s for s in slots[attempt] if isinstance(s.item, Single | TrueFalse)) for attempt in attempts}
        db.session.remove()
    seats = []
    for token, attempt in zip(tokens, attempts, strict=True):   # outside the context above: its `g` would carry one token over to all
        cookie, csrf = _cookie(app, token)
        pair = ({"choice": "A"}, {"choice": "B"}) if isinstance(chosen[attempt].item, Single) else ({"value": True}, {"value": False})
        seats.append(Seat(cookie, csrf, f"/attempts/{attempt}/answers", chosen[attempt].position, pair))
    with app.app_context():
        db.engine.dispose()
    return Ground(data, seats[0].cookie, seats)
