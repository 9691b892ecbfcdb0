"""Tables that come into the house: CSV in the encodings Chinese offices use, and XLSX, read as a stream of lines.

XLSX is read straight from its XML instead of through a spreadsheet library. Libraries hand out a formula's value without
saying that it was a formula, allocate the whole rectangle that a sheet claims to have (two cells a million rows apart are
enough to end the process), and copy a shared text into every cell that points at it. Here memory holds the shared texts,
within a limit, and one piece of the sheet.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from xml.parsers import expat

MAX_COLUMNS = 120
MAX_CELL = 1024 * 1024          # characters of one cell; beyond, the file is taken for broken
MAX_INSIDE = 256 * 1024 * 1024  # bytes an XLSX may unpack to
MAX_RATIO = 100                 # how much smaller than its content an XLSX of over 16 MB content may be
MAX_TEXTS = 1_000_000           # shared texts of a workbook
MAX_TEXT_VOLUME = 64 * 1024 * 1024
BLOCK = 64 * 1024
EXACT_DIGITS = 15               # a spreadsheet's number keeps no more
csv.field_size_limit(MAX_CELL)


class Unreadable(Exception):
    """The file is not a table we can read. `reason` is one of: empty, old_excel, not_a_table, damaged, too_large_inside,
    no_sheet, encoding, quote; `row` is where it broke, 0 where that means nothing."""

    def __init__(self, reason: str, row: int = 0) -> None:
        super().__init__(f"{reason} at row {row}" if row else reason)
        self.reason = reason
        self.row = row


@dataclass(slots=True)
class Line:
    """One line of a table. `number` counts from 1 as the spreadsheet shows it; `remarks` tells of cells (column from 0)
    that were not plain text: formula, rounded (a number of more than 15 digits), padded (shown with leading zeros by its
    format), fault (#N/A and its kind)."""

    number: int
    cells: list[str]
    remarks: dict[int, str] = field(default_factory=dict)

    def is_blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)


@dataclass
class Table:
    """An opened file: `kind` csv or xlsx, how it was decoded, the names of sheets that are not read, and its lines."""

    kind: str
    encoding: str
    delimiter: str
    unread_sheets: tuple[str, ...]
    lines: Callable[[], Iterator[Line]]


