"""Issuing certificates: one live one per person, programme and cycle; numbers, papers, revocation, repair."""

from __future__ import annotations

import hashlib
import re
import threading
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from foundation import audit, clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from foundation.people import Person
from tests.conftest import ON_BOTH
from tests.credentials_world import World, copies_that_differ, decide
from tests.factories import Factory
from training.credentials import queries, services
from training.credentials.models import Credential, LiveCredential, RenderedPdf, Revocation, SerialCounter
from training.credentials.rules import paper, record
from training.credentials.rules.status import Status
from training.credentials.services.papers import path_of


@pytest.fixture
def world(make: Factory) -> World:
    return World(make)


def count(model: Any) -> int:
    return db.session.execute(select(func.count()).select_from(model)).scalar_one()


def test_a_certificate_carries_everything_the_record_promises(world: World) -> None:
    made = world.certify(world.trainee(name="陆知行"))
    year = clock.today("Asia/Shanghai").year
    assert made.number == f"QZ-{year}-SM-000001"
    assert re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", made.code)
    facts = made.facts
    assert facts["name"] == "陆知行" and facts["class_hours"] == 140 and facts["programme_key"] == "service-manager"
    assert facts["programme_title"]["zh"] == "客户服务经理专业培训"
    assert record.shown_of(facts) == {"written_exam": "86.0", "skill_demonstration": "84.0", "case_analysis": "78.0", "participation": "88.0"}
    assert facts["total"] == "83.8" and facts["band_title"] == {"zh": "良好", "en": "Good"} and facts["scheme_version"] == "default@1"
    assert facts["programme_version"] == 1 and facts["cycle"] == 1 and facts["replaces"] is None
    assert facts["verification_url"] == made.verification_url and made.verification_url.endswith(f"/verify/{made.code}")
    assert made.facts_hash == hashlib.sha256(record.canonical(facts).encode()).hexdigest()
    assert made.expires_on == record.last_valid_day(made.issued_on, 36)
    assert made.valid_until == clock.end_of_day(made.expires_on, "Asia/Shanghai")
    assert copies_that_differ(made) == {}
    assert (made.template_version, made.engine_version, made.font_version) == tuple(vars(paper.versions()).values())


def test_completed_on_is_the_day_of_the_last_component_as_the_cohort_saw_it(world: World) -> None:
    from datetime import UTC, datetime

    # 23:30 in Shanghai on 3 June is still the 3rd there; the others were earlier
    performed = datetime(2026, 6, 4, 15, 30, tzinfo=UTC)
    made = world.certify(world.trainee(), performed_at=performed)
    assert made.facts["completed_on"] == date(2026, 6, 3).isoformat()


def test_numbers_of_a_series_have_no_gaps(world: World) -> None:
    numbers = [made.number for made in world.many(5)]
    assert [number[-6:] for number in numbers] == ["000001", "000002", "000003", "000004", "000005"]


def test_a_refused_issue_uses_up_no_number(world: World) -> None:
    rare = world.trainee(name="陆\U0002b7f7行")
    with pytest.raises(paper.UnprintableName), transaction():
        services.issue(rare, decide(rare, world.reviewer_id), None)
    assert count(Credential) == 0 and count(SerialCounter) == 0
    assert world.certify(world.trainee()).number.endswith("000001")


def test_issuing_is_one_audit_event_with_the_digest(world: World) -> None:
    made = world.certify(world.trainee(name="陆知行"))
    event = db.session.execute(select(AuditEvent).where(AuditEvent.action == "credential:issue")).scalar_one()
    assert event.subject == f"credential:{made.id}" and event.facts["digest"] == made.facts_hash and event.facts["number"] == made.number
    assert "陆知行" not in str(event.facts)
    assert audit.verify().bad_seq is None


def test_issuing_the_same_decision_again_returns_the_same_certificate(world: World) -> None:
    enrolment_id = world.trainee()
    first = world.certify(enrolment_id)
    with transaction():
        again = services.issue(enrolment_id, first.decision_id, world.reviewer_id)
        assert again.id == first.id
    assert count(Credential) == 1


def test_a_decision_that_is_no_pass_earns_nothing(world: World) -> None:
    enrolment_id = world.trainee()
    with pytest.raises(ValueError, match="only a pass"), transaction():
        services.issue(enrolment_id, decide(enrolment_id, world.reviewer_id, outcome="resit"), None)


def test_the_database_refuses_a_second_live_certificate(world: World) -> None:
    made = world.certify(world.trainee())
    with pytest.raises(IntegrityError), transaction():
        db.session.add(LiveCredential(person_id=made.person_id, programme_key=made.programme_key, cycle=made.cycle, credential_id=made.id + 1))
        db.session.flush()


@pytest.mark.parametrize("statement", ["UPDATE credential SET name = 'x'", "DELETE FROM credential", "UPDATE revocation SET reason = 'x'",
                                       "DELETE FROM revocation", "DELETE FROM rendered_pdf"])
