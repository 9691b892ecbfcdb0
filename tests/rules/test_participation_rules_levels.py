"""The level proposed from observations, and the texts of the levels."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.participation.rules.levels import LEAST_NOTES, LEVEL_TEXTS, LEVELS, PARTS, level_key, propose

D = Decimal


@pytest.mark.parametrize(("observed", "level"), [
    ([], None),
    (["1"], None),
    (["0.85", "0.85"], "l4"),
    (["0.85", "1"], "l4"),                      # mean 0.925
    (["0.65", "0.85"], "l3"),                   # mean 0.75
    (["0.45", "1", "1"], "l3"),                 # mean 0.8166…
    (["0.85", "0.85", "1", "0.65"], "l3"),      # mean 0.8375, just below good
    (["0.85", "0.85", "1", "0.85"], "l4"),      # mean 0.8875
    (["0", "0"], "l1"),
    (["0", "0.85"], "l1"),                      # mean 0.425
    (["0", "1"], "l2"),                         # mean 0.5
    (["1", "1", "1"], "l5"),
])
def test_the_proposal_is_the_highest_level_not_above_the_mean(observed: list[str], level: str | None) -> None:
    proposal = propose([D(value) for value in observed])
    assert proposal.notes == len(observed)
    assert proposal.fraction == (None if level is None else LEVELS[level])


OBSERVED = st.lists(st.sampled_from(list(LEVELS.values())), max_size=40)


@given(OBSERVED)
def test_a_proposal_is_always_a_level_within_what_was_observed(observed: list[Decimal]) -> None:
    proposal = propose(observed)
    assert (proposal.fraction is None) == (len(observed) < LEAST_NOTES)
    if proposal.fraction is not None and proposal.mean is not None:
        assert level_key(proposal.fraction) in LEVELS
        assert min(observed) <= proposal.fraction <= proposal.mean <= max(observed)
        assert not any(proposal.fraction < level <= proposal.mean for level in LEVELS.values())


@given(OBSERVED, st.randoms())
def test_the_order_of_observations_is_irrelevant(observed: list[Decimal], random: Any) -> None:
    shuffled = observed[:]
    random.shuffle(shuffled)
    assert propose(shuffled) == propose(observed)


@given(st.lists(st.sampled_from(list(LEVELS.values())), min_size=2, max_size=20), st.integers(0, 19))
def test_a_better_observation_never_lowers_the_proposal(observed: list[Decimal], place: int) -> None:
    better = observed[:]
    better[place % len(better)] = D(1)
    first, second = propose(observed).fraction, propose(better).fraction
    assert first is not None and second is not None and first <= second


@given(st.sampled_from(list(LEVELS.values())), st.integers(2, 30))
def test_agreeing_observations_propose_their_own_level(level: Decimal, times: int) -> None:
    assert propose([level] * times).fraction == level


def test_level_key_refuses_a_value_between_levels() -> None:
    with pytest.raises(KeyError):
        level_key(D("0.7"))


def test_every_level_has_a_title_and_an_anchor_for_each_part_in_both_languages() -> None:
    assert list(LEVEL_TEXTS) == list(LEVELS)
    titles = [text.title for text in LEVEL_TEXTS.values()]
    assert [title["zh"] for title in titles] == ["未达到", "不足", "合格", "良好", "优秀"]
    assert [title["en"] for title in titles] == ["Not shown", "Below standard", "Pass", "Good", "Excellent"]
    anchors = [text.anchors[part][language] for text in LEVEL_TEXTS.values() for part in PARTS for language in ("zh", "en")]
    assert len(set(anchors)) == len(anchors) == 20
    assert all(anchor and "\n" not in anchor for anchor in anchors)
