"""What somebody filled in at a hearing as a change: the accepted answer, or the corrected item with its feedback.

Fields are named after the item's own parts (staff see keys anyway): `right` and `also` hold option keys, `right.<left>` an
entry, `place.<entry>` a number, `formula`, `accept.<blank>.<language>` wordings a line each, `feedback.<n>.<language>` the
n-th feedback of the item as `feedbacks` counts them.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from foundation.formula import FormulaError, evaluate, names, parse
from quizzes.rules import hearing, numbers
from quizzes.rules.answer import MAX_BLANK
from quizzes.rules.item import KINDS, Answerable, Cloze, Matching, Multiple, Numeric, Ordering, Single, TrueFalse, scoring_of, to_body
from quizzes.rules.lint import lint_item
from quizzes.rules.scoring import plain

Fields = Mapping[str, Sequence[str]]
LANGUAGES = ("zh", "en")
MAX_FORMULA = 400
MAX_FEEDBACK = 2000
MAX_WORDINGS = 20
CALCULATION = frozenset({"formula", "15"})       # lint checks that a correction must pass; matters of style do not hold it up


class BadChange(ValueError):
    """A change that cannot be heard. `field` names where it was filled in, `reason` one of a fixed list of words:
    nothing | same | one | count | all | twice | formula | too_long | empty | lint (some with `detail`)."""

    def __init__(self, field: str, reason: str, detail: str = "") -> None:
        super().__init__(f"{field}: {reason} {detail}".strip())
        self.field, self.reason, self.detail = field, reason, detail


_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Feedback:
    """A feedback of an item: the way to it in the body, and its texts."""

    path: tuple[str | int, ...]
    zh: str
    en: str


def feedbacks(body: Any, path: tuple[str | int, ...] = ()) -> Iterator[Feedback]:
    """Every feedback in a stored item, in reading order."""
    if isinstance(body, dict):
        for name, child in body.items():
            is_feedback = name == "feedback" or path[-1:] == ("feedback",)
            if is_feedback and isinstance(child, dict) and set(child) == {"zh", "en"}:
                yield Feedback((*path, name), child["zh"], child["en"])
            else:
                yield from feedbacks(child, (*path, name))
    elif isinstance(body, list):
        for number, child in enumerate(body):
            yield from feedbacks(child, (*path, number))


def clean(text: str) -> str:
    """A text without signs nobody sees: control characters (but line ends and tabs) and overrides of the reading direction.

    >>> clean("a\\x00b\\u202ec\\r\\nd ")
    'abc\\nd'
    """
    return _UNSEEN.sub("", text.replace("\r\n", "\n")).strip()


def _one(fields: Fields, name: str) -> str:
    values = fields.get(name) or [""]
    return clean(values[0])


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.replace("\r", "").split("\n") if line.strip()))


def read_change(item: Answerable, remedy: str, fields: Fields) -> dict[str, Any] | None:
    """The change of a remedy as it was filled in. Raises BadChange."""
    if remedy == "accept":
        return {"answers": _accepted(item, fields)}
    if remedy == "rekey":
        return {"item": _corrected(item, fields)}
    return None


# ── a further right answer ───────────────────────────────────────────────────────────────────────────────────────
def _accepted(item: Answerable, fields: Fields) -> list[dict[str, Any]]:
    if isinstance(item, Single):
        chosen = [option.key for option in item.options if option.key in fields.get("also", ()) and not option.correct]
        return [{"choice": key} for key in chosen] or _refuse("also", "nothing")
    if isinstance(item, Multiple):
        keys = sorted(option.key for option in item.options if option.key in fields.get("also", ()))
        return [{"choices": keys}] if keys and keys != sorted(item.right) else _refuse("also", "same" if keys else "nothing")
    if isinstance(item, TrueFalse):
        return [{"value": not item.answer}]
    if isinstance(item, Matching):
        known = {entry.key for entry in item.right}
        pairs = {left: wanted for left, keyed in item.answer.items() if (wanted := _one(fields, f"also.{left}")) in known and wanted != keyed}
        return [{"pairs": pairs}] if pairs else _refuse(f"also.{item.left[0].key}", "nothing")
    if isinstance(item, Ordering):
        return [{"positions": _places(item, fields, "also")}]
    if isinstance(item, Cloze):
        answers = [{"blanks": {key: wording}} for key in item.order() for wording in _wordings(item, fields, f"also.{key}")]
        return answers or _refuse(f"also.{item.order()[0]}", "nothing")
    if isinstance(item, Numeric):
        return [_value(item, _one(fields, "also_formula"), "also_formula")]
    return _refuse("remedy", "nothing")


def _refuse(field: str, reason: str, detail: str = "") -> Any:
    raise BadChange(field, reason, detail)


def _places(item: Ordering, fields: Fields, prefix: str) -> dict[str, int]:
    """An order of all entries that is not the key's."""
    keys = [entry.key for entry in item.sequence]
    given = {key: _one(fields, f"{prefix}.{key}") for key in keys}
    first = f"{prefix}.{keys[0]}"
    if not all(text.isascii() and text.isdigit() and len(text) < 3 for text in given.values()):
        raise BadChange(first, "all")
    places = {key: int(text) for key, text in given.items()}
    if sorted(places.values()) != list(range(1, len(keys) + 1)):
        raise BadChange(first, "twice")
    if [places[key] for key in keys] == list(range(1, len(keys) + 1)):
        raise BadChange(first, "same")
    return places


