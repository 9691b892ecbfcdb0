"""Content as versions: every piece of every kind (lesson, item, rubric, station, case, programme, scheme) in one store.

A version is frozen once made and found by its hashes. The *scoring* hash covers keys, points, weights and answers, the
*wording* hash the texts: a rewording keeps results comparable, another scoring hash is another instrument.
`check` needs no database; `plan` is a pure comparison; `load` writes in one transaction with one audit event, retires
what is gone, deletes nothing, and finds nothing to do the second time. It touches only pieces whose origin is `file`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from foundation import audit, clock
from foundation.append_only import append_only
from foundation.db import Base, Json, UtcTime, canonical_json, database_key, db
from foundation.findings import Findings, check_english
from foundation.yamlsource import Problem, Source, check_bilingual, check_no_personal_numbers, read_yaml, validate

ROOT = Path(__file__).resolve().parent.parent


@append_only
class ContentVersion(Base):
    """One frozen version of one piece of content. `body` is the parsed file as plain JSON."""

    __tablename__ = "content_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    key: Mapped[str]
    number: Mapped[int]
    scoring_hash: Mapped[str]
    wording_hash: Mapped[str]
    status: Mapped[str]
    origin: Mapped[str]
    body: Mapped[Any] = mapped_column(Json)
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    __table_args__ = (UniqueConstraint("kind", "key", "number"),)


class ContentHead(Base):
    """Which version of a piece is current, and whether the piece is retired."""

    __tablename__ = "content_head"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    key: Mapped[str]
    version_id: Mapped[int] = mapped_column(ForeignKey("content_version.id"))
    retired_at: Mapped[datetime | None] = mapped_column(UtcTime)
    __table_args__ = (UniqueConstraint("kind", "key"), Index("ix_content_head_version_id", "version_id"))


@dataclass(frozen=True)
class Piece:
    """A parsed piece of content, ready to be compared with the store. `scoring` is the part that decides marks."""

    kind: str
    key: str
    body: Any
    scoring: Any
    status: str
    path: str
    line: int = 1

    @property
    def scoring_hash(self) -> str:
        return hashlib.sha256(canonical_json(self.scoring).encode()).hexdigest()

    @property
    def wording_hash(self) -> str:
        return hashlib.sha256(canonical_json(self.body).encode()).hexdigest()


@dataclass
class Library:
    """Everything the content files hold: pieces by kind and key, and all problems found."""

    pieces: dict[tuple[str, str], Piece] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    kept: dict[tuple[str, str], tuple[Findings, tuple[Any, ...]]] = field(default_factory=dict)

    def add(self, piece: Piece) -> None:
        if (piece.kind, piece.key) in self.pieces:
            first = self.pieces[(piece.kind, piece.key)]
            self.problems.append(Problem(piece.path, piece.line, 1, f"{piece.kind} {piece.key} is also in {first.path}"))
            return
        self.pieces[(piece.kind, piece.key)] = piece

    def keep(self, kind: str, key: str, findings: Findings, where: tuple[Any, ...] = ()) -> None:
        """Leave the waivers of a file open until all files are read, because a cross check may warn of this entry."""
        self.kept[(kind, key)] = (findings, where)

    def warn(self, kind: str, key: str, check: str, message: str) -> None:
        """A warning of a cross check at an entry that was kept; a waiver in its file silences it."""
        findings, where = self.kept[(kind, key)]
        findings.warn(check, key, where, message)

    def settle(self) -> None:
        """Close the waivers that were left open and take in what was said after their files were read. Once, at the end."""
        seen: set[int] = set()
        told = set(self.problems)
        for findings, _where in self.kept.values():
            if id(findings) not in seen:
                seen.add(id(findings))
                findings.close()
                self.problems += [problem for problem in findings.source.problems if problem not in told]
        self.kept.clear()

    def of(self, kind: str) -> dict[str, Piece]:
        return {key: piece for (kind_, key), piece in self.pieces.items() if kind_ == kind}

    @property
    def errors(self) -> list[Problem]:
        return sorted(problem for problem in self.problems if problem.severity == "error")

    @property
    def gaps(self) -> list[Problem]:
        """What the whole lacks: an objective that no lesson teaches, an exam cell too thin for three papers."""
        return sorted(problem for problem in self.problems if problem.severity == "gap")

    @property
    def warnings(self) -> list[Problem]:
        return sorted(problem for problem in self.problems if problem.severity == "warning")


Reader = Callable[[Library], None]
_readers: list[Reader] = []
_checks: list[Reader] = []


def reader(function: Reader) -> Reader:
    """Register a function that reads one part's files into the library (a part's loader.py does this on import)."""
    _readers.append(function)
    return function


def cross_check(function: Reader) -> Reader:
    """Register a check that runs after all files are read and may look at every kind."""
    _checks.append(function)
    return function


def shown(path: Path) -> str:
    """The path as messages show it: relative to the project."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def read_piece(library: Library, file: Path, kind: str, model: Any, check: Callable[[Any, Findings], None]) -> Source:
    """Read a file of one piece, named after its key, into the library with every complaint about it.

    `model` has `key`, `status`, `waive` and `scoring()`. The source is returned for its positions; a file with an error
    leaves no piece.
    """
    source = read_yaml(file, shown(file))
    if source.value is None:
        if source.ok:
            source.error((), "is empty")
        library.problems += source.problems
        return source
    check_no_personal_numbers(file.read_text(encoding="utf-8"), source)
    check_bilingual(source.value, source)
    piece = validate(model, source.value, source)
    findings = Findings(source, piece.waive if piece else ())
    check_english(source.value, findings)
    if piece is not None:
        if piece.key != file.stem:
            source.error(("key",), f"the file is called {file.stem}, the key is {piece.key}")
        check(piece, findings)
        findings.close()
        if source.ok:
            library.add(Piece(kind, piece.key, piece.model_dump(mode="json", by_alias=True), piece.scoring(), piece.status, source.path))
    library.problems += source.problems
    return source


