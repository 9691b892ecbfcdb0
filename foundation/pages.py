"""What every template can use: drawings, the menu, static files by content hash, initials of a name."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, request, url_for
from flask_login import current_user

from foundation import drawing
from foundation.i18n import LANGUAGES
from foundation.i18n import gettext as _
from foundation.markdown import render, render_inline
from foundation.splice import hole


@cache
def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """Address of a static file with its content hash, so that browsers may keep it for ever."""
    file = Path(current_app.static_folder or "static") / name
    return f"{url_for('static', filename=name)}?v={_digest(str(file))}"


def initials(name: str) -> str:
    """What stands in the round mark: a Chinese given name (two characters at most), or the letters of a Latin name."""
    name = name.strip()
    if any("\u4e00" <= c <= "\u9fff" for c in name):
        return name[1:3] if len(name) >= 3 else name
    return "".join(part[0] for part in name.split()[:2]).upper()


def given_name(name: str) -> str:
    """How a greeting calls somebody: 以宁 for 周以宁; a Latin name stays whole."""
    if any("\u4e00" <= c <= "\u9fff" for c in name) and len(name) >= 3:
        return name[2:] if len(name) == 4 and name[:2] in _DOUBLE_SURNAMES else name[1:]
    return name


def role_name(role: str) -> str:
    """A role as readers call it."""
    return {"trainee": _("Trainee"), "trainer": _("Trainer"), "mentor": _("Mentor"), "reviewer": _("Training department"),
            "hr": _("HR"), "admin": _("Administrator")}[role]


def device_name(agent: str) -> str:
    """What kind of device and browser a user agent string tells of."""
    system = next((name for mark, name in (("iPad", "iPad"), ("iPhone", "iPhone"), ("Android", "Android"), ("Windows", "Windows"),
                                           ("Mac OS", "macOS"), ("Linux", "Linux")) if mark in agent), _("Another device"))
    browser = next((name for mark, name in (("Edg/", "Edge"), ("MicroMessenger", "WeChat"), ("Chrome", "Chrome"), ("Firefox", "Firefox"),
                                            ("Safari", "Safari")) if mark in agent), "")
    return f"{system} · {browser}" if browser else system


_DOUBLE_SURNAMES = frozenset("欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 司徒 夏侯 端木 长孙 宇文".split())


def setup(app: Flask) -> None:
    @app.context_processor
    def page_values() -> dict[str, Any]:
        return {
            "menu": app.extensions["menu"](current_user) if current_user.is_authenticated else (),
            "search_at": app.extensions["search_address"](current_user) if current_user.is_authenticated else "",
            "languages": LANGUAGES,
            "here": request.full_path.rstrip("?"),
        }

    app.jinja_env.globals.update(
        asset=asset, icon=drawing.icon, mark=drawing.mark, word=drawing.word, seal=drawing.seal, reach=drawing.reach, leg=drawing.leg,
        waves=drawing.waves, door=drawing.door, boat=drawing.boat, blank_art=drawing.blank_art, face=drawing.face, gauge=drawing.gauge,
        initials=initials, given_name=given_name, md=render, md_inline=render_inline, hole=hole,
    )
    app.jinja_env.filters.update(role_name=role_name, device_name=device_name)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
