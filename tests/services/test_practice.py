"""Spaced review and wrong-answer book on real rows: what enters, what never does, one answer moves one card, and the log rebuilds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from courses import queries as courses
from foundation import clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from quizzes import queries
from quizzes import services as sittings
from quizzes.models import Hearing, ItemRuling, Response, ReviewAnswer, ReviewCard
from quizzes.queries import practice
from quizzes.queries.history import History, history, practice_pool, replayed
from quizzes.queries.parts import exam_bar, mirror_of, parts_of
from quizzes.rules import item as items
from quizzes.rules.scoring import right_answer
from quizzes.rules.spacing import DAILY_LIMIT
from quizzes.services import practice as services
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.practice_scene import miss, sit, wrong_answer

QUIZ, PRE_TEST, STAGE, EXAM, MOCK = "quiz-products", "pre-test", "stage-1-test", "final-exam", "mock-exam"
ZONE = "Asia/Shanghai"


@pytest.fixture
def learner(make: Factory) -> int:
    """A trainee in the last week, every gate waived."""
    id_ = make.trainee(make.cohort(weeks_ago=6), "learner", name="周以宁")
    make.waive_all_gates(id_, make.person("waiver", "trainer"))
    return id_


def read(enrolment_id: int) -> History:
    enrolment = courses.find_enrolment(enrolment_id)
    assert enrolment is not None
    return history(enrolment)


def book(enrolment_id: int) -> set[str]:
    return {entry.item_key for entry in read(enrolment_id).book()}


def person(enrolment_id: int) -> int:
    return read(enrolment_id).enrolment.person_id


def due(enrolment_id: int) -> list[str]:
    found = read(enrolment_id)
    return [one.objective for one in found.due(practice_pool(found.cohort.id))]


@contextmanager
def days_later(days: int) -> Iterator[datetime]:
    """Noon of a day ahead, in the cohort's zone."""
    noon = datetime.combine(clock.today(ZONE) + timedelta(days), datetime.min.time(), ZoneInfo(ZONE)) + timedelta(hours=12)
    with clock.standing_at(noon):
        yield noon


def respond(enrolment_id: int, right: bool, objective: str = "") -> int:
    """Answer the question that is due first (or that of an objective); the id of the answer."""
    found = read(enrolment_id)
    pool = practice_pool(found.cohort.id)
    asked = practice.ask_next(found, pool, objective or found.due(pool)[0].objective)
    item, values = asked.slot.item, asked.slot.values
    with transaction():
        return services.answer_review(enrolment_id, asked.objective, asked.token, right_answer(item, values) if right else wrong_answer(item, values),
                                      found.enrolment.person_id)


# ── what enters the book ─────────────────────────────────────────────────────────────────────────────────────────
def test_what_was_answered_below_the_full_mark_enters_and_what_was_right_does_not(learner: int) -> None:
    attempt = sit(learner, QUIZ, right=(1, 3))
    slots = queries.slots_of([attempt])[attempt]
    assert book(learner) == {slot.item.key for slot in slots if slot.position not in (1, 3)}


def test_a_blank_counts_when_it_was_handed_in_and_not_when_time_ended_the_quiz(learner: int) -> None:
    attempt = sit(learner, QUIZ, right=(1,), blank=(4, 5))
    keys = {slot.position: slot.item.key for slot in queries.slots_of([attempt])[attempt]}
    assert book(learner) == {keys[position] for position in (2, 3, 4, 5)}


@pytest.mark.parametrize("posted", [True, False])
def test_a_quiz_that_time_ended_counts_posted_or_not_without_its_blanks(learner: int, posted: bool) -> None:
    attempt = sit(learner, QUIZ, right=(1,), blank=(4, 5), hand_in=False)
    keys = {slot.position: slot.item.key for slot in queries.slots_of([attempt])[attempt]}
    assert book(learner) == set(), "an open paper says nothing yet"
    with clock.standing_at(clock.now() + timedelta(hours=2)):
        if posted:
            with transaction():
                assert sittings.close_due() == 1
        assert book(learner) == {keys[2], keys[3]}


def test_two_right_answers_on_different_days_take_an_item_out_and_one_day_does_not(learner: int) -> None:
    attempt = miss(learner, QUIZ)
    objective = due(learner)[0]
    key = next(slot.item.key for slot in queries.slots_of([attempt])[attempt] if slot.item.objective == objective)
    seen = []
    for day in range(1, 400, 20):
        with days_later(day):
            if objective not in due(learner):
                continue
            id_ = respond(learner, right=True, objective=objective)
            seen.append(db.session.get_one(ReviewAnswer, id_).item_key)
            if seen.count(key) < 2:
                assert key in book(learner)
            else:
                assert key not in book(learner)
                return
    raise AssertionError(f"{key} was not asked twice: {seen}")


