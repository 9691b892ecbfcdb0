"""A scheme file that would let a result come out wrong is refused, with the place of the fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundation.content import Library
from training.assessment import loader

TEXT = (loader.CONTENT / "schemes" / "default.yaml").read_text(encoding="utf-8")


def problems(tmp_path: Path, *changes: tuple[str, str]) -> list[str]:
    """What is said of the shipped scheme after replacing texts in it; every text must occur."""
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    file = tmp_path / "default.yaml"
    file.write_text(text, encoding="utf-8")
    library = Library()
    loader.read_scheme(file, library)
    return [str(problem) for problem in library.problems]


def test_the_shipped_file_is_accepted(tmp_path: Path) -> None:
    assert problems(tmp_path) == []


@pytest.mark.parametrize(("old", "new", "said"), [
    ('weight: "30"\n', 'weight: "31"\n', "weights sum to 101, not 100"),
    ('weight: "10"\n', 'weight: "9.9"\n', "weights sum to 99.9, not 100"),
    ('weight: "10"\n', 'weight: "0"\n', "weights sum to 90, not 100"),
    ("hurdle: {band: good}                # a band", "hurdle: {band: great}               # a band", "band great is unknown"),
    ('hurdle: {score: "80"}', 'hurdle: {score: "80", band: good}', "either a score or a band"),
    ('hurdle: {score: "80"}', "hurdle: {}", "either a score or a band"),
    ('hurdle: {score: "80"}', 'hurdle: {score: "101"}', "between 0 and 100"),
    ('form: parallel, best_of: false, cap: "80"', 'form: parallel, best_of: false, cap: "79.9"', "could never reach the bar of 80"),
    ("  - {result: fail,     when: {any_component: below_hurdle, resits_left: false}}\n", "", "no rule gives a result where"),
    ("  - {result: fail,     when: {any_component: not_performed, deadline: passed}}", "", "no rule gives a result where"),
    ("{result: pass,     when: {all_components: at_or_above_hurdle}}", "{result: pass,     when: {any_component: below_hurdle}}", "no rule gives a result"),
    ("  - {result: resit,    when: {any_component: below_hurdle, resits_left: true}}",
     "  - {result: pass,     when: {any_component: below_hurdle, resits_left: true}}", "no total replaces a bar"),
    ('total: "81.0"', 'total: "81.1"', "comes to 81.0, not 81.1"),
    ("result: resit, reasons: [written_exam]", "result: pass, reasons: [written_exam]", "comes to resit, not pass"),
    ("reasons: [written_exam]", "reasons: [case_analysis]", "the reasons are written_exam, not case_analysis"),
    ("reasons: [written_exam]", "reasons: [written_exam, case_analysis]", "the reasons are written_exam, not written_exam, case_analysis"),
    ("band: excellent, honour_eligible", "band: good, honour_eligible", "is in the band excellent, not good"),
    (", honour_eligible: service-star", "", "eligible for service-star, not none"),
    ("{key: good,      min", "{key: excellent, min", "band excellent stands twice"),
    ('min: "80", title', 'min: "95", title', "bands run from the top down"),
    ('min: "0",  title', 'min: "1",  title', "must begin at 0"),
    ('{key: attendance, weight: "40"}', '{key: attendance, weight: "41"}', "must be above 0 and sum to 100"),
    ("  - key: case_analysis", "  - key: written_exam", "component written_exam stands twice"),
    ("ranking: [total, ", "ranking: [looks, ", "cannot be ranked by looks"),
    ("format: qizhou/scheme@1", "format: qizhou/scheme@2", "format"),
    ("total_never_compensates: true", "total_never_compensates: false", "total_never_compensates"),
    ("status: approved", "status: approved\ngenerous: true", "unknown key"),
    ('weight: "30"\n', "weight: 30\n", "write decimals as quoted text"),
    ('zh: "理论测试", en: "Written exam"', 'zh: "理论测试"', "en"),
    ('en: "Written exam"', 'en: "Written exam 理论"', "Chinese characters in the English text"),
])
def test_a_fault_is_refused_with_its_reason(tmp_path: Path, old: str, new: str, said: str) -> None:
    found = problems(tmp_path, (old, new))
    assert any(said in line for line in found), found
    assert not any("warning" in line for line in found)


def test_a_fault_names_its_line(tmp_path: Path) -> None:
    line = next(number for number, text in enumerate(TEXT.splitlines(), 1) if text.startswith("components:"))
    found = problems(tmp_path, ('weight: "30"\n', 'weight: "31"\n'))
    assert found == [f"default.yaml:{line}:1 weights sum to 101, not 100"]


def test_several_faults_are_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, ('weight: "30"\n', 'weight: "31"\n'), ('min: "0",  title', 'min: "1",  title'))
    assert len(found) == 2


@pytest.mark.parametrize("outcome", ["", "      outcome: resit\n"])
@pytest.mark.parametrize(("guard", "failed"), [
    ('written_exam: {score: "70"}', "written_exam"), ("written_exam: {band: pass}", "written_exam"), ("", "written_exam"),
])
def test_an_honour_that_a_failed_component_could_reach_is_refused(tmp_path: Path, outcome: str, guard: str, failed: str) -> None:
    old = 'written_exam: {score: "85"}, ' if not guard else 'written_exam: {score: "85"}'
    found = problems(tmp_path, ("      outcome: pass\n", outcome), (old, guard))
    assert any(f"could be reached with {failed} below its bar" in line for line in found), found


def test_an_honour_that_ignores_red_lines_needs_the_outcome_pass(tmp_path: Path) -> None:
    ignored = ("      red_lines: none_raised\n", "")
    assert not any("could be reached" in line for line in problems(tmp_path, ignored))
    assert any("could be reached" in line for line in problems(tmp_path, ("      outcome: pass\n", ""), ignored))


def test_an_honour_without_outcome_is_safe_when_it_guards_every_component_itself(tmp_path: Path) -> None:
    assert not any("could be reached" in line for line in problems(tmp_path, ("      outcome: pass\n", "")))


def test_a_rewording_keeps_the_scoring_hash_and_a_new_weight_changes_it(tmp_path: Path) -> None:
    def hashes(*changes: tuple[str, str]) -> tuple[str, str]:
        text = TEXT
        for old, new in changes:
            text = text.replace(old, new)
        file = tmp_path / "default.yaml"
        file.write_text(text, encoding="utf-8")
        library = Library()
        loader.read_scheme(file, library)
        piece = library.of("scheme")["default"]
        return piece.scoring_hash, piece.wording_hash

    first = hashes()
    reworded = hashes(("理论测试", "笔试"))
    assert reworded[0] == first[0]
    assert reworded[1] != first[1]
    assert hashes(("rating_due_days: 5", "rating_due_days: 6"))[0] != first[0]
