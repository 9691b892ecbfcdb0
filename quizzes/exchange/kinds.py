"""One question of another program as the body of an item, kind by kind. What travelled beside it (`meta`) is taken only where it
is what it should be; what cannot be kept is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from quizzes.exchange.markup import BREAK, is_chinese, settled
from quizzes.exchange.outward import FILL, FULL_RULES, grader_notes, merged, one_gap, pair_lines, reads_as
from quizzes.exchange.question import MAX_TEXT, Gap, Question, Text
from quizzes.rules.item import KEY, KINDS, PLACEHOLDER, from_placeholders

LETTERS = "abcdefghijklmnopqrstuvwxyz"
BLANK_TEXT = {"zh": "", "en": ""}


class Reader:
    """One question being turned into a body: its language, what is missing, what was said."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.meta = question.meta
        self.in_two = {"zh", "en"} <= set(question.stem)
        self.language = reads_as({**question.stem, **{f"{name} text": told for name, told in question.text.items()}})

    def both(self, text: Text) -> dict[str, str]:
        """A text as {'zh','en'}, "" where a language is missing. Figures and signs alone serve in both; so does whatever stands
        outside of the language marks of a question in two languages."""
        found = {name: text.get(name, "") for name in ("zh", "en")}
        if plain := text.get(""):
            if not is_chinese(plain) and (self.in_two or not any(sign.isalpha() for sign in plain)):
                return {"zh": plain, "en": plain}
            found["zh" if is_chinese(plain) else self.language] = plain
        for name, told in found.items():
            if len(told) > MAX_TEXT:
                self.question.say("too_long", f"{len(told):,}", f"{MAX_TEXT:,}", severity="error")
                found[name] = ""
        return found

    def keys(self, name: str, number: int) -> list[str]:
        """The keys that travelled along, where they are still as many; a, b, c … otherwise."""
        told = self.meta.get(name)
        keys = told.split() if isinstance(told, str) else []
        if len(keys) == number == len(set(keys)) and all(re.fullmatch(KEY, key) for key in keys):
            return keys
        if told:
            self.question.say("keys_lost")
        return [LETTERS[index] if index < 26 else f"n{index}" for index in range(number)]

    def told_text(self, name: str) -> Text:
        value = self.meta.get(name)
        return {key: told for key, told in value.items() if key in ("zh", "en") and isinstance(told, str)} if isinstance(value, Mapping) else {}


@cache
def _checker(kind: str, name: str) -> TypeAdapter[Any]:
    declared = KINDS[kind].model_fields[name]
    shape: Any = Annotated[declared.annotation, *declared.metadata] if declared.metadata else declared.annotation
    return TypeAdapter(shape)


def fits(kind: str, name: str, value: Any) -> bool:
    """Whether an item of this kind has such a field and may hold this in it."""
    if name not in KINDS[kind].model_fields:
        return False
    try:
        _checker(kind, name).validate_python(value)
    except ValidationError:
        return False
    return True


def take(reader: Reader, body: dict[str, Any], name: str, value: Any) -> None:
    if fits(body["kind"], name, value):
        body[name] = value
    else:
        reader.question.say("meta_refused", f"{name}={value}"[:80])


# ── kinds ────────────────────────────────────────────────────────────────────────────────────────────────────────
def _choice(reader: Reader, body: dict[str, Any]) -> None:
    question = reader.question
    body["kind"] = "single" if question.is_single else "multiple"
    if question.general:
        body["feedback"] = reader.both(question.general)
    keys = reader.keys("keys", len(question.answers))
    told = reader.meta.get("misconceptions")
    errors = told if isinstance(told, Mapping) else {}
    best = max((answer.fraction for answer in question.answers), default=Decimal(0))
    body["options"] = []
    for key, answer in zip(keys, question.answers, strict=True):
        correct = answer.fraction > 0 and (answer.fraction == best if question.is_single else True)
        option = {"key": key, "text": reader.both(answer.text), "correct": correct, "feedback": reader.both(answer.feedback)}
        if not correct and isinstance(errors.get(key), Mapping):
            option["misconception"] = {name: str(errors[key].get(name, "")) for name in ("zh", "en")}
        if question.is_single and answer.fraction not in (0, best):
            question.say("partial_weight" if answer.fraction > 0 else "negative_weight", _percent(answer.fraction), line=answer.line)
        body["options"].append(option)
    if question.is_single:
        if best < 1:
            question.say("no_full_mark", _percent(best))
        return
    right: list[Decimal] = [answer.fraction for answer in question.answers if answer.fraction > 0]
    wrong: list[Decimal] = [answer.fraction for answer in question.answers if answer.fraction <= 0]
    body["choose"] = len(right)
    if type(reader.meta.get("choose")) is int:
        body["choose"] = reader.meta["choose"]
    if right and max(right) - min(right) > Decimal("0.011"):
        question.say("uneven_weights", ", ".join(_percent(weight) for weight in right))
    elif right and abs(sum(right, Decimal(0)) - 1) > Decimal("0.02"):
        question.say("weights_sum", _percent(sum(right, Decimal(0))))
    if wrong and max(wrong) - min(wrong) > Decimal("0.011"):
        question.say("uneven_penalties", ", ".join(_percent(weight) for weight in wrong))
    cost = (min(wrong) * len(right)).quantize(Decimal("0.001")) if wrong and right else Decimal(-1)
    body["scoring"] = {"rule": "per-option", "wrong": _short(cost), "floor": "0"}
    given = reader.meta.get("scoring")
    if isinstance(given, Mapping) and fits("multiple", "scoring", dict(given)):
        if given.get("rule") == "all-or-nothing" or abs(Decimal(str(given.get("wrong", "-1"))) - cost) < Decimal("0.002"):
            body["scoring"] |= dict(given)
        else:
            body["scoring"]["floor"] = str(given.get("floor", "0"))


