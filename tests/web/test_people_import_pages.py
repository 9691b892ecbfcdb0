"""The roster import and the code sheets in the browser: look, confirm exactly that, once."""

from __future__ import annotations

import io
import re

import pytest
from sqlalchemy import func, select

from courses.models import Enrolment
from foundation import i18n, uploads
from foundation.db import db
from foundation.people import Account, FirstCode, Person

HEAD = "工号,姓名,机构,角色,班次,导师工号\n"


@pytest.fixture(autouse=True)
def catalogue():
    i18n.build()


@pytest.fixture
def boss(make, client_for):
    make.person("boss", "admin", name="程望舒")
    return client_for("boss")


def text(answer) -> str:
    return answer.get_data(as_text=True)


def people() -> int:
    db.session.rollback()
    return db.session.execute(select(func.count()).select_from(Person)).scalar_one()


def upload(client, content: str | bytes, name: str = "roster.csv") -> str:
    """Upload a roster; returns the address of its preview."""
    data = content.encode() if isinstance(content, str) else content
    answer = client.send("/people/import", {"file": (io.BytesIO(data), name)}, content_type="multipart/form-data")
    assert answer.status_code == 303
    return answer.headers["Location"]


def plan_of(page: str) -> str:
    found = re.search(r'name="plan"[^>]*value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


GOOD = HEAD + "LJ7,周以宁,城东支行,,2026-A,M7\nM7,秦牧之,城东支行,导师,,\n"


def test_looking_changes_nothing_and_confirming_does_exactly_that_once(make, boss, app):
    make.cohort("2026-A")
    address = upload(boss, GOOD)
    page = text(boss.get(address))
    assert people() == 1 and "周以宁" in page and "roster.csv" in page
    plan = plan_of(page)
    first = boss.send(address, {"plan": plan}, op="confirm")
    assert first.status_code == 303 and people() == 3
    assert "2 new" in text(boss.get(first.headers["Location"]))
    assert list((app.config["DATA"] / "uploads").iterdir()) == []
    again = boss.send(address, {"plan": plan}, op="confirm")
    assert again.status_code == 303 and again.headers["Location"] == first.headers["Location"] and people() == 3
    assert boss.send(address, {"plan": plan}, op="another").status_code == 404
    page = text(boss.get(upload(boss, GOOD)))
    assert "There is nothing to do" in page and "Import exactly this" not in page


def test_errors_are_listed_by_row_and_column_and_there_is_no_way_to_confirm(make, boss, client_for):
    make.cohort("2026-A")
    address = upload(boss, HEAD + "7,周以宁,,,2026-X,\n007,<i>陆</i>,,老板,,NOBODY\n")
    page = text(boss.get(address))
    assert "3 errors keep the file out" in page and "There is no cohort “2026-X”" in page and "leading zeros" in page
    assert "<i>陆" not in page and "Import exactly this" not in page
    chinese = text(client_for("boss", language="zh").get(address))
    assert "有 3 处错误，文件不能导入" in chinese and "没有“2026-X”这个班次" in chinese
    assert boss.send(address, {"plan": "0" * 64}).status_code == 409 and people() == 1


def test_what_changed_since_the_preview_is_shown_again_instead_of_done(make, boss):
    make.cohort("2026-A", seats=5)
    person_id = make.person("zhou", "trainee", name="周以宁")
    number = db.session.get_one(Person, person_id).employee_no
    address = upload(boss, HEAD + f"{number},周一宁,滨江支行,,2026-A,\n")
    plan = plan_of(text(boss.get(address)))
    version = db.session.get_one(Person, person_id).row_version
    boss.send(f"/people/{person_id}", {"employee_no": number, "name": "周以宁", "org_unit": "老城支行", "row_version": str(version), "login": "zhou"})
    answer = boss.send(address, {"plan": plan})
    page = text(answer)
    assert answer.status_code == 409 and "Nothing was done" in page and "老城支行" in page
    db.session.rollback()
    assert db.session.get_one(Person, person_id).name == "周以宁"
    assert db.session.execute(select(func.count()).select_from(Enrolment)).scalar_one() == 0
    assert boss.send(address, {"plan": plan_of(page)}).status_code == 303
    db.session.rollback()
    assert db.session.get_one(Person, person_id).name == "周一宁"


@pytest.mark.parametrize(("content", "says"), [
    (b"", "The file is empty."), (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "neither CSV nor XLSX"), (b"PK\x03\x04nonsense", "damaged"),
    (b"\xd0\xcf\x11\xe0" + b"\0" * 100, "old Excel file"), ("甲,乙\n1,2\n".encode("gb18030"), "No heading row"),
])
def test_files_that_are_no_rosters_say_so_on_the_page(boss, content, says):
    assert says in text(boss.get(upload(boss, content, "any.xlsx")))


def test_without_a_file_the_form_says_so(boss):
    answer = boss.send("/people/import", {}, content_type="multipart/form-data")
    assert answer.status_code == 422 and "Choose a file first." in text(answer)


def test_a_thrown_away_file_is_gone(boss):
    address = upload(boss, GOOD)
    assert boss.send(f"{address}/discard").status_code == 303
    assert boss.get(address).status_code == 404


def test_file_names_are_only_names(boss, app):
    address = upload(boss, GOOD, "..\\..\\<b>evil</b>/../../x.csv")
    assert "<b>evil" not in text(boss.get(address))
    assert all(path.parent == app.config["DATA"] / "uploads" for path in (app.config["DATA"]).rglob("*.name"))


def test_waiting_files_go_after_a_day(app, boss):
    import os
    import time

    address = upload(boss, GOOD)
    path = uploads.find(address.rsplit("/", 1)[1])
    assert path is not None and (path.stat().st_mode & 0o077) == 0 and (path.parent.stat().st_mode & 0o077) == 0
    os.utime(path, (time.time() - 90_000, time.time() - 90_000))
    upload(boss, GOOD.replace("LJ7", "LJ8"))
    assert boss.get(address).status_code == 404


# ── code sheets ──────────────────────────────────────────────────────────────────────────────────────────────
CODE = re.compile(r'class="code-once">([A-Z2-7-]{19})<')


def test_a_sheet_gives_every_trainee_without_a_password_a_code_that_works_and_is_printed_once(make, boss, client_for):
    cohort = make.cohort("2026-A")
    make.trainee(cohort, "has-one", name="陆知行")
    address = upload(boss, GOOD)
    boss.send(address, {"plan": plan_of(text(boss.get(address)))})
    assert "1 person without a password" in text(boss.get("/people/codes"))
    page = text(boss.get(f"/people/codes?cohort={cohort}"))
    assert "周以宁" in page and "陆知行" not in page
    sheet = boss.send("/people/codes", {"cohort": str(cohort)}, op="print")
    codes = CODE.findall(text(sheet))
    assert len(codes) == 1 and "周以宁" in text(sheet)
    assert boss.send("/people/codes", {"cohort": str(cohort)}, op="print").status_code == 303
    newer = CODE.findall(text(boss.send("/people/codes", {"cohort": str(cohort)})))
    client = client_for()

    def redeem(code):
        return client.post("/first-code", data={"login": "lj7", "code": code, "password": "river-at-dawn-7", "again": "river-at-dawn-7",
                                                "csrf_token": client.token("/first-code")}).status_code

    assert redeem(codes[0]) == 422 and redeem(newer[0]) == 303
    answer = boss.send("/people/codes", {"cohort": str(cohort)})
    assert answer.status_code == 303 and "Nobody is waiting" in text(boss.get("/people/codes"))
    db.session.rollback()
    assert db.session.execute(select(func.count()).select_from(FirstCode).where(FirstCode.used_at.is_not(None))).scalar_one() == 1
    assert db.session.execute(select(Account.password_hash).where(Account.login == "lj7")).scalar_one()
