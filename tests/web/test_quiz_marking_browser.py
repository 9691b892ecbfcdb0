"""Marking in a real browser: the total runs along, saved means saved, offline is said, two tabs never overwrite, keys suffice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from foundation.db import db
from quizzes.models import EssayDraft, EssayMark
from tests.factories import Factory
from tests.in_browser import serving, signed_in_pages
from tests.marking_scene import Hall, final, judgement

pytestmark = pytest.mark.browser
TABLET = {"width": 820, "height": 1180}


@pytest.fixture
def hall(make: Factory) -> Hall:
    return Hall(make)


@pytest.fixture
def served(app: Flask, hall: Hall) -> Iterator[str]:
    with serving(app) as address:
        yield address


@pytest.fixture
def person(served: str, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """person(login) → a signed-in page; any script error fails the test."""
    with signed_in_pages(served, chromium) as open_page:
        yield open_page


def draft() -> dict[str, Any]:
    db.session.rollback()
    return db.session.query(EssayDraft).one().points


def pick(page: Page, criterion: str, marks: int) -> None:
    page.locator(f"input[name='c.{criterion}'][value='{marks}']").check(force=True)


def test_an_essay_is_marked_through_a_broken_connection_and_the_next_one_follows(hall: Hall, person: Any) -> None:
    slots = [hall.essay(hall.trainee(), f"第{number}份。您急着用钱，我们向您道歉。", seed="same") for number in (1, 2)]
    whole = judgement(slots[0])
    keys = list(whole)
    hall.marker("marker")
    page = person("marker")
    page.set_viewport_size(TABLET)
    page.goto("/marking")
    page.get_by_role("link", name="Mark the next answer").click()
    first, strip, total = page.url, page.locator("#mark-state"), page.locator("[data-role=total]")
    expect(strip).to_contain_text("Nothing saved yet")
    pick(page, keys[0], 1)
    expect(total).to_have_text("1")
    expect(strip).to_contain_text("Saved on the server")
    assert draft() == {keys[0]: 1}

    page.context.set_offline(True)
    pick(page, keys[0], whole[keys[0]])
    expect(strip).to_contain_text("Offline")
    assert draft() == {keys[0]: 1}
    page.context.set_offline(False)
    expect(strip).to_contain_text("Saved on the server")
    assert draft() == {keys[0]: whole[keys[0]]}

    for key in keys[1:]:
        pick(page, key, whole[key])
    expect(total).to_have_text("10")
    page.fill("#comment", "四项都有")
    page.get_by_role("button", name="Final, and on to the next").click()
    expect(page.get_by_text("The next answer to the same question follows")).to_be_visible()
    assert page.url != first and int(page.url.rsplit("/", 1)[1]) in slots
    db.session.rollback()
    mark = db.session.query(EssayMark).one()
    assert mark.fraction == 1 and first.endswith(f"/{mark.slot_id}")
    expect(total).to_have_text("0")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_two_tabs_of_one_marker_show_both_and_overwrite_nothing(hall: Hall, person: Any) -> None:
    slot = hall.essay(hall.trainee())
    key = next(iter(judgement(slot)))
    hall.marker("marker")
    one = person("marker")
    two = one.context.new_page()
    for page in (one, two):
        page.goto(f"/marking/{slot}")
    pick(one, key, 1)
    expect(one.locator("#mark-state")).to_contain_text("Saved on the server")
    pick(two, key, 0)
    dialog = two.locator("dialog.conflict")
    expect(dialog).to_contain_text("1 mark")
    assert draft() == {key: 1}
    dialog.get_by_role("button", name="Take the saved one").click()
    expect(two.locator(f"input[name='c.{key}'][value='1']")).to_be_checked()
    expect(two.locator("[data-role=total]")).to_have_text("1")
    pick(two, key, 0)
    expect(two.locator("#mark-state")).to_contain_text("Saved on the server")
    assert draft() == {key: 0}


def test_the_keyboard_alone_marks_and_the_held_answer_says_so(hall: Hall, person: Any) -> None:
    slot = hall.essay(hall.trainee())
    whole = judgement(slot)
    final(slot, hall.marker())
    final(slot, hall.marker(), lost=6)
    hall.marker("third")
    page = person("third")
    page.goto(f"/marking/{slot}")
    expect(page.get_by_text("Judge as if nobody had judged before")).to_be_visible()
    for key in whole:
        page.locator(f"input[name='c.{key}']").first.focus()
        page.keyboard.press("Space")
    expect(page.locator("[data-role=total]")).to_have_text("10")
    page.get_by_role("button", name="Make it final").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing waits for your mark")
    db.session.rollback()
    assert db.session.query(EssayMark).count() == 3
