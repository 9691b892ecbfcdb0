"""Course books: made beside the requests, kept, and handed only to those whose unit is open."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from courses import press
from tests.factories import Factory

Client = Callable[..., Any]
WEEK_1 = "/books/service-manager/week-1/{}.pdf"


@pytest.fixture
def anna(make: Factory, client_for: Client) -> Any:
    make.trainee(make.cohort(weeks_ago=0), "anna", "安然")
    return client_for("anna")


def wait_for(client: Any, address: str) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = client.get(address)
        if answer.status_code != 202:
            return answer
        time.sleep(0.2)
    raise AssertionError("the book never came")


def gone(folder: Path, pattern: str) -> bool:
    """Whether the press has cleared up behind itself: the book stands in its place a moment before that."""
    until = time.monotonic() + 20
    while list(folder.glob(pattern)) and time.monotonic() < until:
        time.sleep(0.05)
    return not list(folder.glob(pattern))


def test_a_book_is_made_while_a_page_waits_and_is_kept(anna: Any, app: Flask) -> None:
    first = anna.get(WEEK_1.format("zh"))
    assert first.status_code == 202 and first.headers["Retry-After"] == "3"
    assert 'http-equiv="refresh" content="3"' in first.get_data(as_text=True)
    book = wait_for(anna, WEEK_1.format("zh"))
    assert book.status_code == 200 and book.mimetype == "application/pdf" and book.data.startswith(b"%PDF")
    assert 'filename="service-manager-week-1-zh.pdf"' in book.headers["Content-Disposition"]
    assert "private" in book.headers.get("Cache-Control", "") or "no-" in book.headers.get("Cache-Control", "")
    kept = list((Path(app.config["DATA"]) / "books").glob("*.pdf"))
    assert len(kept) == 1 and gone(kept[0].parent, "*.json")
    made_at = kept[0].stat().st_ino
    assert anna.get(WEEK_1.format("zh")).status_code == 200 and kept[0].stat().st_ino == made_at


def test_the_two_languages_are_two_books(anna: Any, make: Factory) -> None:
    shown = press.find_shown(make.actor(make.person("tess", "trainer")), "service-manager", "week-1")
    assert shown is not None
    (zh, zh_name), (en, en_name) = press.document(shown, "zh"), press.document(shown, "en")
    assert zh_name != en_name and "金融基础" in zh and "Finance basics" in en
    assert "第 1 周" in zh and "Week 1" in en
    assert press.document(shown, "zh")[1] == zh_name


@pytest.mark.parametrize("address", [
    "/books/service-manager/week-5/zh.pdf", "/books/service-manager/week-99/zh.pdf", "/books/no-such/week-1/zh.pdf", "/books/service-manager/week-1/fr.pdf",
    "/books/service-manager/week-1/..%2f..%2fqizhou.db.pdf", "/books/service-manager/%00/zh.pdf"])
def test_a_closed_or_unknown_unit_is_not_there(anna: Any, address: str) -> None:
    assert anna.get(address).status_code == 404


def test_staff_have_every_unit_that_holds_lessons(make: Factory, client_for: Client) -> None:
    make.trainer(make.cohort(), "tess")
    actor = make.actor(make.person("mina", "mentor"))
    units = [unit.key for shelf in press.shelves(actor) for unit, is_open in shelf.units if is_open]
    assert "week-1" in units
    assert all(press.find_shown(actor, shelf.programme.key, unit.key) for shelf in press.shelves(actor) for unit, _open in shelf.units)
    page = client_for("tess").get("/books").get_data(as_text=True)
    assert WEEK_1.format("zh") in page and WEEK_1.format("en") in page


def test_a_trainee_sees_which_books_are_still_closed(anna: Any) -> None:
    page = anna.get("/books").get_data(as_text=True)
    assert WEEK_1.format("en") in page and "/week-3/" not in page
    assert WEEK_1.format("en") in anna.get("/course?week=1").get_data(as_text=True)


def test_too_many_waiting_are_put_off_and_none_is_forgotten(anna: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy:
        def ask(self, _target: Path, _data: str) -> bool:
            return False

    monkeypatch.setattr(press, "_press", Busy())
    answer = anna.get(WEEK_1.format("zh"))
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "30" and "refresh" not in answer.get_data(as_text=True)


def test_the_list_of_the_press_is_bounded_and_holds_a_book_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = press._Press()
    monkeypatch.setattr(waiting, "start", lambda: None)
    assert all(waiting.ask(tmp_path / "same.pdf", "{}") for _ in range(20))
    assert [waiting.ask(tmp_path / f"{i}.pdf", "{}") for i in range(press.WAITING_MOST)] == [True] * (press.WAITING_MOST - 1) + [False]


def test_a_book_that_fails_is_said_to_have_failed_and_tried_again_later(anna: Any, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "paper"
    shutil.copytree(press.PAPER, broken)
    (broken / "book-1" / "book.typ").write_text("#panic(\"no\")")
    monkeypatch.setattr(press, "PAPER", broken)
    press._document.cache_clear()
    answer = wait_for(anna, WEEK_1.format("zh"))
    assert answer.status_code == 503 and "could not be made" in answer.get_data(as_text=True)
    folder = Path(app.config["DATA"]) / "books"
    assert not list(folder.glob("*.pdf")) and gone(folder, "*.json")
    monkeypatch.setattr(press, "RETRY_S", -1)
    assert anna.get(WEEK_1.format("zh")).status_code == 202
    press._document.cache_clear()


def test_only_the_newest_files_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "KEPT", 3)
    files = [tmp_path / f"{i}.pdf" for i in range(5)]
    for file in files:
        file.touch()
    press._clear(files)
    assert [file.name for file in files if file.exists()] == ["2.pdf", "3.pdf", "4.pdf"]


def test_a_book_asks_the_database_little(anna: Any, query_count: Any) -> None:
    wait_for(anna, WEEK_1.format("zh"))
    with query_count() as counted:
        anna.get(WEEK_1.format("zh"))
    assert counted.number <= 18, counted.statements
