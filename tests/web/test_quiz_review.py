"""What a quiz shows afterwards, and what its start page promises of it: closed while the written exam is being sat."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from courses.queries import find_enrolment
from foundation import clock, content
from foundation.db import transaction
from quizzes import queries, services
from quizzes.queries import parts
from quizzes.rules.blueprint import Blueprint
from tests.factories import Factory
from tests.practice_scene import sit

PRACTICE, EXAM, STAGE, MOCK = "week-1-practice", "final-exam", "stage-1-test", "mock-exam"
CLOSED = "The review of this quiz opens again when your exam has ended."


@pytest.fixture
def learner(make: Factory) -> int:
    id_ = make.trainee(make.cohort(weeks_ago=6), "learner", name="周以宁")
    make.waive_all_gates(id_, make.person("waiver", "trainer"))
    return id_


def begin_exam(enrolment_id: int) -> tuple[int, int]:
    """The attempt and the person who sits it."""
    found = find_enrolment(enrolment_id)
    assert found is not None
    with transaction():
        return services.start_attempt(enrolment_id, EXAM, found.person_id), found.person_id


def result(client: FlaskClient, attempt: int) -> str:
    answer = client.get(f"/attempts/{attempt}/result")
    assert answer.status_code == 200
    return re.sub(r'name="csrf_token"[^>]*|data-csrf="[^"]*"|nonce="[^"]*"|name="op"[^>]*|content="[^"]*"', "", str(answer.get_data(as_text=True)))


def figure(page: str) -> str:
    found = re.search(r'figure-xl">([^<]+)<', page)
    assert found is not None
    return found.group(1)


def told_by(attempt: int) -> list[str]:
    """What a review may tell of a paper: its questions, its options' reasons, its feedback."""
    said: list[str] = []
    for slot in queries.slots_of([attempt])[attempt]:
        feedback = getattr(slot.item, "feedback", None)
        said += [slot.item.stem.en, *(option.feedback.en for option in getattr(slot.item, "options", ()))]
        said += [feedback.en] if feedback is not None and hasattr(feedback, "en") else []
    return [re.split(r"[“”'’\"&{*\n]", text)[0][:40] for text in said if len(re.split(r"[“”'’\"&{*\n]", text)[0]) > 15]


def test_while_the_exam_is_open_every_other_result_is_its_score_alone(client_for: Callable[..., Any], learner: int) -> None:
    quiz, stage, mock = sit(learner, PRACTICE, right=(1, 2)), sit(learner, STAGE, right=(1, 2)), sit(learner, MOCK, right=(1, 2))
    client = client_for("learner")
    before = {attempt: result(client, attempt) for attempt in (quiz, stage, mock)}
    assert before[quiz].count("<article") == len(queries.slots_of([quiz])[quiz])
    assert any(words in before[quiz] for words in told_by(quiz)) and "objectives to go over" in before[stage] and "Area by area" in before[mock]
    exam, person = begin_exam(learner)
    for attempt, was in before.items():
        now = result(client, attempt)
        assert CLOSED in now and CLOSED not in was
        assert figure(now) == figure(was)
        assert not [word for word in ("<article", "Correct</span>", "Right answer", "answer-right", "go over", "Area by area", "Read again") if word in now]
        assert not [words for words in told_by(attempt) if words in now]
    with transaction():
        services.submit_attempt(exam, person)
    assert {attempt: result(client, attempt) for attempt in before} == before, "the exam has ended: all of it is back"


def test_the_review_is_back_when_the_time_of_the_exam_is_up(client_for: Callable[..., Any], learner: int) -> None:
    quiz = sit(learner, PRACTICE)
    exam, _person = begin_exam(learner)
    assert CLOSED in result(client_for("learner"), quiz)
    closes_at = queries.get_attempt(exam).closes_at
    with clock.standing_at(closes_at - timedelta(seconds=1)):
        assert CLOSED in result(client_for("learner"), quiz)
    with clock.standing_at(closes_at):
        assert "<article" in result(client_for("learner"), quiz), "nobody has posted the end; it has ended all the same"


