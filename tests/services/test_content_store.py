"""The content store: versions are frozen, loads are plans carried out once, and files never overwrite a browser's work."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from foundation import audit, content
from foundation.content import ContentHead, ContentVersion, Library, Piece, Step
from foundation.db import db, transaction
from foundation.yamlsource import Problem
from tests.conftest import ON_BOTH


def library(*pieces: Piece) -> Library:
    made = Library()
    for piece in pieces:
        made.add(piece)
    return made


def piece(key: str, text: str = "words", marks: str = "1", status: str = "approved", kind: str = "probe") -> Piece:
    return Piece(kind, key, {"text": text, "marks": marks}, {"marks": marks}, status, f"{key}.yaml")


def load(*pieces: Piece) -> list[Step]:
    """Load these probes beside everything the store holds of other kinds."""
    whole = library(*pieces)
    for row in db.session.execute(select(ContentVersion).join(ContentHead, ContentHead.version_id == ContentVersion.id)).scalars():
        if row.kind != "probe":
            whole.pieces[(row.kind, row.key)] = as_stored(row)
    with transaction():
        return content.load(whole, None)


class _Stored(Piece):
    """A stored piece offered again with its own hashes."""


def as_stored(row: ContentVersion) -> Piece:
    made = _Stored(row.kind, row.key, row.body, None, row.status, "-")
    object.__setattr__(made, "scoring", row.scoring_hash)
    return _WithHashes(made, row.scoring_hash, row.wording_hash)  # type: ignore[return-value]


class _WithHashes:
    def __init__(self, inner: Piece, scoring: str, wording: str) -> None:
        self._inner, self.scoring_hash, self.wording_hash = inner, scoring, wording

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def acts(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.act, step.key) for step in steps]


@ON_BOTH
def test_the_second_load_of_the_real_files_finds_nothing_to_do(app: Flask) -> None:
    files = content.read_all()
    before = audit.head()
    versions = db.session.scalar(select(func.count()).select_from(ContentVersion))
    assert content.plan_against_store(files) == []
    files.problems = []
    with transaction():
        assert content.load(files, None) == []
    assert audit.head() == before, "nothing done, nothing told"
    assert db.session.scalar(select(func.count()).select_from(ContentVersion)) == versions


@ON_BOTH
def test_a_piece_lives_through_new_rewording_rescoring_retirement_and_return(app: Flask) -> None:
    assert acts(load(piece("a"), piece("b"))) == [("new", "a"), ("new", "b")]
    assert load(piece("a"), piece("b")) == []
    assert acts(load(piece("a", text="other words"), piece("b"))) == [("rewording", "a")]
    assert acts(load(piece("a", text="other words", marks="2"), piece("b"))) == [("rescoring", "a")]
    assert acts(load(piece("b"))) == [("retired", "a")]
    assert content.find_current("probe", "a") is None
    assert acts(load(piece("a", text="other words", marks="2"), piece("b"))) == [("restored", "a")]
    rows = db.session.scalars(select(ContentVersion).where(ContentVersion.kind == "probe", ContentVersion.key == "a").order_by(ContentVersion.number)).all()
    assert [row.number for row in rows] == [1, 2, 3]
    assert rows[0].scoring_hash == rows[1].scoring_hash != rows[2].scoring_hash, "a rewording stays comparable, another scoring does not"
    assert [row.body["text"] for row in rows] == ["words", "other words", "other words"], "old versions read as they were"
    now = content.find_current("probe", "a")
    assert now is not None
    assert now.number == 3


@ON_BOTH
def test_a_load_is_one_event_with_count_and_digest(app: Flask) -> None:
    before = audit.head()[0]
    load(piece("a"), piece("b"))
    rows = db.session.execute(select(audit.AuditEvent.action, audit.AuditEvent.facts).where(audit.AuditEvent.seq > before)).all()
    assert [row.action for row in rows] == ["content:load"]
    assert rows[0].facts["steps"] == 2
    assert len(rows[0].facts["digest"]) == 64


def test_a_piece_edited_in_the_browser_is_not_touched_by_files(app: Flask) -> None:
    load(piece("a"))
    with transaction():
        version = ContentVersion(kind="probe", key="a", number=2, scoring_hash="s", wording_hash="w", status="approved", origin="studio",
                                 body={"text": "made in the browser"}, made_at=audit.clock.now())
        db.session.add(version)
        db.session.flush()
        db.session.scalars(select(ContentHead).where(ContentHead.kind == "probe")).one().version_id = version.id
    assert load(piece("a", text="from the file")) == []
    assert load() == [], "nor retired where the file is gone"
    now = content.find_current("probe", "a")
    assert now is not None
    assert now.body["text"] == "made in the browser"


def test_content_with_errors_is_refused_whole(app: Flask) -> None:
    broken = library(piece("a"))
    broken.problems.append(Problem("b.yaml", 3, 1, "is wrong"))
    with pytest.raises(ValueError, match="errors"), transaction():
        content.load(broken, None)
    assert content.find_current("probe", "a") is None


def test_while_a_file_of_a_kind_is_broken_nothing_of_that_kind_retires() -> None:
    class Row:
        origin, retired_at = "file", None
        scoring_hash, wording_hash, status = piece("a").scoring_hash, piece("a").wording_hash, "approved"

    stored = {("probe", "a"): Row(), ("probe", "b"): Row()}
    assert acts(content.plan([piece("a")], stored)) == [("retired", "b")]
    assert content.plan([piece("a")], stored, broken_kinds=frozenset({"probe"})) == []


def test_the_same_key_in_two_files_is_an_error_that_names_both() -> None:
    twice = library(piece("a"), Piece("probe", "a", {}, {}, "draft", "other.yaml", 7))
    assert [str(problem) for problem in twice.errors] == ["other.yaml:7:1 probe a is also in a.yaml"]
