"""Arranging, rating, agreement and red lines on a real database."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from courses.queries import done_of
from foundation import audit, clock
from foundation.db import db, transaction
from tests.factories import Factory
from tests.grading_scene import (
    FINAL_STATION,
    OTHER_FINAL,
    PRACTICE_CRITERIA,
    PRACTICE_STATION,
    Scene,
    judgement,
)
from training.grading import services
from training.grading.models import Assignment, Performance, Rating, RatingDraft, RedLineReport
from training.grading.queries import performance_facts, raters_of
from training.grading.rules.judgement import JudgementRefused, Lack
from training.grading.rules.pairing import TooFewRaters


@pytest.fixture
def scene(make: Factory) -> Scene:
    return Scene(make)


def fact(scene: Scene, station: str = FINAL_STATION):  # type: ignore[no-untyped-def]
    (found,) = performance_facts([scene.trainees[0]], "station", [station])[scene.trainees[0]]
    return found


# ── arranging ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("raters", "reason"), [
    (("first", "first"), "same_person"), (("first", "trainee"), "trainee"), (("first", "mentor"), "mentor"), (("first", "reviewer"), "not_of_cohort"),
    (("first",), "number"), (("first", "second", "third"), "number"), ((), "number"),
])
def test_raters_are_two_different_trainers_of_the_cohort_and_neither_trainee_nor_mentor(scene: Scene, raters: tuple[str, ...], reason: str) -> None:
    people = {name: getattr(scene, name) for name in ("first", "second", "third", "mentor", "reviewer")}
    people["trainee"] = scene.person_of(scene.trainees[0])
    with pytest.raises(services.RaterRefused) as refused, transaction():
        services.schedule_performance(scene.trainees[0], FINAL_STATION, [people[name] for name in raters], scene.first)
    assert refused.value.reason == reason
    assert db.session.query(Performance).count() == 0


def test_a_station_that_counts_is_arranged_once_and_practice_again_once_it_is_judged(scene: Scene) -> None:
    scene.role_play()
    with pytest.raises(services.AlreadyArranged), transaction():
        services.schedule_performance(scene.trainees[0], FINAL_STATION, (scene.first, scene.third), scene.first)
    practice = scene.role_play(station=PRACTICE_STATION, raters=(scene.first,))
    with pytest.raises(services.AlreadyArranged), transaction():
        services.schedule_performance(scene.trainees[0], PRACTICE_STATION, (scene.first,), scene.first)
    scene.rate(practice, scene.first, judgement("l3", criteria=PRACTICE_CRITERIA))
    again = scene.role_play(station=PRACTICE_STATION, raters=(scene.second,))
    assert db.session.get_one(Performance, again).number == 2


def test_a_whole_cohort_is_arranged_evenly_or_not_at_all(scene: Scene) -> None:
    more = [scene.trainee(f"t{number}") for number in range(4)]
    everybody = [*scene.trainees, *more]
    with pytest.raises(TooFewRaters) as refused, transaction():
        services.arrange_role_plays(FINAL_STATION, everybody, [scene.first, scene.mentor], scene.first)
    assert set(refused.value.keys) == set(everybody)          # everybody's mentor is one of the two
    assert db.session.query(Performance).count() == 0
    with transaction():
        made = services.arrange_role_plays(FINAL_STATION, everybody, [scene.first, scene.second, scene.third], scene.first)
    load = [db.session.query(Assignment).filter_by(rater_id=rater).count() for rater in (scene.first, scene.second, scene.third)]
    assert (len(made), load) == (6, [4, 4, 4])
    with pytest.raises(services.AlreadyArranged) as taken, transaction():
        services.arrange_role_plays(FINAL_STATION, [*more, scene.trainees[0]], [scene.first, scene.second], scene.first)
    assert set(taken.value.enrolment_ids) == {*more, scene.trainees[0]}


def test_the_version_a_cohort_works_with_is_kept_with_the_performance(scene: Scene) -> None:
    performance = db.session.get_one(Performance, scene.role_play(performed=False))
    assert (performance.use, performance.number, performance.performed_at) == ("final", 1, None)
    assert performance.content_version_id and performance.rubric_version_id != performance.content_version_id


def test_that_it_took_place_is_recorded_once(scene: Scene) -> None:
    id_ = scene.role_play()
    at = db.session.get_one(Performance, id_).performed_at
    with transaction():
        assert services.mark_performed(id_, scene.second) is False
    assert db.session.get_one(Performance, id_).performed_at == at
    assert ("station", FINAL_STATION) in done_of([scene.trainees[0]])[scene.trainees[0]]


# ── from ratings to a mark ───────────────────────────────────────────────────────────────────────────────────
def test_a_performance_goes_from_arranged_to_complete_with_the_mean_of_two(scene: Scene) -> None:
    id_ = scene.role_play(performed=False)
    assert (fact(scene).state, fact(scene).performed_at) == ("not_performed", None)
    with transaction():
        services.mark_performed(id_, scene.first)
    assert fact(scene).state == "awaiting"
    scene.rate(id_, scene.first, judgement("l4"))                                            # 85
    found = fact(scene)
    assert (found.state, found.mark, found.raters) == ("awaiting", None, (scene.first,))
    scene.rate(id_, scene.second, judgement("l4", "l3", "l4", "l4", "l4", "l4", judged="good"))     # 85 - 20 x .20 = 81
    found = fact(scene)
    assert (found.state, found.mark) == ("complete", Decimal("83.00"))
    assert found.raters == (scene.first, scene.second)
    assert found.rater_marks == (("秦老师", Decimal("85.00")), ("贺老师", Decimal("81.00")))
    assert found.global_values == (3, 4)
    assert (found.red_line, found.red_line_keys) == ("none", ())


def test_a_gap_is_held_until_a_third_is_final_and_then_the_median_stands(scene: Scene) -> None:
    id_ = scene.role_play()
    with pytest.raises(services.NotHeld), transaction():
        services.assign_third(id_, scene.third, scene.first)
    scene.rate(id_, scene.first, judgement("l4"))                                            # 85
    scene.rate(id_, scene.second, judgement("l3"))                                           # 65: one level, but twenty points apart
    assert (fact(scene).state, fact(scene).mark) == ("held", None)
    for person, reason in ((scene.first, "same_person"), (scene.mentor, "mentor"), (scene.person_of(scene.trainees[0]), "trainee"),
                           (scene.reviewer, "not_of_cohort")):
        with pytest.raises(services.RaterRefused) as refused, transaction():
            services.assign_third(id_, person, scene.first)
        assert refused.value.reason == reason
    with transaction():
        services.assign_third(id_, scene.third, scene.first)
    with pytest.raises(services.AlreadyAssigned), transaction():
        services.assign_third(id_, scene.third, scene.first)
    assert fact(scene).state == "held"
    scene.rate(id_, scene.third, judgement("l4", "l4", "l4", "l3", "l3", "l3"))              # 10+20+20 at .85, 50 at .65: 75
    assert (fact(scene).state, fact(scene).mark) == ("complete", Decimal("75.00"))
    assert raters_of(scene.trainees) == {scene.trainees[0]: frozenset({scene.first, scene.second, scene.third}), scene.trainees[1]: frozenset()}


def test_two_levels_apart_on_one_criterion_are_held_though_the_totals_are_close(scene: Scene) -> None:
    id_ = scene.role_play()
    scene.rate(id_, scene.first, judgement("l3"))
    scene.rate(id_, scene.second, judgement("l5", "l3", "l3", "l3", "l3", "l3"))             # 65 + 10 x .35 = 68.5
    assert fact(scene).state == "held"


def test_practice_never_counts_and_is_completed_with_its_mark(scene: Scene) -> None:
    id_ = scene.role_play(station=PRACTICE_STATION, raters=(scene.third,))
    assert ("station", PRACTICE_STATION) not in done_of(scene.trainees)[scene.trainees[0]]
    scene.rate(id_, scene.third, judgement("l4", criteria=PRACTICE_CRITERIA))
    assert done_of(scene.trainees)[scene.trainees[0]][("station", PRACTICE_STATION)] == Decimal("0.85")
    assert performance_facts(scene.trainees, "station", [PRACTICE_STATION])[scene.trainees[0]] == []
    assert raters_of([scene.trainees[0]])[scene.trainees[0]] == {scene.third}


def test_facts_of_a_cohort_need_no_query_per_trainee(scene: Scene, query_count) -> None:  # type: ignore[no-untyped-def]
    def counted(ids: list[int]) -> int:
        with query_count() as count:
            performance_facts(ids, "station", [FINAL_STATION, OTHER_FINAL])
            raters_of(ids)
        return count.number

    for enrolment in scene.trainees:
        scene.rate(scene.role_play(enrolment), scene.first, judgement("l4"))
    few = counted(scene.trainees)
    more = [*scene.trainees, *(scene.trainee(f"t{n}") for n in range(5))]
    for enrolment in more[2:]:
        scene.rate(scene.role_play(enrolment), scene.first, judgement("l4"))
    assert counted(more) == few <= 4


# ── one rating ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_draft_is_versioned_and_the_same_operation_gives_the_same_receipt(scene: Scene) -> None:
    assignment = scene.assignment(scene.role_play(), scene.first)
    with transaction():
        one = services.save_rating_draft(assignment, {"levels": {"opening": "l4"}}, 0, "op-1", scene.first)
    with transaction():
        again = services.save_rating_draft(assignment, {"levels": {"opening": "l4"}}, 0, "op-1", scene.first)
    assert (one, one.version) == (again, 1)
    with pytest.raises(services.OperationReused), transaction():
        services.save_rating_draft(assignment, {"levels": {"opening": "l5"}}, 1, "op-1", scene.first)
    with transaction():
        two = services.save_rating_draft(assignment, {"levels": {"opening": "l5"}}, 1, "op-2", scene.first)
    assert two.version == 2 and two.receipt != one.receipt
    with pytest.raises(services.StaleDraft) as stale, transaction():
        services.save_rating_draft(assignment, {"levels": {"opening": "l2"}}, 1, "op-3", scene.first)
    assert (stale.value.version, stale.value.theirs["levels"]) == (2, {"opening": "l5"})
    assert db.session.query(RatingDraft).one().body["levels"] == {"opening": "l5"}


def test_only_the_asked_rater_saves_or_finishes(scene: Scene) -> None:
    assignment = scene.assignment(scene.role_play(), scene.first)
    for act in (lambda: services.save_rating_draft(assignment, judgement("l4"), 0, "x", scene.second),
                lambda: services.finalise_rating(assignment, judgement("l4"), 0, scene.second)):
        with pytest.raises(services.RaterRefused), transaction():
            act()
    assert db.session.query(Rating).count() == db.session.query(RatingDraft).count() == 0


def test_an_unfinished_rating_says_what_it_lacks_and_leaves_nothing(scene: Scene) -> None:
    assignment = scene.assignment(scene.role_play(), scene.first)
    body = judgement("l1", red_lines={"quarrel": {"quotation": "", "happened_at": "03:20"}}, judged="")
    body["evidence"].pop("layers")
    del body["levels"]["opening"]
    with pytest.raises(services.RatingIncomplete) as refused, transaction():
        services.finalise_rating(assignment, body, 0, scene.first)
    assert set(refused.value.lacks) == {Lack("level", "opening"), Lack("evidence", "layers"), Lack("quotation", "quarrel"), Lack("global_judgement")}
    with pytest.raises(JudgementRefused), transaction():
        services.finalise_rating(assignment, {"levels": {"opening": "l99"}}, 0, scene.first)
    assert db.session.query(Rating).count() == db.session.query(RedLineReport).count() == 0


def test_a_final_rating_stands_and_the_database_refuses_to_touch_it(scene: Scene) -> None:
    id_ = scene.role_play()
    scene.rate(id_, scene.first, judgement("l4", comment="节奏稳"))
    with pytest.raises(services.RatingIsFinal), transaction():
        services.finalise_rating(scene.assignment(id_, scene.first), judgement("l5"), None, scene.first)
    with pytest.raises(services.RatingIsFinal), transaction():
        services.save_rating_draft(scene.assignment(id_, scene.first), judgement("l5"), 0, "late", scene.first)
    for statement in ("UPDATE rating SET mark='100'", "DELETE FROM rating"):
        with pytest.raises(DatabaseError), transaction():
            db.session.execute(text(statement))
    assert db.session.query(Rating).one().mark == 85


def test_a_stale_tab_cannot_finish_over_a_newer_draft_but_the_same_content_may(scene: Scene) -> None:
    assignment = scene.assignment(scene.role_play(), scene.first)
    with transaction():
        services.save_rating_draft(assignment, judgement("l3"), 0, "tab-1", scene.first)
    with transaction():
        services.save_rating_draft(assignment, judgement("l4"), 1, "tab-2", scene.first)
    with pytest.raises(services.StaleDraft) as stale, transaction():
        services.finalise_rating(assignment, judgement("l3"), 1, scene.first)
    assert stale.value.theirs["levels"]["opening"] == "l4"
    with transaction():
        services.finalise_rating(assignment, judgement("l4"), 1, scene.first)
    assert db.session.query(Rating).one().mark == 85


def test_the_saved_draft_is_finished_as_it_stands(scene: Scene) -> None:
    assignment = scene.assignment(scene.role_play(performed=False), scene.first)
    with transaction():
        services.save_rating_draft(assignment, judgement("l4", comment="看结尾"), 0, "a", scene.first)
    with transaction():
        services.finalise_rating(assignment, None, None, scene.first)
    rating = db.session.query(Rating).one()
    assert (rating.mark, rating.comment, rating.global_judgement) == (85, "看结尾", "clear-pass")
    assert db.session.query(Performance).one().performed_at is not None


def test_twenty_fingers_on_finish_make_one_rating(app: Flask, scene: Scene) -> None:
    id_ = scene.role_play()
    assignment, first = scene.assignment(id_, scene.first), scene.first
    db.session.remove()
    outcomes: list[str] = []
    body = judgement("l4", red_lines={"quarrel": {"quotation": "你懂什么", "happened_at": "02:10"}})

    def finish() -> None:
        with app.app_context():
            try:
                with transaction():
                    services.finalise_rating(assignment, body, None, first)
                outcomes.append("made")
            except services.RatingIsFinal:
                outcomes.append("final")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=finish) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["final"] * 19 + ["made"]
    assert db.session.query(Rating).count() == db.session.query(RedLineReport).count() == 1
    assert audit.verify().bad_seq is None


def test_the_trail_tells_who_finished_but_neither_mark_nor_level(scene: Scene) -> None:
    scene.rate(scene.role_play(), scene.first, judgement("l4", comment="不外传的话"))
    (event,) = db.session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.action == "rating:finalise"))
    assert event.actor_id == scene.first and event.facts["place"] == 1
    told = str(event.facts)
    assert "85" not in told.replace(event.facts["content"], "") and "l4" not in told.replace(event.facts["content"], "") and "不外传" not in told


# ── red lines ────────────────────────────────────────────────────────────────────────────────────────────────
LINE = {"return-promised": {"quotation": "年底一定能回来", "happened_at": "05:12"}}


def report(scene: Scene, station: str = FINAL_STATION, criteria: tuple[str, ...] = (), raters: tuple[int, ...] = ()) -> tuple[int, int]:
    """(performance, report) of a role-play whose first rater raised a red line."""
    id_ = scene.role_play(station=station, raters=raters)
    scene.rate(id_, raters[0] if raters else scene.first, judgement("l4", red_lines=LINE, **({"criteria": criteria} if criteria else {})))
    return id_, db.session.query(RedLineReport.id).filter_by(performance_id=id_).scalar()


def test_a_red_line_counts_only_once_somebody_who_did_not_rate_confirms_it(scene: Scene) -> None:
    id_, line = report(scene)
    scene.rate(id_, scene.second, judgement("l4"))
    assert (fact(scene).state, fact(scene).mark, fact(scene).red_line, fact(scene).red_line_keys) == ("complete", 85, "raised", ("return-promised",))
    for person in (scene.first, scene.second, scene.person_of(scene.trainees[0])):
        with pytest.raises(services.JudgeIsInvolved), transaction():
            services.decide_red_line(line, True, "录音可证", person)
    with transaction():
        services.decide_red_line(line, True, "录音可证", scene.reviewer)
    assert (fact(scene).red_line, fact(scene).mark) == ("confirmed", 85)
    with pytest.raises(services.AlreadyDecided), transaction():
        services.decide_red_line(line, False, "改判", scene.reviewer)
    assert fact(scene).red_line == "confirmed"


def test_a_rejected_red_line_leaves_the_performance_as_it_was(scene: Scene) -> None:
    _id, line = report(scene)
    with transaction():
        services.decide_red_line(line, False, "说的是存款", scene.reviewer)
    assert (fact(scene).red_line, fact(scene).red_line_keys) == ("none", ())


def test_practice_with_an_open_red_line_is_not_done_until_it_is_decided(scene: Scene) -> None:
    _id, line = report(scene, PRACTICE_STATION, PRACTICE_CRITERIA, (scene.third,))
    done = ("station", PRACTICE_STATION)
    assert done not in done_of(scene.trainees)[scene.trainees[0]]
    with transaction():
        services.decide_red_line(line, True, "当场承诺", scene.reviewer)
    assert done_of(scene.trainees)[scene.trainees[0]][done] == 0


def test_everything_is_in_the_chain(scene: Scene) -> None:
    _id, line = report(scene)
    with clock.standing_at(clock.now() + timedelta(minutes=5)), transaction():
        services.decide_red_line(line, False, "说的是存款", scene.reviewer)
    actions = list(db.session.scalars(select(audit.AuditEvent.action).order_by(audit.AuditEvent.seq)))
    for action in ("performance:arrange", "rating:assign", "performance:perform", "rating:finalise", "red_line:report", "red_line:decide"):
        assert action in actions
    assert audit.verify().bad_seq is None
