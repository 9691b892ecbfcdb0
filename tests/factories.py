"""Builders for tests: people, cohorts, enrolments, made through the same services as real use."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

from flask import Flask

from courses import queries, services
from foundation import accounts, clock
from foundation.db import db, transaction
from foundation.people import Account, GrantRow, Person
from foundation.permissions import Actor

PASSWORD = "correct-horse-battery"
_HASH: list[str] = []


class Factory:
    """Everything a test needs to begin with. Each method is its own transaction and returns ids."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._numbers = itertools.count(1)

    def person(self, login: str = "", *roles: str, name: str = "", scope: str = "*", org_unit: str = "城东支行") -> int:
        """A person with a login (password PASSWORD) and grants; returns the person id."""
        number = next(self._numbers)
        if not _HASH:
            _HASH.append(accounts.hash_password(PASSWORD))
        with transaction():
            person = Person(employee_no=f"LJ{number:05d}", name=name or f"测试{number}", org_unit=org_unit, position="客户服务经理", created_at=clock.now())
            db.session.add(person)
            db.session.flush()
            db.session.add(Account(person_id=person.id, login=login or f"user{number}", password_hash=_HASH[0], created_at=clock.now()))
            for role in roles:
                db.session.add(GrantRow(person_id=person.id, role=role, scope=scope, granted_at=clock.now()))
            return person.id

    def actor(self, person_id: int) -> Actor:
        """The person as a request would see them (for services that take an Actor)."""
        from sqlalchemy import select

        account = db.session.execute(select(Account).where(Account.person_id == person_id)).scalar_one()
        with transaction():
            token = accounts.open_session(accounts.Candidate(account.id, person_id, account.password_hash), "127.0.0.1", "test")
        actor = accounts.find_actor(token)
        assert actor is not None
        return actor

    def cohort(self, key: str = "2026-A", weeks_ago: int = 3, seats: int = 30, starts_on: date | None = None, **changes: Any) -> int:
        """A service-manager cohort that began `weeks_ago` weeks ago (its week number is that plus one)."""
        start = starts_on or clock.today("Asia/Shanghai") - timedelta(weeks=weeks_ago)
        plan = services.CohortPlan(key=key, name_zh=f"{key} 班", name_en=f"Cohort {key}", programme_key="service-manager", starts_on=start,
                                   ends_on=start + timedelta(days=48), seats=seats, **changes)
        with transaction():
            return services.create_cohort(plan, None)

    def enrol(self, cohort_id: int, person_id: int, mentor_id: int | None = None) -> int:
        with transaction():
            return services.enrol(cohort_id, person_id, None, mentor_id)

    def trainee(self, cohort_id: int, login: str = "", name: str = "", mentor_id: int | None = None) -> int:
        """A new person with the trainee role, enrolled; returns the enrolment id."""
        return self.enrol(cohort_id, self.person(login, "trainee", name=name), mentor_id)

    def trainer(self, cohort_id: int, login: str = "", name: str = "") -> int:
        """A trainer of this cohort alone; returns the person id."""
        return self.person(login, "trainer", name=name, scope=f"cohort:{cohort_id}")

    def waive_all_gates(self, enrolment_id: int, actor_id: int) -> None:
        enrolment = queries.find_enrolment(enrolment_id)
        assert enrolment is not None
        programme = queries.programme_of(queries.get_cohort(enrolment.cohort_id))
        with transaction():
            for stage in programme.stages:
                if stage.gate:
                    services.waive_gate(enrolment_id, stage.gate.key, "test", actor_id)
