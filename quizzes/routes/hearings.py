"""Pages of hearings: the list, opening one from an item, the dry run with its decision, and the minutes to print."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy.exc import NoResultFound

from foundation.i18n import gettext as _
from foundation.permissions import Permission, requires
from foundation.web import change, see
from quizzes.forms import DecisionForm, DismissForm, HearingForm
from quizzes.queries import hearings as reads
from quizzes.queries.keyview import accepted_texts, key_view
from quizzes.queries.pages import plain_figure, rounded_mark
from quizzes.rules.hearing_change import BadChange, read_change
from quizzes.rules.scoring import shown_score
from quizzes.services import hearings as services

bp = Blueprint("hearings", __name__)


@bp.app_template_filter("shown_mark")
def shown_mark(text: str) -> str:
    """Marks of an exact text, to two decimals."""
    return plain_figure(rounded_mark(Decimal(text))) if text else ""


@bp.app_template_filter("shown_points")
def shown_points(text: str, bar: str = "") -> str:
    """A score of an exact text, never shown across its bar; "" where there is none."""
    return shown_score(Decimal(text), (Decimal(bar),) if bar else ()) if text else ""


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


@bp.get("/hearings")
@requires(Permission.EDIT_ITEMS)
def listing() -> Any:
    """Hearings that are open, and those that were decided; `?item=` those about one item."""
    page = reads.listing_page(request.args.get("item", "")[:100], _number(request.args.get("page"), 1))
    return render_template("quizzes/hearings/listing.html", page=page,
                           page_address=lambda n: url_for("hearings.listing", item=page.item_key or None, page=n))


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/hearings/item/<key>")
@requires(Permission.EDIT_ITEMS)
def open(key: str) -> Any:
    """The form about an item; `?version=` chooses which version that papers were made with."""
    page = reads.open_page(key, _number(request.args.get("version"), 0))
    return _open_page(page, HearingForm(formdata=None, remedy=page.remedies[0] if page.remedies else None))


def _open_page(page: reads.OpenPage, form: HearingForm, status: int = 200) -> Any:
    chosen = {name: request.form.getlist(name) for name in request.form} if request.method == "POST" else {}
    return render_template("quizzes/hearings/open.html", page=page, form=form, sent=chosen,
                           key=key_view(page.item) if page.item is not None else None), status


@bp.post("/hearings/item/<key>")
@requires(Permission.EDIT_ITEMS)
def open_post(key: str) -> Any:
    """Open a hearing; nothing is marked anew by it."""
    page = reads.open_page(key, _number(request.form.get("version"), 0))
    form = HearingForm()
    if page.item is None or page.chosen is None:
        abort(404)
    valid = form.validate()
    remedy = form.remedy.data or ""
    try:
        change_ = read_change(page.item, remedy, {name: request.form.getlist(name) for name in request.form})
    except BadChange as bad:
        form.refuse(_place(bad), _("Remedy"), _bad_text(bad))
    if not valid or form.found:
        return _open_page(page, form, 422)
    also = [_number(text, 0) for text in request.form.getlist("alike")]
    try:
        with change() as done:
            hearing_id = services.open_hearing(key, page.chosen_id, also, remedy, change_, form.complaint.data or "", current_user.person_id,
                                               retire=bool(request.form.get("retire")) and remedy in ("give_all", "drop"))
            done.answer = url_for("hearings.hearing", hearing_id=hearing_id)
    except services.AlreadyOpen as refused:
        flash(_("A hearing about this version is open already. Here it is."), "notice")
        return see(url_for("hearings.hearing", hearing_id=refused.hearing_id))
    except services.HearingRefused as refused:
        form.refuse("remedy", _("Remedy"), why_refused(refused))
        return _open_page(page, form, 422)
    flash(_("The hearing is open. Nothing has been marked anew: below is what the remedy would do."), "ok")
    return see(done.answer)


def _place(bad: BadChange) -> str:
    """The id on the page of the field that a refusal is about."""
    return "remedy" if bad.field == "remedy" else f"f-{bad.field}"


def _bad_text(bad: BadChange) -> str:
    """What is wrong with a change, in the reader's language."""
    if bad.reason == "formula":
        return _("This formula cannot be reckoned: %(why)s", why=bad.detail) if bad.detail else _("This is no number.")
    if bad.reason == "lint":
        return _("The corrected question does not hold together: %(why)s", why=bad.detail)
    if bad.reason == "count":
        return _("The question asks for %(n)s answers, and the new key has to have as many. Otherwise accept another answer, or give all.", n=bad.detail)
    return {
        "nothing": _("Choose or write what should be right."),
        "same": _("This is what the key says already. Nothing would change."),
        "one": _("Exactly one option is right here. A second right one is accepted beside it."),
        "all": _("Give every entry its place; and not every option can be right."),
        "twice": _("Each place is given once."),
        "too_long": _("This text is too long."),
        "empty": _("Something to read belongs here."),
    }[bad.reason]


