"""Habits of the web layer: one visible transaction per POST, the same operation answered once, addresses that stay inside."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from flask import Response, jsonify, redirect, request
from flask_login import current_user
from sqlalchemy import select

from foundation import clock
from foundation.db import Change, canonical_json, db, transaction
from foundation.people import OperationRow


class AlreadyDone(Exception):
    """This operation was carried out before; `answer` is where it led."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer


class OperationConflict(Exception):
    """The same operation id came with other content: refused, nothing changed (409)."""


class StaleVersion(Exception):
    """Somebody, or another tab, saved in between. `theirs` is what stands now; nothing was overwritten (409)."""

    def __init__(self, theirs: Any = None) -> None:
        super().__init__("stale version")
        self.theirs = theirs


def _content_hash() -> str:
    if request.is_json:
        sent: Any = {key: value for key, value in (request.get_json(silent=True) or {}).items() if key != "op"}
    else:
        sent = {key: request.form.getlist(key) for key in request.form if key not in ("csrf_token", "op")}
        for key, files in request.files.lists():
            digests = []
            for file in files:
                digests.append(hashlib.sha256(file.stream.read()).hexdigest())
                file.stream.seek(0)
            sent[f"file:{key}"] = digests
    return hashlib.sha256(canonical_json([request.path, sent]).encode("utf-8", "surrogatepass")).hexdigest()


def operation_id() -> str:
    """The id the form or device gave this operation, '' where it gave none. Bound to the person who sent it."""
    sent = (request.get_json(silent=True) or {}).get("op") if request.is_json else request.form.get("op")
    return str(sent or "")[:64]


@contextmanager
def change() -> Iterator[Change]:
    """The transaction of a POST. Set `.answer` to the address the person goes to next.

    Raises AlreadyDone (same operation, same content) or OperationConflict (same id, other content), both checked under
    the write lock, so twenty parallel copies have one effect.
    """
    op = operation_id()
    person_id = current_user.person_id if current_user.is_authenticated else None
    key = hashlib.sha256(f"{person_id}:{op}".encode("utf-8", "surrogatepass")).hexdigest() if op else ""
    content = _content_hash() if op else ""
    with transaction() as change_:
        if op:
            row = db.session.execute(select(OperationRow.content_hash, OperationRow.answer).where(OperationRow.id == key)).first()
            if row is not None:
                if row.content_hash != content:
                    raise OperationConflict
                raise AlreadyDone(row.answer)
        yield change_
        if op:
            db.session.add(OperationRow(id=key, person_id=person_id, content_hash=content, answer=change_.answer, at=clock.now()))


def see(address: str) -> Response:
    """Send the browser on after a change (303)."""
    return redirect(address, 303)  # type: ignore[return-value]


def inside(address: str | None, otherwise: str) -> str:
    """`address` if it stays within this site, else `otherwise`: the only way a `next` is ever followed."""
    if not address:
        return otherwise
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not address.startswith("/") or address.startswith(("//", "/\\")) or any(c in address for c in "\\\r\n\t"):
        return otherwise
    return address


def wants_json() -> bool:
    return request.is_json or request.accept_mimetypes.best == "application/json"


def refusal(status: int, reason: str, message: str, **more: Any) -> Response:
    """A refusal for scripts: {"error": reason, "message": wording, …}."""
    response = jsonify(error=reason, message=message, **more)
    response.status_code = status
    return response
