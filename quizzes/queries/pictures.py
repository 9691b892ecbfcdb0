"""Pictures of items, and who may see one."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from flask import abort, current_app
from sqlalchemy import String, cast, select

from courses.models import Enrolment
from foundation.content import ContentVersion
from foundation.db import db
from foundation.permissions import Actor, Permission
from quizzes.models import Attempt, ItemPicture, Slot

BY_OFFICE = (Permission.EDIT_ITEMS, Permission.APPROVE_ITEMS, Permission.INVIGILATE, Permission.RATE, Permission.REVIEW)


@dataclass(frozen=True)
class PictureView:
    sha256: str
    media_type: str
    name: str
    path: Path


def _path(sha256: str) -> Path:
    return Path(current_app.config["DATA"]) / "pictures" / sha256


def picture_or_404(sha256: str, actor: Actor) -> PictureView:
    """The picture; for trainees only while it stands in a paper of their own, so that a picture of an exam is no hint beforehand."""
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        abort(404)
    row = db.session.get(ItemPicture, sha256)
    if row is None or not _path(sha256).is_file():
        abort(404)
    if not any(actor.may(permission) for permission in BY_OFFICE) and not _was_asked(sha256, actor):
        abort(404)
    return PictureView(row.sha256, row.media_type, row.name, _path(sha256))


def _was_asked(sha256: str, actor: Actor) -> bool:
    return db.session.execute(
        select(Slot.id).join(Attempt, Attempt.id == Slot.attempt_id).join(Enrolment, Enrolment.id == Attempt.enrolment_id)
        .join(ContentVersion, ContentVersion.id == Slot.item_version_id)
        .where(Enrolment.person_id == actor.person_id, cast(ContentVersion.body, String).contains(f"picture:{sha256}")).limit(1)).first() is not None


def pictures(sha256s: Collection[str]) -> dict[str, tuple[str, bytes]]:
    """SHA-256 → (media type, bytes) of those that the bank holds."""
    found: dict[str, tuple[str, bytes]] = {}
    wanted = sorted(set(sha256s))
    for start in range(0, len(wanted), 500):
        for row in db.session.scalars(select(ItemPicture).where(ItemPicture.sha256.in_(wanted[start:start + 500]))):
            if _path(row.sha256).is_file():
                found[row.sha256] = (row.media_type, _path(row.sha256).read_bytes())
    return found
