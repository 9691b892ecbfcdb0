"""Changes of hearings: open, post, dismiss. A posting is one transaction: responses, rulings, the bank, minutes, audit."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import NoResultFound

from courses import services as course_services
from foundation import audit, clock, content
from foundation.content import ContentHead, Piece
from foundation.db import canonical_json, db
from foundation.permissions import Actor
from quizzes.models import Hearing, ItemRuling, Response
from quizzes.queries import hearings as queries
from quizzes.queries.dry_run import Case, DryRun, Trial, corrected_piece, piece_of, register_consequences, try_case
from quizzes.rules.hearing import remedies_for
from quizzes.rules.hearing_change import clean
from quizzes.rules.item import part, scoring_of, to_body

MAX_COMPLAINT = 4000
MAX_MINUTES = 8000
BATCH = 2000


class HearingRefused(Exception):
    """Nothing was changed; the class says why."""


class NeverGiven(HearingRefused):
    """No paper was made with this version: then the item is edited in the bank, and there is nothing to hear."""


class NotForThisKind(HearingRefused):
    """A person marks this item: it has no key that could be changed."""


class AlreadyOpen(HearingRefused):
    """A hearing about this version is open already; `hearing_id` is it."""

    def __init__(self, hearing_id: int) -> None:
        super().__init__(str(hearing_id))
        self.hearing_id = hearing_id


class AlreadyDecided(HearingRefused):
    """The hearing was posted or dismissed before."""


class MayNotDecide(HearingRefused):
    """Not this person; `reason` is permission, own_hearing, own_paper or scope."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoMinutes(HearingRefused):
    """A decision without its reasons is none."""


class NoLongerFits(HearingRefused):
    """The change cannot be held against the papers any more."""


class StaleDryRun(HearingRefused):
    """Papers, results or the bank changed since the dry run that was looked at. Nothing was posted; the new one is to be read."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial.hash)
        self.trial = trial


@dataclass(frozen=True)
class Posted:
    """What a posting wrote: responses, the new version of the item (None where none was made), how many papers moved."""

    responses: int
    version_id: int | None
    moved: int


def open_hearing(item_key: str, version_id: int, also: Collection[int], remedy: str, change: Mapping[str, Any] | None, complaint: str, actor_id: int,
                 retire: bool = False) -> int:
    """Open a hearing about one version of an item and those that share its fault; its id.

    Raises NeverGiven, NotForThisKind, AlreadyOpen, NoLongerFits (a version whose papers the change does not fit), NoMinutes
    for an empty complaint.
    """
    complaint = clean(complaint)[:MAX_COMPLAINT]
    if not complaint:
        raise NoMinutes
    piece_key = queries.piece_key_of(item_key)
    given = {line.id: line for line in queries.versions_given(piece_key, item_key, version_id)} if piece_key else {}
    if version_id not in given:
        raise NeverGiven
    others = [id_ for id_ in sorted(set(also) - {version_id}) if id_ in given]
    item = part(queries.item_version(version_id), item_key)
    if remedy not in remedies_for(item):
        raise NotForThisKind
    if not all(given[id_].shares_fault for id_ in others):
        raise NoLongerFits
    for id_, version, kept in db.session.execute(select(Hearing.id, Hearing.item_version_id, Hearing.change).where(
            Hearing.item_key == item_key, Hearing.posted_at.is_(None), Hearing.dismissed_at.is_(None))):
        if {version, *(kept or {}).get("also", ())} & {version_id, *others}:
            raise AlreadyOpen(id_)
    stored = {**(change or {}), **({"also": others} if others else {}), **({"retire": True} if retire else {})}
    row = Hearing(item_key=item_key, item_version_id=version_id, remedy=remedy, change=stored or None, complaint=complaint, opened_by_id=actor_id,
                  opened_at=clock.now())
    try:
        try_case(queries.case_of(row))
    except ValueError:
        raise NoLongerFits from None
    db.session.add(row)
    db.session.flush()
    audit.record("hearing:open", f"hearing:{row.id}", actor_id, item=item_key, versions=[version_id, *others], remedy=remedy,
                 change=hashlib.sha256(canonical_json(stored).encode()).hexdigest())
    return row.id


def _undecided(hearing_id: int) -> Hearing:
    row = db.session.get(Hearing, hearing_id, populate_existing=True)
    if row is None:
        raise NoResultFound
    if row.posted_at is not None or row.dismissed_at is not None:
        raise AlreadyDecided
    return row


def post_hearing(hearing_id: int, actor: Actor, minutes: str, seen_hash: str) -> Posted:
    """Post the remedy to every closed paper, with what was weighed as minutes. `seen_hash`: of the dry run that was read.

    Raises AlreadyDecided, MayNotDecide, NoMinutes, NoLongerFits, or StaleDryRun with the trial as it stands now.
    """
    row = _undecided(hearing_id)
    case, now = queries.case_of(row), clock.now()
    try:
        trial = try_case(case)
    except ValueError:
        raise NoLongerFits from None
    if reason := queries.why_not_decide(actor, row.opened_by_id, trial):
        raise MayNotDecide(reason)
    minutes = clean(minutes)[:MAX_MINUTES]
    if not minutes:
        raise NoMinutes
    if trial.hash != seen_hash:
        raise StaleDryRun(trial)
    digest = _add_responses(trial, hearing_id, now)
    db.session.execute(insert(ItemRuling), [
        {"hearing_id": hearing_id, "item_key": case.item_key, "item_version_id": id_, "remedy": ruling.remedy, "change": ruling.change, "posted_at": now}
        for id_, ruling in sorted(trial.rulings.items())])
    version_id = _mend_bank(case, trial.dry_run, hearing_id, actor.person_id)
    _add_completions(trial, hearing_id, actor.person_id)
    row.minutes, row.dry_run, row.dry_run_hash = minutes, trial.dry_run.facts(), trial.hash
    row.decided_by_id, row.posted_at = actor.person_id, now
    db.session.flush()
    dry_run = trial.dry_run
    audit.record("hearing:post", f"hearing:{hearing_id}", actor.person_id, item=case.item_key, versions=list(case.version_ids), remedy=case.ruling.remedy,
                 dry_run=trial.hash, responses=len(trial.remarks), digest=digest, raised=dry_run.raised, lowered=dry_run.lowered,
                 practice=dry_run.practice, new_version=version_id,
                 certificates=[number for found in dry_run.consequences for _id, number in found.certificates])
    return Posted(len(trial.remarks), version_id, dry_run.raised + dry_run.lowered)


def _add_responses(trial: Trial, hearing_id: int, now: datetime) -> str:
    """Append one response for each place that the ruling changes; the digest of all of them."""
    rows = [{"attempt_id": one.attempt_id, "slot_id": one.slot_id, "run": one.run, "answer": one.answer, "fraction": one.fraction, "mark": one.mark,
             "possible": one.possible, "scoring_hash": one.scoring_hash, "scored_at": now, "cause": f"hearing:{hearing_id}"} for one in trial.remarks]
    for start in range(0, len(rows), BATCH):
        db.session.execute(insert(Response), rows[start:start + BATCH])
    told = [[one.slot_id, one.run, format(one.fraction, "f"), format(one.mark, "f")] for one in trial.remarks]
    return hashlib.sha256(canonical_json(told).encode()).hexdigest()


def _mend_bank(case: Case, dry_run: DryRun, hearing_id: int, actor_id: int) -> int | None:
    """The corrected item becomes the bank's current version, or the item is taken out of use, as the dry run said."""
    piece = corrected_piece(case)
    if dry_run.publishes and piece is not None:
        return content.publish(Piece("item", piece.key, to_body(piece), scoring_of(piece), piece.status, f"hearing:{hearing_id}"), "studio", actor_id)
    if dry_run.retires:
        content.set_retired("item", piece_of(case).key, True, actor_id, f"hearing:{hearing_id}")
        return db.session.scalar(select(ContentHead.version_id).where(ContentHead.kind == "item", ContentHead.key == piece_of(case).key))
    return None


