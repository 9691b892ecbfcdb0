"""Programmes that are no seven weeks: five days and six parts. Opened day by day, planned, walked from the first gate to the certificate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask_babel import force_locale
from sqlalchemy import select

from courses import queries as courses
from courses import rosters
from courses import services as course_services
from courses.rules.calendar import default_length
from courses.titles import unit_label, unit_outline, unit_place, voyage_title
from foundation import clock
from foundation.db import db, transaction
from quizzes import queries as quiz_queries
from quizzes import services as quizzes
from quizzes.rules.scoring import right_answer
from tests.factories import Factory
from training.assessment.queries import standing_of
from training.credentials import queries as credentials
from training.credentials import services as credential_services
from training.demo.stories import judgement
from training.grading import services as grading
from training.grading.models import Assignment, Performance
from training.grading.queries import case_due, instrument
from training.participation import queries as participation_queries
from training.participation import services as participation
from training.participation.services import Mark

ZONE = "Asia/Shanghai"
MONDAY = date(2026, 11, 2)
TWO = ("service-awareness", "reserve-cadre")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A local time on the `day`-th day of the course."""
    return datetime.combine(MONDAY + timedelta(days=day - 1), time(hour, minute), ZoneInfo(ZONE))


def cohort_of(programme_key: str, starts_on: date = MONDAY) -> int:
    length = {key: days for key, _title, days in rosters.programmes()}[programme_key]
    plan = course_services.CohortPlan(key=f"2026-{programme_key}", name_zh="一班", name_en="One", programme_key=programme_key, starts_on=starts_on,
                                      ends_on=starts_on + timedelta(days=length), seats=30)
    with transaction():
        return course_services.create_cohort(plan, None)


def plan_everything(cohort_id: int, trainer: int) -> int:
    """Plan every session at its proposed time; returns how many."""
    proposed = [p for _unit, entries in participation_queries.proposed_times(courses.get_cohort(cohort_id)) for p in entries]
    with transaction():
        for p in proposed:
            participation.plan_session(cohort_id, p.activity.ref, datetime.fromisoformat(p.starts).replace(tzinfo=ZoneInfo(ZONE)), "302", trainer)
    return len(proposed)


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("kind", "zh", "en"), [
    ("week", ("第 3 周", "第 3 周，共 7 周", "本周目录", "七周航程"), ("Week 3", "Week 3 of 7", "Outline of the week", "The voyage of seven weeks")),
    ("day", ("第 3 天", "第 3 天，共 7 天", "当天目录", "七天航程"), ("Day 3", "Day 3 of 7", "Outline of the day", "The voyage of seven days")),
    ("part", ("第 3 部分", "第 3 部分，共 7 部分", "本部分目录", "七个部分的航程"),
     ("Part 3", "Part 3 of 7", "Outline of the part", "The voyage of seven parts")),
])
def test_a_unit_is_named_by_its_kind_in_both_languages(app: Any, kind: str, zh: tuple[str, ...], en: tuple[str, ...]) -> None:
    for language, expected in (("zh", zh), ("en", en)):
        with app.test_request_context(), force_locale(language):
            assert (unit_label(kind, 3), unit_place(kind, 3, 7), unit_outline(kind), voyage_title(kind, 7)) == expected


def test_a_voyage_of_one_or_of_many_reads_well(app: Any) -> None:
    with app.test_request_context(), force_locale("en"):
        assert (voyage_title("day", 1), voyage_title("part", 12)) == ("The voyage of one day", "The voyage of 12 parts")
    with app.test_request_context(), force_locale("zh"):
        assert (voyage_title("day", 2), voyage_title("week", 12)) == ("两天航程", "12周航程")


# ── the calendar ─────────────────────────────────────────────────────────────────────────────────────────────
def test_each_programme_has_its_own_length(app: Any) -> None:
    assert {key: days + 1 for key, _title, days in rosters.programmes()} == {"service-manager": 49, "service-awareness": 5, "reserve-cadre": 84}


def test_the_days_of_a_course_open_one_after_the_other(make: Factory) -> None:
    cohort_id = cohort_of("service-awareness")
    enrolment_id = make.trainee(cohort_id)
    make.waive_all_gates(enrolment_id, make.trainer(cohort_id))
    enrolment, cohort = courses.find_enrolment(enrolment_id), courses.get_cohort(cohort_id)
    assert enrolment is not None and cohort.ends_on == MONDAY + timedelta(days=4)
    for moment, opened in ((at(1, 0) - timedelta(minutes=1), 0), (at(1, 0), 1), (at(2, 0) - timedelta(minutes=1), 1), (at(2, 0), 2), (at(5, 9), 5)):
        with clock.standing_at(moment):
            assert [state.unit.number for state in courses.unit_states_of(enrolment, cohort) if state.is_open] == list(range(1, opened + 1))


