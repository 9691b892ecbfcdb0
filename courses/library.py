"""What somebody may read: the lessons of their programme with the unit each stands in, or, for staff, every lesson.

A trainee's shelf follows the lesson page exactly: the latest enrolment, the versions its cohort works with, units that
are open. Texts for searching and the vocabulary are kept per content version, read for many lessons in one select.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from sqlalchemy import select

from courses import queries
from courses.rules.drawings import labels
from courses.rules.progress import UnitState
from courses.rules.search import Document, Section, fold, lesson_document
from foundation import content
from foundation.content import ContentVersion
from foundation.db import database_key, db
from foundation.permissions import Actor, Permission

STAFF = (Permission.TEACH, Permission.REVIEW, Permission.MENTOR, Permission.RATE, Permission.MANAGE_COHORTS)
READERS = (Permission.LEARN, *STAFF)


@dataclass(frozen=True)
class LessonPlace:
    """A lesson on somebody's shelf. `state` is its unit as it stands for a trainee, None for staff, to whom all is open."""

    key: str
    version_id: int
    state: UnitState | None = None

    @property
    def is_open(self) -> bool:
        return self.state is None or self.state.is_open

    @property
    def opens_on(self) -> date | None:
        return self.state.opens_on if self.state and not self.state.is_open else None


@dataclass(frozen=True)
class Shelf:
    """Everything one person may read; `lessons` in the order of the course (a trainee) or by key (staff)."""

    lessons: dict[str, LessonPlace]
    glossary_id: int
    is_trainee: bool


def shelf_of(actor: Actor) -> Shelf:
    """The shelf of a person. Somebody enrolled sees the own programme only, whatever other roles they hold: as on the lesson page."""
    glossary = content.current_ids("glossary").get("glossary", 0)
    enrolment = queries.own_enrolment(actor.person_id) if actor.may(Permission.LEARN) else None
    current = content.current_ids("lesson")
    if enrolment is None:
        seen = current if any(actor.may(permission) for permission in STAFF) else {}
        return Shelf({key: LessonPlace(key, version_id) for key, version_id in sorted(seen.items())}, glossary, False)
    cohort = queries.get_cohort(enrolment.cohort_id)
    pinned = queries.pinned_all(cohort.id, "lesson")
    lessons: dict[str, LessonPlace] = {}
    for state in queries.unit_states_of(enrolment, cohort):
        for activity in state.unit.activities:
            if activity.kind != "lesson" or activity.planned:
                continue
            version_id = pinned.get(activity.ref) or current.get(activity.ref)
            known = lessons.get(activity.ref)
            if version_id is not None and known is None:
                lessons[activity.ref] = LessonPlace(activity.ref, version_id, state)
    return Shelf(lessons, glossary, True)


# ── texts and vocabulary, kept per version ───────────────────────────────────────────────────────────────────
@dataclass(frozen=True, eq=False)
class Readable:
    """What is kept of a lesson version: both languages for searching, the same without a text (for units still closed), its vocabulary."""

    documents: tuple[Document, ...]
    titles: tuple[Document, ...]
    vocabulary: tuple[str, ...]
    title: dict[str, str]


_READABLE: dict[tuple[str, int], Readable] = {}


def readable(version_ids: Collection[int]) -> dict[int, Readable]:
    """Version id → what is kept of it; those not met before are read in one select."""
    database = database_key()
    missing = [id_ for id_ in version_ids if (database, id_) not in _READABLE]
    if missing:
        if len(_READABLE) > 2000:      # many versions ago: begin again rather than keep what nobody reads any more
            _READABLE.clear()
            missing = list(version_ids)
        for id_, key, body in db.session.execute(select(ContentVersion.id, ContentVersion.key, ContentVersion.body).where(ContentVersion.id.in_(missing))):
            documents = tuple(lesson_document(key, body, language, labels) for language in ("zh", "en"))
            titles = tuple(Document("lesson", key, document.language, document.title, ()) for document in documents)
            title = {language: body[language]["title"] for language in ("zh", "en")}
            _READABLE[(database, id_)] = Readable(documents, titles, tuple(body["vocabulary"]), title)
    return {id_: _READABLE[(database, id_)] for id_ in version_ids}


@dataclass(frozen=True)
class Teaching:
    """A lesson that teaches an objective, by name."""

    place: LessonPlace
    title: dict[str, str]


