"""Content files are read with positions: every complaint says where, all of them at once, and nothing is guessed."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.yamlsource import Bilingual, Day, Dec, Source, Strict, check_bilingual, check_no_personal_numbers, parse_yaml, read_yaml, validate


class Choice(Strict):
    key: str
    text: Bilingual
    weight: Dec
    reviewed: Day
    marks: int


def parse(text: str) -> Source:
    return parse_yaml(text, Source("file.yaml"))


def complaints(source: Source) -> list[str]:
    return [str(problem) for problem in sorted(source.problems)]


def test_plain_words_stay_words_and_only_true_and_false_are_truth_values() -> None:
    value = parse("a: no\nb: yes\nc: on\nd: 007\ne: 12\nf: true\ng: ~\nh: 1.50\ni: '12'\nj: 0x1F\nk: 2026-11-21\nl: -3").value
    assert value == {"a": "no", "b": "yes", "c": "on", "d": "007", "e": 12, "f": True, "g": None, "h": "1.50", "i": "12", "j": "0x1F",
                     "k": "2026-11-21", "l": -3}


def test_a_key_that_stands_twice_is_an_error_at_the_second_one() -> None:
    assert complaints(parse("a: 1\nb: 2\na: 3\n")) == ["file.yaml:3:1 key a stands twice"]
    assert complaints(parse("deep:\n  - x: 1\n    x: 2\n")) == ["file.yaml:3:5 key x stands twice"]


def test_tabs_anchors_and_aliases_are_refused() -> None:
    assert complaints(parse("a: 1\nb: 'one\ttwo'\n")) == ["file.yaml:2:1 has a tab; indent with spaces"]
    assert complaints(parse("a:\n\tb: 1\n"))[0] == "file.yaml:2:1 found character '\\t' that cannot start any token"
    assert "file.yaml:1:4 uses an anchor or alias; write the text out" in complaints(parse("a: &x [1]\nb: *x\n"))


def test_broken_yaml_is_located_and_nothing_is_raised() -> None:
    source = parse("a: [1, 2\nb: 3\n")
    assert (source.ok, source.value) == (False, None)
    assert source.problems[0].line == 2


def test_control_characters_and_bottomless_nesting_are_located_too() -> None:
    assert complaints(parse("a: 1\nb: x\x08y\n")) == ["file.yaml:2:5 has a character that no text file should have (U+0008)"]
    assert complaints(parse("[" * 5000)) == ["file.yaml:1:1 is nested too deeply"]


def test_a_file_that_is_not_utf8_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "roster.yaml"
    file.write_bytes("名: 好".encode("gb18030"))
    assert complaints(read_yaml(file, "roster.yaml")) == ["roster.yaml:1:1 is not UTF-8 (byte 0)"]


def test_every_mistake_of_a_file_is_told_at_once_with_its_place() -> None:
    source = parse("key: kyc-014\ntext:\n  zh: 好\n  en: Good\n  fr: Bon\nweight: 1.5x\nreviewed: 2026-02-30\nmarks: '3'\nextra: 1\n")
    assert validate(Choice, source.value, source, label="kyc-014") is None
    assert complaints(source) == [
        "file.yaml:5:3 kyc-014: text.fr: unknown key",
        "file.yaml:6:1 kyc-014: weight: '1.5x' is not a decimal number",
        "file.yaml:7:1 kyc-014: reviewed: '2026-02-30' is not a date like 2026-11-21",
        "file.yaml:8:1 kyc-014: marks: Input should be a valid integer",
        "file.yaml:9:1 kyc-014: extra: unknown key",
    ]


def test_a_right_value_becomes_a_frozen_type_with_exact_numbers() -> None:
    source = parse("key: a\ntext: {zh: 好, en: Good}\nweight: '0.10'\nreviewed: 2026-11-21\nmarks: 3\n")
    choice = validate(Choice, source.value, source)
    assert choice is not None
    assert (choice.weight, str(choice.weight), choice.text.get("en")) == (Decimal("0.1"), "0.10", "Good")
    with pytest.raises(Exception, match="frozen"):
        choice.marks = 4


def test_a_missing_language_an_empty_text_and_chinese_in_english_are_found() -> None:
    source = parse("a: {zh: 好}\nb: {zh: '', en: x}\nc: {zh: 好, en: 好}\nd: {zh: 好, en: fine}\n")
    check_bilingual(source.value, source)
    assert complaints(source) == ["file.yaml:1:1 en is missing", "file.yaml:2:1 zh is missing", "file.yaml:3:12 Chinese characters in the English text"]


def test_telephone_and_card_numbers_do_not_belong_into_content() -> None:
    source = Source("lesson.zh.md")
    check_no_personal_numbers("一\n电话 13800001111，\n3.14159265358979 与 12345 可以", source)
    assert complaints(source) == ["lesson.zh.md:2:4 a run of 11 or more digits"]


@given(st.text(max_size=300))
def test_whatever_stands_in_a_file_is_answered_with_problems_never_with_a_fault(text: str) -> None:
    source = parse(text)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in source.problems)
