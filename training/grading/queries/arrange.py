"""For a trainer of a cohort: who can rate, what is arranged, which written work waits for raters, what is held."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import or_, select

from courses.models import Enrolment
from courses.queries import CohortView, EnrolmentView, programme_of, roster
from foundation import content
from foundation.db import db
from foundation.people import GrantRow, Person
from foundation.permissions import EVERYWHERE, ROLE_PERMISSIONS, Permission
from training.grading.models import Performance
from training.grading.queries.facts import PERFORMANCE, Folded, fold
from training.grading.queries.instruments import title_of
from training.grading.queries.queue import code_of
from training.grading.rules.agreement import THIRD

ArrangedState = Literal["none", "arranged", "awaiting", "held", "complete"]


@dataclass(frozen=True)
class StationChoice:
    key: str
    title: dict[str, str]
    use: str


@dataclass(frozen=True)
class TraineeRow:
    """A trainee with how each station stands: station key → state."""

    enrolment: EnrolmentView
    states: dict[str, ArrangedState]


@dataclass(frozen=True)
class CaseBatch:
    """Written work on one case in this cohort: handed in, of these without raters, of these judged to the end."""

    key: str
    title: dict[str, str]
    use: str
    handed_in: int
    without_raters: int
    complete: int


@dataclass(frozen=True)
class HeldItem:
    """Two ratings too far apart. `label` is a name for a role-play and a number for written work."""

    performance_id: int
    title: dict[str, str]
    label: str
    is_case: bool
    candidates: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class ArrangePage:
    cohort: CohortView
    stations: tuple[StationChoice, ...]
    trainees: tuple[TraineeRow, ...]
    raters: tuple[tuple[int, str], ...]
    cases: tuple[CaseBatch, ...]
    held: tuple[HeldItem, ...]

    @property
    def with_third(self) -> tuple[HeldItem, ...]:
        return tuple(item for item in self.held if item.candidates)


def raters_in(cohort_id: int) -> tuple[tuple[int, str], ...]:
    """(person id, name) of everybody whose role lets them rate in this cohort, by employee number."""
    roles = [role.value for role, permissions in ROLE_PERMISSIONS.items() if Permission.RATE in permissions]
    rows = db.session.execute(
        select(Person.id, Person.name).join(GrantRow, GrantRow.person_id == Person.id)
        .where(GrantRow.role.in_(roles), GrantRow.revoked_at.is_(None), or_(GrantRow.scope == EVERYWHERE, GrantRow.scope == f"cohort:{cohort_id}"))
        .group_by(Person.id, Person.name, Person.employee_no).order_by(Person.employee_no).limit(200)
    )
    return tuple((row.id, row.name) for row in rows)


def cohort_of(performance_id: int) -> int | None:
    """The cohort a performance belongs to; None for an unknown performance."""
    return db.session.execute(
        select(Enrolment.cohort_id).join(Performance, Performance.enrolment_id == Enrolment.id).where(Performance.id == performance_id)).scalar()


def station_choices(cohort: CohortView) -> tuple[StationChoice, ...]:
    """The stations of the cohort's programme that exist: those that count first, then practice."""
    programme = programme_of(cohort)
    keys = [*programme.assessment.skill_demonstration.stations, *(a.ref for a in programme.activities if a.kind == "station" and not a.planned)]
    current = content.current_ids("station")
    found = []
    for key in dict.fromkeys(keys):
        if key in current:
            stored = content.version(current[key])
            found.append(StationChoice(key, stored.body["title"], stored.body["use"]))
    return tuple(sorted(found, key=lambda choice: choice.use))


def performances_in(cohort_id: int) -> list[Folded]:
    """Every performance of a cohort's trainees who have not withdrawn, folded."""
    return fold(db.session.execute(
        select(*PERFORMANCE).join(Enrolment, Enrolment.id == Performance.enrolment_id)
        .where(Enrolment.cohort_id == cohort_id, Enrolment.withdrawn_at.is_(None)).order_by(Performance.id)
    ))


def _state(performance: Folded) -> ArrangedState:
    state = performance.standing.state
    return "arranged" if state == "not_performed" else state


def arrange_page(cohort: CohortView) -> ArrangePage:
    """The page on which role-plays, raters of written work and third raters are arranged; seven selects for any roster."""
    trainees, performances, raters = roster(cohort.id), performances_in(cohort.id), raters_in(cohort.id)
    stations = station_choices(cohort)
    states: dict[int, dict[str, ArrangedState]] = defaultdict(dict)
    batches: dict[str, list[Folded]] = defaultdict(list)
    for performance in performances:
        if performance.kind == "station":
            states[performance.enrolment_id][performance.content_key] = _state(performance)
        elif performance.performed_at is not None:
            batches[performance.content_key].append(performance)
    by_id = {enrolment.id: enrolment for enrolment in trainees}
    return ArrangePage(
        cohort, stations, tuple(TraineeRow(e, {s.key: states[e.id].get(s.key, "none") for s in stations}) for e in trainees), raters,
        tuple(_batch(key, batch) for key, batch in sorted(batches.items())),
        tuple(_held(performance, by_id[performance.enrolment_id], raters) for performance in performances if performance.standing.needs_third))


def _batch(key: str, batch: list[Folded]) -> CaseBatch:
    latest = batch[-1]
    return CaseBatch(key, title_of(latest.content_version_id), latest.use, len(batch), sum(1 for p in batch if not p.assignments),
                     sum(1 for p in batch if p.standing.state == "complete"))


def _held(performance: Folded, enrolment: EnrolmentView, raters: tuple[tuple[int, str], ...]) -> HeldItem:
    barred = {enrolment.person_id, enrolment.mentor_id, *(a.rater_id for a in performance.assignments if a.place < THIRD)}
    is_case = performance.kind == "case"
    return HeldItem(performance.id, title_of(performance.content_version_id), code_of(performance.id) if is_case else enrolment.name, is_case,
                    tuple((id_, name) for id_, name in raters if id_ not in barred))
