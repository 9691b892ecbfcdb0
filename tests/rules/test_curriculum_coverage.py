"""What the whole curriculum lacks: gaps, sheets nobody wrote, terms nobody uses; and the report of it."""
# ruff: noqa: E501 - a case a line

from __future__ import annotations

from typing import Any

import pytest

import courses.loader
import quizzes.loader
import training.assessment.loader
import training.grading.loader
import training.participation.loader
from courses.rules import coverage
from foundation import clock, content
from foundation.content import Library, Piece
from foundation.findings import Findings, Waiver
from foundation.yamlsource import Source
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.item import parse
from quizzes.rules.paper_check import check_blueprint
from tests.rules.test_quiz_content import single

assert quizzes.loader and training.assessment.loader and training.grading.loader and training.participation.loader


def bodies(**changes: Any) -> dict[str, dict[str, Any]]:
    objective = {"bloom": "apply", "dimension": "skill", "text": {"zh": "目标", "en": "Aim"}, "planned": False}
    made: dict[str, dict[str, Any]] = {
        "objectives": {"objectives": {"objectives": [{**objective, "key": "a.one"}, {**objective, "key": "a.two"}, {**objective, "key": "a.later", "planned": True}]}},
        "programme": {}, "survey": {}, "lesson": {"l1": {"objectives": ["a.one", "a.two"]}},
        "item": {f"i{n}": {"kind": "single", "status": "approved", "objective": f"a.{key}", "bloom": "apply"} for n, key in enumerate(["one", "two"] * 3)},
        **{kind: {} for kind in coverage.PRACTICE}}
    return {**made, **changes}


def found(**changes: Any) -> list[str]:
    return [message for _subject, message in coverage.gaps(coverage.gather(bodies(**changes)))]


def test_a_curriculum_that_teaches_and_asks_everything_has_no_gap() -> None:
    assert found() == []
    assert "## Holes\n\n- objective a.later is still planned\n" in coverage.report(coverage.gather(bodies()))


def test_an_objective_without_a_lesson_or_with_two_items_is_a_gap_and_a_planned_one_is_not() -> None:
    items = dict(list(bodies()["item"].items())[:4])
    assert found(lesson={"l1": {"objectives": ["a.one"]}}, item=items) == [
        "objective a.one is asked by 2 of the 3 items needed", "objective a.two is taught by no lesson", "objective a.two is asked by 2 of the 3 items needed"]


def test_a_lesson_of_which_nothing_is_asked_is_a_gap() -> None:
    assert found(lesson={**bodies()["lesson"], "l2": {"objectives": ["a.later"]}}) == ["lesson l2: none of its objectives is asked by an item"]


def test_retired_items_and_drafts_do_not_count_and_the_items_of_a_set_do() -> None:
    items = bodies()["item"]
    assert found(item={**items, "i0": {**items["i0"], "status": "retired"}}) == ["objective a.one is asked by 2 of the 3 items needed"]
    inside = [{"objective": "a.one", "bloom": "analyse"}] * 3
    only_set = {key: body for key, body in items.items() if body["objective"] == "a.two"} | {"s": {"kind": "set", "status": "reviewed", "items": inside}}
    assert found(item=only_set) == []


@pytest.fixture(scope="module")
def shipped() -> Library:
    return content.read_all()


def test_the_report_is_the_same_every_time_and_names_every_objective_and_unit(shipped: Library) -> None:
    made = {kind: {key: piece.body for key, piece in shipped.of(kind).items()} for kind in coverage.KINDS}
    held = coverage.gather(made)
    report = coverage.report(held)
    backwards = {kind: dict(reversed(list(by_key.items()))) for kind, by_key in made.items()}
    assert coverage.report(coverage.gather(backwards)) == report
    assert all(f"| {objective.key}" in report for objective in held.objectives)
    assert all(f"### {unit.key}: " in report for programme in held.programmes for unit in programme.units)