def test_the_exam_of_somebody_else_closes_nothing_and_ones_own_in_another_cohort_does(client_for: Callable[..., Any], learner: int, make: Factory) -> None:
    quiz = sit(learner, PRACTICE)
    found = find_enrolment(learner)
    assert found is not None
    other = make.trainee(found.cohort_id, "other")
    make.waive_all_gates(other, make.person("second-waiver", "trainer"))
    begin_exam(other)
    assert "<article" in result(client_for("learner"), quiz)
    second = make.enrol(make.cohort("2026-B", weeks_ago=6), found.person_id)
    make.waive_all_gates(second, make.person("third-waiver", "trainer"))
    begin_exam(second)
    assert CLOSED in result(client_for("learner"), quiz)


def test_a_result_that_shows_nothing_but_the_score_is_not_called_closed(client_for: Callable[..., Any], learner: int) -> None:
    """The receipt of an exam handed in promises no review that could open again."""
    exam, person = begin_exam(learner)
    with transaction():
        services.submit_attempt(exam, person)
    page = result(client_for("learner"), exam)
    assert "Your paper is safe" in page and CLOSED not in page


def test_the_line_is_there_in_chinese(client_for: Callable[..., Any], learner: int) -> None:
    quiz = sit(learner, PRACTICE)
    begin_exam(learner)
    assert "这份测验的讲评等你考完再开。" in result(client_for("learner", "zh"), quiz)


def test_the_exam_is_looked_for_in_one_select(client_for: Callable[..., Any], learner: int, query_count: Any) -> None:
    quiz, exam = sit(learner, PRACTICE), begin_exam(learner)
    client, counts = client_for("learner"), []
    for _time in range(2):
        result(client, quiz)
        with query_count() as counted:
            result(client, quiz)
        counts.append(counted.number)
        with transaction():
            services.submit_attempt(*exam)
    assert max(counts) <= 14, counts
    with query_count() as counted:
        queries.attempts.exam_is_open(exam[1], clock.now())
    assert counted.number == 1


# ── what the start page promises ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("ref", "english", "chinese"), [
    (PRACTICE, "You see the score, the key and the reason for every option.", "可以看到得分、答案和每个选项的理由。"),
    (STAGE, "You see the score, the result area by area and the objectives to go over. Keys are not shown.",
     "可以看到得分、各领域的得分和要回头看的学习目标。不显示答案。"),
    ("pre-test", "the objectives to go over. Keys are not shown.", "要回头看的学习目标。不显示答案。"),
    (MOCK, "You see the score, the result area by area, the key and the reason for every option.", "可以看到得分、各领域的得分、答案和每个选项的理由。"),
    (EXAM, "You get a receipt at once; the score is shown when results are released.", "交卷当时给回执；成绩在公布结果时显示。"),
])
def test_the_start_page_promises_what_the_review_shows(client_for: Callable[..., Any], learner: int, ref: str, english: str, chinese: str) -> None:
    for language, words in (("en", english), ("zh", chinese)):
        page = client_for("learner", language).get(f"/quizzes/{ref}").get_data(as_text=True)
        assert words in page
        assert ("every option" in page or "每个选项" in page) == (ref in (PRACTICE, MOCK))


@pytest.mark.parametrize(("opens", "shows", "purpose", "promised"), [
    ("after-submit", ["score"], "stage_test", ("score", "areas")),
    ("after-submit", ["score", "objective_feedback"], "practice", ("score",)),
    ("after-submit", ["key", "feedback"], "mock", ("key", "feedback")),
    ("after-submit", [], "practice", ()),
    ("after-release", ["score", "key", "feedback"], "exam", ()),
])
def test_what_is_promised_follows_the_review_of_the_blueprint(app: Flask, opens: str, shows: list[str], purpose: str, promised: tuple[str, ...]) -> None:
    stored = content.find_current("blueprint", STAGE)
    assert stored is not None
    assert parts.promised(Blueprint.model_validate({**stored.body, "review": {"opens": opens, "shows": shows}, "purpose": purpose})) == promised


def test_what_is_promised_is_what_the_result_page_shows(client_for: Callable[..., Any], learner: int) -> None:
    """Every quiz of the kinds a programme has: the words of the result page against the promise."""
    client = client_for("learner")
    for ref in (PRACTICE, STAGE, MOCK, "pre-test"):
        attempt = sit(learner, ref)
        promised, page = parts.promised(queries.get_attempt(attempt).blueprint), result(client, attempt)
        assert ("score" in promised) == ("figure-xl" in page)
        assert ("areas" in promised) == ("Area by area" in page)
        assert ("objectives" in promised) == ("to go over</h2>" in page)
        assert ("key" in promised) == ("Correct</span>" in page or "Right answer" in page or "answer-right" in page)
