"""The rater's list: what is to be judged, what is under way, what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select

from courses.models import Cohort, Enrolment
from foundation.db import db
from foundation.people import Person
from foundation.permissions import Actor
from training.grading.models import Assignment, Performance, Rating, RatingDraft
from training.grading.queries.facts import PERFORMANCE, fold
from training.grading.queries.instruments import title_of

OPEN_PER_PAGE = 40
DONE_SHOWN = 20
ItemState = Literal["to_rate", "draft", "not_begun", "waiting", "held", "settled"]


@dataclass(frozen=True)
class QueueItem:
    """One assignment of mine. `trainee` is None for written work, which is judged without a name; `code` is its number.

    States before my rating is final: not_begun (the role-play has not taken place), to_rate, draft. After: waiting (for
    the other rater), held (a third rater decides), settled. Nothing here tells what the other rater chose.
    """

    assignment_id: int
    kind: str
    title: dict[str, str]
    trainee: str | None
    code: str
    cohort_name: dict[str, str]
    zone: str
    use: str
    is_third: bool
    state: ItemState
    performed_at: datetime | None
    saved_at: datetime | None
    final_at: datetime | None


@dataclass(frozen=True)
class QueuePage:
    """`open` is one page of what is still to do, the oldest first; `done` the latest final ratings."""

    role_plays: tuple[QueueItem, ...]
    cases: tuple[QueueItem, ...]
    done: tuple[QueueItem, ...]
    open_count: int
    page: int
    pages: int


def code_of(performance_id: int) -> str:
    """The number under which written work is judged; it tells nothing of its author."""
    return f"{performance_id:04d}"


_COLUMNS = (Assignment.id.label("assignment_id"), Assignment.performance_id, Assignment.place, Performance.kind, Performance.content_version_id,
            Performance.use, Performance.performed_at, Person.name.label("trainee"), Cohort.name_zh, Cohort.name_en, Cohort.zone,
            RatingDraft.saved_at, Rating.final_at)


def _mine(person_id: int, *columns: Any) -> Any:
    return (
        select(*columns).select_from(Assignment).join(Performance, Performance.id == Assignment.performance_id)
        .join(Enrolment, Enrolment.id == Performance.enrolment_id).join(Person, Person.id == Enrolment.person_id)
        .join(Cohort, Cohort.id == Enrolment.cohort_id).outerjoin(RatingDraft, RatingDraft.assignment_id == Assignment.id)
        .outerjoin(Rating, Rating.assignment_id == Assignment.id).where(Assignment.rater_id == person_id)
    )


def _item(row: Any, state: ItemState) -> QueueItem:
    is_case = row.kind == "case"
    return QueueItem(row.assignment_id, row.kind, title_of(row.content_version_id), None if is_case else row.trainee, code_of(row.performance_id),
                     {"zh": row.name_zh, "en": row.name_en}, row.zone, row.use, row.place == 3, state, row.performed_at,
                     None if row.final_at else row.saved_at, row.final_at)


def _open_state(row: Any) -> ItemState:
    if row.saved_at is not None:
        return "draft"
    return "to_rate" if row.performed_at is not None else "not_begun"


def queue_page(actor: Actor, page: int = 1) -> QueuePage:
    """The list of one rater; withdrawn trainees are left out of what is still to do."""
    is_open = (Rating.id.is_(None), Enrolment.withdrawn_at.is_(None))
    open_count = db.session.execute(_mine(actor.person_id, func.count()).where(*is_open)).scalar() or 0
    pages = max(1, -(-open_count // OPEN_PER_PAGE))
    page = min(max(page, 1), pages)
    rows = db.session.execute(_mine(actor.person_id, *_COLUMNS).where(*is_open).order_by(Assignment.id)
                              .limit(OPEN_PER_PAGE).offset((page - 1) * OPEN_PER_PAGE)).all()
    items = [_item(row, _open_state(row)) for row in rows]
    done_rows = db.session.execute(_mine(actor.person_id, *_COLUMNS).where(Rating.id.is_not(None)).order_by(Rating.id.desc()).limit(DONE_SHOWN)).all()
    standings = _standings([row.performance_id for row in done_rows])
    return QueuePage(
        role_plays=tuple(item for item in items if item.kind == "station"), cases=tuple(item for item in items if item.kind == "case"),
        done=tuple(_item(row, standings[row.performance_id]) for row in done_rows), open_count=open_count, page=page, pages=pages)


def _standings(performance_ids: list[int]) -> dict[int, ItemState]:
    if not performance_ids:
        return {}
    rows = db.session.execute(select(*PERFORMANCE).where(Performance.id.in_(performance_ids)))
    words: dict[str, ItemState] = {"awaiting": "waiting", "not_performed": "waiting", "held": "held", "complete": "settled"}
    return {performance.id: words[performance.standing.state] for performance in fold(rows)}
