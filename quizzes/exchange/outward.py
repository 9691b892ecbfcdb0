"""Item bodies as questions of other programs. What a question has no place for goes into its `meta`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from foundation.formula import FormulaError, evaluate, parse, rounded
from quizzes.exchange.markup import BREAK, is_chinese, settled
from quizzes.exchange.question import Answer, Gap, Question, Text
from quizzes.rules.item import from_placeholders

Body = Mapping[str, Any]
FILL = {"zh": "请补全下面的空格。", "en": "Fill in the gaps below."}
DEFAULTS: dict[str, Any] = {"claims": [], "enemy_of": [], "shuffle": True, "programme": "service-manager", "source": "", "usage": "both"}
COMMON = ("programme", "status", "reviewed", "author_role", "reviewer_role", "approver_role", "source", "claims", "enemy_of", "objective", "bloom", "usage")
FULL_RULES: dict[str, dict[str, Any]] = {
    "multiple": {"rule": "per-option", "wrong": "-1", "floor": "0"}, "matching": {"rule": "per-pair"}, "ordering": {"rule": "adjacent-pairs"},
    "cloze": {"ignore": ["case", "spaces", "punctuation", "width"]},
}


def words(value: Any) -> Text:
    """A {'zh','en'} of a body, without the languages it lacks."""
    return {name: str(value[name]) for name in ("zh", "en") if value.get(name)} if isinstance(value, Mapping) else {}


def questions_of(body: Body, tags: Sequence[str] = ()) -> list[Question]:
    """The questions that stand for one item: one, or of a set the shared text and each of its items."""
    if body["kind"] != "set":
        return [_with_exact(_question(body, tags))]
    head = Question("description", name=body["key"], idnumber=body["key"], category=str(body.get("content_area", "")), stem=words(body.get("stem")),
                    general=words(body.get("feedback")), tags=list(tags))
    head.meta = _common(body) | {"set": body["key"], "title": words(body.get("title"))}
    members = [_question(entry, ()) for entry in body.get("items", ())]
    for member in members:
        member.meta["set"] = body["key"]
    return [_with_exact(question) for question in (head, *members)]


def _common(body: Body) -> dict[str, Any]:
    meta = {name: body[name] for name in COMMON if body.get(name) not in (None, "", DEFAULTS.get(name))}
    if difficulty := body.get("difficulty"):
        meta["difficulty"] = f"{difficulty.get('expected_fraction', '')}/{difficulty.get('basis', '')}"
    return meta


def _question(body: Body, tags: Sequence[str]) -> Question:
    kind = body["kind"]
    question = Question("essay", name=body["key"], idnumber=body["key"], category=str(body.get("content_area", "")), stem=words(body.get("stem")),
                        tags=list(tags), shuffle=body.get("shuffle", True) is not False)
    question.meta = _common(body) | {"kind": kind}
    if kind not in ("true_false", "matching"):
        question.general = words(body.get("feedback"))
    if not question.shuffle:
        question.meta["shuffle"] = False
    if "scoring" in body and body["scoring"] != FULL_RULES.get(kind):
        question.meta["scoring"] = body["scoring"]
    fill = {"single": _choice, "multiple": _choice, "true_false": _true_false, "matching": _matching, "ordering": _ordering, "numeric": _numeric,
            "cloze": _cloze}.get(kind, _by_people)
    fill(question, body)
    return question


def _keys(entries: Sequence[Body]) -> str:
    return " ".join(str(entry["key"]) for entry in entries)


def _choice(question: Question, body: Body) -> None:
    """Weights add up to the full mark; wrong options of `multiple` cost what the rule says."""
    question.kind = "multichoice"
    question.is_single = body["kind"] == "single"
    options = body.get("options", ())
    right = sum(1 for option in options if option.get("correct")) or 1
    scoring = body.get("scoring") or {}
    wrong = Decimal(0) if question.is_single else Decimal(str(scoring.get("wrong", "-1"))) / right
    if scoring.get("rule") == "all-or-nothing":
        wrong = Decimal(-1)
    question.answers = [Answer(words(option.get("text")), (Decimal(1) / right if option.get("correct") else wrong), words(option.get("feedback")))
                        for option in options]
    question.meta["keys"] = _keys(options)
    if errors := {option["key"]: words(option["misconception"]) for option in options if option.get("misconception")}:
        question.meta["misconceptions"] = errors
    if not question.is_single and body.get("choose") != right:
        question.meta["choose"] = body.get("choose")


def _true_false(question: Question, body: Body) -> None:
    question.kind = "truefalse"
    told = body.get("feedback") or {}
    question.answers = [Answer({"": str(name).lower()}, Decimal(int(body.get("answer") is name)), words(told.get(f"if_{str(name).lower()}")))
                        for name in (True, False)]


def pair_lines(lefts: Sequence[Body], feedback: Mapping[str, Any]) -> Text:
    """The feedback on every pair as one text, a line each, because other programs give one for the question."""
    found: dict[str, list[str]] = {}
    for left in lefts:
        for name, told in words(feedback.get(left["key"])).items():
            found.setdefault(name, []).append(f"{words(left['text']).get(name, left['key'])} — {told}")
    return {name: settled(BREAK.join(lines)) for name, lines in found.items()}


def _matching(question: Question, body: Body) -> None:
    question.kind = "matching"
    lefts, rights = body.get("left", ()), {entry["key"]: entry for entry in body.get("right", ())}
    answer = body.get("answer") or {}
    question.pairs = [(words(left["text"]), words(rights[answer[left["key"]]]["text"])) for left in lefts if answer.get(left["key"]) in rights]
    taken = set(answer.values())
    question.pairs += [({}, words(entry["text"])) for key, entry in rights.items() if key not in taken]
    feedback = body.get("feedback") or {}
    question.general = pair_lines(lefts, feedback)
    question.meta |= {"left": _keys(lefts), "right": _keys(body.get("right", ())), "pairs": [[left["key"], answer.get(left["key"], "")] for left in lefts]}
    if feedback:
        question.meta["pair_feedback"] = {key: words(value) for key, value in feedback.items()}


def _ordering(question: Question, body: Body) -> None:
    question.kind = "ordering"
    question.answers = [Answer(words(entry["text"])) for entry in body.get("sequence", ())]
    question.exact_order = (body.get("scoring") or {}).get("rule") == "exact"
    question.meta.pop("scoring", None)
    question.meta["keys"] = _keys(body.get("sequence", ()))


def value_of(formula: str, values: Mapping[str, str], places: int) -> str | None:
    """What a formula gives for these values, rounded; None where it cannot be worked out."""
    try:
        return format(rounded(evaluate(parse(formula), {name: Decimal(value) for name, value in values.items()}), places), "f")
    except (FormulaError, InvalidOperation, ArithmeticError):
        return None


def _numeric(question: Question, body: Body) -> None:
    """The example stands for the item: its values in the text, its answer, and what each trap comes to. The formula goes beside."""
    question.kind = "numerical"
    example = body.get("example") or {}
    values = example.get("values") or {}
    places = int((body.get("rounding") or {}).get("places", 0))
    tolerance = str((body.get("tolerance") or {}).get("absolute", "0"))
    stem, general = question.stem, question.general
    question.stem = {name: from_placeholders(told, values) for name, told in stem.items()}
    question.general = {name: from_placeholders(told, values) for name, told in general.items()}
    question.answers = [Answer({"": str(example.get("answer", ""))}, tolerance=tolerance)]
    traps = body.get("traps") or ()
    worked = [value_of(str(trap.get("formula", "")), values, places) for trap in traps]
    for trap, value in zip(traps, worked, strict=True):
        if value is not None:
            told = {name: from_placeholders(text, values) for name, text in words(trap.get("feedback")).items()}
            question.answers.append(Answer({"": value}, Decimal(str(trap.get("fraction", "0"))), told, tolerance=tolerance))
    unit = words(body.get("unit"))
    question.units = list(dict.fromkeys(unit.values()))
    meta: dict[str, Any] = {name: body[name] for name in ("parameters", "constraints", "rounding", "example") if body.get(name)}
    meta["formula"] = body.get("formula", "")
    meta["unit"] = unit
    if body.get("accept_separators", True) is not True:
        meta["accept_separators"] = False
    if stem != question.stem:
        meta["stem"] = stem
    if general != question.general:
        meta["feedback"] = general
    if traps:
        meta["traps"] = [{"formula": trap.get("formula", ""), "shown": value is not None,
                          **({} if value is not None and words(trap.get("feedback")) == question_feedback(question, worked, number)
                             else {"feedback": words(trap.get("feedback"))}),
                          **({} if value is not None else {"fraction": str(trap.get("fraction", "0"))})}
                         for number, (trap, value) in enumerate(zip(traps, worked, strict=True))]
    question.meta |= meta


def question_feedback(question: Question, worked: Sequence[str | None], number: int) -> Text:
    """The feedback that trap `number` has among the answers, after those that could be worked out before it."""
    return question.answers[1 + sum(1 for value in worked[:number] if value is not None)].feedback


def _cloze(question: Question, body: Body) -> None:
    question.kind = "cloze"
    question.text = words(body.get("text"))
    question.gaps = {key: Gap({name: list((blank.get("accept") or {}).get(name, ())) for name in ("zh", "en")}, words(blank.get("feedback")))
                     for key, blank in (body.get("blanks") or {}).items()}
    order = list(dict.fromkeys(re.findall(r"\[\[([a-z0-9-]+)\]\]", question.text.get("zh") or question.text.get("en", ""))))
    question.gaps = dict(sorted(question.gaps.items(), key=lambda entry: order.index(entry[0]) if entry[0] in order else len(order)))
    ignore = (body.get("matching") or FULL_RULES["cloze"]).get("ignore", [])
    question.case_matters = "case" not in ignore
    if sorted(ignore) != sorted(FULL_RULES["cloze"]["ignore"]):
        question.meta["ignore"] = ignore
    question.meta["keys"] = " ".join(question.gaps)


def merged(gap: Gap) -> list[str]:
    """Everything a gap accepts, in whatever language, once each."""
    return list(dict.fromkeys(word for told in gap.accept.values() for word in told))


def main_language(question: Question) -> str:
    """The language whose text carries the gaps where a format has room for one."""
    return "zh" if "zh" in question.text else "en"


def gap_meta(question: Question) -> dict[str, Any]:
    """What a format with one text and one list of answers a gap needs beside them."""
    main = main_language(question)
    meta: dict[str, Any] = {"accept": {key: gap.accept for key, gap in question.gaps.items()}}
    if other := {name: told for name, told in question.text.items() if name != main}:
        meta["text"] = other
    return meta


def one_gap(text: str, key: str, keys: Sequence[str]) -> str:
    """The text with one gap, `[[a]]`; the others stand as their numbers."""
    def shown(match: re.Match[str]) -> str:
        return "[[a]]" if match[1] == key else f"({keys.index(match[1]) + 1})…" if match[1] in keys else match[0]

    return re.sub(r"\[\[([a-z0-9-]+)\]\]", shown, text)


def stem_lines(question: Question) -> int:
    """How many lines of a text that holds stem and gaps together are the stem's."""
    return 1 + max((told.count(BREAK) for told in question.stem.values()), default=-1)


