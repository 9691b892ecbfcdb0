"""Reported red lines, for those who decide them: with quotation and time, within scope, never one's own rating."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import aliased

from courses.models import Cohort, Enrolment
from courses.queries import in_scope
from foundation.db import db
from foundation.people import Person
from foundation.permissions import Actor, Permission
from training.grading.models import Assignment, Performance, Rating, RedLineDecision, RedLineReport
from training.grading.queries.instruments import instrument, title_of

PER_PAGE = 30
DECIDED_SHOWN = 20


@dataclass(frozen=True)
class RedLineItem:
    """One report. `is_confirmed` None: awaiting a decision."""

    report_id: int
    trainee: str
    org_unit: str
    cohort_name: dict[str, str]
    zone: str
    kind: str
    use: str
    title: dict[str, str]
    text: dict[str, str]
    quotation: str
    happened_at: str
    rater: str
    reported_at: datetime
    performed_at: datetime | None
    is_confirmed: bool | None
    reason: str
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True)
class RedLinesPage:
    """`open`: one page of what awaits a decision, the oldest first; `decided`: the latest decisions; `own`: how many
    reports are kept from the asker because they rate, or are, the trainee concerned."""

    open: tuple[RedLineItem, ...]
    decided: tuple[RedLineItem, ...]
    own: int
    open_count: int
    page: int
    pages: int


_decider = aliased(Person)
_rater = aliased(Person)
_COLUMNS = (RedLineReport.id, Person.name, Person.org_unit, Cohort.name_zh, Cohort.name_en, Cohort.zone, Performance.kind, Performance.use,
            Performance.content_version_id, Performance.rubric_version_id, Performance.performed_at, RedLineReport.red_line_key,
            RedLineReport.quotation, RedLineReport.happened_at, _rater.name.label("rater"), Rating.final_at, RedLineDecision.is_confirmed,
            RedLineDecision.reason, _decider.name.label("decider"), RedLineDecision.at)


def _reports(actor: Actor, *columns: Any) -> Select[Any]:
    query = (
        select(*columns).select_from(RedLineReport).join(Rating, Rating.id == RedLineReport.rating_id)
        .join(Performance, Performance.id == RedLineReport.performance_id).join(Enrolment, Enrolment.id == Performance.enrolment_id)
        .join(Cohort, Cohort.id == Enrolment.cohort_id).join(Person, Person.id == Enrolment.person_id).join(_rater, _rater.id == Rating.rater_id)
        .outerjoin(RedLineDecision, RedLineDecision.report_id == RedLineReport.id).outerjoin(_decider, _decider.id == RedLineDecision.by_id)
    )
    scope = in_scope(actor, Permission.JUDGE_RED_LINES)
    return query if scope is None else query.where(scope)


def _rates_it(actor: Actor) -> Any:
    return exists().where(Assignment.performance_id == Performance.id, Assignment.rater_id == actor.person_id).correlate(Performance)


def _decidable(actor: Actor) -> tuple[Any, ...]:
    return ~_rates_it(actor), Enrolment.person_id != actor.person_id


def _item(row: Any) -> RedLineItem:
    line = next((line for line in instrument(row.rubric_version_id).red_lines if line.key == row.red_line_key), None)
    text = line.text.model_dump() if line else {"zh": row.red_line_key, "en": row.red_line_key}
    return RedLineItem(row.id, row.name, row.org_unit, {"zh": row.name_zh, "en": row.name_en}, row.zone, row.kind, row.use,
                       title_of(row.content_version_id), text, row.quotation, row.happened_at, row.rater, row.final_at, row.performed_at,
                       row.is_confirmed, row.reason or "", row.decider or "", row.at)


def red_lines_page(actor: Actor, page: int = 1) -> RedLinesPage:
    """What awaits a decision within the asker's scope, and the latest decisions; at most five selects."""
    undecided = RedLineDecision.id.is_(None)
    counts = db.session.execute(_reports(actor, func.count(), func.count().filter(*_decidable(actor))).where(undecided)).one()
    open_count = counts[1]
    pages = max(1, -(-open_count // PER_PAGE))
    page = min(max(page, 1), pages)
    open_rows = db.session.execute(_reports(actor, *_COLUMNS).where(undecided, *_decidable(actor)).order_by(RedLineReport.id)
                                   .limit(PER_PAGE).offset((page - 1) * PER_PAGE)).all()
    decided = db.session.execute(_reports(actor, *_COLUMNS).where(~undecided, *_decidable(actor)).order_by(RedLineDecision.id.desc())
                                 .limit(DECIDED_SHOWN)).all()
    return RedLinesPage(tuple(map(_item, open_rows)), tuple(map(_item, decided)), counts[0] - open_count, open_count, page, pages)


def report_or_404(report_id: int, actor: Actor) -> RedLineItem:
    """One report that the asker may decide or has seen decided; else 404, the same as unknown."""
    row = db.session.execute(_reports(actor, *_COLUMNS).where(RedLineReport.id == report_id, *_decidable(actor))).first()
    if row is None:
        abort(404)
    return _item(row)
