"""Pictures of items: the bytes under QIZHOU_DATA/pictures by their SHA-256, a row for each."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import current_app
from sqlalchemy import select

from foundation import clock
from foundation.db import db
from quizzes.models import ItemPicture
from quizzes.rules.picture import measure


@dataclass(frozen=True)
class NewPicture:
    content: bytes
    name: str


def pictures_folder() -> Path:
    folder: Path = Path(current_app.config["DATA"]) / "pictures"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def keep_pictures(pictures: Sequence[NewPicture], actor_id: int | None) -> list[str]:
    """Store pictures, each once; their SHA-256. Inside a transaction. Raises NoPicture, before anything is stored.

    The bytes are written first: a row without its bytes cannot be, bytes without a row are found again under the same name.
    """
    measured = [(hashlib.sha256(picture.content).hexdigest(), picture, measure(picture.content)) for picture in pictures]
    have = set(db.session.scalars(select(ItemPicture.sha256).where(ItemPicture.sha256.in_([sha256 for sha256, _picture, _kind in measured]))))
    for sha256, picture, found in measured:
        _write(sha256, picture.content)
        if sha256 not in have:
            have.add(sha256)
            name = re.sub(r"[\x00-\x1f\x7f/\\\ud800-\udfff]", "_", picture.name)[:120] or f"{sha256[:12]}.{found.ending}"
            db.session.add(ItemPicture(sha256=sha256, media_type=found.media_type, size=len(picture.content), name=name, by_id=actor_id, at=clock.now()))
    db.session.flush()
    return [sha256 for sha256, _picture, _kind in measured]


def _write(sha256: str, content: bytes) -> None:
    target = pictures_folder() / sha256
    if target.is_file() and target.stat().st_size == len(content):
        return
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix="part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
