"""Planned sittings on a real database: planned by one, approved by another, forms by turns, time that moves closing times."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from foundation import clock, content
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from foundation.web import StaleVersion
from quizzes import queries, services
from quizzes.models import Attempt, AttemptEvent, Candidate, Closure, Incident, PaperForm, Sitting, Slot
from quizzes.queries.sittings import forms_of, make_proof, proof_hash
from quizzes.rules.equivalence import Proof
from tests.conftest import ON_BOTH
from tests.exam_scene import EXAM, MOCK, STAGE, Scene
from tests.factories import Factory


@pytest.fixture
def scene(make: Factory) -> Scene:
    return Scene(make)


def events(action: str) -> list[Any]:
    return [row.facts for row in db.session.execute(select(AuditEvent.facts).where(AuditEvent.action == action).order_by(AuditEvent.seq))]


def closing(attempt_id: int) -> datetime:
    return db.session.execute(select(Attempt.closes_at).where(Attempt.id == attempt_id)).scalar_one()


def refusal(scene: Scene, ref: str = EXAM, **changes: Any) -> str:
    with pytest.raises(services.SittingRefused) as refused, transaction():
        services.plan_sitting(scene.wish(ref, **changes), scene.planner)
    return refused.value.reason


def admission(scene: Scene, number: int = 0, ref: str = EXAM, now: datetime | None = None) -> queries.Admission | None:
    return queries.admission(scene.enrolments[number], scene.cohort_id, ref, now or clock.now())


# ── planning ─────────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_a_plan_freezes_its_forms_and_proves_them(app: Flask, make: Factory) -> None:
    scene = Scene(make)
    sitting_id = scene.planned(forms=3)
    forms = forms_of(sitting_id)
    assert [form.label for form in forms] == ["A", "B", "C"]
    assert [len(form.slots) for form in forms] == [60, 60, 60]
    row = db.session.get_one(Sitting, sitting_id)
    proof = Proof.from_json(row.proof)
    assert proof.holds
    assert [paper.digest for paper in proof.papers] == [form.paper_hash for form in forms]
    assert make_proof(sitting_id) == proof, "looked at again, the stored papers prove the same"
    assert events("sitting:plan")[0]["proof"] == row.proof_hash
    assert row.seed not in str(events("sitting:plan")), "the seed is secret"


@pytest.mark.parametrize(("changes", "reason"), [
    ({"closes_at": datetime(2020, 1, 1).astimezone()}, "window"), ({"forms": 1}, "forms"), ({"forms": 6}, "forms"), ({"mode": "other"}, "forms"),
    ({"mode": "person", "forms": 2}, "forms"), ({"place": "  "}, "place"), ({"place": "x" * 121}, "place"), ({"break_minutes": 61}, "breaks"),
    ({"break_minutes": -1}, "breaks")])
def test_a_plan_that_makes_no_sense_is_refused(scene: Scene, changes: dict[str, Any], reason: str) -> None:
    assert refusal(scene, **changes) == reason
    assert db.session.query(Sitting).count() == db.session.query(PaperForm).count() == 0


def test_a_window_that_is_over_or_shorter_than_the_paper_is_refused(scene: Scene) -> None:
    now = clock.now()
    assert refusal(scene, opens_at=now, closes_at=now + timedelta(minutes=89)) == "short"
    assert refusal(scene, opens_at=now - timedelta(hours=9), closes_at=now - timedelta(hours=1)) == "past"
    assert refusal(scene, opens_at=now, closes_at=now + timedelta(days=61)) == "window"


def test_only_exams_stage_tests_and_mocks_of_the_programme_are_planned(scene: Scene) -> None:
    assert refusal(scene, "week-1-practice") == "blueprint"
    assert refusal(scene, "cadre-final-exam") == "blueprint"
    assert scene.planned(STAGE)
    assert scene.planned(MOCK, mode="person", forms=0)


def test_two_sittings_of_one_paper_do_not_overlap_in_a_cohort(scene: Scene) -> None:
    first = scene.planned()
    assert refusal(scene, opens_at=clock.now() + timedelta(hours=1), closes_at=clock.now() + timedelta(hours=9)) == "overlap"
    with transaction():
        services.cancel_sitting(first, "地点改了", scene.planner)
    assert scene.planned()


def test_a_bank_that_does_not_fill_the_blueprint_says_which_cell_lacks_how_many(scene: Scene) -> None:
    bank = queries.bank(scene.cohort_id)
    left = [key for key, (_id, item) in bank.items() if item.content_area == "needs-and-deposits"]
    with transaction():
        for key in left:
            content.set_retired("item", key, True, None, "test")
    with pytest.raises(services.BankTooThin) as thin, transaction():
        services.plan_sitting(scene.wish(), scene.planner)
    assert [(one.cell, one.content_area, one.wanted, one.available, one.lacking) for one in thin.value.shortages] == [(4, "needs-and-deposits", 3, 0, 3)]
    assert db.session.query(Sitting).count() == 0, "nothing of it stays"


# ── approval ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_who_planned_does_not_approve(scene: Scene) -> None:
    sitting_id = scene.planned()
    with pytest.raises(services.OwnPlan):
        scene.approve(sitting_id, scene.planner)
    assert db.session.get_one(Sitting, sitting_id).approved_at is None


@ON_BOTH
def test_approval_gives_forms_by_turns(app: Flask, make: Factory) -> None:
    scene = Scene(make, people=5)
    sitting_id = scene.approved()
    labels = {form.id: form.label for form in forms_of(sitting_id)}
    given = [labels[db.session.execute(select(Candidate.form_id).where(Candidate.enrolment_id == id_)).scalar_one() or 0] for id_ in scene.enrolments]
    assert given in (list("ABABA"), list("BABAB")), "neighbours have different forms"
    assert events("sitting:approve")[0]["planner"] == scene.planner
    with pytest.raises(services.SittingRefused):
        scene.approve(sitting_id)


def test_another_proof_than_the_one_that_was_seen_is_not_approved(scene: Scene) -> None:
    sitting_id = scene.planned()
    seen = queries.get_sitting(sitting_id).proof_hash
    with transaction():
        services.assemble_again(sitting_id, scene.planner)
    with pytest.raises(StaleVersion), transaction():
        services.approve_sitting(sitting_id, seen, scene.approver)
    assert queries.get_sitting(sitting_id).proof_hash != seen
    assert len(forms_of(sitting_id)) == 2, "of the forms drawn twice the later ones are the sitting's"
    assert db.session.query(PaperForm).count() == 4


def test_only_the_planner_assembles_again_and_nobody_after_the_approval(scene: Scene) -> None:
    sitting_id = scene.planned()
    with pytest.raises(services.SittingRefused, match="planner"), transaction():
        services.assemble_again(sitting_id, scene.approver)
    scene.approve(sitting_id)
    with pytest.raises(services.SittingRefused, match="approved"), transaction():
        services.assemble_again(sitting_id, scene.planner)


def test_a_bank_that_changed_in_between_asks_for_a_new_look(scene: Scene) -> None:
    sitting_id = scene.planned()
    slot = forms_of(sitting_id)[0].slots[0]
    with transaction():
        content.set_retired("item", content.version(slot.item_version_id).key, True, None, "faulty")
    with pytest.raises(services.ProofChanged):
        scene.approve(sitting_id)
    assert not make_proof(sitting_id).holds
    with transaction():
        services.assemble_again(sitting_id, scene.planner)
    scene.approve(sitting_id)


def test_a_proof_that_fails_cannot_be_approved(scene: Scene) -> None:
    sitting_id = scene.planned()
    forms = forms_of(sitting_id)
    with transaction():         # a second form B with the slots of A: everything in common
        db.session.add(PaperForm(sitting_id=sitting_id, label="B", seed="x", paper_hash=forms[0].paper_hash,
                                 slots=[slot.to_json() for slot in forms[0].slots], made_at=clock.now()))
        db.session.flush()
        row = db.session.get_one(Sitting, sitting_id)
        row.proof = make_proof(sitting_id).to_json()
        row.proof_hash = proof_hash(row.proof)
    with pytest.raises(services.ProofFails):
        scene.approve(sitting_id)


def test_with_a_paper_each_everybody_gets_the_paper_the_proof_reckoned(scene: Scene) -> None:
    sitting_id = scene.approved(mode="person", forms=0)
    proof = Proof.from_json(db.session.get_one(Sitting, sitting_id).proof)
    assert proof.spread is not None
    assert proof.spread.papers == 4
    papers = []
    for number in range(2):
        attempt = scene.start(number)
        papers.append(set(db.session.scalars(select(Slot.item_key).where(Slot.attempt_id == attempt))))
    shared = len(papers[0] & papers[1])
    assert shared <= proof.spread.shared_high < 60
    assert len(papers[0]) == 60


# ── admission ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_without_a_sitting_the_outline_decides(scene: Scene) -> None:
    assert admission(scene) is None


def test_an_exam_that_waits_for_approval_is_open_to_nobody(scene: Scene) -> None:
    scene.planned()
    found = admission(scene)
    assert found is not None
    assert found.state == "early"


def test_a_planned_stage_test_without_approval_hinders_nobody(scene: Scene) -> None:
    scene.planned(STAGE)
    assert admission(scene, ref=STAGE) is None


@pytest.mark.parametrize(("shift", "state"), [(-2, "early"), (0, "open"), (2, "open"), (5, "over")])
def test_the_window_decides_who_may_begin(scene: Scene, shift: int, state: str) -> None:
    scene.approved()
    found = admission(scene, now=clock.now() + timedelta(hours=shift))
    assert found is not None
    assert found.state == state


def test_a_stage_test_is_free_again_after_its_sitting(scene: Scene) -> None:
    scene.approved(STAGE)
    now = admission(scene, ref=STAGE)
    assert now is not None
    assert now.state == "open"
    assert admission(scene, ref=STAGE, now=clock.now() + timedelta(hours=9)) is None


def test_the_second_sitting_of_an_exam_takes_over_when_the_first_is_over(scene: Scene) -> None:
    first = scene.approved()
    now = clock.now()
    second = scene.approved(opens_at=now + timedelta(days=2), closes_at=now + timedelta(days=2, hours=3))
    at = [admission(scene, now=now + delta) for delta in (timedelta(0), timedelta(days=1), timedelta(days=2, hours=1), timedelta(days=9))]
    assert [(found.sitting_id, found.state) for found in at if found] == [(first, "open"), (second, "early"), (second, "open"), (second, "over")]


def test_an_attempt_has_the_form_of_its_candidate_and_ends_with_the_window(scene: Scene) -> None:
    sitting_id = scene.approved(closes_at=clock.now() + timedelta(minutes=40), opens_at=clock.now() - timedelta(hours=2))
    attempt = scene.start()
    row = db.session.get_one(Attempt, attempt)
    form = next(form for form in forms_of(sitting_id) if form.id == row.form_id)
    assert row.sitting_id == sitting_id
    assert [(slot.item_key, slot.frozen) for slot in db.session.scalars(select(Slot).where(Slot.attempt_id == attempt).order_by(Slot.position))] == [
        (slot.item_key, slot.frozen) for slot in form.slots]
    assert row.closes_at == queries.get_sitting(sitting_id).closes_at, "90 minutes would be later"


@ON_BOTH
def test_who_comes_to_the_cohort_later_gets_the_form_the_fewest_hold(app: Flask, make: Factory) -> None:
    scene = Scene(make, people=3)
    sitting_id = scene.approved()
    for number in range(3):
        scene.start(scene.join(f"late{number}"))
    held = Counter(db.session.scalars(select(Candidate.form_id).where(Candidate.sitting_id == sitting_id)))
    assert sorted(held.values()) == [3, 3]
    with transaction():
        again = services.assign_form(sitting_id, scene.enrolments[3])
    assert again.id == db.session.execute(select(Attempt.form_id).where(Attempt.enrolment_id == scene.enrolments[3])).scalar_one()


def test_a_sitting_is_called_off_only_while_nobody_has_begun(scene: Scene) -> None:
    sitting_id = scene.approved()
    with pytest.raises(services.SittingRefused, match="reason"), transaction():
        services.cancel_sitting(sitting_id, "  ", scene.planner)
    scene.start()
    with pytest.raises(services.AlreadyBegun), transaction():
        services.cancel_sitting(sitting_id, "停电", scene.planner)
    assert db.session.get_one(Sitting, sitting_id).cancelled_at is None


# ── extra time ───────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_extra_time_moves_the_open_attempt_at_once(app: Flask, make: Factory) -> None:
    scene = Scene(make)
    sitting_id = scene.approved()
    attempt, other = scene.start(0), scene.start(1)
    before, others = closing(attempt), closing(other)
    with transaction():
        assert services.give_extra_time(sitting_id, [scene.enrolments[0]], 15, "technical", scene.planner) == 1
    assert closing(attempt) == before + timedelta(minutes=15)
    assert closing(other) == others
    event = db.session.execute(select(AttemptEvent).where(AttemptEvent.attempt_id == attempt, AttemptEvent.kind == "extra_time")).scalar_one()
    assert (event.detail, event.by_id) == ({"seconds": 900, "reason": "technical"}, scene.planner)
    found = admission(scene)
    assert found is not None
    assert found.extra_minutes == 15
    assert events("sitting:extra_time")[0]["minutes"] == 15


def test_everybody_gets_time_but_who_has_ended(scene: Scene) -> None:
    sitting_id = scene.approved()
    writing, done = scene.start(0), scene.start(1)
    with transaction():
        services.submit_attempt(done, scene.planner)
    ended_at = closing(done)
    before = closing(writing)
    with transaction():
        assert services.give_extra_time(sitting_id, None, 10, "disturbance", scene.planner) == 3
    assert closing(writing) == before + timedelta(minutes=10)
    assert closing(done) == ended_at


def test_an_attempt_whose_time_is_over_is_not_opened_again(scene: Scene) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    before = closing(attempt)
    with clock.standing_at(before + timedelta(seconds=1)), transaction():
        assert services.give_extra_time(sitting_id, [scene.enrolments[0]], 10, "other", scene.planner) == 0
    assert closing(attempt) == before


@pytest.mark.parametrize(("minutes", "reason"), [(0, "other"), (121, "other"), (-5, "other"), (10, "because")])
def test_extra_time_outside_its_bounds_is_refused(scene: Scene, minutes: int, reason: str) -> None:
    sitting_id = scene.approved()
    with pytest.raises(services.SittingRefused, match="extra"), transaction():
        services.give_extra_time(sitting_id, None, minutes, reason, scene.planner)


def test_nobody_gets_more_than_240_minutes_in_all(scene: Scene) -> None:
    sitting_id = scene.approved()
    for _ in range(2):
        with transaction():
            services.give_extra_time(sitting_id, [scene.enrolments[0]], 120, "other", scene.planner)
    with pytest.raises(services.SittingRefused, match="extra"), transaction():
        services.give_extra_time(sitting_id, None, 1, "other", scene.planner)


def test_somebody_of_another_cohort_gets_no_time_here(scene: Scene) -> None:
    sitting_id = scene.approved()
    stranger = scene.make.trainee(scene.make.cohort("2026-Y", weeks_ago=6))
    with pytest.raises(services.SittingRefused, match="stranger"), transaction():
        services.give_extra_time(sitting_id, [stranger], 5, "other", scene.planner)
    with pytest.raises(services.SittingRefused, match="stranger"), transaction():
        services.set_allowance(sitting_id, stranger, 5, 0, "other", 0, scene.planner)


def test_an_allowance_settled_before_counts_from_the_start(scene: Scene) -> None:
    sitting_id = scene.approved(break_minutes=10)
    with transaction():
        version = db.session.execute(select(Candidate.row_version).where(Candidate.enrolment_id == scene.enrolments[0])).scalar_one()
        services.set_allowance(sitting_id, scene.enrolments[0], 20, 5, "accommodation", version, scene.planner)
    attempt, other = scene.start(0), scene.start(1)
    row, plain = db.session.get_one(Attempt, attempt), db.session.get_one(Attempt, other)
    assert row.closes_at - row.started_at == timedelta(minutes=110)
    assert plain.closes_at - plain.started_at == timedelta(minutes=90)
    found = admission(scene)
    assert found is not None
    assert found.break_minutes == 15


def test_time_given_is_not_taken_back_from_somebody_who_has_begun(scene: Scene) -> None:
    sitting_id = scene.approved()
    with transaction():
        services.give_extra_time(sitting_id, [scene.enrolments[0]], 20, "other", scene.planner)
    attempt = scene.start()
    before = closing(attempt)
    version = db.session.execute(select(Candidate.row_version).where(Candidate.enrolment_id == scene.enrolments[0])).scalar_one()
    with pytest.raises(services.AlreadyBegun), transaction():
        services.set_allowance(sitting_id, scene.enrolments[0], 10, 0, "other", version, scene.planner)
    with pytest.raises(StaleVersion), transaction():
        services.set_allowance(sitting_id, scene.enrolments[0], 40, 0, "other", version + 7, scene.planner)
    with transaction():
        services.set_allowance(sitting_id, scene.enrolments[0], 35, 0, "other", version, scene.planner)
    assert closing(attempt) == before + timedelta(minutes=15)


# ── pause ────────────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_a_pause_gives_back_every_second_it_took(app: Flask, make: Factory) -> None:
    scene = Scene(make)
    sitting_id = scene.approved()
    attempt = scene.start()
    before, start = closing(attempt), clock.now()
    with clock.standing_at(start + timedelta(minutes=5)), transaction():
        assert services.pause_hall(sitting_id, "火警演练", scene.planner) == 1
    paper = queries.get_attempt(attempt)
    assert paper.seconds_left(start + timedelta(minutes=5)) == paper.seconds_left(start + timedelta(hours=9)), "the clock stands"
    assert paper.is_open(start + timedelta(hours=9)), "however late it gets"
    with clock.standing_at(start + timedelta(minutes=17)), transaction():
        assert services.resume_hall(sitting_id, scene.planner) == 720
    assert closing(attempt) == before + timedelta(minutes=12)
    assert db.session.get_one(Attempt, attempt).paused_at is None
    kinds = list(db.session.scalars(select(AttemptEvent.kind).where(AttemptEvent.attempt_id == attempt).order_by(AttemptEvent.id)))
    assert [kind for kind in kinds if kind in ("pause", "resume")] == ["pause", "resume"]
    late = admission(scene, number=1, now=start + timedelta(minutes=20))
    assert late is not None
    assert late.closes_at == queries.get_sitting(sitting_id).closes_at + timedelta(minutes=12), "the window of late comers moves too"


def test_a_paused_hall_takes_nobody_in_and_is_closed_by_nobody(scene: Scene) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    with transaction():
        services.pause_hall(sitting_id, "停电", scene.planner)
    found = admission(scene, number=1)
    assert found is not None
    assert found.state == "paused"
    with pytest.raises(services.NotNow):
        scene.start(1)
    much_later = closing(attempt) + timedelta(hours=5)
    with clock.standing_at(much_later), transaction():
        assert services.close_due(much_later) == 0
    assert db.session.query(Closure).count() == 0


def test_pausing_twice_and_resuming_twice_changes_nothing_more(scene: Scene) -> None:
    sitting_id = scene.approved()
    attempt = scene.start()
    start = clock.now()
    with clock.standing_at(start), transaction():
        assert services.resume_hall(sitting_id, scene.planner) == 0
        assert services.pause_hall(sitting_id, "停电", scene.planner) == 1
        assert services.pause_hall(sitting_id, "停电", scene.planner) == 0
    before = closing(attempt)
    with clock.standing_at(start + timedelta(seconds=30)), transaction():
        assert services.resume_hall(sitting_id, scene.planner) == 30
        assert services.resume_hall(sitting_id, scene.planner) == 0
    assert closing(attempt) == before + timedelta(seconds=30)
    assert [row.kind for row in db.session.scalars(select(Incident).order_by(Incident.id))] == ["pause", "resume"]


def test_a_sitting_that_is_over_or_not_begun_or_unapproved_is_not_paused(scene: Scene) -> None:
    sitting_id = scene.planned()
    with pytest.raises(services.SittingRefused, match="unapproved"), transaction():
        services.pause_hall(sitting_id, "x", scene.planner)
    scene.approve(sitting_id)
    with pytest.raises(services.SittingRefused, match="over"), clock.standing_at(clock.now() + timedelta(hours=9)), transaction():
        services.pause_hall(sitting_id, "x", scene.planner)
    with pytest.raises(services.SittingRefused, match="reason"), transaction():
        services.pause_hall(sitting_id, "  ", scene.planner)
    early = scene.approved(MOCK, opens_at=clock.now() + timedelta(hours=1), closes_at=clock.now() + timedelta(hours=4))
    with pytest.raises(services.SittingRefused, match="early"), transaction():
        services.pause_hall(early, "x", scene.planner)