def why_refused(fault: services.HearingRefused) -> str:
    """A refusal in the reader's language."""
    if isinstance(fault, services.NeverGiven):
        return _("No paper was made with this version. Edit the question in the item bank.")
    if isinstance(fault, services.NotForThisKind):
        return _("People mark this question: its marks can be given to all, or it can be dropped.")
    if isinstance(fault, services.NoLongerFits):
        return _("This change cannot be held against all the papers that were chosen: their versions have other options or parts.")
    if isinstance(fault, services.NoMinutes):
        return _("Write the reasons: a decision without them is none.")
    if isinstance(fault, services.AlreadyDecided):
        return _("This hearing was decided before. Nothing was changed.")
    if isinstance(fault, services.MayNotDecide):
        return refusal_text(fault.reason)
    return _("This cannot be done. Nothing was changed.")


def refusal_text(reason: str) -> str:
    """Why a reader may not decide, '' where they may."""
    return {
        "": "",
        "decided": "",
        "permission": _("Reviewers decide. You may read everything, and take your own hearing back."),
        "own_hearing": _("You opened this hearing: another reviewer decides it."),
        "own_paper": _("You sat a paper with this question yourself: another reviewer decides."),
        "scope": _("Papers of cohorts outside your remit are concerned: a reviewer for all of them decides."),
    }[reason]


# ── one hearing ──────────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/hearings/<int:hearing_id>")
@requires(Permission.EDIT_ITEMS)
def hearing(hearing_id: int) -> Any:
    """The dry run as of now, and the decision; once decided, what it was decided on."""
    page = reads.hearing_page(hearing_id, current_user, request.args.get("show", ""), _number(request.args.get("page"), 1))
    return _hearing_page(page)


def _hearing_page(page: reads.HearingPage, decision: DecisionForm | None = None, dismissal: DismissForm | None = None, status: int = 200,
                  is_stale: bool = False) -> Any:
    form = decision or DecisionForm(formdata=None)
    form.seen.data = page.hash
    return render_template(
        "quizzes/hearings/hearing.html", page=page, form=form, dismiss_form=dismissal or DismissForm(formdata=None), is_stale=is_stale,
        key=key_view(page.item), corrected=key_view(page.corrected) if page.corrected is not None else None,
        accepted=accepted_texts(page.item, page.case.ruling), refusal=refusal_text(page.refusal), reviewed=reads.cohorts_covered(current_user),
        page_address=lambda n: url_for("hearings.hearing", hearing_id=page.id, show=page.show if page.show == "all" else None, page=n)), status


def _again(hearing_id: int, **more: Any) -> Any:
    return _hearing_page(reads.hearing_page(hearing_id, current_user), **more)


@bp.post("/hearings/<int:hearing_id>/post")
@requires(Permission.APPROVE_ITEMS)
def post(hearing_id: int) -> Any:
    """Post the remedy as the dry run shows it, with minutes."""
    form = DecisionForm()
    if not form.validate():
        return _again(hearing_id, decision=form, status=422)
    here = url_for("hearings.hearing", hearing_id=hearing_id)
    try:
        with change() as done:
            posted = services.post_hearing(hearing_id, current_user, form.minutes.data or "", form.seen.data or "")
            done.answer = here
    except NoResultFound:
        abort(404)
    except services.StaleDryRun:
        return _again(hearing_id, decision=form, status=409, is_stale=True)
    except services.NoMinutes as refused:
        form.refuse("minutes", form.minutes.label.text, why_refused(refused))
        return _again(hearing_id, decision=form, status=422)
    except services.HearingRefused as refused:
        flash(why_refused(refused), "error")
        return see(here)
    flash(_("Posted. %(n)s responses were marked anew; the earlier marks stay on record.", n=posted.responses), "ok")
    return see(done.answer)


@bp.post("/hearings/<int:hearing_id>/dismiss")
@requires(Permission.EDIT_ITEMS)
def dismiss(hearing_id: int) -> Any:
    """End a hearing without a remedy, or take one's own back."""
    form = DismissForm()
    if not form.validate():
        return _again(hearing_id, dismissal=form, status=422)
    here = url_for("hearings.hearing", hearing_id=hearing_id)
    try:
        with change() as done:
            services.dismiss_hearing(hearing_id, current_user, form.reason.data or "")
            done.answer = here
    except NoResultFound:
        abort(404)
    except services.HearingRefused as refused:
        flash(why_refused(refused), "error")
        return see(here)
    flash(_("Dismissed with your reason. No mark was changed."), "ok")
    return see(done.answer)


@bp.get("/hearings/<int:hearing_id>/minutes")
@requires(Permission.EDIT_ITEMS)
def minutes(hearing_id: int) -> Any:
    """A decided hearing on paper: complaint, remedy, what changed, reasons, who and when."""
    page = reads.hearing_page(hearing_id, current_user, "changed", whole=True)
    if page.state == "open":
        abort(404)
    return render_template("quizzes/hearings/minutes.html", page=page, key=key_view(page.item), accepted=accepted_texts(page.item, page.case.ruling),
                           corrected=key_view(page.corrected) if page.corrected is not None else None)


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
