"""The filter of the certification records, as it stands in an address and in a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

STATUSES = ("valid", "expired", "revoked", "replaced")


@dataclass(frozen=True)
class Selection:
    """Which certificates are wanted; an empty field wants all. `issued_from` and `issued_to` are both included."""

    programme: str = ""
    cohort: int | None = None
    status: str = ""
    org_unit: str = ""
    issued_from: date | None = None
    issued_to: date | None = None
    search: str = ""

    def as_query(self) -> dict[str, str]:
        """What an address carries, in a fixed order; nothing for what is not asked."""
        wanted = {
            "programme": self.programme, "cohort": "" if self.cohort is None else str(self.cohort), "status": self.status, "org_unit": self.org_unit,
            "issued_from": self.issued_from.isoformat() if self.issued_from else "", "issued_to": self.issued_to.isoformat() if self.issued_to else "",
            "q": self.search,
        }
        return {key: value for key, value in wanted.items() if value}

    def as_text(self) -> str:
        """The filter as the manifest and the log keep it: a query string, '' for everything.

        >>> Selection(status="valid", search="陆").as_text()
        'status=valid&q=%E9%99%86'
        """
        return urlencode(self.as_query())

    @property
    def is_everything(self) -> bool:
        return not self.as_query()


def parse_selection(query: Mapping[str, str]) -> tuple[Selection, tuple[str, ...]]:
    """The filter of a query string, and the names of the fields that cannot be read (these want all, and are said so).

    >>> parse_selection({"status": "gone", "issued_from": "2026-02-30"})[1]
    ('status', 'issued_from')
    """
    problems: list[str] = []

    def text(name: str) -> str:
        return query.get(name, "").strip()[:100]

    def day(name: str) -> date | None:
        try:
            return date.fromisoformat(text(name)) if text(name) else None
        except ValueError:
            problems.append(name)
            return None

    status = text("status")
    if status and status not in STATUSES:
        problems.append("status")
        status = ""
    cohort = text("cohort")
    if cohort and not (cohort.isascii() and cohort.isdigit() and len(cohort) < 10):
        problems.append("cohort")
        cohort = ""
    issued_from, issued_to = day("issued_from"), day("issued_to")
    if issued_from and issued_to and issued_from > issued_to:
        problems.append("issued_to")
    return Selection(text("programme"), int(cohort) if cohort else None, status, text("org_unit"), issued_from, issued_to, text("q")), tuple(problems)
