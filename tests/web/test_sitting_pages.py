"""The exam room from a browser's side: the way in, sections, breaks, devices, keys, reports, recovery files and late answers;
hostile input, other people's papers, missing permission and missing tokens."""

from __future__ import annotations

import base64
import io
import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from foundation import clock
from foundation.db import db, transaction
from quizzes import queries, services
from quizzes.models import AnswerSave, AttemptEvent, LateDecision, LateSave, Presence
from quizzes.rules.answer import to_screen
from quizzes.rules.recovery import FORMAT, KeptAnswer, seal
from tests.factories import Factory
from tests.sitting_scene import EXAM, PRACTICE, Room, key_of, load_sections, single

LEARNER, TRAINER, REVIEWER = "learner-2026-a", "trainer-2026-a", "reviewer-2026-a"
ONE, OTHER = "1" * 32, "2" * 32


@pytest.fixture
def room(make: Factory) -> Room:
    return Room(make)


def count(model: Any) -> int:
    db.session.rollback()
    return db.session.query(model).count()


def post_json(client: Any, path: str, token: str = "", **body: Any) -> Any:
    return client.post(path, json={"op": secrets.token_hex(8), **body}, headers={"X-CSRFToken": token or client.token()})


def save(client: Any, attempt: int, position: int, answer: Any, version: int = 0, **more: Any) -> Any:
    return post_json(client, f"/attempts/{attempt}/answers", position=position, version=version, answer=answer, **more)


# ── the way in ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_start_page_says_window_place_breaks_and_what_is_recorded(client_for: Callable[..., Any], room: Room) -> None:
    client = client_for(LEARNER)
    room.plan(clock.now() + timedelta(hours=1))
    room.do(services.set_allowance, room.sitting, room.enrolment, 20, 5, "language", 0, room.trainer)
    page = client.get(f"/quizzes/{EXAM}").get_data(as_text=True)
    for words in ("This paper opens on", "培训中心 302", "20 minutes", "15 minutes in all", "never what", "device-check"):
        assert words in page
    assert "Start the exam now" not in page
    refused = client.send(f"/quizzes/{EXAM}/attempts", follow_redirects=True).get_data(as_text=True)
    assert "Nothing was started." in refused
    with clock.standing_at(clock.now() + timedelta(hours=2)):
        assert "Start the exam now" in client.get(f"/quizzes/{EXAM}").get_data(as_text=True)


def test_a_paused_hall_covers_the_paper_and_takes_nobody_in(client_for: Callable[..., Any], room: Room) -> None:
    room.plan()
    attempt = room.start()
    late = room.make.trainee(room.cohort, "second")
    room.make.waive_all_gates(late, room.trainer)
    room.do(services.pause_hall, room.sitting, "drill", room.trainer)
    client = client_for(LEARNER)
    page = client.get(f"/attempts/{attempt}").get_data(as_text=True)
    assert "The invigilator has paused this sitting" in page and "data-question" not in page
    assert client.get(f"/attempts/{attempt}/check").location == f"/attempts/{attempt}"
    told = client.get(f"/attempts/{attempt}/time").json
    assert told["paused"] is True and told["state"] == "open"
    assert "has paused this sitting" in client_for("second").send(f"/quizzes/{EXAM}/attempts", follow_redirects=True).get_data(as_text=True)
    answer = to_screen(queries.one_slot(attempt, 1).item, queries.one_slot(attempt, 1).order, key_of(attempt, 1))
    assert save(client, attempt, 1, answer).status_code == 200, "what arrives during the pause counts"
    room.do(services.resume_hall, room.sitting, room.trainer)
    assert "data-question" in client.get(f"/attempts/{attempt}").get_data(as_text=True)


