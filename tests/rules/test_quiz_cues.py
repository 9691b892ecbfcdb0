"""Item-writing checks 1, 4, 5, 9, 10, 11, 12, 16, 17 and 18: each fires on its flaw, in both languages, and not on sound items."""
# ruff: noqa: E501 - a case a line

from __future__ import annotations

import copy
from typing import Any

import pytest

from quizzes.rules.item import parse
from quizzes.rules.lint import Complaint, bigrams, lint_file, lint_item, similar
from tests.rules.test_quiz_content import B, C, both, option, single

HEAD = {"content_area": "x", "status": "reviewed", "reviewed": "2026-11-21", "author_role": "a", "reviewer_role": "b"}


def made(key: str = "x-001", **changes: Any) -> Any:
    return parse({**HEAD, **single(key, **copy.deepcopy(changes))})


def told(check: str, **changes: Any) -> list[str]:
    found = [complaint for complaint in lint_item(made(**changes)) if complaint.check == check]
    assert not any(complaint.is_error for complaint in found) or check == "11"
    return [complaint.message for complaint in found]


def options(*texts: tuple[str, str]) -> list[dict[str, Any]]:
    return [option("abcde"[number], zh, en, correct=number == 0) for number, (zh, en) in enumerate(texts)]


def test_a_sound_item_has_none_of_these_flaws() -> None:
    assert lint_item(made()) == []


@pytest.mark.parametrize(("check", "texts", "message"), [
    ("5", [("这笔钱通常什么时候要用", "When will you need the money"), ("您的利率要求是多少", "What rate is wanted"), ("您在别家有存款吗", "Do you save elsewhere")],
     "only the key hedges, with “通常” (zh)"),
    ("5", [("这笔钱什么时候要用", "When may you need the money"), ("您的利率要求是多少", "What rate is wanted"), ("您在别家有存款吗", "Do you save elsewhere")],
     "only the key hedges, with “may” (en)"),
    ("9", [("先问清用途", "Asking for the purpose"), ("办理全部手续", "Print the whole form"), ("转给大堂同事", "Send him to the lobby")],
     "only the key opens with …ing (en)"),
    ("9", [("先问清用途", "Ask for the purpose"), ("办理全部手续", "Print the whole form"), ("转给大堂同事", "Send him to the lobby")],
     "only the key opens with a verb of handling (zh)"),
    ("10", [("问他存久一点的缘由", "Ask about the purpose"), ("您的利率要求是多少", "What rate is wanted"), ("您在别家有存款吗", "Do you use other banks")],
     "“存久一点” of the stem recurs in the key and in no distractor (zh)"),
    ("10", [("问清缘由再谈", "Ask why longer is wished"), ("您的利率要求是多少", "What rate is wanted"), ("您在别家有存款吗", "Do you use other banks")],
     "“longer” of the stem recurs in the key and in no distractor (en)"),
    ("12", [("1,200.5 元", "1,200.5 yuan"), ("1,300.25 元", "1,300.25 yuan"), ("1,400.5 元", "1,400.5 yuan")], "numeric options differ in decimals (zh)"),
    ("4", [("这笔钱什么时候要用", "When will you need the money"), ("利率总是越高越好", "The rate is always what counts"), ("您在别家有存款吗", "Do you use other banks")],
     "option b: the absolute word always, in distractors only"),
    ("11", [("3月1日至3月15日", "1 to 15 March"), ("3月15日至3月31日", "15 to 31 March"), ("4月1日至4月9日", "1 to 9 April")], "options a and b share a value (zh)"),
    ("11", [("3月1日至3月15日", "1 to 15 March"), ("3月15日至3月31日", "15 to 31 March"), ("4月1日至4月9日", "1 to 9 April")], "options a and b share a value (en)"),
])
def test_a_flaw_of_the_options_is_found(check: str, texts: list[tuple[str, str]], message: str) -> None:
    assert message in told(check, options=options(*texts))


def test_a_hedge_or_an_echo_that_a_distractor_shares_is_no_cue() -> None:
    hedged = [("这笔钱可能什么时候要用", "When may you need the money"), ("您可能要求多少利率", "What rate may be wanted"), ("您在别家有存款吗", "Do you save elsewhere")]
    assert told("5", options=options(*hedged)) == []
    echoed = [("问他存久一点的缘由", "Ask why longer is wished"), ("告诉他存久一点的利率", "Say what longer earns"), ("您在别家有存款吗", "Do you use other banks")]
    assert told("10", options=options(*echoed)) == []


