"""Pages of whole papers: scores, reliability and items of one blueprint; and what was gained from pre-test to final exam."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import abort
from sqlalchemy import func, select

from courses import queries as courses
from courses.models import Enrolment
from foundation import content
from foundation.db import db
from foundation.permissions import Actor, Permission
from quizzes.models import Attempt, Closure, PaperForm, Sitting
from quizzes.queries.attempts import blueprint_version, item_version
from quizzes.queries.observed import ALL, Given, Observed, Paper, Selection, ended, instruments, observe, totals, without_collector
from quizzes.queries.pages import bar_of
from quizzes.queries.parts import exam_bar
from quizzes.queries.practice import objective_texts
from quizzes.queries.statistics import Choice, ItemRow, blueprint_titles, cohort_choices, item_rows, within_scope
from quizzes.rules.areas import title_of
from quizzes.rules.statistics import LEAST_SHOWN, Figure, Gain, Reliability, Summary, alpha, gain, histogram, near, nested, summary

BINS = 10


# ── which papers there are ───────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class FormLine:
    """A blueprint with the papers that have ended. `last_at`: of the latest."""

    key: str
    title: dict[str, str]
    purpose: str
    papers: int
    last_at: datetime


def form_lines(actor: Actor) -> tuple[FormLine, ...]:
    """Every blueprint that was sat in the asker's cohorts: exams first, then the latest."""
    selection = within_scope(Selection(ALL), actor)
    rows = db.session.execute(
        select(Attempt.blueprint_key, Attempt.purpose, func.count(), func.max(Closure.closed_at))
        .join(Closure, Closure.attempt_id == Attempt.id).join(Enrolment, Enrolment.id == Attempt.enrolment_id).where(*ended(selection))
        .group_by(Attempt.blueprint_key, Attempt.purpose)).all()
    titles = blueprint_titles({row[0] for row in rows})
    lines = [FormLine(key, titles[key], purpose, count, last) for key, purpose, count, last in rows]
    return tuple(sorted(lines, key=lambda line: (ALL.index(line.purpose), line.key)))


# ── one blueprint ────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class FormView:
    """Papers that are comparable: one fixed form, everybody with the same items, or papers drawn for each person.

    Scores in points of `marks`; the bar likewise, None where there is none or cohorts differ. `left_out`: papers that were
    not complete (an answer still to be marked, or fewer items than most).
    """

    kind: str                            # form | same | own
    label: str                           # A, B, C … of a fixed form
    place: str
    opened_at: datetime | None
    zone: str
    marks: Decimal
    summary: Summary
    bins: tuple[int, ...]
    bar: float | None
    below: int | None
    reliability: Reliability
    sem: float | None                    # in points
    near: Figure
    left_out: int
    cohorts: int
    first_on: date
    last_on: date


@dataclass(frozen=True)
class FormPage:
    key: str
    title: dict[str, str]
    purpose: str
    minutes: int
    items: int
    selection: Selection
    forms: tuple[FormView, ...]
    rows: tuple[ItemRow, ...]
    answers: int
    blank: int
    last_day: date | None
    cohorts: tuple[Choice, ...]
    sittings: tuple[SittingChoice, ...]


@dataclass(frozen=True)
class SittingChoice:
    id: int
    opens_at: datetime
    place: str
    cohort: dict[str, str]
    zone: str


@without_collector()
def form_page(blueprint_key: str, selection: Selection, actor: Actor) -> FormPage:
    """Scores and reliability of a blueprint's papers, form by form. 404 for an unknown blueprint or another's cohort or sitting."""
    selection = within_scope(selection, actor)
    version_id = content.current_ids("blueprint", include_retired=True).get(blueprint_key) or abort(404)
    blueprint = blueprint_version(version_id)
    sittings = _sittings(blueprint_key, actor)
    if selection.sitting_id is not None and selection.sitting_id not in {sitting.id for sitting in sittings}:
        abort(404)
    observed = observe(selection)
    rows = sorted(item_rows(observed), key=lambda row: (row.area, row.key))
    return FormPage(
        blueprint_key, {"zh": blueprint.title.zh, "en": blueprint.title.en}, blueprint.purpose, blueprint.minutes, blueprint.items, selection,
        _forms(observed, blueprint_key, _cohorts(observed, actor)),
        tuple(rows), len(observed.given), observed.blank, observed.last_day, cohort_choices(actor), sittings)


def _sittings(blueprint_key: str, actor: Actor) -> tuple[SittingChoice, ...]:
    cohorts = {cohort.id: cohort for cohort in courses.visible_cohorts(actor, Permission.EDIT_ITEMS)}
    rows = db.session.execute(
        select(Sitting.id, Sitting.opens_at, Sitting.place, Sitting.cohort_id)
        .where(Sitting.blueprint_key == blueprint_key, Sitting.cancelled_at.is_(None), Sitting.cohort_id.in_(cohorts))
        .order_by(Sitting.opens_at.desc()).limit(100))
    return tuple(SittingChoice(id_, opens_at, place, cohorts[cohort_id].name, cohorts[cohort_id].zone) for id_, opens_at, place, cohort_id in rows)


