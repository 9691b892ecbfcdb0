"""Failure replays: a transcript of about 100 seconds, the failures in it with their windows, and what looks wrong but is right."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.findings import Findings, Key, check_unique
from foundation.yamlsource import Bilingual, Strict
from training.participation.rules.head import LANGUAGES, Head, check_figures, check_head

Cause = Literal["knowledge", "skill", "attitude", "process"]
CAUSES: tuple[Cause, ...] = ("knowledge", "skill", "attitude", "process")
SPEECH = {"zh": (Decimal(5), "Chinese characters"), "en": (Decimal(3), "English words")}
ASIDE = re.compile(r"（[^）]*）|\([^)]*\)")


class Media(Strict):
    kind: Literal["transcript", "audio", "video"]
    audio: Literal["none", "optional", "required"] = "none"
    captions: Literal["required"]


class CauseClass(Strict):
    key: Cause
    title: Bilingual
    hint: Bilingual


class Line(Strict):
    """One line from second `at` until the next; `who` is a role, or `action` for what is seen and not said."""

    at: int = Field(ge=0)
    who: Key
    zh: str
    en: str

    def spoken(self, language: str) -> int:
        """Characters or words to be said; asides in brackets are not."""
        text = ASIDE.sub("", self.zh if language == "zh" else self.en)
        return len(re.findall(r"[\u4e00-\u9fff0-9]", text)) if language == "zh" else len(re.findall(r"[A-Za-z0-9'’-]+", text))


class Window(Strict):
    """From one second to another, both included."""

    key: Key
    from_: int = Field(alias="from", ge=0)
    to: int = Field(ge=0)


class Mark(Window):
    cause: Cause
    also_accepted: Annotated[tuple[Cause, ...], Field(strict=False)] = ()
    severity: Literal[1, 2, 3]
    red_line: Key | None = None
    what: Bilingual
    right_move: Bilingual
    why: Bilingual


class Decoy(Window):
    text: Bilingual


class RightMove(Strict):
    max: int = Field(gt=0)
    marked_by: Literal["trainer"]


class Scoring(Strict):
    """Points per failure found, per right cause and right move; a false alarm costs. A total is never below zero."""

    tolerance_s: int = Field(ge=0, le=5)
    found: int = Field(gt=0)
    cause_right: int = Field(ge=0)
    right_move: RightMove
    false_alarm: int = Field(le=0)
    red_line_missed: Bilingual


class GroupCompare(Strict):
    show: Annotated[tuple[Literal["who_found_what", "cause_split"], ...], Field(strict=False)]
    prompts: Annotated[tuple[Bilingual, ...], Field(strict=False, min_length=1)]


class FailureReplay(Head):
    format: Literal["qizhou/failure-replay@1"]
    programmes: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    duration_s: int = Field(ge=90, le=120)
    media: Media
    setting: Bilingual
    cause_classes: Annotated[tuple[CauseClass, ...], Field(strict=False)]
    transcript: Annotated[tuple[Line, ...], Field(strict=False, min_length=8)]
    marks: Annotated[tuple[Mark, ...], Field(strict=False)]
    decoys: Annotated[tuple[Decoy, ...], Field(strict=False)]
    scoring_: Scoring = Field(alias="scoring")
    group_compare: GroupCompare

    def scoring(self) -> Any:
        """What decides the points: the clock, the windows, their causes and weights."""
        return [self.duration_s, [[m.key, m.from_, m.to, m.cause, sorted(m.also_accepted), m.severity, m.red_line] for m in self.marks],
                [[d.key, d.from_, d.to] for d in self.decoys], self.scoring_.model_dump(mode="json", exclude={"red_line_missed"})]


def check_replay(replay: FailureReplay, findings: Findings) -> None:
    """Every E and W of FORMATS section 8."""
    check_head(replay, findings)
    if tuple(entry.key for entry in replay.cause_classes) != CAUSES:
        findings.error(("cause_classes",), f"the classes are {', '.join(CAUSES)}, in this order")
    _check_transcript(replay, findings)
    _check_windows(replay, findings)
    for index, mark in enumerate(replay.marks):
        if mark.cause in mark.also_accepted:
            findings.error(("marks", index, "also_accepted"), f"{mark.key}: {mark.cause} is the cause already")
        if mark.red_line is not None and mark.severity != 3:
            findings.error(("marks", index, "severity"), f"{mark.key}: a red line has severity 3")
    unused = [cause for cause in CAUSES if cause not in {mark.cause for mark in replay.marks}]
    if unused:
        findings.error(("marks",), f"no failure has the cause {', '.join(unused)}")
    if len(replay.marks) < 6:
        findings.error(("marks",), f"{len(replay.marks)} failures are marked, at least six are needed")
    if not replay.decoys:
        findings.error(("decoys",), "needs a decoy: something that looks wrong and is right")
    check_figures(replay.model_dump(mode="json", by_alias=True, exclude={"waive", "claims"}), findings)


def _check_transcript(replay: FailureReplay, findings: Findings) -> None:
    lines = replay.transcript
    if lines[0].at != 0:
        findings.error(("transcript", 0), "the clip begins at second 0")
    for index, (line, following) in enumerate(pairwise(lines)):
        if line.at >= following.at:
            findings.error(("transcript", index + 1), f"second {following.at} comes after second {line.at}")
    if lines[-1].at > replay.duration_s:
        findings.error(("transcript", len(lines) - 1), f"second {lines[-1].at} is after the end of {replay.duration_s} seconds")
    ends = [line.at for line in lines[1:]] + [replay.duration_s]
    for index, (line, end) in enumerate(zip(lines, ends, strict=True)):
        if line.who == "action" or end <= line.at:
            continue
        for language in LANGUAGES:
            limit, unit = SPEECH[language]
            rate = Decimal(line.spoken(language)) / (end - line.at)
            if rate > limit:
                findings.warn("speech-rate", f"transcript.{line.at}", ("transcript", index), f"{rate:.1f} {unit} a second, over {limit}")


def _check_windows(replay: FailureReplay, findings: Findings) -> None:
    check_unique([mark.key for mark in (*replay.marks, *replay.decoys)], "mark", ("marks",), findings)
    windows = [(mark, "marks", index) for index, mark in enumerate(replay.marks)]
    windows += [(decoy, "decoys", index) for index, decoy in enumerate(replay.decoys)]  # type: ignore[misc]
    for window, name, index in windows:
        if window.from_ >= window.to or window.to > replay.duration_s:
            findings.error((name, index), f"{window.key}: {window.from_} to {window.to} is no window of a clip of {replay.duration_s} seconds")
        elif not any(window.from_ <= line.at <= window.to for line in replay.transcript):
            findings.error((name, index), f"{window.key}: no line of the transcript begins within {window.from_} to {window.to}")
    for (one, _name, _index), (other, name, index) in pairwise(sorted(windows, key=lambda entry: (entry[0].from_, entry[0].to))):
        if one.to >= other.from_:
            findings.error((name, index), f"{other.key} overlaps {one.key}")
