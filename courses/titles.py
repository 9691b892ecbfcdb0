"""What activities are called: a title of their own, or that of the content they point at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from courses.rules.outline import Activity
from foundation import content

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
