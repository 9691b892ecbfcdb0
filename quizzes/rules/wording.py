"""How a stem is set on the page: the story apart from the sentence that asks."""

from __future__ import annotations

_ENDS = "。？！"
_ENDS_LATIN = ".?!"
LEAST_STORY = {"zh": 40, "en": 110}


def _breaks(text: str) -> list[int]:
    """Places after which a new sentence begins, outside of quotations."""
    depth, found = 0, []
    for at, sign in enumerate(text):
        before = text[at - 1] if at else ""
        after = text[at + 1] if at + 1 < len(text) else ""
        depth += (sign == "“") - (sign == "”")
        if depth or not after:
            continue
        ends_chinese = sign in _ENDS and after not in "”’）"
        ends_latin = sign in _ENDS_LATIN and after == " "
        ends_quote = sign == "”" and (before in _ENDS or (before in _ENDS_LATIN and after == " "))
        if ends_chinese or ends_latin or ends_quote:
            found.append(at + 1)
    return found


def split_stem(text: str, language: str) -> tuple[str, str]:
    """(story, question): the last sentence asks, with a bracketed instruction after it. A short stem stays whole.

    >>> split_stem("柜员提醒后，客户说“分开存方便记账”，并催促尽快办理。他每次存入的钱都略低于需要登记的额度。此时首先应当怎么做？（选一项）", "zh")
    ('柜员提醒后，客户说“分开存方便记账”，并催促尽快办理。他每次存入的钱都略低于需要登记的额度。', '此时首先应当怎么做？（选一项）')
    """
    for at in reversed(_breaks(text)):
        story, question = text[:at].strip(), text[at:].strip()
        if question.startswith(("（", "(")):
            continue
        if len(story) < LEAST_STORY[language] or ("？" not in question and "?" not in question):
            break
        return story, question
    return "", text
