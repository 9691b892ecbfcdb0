"""Signing in and everything around it, as a browser does it: lockout, sessions, first codes, passwords, languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from foundation import accounts, clock, i18n
from foundation.db import db, transaction
from foundation.people import Account, AuthSession, FirstCode, Installation, Person, SignInTally
from tests.factories import PASSWORD

WRONG = "not-the-password"


@pytest.fixture(autouse=True)
def catalogue():
    i18n.build()


def sign_in(client, login, password=WRONG, address="10.0.0.1", **more):
    return client.post("/login", data={"login": login, "password": password, "csrf_token": client.token("/login"), **more},
                       environ_overrides={"REMOTE_ADDR": address})


def account(person_id: int) -> Account:
    db.session.rollback()
    return db.session.execute(select(Account).where(Account.person_id == person_id)).scalar_one()


def live_sessions() -> int:
    db.session.rollback()
    return db.session.execute(select(func.count()).select_from(AuthSession).where(AuthSession.ended_at.is_(None))).scalar_one()


# ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────
def test_login_ignores_case_and_width_and_the_password_does_not(make, client_for):
    make.person("zhou", "trainee")
    assert sign_in(client_for(), " ＺＨＯＵ ", PASSWORD).status_code == 303
    assert sign_in(client_for(), "zhou", PASSWORD.upper()).status_code == 422


def test_a_wrong_password_an_unknown_login_and_a_closed_account_look_the_same(make, client_for):
    closed = make.person("closed", "trainee")
    make.person("zhou", "trainee")
    with transaction():
        account_ = db.session.execute(select(Account).where(Account.person_id == closed)).scalar_one()
        account_.is_active = False

    def body(login, password):
        answer = sign_in(client_for(), login, password)
        assert answer.status_code == 422
        text = answer.get_data(as_text=True)
        return text[text.index("error-summary"):text.index("</h2>", text.index("error-summary"))]

    assert body("zhou", WRONG) == body("nobody", WRONG) == body("closed", PASSWORD)
    assert "do not fit" in body("zhou", WRONG)


def test_five_failures_pause_this_login_from_this_address_and_the_pause_grows(make, client_for):
    make.person("zhou", "trainee")
    make.person("lu", "trainee")
    start = clock.now()
    with clock.standing_at(start):
        client = client_for()
        for _try in range(5):
            assert sign_in(client, "zhou").status_code == 422
        assert sign_in(client, "zhou", PASSWORD).status_code == 429
        assert sign_in(client_for(), "zhou", PASSWORD, address="10.0.0.2").status_code == 303
        assert sign_in(client_for(), "lu", PASSWORD).status_code == 303
    waits = []
    now = start
    for _try in range(6):
        wait = next(seconds for seconds in range(0, 1000, 30) if not _paused(now + timedelta(seconds=seconds)))
        waits.append(wait)
        now += timedelta(seconds=wait)
        with clock.standing_at(now):
            assert sign_in(client_for(), "zhou").status_code == 422
    assert waits == [60, 120, 240, 480, 900, 900]


def _paused(at) -> bool:
    db.session.rollback()
    with clock.standing_at(at):
        try:
            accounts.check_not_paused("zhou", "10.0.0.1")
        except accounts.SignInPaused:
            return True
    return False


def test_a_running_session_survives_somebody_elses_wrong_tries(make, client_for):
    make.person("zhou", "trainee")
    mine = client_for("zhou")
    stranger = client_for()
    for _try in range(8):
        sign_in(stranger, "zhou", address="127.0.0.1")
    assert mine.get("/account").status_code == 200


def test_success_forgets_the_failures(make, client_for):
    make.person("zhou", "trainee")
    client = client_for()
    for _try in range(3):
        sign_in(client, "zhou")
    assert sign_in(client, "zhou", PASSWORD).status_code == 303
    assert db.session.execute(select(func.count()).select_from(SignInTally)).scalar_one() == 0


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example",
                                    "javascript:alert(1)", "/ok\r\nSet-Cookie: a=b"])
def test_next_never_leads_out_of_the_site(make, client_for, target):
    make.person("zhou", "trainee")
    client = client_for()
    answer = client.post("/login", query_string={"next": target}, data={"login": "zhou", "password": PASSWORD, "csrf_token": client.token("/login")})
    assert answer.status_code == 303 and answer.headers["Location"] == "/"


def test_next_leads_back_to_where_the_reader_was(make, client_for):
    make.person("boss", "admin")
    client = client_for()
    first = client.get("/people/?q=7")
    assert first.status_code == 303 and first.headers["Location"] == "/login?next=/people/?q%3D7"
    answer = client.post(first.headers["Location"], data={"login": "boss", "password": PASSWORD, "csrf_token": client.token("/login")})
    assert answer.headers["Location"] == "/people/?q=7"


def test_without_its_token_no_form_is_taken(make, client_for):
    make.person("boss", "admin")
    client = client_for("boss")
    for address in ("/login", "/logout", "/first-code", "/account/password", "/account/sessions/end", "/language", "/people/new", "/people/1",
                    "/people/1/reset",
                    "/people/1/active", "/people/1/grants", "/people/1/grants/revoke", "/people/audit", "/people/import", "/people/import/" + "0" * 64,
                    "/people/import/" + "0" * 64 + "/discard", "/people/codes"):
        answer = client.post(address, data={"login": "boss", "password": PASSWORD, "language": "zh", "cohort": "1"})
        assert answer.status_code == 400, address
    assert client.get("/account").status_code == 200


def test_a_session_ends_after_four_idle_and_sixteen_hours(make, client_for):
    make.person("zhou", "trainee")
    start = clock.now()
    with clock.standing_at(start):
        idle, busy = client_for("zhou"), client_for("zhou")
    for hours in range(3, 16, 3):
        with clock.standing_at(start + timedelta(hours=hours)):
            assert busy.get("/account").status_code == 200
    with clock.standing_at(start + timedelta(hours=4, minutes=1)):
        assert idle.get("/account").status_code == 303
    with clock.standing_at(start + timedelta(hours=16, minutes=1)):
        assert busy.get("/account").status_code == 303


def test_a_signed_in_reader_is_not_asked_to_sign_in_again(make, client_for):
    make.person("zhou", "trainee")
    assert client_for("zhou").get("/login").status_code == 303


# ── demo logins ──────────────────────────────────────────────────────────────────────────────────────────────
def demo_person(make, login="trainee"):
    person_id = make.person(login, "trainee")
    with transaction():
        db.session.get_one(Person, person_id).is_demo = True
        if accounts.installation_mark("demo") is None:
            db.session.add(Installation(key="demo", value="1"))
    return person_id


def test_demo_logins_work_and_are_shown_only_in_a_demo(make, client_for, monkeypatch):
    demo_person(make)
    monkeypatch.setenv("QIZHOU_DEMO", "1")
    client = client_for()
    assert "qizhou-demo" in client.get("/login").get_data(as_text=True)
    assert sign_in(client, "trainee", PASSWORD).status_code == 303
    monkeypatch.setenv("QIZHOU_DEMO", "0")
    other = client_for()
    assert "qizhou-demo" not in other.get("/login").get_data(as_text=True)
    assert sign_in(other, "trainee", PASSWORD).status_code == 422


def test_a_demo_login_is_refused_where_the_database_bears_no_demo_mark(make, client_for):
    person_id = make.person("trainee", "trainee")
    with transaction():
        db.session.get_one(Person, person_id).is_demo = True
    assert sign_in(client_for(), "trainee", PASSWORD).status_code == 422


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_list_of_sign_ins_ends_one_or_all_others(make, client_for):
    make.person("zhou", "trainee")
    make.person("lu", "trainee")
    here, there, third, other = client_for("zhou"), client_for("zhou"), client_for("zhou"), client_for("lu")
    page = here.get("/account").get_data(as_text=True)
    assert page.count("End it") == 2 and "this device" in page
    ids = db.session.execute(select(AuthSession.id).order_by(AuthSession.id)).scalars().all()
    assert here.send("/account/sessions/end", {"session": str(ids[1])}).status_code == 303
    assert there.get("/account").status_code == 303 and third.get("/account").status_code == 200
    assert here.send("/account/sessions/end", {"session": str(ids[3])}).status_code == 303
    assert other.get("/account").status_code == 200, "another person's sign-in was ended"
    here.send("/account/sessions/end")
    assert third.get("/account").status_code == 303 and here.get("/account").status_code == 200
    assert live_sessions() == 2


def test_signing_out_ends_the_session_for_good(make, client_for):
    make.person("zhou", "trainee")
    client = client_for("zhou")
    cookie = client.get_cookie("qizhou").value
    assert client.send("/logout").status_code == 303
    client.set_cookie("qizhou", cookie)
    assert client.get("/account").status_code == 303
    assert live_sessions() == 0


# ── passwords ────────────────────────────────────────────────────────────────────────────────────────────────
def change(client, current, new, again=None):
    return client.send("/account/password", {"current": current, "password": new, "again": again or new})


def test_a_changed_password_works_at_once_and_ends_the_other_sign_ins(make, client_for):
    make.person("zhou", "trainee")
    here, there = client_for("zhou"), client_for("zhou")
    assert change(here, PASSWORD, "river-at-dawn-7").status_code == 303
    assert here.get("/account").status_code == 200 and there.get("/account").status_code == 303
    assert sign_in(client_for(), "zhou", PASSWORD).status_code == 422
    assert sign_in(client_for(), "zhou", "river-at-dawn-7").status_code == 303


@pytest.mark.parametrize(("current", "new", "again", "says"), [
    (WRONG, "river-at-dawn-7", "", "This is not your present password."),
    (PASSWORD, "river-at-dawn-7", "river-at-dawn-8", "The two passwords differ."),
    (PASSWORD, "short", "", "Use ten characters or more."),
    (PASSWORD, "woaini1314", "", "among the first that are guessed"),
    (PASSWORD, "aaaaaaaaaaaa", "", "among the first that are guessed"),
    (PASSWORD, "zhou-is-my-name", "", "contains your login"),
    (PASSWORD, PASSWORD, "", "the password you have now"),
])
def test_a_password_that_will_not_do_is_refused_with_its_reason(make, client_for, current, new, again, says):
    person_id = make.person("zhou", "trainee")
    before = account(person_id).password_hash
    answer = change(client_for("zhou"), current, new, again)
    assert answer.status_code == 422 and says in answer.get_data(as_text=True)
    assert account(person_id).password_hash == before


# ── first codes ──────────────────────────────────────────────────────────────────────────────────────────────
def code_for(make, login="zhou") -> tuple[int, str]:
    person_id = make.person(login, "trainee")
    with transaction():
        code = accounts.reset_password(account(person_id).id, person_id)
    return person_id, code


def redeem(client, login, code, new="river-at-dawn-7", again=None):
    return client.post("/first-code", data={"login": login, "code": code, "password": new, "again": again or new, "csrf_token": client.token("/first-code")})


def test_a_first_code_works_once_however_it_is_typed(make, client_for):
    _person, code = code_for(make)
    sloppy = code.lower().replace("-", " ").replace("o", "0").replace("i", "1").replace("b", "8")
    assert redeem(client_for(), " ZHOU ", f" {sloppy} ").status_code == 303
    assert redeem(client_for(), "zhou", code, "another-river-8").status_code == 422
    assert sign_in(client_for(), "zhou", "another-river-8").status_code == 422
    assert sign_in(client_for(), "zhou", "river-at-dawn-7").status_code == 303


def test_a_first_code_of_another_login_or_an_expired_or_replaced_one_is_refused(make, client_for):
    person_id, code = code_for(make)
    make.person("lu", "trainee")
    assert redeem(client_for(), "lu", code).status_code == 422
    with clock.standing_at(clock.now() + timedelta(days=14, seconds=1)):
        assert redeem(client_for(), "zhou", code).status_code == 422
    with transaction():
        newer = accounts.make_first_code(account(person_id).id, None)
    assert redeem(client_for(), "zhou", code).status_code == 422
    assert redeem(client_for(), "zhou", newer).status_code == 303


def test_a_refused_password_does_not_use_up_the_code(make, client_for):
    _person, code = code_for(make)
    assert redeem(client_for(), "zhou", code, "short").status_code == 422
    assert redeem(client_for(), "zhou", code, "river-at-dawn-7", "differs").status_code == 422
    assert redeem(client_for(), "zhou", code).status_code == 303


def test_guessing_codes_is_paused_like_guessing_passwords(make, client_for):
    _person, code = code_for(make)
    client = client_for()
    for _try in range(5):
        assert redeem(client, "zhou", "AAAA-BBBB-CCCC-DDDD").status_code == 422
    answer = redeem(client, "zhou", code)
    assert answer.status_code == 422 and "Too many wrong tries" in answer.get_data(as_text=True)
    db.session.rollback()
    assert db.session.execute(select(FirstCode.used_at)).scalar_one() is None


def test_codes_are_kept_as_hashes_of_eighty_random_bits(make):
    _person, code = code_for(make)
    assert len(code.replace("-", "")) == 16
    assert db.session.execute(select(FirstCode.code_hash)).scalar_one() not in (code, code.replace("-", ""))


def test_whoever_must_change_the_password_sees_nothing_else_first(make, client_for):
    person_id = make.person("zhou", "trainee")
    with transaction():
        db.session.execute(select(Account).where(Account.person_id == person_id)).scalar_one().must_change = True
    client = client_for("zhou")
    assert client.get("/account").headers["Location"] == "/account/password"
    answer = client.post("/account/password", data={"csrf_token": client.token("/account/password"), "op": "1", "current": PASSWORD,
                                                    "password": "river-at-dawn-7", "again": "river-at-dawn-7"})
    assert answer.status_code == 303 and client.get("/account").status_code == 200


# ── languages ────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_language_is_remembered_for_the_browser_and_with_the_account(make, client_for):
    make.person("zhou", "trainee")
    client = client_for("zhou")
    assert "Where you are signed in" in client.get("/account").get_data(as_text=True)
    assert client.send("/language", {"language": "zh", "next": "/account"}).headers["Location"] == "/account"
    assert "登录中的设备" in client.get("/account").get_data(as_text=True)
    elsewhere = client_for("zhou", language="en")
    assert "登录中的设备" in elsewhere.get("/account").get_data(as_text=True)


def test_the_language_switch_never_leads_out_of_the_site(client_for):
    client = client_for()
    answer = client.post("/language", data={"language": "en", "next": "//evil.example", "csrf_token": client.token("/login")})
    assert answer.headers["Location"] == "/"


def test_error_pages_speak_the_readers_language_and_scripts_get_json(make, client_for):
    assert "这个地址没有内容" in client_for(language="zh").get("/nowhere").get_data(as_text=True)
    answer = client_for().get("/nowhere", headers={"Accept": "application/json"})
    assert answer.status_code == 404 and answer.get_json()["error"] == "not-found"
    make.person("zhou", "trainee")
    refused = client_for("zhou").get("/people/")
    assert refused.status_code == 403 and "not for your role" in refused.get_data(as_text=True)
