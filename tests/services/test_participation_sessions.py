"""Sessions planned in one go and moved; what a page may not overwrite."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from courses import queries as courses
from foundation import clock
from foundation.db import db, transaction
from foundation.web import StaleVersion
from tests.factories import Factory
from tests.participation_scene import outline_sessions, plan, scene
from training.participation import queries, services
from training.participation.models import Session


def test_the_proposed_times_cover_the_outline_on_weekdays_in_the_cohorts_zone(make: Factory) -> None:
    cohort = courses.get_cohort(make.cohort())
    proposed = queries.proposed_times(cohort)
    refs = [p.activity.ref for _unit, entries in proposed for p in entries]
    assert refs == [a.ref for a in outline_sessions(cohort.id)]
    openings = courses.openings_of(cohort)
    for unit, entries in proposed:
        for entry in entries:
            starts = datetime.fromisoformat(entry.starts)
            assert starts.date() >= openings[unit.key]
            assert starts.weekday() < 5 and starts.hour >= 9
            assert starts.date() <= cohort.ends_on


def test_all_sessions_are_planned_at_once_and_nothing_is_proposed_afterwards(make: Factory) -> None:
    cohort, trainer = courses.get_cohort(make.cohort()), make.person("t", "trainer")
    zone = ZoneInfo(cohort.zone)
    wanted = {p.activity.ref: (datetime.fromisoformat(p.starts).replace(tzinfo=zone), "301") for _unit, entries in queries.proposed_times(cohort)
              for p in entries}
    with transaction():
        assert services.plan_sessions(cohort.id, wanted, trainer) == len(outline_sessions(cohort.id))
    assert queries.proposed_times(cohort) == ()
    page = queries.sessions_page(cohort)
    assert (page.planned, page.unplanned) == (len(wanted), 0)


def test_one_session_outside_the_dates_keeps_all_of_them_out(make: Factory) -> None:
    cohort, trainer = courses.get_cohort(make.cohort()), make.person("t", "trainer")
    first, second = outline_sessions(cohort.id)[:2]
    too_late = clock.start_of_day(cohort.ends_on + timedelta(days=8), cohort.zone)
    with pytest.raises(services.SessionRefused) as refused, transaction():
        services.plan_sessions(cohort.id, {first.ref: (clock.now(), ""), second.ref: (too_late, "")}, trainer)
    assert (refused.value.reason, refused.value.ref) == ("outside", second.ref)
    assert db.session.execute(select(func.count()).select_from(Session)).scalar_one() == 0


def test_planning_never_moves_a_session_that_somebody_planned_meanwhile(make: Factory) -> None:
    cohort, trainer = courses.get_cohort(make.cohort()), make.person("t", "trainer")
    first, second = outline_sessions(cohort.id)[:2]
    theirs = clock.now() + timedelta(days=1)
    plan(cohort.id, first.ref, theirs)
    with pytest.raises(StaleVersion), transaction():
        services.plan_sessions(cohort.id, {first.ref: (clock.now(), ""), second.ref: (clock.now(), "")}, trainer)
    assert [(s.activity_ref, s.starts_at) for s in queries.sessions_of(cohort.id)] == [(first.ref, theirs)]


def test_an_activity_that_is_no_session_is_refused(make: Factory) -> None:
    cohort, trainer = courses.get_cohort(make.cohort()), make.person("t", "trainer")
    lesson = courses.programme_of(cohort).lessons()[0]
    with pytest.raises(services.UnknownSession), transaction():
        services.plan_sessions(cohort.id, {lesson: (clock.now(), "")}, trainer)


def test_a_session_moves_with_its_version_and_an_old_page_is_refused(make: Factory) -> None:
    found = scene(make)
    session = next(s for s in queries.sessions_of(found.cohort_id) if s.id == found.future)
    later = session.starts_at + timedelta(days=1)
    with transaction():
        services.move_session(session.id, later, "302", session.row_version, found.trainer_id)
    with pytest.raises(StaleVersion), transaction():
        services.move_session(session.id, later, "303", session.row_version, found.trainer_id)
    moved = next(s for s in queries.sessions_of(found.cohort_id) if s.id == found.future)
    assert (moved.starts_at, moved.place) == (later, "302")


def test_a_session_with_a_register_cannot_be_moved_into_the_future(make: Factory) -> None:
    found = scene(make)
    with transaction():
        services.keep_register(found.past, {found.enrolments[0]: services.Mark("present", 0)}, found.trainer_id)
    session = next(s for s in queries.sessions_of(found.cohort_id) if s.id == found.past)
    with pytest.raises(services.SessionRefused, match="marked"), transaction():
        services.move_session(session.id, clock.now() + timedelta(days=1), "301", session.row_version, found.trainer_id)
    with transaction():
        services.move_session(session.id, session.starts_at, "别的教室", session.row_version, found.trainer_id)


def test_a_session_is_not_moved_out_of_the_cohorts_dates(make: Factory) -> None:
    found = scene(make)
    session = next(s for s in queries.sessions_of(found.cohort_id) if s.id == found.future)
    with pytest.raises(services.SessionRefused, match="outside"), transaction():
        services.move_session(session.id, clock.now() + timedelta(days=90), "301", session.row_version, found.trainer_id)
