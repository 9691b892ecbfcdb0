"""The record of a certificate: number, code, digest, dates; and its state over time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.db import canonical_json
from training.credentials.rules import record
from training.credentials.rules.status import Status, status_of

TITLES = {"written_exam": ("理论测试", "Written exam"), "skill_demonstration": ("技能演示", "Skill demonstration"),
          "case_analysis": ("案例分析", "Case analysis"), "participation": ("课程参与", "Participation")}
SHOWN = {"written_exam": "86.0", "skill_demonstration": "84.0", "case_analysis": "78.0", "participation": "88.0"}


def award(**changes: Any) -> record.Award:
    """An award like the one of the design's certificate."""
    components = tuple(record.Component(key, {"zh": zh, "en": en}, SHOWN[key], "good") for key, (zh, en) in TITLES.items())
    plain: dict[str, Any] = {
        "person_id": 7, "employee_no": "007", "name": "陆知行", "org_unit": "老城支行", "position": "客户服务经理", "programme_key": "service-manager",
        "programme_code": "SM", "programme_title": {"zh": "客户服务经理专业培训", "en": "Customer service manager programme"}, "programme_version": 1,
        "scheme_version": "default@1", "cohort": "2026-A", "class_hours": 140, "units": ("week", 7), "started_on": date(2026, 10, 12),
        "ended_on": date(2026, 11, 29), "zone": "Asia/Shanghai", "components": components, "total": "83.8", "band": "good",
        "band_title": {"zh": "良好", "en": "Good"}, "completed_on": date(2026, 12, 1), "valid_months": 36, "cycle": 1,
    }
    return record.Award(**{**plain, **changes})


def a_record(**changes: Any) -> dict[str, Any]:
    return record.record_of(award(**changes), "QZ-2026-SM-000418", date(2026, 12, 4), date(2029, 12, 3),
                            "https://training.example/verify/ABCD-EFGH-IJKL-MNOP")


def test_the_record_holds_what_the_paper_and_the_export_need() -> None:
    made = a_record()
    assert made["number"] == "QZ-2026-SM-000418"
    assert made["employee_no"] == "007"
    assert made["completed_on"] == "2026-12-01" and made["issued_on"] == "2026-12-04" and made["expires_on"] == "2029-12-03"
    assert record.shown_of(made) == SHOWN
    assert made["units"] == {"kind": "week", "count": 7}


def test_the_digest_covers_every_field() -> None:
    before = record.digest(a_record())
    for changed in ({"name": "陆知兴"}, {"total": "83.9"}, {"completed_on": date(2026, 12, 2)}, {"cycle": 2}, {"org_unit": ""}, {"person_id": 8}):
        assert record.digest(a_record(**changed)) != before


def test_the_digest_is_sha_256_of_the_canonical_json_that_the_database_keeps() -> None:
    import hashlib

    made = a_record()
    assert record.canonical(made) == canonical_json(made)
    assert record.digest(made) == hashlib.sha256(canonical_json(made).encode()).hexdigest()


@given(st.dictionaries(st.text(min_size=1), st.one_of(st.text(), st.integers(), st.none())))
def test_the_order_of_keys_never_changes_the_digest(plain: dict[str, Any]) -> None:
    assert record.digest(plain) == record.digest(dict(reversed(plain.items())))


@given(st.binary(min_size=10, max_size=20))
def test_a_code_survives_being_typed_by_hand(raw: bytes) -> None:
    code = record.code_of(raw)
    assert record.normal_code(code) == code
    assert record.normal_code(code.lower().replace("-", " ")) == code
    assert record.normal_code(code.replace("O", "0").replace("I", "1").replace("B", "8")) == code


def test_a_code_of_fewer_than_80_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="80"):
        record.code_of(bytes(9))


@pytest.mark.parametrize("count", [0, 1_000_000, -1])
def test_a_number_outside_its_series_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="series"):
        record.number("QZ-2026-SM", count)


@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)), st.integers(1, 120))
def test_validity_ends_the_day_before_the_anniversary_or_at_the_month_end(issued: date, months: int) -> None:
    last = record.last_valid_day(issued, months)
    assert last is not None
    whole = (last.year - issued.year) * 12 + last.month - issued.month
    assert last > issued
    following = last + timedelta(days=1)
    assert whole in (months, months - 1)
    assert following.day == issued.day or following.day == 1


def test_a_programme_without_expiry_has_no_last_day() -> None:
    assert record.last_valid_day(date(2026, 12, 4), None) is None


def test_rewordings_do_not_raise_the_structure_counter() -> None:
    assert record.structure_version(["a"]) == 1
    assert record.structure_version(["a", "a", "a"]) == 1
    assert record.structure_version(["a", "b", "b", "c"]) == 3


def test_a_name_matches_however_it_is_spaced_and_never_when_empty() -> None:
    assert record.same_name("Ｌｕ　zhixing", "Lu Zhixing")
    assert not record.same_name("", "陆知行")
    assert not record.same_name("  ", " ")


NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("is_revoked", "is_live", "until", "expected"), [
    (False, True, None, Status.VALID),
    (False, True, NOW + timedelta(seconds=1), Status.VALID),
    (False, True, NOW, Status.EXPIRED),
    (False, False, None, Status.REPLACED),
    (False, False, NOW, Status.REPLACED),
    (True, False, NOW, Status.REVOKED),
    (True, True, None, Status.REVOKED),
])
def test_the_state_of_a_certificate(is_revoked: bool, is_live: bool, until: datetime | None, expected: Status) -> None:
    assert status_of(is_revoked=is_revoked, is_live=is_live, valid_until=until, now=NOW) is expected
