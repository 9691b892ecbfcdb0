"""Terms in a lesson: linked once, in the running text, and never where a link would do harm."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from courses.rules.terms import TermLinker

ZH = (("need", "需求", "客户要的"), ("surface-need", "表层需求", "说出口的“<办法>”"), ("nps", "净推荐值（NPS）", "推荐减贬损"))
EN = (("plan", "Plan", "what to do"), ("loan", "Consumer loan", "money lent"), ("rd", "R&D", "research"))


def words(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


def test_only_the_first_place_in_the_lesson_is_linked() -> None:
    linker = TermLinker(ZH, "zh")
    first, second = linker.link("<p>需求有四层。需求要确认。</p>"), linker.link("<p>再说需求。</p>")
    assert first.count('href="/glossary#need"') == 1 and "glossary" not in second
    assert first.startswith('<p><a class="term" href="/glossary#need" title="客户要的">需求</a>有四层')


def test_the_longer_term_wins_and_the_shorter_is_still_to_come() -> None:
    html = TermLinker(ZH, "zh").link("<p>表层需求之下还有需求。</p>")
    assert html.index("#surface-need") < html.index("#need") and html.count("<a ") == 2


def test_a_term_is_found_without_what_it_has_in_brackets() -> None:
    assert "#nps" in TermLinker(ZH, "zh").link("<p>净推荐值怎么算</p>")


def test_a_definition_cannot_break_out_of_its_attribute() -> None:
    html = TermLinker((("x", "需求", '"><script>alert(1)</script>'),), "zh").link("<p>需求</p>")
    assert "<script" not in html and "&#34;&gt;" in html


def test_headings_links_code_table_heads_and_drawings_are_left_alone() -> None:
    for tag in ("h2", "h3", "a", "code", "th", "svg"):
        html = f"<{tag}>需求</{tag}>"
        assert TermLinker(ZH, "zh").link(html) == html
    nested = '<a href="#x"><strong>需求</strong></a><p>需求</p>'
    assert TermLinker(ZH, "zh").link(nested).startswith('<a href="#x"><strong>需求</strong></a><p><a class="term"')


def test_english_terms_are_whole_words_in_any_case_and_plural() -> None:
    assert "#plan" not in TermLinker(EN, "en").link("<p>A planet, a plane.</p>")
    assert ">plans</a>" in TermLinker(EN, "en").link("<p>Two plans.</p>")
    assert ">consumer loans</a>" in TermLinker(EN, "en").link("<p>Of consumer loans.</p>")
    assert ">R&amp;D</a>" in TermLinker(EN, "en").link("<p>Our R&amp;D team</p>")


@given(st.lists(st.sampled_from(["需求", "表层需求", "净推荐值", "<b>", "</b>", "<h2>", "</h2>", "，", "客户 & "]), max_size=30))
def test_linking_never_changes_the_words(parts: list[str]) -> None:
    html = "".join(parts).replace("&", "&amp;")
    linked = TermLinker(ZH, "zh").link(html)
    assert words(linked) == words(html)
    assert all(linked.count(f"#{key}\"") <= 1 for key, _term, _definition in ZH)
