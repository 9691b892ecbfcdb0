"""The dry run of a hearing: what every paper with the faulty version would come to, and what follows from that upstairs.

Reads only. The posting makes the same dry run once more under the write lock and compares hashes: what is posted is
exactly what was decided on. Exams and stage tests are listed one by one; practice only by number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import aliased

from courses import queries as courses
from courses.models import Enrolment
from foundation import clock
from foundation.content import ContentHead
from foundation.db import canonical_json, db
from quizzes.models import Attempt, Closure, Response, Slot
from quizzes.queries.attempts import Earned, attempts_by_id, earned_of, item_version
from quizzes.queries.pages import bar_of
from quizzes.queries.rulings import rulings_on
from quizzes.rules.hearing import Outcome, Ruling, Standing, merged, prepare, rekeyed, with_part
from quizzes.rules.item import Answerable, Item, part, scoring_of, to_body
from quizzes.rules.scoring import mark, percent

LISTED = ("exam", "stage_test")
ZERO = Decimal(0)


# ── what follows upstairs ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class ExamChange:
    """The score of one exam attempt before and under the ruling, 0..100, unrounded; None: not complete yet."""

    attempt_id: int
    enrolment_id: int
    old_score: Decimal | None
    new_score: Decimal | None


@dataclass(frozen=True)
class Consequence:
    """What a changed exam score does to one trainee's result. Pairs are (before, under the ruling), figures as they are shown.

    `confirmed`: number of the confirmed result it would differ from, 0 where none is; `certificates`: (id, number) of live
    ones on which another figure would stand.
    """

    enrolment_id: int
    component: Mapping[str, str]
    bar: str
    score: tuple[str, str]
    is_met: tuple[bool, bool]
    outcome: tuple[str, str]
    total: tuple[str, str]
    confirmed: int
    certificates: tuple[tuple[int, str], ...]

    @property
    def is_grave(self) -> bool:
        """Whether a bar, an outcome or a certificate is at stake, not a figure alone."""
        return self.is_met[0] != self.is_met[1] or self.outcome[0] != self.outcome[1] or bool(self.certificates)


Consequences = Callable[[Sequence[ExamChange]], Sequence[Consequence]]
_consequences: list[Consequences] = []


def register_consequences(tell: Consequences) -> None:
    """Register who can say what changed exam scores mean for results and certificates; the same one twice is once."""
    if tell not in _consequences:
        _consequences.append(tell)


# ── the dry run ──────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Line:
    """One paper that is listed. Marks and scores as exact texts; a score is "" while a person has still to mark something."""

    attempt_id: int
    enrolment_id: int
    position: int
    purpose: str
    quiz: str
    old_mark: str
    new_mark: str
    possible: str
    new_possible: str
    old_score: str
    new_score: str
    bar: str

    @property
    def is_changed(self) -> bool:
        return (self.old_mark, self.possible, self.old_score) != (self.new_mark, self.new_possible, self.new_score)

    @property
    def move(self) -> Decimal:
        """Points of 100 that the score moves; 0 where either is not known."""
        return Decimal(self.new_score) - Decimal(self.old_score) if self.old_score and self.new_score else ZERO

    @property
    def crosses(self) -> str:
        """up or down where the bar of the quiz itself is crossed, else ''."""
        if not (self.bar and self.old_score and self.new_score):
            return ""
        before, after = (Decimal(score) >= Decimal(self.bar) for score in (self.old_score, self.new_score))
        return "" if before == after else "up" if after else "down"


@dataclass(frozen=True)
class DryRun:
    """What a remedy would do. `practice`: other closed papers with the version, told by number alone and scored anew with the
    rest; `still_open`: papers not ended yet, which are scored by the ruling at their end; `publishes`: the corrected item
    becomes the bank's current version; `retires`: the item is taken out of use."""

    lines: tuple[Line, ...]
    consequences: tuple[Consequence, ...]
    practice: int
    still_open: int
    publishes: bool
    retires: bool

    @property
    def raised(self) -> int:
        return sum(line.move > 0 for line in self.lines)

    @property
    def lowered(self) -> int:
        return sum(line.move < 0 for line in self.lines)

    @property
    def unmoved(self) -> int:
        return len(self.lines) - self.raised - self.lowered

    @property
    def certificates(self) -> int:
        return sum(len(found.certificates) for found in self.consequences)

    def facts(self) -> dict[str, Any]:
        """As plain JSON: what is kept with the hearing."""
        return asdict(self)


def from_facts(facts: Mapping[str, Any]) -> DryRun:
    """A dry run as it was kept."""
    return DryRun(
        tuple(Line(**line) for line in facts["lines"]),
        tuple(Consequence(**{**found, **{name: tuple(found[name]) for name in ("score", "is_met", "outcome", "total")},
                             "certificates": tuple((id_, number) for id_, number in found["certificates"])}) for found in facts["consequences"]),
        facts["practice"], facts["still_open"], facts["publishes"], facts["retires"])


