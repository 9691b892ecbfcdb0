"""Pages of planned sittings: the list, planning, one sitting with its candidates, the equivalence proof, the invigilator's board."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, current_app, flash, render_template, request, url_for
from flask_login import current_user

from courses import queries as courses
from courses.queries import CohortView
from foundation import clock
from foundation.db import canonical_json
from foundation.forms import BaseForm, ConfirmForm, local_moment
from foundation.i18n import gettext as _
from foundation.i18n import ngettext
from foundation.permissions import Permission, requires
from foundation.web import StaleVersion, change, see
from quizzes import services
from quizzes.forms import AllowanceForm, ApproveForm, CancelForm, ExtraTimeForm, IncidentForm, PauseForm, SittingForm
from quizzes.queries import board as boards
from quizzes.queries import planned
from quizzes.queries.planned import SittingView
from quizzes.rules.areas import title_of
from quizzes.rules.assembly import NoPaper

bp = Blueprint("exams", __name__, url_prefix="/exams")
INVIGILATE = Permission.INVIGILATE


@bp.app_template_filter("area_title")
def area_title(area: str) -> dict[str, str]:
    """What a content area is called, in both languages."""
    return title_of(area)


def _sitting(sitting_id: int) -> SittingView:
    return planned.sitting_or_404(sitting_id, current_user)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def refused_text(reason: str) -> str:
    """The wording of a refusal."""
    return {
        "blueprint": _("This paper cannot be sat in a planned sitting of this cohort."),
        "window": _("The end lies before the beginning, or more than 60 days after it."),
        "short": _("The window is shorter than the paper takes."),
        "past": _("This time is over."),
        "overlap": _("Another sitting of this paper is planned for that time."),
        "forms": _("Choose two to five forms."),
        "place": _("Say where it is sat."),
        "breaks": _("A break takes 0 to 60 minutes."),
        "cancelled": _("This sitting was called off."),
        "approved": _("This sitting is approved; its papers stand."),
        "unapproved": _("This sitting is not approved yet."),
        "planner": _("Only who planned the sitting assembles its papers again."),
        "extra": _("No: one person has at most 240 extra minutes in all, and one grant is 1 to 120 minutes."),
        "stranger": _("This person does not sit here."),
        "early": _("The sitting has not begun."),
        "over": _("The sitting is over."),
        "reason": _("Say why."),
        "incident": _("Write what happened, in at most 2,000 characters."),
    }[reason]


# ── the list and planning ────────────────────────────────────────────────────────────────────────────────────────
@bp.get("")
@requires(INVIGILATE)
def listing() -> Any:
    """Sittings of one's cohorts: ahead and under way, then those behind."""
    now = clock.now()
    return render_template("quizzes/exams/listing.html", page=planned.listing_page(current_user, now, _number(request.args.get("page")) or 1), now=now,
                           elsewhere=_links(("marking.queue", _("Marking")), ("sitting.late", _("Late answers"))))


def _links(*entries: tuple[str, str], **values: Any) -> list[tuple[str, str]]:
    """(label, address) of those of these pages that the person may open."""
    found = []
    for endpoint, label in entries:
        guard = getattr(current_app.view_functions.get(endpoint), "guard", ())
        if any(current_user.may(permission) for permission in guard):
            found.append((label, url_for(endpoint, **values)))
    return found


def _of_attempt(attempt_id: int) -> list[tuple[str, str]]:
    """Where a candidate's late answers and recovery file are looked after."""
    return _links(("sitting.recovery", _("Take in a recovery file")), ("sitting.held", _("Late answers")), attempt_id=attempt_id)


