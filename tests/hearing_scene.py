"""A hall for tests of hearings: a cohort in its last week that sits the same papers, one who opens and one who decides."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from foundation import clock
from foundation.db import transaction
from foundation.permissions import Actor
from quizzes import queries, services
from quizzes.queries import hearings as pages
from quizzes.queries.attempts import get_attempt
from quizzes.rules.item import to_body
from quizzes.rules.scoring import right_answer
from quizzes.services import hearings
from tests.factories import Factory

EXAM, STAGE, PRACTICE = "final-exam", "stage-1-test", "week-1-practice"


class Hall:
    """A cohort in its last week, whose trainees sit the same paper: one right throughout, one wrong throughout, one empty."""

    def __init__(self, make: Factory) -> None:
        self.make = make
        self.opener, self.decider = make.person("opener", "trainer"), make.person("decider", "reviewer")
        self.cohort = make.cohort(weeks_ago=6)
        self.enrolments = [make.trainee(self.cohort, f"t{number}") for number in range(3)]
        for enrolment in self.enrolments:
            make.waive_all_gates(enrolment, self.opener)

    def actor(self, person_id: int) -> Actor:
        return self.make.actor(person_id)

    def sit(self, enrolment: int, ref: str = EXAM, answer: Callable[[queries.SlotView], Any] | None = None, hand_in: bool = True, seed: str = "one") -> int:
        with transaction():
            attempt = services.start_attempt(enrolment, ref, 1, seed)
        if answer:
            with transaction():
                for slot in queries.slots_of([attempt])[attempt]:
                    if given := answer(slot):
                        services.save_answer(attempt, slot.position, given, f"op-{slot.position}", 0, 1)
        if hand_in:
            with transaction():
                services.submit_attempt(attempt, 1)
        return attempt

    def all_sit(self, ref: str = EXAM) -> list[int]:
        return [self.sit(self.enrolments[0], ref, right), self.sit(self.enrolments[1], ref, wrong), self.sit(self.enrolments[2], ref)]


def right(slot: queries.SlotView) -> Any:
    return right_answer(slot.item, slot.values)


def wrong(slot: queries.SlotView) -> Any:
    """The first wrong option of a single; nothing elsewhere."""
    return {"choice": wrong_key(slot)} if slot.item.kind == "single" else None


def wrong_key(slot: queries.SlotView) -> str:
    return next(option.key for option in slot.item.options if not option.correct)  # type: ignore[union-attr]


def single(attempt: int) -> queries.SlotView:
    """The first single of a paper that stands alone."""
    return next(slot for slot in queries.slots_of([attempt])[attempt] if slot.item.kind == "single" and slot.in_set is None)


def rekey(slot: queries.SlotView) -> dict[str, Any]:
    body = to_body(slot.item)
    for option in body["options"]:
        option["correct"] = option["key"] == wrong_key(slot)
        option["feedback"] = {"zh": "更正后的反馈。", "en": "Mended feedback."}
    return {"item": body}


def open_(slot: queries.SlotView, remedy: str, change: dict[str, Any] | None = None, actor: int = 1, **more: Any) -> int:
    with transaction():
        return hearings.open_hearing(slot.item.key, slot.version_id, (), remedy, change, "钥匙有误。", actor, **more)


def post(hearing: int, actor: Actor, hash_: str = "") -> hearings.Posted:
    seen = hash_ or pages.hearing_page(hearing, actor).hash
    with transaction():
        return hearings.post_hearing(hearing, actor, "查阅资料后更正。", seen)


def scores(attempts: list[int]) -> list[Decimal | None]:
    found = queries.earned_of([get_attempt(id_) for id_ in attempts], clock.now())
    return [found[id_].score for id_ in attempts]
