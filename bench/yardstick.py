"""What the product is measured against: a bare Flask route, a Jinja page of the lesson's size without a database, and a
route that does nothing but one durable commit: no Flask program saves faster than that on the machine it runs on."""

from __future__ import annotations

import os
import sqlite3
import threading

from flask import Flask, render_template_string

application = Flask(__name__)
_SIZE = int(os.environ.get("BENCH_PAGE_BYTES", "35000"))
_ROW = "<li class=\"row\"><a href=\"{{ base }}/{{ i }}\">{{ words }}</a></li>\n"
_PAGE = "<!doctype html><title>{{ base }}</title><ul>{% for i in numbers %}" + _ROW + "{% endfor %}</ul>"
_WORDS = "a line of the yardstick page, as long as a line of a lesson would be in this language"
_ROWS = max(1, _SIZE // (len(_WORDS) + 40))


@application.get("/bare")
def bare() -> str:
    return "ok"


@application.get("/page")
def page() -> str:
    return render_template_string(_PAGE, base="/yardstick", numbers=range(_ROWS), words=_WORDS)


_thread = threading.local()


def _connection() -> sqlite3.Connection:
    if not hasattr(_thread, "connection"):
        made = sqlite3.connect(os.environ["BENCH_COMMITS"], isolation_level=None, timeout=10)
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("PRAGMA synchronous=FULL")
        made.execute("CREATE TABLE IF NOT EXISTS save (id INTEGER PRIMARY KEY, slot INTEGER, answer TEXT, at TEXT, hash TEXT)")
        _thread.connection = made
    found: sqlite3.Connection = _thread.connection
    return found


@application.post("/commit")
def commit() -> str:
    connection = _connection()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO save (slot, answer, at, hash) VALUES (?, ?, ?, ?)", (1, '["b"]', "2026-01-01T00:00:00", "0" * 64))
    connection.execute("COMMIT")
    return "ok"
