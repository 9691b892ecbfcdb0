"""The pages of hearings: the list, the form that opens one, a hearing with its dry run, its minutes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort
from sqlalchemy import Text, func, or_, select, type_coerce
from sqlalchemy.orm import aliased

from courses import queries as courses
from courses.models import Cohort, Enrolment
from foundation import content
from foundation.content import ContentHead, ContentVersion
from foundation.db import db
from foundation.i18n import pick
from foundation.people import Person
from foundation.permissions import EVERYWHERE, Actor, Permission
from quizzes.models import Attempt, Hearing, ItemRuling, Slot
from quizzes.queries.attempts import item_version
from quizzes.queries.dry_run import Case, DryRun, Line, Trial, from_facts, try_case
from quizzes.rules.hearing import Remedy, Ruling, has_same_key, part_keys, rekeyed, remedies_for
from quizzes.rules.hearing_change import Feedback, feedbacks
from quizzes.rules.item import Answerable, Item, ItemSet, part, parts, to_body

PAGE_SIZE = 50
LIST_SIZE = 30


# ── items and their versions ─────────────────────────────────────────────────────────────────────────────────────
def piece_key_of(item_key: str) -> str | None:
    """The key of the piece an item stands in: its own, or its set's; None for an unknown key."""
    if db.session.execute(select(ContentHead.id).where(ContentHead.kind == "item", ContentHead.key == item_key)).first():
        return item_key
    rows = db.session.execute(
        select(ContentVersion.id, ContentVersion.key).join(ContentHead, ContentHead.version_id == ContentVersion.id)
        .where(ContentHead.kind == "item", type_coerce(ContentVersion.body, Text).contains(f'"key":"{item_key}"', autoescape=True))).all()
    return next((row.key for row in rows if any(entry.key == item_key for entry in parts(item_version(row.id)))), None)


@dataclass(frozen=True)
class VersionLine:
    """A version of the item with the papers it is on. `shares_fault`: it is scored like the version under hearing."""

    id: int
    number: int
    exams: int
    others: int
    is_current: bool
    shares_fault: bool


def versions_given(piece_key: str, item_key: str, chosen_id: int = 0) -> tuple[VersionLine, ...]:
    """Versions of an item that papers were made with, the latest first."""
    rows = db.session.execute(
        select(ContentVersion.id, ContentVersion.number, func.count(Slot.id).filter(Attempt.purpose == "exam"),
               func.count(Slot.id).filter(Attempt.purpose != "exam"), ContentHead.version_id)
        .join(Slot, Slot.item_version_id == ContentVersion.id).join(Attempt, Attempt.id == Slot.attempt_id)
        .join(ContentHead, (ContentHead.kind == ContentVersion.kind) & (ContentHead.key == ContentVersion.key))
        .where(ContentVersion.kind == "item", ContentVersion.key == piece_key, Slot.item_key == item_key)
        .group_by(ContentVersion.id, ContentVersion.number, ContentHead.version_id).order_by(ContentVersion.number.desc()).limit(50)).all()
    chosen = next((row.id for row in rows if row.id == chosen_id), rows[0].id if rows else 0)
    item = part(item_version(chosen), item_key) if chosen else None
    return tuple(VersionLine(id_, number, exams, others, id_ == head, item is not None and _shares(item, id_, item_key))
                 for id_, number, exams, others, head in rows)


def _shares(item: Answerable, version_id: int, item_key: str) -> bool:
    """Whether an item's change could be held against the papers of another version."""
    return part_keys(part(item_version(version_id), item_key)) == part_keys(item)


def person_sat(person_id: int, item_key: str, version_ids: Collection[int]) -> bool:
    """Whether somebody was given the item on an own paper."""
    return db.session.execute(
        select(Slot.id).join(Attempt, Attempt.id == Slot.attempt_id).join(Enrolment, Enrolment.id == Attempt.enrolment_id)
        .where(Enrolment.person_id == person_id, Slot.item_key == item_key, Slot.item_version_id.in_(version_ids)).limit(1)).first() is not None


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class HearingLine:
    id: int
    item_key: str
    stem: str
    remedy: str
    state: str                           # open | posted | dismissed
    opened_by: str
    opened_at: datetime
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True)
class ListingPage:
    """The open hearings and a page of decided ones. `item_key`: only those about one item, '' for all."""

    open: tuple[HearingLine, ...]
    decided: tuple[HearingLine, ...]
    decided_total: int
    item_key: str
    number: int
    pages: int


def _state(posted_at: datetime | None, dismissed_at: datetime | None) -> str:
    return "posted" if posted_at else "dismissed" if dismissed_at else "open"


