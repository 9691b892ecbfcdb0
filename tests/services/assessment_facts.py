"""Facts for tests of the results: an exam, stations, a case and participation with exactly the scores a test asks for.

The rows are those that the parts below keep; their own tests prove that their services make them. Here the point is what
is decided from them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from courses import queries as courses
from foundation import clock, content
from foundation.db import db, transaction
from quizzes.models import Attempt, Closure, Response, Slot
from tests.factories import Factory
from training.grading.models import Assignment, Performance, Rating, RedLineDecision, RedLineReport
from training.grading.queries import instrument
from training.participation.models import Attendance, ParticipationLevel, Session

D = Decimal
SESSION_MINUTES = 1000
KEYS = ("written_exam", "skill_demonstration", "case_analysis", "participation")


class Facts:
    """Builders of facts for one cohort with two raters and a trainer of its own."""

    def __init__(self, make: Factory, cohort_id: int, prefix: str = "") -> None:
        self.make, self.cohort_id = make, cohort_id
        self.cohort = courses.get_cohort(cohort_id)
        self.assessment = courses.programme_of(self.cohort).assessment
        self.raters = (make.trainer(cohort_id, f"{prefix}rater1", name="顾文澜"), make.trainer(cohort_id, f"{prefix}rater2", name="贺知秋"))
        self.session_id = 0

    def _item(self) -> tuple[str, int]:
        for key, id_ in sorted(content.current_ids("item").items()):
            if content.version(id_).body["kind"] == "single":
                return key, id_
        raise LookupError("no single item")

    def exam(self, enrolment_id: int, score: str | None, at: datetime | None = None, number: int | None = None) -> int:
        """A sitting of the final exam: handed in at `at` with this score, or still open where `score` is None."""
        at = at or clock.now() - timedelta(hours=1)
        key = self.assessment.written_exam.blueprint
        version = courses.pinned(self.cohort_id, "blueprint", key).id
        item_key, item_version_id = self._item()
        with transaction():
            last = db.session.execute(select(func.max(Attempt.number)).where(Attempt.enrolment_id == enrolment_id)).scalar()
            closes_at = at + timedelta(minutes=1) if score is not None else clock.now() + timedelta(hours=1)
            row = Attempt(enrolment_id=enrolment_id, blueprint_key=key, blueprint_version_id=version, purpose="exam", number=number or (last or 0) + 1,
                          seed="s", started_at=at - timedelta(minutes=30), closes_at=closes_at, high_water_at=at - timedelta(minutes=30))
            db.session.add(row)
            db.session.flush()
            slot = Slot(attempt_id=row.id, position=1, item_key=item_key, item_version_id=item_version_id, marks=D(100), frozen={"order": [], "values": {}})
            db.session.add(slot)
            db.session.flush()
            if score is not None:
                db.session.add(Closure(attempt_id=row.id, closed_at=at, how="handed_in", head_hash="0" * 64, saves=0))
                db.session.add(Response(attempt_id=row.id, slot_id=slot.id, answer=None, fraction=D(score) / 100, mark=D(score), scoring_hash="x",
                                        scored_at=at))
            return row.id

    def performance(self, enrolment_id: int, kind: str, key: str, marks: tuple[str, ...], at: datetime | None = None, red_line: str = "none",
                    number: int = 1, raters: tuple[int, ...] = ()) -> int:
        """A station or case performed at `at` (now where not told) and rated with these marks, by the two raters in turn."""
        stored = courses.pinned(self.cohort_id, kind, key)
        rubric_id = stored.id if kind == "case" else courses.pinned(self.cohort_id, "rubric", stored.body["rubric"]).id
        rubric = instrument(rubric_id)
        levels = {criterion.key: rubric.levels[-1].key for criterion in rubric.criteria}
        at = at or clock.now() - timedelta(hours=1)
        who = raters or self.raters
        with transaction():
            row = Performance(enrolment_id=enrolment_id, kind=kind, content_key=key, content_version_id=stored.id, rubric_version_id=rubric_id, use="final",
                              number=number, created_at=at, created_by_id=who[0], performed_at=at)
            db.session.add(row)
            db.session.flush()
            for place, rater in enumerate(who[:max(2, len(marks))], 1):
                task = Assignment(performance_id=row.id, rater_id=rater, place=place, assigned_at=at, assigned_by_id=who[0])
                db.session.add(task)
                db.session.flush()
                if place <= len(marks):
                    rating = Rating(assignment_id=task.id, performance_id=row.id, rater_id=rater, levels=levels, evidence={}, global_judgement=None, comment="",
                                    mark=D(marks[place - 1]), device_at=None, final_at=at)
                    db.session.add(rating)
                    db.session.flush()
                    if place == 1 and red_line != "none":
                        self._red_line(row.id, rating.id, red_line, at)
            return row.id

    def _red_line(self, performance_id: int, rating_id: int, state: str, at: datetime) -> None:
        report = RedLineReport(rating_id=rating_id, performance_id=performance_id, red_line_key="return-promised", quotation="“保证四个点”",
                               happened_at="03:10")
        db.session.add(report)
        db.session.flush()
        if state == "confirmed":
            db.session.add(RedLineDecision(report_id=report.id, is_confirmed=True, reason="原话可查", by_id=self.raters[1], at=at))

    def stations(self, enrolment_id: int, score: str, at: datetime | None = None, **more: Any) -> list[int]:
        """Both final stations with this mark from both raters."""
        return [self.performance(enrolment_id, "station", key, (score, score), at, **more) for key in self.assessment.skill_demonstration.stations[:2]]

    def case(self, enrolment_id: int, *marks: str, at: datetime | None = None, **more: Any) -> int:
        key = self.assessment.case_analysis.cases[0]
        return self.performance(enrolment_id, "case", key, marks if len(marks) != 1 else marks * 2, at, **more)

    def begin_case(self, enrolment_id: int) -> int:
        """A case that is open and not handed in."""
        key = self.assessment.case_analysis.cases[0]
        version_id = courses.pinned(self.cohort_id, "case", key).id
        with transaction():
            row = Performance(enrolment_id=enrolment_id, kind="case", content_key=key, content_version_id=version_id, rubric_version_id=version_id, use="final",
                              number=1, created_at=clock.now(), created_by_id=self.raters[0])
            db.session.add(row)
            db.session.flush()
            return row.id

    def hold_session(self, at: datetime | None = None) -> int:
        """The one session of the cohort, over by now unless told otherwise."""
        with transaction():
            row = Session(cohort_id=self.cohort_id, unit_key="week-1", activity_ref=f"s{clock.now().timestamp()}", form="lecture", title_zh="开班",
                          title_en="Opening", starts_at=at or clock.now() - timedelta(minutes=SESSION_MINUTES + 60), minutes=SESSION_MINUTES, place="302")
            db.session.add(row)
            db.session.flush()
            self.session_id = self.session_id or row.id
            return row.id

    def attend(self, enrolment_id: int, minutes: int, session_id: int = 0, status: str = "") -> None:
        if not self.session_id:
            self.hold_session()
        with transaction():
            db.session.add(Attendance(session_id=session_id or self.session_id, enrolment_id=enrolment_id,
                                      status=status or ("present" if minutes == SESSION_MINUTES else "late" if minutes else "absent"), minutes=minutes,
                                      reason="", by_id=self.raters[0], at=clock.now()))

    def levels(self, enrolment_id: int, discussion: str = "0.85", group: str = "0.85", by: int = 0) -> None:
        with transaction():
            for part, fraction in (("discussion", discussion), ("group_contribution", group)):
                db.session.add(ParticipationLevel(enrolment_id=enrolment_id, part=part, fraction=D(fraction), proposed=None, evidence_count=0, reason="观察",
                                                  by_id=by or self.raters[0], at=clock.now()))

    def participation(self, enrolment_id: int, score: str) -> None:
        """Exactly this score: both levels 1 where it is above 60, then attendance fills up to it (40 points)."""
        left = D(score) - 60
        assert left >= 0
        self.attend(enrolment_id, int(left / 40 * SESSION_MINUTES))
        self.levels(enrolment_id, "1", "1")

    def all_four(self, enrolment_id: int, exam: str, skill: str, case: str, participation: str) -> None:
        """A complete first round with these scores."""
        self.exam(enrolment_id, exam)
        self.stations(enrolment_id, skill)
        self.case(enrolment_id, case)
        self.participation(enrolment_id, participation)