def test_the_items_of_an_exam_never_enter_before_or_after_it_ended(learner: int) -> None:
    miss(learner, EXAM)
    found = read(learner)
    assert found.facts == () and found.book() == () and due(learner) == []


def test_no_review_question_is_an_exams_own_or_comes_from_a_draft(learner: int) -> None:
    pool = practice_pool(read(learner).cohort.id)
    bank = queries.bank(read(learner).cohort.id)
    for entries in pool.values():
        for ask in entries:
            version = queries.item_version(ask.version_id)
            item = items.part(version, ask.item_key)
            assert item.usage in ("practice", "both") and version.status in ("reviewed", "approved") and item.kind not in ("short_answer", "essay")
    asked = {ask.item_key for entries in pool.values() for ask in entries}
    assert asked and not asked & {item.key for _id, piece in bank.values() for item in items.parts(piece) if item.usage == "exam"}


def test_a_quiz_that_shows_no_keys_gives_the_book_neither_key_nor_reason(learner: int, make: Factory, app: Any) -> None:
    attempt = miss(learner, PRE_TEST)
    actor = make.actor(person(learner))
    with app.test_request_context():
        page = practice.wrong_page(actor)
    assert page.total == len(queries.slots_of([attempt])[attempt])
    assert all(entry.reviewed is None and entry.quiz is not None and entry.quiz["en"] == "Pre-test: where you start" for entry in page.entries)
    miss(learner, QUIZ)
    with app.test_request_context():
        page = practice.wrong_page(actor)
    shown = [entry for entry in page.entries if entry.quiz and entry.quiz["zh"].startswith("小测")]
    assert len(shown) == 5 and all(entry.reviewed is not None for entry in shown)


def test_a_hearing_that_drops_or_gives_a_mark_takes_the_item_out_of_the_book_and_of_the_review(learner: int) -> None:
    attempt = miss(learner, QUIZ)
    first, second = queries.slots_of([attempt])[attempt][:2]
    assert {first.item.key, second.item.key} <= book(learner)
    with transaction():
        for slot, possible, fraction, remedy in ((first, Decimal(0), Decimal(0), "drop"), (second, None, Decimal(1), "give_all")):
            db.session.add(Response(attempt_id=attempt, slot_id=slot.id, run=2, answer=slot.answer, fraction=fraction, mark=fraction * slot.marks,
                                    possible=possible, scoring_hash="x", scored_at=clock.now(), cause="hearing:1"))
            row = Hearing(item_key=slot.item.key, item_version_id=slot.version_id, remedy=remedy, complaint="x", opened_by_id=person(learner),
                          opened_at=clock.now(), posted_at=clock.now())
            db.session.add(row)
            db.session.flush()
            db.session.add(ItemRuling(hearing_id=row.id, item_key=slot.item.key, item_version_id=slot.version_id, remedy=remedy, posted_at=clock.now()))
    assert not {first.item.key, second.item.key} & book(learner)
    pool = practice_pool(read(learner).cohort.id)
    assert not {first.item.key, second.item.key} & {ask.item_key for entries in pool.values() for ask in entries}


def test_what_stands_on_an_open_paper_is_left_alone_and_an_open_exam_stops_practice(learner: int, make: Factory, app: Any) -> None:
    missed = miss(learner, QUIZ)
    keys = {slot.item.key for slot in queries.slots_of([missed])[missed]}
    with transaction():
        again = sittings.start_attempt(learner, QUIZ, person(learner))
    on_paper = {slot.item.key for slot in queries.slots_of([again])[again]}
    assert book(learner) == keys - on_paper
    found = read(learner)
    pool = practice_pool(found.cohort.id)
    for objective in pool:
        assert not {ask.item_key for ask in practice.candidates(found, pool, objective)} & on_paper
    with transaction():
        sittings.submit_attempt(again, person(learner))
        sittings.start_attempt(learner, EXAM, person(learner))
    assert read(learner).exam_is_open
    with app.test_request_context():
        assert practice.wrong_page(make.actor(person(learner))).entries == ()
        assert practice.review_page(make.actor(person(learner))).question is None
    with pytest.raises(services.ExamRunning), transaction():
        services.answer_review(learner, "x", "y", {}, person(learner))


def test_another_persons_answers_and_another_enrolment_are_not_in_my_book(learner: int, make: Factory) -> None:
    miss(learner, QUIZ)
    other = make.trainee(read(learner).cohort.id, "other")
    assert book(other) == set() and due(other) == []
    again = make.enrol(make.cohort("2026-B", weeks_ago=6), person(learner))
    assert book(again) == set()