# ── sections ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_one_way_paper_is_walked_section_by_section_without_javascript(client_for: Callable[..., Any], make: Factory) -> None:
    load_sections()
    room = Room(make)
    attempt = room.start(PRACTICE)
    client = client_for(LEARNER)
    page = client.get(f"/attempts/{attempt}").get_data(as_text=True)
    assert page.count("data-question=") == 5 and "Part 1" in page and "opens later" in page
    position, order = single(attempt, 0)
    given = {"position": 5, "version": 0, "go": "next", "a": "A"}
    assert client.send(f"/attempts/{attempt}/answers", given).location == f"/attempts/{attempt}/section"
    confirm = client.get(f"/attempts/{attempt}/section").get_data(as_text=True)
    assert "4 questions without an answer" in confirm and "Question 1" in confirm and "“Part 2” with 5 questions" in confirm
    assert client.send(f"/attempts/{attempt}/answers", {**given, "position": 6}).status_code == 404, "the next section is not there yet"
    assert save(client, attempt, 7, {"choice": "A"}).json["error"] == "section"
    closed = client.send(f"/attempts/{attempt}/section", {"section": 0}, op="close")
    assert closed.location == f"/attempts/{attempt}" == client.send(f"/attempts/{attempt}/section", {"section": 0}, op="close").location
    assert "was closed before" in client.send(f"/attempts/{attempt}/section", {"section": 0}, follow_redirects=True).get_data(as_text=True)
    page = client.get(f"/attempts/{attempt}?q=2").get_data(as_text=True)
    assert page.count("data-question=") == 5 and 'data-question="6"' in page and 'data-question="2"' not in page
    refused = save(client, attempt, position, {"choice": "B"})
    assert (refused.status_code, refused.json["error"]) == (409, "section") and count(LateSave) == 1
    assert client.get(f"/attempts/{attempt}/section").status_code == 404, "the last section ends with the paper"
    check = client.get(f"/attempts/{attempt}/check").get_data(as_text=True)
    assert "9 questions without an answer" in check and f'href="/attempts/{attempt}?q=1"' not in check
    assert order


# ── breaks ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_break_covers_the_paper_until_its_end_is_pressed(client_for: Callable[..., Any], room: Room) -> None:
    room.plan()
    attempt = room.start()
    client = client_for(LEARNER)
    assert "10 minutes of break left" in client.get(f"/attempts/{attempt}").get_data(as_text=True)
    assert client.send(f"/attempts/{attempt}/break").location == f"/attempts/{attempt}"
    page = client.get(f"/attempts/{attempt}").get_data(as_text=True)
    assert "You are on a break" in page and "data-question" not in page and 'data-still="1"' in page
    assert client.get(f"/attempts/{attempt}/time").json["break"]["left"] in (599, 600)
    with clock.standing_at(clock.now() + timedelta(minutes=12)):
        assert "Your break is used up" in client.get(f"/attempts/{attempt}").get_data(as_text=True)
    client.send(f"/attempts/{attempt}/break/end")
    assert "data-question" in client.get(f"/attempts/{attempt}").get_data(as_text=True)


# ── the device ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_taken_over_device_is_told_so_at_its_next_save_and_report(client_for: Callable[..., Any], room: Room) -> None:
    attempt = room.start(PRACTICE)
    position, _order = single(attempt)
    first, second = client_for(LEARNER), client_for(LEARNER)
    assert post_json(first, f"/attempts/{attempt}/device", device=ONE, take=False).status_code == 200
    assert post_json(first, f"/attempts/{attempt}/events", device=ONE, unsent=0, hidden=False, facts=[]).status_code == 200
    held = post_json(second, f"/attempts/{attempt}/device", device=OTHER, take=False)
    assert (held.status_code, held.json["error"]) == (409, "held-elsewhere") and "last heard of" in held.json["message"]
    assert post_json(second, f"/attempts/{attempt}/device", device=OTHER, take=True).status_code == 200
    told = save(first, attempt, position, {"choice": "A"}, device=ONE)
    assert (told.status_code, told.json["error"]) == (409, "taken-over") and count(AnswerSave) == 0
    assert post_json(first, f"/attempts/{attempt}/events", device=ONE, unsent=1, hidden=False, facts=[]).json["error"] == "taken-over"
    assert save(second, attempt, position, {"choice": "A"}, device=OTHER).status_code == 200


