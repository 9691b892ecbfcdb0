"""An open paper as its pages print it: the questions of the open section, the clock, breaks and flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import abort
from sqlalchemy import select

from courses import queries as courses
from foundation.db import db
from foundation.i18n import pick
from quizzes.models import AttemptEvent, Candidate, Presence, Sitting
from quizzes.queries.attempts import AttemptView, slots_of
from quizzes.queries.pages import QuestionView, one_question
from quizzes.rules.answer import Answer
from quizzes.rules.breaks import KINDS, Breaks, Happened, breaks_of


# ── the desk: clock, pause, breaks ───────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Desk:
    """How an attempt stands at this moment, as its page has to know it. Seconds are by the server's clock."""

    state: str
    closes_at: datetime
    seconds_left: int
    is_paused: bool
    breaks: Breaks

    @property
    def is_covered(self) -> bool:
        """The questions are not shown now: the hall stands still, or the person is on a break."""
        return self.is_paused or self.breaks.since is not None


def desk(attempt: AttemptView, now: datetime, happened: list[Happened] | None = None) -> Desk:
    """The desk of an attempt. `happened`: its events, where the caller has read them. Breaks exist only in planned sittings."""
    state = attempt.state(now)
    if attempt.sitting_id is None:
        return Desk(state, attempt.closes_at, attempt.seconds_left(now) if state == "open" else 0, False, Breaks(0, 0))
    breaks = breaks_of(events_of(attempt.id) if happened is None else happened, break_allowance(attempt), now)
    left = attempt.seconds_left(now) - breaks.unused if state == "open" else 0
    return Desk(state, attempt.closes_at - timedelta(seconds=breaks.unused), max(0, left), attempt.paused_at is not None, breaks)


def break_allowance(attempt: AttemptView) -> int:
    """Seconds of break this person may take in this paper: those of the sitting and the own ones on top."""
    row = db.session.execute(
        select(Sitting.break_minutes, Candidate.break_minutes)
        .outerjoin(Candidate, (Candidate.sitting_id == Sitting.id) & (Candidate.enrolment_id == attempt.enrolment_id))
        .where(Sitting.id == attempt.sitting_id)).first()
    return 60 * ((row[0] or 0) + (row[1] or 0)) if row else 0


def events_of(attempt_id: int) -> list[Happened]:
    """The pauses and breaks of an attempt, in order."""
    rows = db.session.execute(
        select(AttemptEvent.kind, AttemptEvent.at, AttemptEvent.detail).where(AttemptEvent.attempt_id == attempt_id, AttemptEvent.kind.in_(KINDS))
        .order_by(AttemptEvent.id))
    return [Happened(kind, at, int((detail or {}).get("seconds", 0))) for kind, at, detail in rows]


def flags_of(attempt_id: int) -> frozenset[int]:
    """Positions that are flagged now."""
    flagged: dict[int, bool] = {}
    rows: Any = db.session.execute(
        select(AttemptEvent.kind, AttemptEvent.position).where(AttemptEvent.attempt_id == attempt_id, AttemptEvent.kind.in_(("flag", "unflag")))
        .order_by(AttemptEvent.id))
    for kind, position in rows:
        flagged[position] = kind == "flag"
    return frozenset(position for position, is_flag in flagged.items() if is_flag)


def last_seen(attempt_id: int) -> datetime | None:
    """When the page of an attempt was last heard of."""
    return db.session.execute(select(Presence.seen_at).where(Presence.attempt_id == attempt_id)).scalar()


# ── during the attempt ───────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Square:
    """A question as the question card shows it. `way`: open, or in a one-way paper closed or ahead."""

    position: int
    completeness: str
    is_flagged: bool
    way: str


@dataclass(frozen=True)
class SectionCard:
    """A section of the paper on the question card; `title` "" where the paper has no sections."""

    number: int                          # from 0
    title: str
    way: str                             # open | closed | ahead
    squares: tuple[Square, ...]


@dataclass(frozen=True)
class AttemptPage:
    """The open paper. Of a one-way paper only the open section is in `questions`."""

    id: int
    ref: str
    person_id: int
    title: str
    cohort_name: str
    zone: str
    purpose: str
    marks: int
    questions: tuple[QuestionView, ...]
    sections: tuple[SectionCard, ...]
    one_way: bool
    flagged: frozenset[int]
    current: int
    count: int
    answered: int
    desk: Desk
    last: QuestionView | None            # the question with the latest save

    @property
    def seconds_left(self) -> int:
        return self.desk.seconds_left

    @property
    def closes_at(self) -> datetime:
        return self.desk.closes_at

    @property
    def first(self) -> int:
        return self.questions[0].position

    @property
    def end(self) -> int:
        """The last question that can be opened now."""
        return self.questions[-1].position

    @property
    def open_section(self) -> SectionCard:
        return next(section for section in self.sections if section.way == "open")

    @property
    def is_last_section(self) -> bool:
        return self.open_section.number == self.sections[-1].number

    @property
    def answered_elsewhere(self) -> int:
        """Answered questions of sections that are not open."""
        return self.answered - sum(square.completeness != "none" for section in self.sections if section.way == "open" for square in section.squares
                                   if square.way == "open")

    @property
    def has_numeric(self) -> bool:
        return any(question.kind == "numeric" for question in self.questions)


