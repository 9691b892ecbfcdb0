"""Statistics on a real database: which answers count, what is pooled and what stands apart, what is withheld."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.exceptions import NotFound

from foundation import clock, content
from foundation.content import Piece
from foundation.db import db, transaction
from foundation.permissions import Actor
from quizzes.models import Attempt, Hearing, ItemRuling, PaperForm, Response, Sitting, Slot
from quizzes.queries import form_statistics, item_version
from quizzes.queries import statistics as queries
from quizzes.queries.observed import ALL, Selection, observe
from quizzes.rules import item as items
from tests.conftest import ON_BOTH
from tests.factories import Factory
from tests.statistics_world import Asked, able, bank_singles, people, sit


@pytest.fixture
def cohort(make: Factory) -> int:
    return make.cohort("2026-A", weeks_ago=6, seats=500)


@pytest.fixture
def reviewer(make: Factory) -> Actor:
    return make.actor(make.person("reviewer", "reviewer"))


def row_of(key: str, actor: Actor, **selection: Any) -> queries.ItemRow:
    wanted = queries.Filter(Selection(**selection), search=key)
    return next(row for row in queries.items_page(wanted, actor).rows if row.key == key)


def rewording(asked: Asked, **changes: Any) -> Asked:
    """A further version of an item, published from the studio; the same scoring unless told."""
    body = json.loads(json.dumps(content.version(asked.version_id).body))
    body.update(changes)
    item = items.parse(body)
    with transaction():
        version_id = content.publish(Piece("item", asked.key, body, items.scoring_of(item), "approved", "studio"), "studio", None)
    right = item.right if isinstance(item, items.Single) else ()
    options = (*right, *(option for option in asked.options if option not in right))
    return Asked(asked.key, version_id, content.version(version_id).scoring_hash, options)


def always(taken: int | None) -> Any:
    return lambda _person, _place: taken


# ── what counts ──────────────────────────────────────────────────────────────────────────────────────────────────
@ON_BOTH
def test_facility_and_discrimination_of_forty_papers(app: Flask, make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(6)
    # people 0 … 39: item 0 is right for the upper half, items 1 … 4 for more and more people, item 5 for nobody
    sit(people(cohort, 40, "A"), asked, lambda person, place: 0 if (person >= 20 if place == 0 else person >= place * 8 and place < 5) else 1)
    found = row_of(asked[0].key, reviewer)
    assert found.analysis.n == 40 and found.analysis.facility.value == 0.5
    scores = [sum(person >= place * 8 for place in range(1, 5)) for person in range(40)]
    mean = sum(scores) / 40
    covariance = sum((score - mean) * (0.5 if person >= 20 else -0.5) for person, score in enumerate(scores))
    spread = sum((score - mean) ** 2 for score in scores)
    assert found.analysis.discrimination.value == pytest.approx(covariance / (spread * 10) ** 0.5), "Pearson's r by hand"
    none = row_of(asked[5].key, reviewer)
    assert none.analysis.facility.value == 0 and none.analysis.discrimination.why == "flat"
    assert found.in_exam and found.usage in ("exam", "both", "practice")


def test_practice_counts_the_first_attempt_and_exams_count_all(make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(2)
    group = people(cohort, 10, "A")
    sit(group, asked, always(1), "week-1-practice", "practice")
    sit(group, asked, always(0), "week-1-practice", "practice", number=2)
    assert row_of(asked[0].key, reviewer).analysis.facility.value == 0
    sit(group, asked, always(0))
    sit(group, asked, always(0), number=2)
    assert row_of(asked[0].key, reviewer, purposes=("exam",)).analysis.n == 20


def test_the_pre_test_is_apart_from_what_came_after_the_lessons(make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(2)
    group = people(cohort, 8, "A")
    sit(group, asked, always(1), "pre-test", "pre_test")
    sit(group, asked, always(0))
    assert row_of(asked[0].key, reviewer).analysis.facility.value == 1
    assert row_of(asked[0].key, reviewer, purposes=("pre_test",)).analysis.facility.value == 0


def test_blank_papers_and_open_ones_are_left_out(make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(2)
    sit(people(cohort, 6, "A"), asked, always(0))
    sit(people(cohort, 3, "B"), asked, always(None))
    left_open = people(cohort, 1, "C")[0]
    with transaction():
        db.session.add(Attempt(enrolment_id=left_open, blueprint_key="final-exam", blueprint_version_id=content.current_ids("blueprint")["final-exam"],
                               purpose="exam", number=1, seed="s", started_at=clock.now(), closes_at=clock.now(), high_water_at=clock.now()))
    observed = observe(Selection())
    assert (len(observed.papers), observed.blank, len(observed.given)) == (6, 3, 12)


@ON_BOTH
def test_the_latest_run_of_an_answer_counts_and_a_dropped_item_does_not(app: Flask, make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(3)
    attempts = sit(people(cohort, 10, "A"), asked, always(1))
    slots = db.session.execute(select(Slot.id, Slot.attempt_id, Slot.position).where(Slot.attempt_id.in_(attempts), Slot.position <= 2)).all()
    with transaction():
        for slot in slots:
            dropped = slot.position == 2
            db.session.add(Response(attempt_id=slot.attempt_id, slot_id=slot.id, run=2, answer={"choice": asked[slot.position - 1].options[1]},
                                    fraction=Decimal(0 if dropped else 1), mark=Decimal(0 if dropped else 2), possible=Decimal(0 if dropped else 2),
                                    scoring_hash="x", scored_at=clock.now(), cause="hearing:1"))
    rows = {row.key: row for row in queries.items_page(queries.Filter(), reviewer).rows}
    assert rows[asked[0].key].analysis.facility.value == 1 and asked[1].key not in rows and rows[asked[2].key].analysis.facility.value == 0
    view = form_statistics.form_page("final-exam", Selection(ALL, blueprint_key="final-exam"), reviewer).forms[0]
    assert view.summary.mean == pytest.approx(float(view.marks) / 2), "one of the two items that are left"


# ── versions and rulings ─────────────────────────────────────────────────────────────────────────────────────────
def test_rewordings_are_pooled_and_another_key_stands_apart(make: Factory, cohort: int, reviewer: Actor) -> None:
    first = bank_singles(1)[0]
    body = content.version(first.version_id).body
    reworded = rewording(first, stem={"zh": body["stem"]["zh"] + "？", "en": body["stem"]["en"] + "?"})
    assert reworded.scoring_hash == first.scoring_hash and reworded.version_id != first.version_id
    options = [dict(option) for option in body["options"]]
    for option in options:
        option["correct"] = option["key"] == first.options[1]
    rekeyed = rewording(reworded, options=options)
    assert rekeyed.scoring_hash != first.scoring_hash and rekeyed.options[0] == first.options[1]
    sit(people(cohort, 6, "A"), [first], always(0))
    sit(people(cohort, 7, "B"), [reworded], always(1))
    assert row_of(first.key, reviewer).analysis.n == 13, "the latest scoring that was answered"
    sit(people(cohort, 9, "C"), [rekeyed], always(0))
    found = row_of(first.key, reviewer)
    assert (found.analysis.n, found.analysis.facility.value, found.earlier) == (9, 1.0, 13)
    page = queries.item_page(first.key, Selection(), "taught", reviewer)
    assert [scoring.analysis.n for scoring in page.scorings] == [9, 13]
    assert page.scorings[1].numbers == (1, 2) and page.scorings[1].analysis.facility.value == pytest.approx(6 / 13)
    assert next(line for line in page.scorings[0].options if line.use.is_right).use.key == first.options[1]


@pytest.mark.parametrize(("remedy", "shown"), [("give_all", False), ("drop", False), ("accept", True)])
def test_a_ruling_takes_an_item_out_or_makes_it_another_instrument(make: Factory, cohort: int, reviewer: Actor, remedy: str, shown: bool) -> None:
    asked = bank_singles(2)
    sit(people(cohort, 8, "A"), asked, always(0))
    one = asked[0]
    change = {"answers": [{"choice": one.options[1]}]} if remedy == "accept" else None
    with transaction():
        hearing = Hearing(item_key=one.key, item_version_id=one.version_id, remedy=remedy, change=change, complaint="?", opened_by_id=reviewer.person_id,
                          opened_at=clock.now())
        db.session.add(hearing)
        db.session.flush()
        db.session.add(ItemRuling(hearing_id=hearing.id, item_key=one.key, item_version_id=one.version_id, remedy=remedy, change=change,
                                  posted_at=clock.now()))
    rows = {row.key: row for row in queries.items_page(queries.Filter(), reviewer).rows}
    assert (one.key in rows) is shown and asked[1].key in rows
    if shown:
        scoring = queries.item_page(one.key, Selection(), "taught", reviewer).scorings[0]
        assert scoring.remedy == "accept"
        assert {line.use.key for line in scoring.options if line.use.is_right} == set(one.options[:2])


# ── cohorts ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_small_cohorts_are_put_together_and_never_found_by_subtraction(make: Factory, reviewer: Actor) -> None:
    asked = bank_singles(1)
    for key, size in (("2026-A", 20), ("2026-B", 3), ("2026-C", 8)):
        sit(people(make.cohort(key, weeks_ago=6, seats=50), size, key[-1]), asked, always(0))
    splits = queries.item_page(asked[0].key, Selection(), "taught", reviewer).scorings[0].cohorts
    assert [(split.label and split.label["en"], split.figure.n, split.groups) for split in splits] == [("Cohort 2026-A", 20, 1), (None, 11, 2)]


def test_one_small_cohort_shows_no_figure_at_all(make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(1)
    sit(people(cohort, 4, "A"), asked, always(0))
    found = row_of(asked[0].key, reviewer, cohort_id=cohort)
    assert found.analysis.facility.value is None and found.analysis.facility.why == "few" and found.advice == ()
    view = form_statistics.form_page("final-exam", Selection(ALL, cohort, blueprint_key="final-exam"), reviewer).forms[0]
    assert view.summary.mean is None and view.bins == () and view.below is None


def test_answers_of_all_cohorts_are_pooled_for_a_trainer_who_sees_only_the_own_apart(make: Factory, cohort: int) -> None:
    other = make.cohort("2026-B", weeks_ago=6, seats=50)
    trainer = make.actor(make.trainer(cohort, "trainer"))
    asked = bank_singles(2)
    sit(people(cohort, 10, "A"), asked, always(0))
    sit(people(other, 10, "B"), asked, always(1))
    page = queries.item_page(asked[0].key, Selection(), "taught", trainer)
    assert page.scorings[0].analysis.n == 20
    assert [split.label and split.label["en"] for split in page.scorings[0].cohorts] == ["Cohort 2026-A", None]
    assert [choice.value for choice in page.cohorts] == [str(cohort)]
    for refused in (other, 987654):
        with pytest.raises(NotFound):
            queries.items_page(queries.Filter(Selection(cohort_id=refused)), trainer)
        with pytest.raises(NotFound):
            form_statistics.gain_page(Selection(("pre_test", "exam"), refused), trainer)
    assert form_statistics.form_page("final-exam", Selection(ALL, blueprint_key="final-exam"), trainer).forms[0].summary.n == 10
    assert [line.papers for line in form_statistics.form_lines(trainer)] == [10]


def test_days_are_days_of_the_cohort_and_both_ends_count(make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(1)
    moment = clock.now().replace(hour=15, minute=59, second=0, microsecond=0) - timedelta(days=3)      # 23:59 in Shanghai
    sit(people(cohort, 5, "A"), asked, always(0), at=moment)
    sit(people(cohort, 6, "B"), asked, always(0), at=moment + timedelta(minutes=2))                    # the next day there
    day = moment.date()
    assert len(observe(Selection(since=day, until=day)).papers) == 5
    assert len(observe(Selection(since=day + timedelta(days=1), until=day + timedelta(days=1))).papers) == 6
    assert len(observe(Selection(since=day, until=day + timedelta(days=1))).papers) == 11


# ── whole papers ─────────────────────────────────────────────────────────────────────────────────────────────────
def fixed_form(cohort_id: int, actor: Actor, label: str = "A", paper_hash: str = "h") -> tuple[int, int]:
    with transaction():
        sitting = Sitting(cohort_id=cohort_id, blueprint_key="final-exam", blueprint_version_id=content.current_ids("blueprint")["final-exam"], place="302",
                          opens_at=clock.now() - timedelta(hours=3), closes_at=clock.now(), mode="forms", forms=1, seed="s",
                          planned_by_id=actor.person_id, planned_at=clock.now())
        db.session.add(sitting)
        db.session.flush()
        form = PaperForm(sitting_id=sitting.id, label=label, seed="s", paper_hash=paper_hash, slots=[], made_at=clock.now())
        db.session.add(form)
        db.session.flush()
        return sitting.id, form.id


def test_a_fixed_form_has_alpha_and_papers_of_ones_own_have_none(make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(12)
    sitting_id, form_id = fixed_form(cohort, reviewer)
    sit(people(cohort, 40, "A"), asked, able(3), form_id=form_id, sitting_id=sitting_id)

    def own(person: int) -> Sequence[Asked]:
        return [asked[(person * 5 + place * 7) % 12] for place in range(4)] if person % 2 else [asked[(person + place) % 12] for place in range(4)]

    sit(people(cohort, 36, "B"), own, able(3, seed=9))
    forms = form_statistics.form_page("final-exam", Selection(ALL, blueprint_key="final-exam"), reviewer).forms
    assert [(view.kind, view.reliability.method, view.summary.n) for view in forms] == [("form", "kr20", 40), ("own", "nested", 36)]
    assert forms[0].label == "A" and forms[0].sem is not None and forms[0].reliability.items == 12
    assert forms[0].bar == pytest.approx(0.8 * float(forms[0].marks)), "the bar of the cohort's scheme"
    assert forms[1].sem is not None and forms[1].reliability.figure.n == 36
    only = form_statistics.form_page("final-exam", Selection(ALL, blueprint_key="final-exam", sitting_id=sitting_id), reviewer)
    assert [view.summary.n for view in only.forms] == [40] and [choice.id for choice in only.sittings] == [sitting_id]


def test_one_paper_sat_in_two_rooms_is_one_form(make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(5)
    for prefix in "AB":
        sitting_id, form_id = fixed_form(cohort, reviewer)
        sit(people(cohort, 16, prefix), asked, able(3, seed=ord(prefix)), form_id=form_id, sitting_id=sitting_id)
    forms = form_statistics.form_page("final-exam", Selection(ALL, blueprint_key="final-exam"), reviewer).forms
    assert [(view.summary.n, view.reliability.figure.is_given) for view in forms] == [(32, True)], "16 alone would not carry an alpha"


def test_a_paper_with_an_answer_still_to_be_marked_is_left_out_of_alpha(make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(5)
    group = people(cohort, 33, "A")
    sit(group, lambda person: asked if person else asked[:4], able(3))
    view = form_statistics.form_page("final-exam", Selection(ALL, blueprint_key="final-exam"), reviewer).forms[0]
    assert (view.kind, view.left_out, view.reliability.figure.n, view.summary.n) == ("same", 1, 32, 33)


def test_another_cohorts_sitting_and_an_unknown_blueprint_are_not_there(make: Factory, cohort: int, reviewer: Actor) -> None:
    sitting_id, _form_id = fixed_form(cohort, reviewer)
    stranger = make.actor(make.trainer(make.cohort("2026-B"), "stranger"))
    for key, sitting, actor in (("final-exam", sitting_id, stranger), ("final-exam", 987654, reviewer), ("no-such-thing", None, reviewer)):
        with pytest.raises(NotFound):
            form_statistics.form_page(key, Selection(ALL, blueprint_key=key, sitting_id=sitting), actor)


# ── gain ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_gain_pairs_the_same_trainee_and_leaves_the_others_out(make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(4)
    group = people(cohort, 12, "A")
    sit(group[:10], asked, lambda person, place: 0 if place == 0 else 1, "pre-test", "pre_test", marks=Decimal(4))
    sit(group[2:], asked, lambda person, place: 0 if place < 3 else 1)
    page = form_statistics.gain_page(Selection(("pre_test", "exam"), cohort), reviewer)
    assert (page.pairs, page.only_before, page.only_after) == (8, 2, 2)
    assert (page.whole.gain.before, page.whole.gain.after) == (pytest.approx(0.25), pytest.approx(0.75))
    assert page.whole.gain.normalised == pytest.approx(2 / 3)
    by_objective: dict[str, list[int]] = {}
    for place, one in enumerate(asked):
        item = items.part(item_version(one.version_id), one.key)
        by_objective.setdefault(item.objective, []).append(place)
    for line in page.objectives:
        places = by_objective[line.key]
        assert line.gain.before == pytest.approx(sum(place == 0 for place in places) / len(places))
        assert line.gain.after == pytest.approx(sum(place < 3 for place in places) / len(places))
    assert {line.key for line in page.objectives} == set(by_objective)


def test_four_pairs_show_no_gain(make: Factory, cohort: int, reviewer: Actor) -> None:
    asked = bank_singles(2)
    group = people(cohort, 4, "A")
    sit(group, asked, always(1), "pre-test", "pre_test")
    sit(group, asked, always(0))
    page = form_statistics.gain_page(Selection(("pre_test", "exam")), reviewer)
    assert page.pairs == 4 and page.whole.gain.before is None and page.whole.gain.gain.value is None


# ── the page of one item, other kinds ────────────────────────────────────────────────────────────────────────────
def numeric_with_traps() -> tuple[str, int, items.Numeric]:
    for key, version_id in sorted(content.current_ids("item").items()):
        item = item_version(version_id)
        if isinstance(item, items.Numeric) and item.traps:
            return key, version_id, item
    raise LookupError("no numeric item with traps")


def test_wrong_ways_of_a_numeric_item_are_counted(make: Factory, cohort: int, reviewer: Actor) -> None:
    from quizzes.rules import numbers

    key, version_id, item = numeric_with_traps()
    values = dict(item.example.values)
    trap = format(next(iter(numbers.trap_answers(item, values))), "f")
    asked = Asked(key, version_id, content.version(version_id).scoring_hash, ("x", "y"))
    attempts = sit(people(cohort, 10, "A"), [asked], always(0), values=values)
    with transaction():
        for number, slot in enumerate(db.session.execute(select(Slot.id, Slot.attempt_id).where(Slot.attempt_id.in_(attempts))).all()):
            answer = {"text": trap if number < 3 else format(item.example.answer, "f")}
            db.session.add(Response(attempt_id=slot.attempt_id, slot_id=slot.id, run=2, answer=answer, fraction=Decimal(number >= 3),
                                    mark=Decimal(2 * (number >= 3)), scoring_hash="x", scored_at=clock.now()))
    parts = queries.item_page(key, Selection(), "taught", reviewer).scorings[0].parts
    assert len(parts) == len(item.traps) and parts[0].is_trap and parts[0].figure.value == pytest.approx(0.3)
    assert all(part.figure.value == 0 for part in parts[1:])


def test_an_unknown_item_and_the_key_of_a_set_are_not_there(make: Factory, reviewer: Actor) -> None:
    sets = [key for key, version_id in content.current_ids("item").items() if isinstance(item_version(version_id), items.ItemSet)]
    for key in ("no-such-thing", sets[0]):
        with pytest.raises(NotFound):
            queries.item_page(key, Selection(), "taught", reviewer)
    inside = items.parts(item_version(content.current_ids("item")[sets[0]]))[0]
    page = queries.item_page(inside.key, Selection(), "taught", reviewer)
    assert page.piece_key == sets[0] and page.scorings == ()


# ── how much is asked of the database ────────────────────────────────────────────────────────────────────────────
def test_the_number_of_questions_does_not_grow_with_the_answers(make: Factory, cohort: int, reviewer: Actor, query_count: Any) -> None:
    asked = bank_singles(8)
    counts = []
    for prefix in "AB":
        sit(people(cohort, 40, prefix), asked, able(3))
        group = people(cohort, 6, f"{prefix}2")
        sit(group, asked, able(3), "pre-test", "pre_test")
        sit(group, asked, able(3))
        numbers = []
        for read in (lambda: queries.items_page(queries.Filter(), reviewer), lambda: queries.item_page(asked[0].key, Selection(), "taught", reviewer),
                     lambda: form_statistics.form_page("final-exam", Selection(ALL, blueprint_key="final-exam"), reviewer),
                     lambda: form_statistics.gain_page(Selection(("pre_test", "exam")), reviewer)):
            read()          # content is parsed once per process
            with query_count() as counted:
                read()
            numbers.append(counted.number)
        counts.append(numbers)
    assert counts[0] == counts[1] and max(counts[0]) <= 16, counts