# ── the review ───────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_an_answer_is_kept_with_its_question_moves_the_card_and_stands_in_the_trail(learner: int) -> None:
    miss(learner, QUIZ)
    objective = due(learner)[0]
    id_ = respond(learner, right=True)
    row = db.session.get_one(ReviewAnswer, id_)
    assert (row.objective, row.fraction, row.rating) == (objective, Decimal(1), 3)
    card = db.session.query(ReviewCard).filter_by(enrolment_id=learner, objective=objective).one()
    assert card.due_at == clock.start_of_day(clock.today(ZONE) + timedelta(2), ZONE)
    event = db.session.query(AuditEvent).order_by(AuditEvent.seq.desc()).first()
    assert event is not None and (event.action, event.subject, event.facts["objective"]) == ("review:answer", f"review_answer:{id_}", objective)
    assert objective not in due(learner)


@ON_BOTH
def test_every_card_is_what_the_log_of_answers_leads_to(learner: int) -> None:
    miss(learner, QUIZ)
    miss(learner, "quiz-compliance")
    plan = [(0, True), (0, False), (0, False), (1, True), (1, False), (1, False), (3, True), (4, True), (9, False), (9, True), (30, True), (31, False)]
    for day, right in plan:
        with days_later(day):
            if due(learner):
                respond(learner, right)
    cards = {card.objective: card for card in db.session.query(ReviewCard).filter_by(enrolment_id=learner)}
    rebuilt = replayed(learner, ZONE)
    assert len(cards) >= 3 and db.session.query(ReviewAnswer).count() >= 10
    assert {objective: card.state for objective, card in cards.items()} == {objective: memory.as_json() for objective, memory in rebuilt.items()}
    assert all(card.due_at == clock.start_of_day(rebuilt[objective].due_on, ZONE) for objective, card in cards.items())


def test_a_miss_comes_round_once_more_today_with_another_question_and_then_tomorrow(learner: int) -> None:
    miss(learner, QUIZ)
    objective = next(one for one in due(learner) if len(practice_pool(read(learner).cohort.id)[one]) > 1)
    first = respond(learner, right=False, objective=objective)
    assert objective in due(learner) and due(learner)[-1] == objective
    second = respond(learner, right=True, objective=objective)
    rows = [db.session.get_one(ReviewAnswer, id_) for id_ in (first, second)]
    assert [row.rating for row in rows] == [1, 2], "right at the second try of a day is hard"
    assert rows[0].item_key != rows[1].item_key
    assert objective not in due(learner)
    with days_later(1):
        assert objective in due(learner)


def test_items_come_least_recently_seen_first(learner: int) -> None:
    miss(learner, "quiz-relationship")     # five items of three objectives, two of which have three items to practise
    found = read(learner)
    pool = practice_pool(found.cohort.id)
    objective = max(due(learner), key=lambda one: len(pool[one]))
    size, asked = len(pool[objective]), []
    assert size >= 3
    for day in range(size):
        with days_later(200 * day + 1):
            asked.append(db.session.get_one(ReviewAnswer, respond(learner, right=True, objective=objective)).item_key)
    assert len(set(asked)) == size, "every item of the objective once before any comes again"


def test_numbers_and_options_are_drawn_anew_each_turn_and_stay_while_the_question_is_read(learner: int) -> None:
    found = read(learner)
    pool = practice_pool(found.cohort.id)
    numeric = next(ask for entries in pool.values() for ask in entries if items.part(queries.item_version(ask.version_id), ask.item_key).kind == "numeric")
    single = next(ask for entries in pool.values() for ask in entries if items.part(queries.item_version(ask.version_id), ask.item_key).kind == "single")
    values = {tuple(sorted(practice._asked(learner, numeric, turn).slot.values.items())) for turn in range(12)}
    orders = {practice._asked(learner, single, turn).slot.order for turn in range(12)}
    assert len(values) > 3 and len(orders) > 3
    assert practice._asked(learner, numeric, 5) == practice._asked(learner, numeric, 5)
    assert practice._asked(learner, numeric, 5).token != practice._asked(learner, numeric, 6).token


