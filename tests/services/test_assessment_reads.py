"""What is read of standings: held back from trainees until released, and bounded in questions for staff."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from courses import queries as courses
from foundation import clock
from foundation.db import db, transaction
from foundation.permissions import Actor
from tests.factories import Factory
from tests.services.assessment_facts import Facts
from training.assessment import queries, services

GOOD = ("84", "82", "70", "90")


@pytest.fixture
def facts(make: Factory) -> Facts:
    """A cohort whose last class day was yesterday: its deadline is six days ahead."""
    return Facts(make, make.cohort(weeks_ago=7))


@pytest.fixture
def reviewer(make: Factory) -> Actor:
    return make.actor(make.person("reviewer", "reviewer", name="何静"))


def confirm(enrolment_id: int, actor: Actor) -> None:
    expected = queries.standing_of(enrolment_id).evidence_hash
    with transaction():
        services.confirm(enrolment_id, actor, None, expected)


# ── what the trainee may see ─────────────────────────────────────────────────────────────────────────────────────
def figures(page: queries.StandingPage) -> dict[str, tuple[str, str, tuple[str, str, str]]]:
    return {row.key: (row.status, row.shown, row.figures) for row in page.rows}


def test_before_the_release_a_trainee_sees_no_mark_of_exam_stations_or_case(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, "31.7", "32.7", "33.7", "90")
    expected = queries.standing_of(enrolment).evidence_hash
    with transaction():
        services.confirm(enrolment, reviewer, clock.now() + timedelta(days=1), expected)
    page = queries.standing_page(enrolment)
    assert figures(page) == {
        "written_exam": ("handed_in", "", ("0.0", "30.0", "0.0")), "skill_demonstration": ("handed_in", "", ("0.0", "40.0", "0.0")),
        "case_analysis": ("handed_in", "", ("0.0", "20.0", "0.0")), "participation": ("on_course", "", ("9.0", "0.0", "1.0"))}
    assert (page.released, page.summary, page.best) == (None, "reachable", "99.0")
    with clock.standing_at(clock.now() + timedelta(days=1)):
        page = queries.standing_page(enrolment)
        assert page.summary == "resit"
        assert figures(page)["written_exam"] == ("below_resit", "31.7", ("9.5", "14.5", "6.0"))


def test_a_held_or_red_lined_performance_looks_to_the_trainee_like_any_other_under_marking(make: Factory, facts: Facts) -> None:
    enrolment = make.trainee(facts.cohort_id)
    for key in facts.assessment.skill_demonstration.stations[:2]:
        facts.performance(enrolment, "station", key, ("90", "90"), red_line="confirmed")
    facts.case(enrolment, "99", "60")
    statuses = {row.key: row.status for row in queries.standing_page(enrolment).rows}
    assert (statuses["skill_demonstration"], statuses["case_analysis"]) == ("handed_in", "handed_in")


def test_the_marks_of_a_resit_stay_hidden_until_its_own_release(make: Factory, facts: Facts, reviewer: Actor) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, "78", "82", "70", "90")
    confirm(enrolment, reviewer)
    page = queries.standing_page(enrolment)
    row = page.rows[0]
    assert (row.status, row.shown, page.summary, row.activity) == ("below_resit", "78.0", "resit", None)
    assert row.resit_by == clock.today("Asia/Shanghai") + timedelta(days=14)
    facts.exam(enrolment, "92")
    row = queries.standing_page(enrolment).rows[0]
    assert (row.status, row.shown, row.figures) == ("resit_handed_in", "78.0", ("23.4", "0.6", "6.0"))
    confirm(enrolment, reviewer)
    page = queries.standing_page(enrolment)
    assert (page.rows[0].status, page.rows[0].shown, page.summary) == ("met", "80.0", "met")


def test_a_confirmed_red_line_is_told_with_the_released_result(make: Factory, facts: Facts) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.exam(enrolment, "84")
    facts.stations(enrolment, "96", red_line="confirmed")
    facts.case(enrolment, "70")
    facts.participation(enrolment, "90")
    confirm(enrolment, make.actor(make.person("r3", "reviewer")))
    row = queries.standing_page(enrolment).rows[1]
    assert (row.status, row.shown, row.has_red_line, row.is_out_of_reach) == ("below_resit", "96.0", True, False)
    assert row.figures == ("38.4", "0.0", "1.6")


def test_what_lapsed_and_what_is_still_to_be_done_is_told(make: Factory, facts: Facts) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.performance(enrolment, "station", facts.assessment.skill_demonstration.stations[0], ("90", "90"))
    page = queries.standing_page(enrolment)
    assert figures(page)["skill_demonstration"] == ("partly", "", ("0.0", "40.0", "0.0"))
    assert (page.rows[1].done, page.rows[1].needed) == (1, 2)
    facts.exam(enrolment, None)
    assert queries.standing_page(enrolment).rows[0].status == "running"
    with clock.standing_at(clock.now() + timedelta(days=8)):
        page = queries.standing_page(enrolment)
        assert figures(page)["case_analysis"] == ("overdue", "", ("0.0", "0.0", "20.0"))
        assert (page.summary, page.rows[2].is_out_of_reach) == ("out_of_reach", True)


# ── reads ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_board_of_twenty_four_and_of_forty_eight_asks_the_same_number_of_questions(
        make: Factory, reviewer: Actor, query_count: Callable[[], object]) -> None:
    counts = []
    for key, size in (("2026-S", 24), ("2026-L", 48)):
        cohort_id = make.cohort(key, weeks_ago=7, seats=60)
        facts = Facts(make, cohort_id, key)
        for number in range(size):
            enrolment = make.trainee(cohort_id)
            if number < 6:
                facts.all_four(enrolment, *GOOD)
            if number < 2:
                confirm(enrolment, reviewer)
            if number == 8:
                facts.begin_case(enrolment)
        cohort = facts.cohort
        queries.board(cohort, 1)
        db.session.rollback()
        with query_count() as counted:  # type: ignore[attr-defined]
            page = queries.board(cohort, 1)
        assert page.counts["all"] == size
        counts.append(counted.number)
    assert counts[0] == counts[1] < 25, counts


def test_an_empty_cohort_has_an_empty_board(facts: Facts) -> None:
    page = queries.board(facts.cohort, 1)
    assert (page.rows, page.selected, page.counts["all"]) == ((), None, 0)


def test_the_board_filters_counts_and_searches(make: Factory, facts: Facts, reviewer: Actor) -> None:
    passed, below, fresh = (make.trainee(facts.cohort_id, name=name) for name in ("沈嘉禾", "周以宁", "石砚秋"))
    facts.all_four(passed, "92", "93", "88", "95")
    facts.all_four(below, "76", "88", "82", "91")
    confirm(below, reviewer)
    page = queries.board(facts.cohort, reviewer.person_id)
    assert page.counts == {"all": 3, "ready": 1, "pass": 1, "resit": 1, "fail": 0, "pending": 1}
    assert page.confirmed == 1
    assert page.selected is not None and page.selected.enrolment.id == passed
    assert [row.enrolment.id for row in queries.board(facts.cohort, 1, "ready").rows] == [passed]
    assert [row.enrolment.id for row in queries.board(facts.cohort, 1, "pending").rows] == [fresh]
    assert [row.enrolment.id for row in queries.board(facts.cohort, 1, search=" 以宁 ").rows] == [below]
    assert queries.board(facts.cohort, 1, "nonsense").show == "all"
    assert queries.board(facts.cohort, 1, number=99).number == 1
    chosen = queries.board(facts.cohort, 1, "ready", person=fresh).selected
    assert chosen is not None and chosen.enrolment.id == fresh
    assert queries.board(facts.cohort, 1, person=99999).was_chosen is False


def test_pages_of_a_large_board_are_bounded(make: Factory) -> None:
    cohort_id = make.cohort("2026-XL", weeks_ago=1, seats=120)
    for _number in range(53):
        make.trainee(cohort_id)
    cohort = courses.get_cohort(cohort_id)
    assert (len(queries.board(cohort, 1).rows), queries.board(cohort, 1).pages, len(queries.board(cohort, 1, number=2).rows)) == (50, 2, 3)


def test_the_evidence_hash_is_the_same_for_the_same_facts_and_another_for_others(make: Factory, facts: Facts) -> None:
    enrolment = make.trainee(facts.cohort_id)
    facts.all_four(enrolment, *GOOD)
    first = queries.standing_of(enrolment)
    with clock.standing_at(clock.now() + timedelta(days=1)):
        assert queries.standing_of(enrolment).evidence_hash == first.evidence_hash
    facts.levels(enrolment, "1", "1")
    assert queries.standing_of(enrolment).evidence_hash != first.evidence_hash
    assert queries.hash_of(first.evidence) == first.evidence_hash


def test_standings_of_several_cohorts_come_together(make: Factory, facts: Facts) -> None:
    other = Facts(make, make.cohort("2026-B", weeks_ago=2), "b")
    one, two = make.trainee(facts.cohort_id), make.trainee(other.cohort_id)
    facts.all_four(one, *GOOD)
    found = queries.standings([one, two])
    assert {id_: standing.verdict.outcome for id_, standing in found.items()} == {one: "pass", two: "pending"}
    with pytest.raises(KeyError):
        queries.standing_of(99999)