def test_days_that_follow_each_other_do_not_overlap() -> None:
    texts = [("3月1日至3月14日", "1 to 14 March"), ("3月15日至3月31日", "15 to 31 March"), ("4月1日至4月9日", "1 to 9 April")]
    assert told("11", options=options(*texts)) == []


@pytest.mark.parametrize(("zh", "en", "message"), [
    ("客户说想存久一点。下面哪些问题最合适？", "A customer wants to save for longer. Which question suits best now?", "asks for several, one option is right (zh)"),
    ("客户说想存久一点。下一步先问哪一句最合适？", "A customer wants to save for longer. Which questions are best now?", "asks for several, one option is right (en)"),
    ("客户说想存久一点。下一步先问哪一句最合适？", "A customer wants to save for longer. The best next question is a", "the stem ends in an article"),
])
def test_grammar_that_gives_the_number_away_is_found(zh: str, en: str, message: str) -> None:
    assert message in told("9", stem=both(zh, en))


def test_numeric_options_out_of_order_are_found_only_where_they_are_shown_as_written() -> None:
    texts = options(("1,300 元", "1,300 yuan"), ("1,200 元", "1,200 yuan"), ("1,400 元", "1,400 yuan"))
    assert told("12", options=texts, shuffle=False) == ["numeric options stand in no order (zh)", "numeric options stand in no order (en)"]
    assert told("12", options=texts) == []


STORY_ZH = "周六上午大厅里放着音乐，窗外正在下雨，几位老人坐在沙发上看报纸。保安给花浇水，饮水机旁边排着队，孩子们围着电视看动画片。" * 4
STORY_EN = "On Saturday morning music plays softly, rain falls outside, several pensioners read newspapers on the sofa. " \
           "The guard waters flowers; children watch cartoons near the fountain. " * 5
ASKED = both("客户说想存久一点。下一步先问哪一句最合适？", "A customer wants to save for longer. Which question suits best now?")


def test_a_long_story_that_nothing_uses_is_window_dressing() -> None:
    found = told("18", stem=both(STORY_ZH + ASKED["zh"], STORY_EN + ASKED["en"]))
    assert len(found) == 2 and "周六上午" in found[0] and "On Saturday" in found[1]


def test_a_long_story_whose_details_the_feedback_takes_up_is_not() -> None:
    used = {"zh": "音乐、窗外下雨、看报纸、给花浇水、排着队、动画片都不相干。", "en": "Music, rain, newspapers, flowers, cartoons and the fountain do not matter."}
    texts = [*options(("这笔钱什么时候要用", "When will you need this money")), copy.deepcopy(B), copy.deepcopy(C)]
    texts[0]["feedback"] = used
    assert told("18", stem=both(STORY_ZH + ASKED["zh"], STORY_EN + ASKED["en"]), options=texts) == []


def centred(number: int, is_key: bool) -> Any:
    texts = [(f"先问用途{number}", "Ask first what the money is for"), (f"先问期限{number}", "Ask first how long"), (f"先问用途和期限{number}", "Ask first what for and how long")]
    made_options = [option("abc"[n], zh, en, correct=(n == 2) == is_key if n != 1 else False) for n, (zh, en) in enumerate(texts)]
    return made(f"x-{number:03}", options=made_options)


def test_the_key_as_the_middle_of_all_options_is_found_over_a_file() -> None:
    def of_17(keys: int) -> list[Complaint]:
        return [c for c in lint_file([centred(n, n < keys) for n in range(8)]) if c.check == "17" and "zh" in c.message]

    assert [c.message for c in of_17(6)] == ["the option sharing most words with the others is the key in 6 of 8 single items (zh)"]
    assert of_17(4) == []


def test_alike_stems_are_found_exactly_as_by_comparing_every_pair() -> None:
    base = "客户到柜台办理定期存款提前支取，金额较大，还没有说明用途。下一步先问哪一句最合适？"
    stems = [base, base.replace("较大", "很大"), base.replace("柜台", "网点").replace("定期", "大额"), base[:20] + "怎么办才好，请选一项？", "完全不同的题目：哪一项属于信息安全的习惯？"]
    bank = [made(f"x-{n:03}", stem=both(f"{stem}", "A question of its own kind, which one suits best now?")) for n, stem in enumerate(stems * 3)]
    slow = set()
    for n, one in enumerate(bank):
        for other in bank[n + 1:]:
            first, second = bigrams(one.stem.zh), bigrams(other.stem.zh)
            if 2 * len(first & second) / (len(first) + len(second)) > 0.85:
                slow.add((one.key, other.key))
    assert {(one.key, other.key) for one, other, _share in similar(bank)} == slow
    assert len(slow) > 15
