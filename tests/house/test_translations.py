"""Every text a person can see exists in both languages: msgids are English, each has its Chinese."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from foundation import i18n

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = sorted((i18n.TRANSLATIONS / "zh").glob("*.po"))
KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2), "lazy_ngettext": (1, 2)}
CJK = re.compile(r"[\u3400-\u9fff\uff00-\uffef]")
PLACE = re.compile(r"%\((\w+)\)[sd]")
Id = str | tuple[str, str]


@cache
def texts() -> dict[Id, list[str]]:
    """Every msgid in the program (a pair where it has a plural), with the places it stands at."""
    found: dict[Id, list[str]] = defaultdict(list)
    sources = [(path, "python") for folder in ("foundation", "courses", "quizzes", "training") for path in sorted((ROOT / folder).rglob("*.py"))]
    sources += [(ROOT / "app.py", "python")] + [(path, babel_extract) for path in sorted((ROOT / "templates").rglob("*.html"))]
    for path, method in sources:
        options = {"silent": "false"} if method is babel_extract else {}
        for line, message, _comments, _context in extract_from_file(method, str(path), keywords=KEYWORDS, options=options):
            id_ = (message[0], message[1]) if isinstance(message, tuple) else message
            if id_:
                found[id_].append(f"{path.relative_to(ROOT).as_posix()}:{line}")
    return dict(found)


@cache
def entries() -> list[tuple[str, Message]]:
    made = []
    for path in CATALOGUES:
        with path.open("rb") as handle:
            made += [(f"{path.name}:{message.lineno}", message) for message in read_po(handle, locale="zh") if message.id]
    return made


def first(id_: Any) -> str:
    return id_[0] if isinstance(id_, tuple | list) else id_


def test_there_are_texts_to_translate() -> None:
    assert len(texts()) > 300


def test_no_text_hides_in_an_f_string() -> None:
    """Python 3.11 reads an f-string as one piece: a text inside it is found by nobody who collects texts."""
    hidden = []
    for folder in ("foundation", "courses", "quizzes", "training"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    hidden += [f"{path.relative_to(ROOT)}:{call.lineno}" for call in ast.walk(node)
                               if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS]
    assert hidden == []


def test_every_text_has_its_chinese() -> None:
    done = {first(message.id) for _place, message in entries() if (message.string[0] if isinstance(message.string, tuple | list) else message.string)}
    missing = [f"{places[0]}: {first(id_)}" for id_, places in sorted(texts().items(), key=lambda item: item[1]) if first(id_) not in done]
    assert missing == [], "\n" + "\n".join(missing)


def test_a_text_that_counts_is_translated_as_one_that_counts() -> None:
    shape = {first(message.id): isinstance(message.id, tuple | list) for _place, message in entries()}
    wrong = [f"{places[0]}: {first(id_)}" for id_, places in texts().items() if isinstance(id_, tuple) and not shape.get(id_[0], True)]
    wrong += [f"{places[0]}: {id_}" for id_, places in texts().items() if isinstance(id_, str) and shape.get(id_, False)]
    assert wrong == [], "a plural in the program and none in the catalogue, or the other way round"


def test_msgids_are_english() -> None:
    assert [f"{places[0]}: {first(id_)}" for id_, places in texts().items() if CJK.search("".join(id_) if isinstance(id_, tuple) else id_)] == []


def test_a_translation_keeps_the_places_for_values() -> None:
    wrong = []
    for place, message in entries():
        english = set(PLACE.findall("".join(message.id) if isinstance(message.id, tuple | list) else message.id))
        for string in message.string if isinstance(message.string, tuple | list) else [message.string]:
            if string and set(PLACE.findall(string)) != english:
                wrong.append(f"{place}: {string}")
            if string and english and "%" in PLACE.sub("", string.replace("%%", "")):
                wrong.append(f"{place}: a stray % in {string}")
    assert wrong == []


def test_a_text_is_translated_one_way_only() -> None:
    ways: dict[tuple[str, str | None], dict[str, str]] = defaultdict(dict)
    for place, message in entries():
        string = "|".join(message.string) if isinstance(message.string, tuple | list) else message.string
        if string:
            ways[(first(message.id), message.context)].setdefault(string, place)
    assert {id_: found for id_, found in ways.items() if len(found) > 1} == {}


def test_no_translation_is_fuzzy_or_left_over() -> None:
    assert [place for place, message in entries() if message.fuzzy] == []
    used = {first(id_) for id_ in texts()}
    assert [f"{place}: {first(message.id)}" for place, message in entries() if first(message.id) not in used] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.name)
def test_a_catalogue_says_its_charset_and_plural(path: Path) -> None:
    head = path.read_text(encoding="utf-8")[:1000]
    assert "charset=UTF-8" in head
    assert "nplurals=1; plural=0" in head


def test_the_merged_catalogue_holds_them_all(template: Path) -> None:
    with (i18n.TRANSLATIONS / "zh/LC_MESSAGES/messages.mo").open("rb") as handle:
        merged = {first(message.id) for message in read_mo(handle) if message.id}
    assert {first(id_) for id_ in texts()} <= merged
