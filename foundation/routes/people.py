"""People and the audit trail: the administrator's pages. The roster import stands with the courses, which enrol."""

from __future__ import annotations

import re
import time
from typing import Any

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask_login import current_user
from wtforms import HiddenField, IntegerField, SelectField
from wtforms.validators import InputRequired, Length, Optional, Regexp, ValidationError
from wtforms.widgets import HiddenInput

from foundation import accounts, audit, directory
from foundation.db import database_key
from foundation.forms import BaseForm, ConfirmForm, TrimmedField
from foundation.i18n import gettext as _
from foundation.i18n import lazy_gettext, pick
from foundation.pages import role_name
from foundation.permissions import EVERYWHERE, Permission, Role, requires
from foundation.roster import EMAIL, LIMITS, MOBILE, column_name
from foundation.web import StaleVersion, change, see

bp = Blueprint("people", __name__, url_prefix="/people")
MANAGE = Permission.MANAGE_PEOPLE
_PLAIN = Regexp(r"[^\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]*\Z", message=lazy_gettext("Holds invisible control characters. Type the text anew."))


class _OneLine(TrimmedField):
    """A text of one line without invisible marks; empty is allowed unless InputRequired says otherwise."""

    def __init__(self, label: Any, key: str, *more: Any, **kwargs: Any) -> None:
        super().__init__(label, validators=[*more, Length(max=LIMITS[key]), _PLAIN], **kwargs)


def _like(pattern: re.Pattern[str], message: Any) -> Regexp:
    return Regexp(pattern.pattern + r"\Z", message=message)


