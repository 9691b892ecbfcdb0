"""Which characters a font can draw, read from its own character map (OpenType `cmap`, formats 4 and 12).

A certificate with an empty box where a character of the name belongs is worse than none, so we ask before we issue.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path

INVISIBLE = frozenset(" \u00a0\u3000")   # blanks need no drawing


class UnreadableFont(Exception):
    """The file is not a single OpenType font with a Unicode character map."""


@lru_cache(maxsize=8)
def characters_of(font: Path) -> frozenset[int]:
    """Every code point the font has a glyph for. Raises UnreadableFont. About 50 ms once per process and font."""
    data = font.read_bytes()
    tables = struct.unpack_from(">H", data, 4)[0]
    for entry in range(tables):
        tag, _sum, offset, length = struct.unpack_from(">4sLLL", data, 12 + 16 * entry)
        if tag == b"cmap":
            return frozenset(_unicode_map(data[offset:offset + length], font))
    raise UnreadableFont(f"{font.name} has no cmap")


def _unicode_map(cmap: bytes, font: Path) -> set[int]:
    """The code points of the widest Unicode subtable: full repertoire (3,10) or (0,4+), else the first plane (3,1)."""
    best: tuple[int, int] | None = None
    for entry in range(struct.unpack_from(">H", cmap, 2)[0]):
        platform, encoding, offset = struct.unpack_from(">HHL", cmap, 4 + 8 * entry)
        kind = struct.unpack_from(">H", cmap, offset)[0]
        if (platform == 0 or (platform == 3 and encoding in (1, 10))) and kind in (4, 12) and (best is None or kind > best[0]):
            best = (kind, offset)
    if best is None:
        raise UnreadableFont(f"{font.name} has no Unicode character map that we read")
    return _format_12(cmap, best[1]) if best[0] == 12 else _format_4(cmap, best[1])


def _format_12(cmap: bytes, at: int) -> set[int]:
    found: set[int] = set()
    for group in range(struct.unpack_from(">L", cmap, at + 12)[0]):
        first, last, glyph = struct.unpack_from(">LLL", cmap, at + 16 + 12 * group)
        found.update(range(first + (1 if glyph == 0 else 0), last + 1))
    return found


def _format_4(cmap: bytes, at: int) -> set[int]:
    count = struct.unpack_from(">H", cmap, at + 6)[0] // 2
    ends_at, starts_at = at + 14, at + 16 + 2 * count
    deltas_at, ranges_at = starts_at + 2 * count, starts_at + 4 * count
    found: set[int] = set()
    for segment in range(count):
        last, = struct.unpack_from(">H", cmap, ends_at + 2 * segment)
        first, = struct.unpack_from(">H", cmap, starts_at + 2 * segment)
        delta, = struct.unpack_from(">H", cmap, deltas_at + 2 * segment)
        shift, = struct.unpack_from(">H", cmap, ranges_at + 2 * segment)
        for code in range(first, min(last, 0xFFFE) + 1):
            glyph = code
            if shift:
                glyph, = struct.unpack_from(">H", cmap, ranges_at + 2 * segment + shift + 2 * (code - first))
                if glyph == 0:
                    continue
            if (glyph + delta) & 0xFFFF:
                found.add(code)
    return found


def missing_from(text: str, font: Path) -> tuple[str, ...]:
    """The characters of a text that the font cannot draw, each once, in order; control characters are always among them."""
    known = characters_of(font)
    return tuple(dict.fromkeys(c for c in text if c not in INVISIBLE and (ord(c) not in known or not c.isprintable())))
