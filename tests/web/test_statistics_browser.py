"""The pages of statistics in a real browser: on the smallest phone and a desk, light and dark, by keyboard, on paper."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from foundation.db import db
from tests.factories import PASSWORD, Factory
from tests.statistics_world import able, bank_singles, people, sit

pytestmark = pytest.mark.browser
SMALLEST = {"width": 320, "height": 640}
DESK = {"width": 1280, "height": 900}


@pytest.fixture
def served(app: Flask, make: Factory) -> Iterator[tuple[str, str]]:
    """An installation in which two cohorts sat an exam and a pre-test; (its address, the key of an item)."""
    make.person("reviewer", "reviewer", name="何静")
    asked = bank_singles(10)
    for key in ("2026-A", "2026-B"):
        group = people(make.cohort(key, weeks_ago=6, seats=60), 36, key[-1])
        sit(group, asked, able(3, seed=ord(key[-1])), "pre-test", "pre_test")
        sit(group, asked, able(3, seed=ord(key[-1]) + 1))
    db.session.remove()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked[0].key
    server.shutdown()
    thread.join()


@pytest.fixture
def reader(served: tuple[str, str], chromium: Browser) -> Iterator[Callable[..., Page]]:
    """reader(size, theme, language) → a signed-in reviewer's page; any script error or report of the CSP fails the test."""
    faults: list[str] = []
    contexts: list[BrowserContext] = []

    def open_page(size: dict[str, int], theme: str = "light", language: str = "en") -> Page:
        context = chromium.new_context(viewport=size, base_url=served[0], color_scheme=theme)  # type: ignore[arg-type]
        contexts.append(context)
        context.add_cookies([{"name": "qizhou_lang", "value": language, "url": served[0]}])
        page = context.new_page()
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.goto("/login")
        page.fill("#login", "reviewer")
        page.fill("#password", PASSWORD)
        page.click("form[action*=login] button[type=submit]")
        page.wait_for_url(served[0] + "/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.mark.parametrize(("size", "theme", "language"), [(SMALLEST, "dark", "zh"), (DESK, "light", "en")])
def test_no_page_scrolls_sideways_and_every_plot_has_its_words(served: tuple[str, str], reader: Callable[..., Page], size: dict[str, int], theme: str,
                                                               language: str) -> None:
    page = reader(size, theme, language)
    for path, plots in (("/statistics/items", 1), ("/statistics/repairs", 0), (f"/statistics/items/{served[1]}", 2), ("/statistics/forms", 0),
                        ("/statistics/forms/final-exam", 2), ("/statistics/gain", 1), ("/statistics/method", 0)):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        drawn = page.locator("main .chart-svg[role=img]")
        assert drawn.count() >= plots, path
        for index in range(drawn.count()):
            assert len(drawn.nth(index).get_attribute("aria-label") or "") > 8
        regions = page.locator("main [role=region]")
        for index in range(regions.count()):
            assert regions.nth(index).get_attribute("aria-label") and regions.nth(index).get_attribute("tabindex") == "0"


def test_from_the_menu_to_one_item_by_keyboard(served: tuple[str, str], reader: Callable[..., Page]) -> None:
    page = reader(DESK)
    page.goto("/statistics/items")
    page.locator("#f-q").fill(served[1])
    page.keyboard.press("Enter")
    expect(page.locator(".stat-table tbody tr")).to_have_count(1)
    page.locator(".stat-table tbody a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(served[1])
    assert page.locator("polyline").count() >= 3


def test_a_plot_is_drawn_inside_its_frame_and_in_the_colours_of_the_theme(served: tuple[str, str], reader: Callable[..., Page]) -> None:
    colours = []
    for theme in ("light", "dark"):
        page = reader(DESK, theme)
        page.goto("/statistics/forms/final-exam")
        colours.append(page.evaluate("getComputedStyle(document.querySelector('.bar')).fill"))
        outside = page.evaluate("""() => { const svg = document.querySelector('.chart-svg'), frame = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('rect, line, text')].filter(mark => { const box = mark.getBoundingClientRect();
                return box.left < frame.left - 2 || box.right > frame.right + 8 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2; }).length; }""")
        assert outside == 0
    assert colours[0] != colours[1]


def test_on_paper_filters_stay_behind_and_the_tall_table_is_whole(served: tuple[str, str], reader: Callable[..., Page]) -> None:
    page = reader(DESK)
    page.goto("/statistics/forms/final-exam")
    page.emulate_media(media="print")
    expect(page.locator(".record-filters")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.querySelector('.table-tall')).maxHeight") == "none"
