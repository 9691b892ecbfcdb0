"""Sessions, CSRF tokens and the person behind them, with what every request would otherwise compute again kept in memory.

Flask's, Flask-WTF's and Flask-Login's own rules decide; only results that cannot change are remembered: the content of a
cookie that was verified, the token that was signed for a session, a token that was found valid for it.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

from flask import Flask, Request, Response, current_app, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager
from flask_wtf.csrf import CSRFProtect, generate_csrf
from itsdangerous import BadSignature, URLSafeTimedSerializer

FIELD = "csrf_token"
REMEMBERED = 4096
_PLAIN = (str, int, bool, type(None))


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookie sessions. A cookie is verified once per process; its age is looked at every time."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[dict[str, Any], float]] = {}

    def get_signing_serializer(self, app: Flask) -> Any:
        made = app.extensions.get("qizhou_session_serializer")
        if made is None:
            made = app.extensions["qizhou_session_serializer"] = super().get_signing_serializer(app)
        return made

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        cookie = request.cookies.get(self.get_cookie_name(app))
        if not cookie:
            return SecureCookieSession()
        max_age = int(app.permanent_session_lifetime.total_seconds())
        known = self._known.get(cookie)
        if known is not None:
            # the age a signature may have is the library's rule: whole seconds, refused when older than max_age
            return SecureCookieSession(known[0]) if int(time.time()) - known[1] <= max_age else SecureCookieSession()
        try:
            content, signed_at = self.get_signing_serializer(app).loads(cookie, max_age=max_age, return_timestamp=True)
        except BadSignature:
            return SecureCookieSession()
        if all(isinstance(value, _PLAIN) for value in content.values()):     # nothing a request could change in place
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[cookie] = (content, int(signed_at.timestamp()))
        return SecureCookieSession(content)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session.modified or not session or self.should_set_cookie(app, session):
            super().save_session(app, session, response)
        elif session.accessed:
            response.headers.add("Vary", "Cookie")


@lru_cache(maxsize=REMEMBERED)
def _signed(secret: str | bytes, raw: str) -> str:
    token = URLSafeTimedSerializer(secret, salt="wtf-csrf-token").dumps(raw)
    return token if isinstance(token, str) else token.decode()


def csrf_token() -> str:
    """The token of this session for forms and scripts: signed once and then the same, so that pages compare equal."""
    raw = session.get(FIELD)
    if not isinstance(raw, str):
        return str(generate_csrf())
    secret = current_app.secret_key
    assert secret is not None
    token: str = _signed(secret, raw)
    setattr(g, FIELD, token)     # where Flask-WTF looks before it signs another
    return token


class Csrf(CSRFProtect):
    """Flask-WTF's protection. A token once found valid for a session is not verified again (ours have no time limit)."""

    def __init__(self) -> None:
        super().__init__()
        self._valid: dict[tuple[str, str], None] = {}

    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        app.jinja_env.globals[FIELD] = csrf_token
        app.context_processor(lambda: {FIELD: csrf_token})

    def protect(self, apply_exemptions: bool = False) -> None:
        if request.method not in current_app.config["WTF_CSRF_METHODS"]:
            return
        sent, raw = request.headers.get("X-CSRFToken"), session.get(FIELD)
        pair = (sent, raw) if isinstance(sent, str) and isinstance(raw, str) and request.is_json else None     # a form's own token goes first
        if pair in self._valid and not request.is_secure:
            g.csrf_valid = True
            return
        super().protect(apply_exemptions=apply_exemptions)
        if pair is not None and g.get("csrf_valid"):
            if len(self._valid) >= REMEMBERED:
                self._valid.clear()
            self._valid[pair] = None


class Logins(LoginManager):
    """Flask-Login without its session protection by address and browser: trainees' telephones change both (rulings, 18)."""

    def _session_protection_failed(self) -> bool:
        return False
