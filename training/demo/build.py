"""Two demo cohorts, made through the same services as real use, in time order, dated relative to today.

The first is in its fourth week, the second in its seventh with some results confirmed. Everything is drawn from one
seed, so two installations made on the same day tell the same stories. One transaction per simulated day.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from courses import queries as courses
from courses import services as course_services
from foundation import accounts, clock, content, directory
from foundation.db import db, transaction
from foundation.people import Account, Installation, Person
from foundation.permissions import Actor, Role
from quizzes import queries as quiz_queries
from quizzes import services as quizzes
from quizzes.rules.item import Essay
from quizzes.rules.scoring import right_answer
from training.assessment import queries as assessment
from training.credentials import services as credentials
from training.demo import cast, essays
from training.demo.stories import WEEK_SEVEN, Story, judgement, wrong_answer
from training.demo.timetable import timetable
from training.grading import queries as grading_queries
from training.grading import services as grading
from training.grading.models import Assignment, Performance, RedLineReport
from training.participation import services as participation
from training.participation.models import Session
from training.participation.services import Mark

PASSWORD = "qizhou-demo"  # noqa: S105 - the published password of invented people
ZONE = "Asia/Shanghai"
SEED = 716
OPEN_LESSON = "six-weeks-on-one-page"      # what `trainee` still has to read


class NotEmpty(Exception):
    """There are people in this database: the demo data goes only into an empty one."""


@dataclass
class Group:
    """A demo cohort while it is being made."""

    key: str
    names: list[str]
    starts_on: date
    stories: tuple[Story, ...]
    weeks: int
    cohort_id: int = 0
    sitting_id: int = 0
    enrolments: list[int] = field(default_factory=list)
    sessions: dict[str, int] = field(default_factory=dict)


class Demo:
    """The making of the demo: a list of happenings, sorted by time, then carried out day by day."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.chance = Random(SEED)  # noqa: S311 - stories, not secrets
        self.order = itertools.count()
        self.happenings: list[tuple[datetime, int, Callable[[], None]]] = []
        self.staff: dict[str, int] = {}
        self.gates: frozenset[str] = frozenset()        # what a gate asks for
        self.opened: set[tuple[int, str]] = set()
        self.seven = Group("2026-SM-07", list(cast.WEEK_SEVEN), today - timedelta(days=45), WEEK_SEVEN, 7)
        stories = tuple(Story(absent=n % 3, late=n % 2, level=("l3", "l4", "l4", "l5")[n % 4], confirmed=False) for n in range(24))
        self.four = Group("2026-SM-08", list(cast.WEEK_FOUR), today - timedelta(days=24), stories, 4)

    # ── the plan ────────────────────────────────────────────────────────────────────────────────────────────
    def at(self, day: date, hour: int, minute: int, act: Callable[[], None]) -> None:
        """Let something happen; what lies in the future of today is left out."""
        moment = datetime.combine(day, time(hour, minute), ZoneInfo(ZONE))
        if moment < clock.now():
            self.happenings.append((moment, next(self.order), act))

    def make(self) -> None:
        self.at(self.today - timedelta(days=60), 9, 0, self._staff)
        for group in (self.seven, self.four):
            self.at(group.starts_on - timedelta(days=10), 9, 30, lambda group=group: self._cohort(group))
        self._carry_out()
        for group in (self.seven, self.four):
            self._plan_weeks(group)
        self._plan_assessment(self.seven)
        self._plan_sittings()
        self._carry_out()

    def _carry_out(self) -> None:
        self.happenings.sort(key=lambda happening: happening[:2])
        for _day, same_day in itertools.groupby(self.happenings, key=lambda happening: happening[0].date()):
            acts = list(same_day)
            with clock.standing_at(acts[-1][0]), transaction():
                for moment, _number, act in acts:
                    with clock.standing_at(moment):
                        act()
        self.happenings.clear()

    # ── people and cohorts ──────────────────────────────────────────────────────────────────────────────────
    def _staff(self) -> None:
        db.session.add(Installation(key="demo", value=clock.now().isoformat(timespec="seconds")))
        hash_ = accounts.hash_password(PASSWORD)
        for number, (login, name, position, roles) in enumerate(cast.STAFF, start=1):
            grants = [(Role(role), "*") for role in roles if role != "trainer"]
            org_unit = "总行培训部" if "trainer" in roles else "总行"
            particulars = directory.Particulars(f"LJ1{number:04d}", name, org_unit=org_unit, position=position, login=login)
            person_id, account_id = directory.add_person(particulars, grants, None, is_demo=True)
            db.session.execute(update(Account).where(Account.id == account_id).values(password_hash=hash_))
            self.staff[login] = person_id
        self.hash = hash_

    def _cohort(self, group: Group) -> None:
        name = "客户服务经理培训 第七期" if group is self.seven else "客户服务经理培训 第八期"
        english = "Customer service managers, group 7" if group is self.seven else "Customer service managers, group 8"
        group.cohort_id = course_services.create_cohort(
            course_services.CohortPlan(group.key, name, english, "service-manager", group.starts_on, group.starts_on + timedelta(days=48), 30, ZONE),
            self.staff["admin"])
        for login in ("trainer", "trainer2", "trainer3"):
            course_services.grant_trainer(group.cohort_id, self.staff[login], self.staff["admin"])
        first = 20260 if group is self.seven else 20300
        for index, name in enumerate(group.names):
            login = "trainee" if group is self.seven and index == 0 else ""
            particulars = directory.Particulars(f"LJ{first + index}", name, org_unit=cast.BRANCHES[index % len(cast.BRANCHES)],
                                                position="客户服务经理", login=login)
            person_id, account_id = directory.add_person(particulars, [(Role.TRAINEE, "*")], self.staff["admin"], is_demo=True)
            db.session.execute(update(Account).where(Account.id == account_id).values(password_hash=self.hash))
            mentor = self.staff["mentor"] if index % 4 == 0 else None
            group.enrolments.append(course_services.enrol(group.cohort_id, person_id, self.staff["admin"], mentor))
        programme = courses.programme_of(courses.get_cohort(group.cohort_id))
        rooms = itertools.cycle(("培训中心 3 楼 302", "培训中心 3 楼 305", "培训中心 2 楼演练室"))
        for activity, starts_at in timetable(programme, group.starts_on, ZONE, early_week=group.weeks):
            group.sessions[activity.ref] = participation.plan_session(group.cohort_id, activity.ref, starts_at, next(rooms), self.staff["trainer"])

    # ── seven weeks ─────────────────────────────────────────────────────────────────────────────────────────
    def _plan_weeks(self, group: Group) -> None:
        programme = courses.programme_of(courses.get_cohort(group.cohort_id))
        self.gates = frozenset(component.ref for stage in programme.stages if stage.gate for component in stage.gate.blocking)
        self._plan_registers(group)
        for unit in programme.units[: group.weeks]:
            opens = group.starts_on + timedelta(days=7 * (unit.number - 1))
            lessons = [a.ref for a in unit.activities if a.kind == "lesson" and not a.planned]
            days = 3 if unit.number == 7 else 5         # the last week is under way: its lessons are read, but one
            for offset, ref in enumerate(lessons):
                self.at(opens + timedelta(days=offset % days), 20, offset * 5 % 60, lambda ref=ref: self._lesson(group, ref))
            for activity in unit.activities:
                if activity.planned:
                    continue
                if activity.kind == "quiz" and activity.ref != "final-exam":
                    day = opens + timedelta(days=2 if unit.number == 7 else 6 if "stage" in activity.ref else 5)
                    self.at(day, 19 if "stage" not in activity.ref else 16, 0, lambda ref=activity.ref: self._quiz(group, ref))
                elif activity.kind == "station" and unit.number < 7:
                    self.at(opens + timedelta(days=4), 15, 0, lambda ref=activity.ref: self._practice_station(group, ref))
                elif activity.kind == "case" and unit.number < 7:
                    self.at(opens + timedelta(days=5), 21, 0, lambda ref=activity.ref: self._practice_case(group, ref))

    def _plan_registers(self, group: Group) -> None:
        rows = db.session.execute(select(Session.id, Session.starts_at, Session.minutes, Session.form, Session.activity_ref)
                                  .where(Session.cohort_id == group.cohort_id).order_by(Session.starts_at)).all()
        past = [row for row in rows if row.starts_at + timedelta(minutes=row.minutes + 5) < clock.now()]
        missed: dict[int, dict[int, str]] = {row.id: {} for row in past}
        for index, story in enumerate(group.stories):
            chosen = self.chance.sample([row.id for row in past], min(len(past), story.absent + story.late))
            for number, session_id in enumerate(chosen):
                missed[session_id][index] = "late" if number < story.late else "excused" if number % 5 == 4 else "absent"
        for number, row in enumerate(past):
            ends = (row.starts_at + timedelta(minutes=row.minutes)).astimezone(ZoneInfo(ZONE))
            forgotten = group is self.four and number == len(past) - 1
            if not forgotten:
                self.at(ends.date(), ends.hour, ends.minute,
                        lambda row=row, number=number: self._register(group, row.id, row.minutes, missed[row.id], number, row.form))

    def _register(self, group: Group, session_id: int, minutes: int, missed: dict[int, str], number: int, form: str) -> None:
        trainer = self.staff[("trainer", "trainer2", "trainer3")[number % 3]]
        marks = {}
        for index, enrolment_id in enumerate(group.enrolments):
            status = missed.get(index, "present")
            marks[enrolment_id] = Mark(status, minutes - 20 if status == "late" else 0, "支行值班，已提前请假" if status == "excused" else "")
        participation.keep_register(session_id, marks, trainer)
        if form == "seminar":
            for offset in range(8):
                self._note(group, (number * 8 + offset) % 24, session_id, trainer,
                           "discussion" if (offset + number // 2) % 2 else "group_contribution")

    def _note(self, group: Group, index: int, session_id: int, trainer: int, part: str) -> None:
        story = group.stories[index]
        note = self.chance.choice(cast.NOTES[part])
        participation.note_contribution(group.enrolments[index], part, story.level, note, trainer, session_id)

    def _lesson(self, group: Group, ref: str) -> None:
        stored = content.find_current("lesson", ref)
        assert stored is not None
        for index, enrolment_id in enumerate(group.enrolments):
            if ref == OPEN_LESSON and "lesson" in group.stories[index].open:
                continue
            if group is self.four and index % 9 == 8 and ref in ("information-security", "needs-iceberg"):
                continue
            if not self._is_open(enrolment_id, "lesson", ref):
                continue
            person_id = self._person_of(enrolment_id)
            for block in stored.body["zh"]["blocks"]:
                if block["name"] == "self-check":
                    right = [n for n, option in enumerate(block["options"]) if option["right"]]
                    chosen = right if self.chance.random() < 0.8 else [n for n in range(len(block["options"])) if n not in right][:1]
                    course_services.answer_self_check(enrolment_id, stored.body, block["attrs"]["key"], chosen, person_id)
            course_services.finish_lesson(enrolment_id, stored.body, person_id)

    def _is_open(self, enrolment_id: int, kind: str, ref: str) -> bool:
        """Whether the trainee could do this now: one whose gate stays shut waits, in the demo as in real use. A unit that
        was open stays open."""
        enrolment = courses.find_enrolment(enrolment_id)
        if enrolment is None:
            return False
        unit = courses.programme_of(courses.get_cohort(enrolment.cohort_id)).unit_of(kind, ref)
        place = (enrolment_id, unit.key if unit else "")
        if place not in self.opened and courses.activity_is_open(enrolment, kind, ref):
            self.opened.add(place)
        return place in self.opened

    def _person_of(self, enrolment_id: int) -> int:
        enrolment = courses.find_enrolment(enrolment_id)
        assert enrolment is not None
        return enrolment.person_id

    def _quiz(self, group: Group, ref: str) -> None:
        for index, enrolment_id in enumerate(group.enrolments):
            if ref == "pre-test":                       # before the first lesson about half is not known yet
                self._sit(enrolment_id, ref, self.chance.choice((6, 7, 8, 9, 10, 11)), of=20)
                continue
            wrong = self.chance.choice((0, 1, 1, 2, 2, 3)) if "stage" not in ref else self.chance.choice((0, 1, 1, 2))
            if group is self.four and "stage" in ref and index in (5, 17):
                wrong = 6
            self._sit(enrolment_id, ref, wrong)
            if group is self.four and "stage" in ref and index == 17:
                course_services.waive_gate(enrolment_id, "gate-1", "补考安排在下周，先随班学习第三周内容", self.staff["trainer"])

    def _sit(self, enrolment_id: int, ref: str, wrong: int, of: int = 0) -> None:
        """Sit a quiz with so many wrong answers; `of`: in so many questions, whatever the length of the paper."""
        if not self._is_open(enrolment_id, "quiz", ref):
            return
        person_id = self._person_of(enrolment_id)
        attempt_id = quizzes.start_attempt(enrolment_id, ref, person_id, seed=f"demo-{enrolment_id}-{ref}")
        slots = quiz_queries.slots_of([attempt_id])[attempt_id]
        count = wrong * len(slots) // of if of else wrong
        missed = {slot.position for slot in self.chance.sample(list(slots), min(count, len(slots)))}
        for slot in slots:
            answer = essays.written(slot.item, enrolment_id) or (
                wrong_answer(slot.item, slot.values, self.chance) if slot.position in missed else right_answer(slot.item, slot.values))
            quizzes.save_answer(attempt_id, slot.position, answer, f"demo-{slot.position}", 0, person_id)
        quizzes.submit_attempt(attempt_id, person_id)

    def _practice_station(self, group: Group, ref: str) -> None:
        raters = [self.staff["trainer"], self.staff["trainer2"], self.staff["trainer3"]]
        for index, enrolment_id in enumerate(group.enrolments):
            performance_id = grading.schedule_performance(enrolment_id, ref, [raters[index % 3]], raters[index % 3])
            self._rate(performance_id, "good" if index % 5 or ref in self.gates else "weak")

    def _rate(self, performance_id: int, quality: str, places: tuple[int, ...] = (1, 2), gap: bool = False, red_line: str = "") -> None:
        performance = db.session.get_one(Performance, performance_id)
        rubric = grading_queries.instrument(performance.rubric_version_id)
        criteria = [criterion.key for criterion in rubric.criteria]
        for assignment in db.session.scalars(select(Assignment).where(Assignment.performance_id == performance_id).order_by(Assignment.place)).all():
            if assignment.place not in places:
                continue
            body = judgement(quality, criteria, assignment.place, self.chance, performance.kind == "case", lower=gap and assignment.place == 2)
            if red_line and assignment.place == 1:
                body["red_lines"] = {rubric.red_lines[0].key: {"quotation": "“这款产品到期肯定有四个点，您放心。”", "happened_at": "5:20"}}
            grading.finalise_rating(assignment.id, body, None, assignment.rater_id)

    def _practice_case(self, group: Group, ref: str) -> None:
        for index, enrolment_id in enumerate(group.enrolments):
            if group is self.four and index == 11:
                continue
            self._write_case(enrolment_id, ref, None, index)
        markers = [self.staff["trainer3"], self.staff["trainer2"]] if ref in self.gates else [self.staff["trainer3"]]
        grading.assign_markers(group.cohort_id, ref, markers, self.staff["trainer3"])
        if ref in self.gates:       # the next stage waits for the mark
            for index, enrolment_id in enumerate(group.enrolments):
                handed_in = select(Performance.id).where(Performance.enrolment_id == enrolment_id, Performance.content_key == ref)
                for performance_id in db.session.scalars(handed_in).all():
                    self._rate(performance_id, "good" if index % 4 else "pass")

    def _write_case(self, enrolment_id: int, ref: str, due: datetime | None, index: int) -> int:
        person_id = self._person_of(enrolment_id)
        performance_id = grading.open_case(enrolment_id, ref, due, person_id)
        stored = content.find_current("case", ref)
        assert stored is not None
        for number, question in enumerate(stored.body["questions"]):
            lines = (cast.CASE_OPENING[(index + number) % 3], cast.CASE_MIDDLE[(index + 2 * number) % 3], cast.CASE_CLOSING[(index + number + 1) % 3])
            grading.save_case_draft(performance_id, question["key"], "\n\n".join(lines), 0, f"demo-{number}", due)
        grading.hand_in_case(performance_id, due, person_id)
        return performance_id

    # ── planned sittings ────────────────────────────────────────────────────────────────────────────────────
    def _plan_sittings(self) -> None:
        """The final exam of the seventh week, planned and approved by two people and still open; a stage test of the
        fourth week that somebody has planned for next week and nobody approved yet."""
        day = self.seven.starts_on + timedelta(days=38)
        exam = (self.seven.starts_on + timedelta(days=43), time(8, 30)), (self.today + timedelta(days=5), time(20, 0))
        stage = (self.today + timedelta(days=6), time(9, 0)), (self.today + timedelta(days=6), time(12, 0))
        self.at(day, 14, 0, lambda: self._sitting(self.seven, "final-exam", exam, "forms", 2, 10, "trainer"))
        self.at(day + timedelta(days=1), 10, 0, lambda: self._approve(self.seven, "reviewer"))
        self.at(self.today - timedelta(days=1), 17, 0, lambda: self._sitting(self.four, "stage-2-test", stage, "person", 0, 0, "trainer2"))

    def _sitting(self, group: Group, ref: str, window: tuple[tuple[date, time], tuple[date, time]], mode: str, forms: int, rest: int, planner: str) -> None:
        opens, closes = (datetime.combine(*moment, ZoneInfo(ZONE)) for moment in window)
        plan = quizzes.SittingPlan(group.cohort_id, ref, opens, closes, "培训中心 3 楼 302", mode, forms, rest)
        group.sitting_id = quizzes.plan_sitting(plan, self.staff[planner], seed=f"demo-{group.key}-{ref}")

    def _approve(self, group: Group, approver: str) -> None:
        quizzes.set_allowance(group.sitting_id, group.enrolments[5], 20, 10, "accommodation", 0, self.staff[approver])
        quizzes.approve_sitting(group.sitting_id, quiz_queries.get_sitting(group.sitting_id).proof_hash, self.staff[approver])

    # ── the last week ───────────────────────────────────────────────────────────────────────────────────────
    def _plan_assessment(self, group: Group) -> None:
        day = group.starts_on + timedelta(days=42)
        self.at(day - timedelta(days=1), 20, 0, lambda: self._essay_marks(group))
        self.at(day, 9, 0, lambda: self._levels(group))
        self.at(day, 14, 0, lambda: self._stations(group))
        self.at(day + timedelta(days=1), 9, 30, lambda: self._exam(group))
        self.at(day + timedelta(days=1), 20, 0, lambda: self._cases(group))
        self.at(day + timedelta(days=2), 10, 0, lambda: self._case_marks(group))
        self.at(day + timedelta(days=2), 15, 0, lambda: self._red_lines(group))
        self.at(day + timedelta(days=2), 21, 0, lambda: self._confirm(group))

    def _levels(self, group: Group) -> None:
        for enrolment_id, story in zip(group.enrolments, group.stories, strict=True):
            if "levels" in story.open:
                continue
            for part in ("discussion", "group_contribution"):
                participation.set_level(enrolment_id, part, story.level, "依据六周研讨记录", self.staff["trainer"])

    def _stations(self, group: Group) -> None:
        pairs = (("trainer", "trainer2"), ("trainer2", "trainer3"), ("trainer3", "trainer"))
        for index, (enrolment_id, story) in enumerate(zip(group.enrolments, group.stories, strict=True)):
            for number, ref in enumerate(("needs-interview-1", "needs-interview-2")):
                pair = [self.staff[login] for login in (pairs[0] if "station-2" in story.open else pairs[(index + number) % 3])]
                performance_id = grading.schedule_performance(enrolment_id, ref, pair, self.staff["trainer"])
                if number == 1 and "station-2" in story.open:
                    continue
                if number == 1 and "second-rating" in story.open:
                    grading.mark_performed(performance_id, pair[0])
                    self._rate(performance_id, story.skill, (1,))
                    continue
                self._rate(performance_id, story.skill, gap=story.gap and number == 1, red_line=story.red_line if number == 0 else "")

    def _exam(self, group: Group) -> None:
        for enrolment_id, story in zip(group.enrolments, group.stories, strict=True):
            if "exam" not in story.open:
                self._sit(enrolment_id, "final-exam", story.exam_wrong, of=20)

    def _essay_marks(self, group: Group) -> None:
        """The essays of the last stage test: most have their two marks, one is held for a third, some wait for a second, some for a first."""
        attempts = [attempt for enrolment_id in group.enrolments for attempt in quiz_queries.attempts_of(enrolment_id, "stage-3-test")]
        slots = quiz_queries.slots_of([attempt.id for attempt in attempts])
        works = [(attempt.enrolment_id, slot.id, slot.item) for attempt in attempts for slot in slots[attempt.id] if isinstance(slot.item, Essay)]
        pairs = (("trainer", "trainer2"), ("trainer2", "trainer3"), ("trainer3", "trainer"))
        disputed = max(works[:-7], key=lambda work: sum(essays.marked(work[2], work[0]).values()), default=None)
        for number, work in enumerate(works[:-4]):      # the last four wait for everybody, the three before them for a second
            pair = pairs[1] if work is disputed or number >= len(works) - 7 else pairs[number % 3]
            for place, login in enumerate(pair[:1] if number >= len(works) - 7 else pair):
                stricter = 4 * place if work is disputed else (number + place) % 2
                quizzes.finalise(work[1], essays.marked(work[2], work[0], stricter), "", None, self.staff[login])

    def _cases(self, group: Group) -> None:
        due = clock.end_of_day(group.starts_on + timedelta(days=48 + 7), ZONE)
        for index, (enrolment_id, story) in enumerate(zip(group.enrolments, group.stories, strict=True)):
            if "case" not in story.open:
                self._write_case(enrolment_id, "press-threat", due, index)

    def _case_marks(self, group: Group) -> None:
        raters = [self.staff["trainer"], self.staff["trainer2"], self.staff["trainer3"]]
        grading.assign_markers(group.cohort_id, "press-threat", raters, self.staff["trainer"])
        found = grading_queries.performance_facts(group.enrolments, "case", ["press-threat"])
        for enrolment_id, story in zip(group.enrolments, group.stories, strict=True):
            for fact in found.get(enrolment_id, []):
                self._rate(fact.performance_id, story.case, (1,) if "case-marks" in story.open else (1, 2))

    def _red_lines(self, group: Group) -> None:
        for enrolment_id, story in zip(group.enrolments, group.stories, strict=True):
            if story.red_line in ("confirmed", "rejected"):
                reports = select(RedLineReport.id).join(Performance, Performance.id == RedLineReport.performance_id).where(
                    Performance.enrolment_id == enrolment_id)
                for report_id in db.session.scalars(reports).all():
                    grading.decide_red_line(report_id, story.red_line == "confirmed", "回看录音，原话为“参考过往收益”，未作承诺", self.staff["reviewer2"])

    def _confirm(self, group: Group) -> None:
        reviewer = actor_of(self.staff["reviewer"])
        for enrolment_id, story in zip(group.enrolments, group.stories, strict=True):
            if story.confirmed:
                standing = assessment.standing_of(enrolment_id)
                credentials.confirm_and_issue(enrolment_id, reviewer, None, standing.evidence_hash)


def actor_of(person_id: int) -> Actor:
    """A person as a service expects the one who acts, without a sign-in behind it."""
    person = db.session.get_one(Person, person_id)
    return Actor(person_id=person.id, account_id=0, session_id=0, token="", name=person.name, employee_no=person.employee_no, login="", language=None,
                 must_change_password=False, is_demo=True, grants=())


def build_demo() -> None:
    """Fill an empty database with the demo. Raises NotEmpty where there is anybody already."""
    if db.session.execute(select(Person.id).limit(1)).first():
        raise NotEmpty
    db.session.rollback()
    Demo(clock.today(ZONE)).make()



