"""How a lesson reads: its length, paragraphs, time, emphasis, links, claims. The checks of FORMATS section 2 beyond its structure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from courses.rules.lesson import HEADING, Block, LessonText, plain_text
from foundation.findings import HAN, Findings, odd_figures
from foundation.markdown import render_inline
from foundation.yamlsource import Problem

EXPECTED = {"zh": (1400, 2000, "Chinese characters"), "en": (800, 1200, "English words")}
PARAGRAPH = {"zh": (160, "Chinese characters"), "en": (110, "English words")}
CHARACTERS_A_MINUTE = 300
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]*)\)")
LESSON_LINK = re.compile(r"lesson:([a-z0-9-]+)(?:#([a-z0-9-]+))?")
SURELY_BOLD = re.compile(r"\*\*(?=[^\W_])[^*]*(?<=[^\W_])\*\*")      # letters at both ends inside: opens and closes whatever stands outside
WORD = re.compile(r"[A-Za-z][A-Za-z’'-]*")
NO_CUSTOMER_DATA = {"zh": re.compile("客户|真实|隐去|脱敏"), "en": re.compile(r"customer|real|anonym|identif|invent", re.IGNORECASE)}


@dataclass(frozen=True)
class Passage:
    """A paragraph, list entry or line of dialogue: where it stands, under which heading or in which block, and its text."""

    line: int
    label: str
    text: str


def count(text: str, language: str) -> int:
    """Chinese characters, or English words."""
    return len(HAN.findall(text)) if language == "zh" else len(WORD.findall(text))


def passages(lesson: LessonText) -> Iterator[Passage]:
    """Everything that is read in one go, in order; tables row by row."""
    heading = "start"
    for block in lesson.blocks:
        if block.name == "prose":
            for line in block.text.splitlines():
                if match := HEADING.match(line):
                    heading = match.group(3)
                    break
        label = heading if block.name == "prose" else str(block.attrs.get("key") or block.name)
        for passage in _of_block(block, label):
            heading = passage.label if block.name == "prose" else heading
            yield passage


def _of_block(block: Block, label: str) -> Iterator[Passage]:
    if block.turns:
        for _speaker, said, note in block.turns:
            yield from (Passage(block.line, label, text) for text in (said, note) if text)
        return
    held: list[str] = []
    first = offset = 1 if block.name != "prose" else 0
    for line in (*block.text.splitlines(), ""):
        match = HEADING.match(line)
        starts_anew = bool(match) or block.name == "job-task" or line.startswith(("- ", "|")) or bool(re.match(r"\d+\. ", line))
        if held and (not line.strip() or starts_anew):
            yield Passage(block.line + first, label, " ".join(held))
            held = []
        if match:
            label = match.group(3)
        elif line.strip():
            if not held:
                first = offset
            held.append(line)
        offset += 1
    for option in block.options:
        yield from (Passage(block.line, label, text) for text in (option.text, option.feedback))


def headings(lesson: LessonText) -> frozenset[str]:
    return frozenset(match.group(3) for block in lesson.blocks if block.name == "prose"
                     for line in block.text.splitlines() if (match := HEADING.match(line)))


def links(lesson: LessonText) -> list[tuple[int, str]]:
    """(line, target) of every link, in order."""
    if not any("](" in part for block in lesson.blocks for part in (block.text, *(said + note for _speaker, said, note in block.turns),
                                                                    *(option.text + option.feedback for option in block.options))):
        return []
    return [(passage.line, target) for passage in passages(lesson) for _text, target in LINK.findall(passage.text)]


def reading_minutes(lesson: LessonText) -> Decimal:
    """Characters at 300 a minute, a minute per self-check, three per dialogue. For the Chinese text."""
    names = [block.name for block in lesson.blocks]
    return Decimal(count(plain_text(lesson), "zh")) / CHARACTERS_A_MINUTE + names.count("self-check") + 3 * names.count("dialogue")


Remark = tuple[str, str, int, str]      # check ("" for an error), label, line, message


def note(remarks: Iterable[Remark], findings: Findings) -> None:
    """Tell remarks of the file that `findings` is about, but for those that are waived."""
    for check, label, line, message in remarks:
        if not check:
            findings.source.problems.append(Problem(findings.source.path, line, 1, message))
        elif not findings.waived(check, label):
            findings.source.problems.append(Problem(findings.source.path, line, 1, f"{label}: {message} [{check}]", "warning"))


def check_lesson(lesson: LessonText) -> list[Remark]:
    """Every check on one language of a lesson that needs no other file."""
    language = lesson.front.language
    found: list[Remark] = []

    def warn(check: str, label: str, line: int, message: str) -> None:
        found.append((check, label, line, message))

    low, high, unit = EXPECTED[language]
    size = count(plain_text(lesson), language)
    if not low <= size <= high:
        warn("length", "body", 1, f"has {size} {unit}; {low}–{high} are expected")
    checks = sum(block.name == "self-check" for block in lesson.blocks)
    if checks < 3:
        warn("self-checks", "body", 1, f"has {checks} self-checks, three are expected")
    if language == "zh":
        needed = reading_minutes(lesson)
        if abs(needed - lesson.front.minutes) > lesson.front.minutes * Decimal("0.4"):
            warn("minutes", "minutes", 1, f"reading, checks and dialogue take about {needed:.0f} minutes, the lesson says {lesson.front.minutes}")
    limit, unit = PARAGRAPH[language]
    for passage in passages(lesson):
        if language == "en" and HAN.search(passage.text):
            found.append(("", "", passage.line, "Chinese characters in the English text"))
        if not passage.text.startswith("|") and (long := count(passage.text, language)) > limit:
            warn("paragraph", passage.label, passage.line, f"a paragraph of {long} {unit}; {limit} are read in one go")
        if "**" in SURELY_BOLD.sub("", passage.text) and "**" in re.sub(r"<code>.*?</code>", "", str(render_inline(passage.text.removeprefix("- ")))):
            warn("emphasis", passage.label, passage.line, f"a ** that opens or closes nothing in “{passage.text[:24]}…”")
    return [*found, *_check_blocks(lesson)]


def _check_blocks(lesson: LessonText) -> list[Remark]:
    language = lesson.front.language
    found: list[Remark] = []
    claims = {claim.key for claim in lesson.front.claims}
    for block in lesson.blocks:
        if block.name == "callout" and block.attrs.get("kind") == "law" and not claims:
            found.append(("", "", block.line, "a callout on law needs a claim in the front matter"))
        if block.name == "callout" and (claim := block.attrs.get("claim")) and claim not in claims:
            found.append(("", "", block.line, f"claim {claim} is not in the front matter"))
        if block.name == "job-task":
            if not str(block.attrs.get("days", "")).isdigit() or block.attrs.get("evidence") not in ("form", "upload", "mentor") or not block.attrs.get("key"):
                found.append(("", "", block.line, "a job-task has a key, days (a number) and evidence (form, upload or mentor)"))
            if not NO_CUSTOMER_DATA[language].search(block.text):
                found.append(("", "", block.line, "a job-task says that no customer data goes in"))
    return found


def check_both(zh: LessonText, en: LessonText) -> list[Remark]:
    """E: links that differ between the languages. W: figures that one language tells and the other does not, block by block."""
    found: list[Remark] = []
    if [target for _line, target in links(zh)] != [target for _line, target in links(en)]:
        found.append(("", "", 1, "the links differ between zh and en"))
    for one, other in zip(zh.blocks, en.blocks, strict=False):
        if one.name != other.name:
            break
        if odd := odd_figures(_text_of(one), _text_of(other)):
            found.append(("figures", _label(other), other.line, f"figures differ between zh and en: {', '.join(odd)}"))
    return found


def _label(block: Block) -> str:
    if block.name == "prose":
        return next((match.group(3) for line in block.text.splitlines() if (match := HEADING.match(line))), "start")
    return str(block.attrs.get("key") or block.name)


def _text_of(block: Block) -> str:
    parts = [block.text, *(f"{said} {note}" for _speaker, said, note in block.turns), *(f"{o.text} {o.feedback}" for o in block.options)]
    text = "\n".join((str(block.attrs.get("title", "")), *parts))
    return re.sub(r"\{#[\w-]+\}", "", "\n".join(re.sub(r"^\d+\. ", "", line) for line in text.splitlines()))


def dead_links(lesson: LessonText, lessons: Mapping[str, Collection[str]]) -> list[tuple[int, str]]:
    """(line, complaint) for every link that leads nowhere. `lessons`: lesson key → its heading ids.

    A link is `#heading` (this lesson), `lesson:key` or `lesson:key#heading`; the system runs without a network.
    """
    found = []
    own = headings(lesson)
    for line, target in links(lesson):
        match = LESSON_LINK.fullmatch(target)
        if target.startswith("#"):
            if target[1:] not in own:
                found.append((line, f"links to {target}, which is no heading of this lesson"))
        elif match is None:
            found.append((line, f"links to {target or 'nothing'}; a link is #heading, lesson:key or lesson:key#heading"))
        elif match.group(1) not in lessons:
            found.append((line, f"links to lesson {match.group(1)}, which does not exist"))
        elif match.group(2) and match.group(2) not in lessons[match.group(1)]:
            found.append((line, f"links to {target}, but that lesson has no such heading"))
    return found
