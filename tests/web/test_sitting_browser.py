"""The exam in a real browser: written offline, killed and opened again without losing a letter; two devices; time given;
the calculator and the paper by keyboard; nothing left on the device after handing in."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from foundation import clock
from foundation.db import db
from quizzes import queries, services
from quizzes.models import AnswerSave, Attempt, AttemptEvent, LateSave
from quizzes.rules.answer import from_screen
from tests.factories import PASSWORD, Factory
from tests.sitting_scene import EXAM, PRACTICE, Room, single

pytestmark = pytest.mark.browser
DESK = {"width": 1280, "height": 900}
STORED = """() => new Promise((done) => { const open = indexedDB.open("qizhou-answers", 1);
  open.onsuccess = () => {
    const all = open.result.transaction("STORE").objectStore("STORE").getAll();
    all.onsuccess = () => { open.result.close(); done(all.result); };
  }; })"""


@pytest.fixture
def room(make: Factory) -> Room:
    return Room(make)


@pytest.fixture
def served(app: Flask, room: Room) -> Iterator[str]:
    db.session.remove()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def sign_in(page: Page, served: str, login: str = "learner-2026-a") -> Page:
    page.context.add_cookies([{"name": "qizhou_lang", "value": "en", "url": served}])
    page.goto(f"{served}/login")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("form[action*=login] button[type=submit]")
    page.wait_for_url(f"{served}/")
    return page


@pytest.fixture
def learner(served: str, chromium: Browser) -> Iterator[Callable[[], Page]]:
    """learner() → a page of the trainee, signed in, in a browser context of its own; any script error fails the test."""
    faults: list[str] = []
    contexts: list[BrowserContext] = []

    def open_page() -> Page:
        context = chromium.new_context(viewport=DESK)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None)
        return sign_in(page, served)

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def stored(page: Page, store: str = "entries") -> list[Any]:
    found: list[Any] = page.evaluate(STORED.replace("STORE", store))
    return found


def ready(page: Page) -> None:
    """The page has read what the device kept and holds the paper."""
    expect(page.locator("[data-role=keeps]")).to_be_visible()
    expect(page.locator(".exam")).not_to_have_attribute("inert", "")


def choose(page: Page, position: int, letter: str) -> None:
    page.locator(f".palette [data-to='{position}']").click()
    page.locator(f"#f{position} input[value='{letter}']").check(force=True)


def receipt_of(page: Page, position: int) -> Any:
    return page.locator(f"#f{position} [data-role=receipt]").get_by_text(re.compile(r"^[0-9A-F]{4}-[0-9A-F]{4}$"))


def answers(attempt: int) -> dict[int, Any]:
    db.session.rollback()
    return {slot.position: slot.answer for slot in queries.slots_of([attempt])[attempt] if slot.answer}


# ── killed and opened again ──────────────────────────────────────────────────────────────────────────────────────
class OwnBrowser:
    """A Chromium of its own with a profile on the disk, which can be killed without a word."""

    def __init__(self, kind: BrowserType, profile: Path, port: int) -> None:
        path = shutil.which("chromium")
        assert path
        self.process = subprocess.Popen(
            [path, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}", f"--remote-debugging-port={port}",
             "--window-size=1280,900", "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/json/version", timeout=2)
                break
            except OSError:
                assert time.monotonic() < end and self.process.poll() is None, "the browser did not start"
                time.sleep(0.1)
        self.browser = kind.connect_over_cdp(f"http://127.0.0.1:{port}")
        self.context = self.browser.contexts[0]

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=20)


@pytest.fixture
def own_browser(chromium: Browser, tmp_path: Path) -> Iterator[Callable[[], OwnBrowser]]:
    """own_browser() → a browser on one profile; the same profile again after it was killed."""
    opened: list[OwnBrowser] = []

    def start() -> OwnBrowser:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        opened.append(OwnBrowser(chromium.browser_type, tmp_path / "profile", port))
        return opened[-1]

    yield start
    for made in opened:
        if made.process.poll() is None:
            made.kill()


TYPED = "客户李女士：“到期再转存，可以吗？” Answer: yes, 转存。 ‮ 🙂 <b>&"


def test_a_browser_cut_off_killed_and_opened_again_loses_no_letter(served: str, room: Room, own_browser: Callable[[], OwnBrowser]) -> None:
    attempt = room.start(PRACTICE)
    position, options = single(attempt)
    first = own_browser()
    page = sign_in(first.context.new_page(), served)
    page.goto(f"{served}/attempts/{attempt}")
    ready(page)
    choose(page, position, "A")
    expect(receipt_of(page, position)).to_be_visible()
    page.context.set_offline(True)
    choose(page, position, "B")
    other = next(n for n in range(1, 11) if n != position)
    touched = type_or_choose(page, attempt, other)
    expect(page.locator(f"#f{other} [data-role=waiting]")).to_contain_text("kept on this device")
    expect(page.locator("[data-role=banner]")).to_contain_text("kept on this device")
    sealed = stored(page)
    fields = {"id", "attempt", "person", "device", "op", "order", "iv", "data"}
    assert len(sealed) >= 2 and all(set(entry) == fields for entry in sealed), "nothing readable is stored"
    first.kill()
    assert answers(attempt) == {position: {"choice": options[0]}}

    second = own_browser()
    page = sign_in(second.context.new_page(), served)      # the same person is given the same key again
    page.goto(f"{served}/attempts/{attempt}")
    for number in (position, other):
        page.locator(f".palette [data-to='{number}']").click()
        expect(receipt_of(page, number)).to_be_visible()
    page.wait_for_function(f"({STORED.replace('STORE', 'entries')})().then((all) => all.length === 0)")
    found = answers(attempt)
    assert found[position] == {"choice": options[1]} and found[other] == touched
    assert queries.chain_holds(attempt)


def type_or_choose(page: Page, attempt: int, position: int) -> Any:
    """Give some answer to a question of any kind; the answer as the server would keep it."""
    slot = queries.one_slot(attempt, position)
    db.session.rollback()
    page.locator(f".palette [data-to='{position}']").click()
    form = page.locator(f"#f{position}")
    kind = slot.item.kind
    if kind in ("single", "multiple"):
        form.locator("input[value='A']").check(force=True)
        return from_screen(slot.item, slot.order, {"choice": "A"} if kind == "single" else {"choices": ["A"]})
    if kind == "true_false":
        form.locator("input[value='true']").check(force=True)
        return {"value": True}
    if kind in ("matching", "ordering"):
        field = form.locator("select").first
        entry = field.get_attribute("data-entry")
        field.select_option(index=1)
        value = field.input_value()
        raw = {"pairs": {entry: value}} if kind == "matching" else {"positions": {entry: int(value)}}
        return from_screen(slot.item, slot.order, raw)
    if kind == "cloze":
        form.locator("input[data-entry='1']").press_sequentially(TYPED[:40])
        return from_screen(slot.item, slot.order, {"blanks": {"1": TYPED[:40].strip()}})
    form.locator("[name=a]").press_sequentially(TYPED[:50])
    return {"text": TYPED[:50].strip()}


# ── two devices ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_second_device_takes_over_by_its_button_and_the_first_one_stops_with_its_text_in_view(served: str, room: Room, learner: Callable[[], Page]) -> None:
    attempt = room.start(PRACTICE)
    position, options = single(attempt)
    first, second = learner(), learner()
    first.goto(f"{served}/attempts/{attempt}")
    ready(first)
    choose(first, position, "A")
    expect(receipt_of(first, position)).to_be_visible()
    second.goto(f"{served}/attempts/{attempt}")
    expect(second.get_by_role("heading", name="This paper is open on another device")).to_be_visible()
    expect(second.locator("#f1")).to_be_hidden()
    second.get_by_role("button", name="Go on with this device").click()
    choose(second, position, "B")
    expect(second.locator(f"#f{position} [data-role=receipt]")).to_contain_text(re.compile(r"[0-9A-F]{4}-[0-9A-F]{4}"))
    expect(second.locator(f"#f{position} [data-role=waiting]")).to_be_hidden()
    choose(first, position, "C")
    expect(first.locator("[data-role=banner]")).to_contain_text("Nothing is saved here any more.")
    expect(first.locator("[data-role=banner]")).to_contain_text(f"question {position}")
    assert first.locator(f"#f{position} input[value='C']").is_checked() and first.locator(f"#f{position} input[value='C']").is_disabled()
    assert answers(attempt)[position] == {"choice": options[1]}
    first.get_by_role("button", name="Go on with this device").click()
    expect(first.locator(f"#f{position} [data-role=conflict]")).to_be_visible()
    first.get_by_role("button", name="Let mine stand").click()
    expect(first.locator(f"#f{position} [data-role=waiting]")).to_be_hidden()
    expect(first.locator(f"#f{position} [data-role=receipt]")).to_contain_text(re.compile(r"[0-9A-F]{4}-[0-9A-F]{4}"))
    first.wait_for_timeout(300)
    assert answers(attempt)[position] == {"choice": options[2]}
    db.session.rollback()
    assert db.session.scalars(select(AttemptEvent.kind).where(AttemptEvent.kind == "device")).all() == ["device"] * 3


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_time_given_reaches_the_open_page_before_it_hands_in_and_is_announced(served: str, room: Room, learner: Callable[[], Page]) -> None:
    room.plan()
    attempt = room.start()
    room.do(lambda: setattr(db.session.get_one(Attempt, attempt), "closes_at", clock.now() + timedelta(seconds=15)))
    page = learner()
    page.goto(f"{served}/attempts/{attempt}")
    ready(page)
    room.do(services.give_extra_time, room.sitting, None, 15, "technical", room.trainer)
    expect(page.locator("[data-role=say]")).to_have_text(re.compile("You have been given more time: 1[56] minutes left"), timeout=25000)
    expect(page.locator(".timer [data-role=left] b")).to_contain_text(re.compile(r"^1[45]:"))
    assert page.url.endswith(f"/attempts/{attempt}"), "the page did not hand in"
    room.do(services.pause_hall, room.sitting, "drill", room.trainer)
    expect(page.get_by_role("heading", name="The invigilator has paused this sitting")).to_be_visible(timeout=25000)
    expect(page.locator("#f1")).to_be_hidden()
    room.do(services.resume_hall, room.sitting, room.trainer)
    expect(page.locator(".exam")).to_be_visible(timeout=15000)


# ── after the end, and signing out ───────────────────────────────────────────────────────────────────────────────
def test_what_was_kept_until_after_the_end_is_sent_for_review_and_nothing_stays_behind(served: str, room: Room, learner: Callable[[], Page]) -> None:
    attempt = room.start(PRACTICE)
    position, _options = single(attempt)
    page = learner()
    page.goto(f"{served}/attempts/{attempt}")
    ready(page)
    page.context.set_offline(True)
    choose(page, position, "B")
    expect(page.locator(f"#f{position} [data-role=waiting]")).to_contain_text("kept on this device")
    context = page.context
    page.close()                                              # the tab is gone with what it could not send
    room.do(services.submit_attempt, attempt, room.learner)
    context.set_offline(False)
    page = context.new_page()
    page.goto(f"{served}/attempts/{attempt}/result")
    expect(page.locator("[data-enhance=kept-answers]")).to_contain_text("1 answers that this device had kept reached the server only now")
    db.session.rollback()
    assert len(db.session.scalars(select(LateSave.id)).all()) == 1 and db.session.scalars(select(AnswerSave.id)).all() == []
    assert stored(page) == []


def test_signing_out_removes_the_key_and_leaves_the_sealed_answers_to_their_owner(served: str, room: Room, learner: Callable[[], Page]) -> None:
    attempt = room.start(PRACTICE)
    position, options = single(attempt)
    page = learner()
    page.goto(f"{served}/attempts/{attempt}")
    ready(page)
    assert len(stored(page, "keys")) == 1
    page.route("**/answers", lambda route: route.abort())
    choose(page, position, "B")
    expect(page.locator(f"#f{position} [data-role=waiting]")).to_contain_text("kept on this device")
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{served}/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/login")
    page.wait_for_function(f"({STORED.replace('STORE', 'keys')})().then((all) => all.length === 0)")
    assert len(stored(page)) == 1, "the sealed answer stays"
    page.unroute("**/answers")
    sign_in(page, served)
    page.goto(f"{served}/attempts/{attempt}?q={position}")
    expect(receipt_of(page, position)).to_be_visible()
    assert answers(attempt) == {position: {"choice": options[1]}}


def test_a_recovery_file_of_the_page_opens_on_the_server(served: str, room: Room, learner: Callable[[], Page], client_for: Callable[..., Any]) -> None:
    attempt = room.start(PRACTICE)
    position, options = single(attempt)
    page = learner()
    page.clock.install()
    page.goto(f"{served}/attempts/{attempt}")
    page.clock.run_for(2000)
    ready(page)
    page.route("**/answers", lambda route: route.abort())
    choose(page, position, "B")
    page.clock.run_for(200)
    expect(page.locator(f"#f{position} [data-role=waiting]")).to_contain_text("kept on this device")
    for _round in range(12):
        page.clock.run_for(8000)
        page.wait_for_timeout(30)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save a recovery file").click()
    raw = Path(download.value.path()).read_bytes()
    answer = client_for("trainer-2026-a").send(f"/attempts/{attempt}/recovery", {"file": (io.BytesIO(raw), "r.json")}, content_type="multipart/form-data")
    assert answer.status_code == 303 and answers(attempt) == {position: {"choice": options[1]}}


# ── keyboard ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_letters_choose_arrows_walk_the_card_and_the_calculator_reckons(served: str, room: Room, learner: Callable[[], Page]) -> None:
    attempt = room.start(EXAM)
    position, options = single(attempt)
    page = learner()
    page.goto(f"{served}/attempts/{attempt}?q={position}")
    ready(page)
    page.locator(f".palette [data-to='{position}']").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("b")
    expect(receipt_of(page, position)).to_be_visible()
    assert answers(attempt) == {position: {"choice": options[1]}}
    page.locator(".palette [data-to='3']").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.to") == "4"
    with page.expect_response("**/events"):
        page.locator(f"#f{position} [data-role=flag]").click()
    expect(page.locator(f".palette [data-to='{position}']")).to_have_class(re.compile("is-flag"))
    page.reload()
    ready(page)
    expect(page.locator(f".palette [data-to='{position}']")).to_have_class(re.compile("is-flag"))
    calculator = page.locator(".calc")
    calculator.locator("summary").focus()
    page.keyboard.press("Enter")
    field, result = calculator.locator("input"), calculator.locator("output")
    for typed, shown in (("1,500.00*2.75%", "41.25"), ("Ans/3+(2-0.5)*2", "16.75"), ("0.1+0.2", "0.3"), ("-(2+3)×4", "-20"), ("１０÷４", "2.5"),
                         *((bad, "This cannot be worked out.") for bad in ("1/0", "alert(1)", "2**3", "(1", "1..2"))):
        field.fill(typed)
        field.press("Enter")
        expect(result).to_have_text(shown)
    assert page.locator(f"#f{position} input[value='B']").is_checked(), "typing in the calculator chooses nothing"

