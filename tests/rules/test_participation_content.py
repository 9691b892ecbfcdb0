"""Worksheets, surveys, self-checks, mentor checklists and failure replays: each is shown files with one fault, and says where."""
# ruff: noqa: E501 - a case a line

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from foundation.content import Library, Piece, read_piece
from foundation.yamlsource import Problem
from training.participation import loader
from training.participation.rules.survey import Survey, differences

CONTENT = loader.CONTENT
SHEET, SURVEY, CHECK = "worksheets/interview-record.yaml", "surveys/final-survey.yaml", "self-checks/etiquette-self-check.yaml"
MENTOR, REPLAY = "mentor-checklists/mentor-talk-foundation.yaml", "failure-replays/counter-100-seconds.yaml"


def read_text(tmp_path: Path, name: str, text: str, library: Library | None = None) -> list[Problem]:
    folder, file_name = name.split("/")
    file = tmp_path / file_name
    file.write_text(text, encoding="utf-8")
    library = library if library is not None else Library()
    read_piece(library, file, *loader.FOLDERS[folder])
    return library.problems


def read_with(tmp_path: Path, name: str, *changes: tuple[str, str], library: Library | None = None) -> list[Problem]:
    """The problems of a shipped file after replacing texts in it; each replaced text must be there."""
    text = (CONTENT / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return read_text(tmp_path, name, text, library)


def errors(problems: list[Problem]) -> str:
    return "\n".join(str(problem) for problem in problems if problem.severity == "error")


def warnings(problems: list[Problem]) -> str:
    return "\n".join(str(problem) for problem in problems if problem.severity == "warning")


@pytest.mark.parametrize("name", sorted(f"{file.parent.name}/{file.name}" for file in CONTENT.glob("*/*.yaml")))
def test_every_shipped_file_is_read_without_error_and_back_from_the_store(tmp_path: Path, name: str) -> None:
    library = Library()
    assert errors(read_with(tmp_path, name, library=library)) == ""
    (piece,) = library.pieces.values()
    model = loader.FOLDERS[name.split("/")[0]][1]
    assert model.model_validate(piece.body).model_dump(mode="json", by_alias=True) == piece.body


@pytest.mark.parametrize(("name", "change", "message"), [
    (SHEET, ("format: qizhou/worksheet@1", "format: qizhou/worksheet@2"), "format"),
    (SHEET, ("minutes: 45\n", "minutes: 45\ncolour: red\n"), "colour: unknown key"),
    (SHEET, ("kind: multi_choice", "kind: many"), "does not match any of the expected tags"),
    (SHEET, ("  - key: rank\n    title: {zh: \"三、排序与确认\", en: \"3. Rank and confirm\"}", "  - key: rank\n    title: {zh: \"三、排序与确认\"}"), "en is missing"),
    (SHEET, ("choose: [2, 4]", "choose: [2, 5]"), "setting: choose 2 to 5 of 4 options"),
    (SHEET, ("length: {zh_chars: [8, 60], en_words: [5, 40]}", "length: {zh_chars: [60, 8], en_words: [5, 40]}"), "aim: the length 60 to 8 is no range"),
    (SHEET, ("length: {zh_chars: [8, 60], en_words: [5, 40]}", "length: {zh_chars: [0, 60], en_words: [5, 40]}"), "a minimum in one language only"),
    (SHEET, ("length: {zh_chars: [8, 60], en_words: [5, 40]}", "length: {zh_chars: [40, 60], en_words: [5, 40]}"), "the example at aim: 18 in zh, the field takes 40"),
    (SHEET, ("      - {key: place, text", "      - {key: time, text"), "option time stands twice"),
    (SHEET, ("      - key: first-words", "      - key: aim"), "field aim stands twice in the sheet"),
    (SHEET, ("          - {key: surface, label", "          - {key: latent, label"), "row latent stands twice"),
    (SHEET, ("    grade: not-needed", "    grade: c6"), "the example at grade: c6 is no option"),
    (SHEET, ("    next-date: 2027-03-15", "    next-date: 2027-02-30"), "2027-02-30 is not a date"),
    (SHEET, ("    grade: not-needed\n", ""), "the example leaves grade empty, which is required"),
    (SHEET, ('amount: "32000"', "amount: 32000"), "is not a decimal number in quotes"),
    (SHEET, ('amount: "32000"', 'amount: "32000.5"'), "has more than 0 decimals"),
    (SHEET, ('amount: "32000"', 'amount: "-1"'), "is outside 0"),
    (SHEET, ("        rows: {min: 2, max: 5}", "        rows: {min: 4, max: 5}"), "the example at ranking: 3 rows, the table takes 4 to 5"),
    (SHEET, ("        rows: {min: 2, max: 5}", "        rows: {min: 5, max: 2}"), "5 to 2 rows is no range"),
    (SHEET, ("{field: aim, text", "{field: purpose, text"), "the note speaks of purpose, which is no field"),
    (SHEET, ("    layout: steps", "    layout: quadrants"), "prepare: quadrants need four fields, not 2"),
    (SHEET, ("audience: trainee", "audience: trainee\nprivate: true"), "does not come back in the follow-up"),
    (SHEET, ("audience: trainee", "audience: trainee\nprivate: true"), "says that only you see it"),
    (SHEET, ("不要写入任何真实客户的信息", "不要写入任何真实的东西"), "data_notice must say that no customer data goes in (zh)"),
    (SHEET, ("账号和证件号码", "账号 6222021234567890123"), "a run of 11 or more digits"),
    (SHEET, ("key: interview-record", "key: interview-records"), "the file is called interview-record"),
    (SHEET, ("objectives: [needs.name-layers, needs.ask-downward, needs.confirm-and-match, needs.rank-needs, needs.respect-limits]", "objectives: []"),
     "names no objective"),
    (SURVEY, ("kind: nps", "kind: stars"), "does not match any of the expected tags"),
    (SURVEY, ("scale: agree, dimension: usefulness, text: {zh: \"课程", "scale: agreed, dimension: usefulness, text: {zh: \"课程"), "job-fit: there is no scale agreed"),
    (SURVEY, ("{value: 2, text: {zh: \"不太同意\"", "{value: 4, text: {zh: \"不太同意\""), "scale agree: the points do not rise by one"),
    (SURVEY, ("{zh: \"不太同意\", en: \"Disagree\"}", "{zh: \"完全不同意\", en: \"Disagree\"}"), "two points have the same wording (zh)"),
    (SURVEY, ("{key: can-do, kind", "{key: job-fit, kind"), "question job-fit stands twice"),
    (SURVEY, ("课程的进度我跟得上。", "我在课上问得出“笨问题”。"), "asks what"),
    (SURVEY, ("min_group: 5\n", ""), "min_group"),
    (SURVEY, ("anonymous: true\nmin_group: 5", "anonymous: false\nmin_group: 5"), "min_group belongs to anonymous surveys"),
    (SURVEY, ("purpose: course", "purpose: baseline"), "such a questionnaire is not anonymous"),
    (SURVEY, ("purpose: course", "purpose: follow_up"), "a follow-up names the baseline whose items it repeats"),
    (SURVEY, ("anonymous: true", "anonymous: true\nsame_items_as: final-survey"), "only a follow-up repeats the items of another survey"),
    (SURVEY, ("如果要删掉一样东西，你删什么？", "请写下你的工号。"), "an anonymous survey asks who somebody is (zh)"),
    (SURVEY, ("最近两周，你在工作中", "你在工作中"), "neither the question nor its section names a time (zh)"),
    (SURVEY, ("  expect: {zh: \"本来就该这样\", en: \"I expect it\"}\n", ""), "kano_answers words the five answers"),
    (SURVEY, ("演练后看不到自己的录像，你觉得：", "演练后能看到自己的录像，你觉得："), "both wordings of the pair are the same (zh)"),
    (SURVEY, ("      - key: recommend\n", "      - {key: again, kind: nps, text: {zh: \"再问一次\", en: \"Once more\"}, low: {zh: \"不\", en: \"No\"}, high: {zh: \"会\", en: \"Yes\"}}\n"
              "      - key: recommend\n"), "asks for a recommendation more than once"),
    (CHECK, ("modes: [self, peer]", "modes: [self]"), "peer_intro stands exactly where a peer fills the list in"),
    (CHECK, ("modes: [self, peer]", "modes: [self, boss]"), "modes.1"),
    (CHECK, ("- key: scent", "- key: hands"), "check hands stands twice in the list"),
    (CHECK, ("一米之外闻不到香水、烟味和午饭的味道。", "工牌端正，站着的客户低头就能读到姓氏。"), "says what"),
    (CHECK, ("slip: {zh: \"长甲或亮色甲油，客户签字时目光落在你的手上。\"", "slip: {zh: \"双手干净，指甲短到点钞、递笔时不碰到客户的手和证件。\""), "hands: the slip says what the check says (zh)"),
    (CHECK, ("        mend: {zh: \"上岗前请同伴", "        cure: {zh: \"上岗前请同伴"), "mend: is missing"),
    (CHECK, ("choose: [1, 2]", "choose: [0, 2]"), "choose 0 to 2 of 17 checks"),
    (CHECK, ("length: {zh_chars: [25, 160]", "length: {zh_chars: [125, 160]"), "after: the example has"),
    (CHECK, ("  - {key: sometimes, title", "  - {key: not-yet, title"), "level not-yet stands twice"),
    (CHECK, ("  - key: wording\n", "  - key: appearance\n"), "heading appearance stands twice"),
    (CHECK, ("repeat: {times: 3", "repeat: {times: 1"), "repeat.times"),
    (CHECK, ("status: reviewed", "status: finished"), "status"),
    (MENTOR, ("    minutes: 8\n", "    minutes: 9\n"), "the parts of the talk take 31 minutes, not 30"),
    (MENTOR, ("哪一位客户你觉得接待得好？当时你做了什么？", "说说一位客户。"), "proud-of asks nothing (zh)"),
    (MENTOR, ("    objective: service.see-needs", "    objective: service.sees"), "sees-the-need: service.sees is not among the objectives"),
    (MENTOR, ("  goals: [1, 2]", "  goals: [1, 9]"), "1 to 9 goals"),
    (MENTOR, ("  - key: hears-feeling", "  - key: sees-the-need"), "observe sees-the-need stands twice"),
    (MENTOR, ("      - key: do-again", "      - key: proud-of"), "question proud-of stands twice"),
    (MENTOR, ("gate: gate-1\n", ""), "gate: is missing"),
    (MENTOR, ("    if_missing: {zh: \"讲一个", "    if_not: {zh: \"讲一个"), "unknown key"),
    (MENTOR, ("  length: {zh_chars: [25, 160]", "  length: {zh_chars: [125, 160]"), "agreement: the example has"),
    (MENTOR, ("minutes: 30\nintro", "minutes: thirty\nintro"), "minutes: Input should be a valid integer"),
    (MENTOR, ("  - {key: heard, text", "  - {key: watched, text"), "sign_off watched stands twice"),
    (MENTOR, ("levels:\n  - {key: not-yet", "levels:\n  - {key: steady"), "levels steady stands twice"),
    (REPLAY, ("duration_s: 100", "duration_s: 60"), "duration_s"),
    (REPLAY, ("captions: required", "captions: optional"), "media.captions"),
    (REPLAY, ("  from: 16\n  to: 25", "  from: 16\n  to: 27"), "jargon overlaps data-aloud"),
    (REPLAY, ("  from: 83\n  to: 95", "  from: 83\n  to: 105"), "83 to 105 is no window of a clip of 100 seconds"),
    (REPLAY, ("  from: 0\n  to: 5", "  from: 1\n  to: 2"), "no line of the transcript begins within 1 to 2"),
    (REPLAY, ("  from: 0\n  to: 5", "  from: 5\n  to: 5"), "5 to 5 is no window"),
    (REPLAY, ("from: 11, to: 15", "from: 11, to: 17"), "overlaps"),
    (REPLAY, ("- {at: 3, who", "- {at: 7, who"), "second 6 comes after second 7"),
    (REPLAY, ("- {at: 0, who", "- {at: 1, who"), "the clip begins at second 0"),
    (REPLAY, ("  - {key: attitude, title", "  - {key: skills, title"), "cause_classes.2.key"),
    (REPLAY, ("also_accepted: [attitude]\n  severity: 3\n  red_line: data-disclosed", "also_accepted: [knowledge]\n  severity: 3\n  red_line: data-disclosed"),
     "data-aloud: knowledge is the cause already"),
    (REPLAY, ("severity: 3\n  red_line: data-disclosed", "severity: 2\n  red_line: data-disclosed"), "a red line has severity 3"),
    (REPLAY, ("- key: jargon", "- key: data-aloud"), "mark data-aloud stands twice"),
    (REPLAY, ("en: \"Number.\"", "en: \"号 Number.\""), "Chinese characters in the English text"),
])
def test_a_fault_is_an_error_that_says_where_and_nothing_is_loaded(tmp_path: Path, name: str, change: tuple[str, str], message: str) -> None:
    library = Library()
    problems = read_with(tmp_path, name, change, library=library)
    assert message in errors(problems)
    assert all(f"{name.split('/')[1]}:" in str(problem) for problem in problems)
    at_the_top = message in ("format", "min_group") or "names the baseline" in message or message.endswith("is missing")
    assert at_the_top or any(problem.line > 1 for problem in problems if message in problem.message)
    assert not library.pieces, "a file with an error leaves no piece"


@pytest.mark.parametrize("name", [SHEET, SURVEY, CHECK, MENTOR, REPLAY])
@pytest.mark.parametrize("text", ["", "a: [1, 2\n", "- 1\n- 2\n", "format: &x 1\nkey: *x\n", "key: a\nkey: b\n", "\tkey: a\n", "[" * 3000, "key: x\x08\n", "42\n"])
def test_what_is_no_such_file_at_all_is_told_and_never_raised(tmp_path: Path, name: str, text: str) -> None:
    library = Library()
    assert errors(read_text(tmp_path, name, text, library))
    assert not library.pieces


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    found = errors(read_with(tmp_path, SHEET, ("choose: [2, 4]", "choose: [2, 5]"), ("    grade: not-needed", "    grade: c6"), ("layout: steps", "layout: quadrants")))
    assert all(part in found for part in ("choose 2 to 5", "c6 is no option", "quadrants need four fields"))


def test_a_complaint_inside_a_field_points_at_its_line_and_not_at_the_list(tmp_path: Path) -> None:
    text = (CONTENT / SHEET).read_text(encoding="utf-8")
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "choose: [2, 4]" in one)
    (problem,) = (p for p in read_with(tmp_path, SHEET, ("choose: [2, 4]", "choose: many")) if p.severity == "error")
    assert (problem.line, "choose" in problem.message) == (line, True)


