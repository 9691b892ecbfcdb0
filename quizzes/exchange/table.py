"""Items as a table, one row each: CSV and XLSX, headings in Chinese or English. What a trainer types in a spreadsheet.

`answer` says which options are right (`A`, `A C`), 对 or 错, or the number; gaps stand in the text with what they accept,
`[[期限|投资期限]]`; a pair to match is one option cell, `left => right`, a spare `=> right`; options of an ordering stand in the
right order. `more` holds, in our own exports, what a table has no column for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from foundation.exports import RISKY, Column, to_csv, to_xlsx
from foundation.sheets import Line, Unreadable, open_table
from quizzes.exchange.kinds import as_number
from quizzes.exchange.question import MAX_FILE, MAX_QUESTIONS, Answer, Gap, NotReadable, Question, Remark, Text, is_clean, meta_line, take_meta, take_tag

LETTERS = "abcdefghij"
LONGEST_CELL = 32_767
LANGUAGES = ("zh", "en")
NAMES = {"zh": "（中文）", "en": "（英文）"}
KINDS = {"single": "single 单选 单选题 singlechoice", "multiple": "multiple 多选 多选题 multiplechoice",
         "true_false": "true_false 判断 判断题 truefalse", "numeric": "numeric 计算 计算题 数值 numerical",
         "cloze": "cloze 填空 填空题 gaps", "matching": "matching 匹配 匹配题 配对",
         "ordering": "ordering 排序 排序题",
         "short_answer": "short_answer 简答 简答题 shortanswer", "essay": "essay 论述 论述题", "set": "set 题组 材料题 itemset"}
KIND_WORDS = {"single": "单选", "multiple": "多选", "true_false": "判断", "numeric": "计算", "cloze": "填空", "matching": "匹配", "ordering": "排序",
              "short_answer": "简答", "essay": "论述", "set": "题组"}
_PLAIN = {"key": "编号 试题编号 题号 id", "kind": "题型 试题类型 type", "content_area": "内容领域 题库分类 分类 category", "objective": "培训目标 目标",
          "bloom": "认知层次 层次 level", "difficulty": "预期得分率 难度 expected_fraction", "usage": "用途", "answer": "答案 正确答案 key_answer correct",
          "tolerance": "允许误差 误差", "tags": "标签", "set": "所属题组 题组编号", "source": "来源", "more": "附加信息"}
_SAID = {"stem": "题干 题目 question", "text": "填空文本 带空文本 cloze_text", "unit": "单位", "feedback": "总解析 解析 答案解析 general_feedback",
         "option": "选项", "feedback_of": "解析", "misconception": "错因"}
BLOOM = {"remember": "记忆", "understand": "理解", "apply": "应用", "analyse": "分析", "evaluate": "评价", "create": "创造"}
USAGE = {"practice": "练习", "exam": "考试", "both": "均可 练习和考试"}


def _fold(text: str) -> str:
    return re.sub(r"[\s_*.:：'’\u200b\ufeff()（）-]", "", unicodedata.normalize("NFKC", text).casefold())


def columns() -> list[str]:
    """Every column of the template, in order."""
    found = ["key", "kind", "content_area", "objective", "bloom", "difficulty", "usage", "stem_zh", "stem_en", "text_zh", "text_en"]
    for letter in LETTERS[:6]:
        found += [f"{name}_{letter}_{language}" for name in ("option", "feedback", "misconception") for language in LANGUAGES]
    return [*found, "answer", "tolerance", "unit_zh", "unit_en", "feedback_zh", "feedback_en", "tags", "set", "source", "more"]


def heading(column: str, language: str) -> str:
    """What a column is called in the template."""
    if language == "en":
        return column
    if column in _PLAIN:
        return _PLAIN[column].split()[0]
    parts = column.split("_")
    if len(parts) == 3:
        name = {"option": f"选项{parts[1].upper()}", "feedback": f"选项{parts[1].upper()}解析", "misconception": f"选项{parts[1].upper()}错因"}[parts[0]]
        return name + NAMES[parts[2]]
    return _SAID[parts[0]].split()[0] + NAMES[parts[1]]


def _headings() -> dict[str, str]:
    """Folded heading → column, in every spelling that is understood."""
    known: dict[str, str] = {}
    for column, names in _PLAIN.items():
        for spelling in [column, *names.split()]:
            known[_fold(spelling)] = column
    endings: dict[str, tuple[str, ...]] = {"zh": ("zh", "中文", "中", "chinese", ""), "en": ("en", "英文", "英", "english")}
    for language, ways in endings.items():
        for ending in ways:
            for column in ("stem", "text", "unit", "feedback"):
                for spelling in (column, *_SAID[column].split()):
                    known.setdefault(_fold(spelling + ending), f"{column}_{language}")
            for letter in LETTERS:
                for name, spellings in (("option", (f"option{letter}", f"选项{letter}", letter)),
                                        ("feedback", (f"feedback{letter}", f"选项{letter}解析", f"解析{letter}", f"选项{letter}反馈")),
                                        ("misconception", (f"misconception{letter}", f"选项{letter}错因", f"错因{letter}"))):
                    for spelling in spellings:
                        known.setdefault(_fold(spelling + ending), f"{name}_{letter}_{language}")
    return known


HEADINGS = _headings()


def _is_heading(cells: Sequence[str]) -> bool:
    found = {HEADINGS.get(_fold(cell)) for cell in cells}
    return bool({"stem_zh", "stem_en"} & found) and bool({"kind", "answer"} & found)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────
class _Row:
    """One row: its cells by column."""

    def __init__(self, line: Line, places: dict[str, int], is_csv: bool) -> None:
        self.number = line.number
        self.cells = {}
        for column, place in places.items():
            told = line.cells[place].strip().replace("\r\n", "\n") if place < len(line.cells) else ""
            if is_csv and told[:1] == "'" and told[1:2] and unicodedata.normalize("NFKC", told[1:2]).startswith(RISKY):
                told = told[1:]
            self.cells[column] = told
        self.remarks = {column: line.remarks[place] for column, place in places.items() if place in line.remarks}

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def both(self, name: str) -> Text:
        return {language: _lines(told) for language in LANGUAGES if (told := self[f"{name}_{language}"])}


def _lines(told: str) -> str:
    """A line break typed in a cell is a line break of the text."""
    return re.sub(r"\\?\n", "\\\\\n", told)


def read(path: Path) -> tuple[list[Question], list[Remark]]:
    """Every row of a table as a question; what could not be read stands in the remarks, with its row. Raises NotReadable."""
    if path.stat().st_size > MAX_FILE:
        raise NotReadable("too_large", 0, f"{MAX_FILE // 1024 // 1024}")
    try:
        table = open_table(path, _is_heading)
        return _rows(table.lines(), table.kind == "csv")
    except Unreadable as fault:
        raise NotReadable(f"table_{fault.reason}", fault.row) from None


def is_table(path: Path) -> bool:
    """Whether the file has the headings of a table of items. Raises nothing."""
    try:
        table = open_table(path, _is_heading)
        return any(_is_heading(line.cells) for line, _count in zip(table.lines(), range(20), strict=False))
    except Unreadable:
        return False


def _rows(lines: Iterable[Line], is_csv: bool) -> tuple[list[Question], list[Remark]]:
    questions: list[Question] = []
    remarks: list[Remark] = []
    places: dict[str, int] = {}
    for line in lines:
        if line.is_blank():
            continue
        if not places:
            if not _is_heading(line.cells):
                if line.number > 20:
                    break
                continue
            for place, cell in enumerate(line.cells):
                column = HEADINGS.get(_fold(cell))
                if column is None and cell.strip():
                    remarks.append(Remark(line.number, "", "column_unknown", (cell.strip()[:40],), "warning"))
                elif column in places:
                    remarks.append(Remark(line.number, "", "column_twice", (cell.strip()[:40],)))
                elif column:
                    places[column] = place
            continue
        if len(questions) >= MAX_QUESTIONS:
            raise NotReadable("too_many", line.number, f"{MAX_QUESTIONS:,}")
        question = _question(_Row(line, places, is_csv))
        bad = [remark for remark in question.remarks if remark.is_error]
        remarks += bad
        if not bad:
            questions.append(question)
    if not places:
        raise NotReadable("table_no_heading")
    return questions, remarks


def _kind(told: str) -> str | None:
    folded = _fold(told)
    return next((kind for kind, spellings in KINDS.items() if folded in {_fold(spelling) for spelling in spellings.split()}), None)


def _guess(row: _Row) -> str | None:
    """The kind of a row that names none: by its answer and its options."""
    answer = _fold(row["answer"])
    if answer in _TRUTH:
        return "true_false"
    if not any(row[f"option_{letter}_{language}"] for letter in LETTERS for language in LANGUAGES):
        return "numeric" if as_number(row["answer"]) is not None else "cloze" if "[[" in row["text_zh"] + row["text_en"] + row["stem_zh"] else None
    return None if not answer else "single" if len(answer) == 1 else "multiple"


_TRUTH = {_fold(word): name for name, told in ((True, "true t 对 正确 是 √ 1 yes"), (False, "false f 错 错误 否 × x 0 no")) for word in told.split()}


def _question(row: _Row) -> Question:
    question = Question("essay", row.number, idnumber=row["key"], name=row["key"], category=row["content_area"])
    for column, cell in row.cells.items():
        if not is_clean(cell):
            question.say("cell_control", column, severity="error")
        if row.remarks.get(column) in ("fault", "formula"):
            question.say(f"cell_{row.remarks[column]}", column, cell[:40], severity="error" if row.remarks[column] == "fault" else "note")
    if row["more"]:
        take_meta(question, row["more"], row.number)
    kind = _kind(row["kind"]) if row["kind"] else _guess(row)
    if kind is None:
        question.say("kind_unknown", row["kind"][:30] or "—", severity="error")
        return question
    question.stem, question.general = row.both("stem"), row.both("feedback")
    question.meta["kind"] = kind
    for tag in re.split(r"[;；,，、|\n]", row["tags"]):
        if tag.strip():
            take_tag(question, tag.strip())
    _facts(question, row)
    {"single": _choice, "multiple": _choice, "true_false": _true_false, "numeric": _numeric, "cloze": _cloze, "matching": _matching, "ordering": _ordering,
     "set": _set}.get(kind, _essay)(question, row)
    return question


def _facts(question: Question, row: _Row) -> None:
    for column, words in (("bloom", BLOOM), ("usage", USAGE)):
        if told := row[column]:
            question.meta[column] = next((name for name, spellings in words.items() if _fold(told) in {_fold(name), *map(_fold, spellings.split())}), told)
    for column in ("objective", "source", "set"):
        if row[column]:
            question.meta[column] = row[column]
    if told := row["difficulty"]:
        share = as_number(told.rstrip("%％"))
        number, slash, _basis = told.partition("/")
        if slash:
            question.meta["difficulty"] = told
        elif share is not None:
            question.meta["difficulty"] = f"{share / 100 if told[-1:] in '%％' else share:f}"
        else:
            question.say("not_a_number", number[:40], severity="error")


def _options(row: _Row) -> dict[str, Text]:
    return {letter: told for letter in LETTERS if (told := row.both(f"option_{letter}"))}


def _choice(question: Question, row: _Row) -> None:
    question.kind = "multichoice"
    question.is_single = question.meta["kind"] == "single"
    options = _options(row)
    told = re.sub(r"[\s,，、;；]", "", unicodedata.normalize("NFKC", row["answer"])).casefold()
    right = list(dict.fromkeys(told))
    if not right or not set(right) <= set(options):
        question.say("answer_option", row["answer"][:40] or "—", "".join(options).upper() or "—", severity="error")
        return
    if question.is_single and len(right) != 1:
        question.say("answer_one", row["answer"][:40], severity="error")
        return
    wrong = _cost(question) / len(right)
    question.answers = [Answer(text, Decimal(1) / len(right) if letter in right else wrong, row.both(f"feedback_{letter}"), row.number)
                        for letter, text in options.items()]
    keys = str(question.meta.get("keys", "")).split()
    if len(keys) != len(options):
        keys = [str(letter) for letter in options]
        question.meta["keys"] = " ".join(keys)
    errors = {key: both for key, letter in zip(keys, options, strict=True) if (both := row.both(f"misconception_{letter}"))}
    if errors:
        question.meta["misconceptions"] = errors


def _cost(question: Question) -> Decimal:
    """What a wrong option of several takes away, as a share of the full mark."""
    if question.is_single:
        return Decimal(0)
    told = question.meta.get("scoring")
    cost = as_number(str(told.get("wrong", "-1"))) if isinstance(told, dict) else None
    return Decimal(-1) if cost is None else cost


def _true_false(question: Question, row: _Row) -> None:
    question.kind = "truefalse"
    right = _TRUTH.get(_fold(row["answer"]))
    if right is None:
        question.say("answer_truth", row["answer"][:40] or "—", severity="error")
        return
    question.answers = [Answer({"": str(name).lower()}, Decimal(int(right is name)), row.both(f"feedback_{letter}"), row.number)
                        for name, letter in ((True, "a"), (False, "b"))]


def _numeric(question: Question, row: _Row) -> None:
    question.kind = "numerical"
    value, width = as_number(row["answer"]), as_number(row["tolerance"] or "0")
    if value is None:
        question.say("not_a_number", row["answer"][:40] or "—", severity="error")
    elif width is None or width < 0:
        question.say("not_a_number", row["tolerance"][:40], severity="error")
    else:
        question.answers = [Answer({"": format(value, "f")}, tolerance=format(width, "f"), line=row.number)]
        traps = question.meta.get("shown_traps")
        if isinstance(traps, list):
            question.answers += [Answer({"": str(trap[0])}, Decimal(str(trap[1])), _told(trap[2]), row.number, format(width, "f"))
                                 for trap in traps if isinstance(trap, list) and len(trap) == 3 and as_number(str(trap[0])) is not None
                                 and as_number(str(trap[1])) is not None]
    if unit := row.both("unit"):
        question.meta["unit"] = {language: unit.get(language, "") for language in LANGUAGES}


def _told(value: object) -> Text:
    return {name: told for name, told in value.items() if name in LANGUAGES and isinstance(told, str)} if isinstance(value, dict) else {}


_GAP = re.compile(r"\[\[(.*?)\]\]", re.S)


def _cloze(question: Question, row: _Row) -> None:
    """Both languages have their own words; the gaps are the same, in the order of the text."""
    question.kind = "cloze"
    texts = row.both("text")
    if not texts:
        texts, question.stem = question.stem, {}
    found = {language: [[word.strip() for word in gap.split("|") if word.strip()] for gap in _GAP.findall(told)] for language, told in texts.items()}
    number = len(next(iter(found.values()), []))
    if not number or any(len(gaps) != number for gaps in found.values()) or not all(all(gaps) for gaps in found.values()):
        question.say("gaps_differ", severity="error")
        return
    if number > len(LETTERS):
        question.say("gaps_many", str(number), severity="error")
        return
    if "case" not in (ignore if isinstance(ignore := question.meta.get("ignore"), list) else ["case"]):
        question.case_matters = True
    order = question.meta.get("gap_order")
    for language, told in texts.items():
        letters = order.get(language) if isinstance(order, dict) else None
        places = [str(letter) for letter in letters] if isinstance(letters, list) else []
        if sorted(places) != list(LETTERS[:number]):
            places = list(LETTERS[:number])
        turn = iter(places)
        question.text[language] = _GAP.sub(lambda _match, turn=turn: f"[[{next(turn)}]]", told)  # type: ignore[misc]
        for letter, accepted in zip(places, found[language], strict=True):
            question.gaps.setdefault(letter, Gap({"zh": [], "en": []}, row.both(f"feedback_{letter}"))).accept[language] = accepted
    question.gaps = {letter: question.gaps[letter] for letter in LETTERS[:number]}


def _pair(told: str) -> tuple[str, str]:
    left, arrow, right = told.partition("=>") if "=>" in told else told.partition("⇒")
    return (left.strip(), right.strip()) if arrow else (told.strip(), "")


def _matching(question: Question, row: _Row) -> None:
    question.kind = "matching"
    for letter, text in _options(row).items():
        pairs = {language: _pair(told) for language, told in text.items()}
        if not all(right for _left, right in pairs.values()):
            question.say("pair_half", letter.upper(), severity="error")
            return
        question.pairs.append(({language: left for language, (left, _right) in pairs.items() if left},
                               {language: right for language, (_left, right) in pairs.items()}))
    if sum(1 for left, _right in question.pairs if left) < 2:
        question.say("pairs_few", severity="error")


def _ordering(question: Question, row: _Row) -> None:
    question.kind = "ordering"
    question.answers = [Answer(text, line=row.number) for text in _options(row).values()]
    question.exact_order = _fold(row["answer"]) == "exact"
    if len(question.answers) < 3:
        question.say("order_short", severity="error")


def _set(question: Question, row: _Row) -> None:
    question.kind = "description"
    question.meta["set"] = row["key"]
    question.meta.setdefault("title", row.both("option_a"))


def _essay(question: Question, row: _Row) -> None:
    question.kind = "essay"
    question.grader_info = row.both("option_a")


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────
def write(questions: Iterable[Question], kind: str, language: str = "en") -> tuple[bytes, list[Remark]]:
    """The questions as a table (`kind` csv or xlsx), and what a table shows less well."""
    rows = []
    losses: list[Remark] = []
    for question in questions:
        row = dict.fromkeys(columns(), "") | _row(question)
        if any("picture:" in told for text in question.texts() for told in text.values()):
            losses.append(Remark(0, question.idnumber, "loss_picture", severity="note"))
        if "parameters" in question.meta:
            losses.append(Remark(0, question.idnumber, "loss_parameters", severity="note"))
        rows.append(row)
    # more than six options: columns g to j are added where somebody needs them
    names = columns()
    extra = [name for row in rows for name in row if name not in names]
    place = names.index("answer")
    names[place:place] = list(dict.fromkeys(extra))
    told = [Column(name, heading(name, language), 30 if name.startswith(("stem", "text", "option")) else 16) for name in names]
    filled = [dict.fromkeys(names, "") | row for row in rows]
    if kind == "xlsx":
        for row in filled:
            for name, cell in row.items():
                if len(cell) > LONGEST_CELL:    # the spreadsheet's own limit
                    losses.append(Remark(0, row["key"], "loss_cell", (name,), "warning"))
                    row[name] = ""
    return (to_xlsx(told, filled, "items") if kind == "xlsx" else to_csv(told, filled)), losses


def _cells(name: str, text: Text) -> dict[str, str]:
    return {f"{name}_{language}": told.replace("\\\n", "\n") for language, told in text.items() if language in LANGUAGES}


def _row(question: Question) -> dict[str, str]:
    meta = dict(question.meta)
    kind = "set" if question.kind == "description" else str(meta.pop("kind", "short_answer"))
    row = {"key": question.idnumber, "kind": kind, "content_area": question.category, "tags": "; ".join(question.tags)}
    for column in ("objective", "bloom", "usage", "source", "difficulty", "set"):
        if isinstance(meta.get(column), str) and not (kind == "set" and column == "set"):
            row[column] = meta.pop(column)
    row |= _cells("stem", question.stem) | _cells("feedback", question.general)
    for letter, answer in zip(LETTERS, question.answers, strict=False):
        if question.kind in ("multichoice", "ordering"):
            row |= _cells(f"option_{letter}", answer.text)
        if question.kind in ("multichoice", "truefalse"):
            row |= _cells(f"feedback_{letter}", answer.feedback)
    if question.kind == "multichoice":
        row["answer"] = " ".join(letter.upper() for letter, answer in zip(LETTERS, question.answers, strict=False) if answer.fraction > 0)
        keys, errors = str(meta.get("keys", "")).split(), meta.pop("misconceptions", {})
        for letter, key in zip(LETTERS, keys, strict=False):
            row |= _cells(f"misconception_{letter}", errors.get(key, {}))
    elif question.kind == "truefalse":
        row["answer"] = "TRUE" if question.answers[0].fraction > 0 else "FALSE"
    elif question.kind == "numerical":
        row |= {"answer": question.answers[0].text[""], "tolerance": question.answers[0].tolerance} | _cells("unit", meta.pop("unit", {}))
        if traps := [[answer.text[""], format(answer.fraction, "f"), answer.feedback] for answer in question.answers[1:]]:
            meta["shown_traps"] = traps
    elif question.kind == "cloze":
        row |= _cloze_cells(question, meta)
    elif question.kind == "matching":
        for letter, (left, right) in zip(LETTERS, question.pairs, strict=False):
            row |= _cells(f"option_{letter}", {language: f"{left.get(language, '')} => {told}".strip() for language, told in right.items()})
    elif question.kind == "ordering" and question.exact_order:
        row["answer"] = "exact"
    elif question.kind == "description":
        row |= _cells("option_a", meta.pop("title", {}))
        meta.pop("set", None)
    elif question.kind == "essay":
        row |= _cells("option_a", question.grader_info)
    if meta:
        row["more"] = meta_line(meta)
    return row


def _cloze_cells(question: Question, meta: dict[str, object]) -> dict[str, str]:
    letters = dict(zip(question.gaps, LETTERS, strict=False))
    row: dict[str, str] = {}
    orders: dict[str, list[str]] = {}
    for language, told in question.text.items():
        keys = re.findall(r"\[\[([a-z0-9-]+)\]\]", told)
        orders[language] = [letters[key] for key in keys if key in letters]
        row[f"text_{language}"] = re.sub(r"\[\[([a-z0-9-]+)\]\]", lambda match, language=language: "[[" + "|".join(  # type: ignore[misc]
            question.gaps[match[1]].accept.get(language, ()) if match[1] in question.gaps else [match[1]]) + "]]", told).replace("\\\n", "\n")
    if any(order != sorted(order) for order in orders.values()):
        meta["gap_order"] = orders
    for key, gap in question.gaps.items():
        row |= _cells(f"feedback_{letters[key]}", gap.feedback)
    return row
