"""Pages of certificates: confirming, the ledger, one's own, and verification by anybody."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, current_app, flash, jsonify, make_response, render_template, request, url_for
from flask_login import current_user

from courses import queries as courses
from foundation import clock, drawing
from foundation.db import transaction
from foundation.i18n import gettext as _
from foundation.i18n import moment
from foundation.permissions import Permission, public, requires
from foundation.web import change, refusal, see
from training.assessment import services as assessment
from training.assessment.queries import stale_page
from training.credentials import queries, services
from training.credentials.forms import AnewForm, ConfirmResultForm, RevokeForm, VerifyForm
from training.credentials.queries import CredentialView
from training.credentials.rules.paper import UnprintableName
from training.credentials.rules.qr import qr_of
from training.credentials.rules.record import same_name
from training.credentials.rules.status import Status

bp = Blueprint("credentials", __name__)
bp.add_app_template_global(drawing.cert_art, "cert_art")


def missing_glyphs(fault: UnprintableName) -> str:
    """The refusal of a name, with every character it hangs on."""
    characters = ", ".join(f"“{c}” (U+{ord(c):04X})" for c in fault.characters)
    return _("The certificate's font has no drawing for %(characters)s in “%(name)s”. Nothing was confirmed or issued. "
             "Agree on another spelling with the person and have it changed under People.", characters=characters, name=fault.text)


# ── the training department ──────────────────────────────────────────────────────────────────────────────────
def why_refused(fault: assessment.ConfirmRefused) -> str:
    """A refusal of a confirmation in the reader's language."""
    if isinstance(fault, assessment.OwnResult):
        return _("Nobody confirms a result of their own. Ask a colleague of the training department.")
    if isinstance(fault, assessment.HasRated):
        return _("You rated this trainee, are asked to, or set a level: another person has to confirm.")
    if isinstance(fault, assessment.AlreadyConfirmed):
        return _("This result was confirmed before. Nothing was changed.")
    if isinstance(fault, assessment.NotComplete):
        return _("A component still lacks its performance or its mark. Nothing was confirmed.")
    if isinstance(fault, assessment.Withdrawn):
        return _("This trainee has left the cohort. What was achieved stays on record; nothing is confirmed any more.")
    return _("This result cannot be confirmed. Nothing was changed.")


@bp.post("/results/enrolments/<int:enrolment_id>/confirm")
@requires(Permission.REVIEW)
def confirm(enrolment_id: int) -> Any:
    """Confirm a result from the board; a pass issues the certificate in the same transaction. Refusals lead back to the board."""
    enrolment = courses.enrolment_or_404(enrolment_id, current_user, Permission.REVIEW)
    cohort = courses.get_cohort(enrolment.cohort_id)
    board = url_for("assessment.board", cohort_id=cohort.id, person=enrolment_id)
    form = ConfirmResultForm()
    if not form.validate():
        for _field, _label, problem in form.problems():
            flash(problem, "error")
        return see(board)
    try:
        services.check_name_is_printable(enrolment_id)
        with change() as done:
            confirmed = services.confirm_and_issue(enrolment_id, current_user, form.released_at(cohort.zone), form.expected_hash.data or "")
            done.answer = board
    except assessment.StaleEvidence as fault:
        page = stale_page(enrolment, fault.standing, form.seen.data or "", form.expected_hash.data or "")
        return render_template("credentials/stale.html", page=page, board=board), 409
    except assessment.ConfirmRefused as fault:
        flash(why_refused(fault), "error")
    except UnprintableName as fault:
        flash(missing_glyphs(fault), "error")
    else:
        flash(_("Confirmed. Certificate %(number)s is issued.", number=confirmed.number) if confirmed.number
              else _("Confirmed and on file. No certificate follows from this outcome."), "ok")
    return see(board)


@bp.get("/certificates")
@requires(Permission.REVIEW)
def ledger() -> str:
    """All certificates within the reviewer's scope, to search and filter."""
    number = request.args.get("page", "1")[:9]
    page = queries.ledger(current_user, request.args.get("q", "")[:100], request.args.get("state", ""), int(number) if number.isdecimal() else 1)
    return render_template("credentials/ledger.html", page=page,
                           page_address=lambda n: url_for("credentials.ledger", q=page.search or None, state=page.state or None, page=n))


