"""Content files of this part: rubrics, stations, cases. One file a piece, named after its key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from foundation.content import Library, Piece, cross_check, read_piece, reader
from foundation.findings import Findings
from foundation.yamlsource import Problem, Source
from training.grading.rules.case import Case, check_case, check_marks
from training.grading.rules.rubric import Rubric, check_instrument
from training.grading.rules.station import Station, check_station

CONTENT = Path(__file__).parent / "content"


def _read(library: Library, folder: str, kind: str, model: Any, check: Callable[[Any, Findings], None]) -> None:
    for file in sorted((CONTENT / folder).glob("*.yaml")):
        read_piece(library, file, kind, model, check)


def _check_rubric(rubric: Rubric, findings: Findings) -> None:
    check_instrument(rubric, findings)


@reader
def read_rubrics(library: Library) -> None:
    _read(library, "rubrics", "rubric", Rubric, _check_rubric)


@reader
def read_stations(library: Library) -> None:
    _read(library, "stations", "station", Station, check_station)


@reader
def read_cases(library: Library) -> None:
    _read(library, "cases", "case", Case, check_case)


@cross_check
def rubrics_fit(library: Library) -> None:
    """E: a station whose rubric or watched criterion does not exist; a case whose separate rubric does not fit its marks;
    a rubric that names a user which does not exist; an objective or a source that is not in the shared register."""
    rubrics = {key: Rubric.model_validate(piece.body) for key, piece in library.of("rubric").items()}
    stations, cases = library.of("station"), library.of("case")

    def error(piece: Piece, message: str) -> None:
        library.problems.append(Problem(piece.path, piece.line, 1, f"{piece.key}: {message}"))

    def is_there(kind: str, key: str) -> bool:
        """Read, or refused for faults of its own, which are told already."""
        return key in library.of(kind) or (CONTENT / f"{kind}s" / f"{key}.yaml").exists()

    for piece in stations.values():
        station = Station.model_validate(piece.body)
        rubric = rubrics.get(station.rubric)
        if rubric is None:
            if not is_there("rubric", station.rubric):
                error(piece, f"rubric {station.rubric} does not exist")
            continue
        if f"station:{station.key}" not in rubric.used_by:
            error(piece, f"rubric {rubric.key} does not name this station in used_by")
        known = {criterion.key for criterion in rubric.criteria}
        for note in station.rater.watch_for:
            if note.criterion not in known:
                error(piece, f"watch_for names criterion {note.criterion}, which rubric {rubric.key} does not have")
    for piece in cases.values():
        case = Case.model_validate(piece.body)
        if isinstance(case.rubric, str):
            rubric = rubrics.get(case.rubric)
            if rubric is None:
                if not is_there("rubric", case.rubric):
                    error(piece, f"rubric {case.rubric} does not exist")
                continue
            source = Source(piece.path)
            check_marks(case, rubric, Findings(source))
            library.problems += source.problems
    for key, rubric in rubrics.items():
        for user in rubric.used_by:
            kind, _, user_key = user.partition(":")
            if kind not in ("station", "case") or not is_there(kind, user_key):
                error(library.of("rubric")[key], f"used_by names {user}, which does not exist")
    _check_registers(library, error)


def _check_registers(library: Library, error: Callable[[Piece, str], None]) -> None:
    """Objectives and sources against the shared registers, where these were read without error."""
    for kind, listed, register in (("objectives", "objectives", "objectives"), ("sources", "sources", "sources")):
        found = library.of(kind).get(register)
        if found is None:
            continue
        known = {entry["key"] for entry in found.body[listed]}
        for piece_kind in ("rubric", "station", "case"):
            for piece in library.of(piece_kind).values():
                for name in piece.body.get(kind, ()):
                    if name not in known:
                        error(piece, f"{kind} names {name}, which is not in the register")
