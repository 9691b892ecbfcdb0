"""A cohort in its last week with trainers, a mentor and trainees: where the tests of rating and written work begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from courses.queries import find_enrolment
from foundation.db import db, transaction
from tests.factories import Factory
from training.grading import services
from training.grading.models import Assignment
from training.grading.queries import case_due

CRITERIA = ("opening", "questioning", "listening", "layers", "confirming", "compliance")
CASE_CRITERIA = ("grading-and-facts", "diagnosis", "first-contact", "remedy-and-prevention")
QUESTIONS = ("q1", "q2", "q3", "q4")
FINAL_STATION, OTHER_FINAL, PRACTICE_STATION = "needs-interview-1", "needs-interview-2", "reception-1"
FINAL_CASE, PRACTICE_CASE = "press-threat", "photo-on-the-wall"
PRACTICE_CRITERIA = ("greeting", "matter", "sequence", "explaining", "protection", "closing")


def judgement(*levels: str, judged: str = "clear-pass", criteria: Sequence[str] = CRITERIA, **more: Any) -> dict[str, Any]:
    """A whole judgement: one level for all criteria, or one each; evidence wherever it might be asked for."""
    chosen = levels if len(levels) > 1 else levels * len(criteria)
    return {"levels": dict(zip(criteria, chosen, strict=True)), "evidence": dict.fromkeys(criteria, "原话：“您先坐。”"), "global_judgement": judged, **more}


def case_judgement(*levels: str, **more: Any) -> dict[str, Any]:
    chosen = levels if len(levels) > 1 else levels * 4
    return {"levels": dict(zip(CASE_CRITERIA, chosen, strict=True)), **more}


@dataclass
class Scene:
    """People are person ids, `trainees` enrolment ids."""

    make: Factory
    weeks_ago: int = 6
    cohort: int = 0
    first: int = 0
    second: int = 0
    third: int = 0
    mentor: int = 0
    reviewer: int = 0
    trainees: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        make = self.make
        self.cohort = make.cohort(weeks_ago=self.weeks_ago)
        self.first = make.trainer(self.cohort, "first", "秦老师")
        self.second = make.trainer(self.cohort, "second", "贺老师")
        self.third = make.trainer(self.cohort, "third", "方老师")
        self.mentor = make.person("mentor", "mentor", "trainer", name="卫导师", scope=f"cohort:{self.cohort}")
        self.reviewer = make.person("reviewer", "reviewer", name="主考")
        self.trainees = [self.trainee("yining", "周以宁"), self.trainee("boran", "孟柏然")]

    def trainee(self, login: str = "", name: str = "") -> int:
        enrolment = self.make.trainee(self.cohort, login, name, mentor_id=self.mentor)
        self.make.waive_all_gates(enrolment, self.first)
        return enrolment

    def person_of(self, enrolment_id: int) -> int:
        found = find_enrolment(enrolment_id)
        assert found is not None
        return found.person_id

    def role_play(self, enrolment_id: int | None = None, station: str = FINAL_STATION, raters: Sequence[int] = (), performed: bool = True) -> int:
        with transaction():
            id_ = services.schedule_performance(enrolment_id or self.trainees[0], station, raters or (self.first, self.second), self.first)
            if performed:
                services.mark_performed(id_, self.first)
            return id_

    def assignment(self, performance_id: int, rater_id: int) -> int:
        found = db.session.query(Assignment.id).filter_by(performance_id=performance_id, rater_id=rater_id).scalar()
        assert found is not None
        return found

    def rate(self, performance_id: int, rater_id: int, body: dict[str, Any]) -> int:
        with transaction():
            return services.finalise_rating(self.assignment(performance_id, rater_id), body, None, rater_id)

    def due(self, enrolment_id: int | None = None) -> Any:
        id_ = enrolment_id or self.trainees[0]
        return case_due([id_])[id_]

    def open_case(self, enrolment_id: int | None = None, key: str = FINAL_CASE) -> int:
        id_ = enrolment_id or self.trainees[0]
        with transaction():
            return services.open_case(id_, key, self.due(id_) if key == FINAL_CASE else None, self.person_of(id_))

    def written_case(self, enrolment_id: int | None = None, key: str = FINAL_CASE) -> int:
        """A case written in all four questions and handed in."""
        id_ = enrolment_id or self.trainees[0]
        performance = self.open_case(id_, key)
        with transaction():
            for question in QUESTIONS:
                services.save_case_draft(performance, question, f"答 {question}：先核实事实，再答复。", 0, f"op-{performance}-{question}", None)
            services.hand_in_case(performance, None, self.person_of(id_))
        return performance
