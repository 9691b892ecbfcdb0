"""The trainee's course: outline, lessons, self-checks."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import Any

from flask import abort, current_app, flash, render_template, request, session, url_for
from flask_login import current_user
from markupsafe import escape

from courses import queries, services
from courses.lesson_view import LessonView, View, lesson_view, without_links_beyond
from courses.reading import Reading, find_reading
from courses.routes.base import bp
from courses.rules.calendar import opening_days, unit_number
from courses.rules.outline import SESSION_KINDS, Activity, Programme
from courses.rules.progress import is_done, is_unit_open, unit_states
from courses.titles import activity_titles
from foundation import clock, content, drawing, pages
from foundation.forms import ConfirmForm
from foundation.i18n import gettext as _
from foundation.i18n import language
from foundation.permissions import Actor, Permission, Role, requires
from foundation.sessions import csrf_token
from foundation.splice import Spliced
from foundation.web import change, see

STAFF = (Permission.TEACH, Permission.REVIEW, Permission.MENTOR, Permission.RATE, Permission.MANAGE_COHORTS)


@bp.get("/course")
@requires(Permission.LEARN)
def outline() -> Any:
    """The programme unit by unit: what is open, done, to come. The unit is named in `week` whatever its kind: addresses stay."""
    enrolment = queries.own_enrolment(current_user.person_id)
    if enrolment is None:
        return render_template("courses/not_enrolled.html")
    cohort = queries.get_cohort(enrolment.cohort_id)
    programme = queries.programme_of(cohort)
    done = queries.done_of([enrolment.id])[enrolment.id]
    attended = current_app.extensions["attended_minutes"](enrolment.id)
    states = queries.unit_states_of(enrolment, cohort, attended)
    today = clock.today(cohort.zone)
    wanted = request.args.get("week", "")
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else unit_number(programme, queries.openings_of(cohort), today) or 1
    state = next((s for s in states if s.unit.number == number), states[0])
    titles = activity_titles(state.unit.activities)
    return render_template(
        "courses/outline.html", cohort=cohort, programme=programme, stage=programme.stage_of(state.unit.key), states=states, state=state, titles=titles,
        done=done, attended=attended, link=activity_link, is_done=is_done, session_kinds=SESSION_KINDS, objectives=_objectives())


def _objectives() -> dict[str, Any]:
    register = content.find_current("objectives", "objectives")
    return {entry["key"]: entry["text"] for entry in register.body["objectives"]} if register else {}


def activity_link(activity: Activity) -> str:
    """Where an activity is done, '' where it has no page (a session) or is still planned."""
    if activity.planned or activity.kind in SESSION_KINDS:
        return ""
    endpoint = current_app.extensions["activity_endpoints"].get(activity.kind)
    return url_for(endpoint, ref=activity.ref) if endpoint in current_app.view_functions else ""


# ── a lesson ─────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/lessons/<ref>")
@requires(Permission.LEARN, *STAFF)
def lesson(ref: str) -> Any:
    """The reading page: one select for the person, the rest from memory (see foundation.splice)."""
    actor = current_user._get_current_object()
    reading = find_reading(actor.person_id, ref) if actor.may(Permission.LEARN) else None
    if reading is None:
        return _staff_lesson(ref)
    programme = queries.programme_version(reading.cohort.programme_version_id)
    unit = queries.unit_of_lesson(reading.cohort.programme_version_id, ref)
    if unit is None:
        abort(404)
    opens_on = dict(reading.moved).get(unit.key) or opening_days(programme, reading.cohort.starts_on, {})[unit.key]
    if not is_unit_open(programme, unit.key, opens_on, clock.today(reading.cohort.zone), reading.done, reading.waived):
        states = unit_states(programme, queries.openings_of(reading.cohort), clock.today(reading.cohort.zone), reading.done, {}, reading.waived)
        return render_template("courses/closed.html", state=next(s for s in states if s.unit.key == unit.key), cohort=reading.cohort), 403
    language_ = language()
    view = lesson_view(reading.version_id, language_, reading.glossary_id, reading.sources_id)
    page = _spliced_page(reading, view, programme, actor.roles, language_)
    return page.encode(*_personal(reading, view, actor, language_, page))


_PAGES: dict[tuple[Any, ...], Spliced] = {}


def _spliced_page(reading: Reading, view: LessonView, programme: Programme, roles: frozenset[Role], language_: str) -> Spliced:
    key = (str(current_app.config["DATA"]), view.version_id, reading.glossary_id, reading.sources_id, language_, programme.key,
           reading.cohort.programme_version_id, roles)
    page = _PAGES.get(key)
    if page is None:
        if len(_PAGES) > 400:
            _PAGES.clear()
        unit = programme.unit_of("lesson", view.key)
        assert unit is not None
        order = [a for a in programme.activities if a.kind == "lesson" and not a.planned]
        place = next(i for i, a in enumerate(order) if a.ref == view.key)
        titles = activity_titles([*unit.activities, *order])
        neighbours = [(order[i].ref, titles[("lesson", order[i].ref)]) if 0 <= i < len(order) else None for i in (place - 1, place + 1)]
        html = render_template("courses/lesson.html", view=view, unit=unit, titles=titles, neighbours=neighbours, link=activity_link,
                               session_kinds=SESSION_KINDS, place=[a.ref for a in unit.activities if a.kind == "lesson"].index(view.key) + 1, spliced=True)
        page = _PAGES[key] = Spliced(without_links_beyond(html, {activity.ref for activity in order}))
    return page


def _personal(reading: Reading, view: LessonView, actor: Actor, language_: str, page: Spliced) -> tuple[dict[str, str], Any]:
    """One person's values for the holes, and what fills the holes that are many: ticks, self-checks, the finish."""
    csrf = csrf_token()
    values = {
        **_nothing_done(page),
        "csrf": csrf,
        "avatar": str(escape(pages.initials(actor.name))),
        "name": str(escape(actor.name)),
        "messages": render_template("components/_messages.html") if "_flashes" in session else "",
    }
    for kind, ref in reading.done:
        values[f"tick:{kind}:{ref}"], values[f"read:{kind}:{ref}"] = _ICON_DONE, "is-read"
    token = {"csrf": csrf}

    def new_op(_name: str) -> str:
        return secrets.token_urlsafe(12)

    def fill(name: str) -> str:
        what, _colon, rest = name.partition(":")
        if what == "check":
            return _check_html(view, rest, reading.answers.get(rest), language_).fill(token, new_op)
        open_checks = sum(key not in reading.answers for key in view.check_keys)
        return _finish_html(("lesson", view.key) in reading.done, open_checks, view.key, language_).fill(token, new_op)

    return values, fill


