"""Written work: saving, handing in, and what time alone does."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select

from courses.queries import done_of
from foundation import audit, clock
from foundation.db import db, transaction
from tests.factories import Factory
from tests.grading_scene import FINAL_CASE, PRACTICE_CASE, QUESTIONS, Scene, case_judgement
from training.grading import services
from training.grading.models import Assignment, CaseDraft, CaseResponse, Performance
from training.grading.queries import deadline as deadline_queries
from training.grading.queries import performance_facts
from training.grading.rules.pairing import TooFewRaters
from training.grading.services.casework import MAX_ANSWER


@pytest.fixture
def scene(make: Factory) -> Scene:
    return Scene(make)


def save(performance: int, question: str = "q1", words: str = "先核实", version: int = 0, op: str = "op", due: datetime | None = None) -> services.Saved:
    with transaction():
        return services.save_case_draft(performance, question, words, version, op, due)


def test_a_case_is_opened_once_and_only_while_its_week_is_open(scene: Scene, make: Factory) -> None:
    assert scene.open_case() == scene.open_case()
    cohort = make.cohort("2026-B", weeks_ago=0)
    enrolment = make.trainee(cohort)
    with pytest.raises(services.NotOpen), transaction():
        services.open_case(enrolment, FINAL_CASE, None, scene.first)
    assert db.session.query(Performance).count() == 1


def test_a_save_is_versioned_and_the_same_operation_gives_the_same_receipt(scene: Scene) -> None:
    id_ = scene.open_case()
    one = save(id_, op="a")
    assert (save(id_, op="a"), one.version, len(one.receipt)) == (one, 1, 9)
    with pytest.raises(services.OperationReused):
        save(id_, words="别的话", version=1, op="a")
    two = save(id_, words="先核实，再答复", version=1, op="b")
    assert two.version == 2
    with pytest.raises(services.StaleDraft) as stale:
        save(id_, words="旧页面里的话", version=1, op="c")
    assert (stale.value.theirs, stale.value.version) == ("先核实，再答复", 2)
    assert save(id_, words="先核实，再答复", version=0, op="d") == two          # the same text from a stale tab is no conflict
    assert db.session.query(CaseDraft).one().text == "先核实，再答复"


def test_receipts_form_a_chain_so_that_the_last_vouches_for_all(scene: Scene) -> None:
    id_ = scene.open_case()
    with clock.standing_at(clock.now()):
        save(id_, words="甲", op="a")
        save(id_, words="乙", version=1, op="b")
        first = db.session.query(CaseDraft).one().receipt
        other = scene.open_case(scene.trainees[1])
        save(other, words="丙", op="a")
        save(other, words="乙", version=1, op="b")
    second = db.session.execute(select(CaseDraft.receipt).where(CaseDraft.performance_id == other)).scalar()
    assert first != second


@pytest.mark.parametrize(("words", "kept"), [
    ("<script>alert(1)</script>", "<script>alert(1)</script>"), ("一\r\n二\r三", "一\n二\n三"), ("a\x00b", "ab"), ("🙂" * 10, "🙂" * 10),
    ("' ; DROP TABLE rating --", "' ; DROP TABLE rating --"),
])
def test_any_text_is_kept_as_text(scene: Scene, words: str, kept: str) -> None:
    save(scene.open_case(), words=words)
    assert db.session.query(CaseDraft).one().text == kept


def test_a_text_beyond_the_limit_and_an_unknown_question_are_refused_and_change_nothing(scene: Scene) -> None:
    id_ = scene.open_case()
    save(id_, words="x" * MAX_ANSWER, op="a")
    with pytest.raises(services.TextTooLong) as refused:
        save(id_, words="长" * 200_000, version=1, op="b")
    assert (refused.value.length, refused.value.limit) == (200_000, MAX_ANSWER)
    with pytest.raises(services.UnknownQuestion):
        save(id_, "q9")
    with pytest.raises(services.StaleDraft):
        save(id_, "q2", version=7)
    assert db.session.query(CaseDraft).one().text == "x" * MAX_ANSWER


def test_handing_in_freezes_every_answer_once(scene: Scene) -> None:
    id_ = scene.written_case()
    assert db.session.query(CaseResponse).count() == 4
    assert ("case", FINAL_CASE) in done_of(scene.trainees)[scene.trainees[0]]
    for act in (lambda: services.hand_in_case(id_, None, 1), lambda: services.save_case_draft(id_, "q1", "晚了", 1, "x", None)):
        with pytest.raises(services.CaseClosed) as refused, transaction():
            act()
        assert refused.value.reason == "handed_in"
    assert db.session.query(CaseResponse).count() == 4


def test_a_late_repeat_of_the_last_save_still_gets_its_receipt_after_the_hand_in(scene: Scene) -> None:
    id_ = scene.open_case()
    saved = save(id_, op="slow-network")
    with transaction():
        services.hand_in_case(id_, None, scene.first, allow_empty=True)
    assert save(id_, op="slow-network") == saved


def test_empty_answers_are_warned_of_and_allowed_when_meant(scene: Scene) -> None:
    id_ = scene.open_case()
    save(id_, "q2", words="  \n ")
    with pytest.raises(services.EmptyAnswers) as refused, transaction():
        services.hand_in_case(id_, None, scene.first)
    assert refused.value.keys == QUESTIONS
    with transaction():
        services.hand_in_case(id_, None, scene.first, allow_empty=True)
    assert db.session.query(CaseResponse).count() == 4


def test_the_deadline_is_midnight_seven_days_after_the_last_day_and_an_extension_moves_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    due = scene.due()
    local = due.astimezone(ZoneInfo("Asia/Shanghai"))
    assert (local.hour, local.minute) == (0, 0)
    until = due + timedelta(days=3)
    monkeypatch.setattr(deadline_queries, "_readers", [])
    deadline_queries.use_extensions(lambda ids, component: {scene.trainees[0]: until} if component == "case_analysis" else {})
    assert (scene.due(), scene.due(scene.trainees[1])) == (until, due)


def test_what_was_saved_in_time_is_the_submission_though_nobody_returns(scene: Scene) -> None:
    id_, due = scene.open_case(), scene.due()
    at = due - timedelta(hours=1)
    with clock.standing_at(at):
        save(id_, "q1", "写到一半", op="a", due=due)
        assert facts(scene)[0].state == "not_performed"
    with clock.standing_at(due):
        with pytest.raises(services.CaseClosed) as refused:
            save(id_, "q2", "来晚了", op="b", due=due)
        assert refused.value.reason == "time_up"
        with pytest.raises(services.CaseClosed), transaction():
            services.hand_in_case(id_, due, scene.first)
        assert (facts(scene)[0].state, facts(scene)[0].performed_at) == ("awaiting", at)      # derived, before any worker ran
        with transaction():
            assert services.close_due_cases() == 1
        with transaction():
            assert services.close_due_cases() == 0
    assert (facts(scene)[0].state, facts(scene)[0].performed_at) == ("awaiting", at)
    assert {row.question_key: row.text for row in db.session.query(CaseResponse)} == {"q1": "写到一半", "q2": "", "q3": "", "q4": ""}
    (event,) = db.session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.action == "case:close"))
    assert event.actor_id is None and event.facts["answers"][0][:2] == ["q1", 1]


def test_a_case_opened_and_never_written_stays_not_performed(scene: Scene) -> None:
    scene.open_case()
    with clock.standing_at(scene.due() + timedelta(days=1)):
        with transaction():
            assert services.close_due_cases([scene.cohort]) == 0
        assert facts(scene)[0].state == "not_performed"


def test_practice_has_no_deadline(scene: Scene) -> None:
    id_ = scene.open_case(key=PRACTICE_CASE)
    save(id_)
    with clock.standing_at(scene.due() + timedelta(days=30)):
        with transaction():
            assert services.close_due_cases() == 0
        save(id_, words="还能写", version=1, op="later")
    assert performance_facts(scene.trainees, "case", [PRACTICE_CASE])[scene.trainees[0]] == []


def test_practice_in_writing_is_done_by_handing_in_and_worth_its_mark_once_judged(scene: Scene) -> None:
    performance = scene.written_case(key=PRACTICE_CASE)
    done = ("case", PRACTICE_CASE)
    assert done_of(scene.trainees)[scene.trainees[0]][done] is None, "handed in, not judged: a gate with a band waits"
    with transaction():
        services.assign_markers(scene.cohort, PRACTICE_CASE, [scene.first], scene.first)
    criteria = ("spotting", "reporting", "refusing", "three-positions")
    scene.rate(performance, scene.first, {"levels": dict.fromkeys(criteria, "good"), "evidence": dict.fromkeys(criteria, "第 3 行")})
    assert done_of(scene.trainees)[scene.trainees[0]][done] == Decimal("0.85")


def facts(scene: Scene):  # type: ignore[no-untyped-def]
    return performance_facts(scene.trainees, "case", [FINAL_CASE])[scene.trainees[0]]


def test_markers_are_given_to_everything_handed_in_and_only_once(scene: Scene) -> None:
    one, two = scene.written_case(), scene.written_case(scene.trainees[1])
    scene.open_case(scene.trainee("late"))
    with pytest.raises(TooFewRaters), transaction():
        services.assign_markers(scene.cohort, FINAL_CASE, [scene.first, scene.mentor], scene.first)
    with transaction():
        assert services.assign_markers(scene.cohort, FINAL_CASE, [scene.first, scene.second], scene.first) == 2
    with transaction():
        assert services.assign_markers(scene.cohort, FINAL_CASE, [scene.first, scene.second], scene.first) == 0
    places = {(a.performance_id, a.place): a.rater_id for a in db.session.query(Assignment)}
    assert places == {(one, 1): scene.first, (one, 2): scene.second, (two, 1): scene.second, (two, 2): scene.first}


def test_a_case_is_marked_by_two_on_its_own_rubric(scene: Scene) -> None:
    id_ = scene.written_case()
    with transaction():
        services.assign_markers(scene.cohort, FINAL_CASE, [scene.first, scene.second], scene.first)
    scene.rate(id_, scene.first, case_judgement("good"))                                            # 85
    scene.rate(id_, scene.second, case_judgement("good", "good", "pass", "good"))                   # 85 - 20 x .20 = 81
    assert (facts(scene)[0].state, facts(scene)[0].mark) == ("complete", 83)
    assert facts(scene)[0].global_values == ()


def test_work_not_handed_in_cannot_be_judged(scene: Scene) -> None:
    id_ = scene.open_case()
    with transaction():
        db.session.add(Assignment(performance_id=id_, rater_id=scene.first, place=1, assigned_at=clock.now(), assigned_by_id=scene.first))
    with pytest.raises(services.NotPerformed):
        scene.rate(id_, scene.first, case_judgement("good"))


def test_saving_and_closing_race_and_one_of_them_is_refused(app: Flask, scene: Scene) -> None:
    id_ = scene.open_case()
    save(id_, op="a")
    db.session.remove()
    seen: list[str] = []

    def work(number: int) -> None:
        with app.app_context():
            try:
                with transaction():
                    if number % 2:
                        services.hand_in_case(id_, None, scene.first, allow_empty=True)
                        seen.append("handed")
                    else:
                        services.save_case_draft(id_, "q1", f"第 {number} 版", 1, f"op{number}", None)
                        seen.append("saved")
            except (services.CaseClosed, services.StaleDraft):
                seen.append("refused")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen.count("handed") == 1 and seen.count("saved") <= 1
    draft = db.session.query(CaseDraft).one()
    assert db.session.query(CaseResponse).filter_by(question_key="q1").one().text == draft.text


def test_the_worker_finds_what_is_due_and_posting_it_twice_or_after_an_extension_changes_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    id_, due = scene.open_case(), scene.due()
    with clock.standing_at(due - timedelta(hours=1)):
        save(id_, op="a", due=due)
        assert services.due_cases() == []
        with transaction():
            services.close_due_case(id_)
        assert db.session.query(CaseResponse).count() == 0
    with clock.standing_at(due):
        assert services.due_cases() == [id_]
        monkeypatch.setattr(deadline_queries, "_readers", [lambda ids, _component: dict.fromkeys(ids, due + timedelta(days=1))])
        with transaction():
            services.close_due_case(id_)
        assert db.session.query(CaseResponse).count() == 0
        monkeypatch.setattr(deadline_queries, "_readers", [])
        for _twice in range(2):
            with transaction():
                services.close_due_case(id_)
        assert services.due_cases() == []
    assert db.session.query(CaseResponse).count() == 4
