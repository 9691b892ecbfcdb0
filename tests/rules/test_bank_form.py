"""The bank's form: from an item to its fields and back without loss, hostile fields, complaints at their fields, differences."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation import content
from quizzes.queries.bank_words import LABELS, complaint
from quizzes.rules import bank, bank_check, bank_diff, cues, lint
from quizzes.rules.bank_check import Finding
from quizzes.rules.item import KINDS, parse, to_body

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    """Every item of the content files, as it is stored."""
    import app  # noqa: F401 - registers the readers of content

    return {key: piece.body for key, piece in content.read_all().of("item").items()}


# ── there and back ───────────────────────────────────────────────────────────────────────────────────────────────
def test_every_shipped_item_survives_the_way_through_the_form(shipped: dict[str, Any]) -> None:
    assert {body["kind"] for body in shipped.values()} >= set(KINDS) - {"essay"}
    for key, body in shipped.items():
        fields = bank.to_fields(body["kind"], body)
        assert bank.faults(fields) == {}, key
        again = bank.to_draft(body["kind"], key, bank.read_fields(body["kind"], fields), body)
        assert to_body(parse(again)) == body, key


def test_without_the_body_before_nothing_but_what_no_field_holds_is_missing(shipped: dict[str, Any]) -> None:
    signed = {"status", "reviewed", "author_role", "reviewer_role", "approver_role"}
    for key, body in shipped.items():
        again = bank.to_draft(body["kind"], key, bank.read_fields(body["kind"], bank.to_fields(body["kind"], body)))
        lost = set(body) - set(again) - signed
        assert all(name in ("matching", "scoring", "shuffle") or not body[name] for name in lost), (key, lost)


def test_what_is_no_number_stays_as_it_was_typed_and_is_complained_of() -> None:
    tree = bank.read_fields("multiple", {"choose": "two", "options.0.text.zh": "甲", "options.0.text.en": "a"})
    body = bank.to_draft("multiple", "m-1", tree)
    assert body["choose"] == "two"
    assert bank.to_fields("multiple", body)["choose"] == "two"
    assert ("choose", "whole") in {(found.field, found.code) for found in bank_check.examine(body)[1]}


def test_rows_go_by_their_places_and_removed_or_empty_ones_are_left_out() -> None:
    fields = {"options.0.text.zh": "乙", "options.0.place": "2", "options.1.text.zh": "甲", "options.1.place": "1", "options.2.place": "3",
              "options.3.text.zh": "丁", "options.3.drop": "1"}
    body = bank.to_draft("single", "s-1", bank.read_fields("single", fields))
    assert [(option["key"], option["text"]["zh"]) for option in body["options"]] == [("a", "甲"), ("b", "乙")]


def test_a_pair_names_its_partner_by_the_number_on_the_page_even_when_an_empty_row_stands_before_it() -> None:
    fields = {"left.0.text.zh": "一", "left.0.partner": "3", "right.0.text.zh": "甲", "right.2.text.zh": "丙"}
    body = bank.to_draft("matching", "m-1", bank.read_fields("matching", fields))
    assert body["answer"] == {"l1": body["right"][1]["key"]}
    assert bank.to_fields("matching", body)["left.0.partner"] == "2"
    lost = bank.to_draft("matching", "m-1", bank.read_fields("matching", fields | {"left.0.partner": "9"}))
    assert bank.to_fields("matching", lost)["left.0.partner"] == "9", "a partner that does not exist is shown again as it was typed"


def test_blanks_without_a_name_take_the_gaps_of_the_text_in_order() -> None:
    fields = {"text.zh": "[[first]]和[[second]]", "text.en": "[[first]] and [[second]]", "blanks.0.accept.zh": "甲\n乙", "blanks.1.accept.zh": "丙"}
    body = bank.to_draft("cloze", "c-1", bank.read_fields("cloze", fields))
    assert list(body["blanks"]) == ["first", "second"]
    assert body["blanks"]["first"]["accept"] == {"zh": ["甲", "乙"], "en": []}


def test_a_set_keeps_its_items_and_gives_them_keys_and_its_own_place() -> None:
    fields = {"title.zh": "一天", "content_area": "cadre", "programme": "p", "items.0.kind": "true_false", "items.0.stem.zh": "对吗",
              "items.1.kind": "single", "items.2.kind": "no-such-kind", "items.3.kind": "true_false", "items.3.drop": "1"}
    body = bank.to_draft("set", "set-1", bank.read_fields("set", fields))
    assert [(entry["key"], entry["kind"], entry["content_area"]) for entry in body["items"]] == \
        [("set-1-1", "true_false", "cadre"), ("set-1-2", "single", "cadre")]


@settings(max_examples=150)
@given(kind=st.sampled_from(sorted(KINDS)),
       fields=st.dictionaries(st.text("abcdefghijklmnopqrstuvwxyz_.0123456789", max_size=30), st.text(max_size=40), max_size=12),
       known=st.lists(st.sampled_from(["stem.zh", "options.0.text.zh", "options.0", "items.0.kind", "items.0", "left.0.partner", "left.0.text.zh", "right",
                                       "right.1.text.en", "blanks.0.key", "blanks.1.accept.zh", "text.zh", "parameters.0.name", "parameters.0.example",
                                       "length.zh_from", "criteria.0.levels.0.marks", "answer", "claims.0.source.zh"]), max_size=8), value=st.text(max_size=20))
def test_no_field_that_anybody_sends_is_a_fault_of_the_program(kind: str, fields: dict[str, str], known: list[str], value: str) -> None:
    sent = {**fields, **dict.fromkeys(known, value), **({"items.0.kind": "cloze"} if "items.0.kind" in known else {})}
    body = bank.to_draft(kind, "k-1", bank.read_fields(kind, sent))
    bank_check.examine(body)
    bank_check.presentable(body)
    again = bank.to_draft(kind, "k-1", bank.read_fields(kind, bank.to_fields(kind, body)), body)
    assert again == body, "what was stored is what the form shows"


@pytest.mark.parametrize("body", [
    {"kind": "single", "options": "none"}, {"kind": "single", "options": [1, None, {"key": 7}]}, {"kind": "matching", "left": {}, "answer": []},
    {"kind": "cloze", "blanks": {"a": 1}, "text": "x"}, {"kind": "numeric", "parameters": [[]], "example": "x"},
    {"kind": "set", "items": [None, {"kind": "set"}]},
    {"kind": "short_answer", "length": {"zh_chars": "x"}}, {"kind": "essay", "criteria": [{"levels": "x"}]}, {"kind": "true_false", "feedback": "x"},
    {"kind": "no-such-kind"}, {},
])
def test_a_body_from_elsewhere_may_hold_anything(body: Any) -> None:
    item, found = bank_check.examine(body)
    assert item is None
    assert found
    bank_check.presentable(body)
    if body.get("kind") in KINDS:
        bank.to_fields(body["kind"], body)


def test_invisible_signs_and_endless_texts_are_named_by_their_field() -> None:
    assert bank.faults({"a": "x\x00y", "b": "\u202eabc", "c": "x" * 6001, "d": "fine\r\ntext\t", "e": "😀"}) == {"a": "marks", "b": "marks", "c": "long"}


# ── complaints at their fields ───────────────────────────────────────────────────────────────────────────────────
def test_complaints_lead_to_the_field_they_are_about(shipped: dict[str, Any]) -> None:
    numeric = next(body for body in shipped.values() if body["kind"] == "numeric" and body["traps"])
    matching = next(body for body in shipped.values() if body["kind"] == "matching")
    held = next(body for body in shipped.values() if body["kind"] == "set")
    wrong = {**numeric, "formula": "no_such + 1", "tolerance": {"absolute": "-1"}}
    assert {"formula", "tolerance.absolute"} & {found.field for found in bank_check.examine(wrong)[1]}
    assert bank.field_at("matching", matching, ("answer", matching["left"][1]["key"])) == "left.1.partner"
    assert bank.field_at("matching", matching, ("feedback", matching["left"][0]["key"], "en")) == "left.0.feedback.en"
    assert bank.field_at("set", held, ("items", 1, "stem", "zh")) == "items.1.stem.zh"
    assert bank.field_at("numeric", numeric, ("example", "values", numeric["parameters"][0]["name"])) == "parameters.0.example"
    assert bank.field_at("essay", {}, ("length", "en_words", 1)) == "length.en_to"
    english = {**matching, "stem": {**matching["stem"], "en": "含汉字"}}
    assert ("stem.en", "han") in {(found.field, found.code) for found in bank_check.examine(english)[1]}
    half = {**matching, "stem": {"zh": matching["stem"]["zh"], "en": ""}}
    assert ("stem.en", "missing") in {(found.field, found.code) for found in bank_check.examine(half)[1]}


def test_shipped_items_could_be_handed_in_as_they_are(shipped: dict[str, Any]) -> None:
    for key, body in shipped.items():
        assert [found for found in bank_check.examine(body)[1] if found.is_error] == [], key


def test_a_gap_in_a_draft_does_not_keep_it_from_being_looked_at(shipped: dict[str, Any]) -> None:
    for kind in KINDS:
        body = next((body for body in shipped.values() if body["kind"] == kind), None)
        if body is None:
            continue
        needed = {"kind", "key", "options", "left", "right", "sequence", "parameters", "formula", "blanks", "text", "items", "marking", "criteria"}
        for name in set(body) - needed:
            shown = bank_check.presentable({key: value for key, value in body.items() if key != name})
            assert shown is not None, (kind, name)


# ── in the reader's language ─────────────────────────────────────────────────────────────────────────────────────
def _messages(module: Any) -> set[str]:
    """Every sentence a module of rules may say, its holes filled with "7"."""
    found = set()
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("say", "Complaint", "append", "found"):
            arguments = [*node.args, *(element for argument in node.args if isinstance(argument, ast.Tuple) for element in argument.elts)]
            for argument in arguments[1:4] if len(arguments) > 2 else []:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and " " in argument.value:
                    found.add(argument.value)
                elif isinstance(argument, ast.JoinedStr):
                    found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in argument.values))
    return found


OF_FILES = re.compile("holds over 40|is the longest option in|items ask to remember|is the key in|shares 7|its stem shares")


def test_every_sentence_of_the_rules_is_said_in_the_readers_language(app: Any) -> None:
    told = {text for module in (lint, cues) for text in _messages(module) if not OF_FILES.search(text)}
    assert len(told) > 45
    unsaid = []
    with app.test_request_context(headers={"Cookie": "qizhou_lang=zh"}):
        for text in sorted(told):
            text = text.replace("(7)", "(zh)").replace("the 7 text", "the zh text").replace("the formula 7", "the formula ends too early")
            if not re.search("[\u4e00-\u9fff]", complaint(Finding("", "lint", text)).replace("（中文）", "")):
                unsaid.append(text)
    assert unsaid == []


@pytest.mark.parametrize("formula", ["1 +", "(1", "1 $ 2", "a < b", "1 2", "unknown_name", "2 ** 999", "x" * 600, "1 / 0"])
def test_what_is_wrong_with_a_formula_is_said_in_chinese(app: Any, shipped: dict[str, Any], formula: str) -> None:
    numeric = next(body for body in shipped.values() if body["kind"] == "numeric")
    errors = [found for found in bank_check.examine({**numeric, "formula": formula})[1] if found.is_error]
    assert errors
    with app.test_request_context(headers={"Cookie": "qizhou_lang=zh"}):
        assert all(re.search("[\u4e00-\u9fff]", complaint(found)) for found in errors), [found.message for found in errors]


def test_every_field_of_every_kind_has_a_name() -> None:
    def names(fields: Any, prefix: str = "") -> set[str]:
        found = set()
        for field in fields:
            found.add(prefix + field.name)
            if isinstance(field, bank.Rows):
                found |= names(field.fields, f"{prefix}{field.name}.")
        return found

    every = {name for kind in KINDS for name in names(bank.fields_of(kind))}
    assert {name for name in every if name not in LABELS and name.rpartition(".")[2] != "key"} == set()


# ── differences ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_difference_names_fields_and_marks_words() -> None:
    first, second = {"key": "x", "text": {"zh": "一"}}, {"key": "y", "text": {"zh": "二"}}
    before = {"key": "a", "stem": {"zh": "三天内回复客户", "en": "reply within three days"}, "options": [first, second]}
    after = {"key": "a", "stem": {"zh": "五天内回复客户", "en": "reply within five days"}, "options": [second, first]}
    changes = {change.field: change for change in bank_diff.difference(before, after)}
    assert set(changes) == {"stem.zh", "stem.en", "options.order"}, "options that moved did not change"
    assert [(piece.act, piece.text) for piece in changes["stem.zh"].pieces] == [("del", "三"), ("ins", "五"), ("same", "天内回复客户")]
    assert ("del", "three") in {(piece.act, piece.text) for piece in changes["stem.en"].pieces}


def test_who_signed_and_when_is_no_change_of_the_item(shipped: dict[str, Any]) -> None:
    body = next(body for body in shipped.values() if body["kind"] == "set")
    other = {**body, "reviewed": "2030-01-01", "author_role": "x", "items": [{**entry, "reviewed": "2030-01-01"} for entry in body["items"]]}
    assert bank_diff.difference(body, other) == ()
    assert {change.act for change in bank_diff.difference(None, body)} == {"added"}


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_pieces_of_a_difference_put_together_are_both_texts(before: str, after: str) -> None:
    pieces = bank_diff.compare(before, after)
    assert "".join(piece.text for piece in pieces if piece.act != "ins") == before
    assert "".join(piece.text for piece in pieces if piece.act != "del") == after
