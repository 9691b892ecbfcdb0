"""Answers that a device kept because it could not send them: how they are sealed, and how a recovery file is opened.

Each answer is sealed by AES-GCM under a key of its attempt, person and device, which only the server can make again. The
names of the attempt, the person, the device and the operation are sealed with it as associated data, so that an entry cannot
be moved into another paper. A file that was changed by a single character does not open. Whatever comes out is still
nothing but a claim about an answer: the server reads it like any other save.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORMAT = "qizhou/recovery@1"
MOST_ENTRIES = 400
MOST_BYTES = 4 * 1024 * 1024
DEVICE = re.compile(r"[0-9a-f]{32}")
OPERATION = re.compile(r"[0-9A-Za-z_-]{1,64}")
Reason = Literal["not-json", "format", "attempt", "too-many", "forged"]


class BadRecovery(Exception):
    """The file is refused as a whole; nothing of it was saved. `entry`: which of its entries, from 1, where it is one of them."""

    def __init__(self, reason: Reason, entry: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.entry = reason, entry


@dataclass(frozen=True)
class KeptAnswer:
    """One answer as the device kept it. `version`: what it was made on; `after`: the operation before it, whose fate the
    device did not know, "" where there was none; `at`: the device's clock, None where that says nothing readable."""

    op: str
    position: int
    version: int
    after: str
    answer: dict[str, Any]
    at: datetime | None


def device_key(secret: bytes, attempt_id: int, person_id: int, device: str) -> bytes:
    """The 32 bytes under which one device keeps the answers of one person's attempt. The same again for the same three."""
    return HKDF(hashes.SHA256(), 32, b"qizhou answers on devices", f"{attempt_id}|{person_id}|{device}".encode()).derive(secret)


def associated(attempt_id: int, person_id: int, device: str, op: str) -> bytes:
    return f"{FORMAT}|{attempt_id}|{person_id}|{device}|{op}".encode()


def seal(key: bytes, nonce: bytes, attempt_id: int, person_id: int, device: str, kept: KeptAnswer) -> dict[str, str]:
    """One entry as a device writes it into a recovery file (the page does the same in JavaScript)."""
    body = {"position": kept.position, "version": kept.version, "after": kept.after, "answer": kept.answer,
            "at": kept.at.isoformat() if kept.at else ""}
    data = AESGCM(key).encrypt(nonce, json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"),
                               associated(attempt_id, person_id, device, kept.op))
    return {"op": kept.op, "iv": base64.b64encode(nonce).decode(), "data": base64.b64encode(data).decode()}


def open_file(raw: bytes, attempt_id: int, person_id: int, key_for: Callable[[str], bytes]) -> tuple[str, tuple[KeptAnswer, ...]]:
    """(device, its answers in order) of a recovery file of this attempt. `key_for(device)` gives the key. Raises BadRecovery."""
    try:
        file = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadRecovery("not-json") from None
    if not isinstance(file, dict) or file.get("format") != FORMAT:
        raise BadRecovery("format")
    device, entries = file.get("device"), file.get("entries")
    if not isinstance(device, str) or not DEVICE.fullmatch(device) or not isinstance(entries, list):
        raise BadRecovery("format")
    if isinstance(file.get("attempt"), bool) or file.get("attempt") != attempt_id:
        raise BadRecovery("attempt")
    if not entries:
        raise BadRecovery("format")
    if len(entries) > MOST_ENTRIES:
        raise BadRecovery("too-many")
    key = AESGCM(key_for(device))
    return device, tuple(_opened(entry, number, key, attempt_id, person_id, device) for number, entry in enumerate(entries, 1))


def _opened(entry: Any, number: int, key: AESGCM, attempt_id: int, person_id: int, device: str) -> KeptAnswer:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in ("op", "iv", "data")):
        raise BadRecovery("format", number)
    op = entry["op"]
    if not OPERATION.fullmatch(op):
        raise BadRecovery("format", number)
    try:
        nonce, sealed = (base64.b64decode(entry[name], validate=True) for name in ("iv", "data"))
        if len(nonce) != 12:
            raise BadRecovery("forged", number)
        body = json.loads(key.decrypt(nonce, sealed, associated(attempt_id, person_id, device, op)))
    except (binascii.Error, InvalidTag, ValueError, RecursionError):
        raise BadRecovery("forged", number) from None
    position, version, after, answer = (body.get(name) for name in ("position", "version", "after", "answer")) if isinstance(body, dict) else (None,) * 4
    if not isinstance(answer, dict) or not isinstance(after, str) or not (after == "" or OPERATION.fullmatch(after)):
        raise BadRecovery("format", number)
    if any(isinstance(figure, bool) or not isinstance(figure, int) or not 0 <= figure < 10**6 for figure in (position, version)):
        raise BadRecovery("format", number)
    return KeptAnswer(op, int(position), int(version), after, answer, moment(body.get("at")))  # type: ignore[arg-type]


def moment(text: Any) -> datetime | None:
    """What a device's clock said, as an aware time in UTC; None for anything else. Never trusted, only shown.

    >>> moment("2026-03-01T09:30:00Z").isoformat(), moment("2026-03-01T09:30:00"), moment("soon")
    ('2026-03-01T09:30:00+00:00', None, None)
    """
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        read = datetime.fromisoformat(text)
        return None if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
