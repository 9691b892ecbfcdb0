"""What rubric, station and case files share: header types, waivers, lengths of texts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.yamlsource import Bilingual, Day, Source, Strict

Key = Annotated[str, Field(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$")]
Status = Literal["draft", "reviewed", "approved", "retired"]
Use = Literal["final", "practice"]
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
        if any(waiver.check == check and waiver.where == label for waiver in self.waivers):
            self.used.add((check, label))
        else:
            self.source.warning(where, f"{label}: {message} [{check}]")

    def close(self) -> None:
        for index, waiver in enumerate(self.waivers):
            if (waiver.check, waiver.where) not in self.used:
                self.source.error(("waive", index), f"the waiver of {waiver.check} at {waiver.where} silences nothing")


def check_unique(keys: list[str], what: str, where: tuple[Any, ...], findings: Findings) -> None:
    """E: a key twice within its parent; results refer to keys."""
    for index, key in enumerate(keys):
        if key in keys[:index]:
            findings.error((*where, index), f"{what} {key} stands twice")


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
