"""Content files of this part: programmes, lessons, and the shared registers of objectives, glossary and sources."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from courses.rules import coverage, lesson_check
from courses.rules import lesson as lesson_rules
from courses.rules.lesson import LessonText, check_pair, parse_lesson
from courses.rules.lesson_check import check_both, check_lesson, dead_links, headings, note
from courses.rules.outline import SESSION_KINDS, Activity, Programme, check_outline
from foundation import findings as findings_rules
from foundation import markdown, proofs
from foundation.content import Library, Piece, cross_check, reader, shown
from foundation.findings import Findings, Waiver, check_review
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
    waive: tuple[Waiver, ...] = Field(default=(), strict=False)


class Term(Strict):
    key: str
    term: Bilingual
    definition: Bilingual
    planned: bool = False


class Glossary(Strict):
    format: Literal["qizhou/glossary@1"]
    terms: tuple[Term, ...] = Field(strict=False)
    waive: tuple[Waiver, ...] = Field(default=(), strict=False)


class SourceEntry(Strict):
    key: str
    title: Bilingual
    note: Bilingual
    reviewed: Day | None = None


class SourceRegister(Strict):
    format: Literal["qizhou/sources@1"]
    sources: tuple[SourceEntry, ...] = Field(strict=False)
    waive: tuple[Waiver, ...] = Field(default=(), strict=False)


def _register(library: Library, model: Any, kind: str, listed: str) -> None:
    """One register: `<kind>.yaml` and every file of the folder `<kind>/`, together one piece."""
    bodies: list[dict[str, Any]] = []
    seen: set[str] = set()
    first = ""
    for file in (CONTENT / f"{kind}.yaml", *sorted((CONTENT / kind).glob("*.yaml"))):
        if not file.exists():
            continue
        source = read_yaml(file, shown(file))
        first = first or source.path
        check_bilingual(source.value, source)
        register = validate(model, source.value, source)
        findings = Findings(source, register.waive if register is not None else ())
        for index, entry in enumerate(getattr(register, listed) if register is not None else ()):
            if entry.key in seen:
                source.error((listed, index), f"{entry.key} stands twice")
            seen.add(entry.key)
            bodies.append(entry.model_dump(mode="json"))
            library.keep(kind, entry.key, findings, (listed, index))
        library.problems += source.problems
    if bodies:
        body = {"format": f"qizhou/{kind}@1", listed: bodies}
        library.add(Piece(kind, kind, body, sorted(seen), "approved", first))


@reader
def read_registers(library: Library) -> None:
    for model, kind, listed in ((Objectives, "objectives", "objectives"), (Glossary, "glossary", "terms"), (SourceRegister, "sources", "sources")):
        _register(library, model, kind, listed)


@reader
def read_programmes(library: Library) -> None:
    for file in sorted((CONTENT / "programmes").glob("*/programme.yaml")):
        source = read_yaml(file, shown(file))
        check_bilingual(source.value, source)
        programme = validate(Programme, source.value, source)
        if programme is not None:
            check_outline(programme, source)
            library.keep("programme", programme.key, Findings(source, programme.waive))
            body = programme.model_dump(mode="json", exclude={"waive"})
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
    pairs: list[tuple[LessonText, LessonText, Findings, Findings, Path]] = []
    for zh_file in sorted((CONTENT / "lessons").glob("**/*.zh.md")):
        en_file = zh_file.with_name(zh_file.name.replace(".zh.md", ".en.md"))
        zh_source, zh = _read_lesson(zh_file, "zh")
        if not en_file.exists():
            library.problems += [*zh_source.problems, Problem(shown(zh_file), 1, 1, f"{en_file.name} is missing")]
            continue
        en_source, en = _read_lesson(en_file, "en")
        if zh is None or en is None:
            library.problems += [*zh_source.problems, *en_source.problems]
            continue
        check_pair(zh, en, en_source)
        pairs.append((zh, en, Findings(zh_source, zh.front.waive), Findings(en_source, en.front.waive), zh_file))
    for en_file in sorted((CONTENT / "lessons").glob("**/*.en.md")):
        if not en_file.with_name(en_file.name.replace(".en.md", ".zh.md")).exists():
            library.problems.append(Problem(shown(en_file), 1, 1, f"{en_file.name.replace('.en.md', '.zh.md')} is missing"))
    known = {zh.front.key: headings(zh) for zh, *_rest in pairs}
    made_by = proofs.program(markdown, findings_rules, lesson_rules, lesson_check)
    before = proofs.recall("lessons", made_by)
    read: dict[str, list[list[Any]]] = {}
    for zh, en, zh_findings, en_findings, zh_file in pairs:
        proof = proofs.hash_of([zh_findings.source.path, _hashed(zh_file), _hashed(zh_file.with_name(zh_file.name.replace(".zh.md", ".en.md")))])
        read[proof] = before.get(proof) or [list(remarks) for remarks in (check_lesson(zh), check_lesson(en), check_both(zh, en))]
        for lesson, findings, remarks in ((zh, zh_findings, read[proof][0]), (en, en_findings, [*read[proof][1], *read[proof][2]])):
            check_review(lesson.front.status, lesson.front.author_role, lesson.front.reviewer_role, findings)
            note((tuple(remark) for remark in remarks), findings)
            findings.source.problems += [Problem(findings.source.path, line, 1, message) for line, message in dead_links(lesson, known)]
        for findings in (zh_findings, en_findings):
            findings.close()
            library.problems += findings.source.problems
        front = zh.front.model_dump(mode="json", include={"key", "delivery", "minutes", "reviewed", "sources", "objectives", "prerequisites", "vocabulary"})
        body = {**front, "zh": _language_body(zh), "en": _language_body(en)}
        checks = [[b.attrs.get("key"), b.attrs.get("kind"), [o.is_right for o in b.options]] for b in zh.blocks if b.name == "self-check"]
        library.add(Piece("lesson", zh.front.key, body, {"checks": checks, "minutes": zh.front.minutes}, zh.front.status, shown(zh_file)))
    proofs.keep("lessons", made_by, read, before)


def _hashed(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _read_lesson(file: Path, language: str) -> tuple[Source, LessonText | None]:
    source = Source(shown(file))
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as fault:
        source.problems.append(Problem(source.path, 1, 1, f"is not UTF-8 (byte {fault.start})"))
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
def gates_know_their_bands(library: Library) -> None:
    """A gate's `min_band` becomes the least fraction of that band in the programme's scheme; E: a band the scheme does not have."""
    for piece in library.of("programme").values():
        scheme = library.of("scheme").get(piece.body["scheme"])
        least = {band["key"]: Decimal(str(band["min"])) / 100 for band in scheme.body["bands"]} if scheme is not None else {}
        for stage in piece.body["stages"]:
            for component in stage["gate"]["components"] if stage["gate"] else ():
                band = component["min_band"]
                if band is None or component["min_fraction"] is not None:
                    continue
                if band in least:
                    component["min_fraction"] = format(least[band], "f")
                elif scheme is not None:
                    library.problems.append(Problem(piece.path, 1, 1, f"gate {stage['gate']['key']}: scheme {scheme.key} has no band {band}"))


@cross_check
def references_exist(library: Library) -> None:
    """E: a lesson that names an unknown objective, term, source or lesson; a programme that names unknown content."""
    objectives, terms, sources = (_keys(library, kind, listed) for kind, listed in
                                  (("objectives", "objectives"), ("glossary", "terms"), ("sources", "sources")))
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


def _keys(library: Library, kind: str, listed: str) -> set[str]:
    piece = library.of(kind).get(kind)
    return {entry["key"] for entry in piece.body[listed]} if piece else set()


@cross_check
def the_whole_is_complete(library: Library) -> None:
    """Gaps: what no single file lacks but the whole does. W: a term that no lesson names."""
    register, terms = library.of("objectives").get("objectives"), library.of("glossary").get("glossary")
    if register is None:
        return
    lessons = library.of("lesson")
    held = coverage.gather({kind: {key: piece.body for key, piece in library.of(kind).items()} for kind in coverage.KINDS})
    for subject, message in coverage.gaps(held):
        piece = lessons.get(subject, register)
        library.problems.append(Problem(piece.path, piece.line, 1, message, "gap"))
    for entry in register.body["objectives"]:
        if entry["planned"] and held.taught.get(entry["key"]) and held.items(entry["key"]) >= coverage.ITEMS_AN_OBJECTIVE:
            library.warn("objectives", entry["key"], "planned", "is taught and asked by now: take away `planned`")
    if terms is not None:
        named = {term for piece in lessons.values() for term in piece.body["vocabulary"]}
        for term in terms.body["terms"]:
            if term["key"] not in named and not term["planned"]:
                library.warn("glossary", term["key"], "unused-term", "no lesson names this term")


KIND_OF_ACTIVITY = {"lesson": "lesson", "quiz": "blueprint", "station": "station", "case": "case"}


def _check_waiting(activity: Activity, programme: Programme, library: Library) -> None:
    """W: a planned worksheet, survey, self-check, replay or mentor talk that nobody has written."""
    piece = library.of(coverage.WAITING[activity.kind]).get(activity.ref)
    if piece is None or piece.status in ("draft", "retired"):
        why = "has no file" if piece is None else f"is {piece.status}"
        findings, where = library.kept[("programme", programme.key)]
        findings.warn("no-file", activity.ref, where, f"{activity.kind} is planned and {why}")


def _check_programme(programme: Programme, piece: Piece, library: Library, objectives: set[str]) -> None:
    def error(message: str) -> None:
        library.problems.append(Problem(piece.path, 1, 1, message))

    for activity in programme.activities:
        if activity.planned or activity.kind in SESSION_KINDS:
            if activity.title is None:
                error(f"{activity.kind} {activity.ref} needs a title of its own")
            if activity.planned and activity.kind in coverage.WAITING:
                _check_waiting(activity, programme, library)
            continue
        if activity.kind in coverage.WAITING:
            error(f"{activity.kind} {activity.ref} has no page yet and stays planned")
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
