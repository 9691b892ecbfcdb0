"""The application: extensions, blueprints, commands and error pages. The only file that knows every part."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask, Response, flash, jsonify, make_response, redirect, render_template, request, session, url_for
from flask_login import current_user
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError

import foundation.commands
import foundation.routes
from foundation import accounts, clock, due, i18n, keys, pages, security
from foundation.db import WriterBusy, db, prepare_engine
from foundation.i18n import gettext as _
from foundation.permissions import Actor
from foundation.schema import UnknownSchema
from foundation.sessions import Csrf, Logins, Sessions
from foundation.web import AlreadyDone, OperationConflict, refusal, wants_json
import courses.commands
import courses.loader
import courses.models
import courses.routes
import quizzes.commands
import quizzes.loader
import quizzes.models
import quizzes.routes
import quizzes.services
import quizzes.services.hearings
import training.assessment.loader
import training.assessment.models
import training.assessment.routes
import training.credentials.commands
import training.credentials.models
import training.credentials.queries
import training.credentials.routes
import training.demo.commands
import training.grading.loader
import training.grading.models
import training.grading.routes
import training.grading.services
import training.home.routes
import training.participation.loader
import training.participation.models
import training.participation.queries
import training.participation.routes
import training.reporting.commands
import training.reporting.models
import training.reporting.routes
from training.home import menu

ROOT = Path(__file__).resolve().parent
migrate = Migrate()
csrf = Csrf()
login_manager = Logins()


def create_app(config: dict[str, Any] | None = None) -> Flask:
    """Make the application. `config` overrides: DATA (folder), SQLALCHEMY_DATABASE_URI, BASE_URL, SECRET_KEY."""
    app = Flask(__name__, static_folder="static", template_folder="templates")
    settings = config or {}
    data = Path(settings.get("DATA") or os.environ.get("QIZHOU_DATA") or ROOT / "instance").resolve()
    data.mkdir(parents=True, exist_ok=True)
    secrets = keys.load(data)
    app.config.update(
        DATA=data,
        SECRET_KEY=secrets.session.decode(),
        SQLALCHEMY_DATABASE_URI=_database_url(data),
        SQLALCHEMY_ENGINE_OPTIONS={"pool_pre_ping": False},
        BASE_URL=os.environ.get("QIZHOU_BASE_URL", f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"),
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=24 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        MAX_FORM_PARTS=5000,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=16),
    )
    app.config.update(settings)
    app.extensions["qizhou_keys"] = secrets
    app.session_interface = Sessions()
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
    with app.app_context():
        prepare_engine(db.engine)
        app.extensions["qizhou_database"] = str(db.engine.url)
        app.extensions["qizhou_write_lock"] = data / "write.lock" if db.engine.dialect.name == "sqlite" else None
    i18n.setup(app)
    security.setup(app)
    csrf.init_app(app)
    pages.setup(app)
    _setup_login(app)
    for part in (foundation.routes, courses.routes, quizzes.routes, training.grading.routes, training.participation.routes,
                 training.assessment.routes, training.credentials.routes, training.reporting.routes, training.home.routes):
        for blueprint in part.BLUEPRINTS:
            app.register_blueprint(blueprint)
    app.extensions["activity_endpoints"] = {
        "lesson": "courses.lesson", "quiz": "quizzes.start", "case": "grading.case", "station": "grading.station_brief",
    }
    app.extensions["attended_minutes"] = training.participation.queries.attended_by_ref
    app.extensions["attended_minutes_of"] = training.participation.queries.attended_by_refs
    app.extensions["menu"] = menu.entries
    app.extensions["search_address"] = menu.search_address
    foundation.commands.register(app)
    _register_duties()
    _register_commands(app)
    _error_pages(app)
    return app


def _database_url(data: Path) -> str:
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        return f"sqlite:///{data / 'qizhou.db'}"
    return url.replace("postgres://", "postgresql+psycopg://", 1).replace("postgresql://", "postgresql+psycopg://", 1)


def _setup_login(app: Flask) -> None:
    login_manager.init_app(app)
    login_manager.login_view = "account.sign_in"
    login_manager.session_protection = None

    @login_manager.user_loader
    def load(token: str) -> Actor | None:
        seen = session.get("seen", 0)
        now = int(clock.now().timestamp())
        if now - seen > accounts.SESSION_IDLE.total_seconds():
            return None
        if now - seen > 300:
            session["seen"] = now
        return accounts.find_actor(token)

    @login_manager.unauthorized_handler
    def sign_in_first() -> Any:
        if wants_json():
            return refusal(401, "signed-out", _("You are signed out. Sign in again; nothing on this page is lost."))
        target = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("account.sign_in", next=target), 303)

    @app.before_request
    def choose_a_password_first() -> Any:
        if request.endpoint == "static":
            return None
        actor = current_user._get_current_object()
        if actor.is_authenticated and actor.must_change_password and request.endpoint not in (
                "account.password", "account.sign_out", "account.set_language", "static", "foundation.healthz", "foundation.readyz"):
            return redirect(url_for("account.password"), 303)
        return None


def _register_commands(app: Flask) -> None:
    for part in (courses.commands, quizzes.commands, training.demo.commands, training.credentials.commands, training.reporting.commands):
        part.register(app)


def _register_duties() -> None:
    """What the worker beside the server posts when its time has come."""
    quizzes.services.hearings.register_consequences(training.credentials.queries.exam_consequences)
    due.register("attempts", quizzes.services.due_attempts, quizzes.services.close_by_time)
    due.register("cases", lambda _now: training.grading.services.due_cases(), lambda case, _now: training.grading.services.close_due_case(case))


def _error_pages(app: Flask) -> None:
    def page(status: int, title: str, text: str, reason: str) -> Response:
        if wants_json():
            return refusal(status, reason, f"{title} {text}")
        return make_response(render_template("errors/error.html", status=status, title=title, text=text), status)

    @app.errorhandler(400)
    def bad_request(_fault: Exception) -> Response:
        return page(400, _("This request could not be read."), _("Go back and try once more."), "bad-request")

    @app.errorhandler(CSRFError)
    def stale_form(_fault: Exception) -> Response:
        return page(400, _("This page was from another sign-in."),
                    _("Go back, copy what you wrote, load the page again and send it once more. Nothing was changed."), "csrf")

    @app.errorhandler(403)
    def not_allowed(_fault: Exception) -> Response:
        return page(403, _("This page is not for your role."), _("If you need it for your work, ask an administrator for the role."), "forbidden")

    @app.errorhandler(404)
    def not_found(_fault: Exception) -> Response:
        return page(404, _("There is nothing at this address."), _("It may be mistyped, or it is not yours to see."), "not-found")

    @app.errorhandler(405)
    def wrong_method(_fault: Exception) -> Response:
        return page(405, _("This address does not take that kind of request."), _("Go back and use the page's own buttons."), "method")

    @app.errorhandler(413)
    def too_large(_fault: Exception) -> Response:
        return page(413, _("This is too large."), _("Files may have up to 24 MB, a page's texts up to 4 MB. Nothing was saved."), "too-large")

    @app.errorhandler(AlreadyDone)
    def already_done(fault: AlreadyDone) -> Response:
        if wants_json():
            return jsonify(ok=True, already=True)
        return redirect(fault.answer or url_for("home.start"), 303)  # type: ignore[return-value]

    @app.errorhandler(OperationConflict)
    def operation_conflict(_fault: OperationConflict) -> Response:
        return page(409, _("This form was already sent with other content."),
                    _("The first version stands. Load the page again to see it and to make further changes."), "operation-conflict")

    @app.errorhandler(WriterBusy)
    def busy(_fault: WriterBusy) -> Response:
        return page(503, _("Not saved: the database is busy."), _("Your text is still in this page. Wait a moment and send it again."), "busy")

    @app.errorhandler(UnknownSchema)
    def another_schema(fault: UnknownSchema) -> Response:
        app.logger.error("%s", fault)
        return page(503, _("Not saved: the program is being replaced by a newer one."),
                    _("Your text is still in this page. Wait a moment and send it again."), "schema")

    @app.errorhandler(OperationalError)
    def database_fault(fault: OperationalError) -> Response:
        app.logger.error("database fault: %s", fault.orig)
        db.session.rollback()
        return page(503, _("Not saved: the database could not be written."), _("Your text is still in this page. Tell an administrator."), "database")

    @app.errorhandler(500)
    def broken(_fault: Exception) -> Response:
        return page(500, _("Something broke on our side."), _("It was written to the log. Nothing was saved by this request."), "broken")


__all__ = ["create_app", "flash"]
