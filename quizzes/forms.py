"""Shapes of what a page sends: the plain form of one question, and the JSON of one autosave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wtforms import HiddenField
from wtforms.validators import Length

from foundation.forms import BaseForm


class AnswerForm(BaseForm):
    """One question. Its answer fields are named by the item (`a`, `a.<key>`) and read by rules.answer."""

    position = HiddenField()
    version = HiddenField()
    go = HiddenField(validators=[Length(max=10)])

    def place(self) -> tuple[int, int]:
        """(position, version the answer was made on); (0, -1) where they are no numbers."""
        return _number(self.position.data, 0), _number(self.version.data, -1)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else otherwise


@dataclass(frozen=True)
class JsonAnswer:
    """One autosave: {"op", "position", "version", "answer"}."""

    op: str
    position: int
    version: int
    answer: dict[str, Any]

    @classmethod
    def read(cls, sent: Any) -> JsonAnswer | None:
        """The save, or None where it is not one."""
        if not isinstance(sent, dict) or not set(sent) <= {"op", "position", "version", "answer"}:
            return None
        op, position, version, answer = (sent.get(name) for name in ("op", "position", "version", "answer"))
        if not isinstance(op, str) or not 1 <= len(op) <= 64 or not isinstance(answer, dict):
            return None
        if any(isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 10**6 for number in (position, version)):
            return None
        return cls(op, position, version, answer)  # type: ignore[arg-type]
