"""Content files of this part: programmes, lessons, and the shared registers of objectives, glossary and sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from courses.rules.lesson import LessonText, check_pair, parse_lesson
from courses.rules.outline import SESSION_KINDS, Programme, check_outline
from foundation.content import Library, Piece, cross_check, reader, shown
from foundation.yamlsource import Bilingual, Day, Problem, Source, Strict, check_bilingual, check_no_personal_numbers, read_yaml, validate

CONTENT = Path(__file__).parent / "content"


class Objective(Strict):
    key: str
    bloom: Literal["remember", "understand", "apply", "analyse", "evaluate", "create"]
    dimension: Literal["knowledge", "skill", "performance"]
    text: Bilingual
    planned: bool = False


class Objectives(Strict):
    format: Literal["qizhou/objectives@1"]
    objectives: tuple[Objective, ...] = Field(strict=False)


class Term(Strict):
    key: str
    term: Bilingual
    definition: Bilingual
    planned: bool = False


class Glossary(Strict):
    format: Literal["qizhou/glossary@1"]
    terms: tuple[Term, ...] = Field(strict=False)


class SourceEntry(Strict):
    key: str
    title: Bilingual
    note: Bilingual
    reviewed: Day | None = None


class SourceRegister(Strict):
    format: Literal["qizhou/sources@1"]
    sources: tuple[SourceEntry, ...] = Field(strict=False)


def _register(library: Library, file: Path, model: Any, kind: str, listed: str) -> None:
    source = read_yaml(file, shown(file))
    check_bilingual(source.value, source)
    register = validate(model, source.value, source)
    library.problems += source.problems
    if register is None:
        return
    seen: set[str] = set()
    for index, entry in enumerate(getattr(register, listed)):
        if entry.key in seen:
            library.problems.append(Problem(source.path, *source.at((listed, index)), f"{entry.key} stands twice"))
        seen.add(entry.key)
    body = register.model_dump(mode="json")
    library.add(Piece(kind, kind, body, sorted(seen), "approved", source.path))


@reader
def read_registers(library: Library) -> None:
    for name, model, listed in (("objectives", Objectives, "objectives"), ("glossary", Glossary, "terms"), ("sources", SourceRegister, "sources")):
        file = CONTENT / f"{name}.yaml"
        if file.exists():
            _register(library, file, model, name, listed)


@reader
def read_programmes(library: Library) -> None:
    for file in sorted((CONTENT / "programmes").glob("*/programme.yaml")):
        source = read_yaml(file, shown(file))
        check_bilingual(source.value, source)
        programme = validate(Programme, source.value, source)
        if programme is not None:
            check_outline(programme, source)
            body = programme.model_dump(mode="json")
            library.add(Piece("programme", programme.key, body, _structure(programme), programme.status, source.path))
        library.problems += source.problems


def _structure(programme: Programme) -> Any:
    """What raises a programme's version as scoring: structure, minutes, gates, what feeds the components."""
    return {
        "assessment": programme.assessment.model_dump(mode="json"), "scheme": programme.scheme, "hours": programme.hours,
        "units": [[unit.key, unit.hours, [[a.kind, a.ref, a.form, a.minutes, a.required, a.planned] for a in unit.activities]] for unit in programme.units],
        "gates": [stage.gate.model_dump(mode="json", exclude={"title"}) for stage in programme.stages if stage.gate],
    }


@reader
def read_lessons(library: Library) -> None:
    for zh_file in sorted((CONTENT / "lessons").glob("**/*.zh.md")):
        en_file = zh_file.with_name(zh_file.name.replace(".zh.md", ".en.md"))
        zh_source, zh = _read_lesson(zh_file, "zh")
        if not en_file.exists():
            library.problems += [*zh_source.problems, Problem(shown(zh_file), 1, 1, f"{en_file.name} is missing")]
            continue
        en_source, en = _read_lesson(en_file, "en")
        if zh is not None and en is not None:
            check_pair(zh, en, en_source)
            front = zh.front.model_dump(mode="json", include={"key", "delivery", "minutes", "reviewed", "sources", "objectives", "prerequisites", "vocabulary"})
            body = {**front, "zh": _language_body(zh), "en": _language_body(en)}
            checks = [[b.attrs.get("key"), b.attrs.get("kind"), [o.is_right for o in b.options]] for b in zh.blocks if b.name == "self-check"]
            library.add(Piece("lesson", zh.front.key, body, {"checks": checks, "minutes": zh.front.minutes}, zh.front.status, shown(zh_file)))
        library.problems += [*zh_source.problems, *en_source.problems]


