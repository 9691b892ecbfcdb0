"""The pictures that pages print. What an open attempt shows is built here field by field: no key, no feedback, no name
of a right answer ever enters a QuestionView, so no template can let one slip."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from courses import queries as courses
from foundation.formula import rounded
from foundation.i18n import language, pick
from quizzes.queries.attempts import AttemptView, SlotView, earned_of, exam_is_open, slots_of
from quizzes.queries.keyview import accepted_texts
from quizzes.rules import numbers
from quizzes.rules.answer import Answer, completeness, letters, to_screen
from quizzes.rules.item import (
    BLANK,
    PERSON_MARKED,
    Choice,
    Cloze,
    Essay,
    Matching,
    Multiple,
    Numeric,
    Ordering,
    ShortAnswer,
    TrueFalse,
    from_placeholders,
)
from quizzes.rules.scoring import Scored, shown_score
from quizzes.rules.wording import split_stem


# ── one question, as it is asked ─────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Shown:
    """Something to choose or to place. `name`: what the page calls it (a letter, a number; never its key in the content);
    `chosen`: the choice or the number given so far."""

    letter: str
    name: str
    text: str
    chosen: str = ""


@dataclass(frozen=True)
class QuestionView:
    """A question as an open attempt shows it, in the reader's language, with the answer saved so far."""

    position: int
    kind: str
    marks: str
    version: int
    receipt: str
    saved_at: datetime | None
    completeness: str
    situation_title: str
    situation: str
    story: str
    question: str
    options: tuple[Shown, ...] = ()
    left: tuple[Shown, ...] = ()
    pieces: tuple[tuple[str, str, str], ...] = ()        # (text, number of the gap or "", typed)
    typed: str = ""
    unit: str = ""
    choose: int = 0
    hint: tuple[int, int] | None = None                  # least and most characters or words of a short answer
    is_unreadable: bool = False


def plain_figure(value: Decimal) -> str:
    """Marks as people write them: 5, 2.5.

    >>> plain_figure(Decimal("5.00")), plain_figure(Decimal("2.50"))
    ('5', '2.5')
    """
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def one_question(slot: SlotView, answer: Answer | None = None) -> QuestionView:
    """The view of a slot; with `answer`, as if that were its answer (what a refused save held)."""
    item = slot.item
    given = slot.answer if answer is None else answer
    stem = from_placeholders(pick(item.stem), slot.values)
    split = isinstance(item, Choice | Numeric | ShortAnswer | Essay)
    story, question = split_stem(stem, language()) if split else ("", stem)
    fields: dict[str, Any] = {}
    given = given or {}
    said = to_screen(item, slot.order, given)
    if isinstance(item, Choice):
        chosen = {said.get("choice"), *said.get("choices", ())}
        texts = {option.key: option.text for option in item.options}
        fields["options"] = tuple(Shown(letter, letter, pick(texts[key]), "1" if letter in chosen else "") for letter, key in letters(slot.order).items())
        fields["choose"] = item.choose if isinstance(item, Multiple) else 1
    elif isinstance(item, TrueFalse):
        fields["options"] = tuple(Shown("", name, "", "1" if given.get("value") is value else "") for name, value in (("true", True), ("false", False)))
    elif isinstance(item, Matching):
        texts = {entry.key: entry.text for entry in item.right}
        fields["options"] = tuple(Shown(letter, letter, pick(texts[key])) for letter, key in letters(slot.order).items())
        fields["left"] = tuple(Shown(str(n), str(n), pick(entry.text), said.get("pairs", {}).get(str(n), "")) for n, entry in enumerate(item.left, 1))
    elif isinstance(item, Ordering):
        texts = {entry.key: entry.text for entry in item.sequence}
        places = said.get("positions", {})
        fields["left"] = tuple(Shown(letter, letter, pick(texts[key]), str(places.get(letter, ""))) for letter, key in letters(slot.order).items())
    elif isinstance(item, Cloze):
        fields["pieces"] = _pieces(item, said.get("blanks", {}))
    else:
        fields["typed"] = given.get("text", "")
        if isinstance(item, Numeric):
            fields["unit"] = pick(item.unit)
            fields["is_unreadable"] = bool(given) and numbers.read_number(given["text"], item) is None
        elif isinstance(item, ShortAnswer | Essay):
            fields["hint"] = item.length.zh_chars if language() == "zh" else item.length.en_words
    shared = slot.in_set
    return QuestionView(
        position=slot.position, kind=item.kind, marks=plain_figure(slot.marks), version=slot.version, receipt=slot.receipt, saved_at=slot.saved_at,
        completeness=completeness(item, given), situation_title=pick(shared.title) if shared else "", situation=pick(shared.stem) if shared else "",
        story=story, question=question, **fields)


