"""The state of a certificate at a moment, folded from what was appended: nothing of it is stored."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The four states of the contract."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    REPLACED = "replaced"


def status_of(*, is_revoked: bool, is_live: bool, valid_until: datetime | None, now: datetime) -> Status:
    """Revoked before replaced before expired: the reason that would still hold if the others were mended comes first.

    `is_live`: this is the one certificate of its person, programme and cycle. `valid_until` is the instant at which the
    last valid day ends in the cohort's zone; None where the certificate does not expire.

    >>> from datetime import UTC
    >>> end = datetime(2029, 12, 3, 16, tzinfo=UTC)
    >>> str(status_of(is_revoked=False, is_live=True, valid_until=end, now=end))
    'expired'
    """
    if is_revoked:
        return Status.REVOKED
    if not is_live:
        return Status.REPLACED
    if valid_until is not None and now >= valid_until:
        return Status.EXPIRED
    return Status.VALID