def _short(value: Decimal) -> str:
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _percent(share: Decimal) -> str:
    return f"{_short((share * 100).quantize(Decimal('0.00001')))}%"


def _true_false(reader: Reader, body: dict[str, Any]) -> None:
    question = reader.question
    yes, no = question.answers
    told = {"if_true": reader.both(yes.feedback), "if_false": reader.both(no.feedback)}
    body |= {"kind": "true_false", "answer": yes.fraction > no.fraction, "feedback": told}
    if question.general:
        general = reader.both(question.general)
        used = False
        for text in told.values():
            for name in ("zh", "en"):
                if not text[name]:
                    text[name], used = general[name], True
        if not used:
            question.say("general_feedback")


def _matching(reader: Reader, body: dict[str, Any]) -> None:
    question = reader.question
    pairs = [(reader.both(left), reader.both(right)) for left, right in question.pairs]
    lefts = [left for left, _right in pairs if any(left.values())]
    rights: list[dict[str, str]] = []
    for _left, right in pairs:
        if right not in rights:
            rights.append(right)
    told = reader.meta.get("pairs")
    known = {str(pair[0]): str(pair[1]) for pair in told if isinstance(pair, list | tuple) and len(pair) == 2} if isinstance(told, list) else {}
    left_keys = reader.keys("left", len(lefts))
    right_keys: list[str] = []
    order = reader.meta.get("right")
    listed = order.split() if isinstance(order, str) else []
    if list(known) == left_keys and len(listed) == len(rights) == len(set(listed)) and set(known.values()) <= set(listed):
        used = list(dict.fromkeys(known[key] for key in left_keys))
        right_keys = [*used, *(key for key in listed if key not in used)]
    if len(right_keys) != len(rights):
        right_keys = [f"r{index}" for index in range(1, len(rights) + 1)]
    by_text = list(zip(right_keys, rights, strict=True))
    answer = {}
    numbered = iter(left_keys)
    for left, right in pairs:
        if any(left.values()):
            answer[next(numbered)] = next(key for key, text in by_text if text == right)
    place = {key: index for index, key in enumerate(listed)}
    entries = sorted(by_text, key=lambda entry: place.get(entry[0], len(place)))
    body |= {"kind": "matching", "left": [{"key": key, "text": text} for key, text in zip(left_keys, lefts, strict=True)],
             "right": [{"key": key, "text": text} for key, text in entries], "answer": answer, "scoring": dict(FULL_RULES["matching"])}
    beside = reader.meta.get("pair_feedback")
    feedback = {key: {name: str(value.get(name, "")) for name in ("zh", "en")} for key, value in beside.items()
                if key in answer and isinstance(value, Mapping)} if isinstance(beside, Mapping) else {}
    general = reader.both(question.general)
    if feedback and {name: told for name, told in general.items() if told} != pair_lines(body["left"], feedback):
        question.say("changed_outside", "feedback")
        feedback = {}
    if not feedback and question.general:
        question.say("feedback_shared", severity="note")
    body["feedback"] = feedback or {key: dict(general) for key in left_keys}
    if any("picture:" in told for text in rights for told in text.values()):
        question.say("picture_in_list")


def _ordering(reader: Reader, body: dict[str, Any]) -> None:
    question = reader.question
    keys = reader.keys("keys", len(question.answers))
    body |= {"kind": "ordering", "sequence": [{"key": key, "text": reader.both(answer.text)} for key, answer in zip(keys, question.answers, strict=True)],
             "feedback": reader.both(question.general), "scoring": {"rule": "exact" if question.exact_order else "adjacent-pairs"}}


