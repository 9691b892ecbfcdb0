"""The shipped content: every file parses, week 1 is complete, hours add up, and the text that reaches a reader is clean."""

from __future__ import annotations

import re

import pytest
from flask import Flask

import courses.loader
import quizzes.loader
import training.assessment.loader
import training.grading.loader
from courses.lesson_view import lesson_view
from courses.rules.outline import Programme
from foundation import content

assert courses.loader and quizzes.loader and training.assessment.loader and training.grading.loader


@pytest.fixture(scope="module")
def library() -> content.Library:
    return content.read_all()


def test_no_file_has_an_error(library: content.Library) -> None:
    assert [str(problem) for problem in library.errors] == []


def test_the_flagship_programme_is_seven_weeks_of_twenty_hours_in_four_stages(library: content.Library) -> None:
    programme = Programme.model_validate(library.of("programme")["service-manager"].body)
    assert [unit.total_hours for unit in programme.units] == [20] * 7
    assert (programme.hours, len(programme.stages), [stage.gate is not None for stage in programme.stages]) == (140, 4, [True, True, True, False])
    assert all(stage.objectives and stage.standard.zh for stage in programme.stages)


def test_week_one_is_complete(library: content.Library) -> None:
    programme = Programme.model_validate(library.of("programme")["service-manager"].body)
    first = programme.units[0]
    assert not any(activity.planned for activity in first.activities)
    kinds = [activity.kind for activity in first.activities]
    assert kinds.count("lesson") >= 8 and {"station", "case", "quiz"} <= set(kinds)
    areas = ("sr-", "pc-")
    items = [item for piece in library.of("item").values() for item in (piece.body["items"] if piece.body["kind"] == "set" else [piece.body])]
    assert sum(item["key"].startswith(areas) for item in items) >= 40


def test_the_final_exam_is_sixty_items_in_ninety_minutes_with_three_papers_in_every_cell(library: content.Library) -> None:
    exam = library.of("blueprint")["final-exam"].body
    assert (sum(cell["items"] for cell in exam["cells"]), exam["minutes"], exam["marks"], exam["purpose"]) == (60, 90, 100, "exam")
    assert exam["parallel"]["forms"] == 3 and not [str(problem) for problem in library.problems if "papers without a common item" in problem.message]


def test_the_bank_is_as_large_and_as_various_as_promised(library: content.Library) -> None:
    items = [item for piece in library.of("item").values() for item in (piece.body["items"] if piece.body["kind"] == "set" else [piece.body])]
    assert len(items) >= 420 and sum(item["kind"] == "numeric" for item in items) >= 30
    purposes = [piece.body["purpose"] for piece in library.of("blueprint").values()]
    assert {"pre_test", "mock", "exam"} <= set(purposes) and purposes.count("stage_test") >= 3


def test_stations_cases_and_replays_are_as_many_as_promised(library: content.Library) -> None:
    assert len(library.of("station")) >= 12 and len(library.of("case")) >= 8 and len(library.of("failure_replay")) >= 8
    assert set(library.of("programme")) == {"service-manager", "service-awareness", "reserve-cadre"}


def test_what_feeds_a_component_is_marked_final_and_week_one_is_practice(library: content.Library) -> None:
    uses = {key: piece.body["use"] for kind in ("station", "case") for key, piece in library.of(kind).items()}
    fed: set[str] = set()
    for piece in library.of("programme").values():
        programme = Programme.model_validate(piece.body)
        fed |= {*programme.assessment.skill_demonstration.stations, *programme.assessment.case_analysis.cases}
        final = {key for key, use in uses.items() if use == "final"}
        practised = {activity.ref for unit in programme.units[:-1] for activity in unit.activities if activity.kind in ("station", "case")}
        assert not practised & final, "what decides is not practised before"
    assert {key for key, use in uses.items() if use == "final"} == fed


def test_every_lesson_renders_in_both_languages_without_leftover_markup(app: Flask) -> None:
    keys = content.current_ids("lesson")
    assert len(keys) >= 56
    for version_id in keys.values():
        for language in ("zh", "en"):
            with app.test_request_context("/", headers={"Cookie": f"qizhou_lang={language}"}):
                view = lesson_view(version_id, language)
            html = " ".join(str(v.html) + " ".join(str(item) for item in v.items) for v in view.views)
            assert ":::" not in html and "**" not in html and "{#" not in html, view.key
            assert len(view.check_keys) >= 3
            if language == "en":
                assert not re.search(r"[\u4e00-\u9fff]", html), view.key


def test_a_band_of_a_gate_is_the_least_fraction_the_scheme_gives_it(library: content.Library) -> None:
    gates = {stage["key"]: stage["gate"]["components"] for stage in library.of("programme")["service-manager"].body["stages"] if stage["gate"]}
    assert {(c["ref"], c["min_fraction"]) for c in gates["practice"]} == {("graded-drill", "0.6"), ("failed-trade", "0.6")}


def test_a_band_no_scheme_has_is_an_error() -> None:
    library = content.read_all()
    programme = library.of("programme")["service-manager"]
    programme.body["stages"][1]["gate"]["components"][1].update(min_band="superb", min_fraction=None)
    courses.loader.gates_know_their_bands(library)
    assert any("has no band superb" in str(problem) for problem in library.errors)