def read_all() -> Library:
    """Parse and check every content file. Needs no database."""
    library = Library()
    for read in _readers:
        read(library)
    for check in _checks:
        check(library)
    _check_dates(library)
    library.settle()
    return library


STALE_AFTER_DAYS = 730


def _check_dates(library: Library) -> None:
    """W: content, claims and sources last reviewed over 24 months ago, or, by their own word, in the future.

    No waiver silences these: who looked again writes the new date.
    """
    today = clock.today("Asia/Shanghai")
    for piece in library.pieces.values():
        dates = [date.fromisoformat(text) for text in _reviewed_in(piece.body)]
        if late := [day for day in dates if day > today]:
            library.problems.append(Problem(piece.path, piece.line, 1, f"{piece.key}: reviewed on {max(late)}, which is still to come", "warning"))
        if stale := [day for day in dates if (today - day).days > STALE_AFTER_DAYS]:
            library.problems.append(Problem(piece.path, piece.line, 1, f"{piece.key}: reviewed on {min(stale)}, over 24 months ago", "warning"))


def _reviewed_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(own := value.get("reviewed"), str):
            yield own
        for child in value.values():
            if isinstance(child, dict | list):
                yield from _reviewed_in(child)
    elif isinstance(value, list):
        for child in value:
            if isinstance(child, dict | list):
                yield from _reviewed_in(child)


@dataclass(frozen=True)
class Step:
    """What a load would do with one piece: new | rewording | rescoring | restored | retired | returned (edited in the browser,
    exported since: the files hold it again); or `kept`: edited in the browser, so that the files do not touch it."""

    act: str
    kind: str
    key: str


def _stored() -> dict[tuple[str, str], Any]:
    rows = db.session.execute(
        select(ContentHead.kind, ContentHead.key, ContentHead.retired_at, ContentVersion.scoring_hash, ContentVersion.wording_hash,
               ContentVersion.number, ContentVersion.origin, ContentVersion.status)
        .join(ContentVersion, ContentVersion.id == ContentHead.version_id)
    )
    return {(row.kind, row.key): row for row in rows}


