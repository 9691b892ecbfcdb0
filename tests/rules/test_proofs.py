"""Proofs are kept by what they looked at and by the program that made them; whatever is wrong with the file only costs time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from foundation import findings, proofs
from foundation.content import Library
from quizzes import loader
from quizzes.rules import lint
from tests.rules.test_quiz_content import file_of, numeric, written


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QIZHOU_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "proofs"


def test_what_is_kept_is_recalled_by_the_same_program_only(folder: Path) -> None:
    proofs.keep("probe", "program-1", {"a": [["15", [], "wrong", True]]}, {})
    assert proofs.recall("probe", "program-1") == {"a": [["15", [], "wrong", True]]}
    assert proofs.recall("probe", "program-2") == {}
    assert proofs.recall("other", "program-1") == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"made_by": "program-1"}', '{"made_by": "program-1", "found": 3}'])
def test_a_broken_file_of_proofs_is_no_proof(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "probe.json").write_text(text)
    assert proofs.recall("probe", "program-1") == {}


def test_a_folder_that_cannot_be_written_is_borne(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder should be")
    proofs.keep("probe", "program-1", {"a": []}, {})
    assert proofs.recall("probe", "program-1") == {}


def test_another_program_text_is_another_program() -> None:
    assert proofs.program(findings) != proofs.program(proofs) != proofs.program(findings, proofs)


def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> list[str]:
    """The complaints about one numeric item, read by a process that remembers nothing itself."""
    lint.PROVED.clear()
    (tmp_path / "items").mkdir(exist_ok=True)
    written(tmp_path / "items", file_of(numeric(**changes)))
    monkeypatch.setattr(loader, "CONTENT", tmp_path)
    library = Library()
    loader.read_items(library)
    return [problem.message for problem in library.errors]


def test_a_proved_item_is_not_drawn_again_and_a_changed_one_is(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    really = lint._drawn
    monkeypatch.setattr(lint, "_drawn", lambda item, told: drawn.append(item.formula) or really(item, told))
    assert read(tmp_path, monkeypatch) == [] == read(tmp_path, monkeypatch)
    assert drawn == ["p * r / 100"]
    first = read(tmp_path, monkeypatch, formula="p * r / 50")
    assert first and first == read(tmp_path, monkeypatch, formula="p * r / 50"), "a remembered fault is told again in the same words"
    assert drawn == ["p * r / 100", "p * r / 50"]
    assert len(json.loads((folder / "numeric.json").read_text())["found"]) == 1, "what is no longer there is forgotten"
