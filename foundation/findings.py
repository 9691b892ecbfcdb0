"""Complaints about one content file, with waivers; and what the kinds of content files share: claims, lengths of texts.

A warning is either mended or signed off: `waive: [{check, where, reason, by_role}]` in the file silences exactly one
check at one place, and a waiver that silences nothing is an error, so that none outlives its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.yamlsource import Bilingual, Day, Source, Strict

Key = Annotated[str, Field(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$")]
Status = Literal["draft", "reviewed", "approved", "retired"]
Names = Annotated[tuple[str, ...], Field(strict=False)]
HAN = re.compile(r"[\u4e00-\u9fff]")


class Waiver(Strict):
    """A reviewer signs off one warning: which check, where (dotted keys), why, and in which role."""

    check: str
    where: str
    reason: str
    by_role: str


class Claim(Strict):
    """A statement of law, figure or study; `source` is a register key or the instrument's full name."""

    key: Key
    text: Bilingual
    source: Bilingual | str
    reviewed: Day


@dataclass
class Findings:
    """Collects the complaints about one file; a warning that a reviewer waived is silent, an unused waiver is an error."""

    source: Source
    waivers: tuple[Waiver, ...] = ()
    used: set[tuple[str, str]] = field(default_factory=set)

    def error(self, where: tuple[Any, ...], message: str) -> None:
        self.source.error(where, message)

    def warn(self, check: str, label: str, where: tuple[Any, ...], message: str) -> None:
        """`check` and `label` are what a waiver names, e.g. "unused-document" and "dossier.chat"."""
        if not self.waived(check, label):
            self.source.warning(where, f"{label}: {message} [{check}]")

    def waived(self, check: str, label: str) -> bool:
        """Whether a reviewer signed this warning off; asking counts as using the waiver."""
        if any(waiver.check == check and waiver.where == label for waiver in self.waivers):
            self.used.add((check, label))
            return True
        return False

    def close(self) -> None:
        for index, waiver in enumerate(self.waivers):
            if (waiver.check, waiver.where) not in self.used:
                self.source.error(("waive", index), f"the waiver of {waiver.check} at {waiver.where} silences nothing")


def check_review(status: str, author_role: str, reviewer_role: str, findings: Findings) -> None:
    """E: approved means read by a second person: `reviewer_role` is set and is not the `author_role`."""
    if status == "approved" and (not author_role or not reviewer_role or author_role == reviewer_role):
        findings.error(("status",), "approved needs an author_role and a reviewer_role, and two different ones")


def check_unique(keys: Iterable[str], what: str, where: tuple[Any, ...], findings: Findings) -> None:
    """E: a key twice within its parent; results refer to keys."""
    seen: set[str] = set()
    for index, key in enumerate(keys):
        if key in seen:
            findings.error((*where, index), f"{what} {key} stands twice")
        seen.add(key)


def check_english(value: Any, findings: Findings, where: tuple[Any, ...] = ()) -> None:
    """E: Chinese in the English text of entries that carry more than a plain {zh, en} (chat lines, rows of a timeline)."""
    if isinstance(value, dict):
        if {"zh", "en"} < set(value) and isinstance(value["en"], str) and HAN.search(value["en"]):
            findings.error((*where, "en"), "Chinese characters in the English text")
        for key, child in value.items():
            check_english(child, findings, (*where, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            check_english(child, findings, (*where, index))


def zh_chars(text: str) -> int:
    """Chinese characters and digits, which is what a length in Chinese counts."""
    return len(re.findall(r"[\u4e00-\u9fff0-9]", text))


def en_words(text: str) -> int:
    """Words as an English length counts them; a figure is a word."""
    return len(re.findall(r"[A-Za-z0-9,'’-]+", text))


def text_length(text: str) -> tuple[str, int]:
    """('zh', characters) or ('en', words), by the language most of the text is in; an empty text is ('zh', 0).

    >>> text_length("三项事实，两项待核实。"), text_length("Three facts, two open.")
    (('zh', 9), ('en', 4))
    """
    if text and len(HAN.findall(text)) * 4 < len(re.findall(r"[A-Za-z]", text)):
        return "en", en_words(text)
    return "zh", zh_chars(text)


def texts_in(value: Any, language: str) -> list[str]:
    """Every text of one language within a plain value, in file order."""
    if isinstance(value, dict):
        if isinstance(value.get(language), str):
            return [value[language]]
        return [text for child in value.values() for text in texts_in(child, language)]
    if isinstance(value, list):
        return [text for child in value for text in texts_in(child, language)]
    return []


FIGURE = re.compile(r"(\d+(?:,\d{3})*(?:\.\d+)?)\s*([%％]?)(万|亿)?")
_WORDS = ("one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
          "|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|billion|half|dozen|first|second|third|once|twice")
SPELT = {"zh": re.compile("[零一二两三四五六七八九十百千万亿半]"), "en": re.compile(rf"\b({_WORDS})\b", re.IGNORECASE)}
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_MONTH = re.compile(rf"(?<=\d )({'|'.join(MONTHS)})\b|\b({'|'.join(MONTHS)})(?= \d)", re.IGNORECASE)


def figures_of(text: str) -> frozenset[str]:
    """The figures of a text in plain form: 100,000, 100000 and 10万 are one and the same, a month's name is its number.

    >>> sorted(figures_of("存 10万 元，2.50%，12月4日")), sorted(figures_of("100,000 yuan at 2.5% on 4 December"))
    (['100000', '12', '2.5%', '4'], ['100000', '12', '2.5%', '4'])
    """
    found = set()
    for number, percent, scale in FIGURE.findall(text):
        value = Decimal(number.replace(",", "")) * {"万": 10_000, "亿": 100_000_000}.get(scale, 1)
        found.add(f"{value.normalize():f}" + ("%" if percent else ""))
    found |= {str(MONTHS.index((before or after).lower()) + 1) for before, after in _MONTH.findall(text)}
    return frozenset(found)


def odd_figures(zh: str, en: str) -> list[str]:
    """Figures that one language shows and the other neither shows nor could have written in words."""
    odd: set[str] = set()
    in_zh, in_en = figures_of(zh), figures_of(en)
    for missing, other, language in ((in_zh - in_en, en, "en"), (in_en - in_zh, zh, "zh")):
        odd |= {figure for figure in missing if figure.endswith("%") or not SPELT[language].search(other)}
    return sorted(odd)
