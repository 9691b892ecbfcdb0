"""The roster import as a service: what a file may hold, what it does, and that it does all of it or nothing."""

from __future__ import annotations

import hashlib
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import xlsxwriter
from flask_babel import force_locale
from sqlalchemy import func, select

from courses import services
from courses.exchange import roster
from courses.models import Enrolment
from foundation import audit, directory, intake
from foundation.db import db, transaction
from foundation.i18n import build
from foundation.people import Account, GrantRow, Person, PersonChange
from foundation.roster import field_of, open_roster
from tests.conftest import ON_BOTH

pytestmark = pytest.mark.usefixtures("app")
HEAD = "工号,姓名,邮箱,手机,机构,岗位,角色,班次,导师工号,登录名\n"


@pytest.fixture
def csv(tmp_path):
    def write(text: str, encoding: str = "utf-8", name: str = "roster.csv") -> Path:
        path = tmp_path / name
        path.write_bytes((HEAD + text).encode(encoding))
        return path

    return write


def look(path: Path) -> roster.Preview:
    survey = roster.survey(path)
    survey.close()
    return survey.preview


def take(path: Path, actor_id: int | None = None, plan: str = "") -> roster.Tally:
    survey = roster.survey(path)
    try:
        with transaction():
            return roster.apply(survey, hashlib.sha256(path.read_bytes()).hexdigest(), plan or survey.preview.plan, actor_id)
    finally:
        survey.close()


def found(path: Path) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.code) for problem in look(path).problems]


def person(number: str) -> Person:
    return db.session.execute(select(Person).where(Person.employee_no == number)).scalar_one()


def grants(number: str) -> set[tuple[str, str]]:
    rows = db.session.execute(select(GrantRow.role, GrantRow.scope).join(Person, Person.id == GrantRow.person_id)
                              .where(Person.employee_no == number, GrantRow.revoked_at.is_(None)))
    return set(rows.all())


def counts() -> tuple[int, ...]:
    db.session.rollback()
    tables = (Person, Account, GrantRow, Enrolment, PersonChange)
    return (*(db.session.execute(select(func.count()).select_from(model)).scalar_one() for model in tables), audit.head()[0])


# ── what a row becomes ───────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_a_cohort_with_trainees_trainer_and_mentor_comes_in_whole(make, csv):
    cohort = make.cohort("2026-A", seats=5)
    path = csv("LJ1,周以宁,zhou@bank.example,13800138000,城东支行,客户服务经理,,2026-A,M9,\n"
               "007,陆知行,,,老城支行,,学员,2026-a 班,M9,luzx\n"
               "T1,丁砚清,,,培训中心,,讲师,2026-A,,\n"
               "M9,秦牧之,,,城东支行,,,,,\n")
    tally = take(path)
    assert (tally.rows, tally.new, tally.enrolled) == (4, 4, 2)
    assert grants("LJ1") == {("trainee", "*")}
    assert grants("T1") == {("trainer", f"cohort:{cohort}")}
    assert grants("M9") == {("trainee", "*"), ("mentor", "*")}
    enrolment = db.session.execute(select(Enrolment).where(Enrolment.person_id == person("007").id)).scalar_one()
    assert enrolment.cohort_id == cohort and enrolment.mentor_id == person("M9").id
    logins = dict(db.session.execute(select(Person.employee_no, Account.login).join(Account, Account.person_id == Person.id)).all())
    assert logins["LJ1"] == "lj1" and logins["007"] == "luzx"
    assert db.session.execute(select(func.count()).where(Account.password_hash.is_not(None))).scalar_one() == 0


@ON_BOTH
def test_the_same_file_again_changes_nothing_and_leaves_no_event(make, csv):
    make.cohort("2026-A")
    path = csv("LJ1,周以宁,,,城东支行,,,2026-A,M9,\nM9,秦牧之,,,,,导师,,,\nT1,丁砚清,,,,,trainer;mentor,2026-A,,\n")
    take(path)
    before = counts()
    preview = look(path)
    assert not preview.tally.does_something and not preview.may_apply
    again = take(path)
    assert (again.new, again.changed, again.unchanged, again.enrolled, again.roles) == (0, 0, 3, 0, {})
    assert counts() == before


