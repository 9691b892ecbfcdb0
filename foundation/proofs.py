"""What costly checks of content found, kept by the hash of what they looked at, so that unchanged content is not proved again.

A file of proofs lies in QIZHOU_DATA/proofs and bears the hash of the program that made it: another program proves anew.
Nothing depends on it: a missing, foreign or broken file only costs time.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def folder() -> Path:
    return Path(os.environ.get("QIZHOU_DATA") or ROOT / "instance").resolve() / "proofs"


def program(*modules: ModuleType) -> str:
    """The hash of the modules that a proof rests on."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def hash_of(value: Any) -> str:
    """The hash of a plain value; equal values have equal hashes."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def recall(name: str, made_by: str) -> dict[str, Any]:
    """Hash → finding of the proofs of that name, if this program made them."""
    try:
        kept = json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))
        if kept["made_by"] == made_by and isinstance(kept["found"], dict):
            return dict(kept["found"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}


def keep(name: str, made_by: str, found: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Replace the proofs of that name where they changed; silently not, where the folder cannot be written."""
    if dict(found) == dict(before):
        return
    try:
        folder().mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder(), prefix=name, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"made_by": made_by, "found": dict(found)}, file, ensure_ascii=False)
        Path(temporary).replace(folder() / f"{name}.json")
    except OSError:
        return