def test_certificates_and_their_end_are_never_edited(world: World, statement: str) -> None:
    made = world.certify(world.trainee())
    with transaction():
        services.revoke(made.id, world.reviewer, "张冠李戴")
    with pytest.raises(IntegrityError, match="append-only"), transaction():
        db.session.execute(text(statement))


def test_twenty_at_once_make_one_certificate(app: Flask, world: World) -> None:
    enrolment_id = world.trainee()
    with transaction():
        decision_id = decide(enrolment_id, world.reviewer_id)
    found: list[int] = []
    faults: list[BaseException] = []
    gate = threading.Barrier(20)

    def issue() -> None:
        with app.app_context():
            gate.wait()
            try:
                with transaction() as change:
                    found.append(services.issue(enrolment_id, decision_id, world.reviewer_id).id)
                    change.after_commit.clear()
            except BaseException as fault:
                faults.append(fault)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=issue) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(found) == 20 and len(set(found)) == 1
    assert count(Credential) == 1 and count(LiveCredential) == 1
    assert db.session.get_one(SerialCounter, f"QZ-{clock.today('Asia/Shanghai').year}-SM").last == 1


# ── the paper ────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_paper_is_kept_after_commit_and_served_by_its_hash(world: World) -> None:
    made = world.certify(world.trainee())
    kept = db.session.execute(select(RenderedPdf).where(RenderedPdf.credential_id == made.id)).scalar_one()
    content = path_of(kept.sha256).read_bytes()
    assert hashlib.sha256(content).hexdigest() == kept.sha256
    view = queries.find_credential(made.id)
    assert view is not None and services.paper_of(view) == content
    assert oct(path_of(kept.sha256).stat().st_mode & 0o777) == "0o600"
    assert not list(path_of(kept.sha256).parent.glob("*.part"))


@pytest.mark.parametrize("harm", ["lost", "cut"])
def test_a_lost_or_damaged_paper_is_made_again_byte_for_byte(world: World, harm: str) -> None:
    made = world.certify(world.trainee())
    view = queries.find_credential(made.id)
    assert view is not None and view.pdf_sha256 is not None
    file = path_of(view.pdf_sha256)
    before = file.read_bytes()
    if harm == "lost":
        file.unlink()
    else:
        file.write_bytes(before[:1000])
    paper._compiler.cache_clear()
    assert services.paper_of(view) == before
    assert file.read_bytes() == before


def test_a_kill_between_commit_and_paper_does_no_harm(world: World) -> None:
    made = world.many(1)[0]                       # its paper was never drawn
    view = queries.find_credential(made.id)
    assert view is not None and view.pdf_sha256 is None
    drawn = services.paper_of(view)
    assert drawn.startswith(b"%PDF") and count(RenderedPdf) == 0
    done = services.issue_due()
    assert (done.issued, done.drawn, done.restored, done.problems) == ([], 1, 0, [])
    view = queries.find_credential(made.id)
    assert view is not None and view.pdf_sha256 == hashlib.sha256(drawn).hexdigest()


def test_an_engine_that_fails_leaves_the_certificate_standing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "TEMPLATES", paper.TEMPLATES.parent / "nowhere")
    paper._compiler.cache_clear()
    made = world.certify(world.trainee())
    assert made.number.endswith("000001") and count(RenderedPdf) == 0
    monkeypatch.undo()
    assert services.issue_due().drawn == 1


@ON_BOTH
def test_issue_due_normally_finds_nothing_and_repairs_what_a_crash_left(world: World) -> None:
    made = world.certify(world.trainee())
    assert services.issue_due().found_nothing
    forgotten = world.trainee(name="顾清妍")
    rare = world.trainee(name="陆\U0002b7f7行")
    with transaction():
        decide(forgotten, world.reviewer_id)
        decide(rare, world.reviewer_id)
    view = queries.find_credential(made.id)
    assert view is not None and view.pdf_sha256 is not None
    path_of(view.pdf_sha256).unlink()
    done = services.issue_due()
    assert [number[-6:] for number in done.issued] == ["000002"] and done.restored == 1
    assert len(done.problems) == 1 and "U+2B7F7" in done.problems[0]
    assert services.issue_due().issued == []


def test_issue_due_does_not_give_back_what_was_revoked(world: World) -> None:
    made = world.certify(world.trainee())
    with transaction():
        services.revoke(made.id, world.reviewer, "成绩作废")
    assert services.issue_due().issued == []
    assert count(Credential) == 1


# ── ending and issuing anew ──────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_a_revocation_shows_at_the_next_reading_and_frees_the_place(world: World) -> None:
    made = world.certify(world.trainee())
    with transaction():
        services.revoke(made.id, world.reviewer, "  身份不符  ")
    view = queries.find_public(made.code)
    assert view is not None and view.status is Status.REVOKED and view.revocation_reason == "身份不符" and not view.is_live
    assert count(LiveCredential) == 0
    event = db.session.execute(select(AuditEvent).where(AuditEvent.action == "credential:revoke")).scalar_one()
    assert "身份不符" not in str(event.facts)