def test_a_day_has_its_limit_and_the_rest_is_told(learner: int, make: Factory) -> None:
    for ref in ("quiz-products", "quiz-compliance", "quiz-needs", "quiz-relationship", "quiz-complaint-handling", "quiz-service-nature", "quiz-growth"):
        miss(learner, ref)
    waiting = len(due(learner))
    assert waiting > DAILY_LIMIT
    enrolment = read(learner).enrolment
    assert (practice.due_today(enrolment).count, practice.due_today(enrolment).rest) == (DAILY_LIMIT, waiting - DAILY_LIMIT)
    for _answer in range(DAILY_LIMIT):
        respond(learner, right=True)
    told = practice.due_today(enrolment)
    assert (told.count, told.rest, told.answered) == (0, waiting - DAILY_LIMIT, DAILY_LIMIT)
    found = read(learner)
    pool = practice_pool(found.cohort.id)
    asked = practice.ask_next(found, pool, found.due(pool)[0].objective)
    with pytest.raises(services.LimitReached), transaction():
        services.answer_review(learner, asked.objective, asked.token, {}, person(learner))
    with days_later(1):
        assert practice.due_today(enrolment).count > 0


def test_a_question_that_does_not_stand_any_more_is_refused_and_nothing_is_kept(learner: int) -> None:
    miss(learner, QUIZ)
    found = read(learner)
    pool = practice_pool(found.cohort.id)
    objective = found.due(pool)[0].objective
    asked = practice.ask_next(found, pool, objective)
    respond(learner, right=True, objective=objective)
    other = next(one for one in pool if one not in due(learner) and one != objective)
    stranger = practice.ask_next(read(learner), pool, other)
    for objective_, token in ((objective, asked.token), (objective, "0" * 24), ("no.such", asked.token), (other, stranger.token), ("", "")):
        with pytest.raises(services.ReviewMoved), transaction():
            services.answer_review(learner, objective_, token, {}, person(learner))
    assert db.session.query(ReviewAnswer).count() == 1


def test_nobody_answers_for_an_enrolment_that_was_withdrawn(learner: int) -> None:
    from courses import services as course_services

    miss(learner, QUIZ)
    found = read(learner)
    asked = practice.ask_next(found, practice_pool(found.cohort.id), due(learner)[0])
    with transaction():
        course_services.withdraw(learner, found.enrolment.person_id)
    with pytest.raises(services.ReviewMoved), transaction():
        services.answer_review(learner, asked.objective, asked.token, {}, found.enrolment.person_id)


def test_an_objective_that_a_quiz_misses_again_is_due_again_before_its_day(learner: int) -> None:
    miss(learner, QUIZ)
    objective = due(learner)[0]
    respond(learner, right=True, objective=objective)
    assert objective not in due(learner)
    with clock.standing_at(clock.now() + timedelta(hours=30)):
        miss(learner, PRE_TEST)
        again = {one for attempt in queries.attempts_of(learner, PRE_TEST) for slot in queries.slots_of([attempt.id])[attempt.id]
                 for one in (slot.item.objective,)}
        assert (objective in due(learner)) is (objective in again)
        miss(learner, QUIZ)
        latest = queries.attempts_of(learner, QUIZ)[0]
        assert set(due(learner)) >= {slot.item.objective for slot in queries.slots_of([latest.id])[latest.id]}


# ── part by part ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_mock_exam_tells_each_area_against_the_exams_bar_with_its_lessons(learner: int, make: Factory, app: Any) -> None:
    attempt = sit(learner, MOCK, right=range(1, 5))
    actor = make.actor(person(learner))
    with app.test_request_context():
        found = parts_of(queries.get_attempt(attempt), actor, clock.now())
    assert found is not None and found.is_exam_bar and found.bar == exam_bar(read(learner).cohort) == Decimal(80)
    assert len(found.areas) == 8 and sum(area.items for area in found.areas) == 30
    first, *rest = found.areas
    assert (first.title["en"], first.score, first.reached, first.missed) == ("Service and the role", "100", True, 0)
    assert all(area.score == "0" and area.reached is False and area.lessons for area in rest)
    assert found.objectives == ()


def test_a_pre_test_tells_the_objectives_to_go_over_and_an_exam_tells_nothing(learner: int, make: Factory, app: Any) -> None:
    attempt = sit(learner, PRE_TEST, right=(1, 2))
    actor = make.actor(person(learner))
    with app.test_request_context():
        found = parts_of(queries.get_attempt(attempt), actor, clock.now())
        assert found is not None and found.bar is None and found.objectives and all(line.missed and line.title["zh"] for line in found.objectives)
        exam = miss(learner, EXAM)
        assert parts_of(queries.get_attempt(exam), actor, clock.now()) is None


def test_a_mock_exam_says_how_it_follows_the_programmes_exam(learner: int, make: Factory) -> None:
    actor = make.actor(person(learner))
    found = mirror_of(MOCK, actor)
    assert found is not None and found.mirror.is_proportional and found.exam_title["en"] == "Written exam (final)" and len(found.rows) == 8
    assert mirror_of(QUIZ, actor) is None


