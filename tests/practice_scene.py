"""Scenes for practice: quizzes answered wrong or right on purpose, and the forms of the review's page."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from foundation.db import transaction
from quizzes import queries, services
from quizzes.queries.attempts import SlotView
from quizzes.rules.answer import Answer, to_screen
from quizzes.rules.item import Answerable, Cloze, Matching, Multiple, Numeric, Ordering, Single, TrueFalse
from quizzes.rules.scoring import right_answer, score


def wrong_answer(item: Answerable, values: dict[str, str]) -> Answer:
    """An answer of the right shape that earns nothing."""
    if isinstance(item, Single):
        answer: Answer = {"choice": next(option.key for option in item.options if not option.correct)}
    elif isinstance(item, Multiple):
        answer = {"choices": [next(option.key for option in item.options if not option.correct)]}
    elif isinstance(item, TrueFalse):
        answer = {"value": not item.answer}
    elif isinstance(item, Matching):
        answer = {"pairs": {left.key: next(right.key for right in item.right if right.key != item.answer[left.key]) for left in item.left}}
    elif isinstance(item, Ordering):
        answer = {"positions": {entry.key: len(item.sequence) - place for place, entry in enumerate(item.sequence)}}
    elif isinstance(item, Cloze):
        answer = {"blanks": dict.fromkeys(item.blanks, "完全不是")}
    else:
        answer = {"text": "-987654321"}
    assert not isinstance(item, Numeric) or score(item, answer, values).fraction == 0
    return answer


def sit(enrolment_id: int, ref: str, right: Collection[int] | None = (), blank: Collection[int] = (), hand_in: bool = True) -> int:
    """An attempt with right answers in those positions (None: in all), none in `blank`, wrong ones elsewhere; its id."""
    person = _person(enrolment_id)
    with transaction():
        attempt = services.start_attempt(enrolment_id, ref, person)
    for slot in queries.slots_of([attempt])[attempt]:
        if slot.position in blank:
            continue
        good = right is None or slot.position in right
        answer = right_answer(slot.item, slot.values) if good else wrong_answer(slot.item, slot.values)
        with transaction():
            services.save_answer(attempt, slot.position, answer, f"op-{slot.position}", 0, person)
    if hand_in:
        with transaction():
            services.submit_attempt(attempt, person)
    return attempt


def miss(enrolment_id: int, ref: str) -> int:
    """An attempt in which everything was answered wrong, handed in; its id."""
    return sit(enrolment_id, ref)


def _person(enrolment_id: int) -> int:
    from courses.queries import find_enrolment

    enrolment = find_enrolment(enrolment_id)
    assert enrolment is not None
    return enrolment.person_id


def question_of(page: str) -> dict[str, str]:
    """The hidden fields of the review's form."""
    form = next(part for part in page.split("<form ") if 'action="/practice/review"' in part)
    hidden = re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', form)
    return {name: value for name, value in hidden if name in ("csrf_token", "op", "objective", "token")}


def fields_of(slot: SlotView, answer: Answer) -> dict[str, Any]:
    """An answer as the fields of a plain form."""
    fields: dict[str, Any] = {}
    for value in to_screen(slot.item, slot.order, answer).values():
        if isinstance(value, dict):
            fields |= {f"a.{key}": child for key, child in value.items()}
        else:
            fields["a"] = {True: "true", False: "false"}.get(value, value) if not isinstance(value, list) else value
    return fields
