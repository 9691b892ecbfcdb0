"""The markers' pages from a browser's side: the queue, one answer, drafts, finals, corrections, and whose they are; the
trainee's page while marks are to come."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from courses import queries as courses
from foundation import audit
from foundation.db import db, transaction
from quizzes import queries, services
from quizzes.models import EssayDraft, EssayMark
from quizzes.rules.item import PERSON_MARKED
from tests.factories import Factory
from tests.marking_scene import TEST, WORDS, Hall, essays, final, judgement, republish, slot_of


@pytest.fixture
def hall(make: Factory) -> Hall:
    return Hall(make)


def fields(slot_id: int, lost: int = 0, **more: Any) -> dict[str, Any]:
    given = judgement(slot_id, lost)
    chosen = {f"c.{key}": str(marks) for key, marks in given.items()} if isinstance(given, dict) else {"p": given}
    return {"version": "0", "comment": "", **chosen, **more}


def autosave(client: Any, slot_id: int, points: Any, version: int = 0, comment: Any = "", op: str = "", **more: Any) -> Any:
    sent = {"op": op or secrets.token_hex(8), "version": version, "body": {"points": points, "comment": comment}, **more}
    return client.post(f"/marking/{slot_id}/draft", json=sent, headers={"X-CSRFToken": client.token()})


def text(answer: Any) -> str:
    return answer.get_data(as_text=True).replace("&#39;", "'")


def choose_same(hall: Hall, count: int) -> list[int]:
    """Slots of so many trainees, all of the same question."""
    return [hall.essay(hall.trainee(), f"{WORDS}（{number}）", seed="same") for number in range(count)]


# ── a marker's walk ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_marker_walks_from_the_queue_through_all_answers_of_a_question(client_for: Callable[..., Any], hall: Hall) -> None:
    slots = choose_same(hall, 3)
    hall.marker("marker")
    client = client_for("marker")
    page = text(client.get("/marking"))
    assert "3 answers wait for you" in page and "Mark the next answer" in page
    here = re.search(r'href="(/marking/\d+)"', page).group(1)                       # type: ignore[union-attr]
    walked = []
    while here != "/marking":
        slot = int(here.rsplit("/", 1)[1])
        page = text(client.get(here))
        assert WORDS in page and "characters, asked for: 120 to 260" in page and "Model answer" in page
        walked.append(slot)
        answer = client.send(here, fields(slot, act="final"))
        assert answer.status_code == 303, text(answer)
        here = answer.location
    assert sorted(walked) == sorted(slots) and db.session.query(EssayMark).count() == 3
    page = text(client.get("/marking"))
    assert "Nothing waits for your mark" in page and "Waiting for a second marker" in page and "look again or correct" in page
    key = slot_of(slots[0]).item.key
    listed = text(client.get(f"/marking?question={key}"))
    assert listed.count("10 / 10") == 3 and all(f'href="/marking/{slot}"' in listed for slot in slots)


def test_the_same_final_sent_twice_has_one_effect(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = hall.essay(hall.trainee())
    hall.marker("marker")
    client = client_for("marker")
    first = client.send(f"/marking/{slot}", fields(slot, act="final"), op="once")
    again = client.send(f"/marking/{slot}", fields(slot, act="final"), op="once")
    assert (first.status_code, again.status_code, again.location) == (303, 303, first.location)
    other = client.send(f"/marking/{slot}", fields(slot, 3, act="final"), op="another")
    assert other.location == f"/marking/{slot}" and db.session.query(EssayMark).count() == 1


def test_a_final_without_every_criterion_comes_back_with_what_was_chosen(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = hall.essay(hall.trainee())
    hall.marker("marker")
    client = client_for("marker")
    sent = fields(slot, act="final", comment="读到一半")
    dropped = next(key for key in sent if key.startswith("c."))
    del sent[dropped]
    answer = client.send(f"/marking/{slot}", sent)
    page = text(answer)
    assert answer.status_code == 422 and f'href="#c-{dropped[2:]}"' in page and "读到一半" in page and page.count(" checked>") == 3
    assert db.session.query(EssayMark).count() == 0


def test_strange_input_is_refused_and_changes_nothing(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = hall.essay(hall.trainee())
    hall.marker("marker")
    client = client_for("marker")
    for sent in ({"c.facts": "99"}, {"c.nothing": "1"}, {"c.facts": "abc"}, {"c.facts": "-1"}, {"c.facts": "１"}, {"comment": "a\x00b"},
                 {"comment": "x" * 4001}, {"version": "abc"}):
        for act in ("save", "final"):
            assert client.send(f"/marking/{slot}", {**fields(slot), **sent, "act": act}).status_code == 422, (act, sent)
    assert db.session.query(EssayMark).count() == db.session.query(EssayDraft).count() == 0


def test_words_that_pretend_to_be_markup_are_words(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = hall.essay(hall.trainee(), "<script>alert(1)</script>\u202e 反转 😀\n第二行")
    hall.marker("marker")
    page = text(client_for("marker").get(f"/marking/{slot}"))
    assert "<script>alert(1)" not in page and "&lt;script&gt;" in page and 'dir="auto"' in page


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_autosave_keeps_a_draft_once_and_a_stale_one_shows_both(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = hall.essay(hall.trainee())
    hall.marker("marker")
    client = client_for("marker")
    whole = judgement(slot)
    key = next(iter(whole))
    assert autosave(client, slot, {key: 1}, op="a").get_json()["version"] == 1
    assert autosave(client, slot, {key: 1}, op="a").get_json()["version"] == 1
    assert autosave(client, slot, {key: 2}, op="a").status_code == 409
    assert autosave(client, slot, {key: 2}, 1, "别处").get_json()["version"] == 2
    stale = autosave(client, slot, {key: 0}, 1)
    told = stale.get_json()
    assert (stale.status_code, told["error"], told["version"], told["theirs"]) == (409, "stale", 2, {"points": {key: 2}, "comment": "别处"})
    assert [row["saved"] for row in told["differences"]] == ["2 marks", "别处"]
    page = text(client.get(f"/marking/{slot}"))
    assert "别处" in page and 'name="version" value="2"' in page and page.count(" checked>") == 1
    conflict = client.send(f"/marking/{slot}", fields(slot, version="1", act="final"))
    assert conflict.status_code == 409 and "Saved elsewhere in between" in text(conflict) and 'name="act"' in text(conflict)
    kept = client.send(f"/marking/{slot}", fields(slot, version="2", act="final"))
    assert kept.status_code == 303
    assert autosave(client, slot, {key: 1}, 3).get_json()["error"] == "final"


def test_an_autosave_of_no_shape_is_refused(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = hall.essay(hall.trainee())
    hall.marker("marker")
    client = client_for("marker")
    token, body = client.token(), {"points": {}, "comment": ""}
    for sent in (None, [], "x", {}, {"op": "x"}, {"op": "x", "version": 0, "body": []}, {"op": "x", "version": 0, "body": {}},
                 *({"op": op, "version": version, "body": body} for op, version in (("x", "0"), ("", 0), ("x", True), ("x", -1), (["x"], 0), ("\ud800", 0))),
                 {"op": "x", "version": 0, "body": body, "more": "\ud800"}):
        assert client.post(f"/marking/{slot}/draft", json=sent, headers={"X-CSRFToken": token}).status_code == 400, sent
    for points, comment in (({"x": 1}, ""), ([], ""), ({}, 7), ({}, "\ud800"), ({}, "\u0000"), ({"facts": 10**30}, "")):
        assert autosave(client, slot, points, comment=comment).status_code == 422
    assert db.session.query(EssayDraft).count() == 0


# ── corrections ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_correction_needs_a_reason_and_both_stay_on_record(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = hall.essay(hall.trainee())
    hall.marker("marker")
    client = client_for("marker")
    client.send(f"/marking/{slot}", fields(slot, act="final"))
    page = text(client.get(f"/marking/{slot}"))
    assert "Your mark is final since" in page and "Correct my mark" in page and "data-enhance=\"marking\"" not in page
    refused = client.send(f"/marking/{slot}", fields(slot, 2, act="correct"))
    assert refused.status_code == 422 and "it stays on record with it" in text(refused)
    assert '<span class="figure-xl num">10</span>' in text(refused), "what is final stands above what was refused"
    assert client.send(f"/marking/{slot}", fields(slot, 2, act="correct", reason="第二条看漏")).status_code == 303
    assert db.session.scalars(select(EssayMark.reason).order_by(EssayMark.id)).all() == ["", "第二条看漏"]
    page = text(client.get(f"/marking/{slot}"))
    assert "第二条看漏" in page and '<span class="figure-xl num">8</span>' in page
    assert "corrected" in text(client.get(f"/marking?question={slot_of(slot).item.key}"))


# ── whose it is ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_who_may_not_mark_an_answer_finds_nothing_there(client_for: Callable[..., Any], hall: Hall, make: Factory) -> None:
    both = make.person("both", "trainer", "trainee")
    enrolment = make.enrol(hall.cohort, both)
    make.waive_all_gates(enrolment, hall.waiver)
    own, mentored = hall.essay(enrolment), hall.essay(hall.trainee(mentor_id=hall.marker("mentor")))
    Hall(make, "2026-N").marker("stranger")
    clients = {login: client_for(login) for login in ("both", "mentor", "stranger")}
    before = audit.head()
    db.session.rollback()
    for login, slot in (("both", own), ("mentor", mentored), ("stranger", own), ("stranger", 987654)):
        client = clients[login]
        unknown = client.get("/marking/987654")
        assert client.get(f"/marking/{slot}").status_code == unknown.status_code == 404
        assert client.send(f"/marking/{slot}", fields(own, act="final")).status_code == 404
        assert autosave(client, slot, {}).status_code == 404
    assert audit.head() == before
    make.person("reviewer", "reviewer")
    assert client_for("reviewer").get("/marking").status_code == 403
    assert client_for("").get("/marking").status_code == 303


def test_without_its_token_nothing_is_kept(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = hall.essay(hall.trainee())
    hall.marker("marker")
    client = client_for("marker")
    assert client.post(f"/marking/{slot}", data=fields(slot, act="final")).status_code == 400
    assert client.post(f"/marking/{slot}/draft", json={"op": "x", "version": 0, "body": {"points": {}, "comment": ""}}).status_code == 400
    assert db.session.query(EssayMark).count() == db.session.query(EssayDraft).count() == 0


def test_no_page_of_the_second_marker_holds_a_name_or_what_the_first_gave(client_for: Callable[..., Any], hall: Hall) -> None:
    enrolment = hall.trainee(name="金丝雀")
    slot, first = hall.essay(enrolment), hall.marker("first")
    with transaction():
        services.finalise(slot, judgement(slot, 3), "KANARI", None, first)
    hall.marker("second")
    client = client_for("second")
    member = next(m for m in courses.roster(hall.cohort) if m.id == enrolment)
    for answer in (client.get("/marking"), client.get(f"/marking/{slot}"), client.send(f"/marking/{slot}", {"act": "final", "version": "0"}),
                   autosave(client, slot, {}, comment="mine"), client.get(f"/marking?question={slot_of(slot).item.key}")):
        page = text(answer)
        for secret in ("金丝雀", member.employee_no, member.org_unit, "KANARI", "2026-M", " checked>", "7 / 10"):
            assert secret not in page, secret


def test_an_answer_others_have_finished_is_no_longer_offered(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = hall.essay(hall.trainee())
    hall.marker("late")
    client = client_for("late")
    assert autosave(client, slot, {}, comment="begun").status_code == 200
    final(slot, hall.marker())
    final(slot, hall.marker())
    assert client.get(f"/marking/{slot}").location == "/marking"
    assert client.send(f"/marking/{slot}", fields(slot, version="1", act="final")).location == "/marking"
    assert autosave(client, slot, {}, 1, "more").get_json()["error"] == "closed"
    assert db.session.query(EssayMark).count() == 2


def test_looking_writes_nothing_and_takes_few_selects(client_for: Callable[..., Any], hall: Hall, query_count: Any) -> None:
    slot = choose_same(hall, 5)[0]
    hall.marker("marker")
    client = client_for("marker")
    for address, most in (("/marking", 12), (f"/marking/{slot}", 18)):
        client.get(address)
        with query_count() as counted:
            assert client.get(address).status_code == 200
        assert counted.number <= most, counted.statements
        assert not [statement for statement in counted.statements if statement.startswith(("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE"))]


# ── short answers ────────────────────────────────────────────────────────────────────────────────────────────────
def test_points_of_a_short_answer_are_ticked(client_for: Callable[..., Any], make: Factory) -> None:
    ref = "quiz-listening-and-questions"
    republish(ref, cells=[{"content_area": "communication", "kinds": ["short_answer"], "items": 1, "marks_each": "10"}], marks=10, marking={"raters": 1})
    hall = Hall(make)
    attempt = hall.paper(hall.trainee("learner"), "打了一夜的水，手都酸了吧？我陪您填。", ref=ref)
    slot = essays(attempt)[0]
    hall.marker("marker")
    client = client_for("marker")
    page = text(client.get(f"/marking/{slot}"))
    assert "Points found in the answer" in page and "Deductions" in page and 'type="checkbox"' in page
    assert client.send(f"/marking/{slot}", fields(slot, 1, act="final")).location == "/marking"
    assert "Settled. Your mark stands." in text(client.get(f"/marking/{slot}"))
    result = text(client_for("learner").get(f"/attempts/{attempt}/result"))
    assert '<span class="figure-xl">75</span>' in result and "still to come" not in result


# ── the trainee ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_trainee_reads_what_still_waits_and_then_the_score(client_for: Callable[..., Any], hall: Hall) -> None:
    attempt = hall.paper(hall.trainee("learner"))
    slot = essays(attempt)[0]
    client = client_for("learner")
    page = text(client.get(f"/attempts/{attempt}/result"))
    assert "Not all marked yet" in page and "So far 40 of 40 marks." in page and "1 of your answers is read and marked by people" in page
    assert 'figure-xl' not in page and "Being marked" in text(client.get(f"/quizzes/{TEST}"))
    final(slot, hall.marker())
    assert "1 of your answers is read" in text(client.get(f"/attempts/{attempt}/result"))
    final(slot, hall.marker(), lost=1)
    page = text(client.get(f"/attempts/{attempt}/result"))
    assert "98.3" in page and "59 of 60 marks." in page and "still to come" not in page
    assert "Being marked" not in text(client.get(f"/quizzes/{TEST}"))


def test_an_open_paper_shows_neither_levels_nor_model_answer(client_for: Callable[..., Any], hall: Hall) -> None:
    enrolment = hall.trainee("learner")
    with transaction():
        attempt = services.start_attempt(enrolment, TEST, 1)
    item = next(slot.item for slot in queries.slots_of([attempt])[attempt] if slot.item.kind in PERSON_MARKED)
    page = text(client_for("learner").get(f"/attempts/{attempt}"))
    assert 'maxlength="20000"' in page and item.model_answer.en[:40] not in page               # type: ignore[union-attr]
    for criterion in item.criteria:                                                        # type: ignore[union-attr]
        assert criterion.title.en not in page and not any(level.descriptor.en in page for level in criterion.levels[:1])


def test_an_essay_saved_elsewhere_is_shown_beside_mine_and_mine_can_still_stand(client_for: Callable[..., Any], hall: Hall) -> None:
    enrolment = hall.trainee("learner")
    with transaction():
        attempt = services.start_attempt(enrolment, TEST, 1)
        place = next(slot.position for slot in queries.slots_of([attempt])[attempt] if slot.item.kind == "essay")
        services.save_answer(attempt, place, {"text": "别处写的"}, "op", 0, 1)
    client = client_for("learner")
    answer = client.send(f"/attempts/{attempt}/answers", {"position": place, "version": 0, "go": "stay", "a": "第一行\n第二行"})
    page = text(answer)
    assert answer.status_code == 409 and "别处写的" in page and 'name="a" value="第一行\n第二行"' in page


def test_pages_read_well_in_chinese(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = hall.essay(hall.trainee())
    hall.marker("marker")
    client = client_for("marker", "zh")
    page = text(client.get("/marking"))
    assert "有 1 份答案待你评阅" in page and "评下一份" in page
    page = text(client.get(f"/marking/{slot}"))
    assert "两人各自独立评分" in page and "参考答案" in page
    for english in ("Marking", "Model answer", "Save the draft", "The answer", "Your comment"):
        assert english not in page
    assert "书面答案" in text(client.get("/rating"))
