"""The figures of the lessons, drawn by our own functions: complete labels in either language, no picture files.

A lesson asks for one by name (`::: figure draw=iceberg title="…"`). `draw` gives SVG for a page, coloured by the
stylesheet's classes; `draw_for_paper` the same lines with their colours inside, for the course book.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from markupsafe import Markup, escape

from courses.rules.drawings import customer, work
from courses.rules.drawings.pen import INK, WIDTH, Pen

DRAWINGS: dict[str, Callable[[bool], Pen]] = {
    "iceberg": customer.iceberg,
    "question-funnel": customer.question_funnel,
    "complaint-flow": work.complaint_flow,
    "lifecycle": customer.lifecycle,
    "maslow": customer.maslow,
    "four-quadrants": work.four_quadrants,
    "importance-satisfaction": customer.importance_satisfaction,
    "pdca": work.pdca,
}


@cache
def _pen(name: str, language: str) -> Pen:
    return DRAWINGS[name](language == "zh")


def draw(name: str, language: str, title: str, ident: str) -> Markup:
    """SVG for a page. Named by `title`, described by its own labels; `ident` must be unique on the page. KeyError for an unknown name."""
    pen = _pen(name, language)
    words = escape("；".join(pen.words) if language == "zh" else "; ".join(pen.words))
    head = f'<svg class="drawing-svg" viewBox="0 0 {WIDTH} {pen.height}" role="img" aria-labelledby="{ident}-name {ident}-words">'
    return Markup(f'{head}<title id="{ident}-name">{escape(title)}</title><desc id="{ident}-words">{words}</desc>{pen.body}</svg>')  # noqa: S704


def labels(name: str, language: str) -> tuple[str, ...]:
    """The words in a figure, in reading order, for searching and for a text alternative."""
    return tuple(_pen(name, language).words)


def draw_for_paper(name: str, language: str, font: str) -> str:
    """The same figure as a file of its own, its colours inside; `font` is the family the book is set in."""
    pen = _pen(name, language)
    style = "".join(f".{name_}{{{look}}}" for name_, look in INK.items())
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {pen.height}" width="{WIDTH}" height="{pen.height}">'
            f'<style>text{{font-family:"{font}"}}{style}</style>{pen.body}</svg>')
