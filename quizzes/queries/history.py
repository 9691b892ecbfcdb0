"""What one trainee has answered so far, in quizzes whose review is open and in the spaced review: what practice is computed from.

Read in a fixed number of selects, without the texts of questions and answers: those are read for the few that a page shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from courses import queries as courses
from courses.queries import CohortView, EnrolmentView
from foundation import clock
from foundation.content import ContentVersion
from foundation.db import database_key, db
from quizzes.models import Attempt, Closure, Response, ReviewAnswer, ReviewCard, Slot
from quizzes.queries.attempts import blueprint_version, get_attempt, score_now, slots_of
from quizzes.queries.rulings import rulings_on
from quizzes.rules.blueprint import STATUSES, Blueprint, usages
from quizzes.rules.item import MACHINE_SCORED
from quizzes.rules.spacing import Answered, Due, Memory, due, in_order, replay
from quizzes.rules.wrong_book import Entry, Given, book


# ── what an item asks, without its texts ─────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Ask:
    """An answerable item of a version: what it is about, whether the program marks it, and whether practice may ask it."""

    version_id: int
    item_key: str
    objective: str
    area: str
    is_machine_scored: bool
    may_be_practised: bool


_ASKS: dict[tuple[str, int], tuple[Ask, ...]] = {}


def _asks_of(version_id: int, body: Any) -> tuple[Ask, ...]:
    parts = body["items"] if body["kind"] == "set" else [body]
    allowed, statuses = usages("practice"), STATUSES["practice"]
    return tuple(Ask(version_id, part["key"], part["objective"], body["content_area"], part["kind"] in MACHINE_SCORED,
                     body["status"] in statuses and part["kind"] in MACHINE_SCORED and part.get("usage", "both") in allowed) for part in parts)


def asks(version_ids: Iterable[int]) -> dict[int, tuple[Ask, ...]]:
    """Item version id → what its items ask; those a process has not met before are read in one select."""
    database, wanted = database_key(), set(version_ids)
    missing = [id_ for id_ in wanted if (database, id_) not in _ASKS]
    if missing:
        if len(_ASKS) > 20_000:      # many databases or versions ago: begin again rather than keep what nobody asks for
            _ASKS.clear()
            missing = list(wanted)
        for id_, body in db.session.execute(select(ContentVersion.id, ContentVersion.body).where(ContentVersion.id.in_(missing))):
            _ASKS[(database, id_)] = _asks_of(id_, body)
    return {id_: _ASKS[(database, id_)] for id_ in wanted}


def ask_of(version_id: int, item_key: str) -> Ask:
    """What one item of a version asks. Raises StopIteration where the version has no such item."""
    return next(ask for ask in asks([version_id])[version_id] if ask.item_key == item_key)


def practice_pool(cohort_id: int) -> dict[str, tuple[Ask, ...]]:
    """Objective → the items that practice may ask of it in this cohort, by key: never an exam's own, nor what a hearing took out."""
    found: dict[str, list[Ask]] = {}
    version_ids = courses.pinned_all(cohort_id, "item").values()
    out = {place for place, view in rulings_on(version_ids).items() if view.ruling.remedy in ("drop", "give_all")}
    for entries in asks(version_ids).values():
        for ask in entries:
            if ask.may_be_practised and (ask.version_id, ask.item_key) not in out:
                found.setdefault(ask.objective, []).append(ask)
    return {objective: tuple(sorted(entries, key=lambda ask: ask.item_key)) for objective, entries in found.items()}


# ── the history ──────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Fact:
    """A place of an ended quiz. `fraction` None: it was left blank and time ended the quiz, which says nothing about knowing."""

    slot_id: int
    attempt_id: int
    item_key: str
    version_id: int
    blueprint_version_id: int
    at: datetime
    fraction: Decimal | None


@dataclass(frozen=True)
class Review:
    """One answer in the spaced review."""

    id: int
    objective: str
    item_key: str
    version_id: int
    at: datetime
    fraction: Decimal
    rating: int


