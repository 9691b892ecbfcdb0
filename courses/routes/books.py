"""Course books: one PDF per unit and language, for trainees of open units and for staff."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, make_response, render_template
from flask_login import current_user

from courses import library, press
from courses.routes.base import bp
from foundation.i18n import LANGUAGES
from foundation.permissions import requires

AGAIN_S = 3     # seconds after which the page looks again


@bp.get("/books")
@requires(*library.READERS)
def books() -> Any:
    """Every book the reader may have."""
    return render_template("courses/books.html", shelves=press.shelves(current_user._get_current_object()))


@bp.get("/books/<programme_key>/<unit_key>/<language>.pdf")
@requires(*library.READERS)
def book(programme_key: str, unit_key: str, language: str) -> Any:
    """The book, or a page that waits for it. Asking for it changes nothing but a file that could be made again at any time."""
    if language not in LANGUAGES:
        abort(404)
    shown = press.find_shown(current_user._get_current_object(), programme_key, unit_key)
    if shown is None:
        abort(404)
    state = press.printing(shown, language)
    if state.file is None:
        return _wait(shown, language, state)
    answer = make_response(state.file.read_bytes())
    answer.mimetype = "application/pdf"
    answer.headers["Content-Disposition"] = f'inline; filename="{programme_key}-{unit_key}-{language}.pdf"'
    return answer


def _wait(shown: press.Shown, language: str, state: press.Printing) -> Response:
    status = 503 if state.is_broken or state.is_put_off else 202
    answer = make_response(render_template("courses/book_wait.html", shown=shown, book_language=language, state=state, again=AGAIN_S), status)
    answer.headers["Retry-After"] = str(30 if status == 503 else AGAIN_S)
    return answer
