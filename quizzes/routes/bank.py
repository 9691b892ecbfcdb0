"""The item bank: find, look, write, hand in, approve, retire. One bank for the whole installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, current_app, flash, jsonify, render_template, request, url_for
from flask_babel import force_locale
from flask_login import current_user
from markupsafe import Markup
from wtforms import BooleanField, HiddenField, SelectField, TextAreaField
from wtforms.validators import Length, Optional, Regexp

from foundation.forms import BaseForm, ConfirmForm, TrimmedField
from foundation.i18n import gettext as _
from foundation.i18n import lazy_gettext, ngettext, pick
from foundation.permissions import Permission, requires
from foundation.web import StaleVersion, change, see
from quizzes.models import ItemDraft
from quizzes.queries import bank_form, bank_item, bank_list
from quizzes.queries.bank_registers import registers
from quizzes.queries.bank_words import BLOOM_NAMES, CHOICES, label_of
from quizzes.rules import bank as rules
from quizzes.rules.areas import title_of
from quizzes.rules.bank_check import Finding
from quizzes.rules.bank_diff import difference
from quizzes.rules.item import KINDS
from quizzes.services import bank as studio

bp = Blueprint("bank", __name__, url_prefix="/bank")
BLUEPRINTS = (bp,)
EDIT, APPROVE = Permission.EDIT_ITEMS, Permission.APPROVE_ITEMS
MAX_FIELDS = 2000


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────
class DraftForm(BaseForm):
    """A draft. Its fields are named `f.<name>` and read by rules.bank; `problems` says what those hold against handing in."""

    version = HiddenField(validators=[Regexp(r"\d{1,6}\Z")])
    add_kind = HiddenField()
    faults: tuple[bank_form.Told, ...] = ()

    def problems(self) -> list[tuple[str, str, str]]:
        return [*super().problems(), *((told.anchor, told.label, told.text) for told in self.faults)]


class NewItemForm(BaseForm):
    kind = SelectField(lazy_gettext("Kind of item"))
    key = TrimmedField(lazy_gettext("Key"), validators=[Length(min=1, max=studio.LONGEST_KEY)],
                       render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
    content_area = TrimmedField(lazy_gettext("Content area"), validators=[Length(min=1, max=60), Regexp(r"[a-z0-9]+(-[a-z0-9]+)*\Z")],
                                render_kw={"list": "areas", "autocomplete": "off"})
    programme = SelectField(lazy_gettext("Programme"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind.choices = [(kind, kind_name(kind)) for kind in KINDS]
        self.programme.choices = [(entry.key, pick(entry.text)) for entry in registers().programmes]


class WordForm(BaseForm):
    """A decision that may carry a comment."""

    version = HiddenField(validators=[Optional(), Regexp(r"\d{1,6}\Z")])
    comment = TextAreaField(lazy_gettext("Comment"), validators=[Length(max=studio.LONGEST_COMMENT)], render_kw={"rows": 3})


class RetireForm(BaseForm):
    reason = TextAreaField(lazy_gettext("Reason"), validators=[Length(max=studio.LONGEST_COMMENT)], render_kw={"rows": 3})
    knowing = BooleanField(lazy_gettext("I know that these papers can no longer be put together."))


class TagForm(BaseForm):
    tag = TrimmedField(lazy_gettext("New tag"), validators=[Length(max=40)], render_kw={"autocomplete": "off"})
    remove = HiddenField(validators=[Length(max=40)])


# ── words for templates ──────────────────────────────────────────────────────────────────────────────────────────
@bp.app_template_global("item_kind")
def kind_name(kind: str) -> str:
    """A kind of item as pages call it."""
    return {"single": _("One answer"), "multiple": _("Several answers"), "true_false": _("True or false"), "matching": _("Matching"), "ordering": _("Ordering"),
            "numeric": _("Calculation"), "cloze": _("Gaps"), "short_answer": _("Short answer"), "essay": _("Essay"), "set": _("Item set")}.get(kind, kind)


@bp.app_template_global("in_language")
def in_language(name: str, caller: Any) -> Markup:
    """What the block says in that language, whatever language the page has."""
    with force_locale(name):
        return Markup(caller())  # noqa: S704 - a template's own output, escaped there


def page_at(endpoint: str, **values: Any) -> str:
    """Where a neighbour's page stands; "" where this installation has no such page or the reader may not open it."""
    view = current_app.view_functions.get(endpoint)
    wanted = getattr(view, "guard", ())
    if view is None or (not isinstance(wanted, str) and not any(current_user.may(permission) for permission in wanted)):
        return ""
    return url_for(endpoint, **values)


