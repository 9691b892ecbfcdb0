"""Course books: which lessons go into one, where the finished file is kept, and who makes it.

A book is named by the hash of everything that is printed in it (and of the template), so a file that exists is right and
is never made twice; a reworded lesson gives another name. Making one takes seconds: it is done in a process of its own,
one at a time on the whole machine, asked for by a thread beside the requests; a request only looks whether the file is there.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _

from courses import library, queries
from courses.rules.book import BookLesson, book
from courses.rules.outline import Programme, Unit
from courses.titles import unit_label
from foundation import content, drawing
from foundation.db import canonical_json, database_key
from foundation.permissions import Actor

WAITING_MOST = 6            # books that wait in one process before the next is put off
SECONDS_MOST = 180          # then the process that makes a book is ended
RETRY_S = 120               # how long a failure is remembered
KEPT = 120                  # files kept; the least recently used go first
PAPER = Path(__file__).parent / "paper"
log = logging.getLogger("qizhou.press")


@dataclass(frozen=True)
class Shown:
    """A unit somebody may have as a book: the programme version it is of, and its lessons as (key, version id) in their order."""

    programme_version_id: int
    programme: Programme
    unit: Unit
    lessons: tuple[tuple[str, int], ...]


def find_shown(actor: Actor, programme_key: str, unit_key: str) -> Shown | None:
    """The unit as its reader may have it, or None: a trainee the open units of the own programme, staff every unit as it is now."""
    shelf = library.shelf_of(actor)
    if shelf.is_trainee:
        enrolment = queries.own_enrolment(actor.person_id)
        cohort = queries.get_cohort(enrolment.cohort_id) if enrolment else None
        if cohort is None or cohort.programme_key != programme_key:
            return None
        version_id = cohort.programme_version_id
    else:
        current = content.current_ids("programme").get(programme_key)
        if current is None or not shelf.lessons:
            return None
        version_id = current
    programme = queries.programme_version(version_id)
    unit = next((unit for unit in programme.units if unit.key == unit_key), None)
    if unit is None:
        return None
    places = [shelf.lessons[a.ref] for a in unit.activities if a.kind == "lesson" and not a.planned and a.ref in shelf.lessons]
    lessons = tuple((place.key, place.version_id) for place in places if place.is_open)
    return Shown(version_id, programme, unit, lessons) if lessons and len(lessons) == len(places) else None


@dataclass(frozen=True)
class BookShelf:
    """The units of a programme that hold lessons: (unit, whether its book may be had)."""

    programme: Programme
    units: tuple[tuple[Unit, bool], ...]


def shelves(actor: Actor) -> tuple[BookShelf, ...]:
    """Every book somebody may have, closed units of a trainee's own programme included so that the list tells of them."""
    shelf = library.shelf_of(actor)
    if shelf.is_trainee:
        enrolment = queries.own_enrolment(actor.person_id)
        version_ids = [queries.get_cohort(enrolment.cohort_id).programme_version_id] if enrolment else []
    else:
        version_ids = [id_ for _key, id_ in sorted(content.current_ids("programme").items())] if shelf.lessons else []
    found = []
    for version_id in version_ids:
        programme = queries.programme_version(version_id)
        units = []
        for unit in programme.units:
            places = [shelf.lessons[a.ref] for a in unit.activities if a.kind == "lesson" and not a.planned and a.ref in shelf.lessons]
            if places:
                units.append((unit, all(place.is_open for place in places)))
        found.append(BookShelf(programme, tuple(units)))
    return tuple(shelf_ for shelf_ in found if shelf_.units)


# ── what is printed ──────────────────────────────────────────────────────────────────────────────────────────
def document(shown: Shown, language: str) -> tuple[str, str]:
    """The book as JSON for the press, and the hash that names it; both kept in the process per set of versions."""
    registers = tuple(content.current_ids(kind).get(kind, 0) for kind in ("glossary", "sources"))
    return _document(database_key(), shown.programme_version_id, shown.unit.key, shown.lessons, registers, language)


@lru_cache(maxsize=64)
def _document(_database: str, programme_version_id: int, unit_key: str, lessons: tuple[tuple[str, int], ...], registers: tuple[int, ...],
              language: str) -> tuple[str, str]:
    programme = queries.programme_version(programme_version_id)
    unit = next(unit for unit in programme.units if unit.key == unit_key)
    glossary = [{"key": entry.key, "term": entry.term, "definition": entry.definition} for entry in library.terms(registers[0], language)]
    sources = content.version(registers[1]).body["sources"] if registers[1] else ()
    number = content.version(programme_version_id).number
    made = [BookLesson(key, content.version(id_).body) for key, id_ in lessons]
    reviewed = min(lesson.body["reviewed"] for lesson in made)
    with force_locale(language):
        head = {
            "programme": getattr(programme.title, language), "unit": unit_label(unit), "title": getattr(unit.title, language),
            "issuer": _("Linjiang Bank Training Department"), "mark": _mark(), "waves": _waves(), "say": _words(),
            "facts": [[_("Version of the programme"), str(number)], [_("Content reviewed"), reviewed],
                      [_("Lessons"), str(len(made))], [_("For"), _("study within the bank; the newest version is in the platform")]],
        }
    data = canonical_json(book(head, made, glossary, sources, language))
    template = b"".join(file.read_bytes() for file in sorted(PAPER.rglob("*")) if file.suffix in (".typ", ".py"))
    name = hashlib.sha256(data.encode() + template + f"typst {version('typst')} {version('pylopdf-fonts-zh-cn')}".encode()).hexdigest()
    return data, name


