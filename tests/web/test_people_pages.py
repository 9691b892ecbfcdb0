"""The administrator's pages: list, one person, roles, resets, audit trail."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from foundation import accounts, audit, i18n
from foundation.db import db, transaction
from foundation.people import Account, GrantRow, Installation, Person, PersonChange
from foundation.routes.people import _mixed
from tests.conftest import ON_BOTH
from tests.factories import PASSWORD


@pytest.fixture(autouse=True)
def catalogue():
    i18n.build()


@pytest.fixture
def boss(make, client_for):
    make.person("boss", "admin", name="程望舒")
    return client_for("boss")


def text(answer) -> str:
    return answer.get_data(as_text=True)


def version(person_id: int) -> int:
    db.session.rollback()
    return db.session.execute(select(Person.row_version).where(Person.id == person_id)).scalar_one()


def form(person_id: int, **changes) -> dict[str, str]:
    db.session.rollback()
    person = db.session.get_one(Person, person_id)
    login = db.session.execute(select(Account.login).where(Account.person_id == person_id)).scalar_one()
    fields = {"employee_no": person.employee_no, "name": person.name, "email": person.email, "mobile": person.mobile, "org_unit": person.org_unit,
              "position": person.position, "login": login, "row_version": str(person.row_version)}
    return fields | changes


PAGES = ("/people/", "/people/1", "/people/new", "/people/import", "/people/import/template.xlsx", "/people/codes", "/people/codes?cohort=1")


@pytest.mark.parametrize("role", ["trainee", "trainer", "mentor", "reviewer", "hr"])
def test_nobody_but_administrators_opens_these_pages(make, client_for, role):
    make.cohort()
    make.person("someone", role)
    client = client_for("someone")
    for address in (*PAGES, "/people/audit", "/people/import/" + "0" * 64):
        assert client.get(address).status_code == 403, address
    for address in ("/people/1", "/people/new", "/people/1/reset", "/people/1/active", "/people/1/grants", "/people/1/grants/revoke", "/people/import",
                    "/people/import/" + "0" * 64, "/people/codes", "/people/audit"):
        assert client.send(address, {"cohort": "1", "role": "admin", "scope": "*"}).status_code == 403, address
    assert db.session.execute(select(func.count()).select_from(GrantRow)).scalar_one() == 1


def test_every_page_opens_for_an_administrator_and_unknown_people_are_404(make, boss):
    make.cohort()
    for address in PAGES:
        assert boss.get(address).status_code == 200, address
    for address in ("/people/999", "/people/codes?cohort=999", "/people/codes?cohort=x", "/people/import/" + "0" * 64, "/people/import/..%2fkeys"):
        assert boss.get(address).status_code == 404, address


# ── list ─────────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_the_list_is_found_by_name_number_unit_and_login_and_filtered_by_role(make, boss):
    make.person("zhouyn", "trainee", name="周以宁", org_unit="城东支行")
    make.person("luzx", "trainer", name="陆知行", org_unit="老城支行")
    for query, expected in (("周以", "周以宁"), ("lj00003", "陆知行"), ("老城", "陆知行"), ("ZHOUYN", "周以宁")):
        page = text(boss.get("/people/", query_string={"q": query}))
        assert expected in page and ("周以宁" in page) + ("陆知行" in page) == 1, query
    page = text(boss.get("/people/?role=trainer"))
    assert "陆知行" in page and "周以宁" not in page


@pytest.mark.parametrize("query", ["%", "_", "\\", "'; DROP TABLE person; --", "<script>alert(1)</script>"])
def test_wildcards_and_markup_are_plain_text_in_the_search(make, boss, query):
    make.person("zhouyn", "trainee", name="周以宁")
    page = text(boss.get("/people/", query_string={"q": query}))
    assert "周以宁" not in page and "Nobody fits" in page and "<script>alert" not in page


@ON_BOTH
def test_fifty_people_a_page_with_the_same_few_queries(make, boss, query_count):
    for number in range(52):
        make.person(f"p{number}", "trainee", name=f"学员{number:02d}")
    with query_count() as counted:
        page = text(boss.get("/people/?page=1"))
    assert page.count("学员") == 49 and "Page 1 of 2" in page
    assert counted.number <= 8
    assert text(boss.get("/people/?page=2")).count("学员") == 3
    assert boss.get("/people/?page=99999999999").status_code == 200


# ── one person ───────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_a_rename_keeps_its_history_and_the_second_click_does_nothing(make, boss):
    person_id = make.person("zhou", "trainee", name="周以宁")
    fields = form(person_id, name="周一宁", login="ZhouYN")
    assert boss.send(f"/people/{person_id}", fields, op="same").status_code == 303
    assert boss.send(f"/people/{person_id}", fields, op="same").status_code == 303
    db.session.rollback()
    changes = db.session.execute(select(PersonChange.field, PersonChange.before, PersonChange.after)).all()
    assert {tuple(change) for change in changes} == {("name", "周以宁", "周一宁"), ("login", "zhou", "zhouyn")}
    page = text(boss.get(f"/people/{person_id}"))
    assert "周以宁" in page and "zhouyn" in page and "程望舒" in page
    before = version(person_id)
    assert boss.send(f"/people/{person_id}", form(person_id, login="zyn")).status_code == 303
    assert version(person_id) == before + 1
    assert boss.send(f"/people/{person_id}", form(person_id)).status_code == 303
    assert version(person_id) == before + 1


def test_a_stale_page_overwrites_nothing_and_shows_both_versions(make, boss):
    person_id = make.person("zhou", "trainee", name="周以宁")
    stale = form(person_id, name="周壹宁", position="主管")
    boss.send(f"/people/{person_id}", form(person_id, name="周一宁"))
    answer = boss.send(f"/people/{person_id}", stale)
    page = text(answer)
    assert answer.status_code == 409 and "周一宁" in page and 'value="周壹宁"' in page and 'value="主管"' in page
    assert db.session.get_one(Person, person_id).name == "周一宁"
    token = re.search(r'name="row_version"[^>]*value="(\d+)"', page)
    assert token and int(token[1]) == version(person_id)
    assert boss.send(f"/people/{person_id}", stale | {"row_version": token[1]}).status_code == 303
    db.session.rollback()
    assert db.session.get_one(Person, person_id).name == "周壹宁"


@pytest.mark.parametrize(("changes", "says"), [
    ({"employee_no": "LJ00001"}, "Another person has this employee number."), ({"login": "BOSS"}, "Another person has this login."),
    ({"name": ""}, "This field is required."), ({"name": "长" * 81}, "80"), ({"email": "nonsense"}, "This is not an e-mail address."),
    ({"mobile": "call me"}, "This is not a telephone number."), ({"login": "two words"}, "A login has no blanks in it."),
    ({"name": "周\u202e宁"}, "invisible control characters"),
])
def test_what_will_not_do_is_refused_and_what_was_typed_stays(make, boss, changes, says):
    person_id = make.person("zhou", "trainee", name="周以宁")
    answer = boss.send(f"/people/{person_id}", form(person_id, org_unit="滨江支行") | changes)
    assert answer.status_code == 422 and says in text(answer) and 'value="滨江支行"' in text(answer)
    db.session.rollback()
    assert db.session.get_one(Person, person_id).org_unit == "城东支行"


def test_a_new_person_gets_a_code_that_is_shown_once_and_works(make, boss, client_for):
    fields = {"employee_no": "007", "name": "陆知行", "role": "trainee", "scope": "*", "org_unit": "老城支行"}
    answer = boss.send("/people/new", fields, op="once")
    code = re.search(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", text(answer))
    assert answer.status_code == 200 and code
    again = boss.send("/people/new", fields, op="once")
    assert again.status_code == 303 and code[0] not in text(boss.get(again.headers["Location"]))
    client = client_for()
    client.post("/first-code", data={"login": "007", "code": code[0], "password": "river-at-dawn-7", "again": "river-at-dawn-7",
                                     "csrf_token": client.token("/first-code")})
    assert client.sign_in("007", "river-at-dawn-7").get("/account").status_code == 200


def test_a_new_person_with_a_taken_number_or_a_scope_that_does_not_fit_is_refused(make, boss):
    cohort = make.cohort()
    base = {"employee_no": "007", "name": "陆知行", "role": "trainee", "scope": "*"}
    for changes in ({"employee_no": "LJ00001"}, {"login": "boss"}, {"scope": f"cohort:{cohort}"}, {"role": "emperor"}, {"scope": "cohort:999"}):
        assert boss.send("/people/new", base | changes).status_code == 422, changes
    assert db.session.execute(select(func.count()).select_from(Person)).scalar_one() == 1


def test_a_reset_ends_password_and_sign_ins_and_shows_a_code_once(make, boss, client_for):
    person_id = make.person("zhou", "trainee")
    signed_in = client_for("zhou")
    answer = boss.send(f"/people/{person_id}/reset", op="r")
    assert answer.status_code == 200 and re.search(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", text(answer))
    assert boss.send(f"/people/{person_id}/reset", op="r").status_code == 303
    assert signed_in.get("/account").status_code == 303
    client = client_for()
    refused = client.post("/login", data={"login": "zhou", "password": PASSWORD, "csrf_token": client.token("/login")})
    assert refused.status_code == 422


def test_a_closed_login_is_out_at_once_and_can_be_opened_again(make, boss, client_for):
    person_id = make.person("zhou", "trainee")
    signed_in = client_for("zhou")
    boss.send(f"/people/{person_id}/active", {"active": "0"})
    assert signed_in.get("/account").status_code == 303
    assert "Login closed" in text(boss.get("/people/?q=zhou"))
    boss.send(f"/people/{person_id}/active", {"active": "1"})
    assert client_for("zhou").get("/account").status_code == 200


def test_an_administrator_cannot_lock_themselves_out(make, boss):
    own = db.session.execute(select(Person.id).where(Person.name == "程望舒")).scalar_one()
    grant = db.session.execute(select(GrantRow.id).where(GrantRow.person_id == own)).scalar_one()
    boss.send(f"/people/{own}/active", {"active": "0"})
    boss.send(f"/people/{own}/grants/revoke", {"grant": str(grant)})
    assert "your own last administrator" in text(boss.get(f"/people/{own}"))
    assert boss.get("/people/").status_code == 200


def test_roles_are_given_within_a_scope_and_ended(make, boss, client_for):
    cohort = make.cohort("2026-A")
    person_id = make.person("ding", name="丁砚清")
    assert client_for("ding").get("/people/").status_code == 403
    boss.send(f"/people/{person_id}/grants", {"role": "trainer", "scope": f"cohort:{cohort}"})
    boss.send(f"/people/{person_id}/grants", {"role": "trainer", "scope": f"cohort:{cohort}"})
    db.session.rollback()
    grant = db.session.execute(select(GrantRow).where(GrantRow.person_id == person_id)).scalar_one()
    assert (grant.role, grant.scope) == ("trainer", f"cohort:{cohort}")
    assert "Cohort 2026-A" in text(boss.get(f"/people/{person_id}"))
    boss.send(f"/people/{person_id}/grants", {"role": "admin", "scope": f"cohort:{cohort}"})
    assert "cannot be limited" in text(boss.get(f"/people/{person_id}"))
    assert boss.send(f"/people/{person_id}/grants/revoke", {"grant": str(grant.id)}).status_code == 303
    assert boss.send(f"/people/{person_id}/grants/revoke", {"grant": str(grant.id)}).status_code == 404
    db.session.rollback()
    assert db.session.execute(select(GrantRow.revoked_at)).scalars().all()[-1] is not None


def test_a_grant_of_another_person_cannot_be_ended_through_this_address(make, boss):
    one, other = make.person("one", "hr"), make.person("other", "hr")
    grant = db.session.execute(select(GrantRow.id).where(GrantRow.person_id == other)).scalar_one()
    assert boss.send(f"/people/{one}/grants/revoke", {"grant": str(grant)}).status_code == 404


def test_markup_in_particulars_is_shown_as_text(make, boss):
    person_id = make.person("zhou", "trainee", name='<img src=x onerror=alert(1)>"&')
    for address in (f"/people/{person_id}", "/people/"):
        page = text(boss.get(address))
        assert "<img src=x" not in page and "&lt;img src=x" in page


# ── audit trail ──────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_the_trail_tells_who_did_what_and_is_filtered_and_paged(make, boss):
    person_id = make.person("zhou", "trainee")
    boss.send(f"/people/{person_id}/grants", {"role": "mentor", "scope": "*"})
    page = text(boss.get("/people/audit?action=grant:"))
    assert "grant:give" in page and "程望舒" in page and "account:sign-in" not in page
    assert f"person:{person_id}" in text(boss.get(f"/people/audit?subject=person:{person_id}"))
    with transaction():
        for number in range(60):
            audit.record("test:event", f"test:{number}", None, value="<b>x</b>")
    first = text(boss.get("/people/audit"))
    assert first.count("test:event</code>") == 50 and "<b>x</b>" not in first
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older and text(boss.get(older[1].replace("&amp;", "&"))).count("test:event</code>") == 10
    assert "No events fit" in text(boss.get("/people/audit?action=nothing%25"))


def test_verify_now_says_whether_the_chain_holds(make, boss):
    assert "The chain holds" in text(boss.send("/people/audit"))
    with db.engine.begin() as connection:
        for name in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='audit_event'").scalars().all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("UPDATE audit_event SET subject = 'person:99' WHERE seq = 1")
    db.session.rollback()
    page = text(boss.send("/people/audit"))
    assert "does not hold at event 1" in page and "The chain holds" not in page


def test_real_people_in_a_demo_database_raise_a_banner(make, boss):
    with transaction():
        db.session.add(Installation(key="demo", value="1"))
    assert "demonstration installation" not in text(boss.get("/people/"))
    boss.send("/people/new", {"employee_no": "007", "name": "陆知行", "role": "trainee", "scope": "*"})
    assert accounts.installation_mark("demo-mixed")
    _mixed.clear()
    assert "demonstration installation" in text(boss.get("/people/"))
