"""Fractions per kind, worked by hand, and what holds for any answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.rules import answer as answers
from quizzes.rules import numbers
from quizzes.rules.item import Answerable, Cloze, Matching, Multiple, Numeric, Ordering, ShortAnswer, Single, TrueFalse, parse
from quizzes.rules.scoring import mark, percent, right_answer, score, short_answer_fraction, shown_score

D = Decimal
BASE: dict[str, Any] = {
    "key": "t-1", "content_area": "test", "status": "approved", "reviewed": "2026-11-21", "author_role": "a", "reviewer_role": "b", "approver_role": "b",
    "objective": "needs.name-layers", "bloom": "apply", "difficulty": {"expected_fraction": "0.6", "basis": "panel"}, "source": "S0",
    "stem": {"zh": "测试题干，请作答。", "en": "A stem to be answered here."},
}


def text(value: str) -> dict[str, str]:
    return {"zh": value, "en": value}


def option(key: str, correct: bool = False) -> dict[str, Any]:
    return {"key": key, "text": text(key), "correct": correct, "feedback": text("f"), **({} if correct else {"misconception": text(f"m-{key}")})}


def single() -> Single:
    return parse({**BASE, "kind": "single", "options": [option("a", True), option("b"), option("c")]})  # type: ignore[return-value]


def multiple(**scoring: Any) -> Multiple:
    options = [*(option(key, True) for key in "abc"), *(option(key) for key in "xyz")]
    return parse({**BASE, "kind": "multiple", "choose": 3, "options": options, **({"scoring": scoring} if scoring else {})})  # type: ignore[return-value]


def true_false(right: bool = True) -> TrueFalse:
    return parse({**BASE, "kind": "true_false", "answer": right, "feedback": {"if_true": text("t"), "if_false": text("f")}})  # type: ignore[return-value]


def matching() -> Matching:
    return parse({**BASE, "kind": "matching", "left": [{"key": k, "text": text(k)} for k in ("l1", "l2", "l3")],  # type: ignore[return-value]
                  "right": [{"key": k, "text": text(k)} for k in ("r1", "r2", "r3", "r4")], "answer": {"l1": "r1", "l2": "r2", "l3": "r3"},
                  "feedback": {k: text(k) for k in ("l1", "l2", "l3")}})


def ordering(rule: str = "adjacent-pairs") -> Ordering:
    return parse({**BASE, "kind": "ordering", "sequence": [{"key": k, "text": text(k)} for k in "abcde"], "feedback": text("f"),  # type: ignore[return-value]
                  "scoring": {"rule": rule}})


def numeric(**changes: Any) -> Numeric:
    return parse({**BASE, "kind": "numeric", "parameters": {"principal": {"from": 100000, "to": 200000, "step": 20000}, "rate": {"choice": ["1.20", "1.50"]}},
                  "formula": "principal * rate / 100", "unit": {"zh": "元", "en": "yuan"}, "rounding": {"places": 2, "mode": "half-up"},
                  "tolerance": {"absolute": "0.01"}, "example": {"values": {"principal": 100000, "rate": "1.50"}, "answer": "1500.00"},
                  "traps": [{"formula": "principal * rate", "feedback": text("divide by 100")},
                            {"formula": "principal + principal * rate / 100", "feedback": text("without principal"), "fraction": "0.5"}],
                  "feedback": text("f"), **changes})  # type: ignore[return-value]


def cloze(*ignore: str) -> Cloze:
    blank = {"accept": {"zh": ["期限", "投资期限"], "en": ["time horizon"]}, "feedback": text("f")}
    other = {"accept": {"zh": ["风险"], "en": ["risk"]}, "feedback": text("f")}
    return parse({**BASE, "kind": "cloze", "text": text("x [[a]] y [[b]] z"), "blanks": {"a": blank, "b": other},  # type: ignore[return-value]
                  "matching": {"ignore": list(ignore or ("case", "spaces", "punctuation", "width"))}})


def short_answer() -> ShortAnswer:
    return parse({**BASE, "kind": "short_answer", "length": {"zh_chars": [1, 50], "en_words": [1, 50]}, "model_answer": text("m"),  # type: ignore[return-value]
                  "marking": {"max": 4, "points": [{"key": k, "marks": 1, "text": text(k)} for k in ("p1", "p2", "p3", "p4")],
                              "deductions": [{"key": "pitch", "marks": -1, "text": text("pitch")}]}, "marked_by": "trainer"})


VALUES = {"principal": "100000", "rate": "1.50"}
ALL: list[Answerable] = [single(), multiple(), multiple(rule="all-or-nothing"), true_false(), matching(), ordering(), ordering("exact"), numeric(), cloze()]


def test_a_single_earns_all_or_nothing() -> None:
    assert score(single(), {"choice": "a"}, {}).fraction == 1
    assert score(single(), {"choice": "b"}, {}).fraction == 0


@pytest.mark.parametrize(("chosen", "fraction"), [
    ("abc", D(1)), ("ab", D(2) / 3), ("a", D(1) / 3), ("abx", D(1) / 3), ("abcx", D(2) / 3), ("ax", D(0)), ("xyz", D(0)), ("abcxyz", D(0)), ("axy", D(0))])
def test_a_multiple_earns_right_minus_wrong_over_n_and_never_less_than_nothing(chosen: str, fraction: Decimal) -> None:
    assert score(multiple(), {"choices": list(chosen)}, {}).fraction == fraction


def test_a_multiple_may_weigh_wrong_ticks_less_or_demand_everything() -> None:
    assert score(multiple(rule="per-option", wrong="-0.5", floor="0"), {"choices": ["a", "b", "x"]}, {}).fraction == D("0.5")
    assert score(multiple(rule="all-or-nothing"), {"choices": ["a", "b"]}, {}).fraction == 0
    assert score(multiple(rule="all-or-nothing"), {"choices": ["a", "b", "c"]}, {}).fraction == 1


def test_true_and_false_are_judged_against_the_answer() -> None:
    assert score(true_false(True), {"value": True}, {}).fraction == 1
    assert score(true_false(False), {"value": True}, {}).fraction == 0
    assert score(true_false(False), {"value": False}, {}).fraction == 1


@pytest.mark.parametrize(("pairs", "fraction", "right"), [
    ({"l1": "r1", "l2": "r2", "l3": "r3"}, D(1), ("l1", "l2", "l3")),
    ({"l1": "r1", "l2": "r4", "l3": "r3"}, D(2) / 3, ("l1", "l3")),
    ({"l1": "r1"}, D(1) / 3, ("l1",)),
    ({"l1": "r2", "l2": "r3", "l3": "r1"}, D(0), ())])
def test_matching_earns_its_right_pairs(pairs: dict[str, str], fraction: Decimal, right: tuple[str, ...]) -> None:
    found = score(matching(), {"pairs": pairs}, {})
    assert (found.fraction, found.right_parts) == (fraction, right)


@pytest.mark.parametrize(("order", "fraction"), [
    ("abcde", D(1)), ("bcdea", D(3) / 4), ("abced", D("0.5")), ("edcba", D(0)), ("acbde", D("0.25")), ("cdeab", D(3) / 4)])
def test_ordering_earns_the_neighbours_it_keeps(order: str, fraction: Decimal) -> None:
    assert score(ordering(), {"positions": {key: place for place, key in enumerate(order, 1)}}, {}).fraction == fraction


def test_ordering_by_the_exact_rule_earns_nothing_for_almost() -> None:
    assert score(ordering("exact"), {"positions": {key: place for place, key in enumerate("abced", 1)}}, {}).fraction == 0
    assert score(ordering("exact"), {"positions": {key: place for place, key in enumerate("abcde", 1)}}, {}).fraction == 1


def test_a_place_given_twice_counts_for_neither_so_hedging_earns_nothing() -> None:
    assert score(ordering(), {"positions": {"a": 1, "b": 2, "c": 2, "d": 3, "e": 4}}, {}).fraction == D("0.25")   # only d, e are neighbours
    assert score(ordering(), {"positions": {"a": 1, "b": 2}}, {}).fraction == D("0.25")


@pytest.mark.parametrize("typed", [
    "1500", "1,500.00", "１５００", "1，500．00", " 1 500 ", "1500元", "¥1,500.00", "1500.01", "1499.99", "1500。00", "+1500", "1500 yuan"])
def test_a_numeric_answer_is_understood_as_people_type_it(typed: str) -> None:
    assert score(numeric(), {"text": typed}, VALUES).fraction == 1


@pytest.mark.parametrize("typed", ["1500.02", "1499.98", "15e2", "15 hundred", "一千五百", "1500-", "", "--1500", "-1500", "0x5DC", "1.5.0"])
def test_a_wrong_or_unreadable_number_earns_nothing(typed: str) -> None:
    found = score(numeric(), {"text": typed}, VALUES)
    assert (found.fraction, found.trap) == (0, None)


def test_separators_are_refused_where_the_item_does_not_accept_them() -> None:
    assert numbers.read_number("1,500", numeric(accept_separators=False)) is None
    assert numbers.read_number("1500.00", numeric(accept_separators=False)) == D("1500.00")


def test_a_recognised_wrong_way_is_named_and_may_earn_its_own_fraction() -> None:
    assert (score(numeric(), {"text": "150000"}, VALUES).trap, score(numeric(), {"text": "150000"}, VALUES).fraction) == (0, 0)
    found = score(numeric(), {"text": "101,500"}, VALUES)
    assert (found.trap, found.fraction) == (1, D("0.5"))


def test_rounding_is_half_up_and_once() -> None:
    third = numeric(formula="principal / 3", example={"values": {"principal": 100000, "rate": "1.50"}, "answer": "33333.33"})
    assert numbers.answer(third, VALUES) == D("33333.33")
    eighth = numeric(formula="rate / 400", rounding={"places": 3, "mode": "half-up"})
    assert numbers.answer(eighth, {"principal": "1", "rate": "1.40"}) == D("0.004")      # 0.0035 goes up


@pytest.mark.parametrize(("a", "b", "fraction"), [
    ("期限", "风险", D(1)), ("投资期限", "收益", D("0.5")), ("TIME  Horizon", "Risk.", D(1)), ("ｔｉｍｅ－ｈｏｒｉｚｏｎ", "“风险”", D(1)), ("期", "", D(0))])
def test_a_cloze_ignores_what_it_says_it_ignores_and_takes_either_language(a: str, b: str, fraction: Decimal) -> None:
    assert score(cloze(), {"blanks": {"a": a, "b": b}}, {}).fraction == fraction


def test_a_cloze_that_ignores_only_case_is_strict_about_the_rest() -> None:
    assert score(cloze("case"), {"blanks": {"a": "TIME HORIZON", "b": "Risk"}}, {}).fraction == 1
    assert score(cloze("case"), {"blanks": {"a": "time  horizon", "b": "risk."}}, {}).fraction == 0


def test_a_short_answer_waits_for_a_person_and_is_floored_at_nothing() -> None:
    assert score(short_answer(), {"text": "…"}, {}).fraction is None
    assert short_answer_fraction(short_answer(), ["p1", "p2", "p3"]) == D("0.75")
    assert short_answer_fraction(short_answer(), ["p1", "pitch"]) == 0
    assert short_answer_fraction(short_answer(), ["pitch"]) == 0
    with pytest.raises(KeyError):
        short_answer_fraction(short_answer(), ["p9"])


@pytest.mark.parametrize("item", ALL, ids=lambda item: item.kind)
def test_nothing_answered_earns_nothing_and_the_key_earns_everything(item: Answerable) -> None:
    assert score(item, None, VALUES).fraction == score(item, {}, VALUES).fraction == 0
    key = right_answer(item, VALUES)
    assert answers.read(item, key) == key
    assert score(item, key, VALUES).fraction == 1
    assert answers.completeness(item, key) == "full"


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────
def any_answer(item: Answerable) -> st.SearchStrategy[Any]:
    words = st.text(max_size=20)
    if isinstance(item, Single):
        return st.fixed_dictionaries({"choice": st.sampled_from("abc")})
    if isinstance(item, Multiple):
        return st.fixed_dictionaries({"choices": st.lists(st.sampled_from("abcxyz"), unique=True)})
    if isinstance(item, TrueFalse):
        return st.fixed_dictionaries({"value": st.booleans()})
    if isinstance(item, Matching):
        return st.fixed_dictionaries({"pairs": st.dictionaries(st.sampled_from(("l1", "l2", "l3")), st.sampled_from(("r1", "r2", "r3", "r4")))})
    if isinstance(item, Ordering):
        return st.fixed_dictionaries({"positions": st.dictionaries(st.sampled_from("abcde"), st.integers(1, 5))})
    if isinstance(item, Cloze):
        return st.fixed_dictionaries({"blanks": st.dictionaries(st.sampled_from("ab"), words)})
    return st.fixed_dictionaries({"text": st.one_of(words, st.decimals(allow_nan=False, allow_infinity=False).map(str), st.integers().map(str))})


@given(st.data())
def test_any_answer_earns_a_fraction_from_nothing_to_all(data: st.DataObject) -> None:
    item = data.draw(st.sampled_from(ALL))
    raw = data.draw(any_answer(item))
    try:
        given_ = answers.read(item, raw)
    except answers.BadAnswer:
        return
    fraction = score(item, given_, VALUES).fraction
    assert fraction is not None and 0 <= fraction <= 1
    assert answers.read(item, given_) == given_


@given(st.permutations(["a", "b", "x"]))
def test_the_order_of_ticks_is_irrelevant(order: list[str]) -> None:
    read = answers.read(multiple(), {"choices": order})
    assert read == {"choices": ["a", "b", "x"]}
    assert score(multiple(), read, {}).fraction == D(1) / 3


@given(st.permutations(list("abcde")))
def test_only_the_right_order_earns_everything(order: list[str]) -> None:
    fraction = score(ordering(), {"positions": {key: place for place, key in enumerate(order, 1)}}, {}).fraction
    assert (fraction == 1) == (order == list("abcde"))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), min_size=1, max_size=40))
def test_a_paper_of_fractions_sums_to_the_exact_percent(parts: list[tuple[int, int]]) -> None:
    """Thirds and sixths of a mark add up to what pen and paper give; a bar is never missed by rounding noise."""
    from fractions import Fraction

    pairs = [(min(a, b), b) for a, b in parts]
    marks = [D(5)] * len(pairs)
    earned = [mark(D(a) / D(b), D(5)) for a, b in pairs]
    exact = sum((Fraction(a, b) for a, b in pairs), Fraction(0)) * 100 / len(pairs)
    found = percent(earned, marks)
    assert found is not None and abs(Fraction(found) - exact) <= Fraction(1, 10**20)
    if exact.denominator == 1:
        assert found == exact


def test_a_score_is_never_shown_on_the_other_side_of_its_bar() -> None:
    assert shown_score(D("79.96"), [D(80)]) == "79.96"
    assert shown_score(D("79.996"), [D(80)]) == "79.996"
    assert shown_score(D("79.96")) == "80"
    assert shown_score(D("66.666666666666666667"), [D(60)]) == "66.7"
    assert shown_score(D("60"), [D(60)]) == "60"


# ── what a device may send ───────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("item", "raw"), [
    (single(), {"choice": "z"}), (single(), {"choice": ["a"]}), (single(), {"choices": ["a"]}), (single(), []), (single(), {"choice": "a", "correct": True}),
    (multiple(), {"choices": "abc"}), (multiple(), {"choices": ["a", "q"]}), (multiple(), {"choices": [["a"]]}),
    (true_false(), {"value": "true"}), (true_false(), {"value": 1}),
    (matching(), {"pairs": {"l9": "r1"}}), (matching(), {"pairs": {"l1": "l1"}}), (matching(), {"pairs": []}),
    (ordering(), {"positions": {"a": 0}}), (ordering(), {"positions": {"a": 6}}), (ordering(), {"positions": {"a": True}}),
    (ordering(), {"positions": {"a": "1"}}),
    (numeric(), {"text": 1500}), (numeric(), {"text": "1" * 61}), (numeric(), {"text": "1\x00"}),
    (cloze(), {"blanks": {"q": "x"}}), (cloze(), {"blanks": {"a": "x" * 81}}), (short_answer(), {"text": "x" * 4001})])
def test_what_is_no_answer_to_the_question_is_refused(item: Answerable, raw: Any) -> None:
    with pytest.raises(answers.BadAnswer):
        answers.read(item, raw)


ORDERS = {"single": ("b", "c", "a"), "multiple": ("x", "a", "b", "y", "c", "z"), "matching": ("r3", "r1", "r4", "r2"), "ordering": ("c", "a", "e", "b", "d")}


@pytest.mark.parametrize(("item", "fields", "expected"), [
    (single(), {"a": ["A"]}, {"choice": "b"}), (single(), {}, {}), (multiple(), {"a": ["E", "B"]}, {"choices": ["a", "c"]}),
    (true_false(), {"a": ["false"]}, {"value": False}), (matching(), {"a.1": ["B"], "a.2": [""]}, {"pairs": {"l1": "r1"}}),
    (ordering(), {"a.B": ["2"], "a.D": ["x"]}, {"positions": {"a": 2}}), (numeric(), {"a": [" 12 "]}, {"text": "12"}),
    (cloze(), {"a.1": ["期限"], "a.2": ["  "]}, {"blanks": {"a": "期限"}}), (short_answer(), {"a": ["一\r\n二"]}, {"text": "一\n二"})])
def test_a_plain_form_says_the_same_as_json(item: Answerable, fields: dict[str, list[str]], expected: dict[str, Any]) -> None:
    order = ORDERS.get(item.kind, ())
    assert answers.from_form(item, order, fields) == expected
    assert answers.from_screen(item, order, answers.to_screen(item, order, expected)) == expected


def test_a_page_knows_letters_and_numbers_and_never_keys() -> None:
    assert answers.to_screen(single(), ORDERS["single"], {"choice": "a"}) == {"choice": "C"}
    assert answers.to_screen(matching(), ORDERS["matching"], {"pairs": {"l2": "r4"}}) == {"pairs": {"2": "C"}}
    assert answers.to_screen(ordering(), ORDERS["ordering"], {"positions": {"e": 5}}) == {"positions": {"C": 5}}
    assert answers.to_screen(cloze(), (), {"blanks": {"b": "x"}}) == {"blanks": {"2": "x"}}
    refused: list[tuple[Answerable, Any]] = [
        (single(), {"choice": "a"}), (multiple(), {"choices": ["a"]}), (matching(), {"pairs": {"l1": "r1"}}), (matching(), {"pairs": {"1": "r1"}}),
        (ordering(), {"positions": {"a": 1}}), (single(), {"choice": "D"}), (multiple(), {"choices": "A"}), (matching(), {"pairs": ["1"]}),
        (ordering(), {"positions": [1]}), (single(), ["A"]), (cloze(), {"blanks": {"a": "x"}}), (cloze(), {"blanks": {"3": "x"}})]
    for item, raw in refused:
        with pytest.raises(answers.BadAnswer):
            answers.from_screen(item, ORDERS.get(item.kind, ()), raw)


def test_a_part_answer_is_told_from_a_whole_one() -> None:
    assert answers.completeness(multiple(), {"choices": ["a"]}) == "part"
    assert answers.completeness(ordering(), {"positions": {"a": 1, "b": 1, "c": 2, "d": 3, "e": 4}}) == "part"
    assert answers.completeness(cloze(), {"blanks": {"a": "x"}}) == "part"
    assert answers.completeness(matching(), {}) == "none"
