"""The written verdict in plain Chinese and English: the total, every reason, the consequence, the rule and its version.

Both texts are made together and stored with the decision, so that what a trainee was told can be read again later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from training.assessment.rules.scheme import Component, ComponentResult, ParticipationEvidence, Scheme, Verdict, edges_of, shown

_MONTHS = "January February March April May June July August September October November December".split()
_COUNT_ZH = "零一二三四五六七八九十"
_COUNT_EN = "no one two three four five six seven eight nine ten".split()


@dataclass(frozen=True)
class Words:
    zh: str
    en: str


def plain(text: str) -> str:
    """A shown figure for a sentence: 78.0 reads 78; 79.96 stays.

    >>> plain("78.0"), plain("79.96"), plain("100")
    ('78', '79.96', '100')
    """
    return text[:-2] if text.endswith(".0") else text


def number(value: Decimal) -> str:
    """A bar or cap as it stands in the scheme, without idle zeros."""
    text = format(value.normalize(), "f")
    return text


def name(component: Component) -> Words:
    """A component inside a sentence: 理论测试 / the written exam."""
    english = component.title.en[:1].lower() + component.title.en[1:]
    return Words(component.title.zh, english if isinstance(component.evidence, ParticipationEvidence) else f"the {english}")


def until(moment: datetime, zone: str) -> Words:
    """The end of a deadline: 2026 年 12 月 6 日 24:00 / the end of 6 December 2026; another hour is named."""
    local = moment.astimezone(ZoneInfo(zone))
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        day = (local - timedelta(seconds=1)).date()
        return Words(f"{day.year} 年 {day.month} 月 {day.day} 日 24:00", f"the end of {day.day} {_MONTHS[day.month - 1]} {day.year}")
    return Words(f"{local.year} 年 {local.month} 月 {local.day} 日 {local:%H:%M}", f"{local:%H:%M} on {local.day} {_MONTHS[local.month - 1]} {local.year}")


def _bar(scheme: Scheme, result: ComponentResult) -> Words:
    hurdle = result.component.hurdle
    if hurdle.band is None:
        return Words(f"{number(result.bar)} 分门槛", number(result.bar))
    band = scheme.band(hurdle.band).title
    return Words(f"{number(result.bar)} 分门槛（{band.zh}）", f"{number(result.bar)} ({band.en.lower()})")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def reason(scheme: Scheme, result: ComponentResult, zone: str) -> Words:
    """Why one component keeps the trainee from passing, as a clause. The resit is told in the consequence, not here."""
    who, score, limit = name(result.component), plain(result.shown), until(result.terms.deadline, zone)
    if result.standing == "awaiting":
        if isinstance(result.component.evidence, ParticipationEvidence):
            return Words(f"{who.zh}的考勤或评级尚未登记齐全", f"{who.en} is not fully recorded yet")
        return Words(f"{who.zh}已完成，待评分", f"{who.en} has been performed and awaits its mark")
    if result.standing == "held":
        return Words(f"{who.zh}两位评分员分差过大，待第三位评分员评定", f"{who.en} is held for a third rater, because the first two differ too much")
    if result.standing == "not_performed":
        return Words(f"{who.zh}尚未完成，截止时间为 {limit.zh}", f"{who.en} has not been completed and is due by {limit.en}")
    if result.standing == "overdue":
        if result.is_late and result.fact.performed_at is not None:
            local = result.fact.performed_at.astimezone(ZoneInfo(zone))
            return Words(
                f"{who.zh}于 {local.year} 年 {local.month} 月 {local.day} 日完成，晚于截止时间 {limit.zh}，且没有延期记录，视为未完成",
                f"{who.en} was performed on {local.day} {_MONTHS[local.month - 1]} {local.year}, after its deadline at {limit.en} and without an extension, "
                "and counts as not performed")
        if result.terms.is_extended:
            return Words(f"{who.zh}在延期后的截止时间 {limit.zh} 前仍未完成", f"{who.en} was not completed by its extended deadline, {limit.en}")
        return Words(f"{who.zh}未在截止时间 {limit.zh} 前完成，且没有延期记录", f"{who.en} was not completed by {limit.en}, and there is no extension")
    bar = _bar(scheme, result)
    resit_zh, resit_en = ("补考", "resit of ") if result.fact.resits_used else ("", "")
    subject_en = f"the {resit_en}{who.en}" if resit_en else who.en
    if result.score is not None and result.score >= result.bar:
        return Words(f"{who.zh}{resit_zh} {score} 分，因经确认的红线按未达 {bar.zh}处理",
                     f"{subject_en}, marked {score}, is put below its bar of {bar.en} by a confirmed red line")
    text = Words(f"{who.zh}{resit_zh} {score} 分，未达 {bar.zh}", f"{subject_en} is {score} and needs {bar.en}")
    if result.fact.red_line:
        return Words(f"{text.zh}，并有经确认的红线", f"{text.en}, with a confirmed red line besides")
    return text


def _joined_zh(names: Sequence[str]) -> str:
    return "、".join(names)


def _joined_en(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _consequence(verdict: Verdict) -> Words:
    """What follows from components below their bars."""
    open_ = [result for result in verdict.results if result.standing == "below_resit"]
    closed = [result for result in verdict.results if result.standing == "below_final"]
    if verdict.outcome != "resit":
        if not closed:
            return Words("不能结业", "no award")
        if not open_:
            return Words("补考机会已用完，不能结业", "no resit is left and there is no award")
        return Words(f"{_joined_zh([name(r.component).zh for r in closed])}的补考机会已用完，不能结业",
                     f"no resit of {_joined_en([name(r.component).en for r in closed])} is left and there is no award")
    coaching = [r for r in open_ if r.fact.red_line and r.component.red_lines and r.component.red_lines.resit_needs == "mentor_coaching"]
    zh, en = "尚不能结业，可补考", "no award yet, a resit is open"
    if closed:
        zh = f"尚不能结业，{_joined_zh([name(r.component).zh for r in open_])}可补考，{_joined_zh([name(r.component).zh for r in closed])}的补考机会已用完"
        en = (f"no award yet, a resit of {_joined_en([name(r.component).en for r in open_])} is open, "
              f"none of {_joined_en([name(r.component).en for r in closed])} is left")
    if coaching:
        zh += f"；{_joined_zh([name(r.component).zh for r in coaching])}补考前须有导师辅导记录"
        en += f"; coaching by the mentor must be on record before the resit of {_joined_en([name(r.component).en for r in coaching])}"
    return Words(zh, en)


def rule(scheme: Scheme, version: int) -> Words:
    """The rule a verdict rests on, with its version."""
    return Words(f"《{scheme.title.zh}》第 {version} 版", f"{scheme.title.en}, version {version}")


def _passed(scheme: Scheme, verdict: Verdict) -> Words:
    def one(result: ComponentResult) -> Words:
        score, bar = plain(result.shown), number(result.bar)
        if result.is_capped and result.fact.score is not None:
            raw = plain(shown(result.fact.score, edges_of(scheme, result.component), scheme.total.rounding.places))
            return Words(f"{result.component.title.zh} {score} 分（门槛 {bar}；补考 {raw} 分，按最高 {number(result.component.resit.cap)} 分计）",
                         f"{name(result.component).en} {score} (bar {bar}; the resit was {raw} and counts for at most {number(result.component.resit.cap)})")
        return Words(f"{result.component.title.zh} {score} 分（门槛 {bar}）", f"{name(result.component).en} {score} (bar {bar})")

    parts, count = [one(result) for result in verdict.results], len(verdict.results)
    band = scheme.band(verdict.band).title
    zh_count = _COUNT_ZH[count] if count < len(_COUNT_ZH) else str(count)
    en_count = _COUNT_EN[count] if count < len(_COUNT_EN) else str(count)
    bars = "its bar is met" if count == 1 else f"all {en_count} bars are met"
    return Words(f"加权总分 {plain(verdict.total_shown)}，等级为{band.zh}；{_joined_zh([part.zh for part in parts])}，{zh_count}项均达到门槛；准予结业。",
                 f"{plain(verdict.total_shown)} in total, band {band.en.lower()}; {_joined_en([part.en for part in parts])}: {bars}; the award is due.")


def verdict(scheme: Scheme, judged: Verdict, zone: str) -> Verdict:
    """The verdict with its two texts."""
    if judged.outcome == "pass":
        text = _passed(scheme, judged)
    elif judged.outcome == "pending":
        waiting = [reason(scheme, result, zone) for result in judged.reasons if not result.standing.startswith("below")]
        below = [reason(scheme, result, zone) for result in judged.reasons if result.standing.startswith("below")]
        text = Words(f"结果未定：{'；'.join(w.zh for w in waiting)}。" + (f"另外，{'；'.join(w.zh for w in below)}。" if below else ""),
                     f"Not decided yet: {'; '.join(w.en for w in waiting)}." + (f" Besides, {'; '.join(w.en for w in below)}." if below else ""))
    else:
        reasons = [*(reason(scheme, result, zone) for result in judged.reasons), _consequence(judged)]
        zh, en = "；".join(w.zh for w in reasons), "; ".join(w.en for w in reasons)
        total = plain(judged.total_shown)
        text = Words(f"加权总分 {total}，但{zh}。", f"{total} in total, but {en}.") if total else Words(f"{zh}。", _capital(f"{en}."))
    basis = rule(scheme, judged.scheme_version)
    return replace(judged, zh=f"{text.zh}依据{basis.zh}。", en=f"{text.en} Rule: {basis.en}.")
