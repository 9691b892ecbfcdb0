"""The hearing of a faulty item: what answers earn under each remedy, by hand for each kind, and what holds for any answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizzes.rules.hearing import REMEDIES, Ruling, Unfit, fraction_under, merged, prepare, rekeyed, remedies_for, with_part
from quizzes.rules.hearing_change import BadChange, feedbacks, read_change
from quizzes.rules.item import Answerable, parse, to_body
from quizzes.rules.scoring import right_answer, score
from tests.rules.test_quiz_scoring import ALL, BASE, VALUES, cloze, matching, multiple, numeric, option, ordering, short_answer, single, text, true_false

D = Decimal


def accept(*answers: dict[str, Any]) -> Ruling:
    return Ruling("accept", {"answers": list(answers)})


def earned(ruling: Ruling, item: Answerable, answer: dict[str, Any] | None) -> Decimal | None:
    return fraction_under(ruling, item, answer, VALUES).fraction


def rekey(item: Answerable, **changes: Any) -> Ruling:
    return Ruling("rekey", {"item": {**to_body(item), **changes}})


# ── golden, per kind ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_single_with_a_second_right_option_gives_both_of_them_the_mark() -> None:
    ruling = accept({"choice": "b"})
    assert [earned(ruling, single(), {"choice": key}) for key in "abc"] == [1, 1, 0]
    assert earned(ruling, single(), None) == 0


def test_a_rekeyed_single_takes_the_mark_from_the_old_key_and_gives_it_to_the_new() -> None:
    ruling = rekey(single(), options=[option("a"), option("b", True), option("c")])
    assert [earned(ruling, single(), {"choice": key}) for key in "abc"] == [0, 1, 0]


def test_a_multiple_accepts_another_combination_and_counts_the_better_of_the_two() -> None:
    ruling = accept({"choices": ["a", "b"]})       # beside the key a, b, c
    assert earned(ruling, multiple(), {"choices": ["a", "b"]}) == 1           # the key alone gives 2/3
    assert earned(ruling, multiple(), {"choices": ["a", "b", "c"]}) == 1      # the key
    assert earned(ruling, multiple(), {"choices": ["a"]}) == D("0.5")         # 1/2 of the accepted, 1/3 of the key
    assert earned(ruling, multiple(), {"choices": ["c", "x"]}) == 0


def test_a_true_or_false_may_be_turned_round_or_given_for_both() -> None:
    assert [earned(rekey(true_false(True), answer=False), true_false(True), {"value": value}) for value in (True, False)] == [0, 1]
    assert [earned(accept({"value": False}), true_false(True), {"value": value}) for value in (True, False)] == [1, 1]


def test_a_matching_accepts_another_partner_for_one_entry() -> None:
    ruling = accept({"pairs": {"l2": "r4"}})
    assert earned(ruling, matching(), {"pairs": {"l1": "r1", "l2": "r4", "l3": "r3"}}) == 1
    assert earned(ruling, matching(), {"pairs": {"l1": "r1", "l2": "r2", "l3": "r3"}}) == 1
    assert earned(ruling, matching(), {"pairs": {"l2": "r4"}}) == D(1) / 3


def test_an_ordering_accepts_a_second_order() -> None:
    ruling = accept({"positions": {"a": 1, "b": 2, "c": 3, "e": 4, "d": 5}})
    assert earned(ruling, ordering(), {"positions": {"a": 1, "b": 2, "c": 3, "e": 4, "d": 5}}) == 1    # 2 of 4 neighbours by the key
    assert earned(ruling, ordering(), {"positions": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}}) == 1


def test_a_calculation_accepts_another_formula_or_a_figure_and_keeps_its_traps() -> None:
    ruling = accept({"formula": "principal * rate / 100 / 2"})
    assert [earned(ruling, numeric(), {"text": typed}) for typed in ("1500", "750", "101500", "7")] == [1, 1, D("0.5"), 0]
    assert earned(accept({"text": "1500.125"}), numeric(), {"text": "1500.13"}) == 1
    assert earned(accept({"text": "1600"}), numeric(), {"text": "1,600.00"}) == 1


def test_a_rekeyed_calculation_is_reckoned_anew_for_the_numbers_each_paper_drew() -> None:
    ruling = rekey(numeric(), formula="principal * rate / 100 / 4", example={"values": {"principal": "100000", "rate": "1.50"}, "answer": "375.00"})
    assert earned(ruling, numeric(), {"text": "375"}) == 1
    assert fraction_under(ruling, numeric(), {"text": "600"}, {"principal": "200000", "rate": "1.20"}).fraction == 1
    assert earned(ruling, numeric(), {"text": "1500"}) == 0


def test_a_formula_without_a_value_for_some_numbers_fits_nothing_there() -> None:
    assert earned(rekey(numeric(), formula="principal / (rate - rate)"), numeric(), {"text": "1500"}) == 0


def test_a_cloze_accepts_further_wordings_in_several_blanks_at_once() -> None:
    ruling = accept({"blanks": {"a": "年限"}}, {"blanks": {"b": "hazard"}})
    assert earned(ruling, cloze(), {"blanks": {"a": "年限", "b": "Hazard"}}) == 1
    assert earned(ruling, cloze(), {"blanks": {"a": "期限", "b": "x"}}) == D("0.5")


def test_what_a_person_marks_can_only_be_given_or_dropped() -> None:
    assert remedies_for(short_answer()) == ("give_all", "drop") and remedies_for(single()) == REMEDIES
    assert earned(Ruling("give_all"), short_answer(), {"text": "…"}) == 1
    dropped = fraction_under(Ruling("drop"), short_answer(), {"text": "…"}, {})
    assert (dropped.fraction, dropped.counts) == (None, False)


def test_without_a_ruling_the_key_decides() -> None:
    assert fraction_under(None, single(), {"choice": "a"}, {}).fraction == 1 and fraction_under(None, short_answer(), {"text": "x"}, {}).fraction is None


# ── composition ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_second_accepted_answer_does_not_take_the_first_back() -> None:
    ruling = merged(accept({"choice": "b"}), accept({"choice": "c"}))
    assert [earned(ruling, single(), {"choice": key}) for key in "abc"] == [1, 1, 1]


def test_accepting_after_a_rekey_keeps_the_new_key() -> None:
    ruling = merged(rekey(single(), options=[option("a"), option("b", True), option("c")]), accept({"choice": "c"}))
    assert [earned(ruling, single(), {"choice": key}) for key in "abc"] == [0, 1, 1]


@pytest.mark.parametrize("later", [Ruling("give_all"), Ruling("drop"), rekey(single(), options=[option("a"), option("b"), option("c", True)])])
def test_any_other_remedy_stands_alone(later: Ruling) -> None:
    assert merged(accept({"choice": "b"}), later) == later
    assert merged(None, later) == later


# ── what does not fit ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("change", [
    {"options": [option("a"), option("b", True), option("other")]}, {"key": "another-item"}])
def test_a_corrected_item_with_other_parts_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        rekeyed(single(), {**to_body(single()), **change})


@pytest.mark.parametrize(("item", "answer"), [
    (single(), {"choice": "nobody"}), (multiple(), {"choices": []}), (matching(), {"pairs": {"l9": "r1"}}), (matching(), {"pairs": {"l1": "r9"}}),
    (ordering(), {"positions": {"a": 1}}), (ordering(), {"positions": dict.fromkeys("abcde", 1)}), (cloze(), {"blanks": {"q": "x"}}),
    (short_answer(), {"text": "x"})])
def test_an_accepted_answer_that_is_none_is_refused(item: Answerable, answer: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        prepare(accept(answer), item)


def test_a_set_gets_its_corrected_item_and_keeps_the_others() -> None:
    one, two = {**to_body(single()), "key": "s-1"}, {**to_body(true_false()), "key": "s-2"}
    shared = {name: value for name, value in BASE.items() if name not in ("objective", "bloom", "difficulty")}
    piece = parse({**shared, "key": "s", "kind": "set", "title": text("t"), "items": [one, two]})
    corrected = parse({**two, "answer": False})
    mended = with_part(piece, corrected)  # type: ignore[arg-type]
    assert [entry.key for entry in mended.items] == ["s-1", "s-2"] and to_body(mended.items[0]) == one and mended.items[1] == corrected  # type: ignore[union-attr]


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────
def any_answer(item: Answerable) -> st.SearchStrategy[Any]:
    if item.kind == "single":
        return st.sampled_from([None, *({"choice": one.key} for one in item.options)])
    if item.kind == "multiple":
        return st.lists(st.sampled_from([one.key for one in item.options]), min_size=1, unique=True).map(lambda keys: {"choices": sorted(keys)})
    if item.kind == "true_false":
        return st.booleans().map(lambda value: {"value": value})
    if item.kind == "matching":
        return st.dictionaries(st.sampled_from([e.key for e in item.left]), st.sampled_from([e.key for e in item.right]), min_size=1).map(
            lambda pairs: {"pairs": pairs})
    if item.kind == "ordering":
        return st.permutations([e.key for e in item.sequence]).map(lambda keys: {"positions": {key: n for n, key in enumerate(keys, 1)}})
    if item.kind == "numeric":
        return st.sampled_from(["1500", "150000", "101500", "x", "-1"]).map(lambda typed: {"text": typed})
    return st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["期限", "风险", "risk", "年限"]), min_size=1).map(lambda blanks: {"blanks": blanks})


@st.composite
def answered(draw: st.DrawFn) -> tuple[Answerable, Any]:
    item = draw(st.sampled_from(ALL))
    return item, draw(any_answer(item))


@given(answered())
def test_giving_to_all_never_lowers_and_always_counts(case: tuple[Answerable, Any]) -> None:
    item, answer = case
    outcome = fraction_under(Ruling("give_all"), item, answer, VALUES)
    assert outcome.counts and outcome.fraction == 1 >= (score(item, answer, VALUES).fraction or 0)


@given(answered(), st.data())
def test_accepting_never_lowers_and_what_is_accepted_earns_everything(case: tuple[Answerable, Any], data: st.DataObject) -> None:
    item, answer = case
    further = data.draw(any_answer(item).filter(bool))
    if item.kind in ("matching", "cloze"):      # in parts: the rest of the key stands
        ruling = accept(further)
        whole = {**right_answer(item, VALUES)}
        name = "pairs" if item.kind == "matching" else "blanks"
        accepted: dict[str, Any] = {name: {**whole[name], **further[name]}}
    elif item.kind == "numeric":
        ruling, accepted = accept({"text": "1234.5"}), {"text": "1234.5"}
    else:
        ruling, accepted = accept(further), further
    assert fraction_under(ruling, item, answer, VALUES).fraction >= score(item, answer, VALUES).fraction  # type: ignore[operator]
    assert fraction_under(ruling, item, accepted, VALUES).fraction == 1


@given(answered(), st.sampled_from(["give_all", "drop"]))
def test_a_fraction_stays_between_nothing_and_all_and_only_a_drop_does_not_count(case: tuple[Answerable, Any], remedy: Any) -> None:
    item, answer = case
    outcome = fraction_under(Ruling(remedy), item, answer, VALUES)
    assert outcome.fraction is not None and 0 <= outcome.fraction <= 1 and outcome.counts is (remedy != "drop")


# ── what is filled in ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("item", "fields", "answers"), [
    (single(), {"also": ["b", "a", "ghost"]}, [{"choice": "b"}]),
    (multiple(), {"also": ["b", "a"]}, [{"choices": ["a", "b"]}]),
    (true_false(), {}, [{"value": False}]),
    (matching(), {"also.l1": ["r4"], "also.l2": ["r2"], "also.l3": ["ghost"]}, [{"pairs": {"l1": "r4"}}]),
    (ordering(), {f"also.{key}": [place] for key, place in zip("abcde", "12354", strict=True)}, [{"positions": {"a": 1, "b": 2, "c": 3, "d": 5, "e": 4}}]),
    (numeric(), {"also_formula": ["principal * 2"]}, [{"formula": "principal * 2"}]),
    (numeric(), {"also_formula": ["1,600.50"]}, [{"text": "1600.50"}]),
    (cloze(), {"also.a": ["年限\n  年限 \n年数"], "also.b": [""]}, [{"blanks": {"a": "年限"}}, {"blanks": {"a": "年数"}}]),
])
def test_an_accepted_answer_is_read_from_the_form(item: Answerable, fields: dict[str, list[str]], answers: list[dict[str, Any]]) -> None:
    assert read_change(item, "accept", fields) == {"answers": answers}
    prepare(Ruling("accept", {"answers": answers}), item)


@pytest.mark.parametrize(("item", "remedy", "fields", "field", "reason"), [
    (single(), "accept", {}, "also", "nothing"), (single(), "accept", {"also": ["a"]}, "also", "nothing"),
    (multiple(), "accept", {"also": ["a", "b", "c"]}, "also", "same"), (matching(), "accept", {"also.l1": ["r1"]}, "also.l1", "nothing"),
    (ordering(), "accept", {"also.a": ["1"]}, "also.a", "all"), (ordering(), "accept", {f"also.{k}": ["1"] for k in "abcde"}, "also.a", "twice"),
    (ordering(), "rekey", {f"place.{k}": [str(n)] for n, k in enumerate("abcde", 1)}, "place.a", "same"),
    (numeric(), "accept", {"also_formula": ["principal *"]}, "also_formula", "formula"),
    (numeric(), "accept", {"also_formula": ["__import__('os')"]}, "also_formula", "formula"),
    (numeric(), "accept", {"also_formula": ["(" * 390]}, "also_formula", "formula"),
    (numeric(), "accept", {"also_formula": ["unknown + 1"]}, "also_formula", "formula"),
    (numeric(), "accept", {"also_formula": ["1" * 401]}, "also_formula", "too_long"),
    (numeric(), "rekey", {}, "formula", "nothing"), (numeric(), "rekey", {"formula": ["principal"], "tolerance": ["-1"]}, "tolerance", "formula"),
    (cloze(), "accept", {"also.a": ["x" * 81]}, "also.a", "too_long"), (cloze(), "accept", {"also.b": ["？！"]}, "also.b", "empty"),
    (cloze(), "rekey", {"accept.a.zh": ["期限"]}, "accept.a.en", "empty"),
    (single(), "rekey", {"right": ["a"]}, "right", "same"), (single(), "rekey", {"right": ["a", "b"]}, "right", "one"),
    (single(), "rekey", {}, "right", "nothing"), (multiple(), "rekey", {"right": ["a", "b"]}, "right", "count"),
    (true_false(), "rekey", {"right": ["true"]}, "right", "same"), (single(), "rekey", {"right": ["b"], "feedback.0.zh": [""]}, "feedback.0.zh", "empty"),
    (single(), "rekey", {"right": ["b"], "feedback.0.en": ["x" * 2001]}, "feedback.0.en", "too_long"),
])
def test_what_cannot_be_heard_is_refused_at_its_field(item: Answerable, remedy: str, fields: dict[str, list[str]], field: str, reason: str) -> None:
    with pytest.raises(BadChange) as refused:
        read_change(item, remedy, fields)
    assert (refused.value.field, refused.value.reason) == (field, reason)


def test_a_rekey_is_read_with_its_mended_feedback() -> None:
    change = read_change(single(), "rekey", {"right": ["b"], "feedback.1.zh": ["正确。"], "feedback.1.en": ["Right."], "misconception.a.zh": ["误"],
                                             "misconception.a.en": ["wrong"]})
    assert change is not None
    mended = rekeyed(single(), change["item"])
    assert mended.right == ("b",) and mended.option("b").feedback.zh == "正确。" and mended.option("b").misconception is None  # type: ignore[union-attr]
    assert mended.option("a").misconception.en == "wrong"  # type: ignore[union-attr]


def test_every_kind_tells_its_feedbacks_in_reading_order() -> None:
    counts = {item.kind: len(list(feedbacks(to_body(item)))) for item in ALL}
    assert counts == {"single": 3, "multiple": 6, "true_false": 2, "matching": 3, "ordering": 1, "numeric": 3, "cloze": 2}
    assert [one.path for one in feedbacks(to_body(true_false()))] == [("feedback", "if_true"), ("feedback", "if_false")]
