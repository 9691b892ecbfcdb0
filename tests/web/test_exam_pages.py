"""Pages of planned sittings: planning, proof, approval, candidates, the board and its JSON; whose they are; twice and without a token."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from foundation import clock, content
from foundation.db import db, transaction
from quizzes import queries, services
from quizzes.models import Attempt, AttemptEvent, Candidate, Incident, IncidentText, Sitting
from tests.exam_scene import EXAM, STAGE, Scene
from tests.factories import Factory


@pytest.fixture
def scene(make: Factory) -> Scene:
    return Scene(make)


def local(delta: timedelta) -> str:
    return (clock.now() + delta).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%dT%H:%M")


def wish(**changes: Any) -> dict[str, Any]:
    return {"blueprint": EXAM, "opens": local(timedelta(hours=1)), "closes": local(timedelta(hours=4)), "place": "302", "mode": "forms", "forms": "2",
            "break_minutes": "10", **changes}


def text(answer: Any) -> str:
    return answer.get_data(as_text=True)


def id_in(location: str) -> int:
    found = re.search(r"/exams/(\d+)", location)
    assert found
    return int(found.group(1))


# ── planning and approving ───────────────────────────────────────────────────────────────────────────────────────
def test_a_sitting_from_plan_to_approval(scene: Scene, client_for: Callable[..., Any]) -> None:
    planner, approver = client_for("planner"), client_for("approver")
    page = text(planner.get("/exams/plan"))
    assert "Written exam (final)" in page
    assert "week-1-practice" not in page
    answer = planner.send(f"/exams/plan?cohort={scene.cohort_id}", wish())
    assert answer.status_code == 303, text(answer)
    sitting_id = id_in(answer.location)
    own = text(planner.get(f"/exams/{sitting_id}/proof"))
    assert "The papers are equivalent" in own
    assert "Approve these papers" not in own
    assert "somebody else approves it" in own
    theirs = text(approver.get(f"/exams/{sitting_id}/proof"))
    assert "Approve these papers" in theirs
    assert "Service and the role" in theirs
    seen = re.search(r'name="proof"[^>]*value="([0-9a-f]{64})"', theirs)
    assert seen
    assert approver.send(f"/exams/{sitting_id}/approve", {"proof": seen.group(1)}).status_code == 303
    assert queries.get_sitting(sitting_id).approved_by_id == scene.approver
    assert "Approve these papers" not in text(approver.get(f"/exams/{sitting_id}"))
    assert db.session.get_one(Sitting, sitting_id).seed not in own + theirs


def test_the_times_are_those_of_the_cohorts_zone(scene: Scene, client_for: Callable[..., Any]) -> None:
    day = (clock.now() + timedelta(days=2)).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d")
    answer = client_for("planner").send(f"/exams/plan?cohort={scene.cohort_id}", wish(opens=f"{day}T09:00", closes=f"{day}T12:00"))
    row = queries.get_sitting(id_in(answer.location))
    assert row.opens_at.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%H:%M") == "09:00"
    assert row.closes_at - row.opens_at == timedelta(hours=3)


@pytest.mark.parametrize("changes", [
    {"blueprint": "week-1-practice"}, {"blueprint": "no-such"}, {"opens": ""}, {"opens": "tomorrow"}, {"closes": local(timedelta(minutes=30))}, {"place": " "},
    {"place": "\u0000" * 200}, {"mode": "both"}, {"forms": "9"}, {"break_minutes": "61"}, {"break_minutes": "x"}, {"opens": "0001-01-01T00:00"},
    {"opens": "9999-12-31T23:59", "closes": "9999-12-31T23:59"}, {"place": "x" * 1_000_000}])
def test_a_plan_that_cannot_be_is_shown_again_with_what_is_wrong(scene: Scene, client_for: Callable[..., Any], changes: dict[str, Any]) -> None:
    answer = client_for("planner").send(f"/exams/plan?cohort={scene.cohort_id}", wish(**changes))
    assert answer.status_code in (413, 422), text(answer)[:300]
    assert db.session.query(Sitting).count() == 0
    if answer.status_code == 422:
        assert "error-summary" in text(answer)


def test_a_bank_too_thin_is_told_cell_by_cell(scene: Scene, client_for: Callable[..., Any]) -> None:
    with transaction():
        for key, (_id, item) in queries.bank(scene.cohort_id).items():
            if item.content_area == "needs-and-deposits":
                content.set_retired("item", key, True, None, "test")
    answer = client_for("planner").send(f"/exams/plan?cohort={scene.cohort_id}", wish())
    assert answer.status_code == 422
    assert "Cell 4, Needs analysis and deposit interest: 3 items wanted, 0 there, 3 lacking" in text(answer)
    assert 'value="302"' in text(answer), "what was typed stays"


def test_the_same_plan_sent_twice_is_one_sitting(scene: Scene, client_for: Callable[..., Any]) -> None:
    client = client_for("planner")
    sent = wish()
    first = client.send(f"/exams/plan?cohort={scene.cohort_id}", sent, op="twice")
    second = client.send(f"/exams/plan?cohort={scene.cohort_id}", sent, op="twice")
    assert (first.status_code, second.status_code, first.location) == (303, 303, second.location)
    assert db.session.query(Sitting).count() == 1


def test_the_planner_cannot_approve_by_sending_the_form_anyway(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.planned()
    client_for("planner").send(f"/exams/{sitting_id}/approve", {"proof": queries.get_sitting(sitting_id).proof_hash})
    assert queries.get_sitting(sitting_id).approved_at is None


def test_an_approval_of_another_proof_changes_nothing(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.planned()
    for proof in ("", "0" * 64, "x" * 5000):
        assert client_for("approver").send(f"/exams/{sitting_id}/approve", {"proof": proof}).status_code == 303
    assert queries.get_sitting(sitting_id).approved_at is None


def test_a_sitting_is_called_off_with_a_reason(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.approved()
    client = client_for("planner")
    assert client.send(f"/exams/{sitting_id}/cancel", {"cancel_reason": " "}).status_code == 422
    assert client.send(f"/exams/{sitting_id}/cancel", {"cancel_reason": "<b>台风</b>"}).status_code == 303
    page = text(client.get(f"/exams/{sitting_id}"))
    assert "&lt;b&gt;台风&lt;/b&gt;" in page
    assert client.get(f"/exams/{sitting_id}/board").status_code == 303


def test_an_allowance_is_settled_and_a_stale_one_shows_both(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.planned()
    client, id_ = client_for("planner"), scene.enrolments[0]
    sent = {"enrolment": id_, "row_version": 0, "extra_minutes": 20, "break_minutes": 5, "reason": "accommodation"}
    assert client.send(f"/exams/{sitting_id}/allowance", sent).status_code == 303
    stale = client.send(f"/exams/{sitting_id}/allowance", {**sent, "extra_minutes": 45})
    assert stale.status_code == 409
    assert "20 extra minutes, 5 of break stand now" in text(stale)
    assert 'value="45"' in text(stale)
    version = re.search(r'name="row_version"[^>]*value="(\d+)"', text(stale))
    assert version
    assert client.send(f"/exams/{sitting_id}/allowance", {**sent, "extra_minutes": 45, "row_version": version.group(1)}).status_code == 303
    assert db.session.execute(select(Candidate.extra_minutes)).scalar_one() == 45
    assert client.send(f"/exams/{sitting_id}/allowance", {**sent, "extra_minutes": 999}).status_code == 422
    assert client.send(f"/exams/{sitting_id}/allowance", {**sent, "enrolment": 987654}).status_code == 404
    assert client.send(f"/exams/{sitting_id}/allowance", {**sent, "reason": "ill"}).status_code == 422


# ── the board ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_board_shows_and_acts(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    scene.save(attempt, 1)
    client = client_for("planner")
    page = text(client.get(f"/exams/{sitting_id}/board"))
    assert "1 / 60" in page
    assert "考生1" in page
    before = queries.get_attempt(attempt).closes_at
    assert client.send(f"/exams/{sitting_id}/extra-time", {"enrolment": scene.enrolments[0], "minutes": 10, "reason": "technical"}).status_code == 303
    assert client.send(f"/exams/{sitting_id}/extra-time", {"minutes": 5, "reason": "disturbance"}).status_code == 303
    db.session.rollback()
    assert queries.get_attempt(attempt).closes_at == before + timedelta(minutes=15)
    assert client.send(f"/exams/{sitting_id}/pause", {"pause_reason": "停电"}).status_code == 303
    assert "The hall has been paused since" in text(client.get(f"/exams/{sitting_id}/board"))
    assert client.send(f"/exams/{sitting_id}/resume").status_code == 303
    db.session.rollback()
    assert db.session.get_one(Attempt, attempt).paused_at is None
    sent = {"attempt": attempt, "person": scene.enrolments[0], "kind": "network", "body": "网络断了两分钟"}
    assert client.send(f"/exams/{sitting_id}/incidents", sent).status_code == 303
    assert client.send(f"/exams/{sitting_id}/incidents", {"kind": "note", "body": "<script>alert(1)</script>"}).status_code == 303
    page = text(client.get(f"/exams/{sitting_id}/board?person={scene.enrolments[0]}"))
    assert "&lt;script&gt;alert(1)" in page
    assert "网络断了两分钟" in page
    log = text(client.get(f"/exams/attempts/{attempt}/log"))
    for line in ("Question 1 saved", "10 extra minutes given", "Hall paused", "Hall went on after", "网络断了两分钟"):
        assert line in log


@pytest.mark.parametrize(("address", "sent"), [
    ("extra-time", {"minutes": "0", "reason": "other"}), ("extra-time", {"minutes": "many", "reason": "other"}), ("extra-time", {"reason": "other"}),
    ("extra-time", {"minutes": "5", "reason": "ill"}), ("pause", {}), ("pause", {"pause_reason": "x" * 501}), ("incidents", {"kind": "note", "body": " "}),
    ("incidents", {"kind": "verdict", "body": "x"}), ("incidents", {"kind": "note", "body": "x" * 2001})])
def test_a_refused_form_of_the_board_is_shown_open_again(scene: Scene, client_for: Callable[..., Any], address: str, sent: dict[str, str]) -> None:
    sitting_id = scene.approved()
    answer = client_for("planner").send(f"/exams/{sitting_id}/{address}", sent)
    assert answer.status_code == 422
    assert "error-summary" in text(answer)
    assert re.search(r"<details[^>]* open>", text(answer))
    assert db.session.query(Incident).count() == db.session.query(AttemptEvent).count() == 0


def test_the_boards_json_is_small_and_says_unchanged_with_304(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    client = client_for("planner")
    first = client.get(f"/exams/{sitting_id}/board.json")
    assert first.status_code == 200
    row = next(row for row in first.get_json()["rows"] if row[0] == scene.enrolments[0])
    assert row[1] == "offline", "no page has been heard of yet"
    again = client.get(f"/exams/{sitting_id}/board.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert abs(int(again.headers["Server-Clock"]) - clock.now().timestamp() * 1000) < 60_000
    scene.save(attempt, 1)
    fresh = client.get(f"/exams/{sitting_id}/board.json", headers={"If-None-Match": first.headers["ETag"]})
    assert fresh.status_code == 200
    row = next(row for row in fresh.get_json()["rows"] if row[0] == scene.enrolments[0])
    assert row[1:3] == ["in", 1], "a save is a sign of life"


def test_the_board_asks_the_database_no_more_often_for_more_people(make: Factory, client_for: Callable[..., Any], query_count: Callable[[], Any]) -> None:
    scene = Scene(make, people=3)
    sitting_id = scene.approved()
    scene.start(0)
    client = client_for("planner")
    addresses = [f"/exams/{sitting_id}/board.json", f"/exams/{sitting_id}/board", f"/exams/{sitting_id}", "/exams", f"/exams/{sitting_id}/proof"]
    for address in addresses:
        client.get(address)
    counts = []
    for address in addresses:
        with query_count() as counted:
            client.get(address)
        counts.append(counted.number)
    for number in range(6):
        scene.start(scene.join(f"more{number}"))
    scene.planned(STAGE)
    for address, before in zip(addresses, counts, strict=True):
        with query_count() as counted:
            client.get(address)
        assert counted.number <= before + 1, (address, counted.statements)
        assert counted.number <= 22, address


# ── whose they are ───────────────────────────────────────────────────────────────────────────────────────────────
GETS = ("", "/proof", "/board", "/board.json")
POSTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("assemble", {}), ("approve", {}), ("cancel", {"cancel_reason": "x"}), ("allowance", {"enrolment": 1, "extra_minutes": 5, "break_minutes": 0}),
    ("extra-time", {"minutes": 5, "reason": "other"}), ("pause", {"pause_reason": "x"}), ("resume", {}), ("incidents", {"kind": "note", "body": "x"}))


def test_another_cohorts_trainer_finds_nothing(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    scene.make.trainer(scene.make.cohort("2026-Y", weeks_ago=6), "stranger")
    client = client_for("stranger")
    for address in GETS:
        assert client.get(f"/exams/{sitting_id}{address}").status_code == client.get(f"/exams/987654{address}").status_code == 404
    for address, sent in POSTS:
        assert client.send(f"/exams/{sitting_id}/{address}", sent).status_code == 404, address
    assert client.get(f"/exams/attempts/{attempt}/log").status_code == 404
    assert client.get(f"/exams/plan?cohort={scene.cohort_id}").status_code == 404
    assert "考生" not in text(client.get("/exams"))
    assert queries.get_sitting(sitting_id).paused_at is None


def test_trainees_and_others_are_turned_away(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.approved()
    scene.make.person("hr", "hr")
    for login in ("learner1", "hr"):
        client: FlaskClient = client_for(login)
        for address in GETS:
            assert client.get(f"/exams/{sitting_id}{address}").status_code == 403
        assert client.get("/exams").status_code == 403
        for address, sent in POSTS:
            assert client.send(f"/exams/{sitting_id}/{address}", sent).status_code == 403  # type: ignore[attr-defined]
    assert client_for().get(f"/exams/{sitting_id}/board").status_code in (302, 303)


def test_without_a_token_nothing_happens(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.approved()
    scene.start()
    client = client_for("planner")
    for address, sent in POSTS:
        assert client.post(f"/exams/{sitting_id}/{address}", data=sent).status_code in (400, 422), address
    db.session.rollback()
    assert db.session.query(Incident).count() == db.session.query(IncidentText).count() == 0
    assert queries.get_sitting(sitting_id).paused_at is None


def test_a_pause_sent_twice_is_one_pause(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.approved()
    scene.start()
    client = client_for("planner")
    for _ in range(2):
        assert client.send(f"/exams/{sitting_id}/pause", {"pause_reason": "停电"}, op="same").status_code == 303
    assert db.session.query(Incident).count() == 1
    with transaction():
        services.resume_hall(sitting_id, scene.planner)
    assert client.send(f"/exams/{sitting_id}/pause", {"pause_reason": "停电"}, op="same").status_code == 303
    db.session.rollback()
    assert queries.get_sitting(sitting_id).paused_at is None, "a repeated sending pauses nothing anew"


def test_the_pages_speak_both_languages(scene: Scene, client_for: Callable[..., Any]) -> None:
    sitting_id = scene.approved()
    for language, words in (("zh", ("监考看板", "等值证明", "计划场次")), ("en", ("Board", "Equivalence proof", "Plan a sitting"))):
        client = client_for("planner", language)
        pages = "".join(text(client.get(address)) for address in (f"/exams/{sitting_id}/board", f"/exams/{sitting_id}/proof", "/exams"))
        assert all(word in pages for word in words)
