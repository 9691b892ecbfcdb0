"""Hearings from a browser's side: opening one about each kind, the dry run, the decision, the minutes, and who sees what."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from foundation import content
from foundation.db import db, transaction
from quizzes import queries
from quizzes.models import Hearing, ItemRuling, Response, Slot
from quizzes.rules.item import Answerable, part
from quizzes.rules.scoring import right_answer
from tests.factories import Factory
from tests.hearing_scene import EXAM, PRACTICE, Hall, open_, rekey, right, single, wrong, wrong_key

TEXT = {"complaint": "The source says otherwise: option B is right."}


@pytest.fixture
def hall(make: Factory) -> Hall:
    return Hall(make)


def page_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def count(model: Any) -> int:
    return int(db.session.query(model).count())


def fields_for(item: Answerable, remedy: str) -> dict[str, Any]:
    """What somebody would fill in to change an item of any kind."""
    if remedy not in ("rekey", "accept"):
        return {}
    name = "right" if remedy == "rekey" else "also"
    if item.kind == "single":
        return {name: next(option.key for option in item.options if not option.correct)}
    if item.kind == "multiple":
        wrong_one = next(option.key for option in item.options if not option.correct)
        return {name: [wrong_one, *item.right[1:]]}
    if item.kind == "true_false":
        return {"right": "false" if item.answer else "true"}
    if item.kind == "matching":
        first = item.left[0].key
        unused = next(entry.key for entry in item.right if entry.key not in item.answer.values())
        return {f"{name}.{first}": unused}
    if item.kind == "ordering":
        keys = [entry.key for entry in item.sequence]
        swapped = [keys[1], keys[0], *keys[2:]]
        return {f"{'place' if remedy == 'rekey' else 'also'}.{key}": str(place) for place, key in enumerate(swapped, 1)}
    if item.kind == "cloze":
        if remedy == "accept":
            return {f"also.{item.order()[0]}": "another wording"}
        return {f"accept.{key}.{language}": f"neu {key}" for key in item.order() for language in ("zh", "en")}
    return {"also_formula": f"({item.formula}) * 2"} if remedy == "accept" else {"formula": f"({item.formula}) * 1", "tolerance": "0.5"}


def decided_by_post(client: Any, hearing: int, minutes: str = "Checked against the source.", **more: Any) -> Any:
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', page_of(client.get(f"/hearings/{hearing}")))
    return client.send(f"/hearings/{hearing}/post", {"minutes": minutes, "seen": seen.group(1) if seen else "", **more})


# ── the walk ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_trainer_opens_a_reviewer_decides_and_the_minutes_tell_it(client_for: Callable[..., Any], hall: Hall) -> None:
    attempts = hall.all_sit()
    slot = single(attempts[0])
    trainer = client_for("opener")
    page = page_of(trainer.get(f"/hearings/item/{slot.item.key}"))
    assert "3 exam papers hold this version." in page and slot.item.stem.en[:20] in page and 'value="rekey"' in page
    answer = trainer.send(f"/hearings/item/{slot.item.key}", {**TEXT, "remedy": "rekey", "version": slot.version_id, "right": wrong_key(slot)})
    assert answer.status_code == 303, page_of(answer)
    hearing = int(answer.location.rsplit("/", 1)[1])
    page = page_of(trainer.get(f"/hearings/{hearing}"))
    assert "Dry run: what it would change" in page and "Reviewers decide." in page and "Post the remedy" not in page
    reviewer = client_for("decider")
    page = page_of(reviewer.get(f"/hearings/{hearing}"))
    assert "Post the remedy" in page and TEXT["complaint"] in page and page.count("<del") >= 2
    assert page_of(reviewer.get("/hearings")).count(f"/hearings/{hearing}") == 1
    answer = decided_by_post(reviewer, hearing)
    assert answer.status_code == 303
    page = page_of(reviewer.get(f"/hearings/{hearing}"))
    assert "What it changed" in page and "2 responses were marked anew" in page and "Post the remedy" not in page
    paper = page_of(reviewer.get(f"/hearings/{hearing}/minutes"))
    assert "Checked against the source." in paper and TEXT["complaint"] in paper and "Of 3 exams and stage tests, 1 went up, 1 went down and 1 stayed" in paper
    assert re.search(r"<code[^>]*>[0-9a-f]{64}</code>", paper)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_wholly_in_the_readers_language(client_for: Callable[..., Any], hall: Hall, language: str) -> None:
    attempts = hall.all_sit()
    slot = single(attempts[0])
    open_(slot, "rekey", rekey(slot), hall.opener)
    reviewer = client_for("decider", language)
    pages = [page_of(reviewer.get(address)) for address in ("/hearings", f"/hearings/item/{slot.item.key}", "/hearings/1", "/hearings/1?show=all")]
    decided_by_post(reviewer, 1, "核对依据后更正。")
    pages += [page_of(reviewer.get("/hearings/1")), page_of(reviewer.get("/hearings/1/minutes"))]
    for page in pages:
        body = page[page.index("<main"):page.index("</main>")]
        if language == "zh":
            ours = re.sub(r"<(code|textarea).*?</\1>", "", body, flags=re.S)
            assert not re.search(r">[^<]*\b(the|hearing|remedy|version|paper|question)\b[^<]*<", ours, re.I), body
        assert "%(" not in body


@pytest.mark.parametrize("kind", ["single", "multiple", "true_false", "matching", "ordering", "numeric", "cloze"])
def test_a_hearing_can_be_opened_about_every_kind_with_every_remedy(client_for: Callable[..., Any], hall: Hall, kind: str) -> None:
    version_id, item = next((id_, part(queries.item_version(id_), key)) for key, id_ in sorted(content.current_ids("item").items())
                            if queries.item_version(id_).kind == kind)
    attempt = hall.sit(hall.enrolments[0], PRACTICE)
    values = dict(getattr(item, "example", None).values) if kind == "numeric" else {}  # type: ignore[union-attr]
    order = [entry.key for entry in getattr(item, "options", None) or getattr(item, "right", None) or getattr(item, "sequence", ())]
    with transaction():
        slot = Slot(attempt_id=attempt, position=99, item_key=item.key, item_version_id=version_id, marks=queries.slots_of([attempt])[attempt][0].marks,
                    frozen={"order": order, "values": values})
        db.session.add(slot)
        db.session.flush()
        db.session.add(Response(attempt_id=attempt, slot_id=slot.id, answer=right_answer(item, values), fraction=slot.marks / slot.marks, mark=slot.marks,
                                scoring_hash="x", scored_at=queries.get_attempt(attempt).started_at))
    trainer = client_for("opener")
    assert trainer.get(f"/hearings/item/{item.key}?version={version_id}").status_code == 200
    for remedy in ("rekey", "accept", "give_all", "drop"):
        answer = trainer.send(f"/hearings/item/{item.key}", {**TEXT, "remedy": remedy, "version": version_id, **fields_for(item, remedy)})
        assert answer.status_code == 303, page_of(answer)
        assert trainer.get(answer.location).status_code == 200
        assert trainer.send(f"{answer.location}/dismiss", {"reason": "Next."}).status_code == 303
        assert trainer.get(f"{answer.location}/minutes").status_code == 200
    assert count(Hearing) == 4 and count(ItemRuling) == 0


def test_a_set_lets_one_choose_which_of_its_questions(client_for: Callable[..., Any], hall: Hall) -> None:
    key = next(key for key, id_ in sorted(content.current_ids("item").items()) if queries.item_version(id_).kind == "set")
    trainer = client_for("opener")
    page = page_of(trainer.get(f"/hearings/item/{key}"))
    entries = queries.item_version(content.current_ids("item")[key]).items  # type: ignore[union-attr]
    assert all(f"/hearings/item/{entry.key}" in page for entry in entries)
    assert "Nobody has been given this question" in page_of(trainer.get(f"/hearings/item/{entries[0].key}"))
    assert trainer.send(f"/hearings/item/{key}", {**TEXT, "remedy": "drop", "version": "1"}).status_code == 404


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_form_that_cannot_be_heard_comes_back_with_everything_that_was_written(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = single(hall.sit(hall.enrolments[0], EXAM, right))
    trainer = client_for("opener")
    two = [option.key for option in slot.item.options][:2]  # type: ignore[union-attr]
    answer = trainer.send(f"/hearings/item/{slot.item.key}", {"complaint": "", "remedy": "rekey", "version": slot.version_id, "right": two,
                                                              "feedback.0.zh": "改过的解析，还没交上。"})
    page = page_of(answer)
    assert answer.status_code == 422 and "Exactly one option is right here." in page and "Say what is wrong" in page and "改过的解析，还没交上。" in page
    assert 'href="#f-right"' in page and 'id="f-right"' in page and count(Hearing) == 0
    answer = trainer.send(f"/hearings/item/{slot.item.key}", {**TEXT, "remedy": "burn", "version": slot.version_id})
    assert answer.status_code == 422 and count(Hearing) == 0


@pytest.mark.parametrize("text", ["x" * 5000, "a\x00b", "", "   "])
def test_strange_complaints_are_refused_or_cleaned(client_for: Callable[..., Any], hall: Hall, text: str) -> None:
    slot = single(hall.sit(hall.enrolments[0], EXAM, right))
    answer = client_for("opener").send(f"/hearings/item/{slot.item.key}", {"complaint": text, "remedy": "drop", "version": slot.version_id})
    kept = db.session.scalars(select(Hearing.complaint)).all()
    assert (answer.status_code, kept) == ((303, ["ab"]) if "a" in text else (422, []))


def test_the_same_form_sent_twice_opens_one_hearing_and_posts_once(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = single(hall.all_sit()[0])
    trainer, sent = client_for("opener"), {**TEXT, "remedy": "give_all", "version": slot.version_id}
    first, again = (trainer.send(f"/hearings/item/{slot.item.key}", sent, op="same") for _ in range(2))
    assert first.status_code == again.status_code == 303 and first.location == again.location and count(Hearing) == 1
    other = trainer.send(f"/hearings/item/{slot.item.key}", sent)
    assert other.status_code == 303 and other.location == first.location, "a second one about the same version leads to the first"
    reviewer = client_for("decider")
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', page_of(reviewer.get(first.location)))
    assert seen is not None
    for _ in range(2):
        assert reviewer.send("/hearings/1/post", {"minutes": "m", "seen": seen.group(1)}, op="post-1").status_code == 303
    assert count(ItemRuling) == 1
    assert reviewer.send("/hearings/1/post", {"minutes": "m", "seen": seen.group(1)}).status_code == 303
    assert count(ItemRuling) == 1 and "This hearing was decided before." in page_of(reviewer.get("/hearings/1"))


def test_an_outdated_dry_run_is_shown_anew_with_the_minutes_kept(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = single(hall.sit(hall.enrolments[0], EXAM, wrong))
    hearing = open_(slot, "give_all", None, hall.opener)
    reviewer = client_for("decider")
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', page_of(reviewer.get(f"/hearings/{hearing}")))
    assert seen is not None
    hall.sit(hall.enrolments[1], EXAM, wrong)
    answer = reviewer.send(f"/hearings/{hearing}/post", {"minutes": "My careful minutes.", "seen": seen.group(1)})
    page = page_of(answer)
    assert answer.status_code == 409 and "Nothing was posted" in page and "My careful minutes." in page and count(ItemRuling) == 0
    fresh = re.search(r'name="seen" value="([0-9a-f]+)"', page)
    assert fresh is not None and fresh.group(1) != seen.group(1)
    assert reviewer.send(f"/hearings/{hearing}/post", {"minutes": "My careful minutes.", "seen": fresh.group(1)}).status_code == 303
    assert count(ItemRuling) == 1


def test_a_decision_without_minutes_or_a_dismissal_without_a_reason_is_none(client_for: Callable[..., Any], hall: Hall) -> None:
    hearing = open_(single(hall.sit(hall.enrolments[0], EXAM, wrong)), "give_all", None, hall.opener)
    reviewer = client_for("decider")
    assert decided_by_post(reviewer, hearing, "").status_code == 422
    assert decided_by_post(reviewer, hearing, "\u202e\u2066").status_code == 422
    assert reviewer.send(f"/hearings/{hearing}/dismiss", {"reason": ""}).status_code == 422
    assert reviewer.get(f"/hearings/{hearing}/minutes").status_code == 404
    assert count(ItemRuling) == 0
    assert reviewer.send(f"/hearings/{hearing}/dismiss", {"reason": "The key is right after all."}).status_code == 303
    page = page_of(reviewer.get(f"/hearings/{hearing}"))
    assert "The key is right after all." in page and "No mark was changed by this hearing." in page


def test_trainees_see_no_hearing_and_a_trainer_cannot_post(client_for: Callable[..., Any], hall: Hall) -> None:
    slot = single(hall.sit(hall.enrolments[0], EXAM, wrong))
    hearing = open_(slot, "give_all", None, hall.decider)
    trainee = client_for("t0")
    for address in ("/hearings", f"/hearings/{hearing}", f"/hearings/{hearing}/minutes", f"/hearings/item/{slot.item.key}"):
        assert trainee.get(address).status_code == 403
    assert client_for("opener").send(f"/hearings/{hearing}/post", {"minutes": "m", "seen": "x"}).status_code == 403
    own = client_for("decider")
    assert "You opened this hearing" in page_of(own.get(f"/hearings/{hearing}"))
    assert own.send(f"/hearings/{hearing}/post", {"minutes": "m", "seen": "x"}).status_code == 303 and count(ItemRuling) == 0
    assert own.get("/hearings/98765").status_code == own.get("/hearings/item/ghost").status_code == 404
    assert own.send("/hearings/98765/post", {"minutes": "m", "seen": "x"}).status_code == 404
    assert own.send("/hearings/98765/dismiss", {"reason": "m"}).status_code == 404


def test_the_trainee_reads_that_the_question_was_reheard_with_the_mended_feedback(client_for: Callable[..., Any], hall: Hall) -> None:
    attempt = hall.sit(hall.enrolments[0], PRACTICE, right)
    slot = single(attempt)
    hearing = open_(slot, "rekey", rekey(slot), hall.opener)
    decided_by_post(client_for("decider"), hearing)
    page = page_of(client_for("t0").get(f"/attempts/{attempt}/result"))
    assert page.count("This question was reheard on") == 1 and "the key was wrong and has been corrected" in page and "Mended feedback." in page
    exam = hall.sit(hall.enrolments[1], EXAM, right)
    slot = single(exam)
    hearing = open_(slot, "drop", None, hall.opener)
    decided_by_post(client_for("decider"), hearing)
    page = page_of(client_for("t1").get(f"/attempts/{exam}/result"))
    assert f"Question {slot.position} was reheard on" in page and "it no longer counts" in page


def test_the_pages_ask_the_database_a_bounded_number_of_questions(client_for: Callable[..., Any], hall: Hall, query_count: Callable[[], Any]) -> None:
    slot = single(hall.sit(hall.enrolments[0], EXAM, wrong))
    hearing = open_(slot, "give_all", None, hall.opener)
    reviewer = client_for("decider")
    addresses = ("/hearings", f"/hearings/item/{slot.item.key}", f"/hearings/{hearing}")

    def asked() -> list[int]:
        numbers = []
        for address in addresses:
            reviewer.get(address)
            with query_count() as counted:
                assert reviewer.get(address).status_code == 200
            numbers.append(counted.number)
        return numbers

    few = asked()
    for number in range(6):
        enrolment = hall.make.trainee(hall.cohort, f"m{number}")
        hall.make.waive_all_gates(enrolment, hall.opener)
        hall.sit(enrolment, EXAM, wrong)
    assert asked() == few and few[0] <= 12 and few[1] <= 15 and few[2] <= 60, few
    assert db.session.scalar(select(func.count(Hearing.id))) == 1
