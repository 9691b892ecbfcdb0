"""The console and the writing page in a real browser: saved means saved, offline is said, two tabs never overwrite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from foundation.db import db
from tests.factories import Factory
from tests.grading_scene import Scene
from tests.in_browser import PHONE, serving, signed_in_pages
from training.grading.models import CaseDraft, CaseResponse, Performance, Rating, RatingDraft
from training.grading.rules.common import text_length

pytestmark = pytest.mark.browser


@pytest.fixture
def scene(make: Factory) -> Scene:
    return Scene(make)


@pytest.fixture
def served(app: Flask, scene: Scene) -> Iterator[str]:
    with serving(app) as address:
        yield address


@pytest.fixture
def person(served: str, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """person(login) → a signed-in page on a phone; any script error fails the test."""
    with signed_in_pages(served, chromium) as open_page:
        yield open_page


def pick(page: Page, criterion: str, level: str) -> None:
    page.locator(f"input[name='level.{criterion}'][value='{level}']").check(force=True)


def draft_levels() -> dict[str, Any]:
    db.session.rollback()
    return db.session.query(RatingDraft).one().body["levels"]


def test_a_role_play_is_rated_with_one_thumb_through_a_broken_connection(scene: Scene, person: Any) -> None:
    id_ = scene.role_play(performed=False)
    address = f"/rating/{scene.assignment(id_, scene.first)}"
    page = person("first")
    page.goto(address)
    strip = page.locator("#rate-state")
    expect(strip).to_contain_text("Nothing saved yet")
    page.get_by_role("button", name="Begin", exact=True).click()
    expect(page.locator(".timer b")).to_contain_text("07:5")
    pick(page, "opening", "l4")
    expect(strip).to_contain_text("Saved on the server")
    page.click("[data-role=next]")
    expect(page.locator("#c-opening")).to_be_hidden()
    expect(page.locator(".crit-done").first).to_contain_text("4 Good")
    assert draft_levels() == {"opening": "l4"}

    page.context.set_offline(True)
    pick(page, "questioning", "l3")
    expect(strip).to_contain_text("Offline")
    assert "Saved" not in strip.inner_text() and draft_levels() == {"opening": "l4"}
    page.context.set_offline(False)
    expect(strip).to_contain_text("Saved on the server")
    assert draft_levels() == {"opening": "l4", "questioning": "l3"}

    for criterion in ("listening", "layers", "confirming", "compliance"):
        page.click("[data-role=next]")
        pick(page, criterion, "l4")
    page.click("[data-role=next]")
    page.locator("[data-red=quarrel]").check(force=True)
    page.fill("#quotation-quarrel", "“您听不懂我也没办法。”")
    page.fill("#when-quarrel", "06:40")
    expect(page.locator("[data-role=red-count]")).to_have_text("1")
    page.click("[data-role=next]")
    page.locator("input[name=global_judgement][value=clear-pass]").check(force=True)
    page.click("[data-role=next]")
    page.check("#sure")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.get_by_role("button", name="Make it final").click()
    expect(page.locator("body")).to_contain_text("Your rating is final")
    db.session.rollback()
    rating = db.session.query(Rating).one()
    assert rating.mark == 81 and rating.device_at is not None            # 85 - 20 x .20
    assert db.session.get_one(Performance, id_).performed_at is not None


def test_two_tabs_of_one_rater_are_shown_both_versions(scene: Scene, person: Any) -> None:
    address = f"/rating/{scene.assignment(scene.role_play(), scene.first)}"
    one = person("first")
    one.goto(address)
    two = one.context.new_page()
    two.goto(address)
    pick(two, "opening", "l5")
    expect(two.locator("#rate-state")).to_contain_text("Saved on the server")
    pick(one, "opening", "l1")
    dialog = one.locator("dialog")
    expect(dialog).to_contain_text("Opening and creating safety")
    expect(dialog).to_contain_text("Not shown")
    expect(dialog).to_contain_text("Excellent")
    assert draft_levels() == {"opening": "l5"}
    dialog.get_by_role("button", name="Keep this page").click()
    expect(one.locator("#rate-state")).to_contain_text("Saved on the server")
    assert draft_levels() == {"opening": "l1"}
    pick(two, "opening", "l3")
    two.locator("dialog").get_by_role("button", name="Take the saved one").click()
    expect(two.locator("input[name='level.opening'][value=l1]")).to_be_checked()
    assert draft_levels() == {"opening": "l1"}


def test_a_case_saves_itself_counts_like_the_server_and_is_handed_in(scene: Scene, person: Any) -> None:
    page = person("yining")
    page.goto("/cases/press-threat")
    page.get_by_role("button", name="Begin").click()
    box = page.locator("#text-q1")
    receipt = page.locator("#question-q1 [data-role=receipt]")
    for words in ("重大投诉 3 行 48,821.92 元", "A major complaint: 48,821.92 yuan, line 3 — don’t wait.", "用 Excel 核对三项", ""):
        language, count = text_length(words)
        box.fill(words)
        expect(page.locator("#length-q1")).to_contain_text(f"{count} {'words' if language == 'en' else 'characters'}, ")
    box.fill("先核实聊天第 3 行，\n再答复。")
    expect(receipt).to_contain_text("Saved on the server")
    db.session.rollback()
    assert db.session.query(CaseDraft).one().text == "先核实聊天第 3 行，\n再答复。"

    box.fill("长" * 20_001)
    expect(receipt).to_contain_text("at most 20000")
    box.fill("先核实聊天第 3 行，\n再答复。")
    expect(receipt).to_contain_text("Saved on the server")

    page.context.set_offline(True)
    page.locator("#text-q2").fill("离线时写的。")
    expect(page.locator("#question-q2 [data-role=receipt]")).to_contain_text("Offline")
    page.context.set_offline(False)
    expect(page.locator("#question-q2 [data-role=receipt]")).to_contain_text("Saved on the server")

    page.locator("#text-q3").fill("还没来得及自动保存的一句。")
    page.get_by_role("button", name="Check before you hand in").click()
    expect(page.locator("main")).to_contain_text("1 answer is empty")
    page.check("#empty_is_meant")
    page.get_by_role("button", name="Hand in for good").click()
    expect(page.locator("main")).to_contain_text("Handed in")
    db.session.rollback()
    assert {row.question_key: row.text for row in db.session.query(CaseResponse)} == {
        "q1": "先核实聊天第 3 行，\n再答复。", "q2": "离线时写的。", "q3": "还没来得及自动保存的一句。", "q4": ""}
