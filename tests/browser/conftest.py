"""A running installation with the demo data, and real Chromium windows that fail on any console error or CSP report."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).resolve().parents[2]
DEMO_PASSWORD = "qizhou-demo"
PHONE = {"width": 390, "height": 844}
TABLET = {"width": 820, "height": 1180}
DESKTOP = {"width": 1280, "height": 900}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Installation:
    """Where the product runs and what it keeps its data in."""

    base: str
    data: Path


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """What `make run` starts on an empty folder: schema, content, demo cohorts, two workers and the supervised one."""
    data = tmp_path_factory.mktemp("installation") / "data"
    port = _free_port()
    environment = {**os.environ, "QIZHOU_DATA": str(data), "PORT": str(port), "QIZHOU_ARGON2_KIB": "64", "QIZHOU_BASE_URL": f"http://127.0.0.1:{port}"}
    log = (tmp_path_factory.mktemp("log") / "serve.log").open("w+")
    process = subprocess.Popen([sys.executable, "serve.py"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + 150
        while True:
            try:
                if urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200:
                    break
            except OSError:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise AssertionError(f"the installation did not start:\n{log.read()[-4000:]}")
            time.sleep(0.25)
        yield Installation(f"http://127.0.0.1:{port}", data)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)
        log.close()


@dataclass
class Window:
    """A browser window of one person. `complaints` collects console errors, page errors and CSP reports."""

    context: BrowserContext
    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def go(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    def sign_in(self, login: str) -> Page:
        page = self.go("/login")
        page.fill("#login", login)
        page.fill("#password", DEMO_PASSWORD)
        page.click("form .btn-primary")
        page.wait_for_url(self.base + "/")
        return page

    def sideways(self) -> int:
        """By how many pixels the page can be pushed sideways; 0 is right."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.fixture
def window(chromium: Browser, installation: Installation) -> Iterator[Callable[..., Window]]:
    """window(language, viewport, dark=False) opens one; at the end every window must be free of complaints."""
    opened: list[Window] = []

    def open_window(language: str = "zh", viewport: dict[str, int] | None = None, dark: bool = False, touch: bool = False) -> Window:
        context = chromium.new_context(viewport=viewport or DESKTOP, color_scheme="dark" if dark else "light", has_touch=touch, accept_downloads=True)
        context.add_cookies([{"name": "qizhou_lang", "value": language, "url": installation.base}])
        outside: list[str] = []
        context.on("request", lambda request: outside.append(request.url) if not request.url.startswith((installation.base, "data:", "blob:")) else None)
        page = context.new_page()
        made = Window(context, page, installation.base, outside)
        page.on("console", lambda message: made.complaints.append(f"{page.url}: {message.text}") if message.type == "error" else None)
        page.on("pageerror", lambda fault: made.complaints.append(f"{page.url}: {fault}"))
        opened.append(made)
        return made

    yield open_window
    for made in opened:
        found = [c for c in made.complaints if not any(text in c for text in made.expected)]
        made.context.close()
        assert not found, "\n".join(found)
