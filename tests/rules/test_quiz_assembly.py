"""Papers: the same seed the same paper, cells filled, enemies apart, difficulty kept, nothing of the exam outside it."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizzes.rules.assembly import NoPaper, assemble, draw_units, expected, pools, shown_order
from quizzes.rules.blueprint import Blueprint, Unit
from quizzes.rules.item import Item, ItemSet, parse
from quizzes.rules.paper_check import check_blueprint

D = Decimal


def text(value: str) -> dict[str, str]:
    return {"zh": value, "en": value}


def body(key: str, kind: str = "single", p: str = "0.60", usage: str = "both", status: str = "approved", **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "key": key, "kind": kind, "content_area": "x", "status": status, "reviewed": "2026-11-21", "author_role": "a", "reviewer_role": "b",
        "objective": "needs.one", "bloom": "apply", "difficulty": {"expected_fraction": p, "basis": "panel"}, "source": "S0", "stem": text(key), "usage": usage}
    if kind == "single":
        fields["options"] = [{"key": k, "text": text(k), "correct": k == "a", "feedback": text("f")} for k in "abcd"]
    if kind == "ordering":
        fields |= {"sequence": [{"key": k, "text": text(k)} for k in "abcd"], "feedback": text("f")}
    if kind == "numeric":
        fields |= {"parameters": {"p": {"from": 1000, "to": 9000, "step": 100}}, "formula": "p * 2", "unit": text("u"), "rounding": {"places": 0},
                   "tolerance": {"absolute": "0"}, "example": {"values": {"p": 1000}, "answer": "2000"}, "feedback": text("f")}
    if kind == "short_answer":
        fields |= {"length": {"zh_chars": [1, 9], "en_words": [1, 9]}, "marked_by": "trainer", "model_answer": text("m"),
                   "marking": {"max": 1, "points": [{"key": "p", "marks": 1, "text": text("p")}]}}
    return {**fields, **more}


def item(key: str, kind: str = "single", **more: Any) -> Item:
    return parse(body(key, kind, **more))


def item_set(key: str, *keys: str, usage: str = "both") -> Item:
    head = {name: value for name, value in body(key).items() if name in ItemSet.model_fields}
    return parse({**head, "kind": "set", "title": text("t"), "items": [body(k, usage=usage) for k in keys]})


def blueprint(*cells: dict[str, Any], purpose: str = "practice", **more: Any) -> Blueprint:
    whole = [{"content_area": "x", "marks_each": "5", **cell} for cell in cells]
    marks = int(sum(D(cell["marks_each"]) * cell["items"] for cell in whole))
    review = {"opens": "after-release" if purpose == "exam" else "after-submit", "shows": ["score"]}
    return Blueprint.model_validate({"key": "bp", "title": text("B"), "purpose": purpose, "minutes": 60, "marks": marks, "cells": whole,
                                     "review": review, **more})


BANK: list[Item] = [
    *(item(f"s-{n}", p=f"0.{50 + n}") for n in range(12)), item("o-1", "ordering"), item("n-1", "numeric"), item("n-2", "numeric"),
    item_set("set-1", "i-1", "i-2"), item_set("set-2", "i-3", "i-4"), item("w-1", "short_answer"),
    item("e-1", usage="exam"), item("e-2", usage="exam"), item_set("set-e", "i-5", "i-6", usage="exam"), item("p-1", usage="practice"),
    item("d-1", status="draft"), item("r-1", status="reviewed"), item("q-1", content_area="other")]


@given(st.text(max_size=12), st.integers(1, 14))
@settings(max_examples=60)
def test_the_same_seed_gives_the_same_paper_and_every_paper_fills_its_cells_without_repeats(seed: str, count: int) -> None:
    prepared = pools(blueprint({"items": count}), BANK)
    paper = assemble(prepared, seed)
    assert paper == assemble(prepared, seed) == assemble(pools(blueprint({"items": count}), list(reversed(BANK))), seed)
    assert len(paper) == count == len({slot.item_key for slot in paper})
    assert [slot.position for slot in paper] == list(range(1, count + 1))


def test_different_seeds_give_different_papers() -> None:
    prepared = pools(blueprint({"items": 8}), BANK)
    assert len({tuple(slot.item_key for slot in assemble(prepared, str(n))) for n in range(40)}) > 35


def test_a_set_stands_together_and_counts_as_its_items() -> None:
    prepared = pools(blueprint({"items": 5}), BANK)
    for n in range(60):
        keys = [slot.item_key for slot in assemble(prepared, f"s{n}")]
        for first, second in (("i-1", "i-2"), ("i-3", "i-4")):
            assert (first in keys) == (second in keys)
            if first in keys:
                assert keys.index(second) == keys.index(first) + 1
    piece = next(slot for n in range(60) for slot in assemble(prepared, f"s{n}") if slot.item_key == "i-1")
    assert piece.piece == "set-1" and piece.frozen()["set"] == "set-1"


@pytest.mark.parametrize(("purpose", "never"), [
    ("practice", {"e-1", "e-2", "i-5", "i-6", "d-1", "w-1", "q-1"}), ("mock", {"e-1", "e-2", "i-5", "i-6", "d-1", "w-1", "q-1"}),
    ("stage_test", {"e-1", "e-2", "i-5", "i-6", "d-1", "r-1", "w-1", "q-1"}), ("exam", {"p-1", "d-1", "r-1", "w-1", "q-1"})])
def test_each_purpose_draws_only_what_it_may(purpose: str, never: set[str]) -> None:
    prepared = pools(blueprint({"items": 6}, purpose=purpose), BANK)
    possible = {key for unit in prepared.cells[0] for key in (part.key for part in unit.items)}
    everything = {part for one in BANK for part in ({p.key for p in one.items} if isinstance(one, ItemSet) else {one.key})}
    assert possible == everything - never
    drawn = {slot.item_key for n in range(80) for slot in assemble(prepared, str(n))}
    assert not drawn & never
    assert purpose != "exam" or {"e-1", "i-5"} <= drawn


def test_a_cell_is_narrowed_by_kind_objective_and_bloom() -> None:
    bank = [*BANK, item("a-1", objective="role.name"), item("a-2", bloom="create")]

    def drawn(**cell: Any) -> set[str]:
        return {part.key for unit in pools(blueprint({"items": 1, **cell}), bank).cells[0] for part in unit.items}

    assert drawn(kinds=["set"]) == {"i-1", "i-2", "i-3", "i-4"}
    assert drawn(kinds=["numeric", "ordering"]) == {"n-1", "n-2", "o-1"}
    assert drawn(objectives=["role.*"]) == {"a-1"}
    assert drawn(bloom=["create"]) == {"a-2"}
    assert drawn(kinds=["short_answer"]) == {"w-1"}


def test_enemies_never_share_a_paper_whichever_of_them_says_so() -> None:
    bank = [item("a", enemy_of=["b"]), item("b"), item("c"), item_set("set-1", "d", "e"), item("f", enemy_of=["d"])]
    prepared = pools(blueprint({"items": 3}), bank)
    for n in range(120):
        keys = {slot.item_key for slot in assemble(prepared, str(n))}
        assert not {"a", "b"} <= keys and not {"d", "f"} <= keys


def test_difficulty_is_kept_within_its_tolerance_and_weighted_by_marks() -> None:
    bank = [one for n in range(10) for one in (item(f"h-{n}", p="0.40"), item(f"l-{n}", p="0.80", content_area="y"), item(f"m-{n}", p="0.70"))]
    plan = blueprint({"items": 6}, {"items": 2, "content_area": "y", "marks_each": "10"},
                     difficulty={"mean": "0.65", "tolerance": "0.03", "each": ["0.30", "0.90"]})
    prepared = pools(plan, bank)
    for n in range(60):
        units = dict(enumerate(draw_units(prepared, str(n))))
        value = expected(plan, {index: list(cell) for index, cell in units.items()})
        assert abs(value - D("0.65")) <= D("0.03")
    one = Unit("u", (parse(body("u", p="0.40")),), frozenset(), frozenset({"u"}))  # type: ignore[arg-type]
    other = Unit("v", (parse(body("v", p="0.80")),), frozenset(), frozenset({"v"}))  # type: ignore[arg-type]
    assert expected(blueprint({"items": 1}, {"items": 1, "marks_each": "15"}), {0: [one], 1: [other]}) == D("0.70")


def test_items_outside_the_range_of_each_are_not_drawn() -> None:
    plan = blueprint({"items": 1}, difficulty={"mean": "0.6", "tolerance": "0.3", "each": ["0.55", "0.58"]})
    assert {part.key for unit in pools(plan, BANK).cells[0] for part in unit.items} == {"s-5", "s-6", "s-7", "s-8"}


def test_a_narrow_cell_gets_its_items_before_a_wide_one_takes_them() -> None:
    bank = [*(item(f"w-{n}") for n in range(8)), item("only", bloom="create")]
    plan = blueprint({"items": 8}, {"items": 1, "bloom": ["create"]})
    for n in range(40):
        assert assemble(pools(plan, bank), str(n))[-1].item_key == "only"


def test_a_bank_that_cannot_fill_the_paper_is_told_of() -> None:
    with pytest.raises(NoPaper):
        assemble(pools(blueprint({"items": 3}), BANK[:2]), "s")
    hard = blueprint({"items": 3}, difficulty={"mean": "0.90", "tolerance": "0.01", "each": ["0.1", "0.95"]})
    with pytest.raises(NoPaper, match="difficulty"):
        assemble(pools(hard, BANK), "s")


def test_options_are_shown_in_a_drawn_order_unless_the_item_says_otherwise() -> None:
    assert sorted(shown_order(BANK[0], "x")) == list("abcd")  # type: ignore[arg-type]
    assert len({shown_order(BANK[0], str(n)) for n in range(80)}) > 15  # type: ignore[arg-type]
    assert shown_order(item("z", shuffle=False), "x") == tuple("abcd")  # type: ignore[arg-type]


def test_what_has_a_right_order_is_never_shown_in_it() -> None:
    assert all(shown_order(BANK[12], str(n)) != tuple("abcd") for n in range(300))  # type: ignore[arg-type]


def test_no_position_holds_over_two_fifths_of_the_keys_of_a_paper() -> None:
    prepared = pools(blueprint({"items": 10, "kinds": ["single"]}), BANK)
    for n in range(60):
        places = Counter(slot.order.index("a") for slot in assemble(prepared, str(n)))
        assert max(places.values()) <= 4


def test_drawn_values_are_frozen_into_the_slot() -> None:
    prepared = pools(blueprint({"items": 2, "kinds": ["numeric"]}), BANK)
    papers = [assemble(prepared, str(n)) for n in range(20)]
    assert all(1000 <= int(slot.values["p"]) <= 9000 and slot.frozen()["values"] == slot.values for paper in papers for slot in paper)
    assert len({slot.values["p"] for paper in papers for slot in paper}) > 10


# ── checks of a blueprint ────────────────────────────────────────────────────────────────────────────────────────
def messages(plan: Blueprint, bank: list[Item], errors_only: bool = True) -> list[str]:
    return [finding.message for finding in check_blueprint(plan, bank) if finding.severity == "error" or not errors_only]


def test_a_sound_blueprint_has_no_complaint() -> None:
    assert messages(blueprint({"items": 4}), BANK, errors_only=False) == []


def test_marks_that_do_not_sum_are_refused() -> None:
    assert messages(blueprint({"items": 4}, marks=25), BANK) == ["the cells' marks sum to 20, the paper says 25"]


def test_a_pool_smaller_than_its_cell_is_refused_and_a_thin_one_warned_of() -> None:
    assert messages(blueprint({"items": 50}), BANK) == ["cell 1 (x) needs 50 items and may draw 21"]
    assert any("below the ratio" in text for text in messages(blueprint({"items": 11}, security={"min_pool_ratio": "2.0"}), BANK, errors_only=False))


def test_seeds_that_build_no_paper_are_refused() -> None:
    plan = blueprint({"items": 3}, difficulty={"mean": "0.90", "tolerance": "0.01", "each": ["0.1", "0.95"]})
    assert any("builds no paper" in text for text in messages(plan, BANK))
    enemies = [item("a", enemy_of=["b", "c"]), item("b", enemy_of=["c"]), item("c")]
    assert any("builds no paper" in text for text in messages(blueprint({"items": 2}), enemies))


def test_too_little_time_to_read_is_refused() -> None:
    long = [item(f"l-{n}", stem=text("字" * 900)) for n in range(4)]
    assert any("reading alone takes up to" in text for text in messages(blueprint({"items": 4}, minutes=10), long))


def test_an_item_seen_too_often_is_warned_of() -> None:
    assert any("% of papers" in text for text in messages(blueprint({"items": 10}, security={"exposure_max": "0.20"}), BANK, errors_only=False))


def test_answers_nobody_marks_and_early_reviews_stay_out_of_exams() -> None:
    written = {"items": 1, "kinds": ["short_answer"]}
    assert any("marked by a person" in text for text in messages(blueprint(written, purpose="stage_test", marking={"raters": 0}), BANK))
    assert not any("marked by a person" in text for text in messages(blueprint(written, purpose="stage_test"), BANK)), "one person marks it"
    early = blueprint({"items": 2}, purpose="exam", review={"opens": "after-submit", "shows": ["score", "key"]})
    assert any("opens after-release" in text for text in messages(early, BANK))
