"""What worksheet, survey, self-check, mentor checklist and failure replay share: their head, and checks on wording and time."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.findings import Claim, Findings, Key, Names, Status, Waiver, check_review, en_words, odd_figures, zh_chars
from foundation.yamlsource import Bilingual, Day, Strict

LANGUAGES = ("zh", "en")
CHARACTERS_A_MINUTE = 300


class Head(Strict):
    """The head of a file. `minutes` is the planned time of the activity."""

    key: Key
    title: Bilingual
    status: Status
    reviewed: Day
    author_role: str = ""
    reviewer_role: str = ""
    sources: Names = ()
    objectives: Names = ()
    claims: Annotated[tuple[Claim, ...], Field(strict=False)] = ()
    waive: Annotated[tuple[Waiver, ...], Field(strict=False)] = ()


class Repeat(Strict):
    """Filled in again at intervals: so many times, so many days apart."""

    times: int = Field(ge=2, le=60)
    every_days: int = Field(ge=1, le=120)


class Length(Strict):
    """Limits of a written answer: Chinese characters and English words, whichever language it is written in."""

    zh_chars: Annotated[tuple[int, int], Field(strict=False)]
    en_words: Annotated[tuple[int, int], Field(strict=False)]

    def bounds(self, language: str) -> tuple[int, int]:
        return self.zh_chars if language == "zh" else self.en_words

    def count(self, text: str, language: str) -> int:
        return zh_chars(text) if language == "zh" else en_words(text)


def check_head(head: Head, findings: Findings, teaches: bool = True) -> None:
    """E: no objective (where the kind teaches) or no source. W: an approved file that no second person signed."""
    if teaches and not head.objectives:
        findings.error(("objectives",), "names no objective")
    if not head.sources:
        findings.error(("sources",), "names no source")
    check_review(head.status, head.author_role, head.reviewer_role, findings)


def check_length(length: Length, where: tuple[Any, ...], label: str, findings: Findings) -> None:
    """E: limits that are no range, or that bind one language and not the other."""
    for language in LANGUAGES:
        low, high = length.bounds(language)
        if not 0 <= low < high:
            findings.error((*where, "length"), f"{label}: the length {low} to {high} is no range")
    if bool(length.zh_chars[0]) != bool(length.en_words[0]):
        findings.error((*where, "length"), f"{label}: a minimum in one language only")


def check_figures(value: Any, findings: Findings, where: tuple[Any, ...] = ()) -> None:
    """W: a text that shows a figure in one language which the other neither shows nor spells out."""
    if isinstance(value, dict):
        zh, en = value.get("zh"), value.get("en")
        if isinstance(zh, str) and isinstance(en, str) and (odd := odd_figures(zh, en)):
            label = ".".join(str(part) for part in where)
            findings.warn("figures", label, where, f"figures differ between zh and en: {', '.join(odd)}")
        for key, child in value.items():
            if key not in ("zh", "en"):
                check_figures(child, findings, (*where, key))
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            check_figures(child, findings, (*where, index))


def check_minutes(minutes: int, needed: Decimal, findings: Findings) -> None:
    """W: planned minutes that are far from what reading and filling in take."""
    if needed > minutes * Decimal("1.4") or needed < minutes * Decimal("0.3"):
        findings.warn("minutes", "minutes", ("minutes",), f"reading and filling in take about {needed:.0f} minutes, the plan says {minutes}")


VAGUE: dict[str, re.Pattern[str]] = {
    "zh": re.compile("加强|提高意识|注意形象|做好服务|态度良好|尽量|努力做到"),
    "en": re.compile(r"\b(be aware|try to|strive|improve your attitude|good attitude|as far as possible)\b", re.IGNORECASE),
}


def check_observable(text: Bilingual, label: str, where: tuple[Any, ...], findings: Findings) -> None:
    """W: a statement that nobody could see or hear being done."""
    for language in LANGUAGES:
        found = VAGUE[language].search(text.get(language))
        if found:
            findings.warn("observable", label, where, f"“{found.group(0)}” cannot be seen or heard ({language})")


NO_CUSTOMER_DATA = {"zh": re.compile("客户.{0,12}(信息|资料|姓名)"),
                    "en": re.compile(r"customer.{0,24}(data|name|detail)|(data|name|detail)s?.{0,24}customer", re.IGNORECASE)}


def check_notice(notice: Bilingual, findings: Findings) -> None:
    """E: the sentence that keeps customer data out of the sheet does not speak of customer data."""
    for language in LANGUAGES:
        if not NO_CUSTOMER_DATA[language].search(notice.get(language)):
            findings.error(("data_notice",), f"data_notice must say that no customer data goes in ({language})")


Who = Literal["trainee", "cadre", "mentor", "team"]
