"""Secrets of one installation, under QIZHOU_DATA/keys (0700, files 0600), made once by the launcher.

session signs cookies and forms · issuer (ed25519) signs credentials · ledger salts fingerprints and signs checkpoints ·
answers makes the keys under which devices keep what they could not send.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class UnsafeKeys(Exception):
    """The key folder or a key is readable by others; the program does not start like that."""


@dataclass(frozen=True)
class Keys:
    session: bytes
    issuer: Ed25519PrivateKey
    ledger: bytes
    answers: bytes


def _write_once(path: Path, content: bytes) -> None:
    """Make the file whole or not at all: whoever finds it finds all of it, and of two who make it one wins."""
    if path.exists():
        return
    handle, fresh = tempfile.mkstemp(prefix=".key-", dir=path.parent.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    except FileExistsError:
        return
    finally:
        Path(fresh).unlink()


def _new_ed25519() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load(data: Path) -> Keys:
    """Read the keys of this installation, making those that are missing. Raises UnsafeKeys on wide modes."""
    folder = data / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_once(folder / "session", secrets.token_hex(32).encode())
    _write_once(folder / "ledger", secrets.token_hex(32).encode())
    _write_once(folder / "answers", secrets.token_hex(32).encode())
    _write_once(folder / "issuer.pem", _new_ed25519())
    for path in (folder, *folder.iterdir()):
        if path.stat().st_mode & 0o077:
            raise UnsafeKeys(f"{path} can be read by others: chmod {'700' if path.is_dir() else '600'} it")
    session = os.environ.get("SECRET_KEY", "").encode() or (folder / "session").read_bytes()
    issuer = serialization.load_pem_private_key((folder / "issuer.pem").read_bytes(), None)
    if not isinstance(issuer, Ed25519PrivateKey):
        raise UnsafeKeys("issuer.pem is not an ed25519 key")
    return Keys(session, issuer, (folder / "ledger").read_bytes(), (folder / "answers").read_bytes())
