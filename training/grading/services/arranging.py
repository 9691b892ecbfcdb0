"""Arranging role-plays, raters of written work and third raters; that a role-play took place."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from courses.models import Enrolment
from courses.queries import pinned
from courses.services import record_completion
from foundation import audit, clock
from foundation.db import db
from training.grading.models import Assignment, Performance
from training.grading.queries.arrange import raters_in
from training.grading.queries.facts import PERFORMANCE, fold, folded_of
from training.grading.queries.instruments import instrument, station_of
from training.grading.rules.agreement import THIRD
from training.grading.rules.pairing import distribute
from training.grading.services.refusals import AlreadyArranged, AlreadyAssigned, NotHeld, RaterRefused


def schedule_performance(enrolment_id: int, station_key: str, rater_ids: Sequence[int], actor_id: int) -> int:
    """Arrange a role-play at a station with its raters; returns the performance id.

    The station and its rubric are those the cohort works with. Raises RaterRefused, or AlreadyArranged where one is still
    under way or, at a station that counts, was done before: a second try draws another station.
    """
    enrolment = db.session.get_one(Enrolment, enrolment_id)
    stored = pinned(enrolment.cohort_id, "station", station_key)
    station = station_of(stored.id)
    earlier = fold(db.session.execute(
        select(*PERFORMANCE).where(Performance.enrolment_id == enrolment_id, Performance.kind == "station", Performance.content_key == station_key)))
    if any(performance.use == "final" or performance.standing.state != "complete" for performance in earlier):
        raise AlreadyArranged([enrolment_id])
    rubric = pinned(enrolment.cohort_id, "rubric", station.rubric)
    performance = Performance(enrolment_id=enrolment_id, kind="station", content_key=station_key, content_version_id=stored.id,
                              rubric_version_id=rubric.id, use=station.use, number=len(earlier) + 1, created_at=clock.now(), created_by_id=actor_id)
    db.session.add(performance)
    db.session.flush()
    audit.record("performance:arrange", f"performance:{performance.id}", actor_id, enrolment=enrolment_id, station=station_key, use=station.use,
                 number=performance.number, content_version=stored.id, rubric_version=rubric.id)
    _assign(performance, enrolment, rater_ids, actor_id)
    return performance.id


def _check_raters(enrolment: Enrolment, rater_ids: Sequence[int]) -> None:
    if len(set(rater_ids)) != len(rater_ids):
        raise RaterRefused("same_person")
    if enrolment.person_id in rater_ids:
        raise RaterRefused("trainee")
    if enrolment.mentor_id in rater_ids:
        raise RaterRefused("mentor")
    if not set(rater_ids) <= {person_id for person_id, _name in raters_in(enrolment.cohort_id)}:
        raise RaterRefused("not_of_cohort")


def _assign(performance: Performance, enrolment: Enrolment, rater_ids: Sequence[int], actor_id: int) -> None:
    rule = instrument(performance.rubric_version_id).agreement
    enough = len(rater_ids) == rule.raters if performance.use == "final" else 1 <= len(rater_ids) <= rule.raters
    if len(set(rater_ids)) == len(rater_ids) and not enough:
        raise RaterRefused("number")
    _check_raters(enrolment, rater_ids)
    if db.session.execute(select(Assignment.id).where(Assignment.performance_id == performance.id)).first():
        raise AlreadyAssigned
    for place, rater_id in enumerate(rater_ids, 1):
        _add(performance.id, rater_id, place, actor_id)


def _add(performance_id: int, rater_id: int, place: int, actor_id: int) -> None:
    assignment = Assignment(performance_id=performance_id, rater_id=rater_id, place=place, assigned_at=clock.now(), assigned_by_id=actor_id)
    db.session.add(assignment)
    db.session.flush()
    audit.record("rating:assign", f"performance:{performance_id}", actor_id, assignment=assignment.id, rater=rater_id, place=place)


def arrange_role_plays(station_key: str, enrolment_ids: Sequence[int], rater_ids: Sequence[int], actor_id: int) -> list[int]:
    """Arrange a station for several trainees; the raters take turns evenly, two for each. All or nothing.

    Raises TooFewRaters (naming enrolments whose trainee or mentor is among too few raters), RaterRefused, AlreadyArranged
    naming every trainee who has this station already.
    """
    enrolments = {row.id: row for row in db.session.scalars(select(Enrolment).where(Enrolment.id.in_(enrolment_ids)))}
    first = next(iter(enrolments.values()), None)
    if first is None:
        return []
    station = station_of(pinned(first.cohort_id, "station", station_key).id)
    rule = instrument(pinned(first.cohort_id, "rubric", station.rubric).id).agreement
    each = rule.raters if station.use == "final" else min(rule.raters, len(set(rater_ids)))
    if not each:
        raise RaterRefused("number")
    barred = {id_: {row.person_id, row.mentor_id or 0} for id_, row in enrolments.items()}
    order = [id_ for id_ in dict.fromkeys(enrolment_ids) if id_ in enrolments]
    pairs = distribute(order, rater_ids, each, barred)
    taken: list[int] = []
    made = []
    for enrolment_id in order:
        try:
            made.append(schedule_performance(enrolment_id, station_key, pairs[enrolment_id], actor_id))
        except AlreadyArranged:
            taken.append(enrolment_id)
    if taken:
        raise AlreadyArranged(taken)
    return made


def mark_performed(performance_id: int, actor_id: int) -> bool:
    """A role-play begins, or took place: set once, now. False where that is on record already.

    A station that counts for the award is completed by performing it, whatever the mark; practice once it is judged.
    """
    performance = db.session.get_one(Performance, performance_id)
    if performance.kind != "station":
        raise ValueError("written work is performed by handing it in")
    if performance.performed_at is not None:
        return False
    performance.performed_at = clock.now()
    audit.record("performance:perform", f"performance:{performance_id}", actor_id, performed_at=performance.performed_at.isoformat())
    if performance.use == "final":
        record_completion(performance.enrolment_id, "station", performance.content_key, None, f"performance:{performance_id}", actor_id)
    return True


def assign_markers(cohort_id: int, case_key: str, rater_ids: Sequence[int], actor_id: int) -> int:
    """Give raters to all written work on a case that was handed in and has none; returns how much that was.

    The raters take turns evenly. Raises TooFewRaters with performance ids, or RaterRefused.
    """
    rows = db.session.execute(
        select(Performance, Enrolment).join(Enrolment, Enrolment.id == Performance.enrolment_id)
        .outerjoin(Assignment, Assignment.performance_id == Performance.id)
        .where(Enrolment.cohort_id == cohort_id, Enrolment.withdrawn_at.is_(None), Performance.kind == "case", Performance.content_key == case_key,
               Performance.performed_at.is_not(None), Assignment.id.is_(None)).order_by(Performance.id)
    ).all()
    if not rows:
        return 0
    chosen = list(dict.fromkeys(rater_ids))
    rule = instrument(rows[0].Performance.rubric_version_id).agreement
    each = rule.raters if rows[0].Performance.use == "final" else min(rule.raters, len(chosen))
    if not each:
        raise RaterRefused("number")
    pairs = distribute([row.Performance.id for row in rows], chosen, each,
                       {row.Performance.id: {row.Enrolment.person_id, row.Enrolment.mentor_id or 0} for row in rows})
    for row in rows:
        _assign(row.Performance, row.Enrolment, pairs[row.Performance.id], actor_id)
    return len(rows)


def assign_third(performance_id: int, rater_id: int, actor_id: int) -> None:
    """Ask a third person to settle a gap. Raises NotHeld, AlreadyAssigned (a third is asked), RaterRefused."""
    if db.session.execute(select(func.count()).select_from(Assignment).where(
            Assignment.performance_id == performance_id, Assignment.place == THIRD)).scalar():
        raise AlreadyAssigned
    performance = folded_of(performance_id)
    if performance.standing.state != "held":
        raise NotHeld
    if rater_id in {assignment.rater_id for assignment in performance.assignments}:
        raise RaterRefused("same_person")
    _check_raters(db.session.get_one(Enrolment, performance.enrolment_id), [rater_id])
    _add(performance_id, rater_id, THIRD, actor_id)
