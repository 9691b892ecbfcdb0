"""The course book: every word of the lessons arrives on paper as a word, answers in the appendix, the same bytes each time."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn
import pytest
import typst

from courses.paper import press
from courses.rules.book import BookLesson, blocks, book, words

SAY = {"contents": "目录", "kind": "课程读本", "lesson": "第 {n} 课", "minutes": "约 {n} 分钟", "objectives": "你能", "check": "自测", "many": "多选",
       "task": "任务", "within": "{n} 天内", "answers": "自测答案", "right": "正确：", "glossary": "术语", "sources": "来源", "reviewed": "{day} 核对",
       "mark": "标志", "waves": "水波"}
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" width="10" height="10"><path d="M0 0h9"/></svg>'
HEAD = {"programme": "客户服务经理专业培训", "unit": "第 1 周", "title": "金融基础", "issuer": "临江银行培训部", "mark": PICTURE, "waves": PICTURE, "say": SAY,
        "facts": [["版本", "3"]]}
TABLE = "| 列 | 数 |\n|---|---|\n| 甲 | 1 |\n| 乙 | 2 |\n\n1. 先\n2. 后"
HOSTILE = '#import "x" $a$ [b] \\ <f> @g {h} // i'


def lesson(key: str = "one", **changes: Any) -> BookLesson:
    own = {"title": "第一题", "subtitle": "副题", "claims": [{"key": "c", "source": "《储蓄管理条例》", "reviewed": "2026-11-21"}], "blocks": [
        {"name": "objectives", "attrs": {}, "text": "- 能做一件事"},
        {"name": "prose", "attrs": {}, "text": f"## 标题 {{#a}}\n\n正文 {HOSTILE}\n\n{TABLE}"},
        {"name": "callout", "attrs": {"kind": "law", "title": "规定"}, "text": "**银行**：合规"},
        {"name": "worked-example", "attrs": {"title": "算一算"}, "text": "- 1 + 1 = 2"},
        {"name": "dialogue", "attrs": {"title": "对话"}, "text": "", "turns": [["客户", "您好", ""], ["经理", "请坐", "先请坐"]]},
        {"name": "figure", "attrs": {"draw": "pdca", "title": "循环"}, "text": "四步一圈。"},
        {"name": "self-check", "attrs": {"key": "k", "kind": "multiple"}, "text": "哪些对？", "options": [
            {"text": "甲项", "right": True, "feedback": "甲的说明"}, {"text": "乙项", "right": False, "feedback": "乙的说明"},
            {"text": "丙项", "right": True, "feedback": "丙的说明"}]},
        {"name": "job-task", "attrs": {"key": "t", "days": "5"}, "text": "做一张卡。"}], **changes}
    return BookLesson(key, {"zh": own, "en": own, "minutes": 15, "reviewed": "2026-11-21", "vocabulary": ["trust"], "sources": ["S0"]})


GLOSSARY = [{"key": "trust", "term": {"zh": "信任", "en": "Trust"}, "definition": {"zh": "愿意把钱交给银行", "en": "x"}},
            {"key": "other", "term": {"zh": "别的", "en": "Other"}, "definition": {"zh": "不在本周", "en": "x"}}]
SOURCES = [{"key": "S0", "title": {"zh": "专业培训", "en": "x"}}, {"key": "S9", "title": {"zh": "没用到", "en": "x"}}]


@pytest.fixture(scope="module")
def made() -> bytes:
    return press.press(json.dumps(book(HEAD, [lesson(), lesson("two", title="第二题")], GLOSSARY, SOURCES, "zh")))


def text_of(pdf: bytes, folder: Path) -> str:
    (folder / "book.pdf").write_bytes(pdf)
    return subprocess.run(["pdftotext", str(folder / "book.pdf"), "-"], capture_output=True, text=True, check=True).stdout


def test_everything_a_lesson_says_is_on_paper(made: bytes, tmp_path: Path) -> None:
    text = text_of(made, tmp_path).replace("\n", "")
    for said in ("第一题", "第二题", "第 2 课", "能做一件事", "标题", "甲项", "丙的说明", "先请坐", "四步一圈", "做一张卡", "愿意把钱交给银行", "专业培训",
                 "《储蓄管理条例》", "目录"):
        assert said in text, said
    assert "没用到" not in text and "不在本周" not in text


def test_marks_of_the_engine_in_a_text_stay_text(made: bytes, tmp_path: Path) -> None:
    text = text_of(made, tmp_path)
    for said in ('#import "x"', "$a$", "<f>", "@g", "{h}", "// i"):
        assert said in text, said


def test_the_right_answers_stand_in_the_appendix_alone(made: bytes, tmp_path: Path) -> None:
    text = text_of(made, tmp_path)
    appendix = text.rindex("自测答案")
    assert "正确：" in text[appendix:] and "A、C" in text[appendix:].replace(" ", "")
    assert "甲的说明" not in text[:appendix] and "正确：" not in text[:appendix]


def test_the_same_book_has_the_same_bytes_and_a_tagged_outline(made: bytes, tmp_path: Path) -> None:
    again = press.press(json.dumps(book(HEAD, [lesson(), lesson("two", title="第二题")], GLOSSARY, SOURCES, "zh")))
    assert again == made
    (tmp_path / "book.pdf").write_bytes(made)
    facts = subprocess.run(["pdfinfo", str(tmp_path / "book.pdf")], capture_output=True, text=True, check=True).stdout
    assert "Tagged:          yes" in facts and "A4" in facts and "第 1 周 · 金融基础" in facts
    fonts = subprocess.run(["pdffonts", str(tmp_path / "book.pdf")], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert fonts and all(line.split()[-5] == "yes" for line in fonts), "every font is embedded"
    assert b"/Outlines" in made


def test_the_press_writes_a_whole_file_or_none(tmp_path: Path) -> None:
    source, target = tmp_path / "b.json", tmp_path / "b.pdf"
    source.write_text(json.dumps(book(HEAD, [lesson()], GLOSSARY, SOURCES, "zh")))
    press.main(source, target)
    assert target.read_bytes().startswith(b"%PDF") and not target.with_suffix(".unfinished").exists()
    source.write_text('{"reviewed": "2026-11-21"}')
    with pytest.raises(typst.TypstError):
        press.main(source, tmp_path / "c.pdf")
    assert not (tmp_path / "c.pdf").exists()


def test_markdown_becomes_blocks() -> None:
    tree = blocks("## 题 {#a}\n\n一**二**`三`[四](https://x.y)[五](lesson:z#q)\n\n- 甲\n  - 乙\n\n> 引\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    assert [node["t"] for node in tree] == ["h", "p", "ul", "quote", "table"]
    assert [node["t"] for node in tree[1]["c"]] == ["text", "strong", "code", "link", "text"]
    assert tree[1]["c"][-1]["v"] == "五"
    assert tree[2]["items"][0][1]["t"] == "ul"
    assert tree[4]["head"][0] == words("a") and tree[4]["rows"] == [[words("1"), words("2")]]


def test_no_column_is_narrower_than_its_longest_english_word() -> None:
    table = blocks("| Element | Question |\n|---|---|\n| Professional | Are you right, and how would I know it if you were not? |")[0]
    assert table["widths"][0] >= len("Professional") and table["widths"][1] > table["widths"][0]


def test_a_lesson_without_checks_terms_or_sources_makes_a_book_too() -> None:
    bare = BookLesson("x", {**lesson().body, "vocabulary": [], "sources": [],
                            "zh": {**lesson().body["zh"], "claims": [], "blocks": lesson().body["zh"]["blocks"][:2]}})
    assert press.press(json.dumps(book(HEAD, [bare], [], [], "zh"))).startswith(b"%PDF")


def test_the_faces_are_whole_files_of_a_package() -> None:
    assert pylopdf_fonts_zh_cn.serif_path().stat().st_size > 5_000_000