def _one_page(credential: CredentialView, revoke_form: RevokeForm | None = None, anew_form: AnewForm | None = None, status: int = 200) -> Any:
    return render_template("credentials/one.html", credential=credential, qr=qr_of(credential.verification_url),
                           revoke_form=revoke_form or RevokeForm(formdata=None),
                           anew_form=anew_form or AnewForm(formdata=None)), status


@bp.get("/certificates/<int:credential_id>")
@requires(Permission.REVIEW, Permission.EXPORT_RECORDS)
def one(credential_id: int) -> Any:
    return _one_page(_readable(credential_id))


def _readable(credential_id: int) -> CredentialView:
    """The certificate for a reviewer, or a released one for HR; else 404."""
    credential = queries.credential_or_404(credential_id, current_user, Permission.REVIEW, Permission.EXPORT_RECORDS)
    if not credential.is_released:
        queries.credential_or_404(credential_id, current_user, Permission.REVIEW)
    return credential


def _pdf(credential: CredentialView) -> Response:
    """The paper as a file. A record that this program can no longer draw answers 503 rather than with a wrong page."""
    response = make_response(services.paper_of(credential))
    response.mimetype = "application/pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{credential.number}.pdf"'
    return response


@bp.get("/certificates/<int:credential_id>/certificate.pdf")
@requires(Permission.REVIEW, Permission.EXPORT_RECORDS)
def one_pdf(credential_id: int) -> Response:
    return _pdf(_readable(credential_id))


@bp.post("/certificates/<int:credential_id>/revoke")
@requires(Permission.REVIEW)
def revoke(credential_id: int) -> Any:
    """End a certificate with a reason."""
    credential = queries.credential_or_404(credential_id, current_user, Permission.REVIEW)
    form = RevokeForm()
    if not form.validate():
        return _one_page(credential, revoke_form=form, status=422)
    try:
        with change() as done:
            services.revoke(credential_id, current_user, form.reason.data or "")
            done.answer = url_for("credentials.one", credential_id=credential_id)
    except services.AlreadyRevoked:
        flash(_("This certificate was revoked before; the first reason stands."), "error")
    except services.OwnCredential:
        flash(_("Nobody revokes a certificate of their own. Ask a colleague of the training department."), "error")
    else:
        flash(_("Revoked. The verification page says so from now on."), "ok")
    return see(url_for("credentials.one", credential_id=credential_id))


@bp.post("/certificates/<int:credential_id>/anew")
@requires(Permission.REVIEW)
def anew(credential_id: int) -> Any:
    """Issue the certificate again with the person's present particulars, under a new number."""
    credential = queries.credential_or_404(credential_id, current_user, Permission.REVIEW)
    form = AnewForm()
    if not form.validate():
        return _one_page(credential, anew_form=form, status=422)
    here = url_for("credentials.one", credential_id=credential_id)
    try:
        services.check_name_is_printable(credential.enrolment_id)
        with change() as done:
            issued = services.issue_anew(credential_id, current_user, form.anew_reason.data or "")
            done.answer = url_for("credentials.one", credential_id=issued.id)
    except services.NothingToReplace:
        flash(_("Another certificate has taken this one's place, or a later decision stands. Nothing was issued."), "error")
    except services.OwnCredential:
        flash(_("Nobody issues a certificate to themselves. Ask a colleague of the training department."), "error")
    except UnprintableName as fault:
        flash(missing_glyphs(fault), "error")
    else:
        flash(_("Issued anew. The former number is marked as replaced."), "ok")
        return see(done.answer)
    return see(here)


