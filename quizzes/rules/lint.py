"""The item-writing checks that a program can decide, numbered as in FORMATS section 3. E goes to errors, W to warnings.

A complaint is (check, where in the item, message, is_error); the loader knows the file and gives it a place.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from foundation.formula import FormulaError
from quizzes.rules import cues, numbers
from quizzes.rules.item import (
    BLANK,
    PLACEHOLDER,
    Answerable,
    Base,
    Choice,
    Cloze,
    Essay,
    Item,
    ItemSet,
    Matching,
    Multiple,
    Numeric,
    Ordering,
    ShortAnswer,
    Single,
    TrueFalse,
    scoring_of,
)

LANGUAGES = ("zh", "en")
SEEDS = 2000
ABSOLUTE = {"zh": ("总是", "从不", "绝对"), "en": ("always", "never")}
NEGATIVE = {
    "zh": re.compile("不正确|不属于|不应|错误的是|不恰当|不合适|不符合|不包括|不可以|不该|不妥|有误"),
    "en": re.compile(r"\b(not|except|incorrect)\b|n['’]t\b", re.IGNORECASE),
}
NEGATIVE_OPTION = {"zh": re.compile("不|没有|无需|未|别"), "en": re.compile(r"\b(not|no|never|without|nothing)\b|n['’]t\b", re.IGNORECASE)}
CATCH_ALL = re.compile(
    r"以上都|以上皆|以上全|上述都|上述皆|\b(all|none|any) of the above\b|\b(all|none|any) of (these|them)$"
    r"|^[A-E][和与、及][A-E]$|^(both )?[A-E] (and|or) [A-E]$", re.IGNORECASE,
)
BARE_STEM = re.compile("^下列(说法|表述|选项)(中)?(，|,)?(哪一项|哪项)?(是)?(正确|恰当)的是?$")
ASKING = {
    "zh": re.compile("[？?]|哪|什么|怎|多少|几|请|选|排|配对|写出|补全|完成|是否|指出"),
    "en": re.compile(r"\?|\b(which|what|how|why|when|who|choose|match|put|write|complete|fill|arrange|calculate|give)\b", re.IGNORECASE),
}
RANGE = re.compile(r"[^\d]*?(\d[\d,.]*)\s*(?:%|元|天|万元|yuan|days?)?\s*(?:–|—|-|~|～|至|到|to)\s*(\d[\d,.]*)[^\d]*")
GIVEN = {"zh": re.compile("教学|约定|条款|题中"), "en": re.compile(r"\b(teaching|terms)\b", re.IGNORECASE)}
ROUNDING_TOLD = {"zh": re.compile("四舍五入|保留|最多|精确到|取整"), "en": re.compile(r"\b(round|decimal|decimals|nearest|whole number)\b", re.IGNORECASE)}


@dataclass(frozen=True)
class Complaint:
    """One finding. `check` is the number in FORMATS ("15"), or a word for what is no numbered check."""

    check: str
    where: tuple[str | int, ...]
    message: str
    is_error: bool = True


Say = Callable[..., None]
PROVED: dict[str, tuple[Complaint, ...]] = {}      # proof_of(item) → what check 15 found; a loader may fill it from an earlier run


def measure(text: str, language: str) -> int:
    """Length as readers feel it: Han characters and digits, or words."""
    return len(re.findall(r"[\u4e00-\u9fff0-9]", text)) if language == "zh" else len(re.findall(r"[A-Za-z0-9,'’-]+", text))


def lint_item(item: Item) -> list[Complaint]:
    """All complaints about one piece: an item, or a set with its items (`where` leads into the set)."""
    if isinstance(item, ItemSet):
        found = []
        if len({entry.usage for entry in item.items}) > 1:
            found.append(Complaint("usage", ("items",), "a set is drawn as a whole: its items need one usage"))
        for number, entry in enumerate(item.items):
            found += [Complaint(c.check, ("items", number, *c.where), c.message, c.is_error) for c in _answerable(entry)]
            if isinstance(entry, ShortAnswer | Essay):
                found.append(Complaint("kind", ("items", number), "what a person marks cannot stand in a set"))
        found += [Complaint(*told) for told in cues.of_set(item)]
        return found + _common(item)
    return _answerable(item) + _common(item)


def _common(item: Base) -> list[Complaint]:
    found = []
    if item.status == "approved" and (item.approver_role is None or item.approver_role == item.author_role):
        found.append(Complaint("approval", ("status",), "approved needs an approver_role that is not the author_role"))
    return found


def _answerable(item: Answerable) -> list[Complaint]:
    found: list[Complaint] = []

    def say(check: str, where: Sequence[str | int], message: str, is_error: bool = True) -> None:
        found.append(Complaint(check, tuple(where), message, is_error))

    _keys(item, say)
    _parity(item, say)
    _stem(item, say)
    if isinstance(item, Choice):
        _options(item, say)
        for check, where, message, is_error in cues.of_choice(item, {language: _asking(item.stem.get(language)) for language in LANGUAGES}):
            say(check, where, message, is_error)
    for check, where, message, is_error in cues.of_any(item, {language: _asking(item.stem.get(language)) for language in LANGUAGES}):
        say(check, where, message, is_error)
    if isinstance(item, Numeric):
        found += _numeric(item)
    expected = item.difficulty.expected_fraction
    if not Decimal("0.30") <= expected <= Decimal("0.95"):
        say("19", ("difficulty",), f"expected_fraction {expected} is outside 0.30 to 0.95", False)
    return found


# ── keys and languages ───────────────────────────────────────────────────────────────────────────────────────────
def _keys(item: Answerable, say: Say) -> None:
    def unique(keys: Iterable[str], where: str) -> None:
        for key, count in Counter(keys).items():
            if count > 1:
                say("keys", (where,), f"{key} stands twice")

    if isinstance(item, Choice):
        unique((option.key for option in item.options), "options")
    if isinstance(item, Single):
        if len(item.right) != 1:
            say("keys", ("options",), f"has {len(item.right)} right options, not 1")
        if not 3 <= len(item.options) <= 5:
            say("keys", ("options",), "a single has 3 to 5 options")
    elif isinstance(item, Multiple):
        if len(item.right) != item.choose:
            say("keys", ("choose",), f"choose says {item.choose}, {len(item.right)} options are right")
        if item.choose >= len(item.options):
            say("keys", ("options",), "every option would be right")
        for language in LANGUAGES:
            if not _tells_number(item.stem.get(language), item.choose, language):
                say("keys", ("stem",), f"the stem does not tell how many to choose ({language})")
    elif isinstance(item, Matching):
        left, right = [entry.key for entry in item.left], [entry.key for entry in item.right]
        unique(left, "left")
        unique(right, "right")
        if set(item.answer) != set(left) or not set(item.answer.values()) <= set(right):
            say("keys", ("answer",), "answer must give every left entry one of the right entries")
        if set(item.feedback) != set(left):
            say("14", ("feedback",), "feedback must speak to every left entry")
        if not 1 <= len(set(right) - set(item.answer.values())) <= 3:
            say("keys", ("right",), "one to three right entries must stay unused")
    elif isinstance(item, Ordering):
        unique((entry.key for entry in item.sequence), "sequence")
    elif isinstance(item, ShortAnswer):
        unique((point.key for point in (*item.marking.points, *item.marking.deductions)), "marking")
        if sum(point.marks for point in item.marking.points) < item.marking.max:
            say("keys", ("marking",), "the points do not reach max")
        _within_length(item, say)
    elif isinstance(item, Essay):
        _criteria(item, say)
        _within_length(item, say)


def _within_length(item: ShortAnswer | Essay, say: Say) -> None:
    for language, bounds in (("zh", item.length.zh_chars), ("en", item.length.en_words)):
        if not bounds[0] <= measure(item.model_answer.get(language), language) <= bounds[1]:
            say("keys", ("model_answer",), f"the model answer is outside its own length ({language})")


def _criteria(item: Essay, say: Say) -> None:
    """Criteria with levels from the best down to nothing, each its own marks and its own words."""
    for key, count in Counter(criterion.key for criterion in item.criteria).items():
        if count > 1:
            say("keys", ("criteria",), f"{key} stands twice")
    for number, criterion in enumerate(item.criteria):
        where = ("criteria", number, "levels")
        marks = [level.marks for level in criterion.levels]
        if marks != sorted(set(marks), reverse=True):
            say("keys", where, f"criterion {criterion.key}: levels stand from the best down, each with marks of its own")
        if 0 not in marks:
            say("keys", where, f"criterion {criterion.key}: no level earns nothing")
        for language in LANGUAGES:
            if len({level.descriptor.get(language).strip() for level in criterion.levels}) < len(criterion.levels):
                say("keys", where, f"criterion {criterion.key}: two levels read alike ({language})")


_NUMERALS = {2: ("两|二", "two"), 3: ("三", "three"), 4: ("四", "four"), 5: ("五", "five"), 1: ("一", "one")}


def _tells_number(stem: str, number: int, language: str) -> bool:
    zh, en = _NUMERALS.get(number, ("", ""))
    return bool(re.search(f"{number}|{zh}" if language == "zh" else rf"\b({number}|{en})\b", stem, re.IGNORECASE))


def _parity(item: Answerable, say: Say) -> None:
    def same(name: str, zh: object, en: object, where: str) -> None:
        if zh != en:
            say("8", (where,), f"zh and en differ in {name}")

    same("parameters", set(PLACEHOLDER.findall(item.stem.zh)), set(PLACEHOLDER.findall(item.stem.en)), "stem")
    same("bold words", item.stem.zh.count("**"), item.stem.en.count("**"), "stem")
    if isinstance(item, Choice):
        for number, option in enumerate(item.options):
            if option.text.zh.count("**") != option.text.en.count("**"):
                say("8", ("options", number, "text"), f"option {option.key}: zh and en differ in bold words")
    if isinstance(item, Cloze):
        zh, en = BLANK.findall(item.text.zh), BLANK.findall(item.text.en)
        same("blanks", set(zh), set(en), "text")
        for language, found in (("zh", zh), ("en", en)):
            if sorted(found) != sorted(item.blanks):
                say("8", ("blanks",), f"the blanks of the {language} text are not those under blanks")
    elif not isinstance(item, Numeric) and PLACEHOLDER.search(item.stem.zh + item.stem.en):
        say("8", ("stem",), "only a numeric item has parameters")
    if isinstance(item, Numeric) and (unknown := set(PLACEHOLDER.findall(item.stem.zh)) - {parameter.name for parameter in item.parameters}):
        say("8", ("stem",), f"the stem shows {', '.join(sorted(unknown))}, which is no parameter")


# ── stem ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _asking(stem: str) -> str:
    """The sentence that asks, else the last one."""
    sentences = [part for part in re.split(r"(?<=[.?!])\s+|(?<=[。？！])", stem) if part.strip()]
    return next((part for part in reversed(sentences) if "?" in part or "？" in part), sentences[-1] if sentences else "")


def _unquoted(text: str) -> str:
    """Without what somebody in the story says."""
    return re.sub(r"“[^”]*”", "", text)


def _stem(item: Answerable, say: Say) -> None:
    for language in LANGUAGES:
        stem = item.stem.get(language)
        whole = stem + (item.text.get(language) if isinstance(item, Cloze) else "")
        size = len(whole) if language == "zh" else len(whole.split())
        if size < (12 if language == "zh" else 8):
            say("13", ("stem",), f"the stem is too short to ask anything ({language})", False)
        if not isinstance(item, TrueFalse) and not ASKING[language].search(whole):
            say("13", ("stem",), f"the stem asks nothing ({language})", False)
        if BARE_STEM.match(stem.rstrip("：:。")):
            say("13", ("stem",), "the stem can be answered without reading it", False)
        if "%" in stem and not isinstance(item, ShortAnswer | Essay) and not GIVEN[language].search(stem):
            say("terms", ("stem",), f"shows a rate without “teaching rate” or terms given in it ({language})", False)
        if not isinstance(item, Choice | Numeric):
            continue
        asking = _asking(_unquoted(stem))
        bare = re.sub(r"\*\*[^*]+\*\*", "", asking)
        if NEGATIVE[language].search(bare):
            say("7", ("stem",), f"a negative in the question without **emphasis** ({language})")
        if bare != asking and isinstance(item, Choice) and NEGATIVE[language].search(asking):
            for number, option in enumerate(item.options):
                if NEGATIVE_OPTION[language].search(_unquoted(option.text.get(language))):
                    say("7", ("options", number), f"option {option.key}: a double negative with the stem ({language})")


# ── options ──────────────────────────────────────────────────────────────────────────────────────────────────────
def key_is_longest(item: Single, language: str) -> tuple[bool, bool]:
    """(strictly longest, by more than a quarter)."""
    key = measure(item.option(item.right[0]).text.get(language), language)
    others = max(measure(option.text.get(language), language) for option in item.options if not option.correct)
    return key > others, 4 * key > 5 * others


def _options(item: Choice, say: Say) -> None:
    misconceptions: dict[str, str] = {}
    for number, option in enumerate(item.options):
        where = ("options", number)
        for language in LANGUAGES:
            text = option.text.get(language)
            if CATCH_ALL.search(text.strip(" 。.")):
                say("6", where, f"option {option.key}: “{text}” refers to the other options")
            for word in ABSOLUTE[language]:
                if _has(text, (word,), language):
                    only = "" if any(_has(other.text.get(language), ABSOLUTE[language], language) for other in item.options if other.correct) else \
                        ", in distractors only"
                    say("4", where, f"option {option.key}: the absolute word {word}{only}", False)
        if option.correct:
            continue
        if option.misconception is None:
            say("14", where, f"option {option.key}: a distractor needs the misconception it catches")
        elif (first := misconceptions.setdefault(option.misconception.zh.strip(), option.key)) != option.key:
            say("14", where, f"option {option.key}: the same misconception as option {first}")
    for language in LANGUAGES:
        lengths = [measure(option.text.get(language), language) for option in item.options]
        if min(lengths) and max(lengths) * 10 > min(lengths) * 22:
            say("3", ("options",), f"options unequal: {min(lengths)} to {max(lengths)} ({language})", False)
        if isinstance(item, Single) and len(item.right) == 1 and key_is_longest(item, language)[1]:
            say("2", ("options",), f"option {item.right[0]}: the key is longer than the next by over a quarter ({language})")
        _overlap(item, language, say)


def _has(text: str, words: Iterable[str], language: str) -> bool:
    return any((word in text) if language == "zh" else bool(re.search(rf"\b{word}\b", text, re.IGNORECASE)) for word in words)


def _overlap(item: Choice, language: str, say: Say) -> None:
    texts = [(option.key, re.sub(r"[\s“”‘’\"'，。、；：,.;:？?]+", " ", option.text.get(language)).strip().casefold()) for option in item.options]
    for number, (key, text) in enumerate(texts):
        for other, longer in texts:
            if key != other and text and text in longer and (language == "zh" or re.search(rf"(?<![\w]){re.escape(text)}(?![\w])", longer)):
                say("11", ("options", number), f"option {key}: contained in option {other} ({language})")
    spans = []
    for option in item.options:
        if days := cues.date_range(option.text.get(language).strip()):
            spans.append((*days, option.key))
            continue
        match = RANGE.fullmatch(option.text.get(language).strip())
        if match:
            low, high = (Decimal(group.replace(",", "").rstrip(".")) for group in match.groups())
            spans.append((low, high, option.key))
    spans.sort()
    for (_low, high, first), (low, _high, second) in pairwise(spans):
        if low <= high:
            say("11", ("options",), f"options {first} and {second} share a value ({language})")


# ── numeric ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _numeric(item: Numeric) -> list[Complaint]:
    complaints = [Complaint("formula", ("formula",), text) for text in numbers.check_names(item)]
    if complaints:
        return complaints
    proof = proof_of(item)
    if proof not in PROVED:
        PROVED[proof] = _drawn(item, _tells_rounding(item))
    return list(PROVED[proof])


def proof_of(item: Numeric) -> str:
    """What check 15 depends on, as text: items with the same text need one proof."""
    return json.dumps([scoring_of(item), item.example.model_dump(mode="json"), _tells_rounding(item)], sort_keys=True)


def _tells_rounding(item: Numeric) -> bool:
    return all(ROUNDING_TOLD[language].search(item.stem.get(language)) for language in LANGUAGES)


def _drawn(item: Numeric, told: bool) -> tuple[Complaint, ...]:
    """Check 15 over 2,000 seeds; equal draws are looked at once, and so is equal scoring in one process."""
    found: list[Complaint] = []
    try:
        example = numbers.answer(item, item.example.values)
        if example != item.example.answer or -item.example.answer.as_tuple().exponent != item.rounding.places:  # type: ignore[operator]
            found.append(Complaint("15", ("example",), f"the example gives {example}, the file says {item.example.answer}"))
    except FormulaError as fault:
        found.append(Complaint("15", ("example",), f"the formula {fault}"))
        return tuple(found)
    seen: set[tuple[str, ...]] = set()
    for number in range(SEEDS):
        try:
            values = numbers.draw_values(item.parameters, item.constraints, f"lint/{number}")
            if (drawn := tuple(values.values())) in seen:
                continue
            seen.add(drawn)
            complaint = _one_draw(item, values, told)
        except FormulaError as fault:
            complaint = Complaint("15", ("parameters",), f"the formula {fault}")
        if complaint:
            found.append(complaint)
            break
    return tuple(found)


def _one_draw(item: Numeric, values: dict[str, str], told: bool) -> Complaint | None:
    exact = numbers.exact_answer(item, values)
    key = numbers.answer(item, values)
    for trap, wrong in enumerate(numbers.trap_answers(item, values)):
        if numbers.fits(wrong, key, item):
            return Complaint("15", ("traps", trap), f"trap {trap + 1} equals the answer {key} for {values}")
    if exact < 0:
        return Complaint("15", ("parameters",), f"the answer {key} is negative for {values}")
    if exact != key and not told:
        return Complaint("15", ("rounding",), f"the answer {exact} needs more than {item.rounding.places} decimals for {values} "
                                              "and the stem does not tell how to round")
    return None


# ── a whole file, the whole bank ─────────────────────────────────────────────────────────────────────────────────
def lint_file(items: Sequence[Answerable]) -> list[Complaint]:
    """Checks 1, 2 and 19 over a file; `where` is empty, the complaint is about the file."""
    found = []
    singles = [item for item in items if isinstance(item, Single) and len(item.right) == 1]
    positions: Counter[int] = Counter()
    for item in singles:
        if item.shuffle:
            for place in range(len(item.options)):
                positions[place] += 60 // len(item.options)
        else:
            positions[next(n for n, option in enumerate(item.options) if option.correct)] += 60
    if len(singles) >= 5 and max(positions.values()) * 10 > sum(positions.values()) * 4:
        found.append(Complaint("1", (), f"position {positions.most_common(1)[0][0] + 1} holds over 40 % of the keys of single items", False))
    for language in LANGUAGES:
        longest = sum(key_is_longest(item, language)[0] for item in singles)
        if 2 * longest > len(singles):
            found.append(Complaint("2", (), f"the key is the longest option in {longest} of {len(singles)} single items ({language})", False))
    found += [Complaint(*told) for told in cues.of_file(singles)]
    remembered = sum(item.bloom == "remember" for item in items)
    if items and 10 * remembered > 3 * len(items):
        found.append(Complaint("19", (), f"{remembered} of {len(items)} items ask to remember", False))
    return found


def bigrams(text: str) -> frozenset[str]:
    kept = "".join(sign for sign in text if sign.isalnum())
    return frozenset(kept[at:at + 2] for at in range(len(kept) - 1))


def similar(items: Sequence[Answerable]) -> list[tuple[Answerable, Answerable, Decimal]]:
    """Check 16: pairs whose Chinese stems share over 0.85 of their character bigrams and are not declared enemies.

    Stems that share so much lack at most 26 % of each other's bigrams, so, in one order for all, the rarest 30 % of both have
    one in common: only such pairs are compared, and the cost does not grow with the square of the bank.
    """
    grams = [bigrams(item.stem.zh + (item.text.zh if isinstance(item, Cloze) else "")) for item in items]
    frequency = Counter(gram for own in grams for gram in own)
    holders: dict[str, list[int]] = {}
    pairs: set[tuple[int, int]] = set()
    for number, own in enumerate(grams):
        rarest = sorted(own, key=lambda gram: (frequency[gram], gram))[: 3 * len(own) // 10 + 1]
        for gram in rarest:
            pairs.update((other, number) for other in holders.get(gram, ()))
            holders.setdefault(gram, []).append(number)
    found = []
    for first, second in sorted(pairs):
        one, other = items[first], items[second]
        if other.key in one.enemy_of or one.key in other.enemy_of:
            continue
        share = Decimal(2 * len(grams[first] & grams[second])) / (len(grams[first]) + len(grams[second]))
        if share > Decimal("0.85"):
            found.append((one, other, share))
    return found
