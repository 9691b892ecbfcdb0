"""What a trainee may see of the own standing: marks of exam, stations and cases only once a result is released.

Before that the page says what was performed and what is still to be done; attendance and levels are the trainee's to see
at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from courses import queries as courses
from courses.queries import CohortView, EnrolmentView
from courses.rules.outline import Programme
from foundation import clock
from training.assessment.queries.evidence import PresenceLine
from training.assessment.queries.standings import (
    DecisionView,
    EntryView,
    ExtensionView,
    Standing,
    band_worth_telling,
    decisions_of,
    extensions_of,
    resit_opens,
    scheme_version,
    standings_in,
)
from training.assessment.rules import deadlines, reach
from training.assessment.rules.reach import Reach
from training.assessment.rules.scheme import Band, Component, ComponentResult, Scheme, StationsEvidence, bar_of, edges_of, resit_is_open, shown

LITTLE = Decimal(5)
OUT_OF_REACH = frozenset({"below_final", "overdue", "gone"})


@dataclass(frozen=True)
class StandingRow:
    """One component as its trainee sees it.

    `status`: open | running | partly | handed_in | late | overdue | met | below_resit | below_final | resit_handed_in, and
    for participation under way on_course | little | gone. `reach` is percent of the component, `figures` the same as points
    of the total (secured, possible, lost). `shown` is the released score, '' before. `due_on`, `resit_by`: last days in the
    cohort's zone. `activity`: (kind, ref) to go to.
    """

    key: str
    kind: str
    title: object
    weight: Decimal
    bar: Decimal
    band: Band | None
    status: str
    reach: Reach
    figures: tuple[str, str, str]
    shown: str
    has_red_line: bool
    done: int
    needed: int
    due_on: date
    is_extended: bool
    resit_from: date | None
    resit_by: date | None
    cap: Decimal
    presence: PresenceLine | None
    activity: tuple[str, str] | None

    @property
    def is_out_of_reach(self) -> bool:
        return self.status in OUT_OF_REACH


@dataclass(frozen=True)
class StandingPage:
    """A trainee's standing per component, with the whole in points of 100 (`figures`: secured, possible, lost). `released` is the result the trainee may read.

    `summary`: met (all bars, released) | resit | failed | reachable | out_of_reach.
    """

    enrolment_id: int
    rows: tuple[StandingRow, ...]
    figures: tuple[str, str, str]
    best: str
    summary: str
    out_of_reach: int
    scheme_title: object
    scheme_version: int
    zone: str
    as_of: datetime
    due_on: date
    released: DecisionView | None
    released_band: Band | None
    honoured_band: object


def _status(result: ComponentResult, entry: EntryView | None, standing: Standing, now: datetime) -> str:
    """Where a component stands in words the trainee may read; see StandingRow."""
    fact = result.fact
    if entry is not None and entry.score is not None:
        if entry.meets_bar:
            return "met"
        if fact.attempt > entry.attempt:
            return "resit_handed_in"
        return "below_resit" if resit_is_open(result.component, fact, result.terms, now) else "below_final"
    if result.standing == "overdue":
        return "late" if result.is_late else "overdue"
    if result.component.evidence.kind == "exam" and any(sitting.is_open for sitting in standing.sources.exams):
        return "running"
    if result.standing == "not_performed":
        return "partly" if _stations_done(result.component, standing) else "open"
    return "handed_in"


def _stations_done(component: Component, standing: Standing) -> int:
    if not isinstance(component.evidence, StationsEvidence):
        return 0
    return len({fact.content_key for fact in standing.sources.stations if fact.state != "not_performed"})


def _reach(status: str, component: Component, entry: EntryView | None, standing: Standing) -> Reach:
    if entry is not None and entry.score is not None:
        return reach.scored(entry.score, component.resit.cap if status in ("below_resit", "resit_handed_in") else None)
    if status in ("overdue", "late"):
        return reach.forfeited()
    if component.evidence.kind == "participation":
        return reach.participation(component, standing.presence())
    return reach.undecided()


def _figures(points: tuple[Decimal, Decimal, Decimal]) -> tuple[str, str, str]:
    return shown(points[0], ()), shown(points[1], ()), shown(points[2], ())


def _course(best: Decimal, bar: Decimal) -> str:
    if best < bar:
        return "gone"
    return "little" if best - bar < LITTLE else "on_course"


def _activity(component: Component, status: str, programme: Programme, standing: Standing) -> tuple[str, str] | None:
    """Where the trainee goes to perform the component, while it is to be performed; a resit is arranged by the department."""
    if status not in ("open", "running"):
        return None
    if component.evidence.kind == "exam":
        return ("quiz", programme.assessment.written_exam.blueprint)
    if component.evidence.kind == "case" and programme.assessment.case_analysis.cases:
        begun = [fact.content_key for fact in standing.sources.cases if fact.state == "not_performed"]
        done = {fact.content_key for fact in standing.sources.cases}
        fresh = [key for key in programme.assessment.case_analysis.cases if key not in done]
        return ("case", (begun or fresh or list(programme.assessment.case_analysis.cases))[0])
    return None


def _row(result: ComponentResult, standing: Standing, released: DecisionView | None, programme: Programme, cohort: CohortView, now: datetime) -> StandingRow:
    component, scheme = result.component, standing.scheme
    entry = released.entry(component.key) if released else None
    status = _status(result, entry, standing, now)
    found = _reach(status, component, entry, standing)
    bar = bar_of(scheme, component.hurdle)
    if component.evidence.kind == "participation" and (entry is None or entry.score is None) and status in ("open", "handed_in"):
        status = _course(found.best, bar)
    presence = standing.presence()
    told = standing.decisions[:standing.decisions.index(released) + 1] if released else ()
    opens = resit_opens(component.key, told, scheme, cohort.zone) if status == "below_resit" else None
    return StandingRow(
        component.key, component.evidence.kind, component.title, component.weight, bar, scheme.band(component.hurdle.band) if component.hurdle.band else None,
        status, found, _figures(found.points(component.weight)), entry.shown if entry else "",
        entry is not None and entry.has_red_line, _stations_done(component, standing),
        component.evidence.stations_min if isinstance(component.evidence, StationsEvidence) else 1, deadlines.last_day(result.terms.deadline, cohort.zone),
        result.terms.is_extended, deadlines.day_of(opens, cohort.zone) if opens else None,
        deadlines.last_day(result.terms.resit_until, cohort.zone) if status == "below_resit" and result.terms.resit_until else None, component.resit.cap,
        PresenceLine(presence.attended, presence.attended + presence.lost + presence.future, presence.excused, presence.unmarked, presence.future,
                     None if presence.discussion is None else presence.discussion * 100,
                     None if presence.group_contribution is None else presence.group_contribution * 100)
        if component.evidence.kind == "participation" else None,
        _activity(component, status, programme, standing))


def _only_open(rows: tuple[StandingRow, ...], enrolment: EnrolmentView, cohort: CohortView, programme: Programme) -> tuple[StandingRow, ...]:
    """The same rows, pointing to activities only where their unit is open to the trainee."""
    if not any(row.activity for row in rows):
        return rows
    open_units = {state.unit.key for state in courses.unit_states_of(enrolment, cohort) if state.is_open}

    def is_open(activity: tuple[str, str]) -> bool:
        unit = programme.unit_of(*activity)
        return unit is not None and unit.key in open_units and not any(
            a.planned for a in unit.activities if (a.kind, a.ref) == activity)

    return tuple(row if row.activity is None or is_open(row.activity) else replace(row, activity=None) for row in rows)


def _summary(rows: tuple[StandingRow, ...], released: DecisionView | None) -> str:
    if released is not None and released.outcome == "pass":
        return "met"
    if any(row.is_out_of_reach or row.status == "late" for row in rows):
        return "failed" if released is not None and released.outcome == "fail" else "out_of_reach"
    return "resit" if released is not None and released.outcome == "resit" else "reachable"


def standing_page_in(enrolment: EnrolmentView, cohort: CohortView) -> StandingPage:
    """A trainee's own standing, where enrolment and cohort are at hand."""
    now = clock.now()
    standing = standings_in(cohort, {enrolment.id: enrolment.person_id}, now)[enrolment.id]
    released, programme, scheme = standing.released(now), courses.programme_of(cohort), standing.scheme
    rows = _only_open(tuple(_row(result, standing, released, programme, cohort, now) for result in standing.verdict.results), enrolment, cohort, programme)
    whole = reach.together((row.weight, row.reach) for row in rows)
    return StandingPage(
        enrolment.id, rows, _figures((whole.secured, whole.possible, whole.lost)), shown(whole.best, edges_of(scheme)), _summary(rows, released),
        sum(1 for row in rows if row.is_out_of_reach or row.status == "late"), scheme.title, standing.scheme_version, cohort.zone, now,
        deadlines.last_day(deadlines.deadline_of(scheme, cohort.ends_on, cohort.zone), cohort.zone), released,
        scheme.band(released.band) if released and released.band else None,
        band_worth_telling(scheme, released.outcome, released.band) if released else None)


