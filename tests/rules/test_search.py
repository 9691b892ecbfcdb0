"""Searching: Chinese by bigrams, English by words, any query answered, the hit marked where it stands."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courses.rules.search import SAMPLE, TERMS, Document, Section, fold, lesson_document, marked, near, parse, plain, sample, search, show


def doc(key: str, title: str, *texts: tuple[str, str], language: str = "zh", kind: str = "lesson") -> Document:
    return Document(kind, key, language, title, tuple(Section(f"s{i}", heading, text) for i, (heading, text) in enumerate(texts)))


LIBRARY = (
    doc("complaints", "投诉七步", ("受理", "客户投诉时先听完，再记录。"), ("处理", "处理要公平。")),
    doc("complaints", "Seven steps of a complaint", ("Receive", "When customers complain, listen first."), language="en"),
    doc("deposits", "存款产品", ("利息", "提前支取按活期计息。投诉不多。")),
    doc("deposits", "Deposits", ("Interest", "Early withdrawal earns the demand rate. Policies differ; a policy is a promise."), language="en"),
    doc("cafe", "Résumé at the café", ("", "Zoë’s naïve plan"), language="en"),
)


def keys(asked: str, preferred: str = "zh") -> list[str]:
    return [document.key for document in search(parse(asked), LIBRARY, preferred)[0]]


def test_two_characters_find_their_word_and_title_comes_before_text() -> None:
    assert keys("投诉") == ["complaints", "deposits"]


def test_a_run_is_found_though_its_words_stand_apart() -> None:
    found, is_partial = search(parse("客户投诉处理"), LIBRARY, "zh")
    assert found[0].key == "complaints" and not is_partial


def test_english_words_are_found_in_any_ending_and_case_and_without_accents() -> None:
    assert keys("COMPLAINTS", "en") == ["complaints"]
    assert keys("policies", "en") == keys("policy", "en") == ["deposits"]
    assert keys("resume cafe zoe's", "en") == ["cafe"]
    assert keys("plaint") == []
    assert keys("ＤＥＰＯＳＩＴ", "en") == ["deposits"]


def test_every_word_must_be_there_else_a_part_is_said_to_be_a_part() -> None:
    found, is_partial = search(parse("early complaint"), LIBRARY, "en")
    assert is_partial and {document.key for document in found} == {"complaints", "deposits"}


def test_a_document_of_two_languages_is_listed_once_in_the_readers() -> None:
    both = (*LIBRARY, doc("both", "NPS 净推荐值", ("", "NPS")), doc("both", "NPS", ("", "Net promoter score, NPS"), language="en"))
    for preferred in ("zh", "en"):
        assert [(d.key, d.language) for d in search(parse("NPS"), both, preferred)[0]] == [("both", preferred)]
    assert [(d.key, d.language) for d in search(parse("listen"), LIBRARY, "zh")[0]] == [("complaints", "en")]


def test_stop_words_alone_are_still_looked_for() -> None:
    assert set(keys("the", "en")) == {"cafe", "deposits"}
    assert [term.text for term in parse("the rate of a deposit").terms] == ["rat", "deposit"]


@pytest.mark.parametrize("asked", ["", "   ", "，。！？", "\x00\u202e\u200b", "%%%", "''''", "()[]{}*+?\\^$|", "😀😀"])
def test_a_query_without_words_looks_for_nothing(asked: str) -> None:
    assert parse(asked).terms == () and search(parse(asked), LIBRARY, "zh") == ([], False)


@pytest.mark.parametrize("asked", ["客" * 100_000, "a " * 100_000, "(a+)+$" * 10_000, "x" * 1_000_000, "' OR 1=1 --" * 5000])
def test_a_hostile_query_ends_quickly(asked: str) -> None:
    big = [doc(f"d{i}", "投诉", ("", "客户投诉处理 aaaa " * 2000)) for i in range(40)]
    began = time.perf_counter()
    query = parse(asked)
    assert len(query.terms) <= TERMS and query.cut
    found, _is_partial = search(query, big, "zh")
    for document in found[:20]:
        show(document, query)
    assert time.perf_counter() - began < 5


@given(st.text(max_size=300))
def test_any_query_is_taken_apart_and_any_text_folds_to_its_own_length(text: str) -> None:
    query = parse(text)
    assert len(query.terms) <= TERMS
    assert len(fold(text)) == len(text)
    search(query, LIBRARY, "en")


@given(st.text(alphabet="客户投诉处理 abcXYZ<>&", max_size=60), st.text(alphabet="客户投诉处理abcxyz ", max_size=400))
def test_marked_pieces_and_samples_are_the_text_itself(asked: str, text: str) -> None:
    query = parse(asked)
    pieces = marked(text, fold(text), query.terms)
    assert "".join(piece for piece, _hit in pieces) == text
    section = Section("", "", text)
    shown = "".join(piece for piece, _hit in sample(section, query, "zh"))
    assert shown.strip("…") in text and len(shown) <= SAMPLE["zh"] + 2


def test_the_hit_stands_in_the_sample() -> None:
    text = "开头" * 200 + "这里说到提前支取怎么办" + "结尾" * 200
    hit = show(doc("x", "t", ("", text)), parse("提前支取"))
    assert [piece for piece, is_hit in hit.sample if is_hit] == ["提前支取"]
    assert hit.sample[0] == ("…", False) and hit.sample[-1] == ("…", False)


def test_the_best_section_is_the_one_with_most_of_what_was_asked() -> None:
    document = doc("x", "t", ("甲", "客户"), ("乙", "客户投诉的处理"), ("丙", "投诉"))
    hit = show(document, parse("客户投诉处理"))
    assert hit.section is not None and hit.section.anchor == "s1"


def test_what_found_nothing_is_near_the_terms_that_resemble_it() -> None:
    terms = {"nps": ("净推荐值", "Net promoter score"), "churn": ("流失预警", "Churn warning"), "trust": ("信任", "Trust")}
    assert near(parse("推荐直"), terms)[0] == "nps"
    assert near(parse("promotor scor"), terms)[0] == "nps"
    assert near(parse("zzzz"), terms) == []


def test_markdown_is_read_as_words() -> None:
    assert plain("**重点**：见[这里](lesson:x#y)\n\n| a | b |\n|---|---|\n| 一 | 二 |\n\n1. 甲\n- 乙") == "重点：见这里 a · b 一 · 二 甲 乙"


def test_the_feedback_of_a_self_check_is_never_searched() -> None:
    block = {"name": "self-check", "attrs": {"key": "k"}, "text": "问什么？",
             "options": [{"text": "甲", "right": True, "feedback": "正是答案所在"}, {"text": "乙", "right": False, "feedback": "不对"}]}
    prose = {"name": "prose", "attrs": {}, "text": "## 标题 {#head}\n\n正文"}
    figure = {"name": "figure", "attrs": {"draw": "iceberg", "title": "冰山"}, "text": "说明"}
    document = lesson_document("x", {"zh": {"title": "题", "subtitle": "副题", "blocks": [prose, figure, block]}}, "zh", lambda _n, _l: ("图中字",))
    everything = " ".join(section.text for section in document.sections)
    assert "问什么" in everything and "图中字" in everything and "答案" not in everything and "不对" not in everything
    assert [section.anchor for section in document.sections] == ["", "head", "check-k"]