@dataclass(frozen=True)
class History:
    """One trainee's answers. `open_items`: keys on papers that are open now, which practice leaves alone; `exam_is_open`: the
    written exam is being sat, and practice rests altogether; `untaught`: objectives of units that are still closed, which a pre-test
    may have missed and the review asks once their unit opens."""

    enrolment: EnrolmentView
    cohort: CohortView
    today: date
    facts: tuple[Fact, ...]
    reviews: tuple[Review, ...]
    memories: dict[str, Memory]
    open_items: frozenset[str]
    exam_is_open: bool
    untaught: frozenset[str]

    def day(self, moment: datetime) -> date:
        """The calendar day of a moment, in the cohort's zone."""
        return moment.astimezone(ZoneInfo(self.cohort.zone)).date()

    @property
    def answered_today(self) -> int:
        return sum(self.day(review.at) == self.today for review in self.reviews)

    def reviews_of(self, objective: str) -> tuple[Review, ...]:
        return tuple(review for review in self.reviews if review.objective == objective)

    def objective_of(self, one: Fact | Review) -> str:
        return ask_of(one.version_id, one.item_key).objective

    def book(self) -> tuple[Entry, ...]:
        """The wrong-answer book, the latest miss first."""
        given = [Given(fact.item_key, fact.at, self.day(fact.at), fact.fraction, f"slot:{fact.slot_id}") for fact in self.facts if fact.fraction is not None]
        given += [Given(review.item_key, review.at, self.day(review.at), review.fraction, f"review:{review.id}") for review in self.reviews]
        return tuple(entry for entry in book(given) if entry.item_key not in self.open_items)

    def objectives_of(self, entries: Iterable[Entry]) -> dict[str, str]:
        """Item key → the objective that its latest miss was about."""
        places = {f"slot:{fact.slot_id}": (fact.version_id, fact.item_key) for fact in self.facts}
        places |= {f"review:{review.id}": (review.version_id, review.item_key) for review in self.reviews}
        return {entry.item_key: ask_of(*places[entry.missed.source]).objective for entry in entries}

    def last_seen(self) -> dict[str, datetime]:
        """Item key → when it was last on a paper or in the review."""
        seen: dict[str, datetime] = {}
        for key, at in (*((fact.item_key, fact.at) for fact in self.facts), *((review.item_key, review.at) for review in self.reviews)):
            seen[key] = max(at, seen.get(key, at))
        return seen

    def due(self, pool: dict[str, tuple[Ask, ...]]) -> tuple[Due, ...]:
        """The objectives to ask today, in the day's order; those that no question of the pool asks are left out."""
        last: dict[str, datetime] = {}
        today: dict[str, list[Decimal]] = {}
        for review in self.reviews:
            last[review.objective] = review.at
            if self.day(review.at) == self.today:
                today.setdefault(review.objective, []).append(review.fraction)
        missed: dict[str, date] = {}
        for fact in self.facts:
            objective = self.objective_of(fact)
            if fact.fraction is not None and fact.fraction < 1 and (objective not in last or fact.at > last[objective]):
                missed[objective] = max(self.day(fact.at), missed.get(objective, self.day(fact.at)))
        found = []
        for objective in missed.keys() | self.memories.keys():
            if objective in self.untaught or not any(ask.item_key not in self.open_items for ask in pool.get(objective, ())):
                continue
            one = due(objective, self.memories.get(objective), missed.get(objective), tuple(today.get(objective, ())), self.today)
            if one is not None:
                found.append(one)
        return in_order(found)


def shown(blueprint: Blueprint) -> frozenset[str]:
    """What the review of a quiz shows once it has ended; nothing while it waits for a release. An exam whose review shows no keys
    shows nothing here at all: its items stay the exam's."""
    shows = frozenset(blueprint.review.shows) if blueprint.review.opens == "after-submit" else frozenset()
    return shows if blueprint.purpose != "exam" or "key" in shows else frozenset()


def history(enrolment: EnrolmentView, cohort: CohortView | None = None) -> History:
    """Everything practice is computed from, for one enrolment; its cohort where the caller has it at hand."""
    cohort = cohort or courses.get_cohort(enrolment.cohort_id)
    now = clock.now()
    ended, open_ids = _ended(enrolment.id)
    running, exam_is_open, unposted = _without_end(open_ids, now)
    facts = sorted([*ended, *unposted], key=lambda fact: (fact.at, fact.slot_id))
    asks({fact.version_id for fact in facts})     # read together what is looked up one by one from here on
    facts = [fact for fact in facts if ask_of(fact.version_id, fact.item_key).is_machine_scored]
    reviews, memories = _reviews(enrolment.id)
    untaught = _untaught(enrolment, cohort) if facts else frozenset()
    return History(enrolment, cohort, clock.today(cohort.zone), tuple(facts), reviews, memories, running, exam_is_open, untaught)


