"""The checks on rubric, station and case files: each is shown a file with one fault, and says where it is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from foundation.content import Library, Piece
from foundation.formula import FormulaError, evaluate, holds, parse, parse_constraint
from foundation.yamlsource import Problem
from training.grading import loader
from training.grading.rules.case import Case, check_case
from training.grading.rules.rubric import Rubric
from training.grading.rules.station import Station, check_station

CONTENT = loader.CONTENT
KINDS = {"rubrics": ("rubric", Rubric, loader._check_rubric), "stations": ("station", Station, check_station), "cases": ("case", Case, check_case)}


def read_with(tmp_path: Path, name: str, *changes: tuple[str, str], library: Library | None = None) -> list[Problem]:
    """The problems of a shipped file after replacing texts in it; each replaced text must be there."""
    folder, file_name = name.split("/")
    text = (CONTENT / folder / file_name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    file = tmp_path / file_name
    file.write_text(text, encoding="utf-8")
    library = library if library is not None else Library()
    loader.read_piece(library, file, *KINDS[folder])
    return library.problems


def errors(problems: list[Problem]) -> str:
    return "\n".join(str(problem) for problem in problems if problem.severity == "error")


@pytest.mark.parametrize("name", sorted(f"{file.parent.name}/{file.name}" for file in CONTENT.glob("*/*.yaml")))
def test_every_shipped_file_is_read_without_error(tmp_path: Path, name: str) -> None:
    library = Library()
    assert errors(read_with(tmp_path, name, library=library)) == ""
    (piece,) = library.pieces.values()
    model = KINDS[name.split("/")[0]][1]
    assert model.model_validate(piece.body).model_dump(mode="json") == piece.body


RUBRIC, STATION, CASE = "rubrics/needs-interview.yaml", "stations/needs-interview-1.yaml", "cases/press-threat.yaml"


@pytest.mark.parametrize(("name", "change", "message"), [
    (RUBRIC, ("weight: 10\n", "weight: 11\n"), "the weights sum to 101, not 100"),
    (RUBRIC, ("    l5: {zh: \"四层齐备", "    l6: {zh: \"四层齐备"), "layers: level l5 has no anchor"),
    (RUBRIC, ("    l5: {zh: \"四层齐备", "    l6: {zh: \"四层齐备"), "layers: l6 is no level"),
    (RUBRIC, ("  not_evidence: {zh: \"问题数量多不是证据", "  no_evidence: {zh: \"问题数量多不是证据"), "not_evidence: is missing"),
    (RUBRIC, ("- key: listening", "- key: questioning"), "criterion questioning stands twice"),
    (RUBRIC, ("停在客户要的产品上。", "知道金额或期限之一，目的仍不清楚。"), "the anchors of l1 and l2 are alike (zh)"),
    (RUBRIC, ("evidence_required_at: [l1, l2, l5]", "evidence_required_at: [l1, l7]"), "there is no level l7"),
    (RUBRIC, ('fraction: "0.45"', 'fraction: "0.75"'), "levels do not rise"),
    (RUBRIC, ('fraction: "1.00"', 'fraction: "1.20"'), "outside 0..1"),
    (RUBRIC, ('fraction: "1.00"', "fraction: 1"), "write decimals as quoted text"),
    (RUBRIC, ("second_blind: true", "second_blind: false"), "second_blind"),
    (RUBRIC, ("agreement: {raters: 2", "agreement: {raters: 5"), "raters"),
    (RUBRIC, ("{key: clear-fail, value: 1", "{key: clear-fail, value: 3"), "the values do not rise"),
    (RUBRIC, ("status: approved", "status: approved\ncolour: red"), "colour: unknown key"),
    (STATION, ("{at: 300, text", "{at: 480, text"), "the line at 480 s comes after the performance of 480 s"),
    (STATION, ("{at: 300, text", "{at: 700, text"), "the line at 700 s comes after the performance of 480 s"),
    (STATION, ("{zh: \"自己是唯一收入来源，没有想过万一生病怎么办\", en: \"She is the only earner and has never considered falling ill\"}",
               "{zh: \"喜欢园艺和猫\", en: \"Fond of gardens\"}"), "latent: no release rule and no opening line"),
    (STATION, ("今天不要求成交。", "一年内可能要先交三万定金。"), "gives away release rule near-cash (zh)"),
    (STATION, ("A sale is not expected today.", "There’s nobody to talk it over with."), "gives away release rule alone (en)"),
    (STATION, ("confidential: [role_player, rater]", "confidential: [rater]"), "role_player must be confidential"),
    (STATION, ("warning_at: 420", "warning_at: 620"), "the warning comes after the performance"),
    (STATION, ("counts: false", "counts: true"), "counts"),
    (STATION, ("use: final", "use: exam"), "use"),
    (CASE, ("  marks: 20\n", "  marks: 25\n"), "q1: 25 marks, but grading-and-facts weighs 20"),
    (CASE, ("  criterion: diagnosis\n", "  criterion: diagnostics\n"), "q2: there is no criterion diagnostics"),
    (CASE, ("  criterion: diagnosis\n", "  criterion: diagnostics\n"), "no question belongs to criterion diagnosis"),
    (CASE, ('equals: "13315.07"', 'equals: "13315.08"'), "actual: computes to 13315.07, not 13315.08"),
    (CASE, ('formula: "62136.99 - 13315.07"', 'formula: "__import__(1)"'), "gap:"),
    (CASE, ("\n  q4:\n", "\n  q9:\n"), "q4 has no model answer"),
    (CASE, ("\n  q4:\n", "\n  q9:\n"), "q9 is no question"),
    (CASE, ("length: {zh_chars: [150, 400]", "length: {zh_chars: [15, 40]"), "in zh, its own length is 15 to 40"),
    (CASE, ("{n: 2, at", "{n: 4, at"), "lines are not numbered"),
    (CASE, ("数字均为虚构。\", en: ", "数字均为虚构。\", xx: "), "fiction_notice"),
    (CASE, ("骆某\n", "骆某 13800138000\n"), "a run of 11 or more digits"),
    (CASE, ("en: \"No call. The ticket", "en: \"没有 No call. The ticket"), "Chinese characters in the English text"),
    (CASE, ("    not_evidence: {zh: \"罗列部门名称", "    not_evidences: {zh: \"罗列部门名称"), "unknown key"),
    (CASE, ("key: press-threat", "key: press_threat_2"), "the file is called press-threat"),
])
def test_a_fault_is_an_error_that_says_where(tmp_path: Path, name: str, change: tuple[str, str], message: str) -> None:
    found = errors(read_with(tmp_path, name, change))
    assert message in found
    assert f"{name.split('/')[1]}:" in found
    assert all(problem.line > 1 for problem in read_with(tmp_path, name, change) if message in problem.message)


def test_a_document_nothing_draws_on_is_a_warning_unless_declared_noise(tmp_path: Path) -> None:
    case = "cases/photo-on-the-wall.yaml"
    assert not [p for p in read_with(tmp_path, case) if "unused-document" in p.message]
    warned = [p for p in read_with(tmp_path, case, ("  noise: true\n", "")) if "unused-document" in p.message]
    assert len(warned) == 1 and warned[0].severity == "warning" and "satisfaction" in warned[0].message


def test_a_waiver_silences_its_warning_and_one_that_silences_nothing_is_an_error(tmp_path: Path) -> None:
    waiver = "waive:\n  - {check: unused-document, where: dossier.satisfaction, reason: meant, by_role: reviewer}\n"
    case, head = "cases/photo-on-the-wall.yaml", ("minutes: 55\n", "minutes: 55\n" + waiver)
    assert not read_with(tmp_path, case, ("  noise: true\n", ""), head)
    assert "silences nothing" in errors(read_with(tmp_path, case, head))


def test_anchors_that_differ_by_a_word_of_degree_are_a_warning(tmp_path: Path) -> None:
    problems = read_with(tmp_path, RUBRIC, ("停在客户要的产品上。", "问得比较清楚。"), ("知道金额或期限之一，目的仍不清楚。", "问得非常清楚。"))
    assert [p.severity for p in problems if "anchors-by-degree" in p.message] == ["warning"]


def whole_library() -> Library:
    library = Library()
    loader.read_rubrics(library)
    loader.read_stations(library)
    loader.read_cases(library)
    return library


@pytest.mark.parametrize(("kind", "key", "change", "message"), [
    ("station", "reception-1", lambda body: body.update(rubric="nowhere"), "rubric nowhere does not exist"),
    ("station", "reception-1", lambda body: body["rater"]["watch_for"][0].update(criterion="charm"), "names criterion charm"),
    ("rubric", "needs-interview", lambda body: body["used_by"].append("station:moon"), "used_by names station:moon"),
    ("rubric", "needs-interview", lambda body: body["used_by"].remove("station:needs-interview-2"), "does not name this station"),
    ("case", "press-threat", lambda body: body.update(rubric="nowhere"), "rubric nowhere does not exist"),
    ("case", "press-threat", lambda body: body.update(rubric="needs-interview"), "there is no criterion grading-and-facts"),
])
def test_files_that_do_not_fit_each_other_are_an_error(kind: str, key: str, change: Callable[[dict], None], message: str) -> None:  # type: ignore[type-arg]
    library = whole_library()
    loader.rubrics_fit(library)
    assert not library.errors
    piece = library.pieces[(kind, key)]
    change(piece.body)
    loader.rubrics_fit(library)
    assert any(message in problem.message for problem in library.errors)


def test_objectives_and_sources_must_be_in_the_shared_registers() -> None:
    library = whole_library()
    known = {name for kind in ("station", "case") for piece in library.of(kind).values() for name in piece.body["objectives"]}
    known.discard("complaints.classify")
    library.add(Piece("objectives", "objectives", {"objectives": [{"key": key} for key in known]}, [], "approved", "objectives.yaml"))
    library.add(Piece("sources", "sources", {"sources": [{"key": key} for key in ("S0", "S1", "S2", "S3", "S4")]}, [], "approved", "sources.yaml"))
    loader.rubrics_fit(library)
    told = [problem.message for problem in library.errors]
    users = {piece.key for kind in ("station", "case") for piece in library.of(kind).values() if "complaints.classify" in piece.body["objectives"]}
    assert "press-threat" in users
    assert sorted(told) == sorted(f"{key}: objectives names complaints.classify, which is not in the register" for key in users)


def test_wording_leaves_the_scoring_hash_alone_and_a_weight_does_not(tmp_path: Path) -> None:
    def hash_of(*changes: tuple[str, str]) -> str:
        library = Library()
        assert errors(read_with(tmp_path, RUBRIC, *changes, library=library)) == ""
        (piece,) = library.pieces.values()
        return piece.scoring_hash

    plain = hash_of()
    assert hash_of(("Opening and creating safety", "Opening the talk")) == plain
    assert hash_of(("weight: 10\n", "weight: 15\n"), ("weight: 20\n", "weight: 15\n")) != plain
    assert hash_of(('fraction: "0.45"', 'fraction: "0.50"')) != plain
    assert hash_of(("max_total_gap: 10", "max_total_gap: 8")) != plain


# ── formulas ─────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("formula", "value"), [
    ("62136.99 - 13315.07", "48821.92"), ("(17 - 16) * 60 + 45 - 10", "95"), ("2 ** 3 ** 2", "512"), ("-2 ** 2", "-4"), ("1 - -1", "2"),
    ("0.1 + 0.2", "0.3"), ("7 / 8", "0.875"),
])
def test_formulas_compute_in_decimal(formula: str, value: str) -> None:
    assert evaluate(parse(formula), {}) == Decimal(value)


@pytest.mark.parametrize("formula", ["", "1 +", "(1", "1)", "__import__('os')", "a", "1 / 0", "10 ** 99999", "1 < 2", "1; 2", "9" * 600,
                                     "(" * 90 + "1" + ")" * 90, "0 ** -1", "1 2", "а + 1"])
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(FormulaError):
        evaluate(parse(formula), {})


def test_constraints_are_comparisons_also_chained() -> None:
    assert holds(parse_constraint("1 < 2"), {})
    assert not holds(parse_constraint("3 < 2"), {})
    with pytest.raises(FormulaError):
        holds(parse_constraint("1 + 1"), {})