def plan(pieces: Iterable[Piece], stored: dict[tuple[str, str], Any], broken_kinds: frozenset[str] = frozenset()) -> list[Step]:
    """The difference between files and store. While a file of a kind is invalid nothing of that kind retires."""
    steps, seen = [], set()
    for piece in sorted(pieces, key=lambda piece: (piece.kind, piece.key)):
        seen.add((piece.kind, piece.key))
        row = stored.get((piece.kind, piece.key))
        if row is None:
            steps.append(Step("new", piece.kind, piece.key))
        elif row.origin != "file":
            if row.retired_at is None and (row.wording_hash, row.status) == (piece.wording_hash, piece.status):
                steps.append(Step("returned", piece.kind, piece.key))
        elif row.scoring_hash != piece.scoring_hash:
            steps.append(Step("rescoring", piece.kind, piece.key))
        elif row.wording_hash != piece.wording_hash or row.status != piece.status:
            steps.append(Step("rewording", piece.kind, piece.key))
        elif row.retired_at is not None:
            steps.append(Step("restored", piece.kind, piece.key))
    for (kind, key), row in sorted(stored.items()):
        if (kind, key) not in seen and row.retired_at is None and row.origin == "file" and kind not in broken_kinds:
            steps.append(Step("retired", kind, key))
    return steps


def plan_against_store(library: Library) -> list[Step]:
    return plan(library.pieces.values(), _stored())


def kept_from(library: Library) -> list[Step]:
    """Pieces of the files that a load leaves alone, because they were edited or retired in the browser and not exported since."""
    stored = _stored()
    held = [(piece, stored[key]) for key, piece in library.pieces.items() if key in stored and stored[key].origin != "file"]
    return [Step("kept", piece.kind, piece.key) for piece, row in sorted(held, key=lambda pair: (pair[0].kind, pair[0].key))
            if row.retired_at is not None or (row.wording_hash, row.status) != (piece.wording_hash, piece.status)]


def load(library: Library, actor_id: int | None) -> list[Step]:
    """Bring the store to the state of the files; inside a transaction. Refuses (ValueError) while there are errors."""
    if library.errors:
        raise ValueError("content with errors is not loaded")
    stored = _stored()
    steps = plan(library.pieces.values(), stored)
    now = clock.now()
    heads = {(head.kind, head.key): head for head in db.session.scalars(select(ContentHead))} if steps else {}
    for step in steps:
        head = heads.get((step.kind, step.key))
        if step.act == "retired" and head:
            head.retired_at = now
            continue
        if step.act == "restored" and head:
            head.retired_at = None
            continue
        piece = library.pieces[(step.kind, step.key)]
        number = stored[(step.kind, step.key)].number + 1 if head else 1
        version = ContentVersion(kind=piece.kind, key=piece.key, number=number, scoring_hash=piece.scoring_hash, wording_hash=piece.wording_hash,
                                 status=piece.status, origin="file", body=piece.body, made_at=now)
        db.session.add(version)
        db.session.flush()
        if head:
            head.version_id, head.retired_at = version.id, None
        else:
            db.session.add(ContentHead(kind=piece.kind, key=piece.key, version_id=version.id))
    if steps:
        digest = hashlib.sha256(canonical_json([[s.act, s.kind, s.key] for s in steps]).encode()).hexdigest()
        audit.record("content:load", "content:files", actor_id, steps=len(steps), digest=digest)
    return steps


