"""Every route there is, tried as everyone there is: guards, tokens, roles, other people's objects, strange input.

The lists come from the application's own map of addresses: a new route is in these tests the moment it exists, and a
new kind of id must be told here what it stands for.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, url_for
from sqlalchemy import event
from werkzeug.routing import BuildError, Rule

from foundation import audit, clock
from foundation.db import db, transaction
from foundation.permissions import ROLE_PERMISSIONS, Role
from foundation.security import HEADERS
from quizzes import queries as quiz_queries
from quizzes import services as quizzes
from quizzes.models import LateSave, ReviewAnswer
from quizzes.services import attempts as quiz_attempts
from quizzes.services import bank as studio
from quizzes.services import hearings
from tests.credentials_world import decide
from tests.factories import Factory
from tests.grading_scene import FINAL_STATION, judgement
from tests.marking_scene import Hall
from tests.participation_scene import outline_sessions, plan
from training.credentials import services as credentials
from training.grading import services as grading
from training.grading.models import Assignment, RedLineReport

# open to anyone on purpose; a new one is added here knowingly
PUBLIC = {"account.first_code", "account.set_language", "account.sign_in", "account.sign_in_post", "credentials.verify", "credentials.verify_form",
          "credentials.verify_post", "foundation.healthz", "foundation.readyz"}
# answers to GET that write on purpose, with the reason
WRITING_GETS = {
    "reporting.certifications_file": "who took which records is logged with the file",
}
# changes that need no operation id, with the reason
NOT_REPEATABLE = {
    "bank.preview": "shows what was typed, changes nothing",
    "account.sign_in_post": "each sign-in is a sign-in of its own",
    "account.sign_out": "ending what has ended changes nothing",
    "account.first_code": "a code is used once",
    "account.password": "the present password is asked for",
    "account.set_language": "setting the same language again changes nothing",
    "credentials.verify_post": "asks, and counts the asking",
    "desk.events": "each fact has an operation of its own, and being there is no change",
    "people.verify_audit": "asks, changes nothing",
    "exchange.upload": "a file is kept under its own hash, so that the same file again is the same file",
    "exchange.discard": "throwing away what is gone changes nothing",
    "roster.upload": "a file is kept under its own hash, so that the same file again is the same file",
    "roster.discard": "throwing away what is gone changes nothing",
}
UNKNOWN = 987654
WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE")


def rules(app: Flask) -> list[Rule]:
    return sorted((rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"), key=lambda rule: rule.rule)


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def guard(app: Flask, rule: Rule) -> Any:
    return getattr(app.view_functions[rule.endpoint], "guard", None)


def may(app: Flask, rule: Rule, role: Role) -> bool:
    wanted = guard(app, rule)
    return wanted in ("public", "signed-in") or bool(set(wanted) & ROLE_PERMISSIONS[role])


def address(app: Flask, rule: Rule, values: dict[str, Any], unknown: bool = False) -> str:
    """The address of a route with these values; ids that are not in `values` are unknown ones."""
    arguments = {}
    for name in rule.arguments:
        if name in values and not unknown:
            arguments[name] = values[name]
        elif name.endswith("_id"):
            arguments[name] = UNKNOWN
        else:
            arguments[name] = {"format_": "csv", "sha256": "0" * 64}.get(name, "no-such-thing")
    with app.test_request_context():
        try:
            return url_for(rule.endpoint, **arguments)
        except BuildError:
            raise AssertionError(f"{rule.rule}: say in this file what {sorted(rule.arguments)} stand for") from None


@contextmanager
def watching_writes() -> Iterator[list[str]]:
    written: list[str] = []

    def note(*told: Any) -> None:
        if str(told[2]).startswith(WRITES):
            written.append(str(told[2])[:80])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield written
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


class World:
    """Cohort A with one of everything, and people who belong to A, to B, or to nothing."""

    def __init__(self, make: Factory) -> None:
        self.a, self.b = make.cohort("2026-A", weeks_ago=6), make.cohort("2026-B", weeks_ago=6)
        trainer = make.trainer(self.a, "trainer-a")
        second = make.trainer(self.a, "trainer-a2")
        mentor = make.person("mentor-a", "mentor")
        reviewer = make.person("reviewer-a", "reviewer")
        make.person("hr-a", "hr")
        make.person("admin-a", "admin")
        self.trainee = make.trainee(self.a, "trainee-a", name="周以宁", mentor_id=mentor)
        certified = make.trainee(self.a, "certified-a", name="孟柏然", mentor_id=mentor)
        for enrolment in (self.trainee, certified):
            make.waive_all_gates(enrolment, trainer)
        make.trainee(self.b, "trainee-b")
        make.trainer(self.b, "trainer-b")
        make.person("mentor-b", "mentor")
        make.person("reviewer-b", "reviewer", scope=f"cohort:{self.b}")
        make.person("hr-b", "hr", scope="org:滨江支行")
        newcomer = make.person("newcomer", "trainee")
        session = plan(self.a, outline_sessions(self.a)[0].ref, clock.now() - timedelta(hours=2), trainer)
        with transaction():
            attempt = quizzes.start_attempt(self.trainee, "final-exam", trainer)
            performance = grading.schedule_performance(self.trainee, FINAL_STATION, (trainer, second), trainer)
            grading.mark_performed(performance, trainer)
        assignment = db.session.query(Assignment.id).filter_by(performance_id=performance, rater_id=trainer).scalar()
        with transaction():
            line = {"return-promised": {"quotation": "“保证四个点”", "happened_at": "03:10"}}
            grading.finalise_rating(assignment, judgement("l4", red_lines=line), None, trainer)
            credential = credentials.issue(certified, decide(certified, reviewer), reviewer).id
        written = Hall.essay_of(self.trainee, trainer)
        now = clock.now()
        with transaction():
            slot = quiz_queries.one_slot(attempt, 1)
            quiz_attempts.keep_late(attempt, slot.id, 1, {}, "late", now, now, trainer)
            draft = studio.begin_draft("cc-001", trainer)
            slot = quiz_queries.slots_of([attempt])[attempt][0]
            hearing = hearings.open_hearing(slot.item.key, slot.version_id, (), "drop", None, "题目有误", trainer)
            sitting = quizzes.plan_sitting(quizzes.SittingPlan(self.a, "stage-1-test", now - timedelta(hours=1), now + timedelta(hours=3), "302"), trainer)
            quizzes.approve_sitting(sitting, quiz_queries.get_sitting(sitting).proof_hash, second)
            answered = ReviewAnswer(enrolment_id=self.trainee, objective=slot.item.objective, item_key=slot.item.key, item_version_id=slot.version_id,
                                    frozen={"order": list(slot.order), "values": slot.values}, fraction=Decimal(0), rating=1, answered_at=now)
            db.session.add(answered)
            db.session.flush()
            review_answer = answered.id
        self.theirs: dict[str, Any] = {
            "review_answer_id": review_answer,
            "sitting_id": sitting,
            "cohort_id": self.a, "enrolment_id": self.trainee, "attempt_id": attempt, "performance_id": performance, "assignment_id": assignment,
            "session_id": session, "report_id": db.session.query(RedLineReport.id).scalar(), "credential_id": credential, "person_id": newcomer,
            "gate_key": "gate-1", "slot_id": written, "late_id": db.session.query(LateSave.id).scalar(), "draft_id": draft, "hearing_id": hearing,
        }


@pytest.fixture
def world(make: Factory) -> World:
    return World(make)


# ── guards and headers ───────────────────────────────────────────────────────────────────────────────────────────
def test_every_route_has_a_guard_and_the_open_ones_are_known(app: Flask) -> None:
    unguarded = [rule.rule for rule in rules(app) if guard(app, rule) is None]
    assert unguarded == [], "mark the view with @requires(…) or @public"
    assert {rule.endpoint for rule in rules(app) if guard(app, rule) == "public"} == PUBLIC


def test_the_policy_of_every_answer_is_exactly_this(app: Flask) -> None:
    expected = {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
                                   "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    assert expected == HEADERS
    client = app.test_client()
    for path in ("/login", "/", "/no-such-page", "/healthz", "/readyz", "/verify", "/static/css/qizhou.css", "/static/no-such-file"):
        answer = client.get(path)
        answer.close()
        assert {name: answer.headers.get(name) for name in expected} == expected, path
        assert "Strict-Transport-Security" not in answer.headers, "only where the public address is https"
        if not path.startswith("/static/"):
            assert answer.headers["Cache-Control"] == "no-store", path
    assert {name: client.post("/login").headers.get(name) for name in expected} == expected, "refusals too"


def test_cookies_are_strict_and_on_https_secure(app: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    make.person("somebody", "trainee")
    client = client_for()
    answer = client.post("/login", data={"login": "somebody", "password": "correct-horse-battery", "csrf_token": client.token("/login")})
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("qizhou="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    from app import create_app  # a second application beside the fixture's: the same data under another address

    other = create_app({"DATA": app.config["DATA"], "BASE_URL": "https://learn.example", "TESTING": True}).test_client()
    answer = other.get("/login")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert all("Secure" in value for value in answer.headers.getlist("Set-Cookie") if value.startswith("qizhou="))


def test_every_entry_of_the_menu_leads_somewhere(app: Flask, make: Factory, client_for: Callable[..., Any]) -> None:
    from training.home import menu  # read here, beside its only use

    named = set(re.findall(r'_entry\(_\("[^"]+"\), "([a-z_.]+)"', inspect.getsource(menu)))
    assert len(named) > 10
    assert named <= set(app.view_functions), f"no such page: {named - set(app.view_functions)}"
    for role in Role:
        make.person(f"menu-{role}", role)
        client = client_for(f"menu-{role}")
        page = client.get("/").get_data(as_text=True)
        nav = re.search(r'<nav class="nav".*?</nav>', page, re.S)
        assert nav is not None
        for path in re.findall(r'href="([^"]+)"', nav.group(0)):
            assert client.get(path, follow_redirects=True).status_code in (200, 404), f"{role}: {path}"


# ── nobody, and everybody ────────────────────────────────────────────────────────────────────────────────────────
def test_nobody_gets_in_without_signing_in(app: Flask, client_for: Callable[..., Any]) -> None:
    client = client_for()
    token = client.token("/login")
    wrong = []
    for rule in rules(app):
        if guard(app, rule) == "public":
            continue
        path = address(app, rule, {})
        for method in methods(rule):
            answer = client.open(path, method=method, data={"csrf_token": token} if method != "GET" else None)
            if answer.status_code != 303 or not answer.headers["Location"].startswith("/login"):
                wrong.append(f"{method} {rule.rule}: {answer.status_code}")
            if method == "POST":
                answer = client.open(path, method=method, json={}, headers={"X-CSRFToken": token})
                if answer.status_code != 401:
                    wrong.append(f"{method} {rule.rule} (JSON): {answer.status_code}")
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("role", list(Role))
def test_a_change_without_its_token_is_refused_and_changes_nothing(app: Flask, make: Factory, client_for: Callable[..., Any], role: Role) -> None:
    make.person("somebody", role)
    client = client_for("somebody")
    before = audit.head()
    db.session.rollback()
    wrong = []
    for rule in rules(app):
        for method in set(methods(rule)) - {"GET"}:
            path = address(app, rule, {})
            for sent in ({"data": {"op": "x"}}, {"data": {"op": "x", "csrf_token": "forged"}}, {"json": {"op": "x"}}):
                answer = client.open(path, method=method, **sent)
                if answer.status_code != 400:
                    wrong.append(f"{method} {rule.rule}: {answer.status_code}")
    assert not wrong, "\n" + "\n".join(wrong)
    assert audit.head() == before


def test_every_change_answers_the_same_operation_once(app: Flask) -> None:
    """Views that change something do it in change(), which keeps the operation id; or they are listed with their reason."""
    wrong = []
    for rule in rules(app):
        if set(methods(rule)) - {"GET"}:
            view = inspect.unwrap(app.view_functions[rule.endpoint])
            module = inspect.getmodule(view)
            assert module is not None
            source, whole = inspect.getsource(view), inspect.getsource(module)
            called = set(re.findall(r"\b(_?[a-z]\w*)\(", source))
            reached = source + "".join(inspect.getsource(getattr(module, name)) for name in called
                                       if inspect.isfunction(getattr(module, name, None)) and f"def {name}(" in whole)
            does = "change()" in reached or "receipt" in reached
            if does == (rule.endpoint in NOT_REPEATABLE):
                wrong.append(f"{rule.endpoint}: {'listed without need' if does else 'no operation id'}")
    assert not wrong, "\n" + "\n".join(wrong)
    assert set(NOT_REPEATABLE) <= {rule.endpoint for rule in rules(app)}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_meets_its_own_pages_and_no_others(app: Flask, make: Factory, client_for: Callable[..., Any], role: Role) -> None:
    """403 exactly where the role lacks the permission; otherwise an answer, never a fault, and reading never writes."""
    make.person("somebody", role)
    client = client_for("somebody")
    token = client.token()
    wrong = []
    for rule in rules(app):
        if rule.endpoint == "account.sign_out":
            continue
        path = address(app, rule, {})
        for method in methods(rule):
            data = {"csrf_token": token, "op": f"{rule.endpoint}-{method}"} if method != "GET" else None
            with watching_writes() as written:
                answer = client.open(path, method=method, data=data)
            allowed = may(app, rule, role)
            if allowed != (answer.status_code != 403) or (answer.status_code >= 500 and rule.endpoint != "foundation.readyz"):
                wrong.append(f"{method} {rule.rule}: {answer.status_code}, {'allowed' if allowed else 'not allowed'}")
            if written and (method == "GET" or not allowed) and rule.endpoint not in WRITING_GETS:
                wrong.append(f"{method} {rule.rule} writes: {written[:2]}")
            if rule.arguments and allowed and method == "GET" and answer.status_code != 404 and "format_" not in rule.arguments:
                wrong.append(f"{method} {rule.rule}: {answer.status_code} for something that does not exist")
    assert not wrong, "\n" + "\n".join(wrong)


STRANGE = ["'\"><script>alert(1)</script>", "-1", "999999999999999999999999", "NaN", "../../etc/passwd", "%00", "\u202e\u0000\ud7ff", "１２３", "a" * 3000, ""]
QUERIES = ("page", "q", "cohort", "cohort_id", "status", "state", "sort", "role", "unit", "from", "to", "before", "after", "programme", "next", "view",
           "org_unit", "year", "band", "who", "session", "lang", "number", "seq", "subject", "action")


@pytest.mark.parametrize("role", list(Role))
def test_strange_input_is_answered_and_shown_as_text(world: World, app: Flask, make: Factory, client_for: Callable[..., Any], role: Role) -> None:
    make.person("somebody", role)
    client = client_for("somebody")
    token = client.token()
    wrong = []
    for rule in rules(app):
        if not may(app, rule, role) or rule.endpoint in ("account.sign_out", "account.sign_in_post", "credentials.verify_post"):
            continue
        path = address(app, rule, world.theirs)
        for text in STRANGE:
            if "GET" in methods(rule):
                answer = client.get(path, query_string=dict.fromkeys(QUERIES, text))
                if answer.status_code >= 500 or b"<script>alert(1)" in answer.data:
                    wrong.append(f"GET {rule.rule} {text[:12]!r}: {answer.status_code}")
        for text in STRANGE[:4]:
            if "POST" in methods(rule):
                fields = dict.fromkeys((*QUERIES, "name", "note", "reason", "text", "answer", "version", "login", "seen", "level", "part"), text)
                answer = client.post(path, data={**fields, "csrf_token": token, "op": f"{rule.endpoint}-{text[:8]}"})
                if answer.status_code >= 500 or b"<script>alert(1)" in answer.data:
                    wrong.append(f"POST {rule.rule} {text[:12]!r}: {answer.status_code}")
                answer = client.post(path, json={"op": f"{rule.endpoint}-{text[:8]}", "text": [text], "answer": {"x": text}, "version": text},
                                     headers={"X-CSRFToken": token})
                if answer.status_code >= 500:
                    wrong.append(f"POST {rule.rule} JSON {text[:12]!r}: {answer.status_code}")
    assert not wrong, "\n" + "\n".join(wrong)


# ── other people's objects ───────────────────────────────────────────────────────────────────────────────────────
OUTSIDERS = {Role.TRAINEE: "trainee-b", Role.TRAINER: "trainer-b", Role.MENTOR: "mentor-b", Role.REVIEWER: "reviewer-b", Role.HR: "hr-b"}
# ids that are not owned within the roles that may use them: administrators run the whole installation, and the item bank is one
GLOBAL = {"person_id", "draft_id", "hearing_id"}


@pytest.mark.parametrize("role", list(OUTSIDERS))
def test_what_is_not_yours_is_not_there(world: World, app: Flask, client_for: Callable[..., Any], role: Role) -> None:
    """Somebody of the right role and the wrong cohort, unit or person gets the very answer that an unknown id gets."""
    client = client_for(OUTSIDERS[role])
    token = client.token()
    before = audit.head()
    db.session.rollback()
    wrong, tried = [], 0
    for rule in rules(app):
        owned = {name for name in rule.arguments if name.endswith("_id")} - GLOBAL
        if not owned or not may(app, rule, role):
            continue
        assert owned <= set(world.theirs) | {"export_id"}, f"{rule.rule}: add one of these to World.theirs"
        tried += 1
        for method in methods(rule):
            answers = []
            for unknown in (False, True):
                path = address(app, rule, world.theirs, unknown)
                answer = client.open(path, method=method, data={"csrf_token": token, "op": f"{rule.endpoint}-{unknown}"} if method != "GET" else None)
                body = re.sub(r"\d+|[A-Za-z0-9_.-]{40,}", "#", answer.get_data(as_text=True).replace(path, "PATH"))
                answers.append((answer.status_code, re.sub(r"no-such-thing|gate-#", "KEY", body)))
            if answers[0][0] != 404 or answers[0] != answers[1]:
                wrong.append(f"{method} {rule.rule}: {answers[0][0]}, for an unknown one {answers[1][0]}")
    assert not wrong, "\n" + "\n".join(wrong)
    assert tried >= 1
    assert audit.head() == before


INSIDERS = {Role.TRAINEE: "trainee-a", Role.TRAINER: "trainer-a", Role.MENTOR: "mentor-a", Role.REVIEWER: "reviewer-a", Role.HR: "hr-a", Role.ADMIN: "admin-a"}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("role", list(INSIDERS))
def test_what_is_yours_opens_in_both_languages_and_reading_never_writes(world: World, app: Flask, client_for: Callable[..., Any], role: Role,
                                                                         language: str) -> None:
    client = client_for(INSIDERS[role], language)
    wrong, opened = [], 0
    for rule in rules(app):
        if "GET" not in methods(rule) or not may(app, rule, role) or set(rule.arguments) - set(world.theirs):
            continue
        with watching_writes() as written:
            answer = client.get(address(app, rule, world.theirs))
        opened += answer.status_code == 200
        if answer.status_code >= 500:
            wrong.append(f"{rule.rule}: {answer.status_code}")
        if written and rule.endpoint not in WRITING_GETS:
            wrong.append(f"{rule.rule} writes: {written[:2]}")
        page = answer.get_data(as_text=True) if answer.mimetype == "text/html" and answer.status_code == 200 else ""
        if page and f'<html lang="{"zh-CN" if language == "zh" else "en"}">' not in page:
            wrong.append(f"{rule.rule} is not in {language}")
        if re.search(r"Traceback|jinja2\.|&lt;built-in|Undefined|\bNone\b(?![\w' ])", re.sub(r"<[^>]+>", " ", page)):
            wrong.append(f"{rule.rule} shows something of the machine")
    assert not wrong, "\n" + "\n".join(wrong)
    assert opened >= 4