class PersonForm(BaseForm):
    employee_no = _OneLine(lazy_gettext("Employee number"), "employee_no", InputRequired())
    name = _OneLine(lazy_gettext("Name"), "name", InputRequired())
    org_unit = _OneLine(lazy_gettext("Org unit"), "org_unit")
    position = _OneLine(lazy_gettext("Position"), "position")
    email = TrimmedField(lazy_gettext("E-mail"), validators=[Optional(), Length(max=254), _like(EMAIL, lazy_gettext("This is not an e-mail address."))],
                         render_kw={"autocomplete": "off"})
    mobile = TrimmedField(lazy_gettext("Mobile"), validators=[Optional(), Length(max=40), _like(MOBILE, lazy_gettext("This is not a telephone number."))],
                          render_kw={"autocomplete": "off", "inputmode": "tel"})
    login = _OneLine(lazy_gettext("Login"), "login", render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
    row_version = IntegerField(widget=HiddenInput(), validators=[Optional()])

    def validate_login(self, field: Any) -> None:
        if any(character.isspace() for character in field.data or ""):
            raise ValidationError(_("A login has no blanks in it."))

    def particulars(self) -> directory.Particulars:
        return directory.Particulars(self.employee_no.data or "", self.name.data or "", self.email.data or "", self.mobile.data or "",
                                     self.org_unit.data or "", self.position.data or "", self.login.data or "")


class GrantForm(BaseForm):
    role = SelectField(lazy_gettext("Role"))
    scope = SelectField(lazy_gettext("Scope"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.role.choices = [(role.value, role_name(role.value)) for role in Role]
        self.scope.choices = [(choice.scope, pick(choice.name)) for choice in directory.scope_choices()]


class NewPersonForm(PersonForm, GrantForm):
    pass


class RevokeForm(BaseForm):
    grant = HiddenField(validators=[Regexp(r"[0-9]{1,12}\Z")])


# ── list ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _page_number() -> int:
    told = request.args.get("page", "1")
    return int(told) if told.isdigit() and len(told) < 8 else 1


@bp.get("/")
@requires(MANAGE)
def listing() -> str:
    """Everybody, by employee number; searched by name, number, org unit or login, filtered by role."""
    text, role = request.args.get("q", "").strip()[:80], request.args.get("role", "")
    if role not in (*(known.value for known in Role), "none"):
        role = ""
    page = directory.listing(text, role, _page_number())

    def address(number: int) -> str:
        return url_for("people.listing", q=text or None, role=role or None, page=number)

    return render_template("people/listing.html", page=page, text=text, role=role, roles=[known.value for known in Role], address=address)


# ── one person ───────────────────────────────────────────────────────────────────────────────────────────────
def _person_or_404(person_id: int) -> directory.PersonPage:
    return directory.find_person(person_id) or abort(404)


def _person_page(person: directory.PersonPage, form: PersonForm | None = None, status: int = 200, theirs: dict[str, tuple[str, str]] | None = None) -> Any:
    if form is None:
        form = PersonForm(formdata=None, **person.particulars(), row_version=person.row_version)
    scopes = {choice.scope: pick(choice.name) for choice in directory.scope_choices()}
    return render_template("people/one.html", person=person, form=form, grant_form=GrantForm(formdata=None), confirm=ConfirmForm(formdata=None),
                           theirs=theirs, scopes=scopes, column_name=column_name), status


@bp.get("/<int:person_id>")
@requires(MANAGE)
def one(person_id: int) -> Any:
    return _person_page(_person_or_404(person_id))


@bp.post("/<int:person_id>")
@requires(MANAGE)
def save(person_id: int) -> Any:
    """Change particulars and login. A stale page gets both versions to compare (409), nothing is overwritten."""
    person = _person_or_404(person_id)
    form = PersonForm()
    if person.account_id is not None and not form.login.data:
        form.login.data = person.login
    if not form.validate():
        return _person_page(person, form, 422)
    try:
        with change() as done:
            did = directory.change_person(person_id, form.particulars(), form.row_version.data or 0, current_user.person_id)
            done.answer = url_for("people.one", person_id=person_id)
    except directory.NumberTaken:
        form.employee_no.errors = [_("Another person has this employee number.")]
        return _person_page(_person_or_404(person_id), form, 422)
    except directory.LoginTaken:
        form.login.errors = [_("Another person has this login.")]
        return _person_page(_person_or_404(person_id), form, 422)
    except StaleVersion:
        now = _person_or_404(person_id)
        mine, stands = {name: getattr(form, name).data or "" for name in now.particulars()}, now.particulars()
        form.row_version.data = now.row_version
        form.row_version.raw_data = [str(now.row_version)]
        return _person_page(now, form, 409, {name: (stands[name], mine[name]) for name in stands if stands[name] != mine[name]})
    flash(_("Saved. The former particulars are in the history.") if did else _("Nothing was changed."), "ok")
    return see(done.answer)


@bp.route("/new", methods=["GET", "POST"])
@requires(MANAGE)
def new() -> Any:
    """One person more; the first code is shown once, on the page that answers."""
    form = NewPersonForm()
    if request.method == "GET":
        return render_template("people/new.html", form=form)
    if form.validate():
        try:
            with change() as done:
                person_id, account_id = directory.add_person(form.particulars(), [(Role(form.role.data), form.scope.data)], current_user.person_id)
                code = accounts.make_first_code(account_id, current_user.person_id)
                done.answer = url_for("people.one", person_id=person_id)
            return _code_once(person_id, code)
        except directory.NumberTaken:
            form.employee_no.errors = [_("Another person has this employee number.")]
        except directory.LoginTaken:
            form.login.errors = [_("Another person has this login.")]
        except directory.GrantRefused:
            form.scope.errors = [_("This role holds everywhere; it cannot be limited to a cohort.")]
    return render_template("people/new.html", form=form), 422


def _code_once(person_id: int, code: str) -> str:
    return render_template("people/code_once.html", person=_person_or_404(person_id), code=code, days=accounts.CODE_DAYS)


@bp.post("/<int:person_id>/reset")
@requires(MANAGE)
def reset(person_id: int) -> Any:
    """The password stops working, every sign-in ends, a first code is shown once."""
    person = _person_or_404(person_id)
    if person.account_id is None:
        abort(404)
    if not ConfirmForm().validate():
        return _person_page(person, status=422)
    with change() as done:
        code = accounts.reset_password(person.account_id, current_user.person_id)
        done.answer = url_for("people.one", person_id=person_id)
    return _code_once(person_id, code)


@bp.post("/<int:person_id>/active")
@requires(MANAGE)
def set_active(person_id: int) -> Any:
    """Close the login or open it again."""
    person = _person_or_404(person_id)
    wanted = request.form.get("active") == "1"
    if person.account_id is None:
        abort(404)
    if not ConfirmForm().validate():
        return _person_page(person, status=422)
    try:
        with change() as done:
            directory.set_active(person_id, wanted, current_user.person_id)
            done.answer = url_for("people.one", person_id=person_id)
    except directory.OwnAccount:
        flash(_("You are signed in with this login; another administrator can close it."), "error")
        return see(url_for("people.one", person_id=person_id))
    flash(_("The login is open again.") if wanted else _("The login is closed and its sign-ins are ended."), "ok")
    return see(done.answer)


@bp.post("/<int:person_id>/grants")
@requires(MANAGE)
def give(person_id: int) -> Any:
    """Give a role within a scope."""
    person = _person_or_404(person_id)
    form = GrantForm()
    if not form.validate():
        return _person_page(person, status=422)
    try:
        with change() as done:
            directory.give_role(person_id, Role(form.role.data), form.scope.data or EVERYWHERE, current_user.person_id)
            done.answer = url_for("people.one", person_id=person_id)
    except directory.GrantRefused as refused:
        flash(_("This role is held already.") if refused.reason == "held" else _("This role holds everywhere; it cannot be limited to a cohort."), "error")
        return see(url_for("people.one", person_id=person_id))
    flash(_("%(name)s is %(role)s now.", name=person.name, role=role_name(form.role.data)), "ok")
    return see(done.answer)


@bp.post("/<int:person_id>/grants/revoke")
@requires(MANAGE)
def revoke(person_id: int) -> Any:
    """End a role. Nobody takes the administrator's role from themselves."""
    person = _person_or_404(person_id)
    form = RevokeForm()
    if not form.validate():
        return _person_page(person, status=422)
    try:
        with change() as done:
            directory.revoke_role(person_id, int(form.grant.data or 0), current_user.person_id)
            done.answer = url_for("people.one", person_id=person_id)
    except directory.GrantRefused as refused:
        if refused.reason == "gone":
            abort(404)
        flash(_("This is your own last administrator's role; another administrator can end it."), "error")
        return see(url_for("people.one", person_id=person_id))
    flash(_("The role is ended."), "ok")
    return see(done.answer)


# ── audit trail ──────────────────────────────────────────────────────────────────────────────────────────────
def _trail_page(verdict: audit.Verdict | None = None, status: int = 200) -> Any:
    action, subject, told = request.values.get("action", "").strip()[:60], request.values.get("subject", "").strip()[:80], request.values.get("before", "")
    before = int(told) if told.isdigit() and len(told) < 15 else None
    return render_template("people/audit.html", page=directory.trail(action, subject, before), action=action, subject=subject, before=before,
                           verdict=verdict, confirm=ConfirmForm(formdata=None)), status


@bp.get("/audit", endpoint="audit")
@requires(Permission.READ_AUDIT)
def trail() -> Any:
    """Who changed which fact, the latest first; by action and by subject."""
    return _trail_page()


@bp.post("/audit", endpoint="verify_audit")
@requires(Permission.READ_AUDIT)
def verify_trail() -> Any:
    """Walk the whole chain now and say whether it holds. Writes nothing."""
    if not ConfirmForm().validate():
        return _trail_page(status=422)
    return _trail_page(audit.verify())


# ── banner ───────────────────────────────────────────────────────────────────────────────────────────────────
_mixed: dict[str, tuple[float, bool]] = {}


def _is_mixed() -> bool:
    """Whether real people were put into a demonstration database; asked of the database at most every half minute."""
    key = database_key()
    at, is_mixed = _mixed.get(key, (float("-inf"), False))
    if not is_mixed and time.monotonic() - at > 30:
        is_mixed = accounts.installation_mark("demo-mixed") is not None
        _mixed[key] = (time.monotonic(), is_mixed)
    return is_mixed


@bp.app_context_processor
def demo_banner() -> dict[str, str]:
    if not current_user.is_authenticated or not _is_mixed():
        return {}
    return {"demo_banner": _("This is a demonstration installation with invented data, and it holds real people. Real work needs an installation of its own.")}
