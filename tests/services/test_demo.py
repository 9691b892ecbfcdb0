"""The demo installation: the stories it promises, made through the services, with an intact trail."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from courses import queries as courses
from courses.models import Cohort
from foundation import accounts, audit
from foundation.db import db
from foundation.people import Person
from quizzes.queries import marking
from tests.factories import Factory
from training.assessment import queries as assessment
from training.credentials.models import Credential
from training.demo.build import NotEmpty, build_demo


def test_the_demo_holds_two_cohorts_with_their_stories_and_an_intact_chain(app: Flask) -> None:
    build_demo()
    cohorts = db.session.scalars(select(Cohort).order_by(Cohort.starts_on)).all()
    assert [len(courses.roster(cohort.id)) for cohort in cohorts] == [24, 24]
    standings = assessment.standings([member.id for member in courses.roster(cohorts[0].id)])
    outcomes = [standing.verdict.outcome for standing in standings.values()]
    assert {"pass", "resit", "pending"} <= set(outcomes)
    confirmed = sum(standing.is_settled for standing in standings.values())
    assert confirmed >= 10
    certificates = db.session.execute(select(func.count()).select_from(Credential)).scalar_one()
    assert certificates == sum(1 for standing in standings.values() if standing.is_settled and standing.verdict.outcome == "pass")
    for login in ("trainee", "trainer", "trainer2", "mentor", "reviewer", "reviewer2", "hr", "admin"):
        assert accounts.find_candidate(login, "qizhou-demo") is not None
    trainer = accounts.find_candidate("trainer", "qizhou-demo")
    assert trainer is not None
    lines = marking.queue_page(Factory(app).actor(trainer.person_id)).questions
    assert sum(line.waiting for line in lines) == 8 and sum(line.held for line in lines) == 1, "written answers wait, one of them held for a third marker"
    assert sum(line.done for line in lines) >= 5
    verdict = audit.verify()
    assert verdict.bad_seq is None and verdict.events > 2000
    assert db.session.execute(select(func.count()).select_from(Person).where(Person.is_demo.is_(False))).scalar() == 0
    with pytest.raises(NotEmpty):
        build_demo()


def test_the_demo_is_refused_where_there_are_people(make: Factory) -> None:
    make.person("real", "admin")
    with pytest.raises(NotEmpty):
        build_demo()
    assert accounts.installation_mark("demo") is None
