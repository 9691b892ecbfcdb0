"""The drawer beside the results board: one trainee's verdict, what each component rests on, and what was decided before."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from courses import queries as courses
from courses.models import CohortPin
from courses.queries import CohortView, EnrolmentView
from foundation import content
from foundation.db import canonical_json, db
from training.assessment.queries.standings import DecisionView, ExtensionView, Standing, hash_of
from training.assessment.rules import deadlines
from training.assessment.rules.scheme import ComponentResult, edges_of, shown
from training.grading.queries import PerformanceFact


@dataclass(frozen=True)
class ExamLine:
    """One sitting of the written exam. `counts` where the component rests on it."""

    number: int
    shown: str
    is_open: bool
    performed_at: datetime | None
    counts: bool


@dataclass(frozen=True)
class PerformanceLine:
    """One station or case: who rated it with which mark, how far they differ, and where it stands."""

    title: Any
    shown: str
    state: str
    performed_at: datetime | None
    raters: tuple[tuple[str, str], ...]
    gap: str
    red_line: str
    counts: bool


@dataclass(frozen=True)
class PresenceLine:
    """Attendance in minutes and the two levels as percent; None where not set."""

    attended: int
    planned: int
    excused: int
    unmarked: int
    future: int
    discussion: Decimal | None
    group_contribution: Decimal | None


@dataclass(frozen=True)
class EvidenceLine:
    """One component in the trail. `line` kinds by `kind`: exam, stations, case, participation."""

    result: ComponentResult
    kind: str
    exams: tuple[ExamLine, ...] = ()
    performances: tuple[PerformanceLine, ...] = ()
    presence: PresenceLine | None = None


@dataclass(frozen=True)
class EvidencePage:
    """What a reviewer reads before confirming. `separation` is 'own', 'rated' or '' for this reader; `seen` travels with the
    confirm form, so that a stale board can be answered with both versions."""

    enrolment: EnrolmentView
    cohort: CohortView
    standing: Standing
    lines: tuple[EvidenceLine, ...]
    decisions: tuple[DecisionView, ...]
    extensions: tuple[tuple[ExtensionView, object, date], ...]
    separation: str
    seen: str

    @property
    def verdict_text(self) -> dict[str, str]:
        return {"zh": self.standing.verdict.zh, "en": self.standing.verdict.en}


def _figure(value: Decimal) -> str:
    return shown(value, ())


def _titles(cohort: CohortView) -> dict[tuple[str, str], Any]:
    """(kind, key) → title of every station and case this cohort pinned, in one select."""
    rows = db.session.execute(
        select(CohortPin.kind, CohortPin.key, CohortPin.version_id).where(CohortPin.cohort_id == cohort.id, CohortPin.kind.in_(("station", "case"))))
    return {(row.kind, row.key): content.version(row.version_id).body["title"] for row in rows}


def _performances(titles: dict[tuple[str, str], Any], kind: str, facts: Iterable[PerformanceFact], result: ComponentResult, edges: tuple[Decimal, ...],
                  rests_on: frozenset[int]) -> tuple[PerformanceLine, ...]:
    lines = []
    for fact in facts:
        marks = [mark for _name, mark in fact.rater_marks]
        state = "red_line" if fact.red_line == "raised" and fact.state == "complete" else fact.state
        lines.append(PerformanceLine(
            titles.get((kind, fact.content_key), fact.content_key), "" if fact.mark is None else shown(fact.mark, edges), state,
            fact.performed_at, tuple((name, shown(mark, edges)) for name, mark in fact.rater_marks),
            _figure(max(marks) - min(marks)) if len(set(marks)) > 1 else "", fact.red_line, fact.performance_id in rests_on))
    return tuple(lines)


def evidence(enrolment: EnrolmentView, cohort: CohortView, standing: Standing, reader_id: int) -> EvidencePage:
    """The drawer of one trainee for one reader."""
    lines, titles = [], _titles(cohort)
    for result, told in zip(standing.verdict.results, standing.evidence["components"], strict=True):
        kind = result.component.evidence.kind
        edges, rests_on = edges_of(standing.scheme, result.component), frozenset(told["rests_on"])
        if kind == "exam":
            lines.append(EvidenceLine(result, kind, exams=tuple(
                ExamLine(fact.number, "" if fact.score is None or fact.is_open else shown(fact.score, edges), fact.is_open, fact.performed_at,
                         fact.attempt_id in rests_on)
                for fact in standing.sources.exams)))
        elif kind == "participation":
            presence = standing.presence()
            lines.append(EvidenceLine(result, kind, presence=PresenceLine(
                presence.attended, presence.attended + presence.lost + presence.future, presence.excused, presence.unmarked, presence.future,
                None if presence.discussion is None else presence.discussion * 100,
                None if presence.group_contribution is None else presence.group_contribution * 100)))
        else:
            facts = standing.sources.stations if kind == "stations" else standing.sources.cases
            lines.append(EvidenceLine(result, kind, performances=_performances(
                titles, "station" if kind == "stations" else "case", facts, result, edges, rests_on)))
    separation = "own" if standing.person_id == reader_id else "rated" if reader_id in standing.judges else ""
    extensions = tuple((extension, standing.scheme.component(extension.component).title, deadlines.last_day(extension.until, cohort.zone))
                       for extension in standing.extensions)
    return EvidencePage(enrolment, cohort, standing, tuple(lines), standing.decisions, extensions, separation, canonical_json(standing.evidence))


# ── a stale board ────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Difference:
    """One component as the reviewer saw it and as it stands now. Shown figures; standings as their codes."""

    title: Any
    seen_shown: str
    seen_standing: str
    now_shown: str
    now_standing: str

    @property
    def differs(self) -> bool:
        return (self.seen_shown, self.seen_standing) != (self.now_shown, self.now_standing)


@dataclass(frozen=True)
class StalePage:
    """Both versions, after a confirmation was refused because facts had changed. `seen` is None where the page did not say
    what it showed (or what it says does not fit the hash it sent)."""

    enrolment: EnrolmentView
    cohort: CohortView
    standing: Standing
    seen: dict[str, Any] | None
    differences: tuple[Difference, ...]


def read_seen(text: str, expected_hash: str) -> dict[str, Any] | None:
    """What a form says its page showed, believed only where it has the hash the form sent."""
    try:
        told = json.loads(text)
    except ValueError:
        return None
    return told if isinstance(told, dict) and hash_of(told) == expected_hash else None


def stale_page(enrolment: EnrolmentView, standing: Standing, seen: str, expected_hash: str) -> StalePage:
    """Both versions side by side. `standing` is what StaleEvidence carries; `seen` and `expected_hash` are the form's."""
    told = read_seen(seen, expected_hash)
    before = {component["key"]: component for component in told["components"]} if told else {}
    differences = []
    for result in standing.verdict.results:
        was = before.get(result.key, {})
        differences.append(Difference(result.component.title, str(was.get("shown", "")), str(was.get("standing", "")), result.shown, result.standing))
    return StalePage(enrolment, courses.get_cohort(enrolment.cohort_id), standing, told, tuple(differences))
