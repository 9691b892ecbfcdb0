"""What markers read: answers that wait, question by question and without any name; one answer with what it is marked by.

Who is offered an answer: everybody who may rate in its cohort, except its author, the author's mentor, and whoever marked
it. Looking at it claims nothing. Nothing here tells what another marker gave before the own mark is final and the answer
settled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, cast

from flask import abort
from sqlalchemy import Select, exists, func, or_, select

from courses.models import Cohort, Enrolment
from courses.queries import in_scope
from foundation.content import ContentVersion
from foundation.db import database_key, db
from foundation.i18n import language, pick
from foundation.permissions import Actor, Permission
from quizzes.models import AnswerSave, Attempt, Closure, EssayDraft, EssayMark, LateDecision, LateSave, Response, Slot
from quizzes.queries.attempts import blueprint_version, item_version
from quizzes.queries.marks import Mark, accepted_late, marks_of, settlement
from quizzes.queries.pages import plain_figure, rounded_mark
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.item import PERSON_MARKED, Essay, ShortAnswer
from quizzes.rules.lint import measure
from quizzes.rules.marking import Judgement, PersonMarked, Settlement, Spread, code_of, empty, most, read, shuffled, spread
from quizzes.rules.marking import marks_of as marks_in
from quizzes.rules.wording import split_stem

MAX_OPEN = 5000                  # answers looked at for one queue; more wait until some of these are done
PER_PAGE = 30


# ── answers that people mark ─────────────────────────────────────────────────────────────────────────────────────
@lru_cache(maxsize=8)
def _by_people(_database: str, _newest: int) -> tuple[frozenset[int], frozenset[int]]:
    """(version ids of items that people mark, version ids of blueprints that have them marked), read once per state of the content."""
    item_ids, blueprint_ids = set(), set()
    rows = db.session.execute(select(ContentVersion.id, ContentVersion.kind, ContentVersion.body).where(ContentVersion.kind.in_(("item", "blueprint"))))
    for row in rows:
        if row.kind == "item":
            if row.body["kind"] in PERSON_MARKED:
                item_ids.add(row.id)
        elif any(kind in PERSON_MARKED for cell in row.body["cells"] for kind in cell.get("kinds", ())) and any(
                blueprint_version(row.id).raters(kind) for kind in PERSON_MARKED):
            blueprint_ids.add(row.id)
    return frozenset(item_ids), frozenset(blueprint_ids)


@dataclass(frozen=True)
class Work:
    """An answer that people mark, as the program knows it; pages are told far less. `text`: what was saved in time, or what
    arrived late and was accepted."""

    slot_id: int
    attempt_id: int
    enrolment_id: int
    person_id: int
    mentor_id: int | None
    item_key: str
    version_id: int
    blueprint_version_id: int
    slot_marks: Decimal
    zone: str

    @property
    def item(self) -> PersonMarked:
        return cast(PersonMarked, item_version(self.version_id))

    @property
    def blueprint(self) -> Blueprint:
        return blueprint_version(self.blueprint_version_id)

    def concerns(self, person_id: int) -> bool:
        """Whether the person wrote it or mentors its author: neither may mark it."""
        return person_id in (self.person_id, self.mentor_id)

    def settlement(self, marks: tuple[Mark, ...]) -> Settlement:
        return settlement(marks, self.blueprint, self.item.kind)


def _works() -> Select[Any]:
    newest = db.session.execute(select(func.max(ContentVersion.id))).scalar() or 0
    item_ids, blueprint_ids = _by_people(database_key(), newest)
    query: Any = (
        select(Slot.id, Slot.attempt_id, Attempt.enrolment_id, Enrolment.person_id, Enrolment.mentor_id, Slot.item_key, Slot.item_version_id,
               Attempt.blueprint_version_id, Slot.marks, Cohort.zone)
        .join(Attempt, Attempt.id == Slot.attempt_id).join(Closure, Closure.attempt_id == Attempt.id)
        .join(Enrolment, Enrolment.id == Attempt.enrolment_id).join(Cohort, Cohort.id == Enrolment.cohort_id)
        .where(Attempt.blueprint_version_id.in_(blueprint_ids), Slot.item_version_id.in_(item_ids), Enrolment.withdrawn_at.is_(None))
    )
    return query     # type: ignore[no-any-return]


def _offered(query: Select[Any], actor: Actor) -> Select[Any]:
    """Narrowed to what the actor may mark by scope and separation."""
    scope = in_scope(actor, Permission.RATE)
    if scope is not None:
        query = query.where(scope)
    return query.where(Enrolment.person_id != actor.person_id, or_(Enrolment.mentor_id.is_(None), Enrolment.mentor_id != actor.person_id))


def find_work(slot_id: int) -> Work | None:
    """The answer of a slot if people mark it and its attempt has ended; None for anything else."""
    row = db.session.execute(_works().where(Slot.id == slot_id)).first()
    if row is None:
        return None
    work = Work(*row)
    return work if work.blueprint.raters(work.item.kind) else None


def text_of(slot_id: int, late: dict[int, tuple[Any, datetime]] | None = None) -> str:
    """The text to be marked, '' where nothing was written."""
    accepted = (accepted_late([slot_id]) if late is None else late).get(slot_id)
    answer = accepted[0] if accepted else db.session.execute(
        select(AnswerSave.answer).where(AnswerSave.slot_id == slot_id).order_by(AnswerSave.version.desc()).limit(1)).scalar()
    return str((answer or {}).get("text", ""))


def _unsettled() -> Any:
    """No mark was posted yet; or it may be open again, after a correction or an accepted late answer."""
    return or_(
        ~exists().where(Response.slot_id == Slot.id),
        exists().where(EssayMark.slot_id == Slot.id, EssayMark.number > 1),
        exists().where(LateSave.slot_id == Slot.id, LateDecision.late_save_id == LateSave.id, LateDecision.is_accepted.is_(True)))


def _heard(slot_ids: Collection[int]) -> set[int]:
    """Slots whose latest response a hearing decided: nobody marks them any more."""
    latest: dict[int, str] = {}
    for slot_id, cause in db.session.execute(select(Response.slot_id, Response.cause).where(Response.slot_id.in_(slot_ids)).order_by(Response.run)):
        latest[slot_id] = cause
    return {slot_id for slot_id, cause in latest.items() if cause.startswith("hearing")}


@dataclass(frozen=True)
class Open:
    """Answers that are not settled, with the marks they have; those the actor may see."""

    works: tuple[Work, ...]
    marks: dict[int, tuple[Mark, ...]]

    def state(self, work: Work, person_id: int) -> Literal["mine", "held", "second", "third", "settled"]:
        """For this person. mine: to mark; held: to mark, as the third; second, third: marked, and another has still to."""
        found = self.marks.get(work.slot_id, ())
        state = work.settlement(found).state
        if state == "complete":
            return "settled"
        if any(mark.marker_id == person_id for mark in found):
            return "third" if state == "held" else "second"
        return "held" if state == "held" else "mine"


def _open(actor: Actor, item_key: str = "") -> Open:
    query = _offered(_works(), actor).where(_unsettled()).order_by(Slot.id).limit(MAX_OPEN)
    if item_key:
        query = query.where(Slot.item_key == item_key)
    works = [work for row in db.session.execute(query) if (work := Work(*row)).blueprint.raters(work.item.kind)]
    ids = [work.slot_id for work in works]
    if not ids:
        return Open((), {})
    heard, late = _heard(ids), accepted_late(ids)
    return Open(tuple(work for work in works if work.slot_id not in heard), marks_of(ids, late))


# ── the queue ────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class QuestionLine:
    """One question with how its answers stand for me. `waiting`: for me to mark, `held` of them as the third."""

    key: str
    kind: str
    area: str
    question: str
    quizzes: tuple[str, ...]
    waiting: int
    held: int
    drafts: int
    second: int
    third: int
    done: int
    next_slot_id: int | None


@dataclass(frozen=True)
class DoneLine:
    """A mark I made final, under the code of the answer."""

    slot_id: int
    code: str
    marks: int
    most: int
    at: datetime
    zone: str
    is_corrected: bool


@dataclass(frozen=True)
class QueuePage:
    """All questions with something in it for me. `chosen`: the question whose finished marks are listed, a page of them."""

    questions: tuple[QuestionLine, ...]
    waiting: int
    chosen: QuestionLine | None
    done: tuple[DoneLine, ...]
    number: int
    pages: int


def _asked(version_id: int) -> tuple[str, str, str]:
    """(kind, content area, the sentence that asks) of an item in the reader's language."""
    item = item_version(version_id)
    return item.kind, item.content_area, split_stem(pick(item.stem), language())[1]  # type: ignore[union-attr]


