"""The register: marks added, corrections with a reason, nothing overwritten, and the facts folded from it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from courses import queries as courses
from courses import rosters
from courses import services as course_services
from foundation import clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from foundation.web import StaleVersion
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.participation_scene import Scene, scene
from training.participation import queries, services
from training.participation.models import Attendance
from training.participation.services import Mark


def keep(found: Scene, marks: dict[int, Mark], seen: dict[int, int] | None = None, actor: int | None = None, session: int = 0) -> int:
    with transaction():
        return services.keep_register(session or found.past, marks, actor or found.trainer_id, seen)


def entries() -> int:
    return db.session.execute(select(func.count()).select_from(Attendance)).scalar_one()


@ON_BOTH
def test_marks_become_facts(make: Factory) -> None:
    found = scene(make)
    one, two, three = found.enrolments
    assert keep(found, {one: Mark("present", 0), two: Mark("late", found.minutes - 20), three: Mark("excused", 0, "病假")}) == 3
    facts = queries.participation_facts(found.enrolments)
    planned = found.minutes + next(s.minutes for s in queries.sessions_of(found.cohort_id) if s.id == found.future)
    assert (facts[one].attended_minutes, facts[one].planned_minutes) == (found.minutes, planned)
    assert (facts[two].attended_minutes, facts[two].attendance.lost) == (found.minutes - 20, 20)
    assert (facts[three].planned_minutes, facts[three].attendance.excused) == (planned - found.minutes, found.minutes)
    assert facts[two].counts == {"present": 0, "late": 1, "excused": 0, "absent": 0}
    assert facts[one].attendance.fraction == Decimal(found.minutes) / Decimal(planned)


def test_the_same_marks_again_add_nothing(make: Factory) -> None:
    found = scene(make)
    marks = {found.enrolments[0]: Mark("present", 0), found.enrolments[1]: Mark("late", 30)}
    assert keep(found, marks) == 2
    assert keep(found, marks) == 0
    assert entries() == 2
    actions = list(db.session.scalars(select(AuditEvent.action).where(AuditEvent.subject == f"session:{found.past}")))
    assert actions.count("attendance:mark") == 1


def test_a_correction_is_a_new_row_with_its_reason_and_the_old_one_stays(make: Factory) -> None:
    found = scene(make)
    one = found.enrolments[0]
    keep(found, {one: Mark("absent", 0)})
    with pytest.raises(services.RegisterRefused) as refused:
        keep(found, {one: Mark("present", 0)})
    assert refused.value.problems == {one: "reason"}
    assert keep(found, {one: Mark("present", 0, "到场后补登")}) == 1
    rows = db.session.execute(select(Attendance.status, Attendance.reason).where(Attendance.enrolment_id == one).order_by(Attendance.id)).all()
    assert [tuple(row) for row in rows] == [("absent", ""), ("present", "到场后补登")]
    assert queries.participation_facts([one])[one].attended_minutes == found.minutes


def test_all_problems_of_a_register_are_named_at_once_and_nothing_is_saved(make: Factory) -> None:
    found = scene(make, trainees=4)
    a, b, c, d = found.enrolments
    with pytest.raises(services.RegisterRefused) as refused:
        keep(found, {a: Mark("late", 0), b: Mark("excused", 0, " "), c: Mark("dozing", 0), d: Mark("present", 0)})
    assert refused.value.problems == {a: "minutes", b: "reason", c: "status"}
    assert entries() == 0


def test_a_register_of_the_future_is_refused_and_opens_a_quarter_of_an_hour_before(make: Factory) -> None:
    found = scene(make)
    marks = {found.enrolments[0]: Mark("present", 0)}
    with pytest.raises(services.RegisterRefused, match="future"):
        keep(found, marks, session=found.future)
    starts_at = next(s.starts_at for s in queries.sessions_of(found.cohort_id) if s.id == found.future)
    with clock.standing_at(starts_at - timedelta(minutes=16)), pytest.raises(services.RegisterRefused, match="future"):
        keep(found, marks, session=found.future)
    with clock.standing_at(starts_at - timedelta(minutes=15)):
        assert keep(found, marks, session=found.future) == 1


def test_a_person_of_another_cohort_or_withdrawn_has_no_place_in_the_register(make: Factory) -> None:
    found = scene(make)
    stranger = make.trainee(make.cohort("other"))
    gone = found.enrolments[2]
    with transaction():
        course_services.withdraw(gone, found.trainer_id)
    with pytest.raises(services.RegisterRefused) as refused:
        keep(found, {found.enrolments[0]: Mark("present", 0), stranger: Mark("present", 0), gone: Mark("present", 0)})
    assert refused.value.problems == {stranger: "person", gone: "person"}
    assert entries() == 0


def test_nobody_marks_themselves(make: Factory) -> None:
    found = scene(make)
    member = courses.find_enrolment(found.enrolments[0])
    assert member is not None
    with pytest.raises(services.RegisterRefused) as refused:
        keep(found, {member.id: Mark("present", 0)}, actor=member.person_id)
    assert refused.value.problems == {member.id: "own"}


def test_a_mark_made_meanwhile_is_shown_and_never_overwritten(make: Factory) -> None:
    found = scene(make)
    one, two, _three = found.enrolments
    keep(found, {one: Mark("absent", 0)})
    with pytest.raises(StaleVersion) as stale:
        keep(found, {one: Mark("present", 0, "看错了"), two: Mark("present", 0)}, seen={one: 0, two: 0})
    assert stale.value.theirs == {one: "absent"}
    assert entries() == 1


def test_two_trainers_who_say_the_same_do_not_conflict(make: Factory) -> None:
    found = scene(make)
    one, two, _three = found.enrolments
    keep(found, {one: Mark("present", 0)})
    assert keep(found, {one: Mark("present", 0), two: Mark("present", 0)}, seen={one: 0, two: 0}) == 1


def test_facts_in_the_register_cannot_be_rewritten(make: Factory) -> None:
    found = scene(make)
    keep(found, {found.enrolments[0]: Mark("present", 0)})
    for statement in ("UPDATE attendance SET minutes = 0", "DELETE FROM attendance"):
        with pytest.raises(DatabaseError), transaction():
            db.session.execute(text(statement))
    assert entries() == 1


def test_the_list_counts_trainees_who_are_in_the_cohort_now(make: Factory) -> None:
    found = scene(make)
    keep(found, {id_: Mark("present", 0) for id_ in found.enrolments})
    with transaction():
        course_services.withdraw(found.enrolments[0], found.trainer_id)
    session = next(s for s in queries.sessions_of(found.cohort_id) if s.id == found.past)
    assert (session.marked, session.state(2)) == (2, "done")


def test_the_register_wanted_now_is_the_running_one_then_the_latest_unfinished_one(make: Factory) -> None:
    found = scene(make)
    assert queries.session_to_mark(found.cohort_id) == found.past
    keep(found, {id_: Mark("present", 0) for id_ in found.enrolments})
    assert queries.session_to_mark(found.cohort_id) is None
    starts_at = next(s.starts_at for s in queries.sessions_of(found.cohort_id) if s.id == found.future)
    with clock.standing_at(starts_at + timedelta(minutes=5)):
        assert queries.session_to_mark(found.cohort_id) == found.future


def test_hours_on_the_roster_hold_attended_minutes(make: Factory) -> None:
    found = scene(make)
    one, two, _three = found.enrolments
    keep(found, {one: Mark("present", 0), two: Mark("late", 45)})
    progress = rosters.progress_of(courses.roster(found.cohort_id))
    assert (progress[one].minutes_done, progress[two].minutes_done) == (found.minutes, 45)
    assert progress[one].hours_done == Decimal(found.minutes) / 60


def test_last_activity_and_hours_follow_a_finished_lesson(make: Factory) -> None:
    found = scene(make)
    one = found.enrolments[0]
    lesson = courses.programme_of(courses.get_cohort(found.cohort_id)).lessons()[0]
    moment = clock.now() - timedelta(hours=1)
    with clock.standing_at(moment), transaction():
        course_services.record_completion(one, "lesson", lesson, None, "finished", None)
    progress = rosters.progress_of(courses.roster(found.cohort_id))
    minutes = next(a.minutes for a in courses.programme_of(courses.get_cohort(found.cohort_id)).activities if a.ref == lesson)
    assert progress[one].last_at == moment and progress[one].minutes_done == minutes
    assert progress[found.enrolments[1]].last_at is None


def test_facts_of_many_trainees_take_as_many_selects_as_of_few(make: Factory, query_count: object) -> None:
    found = scene(make, trainees=4)
    keep(found, {id_: Mark("present", 0) for id_ in found.enrolments})
    with query_count() as few:  # type: ignore[operator]
        queries.participation_facts(found.enrolments[:1])
        queries.attended_by_refs(found.enrolments[:1])
    with query_count() as many:  # type: ignore[operator]
        queries.participation_facts(found.enrolments)
        queries.attended_by_refs(found.enrolments)
    assert few.number == many.number