# ── through the loader ───────────────────────────────────────────────────────────────────────────────────────────
def whole(**changes: Any) -> Library:
    library = Library()
    for kind, by_key in bodies(**changes).items():
        for key, body in by_key.items():
            library.add(Piece(kind, key, body, [], "approved", f"{kind}.yaml"))
    for entry in library.of("objectives")["objectives"].body["objectives"]:
        library.keep("objectives", entry["key"], Findings(Source("objectives.yaml")))
    return library


def test_gaps_fail_the_check_and_do_not_stop_a_load() -> None:
    library = whole(lesson={"l1": {"objectives": ["a.one"]}})
    courses.loader.the_whole_is_complete(library)
    assert [str(problem) for problem in library.gaps] == ["objectives.yaml:1:1 gap: objective a.two is taught by no lesson"]
    assert library.errors == []


def test_a_term_that_no_lesson_names_is_a_warning_that_can_be_waived() -> None:
    def warned(*waivers: Waiver) -> list[str]:
        library = whole(glossary={"glossary": {"terms": [{"key": "trust", "planned": False}, {"key": "used", "planned": False}, {"key": "later", "planned": True}]}},
                        lesson={"l1": {"objectives": ["a.one", "a.two"], "vocabulary": ["used"]}})
        findings = Findings(Source("glossary.yaml"), waivers)
        for key in ("trust", "used", "later"):
            library.keep("glossary", key, findings)
        courses.loader.the_whole_is_complete(library)
        library.settle()
        return [str(problem) for problem in library.problems]

    assert warned() == ["glossary.yaml:1:1 warning: trust: no lesson names this term [unused-term]"]
    assert warned(Waiver(check="unused-term", where="trust", reason="for the search", by_role="editor")) == []
    assert ["silences nothing" in line for line in warned(Waiver(check="unused-term", where="used", reason="x", by_role="editor"))] == [False, True]


def test_a_planned_worksheet_without_a_file_is_missed_and_one_with_a_file_is_not(shipped: Library) -> None:
    programme = shipped.of("programme")["service-manager"].body
    planned = {activity["ref"] for stage in programme["stages"] for unit in stage["units"] for module in unit["modules"] for activity in module["activities"]
               if activity["planned"] and activity["kind"] in coverage.WAITING}
    written = {key for kind in coverage.WAITING.values() for key in shipped.of(kind)}
    missed = {problem.message.split(":")[0] for problem in shipped.warnings if problem.message.endswith("[no-file]")}
    assert missed == planned - written
    assert "interview-record" not in missed


def test_an_exam_cell_that_cannot_be_filled_three_times_over_is_a_gap() -> None:
    head = {"content_area": "x", "status": "approved", "approver_role": "c", "reviewed": "2026-11-21", "author_role": "a", "reviewer_role": "b"}
    bank = [parse({**head, **single(f"x-{n}")}) for n in range(8)]

    def gaps(items: int, **changes: Any) -> list[str]:
        plan = {"key": "p", "title": {"zh": "卷", "en": "Paper"}, "purpose": "exam", "minutes": 60, "marks": items * 5, "review": {"opens": "after-release"},
                "cells": [{"content_area": "x", "items": items, "marks_each": "5"}], **changes}
        return [finding.message for finding in check_blueprint(Blueprint.model_validate(plan), bank) if finding.severity == "gap"]

    assert gaps(2) == []
    assert gaps(3) == ["cell 1 (x) has 8 items; 3 papers without a common item need 9"]
    assert gaps(2, parallel={"forms": 5, "overlap_max": "0.2"}) == ["cell 1 (x) has 8 items; 5 papers without a common item need 10"]
    assert gaps(3, purpose="mock") == []


@pytest.mark.parametrize(("day", "words"), [("2024-10-01", "over 24 months ago"), ("2027-03-01", "which is still to come"), ("2026-11-01", "")])
def test_review_dates_too_old_or_in_the_future_are_warnings(day: str, words: str) -> None:
    library = Library()
    library.add(Piece("probe", "p", {"claims": [{"reviewed": day}], "reviewed": "2026-11-01"}, [], "approved", "p.yaml"))
    with clock.standing_at(clock.start_of_day(clock.date(2026, 11, 22), "Asia/Shanghai")):
        content._check_dates(library)
    assert [words in problem.message for problem in library.warnings] == ([True] if words else [])
