"""Pages of item statistics: the table of items, the repair queue, one item with its options and cohorts.

Pages hold no name of a trainee. Figures of fewer than five answers are withheld; in splits by cohort, cohorts that small
are put together, and so that nobody finds them by subtraction, with a further one where they are still fewer than five.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from flask import abort
from sqlalchemy import func, select

from courses import queries as courses
from foundation import content
from foundation.content import ContentHead
from foundation.db import db
from foundation.i18n import pick
from foundation.permissions import EVERYWHERE, Actor, Permission
from quizzes.models import Slot
from quizzes.queries.attempts import item_version
from quizzes.queries.observed import Instrument, Observed, Paper, Selection, instruments, observe, without_collector
from quizzes.queries.practice import objective_texts
from quizzes.rules.advice import URGENCY, Advice, Band, advise, band
from quizzes.rules.item import Cloze, Matching, Multiple, Numeric, Ordering, Single, parts
from quizzes.rules.statistics import LEAST_SHOWN, Figure, ItemAnalysis, OptionUse, facility

PER_PAGE = 50
MAP_AT_MOST = 400               # dots of a plot: beyond, they are one blot


# ── the table of items ───────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class ItemRow:
    """One item in its latest scoring. `earlier`: answers to it in other scorings, which stand apart on its own page."""

    key: str
    piece_key: str
    stem: dict[str, str]
    kind: str
    area: str
    objective: str
    usage: str
    expected: float
    analysis: ItemAnalysis
    advice: tuple[Advice, ...]
    earlier: int
    is_retired: bool
    last_on: date
    in_exam: bool

    @property
    def band(self) -> Band | None:
        r = self.analysis.discrimination.value
        return None if r is None else band(r)


@dataclass(frozen=True)
class Filter:
    """What the table shows. `advice`: "" all, "any" with advice, else a code; `sort` as in SORTS."""

    selection: Selection = field(default_factory=Selection)
    use: str = "taught"
    area: str = ""
    kind: str = ""
    advice: str = ""
    search: str = ""
    sort: str = "urgency"
    number: int = 1


@dataclass(frozen=True)
class Choice:
    """An entry of a filter: a value and what readers see of it."""

    value: str
    label: dict[str, str]


@dataclass(frozen=True)
class ItemsPage:
    filter: Filter
    rows: tuple[ItemRow, ...]
    total: int
    pages: int
    answers: int
    papers: int
    blank: int
    last_day: date | None
    bank: int                            # live items with an answer of their own
    judged: int                          # items with a discrimination
    advised: int                         # live items with advice
    cohorts: tuple[Choice, ...]
    areas: tuple[str, ...]
    kinds: tuple[str, ...]
    plotted: tuple[ItemRow, ...]


SORTS: dict[str, Callable[[ItemRow], Any]] = {
    "urgency": lambda row: (_rank(row), -row.analysis.n, row.key),
    "key": lambda row: row.key,
    "n": lambda row: (-row.analysis.n, row.key),
    "facility": lambda row: (row.analysis.facility.value is None, row.analysis.facility.value or 0.0, row.key),
    "apart": lambda row: (row.analysis.facility.value is None, -abs((row.analysis.facility.value or 0.0) - row.expected), row.key),
    "discrimination": lambda row: (row.analysis.discrimination.value is None, row.analysis.discrimination.value or 0.0, row.key),
}


def _rank(row: ItemRow) -> tuple[Any, ...]:
    return row.advice[0].rank if row.advice and not row.is_retired else (len(URGENCY), True, 0.0)


def _heads() -> dict[str, tuple[int, bool]]:
    """Piece key → (current version id, retired)."""
    rows = db.session.execute(select(ContentHead.key, ContentHead.version_id, ContentHead.retired_at).where(ContentHead.kind == "item"))
    return {key: (version_id, retired_at is not None) for key, version_id, retired_at in rows}


def _row(listed: Sequence[Instrument], heads: dict[str, tuple[int, bool]]) -> ItemRow:
    now = listed[0]
    analysis = now.analysis()
    item, piece = now.item, now.piece
    expected = float(item.difficulty.expected_fraction)
    return ItemRow(item.key, piece.key, {"zh": item.stem.zh, "en": item.stem.en}, item.kind, piece.content_area, item.objective, item.usage, expected,
                   analysis, advise(analysis, expected, now.has_one_key), sum(len(other.seen) for other in listed[1:]),
                   heads.get(piece.key, (0, True))[1], max(paper.day for paper in now.papers), any(paper.purpose == "exam" for paper in now.papers))


def item_rows(observed: Observed) -> tuple[ItemRow, ...]:
    """Every item that was answered, in no order."""
    heads = _heads()
    return tuple(_row(listed, heads) for listed in instruments(observed).values())


def _fits(row: ItemRow, wanted: Filter) -> bool:
    if wanted.area not in ("", row.area) or wanted.kind not in ("", row.kind):
        return False
    if wanted.advice and (row.is_retired or not row.advice or (wanted.advice != "any" and wanted.advice not in {one.code for one in row.advice})):
        return False
    text = wanted.search.casefold()
    return not text or any(text in where.casefold() for where in (row.key, row.objective, row.stem["zh"], row.stem["en"]))


def check_scope(selection: Selection, actor: Actor) -> None:
    """404 for a cohort outside the asker's scope, as for an unknown one."""
    if selection.cohort_id is not None:
        courses.cohort_or_404(selection.cohort_id, actor, Permission.EDIT_ITEMS)


