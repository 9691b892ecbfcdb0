"""Incidents and the invigilator's board on a real database: how everybody stands, and that what is remembered is what is there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from courses import queries as courses
from courses import services as course_services
from foundation import clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from quizzes import queries, services
from quizzes.models import AttemptEvent, IncidentText, Presence
from quizzes.queries import board
from tests.conftest import ON_BOTH
from tests.exam_scene import MOCK, Scene
from tests.factories import Factory


@pytest.fixture
def scene(make: Factory) -> Scene:
    return Scene(make)


def events(action: str) -> list[Any]:
    return [row.facts for row in db.session.execute(select(AuditEvent.facts).where(AuditEvent.action == action).order_by(AuditEvent.seq))]


def test_an_incident_keeps_its_words_beside_it_and_out_of_the_audit_trail(scene: Scene) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    words = "考生1 换了座位 \u202e\U0001f600"
    with transaction():
        incident = services.note_incident(sitting_id, attempt, "conduct", words, scene.planner)
    assert db.session.get_one(IncidentText, incident).body == words
    assert "座位" not in str(events("sitting:incident"))
    with pytest.raises(services.SittingRefused, match="incident"), transaction():
        services.note_incident(sitting_id, None, "verdict", "x", scene.planner)
    other = scene.approved(MOCK, mode="person", forms=0)
    with pytest.raises(services.SittingRefused, match="stranger"), transaction():
        services.note_incident(other, attempt, "note", "x", scene.planner)


def rows_of(sitting_id: int, now: datetime | None = None) -> dict[str, board.BoardRow]:
    db.session.rollback()
    return {row.enrolment.name: row for row in board.board_rows(queries.get_sitting(sitting_id), now or clock.now())}


@ON_BOTH
def test_the_board_tells_how_everybody_stands(app: Flask, make: Factory) -> None:
    scene = Scene(make)
    sitting_id = scene.approved(break_minutes=10)
    here, gone, done = scene.start(0), scene.start(1), scene.start(2)
    saved = scene.save(here, 1)
    scene.save(here, 2)
    now = clock.now()
    with transaction():
        db.session.add(Presence(attempt_id=here, seen_at=now))
        db.session.add(Presence(attempt_id=gone, seen_at=now - timedelta(minutes=3)))
        db.session.add(AttemptEvent(attempt_id=here, kind="paste", at=now, detail={"length": 3}))
        services.submit_attempt(done, scene.planner)
        services.note_incident(sitting_id, gone, "network", "断网", scene.planner)
    rows = rows_of(sitting_id, now)
    assert {name: row.standing for name, row in rows.items()} == {"考生1": "in", "考生2": "offline", "考生3": "handed_in", "考生4": "absent"}
    first = rows["考生1"]
    assert (first.answered, first.receipt_at is not None, first.facts) == (2, True, (0, 1, 0, 0))
    assert first.receipt != saved.receipt, "the last one"
    assert rows["考生2"].since == now - timedelta(minutes=3)
    assert rows["考生2"].incidents == 1
    assert (rows["考生4"].left, rows["考生4"].closes_at) == (None, None)
    with transaction():
        services.pause_hall(sitting_id, "停电", scene.planner)
    assert [row.standing for row in rows_of(sitting_id).values()] == ["paused", "paused", "handed_in", "absent"]


def test_what_the_board_remembers_is_what_a_full_reading_would_give(scene: Scene) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    for position in (1, 2, 3):
        scene.save(attempt, position)
        assert rows_of(sitting_id)["考生1"].answered == position
    with transaction():
        services.save_answer(attempt, 3, {}, "empty", 1, scene.planner)
    step_by_step = rows_of(sitting_id, moment := clock.now())
    board._tails.clear()
    assert rows_of(sitting_id, moment) == step_by_step
    assert step_by_step["考生1"].answered == 2, "an answer taken out is no answer"


def test_an_unsent_answer_is_out_of_touch_even_if_the_page_was_just_heard_of(scene: Scene) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    with transaction():
        db.session.add(Presence(attempt_id=attempt, seen_at=clock.now(), unsent=2))
    row = rows_of(sitting_id)["考生1"]
    assert (row.standing, row.unsent) == ("offline", 2)


def test_somebody_withdrawn_is_not_on_the_board(scene: Scene) -> None:
    sitting_id = scene.approved()
    with transaction():
        course_services.withdraw(scene.enrolments[0], scene.planner)
    assert set(rows_of(sitting_id)) == {"考生2", "考生3", "考生4"}
    assert len(courses.roster(scene.cohort_id)) == 3
