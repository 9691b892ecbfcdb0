"""A planned, approved sitting with a trainee in it, and a practice with one-way sections: what tests of the exam room begin with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from courses.queries import find_enrolment
from foundation import clock, content
from foundation.content import Piece
from foundation.db import db, transaction
from quizzes import queries, services
from quizzes.models import Attempt, Sitting
from quizzes.rules.blueprint import Blueprint, scoring_of
from quizzes.rules.item import Choice
from quizzes.rules.scoring import right_answer
from tests.factories import Factory

EXAM, PRACTICE = "final-exam", "week-1-practice"


class Room:
    """A cohort in its last week, its trainees, trainer and reviewer, and (with `plan`) a sitting of the exam."""

    def __init__(self, make: Factory, key: str = "2026-A") -> None:
        self.make = make
        self.cohort = make.cohort(key, weeks_ago=6)
        self.trainer = make.trainer(self.cohort, f"trainer-{key.lower()}")
        self.reviewer = make.person(f"reviewer-{key.lower()}", "reviewer")
        self.enrolment = make.trainee(self.cohort, f"learner-{key.lower()}", name="周以宁")
        found = find_enrolment(self.enrolment)
        assert found is not None
        self.learner = found.person_id
        make.waive_all_gates(self.enrolment, self.trainer)
        self.sitting = 0

    def plan(self, opens_at: datetime | None = None, hours: int = 4, mode: str = "person", forms: int = 0, break_minutes: int = 10, ref: str = EXAM) -> int:
        """An approved sitting whose window opens now, or then; its id."""
        begin = opens_at or clock.now()
        with transaction():
            self.sitting = services.plan_sitting(services.SittingPlan(
                self.cohort, ref, begin, begin + timedelta(hours=hours), "培训中心 302", mode, forms, break_minutes), self.trainer, "seed")
        with transaction():
            services.approve_sitting(self.sitting, db.session.get_one(Sitting, self.sitting).proof_hash, self.reviewer)
        return self.sitting

    def start(self, ref: str = EXAM) -> int:
        """An attempt; where no sitting is planned, of a paper that is the same every time and holds a single-choice item."""
        with transaction():
            return services.start_attempt(self.enrolment, ref, self.learner, "seed")

    def do(self, act: Any, *arguments: Any) -> Any:
        """One service in one transaction."""
        with transaction():
            return act(*arguments)

    def save(self, attempt: int, position: int, answer: Any, version: int = 0, op: str = "", device: str = "") -> services.Saved:
        with transaction():
            return services.save_answer(attempt, position, answer, op or f"op-{position}-{version}-{id(answer)}", version, self.learner, device=device)

    def row(self, attempt: int) -> Attempt:
        db.session.rollback()
        return db.session.get_one(Attempt, attempt)


def key_of(attempt_id: int, position: int) -> Any:
    """The right answer of a place in a paper."""
    slot = queries.one_slot(attempt_id, position)
    return right_answer(slot.item, slot.values)


def single(attempt_id: int, section: int | None = None) -> tuple[int, tuple[str, ...]]:
    """Position and option keys of a single-choice item (of a section)."""
    return next((slot.position, slot.order) for slot in queries.slots_of([attempt_id])[attempt_id]
                if isinstance(slot.item, Choice) and slot.item.kind == "single" and section in (None, slot.section))


def load_sections(ref: str = PRACTICE) -> None:
    """Give a shipped blueprint one-way sections, a cell each; before the cohort is made, which pins it."""
    library = content.read_all()
    piece = library.pieces[("blueprint", ref)]
    cells = [{**cell, "kinds": ["single"]} for cell in piece.body["cells"]]
    sections = [{"key": f"part-{number}", "title": {"zh": f"第 {number + 1} 部分", "en": f"Part {number + 1}"}, "cells": [number]}
                for number in range(len(cells))]
    body = {**piece.body, "cells": cells, "sections": sections, "one_way": True}
    library.pieces[("blueprint", ref)] = Piece(piece.kind, piece.key, body, scoring_of(Blueprint.model_validate(body)), piece.status, piece.path)
    with transaction():
        content.load(library, None)
