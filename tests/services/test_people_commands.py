"""`flask people add` and `flask people import`: what scripts and administrators at a terminal rely on."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from foundation import accounts
from foundation.db import db
from foundation.people import Account, FirstCode, GrantRow, Person

HEAD = "工号,姓名,机构,角色,班次\n"


@pytest.fixture
def run(app):
    runner = app.test_cli_runner()
    return lambda *arguments: runner.invoke(args=["people", *arguments])


def count(model) -> int:
    db.session.rollback()
    return db.session.execute(select(func.count()).select_from(model)).scalar_one()


def test_one_person_gets_a_password_printed_once_that_has_to_be_changed(run, client_for):
    result = run("add", "--login", "Root", "--name", "程望舒", "--role", "admin")
    assert result.exit_code == 0, result.output
    password = re.search(r"^password: (\S+)$", result.output, re.M)
    assert password
    client = client_for().sign_in("root", password[1])
    assert client.get("/people/").headers["Location"] == "/account/password"
    assert db.session.execute(select(GrantRow.role, GrantRow.scope)).all() == [("admin", "*")]
    assert db.session.execute(select(Person.employee_no)).scalar_one() == "Root"


def test_a_first_code_can_be_asked_for_instead(run):
    result = run("add", "--login", "t1", "--name", "丁砚清", "--role", "trainer", "--role", "mentor", "--employee-no", "007", "--first-code")
    code = re.search(r"^first code: (\S+)$", result.output, re.M)
    assert result.exit_code == 0 and code
    accounts_ = db.session.execute(select(Account)).scalar_one()
    assert accounts_.password_hash is None and count(FirstCode) == 1 and count(GrantRow) == 2


@pytest.mark.parametrize(("again", "says"), [(["--login", "ROOT", "--employee-no", "8"], "the login root exists already"),
                                             (["--login", "other", "--employee-no", "Root"], "employee number Root exists already")])
def test_an_existing_login_or_number_is_refused_and_nothing_is_added(run, again, says):
    run("add", "--login", "Root", "--name", "程望舒", "--role", "admin")
    before = (count(Person), count(Account), count(GrantRow))
    result = run("add", *again, "--name", "何静", "--role", "hr")
    assert result.exit_code == 1 and says in result.output
    assert (count(Person), count(Account), count(GrantRow)) == before


@pytest.mark.parametrize("arguments", [["--login", "two words", "--name", "n", "--role", "hr"], ["--login", "x", "--name", " ", "--role", "hr"],
                                       ["--login", "x", "--name", "n", "--role", "emperor"],
                                       ["--login", "x", "--name", "n", "--role", "admin", "--scope", "cohort:1"]])
def test_what_makes_no_person_is_refused(run, arguments):
    result = run("add", *arguments)
    assert result.exit_code != 0 and count(Person) == 0


def test_a_roster_from_the_command_line_and_again(run, make, tmp_path):
    make.cohort("2026-A")
    path = tmp_path / "roster.csv"
    path.write_bytes((HEAD + "LJ1,周以宁,城东支行,,2026-A\nLJ2,陆知行,,trainer,2026-A\n").encode("gb18030"))
    dry = run("import", str(path), "--dry-run", "--lang", "en")
    assert dry.exit_code == 0 and "2 rows: 2 new" in dry.output and "dry run" in dry.output and count(Person) == 0
    assert "2 rows: 2 new, 0 changed, 0 unchanged, 1 enrolled; roles given: trainee 1, trainer 1" in run("import", str(path)).output
    assert "2 rows: 0 new, 0 changed, 2 unchanged, 0 enrolled; roles given: none" in run("import", str(path)).output
    path.write_text(HEAD + "LJ1,周一宁,,,\n", encoding="utf-8")
    assert "周以宁 → 周一宁" in run("import", str(path)).output


def test_problems_go_to_standard_error_with_row_and_column_and_nothing_is_imported(run, tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(HEAD + "7,周以宁,,,2026-X\n007,陆知行,,,\n", encoding="utf-8")
    result = run("import", str(path), "--lang", "zh")
    assert result.exit_code == 1 and count(Person) == 0
    assert "roster.csv: row 2, column E 班次: 没有“2026-X”这个班次" in result.stderr
    assert "row 3, column A 工号: warning: 7（第 2 行）与 007（第 3 行）只差前面的零" in result.stderr
    assert "1 errors, 1 warnings: nothing was imported" in result.stderr
    english = run("import", str(path), "--lang", "en")
    assert "There is no cohort “2026-X”" in english.stderr


def test_a_missing_file_is_a_usage_error(run, tmp_path):
    assert run("import", str(tmp_path / "none.csv")).exit_code == 2


def test_the_printed_password_follows_the_rules_of_chosen_ones(run):
    result = run("add", "--login", "root", "--name", "程望舒", "--role", "admin")
    password = re.search(r"^password: (\S+)$", result.output, re.M)
    assert password
    accounts.check_password_rules(password[1], "root")
