"""A served application and signed-in pages of it in a real Chromium, for tests that drive one page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import make_server

from foundation.db import db
from tests.factories import PASSWORD

PHONE = {"width": 390, "height": 844}
SMALLEST = {"width": 320, "height": 640}
DESK = {"width": 1280, "height": 900}


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The application on a port of its own; its address."""
    db.session.remove()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def signed_in_pages(address: str, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """open_page(login, size, language, theme) → a page of that person; in the end any script error or report of the CSP fails the test."""
    faults: list[str] = []
    contexts: list[BrowserContext] = []

    def open_page(login: str, size: dict[str, int] = PHONE, language: str = "en", theme: Any = "light") -> Page:
        context = chromium.new_context(viewport=size, base_url=address, color_scheme=theme)  # type: ignore[arg-type]
        contexts.append(context)
        context.add_cookies([{"name": "qizhou_lang", "value": language, "url": address}])
        page = context.new_page()
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" and "Failed to load resource" not in message.text
                else None)
        page.goto("/login")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        page.click("form[action*=login] button[type=submit]")
        page.wait_for_url(address + "/")
        return page

    try:
        yield open_page
    finally:
        for context in contexts:
            context.close()
    assert faults == []
