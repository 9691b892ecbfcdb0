"""Pages of practice: what is due today, the wrong-answer book, the spaced review with one question at a time."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user

from courses import queries as courses
from foundation.i18n import gettext as _
from foundation.permissions import Permission, requires
from foundation.web import change, see
from quizzes.forms import ReviewForm
from quizzes.queries import practice as queries
from quizzes.queries.pages import described, one_question
from quizzes.rules.answer import Answer, BadAnswer, from_form
from quizzes.services import practice as services

bp = Blueprint("practice", __name__)


class NotYet(Exception):
    """Nothing that could be marked: no answer and no "I don't know", or a number that cannot be read."""

    def __init__(self, given: Answer) -> None:
        super().__init__("nothing to mark")
        self.given = given


@bp.get("/practice")
@requires(Permission.LEARN)
def overview() -> Any:
    """What is due today, the book by topic, quizzes with the best score, the mock exam."""
    if courses.own_enrolment(current_user.person_id) is None:
        return render_template("courses/not_enrolled.html")
    return render_template("quizzes/practice/overview.html", page=queries.overview_page(current_user))


@bp.get("/practice/wrong")
@requires(Permission.LEARN)
def wrong() -> Any:
    """The wrong-answer book, filtered and paged; `?view=print` is one long page with room to write."""
    asked = request.args.get("page", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
    printed = request.args.get("view") == "print"
    page = queries.wrong_page(current_user, request.args.get("topic", ""), request.args.get("objective", ""), number, printed)
    return render_template("quizzes/practice/cards.html" if printed else "quizzes/practice/wrong.html", page=page)


@bp.get("/practice/review")
@requires(Permission.LEARN)
def review() -> Any:
    """The first question that is due today."""
    return render_template("quizzes/practice/review.html", page=queries.review_page(current_user), form=ReviewForm(formdata=None))


@bp.post("/practice/review")
@requires(Permission.LEARN)
def answer() -> Any:
    """Answer it; the feedback follows at once."""
    enrolment = courses.own_enrolment_or_404(current_user)
    form = ReviewForm()
    objective, token = form.objective.data or "", form.token.data or ""
    if not form.validate():
        return _again(objective, token, None, _("This answer could not be read. Nothing was saved; look at it and send it again."))
    try:
        with change() as done:
            given = _given(objective, token, is_unknown=form.go.data == "unknown")
            done.answer = url_for("practice.answered",
                                  review_answer_id=services.answer_review(enrolment.id, objective, token, given, current_user.person_id))
        return see(done.answer)
    except NotYet as fault:
        return _again(objective, token, fault.given, _("This cannot be read as a number. Write digits, with a point for decimals.") if fault.given else
                      _("Nothing is answered yet. Answer, or say that you do not know."))
    except BadAnswer:
        return _again(objective, token, None, _("This answer could not be read. Nothing was saved; look at it and send it again."))
    except services.ReviewMoved:
        return _moved(objective, token)
    except services.LimitReached:
        flash(_("Today’s questions are answered. This answer was not kept; the rest waits for tomorrow."), "error")
    except services.ExamRunning:
        flash(_("Your written exam is open, and practice rests until it has ended. This answer was not kept."), "error")
    return see(url_for("practice.overview"))


def _given(objective: str, token: str, is_unknown: bool) -> Answer:
    """What the form answers, in the keys of the content; {} for "I don't know". Raises BadAnswer, NotYet, ReviewMoved."""
    if is_unknown:
        return {}
    asked = queries.asked_now(current_user, objective, token)
    if asked is None:
        raise services.ReviewMoved
    given = from_form(asked.slot.item, asked.slot.order, _fields())
    if not given or one_question(asked.slot, given).is_unreadable:
        raise NotYet(given)
    return given


def _fields() -> dict[str, list[str]]:
    return {name: request.form.getlist(name) for name in request.form}


def _again(objective: str, token: str, given: Answer | None, problem: str) -> Any:
    page = queries.review_page(current_user, objective, token, given)
    return render_template("quizzes/practice/review.html", page=page, form=ReviewForm(formdata=None), problem=problem), 422


def _moved(objective: str, token: str) -> Any:
    """The question stands no more: both answers where it was answered elsewhere, else the question that stands now."""
    found = queries.answered_elsewhere(current_user, objective, token)
    if found is None:
        page = queries.review_page(current_user)
        return render_template("quizzes/practice/review.html", page=page, form=ReviewForm(formdata=None),
                               problem=_("This question was replaced in the meantime. Nothing was saved; here is the one that stands now.")), 409
    try:
        mine = described(one_question(found.asked.slot, from_form(found.asked.slot.item, found.asked.slot.order, _fields())))
    except BadAnswer:
        mine = ""
    return render_template("quizzes/practice/moved.html", found=found, theirs=described(found.theirs), mine=mine), 409


@bp.get("/practice/review/answers/<int:review_answer_id>")
@requires(Permission.LEARN)
def answered(review_answer_id: int) -> Any:
    """The feedback to one's own answer, and when the objective comes again."""
    return render_template("quizzes/practice/answered.html", page=queries.answered_page(current_user, review_answer_id))


BLUEPRINTS: tuple[Blueprint, ...] = (bp,)
