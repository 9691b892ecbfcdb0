"""Where trainees stand: facts of exam, stations, case and participation gathered and judged, many trainees at once.

This is the view of those who judge and confirm. What a trainee may see before the release is `queries.own`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from courses import queries as courses
from courses.models import Cohort, Enrolment
from courses.queries import CohortView
from courses.rules.outline import Programme
from foundation import clock, content
from foundation.db import canonical_json, database_key, db
from foundation.people import Person
from foundation.yamlsource import Bilingual
from quizzes import queries as quizzes
from quizzes.queries import ExamFact
from training.assessment.models import Extension, ResultDecision, ResultEntry
from training.assessment.rules import deadlines, words
from training.assessment.rules.folds import Earlier, Folded, Judged, Presence, Sitting, fold_case, fold_exam, fold_participation, fold_stations
from training.assessment.rules.scheme import CaseEvidence, Component, ExamEvidence, Scheme, StationsEvidence, Terms, Verdict, bar_of, judge
from training.grading import queries as grading
from training.grading.queries import PerformanceFact
from training.participation import queries as participation
from training.participation.queries import ParticipationFact


@lru_cache(maxsize=64)
def _scheme(_database: str, version_id: int) -> Scheme:
    return Scheme.model_validate(content.version(version_id).body)


def scheme_version(version_id: int) -> tuple[Scheme, int]:
    """The scheme of a content version, parsed once per process, and its version number."""
    return _scheme(database_key(), version_id), content.version(version_id).number


def band_worth_telling(scheme: Scheme, outcome: str, band: str) -> Bilingual | None:
    """The title of a pass's band where it is above the lowest band a pass can have; "pass, pass" tells nothing."""
    return scheme.band(band).title if outcome == "pass" and band and band != "pass" else None


@dataclass(frozen=True)
class EntryView:
    """One component of a confirmed result, as it was confirmed."""

    component: str
    score: Decimal | None
    shown: str
    band: str
    meets_bar: bool
    performed_at: datetime | None
    attempt: int
    has_red_line: bool


@dataclass(frozen=True)
class DecisionView:
    """A confirmed result with its components, in the scheme's order."""

    id: int
    number: int
    scheme_version_id: int
    outcome: str
    total: Decimal | None
    total_shown: str
    band: str
    verdict: dict[str, str]
    evidence_hash: str
    confirmed_by_id: int
    confirmed_by: str
    confirmed_at: datetime
    released_at: datetime
    entries: tuple[EntryView, ...]

    def entry(self, component: str) -> EntryView | None:
        return next((entry for entry in self.entries if entry.component == component), None)


@dataclass(frozen=True)
class ExtensionView:
    """A later last moment for one component; `by` is the name of the person who granted it."""

    component: str
    until: datetime
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Sources:
    """The facts a standing rests on, as the parts below tell them."""

    exams: tuple[ExamFact, ...]
    stations: tuple[PerformanceFact, ...]
    cases: tuple[PerformanceFact, ...]
    participation: ParticipationFact


