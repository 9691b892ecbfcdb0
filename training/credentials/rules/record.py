"""The record of a certificate: the frozen facts that the paper, the verification page and the export are made from.

The record is plain JSON in one canonical spelling; its SHA-256 is the certificate's digest. Whoever has the record can
compute the digest again; whoever has the digest can tell whether a record was changed.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import unicodedata
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

FORMAT = "qizhou/certificate@1"
ISSUER = {"zh": "临江银行总行 · 培训部", "en": "Linjiang Bank Head Office · Training Department"}
SIGNATORY = {"zh": "培训部总经理", "en": "Head of Training"}
LOOK_ALIKES = str.maketrans("018", "OIB")
CODE_BYTES = 10                     # 80 random bits: nobody guesses a certificate's address


@dataclass(frozen=True)
class Component:
    """One component of the result as published: `shown` is the text people see ("86.0"), `band` a key of the scheme."""

    key: str
    title: Mapping[str, str]
    shown: str
    band: str


@dataclass(frozen=True)
class Award:
    """What an award decision says about one person, before the certificate has a number. Dates are days in `zone`."""

    person_id: int
    employee_no: str
    name: str
    org_unit: str
    position: str
    programme_key: str
    programme_code: str
    programme_title: Mapping[str, str]
    programme_version: int
    scheme_version: str
    cohort: str
    class_hours: int
    units: tuple[str, int]          # ("week", 7): how long the programme is, in its own units
    started_on: date
    ended_on: date
    zone: str
    components: tuple[Component, ...]
    total: str
    band: str
    band_title: Mapping[str, str]
    completed_on: date
    valid_months: int | None
    cycle: int
    replaces: str | None = None


def canonical(value: Any) -> str:
    """One spelling per value: keys sorted, no spaces, Chinese kept; what the digest is taken of.

    >>> canonical({"b": 1, "a": "启舟"})
    '{"a":"启舟","b":1}'
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(record: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical record, 64 hex digits."""
    return hashlib.sha256(canonical(record).encode()).hexdigest()


def short_digest(full: str) -> str:
    """The first 64 bits of a digest as they are printed in the paper's corner, to be compared by eye.

    >>> short_digest("9c41e07b52ad88f3" + "0" * 48)
    '9c41 e07b 52ad 88f3'
    """
    return " ".join(full[start:start + 4] for start in range(0, 16, 4))


def last_valid_day(issued_on: date, months: int | None) -> date | None:
    """The last day on which a certificate is valid; None where the programme's certificates do not expire.

    Thirty-six months from 4 December 2026 end with 3 December 2029. A day that the last month lacks becomes its end.

    >>> last_valid_day(date(2026, 12, 4), 36)
    datetime.date(2029, 12, 3)
    >>> last_valid_day(date(2028, 2, 29), 12)
    datetime.date(2029, 2, 28)
    """
    if months is None:
        return None
    month = issued_on.month - 1 + months
    year, month = issued_on.year + month // 12, month % 12 + 1
    length = monthrange(year, month)[1]
    if issued_on.day > length:
        return date(year, month, length)
    return date(year, month, issued_on.day) - timedelta(days=1)


def series(year: int, programme_code: str) -> str:
    """The series a number belongs to: one per year and programme.

    >>> series(2026, "SM")
    'QZ-2026-SM'
    """
    return f"QZ-{year:04d}-{programme_code}"


def number(series_: str, count: int) -> str:
    """The certificate number within its series. Raises ValueError past 999,999.

    >>> number("QZ-2026-SM", 418)
    'QZ-2026-SM-000418'
    """
    if not 1 <= count <= 999_999:
        raise ValueError(f"a series holds numbers 1 to 999,999, not {count}")
    return f"{series_}-{count:06d}"


def code_of(random_bytes: bytes) -> str:
    """The secret part of the verification address: base32 in groups of four, without look-alikes (no 0, 1, 8, 9).

    >>> code_of(bytes(10))
    'AAAA-AAAA-AAAA-AAAA'
    """
    if len(random_bytes) < CODE_BYTES:
        raise ValueError("a code needs at least 80 random bits")
    text = base64.b32encode(random_bytes).decode().rstrip("=")
    return "-".join(text[start:start + 4] for start in range(0, len(text), 4))


def normal_code(typed: str) -> str:
    """A code as somebody typed it, in the spelling it is kept in: width, case, blanks and dashes do not matter.

    Codes hold no 0, 1, 8 or 9: whoever types one of the first three read a letter.

    >>> normal_code(" abcd efgh-1JKL２３４５ ")
    'ABCD-EFGH-IJKL-2345'
    """
    text = "".join(c for c in unicodedata.normalize("NFKC", typed).upper().translate(LOOK_ALIKES) if c.isascii() and c.isalnum())
    return "-".join(text[start:start + 4] for start in range(0, len(text), 4))


def normal_number(typed: str) -> str:
    """A certificate number as typed, in its own spelling.

    >>> normal_number("ｑｚ-2026－sm-000418 ")
    'QZ-2026-SM-000418'
    """
    return "".join(unicodedata.normalize("NFKC", typed).upper().split()).replace("—", "-").replace("–", "-")


def same_name(typed: str, recorded: str) -> bool:
    """Whether a typed name is the recorded one, width, case and blanks aside.

    >>> same_name("陆 知行", "陆知行"), same_name("lu zhixing", "Lu Zhixing"), same_name("陆知", "陆知行")
    (True, True, False)
    """
    def fold(text: str) -> str:
        return "".join(unicodedata.normalize("NFKC", text).casefold().split())

    return bool(fold(typed)) and fold(typed) == fold(recorded)


def record_of(award: Award, number_: str, issued_on: date, expires_on: date | None, verification_url: str) -> dict[str, Any]:
    """The record: everything the certificate says or HR exports, as plain JSON. Scores are the published texts."""
    return {
        "format": FORMAT,
        "number": number_,
        "issuer": dict(ISSUER),
        "signatory": dict(SIGNATORY),
        "person_id": award.person_id,
        "employee_no": award.employee_no,
        "name": award.name,
        "org_unit": award.org_unit,
        "position": award.position,
        "programme_key": award.programme_key,
        "programme_title": dict(award.programme_title),
        "programme_version": award.programme_version,
        "scheme_version": award.scheme_version,
        "cohort": award.cohort,
        "class_hours": award.class_hours,
        "units": {"kind": award.units[0], "count": award.units[1]},
        "started_on": award.started_on.isoformat(),
        "ended_on": award.ended_on.isoformat(),
        "zone": award.zone,
        "components": [{"key": c.key, "title": dict(c.title), "shown": c.shown, "band": c.band} for c in award.components],
        "total": award.total,
        "band": award.band,
        "band_title": dict(award.band_title),
        "completed_on": award.completed_on.isoformat(),
        "issued_on": issued_on.isoformat(),
        "expires_on": expires_on.isoformat() if expires_on else None,
        "cycle": award.cycle,
        "replaces": award.replaces,
        "verification_url": verification_url,
    }


def shown_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Component key → its published score."""
    return {component["key"]: component["shown"] for component in record["components"]}


def structure_version(scoring_hashes: Sequence[str]) -> int:
    """The counter of a piece's structure: how often its scoring changed up to the last of these versions, from 1.

    A rewording makes a new content version but not a new structure.

    >>> structure_version(["a", "a", "b", "a"])
    3
    """
    changes = sum(1 for before, after in itertools.pairwise(scoring_hashes) if before != after)
    return changes + 1
