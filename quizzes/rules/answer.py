"""Answers as plain JSON, one shape per kind; {} is "nothing". What a device sends is read here or refused.

Rows hold answers in the keys of the content; pages hold them in the screen's names (see `from_screen`).

single {"choice": key} · multiple {"choices": [keys]} · true_false {"value": true} · matching {"pairs": {left: right}} ·
ordering {"positions": {key: 1…n}} · numeric, short_answer, essay {"text": "…"} · cloze {"blanks": {blank: "…"}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from quizzes.rules.item import Answerable, Cloze, Essay, Matching, Multiple, Numeric, Ordering, ShortAnswer, Single, TrueFalse

Answer = dict[str, Any]
LETTERS = "ABCDEFGHIJKLM"
MAX_SHORT = 60
MAX_BLANK = 80
MAX_TEXT = 4000
MAX_ESSAY = 20_000


class BadAnswer(ValueError):
    """This is no answer to this item: an unknown option, a wrong shape, too long a text."""


def read(item: Answerable, raw: Any) -> Answer:
    """`raw` as an answer in its one spelling, {} where it says nothing. Raises BadAnswer."""
    if not isinstance(raw, Mapping):
        raise BadAnswer("an answer is an object")
    if not raw:
        return {}
    if isinstance(item, Single):
        chosen = _only(raw, "choice")
        return {} if chosen in (None, "") else {"choice": _among(chosen, [option.key for option in item.options])}
    if isinstance(item, Multiple):
        return _multiple(item, raw)
    if isinstance(item, TrueFalse):
        value = _only(raw, "value")
        if value is None:
            return {}
        if not isinstance(value, bool):
            raise BadAnswer("true or false")
        return {"value": value}
    if isinstance(item, Matching):
        pairs = _mapping(_only(raw, "pairs"), [entry.key for entry in item.left])
        right = [entry.key for entry in item.right]
        kept = {left: _among(chosen, right) for left, chosen in pairs.items() if chosen not in (None, "")}
        return {"pairs": kept} if kept else {}
    if isinstance(item, Ordering):
        return _ordering(item, raw)
    if isinstance(item, Cloze):
        blanks = _mapping(_only(raw, "blanks"), list(item.blanks))
        texts = {key: _text(value, MAX_BLANK) for key, value in blanks.items()}
        texts = {key: text for key, text in texts.items() if text}
        return {"blanks": texts} if texts else {}
    text = _text(_only(raw, "text"), MAX_SHORT if isinstance(item, Numeric) else MAX_ESSAY if isinstance(item, Essay) else MAX_TEXT)
    return {"text": text} if text else {}


def _only(raw: Mapping[str, Any], name: str) -> Any:
    if set(raw) != {name}:
        raise BadAnswer(f"an answer of this kind holds {name} and nothing else")
    return raw[name]


def _among(value: Any, known: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise BadAnswer("names something the question does not have")
    return value


def _mapping(value: Any, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadAnswer("an object is expected")
    for key in value:
        _among(key, known)
    return value


def _text(value: Any, longest: int) -> str:
    if value is None:
        return ""
    if isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
        value = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")     # half a character is no text: it is marked as one
    if not isinstance(value, str) or len(value) > longest or any(ord(sign) < 32 and sign not in "\n\r\t" for sign in value):
        raise BadAnswer(f"a text of at most {longest} characters is expected")
    return value.replace("\r\n", "\n").strip()


def _multiple(item: Multiple, raw: Mapping[str, Any]) -> Answer:
    chosen = _only(raw, "choices")
    if not isinstance(chosen, list):
        raise BadAnswer("a list is expected")
    known = [option.key for option in item.options]
    keys = {_among(key, known) for key in chosen}
    return {"choices": sorted(keys)} if keys else {}


def _ordering(item: Ordering, raw: Mapping[str, Any]) -> Answer:
    places = _mapping(_only(raw, "positions"), [entry.key for entry in item.sequence])
    kept: dict[str, int] = {}
    for key, place in places.items():
        if place in (None, ""):
            continue
        if isinstance(place, bool) or not isinstance(place, int) or not 1 <= place <= len(item.sequence):
            raise BadAnswer("a place in the order is expected")
        kept[key] = place
    return {"positions": kept} if kept else {}


# ── the screen's names ───────────────────────────────────────────────────────────────────────────────────────────
# Keys in content files speak ("report", "obey", "both-miss"): a page that held them would whisper the answer. So a page
# knows options by the letter they are shown with and left-hand entries and gaps by number; only the server knows the keys.
def letters(order: Sequence[str]) -> dict[str, str]:
    """Letter as shown → key."""
    return dict(zip(LETTERS, order, strict=False))


def _left_names(item: Matching) -> dict[str, str]:
    return {str(number): entry.key for number, entry in enumerate(item.left, 1)}


def _blank_names(item: Cloze) -> dict[str, str]:
    return {str(number): key for number, key in enumerate(item.order(), 1)}


def _renamed(value: Any, names: Mapping[str, str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise BadAnswer("an object is expected")
    return {_named(name, names): child for name, child in value.items()}


def _named(value: Any, names: Mapping[str, str]) -> str:
    if not isinstance(value, str) or value not in names:
        raise BadAnswer("names something the question does not have")
    return names[value]


def from_screen(item: Answerable, order: Sequence[str], raw: Any) -> Answer:
    """What a page sent, in the screen's names, as an answer in keys. Raises BadAnswer."""
    if not isinstance(raw, Mapping):
        raise BadAnswer("an answer is an object")
    if not raw or not isinstance(item, Single | Multiple | Matching | Ordering | Cloze):
        return read(item, raw)
    if isinstance(item, Cloze):
        return read(item, {"blanks": _renamed(_only(raw, "blanks"), _blank_names(item))})
    names = letters(order)
    if isinstance(item, Single):
        chosen = _only(raw, "choice")
        return {} if chosen in (None, "") else read(item, {"choice": _named(chosen, names)})
    if isinstance(item, Multiple):
        ticked = _only(raw, "choices")
        if not isinstance(ticked, list):
            raise BadAnswer("a list is expected")
        return read(item, {"choices": [_named(value, names) for value in ticked]})
    if isinstance(item, Ordering):
        return read(item, {"positions": _renamed(_only(raw, "positions"), names)})
    pairs = _renamed(_only(raw, "pairs"), _left_names(item))
    return read(item, {"pairs": {key: _named(value, names) for key, value in pairs.items() if value not in (None, "")}})


