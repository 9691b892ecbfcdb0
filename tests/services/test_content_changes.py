"""An item is changed or withdrawn after use: old attempts keep what they were given, and a person is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from foundation import content
from foundation.content import Library, Piece, Step
from foundation.db import db, transaction
from quizzes import queries, services
from quizzes.models import Slot
from quizzes.rules.item import parse, scoring_of
from tests.conftest import ON_BOTH
from tests.factories import Factory

PRACTICE = "week-1-practice"


@pytest.fixture
def enrolment(make: Factory) -> int:
    id_ = make.trainee(make.cohort(weeks_ago=6), "learner")
    make.waive_all_gates(id_, make.person("waiver", "trainer"))
    return id_


def start(enrolment_id: int) -> int:
    with transaction():
        return services.start_attempt(enrolment_id, PRACTICE, 1, "seed")


def load(library: Library) -> tuple[list[Step], list[str]]:
    library.problems.clear()
    with transaction():
        steps = content.load(library, None)
        return steps, content.notices(steps)


def used_single(attempt_id: int) -> str:
    """The key of a single-choice item of its own that this attempt was given."""
    keys = [slot.item.key for slot in queries.slots_of([attempt_id])[attempt_id] if slot.item.kind == "single"]
    return next(key for key in keys if content.find_current("item", key))


def other_key(piece: Piece) -> Piece:
    """The piece with another option right."""
    options = [{**option, "correct": False, "misconception": option.get("misconception") or option["feedback"]} for option in piece.body["options"]]
    options[-1] = {name: value for name, value in {**options[-1], "correct": True}.items() if name != "misconception"}
    body = {**piece.body, "options": options}
    return replace(piece, body=body, scoring=scoring_of(parse(body)))


def reworded(piece: Piece) -> Piece:
    return replace(piece, body={**piece.body, "stem": {**piece.body["stem"], "en": piece.body["stem"]["en"] + " Think."}})


def changed(key: str, change: object) -> Library:
    library = content.read_all()
    library.pieces[("item", key)] = change(library.pieces[("item", key)])  # type: ignore[operator]
    return library


@ON_BOTH
def test_a_changed_key_is_a_new_version_that_old_attempts_do_not_see_and_the_load_says_so(app: Flask, enrolment: int) -> None:
    attempt = start(enrolment)
    key = used_single(attempt)
    before = {slot.item.key: slot.item for slot in queries.slots_of([attempt])[attempt]}[key]
    steps, notices = load(changed(key, other_key))
    assert [(step.act, step.key) for step in steps if step.kind == "item"] == [("rescoring", key)]
    assert notices == [f"key of item {key} changed; 1 attempts used the earlier version"]
    after = {slot.item.key: slot.item for slot in queries.slots_of([attempt])[attempt]}[key]
    current = content.find_current("item", key)
    assert after == before
    assert current is not None and parse(current.body) != before and current.number == 2


def test_a_rewording_and_a_change_before_any_use_ask_for_no_hearing(app: Flask, enrolment: int) -> None:
    unused = sorted(content.current_ids("item"))
    attempt = start(enrolment)
    key = used_single(attempt)
    assert load(changed(key, reworded))[1] == []
    given = {slot.item.key for slot in queries.slots_of([attempt])[attempt]}
    fresh = next(name for name in unused if name not in given and parse(content.version(content.current_ids("item")[name]).body).kind == "single")
    steps, notices = load(changed(fresh, other_key))
    assert ("rescoring", fresh) in [(step.act, step.key) for step in steps] and notices == []


def test_a_withdrawn_item_stays_in_old_attempts_and_is_drawn_no_more(app: Flask, make: Factory, enrolment: int) -> None:
    attempt = start(enrolment)
    key = used_single(attempt)
    library = content.read_all()
    del library.pieces[("item", key)]
    steps, _notices = load(library)
    assert [(step.act, step.key) for step in steps if step.kind == "item"] == [("retired", key)]
    old = queries.slots_of([attempt])[attempt]
    assert key in {slot.item.key for slot in old} and next(slot for slot in old if slot.item.key == key).item.stem.zh
    cohort = make.cohort("2026-W", weeks_ago=6)
    for number in range(6):
        other = make.trainee(cohort, f"later-{number}")
        make.waive_all_gates(other, 1)
        with transaction():
            drawn = services.start_attempt(other, PRACTICE, 1, f"seed-{number}")
        assert key not in set(db.session.scalars(db.select(Slot.item_key).where(Slot.attempt_id == drawn)))


def test_an_item_marked_retired_in_its_file_is_drawn_no_more_either(app: Flask, make: Factory, enrolment: int) -> None:
    attempt = start(enrolment)
    key = used_single(attempt)
    load(changed(key, lambda piece: replace(piece, body={**piece.body, "status": "retired"}, status="retired")))
    assert key in {slot.item.key for slot in queries.slots_of([attempt])[attempt]}
    other = make.trainee(make.cohort("2026-R", weeks_ago=6), "later")
    make.waive_all_gates(other, 1)
    with transaction():
        drawn = services.start_attempt(other, PRACTICE, 1, "seed")
    assert key not in set(db.session.scalars(db.select(Slot.item_key).where(Slot.attempt_id == drawn)))
