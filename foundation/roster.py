"""The roster: a table of people as a personnel department keeps it, read row by row with every complaint located.

What a file can be blamed for by itself is found here; what needs the database (cohorts, mentors, logins already taken)
is found by whoever compares the rows with it. An employee number is text throughout: 007 is not 7.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xlsxwriter

from foundation.accounts import fold_login
from foundation.exports import neutral
from foundation.i18n import gettext as _
from foundation.permissions import Role
from foundation.sheets import Line, Table, Unreadable, open_table

MAX_ROWS = 100_000
FIELDS = ("employee_no", "name", "email", "mobile", "org_unit", "position", "role", "cohort", "mentor_employee_no", "login")
REQUIRED = ("employee_no", "name")
LIMITS = {"employee_no": 40, "name": 80, "email": 254, "mobile": 40, "org_unit": 120, "position": 80, "role": 120, "cohort": 120,
          "mentor_employee_no": 40, "login": 100}
_IDENTIFIERS = ("employee_no", "mentor_employee_no", "login")

_HEADINGS = {
    "employee_no": "employee_no 工号 employeeno employeenumber employeeid staffno staffnumber staffid 员工号 员工编号 员工工号 职工号 人员编号",
    "name": "name 姓名 fullname 员工姓名 学员姓名",
    "email": "email 邮箱 e-mail mail 电子邮箱 电子邮件 邮件 邮箱地址",
    "mobile": "mobile 手机 mobilephone phone 手机号 手机号码 电话 联系电话",
    "org_unit": "org_unit 机构 orgunit unit branch department 所属机构 机构名称 部门 支行 单位",
    "position": "position 岗位 post jobtitle 职位 职务 岗位名称",
    "role": "role 角色 roles 系统角色",
    "cohort": "cohort 班次 班级 培训班 class",
    "mentor_employee_no": "mentor_employee_no 导师工号 mentor mentorno mentoremployeeno mentoremployeenumber 师傅工号 带教导师工号",
    "login": "login 登录名 loginname username 用户名 账号 登录账号",
}
_ROLES = {
    Role.TRAINEE: "trainee 学员 参训学员 受训人",
    Role.TRAINER: "trainer 讲师 培训师 培训讲师 教员",
    Role.MENTOR: "mentor 导师 带教导师 师傅",
    Role.REVIEWER: "reviewer 培训部 trainingdepartment 复核人 评审 审核人",
    Role.HR: "hr 人力资源 人力资源部 人事 humanresources",
    Role.ADMIN: "admin 管理员 administrator 系统管理员",
}


def _key(text: str) -> str:
    """How a heading or a role is compared: width and case folded, without blanks, stars and bracketed remarks."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = re.sub(r"\([^)]*\)|\[[^]]*\]|【[^】]*】", "", folded)
    return re.sub(r"[\s_*.:'’\u200b\ufeff-]", "", folded)


_FIELD_OF = {_key(word): name for name, words in _HEADINGS.items() for word in words.split()}
_ROLE_OF = {_key(word): role for role, words in _ROLES.items() for word in words.split()}


def field_of(heading: str) -> str:
    """The field a heading stands for, '' where none: 工号, “ 工 号* ”, Employee No. and “employee_no 工号” are one."""
    whole = _FIELD_OF.get(_key(heading[:200]), "")
    if whole:
        return whole
    parts = {_FIELD_OF.get(_key(part), "") for part in re.split(r"[\s/|（()）,，]+", heading[:200]) if part}
    return parts.pop() if len(parts) == 1 else ""


# ── complaints ───────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint: `row` as the spreadsheet counts (0: the whole file), `column` a field's key or '', `code` what is
    wrong, `values` what the wording needs. An error keeps the file out; a warning does not."""

    row: int
    column: str
    code: str
    values: tuple[Any, ...] = ()
    is_error: bool = True

    def message(self) -> str:
        """The complaint in the reader's language."""
        return wording(self.code, self.values)


