"""Figures about the customer: the iceberg of needs, the question funnel, the lifecycle, Maslow's levels, the satisfaction matrix."""

from __future__ import annotations

from itertools import pairwise

from courses.rules.drawings.pen import WIDTH, Pen

# the iceberg's outline: x of the left edge, the ridge and the right edge at some heights
_BERG = ((22, 76, 80, 84), (62, 54, 84, 104), (104, 34, 78, 122), (112, 22, 76, 136), (180, 14, 84, 146), (262, 24, 78, 142), (330, 44, 86, 126),
         (386, 74, 84, 98))


def _at(y: float, column: int) -> float:
    for above, below in pairwise(_BERG):
        if above[0] <= y <= below[0]:
            return above[column] + (below[column] - above[column]) * (y - above[0]) / (below[0] - above[0])
    return _BERG[-1][column]


def _slab(top: float, bottom: float, left: int, right: int) -> list[tuple[float, float]]:
    heights = [top, *[row[0] for row in _BERG if top < row[0] < bottom], bottom]
    return [(_at(y, left), y) for y in heights] + [(_at(y, right), y) for y in reversed(heights)]


def iceberg(zh: bool) -> Pen:
    """One layer above the water, three below; the deeper, the darker."""
    pen = Pen(400)
    pen.rect(0, 108, WIDTH, 292, "dw-water")
    rows = (
        (22, 104, "表层需求" if zh else "Surface need", "客户说出口的|产品或动作" if zh else "the product or action|the customer asks for"),
        (112, 196, "隐性需求" if zh else "Implicit need", "没有说，但一定|要满足的条件" if zh else "conditions not said,|but they must be met"),
        (200, 284, "情感需求" if zh else "Emotional need", "要安心、体面，|要被人当回事" if zh else "to feel safe, respected,|taken seriously"),
        (288, 386, "潜在需求" if zh else "Latent need", "自己还没想到、|将来会用到的" if zh else "not yet seen, even|by the customer"),
    )
    for index, (top, bottom, name, note) in enumerate(rows):
        if index == 0:
            pen.polygon(_slab(top, bottom, 1, 3), "dw-ice")
            pen.polygon(_slab(top, bottom, 2, 3), "dw-ice-2")
        else:
            pen.polygon(_slab(top, bottom, 1, 3), ("dw-berg-2", "dw-berg-3", "dw-t4")[index - 1])
            pen.polygon(_slab(top, bottom, 2, 3), "dw-shade")
        y = top + (28 if index == 0 else 32)
        pen.line(_at(y - 5, 3) + 5, y - 5, 160, y - 5, "dw-hair")
        pen.text(166, y, name, "dw-b")
        pen.lines(166, y + 21, note, "dw-n")
    pen.path("M0 108" + "q20-7 40 0t40 0 40 0 40 0 40 0 40 0 40 0 40 0", "dw-wave")
    pen.text(2, 78, "说出口" if zh else "said", "dw-p")
    pen.text(4, 392, "没说出口" if zh else "unsaid", "dw-p")
    return pen


def question_funnel(zh: bool) -> Pen:
    """Three narrowing bands, open to closed, and what falls out at the bottom."""
    pen = Pen(414)
    bands = (
        (10, 106, 310, 270, "dw-t1", "开放提问" if zh else "Open questions", "请客户讲来由，先不猜" if zh else "let the story come, no guessing",
         "“这笔钱，您是怎么打算的？”" if zh else "“What are your plans for it?”", ""),
        (112, 222, 268, 222, "dw-t3", "聚焦提问" if zh else "Focusing questions", "用黄金五问查漏" if zh else "the golden five find the gaps",
         "目标 · 期限 · 风险" if zh else "goal · horizon · risk", "经验 · 期望" if zh else "experience · expectation"),
        (228, 312, 220, 184, "dw-t4", "封闭提问" if zh else "Closed questions", "一句话核对" if zh else "check it in a line",
         "“一年内不动，对吗？”" if zh else "“Untouched for a year?”", ""),
    )
    for index, (top, bottom, wide, narrow, tone, name, note, sample, more) in enumerate(bands):
        pen.polygon([(160 - wide / 2, top), (160 + wide / 2, top), (160 + narrow / 2, bottom), (160 - narrow / 2, bottom)], "dw-solid" if index == 2 else tone)
        on = "o" if index else ""
        pen.text(160, top + 30, name, f"dw-b{on}", "dw-mid")
        pen.text(160, top + 53, note, f"dw-n{on}", "dw-mid")
        pen.text(160, top + 76, sample, f"dw-n{on}" if index else "dw-p", "dw-mid")
        if more:
            pen.text(160, top + 96, more, f"dw-n{on}", "dw-mid")
    pen.line(160, 320, 160, 348, "dw-here")
    pen.arrow_head(160, 349, 0, 1, "dw-here")
    pen.text(160, 374, "复述，客户点头" if zh else "Restated, and the customer agrees", "dw-b", "dw-mid")
    pen.text(160, 396, "点头之前，不谈产品" if zh else "before that, no word of a product", "dw-n", "dw-mid")
    return pen


