"""What somebody may do, and where. Roles are grants, several per person, each with a scope.

A scope is opaque here: '*' everywhere, 'cohort:17' one cohort, 'org:城东支行' one org unit. Parts that know what a
cohort is ask `Actor.scopes_for` and turn the answer into a WHERE clause, so an object outside the scope is a 404.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, wraps
from typing import Any, TypeVar

from flask import abort, current_app
from flask_login import UserMixin, current_user


class Permission(StrEnum):
    LEARN = "learn"                          # own lessons, quizzes, cases, results
    TEACH = "teach"                          # rosters, sessions, attendance, participation levels, waivers
    RATE = "rate"                            # role-plays and cases assigned to oneself
    MENTOR = "mentor"                        # see own mentees' progress
    REVIEW = "review"                        # results board, confirm, extensions, revoke
    JUDGE_RED_LINES = "judge_red_lines"      # confirm or reject a red line another person raised
    EXPORT_RECORDS = "export_records"        # certification records
    MANAGE_PEOPLE = "manage_people"          # people, grants, roster import, resets
    MANAGE_COHORTS = "manage_cohorts"        # cohorts, dates, trainers
    READ_AUDIT = "read_audit"
    EDIT_ITEMS = "edit_items"                # the item bank: write, import, see statistics
    APPROVE_ITEMS = "approve_items"          # approve another's items; decide on a faulty item
    INVIGILATE = "invigilate"                # plan and watch sittings of one's cohorts


class Role(StrEnum):
    TRAINEE = "trainee"
    TRAINER = "trainer"
    MENTOR = "mentor"
    REVIEWER = "reviewer"
    HR = "hr"
    ADMIN = "admin"


P = Permission
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.TRAINEE: frozenset({P.LEARN}),
    Role.TRAINER: frozenset({P.TEACH, P.RATE, P.EDIT_ITEMS, P.INVIGILATE}),
    Role.MENTOR: frozenset({P.MENTOR}),
    Role.REVIEWER: frozenset({P.REVIEW, P.JUDGE_RED_LINES, P.EDIT_ITEMS, P.APPROVE_ITEMS, P.INVIGILATE}),
    Role.HR: frozenset({P.EXPORT_RECORDS}),
    Role.ADMIN: frozenset({P.MANAGE_PEOPLE, P.MANAGE_COHORTS, P.READ_AUDIT}),
}
EVERYWHERE = "*"


@dataclass(frozen=True)
class Grant:
    role: Role
    scope: str


@dataclass(frozen=True, eq=False)
class Actor(UserMixin):
    """The signed-in person as one request sees them: plain values, read in one select, no rows behind it."""

    person_id: int
    account_id: int
    session_id: int
    token: str
    name: str
    employee_no: str
    login: str
    language: str | None
    must_change_password: bool
    is_demo: bool
    grants: tuple[Grant, ...] = field(default=())

    def get_id(self) -> str:
        return self.token

    @cached_property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    def may(self, permission: Permission) -> bool:
        """Whether some grant carries the permission, in any scope."""
        return any(permission in ROLE_PERMISSIONS[grant.role] for grant in self.grants)

    def scopes_for(self, permission: Permission) -> frozenset[str]:
        """The scopes in which the permission holds; contains '*' where it holds everywhere."""
        return frozenset(grant.scope for grant in self.grants if permission in ROLE_PERMISSIONS[grant.role])


View = TypeVar("View", bound=Callable[..., Any])


def requires(*permissions: Permission) -> Callable[[View], View]:
    """Guard a view: signed in and holding one of the permissions. Anonymous → sign-in page; others → 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            actor = current_user._get_current_object()   # the proxy looks the person up again at each use
            if not actor.is_authenticated:
                return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
            if permissions and not any(actor.may(permission) for permission in permissions):
                abort(403)
            return view(*args, **kwargs)

        guarded.guard = permissions or "signed-in"  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def public(view: View) -> View:
    """Mark a view as open to anyone on purpose; a house test refuses views with neither mark."""
    view.guard = "public"  # type: ignore[attr-defined]
    return view