def wording(code: str, values: tuple[Any, ...]) -> str:
    """The text of a complaint. `values` are shown as text; whoever prints them escapes them."""
    v = (*values, "", "", "", "")
    texts = {
        "empty": lambda: _("The file is empty."),
        "old_excel": lambda: _("This is an old Excel file (.xls) or one with a password. Save it as .xlsx without a password, or as CSV."),
        "not_a_table": lambda: _("This is neither CSV nor XLSX. Save the table in one of the two."),
        "damaged": lambda: _("The workbook is damaged and cannot be read to its end. Open it, save it again, and send the new file."),
        "too_large_inside": lambda: _("The workbook unpacks to far more than a roster can hold. It was not read."),
        "no_sheet": lambda: _("The workbook has no visible sheet."),
        "encoding": lambda: _("From this line on the text is neither UTF-8 nor GB18030. Save the file as UTF-8."),
        "quote": lambda: _("A quotation mark opens here and is not closed, or one cell holds over a million characters."),
        "too_many_rows": lambda: _("More than %(limit)s rows. Split the file.", limit=f"{MAX_ROWS:,}"),
        "no_heading": lambda: _("No heading row: the first rows need %(number)s and %(name)s. Found: %(found)s",
                               number="工号 (employee_no)", name="姓名 (name)", found=v[0] or "—"),
        "no_rows": lambda: _("There are headings but no people under them."),
        "heading_twice": lambda: _("Two columns are headed “%(heading)s”. Keep one.", heading=v[0]),
        "heading_unknown": lambda: _("The column “%(heading)s” is not used.", heading=v[0]),
        "other_sheets": lambda: _("Only the first sheet is read. Not read: %(names)s", names=v[0]),
        "required": lambda: _("This cell is empty and has to be filled."),
        "too_long": lambda: _("%(length)s characters; at most %(limit)s fit. It begins: %(start)s", length=v[0], limit=v[1], start=v[2]),
        "characters": lambda: _("Holds invisible control characters. Type the text anew."),
        "fault": lambda: _("Holds the spreadsheet's error value %(value)s.", value=v[0]),
        "rounded": lambda: _("A number of more than 15 digits: the spreadsheet has rounded it (%(value)s). Format the column as text and type it anew.",
                             value=v[0]),
        "formula": lambda: _("A formula; its value “%(value)s” is taken as text.", value=v[0]),
        "looks_like_formula": lambda: _("“%(value)s” begins like a formula; it is taken as text.", value=v[0]),
        "padded": lambda: _("Shown as %(value)s by its format only; taken as “%(value)s”.", value=v[0]),
        "email": lambda: _("“%(value)s” is not an e-mail address.", value=v[0]),
        "mobile": lambda: _("“%(value)s” is not a telephone number.", value=v[0]),
        "login_blank": lambda: _("A login has no blanks in it."),
        "role": lambda: _("“%(value)s” is not a role. Known are: %(known)s", value=v[0],
                          known="trainee 学员, trainer 培训师, mentor 导师, reviewer 培训部, hr 人力资源, admin 管理员"),
        "number_twice": lambda: _("Employee number %(value)s stands in rows %(first)s and %(second)s.", value=v[0], first=v[1], second=v[2]),
        "login_twice": lambda: _("The login “%(value)s” stands in rows %(first)s and %(second)s.", value=v[0], first=v[1], second=v[2]),
        "login_taken": lambda: _("The login “%(value)s” belongs to employee number %(holder)s.", value=v[0], holder=v[1]),
        "zeros": lambda: _("%(first_no)s (row %(first)s) and %(second_no)s (row %(second)s) differ in leading zeros only: they become two persons.",
                           first_no=v[0], first=v[1], second_no=v[2], second=v[3]),
        "zeros_known": lambda: _("%(value)s differs from %(known)s (%(name)s), who is on record, in leading zeros only: this becomes a second person.",
                                 value=v[0], known=v[1], name=v[2]),
        "demo_person": lambda: _("Employee number %(value)s belongs to an invented person of the demonstration; that person would be changed.", value=v[0]),
        "mentor_self": lambda: _("Nobody is their own mentor."),
        "mentor_unknown": lambda: _("Employee number %(value)s is neither in this file nor on record.", value=v[0]),
        "mentor_without_cohort": lambda: _("A mentor belongs to a trainee in a cohort; without one the mentor is not used."),
        "cohort_unknown": lambda: _("There is no cohort “%(value)s”. Open it on the cohorts page first.", value=v[0]),
        "cohort_ambiguous": lambda: _("Several cohorts are called “%(value)s”. Write the cohort's key.", value=v[0]),
        "cohort_over": lambda: _("The cohort “%(value)s” ended on %(day)s.", value=v[0], day=v[1]),
        "cohort_unused": lambda: _("A cohort is not used for this role."),
        "trainer_without_cohort": lambda: _("A trainer teaches a cohort; without one the person is added but gets no trainer's role."),
        "seats": lambda: _("The cohort “%(value)s” has %(seats)s seats; this row would need number %(number)s.", value=v[0], seats=v[1], number=v[2]),
        "wide_role": lambda: _("Gives the administrator's role: all people, cohorts and the audit trail."),
    }
    return texts[code]()


