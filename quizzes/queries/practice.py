"""The pictures of practice: what is due today, the wrong-answer book, one question of the spaced review and its feedback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any

from flask import abort
from sqlalchemy import select

from courses import library
from courses import queries as courses
from courses.library import Teaching
from courses.queries import CohortView, EnrolmentView
from courses.rules.outline import Programme, Unit
from courses.titles import activity_titles
from foundation import content
from foundation.db import database_key, db
from foundation.permissions import Actor
from quizzes.models import Attempt, Response, ReviewAnswer, Slot
from quizzes.queries.attempts import SlotView, blueprint_version, item_version, slot_view
from quizzes.queries.history import Ask, History, history, practice_pool, shown
from quizzes.queries.pages import Bar, QuestionView, ReviewedQuestion, bar_of, described, one_question, reviewed
from quizzes.queries.rulings import RulingView, rulings_on
from quizzes.rules import item as items
from quizzes.rules.answer import Answer
from quizzes.rules.assembly import shown_order
from quizzes.rules.draw import Lot
from quizzes.rules.item import Numeric
from quizzes.rules.numbers import draw_values
from quizzes.rules.scoring import mark, shown_score
from quizzes.rules.spacing import DAILY_LIMIT, Due
from quizzes.rules.wrong_book import RIGHT_DAYS, Entry

PER_PAGE = 20
PRINTED = 200
EARLIER_TURNS = 3                        # how far back a page left open is still recognised
OTHER = "other"                          # the topic of objectives that no module of the programme names


# ── topics and objectives by name ────────────────────────────────────────────────────────────────────────────────
@lru_cache(maxsize=8)
def _objectives(_database: str, version_id: int) -> dict[str, dict[str, str]]:
    return {entry["key"]: entry["text"] for entry in content.version(version_id).body["objectives"]}


def objective_texts() -> dict[str, dict[str, str]]:
    """Objective → its sentence in both languages, from the register."""
    version_id = content.current_ids("objectives").get("objectives")
    return _objectives(database_key(), version_id) if version_id else {}


def topics_of(programme: Programme) -> dict[str, str]:
    """Objective → key of the module that names it first."""
    found: dict[str, str] = {}
    for unit in programme.units:
        for module in unit.modules:
            for objective in module.objectives:
                found.setdefault(objective, module.key)
    return found


def _topic_titles(programme: Programme) -> dict[str, Any]:
    return {module.key: module.title for unit in programme.units for module in unit.modules}


@dataclass(frozen=True)
class Choice:
    """One choice of a filter with how many entries it holds. `title` is a {'zh','en'} text, None for the rest."""

    key: str
    title: Any
    count: int


def _choices(counts: Mapping[str, int], titles: Mapping[str, Any]) -> tuple[Choice, ...]:
    order = {key: number for number, key in enumerate(titles)}
    return tuple(Choice(key, titles.get(key), counts[key]) for key in sorted(counts, key=lambda key: (order.get(key, len(order)), key)))


# ── the overview ─────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class DueToday:
    """The spaced review of today. `count`: questions waiting, as far as the day's limit goes; `rest`: those that wait for tomorrow.
    `next_on`: the next day something is due, where nothing is today."""

    count: int
    rest: int
    answered: int
    limit: int
    next_on: date | None
    exam_is_open: bool


def _due_today(found: History, due: tuple[Due, ...]) -> DueToday:
    left = max(0, DAILY_LIMIT - found.answered_today)
    ahead = [memory.due_on for memory in found.memories.values() if memory.due_on > found.today]
    return DueToday(min(len(due), left), max(0, len(due) - left), found.answered_today, DAILY_LIMIT, min(ahead, default=None), found.exam_is_open)


def _due(found: History) -> tuple[Due, ...]:
    return found.due(practice_pool(found.cohort.id)) if found.facts or found.memories else ()


def due_today(enrolment: EnrolmentView, cohort: CohortView | None = None) -> DueToday:
    """What the start page says of the review: an enrolment's questions of today."""
    found = history(enrolment, cohort)
    return _due_today(found, _due(found))


