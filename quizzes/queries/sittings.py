"""Planned sittings as other modules ask about them: who may begin when, with which paper."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from courses import queries as courses
from foundation import content
from foundation.db import canonical_json, db
from quizzes.models import Candidate, Incident, PaperForm, Sitting
from quizzes.queries.attempts import bank, blueprint_version, item_version, pools_of
from quizzes.rules import room
from quizzes.rules.attempt import may_repeat, paper_hash
from quizzes.rules.equivalence import Place, Proof, Sheet, Shortage, prove, shortages
from quizzes.rules.parallel import person_paper


# ── papers ───────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class FormSlot:
    """A place in a paper before anybody sits it: what a Slot row is made of."""

    position: int
    item_key: str
    item_version_id: int
    marks: Decimal
    frozen: dict[str, Any]
    section: int = 0

    def to_json(self) -> dict[str, Any]:
        return {"position": self.position, "item_key": self.item_key, "item_version_id": self.item_version_id, "marks": format(self.marks, "f"),
                "frozen": self.frozen, "section": self.section}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> FormSlot:
        return cls(row["position"], row["item_key"], row["item_version_id"], Decimal(row["marks"]), row["frozen"], row.get("section", 0))


@dataclass(frozen=True)
class FormView:
    """A fixed form of a sitting."""

    id: int
    label: str
    seed: str
    paper_hash: str
    slots: tuple[FormSlot, ...]


_FORM = (PaperForm.id, PaperForm.label, PaperForm.seed, PaperForm.paper_hash, PaperForm.slots)


def _form(row: Any) -> FormView:
    id_, label, seed, paper_hash, slots = row
    return FormView(id_, label, seed, paper_hash, tuple(FormSlot.from_json(slot) for slot in slots))


def forms_of(sitting_id: int) -> tuple[FormView, ...]:
    """The fixed forms of a sitting by their letters; none where everybody has a paper of their own. Forms that a later
    assembly has replaced before the approval are not among them."""
    newest: dict[str, FormView] = {}
    count = db.session.execute(select(Sitting.forms).where(Sitting.id == sitting_id)).scalar() or 0
    for row in db.session.execute(select(*_FORM).where(PaperForm.sitting_id == sitting_id).order_by(PaperForm.id)):
        form = _form(row)
        newest[form.label] = form
    return tuple(newest[label] for label in sorted(newest))[:count]


def get_form(form_id: int) -> FormView:
    """The form of that id. Raises NoResultFound."""
    return _form(db.session.execute(select(*_FORM).where(PaperForm.id == form_id)).one())


# ── admission ────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Admission:
    """How one person stands to the planned sitting of a paper.

    `opens_at` … `closes_at` is the window in which one may begin, hall pauses added; `end` is when the sitting ends for
    this person, extra time added. An attempt closes at `room.closing_time(started_at, minutes, extra_minutes, end)`.
    `form` is None with a paper of one's own (`mode` person: `own_paper`), and for a late comer whom
    `services.assign_form` gives a form. `seed` is that of the person's own paper, else of the form.
    """

    sitting_id: int
    cohort_id: int
    opens_at: datetime
    closes_at: datetime
    end: datetime
    state: room.Window
    place: str
    extra_minutes: int
    break_minutes: int
    mode: str
    form: FormView | None
    blueprint_version_id: int
    seed: str


_SITTING = (Sitting.id, Sitting.cohort_id, Sitting.opens_at, Sitting.closes_at, Sitting.paused_at, Sitting.place, Sitting.mode, Sitting.seed,
            Sitting.break_minutes, Sitting.blueprint_version_id, Sitting.approved_at)
_PREFERENCE = {"open": 0, "paused": 1, "early": 2, "over": 3}


def halls(sitting_ids: Collection[int]) -> dict[int, room.Hall]:
    """Sitting id → how long its hall stood still: a fold over the pauses noted in it, in one select."""
    marks: dict[int, list[tuple[str, datetime]]] = {id_: [] for id_ in sitting_ids}
    if sitting_ids:
        rows = db.session.execute(select(Incident.sitting_id, Incident.kind, Incident.at).where(
            Incident.sitting_id.in_(sitting_ids), Incident.attempt_id.is_(None), Incident.kind.in_(("pause", "resume"))).order_by(Incident.id))
        for sitting_id, kind, at in rows:
            marks[sitting_id].append((kind, at))
    return {id_: room.hall(found) for id_, found in marks.items()}


def admission(enrolment_id: int, cohort_id: int, ref: str, now: datetime) -> Admission | None:
    """The sitting through which this person sits the paper now: the open one, else the next, else the last.

    None: the paper opens by the course outline, because no approved sitting of it stands for this cohort. An exam that is
    planned and not yet approved is not open to anybody either (`early`); a paper that may be repeated is free again
    after its sitting.
    """
    rows = db.session.execute(
        select(*_SITTING).where(Sitting.cohort_id == cohort_id, Sitting.blueprint_key == ref, Sitting.cancelled_at.is_(None)).order_by(Sitting.opens_at)
    ).all()
    if not rows:
        return None
    paused = halls([row.id for row in rows])
    found: list[tuple[int, float, Any, room.Window]] = []
    for row in rows:
        repeats = may_repeat(blueprint_version(row.blueprint_version_id).purpose)
        state = room.window(now, row.opens_at, room.sitting_end(row.closes_at, 0, paused[row.id].seconds), row.paused_at)
        if row.approved_at is None:
            if repeats or state == "over":
                continue
            state = "early"
        if repeats and state == "over":
            continue
        # Of several to come the first counts, of several gone by the last one.
        moment = row.opens_at.timestamp()
        found.append((_PREFERENCE[state], -moment if state == "over" else moment, row, state))
    if not found:
        return None
    _rank, _moment, row, state = min(found, key=lambda one: one[:2])
    own = db.session.execute(
        select(Candidate.form_id, Candidate.extra_minutes, Candidate.break_minutes)
        .where(Candidate.sitting_id == row.id, Candidate.enrolment_id == enrolment_id)).first()
    extra, rest = (own.extra_minutes, own.break_minutes) if own else (0, 0)
    form = get_form(own.form_id) if own and own.form_id is not None else None
    stood = paused[row.id].seconds
    return Admission(row.id, row.cohort_id, row.opens_at, room.sitting_end(row.closes_at, 0, stood), room.sitting_end(row.closes_at, extra, stood), state,
                     row.place, extra, row.break_minutes + rest, row.mode, form, row.blueprint_version_id,
                     form.seed if form else room.paper_seed(row.seed, enrolment_id))


def own_paper(admission_: Admission) -> tuple[FormSlot, ...]:
    """The paper of somebody who sits with a paper of their own, as the equivalence proof has reckoned it.

    Raises NoPaper where the bank, changed since, can no longer fill the blueprint.
    """
    found = bank(admission_.cohort_id)
    return slots_from(person_paper(pools_of(admission_.blueprint_version_id, found), admission_.seed), {key: id_ for key, (id_, _item) in found.items()})


def slots_from(paper: Collection[Any], version_ids: dict[str, int]) -> tuple[FormSlot, ...]:
    """A drawn paper with the item versions it stands on."""
    return tuple(FormSlot(slot.position, slot.item_key, version_ids[slot.piece], slot.marks, slot.frozen(), getattr(slot, "section", 0)) for slot in paper)


# ── the proof ────────────────────────────────────────────────────────────────────────────────────────────────────
def digest_of(slots: Collection[FormSlot]) -> str:
    """The digest of a frozen paper, as an attempt records it at its start."""
    return paper_hash((slot.position, slot.item_key, content.version(slot.item_version_id).scoring_hash, format(slot.marks, "f"), slot.frozen)
                      for slot in slots)


def sheet_of(label: str, slots: Collection[FormSlot]) -> Sheet:
    """A paper as the proof looks at it."""
    return Sheet(label, tuple(Place(item_version(slot.item_version_id), slot.item_key, slot.marks, tuple(slot.frozen["order"])) for slot in slots),
                 digest_of(slots))


def make_proof(sitting_id: int) -> Proof:
    """The proof of a sitting's papers against the bank as it is now: its fixed forms, or the papers of everybody enrolled.

    Raises NoPaper where the bank can no longer fill somebody's paper.
    """
    row = db.session.execute(select(Sitting.cohort_id, Sitting.blueprint_version_id, Sitting.mode, Sitting.seed).where(Sitting.id == sitting_id)).one()
    found = bank(row.cohort_id)
    prepared = pools_of(row.blueprint_version_id, found)
    if row.mode == "forms":
        return prove(prepared, [sheet_of(form.label, form.slots) for form in forms_of(sitting_id)], "forms")
    version_ids = {key: id_ for key, (id_, _item) in found.items()}
    seeds = [room.paper_seed(row.seed, enrolment.id) for enrolment in courses.roster(row.cohort_id)] or [room.paper_seed(row.seed, 0)]
    return prove(prepared, [sheet_of(str(number), slots_from(person_paper(prepared, seed), version_ids)) for number, seed in enumerate(seeds, 1)], "person")


def proof_hash(body: Any) -> str:
    """SHA-256 of a stored proof."""
    return hashlib.sha256(canonical_json(body).encode()).hexdigest()


__all__ = ["Admission", "FormSlot", "FormView", "Proof", "Shortage", "admission", "digest_of", "forms_of", "get_form", "halls", "make_proof", "own_paper",
           "proof_hash", "shortages", "sheet_of", "slots_from"]