def attempt_page(attempt: AttemptView, now: datetime, position: int, replaced: Mapping[int, Answer] | None = None) -> AttemptPage:
    """The open attempt with the questions of its open section. `position` 0: where somebody who returns goes on, the first question
    without an answer. `replaced` shows answers that could not be saved in their place."""
    blueprint = attempt.blueprint
    cohort = courses.get_cohort(attempt.cohort_id)
    slots = slots_of([attempt.id])[attempt.id]
    flagged = flags_of(attempt.id)
    ways = {slot.position: _way(attempt, slot.section) for slot in slots}
    questions = tuple(one_question(slot, (replaced or {}).get(slot.position)) for slot in slots if ways[slot.position] == "open")
    titles = [pick(section.title) for section in blueprint.sections or ()]
    sections = tuple(
        SectionCard(number, titles[number] if titles else "", _way(attempt, number),
                    tuple(Square(slot.position, slot.completeness, slot.position in flagged, ways[slot.position]) for slot in slots if slot.section == number))
        for number in sorted({slot.section for slot in slots}))
    saved = [question for question in questions if question.saved_at is not None]
    position = position or next((question.position for question in questions if question.completeness == "none"), 1)
    return AttemptPage(
        attempt.id, attempt.blueprint_key, attempt.person_id, pick(blueprint.title), pick(cohort.name), cohort.zone, blueprint.purpose, blueprint.marks,
        questions, sections, blueprint.one_way, flagged, min(max(position, questions[0].position), questions[-1].position), len(slots),
        sum(slot.completeness != "none" for slot in slots), desk(attempt, now), max(saved, key=lambda question: question.saved_at or now) if saved else None)


def _way(attempt: AttemptView, section: int) -> str:
    if not attempt.blueprint.one_way or section == attempt.section:
        return "open"
    return "closed" if section < attempt.section else "ahead"


@dataclass(frozen=True)
class CheckPage:
    """Before handing in: what is unanswered, what is answered in part, what cannot be read as a number. Numbers of questions;
    `shut`: those of them that can no longer be changed, or not yet."""

    id: int
    title: str
    cohort_name: str
    zone: str
    purpose: str
    person_id: int
    count: int
    answered: int
    none: tuple[int, ...]
    part: tuple[int, ...]
    unreadable: tuple[int, ...]
    flagged: tuple[int, ...]
    shut: frozenset[int]
    ahead: int                           # questions of sections that were not opened yet
    desk: Desk

    @property
    def seconds_left(self) -> int:
        return self.desk.seconds_left

    @property
    def closes_at(self) -> datetime:
        return self.desk.closes_at


def check_page(attempt: AttemptView, now: datetime) -> CheckPage:
    blueprint, cohort = attempt.blueprint, courses.get_cohort(attempt.cohort_id)
    slots = slots_of([attempt.id])[attempt.id]
    views = [(slot, one_question(slot)) for slot in slots]
    shut = frozenset(slot.position for slot in slots if _way(attempt, slot.section) != "open")
    return CheckPage(
        attempt.id, pick(blueprint.title), pick(cohort.name), cohort.zone, blueprint.purpose, attempt.person_id, len(slots),
        sum(slot.completeness != "none" for slot in slots), tuple(q.position for _slot, q in views if q.completeness == "none"),
        tuple(q.position for _slot, q in views if q.completeness == "part"), tuple(q.position for _slot, q in views if q.is_unreadable),
        tuple(sorted(flags_of(attempt.id))), shut, sum(_way(attempt, slot.section) == "ahead" for slot in slots), desk(attempt, now))


@dataclass(frozen=True)
class SectionPage:
    """Before a section of a one-way paper is closed: what in it is still unanswered, and what comes next."""

    id: int
    paper_title: str
    cohort_name: str
    zone: str
    person_id: int
    number: int                          # of the section, from 0
    title: str
    next_title: str
    next_count: int
    count: int
    answered: int
    none: tuple[int, ...]
    part: tuple[int, ...]
    flagged: tuple[int, ...]
    desk: Desk

    @property
    def seconds_left(self) -> int:
        return self.desk.seconds_left

    @property
    def closes_at(self) -> datetime:
        return self.desk.closes_at


def section_page(attempt: AttemptView, now: datetime) -> SectionPage:
    """404 where the paper has no one-way sections or the open one is the last."""
    page = attempt_page(attempt, now, 1)
    if not page.one_way or page.is_last_section:
        abort(404)
    here = page.open_section
    following = next(section for section in page.sections if section.number == here.number + 1)
    mine = [question.position for question in page.questions]
    return SectionPage(
        page.id, page.title, page.cohort_name, page.zone, page.person_id, here.number, here.title, following.title, len(following.squares), len(mine),
        sum(square.completeness != "none" for square in here.squares), tuple(s.position for s in here.squares if s.completeness == "none"),
        tuple(s.position for s in here.squares if s.completeness == "part"), tuple(sorted(page.flagged & set(mine))), page.desk)


def told(desk_: Desk, now: datetime) -> dict[str, Any]:
    """The desk as a page polls it."""
    breaks = desk_.breaks
    return {"now": now.isoformat(), "closes_at": desk_.closes_at.isoformat(), "seconds_left": desk_.seconds_left, "state": desk_.state,
            "paused": desk_.is_paused, "break": {"since": breaks.since.isoformat() if breaks.since else None, "left": breaks.left,
                                                  "over": breaks.is_overrun}}
