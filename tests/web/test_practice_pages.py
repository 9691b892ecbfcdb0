"""Practice from a browser's side: what is due, the wrong-answer book, one question of the review and its feedback, and whose it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from courses.queries import find_enrolment
from foundation.db import db, transaction
from quizzes import queries, services
from quizzes.models import ReviewAnswer, ReviewCard
from quizzes.queries import practice
from quizzes.queries.history import history, practice_pool
from quizzes.queries.practice import Asked
from quizzes.rules.scoring import right_answer
from tests.factories import Factory
from tests.practice_scene import fields_of, miss, question_of, sit, wrong_answer

QUIZ, EXAM, STAGE, MOCK = "quiz-products", "final-exam", "stage-1-test", "mock-exam"


@pytest.fixture
def learner(make: Factory) -> int:
    id_ = make.trainee(make.cohort(weeks_ago=6), "learner", name="周以宁")
    make.waive_all_gates(id_, make.person("waiver", "trainer"))
    return id_


def text(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code, answer.get_data(as_text=True)[:500])
    return str(answer.get_data(as_text=True))


def asked_by(enrolment_id: int, fields: dict[str, str]) -> Asked:
    """The question a page shows, as the server knows it."""
    enrolment = find_enrolment(enrolment_id)
    assert enrolment is not None
    found = history(enrolment)
    asked = practice.find_asked(found, practice_pool(found.cohort.id), fields["objective"], fields["token"])
    assert asked is not None
    return asked


def shown(client: FlaskClient, enrolment_id: int) -> tuple[dict[str, str], Asked]:
    """The review's form as it is on the page now, and its question."""
    fields = question_of(text(client, "/practice/review"))
    return fields, asked_by(enrolment_id, fields)


def right(asked: Asked) -> dict[str, Any]:
    return fields_of(asked.slot, right_answer(asked.slot.item, asked.slot.values))


def wrong(asked: Asked) -> dict[str, Any]:
    return fields_of(asked.slot, wrong_answer(asked.slot.item, asked.slot.values))


