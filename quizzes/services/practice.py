"""Spaced review: one answer is appended and moves the objective's card, in one transaction."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from courses import queries as courses
from courses.models import Enrolment
from foundation import audit, clock
from foundation.db import db
from quizzes.models import ReviewAnswer, ReviewCard
from quizzes.queries.history import history, practice_pool
from quizzes.queries.practice import find_asked
from quizzes.rules.answer import Answer
from quizzes.rules.spacing import DAILY_LIMIT, rate, step


class ReviewMoved(Exception):
    """The question is not the one that stands: it was answered in another tab, revised, or is not due any more."""


class LimitReached(Exception):
    """The day's questions are answered; the rest waits for tomorrow."""


class ExamRunning(Exception):
    """The written exam is being sat: practice rests until it has ended."""


def answer_review(enrolment_id: int, objective: str, token: str, answer: Answer, actor_id: int) -> int:
    """Keep one answer ({}: "I don't know") to the question a page was given; the id of the answer.

    The question is derived again and its item, order and numbers are kept as they were asked. Raises ReviewMoved, LimitReached,
    ExamRunning.
    """
    # one answer of a trainee at a time: the turn, the day's limit and the card are read and written together
    db.session.execute(select(Enrolment.id).where(Enrolment.id == enrolment_id).with_for_update())
    enrolment = courses.find_enrolment(enrolment_id)
    if enrolment is None or enrolment.withdrawn_at is not None:
        raise ReviewMoved
    found = history(enrolment)
    if found.exam_is_open:
        raise ExamRunning
    if found.answered_today >= DAILY_LIMIT:
        raise LimitReached
    pool = practice_pool(found.cohort.id)
    asked = find_asked(found, pool, objective, token)
    if asked is None or all(one.objective != objective for one in found.due(pool)):
        raise ReviewMoved
    now = clock.now()
    fraction = replace(asked.slot, answer=answer).scored().fraction
    assert fraction is not None, "practice asks only what the program marks"
    tries = sum(found.day(review.at) == found.today for review in found.reviews_of(objective))
    rating = rate(fraction, tries)
    memory = step(found.memories.get(objective), rating, found.today)
    row = ReviewAnswer(enrolment_id=enrolment_id, objective=objective, item_key=asked.slot.item.key, item_version_id=asked.slot.version_id,
                       frozen=asked.frozen, answer=answer or None, fraction=fraction, rating=rating, answered_at=now)
    db.session.add(row)
    due_at = clock.start_of_day(memory.due_on, found.cohort.zone)
    card = db.session.scalars(select(ReviewCard).where(ReviewCard.enrolment_id == enrolment_id, ReviewCard.objective == objective)).first()
    if card is None:
        db.session.add(ReviewCard(enrolment_id=enrolment_id, objective=objective, state=memory.as_json(), due_at=due_at))
    else:
        card.state, card.due_at = memory.as_json(), due_at
    db.session.flush()
    audit.record("review:answer", f"review_answer:{row.id}", actor_id, enrolment=enrolment_id, objective=objective, version=row.item_version_id, rating=rating,
                 due_on=memory.due_on.isoformat())
    return row.id