@dataclass(frozen=True)
class QuizLine:
    """A quiz with what was reached in it at best. `best` "" where nothing is on record."""

    ref: str
    title: dict[str, str]
    purpose: str
    minutes: int
    best: str
    bar: Bar | None
    reached: bool | None


@dataclass(frozen=True)
class UnitQuizzes:
    unit: Unit
    quizzes: tuple[QuizLine, ...]

    @property
    def done(self) -> int:
        return sum(bool(line.best) for line in self.quizzes)


@dataclass(frozen=True)
class OverviewPage:
    due: DueToday
    book: int
    topics: tuple[Choice, ...]
    units: tuple[UnitQuizzes, ...]       # units that are open, the latest first
    mock: QuizLine | None
    mock_opens_on: date | None           # of a mock exam whose unit is still closed by its date
    mock_is_open: bool


def overview_page(actor: Actor) -> OverviewPage:
    """A trainee's practice of today. 404 where nobody has enrolled them."""
    found = history(courses.own_enrolment_or_404(actor))
    programme = courses.programme_of(found.cohort)
    topics = topics_of(programme)
    entries = found.book()
    objectives = found.objectives_of(entries)
    counts = Counter(topics.get(objectives[entry.item_key], OTHER) for entry in entries)
    lines, mock, mock_state = [], None, None
    pinned = courses.pinned_all(found.cohort.id, "blueprint")
    done = courses.done_of([found.enrolment.id])[found.enrolment.id]
    titles = activity_titles([activity for activity in programme.activities if activity.kind == "quiz" and not activity.planned])
    for state in courses.unit_states_of(found.enrolment, found.cohort):
        quizzes = []
        for activity in state.unit.activities:
            if activity.kind != "quiz" or activity.planned or activity.ref not in pinned:
                continue
            blueprint = blueprint_version(pinned[activity.ref])
            if blueprint.purpose == "exam":
                continue
            bar, fraction = bar_of(programme, activity.ref), done.get(("quiz", activity.ref))
            score = None if fraction is None or "score" not in shown(blueprint) else fraction * 100
            line = QuizLine(activity.ref, titles[("quiz", activity.ref)], blueprint.purpose, blueprint.minutes,
                            "" if score is None else shown_score(score, (bar.points,) if bar else ()), bar,
                            None if score is None or bar is None else score >= bar.points)
            if blueprint.purpose == "mock":
                mock, mock_state = line, state
            else:
                quizzes.append(line)
        if quizzes and state.is_open:
            lines.append(UnitQuizzes(state.unit, tuple(quizzes)))
    opens_on = mock_state.opens_on if mock_state and not mock_state.is_open and mock_state.blocked_by is None else None
    return OverviewPage(_due_today(found, _due(found)), len(entries), _choices(counts, _topic_titles(programme)), tuple(reversed(lines)), mock, opens_on,
                        bool(mock_state and mock_state.is_open))


# ── the wrong-answer book ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class WrongEntry:
    """One entry: the question, my latest wrong answer, and as far as the quiz's review shows them the key and the reasons.

    `reviewed` None: the quiz shows no keys; then `question` and `mine` are all there is to see here."""

    number: int
    question: QuestionView
    reviewed: ReviewedQuestion | None
    mine: str
    objective: str
    objective_text: dict[str, str]
    topic: Any
    lessons: tuple[Teaching, ...]
    quiz: dict[str, str] | None          # None: missed in the spaced review
    attempt_id: int | None
    at: datetime
    misses: int
    right_on: tuple[date, ...]


@dataclass(frozen=True)
class WrongPage:
    zone: str
    name: str
    today: date
    total: int                           # in the whole book
    chosen: int                          # that the filter lets through
    topics: tuple[Choice, ...]
    objectives: tuple[Choice, ...]
    topic: str
    objective: str
    entries: tuple[WrongEntry, ...]
    number: int
    pages: int
    right_days: int
    exam_is_open: bool