@bp.route("/plan", methods=["GET", "POST"])
@requires(INVIGILATE)
def plan() -> Any:
    """Plan a sitting of one cohort (`?cohort=7`); its papers are assembled and proved with it."""
    cohorts = courses.visible_cohorts(current_user, INVIGILATE)
    asked = _number(request.args.get("cohort"))
    cohort = next((one for one in cohorts if one.id == asked), None)
    if asked is not None and cohort is None:
        abort(404)
    today = clock.today("Asia/Shanghai")
    cohort = cohort or next((one for one in cohorts if one.starts_on <= today <= one.ends_on), None) or (cohorts[0] if cohorts else None)
    if cohort is None:
        return render_template("quizzes/exams/plan.html", cohorts=(), cohort=None, papers=(), form=None, shortages=(), problem="")
    papers = planned.plannable(cohort)
    form = SittingForm()
    form.blueprint.choices = [paper.key for paper in papers]
    if request.method == "GET":
        _suggest(form, papers)
        return _plan_page(cohort, cohorts, papers, form)
    if not form.validate():
        return _plan_page(cohort, cohorts, papers, form), 422
    try:
        wanted = _wanted(form, cohort)
        with change() as done:
            sitting_id = services.plan_sitting(wanted, current_user.person_id)
            done.answer = url_for("exams.sitting", sitting_id=sitting_id)
        flash(_("Planned. The papers are assembled; somebody else looks at the proof and approves."), "ok")
        return see(done.answer)
    except services.SittingRefused as refused:
        getattr(form, refused.field or "blueprint").errors = [refused_text(refused.reason)]
    except services.BankTooThin as thin:
        return _plan_page(cohort, cohorts, papers, form, thin.shortages), 422
    except NoPaper as refusal:
        return _plan_page(cohort, cohorts, papers, form, (), _("The cells can be filled, but no draw fits the blueprint: %(reason)s.",
                                                               reason=no_paper_text(refusal.reason))), 422
    return _plan_page(cohort, cohorts, papers, form), 422


def no_paper_text(reason: str) -> str:
    """Why no draw fits."""
    return _("items exclude each other, so that the cells cannot be filled together") if "pools" in reason \
        else _("every draw is too easy or too hard for the blueprint's band")


def _wanted(form: SittingForm, cohort: CohortView) -> services.SittingPlan:
    opens, closes = (local_moment(field.data.isoformat(), cohort.zone) for field in (form.opens, form.closes))
    if opens is None or closes is None:
        raise services.SittingRefused("window", "opens" if opens is None else "closes")
    return services.SittingPlan(cohort.id, form.blueprint.data, opens, closes, form.place.data, form.mode.data,
                                int(form.forms.data or 0) if form.mode.data == "forms" else 0, form.break_minutes.data)


def _suggest(form: SittingForm, papers: tuple[planned.Plannable, ...]) -> None:
    """What an empty form begins with: the first paper, as many forms as its blueprint has."""
    if papers:
        form.blueprint.data = papers[0].key
        parallel = papers[0].blueprint.parallel
        form.mode.data, form.forms.data = ("forms", str(min(parallel.forms, 5))) if parallel else ("person", "2")


def _plan_page(cohort: CohortView, cohorts: tuple[CohortView, ...], papers: tuple[planned.Plannable, ...], form: SittingForm,
               shortages: tuple[Any, ...] = (), problem: str = "") -> Any:
    return render_template("quizzes/exams/plan.html", cohorts=cohorts, cohort=cohort, papers=papers, form=form, shortages=shortages, problem=problem)


# ── one sitting ──────────────────────────────────────────────────────────────────────────────────────────────────
def _with_ids(form: Any, prefix: str) -> Any:
    """Several forms on one page ask for the same things: ids of their own, the names stay."""
    for field in form:
        field.id = f"{prefix}-{field.name}"
    return form


def _sitting_page(found: SittingView, cancel: CancelForm | None = None, allowance: AllowanceForm | None = None, stale: Any = None, status: int = 200) -> Any:
    now = clock.now()
    page = planned.sitting_page(found, current_user, now)
    asked = allowance.enrolment.data if allowance is not None else _number(request.args.get("person"))
    selected = next((row for row in page.candidates if row.enrolment.id == asked), None)
    if selected is not None and allowance is None:
        allowance = AllowanceForm(formdata=None, enrolment=selected.enrolment.id, row_version=selected.row_version, extra_minutes=selected.extra_minutes,
                                  break_minutes=selected.break_minutes)
    return render_template("quizzes/exams/sitting.html", page=page, now=now, selected=selected, allowance=_with_ids(allowance, "allow") if allowance else None,
                           cancel=cancel or CancelForm(formdata=None), approve=ApproveForm(formdata=None, proof=found.proof_hash),
                           confirm=ConfirmForm(formdata=None), stale=stale, noted=boards.noted_of(found.id)), status


