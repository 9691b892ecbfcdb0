"""Tables that leave the house open in a spreadsheet as what they are: text, numbers, never a live formula."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from foundation.exports import Column, manifest, neutral, text_of, to_csv, to_jsonl, to_xlsx

COLUMNS = (Column("name", "姓名"), Column("score", "成绩"), Column("count", "次数"))
HOSTILE = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋cmd", "－2+3", "＠x", '=HYPERLINK("http://evil","x")', "=cmd|' /C calc'!A0",
           "-x", "+86 abc"]


def row(name: str, score: Decimal | None = None, count: int | None = None) -> dict[str, Any]:
    return {"name": name, "score": score, "count": count}


def read_csv(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf"), "Excel in a Chinese Windows reads UTF-8 only with the mark"
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_that_would_run_is_text_in_every_format(text: str) -> None:
    cell = read_csv(to_csv(COLUMNS, [row(text)]))[1][0]
    assert cell == "'" + text
    book = to_xlsx(COLUMNS, [row(text)], "records")
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        links = [name for name in parts.namelist() if "externalLink" in name or name.endswith("sheet1.xml.rels")]
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert links == []
    assert CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()[1][0].strip() == text.strip()


@pytest.mark.parametrize("text", ["周以宁", "0017", "-5", "+8613800001111", "-5.25", "", "张=李", "a-b"])
def test_an_ordinary_cell_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_csv_file_gives_back_every_text_but_for_the_apostrophe(text: str) -> None:
    cell = read_csv(to_csv(COLUMNS, [row(text)]))[1][0]
    assert cell in (text, "'" + text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")) or cell.lstrip("+-").replace(".", "", 1).isdigit()


def test_numbers_dates_and_nothing_are_written_the_same_everywhere() -> None:
    assert text_of(Decimal("79.996")) == "79.996"
    assert text_of(Decimal("1E+2")) == "100"
    assert text_of(date(2026, 11, 21)) == "2026-11-21"
    assert text_of(datetime(2026, 11, 21, 8, 0, tzinfo=UTC)) == "2026-11-21T08:00:00+00:00"
    assert [text_of(value) for value in (None, True, False, 0)] == ["", "true", "false", "0"]


def test_employee_numbers_keep_their_zeros_in_a_workbook_and_counts_are_numbers() -> None:
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(to_xlsx(COLUMNS, [row("007", Decimal("79.996"), 3)], "记录"))).get_sheet_by_index(0)
    assert sheet.to_python() == [["姓名", "成绩", "次数"], ["007", "79.996", 3.0]]


def test_json_lines_keep_nothing_as_null_and_decimals_digit_for_digit() -> None:
    lines = to_jsonl(COLUMNS, [row("周以宁", Decimal("80.0"), 2), row("=1", None, None)]).decode().splitlines()
    assert [json.loads(line) for line in lines] == [{"name": "周以宁", "score": "80.0", "count": 2}, {"name": "=1", "score": None, "count": None}]


def test_an_empty_table_is_a_heading() -> None:
    assert read_csv(to_csv(COLUMNS, [])) == [["name", "score", "count"]]
    assert CalamineWorkbook.from_filelike(io.BytesIO(to_xlsx(COLUMNS, [], "x"))).get_sheet_by_index(0).to_python() == [["姓名", "成绩", "次数"]]


def test_the_manifest_names_the_very_bytes() -> None:
    content = to_csv(COLUMNS, [row("a")])
    note = json.loads(manifest(content, 1, datetime(2026, 11, 21, tzinfo=UTC), "cohort=2026-A", (17, "ab" * 32)).to_json())
    assert note == {"rows": 1, "sha256": hashlib.sha256(content).hexdigest(), "snapshot_at": "2026-11-21T00:00:00+00:00", "filter": "cohort=2026-A",
                    "audit_seq": 17, "audit_head": "ab" * 32}
