"""Static files as the server sends them: compressed once beforehand, kept by browsers for ever under their hashed address.

Pages are never compressed: together with a secret in the page that would tell the secret by its length. Files hold none.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from wsgiref.headers import Headers

import brotli
from flask import Flask
from whitenoise import WhiteNoise
from whitenoise.responders import StaticFile

from foundation import security

COMPRESSIBLE = frozenset({".css", ".js", ".mjs", ".svg", ".json", ".txt", ".html", ".webmanifest", ".map"})
KEEP_OLD_COPIES_S = 7 * 86400
FOR_EVER = "public, max-age=31536000, immutable"


def files_of(folder: Path) -> list[Path]:
    """Every file below a folder, in a fixed order; names that begin with a dot stay at home."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts))


def digest_of(folder: Path, files: Iterable[Path]) -> str:
    """One hash over names and contents."""
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def compressed_copy(source: Path, cache: Path) -> Path:
    """A copy of the static folder with .br and .gz beside each text file, named by content; made where it is missing.

    A server in use reads the copy it began with, whatever happens to the source; copies unused for a week are removed.
    """
    files = files_of(source)
    target = cache / f"static-{digest_of(source, files)}"
    if target.is_dir():
        os.utime(target)
        return target
    cache.mkdir(parents=True, exist_ok=True)
    for old in cache.glob("static-*"):
        if time.time() - old.stat().st_mtime > KEEP_OLD_COPIES_S:
            shutil.rmtree(old, ignore_errors=True)
    fresh = cache / f"making-{target.name}-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    for path in files:
        copy = fresh / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
        if path.suffix in COMPRESSIBLE:
            content = path.read_bytes()
            for suffix, smaller in ((".br", brotli.compress(content)), (".gz", gzip.compress(content, mtime=0))):
                if len(smaller) < len(content):
                    Path(f"{copy}{suffix}").write_bytes(smaller)
    try:
        fresh.rename(target)
    except OSError:          # another process was first
        shutil.rmtree(fresh)
    return target


class StaticFiles(WhiteNoise):
    """Answers /static/… itself and hands everything else to the application."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self._versions: dict[StaticFile, str] = {}
        self._headers = dict(security.HEADERS)
        if app.config["BASE_URL"].startswith("https:"):
            self._headers["Strict-Transport-Security"] = security.HSTS
        super().__init__(app.wsgi_app, str(folder), "/static/", max_age=60, allow_all_origins=False, add_headers_function=self._add_headers)

    def _add_headers(self, headers: Headers, _path: str, _url: str) -> None:
        for name, value in self._headers.items():
            headers[name] = value

    def get_static_file(self, path: str, url: str, stat_cache: Any = None) -> StaticFile:
        file = super().get_static_file(path, url, stat_cache)
        self._versions[file] = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10]
        return file

    def serve(self, static_file: StaticFile, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:  # type: ignore[override]
        """As WhiteNoise does, but kept for ever where the address bears this very content's hash (see pages.asset)."""
        wanted = parse_qs(environ.get("QUERY_STRING", "")).get("v", [""])[0]
        if not wanted or self._versions.get(static_file) != wanted:
            return super().serve(static_file, environ, start_response)

        def start(status: str, headers: list[tuple[str, str]]) -> Any:
            return start_response(status, [(name, FOR_EVER if name.lower() == "cache-control" else value) for name, value in headers])

        return super().serve(static_file, environ, start)
