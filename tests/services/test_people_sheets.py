"""Reading tables: encodings, delimiters, workbooks with formulas, and files that want to hurt."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import python_calamine
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.sheets import Unreadable, open_table

HEAD = "工号,姓名,机构\n"


def heading(cells) -> bool:
    return "工号" in cells and "姓名" in cells


def rows(path: Path) -> list[list[str]]:
    return [line.cells for line in open_table(path, heading).lines()]


def book(path: Path, write, name: str = "花名册") -> Path:
    with xlsxwriter.Workbook(path) as made:
        write(made.add_worksheet(name), made)
    return path


def patched(path: Path, changes: dict[str, bytes]) -> Path:
    """The same workbook with some members replaced or added."""
    out = path.with_name(f"patched-{path.name}")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member not in changes:
                new.writestr(member, old.read(member))
        for member, content in changes.items():
            new.writestr(member, content)
    return out


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_encoding_and_delimiter_reads_the_same(tmp_path, encoding, delimiter):
    path = tmp_path / "r.csv"
    text = (HEAD + "007,周以宁,城东支行\r\n8,\"欧阳，明\",\"老城\n支行\"\n").replace(",", delimiter)
    path.write_bytes(text.encode(encoding))
    assert rows(path) == [["工号", "姓名", "机构"], ["007", "周以宁", "城东支行"], ["8", "欧阳，明", "老城\n支行"]]


def test_rare_characters_survive_gb18030(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes((HEAD + "1,王㛃𠮷,城东\n").encode("gb18030"))
    assert rows(path)[1] == ["1", "王㛃𠮷", "城东"]


def test_the_spreadsheet_way_of_keeping_zeros_in_csv_is_unwrapped_and_remarked(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(HEAD + '"=""007""",周,东\n', encoding="utf-8")
    line = list(open_table(path, heading).lines())[1]
    assert line.cells[0] == "007" and line.remarks == {0: "formula"}


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "empty"), (b"\xef\xbb\xbf\r\n  \n", "empty"), (b"\x89PNG\r\n\x1a\n\x00\x00", "not_a_table"), (b"%PDF-1.7 \n...", "not_a_table"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old_excel"), (b"PK\x03\x04 broken", "damaged"), (b"\x7fELF\x02\x01\x01" + b"\0" * 64, "not_a_table"),
])
def test_files_that_are_no_tables_are_refused_by_name(tmp_path, content, reason):
    path = tmp_path / "r.csv"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as refused:
        rows(path)
    assert refused.value.reason == reason


def test_a_word_document_is_not_a_table(tmp_path):
    path = tmp_path / "r.xlsx"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("word/document.xml", "<w/>")
    with pytest.raises(Unreadable) as refused:
        rows(path)
    assert refused.value.reason == "not_a_table"