def test_an_import_is_one_audit_event_with_the_digests_of_file_and_plan(make, csv):
    make.cohort("2026-A")
    head = audit.head()[0]
    actor = make.person("boss", "admin")
    path = csv("LJ1,周以宁,,,城东支行,,,2026-A,,\nR1,何静,,,,,培训部,,,\n")
    plan = look(path).plan
    start = audit.head()[0]
    take(path, actor)
    assert audit.head()[0] == start + 1 >= head
    event = db.session.execute(select(audit.AuditEvent).order_by(audit.AuditEvent.seq.desc()).limit(1)).scalar_one()
    assert event.action == "roster:import" and event.actor_id == actor
    assert event.facts["plan"] == plan and event.facts["file"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert event.facts["wide"] == [[person("R1").id, "reviewer"]]
    assert "周以宁" not in str(event.facts) and audit.verify().bad_seq is None


@ON_BOTH
def test_a_changed_name_and_unit_is_an_update_that_keeps_the_former_values(make, csv):
    take(csv("LJ1,周以宁,,,城东支行,客户服务经理,,,,\n"))
    actor = make.person("boss", "admin")
    id_before = person("LJ1").id
    path = csv("LJ1,周一宁,,,滨江支行,,,,,\n")
    preview = look(path)
    assert preview.changed[0].changes == (("name", "周以宁", "周一宁"), ("org_unit", "城东支行", "滨江支行"))
    assert take(path, actor).changed == 1
    now = person("LJ1")
    assert (now.id, now.name, now.org_unit, now.position) == (id_before, "周一宁", "滨江支行", "客户服务经理")
    history = db.session.execute(select(PersonChange.field, PersonChange.before, PersonChange.after, PersonChange.by_id)).all()
    assert set(history) == {("name", "周以宁", "周一宁", actor), ("org_unit", "城东支行", "滨江支行", actor)}


def test_an_empty_cell_leaves_what_is_on_record(csv):
    take(csv("LJ1,周以宁,zhou@bank.example,13800138000,城东支行,经理,,,,zhouyn\n"))
    assert take(csv("LJ1,周以宁,,,,,,,,\n")).unchanged == 1
    assert person("LJ1").email == "zhou@bank.example"


@ON_BOTH
def test_a_told_login_moves_and_an_untold_one_stays(csv):
    take(csv("LJ1,周以宁,,,,,,,,\n"))
    take(csv("LJ1,周以宁,,,,,,,,ZhouYN\n"))
    assert db.session.execute(select(Account.login)).scalar_one() == "zhouyn"
    assert take(csv("LJ1,周以宁,,,,,,,,\n")).unchanged == 1


def test_roles_are_added_and_never_taken_away(csv):
    take(csv("LJ1,周以宁,,,,,人力资源,,,\n"))
    tally = take(csv("LJ1,周以宁,,,,,学员；导师,,,\n"))
    assert tally.roles == {"trainee": 1, "mentor": 1}
    assert {role for role, _scope in grants("LJ1")} == {"hr", "trainee", "mentor"}


def test_a_reviewer_with_a_cohort_reviews_that_cohort_alone_and_one_without_reviews_all(make, csv):
    cohort = make.cohort("2026-A")
    take(csv("R1,何静,,,,,reviewer,2026-A,,\nR2,柳同,,,,,reviewer,,,\n"))
    assert grants("R1") == {("reviewer", f"cohort:{cohort}")} and grants("R2") == {("reviewer", "*")}
    assert take(csv("R2,柳同,,,,,reviewer,2026-A,,\n")).unchanged == 1


@ON_BOTH
def test_a_withdrawn_trainee_comes_back_only_visibly(make, csv):
    make.cohort("2026-A", seats=1)
    path = csv("LJ1,周以宁,,,,,,2026-A,,\n")
    take(path)
    enrolment = db.session.execute(select(Enrolment)).scalar_one()
    with transaction():
        services.withdraw(enrolment.id, person("LJ1").id)
    assert look(path).changed[0].changes == (("cohort", "", "2026-A"),)
    assert take(path).enrolled == 1
    assert db.session.execute(select(Enrolment.withdrawn_at)).scalar_one() is None


@ON_BOTH
def test_another_mentor_is_a_change_and_an_empty_one_is_not(make, csv):
    make.cohort("2026-A")
    rest = "M1,甲,,,,,导师,,,\nM2,乙,,,,,导师,,,\n"
    take(csv("LJ1,周以宁,,,,,,2026-A,M1,\n" + rest))
    path = csv("LJ1,周以宁,,,,,,2026-A,M2,\n" + rest)
    assert look(path).changed[0].changes == (("mentor_employee_no", "M1", "M2"),)
    take(path)
    assert db.session.execute(select(Enrolment.mentor_id)).scalar_one() == person("M2").id
    assert take(csv("LJ1,周以宁,,,,,,2026-A,,\n")).unchanged == 1


def test_a_workbook_with_english_headings_and_numbers_reads_as_text(tmp_path, make):
    make.cohort("2026-A")
    path = tmp_path / "r.xlsx"
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["Roster of autumn 2026"])
        sheet.write_row(2, 0, [" Employee No. ", "NAME*", "Mobile", "Org Unit", "Cohort"])
        sheet.write_number(3, 0, 7.0)
        sheet.write_row(3, 1, ["周以宁", 13800138000, "城东支行", "2026-A"])
        sheet.write_row(4, 0, ["007", "陆知行"])
    preview = look(path)
    assert [(p.row, p.code) for p in preview.problems] == [(5, "zeros")]
    assert take(path).new == 2
    assert person("7").mobile == "13800138000" and person("007").name == "陆知行"