def _words() -> dict[str, str]:
    """The book's own words; {n} and {day} are filled in by the press."""
    return {
        "contents": _("Contents"), "kind": _("Course book"), "lesson": _("Lesson {n}"), "minutes": _("about {n} minutes"),
        "objectives": _("After this lesson you can"), "check": _("Self-check"), "many": _("several answers"), "task": _("Back at your desk"),
        "within": _("within {n} days"),
        "answers": _("Answers to the self-checks"), "right": _("Right:"), "glossary": _("Terms of this unit"), "sources": _("Sources"),
        "reviewed": _("reviewed {day}"), "mark": _("The mark of Qizhou: a sail of six panels over a hull"), "waves": _("Waves"),
    }


def _mark() -> str:
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" width="48" height="48"><path fill="#12495b" d="{drawing.mark_paths()}"/>'
            '<circle fill="#b3402a" cx="40.4" cy="8.6" r="4.1"/></svg>')


def _waves() -> str:
    """Seven waves across the foot of the cover, one for each week of the flagship."""
    lines = []
    for row in range(7):
        width, height = 64 + row * 9, 7 + row
        start, y = -20 - row * 23, 12 + row * 15
        curves = "".join(f"t{width} 0" for _ in range(600 // width + 2))
        lines.append(f'<path d="M{start} {y}q{width // 2} {-height} {width} 0{curves}" fill="none" stroke="#a9c5cc" stroke-width="1"/>')
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 112" width="480" height="112">{"".join(lines)}</svg>'


# ── the finished file ────────────────────────────────────────────────────────────────────────────────────────
def folder() -> Path:
    """Where finished books are kept."""
    path = Path(current_app.config["DATA"]) / "books"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


@dataclass(frozen=True)
class Printing:
    """How far a book is: `file` where it is finished, `is_broken` where making it failed just now, `is_put_off` where too many wait."""

    file: Path | None = None
    is_broken: bool = False
    is_put_off: bool = False


def printing(shown: Shown, language: str) -> Printing:
    """The finished book, or how far it is; asks for it to be made where nobody has."""
    data, name = document(shown, language)
    target = folder() / f"{name}.pdf"
    if target.exists():
        os.utime(target)
        return Printing(target)
    failed = target.with_suffix(".failed")
    if failed.exists() and time.time() - failed.stat().st_mtime < RETRY_S:
        return Printing(is_broken=True)
    return Printing(is_put_off=not _press.ask(target, data))


class _Press(threading.Thread):
    """One thread per process that has books made, one after the other. It starts with the first book and ends with the process."""

    def __init__(self) -> None:
        super().__init__(name="press", daemon=True)
        self._waiting: queue.Queue[tuple[Path, str]] = queue.Queue(WAITING_MOST)
        self._asked: set[Path] = set()
        self._lock = threading.Lock()

    def ask(self, target: Path, data: str) -> bool:
        """Put a book on the list unless it is there already; False where the list is full."""
        with self._lock:
            if target in self._asked:
                return True
            try:
                self._waiting.put_nowait((target, data))
            except queue.Full:
                return False
            self._asked.add(target)
            if not self.is_alive():
                self.start()
        return True

    def run(self) -> None:
        while True:
            target, data = self._waiting.get()
            try:
                make(target, data)
            except Exception:
                log.exception("could not make the book %s", target.name)
                with suppress(OSError):      # a full disk must not end the thread as well
                    target.with_suffix(".failed").touch()
            finally:
                with self._lock:
                    self._asked.discard(target)


_press = _Press()


def make(target: Path, data: str) -> None:
    """Make a book now, in a process of its own of low priority, one at a time among all processes of this installation."""
    with (target.parent / "press.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return
        source = target.with_suffix(".json")
        source.write_text(data, encoding="utf-8")
        try:
            subprocess.run([sys.executable, str(PAPER / "press.py"), str(source), str(target)],  # noqa: S603 - our own program, our own paths
                           check=True, timeout=SECONDS_MOST, capture_output=True)
        except subprocess.CalledProcessError as fault:
            log.error("the press: %s", fault.stderr.decode(errors="replace")[-2000:])
            raise
        finally:
            source.unlink(missing_ok=True)
            target.with_suffix(".unfinished").unlink(missing_ok=True)
        target.with_suffix(".failed").unlink(missing_ok=True)
        _clear(sorted(target.parent.glob("*.pdf"), key=lambda file: file.stat().st_mtime))


def _clear(files: Sequence[Path]) -> None:
    for file in files[:-KEPT]:
        file.unlink(missing_ok=True)
