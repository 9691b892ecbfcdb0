"""The written verdict: what a trainee is told, word for word, in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given

from tests.rules.test_assessment_scheme import AFTER, BEFORE, DEADLINE, SCHEME, ZONE, complete, facts_of_anything, terms
from training.assessment.rules import words
from training.assessment.rules.scheme import ComponentFact, Terms, Verdict, judge

D = Decimal
RULE_ZH = "依据《结业考核方案（默认）》第 3 版。"
RULE_EN = " Rule: Final assessment scheme (default), version 3."


def told(facts: dict[str, ComponentFact], limits: dict[str, Terms] | None = None, now: datetime = BEFORE) -> Verdict:
    return words.verdict(SCHEME, judge(SCHEME, facts, limits or terms(), now, 3), ZONE)


def test_one_reason_below_a_number_with_a_resit_left() -> None:
    # 78*.3 + 80*.4 + 60*.2 + 80*.1 = 23.4 + 32 + 12 + 8 = 75.4
    found = told(complete("78", "80", "60", "80"))
    assert found.zh == "加权总分 75.4，但理论测试 78 分，未达 80 分门槛；尚不能结业，可补考。" + RULE_ZH
    assert found.en == "75.4 in total, but the written exam is 78 and needs 80; no award yet, a resit is open." + RULE_EN


def test_every_reason_is_told_and_a_band_is_named() -> None:
    found = told(complete("78", "79.96", "55.5", "80"))
    assert found.zh == ("加权总分 74.5，但理论测试 78 分，未达 80 分门槛；技能演示 79.96 分，未达 80 分门槛（良好）；案例分析 55.5 分，未达 60 分门槛（合格）；"
                        "尚不能结业，可补考。" + RULE_ZH)
    assert found.en == ("74.5 in total, but the written exam is 78 and needs 80; the skill demonstration is 79.96 and needs 80 (good); "
                        "the case analysis is 55.5 and needs 60 (pass); no award yet, a resit is open." + RULE_EN)


def test_a_pass_names_its_band_and_all_four_bars() -> None:
    found = told(complete("84", "82", "70", "90"))
    assert found.zh == ("加权总分 81，等级为良好；理论测试 84 分（门槛 80）、技能演示 82 分（门槛 80）、案例分析 70 分（门槛 60）、课程参与 90 分（门槛 80），"
                        "四项均达到门槛；准予结业。" + RULE_ZH)
    assert found.en == ("81 in total, band good; the written exam 84 (bar 80), the skill demonstration 82 (bar 80), the case analysis 70 (bar 60) "
                        "and participation 90 (bar 80): all four bars are met; the award is due." + RULE_EN)


def test_a_capped_resit_is_told_as_what_it_was_and_what_it_counts_for() -> None:
    again = ComponentFact("written_exam", "complete", D("95.5"), BEFORE, attempt=2, resits_used=1)
    found = told(complete("84", "82", "70", "90", written_exam=again))
    assert "理论测试 80 分（门槛 80；补考 95.5 分，按最高 80 分计）" in found.zh
    assert "the written exam 80 (bar 80; the resit was 95.5 and counts for at most 80)" in found.en


def test_no_resit_left() -> None:
    twice = ComponentFact("written_exam", "complete", D(70), BEFORE, attempt=3, resits_used=2)
    found = told(complete("84", "82", "70", "90", written_exam=twice))
    assert found.zh == "加权总分 76.8，但理论测试补考 70 分，未达 80 分门槛；补考机会已用完，不能结业。" + RULE_ZH
    assert found.en == "76.8 in total, but the resit of the written exam is 70 and needs 80; no resit is left and there is no award." + RULE_EN


def test_a_resit_left_for_one_component_and_none_for_another_are_told_apart() -> None:
    twice = ComponentFact("written_exam", "complete", D(70), BEFORE, attempt=3, resits_used=2)
    found = told(complete("84", "82", "50", "90", written_exam=twice))
    assert found.outcome == "resit"
    assert "尚不能结业，案例分析可补考，理论测试的补考机会已用完。" in found.zh
    assert "no award yet, a resit of the case analysis is open, none of the written exam is left." in found.en


def test_a_confirmed_red_line_and_the_coaching_before_its_resit() -> None:
    crossed = ComponentFact("skill_demonstration", "complete", D(88), BEFORE, red_line=True)
    found = told(complete("84", "82", "70", "90", skill_demonstration=crossed))
    assert found.zh == ("加权总分 83.4，但技能演示 88 分，因经确认的红线按未达 80 分门槛（良好）处理；"
                        "尚不能结业，可补考；技能演示补考前须有导师辅导记录。" + RULE_ZH)
    assert found.en == ("83.4 in total, but the skill demonstration, marked 88, is put below its bar of 80 (good) by a confirmed red line; "
                        "no award yet, a resit is open; coaching by the mentor must be on record before the resit of the skill demonstration." + RULE_EN)


def test_what_is_missing_before_the_deadline_and_what_is_below_already() -> None:
    facts = complete("78", "82", "70", "90", case_analysis=ComponentFact("case_analysis", "not_performed"),
                     skill_demonstration=ComponentFact("skill_demonstration", "held", None, BEFORE))
    found = told(facts)
    assert found.zh == ("结果未定：技能演示两位评分员分差过大，待第三位评分员评定；案例分析尚未完成，截止时间为 2026 年 12 月 6 日 24:00。"
                        "另外，理论测试 78 分，未达 80 分门槛。" + RULE_ZH)
    assert found.en == ("Not decided yet: the skill demonstration is held for a third rater, because the first two differ too much; "
                        "the case analysis has not been completed and is due by the end of 6 December 2026. "
                        "Besides, the written exam is 78 and needs 80." + RULE_EN)


def test_awaiting_a_mark_is_told_differently_of_a_performance_and_of_the_register() -> None:
    found = told(complete("84", "82", "70", "90", case_analysis=ComponentFact("case_analysis", "awaiting", None, BEFORE),
                          participation=ComponentFact("participation", "awaiting", None, BEFORE)))
    assert found.zh == "结果未定：案例分析已完成，待评分；课程参与的考勤或评级尚未登记齐全。" + RULE_ZH
    assert found.en == "Not decided yet: the case analysis has been performed and awaits its mark; participation is not fully recorded yet." + RULE_EN


def test_a_passed_deadline_without_and_with_an_extension() -> None:
    facts = complete("84", "82", "70", "90")
    del facts["case_analysis"]
    found = told(facts, now=AFTER)
    assert found.zh == "案例分析未在截止时间 2026 年 12 月 6 日 24:00 前完成，且没有延期记录；不能结业。" + RULE_ZH
    assert found.en == "The case analysis was not completed by the end of 6 December 2026, and there is no extension; no award." + RULE_EN
    found = told(facts, terms(case_analysis=Terms(DEADLINE + timedelta(days=2), True)), AFTER)
    assert found.zh.startswith("案例分析在延期后的截止时间 2026 年 12 月 8 日 24:00 前仍未完成；不能结业。")
    assert found.en.startswith("The case analysis was not completed by its extended deadline, the end of 8 December 2026; no award.")


def test_performed_late_is_told_with_both_dates() -> None:
    late = ComponentFact("case_analysis", "complete", D(95), DEADLINE + timedelta(hours=3))
    found = told(complete("84", "82", "70", "90", case_analysis=late), now=AFTER)
    assert found.zh.startswith("案例分析于 2026 年 12 月 7 日完成，晚于截止时间 2026 年 12 月 6 日 24:00，且没有延期记录，视为未完成；不能结业。")
    assert found.en.startswith("The case analysis was performed on 7 December 2026, after its deadline at the end of 6 December 2026 and without an extension, "
                               "and counts as not performed; no award.")


def test_a_deadline_at_another_hour_is_told_with_the_hour() -> None:
    assert words.until(DEADLINE - timedelta(hours=1), ZONE) == words.Words("2026 年 12 月 6 日 23:00", "23:00 on 6 December 2026")


@given(facts_of_anything)
def test_any_verdict_names_every_component_that_is_a_reason_in_both_languages(facts: dict[str, ComponentFact]) -> None:
    for now in (BEFORE, AFTER):
        found = told(facts, now=now)
        assert found.zh.endswith(RULE_ZH)
        assert found.en.endswith(RULE_EN)
        for result in found.reasons:
            assert result.component.title.zh in found.zh
            assert result.component.title.en.lower() in found.en.lower()
        assert replace(found, zh="", en="") == judge(SCHEME, facts, terms(), now, 3)