def _words() -> dict[str, Any]:
    return {"page_at": page_at, "label_of": label_of, "area_title": lambda area: pick(title_of(area)), "blooms": BLOOM_NAMES,
            "usages": CHOICES["usage"], "kinds": list(KINDS)}


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _one_of(name: str, known: Any) -> str:
    told = request.args.get(name, "")
    return told if told in known else ""


def _page_number() -> int:
    told = request.args.get("page", "1")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 8 else 1


@bp.get("")
@requires(EDIT)
def listing() -> Any:
    """Every item and draft, searched and narrowed."""
    wanted = bank_list.Wanted(
        text=request.args.get("q", "").strip()[:100], area=request.args.get("area", "")[:60], kind=_one_of("kind", KINDS),
        bloom=_one_of("bloom", BLOOM_NAMES), band=_one_of("band", bank_list.BANDS), state=_one_of("state", bank_list.STATES),
        usage=_one_of("use", rules.USAGES), placed=_one_of("placed", ("yes", "no")), tag=request.args.get("tag", "")[:40], page=_page_number())
    page = bank_list.listing(wanted)
    fixed = {"q": wanted.text, "area": wanted.area, "kind": wanted.kind, "bloom": wanted.bloom, "band": wanted.band, "state": wanted.state,
             "use": wanted.usage, "placed": wanted.placed, "tag": wanted.tag}

    def address(number: int = 1, **changed: str) -> str:
        told = {name: value for name, value in {**fixed, **changed}.items() if value}
        return url_for("bank.listing", **told, **({"page": number} if number > 1 else {}))  # type: ignore[arg-type]

    return render_template("quizzes/bank/listing.html", page=page, address=address, is_narrowed=any(fixed.values()), **_words())


@bp.get("/marking-rules")
@requires(EDIT)
def marking_rules() -> Any:
    """How each kind is marked, with a worked example."""
    return render_template("quizzes/bank/marking_rules.html", kinds=list(KINDS))


# ── one item ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _item_page(key: str, status: int = 200, tags: TagForm | None = None) -> Any:
    told = request.args.get("draw", "1")
    seed = int(told) if told.isascii() and told.isdigit() and len(told) < 5 else 1
    page = bank_item.item_page(key, seed)
    return render_template("quizzes/bank/item.html", page=page, confirm=ConfirmForm(formdata=None), tags=tags or TagForm(formdata=None),
                           **_words()), status


@bp.get("/items/<key>")
@requires(EDIT)
def item(key: str) -> Any:
    return _item_page(key)


@bp.get("/items/<key>/history")
@requires(EDIT)
def history(key: str) -> Any:
    """Every version, with what changed in it."""
    return render_template("quizzes/bank/history.html", page=bank_item.history_page(key, _page_number()), **_words())


@bp.post("/items/<key>/draft")
@requires(EDIT)
def begin(key: str) -> Any:
    """A draft of an item, or the one that is open."""
    try:
        with change() as done:
            draft_id = studio.begin_draft(key, current_user.person_id)
            done.answer = url_for("bank.draft", draft_id=draft_id)
        return see(done.answer)
    except studio.NoSuchItem:
        abort(404)


@bp.post("/items/<key>/tags")
@requires(EDIT)
def tags(key: str) -> Any:
    """Add a tag, or take one off."""
    bank_item.known_or_404(key)
    form = TagForm()
    if form.validate():
        try:
            with change() as done:
                if form.remove.data:
                    studio.untag(key, form.remove.data, current_user.person_id)
                else:
                    studio.tag(key, form.tag.data or "", current_user.person_id)
                done.answer = url_for("bank.item", key=key, _anchor="tags")
            return see(done.answer)
        except studio.BadTag:
            form.tag.errors = [_("A tag is 1 to 40 letters, digits and spaces; an item has at most 20.")]
    return _item_page(key, 422, form)


