"""The hearing of a faulty item as a rule: what an answer earns once a remedy was decided, and how remedies compose.

rekey: another key, and feedback that fits it. accept: further right answers beside the key; the best of all counts.
give_all: the full mark for everybody who was given the item. drop: the item leaves what was earned and what could be.
The latest remedy of a version stands alone; an `accept` is completed with what stood before it (`merged`), so that
accepting a second answer does not take the first one back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, get_args

from foundation.formula import FormulaError
from quizzes.rules.answer import Answer
from quizzes.rules.item import (
    KINDS,
    MACHINE_SCORED,
    Accept,
    Answerable,
    Cloze,
    Item,
    ItemSet,
    Matching,
    Multiple,
    Numeric,
    Ordering,
    Rounding,
    Single,
    TrueFalse,
    scoring_of,
)
from quizzes.rules.scoring import ONE, ZERO, Scored, mark, score

Remedy = Literal["rekey", "accept", "give_all", "drop"]
REMEDIES: tuple[Remedy, ...] = get_args(Remedy)


@dataclass(frozen=True)
class Ruling:
    """A remedy with its change: rekey {"item": body}, accept {"answers": [answers], "item": body or absent}, else nothing."""

    remedy: Remedy
    change: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """What an answer earns. `fraction` None: a person marks it. `counts` False: the item left numerator and denominator."""

    fraction: Decimal | None
    counts: bool = True


@dataclass(frozen=True)
class Standing:
    """A ruling made ready for one item: the keys an answer is held against, and the item whose key and feedback are shown."""

    ruling: Ruling
    keys: tuple[Answerable, ...]
    shown: Answerable

    def matched(self, answer: Answer | None, values: Mapping[str, str]) -> Scored:
        """The best reading of an answer by the keys."""
        return max((_read(key, answer, values) for key in self.keys), key=lambda found: -1 if found.fraction is None else found.fraction)

    def scored(self, answer: Answer | None, values: Mapping[str, str]) -> Scored:
        """What an answer earns: its best reading; under give_all the full fraction, whatever was answered."""
        best = self.matched(answer, values)
        return Scored(ONE, best.right_parts) if self.ruling.remedy == "give_all" else best

    def outcome(self, answer: Answer | None, values: Mapping[str, str]) -> Outcome:
        return Outcome(self.scored(answer, values).fraction, self.ruling.remedy != "drop")


def _read(key: Answerable, answer: Answer | None, values: Mapping[str, str]) -> Scored:
    """As `score`; a key that has no value for the drawn numbers fits nothing."""
    try:
        return score(key, answer, values)
    except FormulaError:
        return Scored(ZERO)


def remedies_for(item: Answerable) -> tuple[Remedy, ...]:
    """What may be decided for an item: where a person gives the marks there is no key to change."""
    return REMEDIES if item.kind in MACHINE_SCORED else ("give_all", "drop")


def prepare(ruling: Ruling, item: Answerable) -> Standing:
    """The ruling ready for one item. Raises ValueError (pydantic's too) where its change does not fit the item."""
    change = ruling.change or {}
    base = rekeyed(item, change["item"]) if change.get("item") else item
    keys = accepted_keys(base, change.get("answers", ())) if ruling.remedy == "accept" else (base,)
    return Standing(ruling, keys, base)


def fraction_under(ruling: Ruling | None, item: Answerable, answer: Answer | None, values: Mapping[str, str]) -> Outcome:
    """What an answer earns under a ruling; without one, by the item's own key.

    An essay or short answer has no fraction of its own; given to all, it has.
    """
    return Outcome(score(item, answer, values).fraction) if ruling is None else prepare(ruling, item).outcome(answer, values)


def merged(before: Ruling | None, ruling: Ruling) -> Ruling:
    """A new ruling completed with what stood: an `accept` keeps an earlier rekey and earlier accepted answers.

    >>> merged(Ruling("accept", {"answers": [{"choice": "b"}]}), Ruling("accept", {"answers": [{"choice": "c"}]})).change
    {'answers': [{'choice': 'b'}, {'choice': 'c'}]}
    """
    if ruling.remedy != "accept" or before is None or before.remedy not in ("rekey", "accept"):
        return ruling
    earlier, change = before.change or {}, ruling.change or {}
    answers = [*earlier.get("answers", ()), *(answer for answer in change["answers"] if answer not in earlier.get("answers", ()))]
    return Ruling("accept", {"answers": answers, **({"item": earlier["item"]} if earlier.get("item") else {})})


# ── another key ──────────────────────────────────────────────────────────────────────────────────────────────────
class Unfit(ValueError):
    """A change that cannot be held against the papers that were given: other options, other parts, another kind."""


@lru_cache(maxsize=512)
def _parsed(body: str) -> Answerable:
    loaded = json.loads(body)
    return KINDS[loaded["kind"]].model_validate(loaded)  # type: ignore[return-value]


def part_keys(item: Answerable) -> dict[str, Any]:
    """What a paper refers to: the keys of options, entries and blanks, the names of drawn numbers."""
    if isinstance(item, Single | Multiple):
        return {"kind": item.kind, "options": sorted(option.key for option in item.options)}
    if isinstance(item, Matching):
        return {"kind": item.kind, "left": sorted(entry.key for entry in item.left), "right": sorted(entry.key for entry in item.right)}
    if isinstance(item, Ordering):
        return {"kind": item.kind, "sequence": sorted(entry.key for entry in item.sequence)}
    if isinstance(item, Cloze):
        return {"kind": item.kind, "blanks": sorted(item.blanks)}
    if isinstance(item, Numeric):
        return {"kind": item.kind, "parameters": sorted(parameter.name for parameter in item.parameters)}
    return {"kind": item.kind}


def rekeyed(item: Answerable, body: Mapping[str, Any]) -> Answerable:
    """The corrected item of a rekey. Raises Unfit where papers with `item` could not be read with it."""
    corrected = _parsed(json.dumps(body, ensure_ascii=False, sort_keys=False))
    if part_keys(corrected) != part_keys(item) or corrected.key != item.key:
        raise Unfit("the corrected item has other options or parts than the one that was given")
    return corrected


def with_part(piece: Item, corrected: Answerable) -> Item:
    """The piece of the bank with one item replaced: that item itself, or its set with the others as they are."""
    if not isinstance(piece, ItemSet):
        return corrected
    return piece.model_copy(update={"items": tuple(corrected if entry.key == corrected.key else entry for entry in piece.items)})


def has_same_key(one: Answerable, other: Answerable) -> bool:
    """Whether two versions of an item are scored alike; then they share the fault."""
    return scoring_of(one) == scoring_of(other)


# ── further right answers ────────────────────────────────────────────────────────────────────────────────────────
def accepted_keys(item: Answerable, answers: Iterable[Mapping[str, Any]]) -> tuple[Answerable, ...]:
    """The item, and one more of it for each accepted answer; further wordings of blanks all go into one. Raises Unfit."""
    answers = list(answers)
    if isinstance(item, Cloze):
        return (_with_wordings(item, answers),)
    return (item, *(_with_answer(item, answer) for answer in answers))


def _with_wordings(item: Cloze, answers: Iterable[Mapping[str, Any]]) -> Cloze:
    blanks = dict(item.blanks)
    for answer in answers:
        for key, wording in answer["blanks"].items():
            if key not in blanks:
                raise Unfit(f"the item has no blank {key}")
            accept = blanks[key].accept
            blanks[key] = blanks[key].model_copy(update={"accept": Accept(zh=(*accept.zh, wording), en=(*accept.en, wording))})
    return item.model_copy(update={"blanks": blanks})


def _with_answer(item: Answerable, answer: Mapping[str, Any]) -> Answerable:
    if isinstance(item, Single | Multiple):
        right = {answer["choice"]} if isinstance(item, Single) else set(answer["choices"])
        if not right or not right <= {option.key for option in item.options}:
            raise Unfit("the item has no such option")
        options = tuple(option.model_copy(update={"correct": option.key in right}) for option in item.options)
        return item.model_copy(update={"options": options} | ({"choose": len(right)} if isinstance(item, Multiple) else {}))
    if isinstance(item, TrueFalse):
        return item.model_copy(update={"answer": answer["value"]})
    if isinstance(item, Matching):
        pairs = {**item.answer, **answer["pairs"]}
        if set(pairs) != set(item.answer) or not set(pairs.values()) <= {entry.key for entry in item.right}:
            raise Unfit("the item has no such entry")
        return item.model_copy(update={"answer": pairs})
    if isinstance(item, Ordering):
        entries = {entry.key: entry for entry in item.sequence}
        places: dict[str, int] = answer["positions"]
        if set(places) != set(entries) or sorted(places.values()) != list(range(1, len(entries) + 1)):
            raise Unfit("an order gives each entry a place of its own")
        return item.model_copy(update={"sequence": tuple(entries[key] for key in sorted(places, key=lambda key: places[key]))})
    if isinstance(item, Numeric):
        if "formula" in answer:
            return item.model_copy(update={"formula": answer["formula"]})
        decimals = len(answer["text"].partition(".")[2])
        return item.model_copy(update={"formula": answer["text"], "rounding": Rounding(places=max(item.rounding.places, min(decimals, 8)))})
    raise Unfit("a person marks this item")


# ── what a paper comes to ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Place:
    """One place of a paper as marks: what it earned of what could be earned there."""

    mark: Decimal
    possible: Decimal


def place_under(outcome: Outcome, marks: Decimal) -> Place | None:
    """The marks of a place under an outcome; None while a person has still to mark it."""
    if not outcome.counts:
        return Place(ZERO, ZERO)
    return None if outcome.fraction is None else Place(mark(outcome.fraction, marks), marks)