def lifecycle(zh: bool) -> Pen:
    """Depth of the relationship over time, in four stages; at the end the road forks."""
    pen = Pen(312)
    stages = (
        ("获取" if zh else "Acquire", "从哪来，|为何来" if zh else "from where,|and why"),
        ("维护" if zh else "Maintain", "回回稳，|攒信任" if zh else "steady, so|trust grows"),
        ("成长" if zh else "Grow", "从需要|再往深走" if zh else "deeper, as|needs grow"),
        ("挽留" if zh else "Retain", "先问缘由，|再补毛病" if zh else "ask why,|then mend"),
    )
    for index in range(4):
        pen.rect(index * 80 + 2, 30, 76, 178, "dw-soft" if index % 2 == 0 else "dw-sunken", r=6)
    pen.text(4, 18, "关系的深度" if zh else "depth of the relationship", "dw-n")
    pen.text(316, 18, "时间 →" if zh else "time →", "dw-n", "dw-end")
    pen.path("M10 194C60 190 76 160 120 140S190 74 244 66", "dw-wave")
    pen.path("M244 66C272 62 290 54 306 44", "dw-wave")
    pen.arrow_head(308, 43, 1, -1, "dw-line")
    pen.path("M244 66C276 70 294 128 304 178", "dw-dash")
    pen.arrow_head(305, 182, 0, 1, "dw-dash")
    pen.circle(244, 66, 5.5, "dw-seal")
    pen.text(238, 54, "预警" if zh else "warning", "dw-s", "dw-end")
    pen.text(286, 200, "流失" if zh else "lost", "dw-n", "dw-end")
    for index, (name, note) in enumerate(stages):
        x = index * 80 + 40
        pen.circle(x, 226, 4, "dw-solid")
        pen.text(x, 254, name, "dw-b", "dw-mid")
        pen.lines(x, 276, note, "dw-n", "dw-mid")
    pen.line(40, 226, 280, 226, "dw-hair")
    return pen


def maslow(zh: bool) -> Pen:
    """Five levels, each with what a bank does for it."""
    pen = Pen(372)
    levels = (
        ("自我实现" if zh else "Self-realisation", "为人量身的配置" if zh else "a tailored plan"),
        ("尊重" if zh else "Esteem", "专属服务与礼遇" if zh else "personal service"),
        ("归属" if zh else "Belonging", "客户活动、投资者交流" if zh else "clubs, investor meetings"),
        ("安全" if zh else "Safety", "保险保障、稳健投资" if zh else "insurance, steady investment"),
        ("基本需要" if zh else "Basic needs", "账户、支付、消费贷款" if zh else "account, payment, consumer loan"),
    )
    pen.circle(160, 20, 11, "dw-seal")
    for index, (name, note) in enumerate(levels):
        top = 42 + index * 65
        wide, narrow = 158 + index * 38, 124 + index * 38
        dark = index >= 3
        pen.polygon([(160 - narrow / 2, top), (160 + narrow / 2, top), (160 + wide / 2, top + 60), (160 - wide / 2, top + 60)],
                    ("dw-soft", "dw-t1", "dw-t2", "dw-t4", "dw-solid")[index])
        pen.text(160, top + 26, name, "dw-bo" if dark else "dw-b", "dw-mid")
        pen.text(160, top + 47, note, "dw-no" if dark else "dw-n", "dw-mid")
    return pen


def importance_satisfaction(zh: bool) -> Pen:
    """Importance upwards, satisfaction to the right; the axes cross at the means."""
    pen = Pen(356)
    cells = (
        (28, 34, "dw-seal-soft", "dw-s", ("改进区", "看重，却不满意", "先改这里"), ("Improve", "matters, falls short", "mend this first")),
        (174, 34, "dw-t1", "dw-p", ("优势区", "看重，也满意", "守住，讲出来"), ("Strength", "matters, satisfies", "keep it, tell it")),
        (28, 176, "dw-sunken", "dw-p", ("劣势区", "不看重，不满意", "看着，先不投"), ("Weakness", "matters less, poor", "leave for later")),
        (174, 176, "dw-soft", "dw-p", ("维持区", "不看重，却满意", "够用就好"), ("Maintain", "matters less, good", "enough as it is")),
    )
    for x, y, tone, ink, chinese, english in cells:
        name, note, advice = chinese if zh else english
        pen.rect(x, y, 142, 138, tone, r=6)
        pen.text(x + 71, y + 46, name, "dw-b", "dw-mid")
        pen.text(x + 71, y + 71, note, "dw-n", "dw-mid")
        pen.text(x + 71, y + 100, advice, ink, "dw-mid")
    pen.line(14, 314, 14, 36, "dw-line")
    pen.arrow_head(14, 34, 0, -1, "dw-line")
    pen.line(14, 314, 312, 314, "dw-line")
    pen.path("M308 320L314 314L308 308", "dw-line")
    pen.text(4, 20, "重要度" if zh else "Importance", "dw-p")
    pen.text(316, 340, "满意度" if zh else "Satisfaction", "dw-p", "dw-end")
    pen.text(28, 340, "中线取各项平均" if zh else "middle lines: the means", "dw-n")
    return pen

