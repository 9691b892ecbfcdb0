"""Two languages: msgids are English, Chinese is the default. Content carries both texts; interface texts are catalogued.

Each part keeps its own file foundation/translations/zh/<part>.po; set-up merges them into one catalogue.
"""

from __future__ import annotations

import os
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, has_request_context, request
from flask_babel import Babel, get_locale, gettext, lazy_gettext, ngettext
from flask_login import current_user

__all__ = ["_", "babel", "gettext", "lazy_gettext", "language", "ngettext", "pick", "setup"]

LANGUAGES = ("zh", "en")
COOKIE = "qizhou_lang"
TRANSLATIONS = Path(__file__).parent / "translations"
_ = gettext
babel = Babel()


_LOCALES = {name: Locale.parse(name) for name in LANGUAGES}     # parsed once: a name would be parsed for every request


def _choose() -> Locale:
    if not has_request_context():
        return _LOCALES["zh"]
    actor = current_user._get_current_object()
    saved = getattr(actor, "language", None)
    if saved in LANGUAGES:
        return _LOCALES[saved]
    cookie = request.cookies.get(COOKIE)
    if cookie in LANGUAGES:
        return _LOCALES[cookie]
    return _LOCALES[request.accept_languages.best_match(LANGUAGES) or "zh"]


def language() -> str:
    """'zh' or 'en' for this request (zh outside of one)."""
    locale = get_locale()
    return "en" if locale is not None and locale.language == "en" else "zh"


def pick(text: Any) -> str:
    """The text of a {'zh','en'} mapping or Bilingual in the reader's language; plain text passes."""
    if text is None or isinstance(text, str):
        return text or ""
    if isinstance(text, dict):
        return str(text.get(language()) or text.get("zh") or "")
    return str(getattr(text, language()))


def build() -> int:
    """Merge the catalogues of all parts into messages.mo (made at set-up, not kept in git). Returns the entries."""
    merged = Catalog(locale="zh")
    for file in sorted((TRANSLATIONS / "zh").glob("*.po")):
        with file.open("rb") as handle:
            for message in read_po(handle, locale="zh"):
                if message.id and message.string:
                    merged.add(message.id, message.string, context=message.context)
    target = TRANSLATIONS / "zh" / "LC_MESSAGES" / "messages.mo"
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(f".{os.getpid()}")
    with fresh.open("wb") as handle:
        write_mo(handle, merged)
    fresh.replace(target)   # a server or a test beside us reads the old catalogue or the new one, never half of it
    return len(merged)


WEEKDAYS_ZH = "一二三四五六日"
MONTHS_EN = "January February March April May June July August September October November December".split()


def day(value: date | datetime | None, zone: str = "Asia/Shanghai", weekday: bool = False, year: bool = True) -> str:
    """A date for reading: 2026 年 11 月 21 日 / 21 November 2026, a time seen in `zone`."""
    if value is None:
        return "—"
    if isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(zone)).date()
    if language() == "zh":
        text = (f"{value.year} 年 " if year else "") + f"{value.month} 月 {value.day} 日"
        return text + (f" 星期{WEEKDAYS_ZH[value.weekday()]}" if weekday else "")
    text = f"{value.day} {MONTHS_EN[value.month - 1]}" + (f" {value.year}" if year else "")
    return (value.strftime("%A ") if weekday else "") + text


def moment(value: datetime | None, zone: str = "Asia/Shanghai", seconds: bool = False) -> str:
    """A date with its time of day in `zone`."""
    if value is None:
        return "—"
    local = value.astimezone(ZoneInfo(zone))
    return f"{day(local.date())} {local.strftime('%H:%M:%S' if seconds else '%H:%M')}"


def hour(value: datetime, zone: str = "Asia/Shanghai") -> str:
    return value.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def month_short(value: date) -> str:
    """The month under a day's number: 11 月 / Nov."""
    return f"{value.month} 月" if language() == "zh" else MONTHS_EN[value.month - 1][:3]


def figure(value: Decimal | int | None, places: int = 1) -> str:
    """A plain figure for reading (hours, shares); scores go through the scheme's own rounding instead."""
    if value is None:
        return "—"
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if places and "." in text else text


def setup(app: Flask) -> None:
    app.config.setdefault("BABEL_DEFAULT_LOCALE", "zh")
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(TRANSLATIONS))
    babel.init_app(app, locale_selector=_choose)
    app.jinja_env.filters.update(tr=pick, day=day, moment=moment, hour=hour, figure=figure, month_short=month_short)
    app.jinja_env.globals.update(lang=language)
