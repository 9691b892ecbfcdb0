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


def test_the_final_exam_is_twenty_items_in_thirty_minutes(library: content.Library) -> None:
    exam = library.of("blueprint")["final-exam"].body
    assert (sum(cell["items"] for cell in exam["cells"]), exam["minutes"], exam["purpose"]) == (20, 30, "exam")


def test_what_feeds_a_component_is_marked_final_and_week_one_is_practice(library: content.Library) -> None:
    uses = {key: piece.body["use"] for kind in ("station", "case") for key, piece in library.of(kind).items()}
    assert uses == {"needs-interview-1": "final", "needs-interview-2": "final", "reception-1": "practice", "press-threat": "final",
                    "photo-on-the-wall": "practice"}


def test_every_lesson_renders_in_both_languages_without_leftover_markup(app: Flask) -> None:
    keys = content.current_ids("lesson")
    assert len(keys) >= 9
    for version_id in keys.values():
        for language in ("zh", "en"):
            with app.test_request_context("/", headers={"Cookie": f"qizhou_lang={language}"}):
                view = lesson_view(version_id, language)
            html = " ".join(str(v.html) + " ".join(str(item) for item in v.items) for v in view.views)
            assert ":::" not in html and "**" not in html and "{#" not in html, view.key
            assert len(view.check_keys) >= 3
            if language == "en":
                assert not re.search(r"[\u4e00-\u9fff]", html), view.key
