"""Stations: the kit of one role-play. The candidate sees `candidate` alone; the rest is confidential."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.yamlsource import Bilingual, Day, Strict
from training.grading.rules.common import HAN, Claim, Findings, Key, Names, Status, Use, Waiver, check_unique

LAYERS = ("surface", "implicit", "emotional", "latent")
CONFIDENTIAL = ("role_player", "rater")
_CLAUSE = re.compile(r"[，。；：、？！…“”（）,.;:?!()\u2026—-]+")
_STAGE = re.compile(r"（[^）]*）|\([^)]*\)")
_COMMON_ZH = frozenset("一个 这个 那个 什么 没有 可以 可能 自己 我们 你们 他们 她们 就是 不是 还是 怎么 知道 时候 现在 以后 如果 因为 所以 "
                       "这里 那里 想要 一下 一点 任何 关于 或者 学员 客户 问到 说出".split())
_COMMON_EN = frozenset("about after again always another anything asked because before being could does doing down else from have haven having here into "
                       "just like made make more most much never nobody nothing once only other over really she should some somebody something still such "
                       "than that their them then there these they thing things this those through very want wants were what whatever when where whether "
                       "which while will with without would your trainee customer question might been also itself himself herself".split())


class Signal(Strict):
    at: int = Field(ge=0)
    text: Bilingual


class Timing(Strict):
    """Seconds. `at` of signals and pressure lines counts from the start of the performance."""

    read_brief: int = Field(ge=0)
    performance: int = Field(gt=0)
    warning_at: int = Field(gt=0)
    rating: int = Field(ge=0)
    changeover: int = Field(ge=0)
    signals: Annotated[tuple[Signal, ...], Field(strict=False)] = ()


class Prop(Strict):
    key: Key
    count: int = Field(gt=0)
    text: Bilingual


class Room(Strict):
    layout: Bilingual
    props: Annotated[tuple[Prop, ...], Field(strict=False)] = ()


class Candidate(Strict):
    brief: Bilingual
    told: Bilingual
    not_told: Bilingual


class Iceberg(Strict):
    surface: Bilingual
    implicit: Bilingual
    emotional: Bilingual
    latent: Bilingual


class ReleaseRule(Strict):
    """What the role-player may `say`, and only `on` what."""

    key: Key
    on: Bilingual
    say: Bilingual


class PressureLine(Strict):
    at: int = Field(ge=0)
    text: Bilingual


class RolePlayerRating(Strict):
    question: Bilingual
    scale: Annotated[tuple[int, ...], Field(strict=False)]
    counts: Literal[False]


class RolePlayer(Strict):
    persona: Bilingual
    opening_line: Bilingual
    mood: Bilingual
    iceberg: Iceberg
    release_rules: Annotated[tuple[ReleaseRule, ...], Field(strict=False)]
    pressure_lines: Annotated[tuple[PressureLine, ...], Field(strict=False)] = ()
    never: Bilingual
    end: Bilingual
    rating_by_role_player: RolePlayerRating | None = None


class WatchFor(Strict):
    """What to note during the performance, for one criterion."""

    criterion: str
    zh: str
    en: str


class RaterPart(Strict):
    before: Bilingual
    watch_for: Annotated[tuple[WatchFor, ...], Field(strict=False)] = ()
    irregularities: Bilingual
    feedback: Bilingual


class Equity(Strict):
    calibration: Bilingual
    accommodations: Bilingual


class Station(Strict):
    format: Literal["qizhou/station@1"]
    key: Key
    title: Bilingual
    programme: str
    rubric: Key
    use: Use
    status: Status
    reviewed: Day
    sources: Names
    confidential: Names
    objectives: Names
    timing: Timing
    room: Room
    candidate: Candidate
    role_player: RolePlayer
    rater: RaterPart
    equity: Equity
    claims: Annotated[tuple[Claim, ...], Field(strict=False)] = ()
    waive: Annotated[tuple[Waiver, ...], Field(strict=False)] = ()

    def scoring(self) -> dict[str, Any]:
        """What makes one performance comparable with another: instrument, use, time, what is released and when pressed."""
        return {"rubric": self.rubric, "use": self.use, "performance": self.timing.performance,
                "release_rules": [rule.key for rule in self.role_player.release_rules],
                "pressure_lines": [line.at for line in self.role_player.pressure_lines]}


def check_station(station: Station, findings: Findings) -> None:
    """E: pressure at or after the end, an iceberg layer nothing reaches, a brief that gives a release away, open secrets."""
    role, timing = station.role_player, station.timing
    check_unique([rule.key for rule in role.release_rules], "release rule", ("role_player", "release_rules"), findings)
    check_unique([prop.key for prop in station.room.props], "prop", ("room", "props"), findings)
    for part in CONFIDENTIAL:
        if part not in station.confidential:
            findings.error(("confidential",), f"{part} must be confidential")
    for part in station.confidential:
        if part not in Station.model_fields or part == "candidate":
            findings.error(("confidential",), f"{part} cannot be confidential")
    if timing.warning_at > timing.performance:
        findings.error(("timing", "warning_at"), "the warning comes after the performance")
    for index, signal in enumerate(timing.signals):
        if signal.at > timing.performance:
            findings.error(("timing", "signals", index), f"the signal at {signal.at} s comes after the performance")
    for index, line in enumerate(role.pressure_lines):
        if line.at >= timing.performance:
            findings.error(("role_player", "pressure_lines", index), f"the line at {line.at} s comes after the performance of {timing.performance} s")
    for layer in LAYERS:
        if not layer_is_reached(role, layer):
            findings.error(("role_player", "iceberg", layer), f"{layer}: no release rule and no opening line says anything of it")
    for index, rule in enumerate(role.release_rules):
        for language in ("zh", "en"):
            given = given_away(rule.say.get(language), f"{station.candidate.brief.get(language)} {station.candidate.told.get(language)}", language)
            if given:
                findings.error(("candidate",), f"the candidate's part gives away release rule {rule.key} ({language}): {given}")
                break
            if not rule.say.get(language).strip():
                findings.error(("role_player", "release_rules", index), f"{rule.key} has nothing to say")


def _content_words(text: str) -> tuple[set[str], set[str]]:
    """(Chinese character pairs, English words of four letters or more) that carry meaning."""
    pairs = set()
    for run in re.findall(r"[\u4e00-\u9fff]+", text):
        pairs |= {run[i:i + 2] for i in range(len(run) - 1)}
    words = {word.lower() for word in re.findall(r"[A-Za-z]{4,}", text)}
    return pairs - _COMMON_ZH, words - _COMMON_EN


def layer_is_reached(role: RolePlayer, layer: str) -> bool:
    """Whether the opening line or some release rule shares content words with a layer of the iceberg, in either language."""
    text: Bilingual = getattr(role.iceberg, layer)
    sayings = [role.opening_line, *(Bilingual(zh=f"{rule.on.zh}。{rule.say.zh}", en=f"{rule.on.en}. {rule.say.en}") for rule in role.release_rules)]
    layer_zh, layer_en = _content_words(text.zh)[0], _content_words(text.en)[1]
    return any(layer_zh & _content_words(said.zh)[0] for said in sayings) or any(layer_en & _content_words(said.en)[1] for said in sayings)


def given_away(said: str, shown: str, language: str) -> str:
    """The clause of a release text that stands in what the candidate reads, '' where none does. Stage directions do not count."""
    plain = _STAGE.sub("", said)
    shown_ = re.sub(r"\s+", "" if language == "zh" else " ", shown).lower()
    for clause in _CLAUSE.split(plain):
        clause = clause.strip().lower()
        enough = len(HAN.findall(clause)) >= 5 if language == "zh" else len(clause.split()) >= 4
        if enough and re.sub(r"\s+", "" if language == "zh" else " ", clause) in shown_:
            return clause
    return ""