def part_stem(question: Question) -> None:
    """Stem and sentence of a cloze that stood as one text, as the writer of the file has told how many lines are the stem's."""
    lines = question.meta.pop("stem_lines", 0)
    if type(lines) is not int or lines < 1 or any(told.count(BREAK) < lines for told in question.text.values()):
        return
    rests = {}
    for name, told in question.text.items():
        parts = told.split(BREAK)
        question.stem[name] = BREAK.join(parts[:lines])
        rests[name] = BREAK.join(parts[lines:])
    question.text = {"": next(iter(rests.values()))} if len(set(rests.values())) == 1 else rests


def _whole_text(question: Question, keys: Sequence[str]) -> None:
    """The sentence of several gaps that went out as one question a gap."""
    whole = question.meta.get("whole")
    told = {name: text for name, text in whole.items() if name in ("zh", "en") and isinstance(text, str)} if isinstance(whole, Mapping) else {}
    if not told:
        return
    first = told.get("zh") or told["en"]
    if settled(one_gap(first, keys[0], keys)) != settled(next(iter(question.text.values()), "")):
        question.say("changed_outside", "text")
    question.text = told


def _cloze(reader: Reader, body: dict[str, Any]) -> None:
    question = reader.question
    if "gap_of" in question.meta:
        _whole_text(question, list(question.gaps))
        reader.language = "zh"
    keys = reader.keys("keys", len(question.gaps))
    renamed = dict(zip(question.gaps, keys, strict=True))
    text = {name: re.sub(r"\[\[([a-z0-9-]+)\]\]", lambda match: f"[[{renamed.get(match[1], match[1])}]]", told) for name, told in question.text.items()}
    both = reader.both(text)
    if set(text) == {""} and set(re.sub(r"\[\[[a-z0-9-]+\]\]", "", text[""])) <= set(" \\\n"):
        both = {"zh": text[""], "en": text[""]}
    for name, told in reader.told_text("text").items():
        if not both[name] and set(re.findall(r"\[\[([a-z0-9-]+)\]\]", told)) == set(keys):
            both[name] = told
    if not any(body["stem"].values()):
        body["stem"] = dict(FILL)
    beside = reader.meta.get("accept")
    known = beside if isinstance(beside, Mapping) else {}
    body |= {"kind": "cloze", "text": both, "blanks": {}}
    for old, key in renamed.items():
        gap = question.gaps[old]
        body["blanks"][key] = {"accept": _accepted(reader, gap, known.get(key)), "feedback": reader.both(gap.feedback)}
    ignore = reader.meta.get("ignore", FULL_RULES["cloze"]["ignore"])
    body["matching"] = {"ignore": ignore if fits("cloze", "matching", {"ignore": ignore}) else FULL_RULES["cloze"]["ignore"]}
    if question.case_matters and "case" in body["matching"]["ignore"]:
        body["matching"] = {"ignore": [name for name in body["matching"]["ignore"] if name != "case"]}
    if question.general:
        body["feedback"] = reader.both(question.general)


def _accepted(reader: Reader, gap: Gap, known: Any) -> dict[str, list[str]]:
    """What a gap accepts in each language. Without a mark, Chinese goes to Chinese, and other words to the language of the question."""
    found = {name: list(gap.accept.get(name, ())) for name in ("zh", "en")}
    plain = gap.accept.get("", [])
    if isinstance(known, Mapping) and plain:
        before = {name: [str(word) for word in known[name]] if isinstance(known.get(name), list) else [] for name in ("zh", "en")}
        if plain == merged(Gap(before)):
            return before
    for word in plain:
        if is_chinese(word):
            found["zh"].append(word)
        elif not any(sign.isalpha() for sign in word):
            found["zh"].append(word)
            found["en"].append(word)
        else:
            found["en" if reader.language == "en" or any(is_chinese(other) for other in plain) else "zh"].append(word)
    return found