# ── keyed tables ─────────────────────────────────────────────────────────────────────────────────────────────────
TRIAGE = """
      - key: inbox
        kind: table
        label: {zh: "收件箱", en: "Inbox"}
        columns:
          - {key: event, kind: given, label: {zh: "提示", en: "Alert"}}
          - {key: decision, kind: choice, label: {zh: "处置", en: "Decision"}, options: [{key: release, text: {zh: "放行", en: "Release"}}, {key: verify, text: {zh: "核实", en: "Verify"}}, {key: report, text: {zh: "上报", en: "Report"}}]}
          - {key: before, kind: number, label: {zh: "之前", en: "Before"}, required: false}
          - {key: after, kind: number, label: {zh: "之后", en: "After"}, required: false}
          - {key: less, kind: computed, label: {zh: "减少", en: "Less"}, formula: "before - after"}
        tally: {column: decision, quiet: [release]}
        rows:
          - {key: a1, given: {event: {zh: "凌晨三点连续转账", en: "Transfers at three in the morning"}}, answer: {decision: verify}, also_accepted: {decision: [report]}, why: {zh: "先核实", en: "Verify first"}, worked: true}
          - {key: a2, given: {event: {zh: "每月同日房租", en: "Rent on the same day each month"}}, answer: {decision: release}, why: {zh: "有规律", en: "It is regular"}}
          - {key: a3, given: {event: {zh: "三天改密四次", en: "Four passwords in three days"}}, answer: {decision: report}, why: {zh: "反复改密", en: "Repeated change"}}
"""
BEFORE_RANK = "  - key: rank\n"


