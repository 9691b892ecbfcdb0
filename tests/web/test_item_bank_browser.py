"""The draft of an item in a real browser: the preview follows, rows unfold, nothing typed is lost, by keyboard and on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from foundation.db import db, transaction
from quizzes.models import ItemDraft
from quizzes.services import bank as studio
from tests.factories import Factory
from tests.in_browser import DESK, SMALLEST, serving, signed_in_pages

pytestmark = pytest.mark.browser


@pytest.fixture
def served(app: Flask, make: Factory) -> Iterator[tuple[str, str]]:
    author = make.person("lin", "trainer", name="林立")
    with transaction():
        draft = studio.begin_draft("cc-001", author)
    with serving(app) as address:
        yield address, f"/bank/drafts/{draft}"


@pytest.fixture
def author(served: tuple[str, str], chromium: Browser) -> Iterator[Callable[..., Page]]:
    with signed_in_pages(served[0], chromium) as open_page:
        yield lambda *told: open_page("lin", *told)


def test_the_preview_and_the_list_of_what_is_missing_follow_what_is_typed(served: tuple[str, str], author: Callable[..., Page]) -> None:
    page = author(DESK)
    page.goto(served[1])
    told = page.locator('[data-role="told-here"]')
    expect(told).to_contain_text("Complete")
    page.locator('[name="f.stem.en"]').fill("")
    expect(told).to_contain_text("Still missing")
    page.locator('[name="f.stem.en"]').fill("What does the teller say first, in this very case?")
    expect(page.locator('[data-role="faces-here"]')).to_contain_text("What does the teller say first, in this very case?")
    expect(page.locator('[data-role="unsaved"]')).to_contain_text("not saved")
    page.get_by_role("button", name="Save the draft").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".note-ok")).to_contain_text("Saved.")
    db.session.rollback()
    assert db.session.query(ItemDraft).one().body["stem"]["en"] == "What does the teller say first, in this very case?"


def test_a_row_is_added_without_a_round_trip_and_keeps_what_is_written(served: tuple[str, str], author: Callable[..., Page]) -> None:
    page = author(SMALLEST)
    page.goto(served[1])
    rows = page.locator('[id="f-options"] > .bank-one')
    shown = rows.filter(visible=True).count()
    page.locator('[id="f-options"]').get_by_role("button", name="Add a row").click()
    expect(rows.filter(visible=True)).to_have_count(shown + 1)
    page.locator(f'[name="f.options.{shown}.text.zh"]').fill("请您稍坐，我来查")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator(f'[name="f.options.{shown}.text.zh"]')).to_have_value("请您稍坐，我来查")