def publish(piece: Piece, origin: str, actor_id: int | None) -> int:
    """Make a piece the current version of its key, live again if it was retired; the version's id. Inside a transaction.

    `origin`: studio or import. From then on the files no longer touch the key (until it is exported into them).
    """
    now = clock.now()
    head = db.session.scalars(select(ContentHead).where(ContentHead.kind == piece.kind, ContentHead.key == piece.key)).first()
    number = (db.session.scalar(select(func.max(ContentVersion.number)).where(ContentVersion.kind == piece.kind, ContentVersion.key == piece.key)) or 0) + 1
    row = ContentVersion(kind=piece.kind, key=piece.key, number=number, scoring_hash=piece.scoring_hash, wording_hash=piece.wording_hash,
                         status=piece.status, origin=origin, body=piece.body, made_at=now)
    db.session.add(row)
    db.session.flush()
    if head is None:
        db.session.add(ContentHead(kind=piece.kind, key=piece.key, version_id=row.id))
    else:
        head.version_id, head.retired_at = row.id, None
    db.session.flush()
    audit.record("content:publish", f"{piece.kind}:{piece.key}", actor_id, version=row.id, number=number, origin=origin, scoring_hash=piece.scoring_hash)
    return row.id


def set_retired(kind: str, key: str, retired: bool, actor_id: int | None, reason: str) -> None:
    """Take a piece out of use, or back into it; what was drawn from it stays. Raises NoResultFound for an unknown key.

    A piece of the files is first made the program's own, so that the next load does not bring it back.
    """
    head = db.session.scalars(select(ContentHead).where(ContentHead.kind == kind, ContentHead.key == key)).one()
    stored = db.session.get_one(ContentVersion, head.version_id)
    if stored.origin == "file":
        own = ContentVersion(kind=kind, key=key, number=stored.number + 1, scoring_hash=stored.scoring_hash, wording_hash=stored.wording_hash,
                             status=stored.status, origin="studio", body=stored.body, made_at=clock.now())
        db.session.add(own)
        db.session.flush()
        head.version_id = own.id
    head.retired_at = clock.now() if retired else None
    db.session.flush()
    audit.record("content:retire" if retired else "content:restore", f"{kind}:{key}", actor_id, reason=reason)


Uses = Callable[[Iterable[str]], dict[str, int]]
_uses: dict[str, tuple[str, Uses]] = {}


def used_in(kind: str, noun: str, count: Uses) -> None:
    """Register who can say how many `noun` (attempts) stand on earlier versions of pieces of a kind."""
    _uses[kind] = (noun, count)


def notices(steps: Iterable[Step]) -> list[str]:
    """What a person must hear of after a load: keys that were changed although results stand on the earlier version."""
    changed: dict[str, list[str]] = {}
    for step in steps:
        if step.act == "rescoring" and step.kind in _uses:
            changed.setdefault(step.kind, []).append(step.key)
    told = []
    for kind, keys in sorted(changed.items()):
        noun, count = _uses[kind]
        found = count(keys)
        told += [f"key of {kind} {key} changed; {found[key]} {noun} used the earlier version" for key in sorted(keys) if found.get(key)]
    return told


# ── reading the store ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Stored:
    """A version as read back. Versions never change, so a process keeps what it has read."""

    id: int
    kind: str
    key: str
    number: int
    scoring_hash: str
    status: str
    body: Any


@lru_cache(maxsize=4096)
def _version(_database: str, version_id: int) -> Stored:
    row = db.session.execute(select(*_COLUMNS).where(ContentVersion.id == version_id)).one()
    return Stored(*row)


_COLUMNS = (ContentVersion.id, ContentVersion.kind, ContentVersion.key, ContentVersion.number, ContentVersion.scoring_hash, ContentVersion.status,
            ContentVersion.body)


def version(version_id: int) -> Stored:
    """One version by id, from memory after the first time. Raises NoResultFound for an unknown id."""
    return _version(database_key(), version_id)


def current_ids(kind: str, include_retired: bool = False) -> dict[str, int]:
    """Key → id of the current version, for every live piece of a kind."""
    query = select(ContentHead.key, ContentHead.version_id).where(ContentHead.kind == kind)
    if not include_retired:
        query = query.where(ContentHead.retired_at.is_(None))
    return {row.key: row.version_id for row in db.session.execute(query)}


def find_current(kind: str, key: str) -> Stored | None:
    """The current version of a live piece, or None."""
    version_id = db.session.execute(
        select(ContentHead.version_id).where(ContentHead.kind == kind, ContentHead.key == key, ContentHead.retired_at.is_(None))
    ).scalar()
    return None if version_id is None else version(version_id)