# ── the trainee ──────────────────────────────────────────────────────────────────────────────────────────────
@bp.get("/my/certificate")
@bp.get("/my/certificates/<int:credential_id>")
@requires(Permission.LEARN)
def own(credential_id: int | None = None) -> str:
    """One's certificate as it is printed, with the PDF; without one, what has to happen first."""
    if credential_id is not None:
        credential = queries.own_credential_or_404(credential_id, current_user)
        return render_template("credentials/own.html", credential=credential, qr=qr_of(credential.verification_url))
    held = queries.own_credentials(current_user.person_id)
    if not held:
        return render_template("credentials/none.html")
    return render_template("credentials/own.html", credential=held[0], qr=qr_of(held[0].verification_url), others=held[1:])


@bp.get("/my/certificates/<int:credential_id>/certificate.pdf")
@requires(Permission.LEARN)
def own_pdf(credential_id: int) -> Response:
    """The paper of one's own certificate; a revoked or replaced one is not handed out any more."""
    credential = queries.own_credential_or_404(credential_id, current_user)
    if credential.status in (Status.REVOKED, Status.REPLACED):
        abort(404)
    return _pdf(credential)


# ── anybody ──────────────────────────────────────────────────────────────────────────────────────────────────
def _wants_json() -> bool:
    """JSON where a script asked for it by name; a browser's */* gets the page."""
    best = request.accept_mimetypes.best_match(("text/html", "application/json"))
    return best == "application/json" and request.accept_mimetypes["application/json"] > request.accept_mimetypes["text/html"]


def _public_facts(credential: CredentialView) -> dict[str, Any]:
    """What a stranger is told: what is printed on the paper, its state and its hash. No other personal data."""
    facts = credential.facts
    return {
        "number": credential.number, "status": credential.status.value, "name": facts["name"],
        "programme": {"key": facts["programme_key"], "title": facts["programme_title"], "class_hours": facts["class_hours"]},
        "band": {"key": facts["band"], "title": facts["band_title"]}, "issuer": facts["issuer"], "started_on": facts["started_on"],
        "ended_on": facts["ended_on"], "completed_on": facts["completed_on"], "issued_on": facts["issued_on"], "expires_on": facts["expires_on"],
        "revoked_on": credential.revoked_on.isoformat() if credential.revoked_on else None, "sha256": credential.facts_hash,
        "verification_url": credential.verification_url, "checked_at": clock.now().isoformat(timespec="seconds"),
    }


def _unknown() -> Response:
    """The one answer for a code that never existed and for a certificate that is not released yet."""
    if _wants_json():
        return refusal(404, "not-found", _("No certificate is published at this address."))
    return make_response(render_template("credentials/unknown.html"), 404)


@bp.get("/verify/<code>")
@public
def verify(code: str) -> Response:
    """What the certificate says, its state and its hash: a page, or JSON on `Accept: application/json`."""
    credential = queries.find_public(code[:100])
    if credential is None:
        response = _unknown()
    elif _wants_json():
        response = jsonify(_public_facts(credential))
    else:
        response = make_response(render_template("credentials/verify.html", credential=credential, now=clock.now(), form=VerifyForm(formdata=None)))
    response.headers["Vary"] = "Accept, Cookie, Accept-Language"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@bp.get("/verify")
@public
def verify_form() -> str:
    return render_template("credentials/verify_form.html", form=VerifyForm(formdata=None))


@bp.post("/verify")
@public
def verify_post() -> Any:
    """Look up number and name together. A wrong number and a wrong name get the same answer; ten tries in ten minutes."""
    form = VerifyForm()
    if not form.validate():
        return render_template("credentials/verify_form.html", form=form), 422
    try:
        with transaction():
            services.note_try(request.remote_addr or "")
    except services.TooManyTries as pause:
        current_app.logger.warning("verification form: too many tries from one address")
        text = _("Too many tries from here. Try again after %(time)s, or scan the code on the certificate.", time=moment(pause.until))
        return render_template("credentials/verify_form.html", form=form, message=text), 429
    credential = queries.find_public_by_number(form.number.data or "")
    if credential is None or not same_name(form.name.data or "", credential.name):
        text = _("No certificate carries this number together with this name. Check both as they are printed; "
                 "if they are right, ask the issuer.")
        return render_template("credentials/verify_form.html", form=form, message=text), 404
    return render_template("credentials/verify.html", credential=credential, now=clock.now(), form=VerifyForm(formdata=None))


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
