"""The lesson page of one person in one select.

Everything that is the same for all readers of a cohort is rendered once (foundation.splice); what differs (what is
done, answers, tokens) comes from the one row read here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import String, case, cast, func, literal, select
from sqlalchemy.orm import aliased

from courses.models import Cohort, CohortPin, Completion, Enrolment, GateWaiver, SelfCheckAnswer, UnitOpening
from courses.queries import CohortView, EnrolmentView, _cohort_view
from courses.rules.progress import CompletionFact, fold_completions
from foundation.content import ContentHead, ContentVersion
from foundation.db import db
from foundation.people import Person


@dataclass(frozen=True)
class Reading:
    """What one trainee's page of one lesson rests on."""

    enrolment: EnrolmentView
    cohort: CohortView
    version_id: int
    glossary_id: int
    sources_id: int
    done: dict[tuple[str, str], Decimal | None]
    waived: frozenset[str]
    moved: tuple[tuple[str, date], ...]
    answers: dict[str, tuple[int, ...]]


_SEPARATOR, _FIELD = "\x1e", "\x1f"


def _list_of(*columns: object) -> object:
    joined = columns[0]
    for column in columns[1:]:
        joined = joined.op("||")(_FIELD).op("||")(column)  # type: ignore[attr-defined]
    return func.aggregate_strings(joined, _SEPARATOR)


def _statement() -> object:
    head, version = aliased(ContentHead), aliased(ContentVersion)
    glossary, sources = aliased(ContentHead), aliased(ContentHead)
    completions = (select(_list_of(Completion.kind, Completion.ref, func.coalesce(cast(Completion.fraction, String), "")))
                   .where(Completion.enrolment_id == Enrolment.id).scalar_subquery())
    waivers = select(_list_of(GateWaiver.gate_key)).where(GateWaiver.enrolment_id == Enrolment.id).scalar_subquery()
    openings = (select(_list_of(UnitOpening.unit_key, cast(UnitOpening.opens_on, String))).where(UnitOpening.cohort_id == Cohort.id)
                .scalar_subquery())
    answers = (select(_list_of(cast(SelfCheckAnswer.id, String), SelfCheckAnswer.check_key, cast(SelfCheckAnswer.chosen, String)))
               .where(SelfCheckAnswer.enrolment_id == Enrolment.id, SelfCheckAnswer.lesson_key == head.key).scalar_subquery())
    version_id = case((CohortPin.scoring_hash.is_(None) | (CohortPin.scoring_hash == version.scoring_hash), head.version_id), else_=CohortPin.version_id)
    return (
        select(Enrolment.id, Enrolment.cohort_id, Enrolment.person_id, Enrolment.mentor_id, Person.name, Person.employee_no, Person.org_unit, Person.position,
               Enrolment.withdrawn_at, Cohort.id, Cohort.key, Cohort.name_zh, Cohort.name_en, Cohort.programme_key, Cohort.programme_version_id,
               Cohort.scheme_version_id, Cohort.starts_on, Cohort.ends_on, Cohort.zone, Cohort.seats, Cohort.row_version, version_id,
               func.coalesce(glossary.version_id, 0), func.coalesce(sources.version_id, 0), completions, waivers, openings, answers)
        .select_from(Enrolment).join(Person, Person.id == Enrolment.person_id).join(Cohort, Cohort.id == Enrolment.cohort_id)
        .join(head, (head.kind == "lesson")).join(version, version.id == head.version_id)
        .outerjoin(CohortPin, (CohortPin.cohort_id == Cohort.id) & (CohortPin.kind == literal("lesson")) & (CohortPin.key == head.key))
        .outerjoin(glossary, (glossary.kind == "glossary") & (glossary.key == "glossary"))
        .outerjoin(sources, (sources.kind == "sources") & (sources.key == "sources"))
    ), head


_QUERY, _HEAD = _statement()  # type: ignore[misc]


def find_reading(person_id: int, lesson_key: str) -> Reading | None:
    """The latest active enrolment of a person with everything its page of a lesson needs; None without one or for an unknown lesson."""
    row = db.session.execute(
        _QUERY.where(Enrolment.person_id == person_id, Enrolment.withdrawn_at.is_(None), _HEAD.key == lesson_key)
        .order_by(Enrolment.id.desc()).limit(1)).first()
    if row is None:
        return None
    enrolment = EnrolmentView(*row[:9])
    cohort = _cohort_view(row[9:21])
    version_id, glossary_id, sources_id, completions, waivers, openings, answers = row[21:]
    facts = [CompletionFact(kind, ref, Decimal(fraction) if fraction else None) for kind, ref, fraction in _rows(completions)]
    latest: dict[str, tuple[int, tuple[int, ...]]] = {}
    for id_, check, chosen in _rows(answers):
        if check not in latest or int(id_) > latest[check][0]:
            latest[check] = (int(id_), tuple(json.loads(chosen)))
    return Reading(enrolment, cohort, version_id, glossary_id, sources_id, fold_completions(facts), frozenset(f[0] for f in _rows(waivers)),
                   tuple((unit, date.fromisoformat(day)) for unit, day in _rows(openings)), {check: chosen for check, (_id, chosen) in latest.items()})


def _rows(text: str | None) -> list[list[str]]:
    return [row.split(_FIELD) for row in text.split(_SEPARATOR)] if text else []