def _wordings(item: Cloze, fields: Fields, name: str) -> list[str]:
    """Wordings, one a line; one of signs alone, which the item ignores, would fit nothing and is refused."""
    found = _lines(_one(fields, name))
    if len(found) > MAX_WORDINGS or any(len(text) > MAX_BLANK for text in found):
        raise BadChange(name, "too_long")
    if not all(plain(text, item.matching.ignore) for text in found):
        raise BadChange(name, "empty")
    return found


def _value(item: Numeric, text: str, field: str) -> dict[str, Any]:
    """A formula over the item's drawn numbers, or one number for all."""
    if not text:
        raise BadChange(field, "nothing")
    read = numbers.read_number(text, item) if len(text) <= numbers.MAX_TYPED else None
    if read is not None:
        return {"text": format(read, "f")}
    _check_formula(item, text, field)
    if text == item.formula:
        raise BadChange(field, "same")
    return {"formula": text}


def _check_formula(item: Numeric, text: str, field: str) -> None:
    if len(text) > MAX_FORMULA:
        raise BadChange(field, "too_long")
    try:
        tree = parse(text)
        if unknown := names(tree) - {parameter.name for parameter in item.parameters}:
            raise BadChange(field, "formula", ", ".join(sorted(unknown)))
        evaluate(tree, numbers.as_decimals(item.example.values))
    except (FormulaError, RecursionError) as fault:
        raise BadChange(field, "formula", str(fault)) from None


# ── a corrected item ─────────────────────────────────────────────────────────────────────────────────────────────
def _corrected(item: Answerable, fields: Fields) -> dict[str, Any]:
    """The item's body with another key and mended feedback."""
    body: dict[str, Any] = copy.deepcopy(to_body(item))
    _mend_feedback(body, fields)
    if isinstance(item, Single | Multiple):
        right = [option.key for option in item.options if option.key in fields.get("right", ())]
        if not right or len(right) == len(item.options):
            raise BadChange("right", "nothing" if not right else "all")
        if isinstance(item, Single) and len(right) != 1:
            raise BadChange("right", "one")
        for option in body["options"]:
            option["correct"] = option["key"] in right
            error = {language: _one(fields, f"misconception.{option['key']}.{language}")[:MAX_FEEDBACK] for language in LANGUAGES}
            if option["correct"]:
                option.pop("misconception", None)
            elif all(error.values()):
                option["misconception"] = error
        if isinstance(item, Multiple) and len(right) != item.choose:
            raise BadChange("right", "count", str(item.choose))     # who chose as many as were asked for must be able to earn all
    elif isinstance(item, TrueFalse):
        body["answer"] = {"true": True, "false": False}.get(_one(fields, "right"), item.answer)
    elif isinstance(item, Matching):
        known = {entry.key for entry in item.right}
        body["answer"] = {left: wanted if (wanted := _one(fields, f"right.{left}")) in known else keyed for left, keyed in item.answer.items()}
    elif isinstance(item, Ordering):
        places = _places(item, fields, "place")
        body["sequence"] = sorted(body["sequence"], key=lambda entry: places[entry["key"]])
    elif isinstance(item, Cloze):
        for key in item.order():
            for language in LANGUAGES:
                wordings = _wordings(item, fields, f"accept.{key}.{language}")
                if not wordings:
                    raise BadChange(f"accept.{key}.{language}", "empty")
                body["blanks"][key]["accept"][language] = wordings
    elif isinstance(item, Numeric):
        _mend_formula(item, body, fields)
    return _checked(item, body)


def _mend_formula(item: Numeric, body: dict[str, Any], fields: Fields) -> None:
    formula = _one(fields, "formula")
    if not formula:
        raise BadChange("formula", "nothing")
    _check_formula(item, formula, "formula")
    body["formula"] = formula
    tolerance = numbers.read_number(_one(fields, "tolerance"), item) if _one(fields, "tolerance") else item.tolerance.absolute
    if tolerance is None or tolerance < 0:
        raise BadChange("tolerance", "formula")
    body["tolerance"] = {"absolute": format(tolerance, "f")}
    mended = KINDS["numeric"].model_validate(body)
    assert isinstance(mended, Numeric)
    body["example"]["answer"] = format(numbers.answer(mended, item.example.values), "f")


def _mend_feedback(body: dict[str, Any], fields: Fields) -> None:
    for number, feedback in enumerate(list(feedbacks(body))):
        for language in LANGUAGES:
            name = f"feedback.{number}.{language}"
            if name not in fields:
                continue
            text = _one(fields, name)
            if not text or len(text) > MAX_FEEDBACK:
                raise BadChange(name, "too_long" if text else "empty")
            place: Any = body
            for step in feedback.path:
                place = place[step]
            place[language] = text.replace("\r\n", "\n")


def _checked(item: Answerable, body: dict[str, Any]) -> dict[str, Any]:
    try:
        corrected = hearing.rekeyed(item, body)
    except (ValidationError, hearing.Unfit) as fault:
        raise BadChange("remedy", "lint", str(fault).splitlines()[0]) from None
    if scoring_of(corrected) == scoring_of(item):
        raise BadChange("right", "same")
    errors = [complaint.message for complaint in lint_item(corrected) if complaint.is_error and complaint.check in CALCULATION]
    if errors:
        raise BadChange("remedy", "lint", "; ".join(errors[:3]))
    return to_body(corrected)