@bp.get("/<int:sitting_id>")
@requires(INVIGILATE)
def sitting(sitting_id: int) -> Any:
    """What is planned, its proof in short, everybody who is to sit it."""
    return _sitting_page(_sitting(sitting_id))


@bp.get("/<int:sitting_id>/proof")
@requires(INVIGILATE)
def proof(sitting_id: int) -> Any:
    """The equivalence proof, to be read and printed."""
    found = _sitting(sitting_id)
    page = planned.sitting_page(found, current_user, clock.now(), with_candidates=False)
    return render_template("quizzes/exams/proof.html", page=page, proof=page.proof, approve=ApproveForm(formdata=None, proof=found.proof_hash))


@bp.post("/<int:sitting_id>/assemble")
@requires(INVIGILATE)
def assemble(sitting_id: int) -> Any:
    """Draw the papers again, before the approval."""
    found = _sitting(sitting_id)
    try:
        with change() as done:
            services.assemble_again(found.id, current_user.person_id)
            done.answer = url_for("exams.proof", sitting_id=found.id)
        flash(_("Assembled again. This is the new proof."), "ok")
        return see(done.answer)
    except services.SittingRefused as refused:
        flash(refused_text(refused.reason), "error")
    except services.BankTooThin as thin:
        flash(_("The item bank no longer fills the blueprint: %(cells)s.", cells=_(", ").join(
            _("cell %(cell)d lacks %(n)d", cell=one.cell, n=one.lacking) for one in thin.shortages)), "error")
    except NoPaper as refusal:
        flash(no_paper_text(refusal.reason), "error")
    return see(url_for("exams.sitting", sitting_id=found.id))


@bp.post("/<int:sitting_id>/approve")
@requires(INVIGILATE)
def approve(sitting_id: int) -> Any:
    """Approve the papers, by another person than the planner."""
    found = _sitting(sitting_id)
    try:
        with change() as done:
            services.approve_sitting(found.id, ApproveForm().proof.data or "", current_user.person_id)
            done.answer = url_for("exams.sitting", sitting_id=found.id)
        flash(_("Approved. From the opening on, everybody enrolled can begin."), "ok")
        return see(done.answer)
    except services.OwnPlan:
        flash(_("You planned this sitting; somebody else approves it."), "error")
    except services.SittingRefused as refused:
        flash(refused_text(refused.reason), "error")
    except services.ProofFails:
        flash(_("The proof does not hold; these papers cannot be approved."), "error")
    except services.ProofChanged:
        flash(_("The item bank or the cohort has changed since the papers were assembled. They must be assembled again and looked at anew."), "error")
    except NoPaper as refusal:
        flash(no_paper_text(refusal.reason), "error")
    except StaleVersion:
        flash(_("The papers were assembled again while this page was open. Look at the new proof; nothing was approved."), "error")
        return see(url_for("exams.proof", sitting_id=found.id))
    return see(url_for("exams.sitting", sitting_id=found.id))


@bp.post("/<int:sitting_id>/cancel")
@requires(INVIGILATE)
def cancel(sitting_id: int) -> Any:
    """Call the sitting off, while nobody has begun."""
    found = _sitting(sitting_id)
    form = CancelForm()
    if not form.validate():
        return _sitting_page(found, cancel=form, status=422)
    try:
        with change() as done:
            services.cancel_sitting(found.id, form.cancel_reason.data, current_user.person_id)
            done.answer = url_for("exams.sitting", sitting_id=found.id)
        flash(_("Called off. The reason is kept with the sitting."), "ok")
        return see(done.answer)
    except services.AlreadyBegun:
        flash(_("Somebody has begun; the sitting can no longer be called off."), "error")
    except services.SittingRefused as refused:
        flash(refused_text(refused.reason), "error")
    return see(url_for("exams.sitting", sitting_id=found.id))


