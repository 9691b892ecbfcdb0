"""The fast reader and the slow one see the same file in the same way, to the place of every part; faults go to the slow one."""
# ruff: noqa: E501 - a case a line

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation import yamlsource
from foundation.yamlsource import Source, parse_yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(file for part in ("courses", "quizzes", "training") for file in (ROOT / part).rglob("content/**/*.yaml"))


def both(text: str) -> tuple[Source, Source, bool]:
    """(as read, as the slow reader alone reads it, whether the fast one took it)."""
    probe = Source("f")
    took = "\t" not in text and yamlsource._fast(text, probe, 1)
    loader, yamlsource._LOADER = yamlsource._LOADER, None
    try:
        slow = parse_yaml(text, Source("f"))
    finally:
        yamlsource._LOADER = loader
    return parse_yaml(text, Source("f")), slow, took


def same(text: str) -> bool:
    fast, slow, took = both(text)
    assert (fast.value, fast.marks, sorted(fast.problems)) == (slow.value, slow.marks, sorted(slow.problems))
    return took


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_shipped_file_is_taken_by_the_fast_reader_and_read_alike(file: Path) -> None:
    assert same(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", [
    "a: 1\nb: yes\nc: no\nd: ~\ne: 0o17\nf: 1_000\ng: 12:30\nh: 2026-11-22\ni: .inf\nj: 0x1F\nk: null\nl:\n",
    "a: 'it''s'\nb: \"line\\nbreak \\u4e2d\"\nc: |\n  kept\n  lines\nd: >-\n  folded\n  text\n",
    "a: {zh: 好, en: fine, n: [1, 2, {x: y}]}\nb: []\nc: {}\n", "- a\n- - b\n  - c\n- d: 1\n  e: 2\n", "a: 1\na: 2\n", "# only a comment\n", "a: x # comment\n",
    "中文键: 值\n? simple\n: value\n", "a: http://x/y#z\nb: a:b\nc: -1\nd: +5\ne: - x\n", "text\n", "[a, b]\n", "'quoted'\n", "a: \"\"\nb: ''\n",
])
def test_what_files_may_hold_is_read_alike(text: str) -> None:
    same(text)


@pytest.mark.parametrize("text", [
    "a: &x 1\nb: *x\n", "a: !!str 1\n", "%YAML 1.1\n---\na: 1\n", "---\na: 1\n", "a: 1\n---\nb: 2\n", "a: [1\n", "a: 1\n b: 2\n", "\ta: 1\n", "[a]: 1\n",
    "a: x\u2028y\n", "a: x\x85y\n", "a: b: c\n", "{a: 1\n", "a: \"\\q\"\n", "[" * 200, "a: 'x\n", "- a\nb: 1\n", "|#", "a: >-#x\n  b\n",
])
def test_faults_and_oddities_are_left_to_the_slow_reader(text: str) -> None:
    assert not same(text)


WORDS = st.sampled_from(["a", "zh", "1", "-1", "yes", "null", "~", "好", "x y", "it's", "2026-11-22", "1.5", "", "a:b", "#x", "{", "]", ", "])


@given(st.recursive(WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "zh", "en", "键"]), inner, max_size=3), max_leaves=12),
       st.booleans())
def test_made_up_files_are_read_alike(value: object, is_flow: bool) -> None:
    import yaml  # only to write the text that both readers read

    same(yaml.safe_dump(value, allow_unicode=True, default_flow_style=is_flow))


@given(st.text(alphabet=":-[]{}#&*!|>'\"%@`?, \nab1好", max_size=40))
def test_whatever_stands_in_a_file_is_read_alike(text: str) -> None:
    same(text)
