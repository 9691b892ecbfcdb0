"""A page rendered once and filled per person: every hole is filled, the rest is untouched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foundation.splice import Spliced, hole


def test_holes_are_filled_by_name_and_the_rest_falls_back() -> None:
    page = Spliced(f"<p>{hole('name')}</p><i class=\"{hole('read:lesson:a-1')}\"></i>{hole('name')}")
    assert page.fill({"name": "A"}, lambda name: name.upper()) == '<p>A</p><i class="READ:LESSON:A-1"></i>A'


@given(st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=("Cs",))))
def test_text_without_holes_passes_unchanged(text: str) -> None:
    assert Spliced(text).fill({}, lambda _name: "X") == text


def test_a_value_that_looks_like_a_hole_is_not_filled_again() -> None:
    assert Spliced(str(hole("a"))).fill({"a": "\x00b\x00"}, lambda _name: "never") == "\x00b\x00"
