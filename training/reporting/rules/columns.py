"""The certification export: its columns in their binding order, and a certificate's record as one row of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

KEYS: tuple[str, ...] = (
    "certificate_number", "person_id", "employee_no", "name", "org_unit", "position", "programme_key", "programme_title", "programme_version",
    "cohort", "scheme_version", "class_hours", "written_exam", "skill_demonstration", "case_analysis", "participation", "total", "band", "honour",
    "completed_on", "issued_on", "expires_on", "status", "revoked_on", "revocation_reason", "replaces", "verification_url",
)
COMPONENTS = ("written_exam", "skill_demonstration", "case_analysis", "participation")


def row_of(record: Mapping[str, Any], status: str, revoked_on: date | None, revocation_reason: str | None, language: str) -> dict[str, Any]:
    """One row, keyed by KEYS. Scores are the published texts ("79.96"), dates ISO texts; what is not there is None.

    `language` ('zh' or 'en') chooses the programme's title; band and status stay keys, so that scripts read them.
    A component that a programme's scheme does not have leaves its column empty.
    """
    shown = {component["key"]: component["shown"] for component in record["components"]}
    return {
        "certificate_number": record["number"], "person_id": record["person_id"], "employee_no": record["employee_no"], "name": record["name"],
        "org_unit": record["org_unit"], "position": record["position"], "programme_key": record["programme_key"],
        "programme_title": record["programme_title"][language], "programme_version": record["programme_version"], "cohort": record["cohort"],
        "scheme_version": record["scheme_version"], "class_hours": record["class_hours"],
        **{key: shown.get(key) for key in COMPONENTS},
        "total": record["total"], "band": record["band"], "honour": None, "completed_on": record["completed_on"], "issued_on": record["issued_on"],
        "expires_on": record["expires_on"], "status": status, "revoked_on": revoked_on.isoformat() if revoked_on else None,
        "revocation_reason": revocation_reason, "replaces": record["replaces"], "verification_url": record["verification_url"],
    }