@dataclass(frozen=True)
class Remark:
    """One response that a posting adds: the slot's answer as it stands, and what it earns under the ruling."""

    attempt_id: int
    slot_id: int
    run: int
    answer: Any
    fraction: Decimal
    mark: Decimal
    possible: Decimal | None
    scoring_hash: str
    purpose: str


@dataclass(frozen=True)
class Case:
    """What is heard: an item's versions and the remedy, before it is a row."""

    item_key: str
    version_ids: tuple[int, ...]         # the version the hearing is about first, then those with the same fault
    ruling: Ruling
    retire: bool = False


@dataclass(frozen=True)
class Trial:
    """A case tried on the papers as they stand: what is shown, and what a posting would write."""

    case: Case
    dry_run: DryRun
    remarks: tuple[Remark, ...]
    rulings: dict[int, Ruling]           # version id → the ruling completed with what stood before
    new_scores: dict[int, Decimal]       # listed attempts with another score than before → that score
    persons: frozenset[int]              # everybody who was given the item
    cohorts: frozenset[int]

    @property
    def hash(self) -> str:
        """What the decision is made on. Practice papers are not in it: they come by the hour and decide nothing."""
        facts = self.dry_run.facts()
        told = {name: facts[name] for name in ("lines", "consequences", "publishes", "retires")}
        change = [self.case.item_key, list(self.case.version_ids), self.case.ruling.remedy, self.case.ruling.change]
        return hashlib.sha256(canonical_json([change, told]).encode()).hexdigest()


@dataclass(frozen=True)
class _Given:
    """A slot with the item under trial."""

    id: int
    attempt_id: int
    position: int
    version_id: int
    marks: Decimal
    values: dict[str, str]
    purpose: str
    enrolment_id: int
    cohort_id: int
    person_id: int
    quiz: str
    is_closed: bool


def _given(case: Case) -> list[_Given]:
    rows = db.session.execute(
        select(Slot.id, Slot.attempt_id, Slot.position, Slot.item_version_id, Slot.marks, Slot.frozen, Attempt.purpose, Attempt.enrolment_id,
               Enrolment.cohort_id, Enrolment.person_id, Attempt.blueprint_key, Closure.id)
        .join(Attempt, Attempt.id == Slot.attempt_id).join(Enrolment, Enrolment.id == Attempt.enrolment_id)
        .outerjoin(Closure, Closure.attempt_id == Attempt.id)
        .where(Slot.item_key == case.item_key, Slot.item_version_id.in_(case.version_ids)).order_by(Slot.attempt_id, Slot.position))
    return [_Given(id_, attempt, position, version, marks, frozen["values"], purpose, enrolment, cohort, person, quiz, closure is not None)
            for id_, attempt, position, version, marks, frozen, purpose, enrolment, cohort, person, quiz, closure in rows]


def _responses(case: Case) -> dict[int, Row[Any]]:
    """Slot id → its latest response, of every paper with the item."""
    later = aliased(Response)
    rows = db.session.execute(
        select(Response.slot_id, Response.run, Response.answer, Response.fraction, Response.mark, Response.possible, Response.scoring_hash)
        .join(Slot, Slot.id == Response.slot_id)
        .outerjoin(later, (later.slot_id == Response.slot_id) & (later.run > Response.run))
        .where(Slot.item_key == case.item_key, Slot.item_version_id.in_(case.version_ids), later.id.is_(None)))
    return {row.slot_id: row for row in rows}


def scoring_hash_of(item: Item) -> str:
    """As a published piece would have it."""
    return hashlib.sha256(canonical_json(scoring_of(item)).encode()).hexdigest()


def try_case(case: Case) -> Trial:
    """Try a case on the papers as they stand now. Raises ValueError where the change fits a version's papers no more."""
    before = rulings_on(case.version_ids)
    rulings = {id_: merged(before[id_, case.item_key].ruling if (id_, case.item_key) in before else None, case.ruling) for id_ in case.version_ids}
    ready = {id_: prepare(ruling, part(item_version(id_), case.item_key)) for id_, ruling in rulings.items()}
    given, responses = _given(case), _responses(case)
    new_hash = _new_hash(case)
    outcomes = {slot.id: _outcome(ready[slot.version_id], slot, responses.get(slot.id)) for slot in given if slot.is_closed}
    remarks = [remark for slot in given if slot.is_closed for remark in _remark(slot, outcomes[slot.id], responses.get(slot.id), new_hash)]
    listed = [slot for slot in given if slot.is_closed and slot.purpose in LISTED]
    attempts = attempts_by_id([slot.attempt_id for slot in listed])
    earned = earned_of(attempts, clock.now())
    bars = _bars({(slot.cohort_id, slot.quiz) for slot in listed})
    lines, scores, changes = [], {}, []
    for slot in listed:
        old = earned[slot.attempt_id]
        score, line = _line(slot, old, outcomes[slot.id], bars.get((slot.cohort_id, slot.quiz), ""))
        lines.append(line)
        if score != old.score:
            if score is not None:
                scores[slot.attempt_id] = score
            if slot.purpose == "exam":
                changes.append(ExamChange(slot.attempt_id, slot.enrolment_id, old.score, score))
    consequences = tuple(found for tell in _consequences for found in tell(changes)) if changes else ()
    dry_run = DryRun(tuple(lines), consequences, sum(slot.is_closed and slot.purpose not in LISTED for slot in given),
                     sum(not slot.is_closed for slot in given), _publishes(case), case.retire and _is_in_use(case))
    return Trial(case, dry_run, tuple(remarks), rulings, scores, frozenset(slot.person_id for slot in given), frozenset(slot.cohort_id for slot in given))


