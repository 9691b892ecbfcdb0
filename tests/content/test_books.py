"""What is shipped can be printed and looked up: no character without a glyph, no figure without a drawing, terms in their place."""

from __future__ import annotations

import json
import string

import pylopdf_fonts_zh_cn
import pytest
from flask import Flask

from courses import library
from courses.lesson_view import lesson_view
from foundation import content
from training.credentials.rules.glyphs import missing_from


def current(kind: str) -> list[content.Stored]:
    return [content.version(id_) for id_ in content.current_ids(kind).values()]


@pytest.mark.parametrize("font", [pylopdf_fonts_zh_cn.serif_path(), pylopdf_fonts_zh_cn.sans_path()], ids=["serif", "sans"])
def test_the_fonts_of_the_course_book_have_every_character_of_the_lessons(app: Flask, font: object) -> None:
    texts = "".join(json.dumps(stored.body, ensure_ascii=False) for kind in ("lesson", "glossary", "sources", "programme") for stored in current(kind))
    assert missing_from("".join(sorted(set(texts) - set(string.whitespace))), font) == ()  # type: ignore[arg-type]


def test_every_figure_of_a_lesson_is_drawn_in_its_language(app: Flask) -> None:
    glossary = content.current_ids("glossary")["glossary"]
    for stored in current("lesson"):
        for language in ("zh", "en"):
            view = lesson_view(stored.id, language, glossary)
            figures = [block for block in stored.body[language]["blocks"] if block["name"] == "figure"]
            drawn = [v for v in view.views if v.kind == "figure"]
            assert len(drawn) == len(figures)
            for v in drawn:
                assert "<svg" in v.items[0] and v.html, stored.key
            idents = [part for v in drawn for part in str(v.items[0]).split('id="')[1:]]
            assert len(idents) == len({ident.split('"')[0] for ident in idents}), "two figures of one page share an id"


def test_no_term_is_linked_twice_in_a_lesson(app: Flask) -> None:
    glossary = content.current_ids("glossary")["glossary"]
    linked = 0
    for stored in current("lesson"):
        for language in ("zh", "en"):
            view = lesson_view(stored.id, language, glossary)
            page = "".join(str(v.html) for v in view.views)
            for key in stored.body["vocabulary"]:
                assert page.count(f'href="/glossary#{key}"') <= 1
            linked += page.count('class="term"')
    assert linked >= len(current("lesson")), "hardly a lesson uses its own vocabulary"


def test_every_chinese_term_stands_under_a_letter(app: Flask) -> None:
    glossary = content.current_ids("glossary")["glossary"]
    for language in ("zh", "en"):
        entries = library.terms(glossary, language)
        assert [entry.term[language] for entry in entries if entry.letter == "#" and not entry.term[language][0].isdigit()] == []
        assert [entry.letter for entry in entries] == sorted(entry.letter for entry in entries)


@pytest.mark.parametrize(("term", "letter"), [("表层需求", "B"), ("客户权益", "K"), ("净推荐值", "J"), ("银行", "Y"), ("信任", "X"), ("首问负责", "S"),
                                              ("AUM", "A")])
def test_chinese_terms_stand_in_the_order_of_their_pinyin(term: str, letter: str) -> None:
    assert library._letter(term, "zh") == letter