def test_every_session_of_a_day_is_planned_on_that_day_in_the_order_of_the_programme(make: Factory) -> None:
    cohort_id = cohort_of("service-awareness")
    cohort = courses.get_cohort(cohort_id)
    for number, (unit, entries) in enumerate(participation_queries.proposed_times(cohort), 1):
        starts = [datetime.fromisoformat(p.starts) for p in entries]
        ends = [start + timedelta(minutes=p.activity.minutes) for start, p in zip(starts, entries, strict=True)]
        assert unit.number == number and {start.date() for start in starts} == {MONDAY + timedelta(days=number - 1)}
        assert all(after >= before for before, after in zip(ends, starts[1:], strict=False)), "two at once, or out of order"
        assert starts[0].time() == time(9) and ends[-1].time() <= time(18)
    last = {p.activity.ref: p.starts for p in entries}
    assert last["sa-d5-seminar-1"] > f"{MONDAY + timedelta(days=4)}T17:00", "the farewell comes after exam, case and stations"


def test_the_sessions_of_a_part_lie_on_weekdays_between_its_opening_and_the_next(make: Factory) -> None:
    cohort = courses.get_cohort(cohort_of("reserve-cadre"))
    openings = courses.openings_of(cohort)
    assert [day - MONDAY for day in openings.values()] == [timedelta(days=14 * n) for n in range(6)]
    for unit, entries in participation_queries.proposed_times(cohort):
        days = [datetime.fromisoformat(p.starts).date() for p in entries]
        assert all(openings[unit.key] <= day < openings[unit.key] + timedelta(days=14) and day.weekday() < 5 for day in days)


@pytest.mark.parametrize("key", TWO)
def test_a_programme_has_one_kind_of_unit_and_its_default_length_covers_all_openings(app: Any, key: str) -> None:
    cohort = courses.get_cohort(cohort_of(key))
    programme = courses.programme_of(cohort)
    assert {unit.kind for unit in programme.units} == {programme.unit_kind}
    assert max(courses.openings_of(cohort).values()) <= cohort.starts_on + timedelta(days=default_length(programme)) == cohort.ends_on


# ── from the first gate to the certificate ───────────────────────────────────────────────────────────────────
@dataclass
class Walk:
    """One trainee on the way through five days; people are person ids."""

    make: Factory
    cohort_id: int
    raters: tuple[int, int]
    enrolment_id: int
    person_id: int

    def is_open(self, kind: str, ref: str) -> bool:
        enrolment = courses.find_enrolment(self.enrolment_id)
        assert enrolment is not None
        return courses.activity_is_open(enrolment, kind, ref)

    def sit(self, ref: str, share: Decimal = Decimal(1)) -> None:
        """Answer the first `share` of the paper rightly and hand it in."""
        with transaction():
            attempt_id = quizzes.start_attempt(self.enrolment_id, ref, self.person_id)
        slots = quiz_queries.slots_of([attempt_id])[attempt_id]
        with transaction():
            for slot in slots[:int(len(slots) * share)]:
                quizzes.save_answer(attempt_id, slot.position, right_answer(slot.item, slot.values), f"op-{slot.position}", 0, self.person_id)
            quizzes.submit_attempt(attempt_id, self.person_id)

    def rate(self, performance_id: int, quality: str) -> None:
        rows = db.session.execute(select(Assignment.id, Assignment.rater_id, Assignment.place, Performance.kind, Performance.rubric_version_id)
                                  .join(Performance, Performance.id == Assignment.performance_id)
                                  .where(Performance.id == performance_id).order_by(Assignment.place)).all()
        assert rows
        for row in rows:
            criteria = [criterion.key for criterion in instrument(row.rubric_version_id).criteria]
            with transaction():
                grading.finalise_rating(row.id, judgement(quality, criteria, row.place, Random(1), row.kind == "case"), None, row.rater_id)

    def play(self, station: str, raters: tuple[int, ...], quality: str = "excellent") -> None:
        with transaction():
            performance_id = grading.schedule_performance(self.enrolment_id, station, raters, raters[0])
            grading.mark_performed(performance_id, raters[0])
        self.rate(performance_id, quality)

    def write(self, case: str) -> None:
        due = case_due([self.enrolment_id])[self.enrolment_id]
        with transaction():
            performance_id = grading.open_case(self.enrolment_id, case, due, self.person_id)
            stored = courses.pinned(self.cohort_id, "case", case)
            for n, question in enumerate(stored.body["questions"]):
                grading.save_case_draft(performance_id, question["key"], "先核对第 4 行的时间，再由大堂主管在 12:30 前回话。" * 3, 0, f"op-{n}", due)
            grading.hand_in_case(performance_id, due, self.person_id)
        with transaction():
            assert grading.assign_markers(self.cohort_id, case, self.raters, self.raters[0]) == 1
        self.rate(performance_id, "excellent")


