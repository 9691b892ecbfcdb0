"""What gives an answer away without knowledge: vague words, grammar, echoes of the stem, convergence; and idle vignettes.

Checks 5, 9, 10, 12, 17 and 18 of FORMATS section 3, and the date ranges of check 11. Each finding is (check, where,
message, is_error); all are warnings, because a person must judge whether the cue is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from quizzes.rules.item import Answerable, Choice, ItemSet, Single

Told = tuple[str, tuple[str | int, ...], str, bool]
LANGUAGES = ("zh", "en")
VAGUE = {"zh": re.compile("通常|可能|往往|有时|大多|一般来说|一般会"),
         "en": re.compile(r"\b(usually|may|might|often|sometimes|generally|typically)\b", re.IGNORECASE)}
NUMBER = re.compile(r"[^\d-]{0,6}?(-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?)\s*"
                    r"(?:%|元|天|日|个月|年|万元|分|人|yuan|days?|months?|years?|points?)?")
ARTICLE_END = re.compile(r"\b(a|an)\s*[:…_—-]*\s*$", re.IGNORECASE)
MANY = {"zh": re.compile("哪几|哪些"), "en": re.compile(r"\bwhich (?:of these |of the following )?(?:\w+ )?(?:are|were)\b", re.IGNORECASE)}
ONE = {"zh": re.compile("哪一|哪个"), "en": re.compile(r"\bwhich (?:one )?(?:of these |of the following )?(?:\w+ )?(?:is|was)\b", re.IGNORECASE)}
OPENINGS = (("quoted", re.compile("^[“\"‘]")), ("a number", re.compile(r"^\d")), ("to …", re.compile(r"^to \w", re.IGNORECASE)),
            ("…ing", re.compile(r"^[A-Za-z]+ing\b")), ("an article", re.compile(r"^(a|an|the|his|her|its|their|your)\b", re.IGNORECASE)),
            ("a verb of handling", re.compile("^[先请把将让]")))
STOP = frozenset("""about above after again against almost along already although always among another answer anything around asked asks because become before
behind being below between bring brings could customer customers every everything explain first follow following gives having however itself later least
makes manager might money more never nothing other others place please point right said same says second should since something still such suits than
that their them then there these they thing things think this those three through today together toward under until wants what when where whether which
while whose will with within without would years yuan your bank question questions best most teaching rate interest account branch""".split())
VIGNETTE = {"zh": 180, "en": 120}
FIGURE = re.compile(r"\d[\d,.]*")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def of_choice(item: Choice, asking: Mapping[str, str]) -> list[Told]:
    """Checks 5, 9, 10 and 12 on one item with options. `asking`: the sentence that asks, by language."""
    found: list[Told] = []
    right = [option for option in item.options if option.correct]
    wrong = [option for option in item.options if not option.correct]
    if not right or not wrong:
        return found
    for language in LANGUAGES:
        keys, others = [option.text.get(language) for option in right], [option.text.get(language) for option in wrong]
        vague = next((match.group(0) for text in keys if (match := VAGUE[language].search(text))), None)
        if vague and not any(VAGUE[language].search(text) for text in others):
            found.append(("5", ("options",), f"only the key hedges, with “{vague}” ({language})", False))
        found += _grammar(item, asking[language], keys, others, language)
        if isinstance(item, Single) and (echo := clang(item.stem.get(language), keys[0], others, language)):
            found.append(("10", ("options",), f"“{echo}” of the stem recurs in the key and in no distractor ({language})", False))
        found += _numeric_options(item, language)
    return found


def _grammar(item: Choice, asking: str, keys: Sequence[str], others: Sequence[str], language: str) -> list[Told]:
    found: list[Told] = []
    if language == "en" and ARTICLE_END.search(item.stem.en):
        found.append(("9", ("stem",), "the stem ends in an article", False))
    if isinstance(item, Single) and MANY[language].search(asking):
        found.append(("9", ("stem",), f"asks for several, one option is right ({language})", False))
    if not isinstance(item, Single) and ONE[language].search(asking):
        found.append(("9", ("stem",), f"asks for one, several options are right ({language})", False))
    if isinstance(item, Single):
        key, rest = _opening(keys[0]), {_opening(text) for text in others}
        if len(rest) == 1 and len(others) > 1 and key not in rest:
            found.append(("9", ("options",), f"only the key opens with {key or 'another kind of word'} ({language})", False))
    return found


def _opening(text: str) -> str:
    return next((name for name, pattern in OPENINGS if pattern.search(text.strip())), "")


def clang(stem: str, key: str, others: Iterable[str], language: str) -> str | None:
    """The first content word (three Han characters or more) of the stem that the key repeats and no distractor does.

    >>> clang("客户提出提前支取，怎么办？", "说明提前支取的规则", ["请客户等一等", "换一种产品"], "zh")
    '提前支取'
    """
    rest = list(others)
    if language == "zh":
        for size in range(min(len(key), 8), 2, -1):
            for at in range(len(key) - size + 1):
                part = key[at:at + size]
                if re.fullmatch(r"[\u4e00-\u9fff]+", part) and part in stem and not any(part[:3] in text or part[-3:] in text for text in rest):
                    return part
        return None
    words = {_root(word) for word in re.findall(r"[a-z]{5,}", stem.lower()) if word not in STOP}
    shared = [word for word in re.findall(r"[a-z]{5,}", key.lower()) if _root(word) in words]
    elsewhere = {_root(word) for text in rest for word in re.findall(r"[a-z]{4,}", text.lower())}
    return next((word for word in shared if _root(word) not in elsewhere), None)


def _root(word: str) -> str:
    for ending in ("ations", "ation", "ings", "ing", "ies", "ied", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: len(word) - len(ending)]
    return word


def _numeric_options(item: Choice, language: str) -> list[Told]:
    values = []
    for option in item.options:
        match = NUMBER.fullmatch(option.text.get(language).strip(" 。.“”"))
        if match is None:
            return []
        values.append(Decimal(match.group(1).replace(",", "")))
    found: list[Told] = []
    if not item.shuffle and values not in (sorted(values), sorted(values, reverse=True)):
        found.append(("12", ("options",), f"numeric options stand in no order ({language})", False))
    if len({value.as_tuple().exponent for value in values}) > 1:
        found.append(("12", ("options",), f"numeric options differ in decimals ({language})", False))
    return found


# ── vignettes ────────────────────────────────────────────────────────────────────────────────────────────────────
def of_any(item: Answerable, asking: Mapping[str, str]) -> list[Told]:
    """Check 18 on one item: a long story before the question whose details nothing uses."""
    body = item.model_dump(mode="json", exclude={"stem", "key", "objective", "source", "author_role", "reviewer_role", "approver_role", "programme", "kind",
                                                 "content_area", "reviewed", "status", "bloom"})
    return [("18", ("stem",), message, False) for language in LANGUAGES
            if (message := _idle(item.stem.get(language).replace(asking[language], ""), " ".join((asking[language], *_texts(body, language))), language))]


def of_set(item: ItemSet) -> list[Told]:
    """Check 18 on the shared stem of a set, against everything its items say."""
    body = [entry.model_dump(mode="json") for entry in item.items]
    return [("18", ("stem",), message, False) for language in LANGUAGES
            if (message := _idle(item.stem.get(language), " ".join(_texts(body, language)), language))]


def _texts(value: object, language: str) -> list[str]:
    if isinstance(value, dict):
        own = value.get(language)
        if isinstance(own, str | list):
            return [own] if isinstance(own, str) else [str(entry) for entry in own]
        return [text for child in value.values() for text in _texts(child, language)]
    if isinstance(value, list):
        return [text for child in value for text in _texts(child, language)]
    return [value] if isinstance(value, str) else []


def _idle(vignette: str, rest: str, language: str) -> str | None:
    size = len(re.findall(r"[\u4e00-\u9fff0-9]", vignette)) if language == "zh" else len(re.findall(r"[A-Za-z0-9'’-]+", vignette))
    if size <= VIGNETTE[language]:
        return None
    sentences = [part for part in re.split(r"(?<=[。！？；])|(?<=[.!?;])\s+|\n", vignette) if part.strip()]
    idle = [part for part in sentences if not _is_used(part, rest, language)]
    if 2 * len(idle) <= len(sentences):
        return None
    return f"a story of {size} {'characters' if language == 'zh' else 'words'}, of which nothing uses “{idle[0].strip()[:20]}…” and more ({language})"


def _is_used(sentence: str, rest: str, language: str) -> bool:
    if any(figure.strip(",.") in rest for figure in FIGURE.findall(sentence)) or "{" in sentence:
        return True
    if language == "zh":
        return any(re.fullmatch(r"[\u4e00-\u9fff]{3}", sentence[at:at + 3]) and sentence[at:at + 3] in rest for at in range(len(sentence) - 2))
    roots = {_root(word) for word in re.findall(r"[a-z]{5,}", rest.lower())}
    return any(_root(word) in roots for word in re.findall(r"[a-z]{5,}", sentence.lower()) if word not in STOP)


# ── a whole file ─────────────────────────────────────────────────────────────────────────────────────────────────
def of_file(singles: Sequence[Single]) -> list[Told]:
    """Check 17: whoever picks the option most like the others would be right in over half of a file's single items."""
    found: list[Told] = []
    for language in LANGUAGES:
        told = [key for item in singles if (key := _centre(item, language)) is not None]
        hits = sum(key == item.right[0] for item in singles if (key := _centre(item, language)) is not None)
        if len(told) >= 5 and 2 * hits > len(told):
            found.append(("17", (), f"the option sharing most words with the others is the key in {hits} of {len(told)} single items ({language})", False))
    return found


