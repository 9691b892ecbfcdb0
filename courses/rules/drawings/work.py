"""Figures about the work: the complaint flow, the four quadrants of time, the PDCA wheel."""

from __future__ import annotations

from courses.rules.drawings.pen import Pen


def complaint_flow(zh: bool) -> Pen:
    """Seven steps down a river; from the last one back to the first: the cause is mended where it arose."""
    pen = Pen(472)
    steps = (
        ("受理" if zh else "Receive", "四心：耐心、细心、热心、用心" if zh else "listen, note, respond, calm"),
        ("分级" if zh else "Classify", "哪一类、哪一级、谁办、何时" if zh else "kind, grade, owner, deadline"),
        ("调查" if zh else "Investigate", "四全：方面、过程、人员、事实" if zh else "all sides, people and facts"),
        ("解决" if zh else "Resolve", "公平、可行，在权限之内" if zh else "fair, feasible, in authority"),
        ("答复" if zh else "Answer", "结果、依据、下一步，讲清楚" if zh else "outcome, reason, next step"),
        ("回访" if zh else "Call back", "满意了吗，还缺什么" if zh else "satisfied? anything missing?"),
        ("分析" if zh else "Analyse", "找到根因，改流程" if zh else "find the cause, mend the flow"),
    )
    d = "M92 40"
    for index in range(6):
        side = 16 if index % 2 == 0 else -16
        d += f"q{side} 31 0 62"
    pen.path(d, "dw-wave")
    pen.path("M70 412H30V40H66", "dw-dash")
    pen.arrow_head(69, 40, 1, 0, "dw-line")
    for index, (name, note) in enumerate(steps):
        y = 40 + index * 62
        pen.circle(92, y, 18, "dw-solid" if index else "dw-seal")
        pen.text(92, y + 5.5, str(index + 1), "dw-bo", "dw-mid", told=False)
        pen.text(122, y - 3, name, "dw-b")
        pen.text(122, y + 18, note, "dw-n")
    pen.text(30, 464, "从第 7 步回到第 1 步：改在源头" if zh else "From 7 back to 1: mended at the source", "dw-p")
    return pen


def four_quadrants(zh: bool) -> Pen:
    """Time by importance and urgency; the second quadrant is where the work gets done in peace."""
    pen = Pen(352)
    cells = (
        (28, 38, "I", "马上做" if zh else "Do now", "投诉升级|系统故障" if zh else "urgent complaint,|system down", "dw-seal-soft", ""),
        (174, 38, "II", "排进日程" if zh else "Plan it", "回访、学习|把流程改好" if zh else "call-backs, study,|a better process", "dw-solid", "o"),
        (28, 186, "III", "能托付就托付" if zh else "Hand it on", "多数来电|临时杂事" if zh else "most phone calls,|odd requests", "dw-soft", ""),
        (174, 186, "IV", "少做，不做" if zh else "Drop it", "刷消息|没有主题的会" if zh else "idle scrolling,|aimless meetings", "dw-sunken", ""),
    )
    for x, y, numeral, name, note, tone, on in cells:
        pen.rect(x, y, 142, 144, tone, r=6)
        pen.text(x + 14, y + 34, numeral, f"dw-k{on}")
        pen.text(x + 14, y + 68, name, f"dw-b{on}")
        pen.lines(x + 14, y + 94, note, f"dw-n{on}")
    pen.text(99, 24, "紧急" if zh else "Urgent", "dw-p", "dw-mid")
    pen.text(245, 24, "不紧急" if zh else "Not urgent", "dw-p", "dw-mid")
    for y, words in ((110, "重要" if zh else "Important"), (258, "不重要" if zh else "Less important")):
        pen.parts.append(f'<g transform="translate(18 {y}) rotate(-90)">')
        pen.text(0, 0, words, "dw-p", "dw-mid")
        pen.parts.append("</g>")
    return pen


_SECTOR = {"P": (-1, -1), "D": (1, -1), "C": (1, 1), "A": (-1, 1)}


def pdca(zh: bool) -> Pen:
    """The wheel that rolls uphill, held by the standard behind it; beneath, what each quarter does."""
    pen = Pen(404)
    cx, cy, r = 168, 112, 96
    names = {"P": "计划" if zh else "Plan", "D": "执行" if zh else "Do", "C": "检查" if zh else "Check", "A": "处理" if zh else "Act"}
    notes = {
        "P": "从反馈和数据定目标，写下数字" if zh else "a goal with a number, from data",
        "D": "小范围先试，记下做法" if zh else "try it small, note what you did",
        "C": "用同一把尺子，比前后" if zh else "same measure, before and after",
        "A": "有效就定成标准，无效就换" if zh else "make it the standard, or replace",
    }
    pen.path("M0 262L320 208V262Z", "dw-sunken")
    pen.line(0, 262, 320, 208, "dw-hair")
    pen.polygon([(96, 246), (62, 251.5), (92, 214)], "dw-seal")
    pen.circle(cx, cy + 8, r + 10, "dw-paper")
    cy += 8
    for letter, (dx, dy) in _SECTOR.items():
        x0, y0 = cx + dx * 3, cy + dy * 3
        sweep = 0 if dx * dy < 0 else 1
        tone = {"P": "dw-solid", "D": "dw-t4", "C": "dw-t2", "A": "dw-t1"}[letter]
        pen.path(f"M{x0} {y0}H{x0 + dx * r}A{r} {r} 0 0 {sweep} {x0} {y0 + dy * r}Z", tone)
        on = "o" if letter in "PD" else ""
        pen.text(cx + dx * 40, cy + dy * 40 - (8 if dy > 0 else 2) + 4, letter, f"dw-k{on}", "dw-mid", told=False)
        pen.text(cx + dx * 40, cy + dy * 40 + (14 if dy > 0 else 20) + 2, names[letter], f"dw-b{on}", "dw-mid")
    pen.text(64, 234, "标准" if zh else "standard", "dw-s", "dw-end")
    pen.path("M286 70C296 92 296 116 290 136", "dw-here")
    pen.arrow_head(288.5, 139, 0, 1, "dw-here")
    for index, letter in enumerate("PDCA"):
        y = 292 + index * 30
        pen.circle(16, y - 5, 11, "dw-solid")
        pen.text(16, y, letter, "dw-no", "dw-mid", told=False)
        pen.text(38, y, notes[letter], "dw-n")
    return pen
