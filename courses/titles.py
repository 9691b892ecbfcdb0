"""What activities and units are called. An activity: a title of its own, or that of the content it points at. A unit: by its kind, which is
a week, a day or a part, so that no page writes “week” of its own accord."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from courses.rules.outline import Activity, Unit
from foundation import content
from foundation.i18n import gettext as _
from foundation.i18n import ngettext

KINDS = {"lesson": "lesson", "quiz": "blueprint", "station": "station", "case": "case"}


def activity_titles(activities: Iterable[Activity]) -> dict[tuple[str, str], dict[str, str]]:
    """(kind, ref) → {'zh','en'} for many activities, with one select per kind of content."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    current: dict[str, dict[str, int]] = {}
    for activity in activities:
        key = (activity.kind, activity.ref)
        if activity.title is not None:
            found[key] = {"zh": activity.title.zh, "en": activity.title.en}
            continue
        kind = KINDS.get(activity.kind)
        if kind is None:
            found[key] = {"zh": activity.ref, "en": activity.ref}
            continue
        if kind not in current:
            current[kind] = content.current_ids(kind, include_retired=True)
        version_id = current[kind].get(activity.ref)
        found[key] = _title(kind, content.version(version_id).body) if version_id else {"zh": activity.ref, "en": activity.ref}
    return found


def _title(kind: str, body: dict[str, Any]) -> dict[str, str]:
    if kind == "lesson":
        return {"zh": body["zh"]["title"], "en": body["en"]["title"]}
    return dict(body["title"])


# ── units ────────────────────────────────────────────────────────────────────────────────────────────────────
def unit_label(unit: Unit | str, number: int | None = None) -> str:
    """What one unit is called in the reader's language: “Week 3”, “Day 3”, “Part 3”. Takes a unit, or a kind and a number.

    Raises KeyError for a kind that no outline has.
    """
    kind, n = (unit, number or 0) if isinstance(unit, str) else (unit.kind, unit.number)
    return {"week": _("Week %(n)d", n=n), "day": _("Day %(n)d", n=n), "part": _("Part %(n)d", n=n)}[kind]


def unit_place(kind: str, number: int, count: int) -> str:
    """How far a programme is: “Day 3 of 5”."""
    return {"week": _("Week %(n)d of %(all)d", n=number, all=count), "day": _("Day %(n)d of %(all)d", n=number, all=count),
            "part": _("Part %(n)d of %(all)d", n=number, all=count)}[kind]


def unit_word(kind: str) -> str:
    """The heading over the number of the unit a cohort is in."""
    return {"week": _("Week"), "day": _("Course day"), "part": _("Part")}[kind]


def unit_words(kind: str) -> str:
    """The heading over all units of a programme."""
    return {"week": _("Weeks"), "day": _("Days"), "part": _("Parts")}[kind]


def unit_outline(kind: str) -> str:
    """The name of the outline of one unit."""
    return {"week": _("Outline of the week"), "day": _("Outline of the day"), "part": _("Outline of the part")}[kind]


def unit_book(kind: str) -> str:
    """The name of the course book of the unit somebody looks at."""
    return {"week": _("Course book of this week (PDF)"), "day": _("Course book of this day (PDF)"), "part": _("Course book of this part (PDF)")}[kind]


def voyage_title(kind: str, count: int) -> str:
    """The start page's name for a whole programme: “The voyage of seven weeks”, “The voyage of five days”."""
    words = ("", _("one"), _("two"), _("three"), _("four"), _("five"), _("six"), _("seven"), _("eight"), _("nine"), _("ten"))
    n = words[count] if 0 < count < len(words) else str(count)
    return {"week": ngettext("The voyage of %(n)s week", "The voyage of %(n)s weeks", count, n=n),
            "day": ngettext("The voyage of %(n)s day", "The voyage of %(n)s days", count, n=n),
            "part": ngettext("The voyage of %(n)s part", "The voyage of %(n)s parts", count, n=n)}[kind]


TEMPLATE_GLOBALS = (unit_label, unit_place, unit_word, unit_words, unit_outline, unit_book, voyage_title)
