"""An item with its key, for people who work on the bank: in the reader's language, the same shape for every kind."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.i18n import language, pick
from quizzes.rules import numbers
from quizzes.rules.answer import LETTERS, Answer
from quizzes.rules.hearing import Ruling
from quizzes.rules.item import Answerable, Choice, Cloze, Essay, Matching, Numeric, Ordering, ShortAnswer, TrueFalse


@dataclass(frozen=True)
class KeyLine:
    """One line of a key: an option, a pair, a place, a blank. `key`: what is right there, where that is a text."""

    name: str
    label: str
    text: str
    key: str
    is_right: bool
    feedback: str


@dataclass(frozen=True)
class KeyView:
    """A question with its key. `lines` for the parts of it, `key` and `note` for what has none."""

    kind: str
    stem: str
    lines: tuple[KeyLine, ...]
    key: str = ""
    note: str = ""
    feedback: str = ""


def _joint() -> str:
    return "、" if language() == "zh" else ", "


def key_view(item: Answerable) -> KeyView:
    stem = pick(item.stem)
    if isinstance(item, Choice):
        return KeyView(item.kind, stem, tuple(
            KeyLine(option.key, letter, pick(option.text), "", option.correct, pick(option.feedback))
            for letter, option in zip(LETTERS, item.options, strict=False)), feedback=pick(item.feedback))
    if isinstance(item, TrueFalse):
        return KeyView(item.kind, stem, tuple(
            KeyLine(name, "", name, "", item.answer is value, pick(said))
            for name, value, said in (("true", True, item.feedback.if_true), ("false", False, item.feedback.if_false))))
    if isinstance(item, Matching):
        texts = {entry.key: pick(entry.text) for entry in item.right}
        return KeyView(item.kind, stem, tuple(KeyLine(entry.key, str(n), pick(entry.text), texts[item.answer[entry.key]], False,
                                                      pick(item.feedback.get(entry.key))) for n, entry in enumerate(item.left, 1)))
    if isinstance(item, Ordering):
        return KeyView(item.kind, stem, tuple(KeyLine(entry.key, str(n), pick(entry.text), "", False, "") for n, entry in enumerate(item.sequence, 1)),
                       feedback=pick(item.feedback))
    if isinstance(item, Cloze):
        lines = []
        for n, key in enumerate(item.order(), 1):
            blank = item.blanks[key]
            lines.append(KeyLine(key, str(n), "", _joint().join((*blank.accept.zh, *blank.accept.en)), False, pick(blank.feedback)))
        text = pick(item.text)
        for n, key in enumerate(item.order(), 1):
            text = text.replace(f"[[{key}]]", f"[{n}]")
        return KeyView(item.kind, stem, tuple(lines), note=text, feedback=pick(item.feedback))
    if isinstance(item, Numeric):
        values = _joint().join(f"{name} = {value}" for name, value in item.example.values.items())
        return KeyView(item.kind, stem, (), key=item.formula, note=f"{values} → {numbers.shown(item.example.answer)} {pick(item.unit)} "
                                                                   f"(± {format(item.tolerance.absolute, 'f')})", feedback=pick(item.feedback))
    assert isinstance(item, ShortAnswer | Essay)
    return KeyView(item.kind, stem, (), key=pick(item.model_answer), feedback=pick(item.feedback))


def answer_text(item: Answerable, answer: Answer, with_letters: bool = True) -> str:
    """An accepted answer in words: options by their texts (with the letters of the item, which no paper shares), pairs, places."""
    if isinstance(item, Choice):
        keys = answer.get("choices", [answer.get("choice")])
        return _joint().join(f"{letter} {pick(option.text)}" if with_letters else pick(option.text)
                             for letter, option in zip(LETTERS, item.options, strict=False) if option.key in keys)
    if isinstance(item, TrueFalse):
        return "true" if answer["value"] else "false"
    if isinstance(item, Matching):
        left, right = {entry.key: pick(entry.text) for entry in item.left}, {entry.key: pick(entry.text) for entry in item.right}
        return _joint().join(f"{left[one]} → {right[other]}" for one, other in answer["pairs"].items())
    if isinstance(item, Ordering):
        texts = {entry.key: pick(entry.text) for entry in item.sequence}
        return " → ".join(texts[key] for key in sorted(answer["positions"], key=lambda key: answer["positions"][key]))
    if isinstance(item, Cloze):
        places = {key: n for n, key in enumerate(item.order(), 1)}
        return _joint().join(f"[{places[key]}] {wording}" for key, wording in answer["blanks"].items())
    return str(answer.get("formula") or answer.get("text", ""))


def accepted_texts(item: Answerable, ruling: Ruling, with_letters: bool = True) -> tuple[str, ...]:
    """The further right answers of a ruling, in words."""
    return tuple(answer_text(item, answer, with_letters) for answer in (ruling.change or {}).get("answers", ()))
