"""Sessions: the list by week, all planned in one go, one of them moved."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from courses import queries as courses
from foundation import clock
from foundation.db import transaction
from tests.factories import Factory
from tests.participation_scene import Scene, outline_sessions, plan, scene
from training.participation import queries, services
from training.participation.services import Mark

Open = Callable[..., Any]


def text(answer: Any) -> str:
    return answer.get_data(as_text=True)


def plan_fields(page: str) -> dict[str, str]:
    """The times and places the plan page proposes."""
    return {match.group(1): match.group(2) for match in re.finditer(r'name="((?:starts|place)-[^"]+)"[^>]*? value="([^"]*)"', page)}


@pytest.fixture
def empty(make: Factory) -> int:
    cohort_id = make.cohort()
    make.trainer(cohort_id, "trainer")
    make.person("admin", "admin")
    return cohort_id


@pytest.mark.parametrize("login", ["trainer", "admin"])
def test_an_empty_list_offers_the_plan_and_saving_it_plans_everything(empty: int, client_for: Open, login: str) -> None:
    client = client_for(login)
    assert "Plan all sessions" in text(client.get(f"/cohorts/{empty}/sessions"))
    fields = plan_fields(text(client.get(f"/cohorts/{empty}/sessions/plan")))
    refs = [a.ref for a in outline_sessions(empty)]
    assert {name for name in fields if name.startswith("starts-")} == {f"starts-{ref}" for ref in refs}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d", fields[f"starts-{ref}"]) for ref in refs)
    answer = client.send(f"/cohorts/{empty}/sessions/plan", {**fields, "place": "培训中心 301", f"place-{refs[1]}": "302"})
    assert answer.status_code == 303
    sessions = {s.activity_ref: s for s in queries.sessions_of(empty)}
    assert set(sessions) == set(refs)
    assert (sessions[refs[0]].place, sessions[refs[1]].place) == ("培训中心 301", "302")
    local = sessions[refs[0]].starts_at.astimezone(ZoneInfo("Asia/Shanghai"))
    assert local.strftime("%Y-%m-%dT%H:%M") == fields[f"starts-{refs[0]}"]
    page = text(client.get(f"/cohorts/{empty}/sessions"))
    assert f"{len(refs)} sessions planned." in page and "Plan all sessions" not in page


def test_an_emptied_time_leaves_a_session_for_later(empty: int, client_for: Open) -> None:
    client, refs = client_for("trainer"), [a.ref for a in outline_sessions(empty)]
    fields = plan_fields(text(client.get(f"/cohorts/{empty}/sessions/plan")))
    only = {f"starts-{refs[0]}": fields[f"starts-{refs[0]}"], **{f"starts-{ref}": "" for ref in refs[1:]}}
    assert client.send(f"/cohorts/{empty}/sessions/plan", only).status_code == 303
    page = text(client.get(f"/cohorts/{empty}/sessions"))
    assert f"Plan {len(refs) - 1} more sessions" in page and "No time yet" in page


@pytest.mark.parametrize("value", ["morgen", "2026-13-01T09:00", "2026-09-07T09:00+08:00", "0001-01-01T00:00", "9999-12-31T23:59",
                                   "2025-01-01T09:00"])
def test_a_time_that_cannot_be_keeps_the_whole_plan_on_the_page(empty: int, client_for: Open, value: str) -> None:
    client, refs = client_for("trainer"), [a.ref for a in outline_sessions(empty)]
    fields = plan_fields(text(client.get(f"/cohorts/{empty}/sessions/plan")))
    answer = client.send(f"/cohorts/{empty}/sessions/plan", {**fields, f"starts-{refs[2]}": value, "place": "大教室"})
    page = text(answer)
    assert answer.status_code == 422 and queries.sessions_of(empty) == ()
    assert f'href="#starts-{refs[2]}"' in page and 'value="大教室"' in page
    assert plan_fields(page)[f"starts-{refs[0]}"] == fields[f"starts-{refs[0]}"]


def test_a_plan_without_any_time_is_refused(empty: int, client_for: Open) -> None:
    answer = client_for("trainer").send(f"/cohorts/{empty}/sessions/plan", {})
    assert answer.status_code == 422 and "Give at least one session a time." in text(answer)


def test_what_somebody_planned_meanwhile_is_not_moved(empty: int, client_for: Open) -> None:
    client, refs = client_for("trainer"), [a.ref for a in outline_sessions(empty)]
    fields = plan_fields(text(client.get(f"/cohorts/{empty}/sessions/plan")))
    theirs = clock.now() + timedelta(days=1)
    plan(empty, refs[0], theirs)
    answer = client.send(f"/cohorts/{empty}/sessions/plan", fields)
    assert answer.status_code in (303, 409)
    assert next(s.starts_at for s in queries.sessions_of(empty) if s.activity_ref == refs[0]) == theirs


def test_the_plan_sent_twice_plans_once(empty: int, client_for: Open) -> None:
    client = client_for("trainer")
    fields = plan_fields(text(client.get(f"/cohorts/{empty}/sessions/plan")))
    for _ in range(2):
        assert client.send(f"/cohorts/{empty}/sessions/plan", fields, op="plan-once").status_code == 303
    assert len(queries.sessions_of(empty)) == len(outline_sessions(empty))


# ── one session ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def found(make: Factory) -> Scene:
    return scene(make)


def local(found: Scene, session_id: int, **later: int) -> str:
    session = next(s for s in queries.sessions_of(found.cohort_id) if s.id == session_id)
    return queries.local_field(session.starts_at + timedelta(**later), "Asia/Shanghai")


def version(found: Scene, session_id: int) -> str:
    return str(next(s for s in queries.sessions_of(found.cohort_id) if s.id == session_id).row_version)


def test_time_and_place_change_and_an_old_page_shows_what_stands(found: Scene, client_for: Open) -> None:
    client, address = client_for("trainer"), f"/sessions/{found.future}/edit"
    assert f'value="{local(found, found.future)}"' in text(client.get(address))
    old, wanted = version(found, found.future), local(found, found.future, hours=3)
    assert client.send(address, {"starts": wanted, "place": "302", "row_version": old}).status_code == 303
    assert local(found, found.future) == wanted
    answer = client.send(address, {"starts": local(found, found.future, hours=5), "place": "999", "row_version": old})
    page = text(answer)
    assert answer.status_code == 409 and "place: 302" in page and 'value="999"' in page
    assert local(found, found.future) == wanted


@pytest.mark.parametrize("starts", ["", "gestern", "2020-01-01T09:00", "2199-01-01T09:00"])
def test_a_session_is_not_moved_to_no_time_or_out_of_the_dates(found: Scene, client_for: Open, starts: str) -> None:
    before = local(found, found.future)
    fields = {"starts": starts, "place": "302", "row_version": version(found, found.future)}
    answer = client_for("trainer").send(f"/sessions/{found.future}/edit", fields)
    assert answer.status_code == 422 and "error-summary" in text(answer)
    assert local(found, found.future) == before


def test_a_marked_session_is_not_moved_into_the_future(found: Scene, client_for: Open) -> None:
    with transaction():
        services.keep_register(found.past, {found.enrolments[0]: Mark("present", 0)}, found.trainer_id)
    answer = client_for("trainer").send(f"/sessions/{found.past}/edit", {
        "starts": local(found, found.past, days=1), "place": "301", "row_version": version(found, found.past)})
    assert answer.status_code == 422 and "cannot lie in the future" in text(answer)


def test_sessions_of_other_cohorts_are_nobodys_business(make: Factory, found: Scene, client_for: Open) -> None:
    other = make.cohort("other")
    make.trainer(other, "foreign")
    for address in (f"/cohorts/{found.cohort_id}/sessions", f"/cohorts/{found.cohort_id}/sessions/plan", f"/sessions/{found.past}/edit"):
        assert client_for("foreign").get(address).status_code == 404
        assert client_for("t1").get(address).status_code == 403
    assert client_for("foreign").send(f"/sessions/{found.past}/edit", {"starts": "2026-11-11T09:00"}).status_code == 404
    assert client_for("foreign").send(f"/cohorts/{found.cohort_id}/sessions/plan", {}).status_code == 404
    assert client_for("trainer").post(f"/sessions/{found.past}/edit", data={"starts": "2026-11-11T09:00"}).status_code == 400
    assert client_for("trainer").post(f"/cohorts/{found.cohort_id}/sessions/plan", data={}).status_code == 400


def test_the_list_says_how_far_each_register_is(found: Scene, client_for: Open) -> None:
    with transaction():
        services.keep_register(found.past, {found.enrolments[0]: Mark("present", 0)}, found.trainer_id)
    page = text(client_for("trainer").get(f"/cohorts/{found.cohort_id}/sessions"))
    assert "Marked 1 of 3" in page and "To come" in page and f'href="/sessions/{found.past}/register"' in page
    assert f'href="/sessions/{found.future}/register"' not in page


def test_an_administrator_plans_but_is_offered_no_register(make: Factory, found: Scene, client_for: Open) -> None:
    make.person("admin", "admin")
    page = text(client_for("admin").get(f"/cohorts/{found.cohort_id}/sessions"))
    assert f"/sessions/{found.past}/edit" in page and f"/sessions/{found.past}/register" not in page


def test_fifty_trainees_take_as_many_selects_as_five(make: Factory, client_for: Open, query_count: Any) -> None:
    numbers = []
    for key, count in (("five", 5), ("fifty", 50)):
        cohort_id = make.cohort(key, seats=60)
        make.trainer(cohort_id, key)
        for _ in range(count):
            make.trainee(cohort_id)
        for activity in outline_sessions(cohort_id)[: 1 if key == "five" else 12]:
            plan(cohort_id, activity.ref, clock.now())
        client = client_for(key)
        client.get(f"/cohorts/{cohort_id}/sessions")
        with query_count() as counted:
            assert client.get(f"/cohorts/{cohort_id}/sessions").status_code == 200
        numbers.append(counted.number)
    assert numbers[0] == numbers[1] <= 12
    assert courses.get_cohort(cohort_id).seats == 60
