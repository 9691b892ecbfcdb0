"""Content files of this part: worksheets, surveys, self-check lists, mentor checklists, failure replays. One file a piece.

Their pages come with the issues that build them; until then the pieces are stored and shown to nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from foundation.content import Library, Piece, cross_check, read_piece, reader
from foundation.findings import Findings
from foundation.yamlsource import Problem
from training.participation.rules.checklist import MentorChecklist, SelfCheck, check_mentor_checklist, check_self_check
from training.participation.rules.replay import FailureReplay, check_replay
from training.participation.rules.survey import Survey, check_survey, differences
from training.participation.rules.worksheet import Worksheet
from training.participation.rules.worksheet_check import check_worksheet

CONTENT = Path(__file__).parent / "content"
FOLDERS: dict[str, tuple[str, Any, Callable[[Any, Findings], None]]] = {
    "worksheets": ("worksheet", Worksheet, check_worksheet),
    "surveys": ("survey", Survey, check_survey),
    "self-checks": ("self_check", SelfCheck, check_self_check),
    "mentor-checklists": ("mentor_checklist", MentorChecklist, check_mentor_checklist),
    "failure-replays": ("failure_replay", FailureReplay, check_replay),
}


@reader
def read_sheets(library: Library) -> None:
    for folder, (kind, model, check) in FOLDERS.items():
        for file in sorted((CONTENT / folder).glob("*.yaml")):
            read_piece(library, file, kind, model, check)


@cross_check
def sheets_fit(library: Library) -> None:
    """E: an objective or source that no register holds; a rubric, programme or gate that does not exist; a follow-up whose
    items are not those of its baseline."""
    def error(piece: Piece, message: str) -> None:
        library.problems.append(Problem(piece.path, piece.line, 1, f"{piece.key}: {message}"))

    pieces = [piece for kind, _model, _check in FOLDERS.values() for piece in library.of(kind).values()]
    for listed in ("objectives", "sources"):
        register = library.of(listed).get(listed)
        if register is None:
            continue
        known = {entry["key"] for entry in register.body[listed]}
        for piece in pieces:
            for name in piece.body[listed]:
                if name not in known:
                    error(piece, f"{listed} names {name}, which is not in the register")
    for piece in library.of("worksheet").values():
        rubric = piece.body["rubric"]
        if rubric is not None and rubric not in library.of("rubric"):
            error(piece, f"rubric {rubric} does not exist")
    programmes = library.of("programme")
    for piece in library.of("failure_replay").values():
        for name in piece.body["programmes"]:
            if programmes and name not in programmes:
                library.problems.append(Problem(piece.path, piece.line, 1, f"{piece.key}: programme {name} does not exist", "gap"))
    for piece in library.of("mentor_checklist").values():
        programme = programmes.get(piece.body["programme"])
        if programme is None:
            if programmes:
                error(piece, f"programme {piece.body['programme']} does not exist")
        elif piece.body["gate"] not in {stage["gate"]["key"] for stage in programme.body["stages"] if stage["gate"]}:
            error(piece, f"programme {programme.key} has no gate {piece.body['gate']}")
    _same_items(library, error)


def _same_items(library: Library, error: Callable[[Piece, str], None]) -> None:
    surveys = library.of("survey")
    for piece in surveys.values():
        name = piece.body["same_items_as"]
        if name is None:
            continue
        baseline = surveys.get(name)
        if baseline is None:
            if not (CONTENT / "surveys" / f"{name}.yaml").exists():
                error(piece, f"same_items_as names {name}, which does not exist")
            continue
        if baseline.body["purpose"] != "baseline":
            error(piece, f"same_items_as names {name}, which is no baseline")
        for key, what in differences(Survey.model_validate(piece.body), Survey.model_validate(baseline.body)):
            error(piece, f"same_items_as: {key} {what}")
