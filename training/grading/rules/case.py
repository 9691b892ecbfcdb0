"""Cases: a dossier to read, questions to answer in writing, a model answer, a rubric with one criterion a question."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.formula import FormulaError, evaluate, parse
from foundation.yamlsource import Bilingual, Day, Dec, Strict
from training.grading.rules.common import Claim, Findings, Key, Names, Status, Use, Waiver, check_unique, en_words, zh_chars
from training.grading.rules.rubric import Instrument, check_instrument


class TimelineRow(Strict):
    at: str
    zh: str
    en: str


class ChatLine(Strict):
    n: int
    at: str
    who: str
    zh: str
    en: str


class _Document(Strict):
    """`noise: true` declares a distractor: nothing in the model answer rests on it. Trainees are not told."""

    key: Key
    title: Bilingual
    noise: bool = False


class Timeline(_Document):
    kind: Literal["timeline"]
    rows: Annotated[tuple[TimelineRow, ...], Field(strict=False, min_length=1)]


class Chat(_Document):
    kind: Literal["chat"]
    lines: Annotated[tuple[ChatLine, ...], Field(strict=False, min_length=1)]


class Table(_Document):
    kind: Literal["table"]
    rows: Annotated[tuple[Annotated[tuple[Bilingual, ...], Field(strict=False, min_length=1)], ...], Field(strict=False, min_length=1)]


class Letter(_Document):
    kind: Literal["letter", "text"]
    text: Bilingual


Document = Annotated[Timeline | Chat | Table | Letter, Field(discriminator="kind")]


class Figure(Strict):
    """A figure of the case with the way it comes about; `equals` is recomputed by the loader."""

    key: Key
    formula: str
    places: int = Field(ge=0, le=10)
    equals: Dec


class Length(Strict):
    zh_chars: Annotated[tuple[int, int], Field(strict=False)]
    en_words: Annotated[tuple[int, int], Field(strict=False)]

    def bounds(self, language: str) -> tuple[int, int]:
        return self.en_words if language == "en" else self.zh_chars


class Question(Strict):
    key: Key
    marks: int = Field(gt=0)
    criterion: str
    length: Length
    text: Bilingual


class Case(Strict):
    format: Literal["qizhou/case@1"]
    key: Key
    catalogue_no: int
    title: Bilingual
    programmes: Names
    objectives: Names
    status: Status
    use: Use
    reviewed: Day
    sources: Names
    minutes: int = Field(gt=0)
    fiction_notice: Bilingual
    dossier: Annotated[tuple[Document, ...], Field(strict=False, min_length=1)]
    figures: Annotated[tuple[Figure, ...], Field(strict=False)] = ()
    questions: Annotated[tuple[Question, ...], Field(strict=False, min_length=1)]
    model_answer: dict[str, Bilingual]
    rubric: Instrument | Key
    claims: Annotated[tuple[Claim, ...], Field(strict=False)] = ()
    waive: Annotated[tuple[Waiver, ...], Field(strict=False)] = ()

    def question(self, key: str) -> Question | None:
        return next((question for question in self.questions if question.key == key), None)

    def scoring(self) -> dict[str, Any]:
        return {"use": self.use, "questions": [[q.key, q.marks, q.criterion] for q in self.questions],
                "rubric": self.rubric if isinstance(self.rubric, str) else self.rubric.scoring(),
                "figures": [[f.key, f.formula, f.places, format(f.equals, "f")] for f in self.figures]}


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────
def check_case(case: Case, findings: Findings) -> None:
    """E: marks that differ from weights, questions without model answer or criterion, lengths, figures, numbering."""
    check_unique([document.key for document in case.dossier], "document", ("dossier",), findings)
    check_unique([question.key for question in case.questions], "question", ("questions",), findings)
    check_unique([question.criterion for question in case.questions], "criterion of a question", ("questions",), findings)
    check_unique([figure.key for figure in case.figures], "figure", ("figures",), findings)
    for index, document in enumerate(case.dossier):
        if isinstance(document, Chat) and [line.n for line in document.lines] != list(range(1, len(document.lines) + 1)):
            findings.error(("dossier", index, "lines"), f"{document.key}: lines are not numbered 1, 2, 3 …")
        if isinstance(document, Table) and len({len(row) for row in document.rows}) > 1:
            findings.error(("dossier", index, "rows"), f"{document.key}: rows have different numbers of cells")
    for index, figure in enumerate(case.figures):
        check_figure(figure, findings, ("figures", index))
    for index, question in enumerate(case.questions):
        _check_model_answer(case, question, findings, ("questions", index))
    for key in case.model_answer:
        if case.question(key) is None:
            findings.error(("model_answer", key), f"{key} is no question")
    if isinstance(case.rubric, Instrument):
        check_instrument(case.rubric, findings, ("rubric",), any_order=True)
        check_marks(case, case.rubric, findings)
        _check_documents_used(case, case.rubric, findings)


def check_marks(case: Case, rubric: Instrument, findings: Findings) -> None:
    """E: the marks of a question are not the weight of its criterion, or a criterion belongs to no question."""
    weights = {criterion.key: criterion.weight for criterion in rubric.criteria}
    for index, question in enumerate(case.questions):
        if question.criterion not in weights:
            findings.error(("questions", index, "criterion"), f"{question.key}: there is no criterion {question.criterion}")
        elif weights[question.criterion] != question.marks:
            findings.error(("questions", index, "marks"),
                           f"{question.key}: {question.marks} marks, but {question.criterion} weighs {weights[question.criterion]}")
    for key in weights:
        if key not in {question.criterion for question in case.questions}:
            findings.error(("questions",), f"no question belongs to criterion {key}")


def check_figure(figure: Figure, findings: Findings, where: tuple[Any, ...]) -> None:
    """E: a figure that does not compute to what the file says, half-up at its places."""
    try:
        value = evaluate(parse(figure.formula), {}).quantize(Decimal(1).scaleb(-figure.places), ROUND_HALF_UP)
    except FormulaError as fault:
        findings.error((*where, "formula"), f"{figure.key}: {fault}")
        return
    if value != figure.equals:
        findings.error((*where, "equals"), f"{figure.key}: computes to {value}, not {figure.equals}")


def _check_model_answer(case: Case, question: Question, findings: Findings, where: tuple[Any, ...]) -> None:
    answer = case.model_answer.get(question.key)
    for language in ("zh", "en"):
        low, high = question.length.bounds(language)
        if not 0 < low < high:
            findings.error((*where, "length"), f"{question.key}: the length {low} to {high} is no range")
    if answer is None:
        findings.error(where, f"{question.key} has no model answer")
        return
    for language, count in (("zh", zh_chars(answer.zh)), ("en", en_words(answer.en))):
        low, high = question.length.bounds(language)
        if not low <= count <= high:
            findings.error(("model_answer", question.key), f"the model answer has {count} in {language}, its own length is {low} to {high}")


def _document_text(document: Any) -> str:
    if isinstance(document, Letter):
        return document.text.zh
    if isinstance(document, Table):
        return "\n".join(cell.zh for row in document.rows for cell in row)
    if isinstance(document, Timeline):
        return "\n".join(f"{row.at} {row.zh}" for row in document.rows)
    return "\n".join(f"{line.at} {line.zh}" for line in document.lines)


def _marks_of(text: str) -> set[str]:
    """What identifies a passage: runs of three Chinese characters, figures of three digits or more, times."""
    found = set(re.findall(r"\d{1,2}:\d{2}|\d[\d,.]{2,}", text))
    for run in re.findall(r"[\u4e00-\u9fff]+", text):
        found |= {run[i:i + 3] for i in range(len(run) - 2)}
    return found


def _check_documents_used(case: Case, rubric: Instrument, findings: Findings) -> None:
    """W: a document that neither the model answer nor an anchor draws on, unless declared `noise: true`."""
    used = _marks_of("\n".join([*(answer.zh for answer in case.model_answer.values()),
                                *(anchor.zh for criterion in rubric.criteria for anchor in criterion.anchors.values())]))
    texts = {document.key: _marks_of(_document_text(document)) for document in case.dossier}
    cites_lines = any(re.search(r"第 ?\d+(?:[–、-]\d+)* ?行", answer.zh) for answer in case.model_answer.values())
    for index, document in enumerate(case.dossier):
        others = set().union(*(marks for key, marks in texts.items() if key != document.key))
        own = texts[document.key] - others
        is_used = bool(own & used) or (isinstance(document, Chat) and cites_lines)
        if not is_used and not document.noise:
            findings.warn("unused-document", f"dossier.{document.key}", ("dossier", index),
                          "no criterion and no model answer draws on it; declare it `noise: true` if that is meant")
