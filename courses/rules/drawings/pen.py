"""What the figures are drawn with: shapes and words with classes, lengths as attributes, colours from the stylesheet.

All figures are 320 units wide, so that at the narrowest screen (288 px of text) the smallest words, 13.5 units, stay
above 12 px. `INK` says the same colours for paper, where no stylesheet is at hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from markupsafe import Markup, escape

WIDTH = 320

# class → what it looks like on paper, where the font has one weight and a hair of outline makes the heavier one
# (the screen's values, light and dark, are in static/css/app.css, “figures”)
INK = {
    "dw-none": "fill: none",
    "dw-water": "fill: #e4eef0",
    "dw-ice": "fill: #ffffff; stroke: #12495b; stroke-width: 1.2; stroke-linejoin: round",
    "dw-ice-2": "fill: #e4eef0; stroke: #12495b; stroke-width: 1.2; stroke-linejoin: round",
    "dw-t1": "fill: #12495b; fill-opacity: .2", "dw-t2": "fill: #12495b; fill-opacity: .28",
    "dw-t3": "fill: #12495b; fill-opacity: .86", "dw-t4": "fill: #12495b; fill-opacity: .93",
    "dw-berg-2": "fill: #12495b; fill-opacity: .42", "dw-berg-3": "fill: #12495b; fill-opacity: .64", "dw-shade": "fill: #17272d; fill-opacity: .12",
    "dw-soft": "fill: #e4eef0", "dw-sunken": "fill: #f2eee6", "dw-paper": "fill: #ffffff; stroke: #a9c5cc; stroke-width: 1.2",
    "dw-solid": "fill: #12495b", "dw-seal": "fill: #b3402a", "dw-seal-soft": "fill: #f9ebe5",
    "dw-line": "fill: none; stroke: #12495b; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round",
    "dw-wave": "fill: none; stroke: #12495b; stroke-width: 2.2; stroke-linecap: round",
    "dw-hair": "fill: none; stroke: #a9c5cc; stroke-width: 1.2; stroke-linecap: round",
    "dw-dash": "fill: none; stroke: #5f6a6d; stroke-width: 1.4; stroke-dasharray: 4 4; stroke-linecap: round",
    "dw-here": "fill: none; stroke: #b3402a; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round",
    "dw-b": "fill: #17272d; font-size: 15.5px; stroke: #17272d; stroke-width: .45", "dw-n": "fill: #435258; font-size: 13.5px",
    "dw-p": "fill: #12495b; font-size: 13.5px; stroke: #12495b; stroke-width: .45",
    "dw-s": "fill: #b3402a; font-size: 13.5px; stroke: #b3402a; stroke-width: .45",
    "dw-bo": "fill: #ffffff; font-size: 15.5px; stroke: #ffffff; stroke-width: .45",
    "dw-no": "fill: #ffffff; font-size: 13.5px",
    "dw-k": "fill: #12495b; font-size: 22px; stroke: #12495b; stroke-width: .45",
    "dw-ko": "fill: #ffffff; font-size: 22px; stroke: #ffffff; stroke-width: .45",
    "dw-mid": "text-anchor: middle", "dw-end": "text-anchor: end",
}


def number(value: float) -> str:
    """A length with at most one decimal, without a useless zero."""
    return f"{value:.1f}".removesuffix(".0")


@dataclass
class Pen:
    """One drawing in the making. `words` are its labels in reading order: what a screen reader is told."""

    height: int
    parts: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def path(self, d: str, *classes: str) -> None:
        self.parts.append(f'<path class="{" ".join(classes)}" d="{d}"/>')

    def polygon(self, points: list[tuple[float, float]], *classes: str) -> None:
        self.path("M" + "L".join(f"{number(x)} {number(y)}" for x, y in points) + "Z", *classes)

    def line(self, x1: float, y1: float, x2: float, y2: float, *classes: str) -> None:
        self.path(f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}", *classes)

    def rect(self, x: float, y: float, width: float, height: float, *classes: str, r: float = 0) -> None:
        size = f'width="{number(width)}" height="{number(height)}" rx="{number(r)}"'
        self.parts.append(f'<rect class="{" ".join(classes)}" x="{number(x)}" y="{number(y)}" {size}/>')

    def circle(self, x: float, y: float, r: float, *classes: str) -> None:
        self.parts.append(f'<circle class="{" ".join(classes)}" cx="{number(x)}" cy="{number(y)}" r="{number(r)}"/>')

    def text(self, x: float, y: float, words: str, *classes: str, told: bool = True) -> None:
        """One line of words. `told=False` where a screen reader needs no second mention (a number beside its name)."""
        self.parts.append(f'<text class="{" ".join(classes)}" x="{number(x)}" y="{number(y)}">{escape(words)}</text>')
        if told:
            self.words.append(words)

    def lines(self, x: float, y: float, words: str, *classes: str, step: float = 19) -> None:
        """Several lines, parted by a stroke | in the text; the screen reader hears one sentence."""
        rows = words.split("|")
        for index, row in enumerate(rows):
            self.text(x, y + index * step, row, *classes, told=False)
        gap = "" if any("\u4e00" <= c <= "\u9fff" for c in words) else " "
        self.words.append(gap.join(row.strip() for row in rows))

    def arrow_head(self, x: float, y: float, dx: int, dy: int, *classes: str) -> None:
        """An open arrow head whose tip is (x, y), pointing along (dx, dy), each −1, 0 or 1."""
        size = 6
        if dx and dy:
            self.path(f"M{number(x - dx * 8)} {number(y)}H{number(x)}V{number(y - dy * 8)}", *classes)
        elif dx:
            self.path(f"M{number(x - dx * size)} {number(y - size)}L{number(x)} {number(y)}L{number(x - dx * size)} {number(y + size)}", *classes)
        else:
            self.path(f"M{number(x - size)} {number(y - dy * size)}L{number(x)} {number(y)}L{number(x + size)} {number(y - dy * size)}", *classes)

    @property
    def body(self) -> Markup:
        return Markup("".join(self.parts))  # noqa: S704 - made of numbers and escaped words
