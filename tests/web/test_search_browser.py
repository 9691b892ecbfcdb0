"""Search, glossary, figures and a printed lesson in a real browser: by keyboard, on the smallest phone, in the dark, on paper."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.factories import Factory
from tests.in_browser import DESK, SMALLEST, serving, signed_in_pages

pytestmark = pytest.mark.browser
WITH_FIGURE = "/lessons/customer-lifecycle"


@pytest.fixture
def served(app: Flask, make: Factory) -> Iterator[str]:
    make.trainee(make.cohort(weeks_ago=0), "anna", "安然")
    with serving(app) as address:
        yield address


@pytest.fixture
def reader(served: str, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """reader(size, language, theme) → a signed-in trainee's page; any script error or report of the CSP fails the test."""
    with signed_in_pages(served, chromium) as open_page:
        yield partial(open_page, "anna")


def wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_a_search_by_keyboard_alone_leads_to_the_place(reader: Callable[..., Page]) -> None:
    page = reader(DESK)
    page.get_by_role("searchbox", name="Search the course").focus()
    page.keyboard.type("net promoter score")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Search")).to_be_visible()
    expect(page.locator("mark").first).to_be_visible()
    first = page.locator(".finds h2 a").first
    first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert "/lessons/" in page.url or "/glossary" in page.url


def test_a_term_in_a_lesson_leads_to_its_place_in_the_glossary(reader: Callable[..., Page]) -> None:
    page = reader(DESK, "zh")
    page.goto(WITH_FIGURE)
    term = page.locator("a.term").first
    name = term.inner_text()
    term.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary#*")
    entry = page.locator(".glossary > div:target")
    expect(entry).to_be_visible()
    assert name in entry.inner_text()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_scrolls_sideways_on_the_smallest_screen(reader: Callable[..., Page], language: str, theme: str) -> None:
    page = reader(SMALLEST, language, theme)
    for address in ("/search", "/search?q=客户", "/search?q=customer", "/search?q=" + "x" * 90, "/search?q=zzzz", "/glossary", "/books", "/course?week=1",
                    WITH_FIGURE):
        page.goto(address)
        assert wide(page) <= 0, address
    expect(page.get_by_role("link", name="搜索课程" if language == "zh" else "Search the course")).to_be_visible()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_words_of_a_figure_are_readable_and_stand_on_their_sheet(reader: Callable[..., Page], language: str) -> None:
    page = reader(SMALLEST, language)
    page.goto(WITH_FIGURE)
    figure = page.locator("figure.drawing svg").first
    expect(figure).to_be_visible()
    smallest = figure.evaluate("""svg => Math.min(...[...svg.querySelectorAll('text')].map(
        t => parseFloat(getComputedStyle(t).fontSize) * svg.getScreenCTM().a))""")
    assert smallest >= 12
    outside = figure.evaluate("""svg => [...svg.querySelectorAll('text')].filter(t => { const b = t.getBBox(), v = svg.viewBox.baseVal;
        return t.parentNode === svg && (b.x < 0 || b.x + b.width > v.width || b.y + b.height > v.height + 2) }).map(t => t.textContent)""")
    assert outside == []
    assert figure.get_attribute("role") == "img" and page.get_by_role("img", name=page.locator("figure.drawing figcaption b").first.inner_text()).count() == 1


def test_a_lesson_on_paper_is_the_lesson_and_nothing_around_it(reader: Callable[..., Page], tmp_path: Path) -> None:
    page = reader(DESK, "zh", "dark")
    page.goto(WITH_FIGURE)
    page.pdf(path=str(tmp_path / "lesson.pdf"), format="A4", margin={"top": "18mm", "right": "18mm", "bottom": "18mm", "left": "18mm"})
    text = subprocess.run(["pdftotext", str(tmp_path / "lesson.pdf"), "-"], capture_output=True, text=True, check=True).stdout
    for around in ("术语表", "下一课", "检查我的答案", "出勤"):
        assert around not in text, around
    assert page.get_by_role("heading", level=1).inner_text().replace("\n", "")[:4] in text.replace("\n", "")
    pages = subprocess.run(["pdfinfo", str(tmp_path / "lesson.pdf")], capture_output=True, text=True, check=True).stdout
    assert int(pages.split("Pages:")[1].split()[0]) <= 8
