"""The register of one session: one row per trainee, made for a phone in one hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user

from courses import queries as courses
from foundation.forms import ConfirmForm
from foundation.i18n import gettext as _
from foundation.i18n import moment, ngettext
from foundation.permissions import Permission, requires
from foundation.web import StaleVersion, change, see
from training.participation import queries, services
from training.participation.forms import LONGEST_REASON
from training.participation.queries import RegisterRow, SessionView
from training.participation.routes.base import bp, status_name
from training.participation.rules.attendance import STATUSES
from training.participation.services import Mark

FIELD = re.compile(r"^(?:status|late|reason|seen)-(\d{1,11})$")


@dataclass(frozen=True)
class Draft:
    """What the form says of one trainee, as it was typed. `late`: minutes late; `seen`: the entry the page showed."""

    status: str = ""
    late: str = ""
    reason: str = ""
    seen: int = 0

    def mark(self, planned: int) -> Mark:
        """As the service takes it: minutes attended, not missed. What is no number becomes 0 attended, which is refused."""
        number = self.late.strip()
        late = int(number) if number.isdecimal() and len(number) < 5 else planned
        return Mark(self.status, max(planned - late, 0) if self.status == "late" else 0, self.reason)


@dataclass(frozen=True)
class Line:
    """One row as the page prints it."""

    row: RegisterRow
    draft: Draft
    problem: str = ""
    theirs: str = ""
    late_by: int = 0

    @property
    def chosen(self) -> str:
        return self.draft.status or self.row.status or ""

    @property
    def is_folded(self) -> bool:
        """A marked row folds away; it opens where it is being changed or needs mending."""
        return self.row.status is not None and not self.problem and not self.theirs and self.draft.status in ("", self.row.status)


def _drafts() -> dict[int, Draft]:
    """The rows of the form by enrolment id; other fields are not ours."""
    ids = {int(match.group(1)) for name in request.form if (match := FIELD.match(name))}

    def of(id_: int) -> Draft:
        seen = request.form.get(f"seen-{id_}", "")
        return Draft(request.form.get(f"status-{id_}", "")[:20], request.form.get(f"late-{id_}", "")[:10],
                     request.form.get(f"reason-{id_}", "").strip()[:LONGEST_REASON], int(seen) if seen.isdecimal() and len(seen) < 12 else 0)

    return {id_: of(id_) for id_ in ids}


def _page(session: SessionView, drafts: Mapping[int, Draft], status: int = 200, problems: Mapping[int, str] | None = None,
          theirs: Mapping[int, str] | None = None, problem: str = "") -> Any:
    rows = queries.register_rows(session)
    lines = []
    for row in rows:
        draft = drafts.get(row.enrolment.id) or Draft(late=str(session.minutes - row.minutes) if row.status == "late" else "")
        lines.append(Line(row, draft, (problems or {}).get(row.enrolment.id, ""), (theirs or {}).get(row.enrolment.id, ""),
                          session.minutes - row.minutes if row.status == "late" else 0))
    counts = queries.register_counts(rows)
    return render_template("participation/register.html", session=session, cohort=courses.get_cohort(session.cohort_id), lines=lines, counts=counts,
                           statuses=STATUSES, marked=len(rows) - counts[""], form=ConfirmForm(), problem=problem), status


@bp.get("/cohorts/<int:cohort_id>/register")
@requires(Permission.TEACH)
def register_now(cohort_id: int) -> Any:
    """Straight to the register that is wanted now; to the list of sessions where none is."""
    courses.cohort_or_404(cohort_id, current_user, Permission.TEACH)
    session_id = queries.session_to_mark(cohort_id)
    if session_id is None:
        flash(_("No register is waiting at the moment."), "notice")
        return see(url_for("participation.sessions", cohort_id=cohort_id))
    return see(url_for("participation.register", session_id=session_id))


@bp.route("/sessions/<int:session_id>/register", methods=["GET", "POST"])
@requires(Permission.TEACH)
def register(session_id: int) -> Any:
    """Mark everybody; what was marked before is corrected with a reason. Nothing is saved unless all of it can be."""
    session = queries.session_or_404(session_id, current_user)
    if request.method == "GET":
        return _page(session, {})
    drafts = _drafts()
    if not ConfirmForm().validate():
        return _page(session, drafts, 422, problem=_("The page had been open too long. Please send it again."))
    marks = _changes(session, drafts)
    if request.form.get("fill") == "present":
        marks |= {row.enrolment.id: Mark("present", 0) for row in queries.register_rows(session)
                  if row.status is None and row.enrolment.id not in marks and row.enrolment.person_id != current_user.person_id}
    try:
        with change() as done:
            count = services.keep_register(session_id, marks, current_user.person_id, {id_: draft.seen for id_, draft in drafts.items()})
            done.answer = url_for("participation.register", session_id=session_id)
    except services.RegisterRefused as refused:
        return _refused(session, drafts, refused)
    except StaleVersion as stale:
        return _stale(session, drafts, frozenset(stale.theirs))
    if count:
        flash(ngettext("%(num)d entry saved.", "%(num)d entries saved.", count), "ok")
    else:
        flash(_("Nothing was different: the register stays as it is."), "notice")
    return see(done.answer)


def _changes(session: SessionView, drafts: Mapping[int, Draft]) -> dict[int, Mark]:
    """The marks the trainer chose, without the rows left as the page showed them."""
    shown = queries.entries_seen(session.id, {draft.seen for draft in drafts.values() if draft.seen})
    marks = {id_: draft.mark(session.minutes) for id_, draft in drafts.items() if draft.status}
    return {id_: mark for id_, mark in marks.items()
            if shown.get(id_) != (mark.status, session.minutes if mark.status == "present" else mark.minutes)}


def _refused(session: SessionView, drafts: Mapping[int, Draft], refused: services.RegisterRefused) -> Any:
    if refused.reason == "future":
        return _page(session, drafts, 422, problem=_("The register opens a quarter of an hour before the session begins. Nothing was saved."))
    words = {
        "status": _("Choose one of the four."),
        "minutes": _("Minutes late: from 1 to %(most)d.", most=session.minutes - 1),
        "own": _("Nobody marks themselves. Ask another trainer."),
    }
    problems = {}
    for id_, reason in refused.problems.items():
        if reason == "reason":
            excused = id_ in drafts and drafts[id_].status == "excused"
            problems[id_] = _("An excused absence needs its reason.") if excused else _("This was marked before: a correction needs a reason.")
        elif reason != "person":
            problems[id_] = words[reason]
    strangers = "person" in refused.problems.values()
    text = _("Somebody on this page is no longer in the cohort and was left out. Check the rest and send it again.") if strangers else ""
    return _page(session, drafts, 422, problems, problem=text)


def _stale(session: SessionView, drafts: Mapping[int, Draft], ids: frozenset[int]) -> Any:
    """Both versions: what stands now, and what was chosen here. The form goes on from the newest entries."""
    rows = {row.enrolment.id: row for row in queries.register_rows(session)}
    zone = courses.get_cohort(session.cohort_id).zone
    theirs = {}
    for id_ in ids & rows.keys():
        row = rows[id_]
        theirs[id_] = _("Now: %(status)s, entered by %(name)s at %(time)s. Your choice is kept below; to put it in place of this one, add a reason.",
                        status=status_name(row.status), name=row.by, time=moment(row.at, zone))
    text = _("Somebody else marked the same people while this page was open. Nothing was overwritten; both versions are shown.")
    return _page(session, drafts, 409, theirs=theirs, problem=text)