def open_table(path: Path, is_heading: Callable[[Sequence[str]], bool]) -> Table:
    """Find out what kind of table a file holds. `is_heading` decides between delimiters. Raises Unreadable."""
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise Unreadable("empty")
    if start.startswith(b"PK"):
        return _open_xlsx(path)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("old_excel")
    encoding = _encoding(path, start)
    for delimiter in (",", ";", "\t", "，"):
        for index, line in enumerate(_csv_lines(path, encoding, delimiter)):
            if is_heading(line.cells):
                return Table("csv", encoding, delimiter, (), lambda: _csv_lines(path, encoding, delimiter))  # noqa: B023 - returned at once
            if index >= 20:
                break
    if encoding == "gb18030" and (row := _half_utf8(path, is_heading)):
        raise Unreadable("encoding", row)
    return Table("csv", encoding, ",", (), lambda: _csv_lines(path, encoding, ","))


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _encoding(path: Path, start: bytes) -> str:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\x00" in start:
        low, high = start[0::2].count(0), start[1::2].count(0)  # in UTF-16 the zeros stand beside digits and commas
        if high > 8 * low:
            return "utf-16-le"
        if low > 8 * high:
            return "utf-16-be"
        raise Unreadable("not_a_table")
    if start.startswith((b"%PDF", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf", b"{\\rtf", b"\x1f\x8b")):
        raise Unreadable("not_a_table")
    broken_at = _first_undecodable(path, "utf-8")
    if broken_at == 0:
        return "utf-8-sig"
    if _first_undecodable(path, "gb18030") == 0:
        return "gb18030"
    raise Unreadable("encoding", broken_at)


def _first_undecodable(path: Path, encoding: str) -> int:
    """The line (from 1) that does not decode, 0 where all do."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with path.open("rb") as file:
        while True:
            block = file.read(BLOCK)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as fault:
                return line + fault.object[:fault.start].count(b"\n")
            if not block:
                return 0
            line += block.count(b"\n")


def _half_utf8(path: Path, is_heading: Callable[[Sequence[str]], bool]) -> int:
    """The first bad line of a file whose headings are UTF-8 and whose rest is not wholly; 0 where that is not the case."""
    with path.open("rb") as file:
        head = file.read(BLOCK).decode("utf-8-sig", errors="replace")
    for delimiter in (",", ";", "\t"):
        if any(is_heading(cells) for cells in csv.reader(io.StringIO(head[:BLOCK // 2]), delimiter=delimiter)):
            return _first_undecodable(path, "utf-8")
    return 0


_WRAPPED = re.compile(r'=\s*"([^"]*)"')


def _csv_lines(path: Path, encoding: str, delimiter: str) -> Iterator[Line]:
    number = 0
    with path.open(encoding=encoding, errors="strict", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        while True:
            number += 1
            try:
                cells = next(reader)[:MAX_COLUMNS]
            except StopIteration:
                return
            except csv.Error:
                raise Unreadable("quote", number) from None
            except UnicodeDecodeError:
                raise Unreadable("encoding", number) from None
            remarks = {}
            for column, cell in enumerate(cells):
                if cell.startswith("=") and (wrapped := _WRAPPED.fullmatch(cell)):  # ="007": how spreadsheets keep zeros in CSV
                    cells[column] = wrapped[1]
                    remarks[column] = "formula"
            yield Line(number, cells, remarks)


# ── XLSX ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _open_xlsx(path: Path) -> Table:
    try:
        with zipfile.ZipFile(path) as book:
            members = book.infolist()
            inside = sum(member.file_size for member in members)
            packed = max(1, sum(member.compress_size for member in members))
            if len(members) > 5000 or inside > MAX_INSIDE or (inside > 16 * 1024 * 1024 and inside / packed > MAX_RATIO):
                raise Unreadable("too_large_inside")
            if any(member.flag_bits & 1 for member in members):
                raise Unreadable("old_excel")
            sheet, others = _sheets(book)
            texts = _shared_texts(book)
            widths = _zero_formats(book)
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, NotImplementedError, EOFError, OSError):
        raise Unreadable("damaged") from None
    return Table("xlsx", "", "", others, lambda: _xlsx_lines(path, sheet, texts, widths))


def _local(name: str) -> str:
    return name.rsplit(" ", 1)[-1]


def _parser(start: Callable[[str, dict[str, str]], None], end: Callable[[str], None] | None = None,
            text: Callable[[str], None] | None = None) -> Any:
    """An expat parser that hands out local names and refuses document types, the carrier of entity bombs."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def no_doctype(*_rest: Any) -> None:
        raise Unreadable("damaged")

    parser.StartDoctypeDeclHandler = no_doctype
    parser.StartElementHandler = lambda name, attributes: start(_local(name), attributes)
    if end:
        parser.EndElementHandler = lambda name: end(_local(name))
    if text:
        parser.CharacterDataHandler = text
    return parser


def _parse(book: zipfile.ZipFile, member: str, parser: Any) -> None:
    with book.open(member) as file:
        while block := file.read(BLOCK):
            parser.Parse(block, False)
    parser.Parse(b"", True)


def _attribute(attributes: dict[str, str], local: str) -> str:
    return next((value for name, value in attributes.items() if _local(name) == local), "")


def _sheets(book: zipfile.ZipFile) -> tuple[str, tuple[str, ...]]:
    """The member that holds the first visible worksheet, and the names of the other sheets."""
    names = set(book.namelist())
    if "xl/workbook.xml" not in names:
        raise Unreadable("not_a_table")
    found: list[tuple[str, str, str]] = []
    targets: dict[str, str] = {}

    def sheet(name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith("relationships id")), "")
            found.append((attributes.get("name", ""), attributes.get("state", "visible"), relation))

    def relation(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            target = attributes.get("Target", "")
            targets[attributes.get("Id", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target.removeprefix('./')}"

    _parse(book, "xl/workbook.xml", _parser(sheet))
    if "xl/_rels/workbook.xml.rels" in names:
        _parse(book, "xl/_rels/workbook.xml.rels", _parser(relation))
    for index, (_name, state, relation_id) in enumerate(found):
        if state == "visible" and targets.get(relation_id) in names:
            others = tuple(name[:31] for other, (name, state_, _id) in enumerate(found) if other != index and state_ == "visible")
            return targets[relation_id], others[:20]
    raise Unreadable("no_sheet")


_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _shared_texts(book: zipfile.ZipFile) -> list[str]:
    """The workbook's shared texts; reading aids over the characters (phonetic runs) are left out."""
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    texts: list[str] = []
    parts: list[str] = []
    state = {"in_text": False, "in_phonetic": False, "volume": 0}

    def start(name: str, _attributes: dict[str, str]) -> None:
        if name == "si":
            parts.clear()
        elif name == "rPh":
            state["in_phonetic"] = True
        elif name == "t":
            state["in_text"] = not state["in_phonetic"]

    def end(name: str) -> None:
        if name == "t":
            state["in_text"] = False
        elif name == "rPh":
            state["in_phonetic"] = False
        elif name == "si":
            texts.append(_unescape("".join(parts)))
            if len(texts) > MAX_TEXTS:
                raise Unreadable("too_large_inside")

    def data(text: str) -> None:
        if state["in_text"]:
            state["volume"] += len(text)
            if state["volume"] > MAX_TEXT_VOLUME:
                raise Unreadable("too_large_inside")
            parts.append(text)

    _parse(book, "xl/sharedStrings.xml", _parser(start, end, data))
    return texts


def _zero_formats(book: zipfile.ZipFile) -> list[int]:
    """For every cell format, how many digits it shows where it consists of zeros alone ("00000": 5), else 0."""
    if "xl/styles.xml" not in book.namelist():
        return []
    codes: dict[str, str] = {}
    widths: list[int] = []
    state = {"in_formats": False}

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            state["in_formats"] = True
        elif name == "xf" and state["in_formats"] and len(widths) < 100_000:
            code = codes.get(attributes.get("numFmtId", ""), "").split(";")[0].strip('"')
            widths.append(len(code) if re.fullmatch("0{2,40}", code) else 0)

    def end(name: str) -> None:
        if name == "cellXfs":
            state["in_formats"] = False

    _parse(book, "xl/styles.xml", _parser(start, end))
    return widths


def _column_of(reference: str) -> int:
    """'AB12' → 27; -1 where it is not a reference."""
    column = 0
    for character in reference:
        if "A" <= character <= "Z":
            column = column * 26 + ord(character) - 64
            if column > 20_000:
                return MAX_COLUMNS
        else:
            break
    return column - 1


def _number_text(raw: str, width: int) -> tuple[str, str]:
    """The text of a numeric cell and a remark: 7.0 is '7', a number shown as 007 by its format is '007'."""
    try:
        value = Decimal(raw)
    except InvalidOperation:
        return raw, ""
    if not value.is_finite() or not -30 < value.adjusted() < 30:
        return raw, "rounded"
    if value == value.to_integral_value():
        digits = str(int(value))
        if len(digits.lstrip("-")) > EXACT_DIGITS:
            return digits, "rounded"
        if width > len(digits) and value >= 0:
            return digits.zfill(width), "padded"
        return digits, ""
    return format(value, "f"), ""


class _SheetReader:
    """Collects the cells of one sheet line by line as expat walks over it."""

    def __init__(self, texts: list[str], widths: list[int]) -> None:
        self.texts, self.widths = texts, widths
        self.ready: list[Line] = []
        self.line: Line | None = None
        self.row = 0
        self.column = -1
        self.kind = ""
        self.style = 0
        self.parts: list[str] = []
        self.length = 0
        self.collects = self.phonetic = self.formula = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            column = _column_of(attributes.get("r", ""))
            self.column = column if column >= 0 else self.column + 1
            self.kind = attributes.get("t", "n")
            style = attributes.get("s", "0")
            self.style = int(style) if style.isdigit() and len(style) < 7 else 0
            self.parts.clear()
            self.length, self.formula = 0, False
        elif name in ("v", "t"):
            self.collects = not self.phonetic
        elif name == "f":
            self.formula = True
        elif name == "rPh":
            self.phonetic = True
        elif name == "row":
            told = attributes.get("r", "")
            self.row = int(told) if told.isdigit() and len(told) < 9 else self.row + 1
            self.column = -1
            self.line = Line(self.row, [])

    def text(self, data: str) -> None:
        if self.collects:
            self.length += len(data)
            if self.length > MAX_CELL:
                raise Unreadable("quote", self.row)
            self.parts.append(data)

    def end(self, name: str) -> None:
        if name in ("v", "t"):
            self.collects = False
        elif name == "rPh":
            self.phonetic = False
        elif name == "c":
            if self.line is not None and 0 <= self.column < MAX_COLUMNS:
                self._keep(self.line)
        elif name == "row" and self.line is not None:
            self.ready.append(self.line)
            self.line = None

    def _keep(self, line: Line) -> None:
        raw, remark = "".join(self.parts), ""
        if self.kind == "s":
            raw = self.texts[int(raw)] if raw.isdigit() and len(raw) < 9 and int(raw) < len(self.texts) else ""
        elif self.kind == "n" and raw:
            raw, remark = _number_text(raw, self.widths[self.style] if self.style < len(self.widths) else 0)
        elif self.kind == "b":
            raw = "TRUE" if raw == "1" else "FALSE"
        elif self.kind == "e":
            remark = "fault"
        else:
            raw = _unescape(raw)
        if self.formula and remark != "fault":
            remark = "formula"
        if len(line.cells) <= self.column:
            line.cells.extend([""] * (self.column + 1 - len(line.cells)))
        line.cells[self.column] = raw
        if remark:
            line.remarks[self.column] = remark


def _xlsx_lines(path: Path, sheet: str, texts: list[str], widths: list[int]) -> Iterator[Line]:
    reader = _SheetReader(texts, widths)
    parser = _parser(reader.start, reader.end, reader.text)
    try:
        with zipfile.ZipFile(path) as book, book.open(sheet) as file:
            while block := file.read(BLOCK):
                parser.Parse(block, False)
                if reader.ready:
                    done, reader.ready = reader.ready, []
                    yield from done
            parser.Parse(b"", True)
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError):
        raise Unreadable("damaged", reader.row) from None
    yield from reader.ready
