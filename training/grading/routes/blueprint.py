"""The blueprint of this part, and habits its route modules share."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify, request

from foundation.i18n import gettext as _
from foundation.web import refusal
from training.grading.services import Saved

bp = Blueprint("grading", __name__)


def receipt_json(saved: Saved) -> dict[str, Any]:
    """The answer to a save by a script."""
    return {"receipt": saved.receipt, "saved_at": saved.saved_at.isoformat(), "version": saved.version}


def kept_answer(saved: Saved) -> str:
    """The answer as it is kept with the operation id, so that a repeat of any earlier save gets its own receipt."""
    return json.dumps(receipt_json(saved))


def first_answer(kept: str) -> Response:
    """The receipt a repeated operation got the first time."""
    return jsonify(json.loads(kept))


def sent_json() -> tuple[dict[str, Any], Response | None]:
    """The JSON body of a save with its operation id and version, or a refusal."""
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        return {}, refusal(400, "bad-request", _("This request could not be read."))
    op, version = sent.get("op"), sent.get("version")
    if not isinstance(op, str) or not 0 < len(op) <= 64 or not isinstance(version, int) or isinstance(version, bool):
        return {}, refusal(400, "bad-request", _("This request could not be read."))
    return sent, None


def whole_number(text: str | None) -> int:
    """A version or page number from a form or address; -1 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else -1
