"""What the product is measured against: a bare Flask route, and a Jinja page of the lesson's size without a database."""

from __future__ import annotations

import os

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
