"""Answers as statistics read them: plain tuples of the columns needed, in one pass, without names.

What counts, on every page alike: attempts that have ended, with at least one answer; of practice, stage test, mock and
pre-test a trainee's first attempt, of exams all; of each slot the latest run; never an item that a hearing dropped or
gave to all. Answers are pooled over versions of an item that are scored alike (rewordings), and apart where the key or a
ruling changed.
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Text, case, false, func, select, type_coerce

from courses.models import Cohort, Enrolment
from foundation.db import canonical_json, db
from quizzes.models import Attempt, Closure, ItemRuling, Response, Slot
from quizzes.queries.attempts import item_version
from quizzes.rules import item as items
from quizzes.rules.answer import Answer
from quizzes.rules.hearing import Ruling, Standing, prepare
from quizzes.rules.item import Answerable, Item, Multiple, Single, TrueFalse
from quizzes.rules.scoring import Scored, score
from quizzes.rules.statistics import ItemAnalysis, Seen, analyse

ALL = ("exam", "mock", "stage_test", "practice", "pre_test")
TAUGHT = ALL[:4]                    # answers given after the lessons; the pre-test asks before them
LONGEST_READ = 1500                 # answers of options, pairs and blanks are shorter; essays stay in the database


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause the search for cyclic garbage: hundreds of thousands of small tuples, none in a cycle, are searched again and
    again while they are made, which is two fifths of the time. Whoever paused it starts it again, however many threads."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True)
class Selection:
    """Which answers are looked at. Days are days of each cohort's zone, both included; `cohort_id` None: all cohorts, or
    those of `within`."""

    purposes: tuple[str, ...] = TAUGHT
    cohort_id: int | None = None
    since: date | None = None
    until: date | None = None
    blueprint_key: str = ""
    sitting_id: int | None = None
    within: frozenset[int] | None = None


class Paper(NamedTuple):
    """An attempt as far as statistics go."""

    id: int
    enrolment_id: int
    cohort_id: int
    blueprint_key: str
    blueprint_version_id: int
    purpose: str
    sitting_id: int | None
    form_id: int | None
    day: date


class Given(NamedTuple):
    """One answer. `answer`: the canonical JSON text, "" for none, "+" for one too long to be options."""

    paper: Paper
    slot_id: int
    item_key: str
    version_id: int
    fraction: float
    mark: float
    possible: float
    answer: str
    measures: bool              # False: dropped or given to all; it says nothing about the item


@dataclass
class Observed:
    """Everything a page of statistics is made of. `blank`: attempts left out because nothing was answered."""

    papers: dict[int, Paper] = field(default_factory=dict)
    given: list[Given] = field(default_factory=list)
    blank: int = 0
    rulings: dict[tuple[str, int], Ruling] = field(default_factory=dict)
    last_day: date | None = None

    def by_paper(self) -> dict[int, list[Given]]:
        found: dict[int, list[Given]] = defaultdict(list)
        for given in self.given:
            found[given.paper.id].append(given)
        return found


def ended(selection: Selection) -> tuple[ColumnElement[bool], ...]:
    """What every read of attempts and answers is narrowed to."""
    conditions: list[ColumnElement[bool]] = [Attempt.purpose.in_(selection.purposes) if selection.purposes else false(),
                                             (Attempt.purpose == "exam") | (Attempt.number == 1)]
    if selection.cohort_id is not None:
        conditions.append(Enrolment.cohort_id == selection.cohort_id)
    if selection.within is not None:
        conditions.append(Enrolment.cohort_id.in_(selection.within))
    if selection.blueprint_key:
        conditions.append(Attempt.blueprint_key == selection.blueprint_key)
    if selection.sitting_id is not None:
        conditions.append(Attempt.sitting_id == selection.sitting_id)
    return tuple(conditions)


def _papers(selection: Selection, with_item: str) -> dict[int, Paper]:
    query: Any = (
        select(Attempt.id, Attempt.enrolment_id, Enrolment.cohort_id, Attempt.blueprint_key, Attempt.blueprint_version_id, Attempt.purpose,
               Attempt.sitting_id, Attempt.form_id, Closure.closed_at, Cohort.zone)
        .join(Enrolment, Enrolment.id == Attempt.enrolment_id).join(Cohort, Cohort.id == Enrolment.cohort_id)
        .join(Closure, Closure.attempt_id == Attempt.id).where(*ended(selection)))
    if with_item:
        query = query.where(Attempt.id.in_(select(Slot.attempt_id).where(Slot.item_key == with_item)))
    zones: dict[str, ZoneInfo] = {}
    found = {}
    for *rest, closed_at, zone in db.session.execute(query):
        day = _day(closed_at, zones.setdefault(zone, ZoneInfo(zone)))
        if (selection.since is None or day >= selection.since) and (selection.until is None or day <= selection.until):
            found[rest[0]] = Paper._make((*rest, day))
    return found


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _responses(selection: Selection, with_item: str) -> Select[Any]:
    """The columns as the texts they are stored as: making Decimals and objects of them is most of what reading costs."""
    answer = type_coerce(Response.answer, Text)
    short = case((func.length(answer) > LONGEST_READ, "+"), else_=answer)
    query = (
        select(Response.attempt_id, Response.slot_id, Response.run, Slot.item_key, Slot.item_version_id, type_coerce(Response.fraction, Text),
               type_coerce(Response.mark, Text), type_coerce(func.coalesce(Response.possible, Slot.marks), Text), short)
        .join(Slot, Slot.id == Response.slot_id).join(Attempt, Attempt.id == Response.attempt_id).join(Enrolment, Enrolment.id == Attempt.enrolment_id)
        .where(*ended(selection)))
    if with_item:
        query = query.where(Response.attempt_id.in_(select(Slot.attempt_id).where(Slot.item_key == with_item)))
    return query


def rulings() -> dict[tuple[str, int], Ruling]:
    """(item key, version id) → the ruling that stands: the latest."""
    rows = db.session.execute(select(ItemRuling.item_key, ItemRuling.item_version_id, ItemRuling.remedy, ItemRuling.change).order_by(ItemRuling.id))
    return {(key, version_id): Ruling(remedy, change) for key, version_id, remedy, change in rows}


def observe(selection: Selection, with_item: str = "") -> Observed:
    """The answers of a selection; `with_item`: only papers in which this item stood (whole papers, for the rest of each)."""
    ruled = rulings()
    found = Observed(_papers(selection, with_item), rulings=ruled)
    mute = {place for place, ruling in ruled.items() if ruling.remedy in ("give_all", "drop")}
    connection = db.session.connection()
    # few answers were ever marked again: knowing those is quicker than asking each whether it is the latest
    again: dict[int, int] = dict(connection.execute(
        select(Response.slot_id, func.max(Response.run)).where(Response.run > 1).group_by(Response.slot_id)).all())  # type: ignore[arg-type]
    answered: set[int] = set()
    given = []
    papers = found.papers
    for attempt_id, slot_id, run, item_key, version_id, fraction, mark, possible, answer in connection.execute(_responses(selection, with_item)).all():
        paper = papers.get(attempt_id)
        if paper is None or run != again.get(slot_id, 1):
            continue
        if answer:
            answered.add(attempt_id)
        marks = float(possible)
        given.append(Given(paper, slot_id, item_key, version_id, float(fraction), float(mark), marks, answer or "",
                           marks > 0 and (item_key, version_id) not in mute))
    found.given = given if len(answered) == len(papers) else [one for one in given if one.paper.id in answered]
    found.blank = len(papers) - len(answered)
    found.papers = {id_: paper for id_, paper in papers.items() if id_ in answered}
    found.last_day = max((paper.day for paper in found.papers.values()), default=None)
    return found


# ── one item over its versions ───────────────────────────────────────────────────────────────────────────────────
@dataclass
class Instrument:
    """An item in one scoring: versions that are scored alike are one instrument. `item` is its latest wording."""

    item_key: str
    digest: str
    version_id: int
    item: Answerable
    piece: Item
    standing: Standing | None                           # the ruling that answers are held against, if there is one
    seen: list[Seen] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)

    @property
    def options(self) -> tuple[str, ...]:
        if isinstance(self.item, Single | Multiple):
            return tuple(option.key for option in self.item.options)
        return ("true", "false") if isinstance(self.item, TrueFalse) else ()

    @property
    def right(self) -> frozenset[str]:
        found: set[str] = set()
        for key in self.standing.keys if self.standing else (self.item,):
            if isinstance(key, Single | Multiple):
                found |= set(key.right)
            elif isinstance(key, TrueFalse):
                found.add("true" if key.answer else "false")
        return frozenset(found)

    @property
    def has_one_key(self) -> bool:
        return isinstance(self.item, Single | TrueFalse) and len(self.right) == 1

    def scored(self, answer: Answer, values: dict[str, str]) -> Scored:
        """What an answer earns in this scoring, part by part."""
        return self.standing.scored(answer, values) if self.standing else score(self.item, answer, values)

    def analysis(self) -> ItemAnalysis:
        return analyse(self.seen, self.options, self.right, chosen)


def chosen(answer: str) -> tuple[str, ...]:
    """The options an answer names; none for one that is not about options."""
    if not answer.startswith("{"):
        return ()
    read = json.loads(answer)
    if "choice" in read:
        return (read["choice"],)
    if "choices" in read:
        return tuple(read["choices"])
    return ("true" if read["value"] else "false",) if "value" in read else ()


def _instrument(item_key: str, version_id: int, ruling: Ruling | None) -> Instrument:
    piece = item_version(version_id)
    item = items.part(piece, item_key)
    standing = prepare(ruling, item) if ruling is not None and ruling.remedy in ("rekey", "accept") else None
    scoring = [items.scoring_of(key) for key in (standing.keys if standing else (item,))]
    return Instrument(item_key, hashlib.sha256(canonical_json(scoring).encode()).hexdigest(), version_id, standing.shown if standing else item, piece,
                      standing)


def totals(given: Iterable[Given], measuring: bool = True) -> dict[int, tuple[float, float]]:
    """Attempt id → (marks earned, marks possible); `measuring`: without items that were given to all."""
    found: dict[int, tuple[float, float]] = {}
    for one in given:
        if one.measures or not measuring:
            earned, possible = found.get(one.paper.id, (0.0, 0.0))
            found[one.paper.id] = (earned + one.mark, possible + one.possible)
    return found


def instruments(observed: Observed, only: Collection[str] = ()) -> dict[str, list[Instrument]]:
    """Item key → its instruments with their answers, the latest version first."""
    whole = totals(observed.given)
    by_version: dict[tuple[str, int], Instrument] = {}
    by_digest: dict[tuple[str, str], Instrument] = {}
    for one in observed.given:
        if not one.measures or (only and one.item_key not in only):
            continue
        place = (one.item_key, one.version_id)
        instrument = by_version.get(place)
        if instrument is None:
            fresh = _instrument(*place, observed.rulings.get(place))
            instrument = by_digest.setdefault((one.item_key, fresh.digest), fresh)
            if fresh.version_id > instrument.version_id:
                instrument.version_id, instrument.item, instrument.piece, instrument.standing = (
                    fresh.version_id, fresh.item, fresh.piece, fresh.standing)
            by_version[place] = instrument
        paper = one.paper
        earned, possible = whole[paper.id]
        left = possible - one.possible
        rest = (earned - one.mark) / left if left > 1e-9 else None
        instrument.seen.append(Seen(one.fraction, rest, earned / possible, paper.blueprint_version_id, one.answer))
        instrument.papers.append(paper)
        instrument.slots.append(one.slot_id)
    found: dict[str, list[Instrument]] = defaultdict(list)
    for instrument in by_digest.values():
        found[instrument.item_key].append(instrument)
    for listed in found.values():
        listed.sort(key=lambda each: -each.version_id)
    return found
