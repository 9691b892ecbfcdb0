"""The rater's pages as people meet them: the list, the console, arranging, red lines."""

from __future__ import annotations

import re
from typing import Any

import pytest

from foundation import clock
from foundation.db import db, transaction
from foundation.people import GrantRow
from tests.factories import Factory
from tests.grading_scene import CRITERIA, FINAL_STATION, OTHER_FINAL, PRACTICE_CRITERIA, PRACTICE_STATION, Scene, case_judgement, judgement
from training.grading import services
from training.grading.models import Assignment, Performance, Rating, RatingDraft, RedLineDecision, RedLineReport


@pytest.fixture
def scene(make: Factory) -> Scene:
    return Scene(make)


def form_of(levels: dict[str, str], evidence: dict[str, str] | None = None, **more: str) -> dict[str, str]:
    """A console form as a browser sends it."""
    lines = evidence if evidence is not None else dict.fromkeys(levels, "原话：“您先坐。”")
    return {"version": "0", "device_at": "", "comment": "", **{f"level.{key}": level for key, level in levels.items()},
            **{f"evidence.{key}": line for key, line in lines.items()}, "global_judgement": "clear-pass", **more}


ALL_GOOD = dict.fromkeys(CRITERIA, "l4")


def json_post(client: Any, address: str, body: Any, token: str = "") -> Any:
    return client.post(address, json=body, headers={"X-CSRFToken": token or client.token(), "Accept": "application/json"})


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_list_shows_my_assignments_and_their_states(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    scene.role_play(performed=False)
    scene.role_play(scene.trainees[1])
    page = client_for("first").get("/rating").get_data(as_text=True)
    assert "周以宁" in page and "孟柏然" in page and "Not begun" in page and "To rate" in page
    other = client_for("third").get("/rating").get_data(as_text=True)
    assert "周以宁" not in other and "Nothing to rate yet" in other
    assert "尚未开始" in client_for("first", "zh").get("/rating").get_data(as_text=True)


def test_written_work_is_listed_by_number_without_a_name(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    id_ = scene.written_case()
    with transaction():
        services.assign_markers(scene.cohort, "press-threat", [scene.first, scene.second], scene.third)
    client = client_for("first")
    page = client.get("/rating").get_data(as_text=True)
    assert f"Work no. {id_:04d}" in page and "周以宁" not in page
    console = client.get(f"/rating/{scene.assignment(id_, scene.first)}").get_data(as_text=True)
    assert "先核实事实，再答复" in console and "Model answer" in console
    assert "周以宁" not in console and "LJ0" not in console and "yining" not in console


def test_the_lists_need_no_query_per_row(scene: Scene, client_for, query_count) -> None:  # type: ignore[no-untyped-def]
    first, reviewer = client_for("first"), client_for("reviewer")

    def asked(client: Any, address: str) -> int:
        with query_count() as counted:
            assert client.get(address).status_code == 200
        return counted.number

    def one_more(enrolment: int) -> None:
        id_ = scene.role_play(enrolment)
        scene.rate(id_, scene.first, judgement("l4", red_lines={"quarrel": {"quotation": "你懂什么", "happened_at": "02:10"}}))
        scene.role_play(enrolment, station="needs-interview-2")

    for enrolment in scene.trainees:
        one_more(enrolment)
    arrange = f"/rating/arrange/{scene.cohort}"
    asked(first, "/rating")                 # content versions are read once per process
    before = [asked(first, "/rating"), asked(first, arrange), asked(reviewer, "/red-lines")]
    for number in range(6):
        one_more(scene.trainee(f"t{number}"))
    assert [asked(first, "/rating"), asked(first, arrange), asked(reviewer, "/red-lines")] == before
    assert before[0] <= 9 and before[1] <= 14 and before[2] <= 6, before


# ── the console as a plain form ──────────────────────────────────────────────────────────────────────────────
def test_a_rating_is_saved_and_finished_without_any_script(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    client = client_for("first")
    address = f"/rating/{scene.assignment(scene.role_play(), scene.first)}"
    page = client.get(address).get_data(as_text=True)
    for word in ("Opening and creating safety", "Not shown", "No opportunity to observe", "Names the customer’s feeling", "Red lines"):
        assert word in page
    answer = client.send(address, {**form_of({"opening": "l4"}), "act": "save"})
    assert answer.status_code == 303
    assert "Saved on the server" in client.get(address).get_data(as_text=True)
    answer = client.send(address, {**form_of(ALL_GOOD, version="1", comment="<b>稳</b>"), "act": "finish", "sure": "y"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/rating")
    assert db.session.query(Rating).one().mark == 85
    final = client.get(address).get_data(as_text=True)
    assert "Final since" in final and "&lt;b&gt;稳&lt;/b&gt;" in final and "Make it final" not in final


def test_no_sum_and_no_average_ever_stands_on_a_raters_screen(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    id_ = scene.role_play()
    scene.rate(id_, scene.first, judgement("l4", "l3", "l5", "l2", "l3", "l4"))                    # 10x.85 + 20x.65 + 20 + 9 + 9.75 + 12.75 = 73
    scene.rate(id_, scene.second, judgement("l4", "l3", "l4", "l2", "l3", "l4"))
    assert {str(rating.mark) for rating in db.session.query(Rating)} == {"73.00", "70.00"}
    client = client_for("first")
    for address in ("/rating", f"/rating/{scene.assignment(id_, scene.first)}", f"/rating/arrange/{scene.cohort}"):
        text = re.sub(r"<[^>]+>|v=[0-9a-f]+|[0-9A-F]{4}-[0-9A-F]{4}", " ", client.get(address).get_data(as_text=True))
        assert not re.search(r"\b(73|70|71\.5)(\.0+)?\b", text), address


def test_what_is_missing_is_listed_with_links_and_nothing_typed_is_lost(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    client = client_for("first")
    address = f"/rating/{scene.assignment(scene.role_play(), scene.first)}"
    sent = form_of({**ALL_GOOD, "opening": "l1"}, {}, comment="留住这句", **{"red.quarrel": "1", "red_quotation.quarrel": "你懂什么", "red_when.quarrel": ""})
    del sent["level.layers"]
    answer = client.send(address, {**sent, "act": "finish", "sure": "y"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "<title>Error:" in page
    for place in ("#evidence-opening", "#c-layers", "#when-quarrel"):
        assert f'href="{place}"' in page and f'id="{place[1:]}"' in page
    assert "留住这句" in page and "你懂什么" in page and 'data-unsaved="1"' in page and "rate-state-ok" not in page
    assert db.session.query(Rating).count() == 0


def test_finishing_needs_a_tick(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    client = client_for("first")
    address = f"/rating/{scene.assignment(scene.role_play(), scene.first)}"
    answer = client.send(address, {**form_of(ALL_GOOD), "act": "finish"})
    assert answer.status_code == 422 and "Tick that you have looked" in answer.get_data(as_text=True)
    assert db.session.query(Rating).count() == 0


@pytest.mark.parametrize(("field", "value", "message"), [
    ("level.opening", "l9", "not in the rubric"), ("level.charm", "l3", "not in the rubric"), ("global_judgement", "superb", "not in the rubric"),
    ("comment", "长" * 200_000, "at most 6000 characters"), ("evidence.opening", "长" * 200_000, "at most 2000 characters"),
])
def test_levels_out_of_range_and_endless_texts_are_refused_and_kept_on_the_page(scene: Scene, client_for, field: str, value: str,  # type: ignore[no-untyped-def]
                                                                               message: str) -> None:
    client = client_for("first")
    address = f"/rating/{scene.assignment(scene.role_play(), scene.first)}"
    for act in ("save", "finish"):
        answer = client.send(address, {**form_of(ALL_GOOD), field: value, "act": act, "sure": "y"})
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422 and message in page
        if len(value) > 100:
            assert value in page
    assert db.session.query(Rating).count() == db.session.query(RatingDraft).count() == 0


def test_a_stale_tab_is_shown_both_versions_and_can_keep_its_own(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    client = client_for("first")
    address = f"/rating/{scene.assignment(scene.role_play(), scene.first)}"
    client.send(address, {**form_of({"opening": "l4"}, {"opening": "新的一句"}), "act": "save"})
    mine = form_of({"opening": "l2"}, {"opening": "旧页面里的一句"})
    answer = client.send(address, {**mine, "act": "save"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert all(word in page for word in ("新的一句", "旧页面里的一句", "Below standard", "Good", "Keep what is in my page"))
    assert db.session.query(RatingDraft).one().body["levels"] == {"opening": "l4"}
    fields = dict(re.findall(r'<textarea name="([^"]+)" hidden>\n(.*?)</textarea>', page, re.S))
    assert fields["version"] == "1"
    assert client.send(address, fields).status_code == 303
    assert db.session.query(RatingDraft).one().body["levels"] == {"opening": "l2"}


def test_finishing_twice_has_one_effect(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    client = client_for("first")
    address = f"/rating/{scene.assignment(scene.role_play(), scene.first)}"
    data = {**form_of(ALL_GOOD), "act": "finish", "sure": "y"}
    answers = [client.send(address, data, op="same-finger") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {303}
    other = client.send(address, {**data, "comment": "第二个页面"})
    assert other.status_code == 303
    assert "already final" in client.get("/rating").get_data(as_text=True)
    assert db.session.query(Rating).one().comment == ""


def test_the_role_play_begins_once_for_both_raters(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    id_ = scene.role_play(performed=False)
    first, second = client_for("first"), client_for("second")
    for client, rater in ((first, scene.first), (second, scene.second)):
        assert client.send(f"/rating/{scene.assignment(id_, rater)}/begin").status_code == 303
    begun = db.session.get_one(Performance, id_).performed_at
    assert begun is not None
    page = second.get(f"/rating/{scene.assignment(id_, scene.second)}").get_data(as_text=True)
    assert re.search(r'data-elapsed="\d+"', page) and 'form="begin">' not in page


# ── autosave ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_autosave_answers_with_receipt_time_and_version_and_repeats_are_one(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    client = client_for("first")
    address = f"/rating/{scene.assignment(scene.role_play(), scene.first)}/draft"
    body = {"op": "a1", "version": 0, "body": {"levels": {"opening": "l4"}}}
    first = json_post(client, address, body)
    assert first.status_code == 200 and set(first.json) == {"receipt", "saved_at", "version"} and first.json["version"] == 1
    assert json_post(client, address, body).json == first.json
    second = json_post(client, address, {"op": "a2", "version": 1, "body": {"levels": {"opening": "l5"}}})
    assert second.json["version"] == 2
    assert json_post(client, address, body).json == first.json           # a straggler of the first gets the first receipt, and changes nothing
    assert db.session.query(RatingDraft).one().body["levels"] == {"opening": "l5"}
    clash = json_post(client, address, {"op": "a1", "version": 2, "body": {"levels": {"opening": "l1"}}})
    assert (clash.status_code, clash.json["error"]) == (409, "operation-conflict")
    stale = json_post(client, address, {"op": "a3", "version": 1, "body": {"levels": {"opening": "l1"}}})
    assert (stale.status_code, stale.json["error"], stale.json["version"]) == (409, "stale", 2)
    assert stale.json["theirs"]["levels"] == {"opening": "l5"}
    assert stale.json["differences"] == [{"label": "Opening and creating safety", "yours": "Not shown", "saved": "Excellent"}]


@pytest.mark.parametrize("body", [
    None, [], "x", {}, {"op": "", "version": 0}, {"op": "x" * 65, "version": 0}, {"op": "a", "version": "0"}, {"op": "a", "version": True},
    {"op": 7, "version": 0}, {"op": "a"},
])
def test_autosave_refuses_what_it_cannot_read(scene: Scene, client_for, body: Any) -> None:  # type: ignore[no-untyped-def]
    client = client_for("first")
    answer = json_post(client, f"/rating/{scene.assignment(scene.role_play(), scene.first)}/draft", body)
    assert answer.status_code == 400 and "error" in answer.json


def test_autosave_of_unknown_levels_or_after_the_end_is_refused(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    client = client_for("first")
    id_ = scene.role_play()
    address = f"/rating/{scene.assignment(id_, scene.first)}/draft"
    unknown = json_post(client, address, {"op": "a", "version": 0, "body": {"levels": {"opening": "l9"}}})
    assert (unknown.status_code, unknown.json["error"]) == (422, "unknown-level")
    long = json_post(client, address, {"op": "b", "version": 0, "body": {"comment": "x" * 200_000}})
    assert (long.status_code, long.json["error"]) == (422, "too-long") and "still here" in long.json["message"]
    scene.rate(id_, scene.first, judgement("l4"))
    late = json_post(client, address, {"op": "c", "version": 0, "body": {"levels": {"opening": "l1"}}})
    assert (late.status_code, late.json["error"]) == (409, "final")


# ── who sees what ────────────────────────────────────────────────────────────────────────────────────────────
def test_the_second_rater_sees_nothing_of_the_first_before_the_own_is_final(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    id_ = scene.role_play()
    canary = "金丝雀七三九"
    marked = judgement("l5", "l2", "l5", "l2", "l5", "l2", judged="excellent", comment=canary,
                       red_lines={"quarrel": {"quotation": f"{canary}原话", "happened_at": "07:39"}})       # 10+9+20+9+15+6.75 = 69.75
    marked["evidence"] = dict.fromkeys(CRITERIA, f"{canary}依据")
    second, assignment = client_for("second"), scene.assignment(id_, scene.second)
    addresses = ("/rating", f"/rating/{assignment}", f"/rating/arrange/{scene.cohort}", "/")
    before = second.get(f"/rating/{assignment}").get_data(as_text=True)
    scene.rate(id_, scene.first, marked)

    def told() -> str:
        pages = [second.get(address).get_data(as_text=True) for address in addresses]
        saved = json_post(second, f"/rating/{assignment}/draft", {"op": "peek", "version": 0, "body": {"levels": {"opening": "l3"}}})
        stale = json_post(second, f"/rating/{assignment}/draft", {"op": "poke", "version": 9, "body": {"levels": {"opening": "l4"}}})
        return "\n".join([*pages, saved.get_data(as_text=True), stale.get_data(as_text=True)])

    everything = told()
    assert canary not in everything and "69.75" not in everything and "07:39" not in everything
    strip = re.compile(r'value="[^"]*"|data-elapsed="\d+"|\d{2}:\d{2}')
    draft = db.session.query(RatingDraft).one()
    with transaction():
        db.session.delete(db.session.get_one(RatingDraft, draft.id))
    assert strip.sub("", second.get(f"/rating/{assignment}").get_data(as_text=True)) == strip.sub("", before)
    for address in (f"/rating/{scene.assignment(id_, scene.first)}", f"/rating/{scene.assignment(id_, scene.first)}/draft"):
        assert second.get(address).status_code in (404, 405)
    assert client_for("second").get("/red-lines").status_code == 403
    scene.rate(id_, scene.second, judgement("l3"))
    assert canary not in told()                     # and even then the console shows the own rating alone


def test_another_persons_assignment_is_not_there(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    first = scene.assignment(scene.role_play(), scene.first)
    third = client_for("third")
    unknown = third.get("/rating/999999")
    for answer in (third.get(f"/rating/{first}"), third.send(f"/rating/{first}", form_of(ALL_GOOD)), third.send(f"/rating/{first}/begin"),
                   json_post(third, f"/rating/{first}/draft", {"op": "a", "version": 0, "body": {}})):
        assert answer.status_code == 404
    assert third.get(f"/rating/{first}").get_data(as_text=True).replace(f"/rating/{first}", "/rating/999999") == unknown.get_data(as_text=True)
    assert db.session.query(RatingDraft).count() == 0


@pytest.mark.parametrize("address", ["/rating", "/rating/1", "/rating/arrange/1", "/red-lines"])
def test_pages_of_raters_and_judges_are_closed_to_trainees_and_strangers(scene: Scene, client_for, address: str) -> None:  # type: ignore[no-untyped-def]
    assert client_for("yining").get(address).status_code == 403
    assert client_for().get(address).status_code == 303


def test_every_change_needs_its_token(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    client = client_for("first")
    assignment = scene.assignment(scene.role_play(performed=False), scene.first)
    for address in (f"/rating/{assignment}", f"/rating/{assignment}/begin", f"/rating/arrange/{scene.cohort}", f"/rating/arrange/{scene.cohort}/markers",
                    "/rating/third/1"):
        assert client.post(address, data={**form_of(ALL_GOOD), "act": "save"}).status_code == 400
    assert client.post(f"/rating/{assignment}/draft", json={"op": "a", "version": 0, "body": {}}).status_code == 400
    assert client_for("reviewer").post("/red-lines/1", data={"decision": "confirm", "reason": "x"}).status_code == 400
    assert db.session.query(RatingDraft).count() == 0 and db.session.query(Performance).one().performed_at is None


# ── arranging ────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_trainer_arranges_one_and_then_everyone_else(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    client, address = client_for("first"), f"/rating/arrange/{scene.cohort}"
    page = client.get(address).get_data(as_text=True)
    assert all(name in page for name in ("周以宁", "孟柏然", "秦老师", "贺老师", "Station 1: something with a higher return"))
    one = client.send(address, {"station": FINAL_STATION, "raters": [scene.first, scene.second], "trainees": [scene.trainees[0]]})
    assert one.status_code == 303
    scene.trainee("late", "林知夏")
    rest = client.send(address, {"station": FINAL_STATION, "raters": [scene.first, scene.second, scene.third], "everyone": "y"})
    assert rest.status_code == 303
    assert db.session.query(Performance).count() == 3 and db.session.query(Assignment).count() == 6
    assert "2 role-plays arranged" in client.get(address).get_data(as_text=True)


@pytest.mark.parametrize(("data", "message"), [
    ({"raters": ["first"], "trainees": ["0"]}, "Too few of these raters"), ({"raters": ["first", "mentor"], "trainees": ["0"]}, "Too few of these raters"),
    ({"raters": [], "trainees": ["0"]}, "Choose the raters"), ({"raters": ["first", "second"], "trainees": []}, "at least one trainee"),
    ({"raters": ["first", "reviewer"], "trainees": ["0"]}, "no longer on the list"),
    ({"raters": ["first", "second"], "trainees": ["99999"]}, "no longer on the list"),
    ({"raters": ["first", "second"], "trainees": ["x", "-1", "²"]}, "no longer on the list"),
    ({"station": "moon", "raters": ["first", "second"], "trainees": ["0"]}, "no longer on the list"),
])
def test_what_cannot_be_arranged_is_said_and_leaves_nothing(scene: Scene, client_for, data: dict[str, Any], message: str) -> None:  # type: ignore[no-untyped-def]
    people = {"first": scene.first, "second": scene.second, "mentor": scene.mentor, "reviewer": scene.reviewer}
    sent = {"station": FINAL_STATION, **data, "raters": [people[name] for name in data["raters"]],
            "trainees": [scene.trainees[0] if number == "0" else number for number in data["trainees"]]}
    answer = client_for("first").send(f"/rating/arrange/{scene.cohort}", sent)
    assert answer.status_code == 422
    assert message in answer.get_data(as_text=True)
    assert db.session.query(Performance).count() == 0


def test_arranging_twice_is_refused_by_name_and_a_repeat_of_the_same_form_has_one_effect(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    client, address = client_for("first"), f"/rating/arrange/{scene.cohort}"
    data = {"station": FINAL_STATION, "raters": [scene.first, scene.second], "trainees": scene.trainees}
    assert [client.send(address, data, op="once").status_code for _ in range(3)] == [303, 303, 303]
    assert db.session.query(Performance).count() == 2
    again = client.send(address, data)
    assert again.status_code == 422 and "Already arranged at this station: 周以宁, 孟柏然" in again.get_data(as_text=True)
    assert db.session.query(Performance).count() == 2


def test_another_cohort_is_not_there_for_its_trainer(scene: Scene, make: Factory, client_for) -> None:  # type: ignore[no-untyped-def]
    other = make.cohort("2026-B", weeks_ago=6)
    make.trainer(other, "stranger")
    client = client_for("stranger")
    held = scene.role_play()
    assert client.get(f"/rating/arrange/{scene.cohort}").status_code == 404
    assert client.send(f"/rating/arrange/{scene.cohort}", {"station": FINAL_STATION}).status_code == 404
    assert client.send(f"/rating/arrange/{scene.cohort}/markers", {}).status_code == 404
    assert client.send(f"/rating/third/{held}", {"rater": "1"}).status_code == 404
    assert client.send("/rating/third/999999", {"rater": "1"}).status_code == 404


def test_a_gap_goes_to_a_third_from_the_page(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    id_ = scene.role_play()
    scene.rate(id_, scene.first, judgement("l4"))
    scene.rate(id_, scene.second, judgement("l3"))
    client = client_for("first")
    page = client.get(f"/rating/arrange/{scene.cohort}").get_data(as_text=True)
    held = page[page.index("Held: a third rater decides"):page.index("Role-plays</h2>")]
    assert "周以宁" in held and "方老师" in held and "秦老师" not in held and "卫导师" not in held
    assert client.send(f"/rating/third/{id_}", {"rater": scene.third}).status_code == 303
    assert "as third rater" in client_for("third").get("/rating").get_data(as_text=True)
    for data in ({"rater": scene.second}, {"rater": "x"}, {}):
        assert client.send(f"/rating/third/{id_}", data).status_code == 303
    assert db.session.query(Assignment).filter_by(place=3).one().rater_id == scene.third


def test_markers_are_given_from_the_page_and_time_closed_work_is_included(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    scene.written_case()
    client = client_for("first")
    data = {"case": "press-threat", "raters": [scene.first, scene.second]}
    address = f"/rating/arrange/{scene.cohort}/markers"
    assert "1 handed in, 1 without raters" in client.get(f"/rating/arrange/{scene.cohort}").get_data(as_text=True)
    for wrong in ({"case": "press-threat"}, {**data, "case": "moon"}, {**data, "raters": [scene.first]}, {**data, "raters": [scene.first, scene.mentor]}):
        assert client.send(address, wrong).status_code == 422
    assert db.session.query(Assignment).count() == 0
    assert [client.send(address, data, op="once").status_code for _ in range(2)] == [303, 303]
    assert db.session.query(Assignment).count() == 2


# ── red lines ────────────────────────────────────────────────────────────────────────────────────────────────
def reported(scene: Scene, station: str = FINAL_STATION) -> int:
    id_ = scene.role_play(station=station)
    scene.rate(id_, scene.first, judgement("l4", red_lines={"return-promised": {"quotation": "<i>年底一定能回来</i>", "happened_at": "05:12"}}))
    return int(db.session.query(RedLineReport.id).filter_by(performance_id=id_).scalar())


def test_a_judge_sees_the_evidence_and_decides_with_a_reason(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    line, client = reported(scene), client_for("reviewer")
    page = client.get("/red-lines").get_data(as_text=True)
    assert all(word in page for word in ("周以宁", "&lt;i&gt;年底一定能回来&lt;/i&gt;", "05:12", "秦老师", "Promises a return or guarantees no loss"))
    for reason in ("", "   "):
        empty = client.send(f"/red-lines/{line}", {"decision": "confirm", "reason": reason})
        assert empty.status_code == 422 and "Write the reason" in empty.get_data(as_text=True)
    assert client.send(f"/red-lines/{line}", {"decision": "perhaps", "reason": "x"}).status_code == 422
    assert client.send(f"/red-lines/{line}", {"decision": "confirm", "reason": "字" * 2001}).status_code == 422
    assert db.session.query(RedLineDecision).count() == 0
    assert client.send(f"/red-lines/{line}", {"decision": "confirm", "reason": "录音可证"}).status_code == 303
    after = client.get("/red-lines").get_data(as_text=True)
    assert "Nothing awaits a decision" in after and "录音可证" in after and "Confirmed" in after
    again = client.send(f"/red-lines/{line}", {"decision": "reject", "reason": "改判"})
    assert again.status_code == 303 and "first decision stands" in client.get("/red-lines").get_data(as_text=True)
    assert db.session.query(RedLineDecision).one().is_confirmed is True


def test_who_rates_or_is_the_trainee_neither_sees_nor_decides(scene: Scene, make: Factory, client_for) -> None:  # type: ignore[no-untyped-def]
    line = reported(scene)
    with transaction():
        for person in (scene.second, scene.person_of(scene.trainees[0])):
            db.session.add(GrantRow(person_id=person, role="reviewer", scope="*", granted_at=clock.now()))
    for login in ("second", "yining"):
        client = client_for(login)
        page = client.get("/red-lines").get_data(as_text=True)
        assert "年底一定能回来" not in page and "1 report concerns a performance you rate yourself" in page
        assert client.send(f"/red-lines/{line}", {"decision": "reject", "reason": "x"}).status_code == 404
    assert client_for("reviewer").send("/red-lines/999999", {"decision": "reject", "reason": "x"}).status_code == 404
    assert db.session.query(RedLineDecision).count() == 0


def test_a_judge_of_another_cohort_sees_nothing(scene: Scene, make: Factory, client_for) -> None:  # type: ignore[no-untyped-def]
    other = make.cohort("2026-B")
    make.person("elsewhere", "reviewer", scope=f"cohort:{other}")
    line, client = reported(scene), client_for("elsewhere")
    assert "周以宁" not in client.get("/red-lines").get_data(as_text=True)
    assert client.send(f"/red-lines/{line}", {"decision": "reject", "reason": "x"}).status_code == 404


def test_practice_red_lines_are_decided_too_and_lists_come_in_pages(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    number = 0
    for trainee in range(11):
        enrolment = scene.trainee(f"t{trainee}", f"学员{trainee}")
        for station, criteria in ((PRACTICE_STATION, PRACTICE_CRITERIA), (FINAL_STATION, CRITERIA), (OTHER_FINAL, CRITERIA)):
            line = {"quarrel": {"quotation": f"第{number}句", "happened_at": "01:00"}}
            scene.rate(scene.role_play(enrolment, station), scene.first, judgement("l4", criteria=criteria, red_lines=line))
            number += 1
    client = client_for("reviewer")
    one, two = (client.get(f"/red-lines?page={n}").get_data(as_text=True) for n in (1, 2))
    assert "第0句" in one and "第30句" not in one and "第30句" in two
    for odd in ("0", "-3", "99", "x", "9" * 40):
        assert client.get(f"/red-lines?page={odd}").status_code == 200
    assert client_for("first").get("/rating?page=99").status_code == 200


def test_a_case_is_rated_on_the_same_console(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    id_ = scene.written_case()
    with transaction():
        services.assign_markers(scene.cohort, "press-threat", [scene.first, scene.second], scene.third)
    client, address = client_for("first", "zh"), f"/rating/{scene.assignment(id_, scene.first)}"
    page = client.get(address).get_data(as_text=True)
    assert "参考答案" in page and "投诉信" in page and "定级与事实" in page and 'name="global_judgement"' not in page
    body = case_judgement("good", "pass", "good", "excellent")
    data = {"version": "0", "comment": "", **{f"level.{key}": level for key, level in body["levels"].items()}, "act": "finish", "sure": "y"}
    assert client.send(address, data).status_code == 303
    assert db.session.query(Rating).one().mark == 17 + 19.5 + 17 + 30