def _centre(item: Single, language: str) -> str | None:
    """The option that shares most with all others, or None where two share equally."""
    parts = {option.key: _parts(option.text.get(language), language) for option in item.options}
    shared = {key: sum((Decimal(2 * len(own & other)) / max(1, len(own) + len(other)) for name, other in parts.items() if name != key), Decimal(0))
              for key, own in parts.items()}
    best = max(shared.values())
    leaders = [key for key, value in shared.items() if value == best]
    return leaders[0] if len(leaders) == 1 else None


def _parts(text: str, language: str) -> frozenset[str]:
    if language == "zh":
        kept = "".join(sign for sign in text if sign.isalnum())
        return frozenset(kept[at:at + 2] for at in range(len(kept) - 1))
    return frozenset(_root(word) for word in re.findall(r"[a-z]{3,}", text.lower()))


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────
_ZH_DAYS = re.compile(r"(\d{1,2})月(\d{1,2})日\s*(?:至|到|—|–|-|~|～)\s*(?:(\d{1,2})月)?(\d{1,2})日")
_EN_DAYS = re.compile(r"(?:from )?(\d{1,2})(?: ([A-Za-z]{3,9}))?\s*(?:to|–|—|-|until)\s*(\d{1,2}) ([A-Za-z]{3,9})", re.IGNORECASE)


def date_range(text: str) -> tuple[Decimal, Decimal] | None:
    """An option that is a span of days, as two comparable numbers; None where it is none.

    >>> date_range("3月1日至3月15日"), date_range("1 to 15 March")
    ((Decimal('301'), Decimal('315')), (Decimal('301'), Decimal('315')))
    """
    if match := _ZH_DAYS.fullmatch(text.strip(" 。")):
        first, day, last, end = match.groups()
        return Decimal(int(first) * 100 + int(day)), Decimal(int(last or first) * 100 + int(end))
    if match := _EN_DAYS.fullmatch(text.strip(" .")):
        day, first, end, last = match.groups()
        months = [(name or last)[:3].lower() for name in (first, last)]
        if all(name in MONTHS for name in months):
            return Decimal((MONTHS.index(months[0]) + 1) * 100 + int(day)), Decimal((MONTHS.index(months[1]) + 1) * 100 + int(end))
    return None
