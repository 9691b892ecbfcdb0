"""Tables that leave the house: CSV with a BOM and neutral cells, XLSX without live formulas, JSON Lines; and a manifest.

A cell that begins like a formula would run on HR's machine; in CSV it gets an apostrophe, in XLSX it is typed as text.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Column:
    """A column of an export: its key (CSV and JSON), its heading for readers (XLSX), and how wide it is."""

    key: str
    heading: str
    width: int = 14


def text_of(value: Any) -> str:
    """The plain text of a value: ISO dates, decimals digit for digit, '' for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def neutral(text: str) -> str:
    """The same text with an apostrophe before it where a spreadsheet would read a formula (full-width signs too)."""
    probe = unicodedata.normalize("NFKC", text[:1]) if text else ""
    if probe.startswith(RISKY) and not _is_plain_number(text):
        return "'" + text
    return text


def _is_plain_number(text: str) -> bool:
    return text[:1] in "+-" and text[1:].replace(".", "", 1).isascii() and text[1:].replace(".", "", 1).isdigit()


def to_csv(columns: Sequence[Column], rows: Iterable[dict[str, Any]]) -> bytes:
    """UTF-8 with BOM (Chinese Excel needs it), headed by the column keys."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.key for column in columns])
    for row in rows:
        writer.writerow([neutral(text_of(row[column.key])) for column in columns])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def to_jsonl(columns: Sequence[Column], rows: Iterable[dict[str, Any]]) -> bytes:
    """One JSON object per line; decimals and dates as text, nothing as null."""
    lines = (
        json.dumps({column.key: None if row[column.key] is None else row[column.key] if isinstance(row[column.key], int) else text_of(row[column.key])
                    for column in columns}, ensure_ascii=False)
        for row in rows
    )
    return "".join(line + "\n" for line in lines).encode()


def to_xlsx(columns: Sequence[Column], rows: Iterable[dict[str, Any]], sheet: str) -> bytes:
    """A workbook with one sheet, headings frozen and filtered; every cell is text or a number, never a formula."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True})
    page = book.add_worksheet(sheet[:31])
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    for index, column in enumerate(columns):
        page.set_column(index, index, column.width)
        page.write_string(0, index, column.heading, head)
    line = 0
    for line, row in enumerate(rows, start=1):
        for index, column in enumerate(columns):
            value = row[column.key]
            if isinstance(value, int) and not isinstance(value, bool):
                page.write_number(line, index, value)
            elif value is not None:
                page.write_string(line, index, text_of(value))
    page.freeze_panes(1, 0)
    page.autofilter(0, 0, max(line, 1), len(columns) - 1)
    book.close()
    return out.getvalue()


@dataclass(frozen=True)
class Manifest:
    """What stands beside an exported file: enough to prove later what was handed over."""

    rows: int
    sha256: str
    snapshot_at: str
    filter: str
    audit_seq: int
    audit_head: str

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def manifest(content: bytes, rows: int, at: datetime, filter_: str, audit_head: tuple[int, str]) -> Manifest:
    return Manifest(rows, hashlib.sha256(content).hexdigest(), at.isoformat(timespec="seconds"), filter_, *audit_head)
