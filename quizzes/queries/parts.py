"""After a quiz, part by part: areas against the bar, objectives with the lessons that teach them; and before a mock exam, how
closely it follows the exam it prepares for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from courses import library
from courses import queries as courses
from courses.library import Teaching
from courses.queries import CohortView
from foundation import content
from foundation.permissions import Actor
from quizzes.queries.attempts import AttemptView, SlotView, blueprint_version, earned_of, slots_of
from quizzes.queries.history import shown
from quizzes.queries.pages import bar_of
from quizzes.queries.practice import objective_texts
from quizzes.rules.areas import title_of
from quizzes.rules.blueprint import Blueprint
from quizzes.rules.mirror import Mirror, mirror
from quizzes.rules.scoring import percent, shown_score

AREAS_TELL = 2                           # a paper from one area alone has nothing to compare
PARTED = frozenset({"mock", "pre_test", "stage_test"})


def exam_bar(cohort: CohortView) -> Decimal | None:
    """The bar of the written exam in the cohort's assessment scheme, in points of 100; None where it has none."""
    scheme = content.version(cohort.scheme_version_id).body
    for component in scheme["components"]:
        if component["evidence"]["kind"] == "exam" and component.get("hurdle"):
            hurdle, bands = component["hurdle"], {band["key"]: band["min"] for band in scheme["bands"]}
            return Decimal(str(hurdle.get("score") or bands[hurdle["band"]]))
    return None


@dataclass(frozen=True)
class Part:
    """What an attempt earned in an area or an objective. `score` as shown, of 100; `share` the same for the drawing, 0..100;
    `reached` against the bar of the whole; `objectives`: those missed here."""

    title: Any
    items: int
    missed: int
    score: str
    share: Decimal
    reached: bool | None
    lessons: tuple[Teaching, ...]
    objectives: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """`bar`: what the areas are held against; `is_exam_bar`: it is the written exam's, because the quiz has none of its own."""

    areas: tuple[Part, ...]
    objectives: tuple[Part, ...]
    bar: Decimal | None
    is_exam_bar: bool


def _part(title: Any, slots: Sequence[SlotView], by_slot: dict[int, tuple[Decimal, Decimal]], bar: Decimal | None,
          teaching: dict[str, tuple[Teaching, ...]]) -> Part:
    score = percent([by_slot[slot.id][1] for slot in slots], [slot.marks for slot in slots]) or Decimal(0)
    missed = [slot for slot in slots if by_slot[slot.id][0] < 1]
    objectives = tuple(dict.fromkeys(slot.item.objective for slot in missed))
    lessons = {lesson.place.key: lesson for objective in objectives for lesson in teaching.get(objective, ())}
    return Part(title, len(slots), len(missed), shown_score(score, (bar,) if bar is not None else ()), score, None if bar is None else score >= bar,
                tuple(lessons.values()), objectives)


def parts_of(attempt: AttemptView, actor: Actor, now: datetime) -> Parts | None:
    """The parts of an ended attempt, as far as its review shows results; None where it shows none or they would say nothing."""
    blueprint = attempt.blueprint
    shows = shown(blueprint)
    if "score" not in shows or attempt.is_open(now) or blueprint.purpose not in PARTED:
        return None
    slots = slots_of([attempt.id])[attempt.id]
    earned = earned_of([attempt], now)[attempt.id]
    by_slot = earned.by_slot
    scored = [slot for slot in slots if slot.id in by_slot and slot.id not in earned.dropped and slot.id not in earned.awaiting]
    cohort = courses.get_cohort(attempt.cohort_id)
    own = bar_of(courses.programme_of(cohort), attempt.blueprint_key)
    bar = own.points if own else exam_bar(cohort) if blueprint.purpose == "mock" else None
    teaching = library.lessons_by_objective(library.shelf_of(actor))
    areas: dict[str, list[SlotView]] = {}
    objectives: dict[str, list[SlotView]] = {}
    for slot in scored:
        areas.setdefault(slot.piece.content_area, []).append(slot)
        objectives.setdefault(slot.item.objective, []).append(slot)
    texts = objective_texts()
    lines = [_part(texts.get(objective, objective), group, by_slot, None, teaching) for objective, group in objectives.items()]
    return Parts(
        tuple(_part(title_of(area), group, by_slot, bar, teaching) for area, group in areas.items()) if len(areas) >= AREAS_TELL else (),
        tuple(line for line in lines if line.missed) if "objective_feedback" in shows else (), bar, own is None and bar is not None)


def promised(blueprint: Blueprint) -> tuple[str, ...]:
    """What a trainee sees right after handing in: of score, areas, objectives, key, feedback, in this order. Empty where the review
    waits for a release, or shows nothing."""
    shows = blueprint.review.shows if blueprint.review.opens == "after-submit" else ()
    in_parts = "score" in shows and blueprint.purpose in PARTED
    told = {"score": "score" in shows, "areas": in_parts and len({cell.content_area for cell in blueprint.cells}) >= AREAS_TELL,
            "objectives": in_parts and "objective_feedback" in shows, "key": "key" in shows, "feedback": "feedback" in shows}
    return tuple(name for name, is_told in told.items() if is_told)


@dataclass(frozen=True)
class MirrorView:
    """A mock exam beside the exam of the programme: `rows` (area title, questions and marks here, questions and marks there)."""

    mirror: Mirror
    exam_title: dict[str, str]
    rows: tuple[tuple[dict[str, str], int, Decimal, int, Decimal], ...]


def mirror_of(ref: str, actor: Actor) -> MirrorView | None:
    """How a mock exam follows the exam; None for any other quiz, and where the programme names no exam. 404 without an enrolment."""
    cohort = courses.get_cohort(courses.own_enrolment_or_404(actor).cohort_id)
    copy = blueprint_version(courses.pinned(cohort.id, "blueprint", ref).id)
    if copy.purpose != "mock":
        return None
    exam_key = courses.programme_of(cohort).assessment.written_exam.blueprint
    original = blueprint_version(courses.pinned(cohort.id, "blueprint", exam_key).id)
    found = mirror(copy, original)
    rows = tuple((title_of(row.area), row.items, row.marks, row.original_items, row.original_marks) for row in found.areas)
    return MirrorView(found, {"zh": original.title.zh, "en": original.title.en}, rows)