def with_triage(tmp_path: Path, *changes: tuple[str, str], library: Library | None = None) -> list[Problem]:
    table = TRIAGE.lstrip("\n")
    for old, new in changes:
        assert old in table, old
        table = table.replace(old, new, 1)
    return read_with(tmp_path, SHEET, (BEFORE_RANK, table + BEFORE_RANK), library=library)


def test_a_table_of_given_cases_with_answers_is_read_and_its_answers_are_the_scoring(tmp_path: Path) -> None:
    library, other, reworded = Library(), Library(), Library()
    assert errors(with_triage(tmp_path, library=library)) == ""
    with_triage(tmp_path, ("answer: {decision: report}", "answer: {decision: verify}"), library=other)
    with_triage(tmp_path, ("Rent on the same day each month", "Rent, always on the fifth"), library=reworded)
    hashes = [next(iter(one.pieces.values())).scoring_hash for one in (library, other, reworded)]
    assert hashes[0] == hashes[2] != hashes[1]


@pytest.mark.parametrize(("change", "message"), [
    (("answer: {decision: release}", "answer: {decision: wait}"), "row a2: the answer of decision: wait is no option"),
    (("answer: {decision: release}", "answer: {verdict: release}"), "verdict is no column that can have an answer"),
    (("answer: {decision: release}, why: {zh: \"有规律\", en: \"It is regular\"}", "answer: {decision: release}"), "row a2: an answer needs a why"),
    (("answer: {decision: release}, why", "why"), "row a2 answers nothing, other rows decision"),
    (("given: {event: {zh: \"每月", "given: {occurrence: {zh: \"每月"), "row a2 fills occurrence, the table gives event"),
    (("also_accepted: {decision: [report]}", "also_accepted: {decision: [verify]}"), "verify is the answer of decision already"),
    (("also_accepted: {decision: [report]}", "also_accepted: {event: [report]}"), "event is no choice column"),
    (("also_accepted: {decision: [report]}", "also_accepted: {decision: [wait]}"), "wait is no option of decision"),
    (("formula: \"before - after\"", "formula: \"before - later\""), "later is no number column"),
    (("formula: \"before - after\"", "formula: \"before -\""), "less: the formula"),
    (("quiet: [release]", "quiet: [release, verify, report]"), "quiet must be some of the options"),
    (("tally: {column: decision", "tally: {column: event"), "event is no keyed choice column"),
    (("answer: {decision: release}", "answer: {decision: verify}"), "either no miss or no false alarm can happen"),
    (("rows:\n", "rows: {min: 1, max: 3}\n        spare:\n"), "unknown key"),
])
def test_a_keyed_table_that_cannot_be_marked_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert message in errors(with_triage(tmp_path, change))


