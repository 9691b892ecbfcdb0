"""What the fields of an item are called, and complaints about them in the reader's language.

The rules speak English to whoever writes content files; here each of their sentences is found by its form and said in
the language of the page. A sentence that is not listed is shown as the rule said it (a house-kept test lists them all).
"""

from __future__ import annotations

import re
from typing import Any

from foundation.i18n import gettext as _
from foundation.i18n import lazy_gettext
from quizzes.rules.bank_check import Finding

# names of fields, rows without their numbers
LABELS: dict[str, Any] = {
    "key": lazy_gettext("Key"),
    "kind": lazy_gettext("Kind of item"),
    "content_area": lazy_gettext("Content area"),
    "programme": lazy_gettext("Programme"),
    "objective": lazy_gettext("Learning objective"),
    "bloom": lazy_gettext("Cognitive level"),
    "difficulty": lazy_gettext("Difficulty"),
    "difficulty.expected_fraction": lazy_gettext("Expected facility"),
    "difficulty.basis": lazy_gettext("Where the expectation comes from"),
    "usage": lazy_gettext("Use"),
    "stem": lazy_gettext("Question text"),
    "title": lazy_gettext("Title"),
    "source": lazy_gettext("Source"),
    "enemy_of": lazy_gettext("Never in one paper with"),
    "claims": lazy_gettext("Claims of fact"),
    "claims.text": lazy_gettext("What is claimed"),
    "claims.source": lazy_gettext("Source of the claim"),
    "claims.reviewed": lazy_gettext("Last checked"),
    "shuffle": lazy_gettext("Shuffle what is shown"),
    "feedback": lazy_gettext("Feedback"),
    "feedback.if_true": lazy_gettext("Feedback to “true”"),
    "feedback.if_false": lazy_gettext("Feedback to “false”"),
    "options": lazy_gettext("Options"),
    "options.correct": lazy_gettext("right answer"),
    "options.text": lazy_gettext("Text"),
    "options.feedback": lazy_gettext("Feedback to whoever chooses it"),
    "options.misconception": lazy_gettext("Misconception it catches"),
    "choose": lazy_gettext("How many to choose"),
    "scoring": lazy_gettext("Marking rule"),
    "scoring.rule": lazy_gettext("Marking rule"),
    "scoring.wrong": lazy_gettext("A wrong choice counts"),
    "scoring.floor": lazy_gettext("Never less than"),
    "answer": lazy_gettext("Right answer"),
    "left": lazy_gettext("Left-hand entries"),
    "left.text": lazy_gettext("Text"),
    "left.partner": lazy_gettext("Belongs to right-hand entry no."),
    "left.feedback": lazy_gettext("Feedback"),
    "right": lazy_gettext("Right-hand entries"),
    "right.text": lazy_gettext("Text"),
    "sequence": lazy_gettext("Entries in the right order"),
    "sequence.text": lazy_gettext("Text"),
    "parameters": lazy_gettext("Parameters"),
    "parameters.name": lazy_gettext("Parameter name"),
    "parameters.from": lazy_gettext("From"),
    "parameters.to": lazy_gettext("To"),
    "parameters.step": lazy_gettext("In steps of"),
    "parameters.choice": lazy_gettext("Or one of these"),
    "parameters.example": lazy_gettext("Value in the worked example"),
    "constraints": lazy_gettext("Conditions"),
    "formula": lazy_gettext("Formula"),
    "unit": lazy_gettext("Unit"),
    "rounding": lazy_gettext("Rounding"),
    "rounding.places": lazy_gettext("Decimals of the answer"),
    "rounding.mode": lazy_gettext("Rounding"),
    "tolerance": lazy_gettext("Tolerance"),
    "tolerance.absolute": lazy_gettext("Tolerance"),
    "accept_separators": lazy_gettext("Accept thousands separators"),
    "example": lazy_gettext("Worked example"),
    "example.answer": lazy_gettext("Answer of the worked example"),
    "example.values": lazy_gettext("Value in the worked example"),
    "traps": lazy_gettext("Recognised wrong ways"),
    "traps.formula": lazy_gettext("Formula of the wrong way"),
    "traps.fraction": lazy_gettext("Share of the mark it still earns"),
    "traps.feedback": lazy_gettext("Feedback"),
    "text": lazy_gettext("Text with gaps"),
    "blanks": lazy_gettext("Gaps"),
    "blanks.accept": lazy_gettext("Accepted wordings"),
    "blanks.feedback": lazy_gettext("Feedback"),
    "matching": lazy_gettext("What is ignored in gaps"),
    "matching.ignore": lazy_gettext("What is ignored in gaps"),
    "length": lazy_gettext("Length"),
    "length.zh_from": lazy_gettext("Chinese: at least (characters)"),
    "length.zh_to": lazy_gettext("Chinese: at most (characters)"),
    "length.en_from": lazy_gettext("English: at least (words)"),
    "length.en_to": lazy_gettext("English: at most (words)"),
    "length.zh_chars": lazy_gettext("Length in Chinese"),
    "length.en_words": lazy_gettext("Length in English"),
    "marking": lazy_gettext("Points and deductions"),
    "marking.max": lazy_gettext("Full mark"),
    "marking.points": lazy_gettext("Points to be found"),
    "marking.points.marks": lazy_gettext("Marks it earns"),
    "marking.points.text": lazy_gettext("Text"),
    "marking.deductions": lazy_gettext("Deductions"),
    "marking.deductions.marks": lazy_gettext("Marks (negative)"),
    "marking.deductions.text": lazy_gettext("Text"),
    "model_answer": lazy_gettext("Model answer"),
    "marked_by": lazy_gettext("Marked by (role)"),
    "criteria": lazy_gettext("Criteria"),
    "criteria.title": lazy_gettext("Title"),
    "criteria.levels": lazy_gettext("Levels, the best first"),
    "criteria.levels.marks": lazy_gettext("Marks it earns"),
    "criteria.levels.descriptor": lazy_gettext("What an answer of this level shows"),
    "items": lazy_gettext("Items of the set"),
}
ROWS: dict[str, Any] = {
    "options": lazy_gettext("Option"),
    "left": lazy_gettext("Left-hand entry"),
    "right": lazy_gettext("Right-hand entry"),
    "sequence": lazy_gettext("Entry"),
    "parameters": lazy_gettext("Parameter"),
    "traps": lazy_gettext("Wrong way"),
    "blanks": lazy_gettext("Gap"),
    "marking.points": lazy_gettext("Point"),
    "marking.deductions": lazy_gettext("Deduction"),
    "criteria": lazy_gettext("Criterion"),
    "criteria.levels": lazy_gettext("Level"),
    "items": lazy_gettext("Item"),
    "claims": lazy_gettext("Claim"),
}
_GROUPS = ("difficulty", "scoring", "rounding", "tolerance", "example", "length", "marking", "feedback", "matching")
HINTS: dict[str, Any] = {
    "stem": lazy_gettext("In a calculation, write a drawn number as {name}. **Two asterisks** make a word bold."),
    "content_area": lazy_gettext("A blueprint draws by content area. A new one is not drawn before a blueprint names it."),
    "difficulty.expected_fraction": lazy_gettext("The share of the mark you expect on average, such as 0.65."),
    "enemy_of": lazy_gettext("Keys of items that would give this one away, one a line."),
    "options": lazy_gettext("Tick what is right. A wrong option names the misconception it catches. The last row is empty: fill it to add an option."),
    "choose": lazy_gettext("The stem has to say the number too."),
    "scoring.wrong": lazy_gettext("Such as -1: each wrong choice takes back one right one."),
    "left": lazy_gettext("Each is matched with one entry on the right; one to three on the right stay unused."),
    "sequence": lazy_gettext("Write them in the right order. The trainee sees them in another."),
    "parameters": lazy_gettext("Numbers drawn anew for every paper: from, to and step, or a list. Small letters and underscores."),
    "constraints": lazy_gettext("One a line, such as: principal > 10000. A draw is repeated until all hold."),
    "formula": lazy_gettext("Names of parameters, numbers, + - * / ** and brackets. Nothing is executed as code."),
    "tolerance.absolute": lazy_gettext("How far an answer may be off and still be right, such as 0.01."),
    "traps": lazy_gettext("What somebody gets who thinks a certain wrong way: the feedback then speaks to that."),
    "traps.fraction": lazy_gettext("0 for none; below 1."),
    "text": lazy_gettext("Mark each gap as [[name]], with the same names in both languages."),
    "blanks.accept": lazy_gettext("One a line; the first is shown as the answer."),
    "marking.points": lazy_gettext("What the marker looks for, each with its marks. Together they reach the full mark."),
    "criteria": lazy_gettext("Each criterion is judged by levels; the marks of the best levels together are the full mark."),
    "claims": lazy_gettext("A claim of law, number or study, with where it is written and when somebody last looked."),
    "key": lazy_gettext("Small letters, digits and hyphens; empty: one is given."),
    "model_answer": lazy_gettext("Shown to markers, and to the trainee once results are released."),
}


