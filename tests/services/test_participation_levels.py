"""Observations, proposals, levels that stand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from courses import queries as courses
from courses import services as course_services
from foundation import clock
from foundation.audit import AuditEvent
from foundation.db import db, transaction
from foundation.web import StaleVersion
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.participation_scene import Scene, outline_sessions, plan, scene
from training.participation import queries, services
from training.participation.models import ContributionNote, ParticipationLevel
from training.participation.services import Tick


def note(found: Scene, enrolment: int, level: str, part: str = "discussion", session: int | None = None, actor: int | None = None,
         words: str = "提出反例") -> int:
    with transaction():
        return services.note_contribution(enrolment, part, level, words, actor or found.trainer_id, session)


def put(found: Scene, enrolment: int, level: str, reason: str = "", seen: int | None = None, part: str = "discussion",
        actor: int | None = None) -> int:
    with transaction():
        return services.set_level(enrolment, part, level, reason, actor or found.trainer_id, seen)


def levels() -> int:
    return db.session.execute(select(func.count()).select_from(ParticipationLevel)).scalar_one()


@ON_BOTH
def test_two_observations_make_a_proposal_that_is_confirmed_without_a_reason(make: Factory) -> None:
    found = scene(make)
    one = found.enrolments[0]
    note(found, one, "l4", session=found.past)
    note(found, one, "l5")
    discussion, group = queries.levels_rows(found.cohort_id)[0].parts
    assert (discussion.proposed_level, discussion.proposal.notes, discussion.level) == ("l4", 2, None)
    assert (group.proposed_level, group.proposal.notes) == (None, 0)
    put(found, one, "l4")
    fact = queries.participation_facts([one])[one]
    assert (fact.discussion, fact.group_contribution) == (Decimal("0.85"), None)
    row = db.session.execute(select(ParticipationLevel)).scalar_one()
    assert (row.proposed, row.evidence_count, row.reason) == (Decimal("0.85"), 2, "")


def test_another_level_than_the_proposed_one_needs_a_reason(make: Factory) -> None:
    found = scene(make)
    one = found.enrolments[0]
    note(found, one, "l4")
    note(found, one, "l4")
    with pytest.raises(services.LevelRefused, match="reason"):
        put(found, one, "l5")
    put(found, one, "l5", "两次主持了小组讨论")
    assert queries.participation_facts([one])[one].discussion == 1


def test_without_a_proposal_every_level_needs_a_reason(make: Factory) -> None:
    found = scene(make)
    with pytest.raises(services.LevelRefused, match="reason"):
        put(found, found.enrolments[0], "l3")
    put(found, found.enrolments[0], "l3", "依据研讨记录")
    assert levels() == 1


def test_saying_the_same_again_adds_nothing_until_the_evidence_changes(make: Factory) -> None:
    found = scene(make)
    one = found.enrolments[0]
    note(found, one, "l4")
    note(found, one, "l4")
    first = put(found, one, "l4")
    assert put(found, one, "l4") == first
    note(found, one, "l4")
    assert put(found, one, "l4") != first
    assert levels() == 2


def test_a_level_set_meanwhile_is_not_overwritten(make: Factory) -> None:
    found = scene(make)
    one = found.enrolments[0]
    put(found, one, "l3", "依据研讨记录", seen=0)
    with pytest.raises(StaleVersion) as stale:
        put(found, one, "l5", "表现突出", seen=0)
    assert stale.value.theirs == Decimal("0.65")
    assert levels() == 1


def test_the_latest_level_counts_and_the_history_stays(make: Factory) -> None:
    found = scene(make)
    one = found.enrolments[0]
    first = put(found, one, "l3", "依据研讨记录")
    put(found, one, "l4", "补做任务后提高", seen=first)
    assert queries.participation_facts([one])[one].discussion == Decimal("0.85")
    member = courses.find_enrolment(one)
    assert member is not None
    assert [(past.level, past.reason) for past in queries.evidence_page(member).history] == [("l4", "补做任务后提高"), ("l3", "依据研讨记录")]


@pytest.mark.parametrize(("change", "reason"), [
    ({"part": "attendance"}, "part"), ({"level": "l9"}, "level"), ({"words": "  "}, "reason"), ({"words": "字" * 1001}, "long"),
    ({"session": "future"}, "session"), ({"session": "foreign"}, "session"), ({"session": "unknown"}, "session"), ({"actor": "own"}, "own"),
    ({"enrolment": "unknown"}, "person"), ({"withdrawn": "yes"}, "person"),
])
def test_an_observation_that_cannot_be_is_refused(make: Factory, change: dict[str, str], reason: str) -> None:
    found = scene(make)
    foreign = scene_session_elsewhere(make) if change.get("session") == "foreign" else 0
    member = courses.find_enrolment(found.enrolments[0])
    assert member is not None
    if "withdrawn" in change:
        with transaction():
            course_services.withdraw(member.id, found.trainer_id)
    sessions = {"future": found.future, "foreign": foreign, "unknown": 999_999}
    with pytest.raises(services.LevelRefused, match=f"^{reason}$"):
        note(found, 999_999 if "enrolment" in change else member.id, change.get("level", "l4"), change.get("part", "discussion"),
             sessions.get(change.get("session", "")), member.person_id if "actor" in change else None, change.get("words", "提出反例"))
    assert db.session.execute(select(func.count()).select_from(ContributionNote)).scalar_one() == 0


def scene_session_elsewhere(make: Factory) -> int:
    other = make.cohort("elsewhere")
    return plan(other, outline_sessions(other)[0].ref, clock.now() - timedelta(days=1))


def test_nobody_sets_a_level_of_their_own(make: Factory) -> None:
    found = scene(make)
    member = courses.find_enrolment(found.enrolments[0])
    assert member is not None
    with pytest.raises(services.LevelRefused, match="own"):
        put(found, member.id, "l5", "我表现好", actor=member.person_id)


def test_the_audit_of_an_observation_holds_no_words(make: Factory) -> None:
    found = scene(make)
    note(found, found.enrolments[0], "l4", words="在小组里提到客户王女士")
    events = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "participation:note")).all()
    assert len(events) == 1 and "王女士" not in str(events[0].facts)


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────
def ticks(found: Scene) -> list[Tick]:
    rows = queries.levels_rows(found.cohort_id)
    return [Tick(row.enrolment.id, part.part, part.proposed_level or "", part.proposal.notes, part.row_id) for row in rows for part in row.parts
            if part.is_confirmable]


def test_ticked_proposals_are_confirmed_together(make: Factory) -> None:
    found = scene(make)
    for enrolment in found.enrolments[:2]:
        for part in ("discussion", "group_contribution"):
            note(found, enrolment, "l4", part)
            note(found, enrolment, "l4", part)
    wanted = ticks(found)
    assert len(wanted) == 4
    with transaction():
        assert services.confirm_levels(found.cohort_id, [*wanted, wanted[0]], found.trainer_id) == 4
    assert ticks(found) == []
    assert levels() == 4


def test_a_new_observation_between_page_and_tick_stops_all_of_them(make: Factory) -> None:
    found = scene(make)
    for enrolment in found.enrolments[:2]:
        note(found, enrolment, "l4")
        note(found, enrolment, "l4")
    wanted = ticks(found)
    note(found, found.enrolments[1], "l1")
    with pytest.raises(StaleVersion), transaction():
        services.confirm_levels(found.cohort_id, wanted, found.trainer_id)
    assert levels() == 0


def test_a_tick_for_somebody_of_another_cohort_or_oneself_is_refused(make: Factory) -> None:
    found = scene(make)
    stranger = make.trainee(make.cohort("other"))
    with pytest.raises(services.LevelRefused, match="person"), transaction():
        services.confirm_levels(found.cohort_id, [Tick(stranger, "discussion", "l4", 2, 0)], found.trainer_id)
    member = courses.find_enrolment(found.enrolments[0])
    assert member is not None
    with pytest.raises(services.LevelRefused, match="own"), transaction():
        services.confirm_levels(found.cohort_id, [Tick(member.id, "discussion", "l4", 2, 0)], member.person_id)