def _numeric(reader: Reader, body: dict[str, Any]) -> None:
    question, meta = reader.question, reader.meta
    right = question.answers[0]
    value = right.text.get("", "0")
    places = max(0, -int(Decimal(value).as_tuple().exponent))
    unit = reader.told_text("unit")
    named = question.units[:1] if question.units else []
    for other in question.units:
        if is_chinese(other) and "zh" not in unit:
            unit["zh"] = other
        elif "en" not in unit and not is_chinese(other):
            unit["en"] = other
    if named and set(unit) == {"en"} and not any(sign.isalpha() for sign in unit["en"]):
        unit["zh"] = unit["en"]
    body |= {"kind": "numeric", "parameters": [], "constraints": [], "formula": value, "unit": {**BLANK_TEXT, **unit},
             "rounding": {"places": places, "mode": "half-up"}, "tolerance": {"absolute": right.tolerance},
             "accept_separators": meta.get("accept_separators") is not False,
             "example": {"values": {}, "answer": value}, "feedback": reader.both(question.general)}
    traps = []
    for answer in question.answers[1:]:
        if answer.fraction >= 1 or answer.fraction < 0:
            question.say("second_answer", answer.text.get("", ""), line=answer.line)
            continue
        if answer.tolerance != right.tolerance:
            question.say("trap_tolerance", answer.text.get("", ""), answer.tolerance, line=answer.line)
            if as_number(answer.text.get("", "0")) == Decimal(value):
                continue    # a wider band around the right answer: here it would be the right answer itself
        traps.append({"formula": answer.text.get("", "0"), "feedback": reader.both(answer.feedback), "fraction": _short(answer.fraction)})
    body["traps"] = traps
    if meta.get("formula"):
        _parameters(reader, body, value)
    if right.feedback and not any(body["feedback"].values()):
        body["feedback"] = reader.both(right.feedback)
    elif right.feedback:
        question.say("general_feedback")


def _parameters(reader: Reader, body: dict[str, Any], value: str) -> None:
    """The formula that travelled along, while the text and the answer are still those of its example."""
    meta, question = reader.meta, reader.question
    parts: dict[str, Any] = {name: meta[name] for name in ("parameters", "constraints", "formula", "rounding", "example") if name in meta}
    if not all(fits("numeric", name, part) for name, part in parts.items()) or not isinstance(example := meta.get("example"), Mapping):
        question.say("meta_refused", "formula")
        return
    values = {str(name): str(told) for name, told in (example.get("values") or {}).items()}
    template = {"stem": reader.told_text("stem"), "feedback": reader.told_text("feedback")}
    for name, told in template.items():
        shown = {language: from_placeholders(words, values) for language, words in told.items()}
        if told and (shown == {language: words for language, words in body[name].items() if words} or _same(shown, body[name])):
            body[name] = {**BLANK_TEXT, **told}
        elif told:
            question.say("changed_outside", name)
            return
    if str(example.get("answer")) != value:
        question.say("changed_outside", "answer")
        return
    if any(PLACEHOLDER.search(words) for words in body["stem"].values()) or not meta.get("parameters"):
        body.update({"parameters": meta.get("parameters", []), "constraints": [], **parts})
    told_traps = meta.get("traps")
    worked = [trap for trap in told_traps if isinstance(trap, Mapping) and trap.get("shown")] if isinstance(told_traps, list) else []
    if isinstance(told_traps, list) and all(isinstance(trap, Mapping) for trap in told_traps) and len(worked) == len(body["traps"]):
        native = iter(body["traps"])
        restored = []
        for trap in told_traps:
            base = next(native) if trap.get("shown") else {"feedback": BLANK_TEXT, "fraction": "0"}
            beside = {name: trap[name] for name in ("formula", "feedback", "fraction") if name in trap}
            restored.append(base | beside)
        take(reader, body, "traps", restored)
    elif told_traps:
        question.say("changed_outside", "traps")


def _same(shown: Text, native: Mapping[str, str]) -> bool:
    return {name: settled(told) for name, told in shown.items()} == {name: settled(told) for name, told in native.items() if told}


def _essay(reader: Reader, body: dict[str, Any]) -> None:
    """A text that people mark. What a marker needs beyond the text travels beside; from elsewhere only the notes come."""
    question, meta = reader.question, reader.meta
    beside = meta.get("body")
    told_kind = meta.get("kind")
    body["kind"] = told_kind if isinstance(told_kind, str) and told_kind in KINDS and isinstance(beside, Mapping) else "short_answer"
    if question.general:
        body["feedback"] = reader.both(question.general)
    notes = reader.both(question.grader_info)
    if isinstance(beside, Mapping):
        for name, value in beside.items():
            take(reader, body, str(name), value)
        if not question.grader_info or {name: told for name, told in notes.items() if told} == grader_notes(body):
            return
        question.say("changed_outside", "model_answer")
        body["model_answer"] = notes
        return
    body |= {"model_answer": notes, "marked_by": "trainer"}
    if question.marks not in ("1", "1.0000000", ""):
        question.say("marks_apart", question.marks, severity="note")


def as_number(told: str) -> Decimal | None:
    """A number as files write it, None where it is none. Commas are refused: they mean different things in different countries."""
    try:
        value = Decimal(told.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and -18 < value.adjusted() < 18 else None


BY_KIND: dict[str, Callable[[Reader, dict[str, Any]], None]] = {
    "multichoice": _choice, "truefalse": _true_false, "matching": _matching, "ordering": _ordering, "numerical": _numeric, "cloze": _cloze, "essay": _essay,
}