def test_the_example_may_not_give_a_keyed_table_away(tmp_path: Path) -> None:
    table = (BEFORE_RANK, TRIAGE.lstrip("\n") + BEFORE_RANK)
    given = ("    grade: not-needed", "    inbox: {a1: {decision: verify}, a2: {decision: release}, a3: {decision: report}}\n    grade: not-needed")
    assert "the example gives away inbox" in errors(read_with(tmp_path, SHEET, table, given))


# ── warnings and waivers ─────────────────────────────────────────────────────────────────────────────────────────
WAIVED = "waive:\n  - {{check: {0}, where: {1}, reason: meant so, by_role: content-editor}}\n"


@pytest.mark.parametrize(("name", "change", "check", "where"), [
    (SHEET, ("minutes: 45", "minutes: 400"), "minutes", "minutes"),
    (SHEET, ("他走到柜台就问：“三年的", "他走到柜台就问：“97%的"), "figures", "example.situation"),
    (SURVEY, ("我跟得上。", "我跟得上，并且学得会。"), "double-barrelled", "pace"),
    (SURVEY, ("我跟得上。", "我显然跟得上。"), "leading", "pace"),
    (SURVEY, ("reverse: true, text", "text"), "negated", "too-abstract"),
    (CHECK, ("双手干净，", "尽量双手干净，"), "observable", "hands"),
    (MENTOR, ("没有把余额、号码说给旁人听见。", "尽量小声。"), "observable", "low-voice"),
    (REPLAY, ("{at: 3, who: teller, zh: \"号。\"", "{at: 3, who: teller, zh: \"请您告诉我您手里拿的排队号码是多少好吗，谢谢您。\""), "speech-rate", "transcript.3"),
])
def test_a_warning_is_told_and_silenced_by_its_waiver_and_an_idle_waiver_is_an_error(
        tmp_path: Path, name: str, change: tuple[str, str], check: str, where: str) -> None:
    waiver = ("reviewed: 2026", WAIVED.format(check, where) + "reviewed: 2026")
    assert f"[{check}]" in warnings(read_with(tmp_path, name, change))
    silenced = read_with(tmp_path, name, change, waiver)
    assert (f"[{check}]" in warnings(silenced), errors(silenced)) == (False, "")
    assert "silences nothing" in errors(read_with(tmp_path, name, waiver))


