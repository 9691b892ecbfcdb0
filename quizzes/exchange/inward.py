"""Questions of other programs as item bodies: drafts that people finish. What is missing is listed, what cannot be kept is named.

What the question itself says wins over what travelled beside it: an option reworded elsewhere comes in reworded, with its key
and its thinking error as long as the options are still as many.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from quizzes.exchange.kinds import BY_KIND, Reader, take
from quizzes.exchange.markup import settled
from quizzes.exchange.question import MAX_TEXT, Gap, Question, Remark
from quizzes.rules.item import KEY, KINDS

OUR_OWN = frozenset({"status", "reviewed", "author_role", "reviewer_role", "approver_role"})   # the bank's own procedure fills these


@dataclass
class Draft:
    """An item as a file has it. `missing`: places of the body that somebody still has to fill."""

    key: str
    line: int
    body: dict[str, Any]
    missing: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    remarks: list[Remark] = field(default_factory=list)


def drafts_of(questions: Sequence[Question], area: str = "") -> list[Draft]:
    """One draft an item. `area`: the content area of everything, "" for what the file says."""
    drafts: list[Draft] = []
    sets: dict[str, Draft] = {}
    parts: dict[str, Question] = {}
    for question in questions:
        _settle_exact(question)
        whole = question.meta.get("gap_of")
        if isinstance(whole, str) and whole in parts and question.kind == "cloze":
            _join_gap(parts[whole], question)
            continue
        if isinstance(whole, str) and question.kind == "cloze":
            parts[whole] = question
            if isinstance(first := question.meta.get("gap"), str):
                question.gaps = {first: next(iter(question.gaps.values()))}
    for question in questions:
        if (whole := question.meta.get("gap_of")) and parts.get(str(whole)) is not question:
            continue
        if question.kind == "description" and not isinstance(question.meta.get("set"), str):
            question.say("description_alone")
            drafts.append(Draft("", question.line, {}, remarks=question.remarks))
            continue
        draft = _draft(question, area)
        shared = question.meta.get("set")
        if question.kind == "description":
            sets[str(shared)] = draft
        elif isinstance(shared, str) and shared in sets:
            _join_set(sets[shared], draft)
            continue
        elif isinstance(shared, str):
            question.say("set_without_text", shared)
        drafts.append(draft)
    for draft in drafts:
        if draft.body:
            _finish(draft)
    return drafts


def _join_set(whole: Draft, part: Draft) -> None:
    whole.body["items"].append(part.body)
    whole.remarks += part.remarks
    whole.tags = tuple(dict.fromkeys((*whole.tags, *part.tags)))


def _join_gap(whole: Question, part: Question) -> None:
    """A gap that stood as a question of its own."""
    if isinstance(key := part.meta.get("gap"), str):
        whole.gaps[key] = next(iter(part.gaps.values()), Gap({}))
    whole.remarks += part.remarks


def _settle_exact(question: Question) -> None:
    """Give texts back the spelling they went out with, where they still say the same."""
    exact = question.meta.pop("exact", None)
    if not isinstance(exact, Mapping):
        return
    used: dict[str, int] = {}
    for text in question.texts():
        for name, told in text.items():
            spelled = exact.get(told)
            if isinstance(spelled, list):
                place = used.get(told, 0)
                used[told] = place + 1
                spelled = spelled[place] if place < len(spelled) else None
            if isinstance(spelled, str) and len(spelled) <= MAX_TEXT and settled(spelled) == told:
                text[name] = spelled


# ── one question ─────────────────────────────────────────────────────────────────────────────────────────────────
def key_of(question: Question) -> str:
    """The question's own number or name where it can be an item's key, else one made of category and name, the same each time."""
    for told, shape in ((question.idnumber, KEY), (question.name, r"[a-z0-9]+(-[a-z0-9]+)*-[0-9]+")):
        if len(told) <= 60 and re.fullmatch(shape, told):
            return told
    name = question.name or " ".join(question.stem.values())
    return "im-" + hashlib.sha256(f"{question.category}\x00{question.idnumber}\x00{name}".encode()).hexdigest()[:10]


def _draft(question: Question, area: str) -> Draft:
    reader = Reader(question)
    key = key_of(question)
    body: dict[str, Any] = {"key": key, "content_area": area or area_of(question.category), "programme": "service-manager", "status": "draft", "source": "",
                            "claims": [], "enemy_of": [], "shuffle": question.shuffle and question.meta.get("shuffle") is not False}
    if question.kind == "description":
        body |= {"kind": "set", "title": reader.both(reader.told_text("title")), "stem": reader.both(question.stem), "items": []}
        if told := question.general or reader.told_text("feedback"):
            body["feedback"] = reader.both(told)
    else:
        body |= {"objective": "", "usage": "both", "stem": reader.both(question.stem)}
        BY_KIND[question.kind](reader, body)
    _common(reader, body)
    return Draft(key, question.line, body, tags=tuple(question.tags), remarks=question.remarks)


def area_of(category: str) -> str:
    """The content area a category stands for: its last part, where that can be a name."""
    last = re.split(r"(?<!/)/(?!/)", category.strip())[-1].strip().casefold()
    plain = re.sub(r"[^a-z0-9]+", "-", last).strip("-")
    return plain if re.fullmatch(KEY, plain) and plain not in ("top", "course") else "imported"


def _common(reader: Reader, body: dict[str, Any]) -> None:
    """What travelled beside: objective, level, sources and the like, each only if it is what it should be."""
    for name in ("programme", "source", "claims", "enemy_of", "objective", "bloom", "usage", *sorted(OUR_OWN)):
        if name in reader.meta:
            take(reader, body, name, reader.meta[name])
    if isinstance(told := reader.meta.get("difficulty"), str):
        expected, _slash, basis = told.partition("/")
        take(reader, body, "difficulty", {"expected_fraction": expected, "basis": basis or "panel"})


# ── what is still missing ────────────────────────────────────────────────────────────────────────────────────────
def _finish(draft: Draft) -> None:
    """Spell the body as versions are spelled where it is complete; list what is missing where not."""
    model = KINDS[draft.body["kind"]]
    whole = {"reviewed": "2000-01-01", "author_role": "-", "reviewer_role": "-"}
    probe = whole | draft.body
    if draft.body["kind"] == "set":
        probe["items"] = [whole | entry for entry in draft.body["items"]]
    missing = [place for place in _empty(draft.body) if not place.startswith("source")]
    try:
        item = model.model_validate(probe)
        made = item.model_dump(mode="json", by_alias=True, exclude_none=True)
        draft.body = _without_fill(made, draft.body)
    except ValidationError as fault:
        for error in fault.errors():
            parts = [str(part) for part in error["loc"] if not str(part).startswith(("function-", "tagged-union")) and str(part) not in KINDS]
            place = ".".join(parts)
            if place not in missing:
                missing.append(place)
    draft.missing = tuple(dict.fromkeys(missing))


def _without_fill(made: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """A complete body without what only its check had to be given."""
    kept = {name: value for name, value in made.items() if name in body or name not in OUR_OWN}
    if made["kind"] == "set":
        kept["items"] = [_without_fill(entry, before) for entry, before in zip(made["items"], body["items"], strict=True)]
    return kept


def _empty(value: Any, place: str = "") -> list[str]:
    """Places that hold an empty text, and wrong options that name no thinking error."""
    found = []
    if isinstance(value, Mapping):
        if set(value) == {"zh", "en"} and not any(isinstance(told, Mapping) for told in value.values()):
            return [place] if not any(value.values()) else [f"{place}.{name}" for name in ("zh", "en") if not value[name]]
        for name, child in value.items():
            found += _empty(child, f"{place}.{name}" if place else str(name))
        if value.get("correct") is False and "misconception" not in value:
            found.append(f"{place}.misconception")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            label = child.get("key", index) if isinstance(child, Mapping) else index
            found += _empty(child, f"{place}.{label}")
    elif value == "" and place.rpartition(".")[2] == "objective":
        found.append(place)
    return found