def _hearing_lines(*conditions: Any, order: Any, limit: int, offset: int = 0) -> tuple[HearingLine, ...]:
    opener, decider = aliased(Person), aliased(Person)
    rows = db.session.execute(
        select(Hearing.id, Hearing.item_key, Hearing.item_version_id, Hearing.remedy, Hearing.opened_at, Hearing.posted_at, Hearing.dismissed_at,
               opener.name.label("opened_by"), decider.name.label("decided_by"))
        .join(opener, opener.id == Hearing.opened_by_id).outerjoin(decider, decider.id == Hearing.decided_by_id)
        .where(*conditions).order_by(order).limit(limit).offset(offset)).all()
    return tuple(HearingLine(row.id, row.item_key, pick(part(item_version(row.item_version_id), row.item_key).stem), row.remedy,
                             _state(row.posted_at, row.dismissed_at), row.opened_by, row.opened_at, row.decided_by or "", row.posted_at or row.dismissed_at)
                 for row in rows)


def _keys_of(key: str) -> tuple[str, ...]:
    """The key itself and, where it is a set's, those of its items."""
    head = db.session.execute(select(ContentHead.version_id).where(ContentHead.kind == "item", ContentHead.key == key)).scalar()
    return (key, *(entry.key for entry in parts(item_version(head)))) if head else (key,)