@pytest.mark.parametrize("change", [("reviewer_role: senior-trainer\n", ""), ("reviewer_role: senior-trainer", "reviewer_role: content-designer")])
def test_what_nobody_else_has_read_is_not_approved(tmp_path: Path, change: tuple[str, str]) -> None:
    assert "approved needs an author_role and a reviewer_role" in errors(read_with(tmp_path, REPLAY, change))


def test_asides_in_brackets_are_not_speech(tmp_path: Path) -> None:
    aside = ("zh: \"号。\"", "zh: \"（一边敲键盘一边把头转向另一个窗口的同事说话没有抬头）号。\"")
    assert "speech-rate" not in warnings(read_with(tmp_path, REPLAY, aside))


# ── before and after ─────────────────────────────────────────────────────────────────────────────────────────────
def survey(**changes: Any) -> dict[str, Any]:
    def text(words: str) -> dict[str, str]:
        return {"zh": f"过去四周{words}", "en": f"In the past four weeks {words}"}

    questions = [{"key": f"q{n}", "kind": "frequency", "text": text(str(n)), "scale": "often"} for n in (1, 2, 3)]
    return {"format": "qizhou/survey@1", "key": "baseline", "title": text("t"), "status": "reviewed", "reviewed": "2026-11-22", "sources": ["S0"],
            "purpose": "baseline", "anonymous": False, "minutes": 5, "intro": text("i"), "closing": text("c"),
            "scales": [{"key": "often", "points": [{"value": n, "text": {"zh": f"第{n}档", "en": f"Step {n}"}} for n in range(4)]}],
            "sections": [{"key": "s", "title": text("s"), "questions": questions}], **changes}