@dataclass(frozen=True)
class Standing:
    """One trainee judged by the cohort's scheme at one moment.

    `evidence` is what a reviewer decides on, `evidence_hash` its SHA-256: equal hashes mean equal facts. `judges` are
    those who may not confirm, because they rated, are asked to rate, or set a level.
    """

    enrolment_id: int
    person_id: int
    cohort_id: int
    scheme: Scheme
    scheme_version: int
    verdict: Verdict
    evidence: dict[str, Any]
    evidence_hash: str
    decisions: tuple[DecisionView, ...]
    extensions: tuple[ExtensionView, ...]
    judges: frozenset[int]
    sources: Sources

    @property
    def latest(self) -> DecisionView | None:
        return self.decisions[-1] if self.decisions else None

    @property
    def has_moved(self) -> bool:
        """Whether facts changed since the latest decision."""
        return self.latest is not None and self.latest.evidence_hash != self.evidence_hash

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to confirm: a pass stands, and so does any decision whose facts have not moved."""
        return self.latest is not None and (self.latest.outcome == "pass" or not self.has_moved)

    @property
    def is_ready(self) -> bool:
        """Whether an outcome waits for confirmation."""
        return self.verdict.outcome != "pending" and not self.is_settled

    @property
    def state(self) -> str:
        """confirmed | again (facts moved since) | resitting | ready | incomplete"""
        if self.is_settled:
            return "confirmed"
        if self.verdict.outcome == "pending":
            return "resitting" if self.latest is not None else "incomplete"
        return "again" if self.latest is not None else "ready"

    def released(self, now: datetime) -> DecisionView | None:
        """The latest decision the trainee may see at `now`."""
        return next((decision for decision in reversed(self.decisions) if decision.released_at <= now), None)

    @property
    def honoured_band(self) -> Bilingual | None:
        """The band of a pass that says more than "pass"."""
        return band_worth_telling(self.scheme, self.verdict.outcome, self.verdict.band)

    def presence(self) -> Presence:
        return presence_of(self.sources.participation)


def presence_of(fact: ParticipationFact) -> Presence:
    fold = fact.attendance
    return Presence(fold.attended, fold.lost, fold.future, fold.excused, fold.unmarked, fact.discussion, fact.group_contribution, fact.levels_at,
                    fact.last_session_at, fact.level_ids)


# ── decisions and extensions ─────────────────────────────────────────────────────────────────────────────────────
def decisions_of(enrolment_ids: Collection[int]) -> dict[int, tuple[DecisionView, ...]]:
    """Enrolment id → its confirmed results, the first one first; one select."""
    heads: dict[int, tuple[ResultDecision, str]] = {}
    entries: dict[int, list[EntryView]] = defaultdict(list)
    rows = db.session.execute(
        select(ResultDecision, Person.name, ResultEntry).join(Person, Person.id == ResultDecision.confirmed_by_id)
        .join(ResultEntry, ResultEntry.decision_id == ResultDecision.id).where(ResultDecision.enrolment_id.in_(enrolment_ids))
        .order_by(ResultDecision.enrolment_id, ResultDecision.number, ResultEntry.id))
    for decision, name, entry in rows:
        heads[decision.id] = (decision, name)
        entries[decision.id].append(EntryView(entry.component, entry.score, entry.shown, entry.band, entry.meets_bar, entry.performed_at,
                                              int(entry.evidence["attempt"]), bool(entry.evidence["red_line"])))
    found: dict[int, list[DecisionView]] = {id_: [] for id_ in enrolment_ids}
    for row, name in heads.values():
        found[row.enrolment_id].append(DecisionView(
            row.id, row.number, row.scheme_version_id, row.outcome, row.total, row.total_shown, row.band, {"zh": row.verdict_zh, "en": row.verdict_en},
            row.evidence_hash, row.confirmed_by_id, name, row.confirmed_at, row.released_at, tuple(entries[row.id])))
    return {id_: tuple(views) for id_, views in found.items()}


def extensions_of(enrolment_ids: Collection[int]) -> dict[int, tuple[ExtensionView, ...]]:
    """Enrolment id → its extensions, the earliest first; one select."""
    found: dict[int, list[ExtensionView]] = {id_: [] for id_ in enrolment_ids}
    rows = db.session.execute(
        select(Extension.enrolment_id, Extension.component, Extension.until, Extension.reason, Person.name, Extension.at)
        .join(Person, Person.id == Extension.by_id).where(Extension.enrolment_id.in_(found)).order_by(Extension.id))
    for row in rows:
        found[row.enrolment_id].append(ExtensionView(row.component, row.until, row.reason, row.name, row.at))
    return {id_: tuple(views) for id_, views in found.items()}


def _latest_extension(extensions: Sequence[ExtensionView], component: str) -> ExtensionView | None:
    return next((extension for extension in reversed(extensions) if extension.component == component), None)


def earlier_of(component: str, decisions: Sequence[DecisionView], extensions: Sequence[ExtensionView], scheme: Scheme, zone: str) -> Earlier:
    """What earlier decisions mean for a component: when each found it below its bar, and until when a resit is open."""
    below, window = [], None
    for decision in decisions:
        entry = decision.entry(component)
        if entry is None or entry.meets_bar or entry.score is None:
            continue
        below.append(decision.confirmed_at)
        if decision.outcome == "resit":
            window = deadlines.resit_window(scheme, scheme.component(component).resit.wait_days, decision.released_at, zone)[1]
            extension = _latest_extension(extensions, component)
            if extension is not None and extension.at > decision.confirmed_at:
                window = max(window, extension.until)
    return Earlier(tuple(below), window)


def resit_opens(component: str, decisions: Sequence[DecisionView], scheme: Scheme, zone: str) -> datetime | None:
    """The first moment of the resit the latest decision opened; None where it opened none for this component."""
    latest = decisions[-1] if decisions else None
    entry = latest.entry(component) if latest else None
    if latest is None or latest.outcome != "resit" or entry is None or entry.meets_bar:
        return None
    return deadlines.resit_window(scheme, scheme.component(component).resit.wait_days, latest.released_at, zone)[0]


def later_limits(enrolment_ids: Collection[int], component: str) -> dict[int, datetime]:
    """Enrolment id → a last moment later than the cohort's deadline: an extension, or the end of an open resit window.

    Handed to the parts below, which close what is still being written. Two selects.
    """
    ids = list(enrolment_ids)
    limits: dict[int, datetime] = {}
    for row in db.session.execute(
            select(Extension.enrolment_id, Extension.until).where(Extension.enrolment_id.in_(ids), Extension.component == component).order_by(Extension.id)):
        limits[row.enrolment_id] = row.until
    rows = db.session.execute(
        select(ResultDecision.enrolment_id, ResultDecision.released_at, Cohort.zone, Cohort.scheme_version_id)
        .join(ResultEntry, ResultEntry.decision_id == ResultDecision.id).join(Enrolment, Enrolment.id == ResultDecision.enrolment_id)
        .join(Cohort, Cohort.id == Enrolment.cohort_id)
        .where(ResultDecision.enrolment_id.in_(ids), ResultDecision.outcome == "resit", ResultEntry.component == component,
               ResultEntry.meets_bar.is_(False), ResultEntry.score.is_not(None)))
    for enrolment_id, released_at, zone, scheme_version_id in rows:
        scheme, _number = scheme_version(scheme_version_id)
        window = deadlines.resit_window(scheme, scheme.component(component).resit.wait_days, released_at, zone)[1]
        limits[enrolment_id] = max(window, limits.get(enrolment_id, window))
    return limits


grading.use_extensions(later_limits)


# ── gathering ────────────────────────────────────────────────────────────────────────────────────────────────────
def _judged(fact: PerformanceFact) -> Judged:
    return Judged(fact.performance_id, fact.content_key, fact.number, fact.performed_at, fact.mark, fact.state, fact.raters, fact.red_line)


def _fold(component: Component, scheme: Scheme, sources: Sources, earlier: Earlier, deadline: datetime, now: datetime) -> Folded:
    bar = bar_of(scheme, component.hurdle)
    if isinstance(component.evidence, ExamEvidence):
        sittings = [Sitting(fact.attempt_id, fact.number, fact.score, fact.is_open, fact.performed_at) for fact in sources.exams]
        return fold_exam(component, bar, sittings, earlier)
    if isinstance(component.evidence, StationsEvidence):
        return fold_stations(component, [_judged(fact) for fact in sources.stations], earlier)
    if isinstance(component.evidence, CaseEvidence):
        return fold_case(component, bar, [_judged(fact) for fact in sources.cases], earlier)
    return fold_participation(component, presence_of(sources.participation), earlier, deadline, now)


def _evidence(verdict: Verdict, folded: Mapping[str, Folded], scheme_version_id: int) -> dict[str, Any]:
    """What a reviewer sees and decides on, as plain JSON. Time limits are not in it: an extension alone changes no result."""
    return {
        "scheme": scheme_version_id, "outcome": verdict.outcome, "total": verdict.total_shown, "band": verdict.band,
        "components": [
            {"key": result.key, "standing": result.standing, "shown": result.shown, "score": None if result.score is None else format(result.score, "f"),
             "performed_at": result.fact.performed_at.isoformat() if result.fact.performed_at else None, "red_line": result.fact.red_line,
             "attempt": result.fact.attempt, "rests_on": list(folded[result.key].evidence)}
            for result in verdict.results],
    }


def hash_of(evidence: dict[str, Any]) -> str:
    """SHA-256 of the canonical evidence, in hex."""
    return hashlib.sha256(canonical_json(evidence).encode()).hexdigest()


def standings_in(cohort: CohortView, people: Mapping[int, int], now: datetime | None = None) -> dict[int, Standing]:
    """Standings of trainees of one cohort; `people` maps enrolment id → person id. A fixed number of selects."""
    if not people:
        return {}
    now = now or clock.now()
    ids = list(people)
    programme: Programme = courses.programme_of(cohort)
    exams = quizzes.exam_facts(ids, programme.assessment.written_exam.blueprint)
    stations = grading.performance_facts(ids, "station", programme.assessment.skill_demonstration.stations)
    cases = grading.performance_facts(ids, "case", programme.assessment.case_analysis.cases)
    present = participation.participation_facts(ids)
    raters, setters = grading.raters_of(ids), participation.level_setters_of(ids)
    decisions, extensions = decisions_of(ids), extensions_of(ids)
    return {
        id_: _judged_standing(cohort, id_, people[id_], Sources(tuple(exams.get(id_, ())), tuple(stations.get(id_, ())), tuple(cases.get(id_, ())),
                                                               present[id_]),
                              decisions[id_], extensions[id_], raters.get(id_, frozenset()) | setters.get(id_, frozenset()), now)
        for id_ in ids}


def _judged_standing(cohort: CohortView, id_: int, person_id: int, sources: Sources, decisions: tuple[DecisionView, ...],
                     extensions: tuple[ExtensionView, ...], judges: frozenset[int], now: datetime) -> Standing:
    """One trainee's facts judged by the cohort's scheme."""
    scheme, number = scheme_version(cohort.scheme_version_id)
    deadline = deadlines.deadline_of(scheme, cohort.ends_on, cohort.zone)
    folded, terms = {}, {}
    for component in scheme.components:
        extension = _latest_extension(extensions, component.key)
        limit = max(deadline, extension.until) if extension else deadline
        earlier = earlier_of(component.key, decisions, extensions, scheme, cohort.zone)
        folded[component.key] = _fold(component, scheme, sources, earlier, limit, now)
        terms[component.key] = Terms(limit, extension is not None, earlier.resit_until)
    verdict = words.verdict(scheme, judge(scheme, {key: f.fact for key, f in folded.items()}, terms, now, number), cohort.zone)
    evidence = _evidence(verdict, folded, cohort.scheme_version_id)
    return Standing(id_, person_id, cohort.id, scheme, number, verdict, evidence, hash_of(evidence), decisions, extensions, judges, sources)


def _people_by_cohort(enrolment_ids: Collection[int]) -> dict[int, dict[int, int]]:
    rows = db.session.execute(select(Enrolment.id, Enrolment.person_id, Enrolment.cohort_id).where(Enrolment.id.in_(enrolment_ids)))
    by_cohort: dict[int, dict[int, int]] = defaultdict(dict)
    for id_, person_id, cohort_id in rows:
        by_cohort[cohort_id][id_] = person_id
    return by_cohort


def standings(enrolment_ids: Collection[int]) -> dict[int, Standing]:
    """Enrolment id → standing, of trainees of any cohorts (a fixed number of selects a cohort). For staff, not for trainees."""
    found: dict[int, Standing] = {}
    for cohort_id, people in _people_by_cohort(enrolment_ids).items():
        found |= standings_in(courses.get_cohort(cohort_id), people)
    return found


def standings_if(exam_scores: Mapping[int, Decimal | None], enrolment_ids: Collection[int]) -> dict[int, tuple[Standing, Standing]]:
    """Enrolment id → (standing as it is, standing with other exam scores): attempt id → the score to judge by. What a hearing
    asks before a question is marked anew; nothing is written. No more selects than `standings`."""
    found: dict[int, tuple[Standing, Standing]] = {}
    now = clock.now()
    for cohort_id, people in _people_by_cohort(enrolment_ids).items():
        cohort = courses.get_cohort(cohort_id)
        for id_, standing in standings_in(cohort, people, now).items():
            exams = tuple(replace(fact, score=exam_scores[fact.attempt_id]) if fact.attempt_id in exam_scores else fact for fact in standing.sources.exams)
            found[id_] = standing, _judged_standing(cohort, id_, standing.person_id, replace(standing.sources, exams=exams), standing.decisions,
                                                    standing.extensions, standing.judges, now)
    return found


def standing_of(enrolment_id: int) -> Standing:
    """The standing of one trainee, for staff. Raises KeyError for an unknown enrolment."""
    return standings([enrolment_id])[enrolment_id]
