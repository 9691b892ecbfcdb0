"""Confirming a result issues the certificate in the same transaction: the real path from facts to certificate, and its races."""

from __future__ import annotations

import threading
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import func, select

from foundation import audit, clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from foundation.people import Person
from foundation.permissions import Actor
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.services.assessment_facts import Facts
from training.assessment import services as assessment
from training.assessment.models import ResultDecision
from training.assessment.queries.standings import standing_of
from training.credentials import queries, services
from training.credentials.models import Credential, LiveCredential
from training.credentials.rules.paper import UnprintableName
from training.credentials.rules.record import shown_of

PASS = ("86", "84.04", "78", "88")


@pytest.fixture
def facts(make: Factory) -> Facts:
    return Facts(make, make.cohort("2026-A", weeks_ago=7))


@pytest.fixture
def reviewer(make: Factory) -> Actor:
    return make.actor(make.person("reviewer", "reviewer", name="何静"))


def complete(make: Factory, facts: Facts, name: str = "陆知行", scores: tuple[str, str, str, str] = PASS) -> int:
    enrolment_id = make.trainee(facts.cohort_id, name=name)
    facts.all_four(enrolment_id, *scores)
    return enrolment_id


def counts() -> tuple[int, int, int]:
    db.session.rollback()
    return tuple(db.session.execute(select(func.count()).select_from(model)).scalar_one() for model in (ResultDecision, Credential, LiveCredential))  # type: ignore[return-value]


@ON_BOTH
def test_a_confirmed_pass_is_a_certificate_with_the_published_scores(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment_id = complete(make, facts)
    standing = standing_of(enrolment_id)
    with transaction():
        done = services.confirm_and_issue(enrolment_id, reviewer, None, standing.evidence_hash)
    assert done.outcome == "pass" and done.number is not None and counts() == (1, 1, 1)
    view = queries.find_credential(done.credential_id or 0)
    assert view is not None and view.is_released and view.pdf_sha256 is not None
    assert shown_of(view.facts) == {"written_exam": "86.0", "skill_demonstration": "84.0", "case_analysis": "78.0", "participation": "88.0"}
    assert view.facts["total"] == standing.verdict.total_shown and view.facts["band"] == "good"
    performed = max(result.fact.performed_at for result in standing.verdict.results if result.fact.performed_at)
    assert view.completed_on == performed.astimezone(ZoneInfo("Asia/Shanghai")).date()
    actions = db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.seq)).all()
    assert actions[-2:] == ["result:confirm", "credential:issue"] and audit.verify().bad_seq is None


def test_a_confirmed_resit_earns_no_certificate(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment_id = complete(make, facts, scores=("79.96", "96", "95", "98"))
    with transaction():
        done = services.confirm_and_issue(enrolment_id, reviewer, None, standing_of(enrolment_id).evidence_hash)
    assert (done.outcome, done.credential_id) == ("resit", None) and counts() == (1, 0, 0)


def test_a_later_release_keeps_everything_hidden_until_then(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment_id = complete(make, facts)
    soon = clock.now() + timedelta(days=3)
    with transaction():
        done = services.confirm_and_issue(enrolment_id, reviewer, soon, standing_of(enrolment_id).evidence_hash)
    view = queries.find_credential(done.credential_id or 0)
    assert view is not None and view.released_at == soon and not view.is_released
    assert queries.find_public(view.code) is None and queries.own_credentials(view.person_id) == ()
    with clock.standing_at(soon):
        assert queries.find_public(view.code) is not None and len(queries.own_credentials(view.person_id)) == 1


def test_a_rater_a_stale_page_and_an_incomplete_result_leave_no_trace(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment_id = complete(make, facts)
    hash_ = standing_of(enrolment_id).evidence_hash
    rater = make.actor(facts.raters[0])
    incomplete = make.trainee(facts.cohort_id)
    for refusal, who, actor, expected in ((assessment.HasRated, enrolment_id, rater, hash_), (assessment.StaleEvidence, enrolment_id, reviewer, "0" * 64),
                                          (assessment.NotComplete, incomplete, reviewer, standing_of(incomplete).evidence_hash)):
        with pytest.raises(refusal), transaction():
            services.confirm_and_issue(who, actor, None, expected)
    assert counts() == (0, 0, 0)


def test_nobody_confirms_a_result_of_their_own(make: Factory, facts: Facts) -> None:
    person_id = make.person("both", "trainee", "reviewer")
    enrolment_id = make.enrol(facts.cohort_id, person_id)
    facts.all_four(enrolment_id, *PASS)
    actor = make.actor(person_id)
    with pytest.raises(assessment.OwnResult), transaction():
        services.confirm_and_issue(enrolment_id, actor, None, standing_of(enrolment_id).evidence_hash)
    assert counts() == (0, 0, 0)


def test_a_name_the_font_lacks_is_refused_before_the_transaction_and_inside_it(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment_id = complete(make, facts, name="陆\U0002b7f7行")
    with pytest.raises(UnprintableName) as refused:
        services.check_name_is_printable(enrolment_id)
    assert refused.value.characters == ("\U0002b7f7",)
    with pytest.raises(UnprintableName), transaction():
        services.confirm_and_issue(enrolment_id, reviewer, None, standing_of(enrolment_id).evidence_hash)
    assert counts() == (0, 0, 0)


def test_a_trainee_who_does_not_pass_needs_no_printable_name(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment_id = complete(make, facts, name="陆\U0002b7f7行", scores=("70", "84", "78", "88"))
    services.check_name_is_printable(enrolment_id)
    with transaction():
        assert services.confirm_and_issue(enrolment_id, reviewer, None, standing_of(enrolment_id).evidence_hash).outcome == "resit"


@ON_BOTH
def test_twenty_parallel_confirmations_have_one_effect(app: Flask, make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment_id = complete(make, facts)
    others = [make.actor(make.person(f"reviewer-{n}", "reviewer")) for n in range(3)]
    hash_ = standing_of(enrolment_id).evidence_hash
    db.session.rollback()
    gate, done, refused, faults = threading.Barrier(20), [], [], []

    def confirm(actor: Actor) -> None:
        with app.app_context():
            gate.wait()
            try:
                with transaction():
                    result = services.confirm_and_issue(enrolment_id, actor, None, hash_)
                done.append(result.number)
            except assessment.AlreadyConfirmed:
                refused.append(actor.person_id)
            except BaseException as fault:
                faults.append(fault)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=confirm, args=((reviewer, *others)[n % 4],)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults and len(done) == 1 and len(refused) == 19
    assert counts() == (1, 1, 1)
    assert [a for a in db.session.scalars(select(AuditEvent.action)) if a == "credential:issue"] == ["credential:issue"]
    assert audit.verify().bad_seq is None


def test_the_certificate_keeps_the_particulars_of_its_day(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment_id = complete(make, facts)
    with transaction():
        done = services.confirm_and_issue(enrolment_id, reviewer, None, standing_of(enrolment_id).evidence_hash)
    view = queries.find_credential(done.credential_id or 0)
    assert view is not None
    with transaction():
        person = db.session.get_one(Person, view.person_id)
        person.name, person.org_unit = "陆更名", "新支行"
    again = queries.find_credential(view.id)
    assert again is not None and (again.name, again.org_unit, again.facts_hash) == ("陆知行", "城东支行", view.facts_hash)
    assert services.paper_of(again) == services.paper_of(view)