def both(change: Any = None) -> list[tuple[str, str]]:
    follow_up = survey(key="after", purpose="follow_up", same_items_as="baseline")
    if change:
        change(follow_up)
    return differences(Survey.model_validate(follow_up), Survey.model_validate(survey()))


def test_the_same_items_are_found_to_be_the_same_whatever_stands_in_extra_sections() -> None:
    assert both() == []
    extra = {"key": "more", "title": {"zh": "另", "en": "More"}, "extra": True,
             "questions": [{"key": "used", "kind": "text", "text": {"zh": "用了什么", "en": "What was used"}}]}
    assert both(lambda file: file["sections"].append(extra)) == []


@pytest.mark.parametrize(("change", "found"), [
    (lambda file: file["sections"][0]["questions"][1]["text"].update(en="Otherwise"), ("q2", "differs from baseline in text")),
    (lambda file: file["sections"][0]["questions"][1]["text"].update(zh="别的"), ("q2", "differs from baseline in text")),
    (lambda file: file["scales"][0]["points"][2]["text"].update(zh="别的"), ("q1", "differs from baseline in scale")),
    (lambda file: file["sections"][0]["questions"][2].update(reverse=True), ("q3", "differs from baseline in reverse")),
    (lambda file: file["sections"][0].update(intro={"zh": "新", "en": "New"}), ("q1", "differs from baseline in asked_under")),
    (lambda file: file["sections"][0]["questions"].pop(), ("q3", "is in baseline only")),
    (lambda file: file["sections"][0]["questions"][0].update(key="q0"), ("q0", "is not in baseline")),
    (lambda file: file["sections"][0]["questions"].reverse(), ("q3", "stands in another order than in baseline")),
])
def test_any_difference_between_before_and_after_is_found(change: Any, found: tuple[str, str]) -> None:
    assert found in both(change)