@bp.post("/<int:sitting_id>/allowance")
@requires(INVIGILATE)
def allowance(sitting_id: int) -> Any:
    """Settle somebody's extra time and break."""
    found = _sitting(sitting_id)
    form = AllowanceForm()
    if form.enrolment.data is None or not planned.is_member(found, form.enrolment.data):
        abort(404)
    if not form.validate():
        return _sitting_page(found, allowance=form, status=422)
    try:
        with change() as done:
            services.set_allowance(found.id, form.enrolment.data, form.extra_minutes.data, form.break_minutes.data, form.reason.data,
                                   form.row_version.data or 0, current_user.person_id)
            done.answer = url_for("exams.sitting", sitting_id=found.id, _anchor=f"c{form.enrolment.data}")
        flash(_("Saved. Who is writing has the time at once."), "ok")
        return see(done.answer)
    except services.SittingRefused as refused:
        flash(refused_text(refused.reason), "error")
    except services.AlreadyBegun:
        form.extra_minutes.errors = [_("This person has begun: time given is not taken back, and who has ended gets none.")]
        return _sitting_page(found, allowance=form, status=422)
    except StaleVersion as stale:
        fresh = next((row for row in planned.sitting_page(found, current_user, clock.now()).candidates if row.enrolment.id == form.enrolment.data), None)
        form.row_version.data = fresh.row_version if fresh else 0
        form.row_version.raw_data = None
        return _sitting_page(found, allowance=form, stale=stale.theirs, status=409)
    return see(url_for("exams.sitting", sitting_id=found.id))


# ── the board ────────────────────────────────────────────────────────────────────────────────────────────────────
def _board(found: SittingView, status: int = 200, opened: str = "", form: BaseForm | None = None) -> Any:
    """The board; `opened`: which of its forms was sent and refused, and is shown again as it was sent."""
    if found.approved_at is None or found.cancelled_at is not None:
        return see(url_for("exams.sitting", sitting_id=found.id))
    page = boards.board_page(found, clock.now())
    show = request.args.get("show", "all")
    show = show if show in page.counts else "all"
    asked = _number(request.values.get("person") or request.values.get("enrolment"))
    selected = next((row for row in page.rows if row.enrolment.id == asked), None)
    forms: dict[str, Any] = {"time_all": ExtraTimeForm(formdata=None), "pause": PauseForm(formdata=None), "note_room": IncidentForm(formdata=None)}
    if selected is not None:
        forms["time_one"] = ExtraTimeForm(formdata=None, enrolment=selected.enrolment.id)
        forms["note_one"] = IncidentForm(formdata=None, attempt=selected.attempt_id)
    if opened in forms and form is not None:
        forms[opened] = form
    for name in forms:
        _with_ids(forms[name], name)
    offset = page.now.astimezone(ZoneInfo(page.cohort.zone)).utcoffset() or timedelta(0)
    return render_template("quizzes/exams/board.html", page=page, show=show, selected=selected, opened=opened, forms=forms, links=_of_attempt,
                           resume=ConfirmForm(formdata=None), state=found.state(page.now, page.hall), kinds=boards.FACTS, standings=boards.STANDINGS,
                           offset=int(offset.total_seconds())), status


@bp.get("/<int:sitting_id>/board")
@requires(INVIGILATE)
def board(sitting_id: int) -> Any:
    """Everybody of the sitting now. Without JavaScript it is as fresh as its last loading."""
    return _board(_sitting(sitting_id))


