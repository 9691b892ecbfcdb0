"""Item files and blueprints: what the loader refuses, where it points, what the lint says. No database."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from foundation.content import Library
from quizzes import loader
from quizzes.rules.item import KINDS, parse, parts, scoring_of, to_body, walk
from quizzes.rules.lint import lint_item

FEEDBACK = {"zh": "因为如此。", "en": "Because it is so."}


def both(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def option(key: str, zh: str, en: str, correct: bool = False) -> dict[str, Any]:
    wrong = {} if correct else {"misconception": {"zh": f"误解{key}", "en": f"Error {key}"}}
    return {"key": key, "text": {"zh": zh, "en": en}, "feedback": FEEDBACK, **({"correct": True} if correct else wrong)}


def single(key: str = "x-001", **changes: Any) -> dict[str, Any]:
    return {
        "key": key, "kind": "single", "objective": "needs.name-layers", "bloom": "apply", "difficulty": {"expected_fraction": "0.60", "basis": "panel"},
        "source": "S0", "stem": both("客户说想存久一点。下一步先问哪一句最合适？", "A customer wants to save for longer. Which question suits best now?"),
        "options": [option("a", "这笔钱什么时候要用", "When will you need this money", True), copy.deepcopy(B), copy.deepcopy(C)], **changes}


B, C = option("b", "您的利率要求是多少", "What rate do you have in mind"), option("c", "您在别家有存款吗", "Do you save at other banks too")


def numeric(**changes: Any) -> dict[str, Any]:
    body = single("x-002", kind="numeric", stem=both("教学利率。存入 {p} 元，年利率 {r}%，一年利息是多少元？",
                                                     "Teaching rate. {p} yuan at {r}% for one year: how much interest in yuan?"))
    del body["options"]
    return {**body, "parameters": {"p": {"from": 10000, "to": 50000, "step": 10000}, "r": {"choice": ["1.20", "1.50"]}}, "formula": "p * r / 100",
            "unit": {"zh": "元", "en": "yuan"}, "rounding": {"places": 2, "mode": "half-up"}, "tolerance": {"absolute": "0.01"},
            "example": {"values": {"p": 10000, "r": "1.50"}, "answer": "150.00"}, "traps": [{"formula": "p * r", "feedback": FEEDBACK}],
            "feedback": FEEDBACK, **changes}


def file_of(*items: dict[str, Any], **head: Any) -> dict[str, Any]:
    return {"format": "qizhou/items@1", "content_area": "x", "title": {"zh": "题", "en": "Items"}, "sources": ["S0"],
            "defaults": {"status": "reviewed", "reviewed": "2026-11-21", "author_role": "a", "reviewer_role": "b"}, "items": list(items), **head}


def written(tmp_path: Path, content: dict[str, Any]) -> Path:
    file = tmp_path / "x.yaml"
    with file.open("w", encoding="utf-8") as handle:
        YAML().dump(_quoted(content), handle)
    return file


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _quoted(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_quoted(child) for child in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) else value


def problems(tmp_path: Path, *items: dict[str, Any], **head: Any) -> list[str]:
    source, _found = loader.read_item_file(written(tmp_path, file_of(*items, **head)))
    return [str(problem) for problem in sorted(source.problems)]


def errors(tmp_path: Path, *items: dict[str, Any], **head: Any) -> list[str]:
    return [line for line in problems(tmp_path, *items, **head) if "warning:" not in line]


def test_a_good_file_has_no_complaints(tmp_path: Path) -> None:
    assert problems(tmp_path, single(), numeric()) == []


def test_an_error_names_file_line_column_item_and_option(tmp_path: Path) -> None:
    bad = single()
    del bad["options"][1]["misconception"]
    file = written(tmp_path, file_of(bad))
    source, _ = loader.read_item_file(file)
    line = next(n for n, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if 'key: "b"' in text)
    column = source.problems[0].column
    assert [str(problem) for problem in source.problems] == [f"x.yaml:{line}:{column} x-001: option b: a distractor needs the misconception it catches"]


def test_every_complaint_comes_at_once_and_one_bad_item_hides_no_other(tmp_path: Path) -> None:
    unknown = single("x-010", kind="riddle")
    extra = single("x-011", colour="red")
    lacking = single("x-012")
    del lacking["objective"]
    found = errors(tmp_path, unknown, extra, lacking, numeric(formula="p * q"))
    assert [any(text in line for line in found) for text in
            ("kind 'riddle' is unknown", "x-011: colour: unknown key", "x-012: objective: is missing", "formula names q, which is no parameter")] == [True] * 4


def test_a_set_passes_the_defaults_on_and_is_one_piece(tmp_path: Path) -> None:
    whole = {"key": "x-set", "kind": "set", "title": {"zh": "一组", "en": "A set"}, "stem": {"zh": "范先生来到柜台。", "en": "Mr Fan comes to the counter."},
             "items": [single("x-021"), single("x-022", stem=both("他不断看表，柜台前先回应哪一句？", "He keeps checking his watch. What comes first now?"))]}
    source, found = loader.read_item_file(written(tmp_path, file_of(whole)))
    assert not source.problems and [item.key for item, _ in found] == ["x-set"]
    assert [entry.reviewer_role for entry in parts(found[0][0])] == ["b", "b"]
    flawed = copy.deepcopy(whole)
    del flawed["items"][1]["options"][1]["misconception"]
    assert any("x-022: option b: a distractor needs" in line for line in errors(tmp_path, flawed))
    mixed = copy.deepcopy(whole)
    mixed["items"][0]["usage"] = "exam"
    assert any("its items need one usage" in line for line in errors(tmp_path, mixed))


FLAWS: list[tuple[dict[str, Any], str]] = [
    ({"options": [*single()["options"][:2], option("c", "以上都是", "All of the above")]}, "refers to the other options"),
    ({"stem": both("下面四种做法里，不正确的是哪一项呢？", "Which of the four ways of handling it is not correct here?")},
     "a negative in the question without **emphasis**"),
    ({"stem": both("下面这些做法里，**不应**做的是哪一项呢？", "Which of these ways should **not** be taken here today?"),
      "options": [option("a", "不问就办", "Do it and not ask", True), option("b", "先问清楚", "Ask about it first"),
                  option("c", "交给同事", "Hand it to a colleague")]}, "a double negative"),
    ({"stem": both("客户**首先**想知道的是哪一件事情？", "Which matter does the customer want to know first?")}, "zh and en differ in bold words"),
    ({"stem": both("存入 {p} 元，下一步先做哪一件事？", "What is done first with the money that comes in?")}, "zh and en differ in parameters"),
    ({"options": [*single()["options"][:2], option("c", "您的利率要求是多少呢", "What rate do you have in mind today")]}, "contained in option c"),
    ({"options": [option("a", "10 至 20 天", "10 to 20 days", True), option("b", "20 至 30 天", "20 to 30 days"),
                  option("c", "40 至 50 天", "40 to 50 days")]}, "share a value"),
    ({"options": [option("a", "这笔钱具体在哪一段时间里可能要用得着呢", "At which point of the next few years may you need some of this money", True), B, C]},
     "longer than the next by over a quarter"),
    ({"options": [*single()["options"], {**option("d", "您要不要看看理财", "Shall we look at a fund"), "misconception": both("误解c", "x")}]},
     "the same misconception as option c"),
    ({"options": single()["options"][:2]}, "a single has 3 to 5 options"),
    ({"options": [{**o, "correct": False, "misconception": both(o["key"], "x")} for o in single()["options"]]}, "has 0 right options"),
    ({"status": "approved"}, "approved needs an approver_role"),
    ({"status": "approved", "approver_role": "a"}, "approved needs an approver_role"),
    ({"source": "S9"}, "source S9 is not among the file's sources"),
    ({"stem": both("请拨打 13800138000 联系，下一步做什么？", "Call the number given; what is the next step here?")}, "a run of 11 or more digits"),
    ({"difficulty": {"expected_fraction": "0,6", "basis": "panel"}}, "difficulty.expected_fraction"),
    ({"stem": {"zh": "只有中文的题干，请问选哪一项？"}}, "en is missing"),
]


@pytest.mark.parametrize(("change", "message"), FLAWS)
def test_a_flawed_item_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    found = errors(tmp_path, single(**change))
    assert any(message in line and "x.yaml:" in line for line in found), found


@pytest.mark.parametrize(("change", "message"), [
    ({"traps": [{"formula": "p / 100 * r", "feedback": FEEDBACK}]}, "trap 1 equals the answer"),
    ({"example": {"values": {"p": 10000, "r": "1.50"}, "answer": "151.00"}}, "the example gives 150.00"),
    ({"example": {"values": {"p": 10000}, "answer": "150.00"}}, "example must give a value to every parameter"),
    ({"formula": "p * r / 100 - 20000"}, "the example gives"),
    ({"formula": "p * r / 700", "example": {"values": {"p": 10000, "r": "1.50"}, "answer": "21.43"}}, "needs more than 2 decimals"),
    ({"formula": "p / (r - r)"}, "has no value here"),
    ({"constraints": ["p > 90000"]}, "draws did not meet the constraints"),
    ({"constraints": ["p + 1"]}, "must compare two values"),
    ({"parameters": {"p": {"from": 1, "to": 5}}}, "give from, to and step"),
])
def test_a_flawed_calculation_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    assert any(message in line for line in errors(tmp_path, numeric(**change))), errors(tmp_path, numeric(**change))


def test_a_negative_result_is_refused(tmp_path: Path) -> None:
    found = errors(tmp_path, numeric(formula="p * r / 100 - 400", example={"values": {"p": 50000, "r": "1.50"}, "answer": "350.00"}, traps=[]))
    assert any("is negative" in line for line in found), found


def test_warnings_are_told_and_can_be_waived_by_name_but_not_in_vain(tmp_path: Path) -> None:
    hard = single(difficulty={"expected_fraction": "0.20", "basis": "panel"})
    warned = problems(tmp_path, hard)
    assert len(warned) == 1 and "x-001: expected_fraction 0.20 is outside 0.30 to 0.95 (check 19)" in warned[0]
    waiver = {"check": 19, "where": "x-001", "reason": "a pilot showed it", "by_role": "reviewer"}
    assert problems(tmp_path, hard, waive=[waiver]) == []
    assert any("waives check 19 of x-001, which warns of nothing" in line for line in errors(tmp_path, single(), waive=[waiver]))


def test_a_file_that_always_makes_the_key_longest_is_warned_of(tmp_path: Path) -> None:
    items = []
    for n in range(4):
        options = [option("a", "这笔钱大概什么时候要用", "When roughly will you be needing this money", True), *single()["options"][1:]]
        stem = both(f"第{'甲乙丙丁'[n]}位客户想存久一点，下一步先问哪一句？", f"Customer {'ABCD'[n]} wants to save for longer. Which question comes next?")
        items.append(single(f"x-03{n}", options=options, stem=stem))
    assert any("the key is the longest option in 4 of 4 single items" in line for line in problems(tmp_path, *items))


def test_what_is_stored_reads_back_and_texts_do_not_touch_the_scoring_hash(tmp_path: Path) -> None:
    _source, found = loader.read_item_file(written(tmp_path, file_of(single(), numeric())))
    for item, _where in found:
        assert parse(to_body(item)) == item
    first = found[0][0]
    reworded = parse({**to_body(first), "stem": {"zh": "换一种问法：先问哪一句？", "en": "Asked another way: which comes first?"}})
    assert scoring_of(reworded) == scoring_of(first)
    rekeyed = to_body(first)
    rekeyed["options"][0]["correct"], rekeyed["options"][1]["correct"] = False, True
    assert scoring_of(parse(rekeyed)) != scoring_of(first)


# ── the shipped bank ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def library() -> Library:
    found = Library()
    loader.read_items(found)
    loader.read_blueprints(found)
    loader.blueprints_build(found)
    return found


def test_the_shipped_bank_has_no_error_and_every_kind(library: Library) -> None:
    assert library.errors == []
    items = {key: parse(piece.body) for key, piece in library.of("item").items()}
    assert {item.kind for item in items.values()} == set(KINDS)
    assert len(list(walk(items))) >= 40
    assert all(not [c for c in lint_item(item) if c.is_error] for item in items.values())


def test_the_shipped_blueprints_build_with_the_final_exam_of_sixty_items_in_ninety_minutes(library: Library) -> None:
    exam = library.of("blueprint")["final-exam"].body
    assert (exam["minutes"], exam["marks"], sum(cell["items"] for cell in exam["cells"]), exam["purpose"]) == (90, 100, 60, "exam")
    assert {"week-1-practice", "stage-1-test"} <= set(library.of("blueprint"))