Group = tuple[str, str]


def _forms(observed: Observed, blueprint_key: str, cohorts: dict[int, courses.CohortView]) -> tuple[FormView, ...]:
    """The papers, put together by fixed form (one paper sat by several cohorts is one form); others by the blueprint's version."""
    whole = totals(observed.given, measuring=False)
    papers = [paper for paper in observed.papers.values() if whole.get(paper.id, (0.0, 0.0))[1] > 0]
    fixed = _fixed({paper.form_id for paper in papers if paper.form_id is not None})
    groups: dict[Group, list[Paper]] = defaultdict(list)
    for paper in papers:
        form = fixed.get(paper.form_id or 0)
        groups[("form", form.paper_hash) if form else ("own", str(paper.blueprint_version_id))].append(paper)
    by_paper = observed.by_paper()
    bars = {id_: _bar(cohort, blueprint_key) for id_, cohort in cohorts.items()}
    found = []
    for group in groups.values():
        forms = [fixed[id_] for id_ in sorted({paper.form_id for paper in group if paper.form_id in fixed})]
        found.append(_form(group, by_paper, whole, {bars[paper.cohort_id] for paper in group}, forms, cohorts[group[0].cohort_id].zone))
    return tuple(sorted(found, key=lambda form: (form.kind == "own", form.first_on, form.label)))


def _fixed(form_ids: Collection[int]) -> dict[int, Any]:
    """Form id → its label, paper and sitting."""
    if not form_ids:
        return {}
    rows = db.session.execute(
        select(PaperForm.id, PaperForm.label, PaperForm.paper_hash, Sitting.place, Sitting.opens_at).join(Sitting, Sitting.id == PaperForm.sitting_id)
        .where(PaperForm.id.in_(form_ids)))
    return {row.id: row for row in rows}


def _cohorts(observed: Observed, actor: Actor) -> dict[int, courses.CohortView]:
    """The cohorts of the papers, in one select (beyond the latest 200, one each)."""
    visible = {cohort.id: cohort for cohort in courses.visible_cohorts(actor, Permission.EDIT_ITEMS)}
    return {id_: visible.get(id_) or courses.get_cohort(id_) for id_ in sorted({paper.cohort_id for paper in observed.papers.values()})}


def _bar(cohort: courses.CohortView, blueprint_key: str) -> Decimal | None:
    """The bar 0..100 of a paper in a cohort: of its gate or activity; for the written exam, of the cohort's scheme."""
    programme = courses.programme_of(cohort)
    bar = bar_of(programme, blueprint_key)
    if bar is not None:
        return bar.points
    return exam_bar(cohort) if programme.assessment.written_exam.blueprint == blueprint_key else None


def _form(papers: Sequence[Paper], by_paper: dict[int, list[Given]], whole: dict[int, tuple[float, float]], bars: set[Decimal | None],
          forms: Sequence[Any], zone: str) -> FormView:
    marks = blueprint_version(papers[0].blueprint_version_id).marks
    scores = [whole[paper.id][0] / whole[paper.id][1] * marks for paper in papers]
    measuring = [sorted((one for one in by_paper[paper.id] if one.measures), key=lambda one: one.item_key) for paper in papers]
    kind, reliability, left_out = _reliability(measuring, bool(forms))
    # of papers of one's own it is the standard error of the mean fraction
    sem = None if reliability.sem is None else reliability.sem * (marks if kind == "own" else 1)
    percent = next(iter(bars)) if len(bars) == 1 else None
    bar = None if percent is None else float(percent) * marks / 100
    shown = summary(scores)
    is_shown = shown.n >= LEAST_SHOWN
    days = [paper.day for paper in papers]
    return FormView(
        kind, ", ".join(sorted({form.label for form in forms})), forms[0].place if len(forms) == 1 else "",
        forms[0].opens_at if len(forms) == 1 else None, zone, Decimal(marks), shown,
        histogram(scores, marks, BINS) if is_shown else (), bar, sum(score < bar - 1e-9 for score in scores) if bar is not None and is_shown else None,
        reliability, sem, near(scores, bar, sem) if bar is not None and sem is not None else Figure(len(scores), why="few"), left_out,
        len({paper.cohort_id for paper in papers}), min(days), max(days))


def _reliability(papers: Sequence[Sequence[Given]], is_fixed: bool) -> tuple[str, Reliability, int]:
    """(form | same | own, reliability, papers left out). Papers with the same items go by alpha, others by ICC(1,k)."""
    shapes = Counter(tuple(one.item_key for one in paper) for paper in papers)
    common, count = max(shapes.items(), key=lambda entry: (entry[1], len(entry[0]), entry[0]))
    if is_fixed or (count > 1 and count * 2 > len(papers)):
        complete = [paper for paper in papers if tuple(one.item_key for one in paper) == common]
        return "form" if is_fixed else "same", alpha([[one.mark for one in paper] for paper in complete]), len(papers) - len(complete)
    size, _count = max(Counter(len(paper) for paper in papers).items(), key=lambda entry: (entry[1], entry[0]))
    complete = [paper for paper in papers if len(paper) == size]
    return "own", nested([[one.fraction for one in paper] for paper in complete]), len(papers) - len(complete)


# ── from pre-test to final exam ──────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class GainLine:
    """What one objective (or area, or everything) gained. `items`: different items before and after."""

    key: str
    text: dict[str, str]
    gain: Gain
    items_before: int
    items_after: int


@dataclass(frozen=True)
class GainPage:
    selection: Selection
    cohorts: tuple[Choice, ...]
    pairs: int
    only_before: int
    only_after: int
    whole: GainLine
    areas: tuple[GainLine, ...]
    objectives: tuple[GainLine, ...]
    unmatched: int                       # objectives asked only before, or only after
    last_day: date | None


Answered = dict[int, dict[str, list[Given]]]        # enrolment → objective → answers


@without_collector()
def gain_page(selection: Selection, actor: Actor) -> GainPage:
    """Pairs of the same trainee: the pre-test, and the first sitting of the written exam. 404 for another's cohort.

    Without a cohort: all cohorts of the asker's scope, for which enrolments are paired within each cohort.
    """
    selection = within_scope(selection, actor)
    observed = observe(selection)
    objective_of = {(instrument.item_key, one): instrument.item.objective for listed in instruments(observed).values() for instrument in listed
                    for one in instrument.slots}
    first = _first_papers(observed)
    before: Answered = defaultdict(lambda: defaultdict(list))
    after: Answered = defaultdict(lambda: defaultdict(list))
    areas: dict[str, str] = {}
    for one in observed.given:
        if not one.measures or first.get((one.paper.enrolment_id, one.paper.purpose == "exam")) != one.paper.id:
            continue
        objective = objective_of[(one.item_key, one.slot_id)]
        areas.setdefault(objective, item_version(one.version_id).content_area)
        (after if one.paper.purpose == "exam" else before)[one.paper.enrolment_id][objective].append(one)
    both = sorted(before.keys() & after.keys())
    texts = objective_texts()
    asked_before = {objective for id_ in both for objective in before[id_]}
    asked_after = {objective for id_ in both for objective in after[id_]}
    common = asked_before & asked_after
    lines = [_line(objective, texts.get(objective, {"zh": objective, "en": objective}), [objective], both, before, after) for objective in sorted(common)]
    by_area: dict[str, set[str]] = defaultdict(set)
    for objective in asked_before | asked_after:
        by_area[areas[objective]].add(objective)
    return GainPage(
        selection, cohort_choices(actor), len(both), len(before.keys() - after.keys()), len(after.keys() - before.keys()),
        _line("", {"zh": "", "en": ""}, asked_before | asked_after, both, before, after),
        tuple(line for area in sorted(by_area) if (line := _line(area, title_of(area), by_area[area], both, before, after)).gain.n),
        tuple(sorted((line for line in lines if line.gain.n), key=lambda line: (line.gain.gain.value is None, line.gain.gain.value or 0.0, line.key))),
        len(asked_before ^ asked_after), observed.last_day)


def _first_papers(observed: Observed) -> dict[tuple[int, bool], int]:
    """(enrolment, is it the exam) → the attempt that counts: the earliest."""
    found: dict[tuple[int, bool], int] = {}
    for paper in observed.papers.values():
        place = (paper.enrolment_id, paper.purpose == "exam")
        found[place] = min(found.get(place, paper.id), paper.id)
    return found


def _line(key: str, text: dict[str, str], objectives: Collection[str], both: Sequence[int], before: Answered, after: Answered) -> GainLine:
    pairs = []
    seen: tuple[set[str], set[str]] = (set(), set())
    for id_ in both:
        then = [one for objective in objectives for one in before[id_].get(objective, ())]
        now = [one for objective in objectives for one in after[id_].get(objective, ())]
        if then and now:
            pairs.append((_share(then), _share(now)))
            seen[0].update(one.item_key for one in then)
            seen[1].update(one.item_key for one in now)
    return GainLine(key, text, gain(pairs), len(seen[0]), len(seen[1]))


def _share(given: Sequence[Given]) -> float:
    """Marks earned of marks possible."""
    return sum(one.mark for one in given) / sum(one.possible for one in given)
