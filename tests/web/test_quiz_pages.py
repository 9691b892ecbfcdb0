"""The quiz from a browser's side: start, save with and without JavaScript, conflicts, hand-in, results, and whose it is."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from courses.queries import find_enrolment
from foundation import clock, content
from foundation.content import Piece
from foundation.db import db, transaction
from quizzes import queries, services
from quizzes.models import AnswerSave, Attempt, Closure, LateSave
from quizzes.rules.answer import to_screen
from quizzes.rules.scoring import right_answer
from tests.factories import Factory

PRACTICE, EXAM, STAGE = "week-1-practice", "final-exam", "stage-1-test"
CANARY = "KANARI"


@pytest.fixture
def learner(make: Factory) -> int:
    id_ = make.trainee(make.cohort(weeks_ago=6), "learner", name="周以宁")
    make.waive_all_gates(id_, make.person("waiver", "trainer"))
    return id_


def count(model: Any) -> int:
    return db.session.query(model).count()


def begin(client: FlaskClient, ref: str = PRACTICE) -> int:
    answer = client.send(f"/quizzes/{ref}/attempts")  # type: ignore[attr-defined]
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return int(answer.location.rsplit("/", 1)[1])


def slot_of(attempt: int, position: int = 1) -> queries.SlotView:
    return queries.slots_of([attempt])[attempt][position - 1]


def begin_with_single(client: FlaskClient) -> tuple[int, queries.SlotView]:
    """A practice whose paper holds a single-choice item (about one draw in ninety does not: then it is begun anew)."""
    while True:
        attempt = begin(client)
        found = [slot for slot in queries.slots_of([attempt])[attempt] if slot.item.kind == "single"]
        if found:
            return attempt, found[0]
        client.send(f"/attempts/{attempt}/submit")  # type: ignore[attr-defined]


def save(client: FlaskClient, attempt: int, position: int, answer: Any, version: int = 0, op: str = "", token: str = "", **more: Any) -> Any:
    sent = {"op": op or secrets.token_hex(8), "position": position, "version": version, "answer": answer, **more}
    return client.post(f"/attempts/{attempt}/answers", json=sent,
                       headers={"X-CSRFToken": token or client.token()})  # type: ignore[attr-defined]


def save_all(client: FlaskClient, attempt: int, right: int | None = None) -> None:
    token = client.token()  # type: ignore[attr-defined]
    for slot in queries.slots_of([attempt])[attempt][:right]:
        key = to_screen(slot.item, slot.order, right_answer(slot.item, slot.values))
        assert save(client, attempt, slot.position, key, slot.version, token=token).status_code == 200


# ── the walk ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_trainee_walks_a_practice_from_start_to_feedback(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    page = client.get(f"/quizzes/{PRACTICE}").get_data(as_text=True)
    assert "30 minutes, by the server’s clock" in page and "Start now" in page
    attempt = begin(client)
    page = client.get(f"/attempts/{attempt}").get_data(as_text=True)
    assert page.count("data-question=") == 10 and len(re.findall(r'data-question="\d+" data-kind="\w+"[^>]* hidden>', page)) == 9
    save_all(client, attempt, 9)
    check = client.get(f"/attempts/{attempt}/check").get_data(as_text=True)
    assert "1 question without an answer" in check and "Question 10" in check and "Hand in as it is" in check
    assert client.send(f"/attempts/{attempt}/submit").location == f"/attempts/{attempt}/result"
    result = client.get(f"/attempts/{attempt}/result").get_data(as_text=True)
    assert '<span class="figure-xl">90</span>' in result and "90 of 100 marks." in result
    slot = slot_of(attempt)
    if slot.item.kind == "single":
        assert slot.item.options[0].feedback.en in result.replace("&#39;", "'")
    assert client.get(f"/attempts/{attempt}").location == f"/attempts/{attempt}/result" == client.get(f"/attempts/{attempt}/check").location
    page = client.get(f"/quizzes/{PRACTICE}").get_data(as_text=True)
    assert "90 points" in page and "Start now" in page


def test_without_javascript_each_question_saves_and_leads_on(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt = begin(client)
    for position in range(1, 11):
        page = client.get(f"/attempts/{attempt}?q={position}").get_data(as_text=True)
        form = next(part for part in page.split("<form ") if f'data-question="{position}"' in part)
        assert " hidden>" not in form[:form.index(">") + 1]
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        slot = slot_of(attempt, position)
        screen = to_screen(slot.item, slot.order, right_answer(slot.item, slot.values))
        answer: dict[str, Any] = {}
        for name, value in screen.items():
            if isinstance(value, dict):
                answer |= {f"a.{key}": child for key, child in value.items()}
            else:
                answer["a"] = {True: "true", False: "false"}.get(value, value) if not isinstance(value, list) else value
            assert name
        led = client.post(f"/attempts/{attempt}/answers", data={**fields, **answer, "go": "next"})
        assert led.location == (f"/attempts/{attempt}?q={position + 1}" if position < 10 else f"/attempts/{attempt}/check")
    assert "Every question is answered and saved." in client.get(f"/attempts/{attempt}/check").get_data(as_text=True)
    client.send(f"/attempts/{attempt}/submit")
    assert '<span class="figure-xl">100</span>' in client.get(f"/attempts/{attempt}/result").get_data(as_text=True)


@pytest.mark.parametrize(("go", "place"), [("back", "?q=1"), ("7", "?q=7"), ("99", "?q=10"), ("check", "/check"), ("stay", "?q=2"), ("", "?q=2")])
def test_every_button_of_the_plain_form_saves_first(client_for: Callable[..., Any], learner: int, go: str, place: str) -> None:
    client = client_for("learner")
    attempt = begin(client)
    slot = slot_of(attempt, 2)
    given = {"a": "true" if slot.item.kind == "true_false" else "A", "a.1": "A"}
    answer = client.send(f"/attempts/{attempt}/answers", {"position": 2, "version": 0, "go": go, **given})
    assert answer.location == f"/attempts/{attempt}{place}" and count(AnswerSave) <= 1


def test_pages_read_well_in_chinese(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner", "zh")
    attempt = begin(client)
    page = client.get(f"/attempts/{attempt}").get_data(as_text=True)
    assert "题卡" in page and "交卷前检查" in page and "2026-A 班" in page
    for english in ("Question card", "To the check", "Handed in", "Save and go on", "You are offline"):
        assert english not in page
    client.send(f"/attempts/{attempt}/submit")
    assert "交卷时间" in client.get(f"/attempts/{attempt}/result").get_data(as_text=True)


# ── autosave ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_autosave_answers_with_a_receipt_and_the_same_operation_with_the_same_receipt(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt, slot = begin_with_single(client)
    first = save(client, attempt, slot.position, {"choice": "B"}, op="one")
    assert first.status_code == 200 and set(first.json) == {"receipt", "saved_at", "saved_time", "version", "position", "now", "closes_at", "seconds_left"}
    again = save(client, attempt, slot.position, {"choice": "B"}, op="one")
    assert (again.json["receipt"], again.json["version"]) == (first.json["receipt"], 1) and count(AnswerSave) == 1
    other = save(client, attempt, slot.position, {"choice": "C"}, op="one")
    assert (other.status_code, other.json["error"]) == (409, "operation-conflict") and count(AnswerSave) == 1
    assert queries.slots_of([attempt])[attempt][slot.position - 1].answer == {"choice": slot.order[1]}
    page = client.get(f"/attempts/{attempt}").get_data(as_text=True)
    assert first.json["receipt"] in page and "1 of 10 answered" in page


def test_a_stale_tab_is_shown_both_answers_and_nothing_is_lost(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt, slot = begin_with_single(client)
    save(client, attempt, slot.position, {"choice": "A"})
    stale = save(client, attempt, slot.position, {"choice": "B"})
    view = queries.one_question(slot)
    assert (stale.status_code, stale.json["error"], stale.json["version"], stale.json["answer"]) == (409, "stale", 1, {"choice": "A"})
    assert len(stale.json["theirs"]) > 3 and stale.json["theirs"].startswith("A ") and stale.json["yours"].startswith("B ") and view.options[1].letter == "B"
    plain = client.send(f"/attempts/{attempt}/answers", {"position": slot.position, "version": 0, "a": "C", "go": "next"})
    page = plain.get_data(as_text=True)
    assert plain.status_code == 409 and "Let mine stand" in page and 'name="a" value="C"' in page and 'name="version" value="1"' in page
    mine = client.send(f"/attempts/{attempt}/answers", {"position": slot.position, "version": 1, "a": "C", "go": "stay"})
    assert mine.status_code == 303 and slot_of(attempt, slot.position).answer == {"choice": slot.order[2]}


def test_a_plain_form_sent_again_with_another_answer_is_shown_both(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt, slot = begin_with_single(client)
    fields = {"position": slot.position, "version": 0, "go": "next"}
    client.send(f"/attempts/{attempt}/answers", {**fields, "a": "A"}, op="page-1")
    again = client.send(f"/attempts/{attempt}/answers", {**fields, "a": "B"}, op="page-1")
    assert again.status_code == 409 and "Answered elsewhere in the meantime" in again.get_data(as_text=True)
    assert client.send(f"/attempts/{attempt}/answers", {**fields, "a": "A"}, op="page-1").status_code == 303 and count(AnswerSave) == 1


def test_hostile_saves_are_refused_in_words(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt, slot = begin_with_single(client)
    token = client.token()
    for body in ({"choice": "Z"}, {"choice": slot.order[0]}, {"choice": None, "correct": True}, {"text": "x" * 5000}):
        assert save(client, attempt, slot.position, body, token=token).status_code == 422
    for position in (0, 11, 10**5):
        assert save(client, attempt, position, {"choice": "A"}, token=token).status_code == 422
    for sent in ([], "x", {"op": "a"}, {"op": "", "position": 1, "version": 0, "answer": {}}, {"op": "x" * 65, "position": 1, "version": 0, "answer": {}},
                 {"op": "a", "position": True, "version": 0, "answer": {}}, {"op": "a", "position": 1, "version": -1, "answer": {}},
                 {"op": "a", "position": 1, "version": 0, "answer": {}, "score": 100}):
        refused = client.post(f"/attempts/{attempt}/answers", json=sent, headers={"X-CSRFToken": token})
        assert refused.status_code == 422 and refused.json["message"]
    assert client.send(f"/attempts/{attempt}/answers", {"position": 99, "version": 0}).status_code == 404
    wrong = client.send(f"/attempts/{attempt}/answers", {"position": slot.position, "version": 0, "a": "nonsense", "go": "next"})
    assert wrong.status_code == 422 and "could not be read" in wrong.get_data(as_text=True)
    assert count(AnswerSave) == 0


def test_nothing_is_saved_started_or_handed_in_without_the_token_of_the_page(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt = begin(client)
    body = {"op": "x", "position": 1, "version": 0, "answer": {}}
    refused = client.post(f"/attempts/{attempt}/answers", json=body)
    assert (refused.status_code, refused.json["error"]) == (400, "csrf")
    assert client.post(f"/attempts/{attempt}/submit").status_code == 400
    assert client.post(f"/quizzes/{STAGE}/attempts").status_code == 400
    assert count(Closure) == 0 and count(Attempt) == 1


def test_a_signed_out_page_is_told_so_in_json(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt = begin(client)
    token = client.token()
    client.delete_cookie("qizhou")
    answer = save(client, attempt, 1, {}, token=token)
    assert answer.status_code in (400, 401) and answer.json["error"] in ("csrf", "signed-out")


def test_the_clock_page_tells_the_servers_time_and_a_fresh_token(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt, slot = begin_with_single(client)
    told = client.get(f"/attempts/{attempt}/time").json
    assert told["state"] == "open" and 1700 < told["seconds_left"] <= 1800 and told["result"] == f"/attempts/{attempt}/result"
    assert save(client, attempt, slot.position, {"choice": "A"}, token=told["csrf_token"]).status_code == 200
    client.send(f"/attempts/{attempt}/submit")
    assert client.get(f"/attempts/{attempt}/time").json["state"] == "handed_in"


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_handing_in_twice_has_one_effect_and_one_answer(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt = begin(client)
    same = [client.send(f"/attempts/{attempt}/submit", op="hand-in") for _ in range(2)]
    other = client.send(f"/attempts/{attempt}/submit")
    assert {answer.location for answer in (*same, other)} == {f"/attempts/{attempt}/result"} and count(Closure) == 1
    json = client.post(f"/attempts/{attempt}/submit", data={"csrf_token": client.token()}, headers={"Accept": "application/json"})
    assert json.json == {"ok": True, "result": f"/attempts/{attempt}/result"}


def test_a_late_answer_is_kept_and_answered_in_clear_words(client_for: Callable[..., Any], learner: int) -> None:
    moment = clock.now()
    client = client_for("learner")
    attempt, slot = begin_with_single(client)
    with clock.standing_at(moment + timedelta(minutes=31)):
        late = save(client, attempt, slot.position, {"choice": "A"})
        assert (late.status_code, late.json["error"], late.json["result"]) == (409, "late", f"/attempts/{attempt}/result")
        assert late.json["message"].startswith("Time was up at ") and "held for review" in late.json["message"]
        plain = client.send(f"/attempts/{attempt}/answers", {"position": slot.position, "version": 0, "a": "B", "go": "next"})
        assert plain.status_code == 409 and "Time was up at" in plain.get_data(as_text=True)
        assert count(LateSave) == 2 and count(AnswerSave) == 0
        page = client.get(f"/attempts/{attempt}", follow_redirects=True).get_data(as_text=True)
        assert "Closed by time at" in page and count(Closure) == 0
    other = begin(client)
    client.send(f"/attempts/{other}/submit")
    late = save(client, other, 1, {})
    assert late.status_code == 409 and late.json["message"].startswith("This attempt was handed in at ")


def test_beginning_again_past_the_time_closes_the_old_attempt_and_makes_a_new_one(client_for: Callable[..., Any], learner: int) -> None:
    moment = clock.now()
    client = client_for("learner")
    first = begin(client)
    assert begin(client) == first
    with clock.standing_at(moment + timedelta(minutes=31)):
        assert begin(client) == first + 1 and count(Closure) == 1


def test_an_exam_shows_nothing_but_the_receipt_before_release(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt = begin(client, EXAM)
    save_all(client, attempt)
    client.send(f"/attempts/{attempt}/submit")
    receipt = slot_of(attempt, 60).receipt
    page = client.get(f"/attempts/{attempt}/result").get_data(as_text=True)
    assert "Handed in" in page and "60 of 60 questions" in page and receipt in page
    assert "figure-xl" not in page and "100 of 100" not in page and "answer-right" not in page
    start = client.get(f"/quizzes/{EXAM}").get_data(as_text=True)
    assert "points" not in start.split("Your attempts")[1] and "Start the exam now" not in start and "There is one sitting" in start
    again = client.send(f"/quizzes/{EXAM}/attempts")
    assert again.location == f"/quizzes/{EXAM}" and count(Attempt) == 1


def test_a_stage_test_stands_beside_its_bar(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt = begin(client, STAGE)
    save_all(client, attempt, 9)
    client.send(f"/attempts/{attempt}/submit")
    page = client.get(f"/attempts/{attempt}/result").get_data(as_text=True)
    assert "The bar is 60." in page and "Bar reached" in page
    second = begin(client, STAGE)
    save_all(client, second, 8)
    client.send(f"/attempts/{second}/submit")
    assert "Below the bar" in client.get(f"/attempts/{second}/result").get_data(as_text=True)


# ── whose it is, and what stays secret ───────────────────────────────────────────────────────────────────────────
def test_another_persons_attempt_is_a_404_like_an_unknown_one(client_for: Callable[..., Any], learner: int, make: Factory) -> None:
    attempt = begin(client_for("learner"))
    enrolment = find_enrolment(learner)
    assert enrolment is not None
    make.trainee(enrolment.cohort_id, "other")
    client = client_for("other")
    token = client.token()
    unknown = client.get("/attempts/999999").get_data(as_text=True)
    for path in ("", "/check", "/result", "/time"):
        answer = client.get(f"/attempts/{attempt}{path}")
        assert answer.status_code == 404 == client.get(f"/attempts/999999{path}").status_code
    shown = client.get(f"/attempts/{attempt}").get_data(as_text=True)
    without_address = [re.sub(r'/attempts/\d+|name="csrf_token"[^>]*value="[^"]*"', "", text) for text in (shown, unknown)]
    assert without_address[0] == without_address[1] and len(without_address[0]) > 500
    assert save(client, attempt, 1, {"choice": "A"}, token=token).status_code == 404
    assert client.send(f"/attempts/{attempt}/submit").status_code == 404
    assert count(AnswerSave) == count(Closure) == 0


def test_people_without_a_course_of_their_own_are_kept_out(client_for: Callable[..., Any], learner: int, make: Factory) -> None:
    attempt = begin(client_for("learner"))
    make.person("staff", "trainer")
    staff, nobody = client_for("staff"), client_for()
    for path in (f"/quizzes/{PRACTICE}", f"/attempts/{attempt}", f"/attempts/{attempt}/result"):
        assert staff.get(path).status_code == 403
        assert nobody.get(path).status_code == 303
    assert staff.send(f"/quizzes/{PRACTICE}/attempts").status_code == 403
    make.person("loose", "trainee")
    assert client_for("loose").get(f"/quizzes/{PRACTICE}").status_code == 404


def test_a_quiz_outside_the_programme_or_still_planned_is_a_404_and_a_closed_one_says_when(client_for: Callable[..., Any], make: Factory) -> None:
    make.trainee(make.cohort(weeks_ago=0), "early")
    client = client_for("early")
    for ref in ("no-such-quiz", "week-2-practice"):
        assert client.get(f"/quizzes/{ref}").status_code == 404
        assert client.send(f"/quizzes/{ref}/attempts").status_code == 404
    page = client.get(f"/quizzes/{STAGE}").get_data(as_text=True)
    assert "Opens on" in page and "Start now" not in page
    assert client.send(f"/quizzes/{STAGE}/attempts").location == f"/quizzes/{STAGE}" and count(Attempt) == 0
    make.trainee(make.cohort("2026-B", weeks_ago=6), "gated")
    assert "Opens when this gate is passed" in client_for("gated").get(f"/quizzes/{EXAM}").get_data(as_text=True)


def _with_canaries(body: Any, name: str = "") -> Any:
    """An item with a canary in every text that only the review may show."""
    if name in ("feedback", "misconception", "model_answer") and isinstance(body, dict) and set(body) == {"zh", "en"}:
        return {"zh": CANARY, "en": CANARY}
    if name == "accept":
        return {language: [*texts, CANARY] for language, texts in body.items()}
    if isinstance(body, dict):
        return {key: _with_canaries(child, key if name != "feedback" else "feedback") for key, child in body.items()}
    return [_with_canaries(child, name) for child in body] if isinstance(body, list) else body


@pytest.mark.parametrize("ref", [PRACTICE, "week-3-practice", EXAM])
def test_no_key_and_no_feedback_leaves_the_server_before_its_time(client_for: Callable[..., Any], learner: int, ref: str) -> None:
    library = content.read_all()
    for (kind, key), piece in list(library.pieces.items()):
        if kind == "item":
            library.pieces[(kind, key)] = Piece(kind, key, _with_canaries(piece.body), piece.scoring, piece.status, piece.path)
    with transaction():
        content.load(library, None)
    assert CANARY in str(queries.item_version(next(iter(content.current_ids("item").values()))).model_dump())
    for language in ("en", "zh"):
        client = client_for("learner", language)
        attempt = begin(client, ref)
        seen = [client.get(f"/attempts/{attempt}{path}").get_data(as_text=True) for path in ("", "/check", "/time")]
        for slot in queries.slots_of([attempt])[attempt]:
            key = to_screen(slot.item, slot.order, right_answer(slot.item, slot.values))
            for version in (slot.version, slot.version + 5):
                seen.append(save(client, attempt, slot.position, key, version).get_data(as_text=True))
        seen.append(client.get(f"/attempts/{attempt}").get_data(as_text=True))
        assert not any(CANARY in page for page in seen)
        for page in seen:
            assert not re.search(r"correct=|data-right|is_right|misconception|\"right\"|answer-right", page)
        if ref == EXAM and language == "en":
            continue
        client.send(f"/attempts/{attempt}/submit")
        assert (CANARY in client.get(f"/attempts/{attempt}/result").get_data(as_text=True)) == (ref != EXAM)


def test_the_options_of_an_open_question_differ_in_letter_and_text_alone(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt = begin(client, EXAM)
    page = client.get(f"/attempts/{attempt}").get_data(as_text=True)
    for slot in queries.slots_of([attempt])[attempt]:
        form = next(part for part in page.split("<form ") if f'data-question="{slot.position}"' in part).split("</form>")[0]
        labels = re.findall(r'<label class="option">(.*?)</label>', form, re.DOTALL)
        if slot.item.kind not in ("single", "multiple"):
            continue
        bare = {re.sub(r'value="[A-F]"|<span class="option-key">[A-F]</span><span>.*?</span>', "", label, flags=re.DOTALL) for label in labels}
        assert len(labels) == len(slot.order) and len(bare) == 1
        for key in slot.order:
            assert f'value="{key}"' not in form and f'"{key}"' not in "".join(labels).replace('name="a"', "")
        assert ",".join(slot.order) not in form and '", "'.join(slot.order) not in form


# ── cost ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_attempt_page_takes_a_fixed_number_of_selects(client_for: Callable[..., Any], learner: int, query_count: Any) -> None:
    client = client_for("learner")
    attempt = begin(client, EXAM)
    save_all(client, attempt, 12)
    client.get(f"/attempts/{attempt}?q=3")
    with query_count() as counted:
        assert client.get(f"/attempts/{attempt}?q=3").status_code == 200
    assert counted.number <= 8, counted.statements


def test_an_autosave_takes_few_statements(client_for: Callable[..., Any], learner: int, query_count: Any) -> None:
    client = client_for("learner")
    attempt, slot = begin_with_single(client)
    token = client.token()
    save(client, attempt, slot.position, {"choice": "A"}, token=token)
    with query_count() as counted:
        assert save(client, attempt, slot.position, {"choice": "B"}, 1, token=token).status_code == 200
    assert counted.number <= 7, counted.statements


def test_the_start_page_takes_as_many_selects_with_ten_attempts_as_with_two(client_for: Callable[..., Any], learner: int, query_count: Any) -> None:
    client = client_for("learner")
    numbers = []
    for rounds in (2, 8):
        for _ in range(rounds):
            with transaction():
                attempt = services.start_attempt(learner, PRACTICE, 1)
                services.submit_attempt(attempt, 1)
        client.get(f"/quizzes/{PRACTICE}")
        with query_count() as counted:
            assert client.get(f"/quizzes/{PRACTICE}").status_code == 200
        numbers.append(counted.number)
    assert numbers[0] == numbers[1] <= 22
