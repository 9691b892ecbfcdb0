"""The QR code as one SVG path, the same for paper and screen.

Error level M and a fixed mask: choosing the mask costs five times the rest, and a fixed one keeps the paper reproducible.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import segno

MASK = 3
QUIET = 4                            # modules of white around the symbol, as the standard asks


@dataclass(frozen=True)
class Qr:
    """`path` draws the dark modules on a grid of `size` x `size` units, the quiet zone included."""

    path: str
    size: int

    def to_svg(self, colour: str = "#17272d") -> str:
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.size} {self.size}" width="{self.size}mm" height="{self.size}mm">'
                f'<rect width="{self.size}" height="{self.size}" fill="#ffffff"/><path fill="{colour}" d="{self.path}"/></svg>')


@lru_cache(maxsize=512)
def qr_of(text: str) -> Qr:
    """The symbol for a text. Neighbouring dark modules of a row become one rectangle.

    >>> qr_of("https://example.org/verify/AAAA").path.startswith("M4 4h7v1h-7z")
    True
    """
    symbol = segno.make(text, error="m", mask=MASK, boost_error=False, micro=False)
    parts: list[str] = []
    for y, row in enumerate(symbol.matrix):
        start = None
        for x, dark in enumerate([*row, 0]):
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                parts.append(f"M{start + QUIET} {y + QUIET}h{x - start}v1h-{x - start}z")
                start = None
    return Qr("".join(parts), len(symbol.matrix) + 2 * QUIET)
