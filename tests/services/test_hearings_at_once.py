"""Hearings under pressure and in their consequences: several people at once, many papers, results and certificates."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select

from foundation import content
from foundation.db import db, transaction
from quizzes import services
from quizzes.models import Attempt, Closure, ItemRuling, Response, Slot
from quizzes.queries import hearings as pages
from quizzes.queries.dry_run import Consequence, try_case
from quizzes.rules.hearing import Ruling
from quizzes.services import hearings
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.hearing_scene import EXAM, Hall, open_, post, scores, single, wrong
from tests.services.assessment_facts import Facts
from training.assessment.models import ResultDecision
from training.assessment.queries.standings import standing_of
from training.credentials import services as credentials
from training.credentials.models import Credential, LiveCredential


@pytest.fixture
def hall(make: Factory) -> Hall:
    return Hall(make)


# ── at the same time ─────────────────────────────────────────────────────────────────────────────────────────────
def _together(app: Flask, *works: Callable[[], Any]) -> list[Any]:
    """Each in a thread of its own, let go at once; what each returned or raised."""
    found: list[Any] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(place: int, work: Callable[[], Any]) -> None:
        with app.app_context():
            gate.wait()
            try:
                found[place] = work()
            except Exception as fault:
                found[place] = fault
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@ON_BOTH
def test_of_two_reviewers_at_once_one_decides(app: Flask, hall: Hall) -> None:
    attempts = hall.all_sit()
    hearing = open_(single(attempts[0]), "give_all", None, hall.opener)
    one, two = hall.actor(hall.decider), hall.actor(hall.make.person("decider2", "reviewer"))
    seen = pages.hearing_page(hearing, one).hash
    db.session.rollback()
    found = _together(app, lambda: post(hearing, one, seen), lambda: post(hearing, two, seen))
    assert sorted(type(each).__name__ for each in found) == ["AlreadyDecided", "Posted"]
    assert db.session.scalar(select(func.count(ItemRuling.id))) == 1 and db.session.scalar(select(func.max(Response.run))) == 2


@ON_BOTH
def test_an_attempt_that_closes_while_a_ruling_is_posted_is_scored_by_it_either_way(app: Flask, hall: Hall) -> None:
    closed = hall.sit(hall.enrolments[0], EXAM)
    slot = single(closed)
    still = hall.sit(hall.enrolments[1], EXAM, hand_in=False)
    hearing = open_(slot, "give_all", None, hall.opener)
    decider = hall.actor(hall.decider)
    seen = pages.hearing_page(hearing, decider).hash
    db.session.rollback()

    def hand_in() -> str:
        with transaction():
            return services.submit_attempt(still, 1)

    posted, handed_in = _together(app, lambda: post(hearing, decider, seen), hand_in)
    assert handed_in == "handed_in"
    if isinstance(posted, hearings.StaleDryRun):      # the paper closed first: it is in the dry run now
        post(hearing, decider, posted.trial.hash)
    assert scores([still]) == scores([closed]) and scores([still]) != [Decimal(0)]


# ── size ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_trying_and_posting_take_as_many_statements_for_many_papers_as_for_few(hall: Hall, query_count: Callable[[], Any]) -> None:
    first = hall.sit(hall.enrolments[0], EXAM, wrong)
    slot = single(first)
    case = pages.Case(slot.item.key, (slot.version_id,), Ruling("give_all"))
    try_case(case)
    with query_count() as few:
        try_case(case)
    for number in range(12):
        enrolment = hall.make.trainee(hall.cohort, f"m{number}")
        hall.make.waive_all_gates(enrolment, hall.opener)
        hall.sit(enrolment, EXAM)
    with query_count() as many:
        trial = try_case(case)
    assert len(trial.dry_run.lines) == 13 and many.number == few.number <= 60
    hearing, decider = open_(slot, "give_all", None, hall.opener), hall.actor(hall.decider)
    seen = pages.hearing_page(hearing, decider).hash
    started = time.monotonic()
    with query_count() as posting:
        post(hearing, decider, seen)
    assert posting.number <= many.number + 25 and time.monotonic() - started < 5


def test_five_hundred_papers_are_tried_and_posted_within_seconds(hall: Hall) -> None:
    first = hall.sit(hall.enrolments[0], EXAM, wrong)
    slot = single(first)
    _copies_of(first, hall, 500)
    hearing, decider = open_(slot, "give_all", None, hall.opener), hall.actor(hall.decider)
    started = time.monotonic()
    page = pages.hearing_page(hearing, decider)
    assert page.dry_run is not None and len(page.dry_run.lines) == 501 and len(page.lines) == 50 and page.pages == 11
    posted = post(hearing, decider, page.hash)
    assert posted.responses == 501 and time.monotonic() - started < 60      # about four seconds on a quiet machine


def _copies_of(attempt_id: int, hall: Hall, count: int) -> None:
    """Further closed sittings of the same paper with the same responses, written as rows: the sitting itself is not the point."""
    row = db.session.get_one(Attempt, attempt_id)
    slots = db.session.scalars(select(Slot).where(Slot.attempt_id == attempt_id).order_by(Slot.position)).all()
    marks = {one.slot_id: one for one in db.session.scalars(select(Response).where(Response.attempt_id == attempt_id))}
    with transaction():
        base = {"enrolment_id": hall.enrolments[1], "blueprint_key": row.blueprint_key, "blueprint_version_id": row.blueprint_version_id, "purpose": "exam",
                "seed": "x", "started_at": row.started_at, "closes_at": row.closes_at, "high_water_at": row.high_water_at}
        db.session.execute(insert(Attempt), [{**base, "number": number} for number in range(1, count + 1)])
        ids = list(db.session.scalars(select(Attempt.id).where(Attempt.seed == "x").order_by(Attempt.id)))
        db.session.execute(insert(Slot), [{"attempt_id": id_, "position": one.position, "item_key": one.item_key, "item_version_id": one.item_version_id,
                                           "marks": one.marks, "frozen": one.frozen} for id_ in ids for one in slots])
        db.session.execute(insert(Closure), [{"attempt_id": id_, "closed_at": row.started_at, "how": "handed_in", "head_hash": "0" * 64, "saves": 0}
                                             for id_ in ids])
        placed = {(attempt, position): id_ for id_, attempt, position in db.session.execute(
            select(Slot.id, Slot.attempt_id, Slot.position).where(Slot.attempt_id.in_(ids)))}
        db.session.execute(insert(Response), [
            {"attempt_id": id_, "slot_id": placed[id_, one.position], "run": 1, "answer": marks[one.id].answer, "fraction": marks[one.id].fraction,
             "mark": marks[one.id].mark, "possible": None, "scoring_hash": "x", "scored_at": row.started_at}
            for id_ in ids for one in slots if one.id in marks])


# ── what follows upstairs ────────────────────────────────────────────────────────────────────────────────────────
class Results:
    """Trainees with complete results, whose exam is one question of 100 marks with a given score."""

    def __init__(self, make: Factory) -> None:
        self.make = make
        self.facts = Facts(make, make.cohort("2026-A", weeks_ago=7))
        self.reviewer, self.decider = make.actor(make.person("reviewer", "reviewer")), make.actor(make.person("decider", "reviewer"))

    def trainee(self, exam: str) -> int:
        enrolment = self.make.trainee(self.facts.cohort_id)
        self.facts.all_four(enrolment, exam, "84", "78", "88")
        return enrolment

    def certify(self, enrolment: int) -> str:
        expected = standing_of(enrolment).evidence_hash
        with transaction():
            done = credentials.confirm_and_issue(enrolment, self.reviewer, None, expected)
        return done.number or ""

    def open(self, remedy: str) -> int:
        slot = db.session.execute(select(Slot.item_key, Slot.item_version_id)).first()
        assert slot is not None
        change = None
        if remedy == "rekey":
            body = content.version(slot.item_version_id).body
            wrong_one = next(option["key"] for option in body["options"] if not option["correct"])
            change = {"item": {**body, "options": [{**option, "correct": option["key"] == wrong_one} for option in body["options"]]}}
        with transaction():
            return hearings.open_hearing(slot.item_key, slot.item_version_id, (), remedy, change, "题目有误", self.reviewer.person_id)


@pytest.fixture
def results(make: Factory) -> Results:
    return Results(make)


def test_the_dry_run_tells_bars_outcomes_and_certificates_before_anything_is_posted(results: Results) -> None:
    failed, passed = results.trainee("40"), results.trainee("86")
    number = results.certify(passed)
    hearing = results.open("give_all")
    before = (standing_of(failed).verdict.outcome, standing_of(passed).verdict.outcome)
    page = pages.hearing_page(hearing, results.decider)
    assert page.dry_run is not None
    told = {found.enrolment_id: found for found in page.dry_run.consequences}
    assert set(told) == {failed, passed}
    low, high = told[failed], told[passed]
    assert (low.score, low.is_met, low.outcome, low.confirmed, low.certificates) == (("40.0", "100.0"), (False, True), (before[0], "pass"), 0, ())
    assert (high.score, high.is_met, high.outcome, high.confirmed) == (("86.0", "100.0"), (True, True), ("pass", "pass"), 1)
    assert [found for _id, found in high.certificates] == [number] and page.dry_run.certificates == 1
    post(hearing, results.decider, page.hash)
    assert standing_of(failed).verdict.outcome == "pass" != before[0]


def test_a_confirmed_result_and_its_certificate_stay_and_are_listed_for_review(results: Results) -> None:
    passed = results.trainee("86")
    number = results.certify(passed)
    kept = (db.session.scalar(select(func.count(ResultDecision.id))), db.session.scalar(select(Credential.facts_hash)))
    hearing = results.open("rekey")
    page = pages.hearing_page(hearing, results.decider)
    post(hearing, results.decider, page.hash)
    after = pages.hearing_page(hearing, results.decider)
    assert after.state == "posted" and after.dry_run is not None
    found: Consequence = after.dry_run.consequences[0]
    assert found.score == ("86.0", "0.0") and found.is_met == (True, False) and found.outcome[0] == "pass" != found.outcome[1] and found.is_grave
    assert [number_ for _id, number_ in found.certificates] == [number]
    assert (db.session.scalar(select(func.count(ResultDecision.id))), db.session.scalar(select(Credential.facts_hash))) == kept
    assert db.session.scalar(select(func.count(LiveCredential.id))) == 1
    standing = standing_of(passed)
    assert standing.verdict.outcome != "pass" and standing.has_moved and standing.latest is not None and standing.latest.outcome == "pass"


def test_what_the_posting_keeps_reads_back_as_what_was_decided_on(results: Results) -> None:
    results.certify(results.trainee("86"))
    results.trainee("40")
    hearing = results.open("give_all")
    page = pages.hearing_page(hearing, results.decider, "all")
    post(hearing, results.decider, page.hash)
    after = pages.hearing_page(hearing, results.decider, "all")
    assert after.dry_run == page.dry_run and after.posted_hash == page.hash and after.lines == page.lines and after.refusal == "decided"
