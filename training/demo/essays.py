"""What the trainees of the demo write where a question asks for a text, and what its markers make of it.

A text is put together from an opening, a middle and an end, so that two dozen papers differ; each part knows what it earns
in the criteria it speaks to, so that what markers give fits what was written.
"""

from __future__ import annotations

from quizzes.rules.item import Answerable, Essay

Part = tuple[str, dict[str, int]]

REPLY: tuple[tuple[Part, ...], ...] = (
    (
        ("翁老师：您急着用钱，却比存一年少得了 2,412 元利息，我们先向您道歉。录音已经核实，您要求存一年，我们录成了三年。", {"facts": 3}),
        ("翁老师您好，来信收到。经查，您当时要求存一年，柜员录成三年，录音可以证实。", {"facts": 2}),
        ("尊敬的客户：您反映的问题我行高度重视，给您带来不便深表歉意。", {"facts": 1}),
        ("翁老师：这笔存款的凭条上有您的签名，不过我们也调了录音，您确实说的是一年。", {"facts": 1}),
    ),
    (
        ("录完没有当面念给您核对，这是支行的疏漏。损失已报合规核定，核定前我们不能答应数目，最晚星期五 17:00 由我当面告诉您结果；"
         "这两天若缺周转，请直接找我，手头能办的马上办。", {"owning": 2, "remedy": 3}),
        ("这是我们的错。损失怎么补，由合规部门核定，星期五下午五点以前答复您。", {"owning": 1, "remedy": 2}),
        ("柜员工作不细心，我们已经批评教育。补偿的事会尽快上报处理，请您耐心等候。", {"owning": 1, "remedy": 1}),
        ("这笔损失由我们全部承担，2,412 元本周打到您卡上，请您不要再找报社。", {"owning": 0, "remedy": 0}),
    ),
    (
        ("您是否向别处反映都不影响处理；不同意结果可以申请总行复核，也可以向监管部门反映。城东支行值班经理，电话附后。", {"contact": 2}),
        ("有疑问请随时打我的电话，城东支行值班经理。", {"contact": 1}),
        ("感谢您的理解与支持。城东支行。", {"contact": 0}),
    ),
)
DIAGNOSIS: tuple[tuple[Part, ...], ...] = (
    (
        ("事实是 ①②③④⑤ 写明的时间和动作。⑥“自行放弃”没有人问过他，是推断；⑦“歧视”是家属的感受，要认真回应，材料不能证明动机。", {"facts": 3}),
        ("①到⑤是事实，⑥说他自行放弃只是大堂经理的看法。", {"facts": 2}),
        ("我认为要分清事实和推断，不能只听一面之词。祁先生等了一个多小时没有办成。", {"facts": 1}),
        ("从记录看，客户没有耐心等待，自己放弃了，但银行也有不足。", {"facts": 0}),
    ),
    (
        ("失误三处：② 只有语音叫号，他听不到；③ 写了“等一下”却没有人负责去请他；④ 换班没有交接。"
         "叫号没有看得见的方式，特殊需要没处记，换谁当班都会漏。", {"failures": 3, "cause": 2}),
        ("失误在 ② 语音叫号和 ④ 没有交接，原因是流程里没有给听障客户的安排。", {"failures": 2, "cause": 1}),
        ("柜员写了字条以后就不管了，大堂经理换班也不说一声，说到底是责任心不够。", {"failures": 1, "cause": 0}),
    ),
    (
        ("改进：取号时可选“到座位叫我”，号码旁有标记，换班逐个交接；大堂主管负责，下周一开始，每周看带标记的号码作废几个。", {"improvement": 2}),
        ("改进：给听障客户配振动叫号牌，由大堂经理负责发放。", {"improvement": 1}),
        ("今后要加强培训，提高服务意识，杜绝此类事件。", {"improvement": 0}),
    ),
)
TEXTS = {"cc-067": REPLY, "cc-068": DIAGNOSIS}


def _parts(key: str, number: int) -> tuple[Part, ...]:
    """The parts trainee `number` writes: better ones come up more often."""
    return tuple(part[(number * (3 + place) + number // 3 + place) % (2 * len(part) - 1) % len(part)] for place, part in enumerate(TEXTS[key]))


def written(item: Answerable, number: int) -> dict[str, str] | None:
    """The answer of trainee `number` to an essay the demo has texts for; None for any other question."""
    return {"text": "\n\n".join(text for text, _earned in _parts(item.key, number))} if isinstance(item, Essay) and item.key in TEXTS else None


def marked(item: Essay, number: int, stricter: int = 0) -> dict[str, int]:
    """What a marker gives that answer, criterion by criterion; a stricter one goes down a level in so many criteria."""
    given = {key: marks for _text, earned in _parts(item.key, number) for key, marks in earned.items()}
    for place in range(len(item.criteria)):
        criterion = item.criteria[(place + number) % len(item.criteria)]
        if stricter and given[criterion.key]:
            given[criterion.key] -= 1
            stricter -= 1
    return given
