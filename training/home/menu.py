"""The menu of each role: every page is reachable from here."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request, url_for

from courses.library import READERS
from foundation.i18n import gettext as _
from foundation.permissions import Actor, Permission


@dataclass(frozen=True)
class Entry:
    """One menu entry; `tab` puts it into the phone's tab bar (five at most)."""

    label: str
    address: str
    icon: str
    is_here: bool
    tab: bool = True


def _entry(label: str, endpoint: str, icon: str, *prefixes: str, tab: bool = True) -> Entry:
    here = request.endpoint or ""
    address = url_for(endpoint) if endpoint in current_app.view_functions else ""
    return Entry(label, address, icon, here == endpoint or any(here.startswith(prefix) for prefix in prefixes), tab)


def entries(actor: Actor) -> tuple[Entry, ...]:
    """The entries for somebody's roles together, in the order of a working day."""
    found = [_entry(_("Today"), "home.start", "today")]
    may = actor.may
    if may(Permission.LEARN):
        found += [
            _entry(_("Course"), "courses.outline", "book", "courses.lesson", "courses.outline", "quizzes."),
            _entry(_("Assessment"), "assessment.own", "gauge", "assessment.own", "grading.case"),
            _entry(_("Attendance"), "participation.own", "list"),
            _entry(_("Practice"), "practice.overview", "return", "practice.", tab=False),
            _entry(_("Record"), "reporting.file", "file", "credentials.own", "reporting.file"),
        ]
    if may(Permission.TEACH):
        found += [
            _entry(_("Cohorts"), "courses.cohorts", "user", "courses.cohort", "courses.trainee", "courses.waive",
                   "participation.register", "participation.sessions", "participation.plan", "participation.edit", "participation.levels",
                   "participation.confirm", "participation.notes", "participation.evidence", "participation.set_level"),
        ]
    if may(Permission.INVIGILATE):
        found += [_entry(_("Exams"), "exams.listing", "clock", "exams.", "sitting.")]
    if may(Permission.EDIT_ITEMS):
        found += [_entry(_("Item bank"), "bank.listing", "list", "bank.", "exchange.", "statistics.", "hearings.", tab=False)]
    if may(Permission.RATE):
        found += [_entry(_("Rating"), "grading.queue", "pencil", "grading.rate", "grading.queue", "marking.")]
    if may(Permission.MENTOR):
        found += [_entry(_("My trainees"), "courses.mentees", "talk", "courses.mentee")]
    if may(Permission.REVIEW):
        found += [_entry(_("Results"), "assessment.boards", "table", "assessment.board"), _entry(_("Red lines"), "grading.red_lines", "stop"),
                  _entry(_("Certificates"), "credentials.ledger", "seal", "credentials.ledger", "credentials.one")]
    if may(Permission.EXPORT_RECORDS):
        found += [_entry(_("Certification records"), "reporting.certifications", "table")]
    if may(Permission.MANAGE_PEOPLE):
        found += [_entry(_("People"), "people.listing", "user", "people.listing", "people.one", "people.new", "people.save", "people.reset", "roster.")]
    if may(Permission.MANAGE_COHORTS):
        found += [_entry(_("Manage cohorts"), "courses.manage", "book", "courses.manage")]
    if may(Permission.READ_AUDIT):
        found += [_entry(_("Audit trail"), "people.audit", "shield", "people.verify_audit")]
    if any(may(permission) for permission in READERS):
        found += [_entry(_("Glossary"), "courses.glossary", "book", tab=False)]
    unique = {entry.address: entry for entry in found if entry.address}
    return tuple(unique.values())


def search_address(actor: Actor) -> str:
    """Where the search field of the masthead leads, '' for who has nothing to search."""
    return url_for("home.search") if any(actor.may(permission) for permission in READERS) else ""