def _read_lesson(file: Path, language: str) -> tuple[Source, LessonText | None]:
    source = Source(shown(file))
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        source.problems.append(Problem(source.path, 1, 1, "is not UTF-8"))
        return source, None
    check_no_personal_numbers(text, source)
    lesson = parse_lesson(text.replace("\r\n", "\n"), source)
    if lesson is not None and (lesson.front.language != language or not file.name.startswith(lesson.front.key + ".")):
        source.problems.append(Problem(source.path, 2, 1, f"file name and front matter disagree: {lesson.front.key} {lesson.front.language}"))
    return source, lesson


def _language_body(lesson: LessonText) -> dict[str, Any]:
    return {"title": lesson.front.title, "subtitle": lesson.front.subtitle, "claims": [claim.model_dump(mode="json") for claim in lesson.front.claims],
            "blocks": [block.to_json() for block in lesson.blocks]}


@cross_check
def references_exist(library: Library) -> None:
    """E: a lesson that names an unknown objective, term, source or lesson; a programme that names unknown content."""
    def keys(kind: str, listed: str) -> set[str]:
        piece = library.of(kind).get(kind)
        return {entry["key"] for entry in piece.body[listed]} if piece else set()

    objectives, terms, sources = keys("objectives", "objectives"), keys("glossary", "terms"), keys("sources", "sources")
    lessons = library.of("lesson")
    planned = set()
    for piece in library.of("programme").values():
        programme = Programme.model_validate(piece.body)
        planned |= {activity.ref for activity in programme.activities if activity.planned}
        _check_programme(programme, piece, library, objectives)
    for key, piece in lessons.items():
        for name, known in (("objectives", objectives), ("vocabulary", terms), ("sources", sources), ("prerequisites", set(lessons) | planned)):
            for value in piece.body[name]:
                if value not in known:
                    library.problems.append(Problem(piece.path, 2, 1, f"{key}: {name} names {value}, which does not exist"))


KIND_OF_ACTIVITY = {"lesson": "lesson", "quiz": "blueprint", "station": "station", "case": "case"}


def _check_programme(programme: Programme, piece: Piece, library: Library, objectives: set[str]) -> None:
    def error(message: str) -> None:
        library.problems.append(Problem(piece.path, 1, 1, message))

    for activity in programme.activities:
        if activity.planned or activity.kind in SESSION_KINDS:
            if activity.title is None:
                error(f"{activity.kind} {activity.ref} needs a title of its own")
            continue
        kind = KIND_OF_ACTIVITY.get(activity.kind)
        if kind is None or activity.ref not in library.of(kind):
            error(f"{activity.kind} {activity.ref} does not exist and is not planned")
        elif library.of(kind)[activity.ref].status == "draft":
            error(f"{activity.kind} {activity.ref} is only a draft")
    for stage in programme.stages:
        for name in (*stage.objectives, *(o for unit in stage.units for module in unit.modules for o in module.objectives)):
            if name not in objectives:
                error(f"objective {name} is not in the register")
        for component in stage.gate.components if stage.gate else ():
            kind = KIND_OF_ACTIVITY.get(component.kind)
            if not component.planned and (kind is None or component.ref not in library.of(kind)):
                error(f"gate {stage.gate.key if stage.gate else ''}: {component.kind} {component.ref} does not exist and is not planned")
    if programme.scheme not in library.of("scheme"):
        error(f"scheme {programme.scheme} does not exist")
    if programme.assessment.written_exam.blueprint not in library.of("blueprint"):
        error(f"blueprint {programme.assessment.written_exam.blueprint} does not exist")
    for kind, names in (("station", programme.assessment.skill_demonstration.stations), ("case", programme.assessment.case_analysis.cases)):
        for name in names:
            if name not in library.of(kind):
                error(f"{kind} {name} does not exist")
            elif library.of(kind)[name].body.get("use") != "final":
                error(f"{kind} {name} feeds a component but is not marked use: final")
