"""docs/curriculum-coverage.md is what the content files say now. Out of date? Run `flask content coverage`."""

from __future__ import annotations

import courses.loader
import quizzes.loader
import training.assessment.loader
import training.grading.loader
import training.participation.loader
from courses.commands import COVERAGE, coverage_report
from foundation import content

assert courses.loader and quizzes.loader and training.assessment.loader and training.grading.loader and training.participation.loader


def test_the_coverage_report_is_up_to_date() -> None:
    assert coverage_report(content.read_all()) == COVERAGE.read_text(encoding="utf-8"), "run: flask content coverage"