def wrong_page(actor: Actor, topic: str = "", objective: str = "", number: int = 1, printed: bool = False) -> WrongPage:
    """The page `number` (from 1, brought into range) of a trainee's book; `printed`: one long page of at most 200 entries.

    While the exam is being sat the book is closed: it comes without entries.
    """
    found = history(courses.own_enrolment_or_404(actor))
    programme = courses.programme_of(found.cohort)
    by_topic, titles, texts = topics_of(programme), _topic_titles(programme), objective_texts()
    entries_ = found.book()
    asked_of = found.objectives_of(entries_)
    placed = [(entry, asked_of[entry.item_key]) for entry in entries_]
    topics = Counter(by_topic.get(objective_, OTHER) for _entry, objective_ in placed)
    topic = topic if topic in topics else ""
    inside = [(entry, objective_) for entry, objective_ in placed if not topic or by_topic.get(objective_, OTHER) == topic]
    objectives = Counter(objective_ for _entry, objective_ in inside)
    objective = objective if objective in objectives else ""
    chosen = [(entry, objective_) for entry, objective_ in inside if not objective or objective_ == objective]
    per_page = PRINTED if printed else PER_PAGE
    pages = max(1, -(-len(chosen) // per_page))
    number = min(max(number, 1), pages)
    on_page = [] if found.exam_is_open else chosen[(number - 1) * per_page: number * per_page]
    teaching = library.lessons_by_objective(library.shelf_of(actor)) if on_page else {}
    answers = _answers([entry for entry, _objective in on_page])
    entries = []
    for place, (entry, objective_) in enumerate(on_page, (number - 1) * per_page + 1):
        slot, shows, quiz, attempt_id = answers[entry.missed.source]
        view = one_question(slot)
        entries.append(WrongEntry(
            place, view, reviewed(slot, (entry.missed.fraction, mark(entry.missed.fraction, slot.marks)), shows) if "key" in shows else None,
            described(view), objective_, texts.get(objective_, {}), titles.get(by_topic.get(objective_, OTHER)), teaching.get(objective_, ()), quiz,
            attempt_id, entry.missed.at, entry.misses, entry.right_on))
    return WrongPage(found.cohort.zone, found.enrolment.name, found.today, len(placed), len(chosen), _choices(topics, titles), _choices(objectives, texts),
                     topic, objective, tuple(entries), number, pages, RIGHT_DAYS, found.exam_is_open)


Answered = tuple[SlotView, frozenset[str], dict[str, str] | None, int | None]


def _answers(entries: Iterable[Entry]) -> dict[str, Answered]:
    """Source → (the question with my answer, what may be shown of it, the quiz's title, the attempt), in two selects."""
    sources = [entry.missed.source.partition(":") for entry in entries]
    found: dict[str, Answered] = {}
    slot_ids = [int(number) for kind, _, number in sources if kind == "slot"]
    if slot_ids:
        rows = db.session.execute(
            select(Slot.id, Slot.attempt_id, Slot.position, Slot.item_key, Slot.item_version_id, Slot.marks, Slot.frozen, Slot.section,
                   Attempt.blueprint_version_id, Response.answer)
            .join(Attempt, Attempt.id == Slot.attempt_id).outerjoin(Response, Response.slot_id == Slot.id).where(Slot.id.in_(slot_ids))
            .order_by(Slot.id, Response.run)).all()
        rulings = rulings_on({row.item_version_id for row in rows})
        for *slot, blueprint_id, answer in rows:
            blueprint = blueprint_version(blueprint_id)
            view = replace(slot_view(slot, None, rulings), answer=answer or {})  # type: ignore[arg-type]
            found[f"slot:{view.id}"] = (view, shown(blueprint), {"zh": blueprint.title.zh, "en": blueprint.title.en}, view.attempt_id)
    review_ids = [int(number) for kind, _, number in sources if kind == "review"]
    if review_ids:
        answers = db.session.execute(select(*_REVIEW).where(ReviewAnswer.id.in_(review_ids))).all()
        rulings = rulings_on({row.item_version_id for row in answers})
        for row in answers:
            slot_ = _slot(row.item_version_id, row.item_key, row.frozen, rulings, row.answer or {})
            found[f"review:{row.id}"] = (slot_, frozenset({"key", "feedback"}), None, None)
    return found


_REVIEW = (ReviewAnswer.id, ReviewAnswer.objective, ReviewAnswer.item_key, ReviewAnswer.item_version_id, ReviewAnswer.frozen, ReviewAnswer.answer,
           ReviewAnswer.fraction, ReviewAnswer.rating, ReviewAnswer.answered_at)


def _slot(version_id: int, item_key: str, frozen: Any, rulings: Mapping[tuple[int, str], RulingView], answer: Answer | None = None) -> SlotView:
    """An item outside of any paper, as the review asks it."""
    piece = item_version(version_id)
    return SlotView(id=0, attempt_id=0, position=1, item=items.part(piece, item_key), piece=piece, version_id=version_id, marks=Decimal(1),
                    order=tuple(frozen["order"]), values=frozen["values"], answer=answer, ruling=rulings.get((version_id, item_key)))


# ── one question of the spaced review ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Asked:
    """A question of the review as it is asked now: derived, so that reading it writes nothing. `token` names it on the page
    without telling the item's key; `turn`: how often the objective was answered before."""

    objective: str
    turn: int
    token: str
    slot: SlotView
    frozen: dict[str, Any]


def _seed(enrolment_id: int, ask: Ask, turn: int) -> str:
    return f"review/{enrolment_id}/{ask.objective}/{turn}/{ask.item_key}"


def _token(enrolment_id: int, ask: Ask, turn: int) -> str:
    return sha256(f"{_seed(enrolment_id, ask, turn)}/{ask.version_id}".encode()).hexdigest()[:24]


def _asked(enrolment_id: int, ask: Ask, turn: int) -> Asked:
    """The item drawn for this turn: numbers and the order of options are new each turn and the same however often it is read."""
    seed = _seed(enrolment_id, ask, turn)
    piece = item_version(ask.version_id)
    item = items.part(piece, ask.item_key)
    order = shown_order(item, f"{seed}/order")
    values = draw_values(item.parameters, item.constraints, f"{seed}/values") if isinstance(item, Numeric) else {}
    frozen = {"order": list(order), "values": values, **({"set": piece.key} if piece.key != item.key else {})}
    return Asked(ask.objective, turn, _token(enrolment_id, ask, turn), _slot(ask.version_id, ask.item_key, frozen, rulings_on([ask.version_id])), frozen)


def candidates(found: History, pool: Mapping[str, tuple[Ask, ...]], objective: str) -> tuple[Ask, ...]:
    """The items that ask an objective, least recently seen first; among those never seen, by lot. What is on an open paper is left out."""
    seen, turn = found.last_seen(), len(found.reviews_of(objective))
    free = [ask for ask in pool.get(objective, ()) if ask.item_key not in found.open_items]
    drawn = Lot(f"review/{found.enrolment.id}/{objective}/{turn}").shuffled(free)
    fresh = [ask for ask in drawn if ask.item_key not in seen]
    return (*fresh, *sorted((ask for ask in drawn if ask.item_key in seen), key=lambda ask: seen[ask.item_key]))


def ask_next(found: History, pool: Mapping[str, tuple[Ask, ...]], objective: str) -> Asked:
    """The question an objective is asked with now; it must have one (see History.due)."""
    return _asked(found.enrolment.id, candidates(found, pool, objective)[0], len(found.reviews_of(objective)))


def find_asked(found: History, pool: Mapping[str, tuple[Ask, ...]], objective: str, token: str, turn: int | None = None) -> Asked | None:
    """The question a page was given for this turn (or an earlier one), or None where another turn, version or item is meant."""
    turn = len(found.reviews_of(objective)) if turn is None else turn
    meant = next((ask for ask in candidates(found, pool, objective) if _token(found.enrolment.id, ask, turn) == token), None)
    return _asked(found.enrolment.id, meant, turn) if meant else None


def asked_now(actor: Actor, objective: str, token: str) -> Asked | None:
    """The question of a page, if it still is the one that stands."""
    found = history(courses.own_enrolment_or_404(actor))
    return find_asked(found, practice_pool(found.cohort.id), objective, token)


@dataclass(frozen=True)
class AnsweredElsewhere:
    """A question that was answered in another tab: what stands, and the question as this page had it."""

    review_answer_id: int
    answered_at: datetime
    zone: str
    theirs: QuestionView
    asked: Asked


def answered_elsewhere(actor: Actor, objective: str, token: str) -> AnsweredElsewhere | None:
    """The answer that was given to this very question before, or None: then the question itself was replaced."""
    found = history(courses.own_enrolment_or_404(actor))
    pool, before = practice_pool(found.cohort.id), found.reviews_of(objective)
    for turn in range(len(before) - 1, max(-1, len(before) - 1 - EARLIER_TURNS), -1):
        asked = find_asked(found, pool, objective, token, turn)
        if asked is not None:
            row = db.session.execute(select(*_REVIEW).where(ReviewAnswer.id == before[turn].id)).one()
            theirs = _slot(row.item_version_id, row.item_key, row.frozen, {}, row.answer or {})
            return AnsweredElsewhere(row.id, row.answered_at, found.cohort.zone, one_question(theirs), asked)
    return None


@dataclass(frozen=True)
class ReviewPage:
    """The question to answer now; `question` None where nothing is left today."""

    due: DueToday
    question: QuestionView | None = None
    objective: str = ""
    objective_text: dict[str, str] | None = None
    token: str = ""
    is_new: bool = False
    is_repeat: bool = False
    since: date | None = None


def review_page(actor: Actor, objective: str = "", token: str = "", given: Answer | None = None) -> ReviewPage:
    """The first question of today; or, to show a refused answer again, the one it belongs to, with the answer in it."""
    found = history(courses.own_enrolment_or_404(actor))
    pool = practice_pool(found.cohort.id)
    due = found.due(pool)
    today = _due_today(found, due)
    if not today.count or found.exam_is_open:
        return ReviewPage(today)
    same = next((one for one in due if one.objective == objective), None)
    asked = find_asked(found, pool, objective, token) if same else None
    one = same if same and asked else due[0]
    asked = asked or ask_next(found, pool, one.objective)
    view = replace(one_question(asked.slot, given if asked.token == token else None), position=found.answered_today + 1)
    return ReviewPage(today, view, one.objective, objective_texts().get(one.objective, {}), asked.token, one.is_new, one.is_repeat, one.since)


@dataclass(frozen=True)
class AnsweredPage:
    """One answer of the review with its feedback. `next_on`: when the objective is asked again."""

    due: DueToday
    zone: str
    today: date
    reviewed: ReviewedQuestion
    fraction: Decimal
    rating: int
    objective: str
    objective_text: dict[str, str]
    lessons: tuple[Teaching, ...]
    answered_at: datetime
    next_on: date | None


def answered_page(actor: Actor, review_answer_id: int) -> AnsweredPage:
    """The feedback to an own answer; another's is the same 404 as an unknown one. While the exam is being sat it is closed (404)."""
    enrolment = courses.own_enrolment_or_404(actor)
    row = db.session.execute(select(*_REVIEW).where(ReviewAnswer.id == review_answer_id, ReviewAnswer.enrolment_id == enrolment.id)).first()
    if row is None:
        abort(404)
    found = history(enrolment)
    if found.exam_is_open:
        abort(404)
    due = _due(found)
    slot = _slot(row.item_version_id, row.item_key, row.frozen, rulings_on([row.item_version_id]), row.answer or {})
    memory = found.memories.get(row.objective)
    comes_today = any(one.objective == row.objective for one in due)
    return AnsweredPage(
        _due_today(found, due), found.cohort.zone, found.today, reviewed(slot, (row.fraction, mark(row.fraction, slot.marks)), ("key", "feedback")),
        row.fraction, row.rating, row.objective, objective_texts().get(row.objective, {}),
        library.lessons_by_objective(library.shelf_of(actor)).get(row.objective, ()), row.answered_at,
        found.today if comes_today else memory.due_on if memory else None)