def _pieces(item: Cloze, typed: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    """The text of a cloze cut at its gaps: (text before, number of the gap, what was typed); the rest has no gap."""
    text, numbers_ = pick(item.text), {key: str(number) for number, key in enumerate(item.order(), 1)}
    pieces, at = [], 0
    for match in BLANK.finditer(text):
        number = numbers_[match.group(1)]
        pieces.append((text[at:match.start()], number, typed.get(number, "")))
        at = match.end()
    return (*pieces, (text[at:], "", ""))


def described(view: QuestionView) -> str:
    """An answer in words, for people to compare two of them: what the screen shows, nothing about right or wrong."""
    joint = "；" if language() == "zh" else "; "
    if view.kind in ("single", "multiple"):
        return joint.join(f"{option.letter} {option.text}" for option in view.options if option.chosen)
    if view.kind == "true_false":
        return next((option.name for option in view.options if option.chosen), "")
    if view.kind == "matching":
        texts = {option.name: f"{option.letter} {option.text}" for option in view.options}
        return joint.join(f"{entry.letter} {entry.text} → {texts[entry.chosen]}" for entry in view.left if entry.chosen)
    if view.kind == "ordering":
        return joint.join(f"{entry.chosen} {entry.text}" for entry in sorted(view.left, key=lambda entry: int(entry.chosen or 99)) if entry.chosen)
    if view.kind == "cloze":
        return joint.join(typed for _text, key, typed in view.pieces if key)
    return view.typed


# ── the bar ───────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Bar:
    """A bar that this quiz has to clear, in points of 100, and what it opens."""

    points: Decimal
    opens: str


def bar_of(programme: Any, ref: str) -> Bar | None:
    """The bar of a quiz in a programme: of the gate it feeds, else of the activity itself."""
    for stage in programme.stages:
        for component in stage.gate.components if stage.gate else ():
            if component.kind == "quiz" and component.ref == ref and component.min_fraction is not None:
                return Bar(component.min_fraction * 100, pick(stage.gate.title))
    for activity in programme.activities:
        if activity.kind == "quiz" and activity.ref == ref and activity.min_fraction is not None:
            return Bar(activity.min_fraction * 100, "")
    return None


# ── afterwards ───────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Line:
    """One line of a reviewed question: an option, a pair, a place, a blank. `is_right` None: neither right nor wrong by itself."""

    label: str
    text: str
    mine: str
    key: str
    chosen: bool
    is_right: bool | None
    feedback: str


@dataclass(frozen=True)
class Reheard:
    """A hearing about this question was posted. `accepted`: further right answers in words, where keys may be shown."""

    position: int
    at: datetime
    remedy: str                          # rekey | accept | give_all | drop
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReviewedQuestion:
    question: QuestionView
    verdict: str                         # right | part | wrong | none | person | awaiting | dropped
    mark: str
    lines: tuple[Line, ...]
    mine: str
    key: str
    feedback: str
    reheard: Reheard | None = None


@dataclass(frozen=True)
class ResultPage:
    id: int
    ref: str
    title: str
    cohort_name: str
    zone: str
    purpose: str
    number: int
    state: str
    ended_at: datetime | None
    receipt: str
    saves: int
    count: int
    answered: int
    is_released: bool
    score: str
    earned: str
    possible: str
    by_person: int                       # answers the trainee compares with the model, because nobody marks them
    awaiting: int                        # answers whose mark by a person is still to come
    bar: Bar | None
    reached: bool | None
    questions: tuple[ReviewedQuestion, ...]
    reheard: tuple[Reheard, ...]         # every question of this paper that was heard, told whether or not keys are shown
    is_closed_meanwhile: bool            # the trainee sits the written exam: what this review shows beyond the score waits for its end


BEYOND_SCORE = frozenset({"key", "feedback", "objective_feedback"})


def result_page(attempt: AttemptView, now: datetime) -> ResultPage:
    """After the end: with review open the score, keys and feedback; before release the receipt and the count, nothing else; while
    the written exam is open the score alone, whatever the review shows."""
    blueprint = attempt.blueprint
    cohort = courses.get_cohort(attempt.cohort_id)
    slots = slots_of([attempt.id])[attempt.id]
    saved = [slot for slot in slots if slot.saved_at is not None]
    last = max(saved, key=lambda slot: slot.saved_at or now) if saved else None
    head = attempt.head_hash if attempt.saves else None
    is_released = blueprint.review.opens == "after-submit"
    shows: Collection[str] = blueprint.review.shows if is_released else ()
    is_closed = bool(BEYOND_SCORE & set(shows)) and exam_is_open(attempt.person_id, now)
    if is_closed:
        shows = set(shows) - BEYOND_SCORE
    stands = earned_of([attempt], now).get(attempt.id)
    earned = stands if is_released else None
    awaiting = stands.awaiting if stands else ()
    bar = bar_of(courses.programme_of(cohort), attempt.blueprint_key)
    score = earned.score if earned and "score" in shows else None
    return ResultPage(
        attempt.id, attempt.blueprint_key, pick(blueprint.title), pick(cohort.name), cohort.zone, blueprint.purpose, attempt.number, attempt.state(now),
        attempt.ended_at(now), f"{head[:4]}-{head[4:8]}".upper() if head else (last.receipt if last else ""), attempt.saves or len(saved), len(slots),
        sum(slot.completeness != "none" for slot in slots), is_released,
        "" if score is None else shown_score(score, (bar.points,) if bar else ()),
        plain_figure(rounded_mark(earned.earned)) if earned else "", plain_figure(earned.possible) if earned else "",
        sum(slot.item.kind in PERSON_MARKED and not blueprint.raters(slot.item.kind) for slot in slots), len(awaiting), bar,
        None if score is None or bar is None else score >= bar.points,
        tuple(reviewed(slot, earned.by_slot.get(slot.id) if earned else None, shows, slot.id in awaiting) for slot in slots)
        if {"key", "feedback"} & set(shows) else (),
        tuple(found for slot in slots if (found := reheard(slot, False))), is_closed)


def rounded_mark(value: Decimal) -> Decimal:
    return rounded(value, 2)


def reheard(slot: SlotView, with_key: bool) -> Reheard | None:
    """What a trainee is told of a hearing about a question; None where there was none."""
    ruling = slot.ruling
    if ruling is None:
        return None
    return Reheard(slot.position, ruling.posted_at, ruling.ruling.remedy, accepted_texts(slot.item, ruling.ruling, with_letters=False) if with_key else ())


def reviewed(slot: SlotView, result: tuple[Decimal, Decimal] | None, shows: Collection[str], waits: bool = False) -> ReviewedQuestion:
    """An answered question with what may be shown of it (`shows`: key, feedback). `result`: (fraction, mark), None where the
    trainee compares the answer alone; `waits`: a person has still to mark it."""
    view, scored = one_question(slot), slot.matched()
    with_key, with_feedback = "key" in shows, "feedback" in shows
    lines, mine, key, feedback = _review(slot, view, scored)
    if not with_key:
        lines, key = tuple(Line(one.label, one.text, one.mine, "", one.chosen, None, one.feedback) for one in lines), ""
    if not with_feedback:
        lines, feedback = tuple(Line(one.label, one.text, one.mine, one.key, one.chosen, one.is_right, "") for one in lines), ""
    if not slot.counts:
        verdict = "dropped"
    elif waits:
        verdict = "awaiting"
    elif result is None:
        verdict = "person"
    elif view.completeness == "none":
        verdict = "none"
    else:
        verdict = "right" if result[0] == 1 else "wrong" if result[0] == 0 else "part"
    return ReviewedQuestion(view, verdict, plain_figure(rounded_mark(result[1])) if result else "", lines, mine, key, feedback,
                            reheard(slot, with_key))


def _review(slot: SlotView, view: QuestionView, scored: Scored) -> tuple[tuple[Line, ...], str, str, str]:
    """(lines, my answer, the key, feedback) in the reader's language, per kind."""
    item = slot.keyed
    if isinstance(item, Choice):
        also = slot.accepted_options
        shown = [(option, item.option(key)) for option, key in zip(view.options, slot.order, strict=True)]
        return tuple(Line(option.letter, option.text, "", "", bool(option.chosen), entry.correct or entry.key in also, pick(entry.feedback))
                     for option, entry in shown), "", "", \
            pick(item.feedback)
    if isinstance(item, TrueFalse):
        said = {"true": item.feedback.if_true, "false": item.feedback.if_false}
        return tuple(Line("", option.name, "", "", bool(option.chosen), scored.fraction == 1 if option.chosen else (option.name == "true") is item.answer,
                          pick(said[option.name]))
                     for option in view.options), "", "", ""
    if isinstance(item, Matching):
        texts = {entry.key: pick(entry.text) for entry in item.right}
        by_name = {option.name: option.text for option in view.options}
        return tuple(Line(shown_.letter, shown_.text, by_name.get(shown_.chosen, ""), texts[item.answer[entry.key]], bool(shown_.chosen),
                          entry.key in scored.right_parts, pick(item.feedback[entry.key]))
                     for shown_, entry in zip(view.left, item.left, strict=True)), "", "", ""
    if isinstance(item, Ordering):
        mine = {key: shown_.chosen for shown_, key in zip(view.left, slot.order, strict=True)}
        return tuple(Line(str(place), pick(entry.text), mine[entry.key], str(place), bool(mine[entry.key]),
                          mine[entry.key] == str(place), "") for place, entry in enumerate(item.sequence, 1)), "", "", pick(item.feedback)
    if isinstance(item, Cloze):
        typed = {number: text for _before, number, text in view.pieces if number}
        accept = {key: (blank.accept.zh if language() == "zh" else blank.accept.en) for key, blank in item.blanks.items()}
        joint = "、" if language() == "zh" else ", "
        return tuple(Line(str(n), "", typed[str(n)], joint.join(accept[key]), bool(typed[str(n)]), key in scored.right_parts, pick(item.blanks[key].feedback))
                     for n, key in enumerate(item.order(), 1)), "", "", pick(item.feedback)
    if isinstance(item, Numeric):
        trap = pick(item.traps[scored.trap].feedback) if scored.trap is not None else ""
        line = (Line("", "", view.typed, "", bool(view.typed), scored.fraction == 1, trap),)
        return line, view.typed, numbers.shown(numbers.answer(item, slot.values)), pick(item.feedback)
    if isinstance(item, Essay):
        points = tuple(Line(str(criterion.max), pick(criterion.title), "", pick(max(criterion.levels, key=lambda level: level.marks).descriptor), False,
                            None, "") for criterion in item.criteria)
        return points, view.typed, pick(item.model_answer), pick(item.feedback)
    points = tuple(Line(f"+{point.marks}" if point.marks > 0 else f"−{-point.marks}", pick(point.text), "", "", False, None, "")
                   for point in (*item.marking.points, *item.marking.deductions))
    return points, view.typed, pick(item.model_answer), pick(item.feedback)