def _my_order(person_id: int, works: Sequence[Work]) -> tuple[int, ...]:
    return shuffled(person_id, (work.slot_id for work in works))


def waiting_for(actor: Actor) -> int:
    """How many answers this marker could mark now."""
    found = _open(actor)
    return sum(found.state(work, actor.person_id) in ("mine", "held") for work in found.works)


def queue_page(actor: Actor, chosen: str = "", number: int = 1) -> QueuePage:
    """The questions that wait for this marker, those with most to do first. A fixed number of selects."""
    person = actor.person_id
    found = _open(actor)
    drafts = set(db.session.scalars(select(EssayDraft.slot_id).where(EssayDraft.marker_id == person)))
    done: dict[str, int] = {}
    newest: dict[str, int] = {}
    for key, count, version_id in db.session.execute(
            select(Slot.item_key, func.count(), func.max(Slot.item_version_id)).join(EssayMark, EssayMark.slot_id == Slot.id)
            .where(EssayMark.marker_id == person, EssayMark.number == 1).group_by(Slot.item_key)):
        done[key], newest[key] = count, version_id
    by_state: dict[str, dict[str, list[Work]]] = defaultdict(lambda: defaultdict(list))
    titles: dict[str, set[str]] = defaultdict(set)
    for work in found.works:
        by_state[work.item_key][found.state(work, person)].append(work)
        titles[work.item_key].add(pick(work.blueprint.title))
        newest[work.item_key] = max(newest.get(work.item_key, 0), work.version_id)
    lines = []
    for key, version_id in newest.items():
        states = by_state[key]
        mine = [*states["mine"], *states["held"]]
        order = _my_order(person, mine)
        begun = [slot_id for slot_id in order if slot_id in drafts]
        kind, area, question = _asked(version_id)
        lines.append(QuestionLine(key, kind, area, question, tuple(sorted(titles[key])), len(mine), len(states["held"]), len(begun), len(states["second"]),
                                  len(states["third"]), done.get(key, 0), next(iter((*begun, *order)), None)))
    lines.sort(key=lambda line: (-line.waiting, -(line.second + line.third), line.key))
    picked = next((line for line in lines if line.key == chosen), None)
    pages = max(1, -(-picked.done // PER_PAGE)) if picked else 1
    number = min(max(number, 1), pages)
    return QueuePage(tuple(lines), sum(line.waiting for line in lines), picked, _done(person, picked.key, number) if picked else (), number, pages)


def _done(person_id: int, item_key: str, number: int) -> tuple[DoneLine, ...]:
    ids = list(db.session.scalars(
        select(EssayMark.slot_id).join(Slot, Slot.id == EssayMark.slot_id)
        .where(EssayMark.marker_id == person_id, EssayMark.number == 1, Slot.item_key == item_key)
        .order_by(EssayMark.id.desc()).limit(PER_PAGE).offset((number - 1) * PER_PAGE)))
    rows = db.session.execute(
        select(EssayMark.slot_id, EssayMark.points, EssayMark.number, EssayMark.at, Slot.item_version_id, Cohort.zone)
        .join(Slot, Slot.id == EssayMark.slot_id).join(Attempt, Attempt.id == Slot.attempt_id)
        .join(Enrolment, Enrolment.id == Attempt.enrolment_id).join(Cohort, Cohort.id == Enrolment.cohort_id)
        .where(EssayMark.slot_id.in_(ids), EssayMark.marker_id == person_id).order_by(EssayMark.number))
    latest = {row.slot_id: row for row in rows}
    lines = []
    for slot_id in ids:
        row = latest[slot_id]
        item = cast(PersonMarked, item_version(row.item_version_id))
        lines.append(DoneLine(slot_id, code_of(slot_id), marks_in(item, row.points), most(item), row.at, row.zone, row.number > 1))
    return tuple(lines)


# ── one answer ───────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Choice:
    """A level of a criterion, or a point to tick: what it says and what it is worth."""

    key: str
    marks: int
    text: str
    is_chosen: bool


@dataclass(frozen=True)
class CriterionView:
    key: str
    title: str
    most: int
    choices: tuple[Choice, ...]

    @property
    def given(self) -> Choice | None:
        return next((choice for choice in self.choices if choice.is_chosen), None)


@dataclass(frozen=True)
class Draft:
    """What I am working on. `version` 0: nothing was saved yet."""

    version: int
    judgement: Judgement
    comment: str
    saved_at: datetime | None


@dataclass(frozen=True)
class MarkPage:
    """One answer for one marker: the words and nothing about who wrote them.

    `state`: to_mark, third (to mark, two lie too far apart), final (mine is), gone (others have settled it). `settled`: the
    agreed mark on the scale of `most`, '' until mine is final and the answer is settled.
    """

    slot_id: int
    code: str
    state: Literal["to_mark", "third", "final", "gone"]
    kind: str
    story: str
    question: str
    text: str
    text_language: str
    length: int
    bounds: tuple[int, int]
    model_answer: str
    criteria: tuple[CriterionView, ...]
    points: tuple[Choice, ...]
    deductions: tuple[Choice, ...]
    total: int
    most: int
    raters: int
    draft: Draft
    mine: Mark | None
    final_total: int
    final_criteria: tuple[CriterionView, ...]
    final_points: tuple[Choice, ...]
    standing: str
    settled: str
    zone: str
    item_key: str
    left: int
    next_slot_id: int | None
    spread: Spread


def draft_of(slot_id: int, marker_id: int, item: PersonMarked) -> Draft:
    """The marker's draft of an answer; version 0 and empty where there is none."""
    row = db.session.execute(select(EssayDraft).where(EssayDraft.slot_id == slot_id, EssayDraft.marker_id == marker_id)).scalar_one_or_none()
    return Draft(0, empty(item), "", None) if row is None else Draft(row.row_version, read(item, row.points), row.comment, row.updated_at)


def own_fractions(marker_id: int, item_key: str) -> tuple[Decimal, ...]:
    """What a marker gave on one question so far, the latest of each answer."""
    rows = db.session.execute(
        select(EssayMark.slot_id, EssayMark.fraction).join(Slot, Slot.id == EssayMark.slot_id)
        .where(EssayMark.marker_id == marker_id, Slot.item_key == item_key).order_by(EssayMark.id.desc()).limit(2000))
    latest: dict[int, Decimal] = {}
    for slot_id, fraction in rows:
        latest.setdefault(slot_id, fraction)
    return tuple(latest.values())


def written_language(text: str) -> str:
    """The language an answer is counted in: zh where Chinese characters outnumber words of letters."""
    return "zh" if measure(text, "zh") >= measure(text, "en") else "en"


def criteria_of(item: PersonMarked, judgement: Judgement) -> tuple[CriterionView, ...]:
    """An essay's criteria in the reader's language with what was chosen; a short answer has none."""
    if not isinstance(item, Essay) or not isinstance(judgement, dict):
        return ()
    return tuple(
        CriterionView(criterion.key, pick(criterion.title), criterion.max, tuple(
            Choice(criterion.key, level.marks, pick(level.descriptor), judgement.get(criterion.key) == level.marks) for level in criterion.levels))
        for criterion in item.criteria)


def points_of(item: PersonMarked, judgement: Judgement) -> tuple[tuple[Choice, ...], tuple[Choice, ...]]:
    """(points, deductions) of a short answer in the reader's language with what was ticked; an essay has none."""
    if not isinstance(item, ShortAnswer):
        return (), ()
    return tuple(tuple(Choice(point.key, point.marks, pick(point.text), point.key in judgement) for point in points)  # type: ignore[return-value]
                 for points in (item.marking.points, item.marking.deductions))


def visible_work(slot_id: int, actor: Actor) -> Work | None:
    """The answer if the actor may mark it by scope and separation; None for anything else."""
    row = db.session.execute(_offered(_works(), actor).where(Slot.id == slot_id)).first()
    if row is None:
        return None
    work = Work(*row)
    return work if work.blueprint.raters(work.item.kind) else None


def mark_page(slot_id: int, actor: Actor, shown: Judgement | None = None) -> MarkPage:
    """One answer to be marked, or as I marked it. `shown`: a judgement that could not be kept, instead of the draft's. 404 for
    what is not mine to mark, has not ended, or holds no words."""
    work = visible_work(slot_id, actor)
    if work is None:
        abort(404)
    late = accepted_late([slot_id])
    text = text_of(slot_id, late)
    if not text or _heard([slot_id]):
        abort(404)
    item, person = work.item, actor.person_id
    marks = marks_of([slot_id], late).get(slot_id, ())
    mine = next((mark for mark in marks if mark.marker_id == person), None)
    settled = work.settlement(marks)
    draft = draft_of(slot_id, person, item)
    judgement = shown if shown is not None else read(item, mine.points) if mine and draft.version == 0 else draft.judgement
    others = _open(actor, work.item_key)
    waiting = [other for other in others.works if others.state(other, person) in ("mine", "held") and other.slot_id != slot_id]
    order = _my_order(person, [*waiting, work])
    place = order.index(slot_id)
    following = (*order[place + 1:], *order[:place])
    said = written_language(text)
    story, question = split_stem(pick(item.stem), language())
    points, deductions = points_of(item, judgement)
    given = read(item, mine.points) if mine else empty(item)
    found, taken = points_of(item, given)
    state: Any = "final" if mine else "gone" if settled.state == "complete" else "third" if settled.state == "held" else "to_mark"
    return MarkPage(
        slot_id, code_of(slot_id), state, item.kind, story, question, text, said, measure(text, said),
        item.length.zh_chars if said == "zh" else item.length.en_words, pick(item.model_answer), criteria_of(item, judgement), points, deductions,
        marks_in(item, judgement), most(item), work.blueprint.raters(item.kind), draft, mine, marks_in(item, given), criteria_of(item, given),
        tuple(choice for choice in (*found, *taken) if choice.is_chosen), settled.state if mine else "",
        plain_figure(rounded_mark(settled.fraction * most(item))) if mine and settled.fraction is not None else "", work.zone, work.item_key,
        len(waiting), following[0] if following else None, spread(own_fractions(person, work.item_key)))