@pytest.mark.parametrize("body", [{}, {"device": ONE}, {"device": "x", "take": True}, {"device": ONE, "take": 1}, {"device": [ONE], "take": True}])
def test_a_claim_of_another_shape_is_refused(client_for: Callable[..., Any], room: Room, body: dict[str, Any]) -> None:
    attempt = room.start(PRACTICE)
    assert post_json(client_for(LEARNER), f"/attempts/{attempt}/device", **body).status_code == 422
    assert count(AttemptEvent) == 0


def test_the_key_is_given_to_the_owner_alone_and_is_the_same_again_after_the_end(client_for: Callable[..., Any], room: Room) -> None:
    attempt = room.start(PRACTICE)
    room.make.trainee(room.cohort, "neighbour")
    client = client_for(LEARNER)
    told = client.get(f"/attempts/{attempt}/key?device={ONE}").json
    assert len(base64.b64decode(told["key"])) == 32 and told["person"] == room.learner
    assert client.get(f"/attempts/{attempt}/key?device={OTHER}").json["key"] != told["key"]
    for device in ("", "x", ONE.upper() + "0", "../" + ONE):
        assert client.get(f"/attempts/{attempt}/key", query_string={"device": device}).status_code == 422
    room.do(services.submit_attempt, attempt, room.learner)
    assert client.get(f"/attempts/{attempt}/key?device={ONE}").json["key"] == told["key"]
    for who in ("neighbour",):
        assert client_for(who).get(f"/attempts/{attempt}/key?device={ONE}").status_code == 404
    for who in (TRAINER, REVIEWER):
        assert client_for(who).get(f"/attempts/{attempt}/key?device={ONE}").status_code == 403


# ── reports ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_report_notes_facts_once_and_answers_with_the_clock(client_for: Callable[..., Any], room: Room) -> None:
    room.plan()
    attempt = room.start()
    client = client_for(LEARNER)
    fact = {"op": "f1", "kind": "paste", "at": "2031-01-01T00:00:00Z", "position": 3, "figure": 12}
    for _round in range(2):
        told = post_json(client, f"/attempts/{attempt}/events", device="", unsent=2, hidden=True, facts=[fact])
        assert told.status_code == 200 and told.json["state"] == "open" and told.json["seconds_left"] > 5000
    room.do(services.give_extra_time, room.sitting, None, 10, "technical", room.trainer)
    told = post_json(client, f"/attempts/{attempt}/events", device="", unsent=2, hidden=True, facts=[])
    assert told.json["seconds_left"] > 5900, "time that was given reaches the open page"
    assert db.session.execute(select(Presence.unsent, Presence.is_hidden)).one() == (2, True)
    assert [row.detail for row in db.session.execute(select(AttemptEvent.detail).where(AttemptEvent.kind == "paste"))] == [{"length": 12}]
    room.do(services.submit_attempt, attempt, room.learner)
    assert post_json(client, f"/attempts/{attempt}/events", device="", unsent=0, hidden=False, facts=[]).json["error"] == "ended"


GOOD: dict[str, Any] = {"op": "f1", "kind": "focus_lost"}
HOSTILE_REPORTS: list[dict[str, Any]] = [
    {"facts": [GOOD] * 51}, {"facts": "x"}, {"facts": [{**GOOD, "kind": "cheated"}]}, {"facts": [{**GOOD, "kind": "extra_time"}]},
    {"facts": [{**GOOD, "kind": "pause"}]}, {"facts": [{**GOOD, "text": "what was pasted"}]}, {"facts": [{**GOOD, "op": "a b"}]},
    {"facts": [{**GOOD, "op": "x" * 65}]}, {"facts": [{**GOOD, "figure": -1}]},
    {"facts": [{**GOOD, "figure": 1e9}]}, {"facts": [{**GOOD, "position": True}]}, {"facts": [{"op": "f", "kind": "flag"}]}, {"unsent": -1}, {"unsent": 10**9},
    {"hidden": "no"}, {"device": "x"}, {"verdict": "guilty"}, {"facts": [None]},
]


@pytest.mark.parametrize("body", HOSTILE_REPORTS)
def test_a_report_of_another_shape_is_refused_whole(client_for: Callable[..., Any], room: Room, body: dict[str, Any]) -> None:
    attempt = room.start(PRACTICE)
    answer = post_json(client_for(LEARNER), f"/attempts/{attempt}/events", **{"device": "", "unsent": 0, "hidden": False, "facts": [], **body})
    assert (answer.status_code, count(AttemptEvent), count(Presence)) == (422, 0, 0)