def _add_completions(trial: Trial, hearing_id: int, actor_id: int) -> None:
    """A further completion for each listed paper whose score moved: the best counts, so a gate may open and none closes."""
    lines = {line.attempt_id: line for line in trial.dry_run.lines}
    course_services.record_completions(
        [(lines[id_].enrolment_id, "quiz", lines[id_].quiz, score / Decimal(100), f"attempt:{id_}/hearing:{hearing_id}")
         for id_, score in sorted(trial.new_scores.items())], f"hearing:{hearing_id}", actor_id)


def dismiss_hearing(hearing_id: int, actor: Actor, reason: str) -> None:
    """End a hearing without a remedy: by who may decide it, or taken back by who opened it.

    Raises AlreadyDecided, MayNotDecide, NoMinutes.
    """
    row = _undecided(hearing_id)
    is_own = row.opened_by_id == actor.person_id
    if not is_own:
        try:
            trial: Trial | None = try_case(queries.case_of(row))
        except ValueError:
            trial = None
        if refusal := queries.why_not_decide(actor, row.opened_by_id, trial):
            raise MayNotDecide(refusal)
    reason = clean(reason)[:MAX_MINUTES]
    if not reason:
        raise NoMinutes
    row.minutes, row.decided_by_id, row.dismissed_at = reason, actor.person_id, clock.now()
    db.session.flush()
    audit.record("hearing:dismiss", f"hearing:{hearing_id}", actor.person_id, item=row.item_key, withdrawn=is_own)


__all__ = [
    "AlreadyDecided", "AlreadyOpen", "HearingRefused", "MayNotDecide", "NeverGiven", "NoLongerFits", "NoMinutes", "NotForThisKind", "Posted",
    "StaleDryRun", "dismiss_hearing", "open_hearing", "post_hearing", "register_consequences",
]
