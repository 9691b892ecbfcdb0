"""The gaps of Moodle's embedded answers, `{1:SHORTANSWER:=right#why~=also right}`: taken out of a text, and put into one.

https://docs.moodle.org/en/Embedded_Answers_(Cloze)_question_type. Short answers and numbers can be gaps of ours; choices inside
a sentence cannot, and are refused by name.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from quizzes.exchange.markup import to_html
from quizzes.exchange.outward import merged
from quizzes.exchange.question import Gap, Question, Text

_OPENING = re.compile(r"\{([0-9]*):([A-Z_]+):")
_SHORT = {"SHORTANSWER": False, "SA": False, "MW": False, "SHORTANSWER_C": True, "SAC": True, "MWC": True}
_NUMBER = frozenset({"NUMERICAL", "NM"})
_WEIGHT = re.compile(r"%(-?[0-9]+(?:\.[0-9]*)?)%")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Said:
    word: str
    fraction: Decimal
    feedback: Text = field(default_factory=dict)


def gap_of(question: Question, answers: Sequence[Said]) -> Gap:
    """What earns the full mark is accepted; less, and what stands for anything, is named."""
    gap = Gap({"": []})
    for said in answers:
        word = " ".join(said.word.split())
        if said.fraction < 1:
            if word != "*":
                question.say("partial_weight", f"{word[:30]} {said.fraction * 100:f}%")
            elif said.feedback:
                question.say("wrong_feedback", next(iter(said.feedback.values()))[:40])
            continue
        if "*" in word:
            question.say("wildcard", word[:30])
        gap.accept[""].append(word)
        gap.feedback = gap.feedback or said.feedback
    if not gap.accept[""]:
        question.say("none_right", severity="error")
    return gap


def take_out(question: Question, markup: str, feedback: Callable[[str], Text]) -> str:
    """The markup with every gap as `[[a]]`, `[[b]]` …; the gaps go into the question."""
    out, at = [], 0
    weights = set()
    while match := _OPENING.search(markup, at):
        out.append(markup[at:match.start()])
        end = _closing(markup, match.end())
        if end < 0:
            question.say("brace_open", severity="error")
            return markup
        at = end + 1
        kind, inside = match[2], markup[match.end():end]
        if kind not in _SHORT and kind not in _NUMBER:
            question.say("unsupported_gap", kind[:30], severity="error")
            continue
        weights.add(match[1] or "1")
        key = LETTERS[len(question.gaps)] if len(question.gaps) < 26 else f"n{len(question.gaps)}"
        answers = [_said(told, feedback) for told in re.split(r"(?<!\\)~", inside)]
        if kind in _NUMBER:
            answers = [_number(question, said) for said in answers]
        question.case_matters = question.case_matters or _SHORT.get(kind, False)
        question.gaps[key] = gap_of(question, answers)
        out.append(f"[[{key}]]")
    if len(weights) > 1:
        question.say("gap_weights", ", ".join(sorted(weights)))
    return "".join([*out, markup[at:]])


def _closing(markup: str, at: int) -> int:
    while at < len(markup):
        if markup[at] == "\\":
            at += 1
        elif markup[at] == "}":
            return at
        at += 1
    return -1


def _said(told: str, feedback: Callable[[str], Text]) -> Said:
    fraction = Decimal(0)
    if told.startswith("="):
        fraction, told = Decimal(1), told[1:]
    elif match := _WEIGHT.match(told):
        fraction, told = Decimal(match[1]) / 100, told[match.end():]
    word, _hash, said = [*re.split(r"(?<!\\)(#)", told, maxsplit=1), "", ""][:3]
    plain = html.unescape(re.sub(r"<[^<>]*>", "", re.sub(r"\\(.)", r"\1", word)))
    return Said(plain, fraction, feedback(re.sub(r"\\(.)", r"\1", said)) if said else {})


def _number(question: Question, said: Said) -> Said:
    number, colon, tolerance = said.word.partition(":")
    if colon and tolerance.strip() not in ("", "0"):
        question.say("gap_tolerance", number[:20], tolerance[:20])
    return Said(number.strip(), said.fraction, said.feedback)


def put_in(markup: str, question: Question) -> str:
    """The markup of a sentence with its gaps written as Moodle writes them."""
    def written(match: re.Match[str]) -> str:
        gap = question.gaps.get(match[1])
        if gap is None:
            return match[0]
        feedback = f"#{_escaped(to_html(gap.feedback))}" if gap.feedback else ""
        kind = "SHORTANSWER_C" if question.case_matters else "SHORTANSWER"
        return "{1:" + kind + ":" + "~".join(f"={_escaped(html.escape(word, quote=False))}{feedback}" for word in merged(gap)) + "}"

    return re.sub(r"\[\[([a-z0-9-]+)\]\]", written, markup)


def _escaped(text: str) -> str:
    return re.sub(r"[\\}~#]", r"\\\g<0>", text)
