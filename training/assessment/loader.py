"""Content files of this part: assessment schemes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from foundation.content import Library, Piece, cross_check, reader, shown
from foundation.yamlsource import Problem, check_bilingual, check_no_personal_numbers, read_yaml, validate
from training.assessment.rules.checks import check_scheme
from training.assessment.rules.scheme import Scheme

CONTENT = Path(__file__).parent / "content"
_WORDING = {"title", "reviewed", "sources", "status", "resit_rules", "brings", "decided_by", "worked_examples", "applies_to"}


def scoring_of(value: Any) -> Any:
    """What decides results: the scheme without its texts, reviews and examples."""
    if isinstance(value, dict):
        return {key: scoring_of(child) for key, child in value.items() if key not in _WORDING}
    return [scoring_of(child) for child in value] if isinstance(value, list) else value


def read_scheme(file: Path, library: Library) -> Scheme | None:
    """Read one scheme into the library; None, with problems noted, where it does not parse."""
    source = read_yaml(file, shown(file))
    check_bilingual(source.value, source)
    scheme = validate(Scheme, source.value, source)
    if scheme is not None:
        check_scheme(scheme, source)
        check_no_personal_numbers(file.read_text(encoding="utf-8"), source)
        body = scheme.model_dump(mode="json")
        library.add(Piece("scheme", scheme.key, body, scoring_of(body), scheme.status, source.path))
    library.problems += source.problems
    return scheme


@reader
def read_schemes(library: Library) -> None:
    for file in sorted((CONTENT / "schemes").glob("*.yaml")):
        read_scheme(file, library)


@cross_check
def sources_exist(library: Library) -> None:
    """E: a scheme that names an unknown source; a programme whose scheme is not approved or lacks a component it feeds."""
    register = library.of("sources").get("sources")
    known = {entry["key"] for entry in register.body["sources"]} if register else None
    schemes = library.of("scheme")
    for piece in schemes.values():
        for name in piece.body["sources"]:
            if known is not None and name not in known:
                library.problems.append(Problem(piece.path, piece.line, 1, f"source {name} is not in the register"))
    for programme in library.of("programme").values():
        scheme = schemes.get(programme.body["scheme"])
        if scheme is None:
            continue
        if scheme.status != "approved":
            library.problems.append(Problem(programme.path, programme.line, 1, f"scheme {scheme.key} is {scheme.status}, not approved"))
        evidence = {component["key"]: component["evidence"] for component in scheme.body["components"]}
        for name, rest in evidence.items():
            if rest["kind"] != "participation" and not programme.body["assessment"].get(name):
                library.problems.append(Problem(programme.path, programme.line, 1, f"nothing feeds the component {name} of scheme {scheme.key}"))
        stations = len(programme.body["assessment"].get("skill_demonstration", {}).get("stations", ()))
        least = evidence.get("skill_demonstration", {}).get("stations_min", 0)
        if stations < least:
            library.problems.append(Problem(programme.path, programme.line, 1,
                                            f"skill_demonstration needs {least} stations by scheme {scheme.key}, the programme names {stations}"))