def _reviews(enrolment_id: int) -> tuple[tuple[Review, ...], dict[str, Memory]]:
    """(answers in order, objective → memory): a card has an answer at least, so that one select reads both."""
    rows = db.session.execute(
        select(ReviewAnswer.id, ReviewAnswer.objective, ReviewAnswer.item_key, ReviewAnswer.item_version_id, ReviewAnswer.answered_at,
               ReviewAnswer.fraction, ReviewAnswer.rating, ReviewCard.state)
        .outerjoin(ReviewCard, (ReviewCard.enrolment_id == ReviewAnswer.enrolment_id) & (ReviewCard.objective == ReviewAnswer.objective))
        .where(ReviewAnswer.enrolment_id == enrolment_id).order_by(ReviewAnswer.id)).all()
    states = {row.objective: row.state for row in rows if row.state is not None}
    return tuple(Review(*row[:7]) for row in rows), {objective: Memory.read(state) for objective, state in states.items()}


def _untaught(enrolment: EnrolmentView, cohort: CohortView) -> frozenset[str]:
    """Objectives that only units still closed name. What no unit names is not held back."""
    named: dict[bool, set[str]] = {True: set(), False: set()}
    for state in courses.unit_states_of(enrolment, cohort):
        named[state.is_open] |= {objective for module in state.unit.modules for objective in module.objectives}
    return frozenset(named[False] - named[True])


def _ended(enrolment_id: int) -> tuple[list[Fact], list[int]]:
    """(places of the attempts whose end is posted, by the latest run of their marks; ids of the attempts without a posted end).

    A dropped item counts for nothing.
    """
    rows = db.session.execute(
        select(Slot.id, Slot.attempt_id, Slot.item_key, Slot.item_version_id, Attempt.blueprint_version_id, Closure.closed_at, Closure.how,
               Response.fraction, Response.answer.is_not(None), Response.possible)
        .join(Attempt, Attempt.id == Slot.attempt_id).outerjoin(Closure, Closure.attempt_id == Attempt.id)
        .outerjoin(Response, Response.slot_id == Slot.id).where(Attempt.enrolment_id == enrolment_id).order_by(Slot.id, Response.run))
    latest: dict[int, Fact] = {}
    unposted: dict[int, None] = {}
    for slot_id, attempt_id, item_key, version_id, blueprint_id, closed_at, how, fraction, is_answered, possible in rows:
        if closed_at is None:
            unposted[attempt_id] = None
        elif fraction is not None and shown(blueprint_version(blueprint_id)):
            if possible == 0:
                latest.pop(slot_id, None)
                continue
            counted = fraction if is_answered or how == "handed_in" or fraction == 1 else None
            latest[slot_id] = Fact(slot_id, attempt_id, item_key, version_id, blueprint_id, closed_at, counted)
    return list(latest.values()), list(unposted)


def _without_end(ids: list[int], now: datetime) -> tuple[frozenset[str], bool, list[Fact]]:
    """(item keys on papers that are open, whether one of them is the exam, places of papers whose time is over unposted)."""
    if not ids:
        return frozenset(), False, []
    attempts = [get_attempt(id_) for id_ in ids]          # one, as a rule: who begins a quiz ends it before the next
    slots = slots_of(ids)
    running: set[str] = set()
    over: list[Fact] = []
    for attempt in attempts:
        if attempt.is_open(now):
            running |= {slot.item.key for slot in slots[attempt.id]}
        elif shown(attempt.blueprint):
            earned = score_now(slots[attempt.id], attempt.blueprint)
            over += [Fact(slot.id, attempt.id, slot.item.key, slot.version_id, attempt.blueprint_version_id, attempt.closes_at,
                          earned.by_slot[slot.id][0] if slot.completeness != "none" else None)
                     for slot in slots[attempt.id] if slot.id in earned.by_slot and slot.id not in earned.dropped]
    return frozenset(running), any(attempt.is_open_exam(now) for attempt in attempts), over


def replayed(enrolment_id: int, zone: str, objectives: Collection[str] = ()) -> dict[str, Memory]:
    """Objective → the memory that the log of review answers leads to: what the cards must be (all objectives where none is named)."""
    logs: dict[str, list[Answered]] = {}
    rows = db.session.execute(
        select(ReviewAnswer.objective, ReviewAnswer.answered_at, ReviewAnswer.fraction, ReviewAnswer.rating)
        .where(ReviewAnswer.enrolment_id == enrolment_id).order_by(ReviewAnswer.id))
    for objective, at, fraction, rating in rows:
        if not objectives or objective in objectives:
            logs.setdefault(objective, []).append(Answered(at.astimezone(ZoneInfo(zone)).date(), fraction, rating))
    found = {objective: replay(log) for objective, log in logs.items()}
    return {objective: memory for objective, memory in found.items() if memory is not None}
