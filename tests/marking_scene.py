"""A cohort whose stage test holds an essay that two people mark, and papers handed in with it."""

from __future__ import annotations

from typing import Any

from foundation import content
from foundation.content import Piece
from foundation.db import db, transaction
from quizzes import queries, services
from quizzes.models import Slot
from quizzes.rules import blueprint as blueprints
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.item import PERSON_MARKED, Essay, ShortAnswer
from quizzes.rules.marking import Judgement
from quizzes.rules.scoring import right_answer
from tests.factories import Factory

TEST = "stage-3-test"
WORDS = "翁老师：您急着用钱，少得了利息，我们向您道歉。录音已经核实，是支行录错了。损失已报合规，星期五 17:00 前由我答复您。"


def republish(key: str, **changes: Any) -> None:
    """A blueprint with other rules, before any cohort pins it."""
    stored = content.find_current("blueprint", key)
    assert stored is not None
    body = {**stored.body, **changes}
    parsed = Blueprint.model_validate(body)
    piece = Piece("blueprint", key, parsed.model_dump(mode="json", exclude_none=True), blueprints.scoring_of(parsed), "approved", "")
    with transaction():
        content.publish(piece, "studio", None)


class Hall:
    """A cohort in its last week with every gate waived, and markers of it."""

    def __init__(self, make: Factory, key: str = "2026-M") -> None:
        self.make = make
        self.cohort = make.cohort(key, weeks_ago=6)
        self.waiver = make.person("", "trainer")

    def trainee(self, login: str = "", name: str = "", mentor_id: int | None = None) -> int:
        enrolment = self.make.trainee(self.cohort, login, name=name, mentor_id=mentor_id)
        self.make.waive_all_gates(enrolment, self.waiver)
        return enrolment

    def marker(self, login: str = "") -> int:
        return self.make.trainer(self.cohort, login)

    def paper(self, enrolment_id: int, text: str = WORDS, ref: str = TEST, right: bool = True, seed: str = "") -> int:
        """A paper handed in: everything else right, every answer that people mark holding `text`; the attempt's id."""
        with transaction():
            attempt = services.start_attempt(enrolment_id, ref, 1, seed)
            for slot in queries.slots_of([attempt])[attempt]:
                answer = {"text": text} if slot.item.kind in PERSON_MARKED else right_answer(slot.item, slot.values) if right else {}
                if answer.get("text", " "):
                    services.save_answer(attempt, slot.position, answer, f"op-{slot.position}", 0, 1)
            services.submit_attempt(attempt, 1)
        return attempt

    @staticmethod
    def essay_of(enrolment_id: int, actor_id: int) -> int:
        """The slot of an essay somebody has handed in, whose gates are open."""
        with transaction():
            attempt = services.start_attempt(enrolment_id, TEST, actor_id)
            slot = next(slot for slot in queries.slots_of([attempt])[attempt] if slot.item.kind == "essay")
            services.save_answer(attempt, slot.position, {"text": WORDS}, "essay", 0, actor_id)
            services.submit_attempt(attempt, actor_id)
        return slot.id

    def essay(self, enrolment_id: int, text: str = WORDS, **more: Any) -> int:
        """The slot of the first answer of a paper that people mark."""
        return essays(self.paper(enrolment_id, text, **more))[0]


def essays(attempt_id: int) -> list[int]:
    return [slot.id for slot in queries.slots_of([attempt_id])[attempt_id] if slot.item.kind in PERSON_MARKED]


def slot_of(slot_id: int) -> queries.SlotView:
    attempt_id = db.session.get_one(Slot, slot_id).attempt_id
    return next(slot for slot in queries.slots_of([attempt_id])[attempt_id] if slot.id == slot_id)


def judgement(slot_id: int, lost: int = 0) -> Judgement:
    """Full marks but for so many; of a short answer the points without the first `lost`."""
    item = slot_of(slot_id).item
    if isinstance(item, ShortAnswer):
        return [point.key for point in item.marking.points][lost:]
    assert isinstance(item, Essay)
    given = {}
    for criterion in item.criteria:
        off = min(lost, criterion.max)
        marks = max(level.marks for level in criterion.levels if level.marks <= criterion.max - off)
        given[criterion.key], lost = marks, lost - (criterion.max - marks)
    return given


def final(slot_id: int, marker_id: int, lost: int = 0, comment: str = "") -> services.Decided:
    with transaction():
        return services.finalise(slot_id, judgement(slot_id, lost), comment, None, marker_id)
