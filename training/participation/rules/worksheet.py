"""Worksheets: sections of fields that a trainee fills in, with a worked example and what a good one shows.

A table may hold given rows with an answer per row (`answer`, `why`), hidden until the sheet is handed in: that is how a
complaint desk, an alert triage or a sorting exercise is written. Marking counts keyed cells only; texts are read by people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import Field

from foundation.findings import Findings, Key, check_unique
from foundation.formula import FormulaError, names, parse
from foundation.yamlsource import Bilingual, Dec, Strict
from training.participation.rules.head import (
    CHARACTERS_A_MINUTE,
    LANGUAGES,
    Head,
    Length,
    Repeat,
    Who,
    check_figures,
    check_head,
    check_length,
    check_minutes,
    check_notice,
)

Answer = Bilingual | str | int | tuple[str, ...]


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


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────────
def check_worksheet(sheet: Worksheet, findings: Findings) -> None:
    """Every E and W on a worksheet that needs nothing but the file."""
    check_head(sheet, findings)
    check_notice(sheet.data_notice, findings)
    check_unique([section.key for section in sheet.sections], "section", ("sections",), findings)
    seen: set[str] = set()
    for where, entry in sheet.entries():
        if entry.key in seen:
            findings.error(where, f"field {entry.key} stands twice in the sheet")
        seen.add(entry.key)
        _check_entry(entry, where, findings)
    for number, section in enumerate(sheet.sections):
        if section.layout == "quadrants" and len(section.fields) != 4:
            findings.error(("sections", number), f"{section.key}: quadrants need four fields, not {len(section.fields)}")
    _check_private(sheet, findings)
    _check_teaching(sheet, findings)
    check_minutes(sheet.minutes, _minutes(sheet), findings)
    check_figures(sheet.model_dump(mode="json", exclude={"waive", "claims"}), findings)


def _check_entry(entry: Any, where: tuple[Any, ...], findings: Findings) -> None:
    if isinstance(entry, Table):
        _check_table(entry, where, findings)
    else:
        _check_field(entry, where, findings)
        if getattr(entry, "answer", None) is not None:
            _check_value(entry, entry.answer, (*where, "answer"), findings, f"{entry.key}: the answer")
            if entry.why is None:
                findings.error(where, f"{entry.key}: an answer needs a why")


def _check_field(entry: Any, where: tuple[Any, ...], findings: Findings) -> None:
    if isinstance(entry, Text | LongText) and entry.length is not None:
        check_length(entry.length, where, entry.key, findings)
    if isinstance(entry, Choice | MultiChoice):
        check_unique([option.key for option in entry.options], "option", (*where, "options"), findings)
    if isinstance(entry, Choice) and (unknown := set(entry.also_accepted) - {option.key for option in entry.options}):
        findings.error((*where, "also_accepted"), f"{entry.key}: {', '.join(sorted(unknown))} is no option")
    if isinstance(entry, MultiChoice) and not 0 <= entry.choose[0] <= entry.choose[1] <= len(entry.options):
        findings.error((*where, "choose"), f"{entry.key}: choose {entry.choose[0]} to {entry.choose[1]} of {len(entry.options)} options")
    if isinstance(entry, Scale):
        values = [anchor.value for anchor in entry.anchors]
        if values != sorted(set(values)):
            findings.error((*where, "anchors"), f"{entry.key}: the anchors do not rise")
        elif not 2 <= values[-1] - values[0] <= 10:
            findings.error((*where, "anchors"), f"{entry.key}: a scale has 3 to 11 points, not {values[-1] - values[0] + 1}")
    if isinstance(entry, Number) and entry.min is not None and entry.max is not None and entry.min >= entry.max:
        findings.error(where, f"{entry.key}: from {entry.min} to {entry.max} is no range")


def _check_table(table: Table, where: tuple[Any, ...], findings: Findings) -> None:
    columns = {column.key: column for column in table.columns}
    check_unique([column.key for column in table.columns], "column", (*where, "columns"), findings)
    numbers = {key for key, column in columns.items() if isinstance(column, Number)}
    for index, column in enumerate(table.columns):
        place = (*where, "columns", index)
        if isinstance(column, Computed):
            try:
                unknown = names(parse(column.formula)) - numbers
            except FormulaError as fault:
                findings.error((*place, "formula"), f"{column.key}: the formula {fault}")
                continue
            if unknown:
                findings.error((*place, "formula"), f"{column.key}: {', '.join(sorted(unknown))} is no number column of this table")
        elif not isinstance(column, Given):
            _check_field(column, place, findings)
            if getattr(column, "answer", None) is not None:
                findings.error((*place, "answer"), f"{column.key}: answers of a table stand in its rows")
    if not any(not isinstance(column, Given | Computed) for column in table.columns):
        findings.error((*where, "columns"), f"{table.key}: no column is left for the trainee")
    if isinstance(table.rows, FreeRows):
        if table.rows.min > table.rows.max:
            findings.error((*where, "rows"), f"{table.key}: {table.rows.min} to {table.rows.max} rows is no range")
        if any(isinstance(column, Given) for column in table.columns):
            findings.error((*where, "columns"), f"{table.key}: a given column needs fixed rows")
    check_unique([row.key for row in table.fixed], "row", (*where, "rows"), findings)
    given = {key for key, column in columns.items() if isinstance(column, Given)}
    answered = {key for row in table.fixed for key in row.answer}
    for index, row in enumerate(table.fixed):
        _check_row(row, table, columns, given, answered, (*where, "rows", index), findings)
    if table.tally is not None:
        _check_tally(table, columns, where, findings)


def _check_row(row: Row, table: Table, columns: Mapping[str, Any], given: set[str], answered: set[str], where: tuple[Any, ...],
               findings: Findings) -> None:
    if row.label is None and not row.given:
        findings.error(where, f"{table.key}: row {row.key} has neither a label nor given cells")
    if set(row.given) != given:
        findings.error((*where, "given"), f"{table.key}: row {row.key} fills {', '.join(sorted(row.given)) or 'no given column'}, "
                                          f"the table gives {', '.join(sorted(given)) or 'none'}")
    for key, value in row.answer.items():
        column = columns.get(key)
        if column is None or isinstance(column, Given | Computed | Day_):
            findings.error((*where, "answer", key), f"{table.key}: row {row.key}: {key} is no column that can have an answer")
            continue
        _check_value(column, value, (*where, "answer", key), findings, f"{table.key}: row {row.key}: the answer of {key}")
    if answered and set(row.answer) != answered:
        findings.error(where, f"{table.key}: row {row.key} answers {', '.join(sorted(row.answer)) or 'nothing'}, other rows {', '.join(sorted(answered))}")
    if row.answer and row.why is None:
        findings.error(where, f"{table.key}: row {row.key}: an answer needs a why")
    if row.worked and not row.answer:
        findings.error(where, f"{table.key}: row {row.key} is worked but has no answer")
    for key, values in row.also_accepted.items():
        column = columns.get(key)
        if not isinstance(column, Choice) or key not in row.answer:
            findings.error((*where, "also_accepted", key), f"{table.key}: row {row.key}: {key} is no choice column with an answer")
        elif unknown := set(values) - {option.key for option in column.options}:
            findings.error((*where, "also_accepted", key), f"{table.key}: row {row.key}: {', '.join(sorted(unknown))} is no option of {key}")
        elif row.answer[key] in values:
            findings.error((*where, "also_accepted", key), f"{table.key}: row {row.key}: {row.answer[key]} is the answer of {key} already")


def _check_tally(table: Table, columns: Mapping[str, Any], where: tuple[Any, ...], findings: Findings) -> None:
    assert table.tally is not None
    column = columns.get(table.tally.column)
    place = (*where, "tally")
    if not isinstance(column, Choice) or not table.is_keyed:
        findings.error(place, f"{table.key}: {table.tally.column} is no keyed choice column")
        return
    options = {option.key for option in column.options}
    if not set(table.tally.quiet) < options:
        findings.error(place, f"{table.key}: quiet must be some of the options of {column.key}, not all")
        return
    keys = [row.answer.get(column.key) for row in table.fixed if not row.worked]
    quiet = sum(key in table.tally.quiet for key in keys)
    if quiet in (0, len(keys)):
        findings.error(place, f"{table.key}: with {quiet} quiet cases of {len(keys)} either no miss or no false alarm can happen")


def _check_value(field: Any, value: Any, where: tuple[Any, ...], findings: Findings, label: str) -> None:
    """E: a value (an answer or a cell of the example) that its field would not accept."""
    problem = _refusal(field, value)
    if problem:
        findings.error(where, f"{label}: {problem}")


def _refusal(field: Any, value: Any) -> str | None:
    if isinstance(field, Text | LongText):
        texts = value.model_dump() if isinstance(value, Bilingual) else value
        if not isinstance(texts, dict) or set(texts) != {"zh", "en"}:
            return "a text has zh and en"
        if field.length is not None:
            for language in LANGUAGES:
                low, high = field.length.bounds(language)
                count = field.length.count(str(texts[language]), language)
                if not low <= count <= high:
                    return f"{count} in {language}, the field takes {low} to {high}"
        return None
    if isinstance(field, Choice):
        return None if value in {option.key for option in field.options} else f"{value} is no option"
    if isinstance(field, MultiChoice):
        chosen = list(value) if isinstance(value, list | tuple) else [value]
        if unknown := [key for key in chosen if key not in {option.key for option in field.options}]:
            return f"{', '.join(str(key) for key in unknown)} is no option"
        return None if field.choose[0] <= len(set(chosen)) <= field.choose[1] else f"{len(chosen)} chosen, {field.choose[0]} to {field.choose[1]} are asked"
    if isinstance(field, Scale):
        low, high = field.anchors[0].value, field.anchors[-1].value
        return None if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else f"{value} is not on the scale {low} to {high}"
    if isinstance(field, Number):
        return _refused_number(field, value)
    if isinstance(field, Day_):
        try:
            date.fromisoformat(str(value))
        except ValueError:
            return f"{value} is not a date like 2026-11-22"
    return None


def _refused_number(field: Number, value: Any) -> str | None:
    try:
        number = value if isinstance(value, Decimal) else Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        return f"{value!r} is not a decimal number in quotes"
    if -int(number.as_tuple().exponent) > field.places:
        return f"{value} has more than {field.places} decimals"
    if (field.min is not None and number < field.min) or (field.max is not None and number > field.max):
        return f"{value} is outside {field.min} to {field.max}"
    return None


def _check_private(sheet: Worksheet, findings: Findings) -> None:
    """E: a sheet for the trainee's eyes only that is marked, or comes back in the follow-up."""
    if not sheet.private:
        return
    if sheet.rubric is not None:
        findings.error(("rubric",), "a private sheet is read by nobody, so it has no rubric")
    if sheet.audience != "trainee":
        findings.error(("audience",), "a private sheet is the trainee's own")
    for where, entry in sheet.entries():
        if entry.follow_up:
            findings.error(where, f"{entry.key}: an entry of a private sheet does not come back in the follow-up")
    for language, words in (("zh", ("只有你", "仅你", "只给你")), ("en", ("only you",))):
        if not any(word in sheet.intro.get(language).lower() for word in words):
            findings.error(("intro",), f"the intro of a private sheet says that only you see it ({language})")