# ── the overview and the book ────────────────────────────────────────────────────────────────────────────────────
def test_who_has_missed_nothing_is_told_what_will_come(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    page = text(client, "/practice")
    assert "Nothing to review yet." in page and "The book is empty." in page and "Mock exam" in page
    assert "The book is empty" in text(client, "/practice/wrong")
    assert "Nothing to review yet." in text(client, "/practice/review")
    assert "are due" not in text(client, "/")


def test_who_is_in_no_cohort_is_told_so(client_for: Callable[..., Any], make: Factory) -> None:
    make.person("newcomer", "trainee")
    client = client_for("newcomer")
    assert "No course yet" in text(client, "/practice")
    assert client.get("/practice/wrong").status_code == client.get("/practice/review").status_code == 404


def test_a_missed_question_stands_in_the_book_with_answer_key_reason_and_lesson(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    attempt = miss(learner, QUIZ)
    slots = queries.slots_of([attempt])[attempt]
    page = text(client, "/practice/wrong")
    assert page.count("<article") == len(slots) == 5
    assert f"/attempts/{attempt}/result" in page and "/lessons/" in page and "An entry leaves the book after two right answers" in page
    assert page.count("Right answer: ") + page.count("Correct</span>") >= 1
    overview = text(client, "/practice")
    assert "5 entries" in overview and re.search(r"best <?|best 0", overview)
    topic = re.search(r"/practice/wrong\?topic=([\w-]+)", overview)
    assert topic
    narrowed = text(client, f"/practice/wrong?topic={topic.group(1)}")
    assert 1 <= narrowed.count("<article") <= 5 and 'selected' in narrowed
    assert re.search(r"questions? (is|are) due", text(client, "/")), "the start page links it"


def test_the_book_comes_in_pages_of_twenty_and_as_cards_to_print(client_for: Callable[..., Any], learner: int) -> None:
    for ref in ("pre-test", "week-1-practice"):
        miss(learner, ref)
    client = client_for("learner")
    first, second = text(client, "/practice/wrong"), text(client, "/practice/wrong?page=2")
    total = int(re.search(r'<p class="lede">(\d+) entries', first).group(1))  # type: ignore[union-attr]
    assert 20 < total <= 25 and first.count("<article") == 20 and second.count("<article") == total - 20
    assert "Page 1 of 2" in first and text(client, "/practice/wrong?page=99").count("<article") == total - 20
    cards = text(client, "/practice/wrong?view=print")
    assert cards.count("wrong-card") == total and "What I do first next time" in cards and "practice.css" in cards
    assert "This test shows no keys" in first + second


def test_a_stage_test_shows_the_book_no_key_of_any_kind_of_question(client_for: Callable[..., Any], learner: int) -> None:
    attempt = miss(learner, STAGE)
    page = text(client_for("learner"), "/practice/wrong")
    assert page.count("This test shows no keys") == len(queries.slots_of([attempt])[attempt]) == 15
    assert "answer-right" not in page and "Right answer" not in page and "Correct</span>" not in page
    for slot in queries.slots_of([attempt])[attempt]:
        feedback = getattr(slot.item, "feedback", None)
        if feedback is not None and hasattr(feedback, "en"):
            assert feedback.en[:40] not in page


@pytest.mark.parametrize("asked", ["?topic=nothing", "?objective=x", "?page=-1", "?page=９", "?page=abc", "?view=print&page=4",
                                   "?topic=%00%ff", "?objective=" + "a" * 4000])
def test_strange_filters_show_the_whole_book(client_for: Callable[..., Any], learner: int, asked: str) -> None:
    miss(learner, QUIZ)
    assert text(client_for("learner"), f"/practice/wrong{asked}").count("<article") == 5


# ── the review, without JavaScript ───────────────────────────────────────────────────────────────────────────────
def test_a_question_is_answered_and_explained_at_once_with_its_next_day(client_for: Callable[..., Any], learner: int) -> None:
    miss(learner, QUIZ)
    client = client_for("learner")
    fields, asked = shown(client, learner)
    page = text(client, "/practice/review")
    key = asked.slot.item.key
    assert key not in page, "the page names neither the item nor its key"
    led = client.post("/practice/review", data={**fields, **right(asked), "go": "answer"})
    row = db.session.query(ReviewAnswer).one()
    assert led.status_code == 303 and led.location == f"/practice/review/answers/{row.id}"
    feedback = text(client, led.location)
    assert "Right." in feedback and "Right at the first try" in feedback and "This objective is asked again on" in feedback and "/lessons/" in feedback


def test_not_knowing_is_an_answer_and_comes_round_once_more_today(client_for: Callable[..., Any], learner: int) -> None:
    miss(learner, QUIZ)
    client = client_for("learner")
    fields, _asked = shown(client, learner)
    led = client.post("/practice/review", data={**fields, "go": "unknown"})
    feedback = text(client, led.location)
    assert "Here is the answer." in feedback and "comes round once more today" in feedback and "Not there yet" in feedback
    row = db.session.query(ReviewAnswer).one()
    assert row.answer is None and row.rating == 1


def test_nothing_and_what_cannot_be_read_are_asked_again_and_nothing_is_kept(client_for: Callable[..., Any], learner: int) -> None:
    miss(learner, QUIZ)
    client = client_for("learner")
    fields, asked = shown(client, learner)
    for sent, words in (({}, "Nothing is answered yet"), ({"a": "Z", "a.1": "Z", "a.A": "99"}, "")):
        again = client.post("/practice/review", data={**fields, **sent, "op": f"op-{len(sent)}", "go": "answer"})
        page = again.get_data(as_text=True)
        assert again.status_code == 422 and words in page and fields["token"] in page, asked.slot.item.kind
    assert db.session.query(ReviewAnswer).count() == 0 == db.session.query(ReviewCard).count()


def test_a_number_that_is_none_is_not_marked_but_asked_again_with_what_was_typed(client_for: Callable[..., Any], learner: int, monkeypatch: Any) -> None:
    for ref in ("week-3-practice", QUIZ):
        miss(learner, ref)
    client = client_for("learner")
    for _question in range(20):
        fields, asked = shown(client, learner)
        if asked.slot.item.kind == "numeric":
            again = client.post("/practice/review", data={**fields, "a": "about a hundred", "go": "answer"})
            assert again.status_code == 422 and 'value="about a hundred"' in again.get_data(as_text=True)
            return
        client.post("/practice/review", data={**fields, **right(asked), "go": "answer"})
    raise AssertionError("no calculation was asked")


def test_the_same_answer_sent_twice_is_one_and_leads_to_the_same_feedback(client_for: Callable[..., Any], learner: int) -> None:
    miss(learner, QUIZ)
    client = client_for("learner")
    fields, asked = shown(client, learner)
    answers = [client.post("/practice/review", data={**fields, **wrong(asked), "go": "answer"}) for _copy in range(3)]
    assert {answer.location for answer in answers} == {answers[0].location} and answers[0].status_code == 303
    assert db.session.query(ReviewAnswer).count() == 1


def test_a_second_tab_overwrites_nothing_and_both_answers_are_shown(client_for: Callable[..., Any], learner: int) -> None:
    miss(learner, QUIZ)
    client = client_for("learner")
    first, asked = shown(client, learner)
    second = {**question_of(text(client, "/practice/review")), "op": "second-tab"}
    client.post("/practice/review", data={**first, **right(asked), "go": "answer"})
    stale = client.post("/practice/review", data={**second, **wrong(asked), "go": "answer"})
    page = stale.get_data(as_text=True)
    assert stale.status_code == 409 and "Answered elsewhere in the meantime" in page and "The first answer counts" in page
    assert db.session.query(ReviewAnswer).count() == 1
    replaced = client.post("/practice/review", data={**second, "op": "third", "token": "0" * 24, "go": "answer", "a": "A"})
    assert replaced.status_code == 409 and "This question was replaced" in replaced.get_data(as_text=True)


def test_an_open_exam_closes_book_review_and_feedback(client_for: Callable[..., Any], learner: int) -> None:
    miss(learner, QUIZ)
    client = client_for("learner")
    fields, asked = shown(client, learner)
    led = client.post("/practice/review", data={**fields, "go": "unknown"}).location
    enrolment = find_enrolment(learner)
    assert enrolment is not None
    with transaction():
        services.start_attempt(learner, EXAM, enrolment.person_id)
    assert client.get(led).status_code == 404
    assert "Practice rests" in text(client, "/practice") and "Practice rests" in text(client, "/practice/review")
    for address in ("/practice/wrong", "/practice/wrong?view=print"):
        page = text(client, address)
        assert "<article" not in page and "open again when your exam has ended" in page
    refused = client.post("/practice/review", data={**fields, **right(asked), "op": "later", "go": "answer"})
    assert refused.status_code in (303, 409) and db.session.query(ReviewAnswer).count() == 1


# ── whose it is ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_answer_is_its_owners_alone_and_a_token_is_needed(client_for: Callable[..., Any], learner: int, make: Factory) -> None:
    miss(learner, QUIZ)
    client = client_for("learner")
    fields, asked = shown(client, learner)
    assert client.post("/practice/review", data={**fields, "csrf_token": "forged", **right(asked)}).status_code == 400
    id_ = int(client.post("/practice/review", data={**fields, **right(asked), "go": "answer"}).location.rsplit("/", 1)[1])
    make.trainee(make.cohort("2026-B", weeks_ago=6), "other")
    other = client_for("other")
    mine, unknown = other.get(f"/practice/review/answers/{id_}"), other.get("/practice/review/answers/987654")
    assert mine.status_code == unknown.status_code == 404
    assert "Nothing to review yet" in text(other, "/practice/review")
    make.person("trainer-x", "trainer")
    for address in ("/practice", "/practice/wrong", "/practice/review", f"/practice/review/answers/{id_}"):
        assert client_for("trainer-x").get(address).status_code == 403


def test_a_question_of_mine_cannot_be_answered_by_somebody_else(client_for: Callable[..., Any], learner: int, make: Factory) -> None:
    miss(learner, QUIZ)
    fields, asked = shown(client_for("learner"), learner)
    cohort = find_enrolment(learner).cohort_id  # type: ignore[union-attr]
    other_id = make.trainee(cohort, "other")
    make.waive_all_gates(other_id, make.person("waiver-2", "trainer"))
    miss(other_id, QUIZ)
    other = client_for("other")
    own = question_of(text(other, "/practice/review"))
    sent = {**own, "objective": fields["objective"], "token": fields["token"], **right(asked), "go": "answer"}
    assert other.post("/practice/review", data=sent).status_code == 409
    assert db.session.query(ReviewAnswer).count() == 0


# ── the mock exam, and the price of a page ───────────────────────────────────────────────────────────────────────
def test_the_mock_exam_says_how_it_follows_the_exam_and_tells_areas_afterwards(client_for: Callable[..., Any], learner: int) -> None:
    client = client_for("learner")
    page = text(client, f"/quizzes/{MOCK}")
    assert "30 questions against 60 in “Written exam (final)”, each area with its share" in page and "Products and compliance" in page
    attempt = sit(learner, MOCK, right=range(1, 9))
    page = text(client, f"/attempts/{attempt}/result")
    assert "bar of the written exam: 80" in page and "Emotion, complaints and crisis" in page and "/practice/wrong" in page and "Read again" in page
    assert "How it follows" not in text(client, f"/quizzes/{QUIZ}")
    stage = miss(learner, STAGE)
    assert "objectives to go over" in text(client, f"/attempts/{stage}/result")


@pytest.mark.parametrize("address", ["/practice", "/practice/wrong", "/practice/review", "/"])
def test_a_page_costs_the_same_however_much_was_answered(client_for: Callable[..., Any], learner: int, query_count: Any, address: str) -> None:
    client = client_for("learner")
    miss(learner, QUIZ)
    counts = []
    for refs in ((), ("pre-test", "week-1-practice", STAGE, "quiz-needs")):
        for ref in refs:
            miss(learner, ref)
        client.get(address)
        with query_count() as counted:
            assert client.get(address).status_code == 200
        counts.append(counted.number)
    assert counts[1] <= counts[0] + 2 and counts[1] <= 40, counts


def test_every_page_of_practice_is_there_in_chinese(client_for: Callable[..., Any], learner: int) -> None:
    miss(learner, QUIZ)
    client = client_for("learner", "zh")
    fields, asked = shown(client, learner)
    led = client.post("/practice/review", data={**fields, **wrong(asked), "go": "answer"}).location
    for address, words in (("/practice", "间隔复习"), ("/practice/wrong", "错题本"), ("/practice/wrong?view=print", "错题卡"), ("/practice/review", "核对答案"),
                           (led, "下次日期怎么定"), (f"/quizzes/{MOCK}", "和结业考试有多像")):
        page = text(client, address)
        assert words in page
        assert not re.search(r"(?<![\w/=\"'-])(Practice|Review|Wrong|Objective|Lesson|Missed)(?![\w\"'-])", re.sub(r"<[^>]+>", " ", page)), address