def standing_page(enrolment_id: int) -> StandingPage:
    """A trainee's own standing by enrolment id. Raises LookupError for an unknown one."""
    enrolment = courses.find_enrolment(enrolment_id)
    if enrolment is None:
        raise LookupError(f"enrolment {enrolment_id} is unknown")
    return standing_page_in(enrolment, courses.get_cohort(enrolment.cohort_id))


@dataclass(frozen=True)
class OwnPage:
    """The trainee's assessment page: standing, extensions (with title and last day), every released result, the latest first."""

    enrolment: EnrolmentView
    cohort: CohortView
    standing: StandingPage
    results: tuple[DecisionView, ...]
    extensions: tuple[tuple[ExtensionView, object, date], ...]
    appeal_by: date | None


def own_page(enrolment: EnrolmentView) -> OwnPage:
    """Everything of the page /assessment for one trainee."""
    cohort = courses.get_cohort(enrolment.cohort_id)
    page = standing_page_in(enrolment, cohort)
    results = tuple(decision for decision in reversed(decisions_of([enrolment.id])[enrolment.id]) if decision.released_at <= page.as_of)
    titles = {row.key: row.title for row in page.rows}
    extensions = tuple((extension, titles[extension.component], deadlines.last_day(extension.until, cohort.zone))
                       for extension in extensions_of([enrolment.id])[enrolment.id])
    scheme, _version = scheme_version(cohort.scheme_version_id)
    appeal_by = deadlines.day_of(results[0].released_at, cohort.zone) + timedelta(days=scheme.appeal.within_days) if results else None
    return OwnPage(enrolment, cohort, page, results, extensions, appeal_by)


@dataclass(frozen=True)
class RulePage:
    """The assessment rule in words: the scheme as data, with the deadline it means for one cohort."""

    cohort: CohortView
    scheme: Scheme
    version: int
    due_on: date

    def bar(self, component: Component) -> Decimal:
        return bar_of(self.scheme, component.hurdle)


def rule_page(cohort: CohortView) -> RulePage:
    scheme, version = scheme_version(cohort.scheme_version_id)
    return RulePage(cohort, scheme, version, deadlines.last_day(deadlines.deadline_of(scheme, cohort.ends_on, cohort.zone), cohort.zone))