def listing_page(item_key: str = "", number: int = 1) -> ListingPage:
    """Open hearings (at most 100, the oldest first) and decided ones, the latest first."""
    undecided = (Hearing.posted_at.is_(None), Hearing.dismissed_at.is_(None))
    decided = (or_(Hearing.posted_at.is_not(None), Hearing.dismissed_at.is_not(None)),)
    about = (Hearing.item_key.in_(_keys_of(item_key)),) if item_key else ()
    total = db.session.execute(select(func.count(Hearing.id)).where(*decided, *about)).scalar_one()
    pages = max(1, -(-total // LIST_SIZE))
    number = min(max(number, 1), pages)
    return ListingPage(_hearing_lines(*undecided, *about, order=Hearing.id, limit=100),
                       _hearing_lines(*decided, *about, order=Hearing.id.desc(), limit=LIST_SIZE, offset=(number - 1) * LIST_SIZE), total, item_key,
                       number, pages)


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class OpenPage:
    """What somebody sees who opens a hearing. `entries`: the items of a set to choose from, where the key is a set's."""

    item_key: str
    piece_key: str
    item: Answerable | None
    piece: Item
    entries: tuple[Answerable, ...]
    versions: tuple[VersionLine, ...]
    chosen_id: int
    remedies: tuple[Remedy, ...]
    feedbacks: tuple[Feedback, ...]
    open: tuple[HearingLine, ...]        # hearings of this item that are not decided yet

    @property
    def chosen(self) -> VersionLine | None:
        return next((line for line in self.versions if line.id == self.chosen_id), None)

    @property
    def alike(self) -> tuple[VersionLine, ...]:
        """Other versions that the remedy could be extended to."""
        return tuple(line for line in self.versions if line.id != self.chosen_id and line.shares_fault)

    def is_scored_alike(self, version_id: int) -> bool:
        return self.item is not None and has_same_key(self.item, part(item_version(version_id), self.item_key))


def open_page(item_key: str, version_id: int = 0) -> OpenPage:
    """The form for an item or a set; 404 for a key that no version has."""
    piece_key = piece_key_of(item_key) or abort(404)
    head = db.session.execute(select(ContentHead.version_id).where(ContentHead.kind == "item", ContentHead.key == piece_key)).scalar_one()
    piece = item_version(head)
    if isinstance(piece, ItemSet) and piece_key == item_key:
        return OpenPage(item_key, piece_key, None, piece, piece.items, (), 0, (), (), ())
    versions = versions_given(piece_key, item_key, version_id)
    chosen = next((line.id for line in versions if line.id == version_id), versions[0].id if versions else 0)
    shown = item_version(chosen) if chosen else piece
    item = part(shown, item_key)
    still_open = _hearing_lines(Hearing.item_key == item_key, Hearing.posted_at.is_(None), Hearing.dismissed_at.is_(None), order=Hearing.id, limit=20)
    return OpenPage(item_key, piece_key, item, shown, (), versions, chosen, remedies_for(item), tuple(feedbacks(to_body(item))), still_open)


# ── one hearing ──────────────────────────────────────────────────────────────────────────────────────────────────
def case_of(row: Hearing) -> Case:
    """What a stored hearing is about."""
    change: dict[str, Any] = dict(row.change or {})
    also, retire = change.pop("also", []), change.pop("retire", False)
    return Case(row.item_key, (row.item_version_id, *also), Ruling(row.remedy, change or None), retire)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Named:
    """The person behind a line, for readers whose scope covers the cohort; else without a name."""

    name: str
    employee_no: str
    cohort_key: str
    cohort_id: int


@dataclass(frozen=True)
class HearingPage:
    """A hearing as one reader sees it. `refusal`: why this reader may not decide ('' where they may, 'decided' once it is)."""

    id: int
    state: str
    case: Case
    item: Answerable
    corrected: Answerable | None
    piece_key: str
    version_numbers: tuple[int, ...]
    complaint: str
    minutes: str
    opened_by: str
    opened_by_id: int
    opened_at: datetime
    decided_by: str
    decided_at: datetime | None
    dry_run: DryRun | None               # None: dismissed, or the change no longer fits
    hash: str
    posted_hash: str
    lines: tuple[Line, ...]
    names: Mapping[int, Named]
    show: str                            # changed | all
    number: int
    pages: int
    refusal: str
    version: int                         # of the row

    def named(self, enrolment_id: int) -> Named | None:
        return self.names.get(enrolment_id)


def why_not_decide(actor: Actor, opened_by_id: int, trial: Trial | None) -> str:
    """'' | permission | own_hearing | own_paper | scope: whether this person may decide, the first reason why not."""
    if not actor.may(Permission.APPROVE_ITEMS):
        return "permission"
    if actor.person_id == opened_by_id:
        return "own_hearing"
    if trial is not None and actor.person_id in trial.persons:
        return "own_paper"
    scopes = actor.scopes_for(Permission.APPROVE_ITEMS)
    if trial is not None and EVERYWHERE not in scopes and any(f"cohort:{cohort_id}" not in scopes for cohort_id in trial.cohorts):
        return "scope"
    return ""


def _names(actor: Actor, enrolment_ids: Collection[int]) -> dict[int, Named]:
    """Enrolment id → who it is, where the reader's scope covers the cohort."""
    scopes = actor.scopes_for(Permission.EDIT_ITEMS) | actor.scopes_for(Permission.REVIEW)
    rows = db.session.execute(
        select(Enrolment.id, Person.name, Person.employee_no, Cohort.key, Cohort.id).join(Person, Person.id == Enrolment.person_id)
        .join(Cohort, Cohort.id == Enrolment.cohort_id).where(Enrolment.id.in_(enrolment_ids)))
    return {id_: Named(name, number, key, cohort_id) for id_, name, number, key, cohort_id in rows
            if EVERYWHERE in scopes or f"cohort:{cohort_id}" in scopes}


def _ordered(lines: Sequence[Line]) -> list[Line]:
    """The greatest moves first, then as the papers were begun."""
    return sorted(lines, key=lambda line: (not line.crosses, -abs(line.move), line.attempt_id))


def hearing_page(hearing_id: int, actor: Actor, show: str = "changed", number: int = 1, whole: bool = False) -> HearingPage:
    """A hearing with its dry run as of now, or, once posted, as it was decided on. `whole`: every line, for the minutes."""
    row = db.session.get(Hearing, hearing_id) or abort(404)
    state, case = _state(row.posted_at, row.dismissed_at), case_of(row)
    trial = _trial(case) if state == "open" else None
    dry_run = from_facts(row.dry_run) if state == "posted" and row.dry_run else trial.dry_run if trial else None
    lines = _ordered([line for line in dry_run.lines if show == "all" or line.is_changed]) if dry_run else []
    size = len(lines) or 1 if whole else PAGE_SIZE
    pages = max(1, -(-len(lines) // size))
    number = min(max(number, 1), pages)
    lines = lines[(number - 1) * size:number * size]
    people = courses.people_names([id_ for id_ in (row.opened_by_id, row.decided_by_id) if id_ is not None])
    concerned = {line.enrolment_id for line in lines} | {found.enrolment_id for found in (dry_run.consequences if dry_run else ())}
    item = part(item_version(row.item_version_id), row.item_key)
    body = (case.ruling.change or {}).get("item")
    return HearingPage(
        row.id, state, case, item, rekeyed(item, body) if body else None, item_version(row.item_version_id).key,
        tuple(content.version(id_).number for id_ in case.version_ids), row.complaint, row.minutes, people.get(row.opened_by_id, ""), row.opened_by_id,
        row.opened_at, people.get(row.decided_by_id or 0, ""), row.posted_at or row.dismissed_at, dry_run, trial.hash if trial else "", row.dry_run_hash,
        tuple(lines), _names(actor, concerned) if concerned else {}, "all" if show == "all" else "changed", number, pages,
        why_not_decide(actor, row.opened_by_id, trial) if state == "open" else "decided", row.row_version)


def _trial(case: Case) -> Trial | None:
    """The trial of a stored case; None where a version's papers can no longer be read with its change."""
    try:
        return try_case(case)
    except ValueError:
        return None


def rulings_of(hearing_id: int) -> tuple[int, ...]:
    """The versions a posted hearing rules on."""
    return tuple(db.session.scalars(select(ItemRuling.item_version_id).where(ItemRuling.hearing_id == hearing_id).order_by(ItemRuling.item_version_id)))


def hearings_about(item_keys: Collection[str], limit: int = 20) -> tuple[HearingLine, ...]:
    """Hearings about these items, the latest first: for the item's page in the bank and its statistics."""
    return _hearing_lines(Hearing.item_key.in_(item_keys), order=Hearing.id.desc(), limit=limit) if item_keys else ()


def cohorts_covered(actor: Actor) -> frozenset[int] | None:
    """Cohort ids whose results this reader reviews, for links; None: every one."""
    if EVERYWHERE in actor.scopes_for(Permission.REVIEW):
        return None
    return frozenset(cohort.id for cohort in courses.visible_cohorts(actor, Permission.REVIEW))