@lru_cache(maxsize=32)
def _taught(_database: str, version_ids: tuple[int, ...]) -> dict[str, tuple[tuple[str, dict[str, str]], ...]]:
    found: dict[str, list[tuple[str, dict[str, str]]]] = {}
    rows = db.session.execute(select(ContentVersion.id, ContentVersion.key, ContentVersion.body).where(ContentVersion.id.in_(version_ids)))
    bodies = {id_: (key, body) for id_, key, body in rows}
    for id_ in version_ids:
        key, body = bodies[id_]
        for objective in body["objectives"]:
            found.setdefault(objective, []).append((key, {language: body[language]["title"] for language in ("zh", "en")}))
    return {objective: tuple(lessons) for objective, lessons in found.items()}


def lessons_by_objective(shelf: Shelf) -> dict[str, tuple[Teaching, ...]]:
    """Objective → the lessons of a shelf that teach it, in the shelf's order; read once per process and shelf."""
    taught = _taught(database_key(), tuple(place.version_id for place in shelf.lessons.values()))
    return {objective: tuple(Teaching(shelf.lessons[key], title) for key, title in lessons) for objective, lessons in taught.items()}


# ── glossary ─────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class TermEntry:
    """A term of the glossary. `letter` is where it stands in the list of a language: A–Z, or the first letter of its pinyin."""

    key: str
    term: dict[str, str]
    definition: dict[str, str]
    letter: str
    folded: str


# the first character of each letter in GB 2312, whose common characters stand in the order of their pinyin
_LETTERS = (("a", "啊"), ("b", "芭"), ("c", "擦"), ("d", "搭"), ("e", "蛾"), ("f", "发"), ("g", "噶"), ("h", "哈"), ("j", "击"), ("k", "喀"), ("l", "垃"),
            ("m", "妈"), ("n", "拿"), ("o", "哦"), ("p", "啪"), ("q", "期"), ("r", "然"), ("s", "撒"), ("t", "塌"), ("w", "挖"), ("x", "昔"), ("y", "压"),
            ("z", "匝"))
_LAST = "座".encode("gb2312")
_RARE = {"魅": "M"}         # less common characters stand by their strokes there; a test says when the glossary needs another


def _letter(text: str, language: str) -> str:
    first = fold(text[:1])
    if "a" <= first <= "z":
        return first.upper()
    if language == "zh":
        if first in _RARE:
            return _RARE[first]
        code = first.encode("gb2312", "replace")
        if "啊".encode("gb2312") <= code <= _LAST:
            return max((start.encode("gb2312"), letter) for letter, start in _LETTERS if start.encode("gb2312") <= code)[1].upper()
    return "#"


def _order(text: str, language: str) -> tuple[str, bytes | str]:
    letter = _letter(text, language)
    return (letter, fold(text).encode("gb18030") if language == "zh" else fold(text))


@lru_cache(maxsize=8)
def _term_documents(_database: str, glossary_id: int) -> tuple[Document, ...]:
    entries = content.version(glossary_id).body["terms"] if glossary_id else ()
    return tuple(Document("term", e["key"], language, e["term"][language], (Section("", "", e["definition"][language]),))
                 for e in entries for language in ("zh", "en"))


def term_documents(glossary_id: int) -> tuple[Document, ...]:
    """The glossary for searching, both languages."""
    return _term_documents(database_key(), glossary_id)


@lru_cache(maxsize=16)
def _terms(_database: str, glossary_id: int, language: str) -> tuple[TermEntry, ...]:
    entries = content.version(glossary_id).body["terms"] if glossary_id else ()
    made = []
    for entry in entries:
        words = " ".join((*entry["term"].values(), *entry["definition"].values()))
        made.append(TermEntry(entry["key"], entry["term"], entry["definition"], _letter(entry["term"][language], language), fold(words)))
    return tuple(sorted(made, key=lambda entry: _order(entry.term[language], language)))


def terms(glossary_id: int, language: str) -> tuple[TermEntry, ...]:
    """The glossary in the order of a language: A–Z, or by pinyin."""
    return _terms(database_key(), glossary_id, language)


def uses_of_terms(shelf: Shelf) -> dict[str, list[tuple[str, dict[str, str]]]]:
    """Term key → (lesson key, title) of the lessons on a shelf that use it, only those that are open to the reader."""
    places = [place for place in shelf.lessons.values() if place.is_open]
    kept = readable([place.version_id for place in places])
    found: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for place in places:
        for key in kept[place.version_id].vocabulary:
            found.setdefault(key, []).append((place.key, kept[place.version_id].title))
    return found