@bp.route("/items/<key>/retire", methods=["GET", "POST"])
@requires(EDIT)
def retire(key: str) -> Any:
    """Take an item out of use, or back; before that, what could no longer be put together without it."""
    known = bank_item.known_or_404(key)
    is_retired = known.retired_at is not None
    gaps = () if is_retired else bank_item.gaps_without(key)
    form = RetireForm()
    if request.method == "POST" and form.validate():
        if gaps and not form.knowing.data:
            form.knowing.errors = [_("Tick this, or put another item into the cell first.")]
        else:
            try:
                with change() as done:
                    studio.retire_item(key, not is_retired, form.reason.data or "", current_user.person_id)
                    done.answer = url_for("bank.item", key=key)
                flash(_("Back in use from now on.") if is_retired else _("Taken out of use. Papers that hold it stay as they are."), "ok")
                return see(done.answer)
            except studio.CommentMissing:
                form.reason.errors = [_("Say why, for whoever asks later.")]
    return render_template("quizzes/bank/retire.html", key=key, known=known, is_retired=is_retired, gaps=gaps, form=form,
                           cells=bank_item.cells_of(key), **_words()), 422 if request.method == "POST" else 200


# ── a draft ──────────────────────────────────────────────────────────────────────────────────────────────────────
@bp.route("/new", methods=["GET", "POST"])
@requires(EDIT)
def new() -> Any:
    """Begin a new item: its kind, key and place; everything else in the draft."""
    form = NewItemForm()
    if request.method == "POST" and form.validate():
        try:
            with change() as done:
                draft_id = studio.new_draft(form.kind.data, form.key.data or "", form.content_area.data or "", form.programme.data, current_user.person_id)
                done.answer = url_for("bank.draft", draft_id=draft_id)
            return see(done.answer)
        except studio.BadKey:
            form.key.errors = [_("Small letters, digits and hyphens only.")]
        except studio.KeyTaken:
            form.key.errors = [_("Another item has this key.")]
    return render_template("quizzes/bank/new.html", form=form, areas=registers().areas, **_words()), 422 if request.method == "POST" else 200


def _sent_fields() -> dict[str, str]:
    """The item's fields as they were sent: names without their prefix, one value each."""
    return {name[2:]: values[0] for name, values in list(request.form.lists())[:MAX_FIELDS] if name.startswith("f.") and values}


def _draft_page(draft: ItemDraft, status: int = 200, form: DraftForm | None = None, strict: bool = False, fields: Mapping[str, str] | None = None,
                findings: tuple[Finding, ...] | None = None, theirs: Any = None) -> Any:
    page = bank_form.draft_page(draft, current_user.person_id, strict, fields, findings)
    if form is None:
        form = DraftForm(formdata=None)
    form.version.data = str(page.row_version)
    if strict:
        form.faults = page.form.errors
    return render_template("quizzes/bank/draft.html" if page.state == "draft" else "quizzes/bank/decide.html", page=page, form=form, theirs=theirs,
                           ruling=WordForm(formdata=None, version=page.row_version), may_approve=current_user.may(APPROVE) and not page.is_mine,
                           titles=bank_form.part_titles(), **_words()), status


@bp.get("/drafts/<int:draft_id>")
@requires(EDIT)
def draft(draft_id: int) -> Any:
    """A draft: its form while it is being written, the decision on it once it was handed in."""
    found = bank_form.draft_or_404(draft_id)
    return _draft_page(found, strict=found.state == "draft" and request.args.get("check") == "1")


@bp.post("/drafts/<int:draft_id>")
@requires(EDIT)
def save(draft_id: int) -> Any:
    """Save what was typed, complete or not; then add an item to a set, or hand in, as the button says."""
    found = bank_form.draft_or_404(draft_id)
    form = DraftForm()
    fields = _sent_fields()
    if (faulty := rules.faults(fields)) or not form.validate():
        findings = tuple(Finding(name, code, code) for name, code in faulty.items())
        return _draft_page(found, 422, form, True, fields, findings)
    if found.state != "draft":
        flash(_("This draft was handed in. Take it back before you change it."), "error")
        return see(url_for("bank.draft", draft_id=draft_id))
    wish = request.form.get("do", "save")
    tree = rules.read_fields(found.kind, fields)
    if wish == "add" and found.kind == "set" and form.add_kind.data in rules.IN_SETS:
        tree["items"].append({"kind": form.add_kind.data, **rules.read_fields(form.add_kind.data, {})})
    incomplete = False
    try:
        with change() as done:
            studio.save_draft(draft_id, rules.to_draft(found.kind, found.key, tree, found.body), int(form.version.data or 0), current_user.person_id)
            done.answer = url_for("bank.draft", draft_id=draft_id)
            if wish == "hand_in":
                try:
                    studio.hand_in(draft_id, studio.row_version(draft_id), current_user.person_id)
                except studio.NotComplete:
                    incomplete = True
                    done.answer = url_for("bank.draft", draft_id=draft_id, check="1")
    except StaleVersion as stale:
        mine = rules.to_draft(found.kind, found.key, tree, found.body)
        return _draft_page(bank_form.draft_or_404(draft_id), 409, form, False, fields, bank_form.all_findings(mine), difference(stale.theirs, mine))
    except studio.NotOpen:
        flash(_("This draft was handed in. Take it back before you change it."), "error")
        return see(url_for("bank.draft", draft_id=draft_id))
    if incomplete:
        return _draft_page(bank_form.draft_or_404(draft_id), 422, None, True)
    flash(_("Handed in. Another person approves it now.") if wish == "hand_in" else _("Saved."), "ok")
    return see(done.answer)