# ── hostile answers ──────────────────────────────────────────────────────────────────────────────────────────────
def text_slot(attempt: int) -> int:
    slots = queries.slots_of([attempt])[attempt]
    return next((slot.position for slot in slots if slot.item.kind in ("numeric", "short_answer")), 0)


def begin_with_text(room: Room) -> int:
    """A practice whose paper holds a question that is answered by typing."""
    for number in range(20):
        with transaction():
            attempt = services.start_attempt(room.enrolment, "week-3-practice", room.learner, f"text-{number}")
        if text_slot(attempt):
            return attempt
        room.do(services.submit_attempt, attempt, room.learner)
    raise AssertionError("no paper with a typed answer")


def test_strange_text_is_kept_as_text_or_refused_and_never_breaks_the_paper(client_for: Callable[..., Any], room: Room) -> None:
    client = client_for(LEARNER)
    attempt = begin_with_text(room)
    position, version = text_slot(attempt), 0
    token = client.token()
    for text in ("‮1500", "１５００", "🙂 1500", "<script>alert(1)</script>", "1500\u200b", "a\ud83d"):
        answer = client.post(f"/attempts/{attempt}/answers", data=json.dumps(
            {"op": secrets.token_hex(8), "position": position, "version": version, "answer": {"text": text}}), content_type="application/json",
            headers={"X-CSRFToken": token, "Accept": "application/json"})
        assert answer.status_code in (200, 422), (text, answer.status_code)
        version = answer.json.get("version", version)
        page = client.get(f"/attempts/{attempt}?q={position}").get_data(as_text=True)
        assert "<script>alert(1)" not in page
    for text in ("x" * 1_000_000, "1\x00500", "\x1b[31m1500"):
        assert save(client, attempt, position, {"text": text}, version, ).status_code == 422
    assert save(client, attempt, 99, {"text": "1"}).status_code == 422
    for number in (10**7, -1, True, "1"):
        assert post_json(client, f"/attempts/{attempt}/answers", position=number, version=0, answer={}).status_code == 422
    assert queries.chain_holds(attempt)


def test_other_peoples_papers_are_not_there(client_for: Callable[..., Any], room: Room) -> None:
    attempt = room.start(PRACTICE)
    room.make.trainee(room.cohort, "neighbour")
    client = client_for("neighbour")
    token = client.token()
    for method, path in (("GET", "section"), ("POST", "section"), ("POST", "break"), ("POST", "break/end"), ("GET", "key"), ("POST", "device"),
                         ("POST", "events")):
        answer = client.open(f"/attempts/{attempt}/{path}", method=method, data={"csrf_token": token, "op": "x"} if method == "POST" else None)
        assert answer.status_code == 404, path
        if method == "POST":
            assert client_for(LEARNER).post(f"/attempts/{attempt}/{path}", data={"op": "x"}).status_code == 400, "no token"


# ── recovery files and late answers ──────────────────────────────────────────────────────────────────────────────
def recovery_file(client: FlaskClient, room: Room, attempt: int, *kept: KeptAnswer) -> bytes:
    key = base64.b64decode(client.get(f"/attempts/{attempt}/key?device={ONE}").json["key"])
    entries = [seal(key, secrets.token_bytes(12), attempt, room.learner, ONE, one) for one in kept]
    return json.dumps({"format": FORMAT, "attempt": attempt, "device": ONE, "entries": entries}).encode()


def bring(client: Any, attempt: int, raw: bytes, op: str = "") -> Any:
    return client.send(f"/attempts/{attempt}/recovery", {"file": (io.BytesIO(raw), "recovery.json")}, op=op, content_type="multipart/form-data")