def _by_people(question: Question, body: Body) -> None:
    """Essays, and any kind that is still to be invented: the text and the markers' notes; everything else goes beside."""
    question.kind = "essay"
    question.general = words(body.get("feedback"))
    known = {*COMMON, "key", "kind", "content_area", "stem", "difficulty", "shuffle", "feedback"}
    question.meta |= {"body": {name: value for name, value in body.items() if name not in known}}
    question.meta.pop("scoring", None)
    question.grader_info = grader_notes(body)
    question.marks = str((body.get("marking") or {}).get("max") or sum(
        max((level.get("marks", 0) for level in criterion.get("levels", ())), default=0) for criterion in body.get("criteria", ())) or 1)


def grader_notes(body: Body) -> Text:
    """What a marker reads beside the answer: the model answer, then the points or the criteria with their levels."""
    marking = body.get("marking") or {}
    found: Text = {}
    for name in ("zh", "en"):
        lines = [words(body.get("model_answer")).get(name, "")]
        for point in (*marking.get("points", ()), *marking.get("deductions", ())):
            lines.append(f"{point.get('marks', 0):+d} {words(point.get('text')).get(name, '')}")
        for criterion in body.get("criteria", ()):
            lines.append(words(criterion.get("title")).get(name, ""))
            lines += [f"{level.get('marks', 0)} {words(level.get('descriptor')).get(name, '')}" for level in criterion.get("levels", ())]
        if told := settled(BREAK.join(line for line in lines if line)):
            found[name] = told
    return found


def _with_exact(question: Question) -> Question:
    """Spellings that HTML has no place for (a needless backslash, a line break inside a paragraph) are kept beside."""
    spelled: dict[str, list[str]] = {}
    for text in question.texts():
        for told in text.values():
            spelled.setdefault(settled(told), []).append(told)
    # several texts may come to the same: then all their spellings stand there in the order of the texts
    exact = {short: told[0] if len(set(told)) == 1 else told for short, told in spelled.items() if set(told) != {short}}
    if exact:
        question.meta["exact"] = exact
    return question


def reads_as(text: Text) -> str:
    """zh or en: in which language a text without a mark is written."""
    return "zh" if any(is_chinese(told) for told in text.values()) else "en"