@pytest.fixture
def walk(make: Factory) -> Walk:
    cohort_id = cohort_of("service-awareness")
    raters = (make.trainer(cohort_id, "first"), make.trainer(cohort_id, "second"))
    person_id = make.person("teller", "trainee", name="陆知行")
    return Walk(make, cohort_id, raters, make.enrol(cohort_id, person_id), person_id)


def test_the_stage_practice_of_day_two_is_the_gate_to_day_three(walk: Walk) -> None:
    with clock.standing_at(at(1, 12)):
        assert not walk.is_open("quiz", "awareness-practice-1")
    with clock.standing_at(at(3, 9)):
        assert not walk.is_open("lesson", "counting-cash")
        walk.sit("awareness-practice-1", Decimal("0.3"))
        assert not walk.is_open("lesson", "counting-cash"), "a third of the marks opens nothing"
        walk.sit("awareness-practice-1")
        assert walk.is_open("lesson", "counting-cash") and not walk.is_open("quiz", "awareness-final-exam")


def test_five_days_lead_to_a_certificate_of_forty_hours_with_the_programmes_code(walk: Walk, make: Factory) -> None:
    with clock.standing_at(at(1, 8)):
        assert plan_everything(walk.cohort_id, walk.raters[0]) == 18
    with clock.standing_at(at(2, 19)):
        walk.sit("awareness-practice-1")
    with clock.standing_at(at(4, 15)):
        walk.play("reception-1", walk.raters[:1], "good")
        walk.sit("awareness-practice-2")
    with clock.standing_at(at(5, 11)):
        walk.sit("awareness-final-exam")
        for station in ("reception-final-1", "reception-final-2"):
            walk.play(station, walk.raters)
        walk.write("queue-at-noon")
    with clock.standing_at(at(5, 20)):
        for session in participation_queries.sessions_of(walk.cohort_id):
            with transaction():
                participation.keep_register(session.id, {walk.enrolment_id: Mark("present", 0, "")}, walk.raters[0])
        with transaction():
            for part in ("discussion", "group_contribution"):
                participation.set_level(walk.enrolment_id, part, "l5", "五天里每次研讨都带来本网点的事实", walk.raters[0])
        reviewer = make.actor(make.person("reviewer", "reviewer", name="何静"))
        standing = standing_of(walk.enrolment_id)
        with transaction():
            confirmed = credential_services.confirm_and_issue(walk.enrolment_id, reviewer, None, standing.evidence_hash)
        view = credentials.find_credential(confirmed.credential_id or 0)
    assert confirmed.outcome == "pass" and view is not None and view.pdf_sha256 is not None
    assert view.number == "QZ-2026-SA-000001" and view.facts["class_hours"] == 40
    assert (view.facts["units"], view.facts["programme_title"]["zh"]) == ({"kind": "day", "count": 5}, "银行服务意识培训")
    assert (view.facts["started_on"], view.facts["ended_on"]) == ("2026-11-02", "2026-11-06")
    assert len(view.facts["components"]) == 4 and view.completed_on == MONDAY + timedelta(days=4)


def test_two_programmes_count_their_certificates_apart(walk: Walk, make: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.credentials_world import decide

    reviewer = make.person("reviewer", "reviewer")
    cadre = make.trainee(cohort_of("reserve-cadre"))
    numbers = []
    for enrolment_id in (walk.enrolment_id, cadre):
        with clock.standing_at(at(6, 9)), transaction():
            numbers.append(credential_services.issue(enrolment_id, decide(enrolment_id, reviewer), reviewer).number)
    assert numbers == ["QZ-2026-SA-000001", "QZ-2026-RC-000001"]


def test_progress_of_several_programmes_is_read_in_a_fixed_number_of_selects(make: Factory, query_count: Callable[[], Any]) -> None:
    actor = make.actor(make.person("admin", "admin", "trainer"))
    from foundation.permissions import Permission

    counts = []
    for key in ("service-awareness", "reserve-cadre"):
        cohort_of(key)
        rosters.cohort_cards(actor, Permission.TEACH)
        with query_count() as counted:
            cards = rosters.cohort_cards(actor, Permission.TEACH)
        counts.append(counted.number)
    assert counts[0] == counts[1] <= 6 and {card.unit_kind for card in cards} == {"day", "part"}
