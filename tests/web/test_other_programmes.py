"""Five days and six parts on the pages: made, planned and filled in the browser's way, and called by their own names in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from courses import queries, services
from courses.models import Cohort
from courses.rosters import programmes
from foundation import clock
from foundation.db import db, transaction
from tests.factories import Factory
from training.participation import queries as participation

Open = Callable[..., Any]
TODAY = clock.today("Asia/Shanghai")
WEEK_LABEL = re.compile(r"\bWeek \d|>Weeks?<|aria-label=\"Weeks\"|Outline of the week|whole week|of this week|gate before this week|voyage of [a-z]+ weeks"
                        r"|第 ?\d+ ?周|>第 </span>\d+<span> 周|周次|各周|本周目录|本周课程读本|整周|这一周|[一二三四五六七]周航程")
LABELS = {"service-awareness": {"en": "Day {}", "zh": "第 {} 天"}, "reserve-cadre": {"en": "Part {}", "zh": "第 {} 部分"}}
CASES = [(key, language) for key in LABELS for language in ("en", "zh")]


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return answer.get_data(as_text=True)


def label(key: str, language: str, number: int) -> str:
    return LABELS[key][language].format(number)


def cohort_of(key: str, starts_on: date = TODAY) -> int:
    length = {key_: days for key_, _title, days in programmes()}[key]
    plan = services.CohortPlan(key=f"2026-{key}", name_zh="一班", name_en="One", programme_key=key, starts_on=starts_on,
                               ends_on=starts_on + timedelta(days=length), seats=30)
    with transaction():
        return services.create_cohort(plan, None)


class Found:
    """A cohort of a programme on its first day, with a trainer, a mentor and two trainees."""

    def __init__(self, make: Factory, key: str, starts_on: date = TODAY) -> None:
        self.cohort_id = cohort_of(key, starts_on)
        self.trainer = make.trainer(self.cohort_id, "trainer", "丁砚清")
        self.mentor = mentor = make.person("mentor", "mentor", name="秦牧之")
        self.enrolment = make.trainee(self.cohort_id, "anna", "安然", mentor_id=mentor)
        make.trainee(self.cohort_id, "bert", "白起", mentor_id=mentor)
        make.person("admin", "admin")


# ── made on the page ─────────────────────────────────────────────────────────────────────────────────────────
def test_a_cohort_of_five_days_is_made_planned_and_filled_on_the_pages(make: Factory, client_for: Open) -> None:
    make.person("admin", "admin")
    person_id = make.person("anna", "trainee", name="安然")
    admin = client_for("admin")
    form = text(admin.get("/manage/cohorts/new"))
    assert "Service awareness for banks · 5 days" in form and "Customer service manager programme · 49 days" in form and "Reserve cadre" in form
    answer = admin.send("/manage/cohorts/new", {"key": "2026-sa-1", "name_zh": "服务意识一班", "name_en": "Awareness one",
                                                "programme_key": "service-awareness", "starts_on": TODAY.isoformat(), "ends_on": "",
                                                "zone": "Asia/Shanghai", "seats": "24", "row_version": "0"})
    cohort = db.session.scalars(select(Cohort)).one()
    assert answer.status_code == 303 and cohort.ends_on == TODAY + timedelta(days=4)

    plan = text(admin.get(f"/cohorts/{cohort.id}/sessions/plan"))
    assert all(f"Day {n} · " in plan for n in range(1, 6)) and not WEEK_LABEL.search(plan) and "Weekdays at" not in plan
    fields = {m.group(1): m.group(2) for m in re.finditer(r'name="((?:starts|place)-[^"]+)"[^>]*? value="([^"]*)"', plan)}
    assert admin.send(f"/cohorts/{cohort.id}/sessions/plan", fields).status_code == 303
    sessions = participation.sessions_of(cohort.id)
    days = {n: {datetime.fromisoformat(fields[f"starts-{s.activity_ref}"]).date() for s in sessions if s.unit_key == f"day-{n}"} for n in range(1, 6)}
    assert len(sessions) == 18 and days == {n: {TODAY + timedelta(days=n - 1)} for n in days}

    assert admin.send(f"/manage/cohorts/{cohort.id}/enrol", {"person": str(person_id), "mentor": "0"}).status_code == 303
    enrolment = queries.own_enrolment(person_id)
    assert enrolment is not None and enrolment.cohort_id == cohort.id
    assert "The voyage of five days" in text(client_for("anna").get("/"))


# ── called by their names ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("key", "language"), CASES)
def test_the_trainees_pages_name_the_units_by_their_kind(make: Factory, client_for: Open, key: str, language: str) -> None:
    Found(make, key)
    anna = client_for("anna", language)
    programme = queries.programme_of(queries.get_cohort(1))
    lesson = next(a.ref for a in programme.units[0].activities if a.kind == "lesson")
    closed = next(a.ref for a in programme.units[-1].activities if a.kind == "lesson")
    pages = {path: text(anna.get(path)) for path in ("/", "/course", "/course?week=2", f"/lessons/{lesson}", "/books", "/my/attendance")}
    answer = anna.get(f"/lessons/{closed}")
    assert answer.status_code == 403
    pages["closed"] = answer.get_data(as_text=True)
    for path, page in pages.items():
        assert not WEEK_LABEL.search(page), (path, WEEK_LABEL.search(page))
    for path in ("/", "/course", f"/lessons/{lesson}", "/books"):
        assert label(key, language, 1) in pages[path], path
    assert all(label(key, language, unit.number) in pages["/course"] for unit in programme.units)
    assert f"{label(key, language, 2)} · {programme.units[1].title.zh if language == 'zh' else programme.units[1].title.en}" in pages["/course?week=2"]
    assert pages["/"].count('class="leg') >= len(programme.units)
    assert {"service-awareness": {"en": "The voyage of five days", "zh": "五天航程"},
            "reserve-cadre": {"en": "The voyage of six parts", "zh": "六个部分的航程"}}[key][language] in pages["/"]


@pytest.mark.parametrize(("key", "language"), CASES)
def test_the_staffs_pages_name_the_units_by_their_kind(make: Factory, client_for: Open, key: str, language: str) -> None:
    found = Found(make, key)
    count = len(queries.programme_of(queries.get_cohort(found.cohort_id)).units)
    place = {"service-awareness": {"en": "Day 1 of 5", "zh": "第 1 天，共 5 天"},
             "reserve-cadre": {"en": "Part 1 of 6", "zh": "第 1 部分，共 6 部分"}}[key][language]
    one = label(key, language, 1)
    cohort, enrolment = f"/cohorts/{found.cohort_id}", found.enrolment
    shown = {
        "trainer": {"/": one, "/cohorts": place, cohort: f"1 / {count}", f"{cohort}/sessions/plan": f"{one} · ", f"/trainees/{enrolment}": f"{one} · "},
        "mentor": {"/": "", "/mentees": "", f"/mentees/{enrolment}": f"{one} · "},
        "admin": {"/manage/cohorts": place, f"/manage/cohorts/{found.cohort_id}": f"{one} · ", "/books": f"{one}</b>"},
    }
    for login, wanted in shown.items():
        client = client_for(login, language)
        for path, expected in wanted.items():
            page = text(client.get(path))
            assert expected in page, (login, path)
            # the shelf of books holds the programme of weeks as well
            assert path == "/books" or not WEEK_LABEL.search(page), (login, path, WEEK_LABEL.search(page))


def test_the_sessions_of_a_planned_course_stand_under_their_days(make: Factory, client_for: Open) -> None:
    found = Found(make, "service-awareness")
    trainer = client_for("trainer", "zh")
    plan = text(trainer.get(f"/cohorts/{found.cohort_id}/sessions/plan"))
    fields = {m.group(1): m.group(2) for m in re.finditer(r'name="(starts-[^"]+)"[^>]*? value="([^"]*)"', plan)}
    assert trainer.send(f"/cohorts/{found.cohort_id}/sessions/plan", fields).status_code == 303
    page = text(trainer.get(f"/cohorts/{found.cohort_id}/sessions"))
    assert re.findall(r'<h2 id="u-day-\d">(第 \d 天) ·', page) == [f"第 {n} 天" for n in range(1, 6)] and not WEEK_LABEL.search(page)
    own = text(client_for("anna", "zh").get("/my/attendance"))
    assert "开班：客户开口之前" in own and not WEEK_LABEL.search(own)


# ── the second day ───────────────────────────────────────────────────────────────────────────────────────────
def test_the_second_day_opens_on_the_second_day(make: Factory, client_for: Open) -> None:
    Found(make, "service-awareness")
    first = clock.start_of_day(TODAY, "Asia/Shanghai")
    for moment, number, status in ((first + timedelta(hours=9), 1, 403), (first + timedelta(hours=23, minutes=59), 1, 403),
                                   (first + timedelta(days=1), 2, 200)):
        with clock.standing_at(moment):
            anna = client_for("anna")
            assert anna.get("/lessons/listening-levels").status_code == status
            assert f"· Day {number} · " in text(anna.get("/"))


def test_a_gate_before_a_day_is_told_as_such(make: Factory, client_for: Open) -> None:
    Found(make, "service-awareness", TODAY - timedelta(days=2))
    for language, heading in (("en", "First the gate before this day"), ("zh", "先过这一天之前的关口")):
        answer = client_for("anna", language).get("/lessons/counting-cash")
        assert answer.status_code == 403 and heading in answer.get_data(as_text=True)


def test_no_day_is_today_once_the_course_is_over(make: Factory, client_for: Open) -> None:
    found = Found(make, "service-awareness", TODAY - timedelta(days=9))
    page = text(client_for("anna").get("/"))
    assert "· Day 5 · " not in page and "The voyage of five days" in page
    assert "Ended" in text(client_for("trainer").get("/"))
    assert "5 / 5" in text(client_for("trainer").get(f"/cohorts/{found.cohort_id}"))


@pytest.mark.parametrize("number", ["5", "6", "0", "²", "9" * 30, "x"])
def test_any_number_of_a_day_in_the_address_gives_a_page(make: Factory, client_for: Open, number: str) -> None:
    Found(make, "service-awareness")
    page = text(client_for("anna").get("/course", query_string={"week": number}))
    assert ("Day 5 · Promise" in page) == (number == "5")


# ── the certificate ──────────────────────────────────────────────────────────────────────────────────────────
def test_the_certificate_says_five_days_and_bears_the_programmes_name(make: Factory, client_for: Open) -> None:
    from tests.credentials_world import decide
    from training.credentials import services as credentials

    found = Found(make, "service-awareness", TODAY - timedelta(days=4))
    reviewer = make.person("reviewer", "reviewer")
    with transaction():
        made = credentials.issue(found.enrolment, decide(found.enrolment, reviewer), reviewer)
        id_, number = made.id, made.number
    page = text(client_for("anna", "zh").get(f"/my/certificates/{id_}"))
    for told in ("《银行服务意识培训结业证书》", "五天，40 学时", number):
        assert told in page
    assert re.fullmatch(r"QZ-\d{4}-SA-000001", number)
    assert "five-day Service awareness for banks (40 class hours)" in text(client_for("anna").get(f"/my/certificates/{id_}"))


# ── cost ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_course_of_days_costs_no_more_selects_than_one_of_weeks(make: Factory, client_for: Open, query_count: Any) -> None:
    def counts(login: str, *paths: str) -> list[int]:
        client, found = client_for(login), []
        for path in paths:
            client.get(path)
            with query_count() as counted:
                client.get(path)
            found.append(counted.number)
        return found

    days = Found(make, "service-awareness")
    weeks = make.cohort(weeks_ago=0)
    for login in ("wen", ""):
        make.trainee(weeks, login, mentor_id=days.mentor)
    make.trainer(weeks, "weekly")
    ours, theirs = counts("anna", "/", "/course"), counts("wen", "/", "/course")
    assert all(a <= b + 1 for a, b in zip(ours, theirs, strict=True)) and max(ours) <= 30
    assert counts("trainer", "/", f"/cohorts/{days.cohort_id}") == counts("weekly", "/", f"/cohorts/{weeks}")


def test_a_trainers_page_costs_the_same_however_many_cohorts_there_are(make: Factory, client_for: Open, query_count: Any) -> None:
    make.person("everywhere", "trainer")
    client, counts = client_for("everywhere"), []
    for key in LABELS:
        cohort_of(key)
        client.get("/")
        with query_count() as counted:
            client.get("/")
        counts.append(counted.number)
    assert counts[0] == counts[1]


def test_a_gate_that_is_all_in_preparation_is_no_gate_on_the_voyage(make: Factory, client_for: Open) -> None:
    Found(make, "reserve-cadre")
    stages = queries.programme_of(queries.get_cohort(1)).stages
    standing = [stage for stage in stages if stage.gate and stage.gate.blocking]
    page = text(client_for("anna").get("/"))
    assert len(re.findall(r'class="leg-gate', page)) == len(standing) and "leg-gate-ok" not in page
