"""Two lists of things that can be seen: the self-check list of a trainee or a group, and the mentor's checklist at a gate."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.findings import Findings, Key, check_unique
from foundation.yamlsource import Bilingual, Strict
from training.participation.rules.head import (
    CHARACTERS_A_MINUTE,
    LANGUAGES,
    Head,
    Length,
    Repeat,
    check_figures,
    check_head,
    check_length,
    check_minutes,
    check_observable,
)


class Level(Strict):
    """One answer of a list, from weakest to strongest. `needs_note`: whoever chooses it writes a line."""

    key: Key
    title: Bilingual
    needs_note: bool = False


Levels = Annotated[tuple[Level, ...], Field(strict=False, min_length=2, max_length=5)]
Mode = Literal["self", "peer"]


class Check(Strict):
    """Something that is done or not; the slip people make; what mends it today."""

    key: Key
    text: Bilingual
    slip: Bilingual
    mend: Bilingual
    critical: bool = False


class Heading(Strict):
    key: Key
    title: Bilingual
    intro: Bilingual | None = None
    checks: Annotated[tuple[Check, ...], Field(strict=False, min_length=3)]


class After(Strict):
    """What follows: so many entries chosen to work on, and a sentence about each."""

    choose: Annotated[tuple[int, int], Field(strict=False)]
    prompt: Bilingual
    length: Length
    example: Bilingual


class SelfCheck(Head):
    format: Literal["qizhou/self-check@1"]
    minutes: int = Field(gt=0, le=240)
    modes: Annotated[tuple[Mode, ...], Field(strict=False, min_length=1)]
    intro: Bilingual
    peer_intro: Bilingual | None = None
    repeat: Repeat | None = None
    levels: Levels
    headings: Annotated[tuple[Heading, ...], Field(strict=False, min_length=2)]
    after: After

    def checks(self) -> Iterator[tuple[tuple[Any, ...], Check]]:
        for number, heading in enumerate(self.headings):
            for index, check in enumerate(heading.checks):
                yield ("headings", number, "checks", index), check

    def scoring(self) -> Any:
        return [[level.key for level in self.levels], [[check.key, check.critical] for _where, check in self.checks()]]


def check_self_check(sheet: SelfCheck, findings: Findings) -> None:
    """Every E and W on a self-check list."""
    check_head(sheet, findings)
    check_unique([level.key for level in sheet.levels], "level", ("levels",), findings)
    check_unique([heading.key for heading in sheet.headings], "heading", ("headings",), findings)
    check_unique(list(sheet.modes), "mode", ("modes",), findings)
    if ("peer" in sheet.modes) != (sheet.peer_intro is not None):
        findings.error(("peer_intro",), "peer_intro stands exactly where a peer fills the list in")
    seen: dict[str, str] = {}
    wordings: dict[str, str] = {}
    for where, check in sheet.checks():
        if check.key in seen:
            findings.error(where, f"check {check.key} stands twice in the list")
        seen[check.key] = check.key
        for language in LANGUAGES:
            text = check.text.get(language)
            if text in wordings and wordings[text] != check.key:
                findings.error(where, f"{check.key} says what {wordings[text]} says ({language})")
            wordings.setdefault(text, check.key)
            if check.slip.get(language) == text:
                findings.error((*where, "slip"), f"{check.key}: the slip says what the check says ({language})")
        check_observable(check.text, check.key, where, findings)
        check_observable(check.mend, f"{check.key}.mend", where, findings)
    low, high = sheet.after.choose
    if not 1 <= low <= high <= len(seen):
        findings.error(("after", "choose"), f"choose {low} to {high} of {len(seen)} checks")
    _check_written(sheet.after.example, sheet.after.length, ("after",), "after", findings)
    if len(seen) > 30:
        findings.warn("too-long", "headings", ("headings",), f"has {len(seen)} checks; over 30 are ticked without looking")
    if not any(check.critical for _where, check in sheet.checks()):
        findings.warn("critical", "headings", ("headings",), "no check is critical; then nothing stands out")
    read = sheet.intro.zh + "".join(check.text.zh + check.slip.zh + check.mend.zh for _where, check in sheet.checks())
    needed = Decimal(len(read)) / CHARACTERS_A_MINUTE + Decimal(len(seen) * 12) / 60 * len(sheet.modes) + 2 * high
    check_minutes(sheet.minutes, needed, findings)
    check_figures(sheet.model_dump(mode="json", exclude={"waive", "claims"}), findings)


def _check_written(text: Bilingual, length: Length, where: tuple[Any, ...], label: str, findings: Findings) -> None:
    check_length(length, where, label, findings)
    for language in LANGUAGES:
        low, high = length.bounds(language)
        count = length.count(text.get(language), language)
        if not low <= count <= high:
            findings.error((*where, "example"), f"{label}: the example has {count} in {language}, its own length is {low} to {high}")


# ── mentor ───────────────────────────────────────────────────────────────────────────────────────────────────────
class Observation(Strict):
    """What the mentor has seen for himself, at work or in a drill; `look_at` names where to look."""

    key: Key
    text: Bilingual
    look_at: Bilingual
    objective: str | None = None
    critical: bool = False


class TalkQuestion(Strict):
    """A question of the talk; what a good answer holds; what to do where it is missing."""

    key: Key
    ask: Bilingual
    listen_for: Bilingual
    if_missing: Bilingual


class Part(Strict):
    """A part of the talk, with its minutes."""

    key: Key
    title: Bilingual
    minutes: int = Field(gt=0, le=120)
    intro: Bilingual | None = None
    questions: Annotated[tuple[TalkQuestion, ...], Field(strict=False)] = ()


class Agreement(Strict):
    """What both write down: so many goals, each with behaviour, evidence and date; a filled example of invented people."""

    goals: Annotated[tuple[int, int], Field(strict=False)]
    prompt: Bilingual
    length: Length
    example: Bilingual


class Statement(Strict):
    key: Key
    text: Bilingual


class Escalation(Strict):
    key: Key
    when: Bilingual
    do: Bilingual


class MentorChecklist(Head):
    format: Literal["qizhou/mentor-checklist@1"]
    programme: str
    gate: str
    minutes: int = Field(gt=0, le=240)
    intro: Bilingual
    before: Annotated[tuple[Bilingual, ...], Field(strict=False, min_length=1)]
    levels: Levels
    observe: Annotated[tuple[Observation, ...], Field(strict=False, min_length=4)]
    talk: Annotated[tuple[Part, ...], Field(strict=False, min_length=2)]
    agreement: Agreement
    sign_off: Annotated[tuple[Statement, ...], Field(strict=False, min_length=2)]
    escalate: Annotated[tuple[Escalation, ...], Field(strict=False, min_length=1)]

    def scoring(self) -> Any:
        return [self.programme, self.gate, [level.key for level in self.levels], [[entry.key, entry.critical] for entry in self.observe],
                [statement.key for statement in self.sign_off]]


def check_mentor_checklist(sheet: MentorChecklist, findings: Findings) -> None:
    """Every E and W on a mentor checklist that needs nothing but the file."""
    check_head(sheet, findings)
    for name, keys in (("levels", [level.key for level in sheet.levels]), ("observe", [entry.key for entry in sheet.observe]),
                       ("talk", [part.key for part in sheet.talk]), ("sign_off", [statement.key for statement in sheet.sign_off]),
                       ("escalate", [entry.key for entry in sheet.escalate])):
        check_unique(keys, name, (name,), findings)
    questions = [(("talk", number, "questions", index), question) for number, part in enumerate(sheet.talk)
                 for index, question in enumerate(part.questions)]
    seen: set[str] = set()
    for where, question in questions:
        if question.key in seen:
            findings.error(where, f"question {question.key} stands twice")
        seen.add(question.key)
        for language, sign in (("zh", "？"), ("en", "?")):
            if sign not in question.ask.get(language):
                findings.error((*where, "ask"), f"{question.key} asks nothing ({language})")
    if len(questions) < 3:
        findings.error(("talk",), f"a talk with {len(questions)} questions; at least three are needed")
    if (total := sum(part.minutes for part in sheet.talk)) != sheet.minutes:
        findings.error(("minutes",), f"the parts of the talk take {total} minutes, not {sheet.minutes}")
    for index, entry in enumerate(sheet.observe):
        check_observable(entry.text, entry.key, ("observe", index), findings)
        if entry.objective is not None and entry.objective not in sheet.objectives:
            findings.error(("observe", index, "objective"), f"{entry.key}: {entry.objective} is not among the objectives of this list")
    low, high = sheet.agreement.goals
    if not 1 <= low <= high <= 5:
        findings.error(("agreement", "goals"), f"{low} to {high} goals; one to five can be kept")
    _check_written(sheet.agreement.example, sheet.agreement.length, ("agreement",), "agreement", findings)
    check_figures(sheet.model_dump(mode="json", exclude={"waive", "claims"}), findings)
