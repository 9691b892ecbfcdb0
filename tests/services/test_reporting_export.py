"""Exports: one snapshot, exact columns, neutral cells, a manifest that fits, a log that nobody escapes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import threading
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from python_calamine import CalamineWorkbook
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from foundation import audit, clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from tests.conftest import ON_BOTH
from tests.credentials_world import World, decide
from tests.factories import Factory
from training.credentials import services as credentials
from training.reporting import queries, services
from training.reporting.models import ExportRow
from training.reporting.rules.columns import KEYS
from training.reporting.rules.selection import Selection

EVERYTHING = Selection()


@pytest.fixture
def world(make: Factory) -> World:
    return World(make)


def rows_of_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.removeprefix(b"\xef\xbb\xbf").decode(), newline="")))


def rows_of_xlsx(content: bytes) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@ON_BOTH
def test_all_three_formats_say_the_same(app: Flask, world: World) -> None:
    made = world.many(7)
    with transaction():
        credentials.revoke(made[3].id, world.reviewer, "逾期未补材料")
    as_csv = rows_of_csv(services.build_export(None, EVERYTHING, "csv").content)
    as_jsonl = [json.loads(line) for line in services.build_export(None, EVERYTHING, "jsonl").content.decode().splitlines()]
    as_xlsx = rows_of_xlsx(services.build_export(None, EVERYTHING, "xlsx").content)
    assert len(as_csv) == len(as_jsonl) == len(as_xlsx) - 1 == 7
    for from_csv, from_jsonl, from_xlsx in zip(as_csv, as_jsonl, as_xlsx[1:], strict=True):
        assert tuple(from_csv) == tuple(from_jsonl) == KEYS
        for place, key in enumerate(KEYS):
            told = from_jsonl[key]
            assert from_csv[key] == ("" if told is None else str(told))
            cell = from_xlsx[place]
            assert cell == (told if isinstance(told, int) else told or "")
    assert as_csv[3]["status"] == "revoked" and as_csv[3]["revocation_reason"] == "逾期未补材料" and as_csv[0]["status"] == "valid"
    assert as_csv[0]["written_exam"] == "86.0" and as_csv[0]["total"] == "83.8" and as_csv[0]["band"] == "good"


def test_xlsx_is_headed_in_the_reader_s_language_and_keeps_numbers_as_text(app: Flask, world: World) -> None:
    world.many(1)
    with force_locale("zh"):
        chinese = rows_of_xlsx(services.build_export(None, EVERYTHING, "xlsx").content)
    with force_locale("en"):
        english = rows_of_xlsx(services.build_export(None, EVERYTHING, "xlsx").content)
    assert chinese[0][:4] == ["证书编号", "人员编号", "工号", "姓名"] and english[0][:4] == ["Certificate number", "Person id", "Employee number", "Name"]
    assert len(chinese[0]) == len(english[0]) == 27 and "" not in chinese[0] and len(set(chinese[0])) == 27
    assert chinese[1][7] == "客户服务经理专业培训" and english[1][7] == "Customer service manager programme"
    assert chinese[1][12] == "86.0"                     # a score is the text that was published, not a float


def test_csv_opens_in_chinese_excel(world: World) -> None:
    world.certify(world.trainee(name="陆知行"))
    content = services.build_export(None, EVERYTHING, "csv").content
    assert content.startswith(b"\xef\xbb\xbfcertificate_number,person_id,employee_no,name,")
    assert "陆知行" in content.decode("utf-8-sig") and content.endswith(b"\r\n")


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "＝1+1", "\t=1+1"])
def test_a_name_that_looks_like_a_formula_stays_a_name(world: World, name: str) -> None:
    enrolment_id = world.trainee(name=name.strip(), org_unit=name)
    with transaction() as change:
        credentials.issue(enrolment_id, decide(enrolment_id, world.reviewer_id), None)
        change.after_commit.clear()
    row = rows_of_csv(services.build_export(None, EVERYTHING, "csv").content)[0]
    assert row["org_unit"] == "'" + name
    book = CalamineWorkbook.from_filelike(io.BytesIO(services.build_export(None, EVERYTHING, "xlsx").content)).get_sheet_by_index(0)
    assert book.to_python()[1][4].strip() == name.strip()
    sheet = zipfile.ZipFile(io.BytesIO(services.build_export(None, EVERYTHING, "xlsx").content)).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet


@ON_BOTH
def test_the_manifest_fits_the_file_and_the_trail(world: World) -> None:
    world.many(3)
    head = audit.head()
    made = services.build_export(None, Selection(status="valid"), "csv")
    says = made.manifest
    assert says.rows == 3 and says.sha256 == hashlib.sha256(made.content).hexdigest() and says.filter == "status=valid"
    assert (says.audit_seq, says.audit_head) == head
    with transaction():
        export_id = services.log_export(made, world.reviewer_id)
    row = db.session.get_one(ExportRow, export_id)
    assert (row.rows, row.sha256, row.filter, row.format, row.by_id, row.kind) == (3, says.sha256, "status=valid", "csv", world.reviewer_id, "certifications")
    logged = queries.exports_of(world.make.actor(world.make.person("hr", "hr")), 5)[0]
    assert services.manifest_of(logged) == says
    event = db.session.execute(select(AuditEvent).where(AuditEvent.action == "records:export")).scalar_one()
    assert event.facts["sha256"] == says.sha256 and event.facts["rows"] == 3 and event.actor_id == world.reviewer_id
    assert audit.verify().bad_seq is None


def test_the_log_of_exports_is_never_edited(world: World) -> None:
    with transaction():
        services.log_export(services.build_export(None, EVERYTHING, "csv"), None)
    with pytest.raises(IntegrityError, match="append-only"), transaction():
        db.session.execute(text("DELETE FROM export"))


@ON_BOTH
def test_what_is_written_meanwhile_is_not_in_the_file(app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another connection revokes a certificate while the rows are being read: the file shows the moment of its snapshot."""
    made = world.many(3)
    reading = queries.certification_rows

    def slowly(*args: Any) -> Any:
        for place, row in enumerate(reading(*args)):
            if place == 0:
                thread = threading.Thread(target=revoke_elsewhere)
                thread.start()
                thread.join()
            yield row

    def revoke_elsewhere() -> None:
        with app.app_context():
            with transaction():
                credentials.revoke(made_ids[2], actor, "同时发生")
            db.session.remove()

    made_ids, actor = [one.id for one in made], world.reviewer
    monkeypatch.setattr(queries, "certification_rows", slowly)
    export = services.build_export(None, EVERYTHING, "csv")
    assert [row["status"] for row in rows_of_csv(export.content)] == ["valid"] * 3
    assert export.manifest.audit_seq == audit.head()[0] - 1
    monkeypatch.undo()
    assert [row["status"] for row in rows_of_csv(services.build_export(None, EVERYTHING, "csv").content)] == ["valid", "valid", "revoked"]


