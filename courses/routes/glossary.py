"""The glossary: every term in both languages, what it means, and which of the reader's lessons use it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from flask import render_template, request
from flask_login import current_user

from courses import library
from courses.routes.base import bp
from courses.rules.search import fold
from foundation.i18n import language
from foundation.permissions import requires


@bp.get("/glossary")
@requires(*library.READERS)
def glossary() -> Any:
    """A–Z in English, by pinyin in Chinese; `q` narrows the list to terms and definitions that contain it."""
    language_ = language()
    asked = " ".join(request.args.get("q", "")[:500].split())[:100]
    shelf = library.shelf_of(current_user._get_current_object())
    entries = library.terms(shelf.glossary_id, language_)
    words = fold(asked).split()
    found = [entry for entry in entries if all(word in entry.folded for word in words)]
    return render_template(
        "courses/glossary.html", asked=asked, total=len(entries), found=len(found), uses=library.uses_of_terms(shelf),
        letters=[(letter, list(group)) for letter, group in groupby(found, key=lambda entry: entry.letter)])