def _epoch(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


@bp.get("/<int:sitting_id>/board.json")
@requires(INVIGILATE)
def board_data(sitting_id: int) -> Any:
    """The board in few bytes. What was answered has a mark (ETag); unchanged it is 304. The server's clock is in a header of
    its own, so that it does not change the mark."""
    found = _sitting(sitting_id)
    now = clock.now()
    rows = [[row.enrolment.id, row.standing, row.answered, row.receipt, _epoch(row.receipt_at), _epoch(row.closes_at), row.extra_minutes, list(row.facts),
             _epoch(row.since), row.unsent, row.incidents, row.attempt_id] for row in boards.board_rows(found, now)]
    body = canonical_json({"paused": _epoch(found.paused_at), "rows": rows})
    mark = hashlib.sha256(body.encode()).hexdigest()[:32]
    answer = Response(status=304) if request.if_none_match.contains(mark) else Response(body, mimetype="application/json")
    answer.set_etag(mark)
    answer.headers["Server-Clock"] = str(int(now.timestamp() * 1000))
    return answer


def _done(found: SittingView, **more: Any) -> str:
    return url_for("exams.board", sitting_id=found.id, **more)


@bp.post("/<int:sitting_id>/extra-time")
@requires(INVIGILATE)
def extra_time(sitting_id: int) -> Any:
    """More time for one person or for everybody, at once."""
    found = _sitting(sitting_id)
    form = ExtraTimeForm()
    opened = "time_all" if form.enrolment.data is None and not (form.enrolment.raw_data or [""])[0] else "time_one"
    if opened == "time_one" and (form.enrolment.data is None or not planned.is_member(found, form.enrolment.data)):
        abort(404)
    if not form.validate():
        return _board(found, 422, opened, form)
    try:
        with change() as done:
            people = services.give_extra_time(found.id, None if opened == "time_all" else [form.enrolment.data], form.minutes.data, form.reason.data,
                                              current_user.person_id)
            done.answer = _done(found, person=form.enrolment.data, _anchor="person" if form.enrolment.data else None)
    except services.SittingRefused as refused:
        form.minutes.errors = [refused_text(refused.reason)]
        return _board(found, 422, opened, form)
    flash(ngettext("%(minutes)d more minutes for %(num)d person.", "%(minutes)d more minutes for %(num)d people.", people, minutes=form.minutes.data)
          if people else _("Nobody got more time: whoever was meant has ended."), "ok" if people else "error")
    return see(done.answer)


@bp.post("/<int:sitting_id>/pause")
@requires(INVIGILATE)
def pause(sitting_id: int) -> Any:
    """Let every clock of the sitting stand still; the papers are covered."""
    found = _sitting(sitting_id)
    form = PauseForm()
    if not form.validate():
        return _board(found, 422, "pause", form)
    try:
        with change() as done:
            services.pause_hall(found.id, form.pause_reason.data, current_user.person_id)
            done.answer = _done(found)
        flash(_("The hall is paused: no clock runs, the papers are covered."), "ok")
        return see(done.answer)
    except services.SittingRefused as refused:
        form.pause_reason.errors = [refused_text(refused.reason)]
        return _board(found, 422, "pause", form)


@bp.post("/<int:sitting_id>/resume")
@requires(INVIGILATE)
def resume(sitting_id: int) -> Any:
    """Let the clocks go on; everybody gets the time the hall stood still."""
    found = _sitting(sitting_id)
    try:
        with change() as done:
            stood = services.resume_hall(found.id, current_user.person_id)
            done.answer = _done(found)
        flash(_("The clocks go on. Every open paper got %(time)s more.", time=f"{stood // 60}:{stood % 60:02d}") if stood
              else _("The hall was not paused."), "ok")
        return see(done.answer)
    except services.SittingRefused as refused:
        flash(refused_text(refused.reason), "error")
        return see(url_for("exams.sitting", sitting_id=found.id))


@bp.post("/<int:sitting_id>/incidents")
@requires(INVIGILATE)
def incident(sitting_id: int) -> Any:
    """Note what happened, in the room or to one person."""
    found = _sitting(sitting_id)
    form = IncidentForm()
    opened = "note_one" if (form.attempt.raw_data or [""])[0] else "note_room"
    if opened == "note_one" and form.attempt.data is None:
        abort(404)
    if not form.validate():
        return _board(found, 422, opened, form)
    person = _number(request.form.get("person"))
    try:
        with change() as done:
            services.note_incident(found.id, form.attempt.data, form.kind.data, form.body.data, current_user.person_id)
            done.answer = _done(found, person=person, _anchor="noted")
        flash(_("Noted."), "ok")
        return see(done.answer)
    except services.SittingRefused as refused:
        if refused.reason == "stranger":
            abort(404)
        form.body.errors = [refused_text(refused.reason)]
        return _board(found, 422, opened, form)


@bp.get("/attempts/<int:attempt_id>/log")
@requires(INVIGILATE)
def log(attempt_id: int) -> Any:
    """What was noted of one attempt: facts in the order of time, no verdicts."""
    return render_template("quizzes/exams/log.html", page=boards.log_page(attempt_id, current_user, clock.now()))


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
