"""The figures: complete in both languages, readable on the smallest screen, coloured by classes that exist."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from courses.rules.drawings import DRAWINGS, draw, draw_for_paper, labels
from courses.rules.drawings.pen import INK, WIDTH
from courses.rules.lesson import parse_lesson
from foundation.yamlsource import Source

ROOT = Path(__file__).resolve().parents[2]
STYLES = "".join((ROOT / "static/css" / name).read_text() for name in ("learning.css", "app.css", "qizhou.css"))
NARROWEST = 288     # px of text on a screen of 320 px
BOTH = [(name, language) for name in DRAWINGS for language in ("zh", "en")]
LESSON = """---
format: qizhou/lesson@1
key: a-lesson
language: zh
title: 一课
subtitle: 副题
delivery: self_study
minutes: 15
status: reviewed
reviewed: 2026-11-21
sources: []
objectives: [a.b]
---

::: objectives
- 一
:::

::: figure draw={draw} title="{title}"
{text}
:::

::: job-task key=t days=5 evidence=form
做一件事。
:::
"""


def test_the_eight_figures_of_the_curriculum_are_there() -> None:
    assert set(DRAWINGS) == {"iceberg", "question-funnel", "complaint-flow", "lifecycle", "maslow", "four-quadrants", "importance-satisfaction", "pdca"}


@pytest.mark.parametrize(("name", "language"), BOTH)
def test_a_figure_is_named_and_told_in_words(name: str, language: str) -> None:
    root = ElementTree.fromstring(draw(name, language, "冰山 & <b>“x”</b>", "figure-3"))
    title, words = root.find("title"), root.find("desc")
    assert title is not None and title.text == "冰山 & <b>“x”</b>" and root.get("role") == "img"
    assert words is not None and root.get("aria-labelledby") == f"{title.get('id')} {words.get('id')}"
    assert all(word in (words.text or "") for word in labels(name, language))
    assert len(labels(name, language)) >= 6


@pytest.mark.parametrize("name", DRAWINGS)
def test_both_languages_label_the_same_things(name: str) -> None:
    zh, en = labels(name, "zh"), labels(name, "en")
    assert len(zh) == len(en)
    assert all(re.search(r"[\u4e00-\u9fff]", word) or re.fullmatch(r"[IVX]+", word) for word in zh)
    assert not any(re.search(r"[\u4e00-\u9fff]", word) for word in en)


@pytest.mark.parametrize(("name", "language"), BOTH)
def test_a_figure_holds_no_style_and_only_classes_with_a_look(name: str, language: str) -> None:
    svg = str(draw(name, language, "x", "f"))
    assert "style" not in svg and not re.search(r'\son\w+=|fill="#|stroke="#', svg)
    used = {word for value in re.findall(r'class="([^"]*)"', svg) for word in value.split()} - {"drawing-svg"}
    assert used <= set(INK), "a class without its look on paper"
    assert [name_ for name_ in used if not re.search(rf"\.{name_}\b", STYLES)] == [], "a class without its look on the screen"


def test_words_stay_readable_on_the_smallest_screen() -> None:
    for name, look in INK.items():
        size = re.search(r"font-size: ([0-9.]+)px", look)
        if size:
            assert float(size.group(1)) * NARROWEST / WIDTH >= 12, name
    on_screen = [float(size) for size in re.findall(r"\.dw-[^{]*\{[^}]*?([0-9.]+)px[ ;}][^}]*\}", STYLES)]
    assert on_screen and min(on_screen) * NARROWEST / WIDTH >= 12


@pytest.mark.parametrize(("name", "language"), BOTH)
def test_everything_stands_within_the_sheet(name: str, language: str) -> None:
    root = ElementTree.fromstring(draw(name, language, "x", "f"))
    height = int(str(root.get("viewBox")).split()[3])
    for element in root.iter():
        if element.tag == "text" and "transform" not in str(element.attrib):
            assert -1 <= float(element.get("x", "0")) <= WIDTH and -1 <= float(element.get("y", "0")) <= height
        if element.tag == "rect":
            assert float(element.get("x", "0")) + float(element.get("width", "0")) <= WIDTH


@pytest.mark.parametrize(("name", "language"), BOTH)
def test_the_figure_for_paper_carries_its_colours(name: str, language: str) -> None:
    svg = draw_for_paper(name, language, "Noto Sans SC")
    root = ElementTree.fromstring(svg)
    assert root.find("{http://www.w3.org/2000/svg}style") is not None and "var(" not in svg and "font-weight" not in svg


def complaints(**changes: str) -> list[str]:
    source = Source("a-lesson.zh.md")
    parse_lesson(LESSON.format(**{"draw": "iceberg", "title": "冰山", "text": "水面上一层，水面下三层。", **changes}), source)
    return [problem.message for problem in source.problems if problem.severity == "error"]


def test_a_lesson_may_ask_for_a_figure_that_exists() -> None:
    assert complaints() == []


@pytest.mark.parametrize("changes", [{"draw": "icberg"}, {"draw": "../iceberg"}, {"title": ""}, {"text": ""}])
def test_an_unknown_figure_or_one_without_words_is_an_error(changes: dict[str, str]) -> None:
    assert len(complaints(**changes)) == 1
