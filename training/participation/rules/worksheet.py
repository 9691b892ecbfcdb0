"""Worksheets: sections of fields that a trainee fills in, with a worked example and what a good one shows.

A table may hold given rows with an answer per row (`answer`, `why`), hidden until the sheet is handed in: that is how a
complaint desk, an alert triage or a sorting exercise is written. Marking counts keyed cells only; texts are read by people.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.findings import Key
from foundation.yamlsource import Bilingual, Dec, Strict
from training.participation.rules.head import Head, Length, Repeat, Who


class Option(Strict):
    key: Key
    text: Bilingual


class Field_(Strict):
    """What every field has. `answer` and `why` are hidden until the sheet is handed in; `follow_up` brings the entry back later."""

    key: Key
    label: Bilingual
    help: Bilingual | None = None
    required: bool = True
    follow_up: bool = False
    why: Bilingual | None = None


class Text(Field_):
    kind: Literal["text"]
    length: Length | None = None
    answer: Bilingual | None = None


class LongText(Field_):
    kind: Literal["long_text"]
    length: Length
    answer: Bilingual | None = None


class Choice(Field_):
    kind: Literal["choice"]
    options: Annotated[tuple[Option, ...], Field(strict=False, min_length=2, max_length=12)]
    answer: str | None = None
    also_accepted: Annotated[tuple[str, ...], Field(strict=False)] = ()


class MultiChoice(Field_):
    kind: Literal["multi_choice"]
    options: Annotated[tuple[Option, ...], Field(strict=False, min_length=2, max_length=15)]
    choose: Annotated[tuple[int, int], Field(strict=False)]
    answer: Annotated[tuple[str, ...] | None, Field(strict=False)] = None


class Anchor(Strict):
    value: int
    text: Bilingual


class Scale(Field_):
    """Whole numbers from the first to the last anchor; the ends at least are worded."""

    kind: Literal["scale"]
    anchors: Annotated[tuple[Anchor, ...], Field(strict=False, min_length=2)]
    answer: int | None = None


class Number(Field_):
    kind: Literal["number"]
    min: Dec | None = None
    max: Dec | None = None
    places: int = Field(default=0, ge=0, le=6)
    unit: Bilingual | None = None
    total: bool = False                  # in a table: the column's sum is shown
    answer: Dec | None = None
    tolerance: Dec = Decimal(0)


class Day_(Field_):
    kind: Literal["date"]


class Computed(Strict):
    """A column worked out from the number columns of its row, e.g. `before - after`."""

    kind: Literal["computed"]
    key: Key
    label: Bilingual
    help: Bilingual | None = None
    formula: str
    places: int = Field(default=0, ge=0, le=6)
    unit: Bilingual | None = None


class Given(Strict):
    """A column that we fill in: the trainee reads it."""

    kind: Literal["given"]
    key: Key
    label: Bilingual


Column = Annotated[Text | LongText | Choice | MultiChoice | Scale | Number | Day_ | Computed | Given, Field(discriminator="kind")]


class Row(Strict):
    """A fixed row: its label or given cells; with an `answer` for some columns it is marked. `worked` shows the answer at once."""

    key: Key
    label: Bilingual | None = None
    given: dict[str, Bilingual] = Field(default_factory=dict)
    answer: dict[str, Any] = Field(default_factory=dict)
    also_accepted: dict[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(default_factory=dict)
    why: Bilingual | None = None
    worked: bool = False


class FreeRows(Strict):
    min: int = Field(ge=0, le=60)
    max: int = Field(ge=1, le=60)


class Tally(Strict):
    """Misses and false alarms of one keyed choice column: `quiet` are the options that let a case pass."""

    column: str
    quiet: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class Table(Field_):
    kind: Literal["table"]
    columns: Annotated[tuple[Column, ...], Field(strict=False, min_length=1, max_length=8)]
    rows: Annotated[tuple[Row, ...], Field(strict=False, min_length=1, max_length=60)] | FreeRows
    tally: Tally | None = None

    @property
    def fixed(self) -> tuple[Row, ...]:
        return self.rows if isinstance(self.rows, tuple) else ()

    @property
    def is_keyed(self) -> bool:
        return any(row.answer for row in self.fixed)


Entry = Annotated[Text | LongText | Choice | MultiChoice | Scale | Number | Day_ | Table, Field(discriminator="kind")]


class Section(Strict):
    """`quadrants`: exactly four fields as two by two (SWOT, PDCA, time); `steps`: numbered one after the other."""

    key: Key
    title: Bilingual
    intro: Bilingual | None = None
    layout: Literal["list", "quadrants", "steps"] = "list"
    fields: Annotated[tuple[Entry, ...], Field(strict=False, min_length=1)]


class Note(Strict):
    """Why the example says what it says at one field: this is what teaches."""

    field: str
    text: Bilingual


class Example(Strict):
    """A whole sheet filled in, of invented data. `answers`: field key → value; a table's value is rows by key, or a list."""

    title: Bilingual
    situation: Bilingual
    answers: dict[str, Any]
    notes: Annotated[tuple[Note, ...], Field(strict=False)] = ()


class Criterion(Strict):
    """What a good sheet shows, and what a weak one does instead."""

    key: Key
    title: Bilingual
    shows: Bilingual
    falls_short: Bilingual


class Worksheet(Head):
    format: Literal["qizhou/worksheet@1"]
    minutes: int = Field(gt=0, le=600)
    audience: Who = "trainee"
    private: bool = False
    intro: Bilingual
    data_notice: Bilingual
    repeat: Repeat | None = None
    sections: Annotated[tuple[Section, ...], Field(strict=False, min_length=1)]
    example: Example | None = None
    criteria: Annotated[tuple[Criterion, ...], Field(strict=False)] = ()
    rubric: str | None = None

    def entries(self) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Every field with its place."""
        for number, section in enumerate(self.sections):
            for index, entry in enumerate(section.fields):
                yield ("sections", number, "fields", index), entry

    def scoring(self) -> Any:
        """What decides a count of right cells: keys, kinds, options, answers."""
        return [[entry.key, entry.kind, _scored(entry)] for _where, entry in self.entries()]


def _scored(entry: Any) -> Any:
    if isinstance(entry, Table):
        columns = [[column.key, column.kind, _scored(column)] for column in entry.columns]
        rows = [[row.key, {key: value for key, value in row.answer.items() if not isinstance(value, dict)},
                 {key: sorted(value) for key, value in row.also_accepted.items()}] for row in entry.fixed]
        return [columns, rows, entry.tally.model_dump(mode="json") if entry.tally else None]
    keys = {"options", "answer", "also_accepted", "tolerance", "choose"} & set(type(entry).model_fields)
    body = entry.model_dump(mode="json", include=keys)
    if "options" in body:
        body["options"] = [option["key"] for option in body["options"]]
    if isinstance(entry, Text | LongText):
        body.pop("answer", None)
    return body
