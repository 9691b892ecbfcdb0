"""The brake on the number-and-name form: ten tries per address in ten minutes, counted in the database for all processes."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta

from sqlalchemy import delete

from foundation import audit, clock
from foundation.db import db
from training.credentials.models import VerificationTally

WINDOW = timedelta(minutes=10)
TRIES = 10


class TooManyTries(Exception):
    """This address asked ten times within ten minutes. `until`: when it may ask again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


def _network(address: str) -> str:
    """Who is counted: an IPv4 address, or the /64 of an IPv6 address (a household has as many of them as it likes)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 6:
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return str(mapped) if mapped else str(ipaddress.ip_network(f"{address}/64", strict=False))
    return str(found)


def note_try(address: str) -> None:
    """Count a try, right or wrong. Raises TooManyTries at the eleventh within ten minutes. Old tallies are forgotten."""
    now = clock.now()
    db.session.execute(delete(VerificationTally).where(VerificationTally.since <= now - WINDOW))
    key = audit.fingerprint(f"verify:{_network(address)}")
    tally = db.session.get(VerificationTally, key)
    if tally is None:
        db.session.add(VerificationTally(address_hash=key, since=now, tries=1))
    elif tally.tries >= TRIES:
        raise TooManyTries(tally.since + WINDOW)
    else:
        tally.tries += 1
