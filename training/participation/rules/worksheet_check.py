"""The checks on a worksheet: fields that can be filled in, tables that can be marked, an example that teaches and fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from foundation.findings import Findings, check_unique
from foundation.formula import FormulaError, names, parse
from foundation.yamlsource import Bilingual
from training.participation.rules.head import CHARACTERS_A_MINUTE, LANGUAGES, check_figures, check_head, check_length, check_minutes, check_notice
from training.participation.rules.worksheet import (
    Choice,
    Computed,
    Day_,
    FreeRows,
    Given,
    LongText,
    MultiChoice,
    Number,
    Row,
    Scale,
    Table,
    Text,
    Worksheet,
)


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
