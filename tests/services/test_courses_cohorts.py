"""Cohorts made, changed, opened; people enrolled, mentors and trainers named; gates waived."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from courses import queries, rosters, services
from courses.models import Cohort, CohortPin, Enrolment, GateWaiver, UnitOpening
from foundation import clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from foundation.people import GrantRow
from foundation.web import StaleVersion
from tests.factories import Factory


def plan(**changes: Any) -> services.CohortPlan:
    start = clock.today("Asia/Shanghai")
    base = services.CohortPlan(key="2026-秋-02", name_zh="秋二班", name_en="Autumn two", programme_key="service-manager", starts_on=start,
                               ends_on=start + timedelta(days=48), seats=2)
    return replace(base, **changes)


def create(**changes: Any) -> int:
    with transaction():
        return services.create_cohort(plan(**changes), None)


def actions(subject: str) -> list[str]:
    return list(db.session.scalars(select(AuditEvent.action).where(AuditEvent.subject == subject).order_by(AuditEvent.seq)))


def test_a_new_cohort_pins_the_content_its_programme_names(make: Factory) -> None:
    cohort_id = create()
    cohort = queries.get_cohort(cohort_id)
    pins = {(pin.kind, pin.key) for pin in db.session.scalars(select(CohortPin).where(CohortPin.cohort_id == cohort_id))}
    programme = queries.programme_of(cohort)
    assert {("lesson", key) for key in programme.lessons()} <= pins
    assert ("blueprint", programme.assessment.written_exam.blueprint) in pins
    assert actions(f"cohort:{cohort_id}") == ["cohort:create"]


@pytest.mark.parametrize(("changes", "reason"), [
    ({"ends_on": clock.today("Asia/Shanghai") - timedelta(days=1)}, "dates"),
    ({"seats": 0}, "seats"),
    ({"zone": "Mars/Olympus"}, "zone"),
    ({"zone": "../../etc/passwd"}, "zone"),
    ({"programme_key": "no-such"}, "programme"),
])
def test_a_cohort_that_makes_no_sense_is_refused_and_leaves_nothing(make: Factory, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(services.CohortRefused) as refused:
        create(**changes)
    assert refused.value.reason == reason
    assert db.session.execute(select(func.count()).select_from(Cohort)).scalar_one() == 0


def test_a_key_is_taken_once(make: Factory) -> None:
    create()
    with pytest.raises(services.CohortRefused, match="key_taken"):
        create(name_zh="另一个")


def test_a_change_keeps_key_and_programme_and_says_what_moved(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    with transaction():
        services.change_cohort(cohort_id, plan(key="other", programme_key="other", seats=9), queries.get_cohort(cohort_id).row_version, admin)
    cohort = queries.get_cohort(cohort_id)
    assert (cohort.key, cohort.programme_key, cohort.seats) == ("2026-秋-02", "service-manager", 9)
    assert actions(f"cohort:{cohort_id}") == ["cohort:create", "cohort:change"]


def test_a_change_made_from_an_old_page_is_refused(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    old = queries.get_cohort(cohort_id).row_version
    with transaction():
        services.change_cohort(cohort_id, plan(seats=5), old, admin)
    with pytest.raises(StaleVersion), transaction():
        services.change_cohort(cohort_id, plan(seats=7), old, admin)
    assert queries.get_cohort(cohort_id).seats == 5


def test_seats_never_fall_below_the_people_enrolled(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    make.trainee(cohort_id)
    make.trainee(cohort_id)
    with pytest.raises(services.CohortRefused, match="seats_taken"), transaction():
        services.change_cohort(cohort_id, plan(seats=1), queries.get_cohort(cohort_id).row_version, admin)


# ── openings ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_openings_move_and_the_rest_of_the_plan_stays(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    before = queries.openings_of(queries.get_cohort(cohort_id))
    later = before["week-3"] + timedelta(days=2)
    with transaction():
        assert services.move_openings(cohort_id, {**before, "week-3": later}, before, admin) == 1
    after = queries.openings_of(queries.get_cohort(cohort_id))
    assert after == {**before, "week-3": later}
    assert rosters.openings_of_many([queries.get_cohort(cohort_id)])[cohort_id] == after
    with transaction():
        assert services.move_openings(cohort_id, after, after, admin) == 0
    assert actions(f"cohort:{cohort_id}") == ["cohort:create", "cohort:move-opening"]


def test_openings_outside_the_dates_or_out_of_order_are_refused_together(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    before = queries.openings_of(queries.get_cohort(cohort_id))
    with pytest.raises(services.OpeningRefused) as refused, transaction():
        early = timedelta(days=1)
        services.move_openings(cohort_id, {"week-1": before["week-1"] - early, "week-3": before["week-2"] - early}, before, admin)
    assert refused.value.problems == {"week-1": "outside", "week-3": "order"}
    assert db.session.execute(select(func.count()).select_from(UnitOpening)).scalar_one() == 0


def test_an_opening_that_somebody_moved_in_between_is_not_overwritten(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    seen = queries.openings_of(queries.get_cohort(cohort_id))
    theirs = seen["week-2"] + timedelta(days=1)
    with transaction():
        services.move_opening(cohort_id, "week-2", theirs, admin)
    with pytest.raises(StaleVersion) as stale, transaction():
        services.move_openings(cohort_id, {**seen, "week-2": seen["week-2"] + timedelta(days=3)}, seen, admin)
    assert stale.value.theirs == {"week-2": theirs}
    assert queries.openings_of(queries.get_cohort(cohort_id))["week-2"] == theirs


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_people_are_enrolled_together_with_a_mentor_and_get_the_trainees_role(make: Factory) -> None:
    cohort_id, admin, mentor = create(), make.person("admin", "admin"), make.person("mentor", "mentor")
    one, two = make.person("one", "trainee"), make.person("two")
    with transaction():
        assert services.enrol_people(cohort_id, [one, two, one], mentor, admin) == 2
    assert {(e.person_id, e.mentor_id) for e in queries.roster(cohort_id)} == {(one, mentor), (two, mentor)}
    grants = db.session.execute(select(GrantRow.person_id, GrantRow.role).where(GrantRow.person_id.in_([one, two]))).all()
    assert sorted(map(tuple, grants)) == sorted([(one, "trainee"), (two, "trainee")])
    assert actions(f"person:{two}") == ["grant:give"]


def test_too_many_people_for_the_seats_means_nobody(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    people = [make.person() for _ in range(3)]
    with pytest.raises(services.NoSeatLeft) as full, transaction():
        services.enrol_people(cohort_id, people, None, admin)
    assert (full.value.free, full.value.wanted) == (2, 3)
    assert queries.roster(cohort_id) == ()


def test_somebody_who_is_inside_takes_no_second_seat(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    inside, other = make.person(), make.person()
    make.enrol(cohort_id, inside)
    with transaction():
        assert services.enrol_people(cohort_id, [inside, other], None, admin) == 1
    assert len(queries.roster(cohort_id)) == 2


def test_a_returning_person_needs_a_free_seat_too(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    first = make.trainee(cohort_id)
    with transaction():
        services.withdraw_people(cohort_id, [first], admin)
    make.trainee(cohort_id)
    make.trainee(cohort_id)
    person = queries.find_enrolment(first)
    assert person is not None
    with pytest.raises(services.NoSeatLeft), transaction():
        services.enrol(cohort_id, person.person_id, admin)


def test_withdrawing_and_returning_keeps_the_same_enrolment(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    enrolment = make.trainee(cohort_id)
    person = queries.find_enrolment(enrolment)
    assert person is not None
    with transaction():
        assert services.withdraw_people(cohort_id, [enrolment], admin) == 1
        assert services.withdraw_people(cohort_id, [enrolment], admin) == 0
    assert queries.roster(cohort_id) == ()
    with transaction():
        assert services.enrol(cohort_id, person.person_id, admin) == enrolment
    assert [member.id for member in queries.roster(cohort_id)] == [enrolment]
    assert actions(f"enrolment:{enrolment}") == ["enrolment:enrol", "enrolment:withdraw", "enrolment:return"]


def test_nobody_sits_in_a_cohort_they_teach_nor_teaches_one_they_sit_in(make: Factory) -> None:
    cohort_id, admin = create(), make.person("admin", "admin")
    trainer = make.trainer(cohort_id)
    with pytest.raises(services.PersonRefused, match="teaches_here"), transaction():
        services.enrol_people(cohort_id, [trainer], None, admin)
    member = make.person()
    make.enrol(cohort_id, member)
    with pytest.raises(services.PersonRefused, match="sits_here"), transaction():
        services.grant_trainer(cohort_id, member, admin)


@pytest.mark.parametrize("reason", ["unknown", "not_mentor", "own_mentor"])
def test_people_and_mentors_that_do_not_fit_are_refused(make: Factory, reason: str) -> None:
    cohort_id, admin, person, mentor = create(), make.person("admin", "admin"), make.person(), make.person("m", "mentor")
    people, wanted = {"unknown": ([999_999], None), "not_mentor": ([person], admin), "own_mentor": ([mentor], mentor)}[reason]
    with pytest.raises(services.PersonRefused, match=reason), transaction():
        services.enrol_people(cohort_id, people, wanted, admin)
    assert queries.roster(cohort_id) == ()


def test_mentors_are_changed_for_the_cohorts_own_trainees_only(make: Factory) -> None:
    cohort_id, admin, mentor = create(), make.person("admin", "admin"), make.person("m", "mentor")
    other_id = create(key="other")
    own, foreign = make.trainee(cohort_id), make.trainee(other_id)
    with pytest.raises(services.PersonRefused, match="not_member"), transaction():
        services.assign_mentors(cohort_id, [own, foreign], mentor, admin)
    assert db.session.execute(select(Enrolment.mentor_id).where(Enrolment.id == own)).scalar() is None
    with transaction():
        assert services.assign_mentors(cohort_id, [own], mentor, admin) == 1
        assert services.assign_mentors(cohort_id, [own], mentor, admin) == 0
        assert services.assign_mentors(cohort_id, [own], None, admin) == 1
    with pytest.raises(services.PersonRefused, match="not_member"), transaction():
        services.withdraw_people(cohort_id, [foreign], admin)


def test_a_trainer_is_granted_once_and_revoked_for_this_cohort_alone(make: Factory) -> None:
    cohort_id, other_id, admin, person = create(), create(key="other"), make.person("admin", "admin"), make.person("teacher")
    with transaction():
        services.grant_trainer(cohort_id, person, admin)
        services.grant_trainer(cohort_id, person, admin)
        services.grant_trainer(other_id, person, admin)
    assert [line.id for line in rosters.trainers_of(cohort_id)] == [person]
    with transaction():
        services.revoke_trainer(cohort_id, person, admin)
        services.revoke_trainer(cohort_id, person, admin)
    assert rosters.trainers_of(cohort_id) == ()
    assert [line.id for line in rosters.trainers_of(other_id)] == [person]
    assert actions(f"person:{person}") == ["grant:give", "grant:give", "grant:revoke"]


def test_a_search_reads_wildcards_as_letters_and_leaves_members_out(make: Factory) -> None:
    cohort_id = create()
    person = make.person(name="陆知行", org_unit="滨江支行")
    make.person(name="百分之%人", org_unit="老城支行")
    assert [line.name for line in rosters.candidates(cohort_id, "%")] == ["百分之%人"]
    assert [line.id for line in rosters.candidates(cohort_id, " 滨江 ")] == [person]
    assert rosters.candidates(cohort_id, "_") == ()
    make.enrol(cohort_id, person)
    assert rosters.candidates(cohort_id, "陆知行") == ()


# ── waivers ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_waiver_opens_the_next_unit_and_is_on_record_without_its_text(make: Factory) -> None:
    cohort_id = make.cohort(weeks_ago=3)
    trainer, enrolment = make.trainer(cohort_id), make.trainee(cohort_id)
    member = queries.find_enrolment(enrolment)
    assert member is not None
    assert not rosters.progress_of([member])[enrolment].units[2].is_open
    with transaction():
        services.waive_gate(enrolment, "gate-1", "  支行停业三天，已补课  ", trainer)
    progress = rosters.progress_of([member])[enrolment]
    assert progress.units[2].is_open
    assert progress.gates[0].state == "waived"
    assert rosters.trainee_page(member).waivers["gate-1"].reason == "支行停业三天，已补课"
    event = db.session.execute(select(AuditEvent).where(AuditEvent.action == "gate:waive")).scalar_one()
    assert event.actor_id == trainer and "补课" not in str(event.facts)


@pytest.mark.parametrize("case", ["no reason", "own", "withdrawn", "unknown gate", "twice"])
def test_a_waiver_that_may_not_be_is_refused(make: Factory, case: str) -> None:
    cohort_id = make.cohort()
    trainer, enrolment = make.trainer(cohort_id), make.trainee(cohort_id)
    member = queries.find_enrolment(enrolment)
    assert member is not None
    if case == "withdrawn":
        with transaction():
            services.withdraw(enrolment, trainer)
    if case == "twice":
        with transaction():
            services.waive_gate(enrolment, "gate-1", "理由充分", trainer)
    refusals = {"no reason": services.WaiverRefused, "own": services.WaiverRefused, "withdrawn": services.WaiverRefused,
                "unknown gate": services.UnknownGate, "twice": services.AlreadyWaived}
    with pytest.raises(refusals[case]), transaction():
        services.waive_gate(enrolment, "no-gate" if case == "unknown gate" else "gate-1", "   " if case == "no reason" else "理由充分",
                            member.person_id if case == "own" else trainer)
    assert db.session.execute(select(func.count()).select_from(GateWaiver)).scalar_one() == (1 if case == "twice" else 0)