def test_an_invigilator_brings_in_a_recovery_file_and_a_reviewer_decides(client_for: Callable[..., Any], room: Room) -> None:
    now = clock.now() - timedelta(hours=2)
    with clock.standing_at(now):
        attempt = room.start(PRACTICE)
    learner, trainer, reviewer = client_for(LEARNER), client_for(TRAINER), client_for(REVIEWER)
    position, order = single(attempt)
    right = key_of(attempt, position)["choice"]
    letter = "ABCDEF"[order.index(right)]
    raw = recovery_file(learner, room, attempt, KeptAnswer("kept", position, 0, "", {"choice": letter}, now))
    assert "do not count by themselves" in trainer.get(f"/attempts/{attempt}/recovery").get_data(as_text=True)
    assert bring(trainer, attempt, raw).status_code == 303
    assert "1 answer is held for a reviewer." in trainer.get(f"/attempts/{attempt}/recovery").get_data(as_text=True)
    for bad, words in ((raw[:-30], "no recovery file"), (raw.replace(b'"attempt": ', b'"attempt": 9'), "another attempt"), (b"", "Choose the file"),
                       (raw.replace(ONE.encode(), OTHER.encode()), "does not open")):
        refused = bring(trainer, attempt, bad)
        assert refused.status_code == 422 and words in refused.get_data(as_text=True), words
    assert count(LateSave) == 1
    late = db.session.scalars(select(LateSave.id)).one()
    assert f"/attempts/{attempt}/late" in reviewer.get("/late").get_data(as_text=True)
    page = reviewer.get(f"/attempts/{attempt}/late").get_data(as_text=True)
    assert "minutes after the end" in page and "周以宁" not in page
    assert reviewer.send(f"/late/{late}", {"decision": "accept", "reason": ""}).status_code == 422
    assert reviewer.send(f"/late/{late}", {"decision": "maybe", "reason": "x"}).status_code == 422
    assert count(LateDecision) == 0
    for _twice in range(2):
        assert reviewer.send(f"/late/{late}", {"decision": "accept", "reason": "network down"}, op="decide").status_code == 303
    assert count(LateDecision) == 1 and "network down" in reviewer.get(f"/attempts/{attempt}/late").get_data(as_text=True)
    assert '<span class="figure-xl">10</span>' in learner.get(f"/attempts/{attempt}/result").get_data(as_text=True)


def test_recovery_and_review_belong_to_their_roles_and_cohorts(client_for: Callable[..., Any], room: Room, make: Factory) -> None:
    attempt = room.start(PRACTICE)
    other = make.cohort("2026-B", weeks_ago=6)
    make.trainer(other, "stranger")
    make.person("far-reviewer", "reviewer", scope=f"cohort:{other}")
    assert client_for("stranger").get(f"/attempts/{attempt}/recovery").status_code == 404
    assert client_for("far-reviewer").get(f"/attempts/{attempt}/late").status_code == 404
    assert client_for(LEARNER).get(f"/attempts/{attempt}/recovery").status_code == 403
    assert client_for(TRAINER).get("/late").status_code == 403
    assert "No answer has come late" in client_for("far-reviewer").get("/late").get_data(as_text=True)


# ── cost ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_report_takes_few_statements_and_the_late_list_no_more_for_more_lines(client_for: Callable[..., Any], room: Room, query_count: Any) -> None:
    attempt = room.start(PRACTICE)
    client, reviewer = client_for(LEARNER), client_for(REVIEWER)
    token = client.token()
    post_json(client, f"/attempts/{attempt}/events", token, device="", unsent=0, hidden=False, facts=[])
    with query_count() as counted:
        assert post_json(client, f"/attempts/{attempt}/events", token, device="", unsent=0, hidden=False, facts=[]).status_code == 200
    assert counted.number <= 5, counted.statements
    numbers = []
    for rounds in (1, 6):
        for _each in range(rounds):
            with transaction():
                practice = services.start_attempt(room.enrolment, PRACTICE, 1, "seed")
                services.submit_attempt(practice, 1)
                services.save_answer(practice, single(practice)[0], {"choice": single(practice)[1][0]}, "late", 0, 1)
        reviewer.get("/late")
        with query_count() as counted:
            assert reviewer.get("/late").status_code == 200
        numbers.append(counted.number)
    assert numbers[0] == numbers[1] <= 8, numbers
