"""Text that comes into the house: how it is decoded, and which signs no text may hold."""

from __future__ import annotations

import re
import unicodedata

from quizzes.exchange.question import FORBIDDEN, MAX_FILE, NotReadable, Question

TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")   # signs that turn the direction of what follows


def decoded(content: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 or GB18030, with plain line ends. Raises NotReadable, with the line where it breaks."""
    if len(content) > MAX_FILE:
        raise NotReadable("too_large", 0, f"{MAX_FILE // 1024 // 1024}")
    if not content.strip():
        raise NotReadable("empty")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    text = None
    first: UnicodeDecodeError | None = None
    for encoding in encodings:
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError as fault:
            first = first or fault
    if text is None:
        raise NotReadable("encoding", content[:first.start].count(b"\n") + 1 if first else 0)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    refuse_control(text)
    return text


def refuse_control(text: str, first_line: int = 1) -> None:
    """Raises NotReadable at the first control character, half a surrogate pair or non-character."""
    if match := FORBIDDEN.search(text):
        raise NotReadable("control", first_line + text.count("\n", 0, match.start()), f"U+{ord(match[0]):04X}")


def straighten(questions: list[Question]) -> None:
    """Take the signs out that turn the direction of text (and could make a wrong option look right), and name them; texts in
    their composed form, so that the same words compare alike."""
    for question in questions:
        for text in question.texts():
            for name, told in text.items():
                if TURNING.search(told):
                    question.say("direction", ", ".join(sorted({f"U+{ord(sign):04X}" for sign in TURNING.findall(told)})))
                    told = TURNING.sub("", told)
                text[name] = unicodedata.normalize("NFC", told)
