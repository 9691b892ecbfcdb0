"""The results board: a cohort's trainees by components, with outcome, verdict and what is confirmed. One bounded page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from courses import queries as courses
from courses.queries import CohortView, EnrolmentView
from foundation import clock
from foundation.permissions import Actor, Permission
from training.assessment.queries.evidence import EvidencePage, evidence
from training.assessment.queries.standings import Standing, scheme_version, standings_in
from training.assessment.rules import deadlines
from training.assessment.rules.scheme import Component, Scheme, bar_of

PAGE_SIZE = 50
FILTERS = ("all", "ready", "pass", "resit", "fail", "pending")


@dataclass(frozen=True)
class BoardCell:
    """One component of one trainee: where it stands, its figure, and the bar it is drawn against (all percent)."""

    title: object
    standing: str
    shown: str
    have: Decimal
    bar: Decimal
    kind: str
    red_line: bool

    @property
    def is_low(self) -> bool:
        return self.standing.startswith("below")


@dataclass(frozen=True)
class BoardRow:
    enrolment: EnrolmentView
    cells: tuple[BoardCell, ...]
    total: str
    outcome: str
    honoured_band: object
    state: str
    has_moved: bool
    decision_number: int
    released_at: datetime | None


@dataclass(frozen=True)
class BoardPage:
    """A cohort's board as one reader sees it. `counts` by filter; `selected` is the drawer, None on an empty board."""

    cohort: CohortView
    scheme: Scheme
    scheme_version: int
    rows: tuple[BoardRow, ...]
    counts: dict[str, int]
    confirmed: int
    show: str
    search: str
    number: int
    pages: int
    deadline: datetime
    rating_due: datetime
    as_of: datetime
    selected: EvidencePage | None
    was_chosen: bool

    @property
    def closing(self) -> datetime:
        """The next limit that is still ahead, else the last one that passed."""
        return self.deadline if self.as_of < self.deadline else self.rating_due

    @property
    def closing_on(self) -> date:
        """The last day before `closing`, in the cohort's zone."""
        return deadlines.last_day(self.closing, self.cohort.zone)

    @property
    def time_left(self) -> tuple[int, int] | None:
        """(days, hours) until `closing`; None once it has passed."""
        left = self.closing - self.as_of
        return (left.days, left.seconds // 3600) if left.total_seconds() > 0 else None

    def bar(self, component: Component) -> Decimal:
        return bar_of(self.scheme, component.hurdle)


def _row(enrolment: EnrolmentView, standing: Standing) -> BoardRow:
    cells = tuple(
        BoardCell(result.component.title, result.standing, result.shown, result.score if result.score is not None else Decimal(0), result.bar,
                  result.component.evidence.kind, result.fact.red_line)
        for result in standing.verdict.results)
    verdict, latest = standing.verdict, standing.latest
    return BoardRow(enrolment, cells, verdict.total_shown, verdict.outcome, standing.honoured_band, standing.state,
                     standing.has_moved, latest.number if latest else 0, latest.released_at if latest else None)


def _matches(enrolment: EnrolmentView, search: str) -> bool:
    wanted = search.casefold()
    return wanted in enrolment.name.casefold() or wanted in enrolment.employee_no.casefold() or wanted in enrolment.org_unit.casefold()


def _belongs(standing: Standing, show: str) -> bool:
    return show == "all" or (standing.is_ready if show == "ready" else standing.verdict.outcome == show)


def board(cohort: CohortView, reader_id: int, show: str = "all", search: str = "", number: int = 1, person: int | None = None) -> BoardPage:
    """The board of a cohort. `show` is one of FILTERS, `search` a part of name, number or org unit, `person` an enrolment id.

    Without `person` the drawer shows the first that waits for confirmation, else the first of the page.
    """
    now = clock.now()
    scheme, version = scheme_version(cohort.scheme_version_id)
    members = courses.roster(cohort.id)
    standings = standings_in(cohort, {member.id: member.person_id for member in members}, now)
    show = show if show in FILTERS else "all"
    search = search.strip()
    counts = {name: sum(1 for member in members if _belongs(standings[member.id], name)) for name in FILTERS}
    listed = [member for member in members if _belongs(standings[member.id], show) and (not search or _matches(member, search))]
    pages = max(1, -(-len(listed) // PAGE_SIZE))
    number = min(max(number, 1), pages)
    shown_members = listed[(number - 1) * PAGE_SIZE:number * PAGE_SIZE]
    chosen = next((member for member in members if member.id == person), None)
    selected = chosen or next((member for member in shown_members if standings[member.id].is_ready), None) or next(iter(shown_members), None)
    return BoardPage(
        cohort, scheme, version, tuple(_row(member, standings[member.id]) for member in shown_members), counts,
        sum(1 for member in members if standings[member.id].state == "confirmed"), show, search, number, pages,
        deadlines.deadline_of(scheme, cohort.ends_on, cohort.zone), deadlines.rating_due(scheme, cohort.ends_on, cohort.zone), now,
        evidence(selected, cohort, standings[selected.id], reader_id) if selected else None, chosen is not None)


@dataclass(frozen=True)
class BoardSummary:
    """A cohort in the list of boards."""

    cohort: CohortView
    members: int
    due_on: date
    is_over: bool


def boards(actor: Actor) -> tuple[BoardSummary, ...]:
    """The cohorts whose results this reader reviews, the latest first."""
    cohorts = courses.visible_cohorts(actor, Permission.REVIEW)
    taken = courses.seats_taken([cohort.id for cohort in cohorts])
    return tuple(
        BoardSummary(cohort, taken.get(cohort.id, 0), deadlines.last_day(limit, cohort.zone), limit <= clock.now())
        for cohort in cohorts
        for limit in [deadlines.deadline_of(scheme_version(cohort.scheme_version_id)[0], cohort.ends_on, cohort.zone)])