@bp.post("/drafts/<int:draft_id>/preview")
@requires(EDIT)
def preview(draft_id: int) -> Any:
    """What was typed, as a trainee will see it: a part of the page for the script, the whole draft without one. Saves nothing."""
    found = bank_form.draft_or_404(draft_id)
    fields = _sent_fields()
    if rules.faults(fields):
        return jsonify(error="shape"), 422
    body = rules.to_draft(found.kind, found.key, rules.read_fields(found.kind, fields), found.body)
    findings = bank_form.all_findings(body)
    form = bank_form.form_view(found.kind, fields, findings)
    return render_template("quizzes/bank/_live.html", faces=bank_form.preview(body, f"draft/{draft_id}"), view=form, saved=True)


def _decided(draft_id: int, act: Any, told: str, leads: str = "") -> Any:
    """Carry out a step on a draft, or say why it cannot be."""
    found = bank_form.draft_or_404(draft_id)
    form = WordForm()
    here = url_for("bank.draft", draft_id=draft_id)
    if not form.validate() or not form.version.data:
        flash(_("Something was missing from the request. Please try again."), "error")
        return see(here)
    try:
        with change() as done:
            act(draft_id, int(form.version.data), form.comment.data or "")
            done.answer = leads or here
        flash(told, "ok")
        return see(done.answer)
    except StaleVersion:
        flash(_("Somebody changed this draft meanwhile. Look at it again; nothing was decided."), "error")
    except studio.NotOpen:
        flash(_("This draft is in another state by now. Nothing was done."), "error")
    except studio.OwnDraft:
        flash(_("You are among its authors. Another person approves it."), "error")
    except studio.BaseMoved:
        flash(_("The item was changed since this draft was begun. Return it, so that its authors compare the two."), "error")
    except studio.CommentMissing:
        flash(_("Say what should be changed."), "error")
    except studio.NotComplete as refused:
        count = sum(finding.is_error for finding in refused.findings)
        flash(ngettext("%(num)d complaint stands against it now. Return it.", "%(num)d complaints stand against it now. Return it.", count), "error")
    return see(url_for("bank.draft", draft_id=found.id))


@bp.post("/drafts/<int:draft_id>/approve")
@requires(APPROVE)
def approve(draft_id: int) -> Any:
    """Publish another's draft: it may be scored from now on."""
    key = bank_form.draft_or_404(draft_id).key
    return _decided(draft_id, lambda id_, version, _comment: studio.approve(id_, version, current_user.person_id),
                    _("Approved. Papers that are put together from now on may hold it."), url_for("bank.item", key=key))


@bp.post("/drafts/<int:draft_id>/return")
@requires(EDIT)
def send_back(draft_id: int) -> Any:
    """Return a draft with the reason; its authors may take it back themselves."""
    found = bank_form.draft_or_404(draft_id)
    if not current_user.may(APPROVE) and current_user.person_id not in studio.authors_of(found.id):
        abort(403)
    return _decided(draft_id, lambda id_, version, comment: studio.send_back(id_, version, comment, current_user.person_id), _("Returned to its authors."))


@bp.post("/drafts/<int:draft_id>/discard")
@requires(EDIT)
def discard(draft_id: int) -> Any:
    """Throw a draft away. What is published stays."""
    return _decided(draft_id, lambda id_, version, _comment: studio.discard(id_, version, current_user.person_id),
                    _("The draft was thrown away."), url_for("bank.listing"))


@bp.post("/drafts/<int:draft_id>/rebase")
@requires(EDIT)
def rebase(draft_id: int) -> Any:
    """Go on writing on top of the version that was published meanwhile."""
    return _decided(draft_id, lambda id_, version, _comment: studio.take_newer_base(id_, version, current_user.person_id),
                    _("The draft now stands on the latest version. Check the differences before you hand it in."))
