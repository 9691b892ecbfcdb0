"""Until when a case can be written. Extensions belong to assessment, which stands above: it hands in a reader here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select

from courses.models import Cohort, Enrolment
from foundation import content
from foundation.clock import end_of_day
from foundation.db import db

CASE_COMPONENT = "case_analysis"
ExtensionReader = Callable[[Collection[int], str], Mapping[int, datetime]]
_readers: list[ExtensionReader] = []


def use_extensions(reader: ExtensionReader) -> None:
    """Register who knows of later last moments: reader(enrolment ids, component) → {enrolment id: until}. Once per process."""
    if reader not in _readers:
        _readers.append(reader)


def case_due(enrolment_ids: Collection[int]) -> dict[int, datetime]:
    """Enrolment id → the instant before which a case that counts must be written: so many days after the cohort's last
    day, as its scheme says, until the next midnight of its zone; or the extension, where that is later.
    """
    if not enrolment_ids:
        return {}
    rows = db.session.execute(
        select(Enrolment.id, Cohort.ends_on, Cohort.zone, Cohort.scheme_version_id).join(Cohort, Cohort.id == Enrolment.cohort_id)
        .where(Enrolment.id.in_(enrolment_ids))
    )
    due = {}
    for enrolment_id, ends_on, zone, scheme_version_id in rows:
        days = int(content.version(scheme_version_id).body["deadline"]["days_after_last_day"])
        due[enrolment_id] = end_of_day(ends_on + timedelta(days=days), zone)
    for reader in _readers:
        for enrolment_id, until in reader(enrolment_ids, CASE_COMPONENT).items():
            if enrolment_id in due:
                due[enrolment_id] = max(due[enrolment_id], until)
    return due
