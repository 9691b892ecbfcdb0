"""The item bank as a list: what there is, what is being written, what waits for a second person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from foundation.db import db
from foundation.i18n import language
from quizzes.models import ItemDraft, ItemTag
from quizzes.queries.bank_registers import Known, known_items, placed, words_in
from quizzes.rules.item import ItemSet, parts

PER_PAGE = 50
SHOWN = 90                                # characters of a stem in the list
OPEN = ("draft", "handed_in")
STATES = ("approved", "reviewed", "draft", "handed_in", "retired")
# expected share of the mark: below, from-to, from
BANDS: dict[str, tuple[Decimal, Decimal]] = {
    "hard": (Decimal(0), Decimal("0.50")), "middle": (Decimal("0.50"), Decimal("0.75")), "easy": (Decimal("0.75"), Decimal("1.01")),
}


@dataclass(frozen=True)
class Wanted:
    """What the list is narrowed to; "" narrows nothing. `state` is one of STATES, `placed` "yes" or "no"."""

    text: str = ""
    area: str = ""
    kind: str = ""
    bloom: str = ""
    band: str = ""
    state: str = ""
    usage: str = ""
    placed: str = ""
    tag: str = ""
    page: int = 1


@dataclass(frozen=True)
class Row:
    """One item, or one draft of an item that is not published yet (then `is_new`)."""

    key: str
    kind: str
    stem: str
    area: str
    blooms: tuple[str, ...]
    expected: Decimal | None
    usage: str
    status: str                          # approved | reviewed | draft | retired: of what is published
    draft_id: int | None
    draft_state: str                     # "" | draft | handed_in
    tags: tuple[str, ...]
    cells: int                           # cells of today's blueprints that may draw it
    origin: str
    is_new: bool = False

    @property
    def states(self) -> frozenset[str]:
        """What the state filter finds it under."""
        return frozenset({self.status, self.draft_state} - {""})


@dataclass(frozen=True)
class ListingPage:
    rows: tuple[Row, ...]
    total: int
    number: int
    pages: int
    counts: dict[str, int]               # state → items in it, whatever the other filters
    whole: int
    areas: tuple[str, ...]
    tags: tuple[str, ...]
    wanted: Wanted


def shortened(text: str, length: int = SHOWN) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _in_language(text: Any) -> str:
    """A text of a body that may be half written."""
    if isinstance(text, dict):
        return str(text.get(language()) or text.get("zh") or text.get("en") or "")
    return str(text or "")


def _row(known: Known, draft: ItemDraft | None, tags: tuple[str, ...], cells: int) -> Row:
    item = known.item
    inside = parts(item)
    stem = item.title if isinstance(item, ItemSet) else item.stem
    return Row(known.key, item.kind, shortened(stem.get(language())), item.content_area, tuple(dict.fromkeys(part.bloom for part in inside)), item.expected,
               item.usage, "retired" if known.retired_at else item.status, draft.id if draft else None, draft.state if draft else "", tags, cells, known.origin)


def _draft_row(draft: ItemDraft, tags: tuple[str, ...]) -> Row:
    body = draft.body if isinstance(draft.body, dict) else {}
    difficulty = body.get("difficulty") if isinstance(body.get("difficulty"), dict) else {}
    try:
        expected = Decimal(str((difficulty or {}).get("expected_fraction")))
    except ArithmeticError:
        expected = None
    if expected is not None and not expected.is_finite():
        expected = None
    blooms = (str(body["bloom"]),) if body.get("bloom") else ()
    return Row(draft.key, draft.kind, shortened(_in_language(body.get("title") or body.get("stem"))), draft.content_area, blooms, expected,
               str(body.get("usage") or "both"), "", draft.id, draft.state, tags, 0, draft.origin, True)


def _fits(row: Row, text: str, wanted: Wanted, terms: list[str]) -> bool:
    if wanted.state == "retired" and row.status != "retired":
        return False
    if wanted.state != "retired" and row.status == "retired" and wanted.state not in row.states:
        return bool(wanted.text) and wanted.text.strip().casefold() == row.key and not wanted.state
    if (wanted.state and wanted.state not in row.states) or wanted.area not in ("", row.area) or wanted.kind not in ("", row.kind):
        return False
    if (wanted.bloom and wanted.bloom not in row.blooms) or (wanted.usage and wanted.usage != row.usage) or (wanted.tag and wanted.tag not in row.tags):
        return False
    if wanted.placed and (wanted.placed == "yes") != (row.cells > 0):
        return False
    if wanted.band:
        low, high = BANDS[wanted.band]
        if row.expected is None or not low <= row.expected < high:
            return False
    return all(term in text or any(term in tag for tag in row.tags) for term in terms)


def listing(wanted: Wanted) -> ListingPage:
    """The items that fit, by key, 50 a page. Retired ones are listed only when they are asked for (or by their exact key)."""
    bank = known_items()
    tags: dict[str, list[str]] = {}
    for key, word in db.session.execute(select(ItemTag.item_key, ItemTag.tag).order_by(ItemTag.tag)):
        tags.setdefault(key, []).append(word)
    drafts = {draft.key: draft for draft in db.session.scalars(select(ItemDraft).where(ItemDraft.state.in_(OPEN)))}
    places = placed()
    rows = [(_row(known, drafts.get(known.key), tuple(tags.get(known.key, ())), len(places.get(known.key, ()))), known.text) for known in bank]
    have = {known.key for known in bank}
    rows += [(_draft_row(draft, tuple(tags.get(key, ()))), "\n".join(words_in(draft.body)).casefold()) for key, draft in drafts.items() if key not in have]
    rows.sort(key=lambda pair: pair[0].key)
    counts = Counter(state for row, _text in rows for state in row.states)
    terms = wanted.text.casefold().split()[:8]
    fitting = [row for row, text in rows if _fits(row, text, wanted, terms)]
    pages = max(1, -(-len(fitting) // PER_PAGE))
    number = min(max(wanted.page, 1), pages)
    return ListingPage(tuple(fitting[(number - 1) * PER_PAGE:number * PER_PAGE]), len(fitting), number, pages, dict(counts), len(rows),
                       tuple(sorted({row.area for row, _text in rows})), tuple(sorted({word for words in tags.values() for word in words})),
                       replace(wanted, page=number))