def test_a_second_revocation_is_refused_and_the_first_reason_stands(world: World) -> None:
    made = world.certify(world.trainee())
    with transaction():
        services.revoke(made.id, world.reviewer, "第一个理由")
    with pytest.raises(services.AlreadyRevoked), transaction():
        services.revoke(made.id, world.reviewer, "第二个理由")
    assert db.session.execute(select(Revocation.reason)).scalars().all() == ["第一个理由"]


def test_nobody_revokes_or_renews_a_certificate_of_their_own(world: World) -> None:
    person_id = world.make.person("both", "trainee", "reviewer")
    made = world.certify(world.make.enrol(world.cohort_id, person_id))
    actor = world.make.actor(person_id)
    for act in (services.revoke, services.issue_anew):
        with pytest.raises(services.OwnCredential), transaction():
            act(made.id, actor, "because")


@ON_BOTH
def test_a_certificate_issued_anew_takes_the_present_name_and_the_old_last_day(world: World) -> None:
    old = world.certify(world.trainee(name="陆知形"))
    with transaction():
        db.session.get_one(Person, old.person_id).name = "陆知行"
    with clock.standing_at(clock.now() + timedelta(days=90)):
        with transaction():
            new_id = services.issue_anew(old.id, world.reviewer, "姓名更正").id
        new, before = queries.find_credential(new_id), queries.find_credential(old.id)
        assert new is not None and before is not None
        assert new.name == "陆知行" and new.number != before.number and new.code != before.code
        assert new.facts["replaces"] == before.number and new.reason == "姓名更正" and new.cycle == before.cycle
        assert new.expires_on == before.expires_on and new.issued_on > before.issued_on
        assert (before.status, new.status) == (Status.REPLACED, Status.VALID)
        assert count(LiveCredential) == 1
        with pytest.raises(services.NothingToReplace), transaction():
            services.issue_anew(old.id, world.reviewer, "再来一次")


def test_after_a_revocation_the_standing_result_can_be_issued_anew(world: World) -> None:
    old = world.certify(world.trainee())
    with transaction():
        services.revoke(old.id, world.reviewer, "印错单位")
    with transaction():
        new = services.issue_anew(old.id, world.reviewer, "更正后重发")
        assert new.facts["replaces"] == old.number
    before, now = queries.find_credential(old.id), queries.find_public(new.code)
    assert before is not None and now is not None
    assert (before.status, now.status) == (Status.REVOKED, Status.VALID)


def test_a_later_cohort_of_the_same_programme_is_a_renewal(world: World) -> None:
    person_id = world.make.person("again", "trainee", name="陆知行")
    first = world.certify(world.make.enrol(world.cohort_id, person_id))
    later = world.make.cohort("2027-A", weeks_ago=7)
    second = world.certify(world.make.enrol(later, person_id))
    assert (first.cycle, second.cycle) == (1, 2) and second.facts["replaces"] is None
    assert count(LiveCredential) == 2


@ON_BOTH
@pytest.mark.parametrize("status", list(Status))
def test_the_state_in_sql_is_the_state_of_the_rule(world: World, status: Status) -> None:
    made = world.many(4)
    with transaction():
        services.revoke(made[1].id, world.reviewer, "一个理由")
        services.issue_anew(made[2].id, world.reviewer, "一个理由")
    for moment in (clock.now(), made[0].valid_until, made[0].valid_until - timedelta(microseconds=1)):
        assert moment is not None
        rows = [queries.view(row, moment) for row in db.session.execute(queries.selection())]
        by_rule = {row.id for row in rows if row.status is status}
        by_sql = {row.id for row in db.session.execute(queries.selection().where(queries.has_status(status, moment)))}
        assert by_rule == by_sql


def test_the_form_is_braked_per_address_and_not_per_guest_of_a_network(app: Flask) -> None:
    def ask(address: str) -> None:
        with transaction():
            services.note_try(address)

    for _ in range(10):
        ask("192.0.2.1")
    with pytest.raises(services.TooManyTries) as pause:
        ask("192.0.2.1")
    ask("192.0.2.2")
    for n in range(10):
        ask(f"2001:db8:0:1::{n:x}")
    with pytest.raises(services.TooManyTries):
        ask("2001:db8:0:1::ffff")
    assert "192.0.2.1" not in str(db.session.execute(text("SELECT * FROM verification_tally")).all())
    with clock.standing_at(pause.value.until):
        ask("192.0.2.1")
    with clock.standing_at(pause.value.until + timedelta(minutes=30)):
        ask("192.0.2.1")
        assert db.session.execute(text("SELECT tries FROM verification_tally")).scalars().all() == [1]
