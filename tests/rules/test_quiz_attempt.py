"""When an attempt is open, how it ends, its chain; and how a stem is set on the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.rules import attempt as sitting
from quizzes.rules.attempt import Save
from quizzes.rules.item import from_placeholders
from quizzes.rules.wording import split_stem

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
END = sitting.closing_time(START, 30)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("now", "high_water", "closed", "state", "left"), [
    (START, START, None, "open", 1800), (END - timedelta(microseconds=1), START, None, "open", 1), (END, START, None, "time", 0),
    (END + MINUTE, START, None, "time", 0), (START + MINUTE, END - MINUTE, None, "open", 60), (START, END, None, "time", 0),
    (START + MINUTE, START, "handed_in", "handed_in", 1740), (END + MINUTE, START, "handed_in", "handed_in", 0), (START, START, "time", "time", 1800)])
def test_the_state_follows_from_time_and_closure(now: datetime, high_water: datetime, closed: str | None, state: str, left: int) -> None:
    assert sitting.state(now, high_water, END, closed) == state
    assert sitting.seconds_left(now, high_water, END) == left


@given(st.integers(-10**6, 10**6), st.integers(0, 10**6))
def test_time_never_runs_backwards(now: int, high_water: int) -> None:
    moment, mark = START + timedelta(seconds=now), START + timedelta(seconds=high_water)
    assert sitting.effective(moment, mark) == max(moment, mark)
    if sitting.state(mark, mark, END, None) == "time":
        assert sitting.state(moment, mark, END, None) == "time"


def test_only_the_exam_counts_and_only_the_exam_is_sat_once() -> None:
    for purpose in ("practice", "pre_test", "stage_test", "mock"):
        assert not sitting.counts(purpose) and sitting.may_repeat(purpose)
    assert sitting.counts("exam") and not sitting.may_repeat("exam")


SAVES = [Save(1, 1, "a", {"choice": "x"}, "t1"), Save(2, 1, "b", {}, "t2"), Save(1, 2, "c", {"choice": "y"}, "t3")]


def test_the_chain_tells_every_change_of_any_save_and_of_their_order() -> None:
    head = sitting.chain_head(7, SAVES)
    assert head == sitting.chain_head(7, list(SAVES)) != sitting.chain_head(8, SAVES)
    changed = [Save(3, 1, "a", {"choice": "x"}, "t1"), Save(1, 2, "a", {"choice": "x"}, "t1"), Save(1, 1, "z", {"choice": "x"}, "t1"),
               Save(1, 1, "a", {"choice": "y"}, "t1"), Save(1, 1, "a", {"choice": "x"}, "t9")]
    heads = {sitting.chain_head(7, [save, *SAVES[1:]]) for save in changed} | {sitting.chain_head(7, SAVES[::-1]), sitting.chain_head(7, SAVES[:2])}
    assert len(heads) == 7 and head not in heads
    assert sitting.chain_head(7, []) == "0" * 64


def test_a_receipt_is_short_enough_to_note() -> None:
    assert sitting.receipt("7f3a22c9ee") == "7F3A-22C9"


@pytest.mark.parametrize(("stem", "language", "question"), [
    ("退休教师冯女士来办理续存。她说：“存三年吧，存久一点划算。”她又问：“要是中间想取一部分，麻烦吗？”她的后半句最先提示客户经理去了解什么？", "zh",
     "她的后半句最先提示客户经理去了解什么？"),
    ("客户说明了目标、期限和可承受的波动，并同意做风险测评。测评结果比他自己说的“稳健”低一档。客户经理的下一步，哪一项最合适？", "zh",
     "客户经理的下一步，哪一项最合适？"),
    ("A customer explains the goal and the horizon, and agrees to the questionnaire. The result is 1.5 grades below his own claim. Which step is best?", "en",
     "Which step is best?"),
    ("客户说：“我想买个收益高的。”下列问话中，哪三句属于能让客户讲出缘由的开放提问？（选三项）", "zh", None),
    ("哪一项最准确地说明了他的要求与真实需求之间的差距？", "zh", None),
    ("这是一段没有提问的陈述，说的是客户经理每天早上到岗以后要做的四件事情，以及它们的先后。最后一句也不问什么。", "zh", None)])
def test_the_sentence_that_asks_is_set_apart_from_a_long_story(stem: str, language: str, question: str | None) -> None:
    story, asked = split_stem(stem, language)
    assert asked == (question or stem)
    assert (story + (" " if language == "en" and story else "") + asked) == stem


@given(st.text(alphabet="字。？”“，A. ?!（）", max_size=120), st.sampled_from(["zh", "en"]))
def test_no_word_of_a_stem_is_lost(stem: str, language: str) -> None:
    story, asked = split_stem(stem, language)
    assert (story + asked).replace(" ", "") == stem.replace(" ", "")


def test_drawn_figures_are_grouped_and_rates_keep_their_digits() -> None:
    assert from_placeholders("{p} 元，{r}%，{n} 份，{x}", {"p": "120000", "r": "1.50", "n": "999"}) == "120,000 元，1.50%，999 份，{x}"
