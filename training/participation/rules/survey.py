"""Surveys: course satisfaction and the questionnaires before and three months after, with the same items.

A follow-up names its baseline in `same_items_as`; every section not marked `extra` must then be the same in both, to the
wording of the scales, so that a change measured is a change in the people and not in the questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.findings import Findings, Key, check_unique
from foundation.yamlsource import Bilingual, Strict
from training.participation.rules.head import CHARACTERS_A_MINUTE, LANGUAGES, Head, check_figures, check_head, check_minutes

KANO_ANSWERS = ("like", "expect", "neutral", "tolerate", "dislike")


class Point(Strict):
    value: int
    text: Bilingual


class ScaleOf(Strict):
    """Points of a scale, ascending without gaps; every point is worded. `frequency` scales say how often."""

    key: Key
    points: Annotated[tuple[Point, ...], Field(strict=False, min_length=3, max_length=7)]


class Asked(Strict):
    """What every question has. `dimension` groups questions in the evaluation."""

    key: Key
    required: bool = True
    dimension: Key | None = None


class Likert(Asked):
    kind: Literal["likert"]
    text: Bilingual
    scale: str
    reverse: bool = False


class Nps(Asked):
    """0 to 10; the ends are worded."""

    kind: Literal["nps"]
    text: Bilingual
    low: Bilingual
    high: Bilingual


class KanoPair(Asked):
    """One attribute asked twice: if it is there, if it is not; the five answers are those of the file."""

    kind: Literal["kano_pair"]
    attribute: Bilingual
    functional: Bilingual
    dysfunctional: Bilingual


class ImportanceSatisfaction(Asked):
    """One attribute on two scales: how much it matters, how well it went."""

    kind: Literal["importance_satisfaction"]
    attribute: Bilingual
    importance: str
    satisfaction: str


class Frequency(Asked):
    """How often somebody does something one can see, over a time that is named."""

    kind: Literal["frequency"]
    text: Bilingual
    scale: str
    reverse: bool = False


class Option(Strict):
    key: Key
    text: Bilingual


class Choice(Asked):
    kind: Literal["choice"]
    text: Bilingual
    options: Annotated[tuple[Option, ...], Field(strict=False, min_length=2, max_length=15)]
    choose: Annotated[tuple[int, int], Field(strict=False)] = (1, 1)


class Open(Asked):
    kind: Literal["text"]
    text: Bilingual
    required: bool = False
    max_chars: int = Field(default=600, ge=50, le=4000)


Question = Annotated[Likert | Nps | KanoPair | ImportanceSatisfaction | Frequency | Choice | Open, Field(discriminator="kind")]


class Section(Strict):
    key: Key
    title: Bilingual
    intro: Bilingual | None = None
    extra: bool = False
    questions: Annotated[tuple[Question, ...], Field(strict=False, min_length=1)]


class Survey(Head):
    format: Literal["qizhou/survey@1"]
    purpose: Literal["course", "mid_course", "baseline", "follow_up"]
    respondent: Literal["trainee", "manager", "mentor"] = "trainee"
    anonymous: bool
    min_group: int | None = Field(default=None, ge=3, le=50)
    minutes: int = Field(gt=0, le=60)
    intro: Bilingual
    closing: Bilingual
    same_items_as: str | None = None
    scales: Annotated[tuple[ScaleOf, ...], Field(strict=False)] = ()
    kano_answers: dict[str, Bilingual] | None = None
    sections: Annotated[tuple[Section, ...], Field(strict=False, min_length=1)]

    def questions(self) -> Iterator[tuple[tuple[Any, ...], Section, Any]]:
        """Every question with its place and section."""
        for number, section in enumerate(self.sections):
            for index, question in enumerate(section.questions):
                yield ("sections", number, "questions", index), section, question

    def scoring(self) -> Any:
        """What makes results comparable: keys, kinds, scales by value, options, direction."""
        values = {scale.key: [point.value for point in scale.points] for scale in self.scales}
        return [[question.key, question.kind, getattr(question, "reverse", False),
                 [values.get(name) for name in _scales_of(question)], [option.key for option in getattr(question, "options", ())]]
                for _where, _section, question in self.questions()]


def _scales_of(question: Any) -> tuple[str, ...]:
    if isinstance(question, ImportanceSatisfaction):
        return question.importance, question.satisfaction
    return (question.scale,) if isinstance(question, Likert | Frequency) else ()


def items_of(survey: Survey) -> dict[str, Any]:
    """Question key → everything a respondent reads and answers there, scales written out; `extra` sections left out."""
    scales = {scale.key: [point.model_dump(mode="json") for point in scale.points] for scale in survey.scales}
    items: dict[str, Any] = {}
    for _where, section, question in survey.questions():
        if section.extra:
            continue
        body = question.model_dump(mode="json")
        for name in ("scale", "importance", "satisfaction"):
            if name in body:
                body[name] = scales.get(body[name])
        body["asked_under"] = section.intro.model_dump(mode="json") if section.intro else None
        if question.kind == "kano_pair" and survey.kano_answers:
            body["answers"] = {key: text.model_dump(mode="json") for key, text in survey.kano_answers.items()}
        items[question.key] = body
    return items


def differences(one: Survey, other: Survey) -> list[tuple[str, str]]:
    """(question key, what differs) wherever the common items of two surveys are not the same, or not in the same order.

    Both surveys hold the same items exactly when this list is empty.
    """
    first, second = items_of(one), items_of(other)
    found = [(key, f"is not in {other.key}") for key in first if key not in second]
    found += [(key, f"is in {other.key} only") for key in second if key not in first]
    for key in first:
        if key in second and first[key] != second[key]:
            parts = ", ".join(sorted(name for name in first[key] | second[key] if first[key].get(name) != second[key].get(name)))
            found.append((key, f"differs from {other.key} in {parts}"))
    if not found and list(first) != list(second):
        found.append((next(a for a, b in zip(first, second, strict=True) if a != b), f"stands in another order than in {other.key}"))
    return found


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────────
TIME_FRAME = {"zh": re.compile("过去|最近|近.{1,3}(周|天|个月)|上周|上个月|这.{0,2}周"), "en": re.compile(r"\b(past|last|recent)\b", re.IGNORECASE)}
IDENTIFYING = {"zh": re.compile("姓名|工号|手机号|身份证|部门名称"),
               "en": re.compile(r"\b(your name|employee number|phone number|identity card)\b", re.IGNORECASE)}
DOUBLE = {"zh": re.compile("(?<!不)(并且|而且|以及|同时也)"), "en": re.compile(r"\b(and also|as well as)\b", re.IGNORECASE)}
LEADING = {"zh": re.compile("你(是否)?也(认为|觉得)|难道|显然|众所周知|大家都"),
           "en": re.compile(r"\b(don['’]t you|surely|obviously|as everyone knows|wouldn['’]t you agree)\b", re.IGNORECASE)}
NEGATED = {"zh": re.compile("没有|从不|不(能|会|愿|清楚|满意|知道|觉得)"), "en": re.compile(r"\b(not|never)\b|n['’]t\b", re.IGNORECASE)}


def check_survey(survey: Survey, findings: Findings) -> None:
    """Every E and W on a survey that needs nothing but the file."""
    check_head(survey, findings, teaches=False)
    check_unique([scale.key for scale in survey.scales], "scale", ("scales",), findings)
    check_unique([section.key for section in survey.sections], "section", ("sections",), findings)
    _check_scales(survey, findings)
    seen: set[str] = set()
    texts: dict[str, str] = {}
    for where, section, question in survey.questions():
        if question.key in seen:
            findings.error(where, f"question {question.key} stands twice")
        seen.add(question.key)
        _check_question(survey, section, question, where, findings)
        text = _wording(question, "zh")
        if text in texts:
            findings.error(where, f"{question.key} asks what {texts[text]} asks")
        texts.setdefault(text, question.key)
    _check_people(survey, findings)
    if sum(isinstance(question, Nps) for _where, _section, question in survey.questions()) > 1:
        findings.error(("sections",), "asks for a recommendation more than once")
    if len(seen) > 40:
        findings.warn("too-long", "sections", ("sections",), f"asks {len(seen)} questions; over 40 wear people out")
    check_minutes(survey.minutes, _minutes(survey), findings)
    check_figures(survey.model_dump(mode="json", exclude={"waive", "claims"}), findings)


def _check_scales(survey: Survey, findings: Findings) -> None:
    used = {name for _where, _section, question in survey.questions() for name in _scales_of(question)}
    for index, scale in enumerate(survey.scales):
        values = [point.value for point in scale.points]
        if values != list(range(values[0], values[0] + len(values))):
            findings.error(("scales", index), f"scale {scale.key}: the points do not rise by one")
        for language in LANGUAGES:
            words = [point.text.get(language) for point in scale.points]
            if len(set(words)) < len(words):
                findings.error(("scales", index), f"scale {scale.key}: two points have the same wording ({language})")
        if scale.key not in used:
            findings.error(("scales", index), f"scale {scale.key} is used by no question")
    has_kano = any(isinstance(question, KanoPair) for _where, _section, question in survey.questions())
    if has_kano and (survey.kano_answers is None or tuple(survey.kano_answers) != KANO_ANSWERS):
        findings.error(("kano_answers",), f"kano_answers words the five answers {', '.join(KANO_ANSWERS)}, in this order")
    if survey.kano_answers is not None and not has_kano:
        findings.error(("kano_answers",), "kano_answers without a kano_pair")


def _wording(question: Any, language: str) -> str:
    if isinstance(question, KanoPair | ImportanceSatisfaction):
        return f"{question.kind} {question.attribute.get(language)}"
    return str(question.text.get(language))


def _check_question(survey: Survey, section: Section, question: Any, where: tuple[Any, ...], findings: Findings) -> None:
    known = {scale.key for scale in survey.scales}
    for name in _scales_of(question):
        if name not in known:
            findings.error(where, f"{question.key}: there is no scale {name}")
    if isinstance(question, Choice):
        check_unique([option.key for option in question.options], "option", (*where, "options"), findings)
        if not 0 <= question.choose[0] <= question.choose[1] <= len(question.options) or question.choose[1] < 1:
            findings.error((*where, "choose"), f"{question.key}: choose {question.choose[0]} to {question.choose[1]} of {len(question.options)} options")
    if isinstance(question, KanoPair):
        for language in LANGUAGES:
            if question.functional.get(language) == question.dysfunctional.get(language):
                findings.error(where, f"{question.key}: both wordings of the pair are the same ({language})")
    for language in LANGUAGES:
        text = _wording(question, language)
        if survey.anonymous and IDENTIFYING[language].search(text):
            findings.error(where, f"{question.key}: an anonymous survey asks who somebody is ({language})")
        if found := LEADING[language].search(text):
            findings.warn("leading", question.key, where, f"“{found.group(0)}” leads to an answer ({language})")
        if isinstance(question, Likert | Frequency):
            if found := DOUBLE[language].search(text):
                findings.warn("double-barrelled", question.key, where, f"“{found.group(0)}” may ask two things at once ({language})")
            if NEGATED[language].search(text) and not question.reverse:
                findings.warn("negated", question.key, where, f"a negated statement that is not marked reverse ({language})")
        if isinstance(question, Frequency) and not TIME_FRAME[language].search(text + (section.intro.get(language) if section.intro else "")):
            findings.error(where, f"{question.key}: neither the question nor its section names a time ({language})")


def _check_people(survey: Survey, findings: Findings) -> None:
    """E: a questionnaire whose answers are compared person by person but that nobody can be found in, and the reverse."""
    if survey.purpose in ("baseline", "follow_up") and survey.anonymous:
        findings.error(("anonymous",), "before and after are compared person by person: such a questionnaire is not anonymous")
    if survey.anonymous and survey.min_group is None:
        findings.error(("min_group",), "an anonymous survey says from how many answers on its results are shown (min_group)")
    if not survey.anonymous and survey.min_group is not None:
        findings.error(("min_group",), "min_group belongs to anonymous surveys")
    if survey.purpose == "follow_up" and survey.same_items_as is None:
        findings.error(("same_items_as",), "a follow-up names the baseline whose items it repeats")
    if survey.same_items_as is not None and survey.purpose != "follow_up":
        findings.error(("same_items_as",), "only a follow-up repeats the items of another survey")


def _minutes(survey: Survey) -> Decimal:
    """Reading at 300 characters a minute, 5 seconds an answer, 40 for an open one."""
    read, seconds = survey.intro.zh, 0
    for _where, section, question in survey.questions():
        read += section.intro.zh if section.intro and section.questions[0] is question else ""
        read += question.functional.zh + question.dysfunctional.zh if isinstance(question, KanoPair) else _wording(question, "zh")
        answers = 2 if isinstance(question, KanoPair | ImportanceSatisfaction) else 1
        seconds += 40 if isinstance(question, Open) else 5 * answers
    return Decimal(len(read)) / CHARACTERS_A_MINUTE + Decimal(seconds) / 60