@lru_cache(maxsize=512)
def _nothing_done(page: Spliced) -> dict[str, str]:
    """The marks of a page's outline for somebody who has done nothing yet."""
    return {name: _ICON_OPEN if name.startswith("tick:") else "" for name in page.holes if name.startswith(("tick:", "read:"))}


_ICON_DONE, _ICON_OPEN = str(drawing.icon("check-c")), str(drawing.icon("circle"))


@lru_cache(maxsize=2048)
def _check_html(view: LessonView, key: str, chosen: tuple[int, ...] | None, language_: str) -> Spliced:
    check = next(v for v in view.views if v.kind == "self-check" and v.attrs["key"] == key)
    number = view.check_keys.index(key) + 1
    return Spliced(render_template("courses/_self_check.html", check=check, chosen=chosen, number=number, lesson_key=view.key, language=language_,
                                   is_right=chosen is not None and set(chosen) == _right(check)))


def _right(check: View) -> set[int]:
    return {i for i, option in enumerate(check.items) if option[1]}


@lru_cache(maxsize=512)
def _finish_html(is_finished: bool, open_checks: int, lesson_key: str, language_: str) -> Spliced:
    return Spliced(render_template("courses/_finish.html", is_finished=is_finished, open_checks=open_checks, lesson_key=lesson_key, language=language_))


def _staff_lesson(ref: str) -> Any:
    """The same page for staff who are not enrolled: to read, with nothing to answer."""
    stored = content.find_current("lesson", ref)
    if stored is None or not any(current_user.may(permission) for permission in STAFF):
        abort(404)
    glossary, sources = content.find_current("glossary", "glossary"), content.find_current("sources", "sources")
    view = lesson_view(stored.id, language(), glossary.id if glossary else 0, sources.id if sources else 0)
    return render_template("courses/lesson_staff.html", view=view)


@bp.post("/lessons/<ref>/checks/<check_key>")
@requires(Permission.LEARN)
def answer_check(ref: str, check_key: str) -> Any:
    """Keep the answer to a self-check; scripts get the fragment back, browsers the page at that check."""
    reading = _open_reading(ref)
    chosen = [int(value) for value in request.form.getlist("choice") if value.isdigit()]
    body = content.version(reading.version_id).body
    address = url_for("courses.lesson", ref=ref, _anchor=f"check-{check_key}")
    try:
        with change() as done:
            services.answer_self_check(reading.enrolment.id, body, check_key, chosen, current_user.person_id)
            done.answer = address
    except services.UnknownCheck:
        flash(_("Choose an answer first."), "error")
        return see(address)
    if request.headers.get("X-Fragment"):
        view = lesson_view(reading.version_id, language(), reading.glossary_id, reading.sources_id)
        return _check_html(view, check_key, tuple(sorted(set(chosen))), language()).fill({"csrf": csrf_token()}, lambda _n: secrets.token_urlsafe(12))
    return see(address)


@bp.post("/lessons/<ref>/finish")
@requires(Permission.LEARN)
def finish(ref: str) -> Any:
    """The trainee has finished the lesson; every self-check must have been answered."""
    reading = _open_reading(ref)
    form = ConfirmForm()
    if not form.validate():
        abort(400)
    body = content.version(reading.version_id).body
    try:
        with change() as done:
            services.finish_lesson(reading.enrolment.id, body, current_user.person_id)
            done.answer = url_for("courses.lesson", ref=ref, _anchor="finish")
    except services.ChecksOpen as still_open:
        flash(_("Answer the self-checks first; %(count)d still open.", count=len(still_open.keys)), "error")
        return see(url_for("courses.lesson", ref=ref, _anchor=f"check-{still_open.keys[0]}"))
    flash(_("Lesson finished. It counts towards your hours."), "ok")
    return see(done.answer)


def _open_reading(ref: str) -> Reading:
    """The person's reading of a lesson whose unit is open to them, else 404."""
    reading = find_reading(current_user.person_id, ref)
    if reading is None or not queries.activity_is_open(reading.enrolment, "lesson", ref):
        abort(404)
    return reading



