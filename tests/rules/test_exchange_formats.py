# ruff: noqa: E501 - samples of other programs stand as those programs write them
"""GIFT, Moodle XML and tables: what the bank holds goes out and comes back the same; what other programs wrote comes in, and
everything that does not is named with its line."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation import content
from foundation.markdown import render_inline
from quizzes.exchange import gift, moodlexml, table
from quizzes.exchange.inward import Draft, drafts_of
from quizzes.exchange.markup import from_html, html_of, settled, to_html
from quizzes.exchange.outward import questions_of
from quizzes.exchange.question import NotReadable, Question, Remark


def a_png(width: int = 3, height: int = 2, more: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + b"\x40\x60\x80" * min(width, 100) for _ in range(min(height, 100)))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(lines)) + more
            + chunk(b"IEND", b""))


@cache
def bank() -> dict[str, Any]:
    """Every shipped item by its key."""
    return {key: piece.body for key, piece in content.read_all().of("item").items()}


def there_and_back(format_: str, bodies: list[Any], folder: Path, tags: tuple[str, ...] = ()) -> tuple[list[Draft], list[Remark]]:
    questions = [question for body in bodies for question in questions_of(body, tags)]
    if format_ == "gift":
        written, losses = gift.write(questions, "test")
        read, remarks = gift.read(written)
    elif format_ == "moodlexml":
        written, losses = moodlexml.write(questions, {}, "test")
        read, remarks, _pictures = moodlexml.read(written)
    else:
        written, losses = table.write(questions, format_)
        file = folder / f"items.{format_}"
        file.write_bytes(written)
        read, remarks = table.read(file)
    assert remarks == []
    return drafts_of(read), losses


FORMATS = ("gift", "moodlexml", "csv", "xlsx")


# ── our own items, there and back ────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("format_", FORMATS)
def test_the_whole_bank_comes_back_as_it_went(format_: str, tmp_path: Path) -> None:
    assert len(bank()) > 400 and {body["kind"] for body in bank().values()} >= {"single", "multiple", "true_false", "matching", "ordering", "numeric", "cloze",
                                                                             "short_answer", "essay", "set"}
    drafts, losses = there_and_back(format_, list(bank().values()), tmp_path, ("quarter one", "风险"))
    assert {draft.key: draft.body for draft in drafts} == bank()
    assert [draft.remarks for draft in drafts if draft.remarks] == []
    assert all(draft.tags == ("quarter one", "风险") for draft in drafts)
    assert [draft.key for draft in drafts if draft.missing] == []
    assert {remark.code for remark in losses} <= {"loss_parameters", "loss_pair_feedback", "loss_gaps", "loss_gap_language"}
    if format_ in ("gift", "moodlexml"):
        assert {remark.item for remark in losses if remark.code == "loss_parameters"} == {
            entry["key"] for body in bank().values() for entry in body.get("items", (body,)) if entry.get("parameters")}


LETTERS = st.text(alphabet="ab甲乙 ,.:=#~{}[]*_\\/<>&;'\"`!|%-→“”（）\n👍é0", min_size=1, max_size=40).map(str.strip).filter(bool)
BOTH = st.builds(lambda zh, en: {"zh": zh, "en": en}, LETTERS, LETTERS)


@st.composite
def any_single(draw: st.DrawFn) -> dict[str, Any]:
    options = [{"key": f"o{number}", "text": draw(BOTH), "correct": number == 0, "feedback": draw(BOTH)} | ({} if number == 0 else {"misconception": draw(BOTH)})
               for number in range(draw(st.integers(3, 5)))]
    return {"key": "any-1", "kind": "single", "content_area": "any", "programme": "service-manager", "status": "approved", "reviewed": "2026-01-02",
            "author_role": "a", "reviewer_role": "b", "source": "S1", "claims": [], "enemy_of": ["other-1"], "shuffle": draw(st.booleans()), "objective": "any.thing",
            "bloom": "apply", "difficulty": {"expected_fraction": "0.60", "basis": "panel"}, "stem": draw(BOTH), "usage": "exam", "options": options,
            "feedback": draw(BOTH)}


@pytest.mark.parametrize("format_", ("gift", "moodlexml"))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(body=any_single())
def test_any_text_comes_back_letter_for_letter(format_: str, body: dict[str, Any], tmp_path: Path) -> None:
    """Braces, tildes, backslashes, tags, line breaks, emphasis half open: whatever people type."""
    (draft,), _losses = there_and_back(format_, [body], tmp_path)
    assert draft.body == body


@settings(max_examples=150)
@given(LETTERS)
def test_what_is_shown_does_not_change_on_the_way(text: str) -> None:
    def shown(markdown: str) -> str:
        return " ".join(str(render_inline(markdown)).split())

    assert settled(settled(text)) == settled(text)
    assert " ".join(html_of(settled(text)).split()) == " ".join(html_of(text).split()) or shown(settled(text)) == shown(text)


def test_two_languages_stand_as_moodles_spans_and_both_spellings_are_read() -> None:
    assert to_html({"zh": "存款 **先**问", "en": "Ask <first>"}) == (
        '<span lang="zh" class="multilang">存款 <strong>先</strong>问</span><span lang="en" class="multilang">Ask &lt;first&gt;</span>')
    assert from_html('<p><span class="multilang" lang="zh-CN">甲</span><span class="multilang" lang="en_US">A</span> 1</p>').text == {"zh": "甲 1", "en": "A 1"}
    assert from_html("{mlang zh}甲{mlang}{mlang en}A{mlang}").text == {"zh": "甲", "en": "A"}
    found = from_html('<span lang="fr" class="multilang">un</span><span lang="en" class="multilang">one</span>')
    assert found.text == {"en": "one"} and found.dropped == [("language", "fr")]


def test_html_is_reduced_to_our_markdown_and_what_goes_is_named() -> None:
    found = from_html('<p onclick="x()">A<sup>2</sup> &amp; <b>bold </b>text</p><ul><li>one</li><li>two</li></ul><table><tr><td>1</td><td>2</td></tr></table>'
                      '<script>alert(1)</script><a href="javascript:alert(2)">link</a><img src="https://example.org/x.png" alt="chart"><u>u</u> x*y*z 1 * 2')
    assert found.text[""] == "A² & **bold** text\\\n• one\\\n• two\\\n1 | 2\\\nlinkchartu x\\*y\\*z 1 \\* 2"
    assert {code for code, _value in found.dropped} == {"script_attribute", "list", "table", "element", "link", "picture", "format"}
    assert "alert" not in found.text[""] and "javascript" not in str(render_inline(found.text[""]))


def test_depth_costs_nothing() -> None:
    assert from_html("<div>" * 50_000 + "x" + "</div>" * 50_000).text == {"": "x"}
    assert from_html("<b>" * 20_000 + "x").text[""].strip("*") == "x"


# ── GIFT of other programs ───────────────────────────────────────────────────────────────────────────────────────
def one(gift_text: str) -> Draft:
    questions, remarks = gift.read(gift_text.encode())
    assert remarks == []
    (draft,) = drafts_of(questions)
    return draft


def test_gift_single_with_feedback_escapes_and_comments() -> None:
    draft = one("// a comment\n::Q \\: 1::Who is \\{here\\}?{\n=Grant \\= yes#Right\\~\n// in between\n~no one # Was {{\n}".replace("# Was {{", "#Not so\\#"))
    assert draft.body["stem"]["en"] == "Who is {here}?"
    assert [(option["text"]["en"], option["correct"], option["feedback"]["en"]) for option in draft.body["options"]] == [
        ("Grant = yes", True, "Right~"), ("no one", False, "Not so#")]
    assert draft.key.startswith("im-") and "stem.zh" in draft.missing and draft.line == 2


def test_gift_several_answers_by_weight() -> None:
    draft = one("Which two?{~%-100%no ~%50%a ~%50%b ~%-100%c}")
    assert draft.body["kind"] == "multiple" and draft.body["choose"] == 2
    assert draft.body["scoring"] == {"rule": "per-option", "wrong": "-2", "floor": "0"}
    assert [option["correct"] for option in draft.body["options"]] == [False, True, True, False]


@pytest.mark.parametrize(("answers", "value", "width"), [("#3:2", "3", "2"), ("#1..5", "3", "2"), ("#=1822:0 =%50%1810:0", "1822", "0"), ("#-0.5", "-0.5", "0")])
def test_gift_numbers(answers: str, value: str, width: str) -> None:
    body = one(f"How many?{{{answers}}}").body
    assert body["kind"] == "numeric" and body["example"]["answer"] == value and body["tolerance"]["absolute"] == width


def test_gift_true_false_matching_gaps_essay_order() -> None:
    assert one("It is so.{FALSE#wrong#right}").body["feedback"] == {"if_true": {"zh": "", "en": "wrong"}, "if_false": {"zh": "", "en": "right"}}
    matching = one("Match.{=Canada -> Ottawa =Italy -> Rome = -> Paris ####All of it}").body
    assert len(matching["left"]) == 2 and len(matching["right"]) == 3 and matching["answer"] == {"a": "r1", "b": "r2"}
    assert matching["feedback"]["a"]["en"] == "All of it"
    gap = one("Two plus {=two =2} is four.").body
    assert gap["text"]["en"] == "Two plus [[a]] is four." and gap["blanks"]["a"]["accept"] == {"zh": ["2"], "en": ["two", "2"]}
    assert one("Write.{}").body["kind"] == "short_answer"
    order = one("Order.{>ALL VERTICAL ALL_OR_NOTHING\none\ntwo\nthree\n}").body
    assert [entry["text"]["en"] for entry in order["sequence"]] == ["one", "two", "three"] and order["scoring"]["rule"] == "exact"


def test_gift_errors_carry_their_lines_and_the_rest_is_still_looked_at() -> None:
    questions, remarks = gift.read(b"::ok::Good?{=a ~b}\n\n::b::Broken {=yes\n\n::c::None {hello}\n\n::d::Two {=a ~b} x {=c}\n\nN {\n#\n=1\n=x\n}\n\nNone right{~a ~b}\n"
                                   b"\n::open title\n")
    assert [question.name for question in questions] == ["ok"]
    assert [(remark.line, remark.code) for remark in remarks] == [(3, "brace_open"), (5, "no_answers"), (7, "brace_twice"), (11, "not_a_number"),
                                                                 (15, "none_right"), (17, "title_open")]


def test_gift_names_what_it_cannot_keep() -> None:
    draft = one("Who?{=Grant ~%50%half ~no}")
    assert [(remark.code, remark.severity) for remark in draft.remarks] == [("partial_weight", "warning")]
    questions, _remarks = gift.read(b"Only a text.\n")
    assert [remark.code for remark in drafts_of(questions)[0].remarks] == ["description_alone"]


def test_categories_tags_and_numbers_are_read() -> None:
    questions, _remarks = gift.read(b"$CATEGORY: $course$/top/needs-and-deposits\n\n// [id:nd-777] [tag:Cash] [tag:qz:bloom=apply]\nYes?{T}\n")
    (draft,) = drafts_of(questions)
    assert (draft.key, draft.body["content_area"], draft.body["bloom"], draft.tags) == ("nd-777", "needs-and-deposits", "apply", ("Cash",))


@pytest.mark.parametrize(("content_", "code"), [
    (b"", "empty"), (b"a\x00b{=a ~b}", "control"), (b"\xff\xfe\xff\xff\x00", "encoding"), ("::x::甲？{=对 ~错}".encode("utf-16"), ""),
    ("::x::甲？{=对 ~错}".encode("gb18030"), ""), (b"\x81\xff\x81", "encoding"), ("x\ud800{=a ~b}".encode("utf-8", "surrogatepass"), "encoding"),
])
def test_gift_in_every_encoding_and_in_none(content_: bytes, code: str) -> None:
    if code:
        with pytest.raises(NotReadable) as caught:
            gift.read(content_)
        assert caught.value.remark.code == code
    else:
        assert drafts_of(gift.read(content_)[0])[0].body["stem"]["zh"] == "甲？"


def test_what_stands_after_qz_is_not_trusted() -> None:
    told = '{"bloom": "evil", "difficulty": "2/guess", "usage": ["x"], "status": "approved", "claims": "x", "keys": "../x y", "objective": 7, "kind": 1}'
    draft = one(f"// qz: {told}\nYes?{{=a ~b}}")
    assert "bloom" not in draft.body and "difficulty" not in draft.body and draft.body["usage"] == "both" and draft.body["claims"] == []
    assert [option["key"] for option in draft.body["options"]] == ["a", "b"]
    assert {remark.code for remark in draft.remarks} == {"meta_refused", "keys_lost"}
    for bad in ("{", "[1]", '{"a": "\\ud800"}', '{"a": "\\u0000"}', "[" * 20_000):
        _questions, remarks = gift.read(f"// qz: {bad}\nYes?{{=a ~b}}\n".encode())
        questions = [question for question in _questions if question.remarks]
        assert [remark.code for question in questions for remark in question.remarks] + [remark.code for remark in remarks] == ["meta_unreadable"]


def test_a_long_text_is_refused_and_a_whole_megabyte_is_no_trouble() -> None:
    questions, _remarks = gift.read(("长" * 1_000_000 + "{=a ~b}").encode())
    (draft,) = drafts_of(questions)
    assert [remark.code for remark in draft.remarks] == ["too_long"]


# ── Moodle XML of other programs ─────────────────────────────────────────────────────────────────────────────────
def xml(inside: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n{inside}\n</quiz>'.encode()


def choice(text: str, more: str = "", files: str = "") -> bytes:
    return xml(f'<question type="multichoice"><name><text>Q</text></name><questiontext format="html"><text><![CDATA[{text}]]></text>{files}</questiontext>'
               f'<single>true</single><answer fraction="100"><text>yes</text><feedback><text>ok</text></feedback></answer>'
               f'<answer fraction="0"><text>no</text><feedback><text></text></feedback></answer>{more}</question>')


def read_xml(content_: bytes) -> tuple[list[Question], list[Remark], dict[str, moodlexml.Carried]]:
    return moodlexml.read(content_)


def codes(questions: list[Question], remarks: list[Remark]) -> set[str]:
    return {remark.code for remark in remarks} | {remark.code for question in questions for remark in question.remarks}


def test_pictures_come_along_by_their_own_bytes() -> None:
    picture = a_png()
    file = f'<file name="a b.png" path="/" encoding="base64">{base64.b64encode(picture).decode()}</file>'
    questions, remarks, pictures = read_xml(choice('Look <img src="@@PLUGINFILE@@/a%20b.png" alt="a [chart]">', files=file))
    (sha256,) = pictures
    assert remarks == [] and pictures[sha256].content == picture and pictures[sha256].media_type == "image/png"
    assert questions[0].stem[""] == f"Look ![a chart](picture:{sha256})"
    assert f'<img class="picture" src="/pictures/{sha256}" alt="a chart">' in render_inline(questions[0].stem[""])
    written, losses = moodlexml.write(questions, {sha256: ("image/png", picture)})
    again, _remarks, carried = moodlexml.read(written)
    assert losses == [] and carried[sha256].content == picture and again[0].stem == questions[0].stem
    inline = f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
    assert read_xml(choice(inline))[2].keys() == {sha256}


@pytest.mark.parametrize(("bytes_", "code"), [
    (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "picture_kind"), (b"<html><script>alert(1)</script>", "picture_kind"),
    (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "picture_damaged"), (a_png() + b"<script>alert(1)</script>", "picture_damaged"),
    (a_png(60_000, 60_000), "picture_points"), (b"\xff\xd8\xff\xe0", "picture_damaged"), (b"GIF89a\x01\x00\x01\x00<html>", "picture_damaged"),
    (b"\x89PNG\r\n\x1a\n" + b"\0" * (4 * 1024 * 1024), "picture_bytes"),
])
def test_what_is_dressed_as_a_picture_is_refused(bytes_: bytes, code: str) -> None:
    file = f'<file name="x.png" path="/" encoding="base64">{base64.b64encode(bytes_).decode()}</file>'
    questions, remarks, pictures = read_xml(choice('<img src="@@PLUGINFILE@@/x.png">', files=file))
    assert questions == [] and pictures == {} and code in {remark.code for remark in remarks if remark.is_error}


def test_no_path_leads_out_of_the_file() -> None:
    questions, remarks, pictures = read_xml(choice('<img src="@@PLUGINFILE@@/../../etc/passwd"><img src="file:///etc/passwd"><img src="http://169.254.0.1/x">'))
    assert pictures == {} and remarks == [] and "passwd" not in questions[0].stem.get("", "")
    assert {"file_missing", "dropped_picture"} <= codes(questions, remarks)


BOMB = '<?xml version="1.0"?><!DOCTYPE quiz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><quiz>&b;</quiz>'


@pytest.mark.parametrize(("content_", "code"), [
    (BOMB.encode(), "doctype"), (b'<!DOCTYPE quiz SYSTEM "http://example.org/x.dtd"><quiz/>', "doctype"),
    (b'<?xml version="1.0"?><!DOCTYPE q [<!ENTITY x SYSTEM "file:///etc/passwd">]><quiz>&x;</quiz>', "doctype"), (b"<quiz>&undefined;</quiz>", "xml"),
    (b"<quiz><question>", "xml"), (b"<html></html>", "not_moodle_xml"), (b"<quiz>" + b"<question>" * 100, "too_deep"), (b"  \n", "empty"),
    (b"<quiz>\x00</quiz>", "xml"), (b'<?xml version="1.0" encoding="klingon"?><quiz/>', "encoding"),
    (b'<?xml version="1.0" encoding="gb2312"?><quiz>\xff\xff</quiz>', "encoding"), (b"<quiz><question>" + b"<a/>" * 260_000, "too_many_parts"),
])
def test_hostile_and_broken_xml_is_refused(content_: bytes, code: str) -> None:
    with pytest.raises(NotReadable) as caught:
        moodlexml.read(content_)
    assert caught.value.remark.code == code


def test_chinese_encodings_of_xml_are_read() -> None:
    told = '<?xml version="1.0" encoding="GB2312"?><quiz><question type="truefalse"><name><text>x</text></name><questiontext><text>存款受保护。</text></questiontext>' \
           '<answer fraction="100"><text>true</text></answer><answer fraction="0"><text>false</text></answer></question></quiz>'
    assert drafts_of(read_xml(told.encode("gb18030"))[0])[0].body["stem"]["zh"] == "存款受保护。"


def test_every_moodle_type_and_what_it_names() -> None:
    questions, remarks, _pictures = read_xml(xml('''
<question type="category"><category><text>$course$/top/a//b/needs-and-deposits</text></category></question>
<question type="shortanswer"><name><text>s</text></name><questiontext><text>Capital?</text></questiontext><usecase>1</usecase>
 <answer fraction="100"><text>Paris</text><feedback><text>yes</text></feedback></answer><answer fraction="50"><text>Pari*</text></answer></question>
<question type="cloze"><name><text>c</text></name><questiontext><text><![CDATA[At most {1:SA:=500000#right~=fifty} yuan, {1:NM:=2:0.1} days.]]></text></questiontext></question>
<question type="cloze"><name><text>mc</text></name><questiontext><text><![CDATA[A {1:MCV:=a~b}]]></text></questiontext></question>
<question type="numerical"><name><text>n</text></name><questiontext><text>How much?</text></questiontext><answer fraction="100"><text>1.50</text><tolerance>0.05</tolerance></answer>
 <units><unit><multiplier>1</multiplier><unit_name>kg</unit_name></unit><unit><multiplier>1000</multiplier><unit_name>g</unit_name></unit></units></question>
<question type="ordering"><name><text>o</text></name><questiontext><text>Order</text></questiontext><gradingtype>RELATIVE_NEXT_EXCLUDE_LAST</gradingtype>
 <answer fraction="2.0"><text>two</text></answer><answer fraction="1.0"><text>one</text></answer><answer fraction="3.0"><text>three</text></answer></question>
<question type="calculated"><name><text>calc</text></name><questiontext><text>x</text></questiontext></question>
<question type="essay"><name><text>e</text></name><questiontext><text>Write</text></questiontext><graderinfo><text>A model</text></graderinfo><plugin_thing/></question>'''))
    drafts = {draft.body["kind"]: draft for draft in drafts_of(questions)}
    assert set(drafts) == {"cloze", "numeric", "ordering", "short_answer"} and len(questions) == 5
    assert [(remark.line, remark.code, remark.values) for remark in remarks] == [(8, "unsupported_gap", ("MCV",)), (13, "unsupported", ("calculated",))]
    assert drafts["cloze"].body["blanks"]["a"]["accept"]["en"] == ["500000", "fifty"] and drafts["cloze"].body["content_area"] == "needs-and-deposits"
    assert drafts["numeric"].body["rounding"]["places"] == 2 and drafts["numeric"].body["unit"]["en"] == "kg"
    assert [entry["text"]["en"] for entry in drafts["ordering"].body["sequence"]] == ["one", "two", "three"]
    assert drafts["short_answer"].body["model_answer"]["en"] == "A model"
    assert {"partial_weight", "gap_tolerance", "unit_multiplier", "unknown_part"} <= codes(questions, remarks)


def test_a_text_changed_elsewhere_comes_in_changed_and_keeps_what_still_fits() -> None:
    body = next(body for body in bank().values() if body["kind"] == "single")
    written = moodlexml.write(questions_of(body), {})[0].decode()
    first = body["options"][1]["text"]["en"]
    (draft,) = drafts_of(read_xml(written.replace(first, "Quite another text").encode())[0])
    assert draft.body["options"][1]["text"]["en"] == "Quite another text"
    assert draft.body["options"][1]["misconception"] == body["options"][1]["misconception"] and draft.remarks == []
    numeric = next(body for body in bank().values() if body["kind"] == "numeric" and body["parameters"])
    written = moodlexml.write(questions_of(numeric), {})[0].decode()
    answer = numeric["example"]["answer"]
    (draft,) = drafts_of(read_xml(written.replace(f"<text>{answer}</text><tolerance>", "<text>99999</text><tolerance>").encode())[0])
    assert draft.body["formula"] == "99999" and draft.body["parameters"] == []
    assert [(remark.code, remark.values) for remark in draft.remarks] == [("changed_outside", ("answer",))]


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────
def rows(text: str, tmp_path: Path, encoding: str = "utf-8-sig") -> tuple[list[Draft], list[Remark]]:
    file = tmp_path / "items.csv"
    file.write_bytes(text.encode(encoding))
    questions, remarks = table.read(file)
    return drafts_of(questions), remarks


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_table_with_chinese_headings_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    drafts, remarks = rows("题型,题干,选项A,选项B,选项C,答案,选项B错因,标签\n单选,存款先问什么？,期限,颜色,大小,A,只看外表,存款；开户\n判断,存款受保护。,,,,对,,\n", tmp_path, encoding)
    assert remarks == [] and [draft.body["kind"] for draft in drafts] == ["single", "true_false"]
    assert drafts[0].body["options"][1]["misconception"]["zh"] == "只看外表" and drafts[0].tags == ("存款", "开户") and "stem.en" in drafts[0].missing
    assert drafts[1].body["answer"] is True


def test_every_wrong_row_is_named_with_its_number(tmp_path: Path) -> None:
    drafts, remarks = rows("kind,stem_en,option_a_en,option_b_en,answer,text_en,text_zh,Colour\nsingle,Q,a,b,C,,,\nsingle,Q,a,b,A B,,,\ntrue_false,Q,,,maybe,,,\n"
                           "numeric,Q,,,abc,,,\ncloze,Q,,,,no gap,,\nriddle,Q,,,,,,\ncloze,Q,,,,one [[a|b]],[[甲]] 二 [[乙]],\nordering,Q,a,b,,,,\nnumeric,Q,,,3,,,\n", tmp_path)
    assert [draft.line for draft in drafts] == [10]
    assert [(remark.line, remark.code) for remark in remarks] == [
        (1, "column_unknown"), (2, "answer_option"), (3, "answer_one"), (4, "answer_truth"), (5, "not_a_number"), (6, "gaps_differ"), (7, "kind_unknown"),
        (8, "gaps_differ"), (9, "order_short")]


def test_cells_that_begin_like_a_formula_survive_the_way_and_never_run(tmp_path: Path) -> None:
    body = next(body for body in bank().values() if body["kind"] == "single") | {"stem": {"zh": "=1+1 是多少？", "en": "+cmd|' /C calc'!A0"}}
    written, _losses = table.write(questions_of(body), "csv")
    assert b"'=1+1" in written and b"\"'+cmd" in written.replace(b"'+cmd", b"\"'+cmd")
    (draft,), _losses = there_and_back("csv", [body], tmp_path)
    assert draft.body == body


def test_a_table_without_headings_and_an_old_workbook_say_so(tmp_path: Path) -> None:
    for content_, code in ((b"a,b\n1,2\n", "table_no_heading"), (b"\xd0\xcf\x11\xe0" + b"\0" * 99, "table_old_excel"), (b"PK\x03\x04nonsense", "table_damaged")):
        file = tmp_path / "x"
        file.write_bytes(content_)
        with pytest.raises(NotReadable) as caught:
            table.read(file)
        assert caught.value.remark.code == code