def library_of(*bodies: dict[str, Any]) -> Library:
    library = Library()
    for body in bodies:
        model = Survey.model_validate(body)
        library.add(Piece("survey", model.key, model.model_dump(mode="json"), model.scoring(), model.status, f"{model.key}.yaml"))
    loader.sheets_fit(library)
    return library


def test_a_follow_up_with_other_items_is_an_error_of_the_check() -> None:
    assert not library_of(survey(), survey(key="after", purpose="follow_up", same_items_as="baseline")).errors
    other = survey(key="after", purpose="follow_up", same_items_as="baseline")
    other["sections"][0]["questions"][0]["text"]["zh"] = "过去四周别的"
    assert [str(problem) for problem in library_of(survey(), other).errors] == ["after.yaml:1:1 after: same_items_as: q1 differs from baseline in text"]
    assert "which does not exist" in errors(library_of(other).problems)
    course = survey(key="course", purpose="course")
    assert "which is no baseline" in errors(library_of(course, survey(key="after", purpose="follow_up", same_items_as="course")).problems)


# ── beside other files ───────────────────────────────────────────────────────────────────────────────────────────
def test_what_a_sheet_names_must_exist() -> None:
    library = Library()
    loader.read_sheets(library)
    library.problems.clear()
    library.add(Piece("objectives", "objectives", {"objectives": []}, [], "approved", "objectives.yaml"))
    library.add(Piece("sources", "sources", {"sources": []}, [], "approved", "sources.yaml"))
    library.of("worksheet")["interview-record"].body["rubric"] = "nowhere"
    stages = [{"gate": {"key": "gate-9"}}]
    library.add(Piece("programme", "service-manager", {"stages": stages}, [], "approved", "programme.yaml"))
    loader.sheets_fit(library)
    told = "\n".join(str(problem) for problem in library.problems)
    assert "interview-record: objectives names needs.name-layers, which is not in the register" in told
    assert "final-survey: sources names S2, which is not in the register" in told
    assert "interview-record: rubric nowhere does not exist" in told
    assert "mentor-talk-foundation: programme service-manager has no gate gate-1" in told
    assert "gap: counter-100-seconds: programme service-awareness does not exist" in told