def label_of(name: str, from_zero: bool = False) -> str:
    """A field's name for people, with the rows it stands in: "options.1.text.en" → "Option 2 · Text (English)".

    `from_zero`: rows are numbered as in a form; otherwise they go by their keys or by numbers from 1.
    """
    path = name.split(".")
    tongue = ""
    if path[-1] in ("zh", "en"):
        tongue = _(" (Chinese)") if path.pop() == "zh" else _(" (English)")
    told: list[str] = []
    known, open_group = "", False
    for part in path:
        longer = f"{known}.{part}" if known else part
        if known == "items" or known.startswith("items#"):
            if known == "items":
                told[-1:] = [f"{ROWS['items']} {int(part) + 1 if from_zero and part.isdigit() else part}"]
                known = "items#"
                continue
            longer = part
        if longer in LABELS:
            if open_group:
                told[-1:] = [str(LABELS[longer])]
            else:
                told.append(str(LABELS[longer]))
            known, open_group = longer, longer in _GROUPS
        elif known in ROWS and part != "order":
            told[-1:] = [f"{ROWS[known]} {int(part) + 1 if from_zero and part.isdigit() else part}"]
            open_group = False
        elif part == "order":
            told.append(_("Order"))
        else:
            told.append(str(LABELS.get(part, part)))
            open_group = False
    return " · ".join(told) + tongue


