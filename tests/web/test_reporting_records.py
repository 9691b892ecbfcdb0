"""HR's records: the list, its filters, and exports that always leave a trace."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from foundation.audit import AuditEvent
from foundation.db import db, transaction
from tests.credentials_world import World
from tests.factories import Factory
from training.credentials import services as credentials
from training.reporting.models import ExportRow
from training.reporting.rules.columns import KEYS


@pytest.fixture
def world(make: Factory) -> World:
    world = World(make)
    make.person("hr", "hr", name="人事")
    return world


def exports() -> int:
    db.session.rollback()
    return db.session.execute(select(func.count()).select_from(ExportRow)).scalar_one()


def test_the_list_shows_released_certificates_and_says_so(world: World, client_for: Callable[..., Any]) -> None:
    made = world.certify(world.trainee(name="陆知行"))
    page = client_for("hr", "zh").get("/records/certifications").get_data(as_text=True)
    assert made.number in page and "陆知行" in page and "83.8" in page and "只有已发布的证书" in page


def test_filters_stand_in_the_address_and_in_the_form(world: World, client_for: Callable[..., Any]) -> None:
    made = world.many(8)
    with transaction():
        credentials.revoke(made[0].id, world.reviewer, "一个理由")
    client = client_for("hr")

    def numbers(query: str) -> set[str]:
        page = client.get(f"/records/certifications?{query}").get_data(as_text=True)
        return {one.number for one in made if f">{one.number}<" in page}

    everything = {one.number for one in made}
    assert numbers("") == numbers(f"programme=service-manager&cohort={world.cohort_id}") == everything
    assert numbers("status=revoked") == {made[0].number} and numbers("status=valid") == everything - {made[0].number}
    assert numbers("org_unit=老城支行") == {made[1].number, made[5].number}
    assert numbers("q=学员003") == {made[3].number} and numbers(f"q={made[4].employee_no}") == {made[4].number}
    assert numbers("issued_from=2099-01-01") == set() and numbers("issued_to=2000-01-01") == set()
    page = client.get("/records/certifications?status=revoked&org_unit=城东支行").get_data(as_text=True)
    assert '<option value="revoked" selected>' in page and "<option selected>城东支行</option>" in page


def test_a_filter_that_cannot_be_read_is_named(world: World, client_for: Callable[..., Any]) -> None:
    client = client_for("hr")
    assert client.get("/records/certifications", query_string={"page": "9" * 5000}).status_code == 200
    answer = client.get("/records/certifications?issued_from=2026-02-30&status=x")
    assert answer.status_code == 422 and "Issued from" in answer.get_data(as_text=True)
    assert client.get("/records/certifications.csv?issued_from=2026-02-30").status_code == 303 and exports() == 0


def test_the_list_asks_the_same_number_of_questions_for_five_and_for_fifty(world: World, client_for: Callable[..., Any], query_count: Any) -> None:
    world.many(5)
    client = client_for("hr")
    client.get("/records/certifications")
    with query_count() as few:
        client.get("/records/certifications")
    world.many(50, name="另员")
    with query_count() as many:
        page = client.get("/records/certifications").get_data(as_text=True)
    assert few.number == many.number <= 10
    assert "Page 1 of 2" in page and page.count('<th scope="row" class="num">') == 50


def test_a_button_hands_over_the_file_and_logs_it(world: World, client_for: Callable[..., Any]) -> None:
    world.many(3)
    client = client_for("hr")
    answer = client.send("/records/certifications/export", {"format": "csv", "status": "valid"})
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"] and answer.headers["X-Export-Sha256"] == hashlib.sha256(answer.data).hexdigest()
    assert next(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")))) == list(KEYS)
    row = db.session.execute(select(ExportRow)).scalar_one()
    assert (row.rows, row.filter, row.format) == (3, "status=valid", "csv") and row.sha256 == answer.headers["X-Export-Sha256"]
    event = db.session.execute(select(AuditEvent).where(AuditEvent.action == "records:export")).scalar_one()
    assert event.actor_id == row.by_id
    shown = client.get(answer.headers["X-Export-Page"]).get_data(as_text=True)
    assert row.sha256 in shown and "status=valid" in shown
    manifest = client.get(f"/records/certifications/exports/{row.id}/manifest.json")
    assert manifest.get_json()["sha256"] == row.sha256 and manifest.get_json()["rows"] == 3
    assert f"/records/certifications/exports/{row.id}" in client.get("/records/certifications").get_data(as_text=True)


def test_the_same_operation_twice_is_logged_once(world: World, client_for: Callable[..., Any]) -> None:
    client = client_for("hr")
    first = client.send("/records/certifications/export", {"format": "xlsx"}, op="same")
    second = client.send("/records/certifications/export", {"format": "xlsx"}, op="same")
    assert first.status_code == 200 and second.status_code == 303 and second.headers["Location"].endswith(first.headers["X-Export-Page"])
    assert exports() == 1


@pytest.mark.parametrize(("format_", "kind"), [("csv", "text/csv; charset=utf-8"), ("jsonl", "application/x-ndjson"),
                                               ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")])
def test_the_contract_s_addresses_answer_scripts_and_log(world: World, client_for: Callable[..., Any], format_: str, kind: str) -> None:
    world.many(2)
    client = client_for("hr")
    head = client.head(f"/records/certifications.{format_}")
    assert head.status_code == 200 and exports() == 0
    answer = client.get(f"/records/certifications.{format_}?status=valid")
    assert answer.headers["Content-Type"] == kind and answer.headers["X-Export-Rows"] == "2" and 'rel="describedby"' in answer.headers["Link"]
    assert exports() == 1
    client.get(f"/records/certifications.{format_}")
    assert exports() == 2
    assert client.get("/records/certifications.pdf").status_code == 404


@pytest.mark.parametrize("fields", [{}, {"format": "pdf"}, {"format": "csv", "issued_from": "x"}, {"format": "../csv"}])
def test_an_odd_export_is_refused_and_not_logged(world: World, client_for: Callable[..., Any], fields: dict[str, str]) -> None:
    assert client_for("hr").send("/records/certifications/export", fields).status_code == 400
    assert exports() == 0


def test_an_export_needs_its_token(world: World, client_for: Callable[..., Any]) -> None:
    assert client_for("hr").post("/records/certifications/export", data={"format": "csv"}).status_code == 400 and exports() == 0


@pytest.mark.parametrize("address", ["/records/certifications", "/records/certifications.csv", "/records/certifications/exports/1"])
def test_only_hr_reads_records(world: World, client_for: Callable[..., Any], address: str) -> None:
    world.trainee("learner")
    assert client_for("").get(address).status_code == 303
    for login in ("learner", "reviewer"):
        assert client_for(login).get(address).status_code == 403
    assert exports() == 0


def test_hr_of_one_org_unit_reads_its_own_people_and_its_own_exports(world: World, client_for: Callable[..., Any]) -> None:
    world.many(4)
    world.make.person("local", "hr", scope="org:老城支行")
    client_for("hr").get("/records/certifications.csv")
    export_id = db.session.execute(select(ExportRow.id)).scalar_one()
    local = client_for("local")
    page = local.get("/records/certifications").get_data(as_text=True)
    assert "学员001" in page and "学员000" not in page and "城东支行" not in page
    assert local.get("/records/certifications.csv").headers["X-Export-Rows"] == "1"
    assert local.get(f"/records/certifications/exports/{export_id}").status_code == 404
    assert local.get(f"/records/certifications/exports/{export_id}/manifest.json").status_code == 404


def test_hostile_text_is_shown_as_text(world: World, client_for: Callable[..., Any]) -> None:
    world.certify(world.trainee(name='"><img src=x onerror=alert(1)>', org_unit="<script>x</script>"))
    page = client_for("hr").get("/records/certifications?q=%22%3E%3Cimg").get_data(as_text=True)
    assert "<img src=x" not in page and "<script>x" not in page and "&lt;script&gt;x" in page
