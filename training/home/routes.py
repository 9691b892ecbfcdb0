"""The start page: each role sees what to do next; somebody with several roles sees the sections below each other."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, render_template, request
from flask_login import current_user

from courses.library import READERS
from foundation.i18n import language
from foundation.permissions import Permission, requires
from quizzes.queries.marking import waiting_for
from quizzes.queries.practice import due_today
from training.assessment import queries as assessment
from training.grading import queries as grading
from training.home import queries
from training.home.search import search_page

bp = Blueprint("home", __name__)


@bp.get("/")
@requires()
def start() -> Any:
    may = current_user.may
    trainee = queries.trainee_page(current_user) if may(Permission.LEARN) else None
    standing = assessment.standing_page(trainee.enrolment.id) if trainee else None
    if trainee and standing:
        trainee = queries.with_deadlines(trainee, standing)
    return render_template(
        "home/start.html",
        name=current_user.name,
        trainee=trainee,
        standing=standing,
        practice=due_today(trainee.enrolment, trainee.cohort) if trainee else None,
        lonely=may(Permission.LEARN) and trainee is None,
        trainer=queries.trainer_page(current_user) if may(Permission.TEACH) else None,
        queue=grading.queue_page(current_user) if may(Permission.RATE) else None,
        answers=waiting_for(current_user) if may(Permission.RATE) else 0,
        mentor=queries.mentor_page(current_user) if may(Permission.MENTOR) else None,
        boards=queries.review_page(current_user) if may(Permission.REVIEW) else None,
        red_lines=grading.red_lines_page(current_user) if may(Permission.JUDGE_RED_LINES) else None,
        records=queries.records_page() if may(Permission.EXPORT_RECORDS) else None,
        admin=queries.admin_page() if may(Permission.MANAGE_PEOPLE) else None,
        endpoints=current_app.extensions["activity_endpoints"],
    )


@bp.get("/search")
@requires(*READERS)
def search() -> Any:
    """Everything the asker may read, searched; nothing is written and nothing is remembered of a query."""
    wanted = request.args.get("page", "1")
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else 1
    page = search_page(current_user._get_current_object(), request.args.get("q", ""), number, language())
    return render_template("home/search.html", page=page)


BLUEPRINTS = (bp,)