def _outcome(ready: Standing, slot: _Given, response: Row[Any] | None) -> Outcome:
    """What the answer that stands earns; where a person gave the mark and the item is dropped, that fraction is kept on record."""
    outcome = ready.outcome(response.answer if response is not None else None, slot.values)
    if outcome.fraction is None:
        return Outcome(response.fraction if response is not None else ZERO, outcome.counts)
    return outcome


def _remark(slot: _Given, outcome: Outcome, response: Row[Any] | None, new_hash: str) -> list[Remark]:
    """The response to add, if the ruling changes anything in this place."""
    fraction = outcome.fraction or ZERO
    possible = None if outcome.counts else ZERO
    earned = mark(fraction, slot.marks) if outcome.counts else ZERO
    if response is not None and (response.fraction, response.mark, response.possible) == (fraction, earned, possible):
        return []
    return [Remark(slot.attempt_id, slot.id, response.run + 1 if response is not None else 1, response.answer if response is not None else None,
                   fraction, earned, possible, new_hash or (response.scoring_hash if response is not None else _hash_of_version(slot.version_id)),
                   slot.purpose)]


def _hash_of_version(version_id: int) -> str:
    return scoring_hash_of(item_version(version_id))


def _line(slot: _Given, old: Earned, outcome: Outcome, bar: str) -> tuple[Decimal | None, Line]:
    """The paper's new score and its line."""
    was_counted = slot.id in old.by_slot and slot.id not in old.awaiting and slot.id not in old.dropped
    old_mark, old_possible = (old.by_slot[slot.id][1], slot.marks) if was_counted else (ZERO, ZERO)
    new_mark, new_possible = (mark(outcome.fraction or ZERO, slot.marks), slot.marks) if outcome.counts else (ZERO, ZERO)
    waiting = [id_ for id_ in old.awaiting if id_ != slot.id]
    score = None if waiting else percent([old.earned - old_mark + new_mark], [old.possible - old_possible + new_possible])
    return score, Line(slot.attempt_id, slot.enrolment_id, slot.position, slot.purpose, slot.quiz, _text(old_mark), _text(new_mark), _text(old_possible),
                       _text(new_possible), "" if old.score is None else _text(old.score), "" if score is None else _text(score), bar)


def _text(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _bars(quizzes: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """(cohort, quiz) → the bar of the quiz itself in points of 100."""
    programmes = {cohort_id: courses.programme_of(courses.get_cohort(cohort_id)) for cohort_id in {cohort_id for cohort_id, _quiz in quizzes}}
    bars = {(cohort_id, quiz): bar_of(programmes[cohort_id], quiz) for cohort_id, quiz in quizzes}
    return {key: _text(bar.points) for key, bar in bars.items() if bar is not None}


# ── what becomes of the item in the bank ─────────────────────────────────────────────────────────────────────────
def piece_of(case: Case) -> Item:
    """The piece of the bank in which the item stands, in the version the hearing is about."""
    return item_version(case.version_ids[0])


def corrected_piece(case: Case) -> Item | None:
    """The piece with its corrected item; None where the remedy corrects nothing."""
    if case.ruling.remedy != "rekey":
        return None
    piece = piece_of(case)
    return with_part(piece, rekeyed(part(piece, case.item_key), (case.ruling.change or {})["item"]))


def _new_hash(case: Case) -> str:
    corrected = corrected_piece(case)
    return "" if corrected is None else scoring_hash_of(corrected)


def _head(case: Case) -> Any:
    return db.session.execute(
        select(ContentHead.version_id, ContentHead.retired_at)
        .where(ContentHead.kind == "item", ContentHead.key == piece_of(case).key)).first()


def _is_in_use(case: Case) -> bool:
    head = _head(case)
    return head is not None and head.retired_at is None


def _publishes(case: Case) -> bool:
    """Whether the bank still holds the faulty version, so that the corrected one takes its place. Later work is never undone."""
    head = _head(case)
    if case.ruling.remedy != "rekey" or head is None or head.retired_at is not None:
        return False
    return head.version_id == case.version_ids[0] or canonical_json(to_body(item_version(head.version_id))) == canonical_json(to_body(piece_of(case)))


def answerable(case: Case) -> Answerable:
    return part(piece_of(case), case.item_key)
