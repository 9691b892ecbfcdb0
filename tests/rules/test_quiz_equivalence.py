"""Parallel forms and the proof of their equivalence: what holds, what fails and why, what the bank lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizzes.rules.assembly import NoPaper, PaperSlot, Pools, assemble, pools
from quizzes.rules.equivalence import Place, Proof, Sheet, prove, shortages
from quizzes.rules.item import Item
from quizzes.rules.parallel import BAND, expected_of, kinds_of, middle_of, parallel_forms, person_paper
from tests.rules.test_quiz_assembly import blueprint, item, item_set

D = Decimal
BAND_OF_BLUEPRINT = {"mean": "0.60", "tolerance": "0.05", "each": ["0.10", "0.95"]}
# forty items of x from 0.41 to 0.80, twelve of y, all singles but for some orderings, and two sets
BANK: list[Item] = [
    *(item(f"x-{n}", "ordering" if n % 5 == 0 else "single", p=f"0.{41 + n}", usage="exam") for n in range(40)),
    *(item(f"y-{n}", p="0.60", content_area="y", usage="exam") for n in range(12)),
    item_set("set-1", "i-1", "i-2", usage="exam"), item_set("set-2", "i-3", "i-4", usage="exam")]


def exam(x: int = 8, y: int = 4, **more: Any) -> Any:
    return blueprint({"items": x}, {"items": y, "content_area": "y"}, purpose="exam", difficulty=BAND_OF_BLUEPRINT,
                     parallel={"forms": 3, "overlap_max": "0.40"}, **more)


def sheet(label: str, paper: Sequence[PaperSlot], bank: Sequence[Item] = tuple(BANK)) -> Sheet:
    pieces = {one.key: one for one in bank}
    return Sheet(label, tuple(Place(pieces[slot.piece], slot.item_key, slot.marks, slot.order) for slot in paper))


def sheets(papers: dict[str, tuple[PaperSlot, ...]]) -> list[Sheet]:
    return [sheet(label, paper) for label, paper in papers.items()]


def forms(prepared: Pools, count: int = 3, seed: str = "s") -> dict[str, tuple[PaperSlot, ...]]:
    return parallel_forms(prepared, {label: f"{seed}/{label}" for label in "ABCDE"[:count]})


def codes(proof: Proof) -> list[str]:
    return [finding.code for finding in proof.findings if finding.severity == "fails"]


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────
@settings(max_examples=15)
@given(st.text(min_size=1, max_size=12))
def test_forms_share_nothing_while_the_bank_lasts_and_are_equally_hard(seed: str) -> None:
    prepared = pools(exam(), BANK)
    papers = forms(prepared, seed=seed)
    keys = [{slot.item_key for slot in paper} for paper in papers.values()]
    assert not keys[0] & keys[1] | keys[0] & keys[2] | keys[1] & keys[2]
    expected = [expected_of(prepared, paper) for paper in papers.values()]
    assert max(expected) - min(expected) <= BAND
    assert papers == forms(prepared, seed=seed), "the same seed, the same forms"
    assert prove(prepared, sheets(papers), "forms").holds


def test_where_the_bank_is_too_small_the_forms_share_as_few_items_as_will_do() -> None:
    prepared = pools(exam(x=8, y=8), BANK)                       # twelve items of y for twice eight
    one, other = forms(prepared, 2).values()
    assert len({slot.item_key for slot in one} & {slot.item_key for slot in other}) == 4


def test_forms_hold_the_same_kinds_as_nearly_as_the_draws_allow() -> None:
    prepared = pools(exam(), BANK)
    kinds = [kinds_of(prepared, paper) for paper in forms(prepared).values()]
    assert max(kind["ordering"] for kind in kinds) - min(kind["ordering"] for kind in kinds) <= 1


def test_a_bank_that_cannot_fill_one_form_fills_none() -> None:
    with pytest.raises(NoPaper):
        forms(pools(exam(x=60), BANK))


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_a_paper_of_ones_own_lies_near_the_middle_and_is_the_same_each_time(number: int) -> None:
    prepared = pools(exam(), BANK)
    paper = person_paper(prepared, f"p{number}")
    assert abs(expected_of(prepared, paper) - middle_of(prepared)) <= BAND / 2
    assert paper == person_paper(prepared, f"p{number}")


# ── what the bank lacks ──────────────────────────────────────────────────────────────────────────────────────────
def test_a_blueprint_that_cannot_be_filled_says_which_cell_lacks_how_many() -> None:
    found = shortages(pools(exam(x=50, y=15), BANK))
    assert [(one.cell, one.content_area, one.wanted, one.available, one.lacking) for one in found] == [(1, "x", 50, 44, 6), (2, "y", 15, 12, 3)]
    assert shortages(pools(exam(), BANK)) == ()


def test_cells_that_may_draw_the_same_items_are_reckoned_together() -> None:
    plan = blueprint({"items": 8, "content_area": "y"}, {"items": 8, "content_area": "y"}, purpose="exam")
    assert sum(one.lacking for one in shortages(pools(plan, BANK))) == 4


# ── the proof ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def prepared() -> Pools:
    return pools(exam(), BANK)


def test_a_sound_proof_tells_what_the_papers_hold(prepared: Pools) -> None:
    proof = prove(prepared, sheets(forms(prepared, 2)), "forms")
    assert proof.holds
    assert [(cell.content_area, cell.wanted, cell.pool) for cell in proof.cells] == [("x", 8, 44), ("y", 4, 12)]
    assert [paper.placed for paper in proof.papers] == [(8, 4), (8, 4)]
    assert {paper.marks for paper in proof.papers} == {"60"}
    assert all(abs(D(paper.expected) - D("0.60")) <= D("0.01") for paper in proof.papers)
    assert [(overlap.one, overlap.other, overlap.shared) for overlap in proof.overlaps] == [("A", "B", 0)]
    assert Proof.from_json(proof.to_json()) == proof, "what is stored is what was proved"


def test_the_expected_score_is_weighted_by_marks() -> None:
    bank = [item("hard", p="0.40"), item("easy", p="0.80", content_area="y")]
    plan = blueprint({"items": 1, "marks_each": "15"}, {"items": 1, "content_area": "y", "marks_each": "5"})
    proof = prove(pools(plan, bank), [sheet("A", assemble(pools(plan, bank), "s"), bank)], "forms")
    assert proof.papers[0].expected == "0.5"        # (15 × 0.40 + 5 × 0.80) / 20, by hand


def test_reading_time_is_that_of_the_items_and_a_sets_stem_once() -> None:
    bank = [item_set("set-1", "i-1", "i-2")]
    plan = blueprint({"items": 2, "kinds": ["set", "single"]})
    proof = prove(pools(plan, bank), [sheet("A", assemble(pools(plan, bank), "s"), bank)], "forms")
    # two singles: 3 characters of stem and 4 of options, at 5 a second, and 20 seconds per list; the set's stem has 5
    assert proof.papers[0].reading_seconds == int(D(2 * (3 + 4)) / 5 + 40 + D(5) / 5)


def test_a_paper_with_an_item_of_the_wrong_cell_fails(prepared: Pools) -> None:
    paper = forms(prepared, 1)["A"]
    other = next(one for one in BANK if one.content_area == "y" and one.key not in {slot.item_key for slot in paper})
    wrong = (replace(paper[0], piece=other.key, item_key=other.key, order=("a", "b", "c", "d")), *paper[1:])
    proof = prove(prepared, [sheet("A", wrong)], "forms")
    assert codes(proof) == ["cell", "strays"]
    assert proof.findings[0].facts == {"paper": "A", "cell": 1, "area": "x", "wanted": 8, "placed": 7}


def test_an_item_that_left_the_bank_fails_the_proof(prepared: Pools) -> None:
    paper = forms(prepared, 1)["A"]
    left = pools(exam(), [one for one in BANK if one.key != paper[-1].piece])
    assert codes(prove(left, [sheet("A", paper)], "forms")) == ["cell", "strays"]


def test_an_item_for_practice_only_or_unapproved_has_no_place_in_an_exam(prepared: Pools) -> None:
    for change in ({"usage": "practice"}, {"usage": "exam", "status": "reviewed"}):
        paper = forms(prepared, 1)["A"]
        number = next(n for n, slot in enumerate(paper) if slot.item_key.startswith("y-"))
        bank = [item(one.key, content_area="y", **change) if one.key == paper[number].piece else one for one in BANK]
        assert "strays" in codes(prove(pools(exam(), bank), [sheet("A", paper, bank)], "forms"))


def test_wrong_marks_and_repeats_fail(prepared: Pools) -> None:
    paper = forms(prepared, 1)["A"]
    dear = (replace(paper[0], marks=D(6)), *paper[1:])
    assert set(codes(prove(prepared, [sheet("A", dear)], "forms"))) == {"cell", "strays", "marks"}
    again = (replace(paper[1], position=1), *paper[1:])
    assert "twice" in codes(prove(prepared, [sheet("A", again)], "forms"))


def test_enemies_in_one_paper_fail() -> None:
    bank = [item("x-1", enemy_of=["x-2"]), item("x-2"), item("x-3")]
    plan = blueprint({"items": 2})
    slots = tuple(PaperSlot(n, key, key, D(5), ("a", "b", "c", "d"), {}) for n, key in ((1, "x-1"), (2, "x-2")))
    proof = prove(pools(plan, bank), [sheet("A", slots, bank)], "forms")
    assert codes(proof) == ["enemies"]
    assert proof.findings[0].facts["items"] == "x-1 / x-2"


def by_hand(prepared: Pools, ranks: Sequence[int]) -> tuple[PaperSlot, ...]:
    """A paper of these items of x and the first four of y, whatever a draw would say."""
    keys = [*(f"x-{n}" for n in ranks), *(f"y-{n}" for n in range(4))]
    items = {one.key: one for one in BANK}
    return tuple(PaperSlot(n, key, key, D(5), ("b", "c", "d", "a") if items[key].kind == "ordering" else ("a", "b", "c", "d"), {})
                 for n, key in enumerate(keys, 1))


def test_a_paper_outside_the_blueprints_band_fails(prepared: Pools) -> None:
    proof = prove(prepared, [sheet("A", by_hand(prepared, range(32, 40)))], "forms")      # 0.73 … 0.80, mean 0.71 with y
    assert codes(proof) == ["difficulty"]


def test_two_papers_within_the_band_may_still_be_too_far_apart(prepared: Pools) -> None:
    hard = by_hand(prepared, range(10, 18))                     # mean 0.545 of x, 0.563 with y
    easy = by_hand(prepared, range(20, 28))                     # mean 0.645 of x, 0.63 with y
    proof = prove(prepared, [sheet("A", hard), sheet("B", easy)], "forms")
    assert "difficulty" not in codes(proof)
    assert codes(proof) == ["apart"]
    assert next(f for f in proof.findings if f.code == "apart").facts["difference"] == "0.0667"


def test_forms_that_share_too_much_fail(prepared: Pools) -> None:
    paper = forms(prepared, 1)["A"]
    proof = prove(prepared, [sheet("A", paper), sheet("B", paper)], "forms")
    assert codes(proof) == ["overlap"]
    assert proof.overlaps[0].share == "1"


def test_keys_heaped_at_one_position_are_noted_and_do_not_fail(prepared: Pools) -> None:
    heaped = by_hand(prepared, (16, 17, 18, 19, 21, 22, 23, 24))   # every key is the first option
    proof = prove(prepared, [sheet("A", heaped)], "forms")
    assert codes(proof) == []
    assert [finding.facts["position"] for finding in proof.findings if finding.code == "keys"] == [1]


def test_a_paper_too_long_to_read_fails(prepared: Pools) -> None:
    hurried = pools(exam(minutes=5), BANK)
    assert "reading" in codes(prove(hurried, [sheet("A", forms(hurried, 1)["A"])], "forms"))


def test_with_a_paper_each_the_proof_speaks_for_all_of_them(prepared: Pools) -> None:
    papers = [sheet(str(n), person_paper(prepared, f"p{n}")) for n in range(1, 41)]
    proof = prove(prepared, papers, "person")
    assert proof.holds
    assert proof.spread is not None
    assert proof.spread.papers == 40
    expected = sorted(sum((place.item.difficulty.expected_fraction for place in one.places), D(0)) / 12 for one in papers)
    assert (D(proof.spread.expected_low), D(proof.spread.expected_high)) == tuple(round(value, 4) for value in (expected[0], expected[-1]))
    shared = [len({a.item_key for a in one.places} & {b.item_key for b in other.places})
              for n, one in enumerate(papers) for other in papers[n + 1:]]
    assert proof.spread.shared_high == max(shared)
    assert D(proof.spread.shared_mean) == round(D(sum(shared)) / len(shared), 1)
    assert len(proof.papers) == 2
    assert Proof.from_json(proof.to_json()) == proof


def test_one_bad_paper_among_many_fails_the_proof(prepared: Pools) -> None:
    papers = [sheet(str(n), person_paper(prepared, f"p{n}")) for n in range(1, 20)]
    proof = prove(prepared, [*papers, sheet("20", by_hand(prepared, range(32, 40)))], "person")
    assert set(codes(proof)) == {"difficulty", "apart"}


def test_what_many_papers_have_in_common_is_told_once_with_their_number(prepared: Pools) -> None:
    paper = by_hand(prepared, range(32, 40))
    proof = prove(prepared, [sheet(str(n), paper) for n in range(1, 6)], "person")
    assert [finding.facts["papers"] for finding in proof.findings if finding.code == "difficulty"] == [5]