# ── headings ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("heading", "key"), [
    ("工号", "employee_no"), (" 工 号* ", "employee_no"), ("工号（必填）", "employee_no"), ("employee_no 工号", "employee_no"), ("Employee No.", "employee_no"),
    ("ＥＭＰＬＯＹＥＥ＿ＮＯ", "employee_no"), ("姓名/name", "name"), ("E-Mail", "email"), ("手机号码", "mobile"), ("机构", "org_unit"), ("岗位", "position"),
    ("角色", "role"), ("班次", "cohort"), ("导师工号", "mentor_employee_no"), ("Mentor employee no", "mentor_employee_no"), ("登录名", "login"),
    ("备注", ""), ("姓名 工号", ""), ("", ""),
])
def test_headings_are_understood_in_the_ways_people_write_them(heading, key):
    assert field_of(heading) == key


def test_a_file_without_headings_says_what_it_found(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("LJ1,周以宁\nLJ2,陆知行\n", encoding="utf-8")
    preview = look(path)
    assert [(p.row, p.code) for p in preview.problems] == [(0, "no_heading")] and "LJ1 · 周以宁" in preview.problems[0].message()


def test_headings_alone_and_doubled_and_unknown_headings_are_told(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("工号,姓名,姓名,备注\n", encoding="utf-8")
    assert found(path) == [(0, "", "no_rows"), (1, "name", "heading_twice"), (1, "", "heading_unknown")]


def test_the_template_that_is_offered_can_be_read_back(tmp_path):
    from foundation.roster import blank_roster

    for language in ("zh", "en"):
        path = tmp_path / f"{language}.xlsx"
        path.write_bytes(blank_roster(language))
        assert len(open_roster(path).columns) == 10


# ── what is wrong, and where ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-16"])
def test_chinese_survives_the_encodings_offices_use(csv, encoding):
    take(csv("LJ1,赵㛃,,,城东支行,,,,,\n", encoding))
    assert person("LJ1").name == "赵㛃"


@pytest.mark.parametrize(("row", "problem"), [
    (",周以宁,,,,,,,,", (2, "employee_no", "required")),
    ("LJ1,　 ,,,,,,,,", (2, "name", "required")),
    ("LJ1,周,not-an-address,,,,,,,", (2, "email", "email")),
    ("LJ1,周,,call me,,,,,,", (2, "mobile", "mobile")),
    ("LJ1,周,,,,,boss,,,", (2, "role", "role")),
    ("LJ1,周,,,,,,2026-X,,", (2, "cohort", "cohort_unknown")),
    ("LJ1,周,,,,,,2026-A,LJ1,", (2, "mentor_employee_no", "mentor_self")),
    ("LJ1,周,,,,,,2026-A,NOBODY,", (2, "mentor_employee_no", "mentor_unknown")),
    ("LJ1,周,,,,,,,,two words", (2, "login", "login_blank")),
    ("LJ1,周\u202e宁,,,,,,,,", (2, "name", "characters")),
    ("LJ1,周,,,,,,,,taken", (2, "login", "login_taken")),
])
def test_each_mistake_is_an_error_at_its_row_and_column(make, csv, row, problem):
    make.cohort("2026-A")
    make.person("taken")
    path = csv(row + "\n")
    assert found(path) == [problem]
    before = counts()
    with pytest.raises(roster.RosterHasErrors):
        take(path)
    assert counts() == before


def test_a_cell_of_200_kb_is_an_error_not_a_crash(csv):
    path = csv("LJ1,周,,,,,,,,\nLJ2," + "长" * 70_000 + ",,,,,,,,\n")
    preview = look(path)
    assert [(p.row, p.column, p.code) for p in preview.problems] == [(3, "name", "too_long")]
    assert "70000" in preview.problems[0].message() and len(preview.problems[0].message()) < 120


def test_a_number_twice_names_both_rows_and_so_does_a_login(csv):
    path = csv("LJ1,周,,,,,,,,\nLJ2,陆,,,,,,,,\nLJ1,沈,,,,,,,,\nLJ3,顾,,,,,,,,LJ2\n")
    preview = look(path)
    assert [(p.row, p.code, p.values) for p in preview.problems] == [(4, "number_twice", ("LJ1", 2, 4)), (5, "login_twice", ("lj2", 3, 5))]


def test_numbers_that_differ_in_case_cannot_share_the_default_login(csv):
    assert found(csv("abc,周,,,,,,,,\nABC,陆,,,,,,,,\n")) == [(3, "employee_no", "login_twice")]


def test_007_beside_7_is_a_warning_that_names_both_rows_and_makes_two_persons(csv):
    path = csv("7,周,,,,,,,,\n8,顾,,,,,,,,\n007,陆,,,,,,,,\n")
    preview = look(path)
    assert [(p.code, p.values, p.is_error) for p in preview.problems] == [("zeros", ("7", 2, "007", 4), False)]
    assert take(path).new == 3
    assert person("7").id != person("007").id


def test_7_in_the_file_beside_007_on_record_is_a_warning_once(csv):
    take(csv("007,陆知行,,,,,,,,\n"))
    path = csv("7,周,,,,,,,,\n")
    assert [(p.code, p.values) for p in look(path).problems] == [("zeros_known", ("7", "007", "陆知行"))]
    take(path)
    assert found(path) == []


def test_formulas_are_taken_as_text_with_a_warning(csv, tmp_path):
    path = csv('LJ1,"=HYPERLINK(""http://x"",""周"")",,,@城东,,,,,\n"=""007""",陆,,,,,,,,\n')
    assert found(path) == [(2, "name", "looks_like_formula"), (2, "org_unit", "looks_like_formula"), (3, "employee_no", "formula")]
    take(path)
    assert person("LJ1").name == '=HYPERLINK("http://x","周")' and person("007").name == "陆"


def test_a_mobile_with_plus_is_no_formula(csv):
    assert found(csv("LJ1,周,,+86 13800138000,,,,,,\n")) == []


def test_more_trainees_than_seats_is_an_error_at_the_first_row_too_many(make, csv):
    cohort = make.cohort("2026-A", seats=2)
    make.trainee(cohort)
    path = csv("LJ1,周,,,,,,2026-A,,\nLJ2,陆,,,,,,2026-A,,\n")
    assert [(p.row, p.code, p.values) for p in look(path).problems] == [(3, "seats", ("2026-A", 2, 3))]


def test_roles_without_the_cohort_they_need_are_warned(make, csv):
    make.cohort("2026-A")
    path = csv("T1,丁,,,,,讲师,,,\nH1,何,,,,,hr,2026-A,,\nLJ1,周,,,,,,,T1,\nA1,白,,,,,admin,,,\n")
    assert {(p.row, p.code, p.is_error) for p in look(path).problems} == {
        (2, "trainer_without_cohort", False), (3, "cohort_unused", False), (4, "mentor_without_cohort", False), (5, "wide_role", False)}
    take(path)
    assert grants("T1") == set() and grants("A1") == {("admin", "*")}


def test_messages_are_worded_in_both_languages(csv):
    build()
    problem = look(csv("LJ1,周,,,,,,2026-X,,\n")).problems[0]
    with force_locale("zh"):
        assert problem.message() == "没有“2026-X”这个班次，请先在班次管理里开设。"
    with force_locale("en"):
        assert problem.message().startswith("There is no cohort “2026-X”.")


# ── all or nothing ───────────────────────────────────────────────────────────────────────────────────────────
def many(number: int, cohort: str = "2026-A") -> str:
    return "".join(f"N{i:06d},学员{i},n{i}@bank.example,,第{i % 90}支行,客户服务经理,,{cohort},,\n" for i in range(number))


@ON_BOTH
def test_a_break_in_the_middle_leaves_nothing(make, csv, monkeypatch):
    make.cohort("2026-A", seats=3000)
    path = csv(many(1200))
    before = counts()
    real, calls = intake.carry_out, []

    def breaks_in_the_third_chunk(steps, actor_id):
        calls.append(len(steps))
        done = real(steps, actor_id)
        if len(calls) == 3:
            raise OSError("the machine dies here")
        return done

    monkeypatch.setattr(intake, "carry_out", breaks_in_the_third_chunk)
    with pytest.raises(OSError, match="dies here"):
        take(path)
    assert calls == [500, 500, 200]
    assert counts() == before
    monkeypatch.undo()
    assert take(path).new == 1200


def test_a_process_killed_in_the_middle_leaves_nothing(app, make, csv):
    make.cohort("2026-A", seats=3000)
    path = csv(many(1200))
    before = counts()
    script = """
import os, signal, sys
from app import create_app
from courses.exchange import roster
from foundation import intake
from foundation.db import transaction
real, chunks = intake.carry_out, []
def carry_out(steps, actor_id):
    done = real(steps, actor_id)
    chunks.append(len(steps))
    if len(chunks) == 2:
        print("killed after", sum(chunks), "rows", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return done
intake.carry_out = carry_out
with create_app({"DATA": sys.argv[1]}).app_context():
    survey = roster.survey(__import__("pathlib").Path(sys.argv[2]))
    with transaction():
        roster.apply(survey, "0" * 64, survey.preview.plan, None)
"""
    done = subprocess.run([sys.executable, "-c", script, str(app.config["DATA"]), str(path)], cwd=app.root_path, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL and "killed after 1000 rows" in done.stdout, done.stderr
    assert counts() == before
    assert take(path).new == 1200


def test_a_roster_that_touches_an_invented_person_is_warned(make, csv):
    person_id = make.person("trainee", "trainee", name="周以宁")
    with transaction():
        db.session.get_one(Person, person_id).is_demo = True
    assert found(csv("LJ00001,周以宁,,,,,,,,\n")) == [(2, "employee_no", "demo_person")]


def test_what_was_not_previewed_is_not_applied(make, csv):
    make.cohort("2026-A")
    path = csv("LJ1,周以宁,,,城东支行,,,,,\n")
    plan = look(path).plan
    take(csv("LJ1,周一宁,,,,,,,,\n", name="other.csv"))
    before = counts()
    with pytest.raises(roster.PlanChanged):
        take(path, plan=plan)
    assert counts() == before and person("LJ1").name == "周一宁"


def test_seats_taken_after_the_survey_stop_the_import(make, csv):
    cohort = make.cohort("2026-A", seats=1)
    path = csv("LJ1,周以宁,,,,,,2026-A,,\n")
    survey = roster.survey(path)
    make.trainee(cohort)
    before = counts()
    with pytest.raises(roster.PlanChanged), transaction():
        roster.apply(survey, "0" * 64, survey.preview.plan, None)
    survey.close()
    assert counts() == before


def test_five_thousand_rows_take_few_statements_and_little_memory(make, csv, query_count):
    make.cohort("2026-A", seats=6000)
    path = csv(many(5000))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with query_count() as counted:
        assert take(path).new == 5000
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert counted.number < 5000 / 500 * 25
    assert sys.platform != "linux" or grown_kb < 60_000
    assert look(path).tally.unchanged == 5000


def test_real_people_in_a_demo_database_are_remembered(csv):
    from foundation.accounts import installation_mark
    from foundation.people import Installation

    with transaction():
        db.session.add(Installation(key="demo", value="1"))
    assert installation_mark("demo-mixed") is None
    take(csv("LJ1,周以宁,,,,,,,,\n"))
    assert installation_mark("demo-mixed") is not None


# ── one person at a time ─────────────────────────────────────────────────────────────────────────────────────
def test_an_administrator_cannot_take_their_own_last_admin_role(make):
    boss, other = make.person("boss", "admin"), make.person("other", "admin")
    own = db.session.execute(select(GrantRow.id).where(GrantRow.person_id == boss)).scalar_one()
    with pytest.raises(directory.GrantRefused, match="own_admin"), transaction():
        directory.revoke_role(boss, own, boss)
    with transaction():
        directory.revoke_role(boss, own, other)
    assert grants(db.session.get_one(Person, boss).employee_no) == set()


@pytest.mark.parametrize(("role", "scope"), [("admin", "cohort:1"), ("trainee", "cohort:1"), ("trainer", "nonsense"), ("trainer", "")])
def test_a_scope_that_does_not_go_with_the_role_is_refused(make, role, scope):
    someone = make.person("someone")
    with pytest.raises(directory.GrantRefused, match="scope"), transaction():
        directory.give_role(someone, directory.Role(role), scope, None)
