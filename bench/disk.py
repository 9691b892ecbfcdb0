"""The yardstick of autosave: how many durable commits a second this disk gives a bare SQLite loop."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path


def durable_commits(folder: Path, seconds: float) -> float:
    """One small INSERT per transaction, WAL with synchronous=FULL, on the same disk; commits a second."""
    connection = sqlite3.connect(folder / "yardstick.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS save (id INTEGER PRIMARY KEY, slot INTEGER, answer TEXT, at TEXT, hash TEXT)")
    count, stop = 0, time.monotonic() + seconds
    began = time.monotonic()
    while time.monotonic() < stop:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO save (slot, answer, at, hash) VALUES (?, ?, ?, ?)", (1, '["b"]', "2026-01-01T00:00:00", "0" * 64))
        connection.execute("COMMIT")
        count += 1
    rate = count / (time.monotonic() - began)
    connection.close()
    return rate
