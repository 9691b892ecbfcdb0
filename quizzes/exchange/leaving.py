"""The bank as a file for other programs, with a report of what the file cannot hold."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from foundation.db import canonical_json
from quizzes.exchange import gift, moodlexml, table
from quizzes.exchange.outward import questions_of
from quizzes.exchange.question import Question, Remark
from quizzes.queries.exchange import leaving
from quizzes.queries.pictures import pictures

ENDINGS = {"gift": "txt", "moodlexml": "xml", "csv": "csv", "xlsx": "xlsx"}
MEDIA = {"gift": "text/plain; charset=utf-8", "moodlexml": "application/xml; charset=utf-8", "csv": "text/csv; charset=utf-8",
         "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@dataclass(frozen=True)
class Leaving:
    """A finished file. `losses`: what it holds less well, named per item."""

    content: bytes
    items: int
    drafts: int
    losses: tuple[Remark, ...]


def export(format_: str, areas: Collection[str] = (), approved_only: bool = False, language: str = "en") -> Leaving:
    """The bank (or some content areas of it) as gift, moodlexml, csv or xlsx. Reads only."""
    found = leaving(areas, approved_only)
    questions: list[Question] = []
    shown: set[str] = set()
    for item in found:
        questions += questions_of(item.body, item.tags)
        shown |= set(re.findall(r"picture:([0-9a-f]{64})", canonical_json(item.body)))
    heading = f"Qizhou item bank: {len(found)} items. Lines and tags that begin with qz: belong to the bank; leave them as they are."
    if format_ == "gift":
        content, losses = gift.write(questions, heading)
    elif format_ == "moodlexml":
        content, losses = moodlexml.write(questions, pictures(shown), heading)
    else:
        content, losses = table.write(questions, format_, language)
    return Leaving(content, len(found), sum(1 for item in found if item.is_draft), tuple(dict.fromkeys(losses)))
