"""Files that wait for a second look: kept under QIZHOU_DATA/uploads by their SHA-256 until they are confirmed or a day is over."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import IO

from flask import current_app

from foundation import clock

KEPT_S = 24 * 3600


def _folder() -> Path:
    folder: Path = Path(current_app.config["DATA"]) / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def keep(stream: IO[bytes], name: str) -> str:
    """Store what the stream holds and return its SHA-256. Files older than a day are removed on the way."""
    folder = _folder()
    _purge(folder)
    digest = hashlib.sha256()
    handle, temporary = tempfile.mkstemp(dir=folder, prefix="part-")
    try:
        with os.fdopen(handle, "wb") as file:
            while block := stream.read(256 * 1024):
                digest.update(block)
                file.write(block)
        sha256 = digest.hexdigest()
        Path(temporary).replace(folder / sha256)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    (folder / f"{sha256}.name").write_text(Path(name.replace("\\", "/")).name[:120], encoding="utf-8", errors="replace")
    return sha256


def find(sha256: str) -> Path | None:
    """The stored file, None where it is gone or the digest is not one."""
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        return None
    path = _folder() / sha256
    return path if path.is_file() else None


def name_of(sha256: str) -> str:
    """What the file was called where it came from."""
    path = _folder() / f"{sha256}.name"
    return path.read_text(encoding="utf-8") if find(sha256) and path.is_file() else ""


def discard(sha256: str) -> None:
    if find(sha256):
        for path in (_folder() / sha256, _folder() / f"{sha256}.name"):
            path.unlink(missing_ok=True)


def _purge(folder: Path) -> None:
    limit = clock.now().timestamp() - KEPT_S
    for path in folder.iterdir():
        try:
            if path.is_file() and path.stat().st_mtime < limit:
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue
