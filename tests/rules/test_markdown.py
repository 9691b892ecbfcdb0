"""Markdown becomes safe HTML: emphasis works beside Chinese punctuation, and nothing in a text can act."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.markdown import render, render_inline

TAGS = frozenset("p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong a img hr br table thead tbody tr th td".split())
ATTRIBUTES = frozenset({"href", "src", "alt", "title", "start", "class", "style"})


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


def seen(text: str) -> Reader:
    reader = Reader()
    reader.feed(str(render(text)) + str(render_inline(text)))
    return reader


def check_harmless(text: str) -> None:
    reader = seen(text)
    assert reader.tags <= TAGS, reader.tags - TAGS
    for tag, name, value in reader.attributes:
        assert name in ATTRIBUTES, (tag, name)
        if name == "href":
            assert value.startswith(("#", "/", "https://", "http://", "mailto:")), value
        if name == "src":
            assert value.startswith(("/", "#", "https://", "http://", "mailto:")), value
        if name == "class":
            assert tag == "code"
        assert name != "style" or (tag in {"th", "td"} and value.startswith("text-align:"))


@pytest.mark.parametrize("text", [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a <b onclick='x'>b</b>", "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)", "[x](vbscript:x)", "![x](javascript:alert(1))", "[x]( javascript:alert(1))",
    "[x](&#106;avascript:alert(1))", "[x](java\tscript:alert(1))", "<javascript:alert(1)>", "[x]: javascript:alert(1)\n\n[x]",
    '[x](/a "onmouseover=alert(1)")', '[x](/a"onmouseover="alert(1))', "`<script>`", "```html\n<script>alert(1)</script>\n```", "```\"><script>\nx\n```",
    "<!-- --><svg onload=alert(1)>", "| a | b |\n|---|---|\n| <script> | x |", "<a href='javascript:x'>", "&lt;script&gt;", "<style>*{}</style>",
    "<iframe src=//evil>", "[x](//evil.example)", "{{7*7}} {% raw %}", "<base href=//evil>", "![x](data:image/svg+xml;base64,AAAA)",
])
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    check_harmless(text)


@given(st.text(alphabet=st.sampled_from(list("<>\"'&/:;()[]!`*_#|-= \n\tabjavscriptonx银行：")), max_size=120))
def test_no_text_of_markup_characters_escapes(text: str) -> None:
    check_harmless(text)


@pytest.mark.parametrize(("text", "html"), [
    ("**银行：**合规", "<strong>银行：</strong>合规"),
    ("请**“先问”**再推荐", "请<strong>“先问”</strong>再推荐"),
    ("**“先问”**再推荐", "<strong>“先问”</strong>再推荐"),
    ("客户*说：*好", "客户<em>说：</em>好"),
    ("**KYC：**了解客户", "<strong>KYC：</strong>了解客户"),
    ("a **bold** word", "a <strong>bold</strong> word"),
    ("2 * 3 * 4", "2 * 3 * 4"),
    ("snake_case_name", "snake_case_name"),
])
def test_emphasis_works_in_chinese_and_in_english(text: str, html: str) -> None:
    assert str(render_inline(text)) == html


def test_tables_and_headings_are_made() -> None:
    html = str(render("## 标题\n\n| 左 | 右 |\n|:--|--:|\n| 1 | 2 |\n"))
    assert "<h2>标题</h2>" in html
    assert html.count("<td") == 2
