"""One item of the bank: what a trainee sees of it in both languages, where it is used, who was shown it, how it came about."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import abort
from flask_babel import force_locale
from sqlalchemy import and_, func, or_, select

from courses.models import Enrolment
from foundation.audit import AuditEvent
from foundation.content import ContentVersion
from foundation.db import db
from foundation.formula import FormulaError
from foundation.i18n import pick
from foundation.people import Person
from quizzes.models import Attempt, Closure, Hearing, ItemDraft, ItemEdit, ItemReview, ItemTag, Response, Slot
from quizzes.queries.attempts import SlotView
from quizzes.queries.bank_registers import Known, blueprints, known_items, placed
from quizzes.queries.pages import QuestionView, ReviewedQuestion, one_question, reviewed
from quizzes.rules import numbers
from quizzes.rules.assembly import NoPaper, draw_units, pools, shown_order
from quizzes.rules.bank_diff import Change, difference
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.item import Answerable, Choice, Item, ItemSet, Numeric, parts

LANGUAGES = ("zh", "en")
DRAWS = 5
VERSIONS = 20                            # of a history page
ONE = Decimal(1)


# ── as it is asked, in both languages ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Draw:
    """A sample draw of a calculation: its values and the key they lead to, with what each trap would give."""

    values: tuple[tuple[str, str], ...]
    answer: str
    traps: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """One question as a trainee sees it, and what stands behind it: key, feedback, facts."""

    item: Answerable
    question: QuestionView
    key: ReviewedQuestion
    draws: tuple[Draw, ...]
    misconceptions: tuple[str, ...] = ()     # of each option as shown, "" of the right ones


@dataclass(frozen=True)
class Face:
    """An item in one language."""

    language: str
    title: str
    situation: str
    asked: tuple[Asked, ...]


def faces(item: Item, seed: str) -> tuple[Face, ...]:
    """The item in Chinese and in English, with the same drawn values and order of options in both.

    Raises FormulaError where the parameters of a calculation cannot be drawn.
    """
    found = []
    for column, name in enumerate(LANGUAGES):
        with force_locale(name):
            asked = tuple(_asked(part, number + 50 * column, f"{seed}/{number}") for number, part in enumerate(parts(item), 1))
        found.append(Face(name, item.title.get(name) if isinstance(item, ItemSet) else "", item.stem.get(name) if isinstance(item, ItemSet) else "", asked))
    return tuple(found)


def _asked(item: Answerable, position: int, seed: str) -> Asked:
    values = numbers.draw_values(item.parameters, item.constraints, seed) if isinstance(item, Numeric) else {}
    slot = SlotView(0, 0, position, item, item, 0, ONE, shown_order(item, seed), values)
    caught = tuple(pick(item.option(key).misconception) for key in slot.order) if isinstance(item, Choice) else ()
    draws = _draws(item, seed) if isinstance(item, Numeric) else ()
    return Asked(item, one_question(slot), reviewed(slot, (ONE, ONE), ("key", "feedback")), draws, caught)


def _draws(item: Numeric, seed: str) -> tuple[Draw, ...]:
    found = []
    for number in range(DRAWS):
        values = numbers.draw_values(item.parameters, item.constraints, seed if number == 0 else f"{seed}/draw/{number}")
        traps = tuple(numbers.shown(wrong) for wrong in numbers.trap_answers(item, values))
        found.append(Draw(tuple(values.items()), numbers.shown(numbers.answer(item, values)), traps))
    return tuple(found)


def try_faces(item: Item | None, seed: str) -> tuple[Face, ...]:
    """As `faces`; nothing where the item cannot be shown yet."""
    try:
        return faces(item, seed) if item is not None else ()
    except (FormulaError, ValueError, KeyError, IndexError, StopIteration):
        return ()


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class CellUse:
    """A cell of a blueprint that may draw the item."""

    blueprint: str
    title: Any
    purpose: str
    cell: int                            # from 1
    items: int
    pool: int                            # items in the cell's pool


@dataclass(frozen=True)
class VersionLine:
    """A version: where it came from, who wrote and approved it, who was shown it."""

    id: int
    number: int
    origin: str
    status: str
    made_at: datetime
    authors: tuple[str, ...]
    approver: str
    attempts: int
    people: int
    is_current: bool
    rescored: bool                       # scored otherwise than the version before it


@dataclass(frozen=True)
class RetireNote:
    act: str                             # retire | restore
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True)
class DraftNote:
    id: int
    state: str
    updated_at: datetime


@dataclass(frozen=True)
class ItemPage:
    key: str
    item: Item
    origin: str
    status: str
    retired_at: datetime | None
    faces: tuple[Face, ...]
    seed: int
    cells: tuple[CellUse, ...]
    answered: int
    facility: Decimal | None             # mean share of the mark over `answered` first answers, None where nobody answered
    attempts: int
    people: int
    versions: tuple[VersionLine, ...]
    tags: tuple[str, ...]
    hearings: int
    draft: DraftNote | None
    notes: tuple[RetireNote, ...]

    @property
    def questions(self) -> tuple[Answerable, ...]:
        return parts(self.item)


def known_or_404(key: str) -> Known:
    found = known_items({key})
    return found[0] if found else abort(404)


def names_of(person_ids: Iterable[int | None]) -> dict[int, str]:
    wanted = sorted({id_ for id_ in person_ids if id_ is not None})
    return {row.id: row.name for row in db.session.execute(select(Person.id, Person.name).where(Person.id.in_(wanted)))} if wanted else {}


def _exposure(key: str) -> tuple[dict[int, tuple[int, int]], int, int]:
    """(version id → (attempts, people), attempts in all, people in all) that were shown the item."""
    base = (select(ContentVersion.id, Slot.attempt_id, Enrolment.person_id).join(Slot, Slot.item_version_id == ContentVersion.id)
            .join(Attempt, Attempt.id == Slot.attempt_id).join(Enrolment, Enrolment.id == Attempt.enrolment_id)
            .where(ContentVersion.kind == "item", ContentVersion.key == key)).subquery()
    rows = db.session.execute(select(base.c.id, func.count(func.distinct(base.c.attempt_id)), func.count(func.distinct(base.c.person_id))).group_by(base.c.id))
    by_version = {id_: (attempts, people) for id_, attempts, people in rows}
    people = db.session.scalar(select(func.count(func.distinct(base.c.person_id)))) if by_version else 0
    return by_version, sum(attempts for attempts, _people in by_version.values()), people or 0


def _facility(version_id: int) -> tuple[int, Decimal | None]:
    """(answers, their mean fraction) to a version: all exams, and first attempts elsewhere but in pre-tests."""
    rows = db.session.execute(
        select(Response.slot_id, Response.fraction).join(Slot, Slot.id == Response.slot_id).join(Attempt, Attempt.id == Response.attempt_id)
        .join(Closure, Closure.attempt_id == Attempt.id)
        .where(Slot.item_version_id == version_id, Attempt.purpose != "pre_test", or_(Attempt.purpose == "exam", Attempt.number == 1),
               or_(Response.possible.is_(None), Response.possible != Decimal(0)))
        .order_by(Response.run))
    latest = {row.slot_id: row.fraction for row in rows}
    return len(latest), sum(latest.values(), Decimal(0)) / len(latest) if latest else None


def cells_of(key: str) -> tuple[CellUse, ...]:
    """The cells of today's blueprints that may draw an item."""
    places = placed()
    own = places.get(key, ())
    sizes: dict[tuple[str, int], int] = {}
    wanted = {(place.blueprint, place.cell) for place in own}
    for other in places.values():
        for place in other:
            if (place.blueprint, place.cell) in wanted:
                sizes[(place.blueprint, place.cell)] = sizes.get((place.blueprint, place.cell), 0) + 1
    known = blueprints()
    return tuple(CellUse(place.blueprint, known[place.blueprint].title, known[place.blueprint].purpose, place.cell + 1,
                         known[place.blueprint].cells[place.cell].items, sizes[(place.blueprint, place.cell)]) for place in own)


