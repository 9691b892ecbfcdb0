"""A trainee's own pages: writing a case, handing in, the brief of a station. Nothing of anybody else, nothing unreleased."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from foundation import clock
from foundation.db import db, transaction
from tests.factories import Factory
from tests.grading_scene import FINAL_CASE, FINAL_STATION, OTHER_FINAL, PRACTICE_CASE, PRACTICE_STATION, QUESTIONS, Scene, case_judgement, judgement
from training.grading import services
from training.grading.models import CaseDraft, CaseResponse, Performance

CASE = f"/cases/{FINAL_CASE}"


@pytest.fixture
def scene(make: Factory) -> Scene:
    return Scene(make)


@pytest.fixture
def trainee(scene: Scene, client_for) -> Any:  # type: ignore[no-untyped-def]
    return client_for("yining")


def save(client: Any, op: str, text: Any = "先核实", version: Any = 0, question: Any = "q1", address: str = CASE) -> Any:
    return client.post(f"{address}/draft", json={"op": op, "question": question, "text": text, "version": version},
                       headers={"X-CSRFToken": client.token(), "Accept": "application/json"})


def texts(version: int = 0, **written: str) -> dict[str, str]:
    found = {f"text.{key}": written.get(key, "") for key in QUESTIONS}
    return {**found, **{f"version.{key}": str(version) for key in QUESTIONS}}


def seen(page: str) -> str:
    match = re.search(r'name="seen"[^>]*value="([^"]*)"', page)
    assert match
    return match.group(1)


# ── the whole way ────────────────────────────────────────────────────────────────────────────────────────────
def test_a_case_is_begun_written_checked_and_handed_in_without_any_script(scene: Scene, trainee: Any) -> None:
    page = trainee.get(CASE).get_data(as_text=True)
    assert "Before you begin" in page and "All persons, products, bodies and figures in this case are invented" in page and "Dossier</a>" not in page
    assert trainee.send(f"{CASE}/open").status_code == 303
    page = trainee.get(CASE).get_data(as_text=True)
    for piece in ("Course of events", "Letter of complaint", "Product sheet", "13,315.07 yuan is credited", "basically that, don’t worry",
                  "0 characters, asked for: 150 to 400"):
        assert piece in page
    assert trainee.send(CASE, {**texts(q1="答一", q2="答二", q3="答三", q4="答四"), "act": "check"}).headers["Location"] == f"{CASE}/hand-in"
    check = trainee.get(f"{CASE}/hand-in").get_data(as_text=True)
    assert check.count("Shorter than asked") == 4 and seen(check) == "q1:1,q2:1,q3:1,q4:1"
    assert trainee.send(f"{CASE}/hand-in", {"seen": seen(check)}).status_code == 303
    after = trainee.get(CASE).get_data(as_text=True)
    assert "Handed in" in after and "答三" in after and "<textarea" not in after
    assert {row.text for row in db.session.query(CaseResponse)} == {"答一", "答二", "答三", "答四"}
    assert trainee.get(f"{CASE}/hand-in").status_code == 303


def test_the_page_is_chinese_for_chinese_readers(scene: Scene, client_for) -> None:  # type: ignore[no-untyped-def]
    scene.open_case()
    page = client_for("yining", "zh").get(CASE).get_data(as_text=True)
    for piece in ("周五下午五点的最后通牒", "本案人物、产品、机构与数字均为虚构", "投诉信", "0 字，要求 150–400 字", "24:00 前，以服务器时间为准",
                  "还没有保存"):
        assert piece in page


def test_model_answer_rubric_and_noise_never_reach_the_trainee(scene: Scene, trainee: Any) -> None:
    other = f"/cases/{PRACTICE_CASE}"
    secrets = ("one single contact is named", "Defends, promises the difference", "Makes silence or deletion a condition", "model_answer", "noise",
               "named by 10:24", "Signature &ldquo;", "use of the satisfaction report", "Agrees to sign, backdate")
    for address in (CASE, other):
        pages = [trainee.get(address)]
        trainee.send(f"{address}/open")
        pages += [trainee.get(address), trainee.get(f"{address}/hand-in"), trainee.send(address, texts(q1="甲"))]
        check = trainee.get(f"{address}/hand-in").get_data(as_text=True)
        pages += [trainee.send(f"{address}/hand-in", {"seen": seen(check), "empty_is_meant": "y"}), trainee.get(address)]
        for answer in pages:
            told = answer.get_data(as_text=True)
            assert not [secret for secret in secrets if secret in told]
    assert "Customer satisfaction, monthly report" in trainee.get(other).get_data(as_text=True)


def test_results_are_not_told_here_even_when_everything_is_judged(scene: Scene, trainee: Any) -> None:
    id_ = scene.written_case()
    with transaction():
        services.assign_markers(scene.cohort, FINAL_CASE, [scene.first, scene.second], scene.third)
    for rater in (scene.first, scene.second):
        scene.rate(id_, rater, case_judgement("excellent", comment="不外传的评语"))
    play = scene.role_play()
    for rater in (scene.first, scene.second):
        scene.rate(play, rater, judgement("l2", comment="不外传的评语"))
    for address in (CASE, f"/stations/{FINAL_STATION}"):
        told = trainee.get(address).get_data(as_text=True)
        assert "不外传" not in told and "Excellent" not in told and "秦老师" not in told and "100" not in re.sub(r"v=\w+|<[^>]+>", "", told)


# ── saving ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_autosave_gives_receipts_once_per_operation_and_never_overwrites_unseen(scene: Scene, trainee: Any) -> None:
    scene.open_case()
    first = save(trainee, "a1")
    assert first.status_code == 200 and first.json["version"] == 1 and re.fullmatch(r"[0-9A-F]{4}-[0-9A-F]{4}", first.json["receipt"])
    assert save(trainee, "a1").json == first.json
    assert save(trainee, "a2", "先核实，再答复", 1).json["version"] == 2
    assert save(trainee, "a1").json == first.json
    clash = save(trainee, "a1", "别的话", 2)
    assert (clash.status_code, clash.json["error"]) == (409, "operation-conflict")
    stale = save(trainee, "a3", "旧页面", 1)
    assert (stale.status_code, stale.json["error"], stale.json["theirs"], stale.json["version"]) == (409, "stale", "先核实，再答复", 2)
    assert db.session.query(CaseDraft).one().text == "先核实，再答复"


@pytest.mark.parametrize(("changes", "status", "error"), [
    ({"text": "长" * 200_000}, 422, "too-long"), ({"question": "q9"}, 422, "unknown-question"), ({"text": None}, 400, "bad-request"),
    ({"text": ["a"]}, 400, "bad-request"), ({"question": 7}, 400, "bad-request"), ({"version": "0"}, 400, "bad-request"),
])
def test_autosave_refuses_clearly_and_changes_nothing(scene: Scene, trainee: Any, changes: dict[str, Any], status: int, error: str) -> None:
    scene.open_case()
    answer = save(trainee, "op", **changes)
    assert (answer.status_code, answer.json["error"]) == (status, error)
    if error == "too-long":
        assert "at most 20000" in answer.json["message"] and "still here" in answer.json["message"]
    assert db.session.query(CaseDraft).count() == 0


def test_a_text_too_long_in_the_plain_form_stays_on_the_page_and_the_others_too(scene: Scene, trainee: Any) -> None:
    scene.open_case()
    long = "字" * 200_000
    answer = trainee.send(CASE, {**texts(q1="短的一段", q2=long), "act": "save"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and long in page and "短的一段" in page and "at most 20000" in page and 'href="#text-q2"' in page
    assert db.session.query(CaseDraft).count() == 0


def test_a_stale_tab_is_shown_both_versions_and_can_keep_its_own(scene: Scene, trainee: Any) -> None:
    scene.open_case()
    trainee.send(CASE, {**texts(q1="新的一稿", q2="没有争议"), "act": "save"})
    answer = trainee.send(CASE, {**texts(q1="旧页面里的一稿\n\n  第二段", q2="没有争议"), "act": "save"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "新的一稿" in page and "旧页面里的一稿" in page
    assert {row.text for row in db.session.query(CaseDraft)} == {"新的一稿", "没有争议"}
    fields = dict(re.findall(r'<textarea name="([^"]+)" hidden>\n(.*?)</textarea>', page, re.S))
    assert trainee.send(CASE, fields).status_code == 303
    assert {row.text for row in db.session.query(CaseDraft)} == {"旧页面里的一稿\n\n  第二段", "没有争议"}


@pytest.mark.parametrize("polyglot", ["</textarea><script>alert(1)</script>", "{{ 7*7 }}", "\"onmouseover=\"alert(1)", "\n\n前有空行", "‮rtl", "🙂" * 50])
def test_any_text_comes_back_as_text(scene: Scene, trainee: Any, client_for, polyglot: str) -> None:  # type: ignore[no-untyped-def]
    id_ = scene.open_case()
    assert trainee.send(CASE, {**texts(q1=polyglot), "act": "save"}).status_code == 303
    assert db.session.query(CaseDraft).one().text == polyglot
    page = trainee.get(CASE).get_data(as_text=True)
    assert "<script>alert" not in page and '"onmouseover="' not in page and "49" not in re.findall(r'id="text-q1"[^>]*>\n(.*?)</textarea>', page, re.S)[0]
    with transaction():
        services.hand_in_case(id_, None, scene.first, allow_empty=True)
        services.assign_markers(scene.cohort, FINAL_CASE, [scene.first, scene.second], scene.first)
    told = client_for("first").get(f"/rating/{scene.assignment(id_, scene.first)}").get_data(as_text=True)
    assert "<script>alert" not in told and '"onmouseover="' not in told


# ── handing in ───────────────────────────────────────────────────────────────────────────────────────────────
def test_an_empty_hand_in_is_warned_of_and_allowed_with_a_tick(scene: Scene, trainee: Any) -> None:
    scene.open_case()
    check = trainee.get(f"{CASE}/hand-in").get_data(as_text=True)
    assert "4 answers are empty" in check
    refused = trainee.send(f"{CASE}/hand-in", {"seen": seen(check)})
    assert refused.status_code == 422 and "Some answers are empty" in refused.get_data(as_text=True)
    assert db.session.query(CaseResponse).count() == 0
    assert trainee.send(f"{CASE}/hand-in", {"seen": seen(check), "empty_is_meant": "y"}).status_code == 303
    assert db.session.query(CaseResponse).count() == 4


def test_handing_in_what_another_tab_changed_is_shown_again_first(scene: Scene, trainee: Any) -> None:
    scene.open_case()
    trainee.send(CASE, texts(q1="甲", q2="乙", q3="丙", q4="丁"))
    old = seen(trainee.get(f"{CASE}/hand-in").get_data(as_text=True))
    save(trainee, "other-tab", "改过的甲", 1)
    answer = trainee.send(f"{CASE}/hand-in", {"seen": old})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "changed after this page was opened" in page and seen(page).startswith("q1:2")
    assert db.session.query(CaseResponse).count() == 0
    assert trainee.send(f"{CASE}/hand-in", {"seen": seen(page)}).status_code == 303


def test_handing_in_twice_has_one_effect(scene: Scene, trainee: Any) -> None:
    scene.open_case()
    trainee.send(CASE, texts(q1="甲", q2="乙", q3="丙", q4="丁"))
    data = {"seen": seen(trainee.get(f"{CASE}/hand-in").get_data(as_text=True))}
    assert [trainee.send(f"{CASE}/hand-in", data, op="once").status_code for _ in range(3)] == [303, 303, 303]
    assert trainee.send(f"{CASE}/hand-in", data).status_code == 303
    late = save(trainee, "late", "晚了", 1)
    assert (late.status_code, late.json["error"]) == (409, "closed")
    form = trainee.send(CASE, {**texts(1, q1="晚了也不丢"), "act": "save"})
    assert form.status_code == 409 and "晚了也不丢" in form.get_data(as_text=True)
    assert db.session.query(CaseResponse).count() == 4


def test_after_the_deadline_nothing_is_taken_and_nothing_typed_is_lost(scene: Scene, trainee: Any) -> None:
    scene.open_case()
    with clock.standing_at(scene.due() - timedelta(minutes=2)):
        trainee = _again(trainee)
        save(trainee, "in-time", "写到一半")
    with clock.standing_at(scene.due() + timedelta(seconds=1)):
        late = save(trainee, "late", "写到一半，再加一句", 1)
        assert (late.status_code, late.json["error"]) == (409, "closed") and "What was saved in time" in late.json["message"]
        form = trainee.send(CASE, {**texts(1, q1="写到一半，再加一句"), "act": "save"})
        assert form.status_code == 409 and "再加一句" in form.get_data(as_text=True)
        page = trainee.get(CASE).get_data(as_text=True)
        assert "The time is up" in page and "写到一半" in page
        assert trainee.send(f"{CASE}/hand-in", {"seen": ""}).status_code == 303
    assert db.session.query(CaseDraft).one().text == "写到一半"


def _again(client: Any) -> Any:
    """The same person signed in at the present (standing) time: a session does not outlive sixteen hours."""
    return client.sign_in("yining")


# ── what belongs to whom ─────────────────────────────────────────────────────────────────────────────────────
def test_what_is_not_in_the_programme_is_not_there(scene: Scene, trainee: Any) -> None:
    for address in ("/cases/nowhere", "/cases/nowhere/hand-in", "/stations/nowhere", "/cases/" + "x" * 300):
        assert trainee.get(address).status_code == 404
    for address in ("/cases/nowhere", "/cases/nowhere/open", "/cases/nowhere/hand-in"):
        assert trainee.send(address).status_code == 404
    assert save(trainee, "a", address="/cases/nowhere").status_code == 404


def test_nobody_without_an_enrolment_has_a_case(scene: Scene, make: Factory, client_for) -> None:  # type: ignore[no-untyped-def]
    make.person("loose", "trainee")
    assert client_for("loose").get(CASE).status_code == 404
    assert client_for("first").get(CASE).status_code == 403
    assert client_for("first").get(f"/stations/{FINAL_STATION}").status_code == 403
    assert client_for().get(CASE).status_code == 303


def test_two_trainees_never_meet_in_one_case(scene: Scene, trainee: Any, client_for) -> None:  # type: ignore[no-untyped-def]
    trainee.send(f"{CASE}/open")
    save(trainee, "mine", "只属于以宁的一段")
    other = client_for("boran")
    assert "只属于以宁" not in other.get(CASE).get_data(as_text=True)
    assert save(other, "mine", "柏然的话").status_code == 409            # has not begun; nothing is written into anybody's work
    other.send(f"{CASE}/open")
    assert save(other, "mine", "柏然的话").json["version"] == 1
    assert sorted(row.text for row in db.session.query(CaseDraft)) == ["只属于以宁的一段", "柏然的话"]


def test_a_case_of_a_later_week_is_announced_and_stays_shut(scene: Scene, make: Factory, client_for) -> None:  # type: ignore[no-untyped-def]
    early = make.cohort("2026-C", weeks_ago=0)
    make.trainee(early, "newcomer")
    client = client_for("newcomer")
    page = client.get(CASE).get_data(as_text=True)
    assert "Not open yet" in page and "Letter of complaint" not in page
    client.send(f"{CASE}/open")
    assert db.session.query(Performance).count() == 0
    station = client.get(f"/stations/{FINAL_STATION}").get_data(as_text=True)
    assert "Not open yet" in station and "maturity notice" not in station
    assert client.get(f"/cases/{PRACTICE_CASE}").status_code == 200
    assert "low desk" in client.get(f"/stations/{PRACTICE_STATION}").get_data(as_text=True)


def test_changes_need_their_token(scene: Scene, trainee: Any) -> None:
    for address in (f"{CASE}/open", CASE, f"{CASE}/hand-in"):
        assert trainee.post(address, data={**texts(q1="甲"), "seen": ""}).status_code == 400
    assert trainee.post(f"{CASE}/draft", json={"op": "a", "question": "q1", "text": "x", "version": 0}).status_code == 400
    assert db.session.query(Performance).count() == 0


# ── the station ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_candidate_reads_the_own_part_alone(scene: Scene, trainee: Any) -> None:
    scene.role_play(performed=False)
    told = trainee.get(f"/stations/{FINAL_STATION}").get_data(as_text=True)
    assert "comes in with a maturity notice" in told and "Arranged" in told and "Six criteria" in told
    for secret in ("pharmacist", "take over the shop", "talk it over with", "guarantee no loss", "Write down the answer", "Irregularities", "秦老师",
                   "iceberg", "release"):
        assert secret not in told
    assert "None yet" in trainee.get(f"/stations/{OTHER_FINAL}").get_data(as_text=True)


def test_own_appointments_tell_when_it_took_place(scene: Scene, trainee: Any, client_for) -> None:  # type: ignore[no-untyped-def]
    scene.role_play()
    assert "Took place" in trainee.get(f"/stations/{FINAL_STATION}").get_data(as_text=True)
    assert "Took place" not in client_for("boran").get(f"/stations/{FINAL_STATION}").get_data(as_text=True)