def column_name(key: str) -> str:
    """A column as readers call it."""
    return {
        "": "", "employee_no": _("Employee number"), "name": _("Name"), "email": _("E-mail"), "mobile": _("Mobile"), "org_unit": _("Org unit"),
        "position": _("Position"), "role": _("Role"), "cohort": _("Cohort"), "mentor_employee_no": _("Mentor's employee number"), "login": _("Login"),
    }[key]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Row:
    """One person as the file tells of them. An empty text means “not told”: what is on record stays."""

    number: int
    employee_no: str
    name: str
    email: str = ""
    mobile: str = ""
    org_unit: str = ""
    position: str = ""
    roles: tuple[str, ...] = (Role.TRAINEE.value,)
    cohort: str = ""
    mentor_employee_no: str = ""
    login: str = ""

@dataclass
class Roster:
    """An opened roster: which column holds which field, and complaints about the file as a whole."""

    table: Table
    heading_row: int
    columns: dict[str, int]
    problems: list[Problem] = field(default_factory=list)

    def letter(self, key: str) -> str:
        """The spreadsheet's letter of a field's column, '' where the file has none."""
        index = self.columns.get(key)
        if index is None:
            return ""
        return (chr(64 + index // 26) if index >= 26 else "") + chr(65 + index % 26)


def _is_heading(cells: Sequence[str]) -> bool:
    found = {field_of(cell) for cell in cells}
    return all(name in found for name in REQUIRED)


def open_roster(path: Path) -> Roster:
    """Open a file and find its headings within the first twenty lines. Raises Unreadable; a file without headings is
    returned with that complaint and no columns."""
    table = open_table(path, _is_heading)
    seen: list[str] = []
    for line in table.lines():
        if line.number > 20:
            break
        if _is_heading(line.cells):
            return _with_columns(table, line)
        if not line.is_blank() and not seen:
            seen = [cell.strip()[:30] for cell in line.cells if cell.strip()][:8]
    return Roster(table, 0, {}, [Problem(0, "", "no_heading" if seen else "empty", (" · ".join(seen),))])


def _with_columns(table: Table, line: Line) -> Roster:
    roster = Roster(table, line.number, {})
    if table.unread_sheets:
        roster.problems.append(Problem(0, "", "other_sheets", (" · ".join(table.unread_sheets),), is_error=False))
    for index, heading in enumerate(line.cells):
        name = field_of(heading)
        if name and name not in roster.columns:
            roster.columns[name] = index
        elif name:
            roster.problems.append(Problem(line.number, name, "heading_twice", (heading.strip()[:40],)))
        elif heading.strip():
            roster.problems.append(Problem(line.number, "", "heading_unknown", (heading.strip()[:40],), is_error=False))
    return roster


def _clean(text: str) -> str:
    """One line of text: NFC, blanks and line breaks to single blanks, invisible marks at the ends gone."""
    text = unicodedata.normalize("NFC", text)
    return " ".join(text.replace("\ufeff", "").replace("\u200b", "").split())


def _has_control(text: str) -> bool:
    return any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn") and character not in "\u200c\u200d" for character in text)


EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\".]+(\.[^@\s,;<>\".]+)+")
MOBILE = re.compile(r"\+?[0-9][0-9 ()/-]{2,38}")


class FileCheck:
    """Walks over a roster's rows and finds what the file itself shows: shape, roles, duplicates within the file.

    Kept for each row of up to MAX_ROWS: its number and login and where they stand, nothing more.
    """

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.rows = 0
        self.numbers: dict[str, int] = {}
        self._bare: dict[str, str] = {}
        self._logins: dict[str, int] = {}

    def walk(self) -> Iterator[tuple[Row | None, list[Problem]]]:
        """Each row with its complaints; None where the complaint is about no row. Raises Unreadable where the file breaks off."""
        if not self.roster.columns:
            return
        for line in self.roster.table.lines():
            if line.number <= self.roster.heading_row or line.is_blank():
                continue
            self.rows += 1
            if self.rows > MAX_ROWS:
                yield None, [Problem(line.number, "", "too_many_rows")]
                return
            problems: list[Problem] = []
            row = self._row(line, problems)
            yield row, problems
        if not self.rows:
            yield None, [Problem(0, "", "no_rows")]

    def _cell(self, line: Line, name: str, problems: list[Problem]) -> str:
        index = self.roster.columns.get(name)
        if index is None or index >= len(line.cells):
            return ""
        raw, remark = line.cells[index], line.remarks.get(index, "")
        if len(raw) > 4 * LIMITS[name] + 1000:
            problems.append(Problem(line.number, name, "too_long", (len(raw), LIMITS[name], _clean(raw[:100])[:24])))
            return ""
        text = _clean(raw)
        if name in _IDENTIFIERS:
            text = unicodedata.normalize("NFKC", text).strip()
        if text[:1] == "'" and neutral(text[1:]) != text[1:]:
            text = text[1:]
        if len(text) > LIMITS[name]:
            problems.append(Problem(line.number, name, "too_long", (len(text), LIMITS[name], text[:24])))
        elif text and remark == "fault":
            problems.append(Problem(line.number, name, "fault", (text[:20],)))
        elif _has_control(text):
            problems.append(Problem(line.number, name, "characters"))
        elif remark == "rounded" and (name in _IDENTIFIERS or name == "mobile"):
            problems.append(Problem(line.number, name, "rounded", (text[:40],)))
        elif text and remark == "formula":
            problems.append(Problem(line.number, name, "formula", (text[:40],), is_error=False))
        elif remark == "padded":
            problems.append(Problem(line.number, name, "padded", (text,), is_error=False))
        elif text and name != "mobile" and neutral(text) != text:
            problems.append(Problem(line.number, name, "looks_like_formula", (text[:40],), is_error=False))
        return text[:LIMITS[name]]

    def _row(self, line: Line, problems: list[Problem]) -> Row:
        cell = {name: self._cell(line, name, problems) for name in FIELDS}
        told = {problem.column for problem in problems if problem.is_error}
        at = line.number
        for name in REQUIRED:
            if not cell[name] and name not in told:
                problems.append(Problem(at, name, "required"))
        if cell["email"] and "email" not in told and not EMAIL.fullmatch(cell["email"]):
            problems.append(Problem(at, "email", "email", (cell["email"][:60],)))
        if cell["mobile"] and "mobile" not in told and not MOBILE.fullmatch(cell["mobile"]):
            problems.append(Problem(at, "mobile", "mobile", (cell["mobile"],)))
        if " " in cell["login"]:
            problems.append(Problem(at, "login", "login_blank"))
        roles = self._roles(cell["role"], at, problems)
        if cell["employee_no"] and "employee_no" not in told:
            self._note_number(cell["employee_no"], at, problems)
            self._note_login(cell["login"] or cell["employee_no"], "login" if cell["login"] else "employee_no", at, problems)
        if cell["mentor_employee_no"] and cell["mentor_employee_no"] == cell["employee_no"]:
            problems.append(Problem(at, "mentor_employee_no", "mentor_self"))
        return Row(at, cell["employee_no"], cell["name"], cell["email"], cell["mobile"], cell["org_unit"], cell["position"], roles, cell["cohort"],
                   cell["mentor_employee_no"], cell["login"])

    def _roles(self, text: str, at: int, problems: list[Problem]) -> tuple[str, ...]:
        found: list[str] = []
        for part in re.split(r"[;；、,，/|+]+", text):
            if not part.strip():
                continue
            role = _ROLE_OF.get(_key(part))
            if role is None:
                problems.append(Problem(at, "role", "role", (part.strip()[:40],)))
            elif role.value not in found:
                found.append(role.value)
        return tuple(found) or (Role.TRAINEE.value,)

    def _note_number(self, number: str, at: int, problems: list[Problem]) -> None:
        if number in self.numbers:
            problems.append(Problem(at, "employee_no", "number_twice", (number, self.numbers[number], at)))
            return
        self.numbers[number] = at
        if number.isascii() and number.isdigit():
            bare = number.lstrip("0") or "0"
            first = self._bare.setdefault(bare, number)
            if first != number:
                problems.append(Problem(at, "employee_no", "zeros", (first, self.numbers[first], number, at), is_error=False))

    def _note_login(self, login: str, column: str, at: int, problems: list[Problem]) -> None:
        folded = fold_login(login)
        first = self._logins.setdefault(folded, at)
        if first != at and not any(problem.code == "number_twice" for problem in problems):
            problems.append(Problem(at, column, "login_twice", (folded, first, at)))


def blank_roster(language: str) -> bytes:
    """An empty workbook with the headings, its columns formatted as text so that 007 stays 007."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("花名册" if language == "zh" else "Roster")
    as_text = book.add_format({"num_format": "@"})
    head = book.add_format({"bold": True, "bottom": 1, "num_format": "@"})
    for index, name in enumerate(FIELDS):
        sheet.set_column(index, index, 20, as_text)
        sheet.write_string(0, index, _HEADINGS[name].split()[1 if language == "zh" else 0], head)
    sheet.freeze_panes(1, 0)
    book.close()
    return out.getvalue()


__all__ = ["FIELDS", "FileCheck", "Problem", "Roster", "Row", "Unreadable", "blank_roster", "column_name", "field_of", "open_roster", "wording"]