def test_an_unreleased_certificate_is_in_no_export(world: World) -> None:
    soon = clock.now() + timedelta(days=1)
    world.certify(world.trainee(name="金丝雀"), released_at=soon)
    for format_ in services.MIMETYPES:
        export = services.build_export(None, EVERYTHING, format_)
        assert export.manifest.rows == 0 and "金丝雀".encode() not in export.content
    with clock.standing_at(soon):
        assert services.build_export(None, EVERYTHING, "csv").manifest.rows == 1


LONG_AGO = date(2000, 1, 1)


@ON_BOTH
@pytest.mark.parametrize(("selection", "count"), [
    (Selection(programme="service-manager"), 8), (Selection(programme="reserve-cadre"), 0), (Selection(status="revoked"), 1),
    (Selection(status="valid"), 7), (Selection(org_unit="城东支行"), 2), (Selection(search="学员003"), 1), (Selection(search="sm-000002"), 1),
    (Selection(search="lj0000"), 8),
    (Selection(search="100%"), 0), (Selection(search="_"), 0), (Selection(issued_from=LONG_AGO), 8), (Selection(issued_to=LONG_AGO), 0),
    (Selection(cohort=999), 0),
])
def test_filters_choose_what_is_exported(world: World, selection: Selection, count: int) -> None:
    made = world.many(8)
    with transaction():
        credentials.revoke(made[0].id, world.reviewer, "一个理由")
    assert services.build_export(None, selection, "jsonl").manifest.rows == count


def test_an_org_unit_s_hr_sees_its_own_people_only(world: World) -> None:
    world.many(8)
    local = world.make.actor(world.make.person("hr-east", "hr", scope="org:城东支行"))
    rows = rows_of_csv(services.build_export(local, EVERYTHING, "csv").content)
    assert {row["org_unit"] for row in rows} == {"城东支行"} and len(rows) == 2
    nobody = world.make.actor(world.make.person("plain", "trainee"))
    assert services.build_export(nobody, EVERYTHING, "csv").manifest.rows == 0


def test_the_command_writes_the_file_and_its_manifest(app: Flask, world: World, tmp_path: Path) -> None:
    world.many(3)
    out = tmp_path / "records.xlsx"
    done = app.test_cli_runner().invoke(args=["records", "export", "--format", "xlsx", "--out", str(out)])
    assert done.exit_code == 0, done.output
    manifest = json.loads((tmp_path / "records.xlsx.manifest.json").read_text())
    assert manifest["rows"] == 3 and manifest["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert set(manifest) == {"rows", "sha256", "snapshot_at", "filter", "audit_seq", "audit_head"}
    assert rows_of_xlsx(out.read_bytes())[0][0] == "证书编号"
    db.session.rollback()
    assert db.session.execute(select(ExportRow.by_id)).scalars().all() == [None]
    wrong = app.test_cli_runner().invoke(args=["records", "export", "--format", "pdf", "--out", str(out)])
    assert wrong.exit_code == 2


def test_the_repair_command_reports_what_it_did(app: Flask, world: World) -> None:
    world.many(2)
    first = app.test_cli_runner().invoke(args=["credentials", "issue-due"])
    assert first.exit_code == 0 and "0 issued, 2 papers drawn, 0 restored" in first.output
    second = app.test_cli_runner().invoke(args=["credentials", "issue-due"])
    assert "0 issued, 0 papers drawn, 0 restored" in second.output
