"""What people marked: the final marks of answers and how each answer stands. Read by attempts and by the marking pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from foundation.db import db
from quizzes.models import EssayMark, LateDecision, LateSave
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.marking import Settlement, settle


@dataclass(frozen=True)
class Mark:
    """What one marker's judgement of one answer is now: the latest of the own rows. `place`: the order of first finality."""

    slot_id: int
    marker_id: int
    number: int
    points: Any
    fraction: Decimal
    reason: str
    at: datetime


def accepted_late(slot_ids: Collection[int]) -> dict[int, tuple[Any, datetime]]:
    """Slot id → (the answer that arrived late and was accepted, when): it takes the place of what was saved in time. One that
    says nothing takes no place."""
    rows = db.session.execute(
        select(LateSave.slot_id, LateSave.answer, LateDecision.at).join(LateDecision, LateDecision.late_save_id == LateSave.id)
        .where(LateSave.slot_id.in_(slot_ids), LateDecision.is_accepted.is_(True)).order_by(LateDecision.id))
    return {row.slot_id: (row.answer, row.at) for row in rows if row.answer}


def marks_of(slot_ids: Collection[int], late: Mapping[int, tuple[Any, datetime]] | None = None) -> dict[int, tuple[Mark, ...]]:
    """Slot id → the marks that count, one a marker, in the order in which they first became final. Marks of a text that a later
    one has replaced (`late`: accepted_late of these slots) count no more."""
    if not slot_ids:
        return {}
    late = accepted_late(slot_ids) if late is None else late
    found: dict[int, dict[int, Mark]] = defaultdict(dict)
    rows = db.session.execute(
        select(EssayMark.slot_id, EssayMark.marker_id, EssayMark.number, EssayMark.points, EssayMark.fraction, EssayMark.reason, EssayMark.at)
        .where(EssayMark.slot_id.in_(slot_ids)).order_by(EssayMark.id))
    for row in rows:
        if row.slot_id not in late or row.at >= late[row.slot_id][1]:
            found[row.slot_id][row.marker_id] = Mark(*row)
    return {slot_id: tuple(marks.values()) for slot_id, marks in found.items()}


def settlement(marks: tuple[Mark, ...], blueprint: Blueprint, kind: str) -> Settlement:
    """How an answer stands by its blueprint's rule of marking."""
    return settle([mark.fraction for mark in marks], blueprint.raters(kind), blueprint.max_gap)
