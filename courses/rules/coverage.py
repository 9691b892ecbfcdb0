"""What the whole curriculum holds and lacks: programme × unit × objective × lessons, items, stations, cases and sheets.

Works on plain bodies of the content store, because items and stations belong to parts above this one. The report holds
no date but those of the content, so that the same content gives the same text.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from courses.rules.outline import Activity, Programme, Unit

ITEMS_AN_OBJECTIVE = 3
BLOOM = ("remember", "understand", "apply", "analyse", "evaluate", "create")
# Kinds whose files name the objectives they practise or judge, in the order of the report's columns.
PRACTICE = {"station": "station", "case": "case", "failure_replay": "replay", "worksheet": "worksheet", "self_check": "self-check",
            "mentor_checklist": "mentor"}
# Written and checked, but without pages yet: such an activity stays planned, and is missed where its file does not exist.
WAITING = {"worksheet": "worksheet", "survey": "survey", "self_check": "self_check", "failure_replay": "failure_replay",
           "mentor_talk": "mentor_checklist"}
KINDS = ("objectives", "programme", "lesson", "item", "survey", *PRACTICE)


@dataclass(frozen=True)
class Objective:
    key: str
    bloom: str
    is_planned: bool


@dataclass(frozen=True)
class Holdings:
    """What exists, by objective. `asked`: objective → bloom level → number of items; retired items and drafts do not count."""

    objectives: tuple[Objective, ...]
    programmes: tuple[Programme, ...]
    taught: Mapping[str, tuple[str, ...]]
    asked: Mapping[str, Mapping[str, int]]
    practised: Mapping[str, Mapping[str, tuple[str, ...]]]
    lesson_objectives: Mapping[str, tuple[str, ...]]
    written: Mapping[str, frozenset[str]]

    def items(self, objective: str) -> int:
        return sum(self.asked.get(objective, {}).values())


def gather(bodies: Mapping[str, Mapping[str, Any]]) -> Holdings:
    """From kind → key → body, as the store and the library hold them."""
    register = bodies["objectives"].get("objectives", {"objectives": []})
    taught: dict[str, list[str]] = defaultdict(list)
    for key, body in sorted(bodies["lesson"].items()):
        for objective in body["objectives"]:
            taught[objective].append(key)
    asked: dict[str, Counter[str]] = defaultdict(Counter)
    for body in bodies["item"].values():
        if body["status"] in ("reviewed", "approved"):
            for item in body["items"] if body["kind"] == "set" else (body,):
                asked[item["objective"]][item["bloom"]] += 1
    practised: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for kind in PRACTICE:
        for key, body in sorted(bodies[kind].items()):
            for objective in body["objectives"] if body["status"] in ("reviewed", "approved") else ():
                practised[objective][kind].append(key)
    return Holdings(
        objectives=tuple(Objective(entry["key"], entry["bloom"], entry["planned"]) for entry in register["objectives"]),
        programmes=tuple(Programme.model_validate(body) for _key, body in sorted(bodies["programme"].items())),
        taught={key: tuple(names) for key, names in taught.items()},
        asked={key: dict(levels) for key, levels in asked.items()},
        practised={key: {kind: tuple(names) for kind, names in kinds.items()} for key, kinds in practised.items()},
        lesson_objectives={key: tuple(body["objectives"]) for key, body in bodies["lesson"].items()},
        written={kind: frozenset(key for key, body in bodies[kind].items() if body["status"] in ("reviewed", "approved"))
                 for kind in WAITING.values()},
    )


def gaps(held: Holdings) -> list[tuple[str, str]]:
    """(objective or lesson, complaint): an objective not taught or asked too seldom; a lesson of which nothing is asked."""
    found = []
    for objective in held.objectives:
        if objective.is_planned:
            continue
        if not held.taught.get(objective.key):
            found.append((objective.key, f"objective {objective.key} is taught by no lesson"))
        if (asked := held.items(objective.key)) < ITEMS_AN_OBJECTIVE:
            found.append((objective.key, f"objective {objective.key} is asked by {asked} of the {ITEMS_AN_OBJECTIVE} items needed"))
    for lesson, objectives in sorted(held.lesson_objectives.items()):
        if not any(held.items(objective) for objective in objectives):
            found.append((lesson, f"lesson {lesson}: none of its objectives is asked by an item"))
    return found


def unwritten(programme: Programme, held: Holdings) -> list[tuple[Unit, Activity]]:
    """Planned activities of the kinds that wait for their pages and that nobody has written yet."""
    return [(unit, activity) for unit in programme.units for activity in unit.activities
            if activity.planned and activity.kind in WAITING and activity.ref not in held.written[WAITING[activity.kind]]]


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────
def report(held: Holdings) -> str:
    """docs/curriculum-coverage.md: the holes first, then every programme unit by unit."""
    lines = ["# Curriculum coverage", "",
             "Written by `flask content coverage` from the content files; do not edit. Numbers under a Bloom level count items that are reviewed or "
             "approved, the items of a set one by one.", ""]
    lines += [*_holes(held), *_totals(held)]
    for programme in held.programmes:
        lines += _programme(programme, held)
    placed = {name for programme in held.programmes for unit in programme.units for module in unit.modules for name in module.objectives}
    rest = [objective for objective in held.objectives if objective.key not in placed]
    if rest:
        lines += ["## Objectives in no module", "", *_table(rest, held), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _holes(held: Holdings) -> list[str]:
    lines = ["## Holes", ""]
    found = [message for _subject, message in gaps(held)]
    for programme in held.programmes:
        found += [f"{programme.key}, {unit.key}: {activity.kind} {activity.ref} is not written" for unit, activity in unwritten(programme, held)]
        known = {objective.key for objective in held.objectives}
        found += [f"{programme.key}, {unit.key}: objective {name} is not in the register" for unit in programme.units for module in unit.modules
                  for name in module.objectives if name not in known]
    found += [f"objective {objective.key} is still planned" for objective in held.objectives if objective.is_planned]
    return [*lines, *(f"- {entry}" for entry in found), "", *_in_preparation(held)] if found else [*lines, "None.", "", *_in_preparation(held)]


def _in_preparation(held: Holdings) -> list[str]:
    """Activities whose pages are still to come: the outline shows them so, and they block nobody."""
    found = [f"- {programme.key}, {unit.key}: {activity.kind} {activity.ref}" + (" (written)" if activity.kind in WAITING else "")
             for programme in held.programmes for unit in programme.units for activity in unit.activities if activity.planned]
    return ["## Waiting for their pages", "", *found, ""] if found else []


def _totals(held: Holdings) -> list[str]:
    levels: Counter[str] = Counter()
    for counts in held.asked.values():
        levels.update(counts)
    kinds = {kind: len({key for by_kind in held.practised.values() for key in by_kind.get(kind, ())}) for kind in PRACTICE}
    lines = ["## Totals", "", "| what | number |", "|---|---:|",
             f"| objectives | {len(held.objectives)} |", f"| lessons | {len(held.lesson_objectives)} |", f"| items | {sum(levels.values())} |"]
    lines += [f"| items: {level} | {levels[level]} |" for level in BLOOM if levels[level]]
    lines += [f"| {PRACTICE[kind]}s with objectives | {number} |" for kind, number in kinds.items()]
    return [*lines, f"| surveys | {len(held.written['survey'])} |", ""]


def _programme(programme: Programme, held: Holdings) -> list[str]:
    by_key = {objective.key: objective for objective in held.objectives}
    lines = [f"## {programme.title.en} ({programme.key})", ""]
    for unit in programme.units:
        lines += [f"### {unit.key}: {unit.title.en}", "", _activities(unit), ""]
        names = list(dict.fromkeys(name for module in unit.modules for name in module.objectives if name in by_key))
        lines += [*_table([by_key[name] for name in names], held), ""] if names else []
    return lines


def _activities(unit: Unit) -> str:
    counts = Counter(activity.kind for activity in unit.activities if not activity.planned)
    waiting = sum(activity.planned for activity in unit.activities)
    told = ", ".join(f"{kind.replace('_', ' ')} {number}" for kind, number in sorted(counts.items()))
    return f"{unit.total_hours} hours; {told or 'nothing yet'}{f'; planned {waiting}' if waiting else ''}."


def _table(objectives: list[Objective], held: Holdings) -> list[str]:
    lines = [f"| objective | lessons | items | {' | '.join(level[:3] for level in BLOOM)} | practised and judged by |",
             f"|---|---|---:|{'---:|' * len(BLOOM)}---|"]
    for objective in objectives:
        levels = held.asked.get(objective.key, {})
        by_kind = held.practised.get(objective.key, {})
        practice = "; ".join(f"{PRACTICE[kind]} {', '.join(by_kind[kind])}" for kind in PRACTICE if by_kind.get(kind))
        name = f"{objective.key} (planned)" if objective.is_planned else objective.key
        lines.append(f"| {name} | {', '.join(held.taught.get(objective.key, ())) or '–'} | {held.items(objective.key)} | "
                     f"{' | '.join(str(levels.get(level, '')) or '–' for level in BLOOM)} | {practice or '–'} |")
    return lines
