"""The administrator's cohorts: made, changed, opened, filled; two versions shown where two people changed the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from courses import queries, rosters
from courses.models import Cohort
from foundation import clock
from foundation.db import db
from tests.factories import Factory

Open = Callable[..., Any]
TODAY = clock.today("Asia/Shanghai")


def text(answer: Any) -> str:
    return answer.get_data(as_text=True)


def fields(**changes: Any) -> dict[str, Any]:
    return {"key": "2026-秋-02", "name_zh": "秋二班", "name_en": "Autumn two", "programme_key": "service-manager", "starts_on": TODAY.isoformat(),
            "ends_on": "", "zone": "Asia/Shanghai", "seats": "24", "row_version": "0", **changes}


def made() -> list[Cohort]:
    return list(db.session.scalars(select(Cohort)))


@pytest.fixture
def admin(make: Factory, client_for: Open) -> Any:
    make.person("admin", "admin")
    return client_for("admin")


def test_an_empty_last_day_is_the_programmes_own_length(admin: Any) -> None:
    assert "data-lengths" in text(admin.get("/manage/cohorts/new"))
    answer = admin.send("/manage/cohorts/new", fields())
    assert answer.status_code == 303
    cohort = made()[0]
    assert (cohort.key, cohort.ends_on - cohort.starts_on) == ("2026-秋-02", timedelta(days=48))
    assert answer.location == f"/manage/cohorts/{cohort.id}"
    assert "Autumn two" in text(admin.get("/manage/cohorts"))


@pytest.mark.parametrize(("changes", "message"), [
    ({"ends_on": (TODAY - timedelta(days=1)).isoformat()}, "The last day lies before the first."),
    ({"starts_on": "31.12.2026"}, "Not a valid date value"),
    ({"starts_on": ""}, "This field is required"),
    ({"seats": "0"}, "Number must be between"),
    ({"seats": "viele"}, "Not a valid integer"),
    ({"key": "=cmd()"}, "Letters, digits"),
    ({"key": "a" * 41}, "40 characters"),
    ({"name_zh": "  "}, "This field is required"),
    ({"programme_key": "nothing"}, "Not a valid choice"),
    ({"zone": "Mars/Olympus"}, "Not a valid choice"),
])
def test_a_cohort_with_faults_is_shown_again_with_all_that_was_typed(admin: Any, changes: dict[str, str], message: str) -> None:
    answer = admin.send("/manage/cohorts/new", fields(**changes))
    assert answer.status_code == 422
    page = text(answer)
    assert message in page and "Autumn two" in page and "error-summary" in page
    assert made() == []


def test_a_taken_key_is_refused_beside_its_field(admin: Any) -> None:
    admin.send("/manage/cohorts/new", fields())
    answer = admin.send("/manage/cohorts/new", fields(name_en="Another"))
    assert answer.status_code == 422 and "A cohort with this key exists." in text(answer)
    assert len(made()) == 1


def test_the_same_form_twice_makes_one_cohort(admin: Any) -> None:
    answers = [admin.send("/manage/cohorts/new", fields(), op="one") for _ in range(3)]
    assert {answer.location for answer in answers} == {f"/manage/cohorts/{made()[0].id}"}
    assert len(made()) == 1


def test_an_old_page_is_shown_both_versions_and_overwrites_nothing(admin: Any) -> None:
    admin.send("/manage/cohorts/new", fields())
    cohort_id, old = made()[0].id, str(made()[0].row_version)
    address = f"/manage/cohorts/{cohort_id}/edit"
    assert admin.send(address, fields(name_en="First change", row_version=old)).status_code == 303
    answer = admin.send(address, fields(name_en="Second change", seats="30", row_version=old))
    assert answer.status_code == 409
    page = text(answer)
    assert "First change" in page and "Second change" in page and "Stands now" in page
    assert queries.get_cohort(cohort_id).name["en"] == "First change"
    fresh = str(queries.get_cohort(cohort_id).row_version)
    assert f'name="row_version" type="hidden" value="{fresh}"' in page
    assert admin.send(address, fields(name_en="Second change", seats="30", row_version=fresh)).status_code == 303
    assert queries.get_cohort(cohort_id).name["en"] == "Second change"


def test_edit_keeps_key_and_programme_and_the_length_where_the_last_day_is_empty(admin: Any) -> None:
    admin.send("/manage/cohorts/new", fields())
    cohort = made()[0]
    later = TODAY + timedelta(days=7)
    admin.send(f"/manage/cohorts/{cohort.id}/edit", fields(key="hacked", starts_on=later.isoformat(), row_version=str(cohort.row_version)))
    view = queries.get_cohort(cohort.id)
    assert (view.key, view.starts_on, view.ends_on) == ("2026-秋-02", later, later + timedelta(days=48))


def test_whoever_manages_one_cohort_makes_no_other_and_sees_no_other(make: Factory, client_for: Open) -> None:
    own, other = make.cohort("own"), make.cohort("secret-two")
    make.person("local", "admin", scope=f"cohort:{own}")
    client = client_for("local")
    page = text(client.get("/manage/cohorts"))
    assert "Cohort own" in page and "secret-two" not in page and "/manage/cohorts/new" not in page
    assert client.get("/manage/cohorts/new").status_code == 403
    assert client.send("/manage/cohorts/new", fields()).status_code == 403
    for way in ("", "/edit"):
        assert client.get(f"/manage/cohorts/{other}{way}").status_code == 404
    for way in ("/edit", "/openings", "/enrol", "/members", "/trainers"):
        assert client.send(f"/manage/cohorts/{other}{way}", {}).status_code == 404


@pytest.mark.parametrize("way", ["/edit", "/openings", "/enrol", "/members", "/trainers"])
def test_every_change_needs_its_token_and_the_permission(make: Factory, client_for: Open, admin: Any, way: str) -> None:
    cohort_id = make.cohort()
    make.trainer(cohort_id, "teacher")
    assert admin.post(f"/manage/cohorts/{cohort_id}{way}", data={}).status_code == 400
    assert client_for("teacher").send(f"/manage/cohorts/{cohort_id}{way}", {}).status_code == 403
    assert client_for("").post(f"/manage/cohorts/{cohort_id}{way}", data={}).status_code in (303, 400)


# ── openings ─────────────────────────────────────────────────────────────────────────────────────────────────
def opening_fields(days: dict[str, date], seen: dict[str, date]) -> dict[str, str]:
    return {**{f"opens-{key}": day.isoformat() for key, day in days.items()}, **{f"seen-{key}": day.isoformat() for key, day in seen.items()}}


def test_openings_are_moved_and_faults_are_shown_beside_the_unit(make: Factory, admin: Any) -> None:
    cohort_id = make.cohort()
    address, seen = f"/manage/cohorts/{cohort_id}/openings", queries.openings_of(queries.get_cohort(cohort_id))
    answer = admin.send(address, opening_fields({**seen, "week-2": seen["week-1"] - timedelta(days=3)}, seen))
    assert answer.status_code == 422 and "Outside the cohort" in text(answer)
    answer = admin.send(address, {**opening_fields(seen, seen), "opens-week-2": "morgen"})
    assert answer.status_code == 422 and "This is no date." in text(answer) and 'value="morgen"' in text(answer)
    moved = {**seen, "week-7": seen["week-7"] + timedelta(days=1)}
    assert admin.send(address, opening_fields(moved, seen)).status_code == 303
    assert queries.openings_of(queries.get_cohort(cohort_id)) == moved
    answer = admin.send(address, opening_fields({**seen, "week-7": seen["week-7"] + timedelta(days=2)}, seen))
    assert answer.status_code == 409 and "Stands now" in text(answer)
    assert f'value="{(seen["week-7"] + timedelta(days=2)).isoformat()}"' in text(answer)
    assert queries.openings_of(queries.get_cohort(cohort_id)) == moved


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_people_are_found_ticked_and_enrolled_and_a_full_cohort_keeps_the_ticks(make: Factory, admin: Any) -> None:
    cohort_id = make.cohort(seats=2)
    people = [make.person(name=f"乔知夏{n}", org_unit="滨江支行") for n in range(3)]
    page = text(admin.get(f"/manage/cohorts/{cohort_id}?as=trainee&q=滨江"))
    assert all(f'name="person" value="{person}"' in page for person in people)
    answer = admin.send(f"/manage/cohorts/{cohort_id}/enrol", {"person": [str(p) for p in people], "q": "滨江", "as": "trainee", "mentor": "0"})
    page = text(answer)
    assert answer.status_code == 422 and "3 people were ticked, but 2 seats are free" in page
    assert all(f'name="person" value="{person}" checked' in page for person in people)
    assert queries.roster(cohort_id) == ()
    for _ in range(2):
        two = {"person": [str(p) for p in people[:2]], "q": "滨江", "as": "trainee"}
        answer = admin.send(f"/manage/cohorts/{cohort_id}/enrol", two, op="enrol-once")
        assert answer.status_code == 303
    assert [member.person_id for member in queries.roster(cohort_id)] == people[:2]
    page = text(admin.get(f"/manage/cohorts/{cohort_id}?as=trainee&q=滨江"))
    assert f'name="person" value="{people[2]}"' in page and f'name="person" value="{people[0]}"' not in page


@pytest.mark.parametrize("ticked", [[], ["abc"], ["999999"], ["-1"], ["1e9"], ["１２"]])
def test_ticks_that_name_nobody_are_refused(make: Factory, admin: Any, ticked: list[str]) -> None:
    cohort_id = make.cohort()
    assert admin.send(f"/manage/cohorts/{cohort_id}/enrol", {"person": ticked}).status_code == 422
    assert queries.roster(cohort_id) == ()


def test_mentors_are_given_and_trainees_withdrawn_by_ticks(make: Factory, admin: Any) -> None:
    cohort_id, other_id = make.cohort(), make.cohort("other")
    mentor = make.person("mentor", "mentor", name="柳同舟")
    one, two, foreign = make.trainee(cohort_id), make.trainee(cohort_id), make.trainee(other_id)
    address = f"/manage/cohorts/{cohort_id}/members"
    assert admin.send(address, {"member": [str(one), str(two)], "mentor": str(mentor), "act": "mentor"}).status_code == 303
    assert {member.mentor_id for member in queries.roster(cohort_id)} == {mentor}
    assert admin.send(address, {"member": [str(one)], "mentor": str(queries.roster(cohort_id)[0].person_id), "act": "mentor"}).status_code == 422
    assert admin.send(address, {"member": [str(one), str(foreign)], "act": "withdraw"}).status_code == 422
    assert len(queries.roster(cohort_id)) == 2 and len(queries.roster(other_id)) == 1
    assert admin.send(address, {"member": [str(one)], "act": "explode"}).status_code == 422
    assert admin.send(address, {"member": [str(one)], "act": "withdraw"}).status_code == 303
    assert [member.id for member in queries.roster(cohort_id)] == [two]


def test_a_trainer_is_found_granted_and_ended(make: Factory, admin: Any, client_for: Open) -> None:
    cohort_id = make.cohort()
    person = make.person("teacher", name="顾文澜")
    page = text(admin.get(f"/manage/cohorts/{cohort_id}?as=trainer&q=顾文"))
    assert f'name="grant" value="{person}"' in page
    assert admin.send(f"/manage/cohorts/{cohort_id}/trainers", {"grant": str(person)}).status_code == 303
    assert client_for("teacher").get(f"/cohorts/{cohort_id}").status_code == 200
    assert admin.send(f"/manage/cohorts/{cohort_id}/trainers", {"revoke": str(person)}).status_code == 303
    assert client_for("teacher").get(f"/cohorts/{cohort_id}").status_code == 403
    assert rosters.trainers_of(cohort_id) == ()
    assert admin.send(f"/manage/cohorts/{cohort_id}/trainers", {"grant": "x"}).status_code == 422
    member = make.person()
    make.enrol(cohort_id, member)
    answer = admin.send(f"/manage/cohorts/{cohort_id}/trainers", {"grant": str(member)})
    assert answer.status_code == 422 and "cannot teach it as well" in text(answer)


def test_hostile_words_are_text_on_the_administrators_page(make: Factory, admin: Any) -> None:
    cohort_id = make.cohort()
    make.person(name="<script>alert(1)</script>", org_unit="\"><img src=x>")
    page = text(admin.get(f"/manage/cohorts/{cohort_id}?as=trainee&q=<script>"))
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page and "<img src=x" not in page


def test_nothing_of_this_is_written_by_reading(make: Factory, admin: Any, query_count: Any) -> None:
    cohort_id = make.cohort()
    make.trainee(cohort_id)
    with query_count() as counted:
        for address in ("/manage/cohorts", "/manage/cohorts/new", f"/manage/cohorts/{cohort_id}", f"/manage/cohorts/{cohort_id}/edit"):
            assert admin.get(address).status_code == 200
    assert not [s for s in counted.statements if s.startswith(("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE"))]
    assert db.session.execute(select(func.count()).select_from(Cohort)).scalar_one() == 1