def _check_teaching(sheet: Worksheet, findings: Findings) -> None:
    """E: no example and no keyed rows to learn from; an example that the sheet itself would refuse; fewer than three criteria."""
    entries = {entry.key: (where, entry) for where, entry in sheet.entries()}
    keyed = any(isinstance(entry, Table) and entry.is_keyed for _where, entry in entries.values())
    if sheet.example is None and not keyed:
        findings.error((), "needs a worked example")
    if len(sheet.criteria) < 3 and not sheet.private:
        findings.error(("criteria",), f"names {len(sheet.criteria)} criteria of a good one, at least three are needed")
    check_unique([criterion.key for criterion in sheet.criteria], "criterion", ("criteria",), findings)
    if sheet.example is None:
        return
    answers = sheet.example.answers
    for key, value in answers.items():
        where = ("example", "answers", key)
        if key not in entries:
            findings.error(where, f"the example fills {key}, which is no field")
            continue
        entry = entries[key][1]
        if isinstance(entry, Table):
            _check_example_table(entry, value, where, findings)
        else:
            _check_value(entry, value, where, findings, f"the example at {key}")
    for key, (_where, entry) in entries.items():
        is_marked = entry.is_keyed if isinstance(entry, Table) else getattr(entry, "answer", None) is not None
        if entry.required and key not in answers and not is_marked:
            findings.error(("example", "answers"), f"the example leaves {key} empty, which is required")
        if is_marked and key in answers:
            findings.error(("example", "answers", key), f"the example gives away {key}; mark a row `worked` instead")
    for index, note in enumerate(sheet.example.notes):
        if note.field not in entries:
            findings.error(("example", "notes", index), f"the note speaks of {note.field}, which is no field")
    if not sheet.example.notes:
        findings.warn("example-notes", "example", ("example",), "an example without notes shows, but does not teach")


