"""What rubric, station and case files share: their use, and the header types and checks of all content files."""

from __future__ import annotations

from typing import Literal

from foundation.findings import HAN, Claim, Findings, Key, Names, Status, Waiver, check_english, check_unique, en_words, text_length, zh_chars

Use = Literal["final", "practice"]

__all__ = ["HAN", "Claim", "Findings", "Key", "Names", "Status", "Use", "Waiver", "check_english", "check_unique", "en_words", "text_length", "zh_chars"]
