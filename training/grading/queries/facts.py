"""Performances folded from their rows: who is to rate, who has, how it stands. A bounded number of selects, never one a row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from foundation import clock
from foundation.db import db
from foundation.people import Person
from training.grading.models import Assignment, CaseDraft, Performance, Rating, RedLineDecision, RedLineReport
from training.grading.queries.deadline import case_due
from training.grading.queries.instruments import instrument
from training.grading.rules.agreement import THIRD, Judged, RedLineState, Standing, State, raters_needed, red_line_state, standing


@dataclass(frozen=True)
class PerformanceFact:
    """A performance that counts towards the award, for the parts that decide it.

    `mark` (0-100, unrounded) only when `state` is complete; `raters` and `rater_marks` of final ratings in place order;
    `red_line_keys` those raised and not rejected. A raised red line leaves `state` and `mark` as the ratings have them:
    the reader decides that it is still awaited. `performed_at` of a case closed by time is its last save.
    """

    performance_id: int
    content_key: str
    number: int
    performed_at: datetime | None
    mark: Decimal | None
    state: State
    raters: tuple[int, ...]
    rater_marks: tuple[tuple[str, Decimal], ...]
    red_line: RedLineState
    red_line_keys: tuple[str, ...]
    global_values: tuple[int, ...]


@dataclass(frozen=True)
class AssignmentFact:
    """Somebody asked to rate, with the final rating where there is one."""

    id: int
    rater_id: int
    rater_name: str
    place: int
    judged: Judged | None
    global_judgement: str | None


@dataclass(frozen=True)
class Folded:
    """A performance with everything that was said about it."""

    id: int
    enrolment_id: int
    kind: str
    content_key: str
    content_version_id: int
    rubric_version_id: int
    use: str
    number: int
    performed_at: datetime | None
    assignments: tuple[AssignmentFact, ...]
    standing: Standing
    red_line: RedLineState
    red_line_keys: tuple[str, ...]

    @property
    def ratings(self) -> tuple[Judged, ...]:
        return tuple(assignment.judged for assignment in self.assignments if assignment.judged is not None)


@dataclass
class _Parts:
    assignments: list[AssignmentFact] = field(default_factory=list)
    lines: list[tuple[str, bool | None]] = field(default_factory=list)


PERFORMANCE = (Performance.id, Performance.enrolment_id, Performance.kind, Performance.content_key, Performance.content_version_id,
               Performance.rubric_version_id, Performance.use, Performance.number, Performance.performed_at)


def fold(rows: Iterable[Any]) -> list[Folded]:
    """Rows of the PERFORMANCE columns → folded performances, in the same order; at most five selects for all of them."""
    performances = list(rows)
    ids = [row.id for row in performances]
    parts: dict[int, _Parts] = defaultdict(_Parts)
    if ids:
        _read_assignments(ids, parts)
        _read_red_lines(ids, parts)
    closed = _closed_by_time([row for row in performances if row.kind == "case" and row.performed_at is None])
    folded = []
    for row in performances:
        found = parts[row.id]
        performed_at = row.performed_at or closed.get(row.id)
        rubric = instrument(row.rubric_version_id)
        assigned = sum(1 for assignment in found.assignments if assignment.place < THIRD)
        ratings = [assignment.judged for assignment in found.assignments if assignment.judged is not None]
        stands = standing(rubric.agreement, rubric.ranks, performed_at is not None, raters_needed(rubric.agreement, row.use, assigned),
                          any(assignment.place == THIRD for assignment in found.assignments), ratings)
        keys = tuple(dict.fromkeys(key for key, is_confirmed in found.lines if is_confirmed is not False))
        folded.append(Folded(row.id, row.enrolment_id, row.kind, row.content_key, row.content_version_id, row.rubric_version_id, row.use, row.number,
                             performed_at, tuple(found.assignments), stands, red_line_state([d for _key, d in found.lines]), keys))
    return folded


def _read_assignments(ids: list[int], parts: dict[int, _Parts]) -> None:
    rows = db.session.execute(
        select(Assignment.id, Assignment.performance_id, Assignment.rater_id, Person.name, Assignment.place, Rating.mark, Rating.levels,
               Rating.global_judgement)
        .join(Person, Person.id == Assignment.rater_id).outerjoin(Rating, Rating.assignment_id == Assignment.id)
        .where(Assignment.performance_id.in_(ids)).order_by(Assignment.performance_id, Assignment.place)
    )
    for row in rows:
        judged = None if row.mark is None else Judged(row.rater_id, row.place, row.mark, row.levels)
        parts[row.performance_id].assignments.append(AssignmentFact(row.id, row.rater_id, row.name, row.place, judged, row.global_judgement))


def _read_red_lines(ids: list[int], parts: dict[int, _Parts]) -> None:
    rows = db.session.execute(
        select(RedLineReport.performance_id, RedLineReport.red_line_key, RedLineDecision.is_confirmed)
        .outerjoin(RedLineDecision, RedLineDecision.report_id == RedLineReport.id).where(RedLineReport.performance_id.in_(ids)).order_by(RedLineReport.id)
    )
    for row in rows:
        parts[row.performance_id].lines.append((row.red_line_key, row.is_confirmed))


def last_saves(performance_ids: Collection[int]) -> dict[int, datetime]:
    """Performance id → when a text that is not empty was last saved."""
    if not performance_ids:
        return {}
    rows = db.session.execute(
        select(CaseDraft.performance_id, func.max(CaseDraft.saved_at))
        .where(CaseDraft.performance_id.in_(performance_ids), CaseDraft.text != "").group_by(CaseDraft.performance_id)
    )
    return {performance_id: saved_at for performance_id, saved_at in rows if saved_at is not None}


def _closed_by_time(rows: list[Any]) -> dict[int, datetime]:
    """Cases whose time has run out without a hand-in: what was saved in time is the work, performed at the last save."""
    rows = [row for row in rows if row.use == "final"]
    if not rows:
        return {}
    due, now = case_due({row.enrolment_id for row in rows}), clock.now()
    return last_saves([row.id for row in rows if now >= due[row.enrolment_id]])


def folded_of(performance_id: int) -> Folded:
    """One performance, folded. Raises NoResultFound."""
    return fold([db.session.execute(select(*PERFORMANCE).where(Performance.id == performance_id)).one()])[0]


def performance_facts(enrolment_ids: Collection[int], kind: str, keys: Collection[str]) -> dict[int, list[PerformanceFact]]:
    """Enrolment id → what was performed at these stations ('station') or on these cases ('case') for the award, in order of
    arrangement. Practice is left out. At most five selects."""
    facts: dict[int, list[PerformanceFact]] = {id_: [] for id_ in enrolment_ids}
    if not facts or not keys:
        return facts
    rows = db.session.execute(
        select(*PERFORMANCE).where(Performance.enrolment_id.in_(facts), Performance.kind == kind, Performance.content_key.in_(keys),
                                   Performance.use == "final").order_by(Performance.id)
    )
    for performance in fold(rows):
        final = [assignment for assignment in performance.assignments if assignment.judged is not None]
        judgement = instrument(performance.rubric_version_id).global_judgement
        values = {anchor.key: anchor.value for anchor in judgement.anchors} if judgement else {}
        facts[performance.enrolment_id].append(PerformanceFact(
            performance.id, performance.content_key, performance.number, performance.performed_at, performance.standing.mark, performance.standing.state,
            tuple(assignment.rater_id for assignment in final),
            tuple((assignment.rater_name, assignment.judged.mark) for assignment in final if assignment.judged is not None),
            performance.red_line, performance.red_line_keys,
            tuple(values[assignment.global_judgement] for assignment in final if assignment.global_judgement in values)))
    return facts


def raters_of(enrolment_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Enrolment id → everybody who rated, or is asked to rate, any performance of that trainee, practice included."""
    found: dict[int, set[int]] = {id_: set() for id_ in enrolment_ids}
    if found:
        for enrolment_id, rater_id in db.session.execute(
                select(Performance.enrolment_id, Assignment.rater_id).join(Assignment, Assignment.performance_id == Performance.id)
                .where(Performance.enrolment_id.in_(found))):
            found[enrolment_id].add(rater_id)
    return {id_: frozenset(raters) for id_, raters in found.items()}
