"""The export's columns in the contract's order, and the filter of the records."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.test_credentials_record import a_record
from training.reporting.rules.columns import KEYS, row_of
from training.reporting.rules.selection import STATUSES, Selection, parse_selection

CONTRACT = """certificate_number, person_id, employee_no, name, org_unit, position, programme_key, programme_title, programme_version, cohort, scheme_version,
class_hours, written_exam, skill_demonstration, case_analysis, participation, total, band, honour, completed_on, issued_on, expires_on, status, revoked_on,
revocation_reason, replaces, verification_url"""


def test_the_columns_are_the_contract_s_in_its_order() -> None:
    assert list(KEYS) == [key.strip() for key in CONTRACT.replace("\n", " ").split(",")]
    assert len(KEYS) == 27


def test_a_row_has_every_column_in_order_and_the_published_scores() -> None:
    row = row_of(a_record(), "valid", None, None, "zh")
    assert tuple(row) == KEYS
    assert (row["written_exam"], row["skill_demonstration"], row["case_analysis"], row["participation"]) == ("86.0", "84.0", "78.0", "88.0")
    assert row["programme_title"] == "客户服务经理专业培训" and row["employee_no"] == "007" and row["person_id"] == 7
    assert row["completed_on"] == "2026-12-01" and row["revoked_on"] is None and row["honour"] is None and row["class_hours"] == 140
    assert row_of(a_record(), "revoked", date(2027, 1, 2), "误发", "en")["programme_title"] == "Customer service manager programme"
    assert row_of(a_record(), "revoked", date(2027, 1, 2), "误发", "en")["revoked_on"] == "2027-01-02"


def test_a_score_near_a_bar_is_exported_as_it_was_shown() -> None:
    made = a_record()
    made["components"][0]["shown"] = "79.96"
    assert row_of(made, "valid", None, None, "zh")["written_exam"] == "79.96"


def test_a_component_that_a_scheme_does_not_have_is_empty() -> None:
    made = a_record()
    made["components"] = made["components"][:3]
    assert row_of(made, "valid", None, None, "zh")["participation"] is None


def test_a_full_filter_survives_its_own_address() -> None:
    wanted = Selection("service-manager", 3, "revoked", "城东支行", date(2026, 1, 1), date(2026, 12, 31), "陆 & 100%")
    assert parse_selection(wanted.as_query()) == (wanted, ())


selections = st.builds(
    Selection, programme=st.text("abc-", max_size=9).map(str.strip), cohort=st.none() | st.integers(0, 10**9 - 1), status=st.sampled_from(("", *STATUSES)),
    org_unit=st.text(max_size=20).map(str.strip), issued_from=st.none() | st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    issued_to=st.none() | st.dates(date(2030, 1, 1)), search=st.text(max_size=20).map(str.strip))


@given(selections)
def test_every_filter_survives_its_own_address(wanted: Selection) -> None:
    assert parse_selection(wanted.as_query()) == (wanted, ())


@pytest.mark.parametrize(("query", "problems"), [
    ({"status": "gone"}, ("status",)),
    ({"cohort": "-1"}, ("cohort",)),
    ({"cohort": "１２"}, ("cohort",)),
    ({"cohort": "9" * 30}, ("cohort",)),
    ({"issued_from": "2026-02-30"}, ("issued_from",)),
    ({"issued_from": "yesterday", "issued_to": "0"}, ("issued_from", "issued_to")),
    ({"issued_from": "2026-12-31", "issued_to": "2026-01-01"}, ("issued_to",)),
    ({"surprise": "x"}, ()),
])
def test_what_cannot_be_read_is_named_and_never_guessed(query: dict[str, str], problems: tuple[str, ...]) -> None:
    assert parse_selection(query)[1] == problems


@given(st.dictionaries(st.sampled_from(["programme", "cohort", "status", "org_unit", "issued_from", "issued_to", "q"]), st.text(max_size=200)))
def test_no_query_string_breaks_the_filter(query: dict[str, str]) -> None:
    selection, problems = parse_selection(query)
    assert len(selection.search) <= 100 and set(problems) <= {"cohort", "status", "issued_from", "issued_to"}