def _notes(key: str) -> tuple[RetireNote, ...]:
    rows = db.session.execute(
        select(AuditEvent.action, AuditEvent.at, AuditEvent.actor_id, AuditEvent.facts)
        .where(AuditEvent.subject == f"item:{key}", AuditEvent.action.in_(("content:retire", "content:restore")))
        .order_by(AuditEvent.seq.desc()).limit(5)).all()
    names = names_of(row.actor_id for row in rows)
    return tuple(RetireNote(row.action.split(":")[1], row.at, names.get(row.actor_id or 0, ""), str(row.facts.get("reason", ""))) for row in rows)


def item_page(key: str, seed: int) -> ItemPage:
    """Everything about an item, with the numbers of `seed` drawn. 404 for an unknown key."""
    known = known_or_404(key)
    by_version, attempts, people = _exposure(key)
    answered, facility = _facility(known.version_id)
    keys = [key, *(part.key for part in parts(known.item))]
    hearings = db.session.scalar(select(func.count()).select_from(Hearing).where(Hearing.item_key.in_(keys))) or 0
    draft = db.session.execute(select(ItemDraft.id, ItemDraft.state, ItemDraft.updated_at)
                               .where(ItemDraft.key == key, ItemDraft.state.in_(("draft", "handed_in"))).order_by(ItemDraft.id)).first()
    tags = db.session.scalars(select(ItemTag.tag).where(ItemTag.item_key == key).order_by(ItemTag.tag)).all()
    return ItemPage(key, known.item, known.origin, known.item.status, known.retired_at, try_faces(known.item, f"bank/{seed}"), seed, cells_of(key), answered,
                    facility, attempts, people, _versions(known, by_version, 5, 0), tuple(tags), hearings, DraftNote(*draft) if draft else None, _notes(key))