def within_scope(selection: Selection, actor: Actor) -> Selection:
    """The selection without cohorts that are not the asker's: for pages on people's scores. (Items are one bank: there
    answers of all cohorts are pooled, and only splits by cohort keep to the scope.)"""
    check_scope(selection, actor)
    if EVERYWHERE in actor.scopes_for(Permission.EDIT_ITEMS):
        return selection
    return replace(selection, within=frozenset(cohort.id for cohort in courses.visible_cohorts(actor, Permission.EDIT_ITEMS)))


def cohort_choices(actor: Actor) -> tuple[Choice, ...]:
    return tuple(Choice(str(cohort.id), cohort.name) for cohort in courses.visible_cohorts(actor, Permission.EDIT_ITEMS))


@without_collector()
def items_page(wanted: Filter, actor: Actor, per_page: int = PER_PAGE) -> ItemsPage:
    """The table of items. 404 where the cohort of the filter is not the asker's."""
    check_scope(wanted.selection, actor)
    observed = observe(wanted.selection)
    heads = _heads()
    rows = tuple(_row(listed, heads) for listed in instruments(observed).values())
    fitting = sorted((row for row in rows if _fits(row, wanted)), key=SORTS[wanted.sort])
    pages = max(1, -(-len(fitting) // per_page))
    number = min(max(1, wanted.number), pages)
    bank = sum(len(parts(item_version(version_id))) for version_id, retired in heads.values() if not retired)
    plotted = [row for row in fitting if row.analysis.discrimination.is_given and row.analysis.facility.is_given]
    return ItemsPage(
        replace(wanted, number=number),
        tuple(fitting[(number - 1) * per_page:number * per_page]), len(fitting), pages, len(observed.given), len(observed.papers), observed.blank,
        observed.last_day, bank, sum(row.analysis.discrimination.is_given for row in fitting),
        sum(bool(row.advice) and not row.is_retired for row in rows), cohort_choices(actor), tuple(sorted({row.area for row in rows})),
        tuple(sorted({row.kind for row in rows})), tuple(plotted[:MAP_AT_MOST]))


@without_collector()
def all_rows(wanted: Filter, actor: Actor) -> tuple[ItemRow, ...]:
    """Every row of the filter, for an export."""
    check_scope(wanted.selection, actor)
    return tuple(sorted((row for row in item_rows(observe(wanted.selection)) if _fits(row, wanted)), key=SORTS[wanted.sort]))


# ── one item ─────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class OptionLine:
    """An option in words with its use."""

    text: dict[str, str]
    misconception: dict[str, str] | None
    use: OptionUse


@dataclass(frozen=True)
class PartLine:
    """A part of an answer (pair, place, blank, recognised wrong way): how many had it."""

    label: str
    is_trap: bool
    figure: Figure


@dataclass(frozen=True)
class Split:
    """Facility in one group of answers: a cohort, a kind of paper. `label` None: groups too small to stand alone, together."""

    label: dict[str, str] | None
    figure: Figure
    groups: int
    first_on: date
    last_on: date


@dataclass(frozen=True)
class ScoringView:
    """One scoring of the item: all its wordings."""

    version_id: int
    numbers: tuple[int, ...]                     # version numbers that are pooled
    remedy: str
    analysis: ItemAnalysis
    advice: tuple[Advice, ...]
    band: Band | None
    options: tuple[OptionLine, ...]
    parts: tuple[PartLine, ...]
    cohorts: tuple[Split, ...]
    papers: tuple[Split, ...]
    first_on: date
    last_on: date


@dataclass(frozen=True)
class ItemPage:
    key: str
    piece_key: str
    stem: dict[str, str]
    kind: str
    area: str
    objective: str
    objective_text: dict[str, str]
    usage: str
    bloom: str
    expected: float
    basis: str
    is_retired: bool
    selection: Selection
    use: str
    scorings: tuple[ScoringView, ...]
    blank: int
    last_day: date | None
    cohorts: tuple[Choice, ...]
    in_exam: bool


def _find(item_key: str) -> tuple[Any, Any]:
    """(piece, item) of an item's own key as the bank holds it now, or as it was last given. 404 for an unknown key."""
    heads = _heads()
    if item_key in heads:
        piece = item_version(heads[item_key][0])
        if len(parts(piece)) == 1 and parts(piece)[0].key == item_key:
            return piece, parts(piece)[0]
        abort(404)          # a set has no answers of its own; its items have
    last = db.session.execute(select(func.max(Slot.item_version_id)).where(Slot.item_key == item_key)).scalar()
    candidates = [last] if last else [version_id for version_id, _retired in heads.values()]
    for version_id in candidates:
        piece = item_version(version_id)
        for item in parts(piece):
            if item.key == item_key:
                return piece, item
    abort(404)


@without_collector()
def item_page(item_key: str, selection: Selection, use: str, actor: Actor) -> ItemPage:
    """Everything the answers to one item say, each scoring apart. 404 for an unknown item or another's cohort."""
    check_scope(selection, actor)
    piece, item = _find(item_key)
    observed = observe(selection, item_key)
    listed = instruments(observed, {item_key}).get(item_key, [])
    visible = {cohort.id: cohort.name for cohort in courses.visible_cohorts(actor, Permission.EDIT_ITEMS)}
    titles = blueprint_titles({paper.blueprint_key for instrument in listed for paper in instrument.papers})
    numbers_of = _version_numbers(observed, item_key, listed)
    heads = _heads()
    return ItemPage(
        item_key, piece.key, {"zh": item.stem.zh, "en": item.stem.en}, item.kind, piece.content_area, item.objective, objective_texts().get(
            item.objective, {"zh": item.objective, "en": item.objective}), item.usage, item.bloom, float(item.difficulty.expected_fraction),
        item.difficulty.basis, heads.get(piece.key, (0, True))[1], selection, use,
        tuple(_scoring(instrument, numbers_of[instrument.digest], visible, titles) for instrument in listed), observed.blank,
        observed.last_day, cohort_choices(actor), any(paper.purpose == "exam" for instrument in listed for paper in instrument.papers))


def _version_numbers(observed: Observed, item_key: str, listed: Sequence[Instrument]) -> dict[str, tuple[int, ...]]:
    """Digest of a scoring → the numbers of the versions that were given in it."""
    slots = {slot: instrument.digest for instrument in listed for slot in instrument.slots}
    found: dict[str, set[int]] = defaultdict(set)
    for one in observed.given:
        if one.item_key == item_key and one.slot_id in slots:
            found[slots[one.slot_id]].add(one.version_id)
    return {digest: tuple(sorted(content.version(id_).number for id_ in ids)) for digest, ids in found.items()}


def _scoring(instrument: Instrument, version_numbers: tuple[int, ...], visible: dict[int, dict[str, str]], titles: dict[str, dict[str, str]]) -> ScoringView:
    analysis = instrument.analysis()
    r = analysis.discrimination.value
    days = [paper.day for paper in instrument.papers]
    return ScoringView(
        instrument.version_id, version_numbers, instrument.standing.ruling.remedy if instrument.standing else "", analysis,
        advise(analysis, float(instrument.item.difficulty.expected_fraction), instrument.has_one_key), None if r is None else band(r),
        _option_lines(instrument, analysis), _part_lines(instrument),
        splits(instrument, lambda paper: (paper.cohort_id, visible.get(paper.cohort_id))),
        splits(instrument, lambda paper: (paper.blueprint_key, titles[paper.blueprint_key])), min(days), max(days))


def _option_lines(instrument: Instrument, analysis: ItemAnalysis) -> tuple[OptionLine, ...]:
    item = instrument.item
    if isinstance(item, Single | Multiple):
        by_key = {option.key: option for option in item.options}
        return tuple(OptionLine({"zh": option.text.zh, "en": option.text.en},
                                None if option.misconception is None else {"zh": option.misconception.zh, "en": option.misconception.en}, use)
                     for use in analysis.options for option in (by_key[use.key],))
    words = {"true": {"zh": "正确", "en": "True"}, "false": {"zh": "错误", "en": "False"}}
    return tuple(OptionLine(words[use.key], None, use) for use in analysis.options)


def splits(instrument: Instrument, group_of: Callable[[Paper], tuple[Any, dict[str, str] | None]]) -> tuple[Split, ...]:
    """Facility by group, in the order of their first day. Small groups, and groups without a label, are put together."""
    fractions: dict[Any, list[float]] = defaultdict(list)
    days: dict[Any, list[date]] = defaultdict(list)
    labels: dict[Any, dict[str, str] | None] = {}
    for seen, paper in zip(instrument.seen, instrument.papers, strict=True):
        group, label = group_of(paper)
        labels[group] = label
        fractions[group].append(seen.fraction)
        days[group].append(paper.day)
    hidden = too_small({group: len(found) for group, found in fractions.items()}, {group for group, label in labels.items() if label is None})
    shown = [Split(labels[group], facility(found), 1, min(days[group]), max(days[group])) for group, found in fractions.items() if group not in hidden]
    shown.sort(key=lambda split: (split.first_on, pick(split.label)))
    if hidden:
        together = [fraction for group in hidden for fraction in fractions[group]]
        all_days = [day for group in hidden for day in days[group]]
        shown.append(Split(None, facility(together), len(hidden), min(all_days), max(all_days)))
    return tuple(shown)


def too_small(sizes: dict[Any, int], hidden: Iterable[Any] = ()) -> set[Any]:
    """The groups that may not stand alone: fewer than five, those hidden anyway, and the smallest others until together they are five.

    >>> sorted(too_small({"a": 30, "b": 3, "c": 12})), too_small({"a": 30, "b": 12})
    (['b', 'c'], set())
    """
    found = {group for group, size in sizes.items() if size < LEAST_SHOWN} | set(hidden)
    rest = sorted((group for group in sizes if group not in found), key=lambda group: (sizes[group], str(group)))
    while found and rest and sum(sizes[group] for group in found) < LEAST_SHOWN:
        found.add(rest.pop(0))
    return found


def _part_lines(instrument: Instrument) -> tuple[PartLine, ...]:
    """What was right in answers of several parts, and which recognised wrong ways of a numeric item were gone."""
    item = instrument.item
    if len(instrument.seen) < LEAST_SHOWN or not isinstance(item, Matching | Ordering | Cloze | Numeric):
        return ()
    labels: dict[Any, tuple[str, bool]]
    if isinstance(item, Matching):
        labels = {entry.key: (pick(entry.text), False) for entry in item.left}
    elif isinstance(item, Ordering):
        labels = {first.key: (f"{pick(first.text)} → {pick(then.text)}", False) for first, then in zip(item.sequence, item.sequence[1:], strict=False)}
    elif isinstance(item, Cloze):
        labels = {key: (key, False) for key in item.order()}
    else:
        labels = {number: (trap.formula, True) for number, trap in enumerate(item.traps)}
    counts = dict.fromkeys(labels, 0)
    for answer, values in _answers(instrument):
        scored = instrument.scored(answer, values)
        for key in (*scored.right_parts, *(() if scored.trap is None else (scored.trap,))):
            if key in counts:
                counts[key] += 1
    n = len(instrument.seen)
    return tuple(PartLine(label, is_trap, facility([1.0] * counts[key] + [0.0] * (n - counts[key]))) for key, (label, is_trap) in labels.items())


def _answers(instrument: Instrument) -> Iterable[tuple[Any, dict[str, str]]]:
    """(answer, drawn values) of every answer that was given."""
    slots = instrument.slots
    for start in range(0, len(slots), 500):
        rows = db.session.execute(select(Slot.id, Slot.frozen).where(Slot.id.in_(slots[start:start + 500])))
        frozen = {row.id: row.frozen.get("values", {}) for row in rows}
        for slot_id, seen in zip(slots[start:start + 500], instrument.seen[start:start + 500], strict=True):
            if seen.answer.startswith("{"):
                yield json.loads(seen.answer), frozen[slot_id]


# ── names of things ──────────────────────────────────────────────────────────────────────────────────────────────
def blueprint_titles(keys: Iterable[str]) -> dict[str, dict[str, str]]:
    current = content.current_ids("blueprint", include_retired=True)
    return {key: content.version(current[key]).body["title"] if key in current else {"zh": key, "en": key} for key in keys}

