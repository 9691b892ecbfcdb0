"""A programme has one kind of unit, numbered from one: what “Day 3 of 5” and the calendar rest on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from courses.rules.calendar import default_length, opening_days
from courses.rules.outline import Programme, check_outline
from foundation.yamlsource import Source


def text(word: str) -> dict[str, str]:
    return {"zh": word, "en": word}


def programme(*units: tuple[str, int]) -> Programme:
    """A programme of units (kind, number), an hour of reading each."""
    made: list[dict[str, Any]] = [
        {"key": f"u-{place}", "kind": kind, "number": number, "title": text("u"), "hours": {"self_study": 1}, "modules": [
            {"key": f"m-{place}", "title": text("m"), "activities": [{"kind": "lesson", "ref": f"l-{place}", "form": "self_study", "minutes": 60}]}]}
        for place, (kind, number) in enumerate(units)]
    return Programme.model_validate({
        "format": "qizhou/programme@1", "key": "small", "code": "SP", "title": text("small"), "audience": text("all"), "hours": len(units),
        "scheme": "default", "delivery_forms": ["self_study"], "outcomes": [], "valid_months": None, "follow_up": {"within_days": 92},
        "assessment": {"written_exam": {"blueprint": "b"}, "skill_demonstration": {"stations": []}, "case_analysis": {"cases": []}},
        "stages": [{"key": "one", "title": text("one"), "standard": text("s"), "units": made}]}, strict=False)


def problems(made: Programme) -> list[str]:
    source = Source("programme.yaml")
    check_outline(made, source)
    return [problem.message for problem in source.problems]


@pytest.mark.parametrize(("kind", "days"), [("week", 7), ("day", 1), ("part", 14)])
def test_units_of_one_kind_follow_each_other_and_make_the_length(kind: str, days: int) -> None:
    made, start = programme((kind, 1), (kind, 2), (kind, 3)), date(2026, 11, 2)
    assert problems(made) == [] and made.unit_kind == kind
    assert list(opening_days(made, start, {}).values()) == [start + timedelta(days=days * n) for n in range(3)]
    assert default_length(made) == 3 * days - 1


def test_units_of_several_kinds_are_refused() -> None:
    assert problems(programme(("week", 1), ("day", 2))) == ["units are all weeks, all days or all parts: one programme has one kind"]


@pytest.mark.parametrize("numbers", [(1, 3), (2, 1), (1, 1), (0, 1)])
def test_units_are_numbered_in_their_order(numbers: tuple[int, int]) -> None:
    assert problems(programme(*(("day", number) for number in numbers))) == ["units are numbered 1, 2, 3 … in their order"]