# ── history ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _versions(known: Known, exposure: dict[int, tuple[int, int]], limit: int, skip: int) -> tuple[VersionLine, ...]:
    rows = db.session.execute(
        select(ContentVersion.id, ContentVersion.number, ContentVersion.origin, ContentVersion.status, ContentVersion.made_at, ContentVersion.scoring_hash)
        .where(ContentVersion.kind == "item", ContentVersion.key == known.key).order_by(ContentVersion.number.desc()).limit(limit + 1).offset(skip)).all()
    people = _signed([row.id for row in rows])
    found = []
    for row, before in zip(rows, [*rows[1:], None], strict=True):
        authors, approver = people.get(row.id, ((), ""))
        found.append(VersionLine(row.id, row.number, row.origin, row.status, row.made_at, authors, approver, *exposure.get(row.id, (0, 0)),
                                 row.id == known.version_id, before is not None and before.scoring_hash != row.scoring_hash))
    return tuple(found[:limit])


def _signed(version_ids: Collection[int]) -> dict[int, tuple[tuple[str, ...], str]]:
    """Version id → (names of its authors, name of its approver), for versions that went through a draft."""
    approvals = db.session.execute(select(ItemReview.version_id, ItemReview.draft_id, ItemReview.by_id)
                                   .where(ItemReview.version_id.in_(version_ids), ItemReview.act == "approve")).all() if version_ids else []
    if not approvals:
        return {}
    drafts = [row.draft_id for row in approvals]
    edits = db.session.execute(
        select(ItemEdit.draft_id, ItemEdit.by_id).where(ItemEdit.draft_id.in_(drafts))
        .union(select(ItemDraft.id, ItemDraft.author_id).where(ItemDraft.id.in_(drafts), ItemDraft.author_id.is_not(None)))).all()
    names = names_of([*(row.by_id for row in approvals), *(row[1] for row in edits)])
    return {row.version_id: (tuple(sorted({names.get(by_id, "") for draft_id, by_id in edits if draft_id == row.draft_id} - {""})), names.get(row.by_id, ""))
            for row in approvals}


@dataclass(frozen=True)
class HistoryLine:
    version: VersionLine
    changes: tuple[Change, ...]          # against the version before it; of the first version empty


@dataclass(frozen=True)
class HistoryPage:
    key: str
    kind: str
    lines: tuple[HistoryLine, ...]
    number: int
    pages: int


def history_page(key: str, page: int) -> HistoryPage:
    """Every version, the latest first, each with what changed in it. 404 for an unknown key."""
    known = known_or_404(key)
    total = db.session.scalar(select(func.count()).select_from(ContentVersion).where(ContentVersion.kind == "item", ContentVersion.key == key)) or 1
    pages = -(-total // VERSIONS)
    number = min(max(page, 1), pages)
    exposure, _attempts, _people = _exposure(key)
    versions = _versions(known, exposure, VERSIONS, (number - 1) * VERSIONS)
    lowest = min(version.number for version in versions)
    bodies = {row.number: row.body for row in db.session.execute(
        select(ContentVersion.number, ContentVersion.body)
        .where(and_(ContentVersion.kind == "item", ContentVersion.key == key), ContentVersion.number.between(lowest - 1, versions[0].number)))}
    lines = [HistoryLine(version, difference(bodies[version.number - 1], bodies[version.number]) if version.number - 1 in bodies else ())
             for version in versions]
    return HistoryPage(key, known.item.kind, tuple(lines), number, pages)


# ── before it is retired ─────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Gap:
    """A blueprint that could no longer be filled. `short`: (cell from 1, items it needs, items left) of cells with too few;
    none where the numbers do but enemies or the difficulty stand in the way."""

    blueprint: str
    title: Any
    purpose: str
    short: tuple[tuple[int, int, int], ...]


def gaps_without(key: str) -> tuple[Gap, ...]:
    """What today's blueprints would lack without an item: each that may draw it is assembled once without it."""
    live = [known.item for known in known_items() if known.retired_at is None and known.key != key]
    known_blueprints = blueprints()
    found = []
    for name in dict.fromkeys(place.blueprint for place in placed().get(key, ())):
        blueprint = known_blueprints[name]
        prepared = pools(blueprint, live)
        short = _short(blueprint, [sum(unit.size for unit in units) for units in prepared.cells])
        try:
            if not short:
                draw_units(prepared, "without")
        except NoPaper:
            found.append(Gap(name, blueprint.title, blueprint.purpose, ()))
        else:
            if short:
                found.append(Gap(name, blueprint.title, blueprint.purpose, short))
    return tuple(found)


def _short(blueprint: Blueprint, left: list[int]) -> tuple[tuple[int, int, int], ...]:
    return tuple((number, cell.items, have) for number, (cell, have) in enumerate(zip(blueprint.cells, left, strict=True), 1) if have < cell.items)