def test_one_bad_byte_in_a_utf8_file_is_located(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes(HEAD.encode() + "1,周,东\n2,".encode() + b"\xd6\xdc,x\n")
    with pytest.raises(Unreadable) as refused:
        rows(path)
    assert (refused.value.reason, refused.value.row) == ("encoding", 3)


def test_bytes_that_are_neither_encoding_are_located(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes(HEAD.encode() + b"1,\xff\xff\xff,x\n")
    with pytest.raises(Unreadable) as refused:
        rows(path)
    assert (refused.value.reason, refused.value.row) == ("encoding", 2)


def test_a_quotation_mark_left_open_is_located(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(HEAD + '1,周,东\n2,"李,' + "x" * 1_200_000, encoding="utf-8")
    with pytest.raises(Unreadable) as refused:
        rows(path)
    assert (refused.value.reason, refused.value.row) == ("quote", 3)


def test_numbers_formulas_dates_and_faults_of_a_workbook(tmp_path):
    def write(sheet, made):
        sheet.write_row(0, 0, ["工号", "姓名", "机构"])
        sheet.write_number(1, 0, 7.0)
        sheet.write_string(1, 1, "007")
        sheet.write_formula(1, 2, '="城"&"东"', None, "城东")
        sheet.write_number(2, 0, 7, made.add_format({"num_format": "00000"}))
        sheet.write_number(2, 1, 1234567890123456789)
        sheet.write_formula(2, 2, "=1/0", None, "#DIV/0!")
        sheet.write_number(3, 0, 13800138000)
        sheet.write_number(3, 1, 0.5)
        sheet.write_boolean(3, 2, True)

    lines = list(open_table(book(tmp_path / "r.xlsx", write), heading).lines())
    assert [line.cells for line in lines[1:]] == [["7", "007", "城东"], ["00007", "1234567890123457000", "#DIV/0!"], ["13800138000", "0.5", "TRUE"]]
    assert [line.remarks for line in lines[1:]] == [{2: "formula"}, {0: "padded", 1: "rounded", 2: "fault"}, {}]


def test_reading_aids_over_characters_are_left_out_and_rich_text_is_joined(tmp_path):
    path = book(tmp_path / "r.xlsx", lambda sheet, _made: sheet.write_row(0, 0, ["工号", "姓名"]))
    texts = ('<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>工号</t></si>'
             "<si><r><t>姓</t></r><r><t>名</t></r><rPh sb='0' eb='1'><t>xingming</t></rPh></si></sst>")
    assert rows(patched(path, {"xl/sharedStrings.xml": texts.encode()})) == [["工号", "姓名"]]


def test_only_the_first_visible_sheet_is_read_and_the_others_are_named(tmp_path):
    path = tmp_path / "r.xlsx"
    with xlsxwriter.Workbook(path) as made:
        hidden = made.add_worksheet("旧")
        first = made.add_worksheet("花名册")
        made.add_worksheet("说明")
        hidden.write_row(0, 0, ["工号", "姓名", "旧"])
        first.write_row(0, 0, ["工号", "姓名", "新"])
        first.activate()
        hidden.hide()
    table = open_table(path, heading)
    assert table.unread_sheets == ("说明",)
    assert [line.cells for line in table.lines()] == [["工号", "姓名", "新"]]


def test_two_cells_a_million_rows_apart_cost_nothing(tmp_path):
    path = book(tmp_path / "r.xlsx", lambda sheet, _made: sheet.write_row(0, 0, ["工号", "姓名"]))
    far = '<row r="1"><c r="A1" t="inlineStr"><is><t>工号</t></is></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    lines = list(open_table(patched(path, {"xl/worksheets/sheet1.xml": SHEET.format(far).encode()}), heading).lines())
    assert [(line.number, line.cells) for line in lines] == [(1, ["工号"]), (1048576, [])]


def test_a_workbook_that_unpacks_to_far_more_is_refused_before_it_is_read(tmp_path):
    path = book(tmp_path / "r.xlsx", lambda sheet, _made: sheet.write_row(0, 0, ["工号", "姓名"]))
    bomb = SHEET.format("<row><c><v>1</v></c></row>" * 3_000_000).encode()
    with pytest.raises(Unreadable) as refused:
        rows(patched(path, {"xl/worksheets/sheet1.xml": bomb}))
    assert refused.value.reason == "too_large_inside"


def test_entity_bombs_are_refused(tmp_path):
    path = book(tmp_path / "r.xlsx", lambda sheet, _made: sheet.write_row(0, 0, ["工号", "姓名"]))
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><worksheet><sheetData>&b;</sheetData></worksheet>'
    with pytest.raises(Unreadable) as refused:
        rows(patched(path, {"xl/worksheets/sheet1.xml": bomb}))
    assert refused.value.reason == "damaged"


def test_a_shared_text_number_out_of_range_and_absurd_references_do_no_harm(tmp_path):
    path = book(tmp_path / "r.xlsx", lambda sheet, _made: sheet.write_row(0, 0, ["工号", "姓名"]))
    odd = '<row r="99999999999"><c r="A1" t="s"><v>999999</v></c><c t="s"><v>-1</v></c><c r="ZZZZZZZZ1"><v>1E999999</v></c><c><v>1E999999</v></c></row>'
    lines = list(open_table(patched(path, {"xl/worksheets/sheet1.xml": SHEET.format(odd).encode()}), heading).lines())
    assert lines[0].number == 1 and lines[0].cells == ["", ""]


cell = st.one_of(st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff\ufffe\uffff"), max_size=20).filter(lambda t: t.strip()),
                 st.integers(-10**14, 10**14))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(cell, min_size=1, max_size=6), min_size=1, max_size=6))
def test_what_we_read_is_what_an_independent_reader_reads(table):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}) as made:
        sheet = made.add_worksheet()
        for number, line in enumerate(table):
            for column, value in enumerate(line):
                (sheet.write_number if isinstance(value, int) else sheet.write_string)(number, column, value)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.xlsx"
        path.write_bytes(out.getvalue())
        ours = [line.cells for line in open_table(path, heading).lines()]
        theirs = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    plain = [["" if value == "" else str(int(value)) if isinstance(value, float) else str(value) for value in line] for line in theirs]
    width = max(len(line) for line in plain)
    assert [line + [""] * (width - len(line)) for line in ours] == plain
