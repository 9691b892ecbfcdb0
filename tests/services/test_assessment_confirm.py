"""Confirming results: only complete outcomes, by somebody who did not judge, once, and as the facts stand."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from courses import services as courses_services
from foundation import audit, clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from foundation.permissions import Actor
from tests.factories import Factory
from tests.services.assessment_facts import Facts
from training.assessment import queries, services
from training.assessment.models import Extension, ResultDecision, ResultEntry

D = Decimal
GOOD = ("84", "82", "70", "90")


@pytest.fixture
def cohort_id(make: Factory) -> int:
    """A cohort whose last class day was yesterday: its deadline is six days ahead."""
    return make.cohort(weeks_ago=7)


@pytest.fixture
def facts(make: Factory, cohort_id: int) -> Facts:
    return Facts(make, cohort_id)


@pytest.fixture
def reviewer(make: Factory) -> Actor:
    return make.actor(make.person("reviewer", "reviewer", name="何静"))


def confirm(enrolment_id: int, actor: Actor, expected: str | None = None, released_at: datetime | None = None) -> int:
    expected = queries.standing_of(enrolment_id).evidence_hash if expected is None else expected
    with transaction():
        return services.confirm(enrolment_id, actor, released_at, expected).id


def decisions() -> int:
    return len(db.session.execute(select(ResultDecision.id)).all())


# ── what is written ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_pass_is_written_with_its_entries_verdict_and_an_audit_event_without_names(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id, name="陆知行")
    facts.all_four(enrolment, "84.004", "82", "70", "90")
    before = clock.now()
    decision = db.session.get_one(ResultDecision, confirm(enrolment, reviewer))
    assert (decision.number, decision.outcome, decision.total, decision.total_shown, decision.band) == (1, "pass", D("81.0012"), "81.0", "good")
    assert decision.confirmed_by_id == reviewer.person_id
    assert before <= decision.confirmed_at == decision.released_at <= clock.now()
    assert decision.verdict_zh.startswith("加权总分 81，等级为良好；")
    assert decision.verdict_en.endswith("version 1.")
    entries = {entry.component: entry for entry in db.session.scalars(select(ResultEntry).where(ResultEntry.decision_id == decision.id))}
    assert {key: (entry.score, entry.shown, entry.band, entry.meets_bar) for key, entry in entries.items()} == {
        "written_exam": (D("84.004"), "84.0", "good", True), "skill_demonstration": (D(82), "82.0", "good", True),
        "case_analysis": (D(70), "70.0", "pass", True), "participation": (D(90), "90.0", "excellent", True)}
    assert len(entries["skill_demonstration"].evidence["rests_on"]) == 2
    assert all(entry.performed_at is not None for entry in entries.values())
    event = db.session.execute(select(AuditEvent).where(AuditEvent.action == "result:confirm")).scalar_one()
    assert (event.subject, event.actor_id) == (f"enrolment:{enrolment}", reviewer.person_id)
    assert event.facts["outcome"] == "pass" and event.facts["total"] == "81.0012"
    assert "陆知行" not in str(event.facts) and "何静" not in str(event.facts)
    assert audit.verify().bad_seq is None


def test_a_later_release_is_kept_and_one_in_the_past_means_now(make: Factory, facts: Facts, reviewer: Actor) -> None:
    one, two = make.trainee(facts.cohort_id), make.trainee(facts.cohort_id)
    facts.all_four(one, *GOOD)
    facts.all_four(two, *GOOD)
    later = clock.now() + timedelta(days=2)
    assert db.session.get_one(ResultDecision, confirm(one, reviewer, released_at=later)).released_at == later
    past = db.session.get_one(ResultDecision, confirm(two, reviewer, released_at=clock.now() - timedelta(days=2)))
    assert past.released_at == past.confirmed_at


def test_a_result_below_a_bar_and_one_that_lapsed_are_confirmed_too(make: Factory, facts: Facts, reviewer: Actor) -> None:
    below, lapsed = make.trainee(facts.cohort_id), make.trainee(facts.cohort_id)
    facts.all_four(below, "79.96", "82", "70", "90")
    facts.exam(lapsed, "84")
    facts.stations(lapsed, "82")
    facts.participation(lapsed, "90")
    assert db.session.get_one(ResultDecision, confirm(below, reviewer)).outcome == "resit"
    with pytest.raises(services.NotComplete):
        confirm(lapsed, reviewer)
    with clock.standing_at(clock.now() + timedelta(days=8)):
        decision = db.session.get_one(ResultDecision, confirm(lapsed, reviewer))
    assert (decision.outcome, decision.total, decision.total_shown) == ("fail", None, "")


def test_decisions_and_entries_cannot_be_rewritten_in_the_database(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment, other = make.trainee(facts.cohort_id), make.trainee(facts.cohort_id)
    facts.all_four(enrolment, *GOOD)
    confirm(enrolment, reviewer)
    with transaction():
        services.grant_extension(other, "case_analysis", clock.now() + timedelta(days=20), "住院", reviewer)
    for statement in ("UPDATE result_decision SET outcome = 'pass'", "DELETE FROM result_decision", "UPDATE result_entry SET shown = '100.0'",
                      "DELETE FROM result_entry", "UPDATE extension SET reason = ''", "DELETE FROM extension"):
        with pytest.raises(DatabaseError, match="append-only"), transaction():
            db.session.execute(text(statement))
    assert decisions() == 1


# ── who may not, and when not ────────────────────────────────────────────────────────────────────────────────────
def test_nobody_confirms_a_result_of_their_own(make: Factory, facts: Facts) -> None:
    person = make.person("both", "reviewer", "trainee")
    enrolment = make.enrol(facts.cohort_id, person)
    facts.all_four(enrolment, *GOOD)
    with pytest.raises(services.OwnResult):
        confirm(enrolment, make.actor(person))
    assert decisions() == 0


def test_a_rater_does_not_confirm_even_where_only_asked_to_rate(make: Factory, facts: Facts) -> None:
    asked = make.person("asked", "reviewer", "trainer")
    enrolment, other = make.trainee(facts.cohort_id), make.trainee(facts.cohort_id)
    facts.all_four(enrolment, *GOOD)
    facts.all_four(other, *GOOD)
    for rater in facts.raters:
        with pytest.raises(services.HasRated):
            confirm(enrolment, make.actor(rater))
    facts.performance(enrolment, "station", facts.assessment.skill_demonstration.stations[0], (), number=2, raters=(asked, facts.raters[0]))
    with pytest.raises(services.HasRated):
        confirm(enrolment, make.actor(asked), expected="")
    assert confirm(other, make.actor(asked))


def test_whoever_set_a_level_does_not_confirm_even_after_somebody_else_set_it_anew(make: Factory, facts: Facts) -> None:
    setter = make.person("setter", "reviewer", "trainer")
    enrolment = make.trainee(facts.cohort_id)
    facts.exam(enrolment, "84")
    facts.stations(enrolment, "82")
    facts.case(enrolment, "70")
    facts.attend(enrolment, 1000)
    facts.levels(enrolment, by=setter)
    facts.levels(enrolment)
    with pytest.raises(services.HasRated):
        confirm(enrolment, make.actor(setter))


@pytest.mark.parametrize("missing", ["exam", "exam open", "one station", "one rater", "gap", "red line", "case", "level", "session"])
def test_an_incomplete_result_is_not_confirmed(make: Factory, facts: Facts, reviewer: Actor, missing: str) -> None:
    enrolment = make.trainee(facts.cohort_id)
    first, second = facts.assessment.skill_demonstration.stations[:2]
    if missing != "exam":
        facts.exam(enrolment, None if missing == "exam open" else "90")
    facts.performance(enrolment, "station", first, ("90", "90"), red_line="raised" if missing == "red line" else "none")
    if missing != "one station":
        facts.performance(enrolment, "station", second, ("90",) if missing == "one rater" else ("99", "80") if missing == "gap" else ("90", "90"))
    if missing != "case":
        facts.case(enrolment, "90")
    facts.attend(enrolment, 1000)
    if missing != "level":
        facts.levels(enrolment)
    if missing == "session":
        facts.hold_session(clock.now() + timedelta(days=1))
    standing = queries.standing_of(enrolment)
    assert standing.verdict.outcome == "pending", standing.verdict.zh
    with pytest.raises(services.NotComplete):
        confirm(enrolment, reviewer)
    assert decisions() == 0


def test_an_unknown_or_withdrawn_enrolment_is_refused(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, *GOOD)
    expected = queries.standing_of(enrolment).evidence_hash
    with transaction():
        courses_services.withdraw(enrolment, reviewer.person_id)
    with pytest.raises(services.Withdrawn):
        confirm(enrolment, reviewer, expected)
    with pytest.raises(services.UnknownEnrolment), transaction():
        services.confirm(99999, reviewer, None, expected)


def test_facts_that_moved_since_the_page_was_made_refuse_with_both_versions(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, "84", "82", "50", "90")
    seen = queries.standing_of(enrolment)
    facts.case(enrolment, "75", number=2)
    with pytest.raises(services.StaleEvidence) as refused:
        confirm(enrolment, reviewer, seen.evidence_hash)
    assert decisions() == 0
    now = refused.value.standing
    enrolment_view = queries.board(facts.cohort, reviewer.person_id, person=enrolment).selected
    assert enrolment_view is not None
    page = queries.stale_page(enrolment_view.enrolment, now, json.dumps(seen.evidence), seen.evidence_hash)
    changed = [(d.title.en, d.seen_shown, d.now_shown) for d in page.differences if d.differs]  # type: ignore[attr-defined]
    assert changed == [("Case analysis", "50.0", "75.0")]
    assert page.seen is not None and page.seen["outcome"] == "resit"
    forged = queries.stale_page(enrolment_view.enrolment, now, '{"components": [], "outcome": "pass"}', seen.evidence_hash)
    assert forged.seen is None


def test_a_deadline_that_passes_between_looking_and_confirming_is_stale(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.exam(enrolment, "84")
    seen = queries.standing_of(enrolment).evidence_hash
    with clock.standing_at(clock.now() + timedelta(days=8)), pytest.raises(services.StaleEvidence):
        confirm(enrolment, reviewer, seen)


# ── twice ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_same_result_is_confirmed_once(make: Factory, facts: Facts, reviewer: Actor) -> None:
    passed, below = make.trainee(facts.cohort_id), make.trainee(facts.cohort_id)
    facts.all_four(passed, *GOOD)
    facts.all_four(below, "70", "82", "70", "90")
    for enrolment in (passed, below):
        confirm(enrolment, reviewer)
        with pytest.raises(services.AlreadyConfirmed):
            confirm(enrolment, reviewer)
    assert decisions() == 2


def test_twenty_confirmations_at_once_leave_exactly_one_decision(app: Flask, make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, *GOOD)
    expected = queries.standing_of(enrolment).evidence_hash
    db.session.rollback()

    def one(_number: int) -> str:
        with app.app_context():
            try:
                with transaction():
                    services.confirm(enrolment, reviewer, None, expected)
                return "confirmed"
            except services.AlreadyConfirmed:
                return "already"
            finally:
                db.session.remove()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(20)))
    assert sorted(answers) == ["already"] * 19 + ["confirmed"]
    assert decisions() == 1


def test_a_resit_leads_to_a_second_decision_and_the_first_stays_readable(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, "78", "82", "70", "90")
    confirm(enrolment, reviewer)
    later = clock.now() + timedelta(days=3)
    with clock.standing_at(later):
        facts.exam(enrolment, "92", at=later)
        standing = queries.standing_of(enrolment)
        assert (standing.state, standing.verdict.outcome) == ("again", "pass")
        confirm(enrolment, reviewer)
    first, second = queries.decisions_of([enrolment])[enrolment]
    assert (first.number, first.outcome, first.entry("written_exam").shown) == (1, "resit", "78.0")  # type: ignore[union-attr]
    assert (second.number, second.outcome, second.total_shown) == (2, "pass", "79.8")
    assert second.entry("written_exam").score == D(80)  # type: ignore[union-attr]
    with pytest.raises(services.AlreadyConfirmed):
        confirm(enrolment, reviewer)


def test_the_resit_window_closes_and_turns_the_outcome_into_a_fail(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, "78", "82", "70", "90")
    released = clock.now()
    confirm(enrolment, reviewer)
    window = clock.end_of_day(clock.today("Asia/Shanghai") + timedelta(days=14), "Asia/Shanghai")
    with clock.standing_at(window - timedelta(seconds=1)):
        assert queries.standing_of(enrolment).verdict.outcome == "resit"
    with clock.standing_at(window):
        standing = queries.standing_of(enrolment)
        assert (standing.verdict.outcome, standing.is_ready) == ("fail", True)
        facts.exam(enrolment, "95", at=window)
        assert queries.standing_of(enrolment).verdict.outcome == "fail"
    with clock.standing_at(window):
        confirm(enrolment, reviewer)
    assert [d.outcome for d in queries.decisions_of([enrolment])[enrolment]] == ["resit", "fail"]
    assert released < window


def test_a_pass_stands_although_facts_move_afterwards_and_the_board_says_so(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, *GOOD)
    confirm(enrolment, reviewer)
    facts.levels(enrolment, "0", "0")
    standing = queries.standing_of(enrolment)
    assert (standing.verdict.outcome, standing.has_moved, standing.is_settled, standing.is_ready) == ("resit", True, True, False)
    with pytest.raises(services.AlreadyConfirmed):
        confirm(enrolment, reviewer)


# ── extensions ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_extension_moves_the_last_moment_of_one_component_and_is_audited_without_its_words(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.exam(enrolment, "84")
    facts.stations(enrolment, "82")
    facts.participation(enrolment, "90")
    deadline = queries.standing_of(enrolment).verdict.result("case_analysis").terms.deadline
    late = deadline + timedelta(days=2)
    with clock.standing_at(late):
        facts.case(enrolment, "90", at=late)
        assert queries.standing_of(enrolment).verdict.outcome == "fail"
        with transaction():
            services.grant_extension(enrolment, "case_analysis", deadline + timedelta(days=3), " 住院，已交证明 ", reviewer)
        standing = queries.standing_of(enrolment)
        assert standing.verdict.outcome == "pass"
        assert standing.verdict.result("case_analysis").terms.is_extended
        assert not standing.verdict.result("written_exam").terms.is_extended
    row = db.session.execute(select(Extension)).scalar_one()
    assert (row.reason, row.by_id) == ("住院，已交证明", reviewer.person_id)
    event = db.session.execute(select(AuditEvent).where(AuditEvent.action == "result:extend")).scalar_one()
    assert event.facts["component"] == "case_analysis" and "住院" not in str(event.facts)


def test_the_latest_extension_counts_and_a_case_under_way_hears_of_it(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    deadline = queries.standing_of(enrolment).verdict.result("case_analysis").terms.deadline
    for days in (3, 5):
        with transaction():
            services.grant_extension(enrolment, "case_analysis", deadline + timedelta(days=days), "出差", reviewer)
    assert queries.standing_of(enrolment).verdict.result("case_analysis").terms.deadline == deadline + timedelta(days=5)
    from training.grading.queries import case_due

    assert case_due([enrolment]) == {enrolment: deadline + timedelta(days=5)}


@pytest.mark.parametrize(("component", "days", "reason", "said"), [
    ("case_analysis", 3, "  ", "reason"), ("looks", 3, "出差", "component"), ("case_analysis", 0, "出差", "not_later"),
    ("case_analysis", -3, "出差", "not_later"), ("case_analysis", 31, "出差", "too_late"),
])
def test_an_extension_without_sense_is_refused(make: Factory, facts: Facts, reviewer: Actor, component: str, days: int, reason: str, said: str) -> None:
    enrolment = make.trainee(facts.cohort_id)
    deadline = queries.standing_of(enrolment).verdict.result("case_analysis").terms.deadline
    with pytest.raises(services.ExtensionRefused) as refused, transaction():
        services.grant_extension(enrolment, component, deadline + timedelta(days=days), reason, reviewer)
    assert refused.value.reason == said
    assert db.session.execute(select(Extension.id)).all() == []


def test_thirty_days_are_the_most_and_nobody_extends_for_oneself_or_after_a_pass(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    deadline = queries.standing_of(enrolment).verdict.result("written_exam").terms.deadline
    with transaction():
        services.grant_extension(enrolment, "written_exam", deadline + timedelta(days=30), "出差", reviewer)
    own = make.enrol(facts.cohort_id, reviewer.person_id)
    passed = make.trainee(facts.cohort_id)
    facts.all_four(passed, *GOOD)
    confirm(passed, reviewer)
    for target, said in ((own, "own"), (passed, "settled"), (99999, "unknown")):
        with pytest.raises(services.ExtensionRefused) as refused, transaction():
            services.grant_extension(target, "written_exam", deadline + timedelta(days=3), "出差", reviewer)
        assert refused.value.reason == said


def test_an_extension_after_a_resit_was_opened_lengthens_its_window(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, "78", "82", "70", "90")
    confirm(enrolment, reviewer)
    window = queries.standing_of(enrolment).verdict.result("written_exam").terms.resit_until
    assert window is not None
    with pytest.raises(services.ExtensionRefused), transaction():
        services.grant_extension(enrolment, "written_exam", window, "出差", reviewer)
    with transaction():
        services.grant_extension(enrolment, "written_exam", window + timedelta(days=5), "出差", reviewer)
    standing = queries.standing_of(enrolment)
    assert standing.verdict.result("written_exam").terms.resit_until == window + timedelta(days=5)
    assert standing.state == "confirmed"
