"""The register in the browser: four choices a row, all present, corrections, two trainers at once, two hundred people."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from courses import services as course_services
from foundation import clock
from foundation.db import db, transaction
from tests.factories import Factory
from tests.participation_scene import Scene, outline_sessions, plan, scene
from training.participation import queries, services
from training.participation.models import Attendance
from training.participation.services import Mark

Open = Callable[..., Any]


def text(answer: Any) -> str:
    return answer.get_data(as_text=True)


def shown(page: str) -> dict[str, str]:
    """The hidden and prefilled fields of the page, as a browser would send them back untouched."""
    found = {}
    for tag in re.findall(r"<input[^>]+>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if not name or name.group(1) in ("csrf_token", "op"):
            continue
        if 'type="radio"' in tag and " checked" not in tag:
            continue
        found[name.group(1)] = value.group(1) if value else ""
    return found


def rows(enrolment: int | None = None) -> list[tuple[str, int, str]]:
    query = select(Attendance.status, Attendance.minutes, Attendance.reason).order_by(Attendance.id)
    if enrolment:
        query = query.where(Attendance.enrolment_id == enrolment)
    return [tuple(row) for row in db.session.execute(query)]  # type: ignore[misc]


@pytest.fixture
def found(make: Factory) -> Scene:
    return scene(make)


def test_a_row_per_trainee_with_four_choices_and_nothing_chosen(found: Scene, client_for: Open) -> None:
    page = text(client_for("trainer").get(f"/sessions/{found.past}/register"))
    for enrolment in found.enrolments:
        assert len(re.findall(rf'name="status-{enrolment}"', page)) == 4
    assert shown(page) == {f"{name}-{e}": value for e in found.enrolments for name, value in (("seen", "0"), ("late", ""), ("reason", ""))}
    assert "All present" in page


def test_chosen_marks_are_saved_and_what_was_not_chosen_stays_unmarked(found: Scene, client_for: Open) -> None:
    client, (a, b, c) = client_for("trainer"), found.enrolments
    address = f"/sessions/{found.past}/register"
    answer = client.send(address, {f"status-{a}": "present", f"status-{b}": "late", f"late-{b}": "15", f"seen-{c}": "0"})
    assert answer.status_code == 303 and answer.location == address
    assert rows() == [("present", found.minutes, ""), ("late", found.minutes - 15, "")]
    page = text(client.get(address))
    assert "2 entries saved." in page and "Late 15′" in page and "1 other present" in page


def test_all_present_fills_only_the_unmarked_and_keeps_what_was_chosen(found: Scene, client_for: Open) -> None:
    client, (a, b, c) = client_for("trainer"), found.enrolments
    with transaction():
        services.keep_register(found.past, {a: Mark("absent", 0)}, found.trainer_id)
    address = f"/sessions/{found.past}/register"
    page = shown(text(client.get(address)))
    assert client.send(address, {**page, f"status-{b}": "excused", f"reason-{b}": "病假", "fill": "present"}).status_code == 303
    assert (rows(a), rows(b), rows(c)) == ([("absent", 0, "")], [("excused", 0, "病假")], [("present", found.minutes, "")])


@pytest.mark.parametrize("late", ["", "0", "-3", "120", "121", "99999", "viel", "1.5", "１０"])
def test_minutes_late_out_of_range_are_refused_and_kept_in_the_field(found: Scene, client_for: Open, late: str) -> None:
    one = found.enrolments[0]
    answer = client_for("trainer").send(f"/sessions/{found.past}/register", {f"status-{one}": "late", f"late-{one}": late, f"seen-{one}": "0"})
    if late == "１０":                  # full-width digits are digits
        assert answer.status_code == 303 and rows() == [("late", found.minutes - 10, "")]
        return
    assert answer.status_code == 422 and rows() == []
    page = text(answer)
    assert f"Minutes late: from 1 to {found.minutes - 1}." in page and f'href="#r{one}"' in page
    assert shown(page)[f"status-{one}"] == "late" and shown(page)[f"late-{one}"] == late


def test_every_fault_is_listed_and_the_good_rows_wait_with_the_bad(found: Scene, client_for: Open) -> None:
    a, b, c = found.enrolments
    answer = client_for("trainer").send(f"/sessions/{found.past}/register", {
        f"status-{a}": "excused", f"status-{b}": "sleeping", f"status-{c}": "present"})
    page = text(answer)
    assert answer.status_code == 422 and rows() == []
    assert "An excused absence needs its reason." in page and "Choose one of the four." in page and "2 rows need mending" in page
    assert shown(page)[f"status-{c}"] == "present"


def test_a_correction_needs_a_reason_and_an_untouched_row_does_not(found: Scene, client_for: Open) -> None:
    client, (a, b, _c) = client_for("trainer"), found.enrolments
    address = f"/sessions/{found.past}/register"
    client.send(address, {f"status-{a}": "present", f"status-{b}": "late", f"late-{b}": "20"})
    page = shown(text(client.get(address)))
    assert client.send(address, page).status_code == 303
    assert len(rows()) == 2
    answer = client.send(address, {**page, f"status-{b}": "present"})
    assert answer.status_code == 422 and "a correction needs a reason" in text(answer)
    answer = client.send(address, {**page, f"late-{b}": "30", f"reason-{b}": "核对签到表"})
    assert answer.status_code == 303
    assert rows(b) == [("late", found.minutes - 20, ""), ("late", found.minutes - 30, "核对签到表")]
    assert "核对签到表" in text(client.get(address)) and "corrected once" in text(client.get(address))


def test_a_stale_register_shows_both_and_overwrites_nothing(make: Factory, found: Scene, client_for: Open) -> None:
    make.trainer(found.cohort_id, "second", name="贺知秋")
    one, two, _three = found.enrolments
    first, second, address = client_for("trainer"), client_for("second"), f"/sessions/{found.past}/register"
    page = shown(text(first.get(address)))
    assert second.send(address, {f"status-{one}": "absent"}).status_code == 303
    answer = first.send(address, {**page, f"status-{one}": "present", f"status-{two}": "present"})
    assert answer.status_code == 409
    again = text(answer)
    assert "Now: Absent, entered by 贺知秋" in again and "Nothing was overwritten" in again
    assert rows() == [("absent", 0, "")]
    fresh = shown(again)
    assert fresh[f"status-{one}"] == "present" and fresh[f"status-{two}"] == "present" and fresh[f"seen-{one}"] != "0"
    assert first.send(address, fresh).status_code == 422
    assert first.send(address, {**fresh, f"reason-{one}": "本人在场"}).status_code == 303
    assert rows(one) == [("absent", 0, ""), ("present", found.minutes, "本人在场")]


def test_a_row_left_alone_is_no_conflict_when_another_trainer_corrects_it(make: Factory, found: Scene, client_for: Open) -> None:
    make.trainer(found.cohort_id, "second")
    one, two, _three = found.enrolments
    first, second, address = client_for("trainer"), client_for("second"), f"/sessions/{found.past}/register"
    first.send(address, {f"status-{one}": "present"})
    page = shown(text(first.get(address)))
    second.send(address, {**page, f"status-{one}": "absent", f"reason-{one}": "签到不实"})
    assert first.send(address, {**page, f"status-{two}": "present"}).status_code == 303
    assert rows(one)[-1] == ("absent", 0, "签到不实")


def test_the_same_register_twice_has_one_effect(found: Scene, client_for: Open) -> None:
    client, one = client_for("trainer"), found.enrolments[0]
    address = f"/sessions/{found.past}/register"
    for _ in range(2):
        assert client.send(address, {f"status-{one}": "present"}, op="twice").status_code == 303
    assert client.send(address, {f"status-{one}": "absent"}, op="twice").status_code == 409
    assert rows() == [("present", found.minutes, "")]


def test_a_future_session_shows_when_its_register_opens_and_takes_no_marks(found: Scene, client_for: Open) -> None:
    client, one = client_for("trainer"), found.enrolments[0]
    address = f"/sessions/{found.future}/register"
    page = text(client.get(address))
    assert "The register opens at" in page and f"status-{one}" not in page
    answer = client.send(address, {f"status-{one}": "present"})
    assert answer.status_code == 422 and "a quarter of an hour before" in text(answer) and rows() == []
    assert client.send(address, {"fill": "present"}).status_code == 422


def test_people_outside_the_cohort_are_left_out_without_losing_the_rest(make: Factory, found: Scene, client_for: Open) -> None:
    a, b, c = found.enrolments
    stranger = make.trainee(make.cohort("other"), name="外班学员")
    with transaction():
        course_services.withdraw(c, found.trainer_id)
    answer = client_for("trainer").send(f"/sessions/{found.past}/register", {
        f"status-{a}": "present", f"status-{b}": "absent", f"status-{c}": "present", f"status-{stranger}": "present"})
    page = text(answer)
    assert answer.status_code == 422 and rows() == []
    assert "no longer in the cohort" in page and "外班学员" not in page
    kept = shown(page)
    assert (kept[f"status-{a}"], kept[f"status-{b}"]) == ("present", "absent") and f"status-{c}" not in kept
    assert client_for("trainer").send(f"/sessions/{found.past}/register", kept).status_code == 303


def test_only_a_trainer_of_the_cohort_keeps_its_register(make: Factory, found: Scene, client_for: Open) -> None:
    other = make.cohort("other")
    make.trainer(other, "foreign")
    make.person("reviewer", "reviewer")
    make.person("admin", "admin")
    address, data = f"/sessions/{found.past}/register", {f"status-{found.enrolments[0]}": "present"}
    for login, status in (("foreign", 404), ("t1", 403), ("reviewer", 403), ("admin", 403)):
        assert client_for(login).get(address).status_code == status, login
        assert client_for(login).send(address, data).status_code == status, login
    assert client_for("foreign").get("/sessions/999999/register").status_code == 404
    assert client_for("trainer").post(address, data=data).status_code == 400
    assert client_for("").post(address, data=data).status_code in (303, 400)
    assert rows() == []


def test_a_trainer_who_sits_in_the_cohort_does_not_mark_themselves(make: Factory, found: Scene, client_for: Open) -> None:
    own = make.enrol(found.cohort_id, found.trainer_id)
    client, address = client_for("trainer"), f"/sessions/{found.past}/register"
    answer = client.send(address, {f"status-{own}": "present"})
    assert answer.status_code == 422 and "Nobody marks themselves" in text(answer)
    assert client.send(address, {**{f"seen-{e}": "0" for e in (*found.enrolments, own)}, "fill": "present"}).status_code == 303
    assert rows(own) == [] and len(rows()) == 3


def test_the_shortcut_leads_to_the_register_that_is_wanted(found: Scene, client_for: Open) -> None:
    client = client_for("trainer")
    assert client.get(f"/cohorts/{found.cohort_id}/register").location == f"/sessions/{found.past}/register"
    with transaction():
        services.keep_register(found.past, {e: Mark("present", 0) for e in found.enrolments}, found.trainer_id)
    answer = client.get(f"/cohorts/{found.cohort_id}/register")
    assert answer.location == f"/cohorts/{found.cohort_id}/sessions"
    assert "No register is waiting" in text(client.get(answer.location))


def test_hostile_words_in_the_register_are_text(found: Scene, client_for: Open) -> None:
    client, one = client_for("trainer"), found.enrolments[0]
    address = f"/sessions/{found.past}/register"
    evil = "\"><script>alert(1)</script>"
    assert evil not in text(client.send(address, {f"status-{one}": "late", f"late-{one}": evil, f"reason-{one}": evil}))
    assert client.send(address, {f"status-{one}": "excused", f"reason-{one}": evil}).status_code == 303
    assert "<script>alert" not in text(client.get(address))


def test_both_languages_have_their_own_words_in_either_order(found: Scene, client_for: Open) -> None:
    address = f"/sessions/{found.past}/register"
    zh, en = text(client_for("trainer", language="zh").get(address)), text(client_for("trainer", language="en").get(address))
    assert "未登记" in zh and "迟到分钟" in zh and "Not marked" not in zh
    assert "Not marked" in en and "Minutes late" in en and "未登记" not in en


def test_fifty_people_take_as_many_selects_as_five_and_two_hundred_fit_one_page(make: Factory, client_for: Open, query_count: Any) -> None:
    numbers = []
    for key, count in (("five", 5), ("fifty", 50), ("two-hundred", 200)):
        cohort_id = make.cohort(key, weeks_ago=1, seats=200)
        make.trainer(cohort_id, key)
        people = [make.trainee(cohort_id) for _ in range(count)]
        session = plan(cohort_id, outline_sessions(cohort_id)[0].ref, clock.now() - timedelta(hours=3))
        client, address = client_for(key), f"/sessions/{session}/register"
        client.get(address)
        with query_count() as counted:
            assert text(client.get(address)).count('class="card reg') == count
        numbers.append(counted.number)
        before = db.session.execute(select(func.count()).select_from(Attendance)).scalar_one()
        with query_count() as posted:
            assert client.send(address, {**{f"seen-{e}": "0" for e in people}, "fill": "present"}).status_code == 303
        assert db.session.execute(select(func.count()).select_from(Attendance)).scalar_one() == before + count
        assert len([s for s in posted.statements if s.startswith("SELECT")]) <= 30
        with query_count() as marked:
            client.get(address)
        numbers.append(marked.number)
    assert len(set(numbers)) == 1 and numbers[0] <= 12


def test_a_page_of_two_hundred_is_written_in_reasonable_size(make: Factory, client_for: Open) -> None:
    found = scene(make, trainees=40, login="big")
    page = client_for("big").get(f"/sessions/{found.past}/register").get_data()
    assert len(page) < 40 * 3000 + 20_000
    assert queries.session_to_mark(found.cohort_id) == found.past
