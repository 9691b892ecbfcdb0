"""The invigilator's board in a real browser: it follows what happens by itself, on the smallest phone too, and works without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from foundation.db import db
from quizzes import queries
from tests.exam_scene import Scene
from tests.factories import Factory
from tests.in_browser import DESK, SMALLEST, serving, signed_in_pages

pytestmark = pytest.mark.browser


@pytest.fixture
def scene(make: Factory) -> Scene:
    return Scene(make)


@pytest.fixture
def watching(app: Flask, scene: Scene, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """watching(size, language, theme) → the planner's page; any script error or report of the CSP fails the test."""
    with serving(app) as address, signed_in_pages(address, chromium) as open_page:
        yield partial(open_page, "planner")


def wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_the_board_follows_a_start_and_a_save_by_itself(scene: Scene, watching: Callable[..., Page]) -> None:
    sitting_id = scene.approved()
    page = watching(DESK)
    page.goto(f"/exams/{sitting_id}/board")
    row = page.locator(f'tr[data-id="{scene.enrolments[0]}"]')
    expect(row).to_contain_text("Not begun")
    attempt = scene.start()
    saved = scene.save(attempt, 1)
    expect(row).to_contain_text("In the exam", timeout=15_000)
    expect(row).to_contain_text("1 / 60")
    expect(row).to_contain_text(saved.receipt)
    expect(row).to_contain_text("90 min")
    expect(page.locator('[data-count="in"]').first).to_have_text("1")


def test_pause_and_resume_by_keyboard_alone(scene: Scene, watching: Callable[..., Page]) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    page = watching(DESK)
    page.goto(f"/exams/{sitting_id}/board")
    page.locator("details summary", has_text="Pause all").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Reason").first.focus()
    page.keyboard.type("Fire drill")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The hall has been paused since")).to_be_visible()
    db.session.rollback()
    assert queries.get_attempt(attempt).is_open(queries.get_attempt(attempt).closes_at)
    page.get_by_role("button", name="Let the clocks go on").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The clocks go on")).to_be_visible()
    expect(page.get_by_text("Fire drill")).to_be_visible()


@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_every_page_fits_the_smallest_phone(scene: Scene, watching: Callable[..., Page], language: str, theme: str) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    page = watching(SMALLEST, language, theme)
    for address in ("/exams", "/exams/plan", f"/exams/{sitting_id}", f"/exams/{sitting_id}?person={scene.enrolments[1]}", f"/exams/{sitting_id}/proof",
                    f"/exams/{sitting_id}/board?person={scene.enrolments[0]}", f"/exams/attempts/{attempt}/log"):
        page.goto(address)
        assert wide(page) <= 0, address
