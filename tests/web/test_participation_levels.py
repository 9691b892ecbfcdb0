"""Levels in the browser: proposals with n, ticks, overrides with a reason, observations, evidence."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from foundation import clock
from foundation.db import db, transaction
from tests.factories import Factory
from tests.participation_scene import Scene, outline_sessions, plan, scene
from training.participation import services
from training.participation.models import ContributionNote, ParticipationLevel

Open = Callable[..., Any]


def text(answer: Any) -> str:
    return answer.get_data(as_text=True)


@pytest.fixture
def found(make: Factory) -> Scene:
    return scene(make)


def observe(found: Scene, enrolment: int, *levels: str, part: str = "discussion") -> None:
    with transaction():
        for level in levels:
            services.note_contribution(enrolment, part, level, "观察到的一句话", found.trainer_id, found.past)


def levels() -> list[tuple[int, str, str, str]]:
    return [tuple(row) for row in db.session.execute(  # type: ignore[misc]
        select(ParticipationLevel.enrolment_id, ParticipationLevel.part, ParticipationLevel.fraction, ParticipationLevel.reason)
        .order_by(ParticipationLevel.id))]


def ticks(page: str) -> list[str]:
    return re.findall(r'name="confirm" value="([^"]+)"', page)


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_table_shows_the_proposal_with_its_n_and_the_rule(found: Scene, client_for: Open) -> None:
    observe(found, found.enrolments[0], "l4", "l5", "l4")
    page = text(client_for("trainer").get(f"/cohorts/{found.cohort_id}/participation"))
    assert "the highest level not above the mean" in page and "from 2 observations on" in page
    assert "n = 3" in page and "none yet" in page
    assert ticks(page) == [f"{found.enrolments[0]}:discussion:l4:3:0"]


def test_ticked_proposals_stand_and_are_no_longer_offered(found: Scene, client_for: Open) -> None:
    for enrolment in found.enrolments[:2]:
        observe(found, enrolment, "l4", "l4")
    client, address = client_for("trainer"), f"/cohorts/{found.cohort_id}/participation"
    wanted = ticks(text(client.get(address)))
    assert client.send(address, {"confirm": wanted}, op="confirm-once").status_code == 303
    page = text(client.get(address))
    assert ticks(page) == [] and "2 levels confirmed." in page
    assert client.send(address, {"confirm": wanted}, op="confirm-once").status_code == 303
    assert len(levels()) == 2


def test_a_proposal_that_changed_meanwhile_is_not_confirmed_and_the_others_stay_ticked(found: Scene, client_for: Open) -> None:
    for enrolment in found.enrolments[:2]:
        observe(found, enrolment, "l4", "l4")
    client, address = client_for("trainer"), f"/cohorts/{found.cohort_id}/participation"
    wanted = ticks(text(client.get(address)))
    observe(found, found.enrolments[1], "l1")
    answer = client.send(address, {"confirm": wanted})
    assert answer.status_code == 409 and levels() == []
    page = text(answer)
    assert f'value="{wanted[0]}" checked' in page and f'value="{wanted[1]}"' not in page


@pytest.mark.parametrize("tick", ["", "1", "1:discussion:l9:2:0", "1:attendance:l4:2:0", "x:discussion:l4:2:0", "1:discussion:l4:2:0:9",
                                  "-1:discussion:l4:2:0"])
def test_ticks_that_say_nothing_are_refused(found: Scene, client_for: Open, tick: str) -> None:
    answer = client_for("trainer").send(f"/cohorts/{found.cohort_id}/participation", {"confirm": tick})
    assert answer.status_code == 422 and levels() == []


def test_a_tick_for_a_stranger_is_refused(make: Factory, found: Scene, client_for: Open) -> None:
    stranger = make.trainee(make.cohort("other"))
    answer = client_for("trainer").send(f"/cohorts/{found.cohort_id}/participation", {"confirm": f"{stranger}:discussion:l4:2:0"})
    assert answer.status_code == 422 and levels() == []


def test_reviewers_read_and_do_not_set(make: Factory, found: Scene, client_for: Open) -> None:
    make.person("reviewer", "reviewer")
    observe(found, found.enrolments[0], "l4", "l4")
    client = client_for("reviewer")
    page = client.get(f"/cohorts/{found.cohort_id}/participation")
    assert page.status_code == 200 and ticks(text(page)) == []
    evidence = client.get(f"/participation/{found.enrolments[0]}")
    assert evidence.status_code == 200 and "观察到的一句话" in text(evidence) and "/level" not in text(evidence)
    assert client.send(f"/cohorts/{found.cohort_id}/participation", {"confirm": "1:discussion:l4:2:0"}).status_code == 403
    assert client.send(f"/participation/{found.enrolments[0]}/level", {"part": "discussion", "level": "l5", "reason": "x"}).status_code == 403


# ── one trainee ──────────────────────────────────────────────────────────────────────────────────────────────
def set_fields(part: str = "discussion", level: str = "l4", reason: str = "", seen: str = "0") -> dict[str, str]:
    return {"part": part, "level": level, "reason": reason, "seen": seen}


def test_the_evidence_holds_observations_anchors_and_register_entries(found: Scene, client_for: Open) -> None:
    observe(found, found.enrolments[0], "l4", "l4")
    with transaction():
        services.keep_register(found.past, {found.enrolments[0]: services.Mark("absent", 0)}, found.trainer_id)
        services.keep_register(found.past, {found.enrolments[0]: services.Mark("late", 60, "迟到一小时")}, found.trainer_id)
    page = text(client_for("trainer").get(f"/participation/{found.enrolments[0]}"))
    assert "观察到的一句话" in page and "Speaks up unasked" in page and "helps others and joins the parts together" in page
    assert "迟到一小时" in page and "corrected since" in page and "Proposal: Good, from 2 observations" in page


def test_a_level_that_differs_needs_a_reason_and_the_choice_is_kept(found: Scene, client_for: Open) -> None:
    observe(found, found.enrolments[0], "l4", "l4")
    client, address = client_for("trainer"), f"/participation/{found.enrolments[0]}/level"
    answer = client.send(address, set_fields(level="l5"))
    assert answer.status_code == 422 and "write the reason" in text(answer)
    assert re.search(r'id="discussion-l5" value="l5" checked', text(answer))
    assert client.send(address, set_fields(level="")).status_code == 422
    assert client.send(address, set_fields(level="l7", reason="x")).status_code == 422
    assert client.send(address, set_fields(part="attendance", reason="x")).status_code == 422
    assert client.send(address, set_fields(level="l5", reason="字" * 301)).status_code == 422
    assert levels() == []
    assert client.send(address, set_fields(level="l5", reason="两次主持讨论")).status_code == 303
    assert len(levels()) == 1


def test_a_level_set_meanwhile_is_shown_and_not_overwritten(make: Factory, found: Scene, client_for: Open) -> None:
    make.trainer(found.cohort_id, "second")
    one = found.enrolments[0]
    client_for("second").send(f"/participation/{one}/level", set_fields(level="l3", reason="依据研讨记录"))
    answer = client_for("trainer").send(f"/participation/{one}/level", set_fields(level="l5", reason="表现突出"))
    page = text(answer)
    assert answer.status_code == 409 and "It stands at “Pass”" in page and "表现突出" in page and len(levels()) == 1
    seen = re.search(r'name="part" value="discussion"><input type="hidden" name="seen" value="(\d+)"', page)
    assert seen and seen.group(1) != "0"
    assert client_for("trainer").send(f"/participation/{one}/level", set_fields(level="l5", reason="表现突出", seen=seen.group(1))).status_code == 303


def test_levels_of_other_cohorts_of_oneself_and_without_a_token_are_refused(make: Factory, found: Scene, client_for: Open) -> None:
    client = client_for("trainer")
    stranger = make.trainee(make.cohort("other"))
    assert client.get(f"/participation/{stranger}").status_code == 404
    assert client.send(f"/participation/{stranger}/level", set_fields(reason="表现突出")).status_code == 404
    assert client.post(f"/participation/{found.enrolments[0]}/level", data=set_fields(reason="表现突出")).status_code == 400
    assert client_for("t1").get(f"/participation/{found.enrolments[0]}").status_code == 403
    own = make.enrol(found.cohort_id, found.trainer_id)
    answer = client.send(f"/participation/{own}/level", set_fields(level="l5", reason="表现突出"))
    assert answer.status_code == 422 and "Nobody sets a level of their own" in text(answer)
    assert levels() == []


# ── observations ─────────────────────────────────────────────────────────────────────────────────────────────
def note_fields(found: Scene, **changes: Any) -> dict[str, Any]:
    return {"trainee": str(found.enrolments[0]), "part": "discussion", "level": "l4", "note": "举出柜面实例，回应同伴",
            "session": str(found.past), **changes}


def notes() -> int:
    return db.session.execute(select(func.count()).select_from(ContributionNote)).scalar_one()


def test_an_observation_is_kept_and_the_form_stays_for_the_next(found: Scene, client_for: Open) -> None:
    client, address = client_for("trainer"), f"/cohorts/{found.cohort_id}/notes"
    answer = client.send(address, note_fields(found), op="note-once")
    assert answer.status_code == 303
    page = text(client.get(answer.location))
    assert "Kept: 学员1, Discussion, Good." in page
    assert re.search(r'name="part" value="discussion" checked', page) and f'<option selected value="{found.past}">' in page
    assert "Kept by you today" in page
    assert client.send(address, note_fields(found), op="note-once").status_code == 303
    assert notes() == 1


@pytest.mark.parametrize(("changes", "message"), [
    ({"trainee": "0"}, "Choose a trainee."), ({"trainee": "999999"}, "Not a valid choice"), ({"trainee": "abc"}, "Choose a trainee."),
    ({"part": ""}, "This field is required"), ({"part": "attendance"}, "Not a valid choice"), ({"level": ""}, "Choose the level that fits"),
    ({"level": "l8"}, "Not a valid choice"), ({"note": ""}, "Write one sentence"), ({"note": "   "}, "Write one sentence"),
    ({"note": "字" * 1001}, "1000 characters"), ({"session": "999999"}, "Not a valid choice"),
])
def test_an_observation_with_faults_is_shown_again(found: Scene, client_for: Open, changes: dict[str, str], message: str) -> None:
    answer = client_for("trainer").send(f"/cohorts/{found.cohort_id}/notes", note_fields(found, **changes))
    page = text(answer)
    assert answer.status_code == 422 and message in page and notes() == 0
    if "note" not in changes:
        assert "举出柜面实例，回应同伴" in page


def test_a_person_or_session_of_another_cohort_is_no_choice(make: Factory, found: Scene, client_for: Open) -> None:
    other = make.cohort("other")
    stranger = make.trainee(other, name="外班学员")
    foreign = plan(other, outline_sessions(other)[0].ref, clock.now() - timedelta(days=1))
    client, address = client_for("trainer"), f"/cohorts/{found.cohort_id}/notes"
    assert "外班学员" not in text(client.get(address))
    assert client.send(address, note_fields(found, trainee=str(stranger))).status_code == 422
    assert client.send(address, note_fields(found, session=str(foreign))).status_code == 422
    assert client.send(address, note_fields(found, session=str(found.future))).status_code == 422
    assert client.get(f"/cohorts/{other}/notes").status_code == 404
    assert client.send(f"/cohorts/{other}/notes", note_fields(found, trainee=str(stranger))).status_code == 404
    assert client.post(address, data=note_fields(found)).status_code == 400
    assert notes() == 0


def test_nobody_notes_a_contribution_of_their_own(make: Factory, found: Scene, client_for: Open) -> None:
    own = make.enrol(found.cohort_id, found.trainer_id)
    answer = client_for("trainer").send(f"/cohorts/{found.cohort_id}/notes", note_fields(found, trainee=str(own)))
    assert answer.status_code == 422 and "Nobody notes a contribution of their own" in text(answer) and notes() == 0


@pytest.mark.parametrize("which", ["participation", "notes"])
def test_fifty_trainees_take_as_many_selects_as_five(make: Factory, client_for: Open, query_count: Any, which: str) -> None:
    numbers = []
    for key, count in (("five", 5), ("fifty", 50)):
        cohort_id = make.cohort(key, weeks_ago=1, seats=60)
        trainer = make.trainer(cohort_id, key)
        session = plan(cohort_id, outline_sessions(cohort_id)[0].ref, clock.now() - timedelta(hours=3))
        for _ in range(count):
            enrolment = make.trainee(cohort_id)
            with transaction():
                services.note_contribution(enrolment, "discussion", "l4", "一句", trainer, session)
                services.note_contribution(enrolment, "discussion", "l4", "又一句", trainer, session)
                services.set_level(enrolment, "discussion", "l4", "", trainer)
        client = client_for(key)
        client.get(f"/cohorts/{cohort_id}/{which}")
        with query_count() as counted:
            assert client.get(f"/cohorts/{cohort_id}/{which}").status_code == 200
        numbers.append(counted.number)
    assert numbers[0] == numbers[1] <= 15
