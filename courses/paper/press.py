"""Turns a course book's data into a PDF: python press.py BOOK.json BOOK.pdf. A process of its own, so that a long book holds up no page.

Typst sets it. The data goes in as text, never as markup; fonts are whole files from packages, and no font of the machine
is looked at. The file appears under its name only when it is whole.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, time
from pathlib import Path

import pylopdf_fonts_zh_cn
import typst

TEMPLATE = Path(__file__).parent / "book-1" / "book.typ"


def press(data: str) -> bytes:
    """The PDF (PDF/UA-1 and PDF/A-3u) of a book given as JSON. Its date is the day of the review, so the same book has the same bytes."""
    day = datetime.combine(datetime.fromisoformat(json.loads(data)["reviewed"]), time.min, UTC)
    made = typst.compile(str(TEMPLATE), root=str(TEMPLATE.parent), font_paths=[str(pylopdf_fonts_zh_cn.serif_path().parent)], ignore_system_fonts=True,
                         format="pdf", sys_inputs={"book": data}, pdf_standards=["a-3u", "ua-1"], timestamp=int(day.timestamp()))
    if not isinstance(made, bytes):
        raise TypeError("the engine returned no single document")
    return made


def main(source: Path, target: Path) -> None:
    unfinished = target.with_suffix(".unfinished")
    unfinished.write_bytes(press(source.read_text(encoding="utf-8")))
    unfinished.replace(target)


if __name__ == "__main__":
    os.nice(10)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
