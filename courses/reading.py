"""The lesson page of one person in one select.

Everything that is the same for all readers of a cohort is rendered once (foundation.splice); what differs (what is
done, answers, tokens) comes from the one row read here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, String, bindparam, case, cast, func, literal, select

from courses.models import Cohort, CohortPin, Completion, Enrolment, GateWaiver, SelfCheckAnswer, UnitOpening
from courses.queries import CohortView, EnrolmentView, _cohort_view
from courses.rules.progress import CompletionFact, fold_completions
from foundation.content import ContentHead, ContentVersion
from foundation.hotread import HotRead
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


def _list_of(*columns: Any) -> Any:
    joined = columns[0]
    for column in columns[1:]:
        joined = joined.op("||")(_FIELD).op("||")(column)
    return func.aggregate_strings(joined, _SEPARATOR)


def _statement() -> Select[Any]:
    """The one select, built once on plain tables: the ORM's part in a query this hot is most of its cost."""
    enrolment, cohort, person, pin = Enrolment.__table__, Cohort.__table__, Person.__table__, CohortPin.__table__
    completion, waiver, opening, answer = Completion.__table__, GateWaiver.__table__, UnitOpening.__table__, SelfCheckAnswer.__table__
    version = ContentVersion.__table__
    head, glossary, sources = (ContentHead.__table__.alias(name) for name in ("head", "glossary", "sources"))
    completions = (select(_list_of(completion.c.kind, completion.c.ref, func.coalesce(cast(completion.c.fraction, String), "")))
                   .where(completion.c.enrolment_id == enrolment.c.id).scalar_subquery())
    waivers = select(_list_of(waiver.c.gate_key)).where(waiver.c.enrolment_id == enrolment.c.id).scalar_subquery()
    openings = select(_list_of(opening.c.unit_key, cast(opening.c.opens_on, String))).where(opening.c.cohort_id == cohort.c.id).scalar_subquery()
    answers = (select(_list_of(cast(answer.c.id, String), answer.c.check_key, cast(answer.c.chosen, String)))
               .where(answer.c.enrolment_id == enrolment.c.id, answer.c.lesson_key == head.c.key).scalar_subquery())
    version_id = case((pin.c.scoring_hash.is_(None) | (pin.c.scoring_hash == version.c.scoring_hash), head.c.version_id), else_=pin.c.version_id)
    return (
        select(enrolment.c.id, enrolment.c.cohort_id, enrolment.c.person_id, enrolment.c.mentor_id, person.c.name, person.c.employee_no, person.c.org_unit,
               person.c.position, enrolment.c.withdrawn_at, cohort.c.id, cohort.c.key, cohort.c.name_zh, cohort.c.name_en, cohort.c.programme_key,
               cohort.c.programme_version_id, cohort.c.scheme_version_id, cohort.c.starts_on, cohort.c.ends_on, cohort.c.zone, cohort.c.seats,
               cohort.c.row_version, version_id, func.coalesce(glossary.c.version_id, 0), func.coalesce(sources.c.version_id, 0), completions, waivers,
               openings, answers)
        .select_from(enrolment).join(person, person.c.id == enrolment.c.person_id).join(cohort, cohort.c.id == enrolment.c.cohort_id)
        .join(head, (head.c.kind == literal("lesson")) & (head.c.key == bindparam("lesson"))).join(version, version.c.id == head.c.version_id)
        .outerjoin(pin, (pin.c.cohort_id == cohort.c.id) & (pin.c.kind == literal("lesson")) & (pin.c.key == head.c.key))
        .outerjoin(glossary, (glossary.c.kind == literal("glossary")) & (glossary.c.key == literal("glossary")))
        .outerjoin(sources, (sources.c.kind == literal("sources")) & (sources.c.key == literal("sources")))
        .where(enrolment.c.person_id == bindparam("person"), enrolment.c.withdrawn_at.is_(None)).order_by(enrolment.c.id.desc()).limit(1)
    )


_QUERY = HotRead(_statement())


def find_reading(person_id: int, lesson_key: str) -> Reading | None:
    """The latest active enrolment of a person with everything its page of a lesson needs; None without one or for an unknown lesson."""
    rows = _QUERY.rows(person=person_id, lesson=lesson_key)
    if not rows:
        return None
    row = rows[0]
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