def _check_example_table(table: Table, value: Any, where: tuple[Any, ...], findings: Findings) -> None:
    rows: Sequence[tuple[Any, Any]]
    if isinstance(table.rows, FreeRows):
        if not isinstance(value, list):
            findings.error(where, f"the example at {table.key}: free rows are a list")
            return
        if not table.rows.min <= len(value) <= table.rows.max:
            findings.error(where, f"the example at {table.key}: {len(value)} rows, the table takes {table.rows.min} to {table.rows.max}")
        rows = list(enumerate(value))
    else:
        known = {row.key for row in table.fixed}
        if not isinstance(value, dict) or set(value) != known:
            findings.error(where, f"the example at {table.key}: rows are {', '.join(sorted(known))}")
            return
        rows = list(value.items())
    columns = {column.key: column for column in table.columns if not isinstance(column, Given | Computed)}
    for key, row in rows:
        place = (*where, key)
        if not isinstance(row, dict):
            findings.error(place, f"the example at {table.key}: a row is a mapping of columns")
            continue
        for name, cell in row.items():
            if name not in columns:
                findings.error((*place, name), f"the example at {table.key}: {name} is no column to fill")
            else:
                _check_value(columns[name], cell, (*place, name), findings, f"the example at {table.key}, {name}")
        for name, column in columns.items():
            if column.required and name not in row:
                findings.error(place, f"the example at {table.key}: {name} is empty, which is required")


