"""The kept paper: the first PDF of a certificate, under QIZHOU_DATA/files by its hash, made again where it is lost."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Literal

from flask import current_app
from sqlalchemy import select

from foundation import clock
from foundation.db import db, transaction
from training.credentials.models import Credential, RenderedPdf
from training.credentials.queries import CredentialView
from training.credentials.rules import paper


class PaperDiffers(Exception):
    """The kept file is lost and the record no longer draws to the same bytes: other versions of template, engine or font."""


def path_of(sha256: str) -> Path:
    """Where a file with this hash is kept."""
    return Path(current_app.config["DATA"]) / "files" / sha256[:2] / f"{sha256}.pdf"


def _store(content: bytes) -> str:
    """Write a file under its hash: on disk before it has its name, so that a name never stands for half a file."""
    sha256 = hashlib.sha256(content).hexdigest()
    target = path_of(sha256)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return sha256


def _read(sha256: str) -> bytes | None:
    """The kept file, or None where it is missing or no longer what its name says."""
    try:
        content = path_of(sha256).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def keep_paper(credential_id: int) -> Literal["there", "drawn", "restored"]:
    """Draw a certificate's first PDF, keep it, and write its hash down; says what there was to do.

    Runs outside of any transaction: it draws first and takes the write lock only for the row. A second call, or two at
    once, finds the row and changes nothing. A lost file is made again; PaperDiffers where the bytes would not be the same.
    """
    row = db.session.execute(
        select(Credential.facts, Credential.template_version, RenderedPdf.sha256).outerjoin(RenderedPdf, RenderedPdf.credential_id == Credential.id)
        .where(Credential.id == credential_id)
    ).one()
    if row.sha256 is not None and _read(row.sha256) is not None:
        return "there"
    content = paper.draw(row.facts, row.template_version)
    if row.sha256 is not None:
        if hashlib.sha256(content).hexdigest() != row.sha256:
            raise PaperDiffers(credential_id)
        _store(content)
        return "restored"
    sha256 = _store(content)
    with transaction():
        known = db.session.execute(select(RenderedPdf.sha256).where(RenderedPdf.credential_id == credential_id)).scalar()
        if known is None:
            db.session.add(RenderedPdf(credential_id=credential_id, sha256=sha256, made_at=clock.now()))
    return "there" if known else "drawn"


def paper_of(credential: CredentialView) -> bytes:
    """The PDF of a certificate for a reader. Writes no row: what was not kept yet is drawn from the record, and a lost
    file is put back under its hash. A file that cannot be made the same again is drawn anew and said so in the log."""
    if credential.pdf_sha256 is not None:
        kept = _read(credential.pdf_sha256)
        if kept is not None:
            return kept
    content = paper.draw(credential.facts, credential.template_version)
    if credential.pdf_sha256 is not None:
        if hashlib.sha256(content).hexdigest() == credential.pdf_sha256:
            _store(content)
        else:
            current_app.logger.error("certificate %s: the kept paper is lost and other versions draw other bytes", credential.number)
    return content
