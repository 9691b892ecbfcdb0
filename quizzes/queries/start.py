"""The way into a paper: who may begin it when, and the page that says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask import abort

from courses import queries as courses
from courses.rules.progress import UnitState
from foundation.i18n import pick
from foundation.permissions import Actor
from quizzes.queries.attempts import attempts_of, blueprint_version, earned_of
from quizzes.queries.pages import Bar, bar_of
from quizzes.queries.parts import promised
from quizzes.queries.sittings import Admission, admission
from quizzes.rules.attempt import may_repeat
from quizzes.rules.scoring import shown_score


# ── the way in ───────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Entrance:
    """Whether a trainee may begin a paper. `admission` None: no sitting of it is planned, the course outline decides
    (`is_open`). `is_barred`: not in the programme, or a gate before it is not passed; then no window opens it either."""

    admission: Admission | None
    is_open: bool
    is_barred: bool
    state: UnitState | None


def entrance(enrolment: courses.EnrolmentView, ref: str, now: datetime) -> Entrance:
    cohort = courses.get_cohort(enrolment.cohort_id)
    unit = courses.programme_of(cohort).unit_of("quiz", ref)
    if unit is None or any(activity.planned for activity in unit.activities if (activity.kind, activity.ref) == ("quiz", ref)):
        return Entrance(None, False, True, None)
    state = next(state for state in courses.unit_states_of(enrolment, cohort) if state.unit.key == unit.key)
    return Entrance(admission(enrolment.id, cohort.id, ref, now), state.is_open, state.blocked_by is not None, state)


# ── the start page ───────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class AttemptLine:
    id: int
    number: int
    started_at: datetime
    state: str
    score: str                           # "" where nothing may be shown
    reached: bool | None                 # against the bar; None where there is none or nothing may be shown
    awaiting: bool = False               # people have still to mark answers of it


@dataclass(frozen=True)
class StartPage:
    ref: str
    title: str
    intro: str
    purpose: str
    items: int
    minutes: int
    marks: int
    zone: str
    unit_title: str
    unit_number: int
    is_open: bool
    opens_on: date | None
    blocked_by: str
    bar: Bar | None
    attempts: tuple[AttemptLine, ...]
    open_attempt_id: int | None
    may_start: bool
    promised: tuple[str, ...]            # what the result page will show at once: score, areas, objectives, key, feedback
    score_is_released: bool              # the score comes with the release of results
    planned: Admission | None = None     # the planned sitting through which I sit it
    one_way: bool = False
    sections: int = 0


def start_page(ref: str, actor: Actor, now: datetime) -> StartPage:
    """What a quiz is, whether it is open to me, and what I have done in it. 404 where my programme does not have it."""
    enrolment = courses.own_enrolment_or_404(actor)
    cohort = courses.get_cohort(enrolment.cohort_id)
    programme = courses.programme_of(cohort)
    unit = programme.unit_of("quiz", ref)
    if unit is None or any(activity.planned for activity in unit.activities if (activity.kind, activity.ref) == ("quiz", ref)):
        abort(404)
    way_in = entrance(enrolment, ref, now)
    planned, state = way_in.admission, way_in.state
    assert state is not None
    blueprint = blueprint_version(planned.blueprint_version_id if planned else courses.pinned(cohort.id, "blueprint", ref).id)
    activity = next(activity for activity in unit.activities if (activity.kind, activity.ref) == ("quiz", ref))
    is_open = not way_in.is_barred and (planned.state == "open" if planned else way_in.is_open)
    bar = bar_of(programme, ref)
    attempts = attempts_of(enrolment.id, ref)
    stands = earned_of(attempts, now)
    earned = stands if blueprint.review.opens == "after-submit" else {}
    lines = []
    for attempt in attempts:
        score = earned[attempt.id].score if attempt.id in earned and "score" in blueprint.review.shows else None
        lines.append(AttemptLine(attempt.id, attempt.number, attempt.started_at, attempt.state(now),
                                 "" if score is None else shown_score(score, (bar.points,) if bar else ()),
                                 None if score is None or bar is None else score >= bar.points,
                                 bool(attempt.id in stands and stands[attempt.id].awaiting)))
    open_id = next((attempt.id for attempt in attempts if attempt.is_open(now)), None)
    return StartPage(
        ref, pick(blueprint.title), pick(activity.intro or blueprint.intro), blueprint.purpose, blueprint.items, blueprint.minutes, blueprint.marks,
        cohort.zone, pick(unit.title), unit.number, is_open, state.opens_on if not (planned or state.blocked_by or state.is_open) else None,
        pick(state.blocked_by.title) if state.blocked_by else "", bar, tuple(lines), open_id,
        is_open and open_id is None and (may_repeat(blueprint.purpose) or not attempts), promised(blueprint),
        blueprint.review.opens == "after-release" and "score" in blueprint.review.shows,
        planned, blueprint.one_way, len(blueprint.sections or ()))