def _minutes(sheet: Worksheet) -> Decimal:
    """Reading the sheet and filling it in, roughly: a choice 15 s, a line 45 s, a long text 30 characters a minute of its minimum."""
    seconds = Decimal(0)
    read = sheet.intro.zh
    for _where, entry in sheet.entries():
        read += entry.label.zh + (entry.help.zh if entry.help else "")
        if isinstance(entry, Table):
            count = len(entry.fixed) or (entry.rows.min + entry.rows.max) // 2 if isinstance(entry.rows, FreeRows) else len(entry.fixed)
            per_row = sum((_fill_seconds(column) for column in entry.columns), Decimal(0))
            read += "".join(text.zh for row in entry.fixed for text in row.given.values())
            seconds += per_row * max(count, 1)
        else:
            seconds += _fill_seconds(entry)
    if sheet.example is not None:
        read += sheet.example.situation.zh
    return seconds / 60 + Decimal(len(read)) / CHARACTERS_A_MINUTE


def _fill_seconds(field: Any) -> Decimal:
    if isinstance(field, Given | Computed):
        return Decimal(0)
    if isinstance(field, Text | LongText):
        low = field.length.zh_chars[0] if field.length else 0
        return max(Decimal(45 if isinstance(field, Text) else 90), Decimal(low) * 2)
    return Decimal(20 if isinstance(field, MultiChoice | Number) else 15)