def to_screen(item: Answerable, order: Sequence[str], answer: Answer | None) -> Answer:
    """An answer in the screen's names: what a page is told about what stands."""
    if not answer:
        return {}
    names = {key: letter for letter, key in letters(order).items()}
    if isinstance(item, Single):
        return {"choice": names[answer["choice"]]}
    if isinstance(item, Multiple):
        return {"choices": sorted(names[key] for key in answer["choices"])}
    if isinstance(item, Ordering):
        return {"positions": {names[key]: place for key, place in answer["positions"].items()}}
    if isinstance(item, Matching):
        left = {key: number for number, key in _left_names(item).items()}
        return {"pairs": {left[key]: names[right] for key, right in answer["pairs"].items()}}
    if isinstance(item, Cloze):
        gaps = {key: number for number, key in _blank_names(item).items()}
        return {"blanks": {gaps[key]: text for key, text in answer["blanks"].items()}}
    return answer


def from_form(item: Answerable, order: Sequence[str], fields: Mapping[str, Sequence[str]]) -> Answer:
    """The answer a plain form sends: `a` for one value or several, `a.<entry>` per entry. Raises BadAnswer."""
    def one(name: str) -> str:
        values = fields.get(name) or [""]
        return values[0]

    if isinstance(item, Single):
        return from_screen(item, order, {"choice": one("a")})
    if isinstance(item, Multiple):
        return from_screen(item, order, {"choices": [value for value in fields.get("a") or [] if value]})
    if isinstance(item, TrueFalse):
        return read(item, {"value": {"true": True, "false": False}[one("a")]} if one("a") in ("true", "false") else {})
    if isinstance(item, Matching):
        return from_screen(item, order, {"pairs": {number: one(f"a.{number}") for number in _left_names(item)}})
    if isinstance(item, Ordering):
        given = {letter: one(f"a.{letter}") for letter in letters(order)}
        return from_screen(item, order, {"positions": {letter: int(place) for letter, place in given.items() if place.isascii() and place.isdigit()}})
    if isinstance(item, Cloze):
        return from_screen(item, order, {"blanks": {number: one(f"a.{number}") for number in _blank_names(item)}})
    return read(item, {"text": one("a")})


def completeness(item: Answerable, answer: Answer | None) -> Literal["none", "part", "full"]:
    """Whether nothing, a part or all of it is answered; a part still counts for what it holds."""
    if not answer:
        return "none"
    if isinstance(item, Multiple):
        return "full" if len(answer["choices"]) == item.choose else "part"
    if isinstance(item, Matching):
        return "full" if len(answer["pairs"]) == len(item.left) else "part"
    if isinstance(item, Ordering):
        places = list(answer["positions"].values())
        return "full" if len(places) == len(item.sequence) == len(set(places)) else "part"
    if isinstance(item, Cloze):
        return "full" if len(answer["blanks"]) == len(item.blanks) else "part"
    assert isinstance(item, Single | TrueFalse | Numeric | ShortAnswer | Essay)
    return "full"
