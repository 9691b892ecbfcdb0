"""Signing in and out, one's own password, sign-ins and language."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, session, url_for
from flask_login import current_user, login_user, logout_user
from sqlalchemy import select
from wtforms import PasswordField
from wtforms.validators import InputRequired, Length

from foundation import accounts, clock
from foundation.db import db, transaction
from foundation.forms import BaseForm, ConfirmForm, TrimmedField
from foundation.i18n import COOKIE, LANGUAGES, lazy_gettext, moment
from foundation.i18n import gettext as _
from foundation.people import AuthSession
from foundation.permissions import public, requires
from foundation.web import change, inside, see

bp = Blueprint("account", __name__)
DEMO_LOGINS = ("trainee", "trainer", "trainer2", "mentor", "reviewer", "reviewer2", "hr", "admin")


class SignInForm(BaseForm):
    login = TrimmedField(lazy_gettext("Employee number or login"), validators=[InputRequired(), Length(max=100)],
                         render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"})
    password = PasswordField(lazy_gettext("Password"), validators=[InputRequired(), Length(max=200)],
                             render_kw={"autocomplete": "current-password"})


class FirstCodeForm(BaseForm):
    login = TrimmedField(lazy_gettext("Employee number or login"), validators=[InputRequired(), Length(max=100)], render_kw={"autocomplete": "username"})
    code = TrimmedField(lazy_gettext("First code"), validators=[InputRequired(), Length(max=40)], render_kw={"autocomplete": "one-time-code"})
    password = PasswordField(lazy_gettext("New password"), validators=[InputRequired(), Length(max=200)], render_kw={"autocomplete": "new-password"})
    again = PasswordField(lazy_gettext("New password once more"), validators=[InputRequired(), Length(max=200)],
                          render_kw={"autocomplete": "new-password"})


class PasswordForm(BaseForm):
    current = PasswordField(lazy_gettext("Present password"), validators=[InputRequired(), Length(max=200)],
                            render_kw={"autocomplete": "current-password"})
    password = PasswordField(lazy_gettext("New password"), validators=[InputRequired(), Length(max=200)], render_kw={"autocomplete": "new-password"})
    again = PasswordField(lazy_gettext("New password once more"), validators=[InputRequired(), Length(max=200)],
                          render_kw={"autocomplete": "new-password"})


def _why_refused(reason: str) -> str:
    return {
        "short": _("Use ten characters or more."),
        "common": _("This password is among the first that are guessed. Choose another."),
        "like_login": _("The password contains your login. Choose another."),
        "same": _("This is the password you have now."),
    }[reason]


def _address() -> str:
    return request.remote_addr or ""


def _sign_in_page(form: SignInForm, status: int = 200, message: str = "") -> Any:
    demo = accounts.demo_sign_in_open()
    return render_template("account/sign_in.html", form=form, message=message, demo_logins=DEMO_LOGINS if demo else ()), status


@bp.get("/login")
@public
def sign_in() -> Any:
    if current_user.is_authenticated:
        return redirect(url_for("home.start"), 303)
    return _sign_in_page(SignInForm())


@bp.post("/login")
@public
def sign_in_post() -> Any:
    form = SignInForm()
    if not form.validate():
        return _sign_in_page(form, 422)
    login, password = form.login.data or "", form.password.data or ""
    try:
        accounts.check_not_paused(login, _address())
    except accounts.SignInPaused as pause:
        return _sign_in_page(form, 429, _("Too many wrong tries. Try again after %(time)s.", time=moment(pause.until)))
    candidate = accounts.find_candidate(login, password)
    try:
        if candidate is None:
            raise accounts.SignInRefused
        with transaction():
            token = accounts.open_session(candidate, _address(), request.user_agent.string)
    except accounts.SignInRefused:
        with transaction():
            accounts.note_failure(login, _address())
        return _sign_in_page(form, 422, _("Login and password do not fit. Check both; capitals matter in the password."))
    target = inside(request.values.get("next"), url_for("home.start"))
    session.clear()
    session.permanent = True
    session["seen"] = int(clock.now().timestamp())
    actor = accounts.find_actor(token)
    assert actor is not None
    login_user(actor)
    return see(target)


@bp.post("/logout")
@requires()
def sign_out() -> Any:
    with transaction():
        accounts.end_session(current_user.session_id, current_user.account_id, current_user.person_id)
    logout_user()
    session.clear()
    return see(url_for("account.sign_in"))


@bp.route("/first-code", methods=["GET", "POST"])
@public
def first_code() -> Any:
    """Choose the first password with a code on paper."""
    form = FirstCodeForm()
    if request.method == "POST":
        try:
            accounts.check_not_paused(form.login.data or "", _address())
            if form.validate() and form.password.data != form.again.data:
                form.again.errors = [_("The two passwords differ.")]
            elif form.validate():
                with transaction():
                    accounts.redeem_first_code(form.login.data or "", form.code.data or "", form.password.data or "")
                flash(_("Your password is set. Sign in with it now."), "ok")
                return see(url_for("account.sign_in"))
        except accounts.SignInPaused as pause:
            form.code.errors = [_("Too many wrong tries. Try again after %(time)s.", time=moment(pause.until))]
        except accounts.CodeRefused:
            with transaction():
                accounts.note_failure(form.login.data or "", _address())
            form.code.errors = [_("This code does not fit the login, was used, or is older than 14 days. Ask the training department for a new one.")]
        except accounts.PasswordRefused as refused:
            form.password.errors = [_why_refused(refused.reason)]
        return render_template("account/first_code.html", form=form), 422
    return render_template("account/first_code.html", form=form)


@bp.get("/account")
@requires()
def own() -> Any:
    """Who I am here, my roles, my sign-ins."""
    rows = db.session.execute(
        select(AuthSession.id, AuthSession.created_at, AuthSession.address, AuthSession.device)
        .where(AuthSession.account_id == current_user.account_id, AuthSession.ended_at.is_(None),
               AuthSession.created_at > clock.now() - accounts.SESSION_ABSOLUTE)
        .order_by(AuthSession.id.desc()).limit(50)
    ).all()
    return render_template("account/own.html", sessions=rows, form=ConfirmForm())


@bp.route("/account/password", methods=["GET", "POST"])
@requires()
def password() -> Any:
    form = PasswordForm()
    if request.method == "POST":
        if form.validate() and form.password.data != form.again.data:
            form.again.errors = [_("The two passwords differ.")]
        elif form.validate():
            try:
                with transaction():
                    accounts.change_password(current_user.account_id, current_user, form.current.data or "", form.password.data or "")
                flash(_("Your password is changed. Your other sign-ins were ended."), "ok")
                return see(url_for("account.own"))
            except accounts.SignInRefused:
                form.current.errors = [_("This is not your present password.")]
            except accounts.PasswordRefused as refused:
                form.password.errors = [_why_refused(refused.reason)]
        return render_template("account/password.html", form=form), 422
    return render_template("account/password.html", form=form)


@bp.post("/account/sessions/end")
@requires()
def end_sessions() -> Any:
    """Sign out everywhere else, or end the one sign-in that was named."""
    which = request.form.get("session", "")
    with change() as done:
        if which.isdigit() and len(which) < 19:      # what a database's whole number can hold
            accounts.end_session(int(which), current_user.account_id, current_user.person_id)
        else:
            accounts.end_other_sessions(current_user.account_id, current_user.person_id, keep=current_user.session_id)
        done.answer = url_for("account.own")
    flash(_("Done. Those devices have to sign in again."), "ok")
    return see(done.answer)


@bp.post("/language")
@public
def set_language() -> Any:
    """Switch the language: remembered in a cookie, and with the account where somebody is signed in."""
    wanted = request.form.get("language", "")
    language = wanted if wanted in LANGUAGES else "zh"
    if current_user.is_authenticated and current_user.language != language:
        with transaction():
            accounts.set_language(current_user.account_id, language)
    response = make_response(see(inside(request.form.get("next"), url_for("home.start"))))
    response.set_cookie(COOKIE, language, max_age=365 * 86400, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