BLOOM_NAMES: dict[str, Any] = {
    "remember": lazy_gettext("Remember"),
    "understand": lazy_gettext("Understand"),
    "apply": lazy_gettext("Apply"),
    "analyse": lazy_gettext("Analyse"),
    "evaluate": lazy_gettext("Evaluate"),
    "create": lazy_gettext("Create"),
}
CHOICES: dict[str, dict[str, Any]] = {
    "bloom": BLOOM_NAMES,
    "difficulty.basis": {"panel": lazy_gettext("judged by a panel"), "pretest": lazy_gettext("seen in a pre-test")},
    "usage": {"both": lazy_gettext("Practice and exam"), "practice": lazy_gettext("Practice only"), "exam": lazy_gettext("Exam only")},
    "scoring.rule": {
        "per-option": lazy_gettext("by option: right minus wrong"), "all-or-nothing": lazy_gettext("all or nothing"),
        "adjacent-pairs": lazy_gettext("by neighbours kept"), "exact": lazy_gettext("only the whole order"),
    },
    "answer": {"true": lazy_gettext("True"), "false": lazy_gettext("False")},
}

# ── complaints ───────────────────────────────────────────────────────────────────────────────────────────────────
_BY_CODE: dict[str, Any] = {
    "missing": lazy_gettext("Still missing."),
    "few": lazy_gettext("Too few entries."),
    "many": lazy_gettext("Too many entries."),
    "whole": lazy_gettext("Write a whole number."),
    "key": lazy_gettext("Small letters, digits and hyphens only."),
    "choice": lazy_gettext("Choose one of the list."),
    "small": lazy_gettext("Too small a number."),
    "large": lazy_gettext("Too large a number."),
    "unknown": lazy_gettext("This field does not belong to this kind of item."),
    "han": lazy_gettext("There are Chinese characters in the English text."),
    "personal": lazy_gettext("Eleven digits or more in a row look like a telephone, identity or card number. Use invented, shorter ones."),
    "objective": lazy_gettext("No such learning objective in the register."),
    "source": lazy_gettext("No such source in the register."),
    "enemy": lazy_gettext("One of these keys belongs to no item."),
    "taken": lazy_gettext("Another item has this key."),
    "area": lazy_gettext("No item and no blueprint has this content area yet. It will not be drawn until one names it."),
    "long": lazy_gettext("Too long: at most 6,000 characters in a field."),
    "marks": lazy_gettext("Holds invisible control characters. Type the text anew."),
}
_TONGUE = re.compile(r" \((zh|en)\)$")
_SENTENCES: tuple[tuple[str, Any], ...] = (
    (r"(?P<key>.+) stands twice", lazy_gettext("“%(key)s” stands twice.")),
    (r"has (?P<n>\d+) right options, not 1", lazy_gettext("Exactly one option is right; %(n)s are ticked.")),
    (r"a single has 3 to 5 options", lazy_gettext("Give 3 to 5 options.")),
    (r"choose says (?P<said>-?\d+), (?P<n>\d+) options are right", lazy_gettext("It says to choose %(said)s, but %(n)s options are ticked as right.")),
    (r"every option would be right", lazy_gettext("Every option would be right; add wrong ones.")),
    (r"the stem does not tell how many to choose", lazy_gettext("The question does not say how many to choose.")),
    (r"answer must give every left entry one of the right entries", lazy_gettext("Every left-hand entry needs a partner on the right.")),
    (r"feedback must speak to every left entry", lazy_gettext("Every left-hand entry needs feedback.")),
    (r"one to three right entries must stay unused", lazy_gettext("One to three right-hand entries have to stay unused.")),
    (r"the points do not reach max", lazy_gettext("The points together do not reach the full mark.")),
    (r"the model answer is outside its own length", lazy_gettext("The model answer is shorter or longer than you allow.")),
    (r"levels stand from the best down, each with marks of its own", lazy_gettext("Put the best level first; each level has marks of its own.")),
    (r"no level earns nothing", lazy_gettext("One level has to earn nothing.")),
    (r"(?:(?P<key>\S+): )?no level earns anything", lazy_gettext("No level earns anything.")),
    (r"two levels read alike", lazy_gettext("Two levels read alike.")),
    (r"zh and en differ in parameters", lazy_gettext("The two languages show different parameters.")),
    (r"zh and en differ in bold words", lazy_gettext("The two languages differ in what is bold.")),
    (r"zh and en differ in blanks", lazy_gettext("The two languages have different gaps.")),
    (r"zh and en differ in (?P<what>.+)", lazy_gettext("The two languages differ in: %(what)s.")),
    (r"the blanks of the (?:zh|en) text are not those under blanks", lazy_gettext("The gaps of the text are not the ones listed below it.")),
    (r"only a numeric item has parameters", lazy_gettext("Curly brackets stand for drawn numbers; only a calculation has those.")),
    (r"the stem shows (?P<names>.+), which is no parameter", lazy_gettext("The question shows %(names)s, but there is no such parameter.")),
    (r"the stem is too short to ask anything", lazy_gettext("The question is too short to ask anything.")),
    (r"the stem asks nothing", lazy_gettext("The question asks nothing.")),
    (r"the stem can be answered without reading it", lazy_gettext("“Which is right” asks nothing by itself: name the matter.")),
    (r"shows a rate without “teaching rate” or terms given in it", lazy_gettext("Shows a rate: say that it is a teaching rate, or give the terms.")),
    (r"a negative in the question without \*\*emphasis\*\*", lazy_gettext("Set the negative word in the question in **bold**, or ask it positively.")),
    (r"a double negative with the stem", lazy_gettext("With the negative question this becomes a double negative.")),
    (r"“(?P<text>.+)” refers to the other options", lazy_gettext("“%(text)s” refers to the other options.")),
    (r"the absolute word (?P<word>\S+), in distractors only", lazy_gettext("The absolute word “%(word)s” stands in wrong options only and gives them away.")),
    (r"the absolute word (?P<word>\S+)", lazy_gettext("The absolute word “%(word)s” gives an option away.")),
    (r"a distractor needs the misconception it catches", lazy_gettext("A wrong option needs the misconception it catches.")),
    (r"the same misconception as option (?P<other>\S+)", lazy_gettext("The same misconception as option %(other)s.")),
    (r"options unequal: (?P<low>\d+) to (?P<high>\d+)", lazy_gettext("Options of very unequal length: %(low)s to %(high)s.")),
    (r"the key is longer than the next by over a quarter", lazy_gettext("The right option is longer than the next by over a quarter and stands out.")),
    (r"contained in option (?P<other>\S+)", lazy_gettext("Its text is contained in option %(other)s.")),
    (r"options (?P<one>\S+) and (?P<other>\S+) share a value", lazy_gettext("Options %(one)s and %(other)s share a value.")),
    (r"a set is drawn as a whole: its items need one usage", lazy_gettext("A set is drawn as a whole: its items need the same use.")),
    (r"what a person marks cannot stand in a set", lazy_gettext("What a person marks cannot stand in a set.")),
    (r"approved needs an approver_role that is not the author_role", lazy_gettext("Author and approver need different roles.")),
    (r"expected_fraction (?P<n>\S+) is outside 0\.30 to 0\.95", lazy_gettext("An expected facility of %(n)s is outside 0.30 to 0.95.")),
    (r"a parameter stands twice", lazy_gettext("A parameter stands twice.")),
    (r"example must give a value to every parameter and to nothing else", lazy_gettext("The worked example gives every parameter a value.")),
    (r"the example gives (?P<is_>\S+), the file says (?P<said>\S+)", lazy_gettext("With these values the formula gives %(is_)s; the example says %(said)s.")),
    (r"trap (?P<n>\d+) equals the answer (?P<key>\S+) for (?P<values>.+)", lazy_gettext("Wrong way %(n)s leads to the right answer %(key)s for %(values)s.")),
    (r"the answer (?P<key>\S+) is negative for (?P<values>.+)", lazy_gettext("The answer %(key)s is negative for %(values)s.")),
    (r"the answer (?P<key>\S+) needs more than (?P<n>\d+) decimals for (?P<values>.+) and the stem does not tell how to round",
     lazy_gettext("The answer %(key)s needs more than %(n)s decimals for %(values)s, and the question does not say how to round.")),
    (r"(?P<one>.+) repeats (?P<other>.+)", lazy_gettext("%(one)s repeats %(other)s.")),
    (r"only the key hedges, with “(?P<word>.+)”", lazy_gettext("Only the right option hedges, with “%(word)s”.")),
    (r"“(?P<word>.+)” of the stem recurs in the key and in no distractor",
     lazy_gettext("“%(word)s” of the question recurs in the right option and in no wrong one.")),
    (r"the stem ends in an article", lazy_gettext("The question ends in an article, which gives the answer away.")),
    (r"asks for several, one option is right", lazy_gettext("It asks for several, but one option is right.")),
    (r"asks for one, several options are right", lazy_gettext("It asks for one, but several options are right.")),
    (r"only the key opens with (?P<word>.+)", lazy_gettext("Only the right option opens in its own way (%(word)s).")),
    (r"numeric options stand in no order", lazy_gettext("The numbers of the options stand in no order.")),
    (r"numeric options differ in decimals", lazy_gettext("The numbers of the options differ in decimals.")),
    (r"a story of (?P<n>\d+) (?:characters|words), of which nothing uses “(?P<text>.+)” and more",
     lazy_gettext("Nothing uses “%(text)s” and more of this long story.")),
    (r"(?:\S+: )?give from, to and step, or choice", lazy_gettext("Give from, to and step, or a list of values.")),
    (r"(?:\S+: )?from, to, step and choice exclude each other", lazy_gettext("Give from, to and step, or a list: not both.")),
    (r"(?:\S+: )?(?P<to>\S+) is not reached from (?P<from_>\S+) in steps of (?P<step>\S+)",
     lazy_gettext("%(to)s is not reached from %(from_)s in steps of %(step)s.")),
    (r"'?(?P<text>.*?)'? is not a (?:decimal )?number", lazy_gettext("“%(text)s” is no number.")),
    (r"write (?:whole numbers plainly and )?decimals as quoted text", lazy_gettext("Write a number.")),
    (r"'?(?P<text>.*?)'? is not a date like 2026-11-21", lazy_gettext("“%(text)s” is no date. Write it like 2026-11-21.")),
    (r"(?P<n>\d+) draws did not meet the constraints", lazy_gettext("Hardly any draw meets the conditions: loosen them.")),
)
_FAULTS: tuple[tuple[str, Any], ...] = (
    (r"(?P<n>\d+) draws did not meet the constraints", lazy_gettext("hardly any draw meets the conditions")),
    (r"is longer than (?P<n>\d+) characters", lazy_gettext("is longer than %(n)s characters")),
    (r"has '?(?P<sign>.+?)'?, which no formula knows", lazy_gettext("has “%(sign)s”, which no formula knows")),
    (r"ends too early", lazy_gettext("ends too early")),
    (r"has more than (?P<n>\d+) parts", lazy_gettext("has more than %(n)s parts")),
    (r"compares; only a constraint may", lazy_gettext("compares; only a condition may")),
    (r"compares inside a value", lazy_gettext("compares inside a value")),
    (r"must compare two values", lazy_gettext("must compare two values")),
    (r"has '?(?P<sign>.+?)'? where it should end", lazy_gettext("has “%(sign)s” where it should end")),
    (r"is nested more than (?P<n>\d+) deep", lazy_gettext("is nested more than %(n)s deep")),
    (r"has an open bracket", lazy_gettext("has an open bracket")),
    (r"has '?(?P<sign>.*?)'? where a value should stand", lazy_gettext("has “%(sign)s” where a value should stand")),
    (r"has no value here \(.+\)", lazy_gettext("has no value for some of the numbers (a division by zero, for one)")),
    (r"names (?P<name>\S+), which is no parameter", lazy_gettext("names %(name)s, which is no parameter")),
    (r"has the exponent (?P<n>\S+); whole numbers up to (?P<most>\d+) are allowed",
     lazy_gettext("has the exponent %(n)s; whole numbers up to %(most)s are allowed")),
    (r"grows beyond any amount of money", lazy_gettext("grows beyond any amount of money")),
)
_DRAWN = re.compile(r"\{'.*?'\}")
_PAIR = re.compile(r"'(\w+)': '([^']*)'")
_READING = re.compile(r"(?:the )?(?P<what>formula|trap|constraint)(?: (?P<n>\d+))? (?P<fault>.+)", re.DOTALL)
_READINGS = {"formula": lazy_gettext("The formula"), "trap": lazy_gettext("Wrong way %(n)s"), "constraint": lazy_gettext("Condition %(n)s")}


def _said(table: tuple[tuple[str, Any], ...], text: str) -> str | None:
    for pattern, sentence in table:
        if match := re.fullmatch(pattern, text, re.DOTALL):
            return str(sentence) % match.groupdict()
    return None


def complaint(finding: Finding) -> str:
    """What is wrong, in the reader's language."""
    if finding.code in _BY_CODE:
        return str(_BY_CODE[finding.code])
    text, tongue = finding.message, ""
    if match := _TONGUE.search(text):
        tongue = _(" (Chinese)") if match.group(1) == "zh" else _(" (English)")
        text = text[: match.start()]
    text = re.sub(r"^(?:option|criterion) \S+: ", "", text)
    text = _DRAWN.sub(lambda drawn: ", ".join(f"{name} = {value}" for name, value in _PAIR.findall(drawn.group(0))), text)
    told = _said(_SENTENCES, text)
    if told is None and (match := _READING.fullmatch(text)) and (fault := _said(_FAULTS, match["fault"])) is not None:
        told = _("%(what)s %(fault)s.", what=str(_READINGS[match["what"]]) % {"n": match["n"] or ""}, fault=fault)
    return (told or text) + tongue
