"""Where the marks of a plot stand: numbers in units of the drawing, so that templates only print them.

Plots are drawn at about 1:1, 300 or 520 units wide. Every plot has its table beside it; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDE = 520


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


def _px(value: float) -> float:
    return round(value, 1)


# ── histogram ────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Column:
    x: float
    y: float
    width: float
    height: float
    is_low: bool                # all of it lies below the bar
    count: int


@dataclass(frozen=True)
class HistogramPlot:
    """Columns over 0..whole. The bar to clear is an upright line; `bar_end`: its text stands left of it."""

    width: int
    height: int
    left: float
    right: float
    floor: float
    columns: tuple[Column, ...]
    rows: tuple[Tick, ...]
    ticks: tuple[Tick, ...]
    bar: float | None
    bar_text: float
    bar_end: bool


def histogram_plot(counts: Sequence[int], whole: float, bar: float | None = None, width: int = 520, height: int = 220) -> HistogramPlot:
    """`counts` of equal parts of 0..whole, the bar in the same unit."""
    left, right, floor_, top = 34.0, width - 14.0, height - 28.0, 30.0
    step, most = (right - left) / len(counts), max(*counts, 1)
    unit = next(unit for unit in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**4, 10**6) if most / unit <= 4)
    most = -(-most // unit) * unit
    columns = []
    for index, count in enumerate(counts):
        tall = (floor_ - top) * count / most
        edge = whole * (index + 1) / len(counts)
        columns.append(Column(_px(left + step * index + 2), _px(floor_ - tall), _px(step - 4), _px(tall), bar is not None and edge <= bar + 1e-9, count))
    rows = tuple(Tick(_px(floor_ - (floor_ - top) * value / most), str(value)) for value in range(unit, most + 1, unit))
    ticks = tuple(Tick(_px(left + step * index), f"{whole * index / len(counts):g}") for index in range(0, len(counts) + 1, max(1, len(counts) // 5)))
    at = None if bar is None else _px(left + (right - left) * bar / whole)
    is_end = at is not None and at > width / 2
    return HistogramPlot(width, height, left, right, floor_, tuple(columns), rows, ticks, at, 0.0 if at is None else at - 6 if is_end else at + 6, is_end)


# ── map of items ─────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    key: str
    is_marked: bool
    text_x: float
    text_end: bool
    has_text: bool


@dataclass(frozen=True)
class MapPlot:
    """Facility to the right, discrimination upwards; `band`: the height from which discrimination is good enough."""

    width: int
    height: int
    left: float
    right: float
    floor: float
    zero: float
    band_y: float
    band_height: float
    dots: tuple[Dot, ...]
    rows: tuple[Tick, ...]
    ticks: tuple[Tick, ...]


def map_plot(points: Sequence[tuple[str, float, float, bool]], good: float = 0.20, named: int = 12) -> MapPlot:
    """`points`: (key, facility, discrimination, is it conspicuous). Names of marked dots keep apart; at most `named` of them."""
    left, right, top, floor_ = 44.0, 500.0, 16.0, 296.0
    low = min([-0.2, *(int(r * 10 - 1) / 10 for _key, _p, r, _bad in points if r < -0.2)])
    high = max([0.6, *(int(r * 10 + 1) / 10 for _key, _p, r, _bad in points if r > 0.6)])

    def up(r: float) -> float:
        return floor_ - (floor_ - top) * (r - low) / (high - low)

    dots: list[Dot] = []
    texts: list[tuple[float, float]] = []
    for key, p, r, is_marked in sorted(points, key=lambda point: (not point[3], point[2], point[0])):
        x, y = _px(left + (right - left) * p), _px(up(r))
        has_text = is_marked and len(texts) < named and all(abs(y - other) > 13 or abs(x - over) > 80 for over, other in texts)
        if has_text:
            texts.append((x, y))
        dots.append(Dot(x, y, key, is_marked, _px(x - 11 if x > 380 else x + 11), x > 380, has_text))
    dots.reverse()                      # what is marked is drawn last, above the others
    rows = tuple(Tick(_px(up(value / 10)), f"{value / 10:.1f}") for value in range(-8, 11, 2) if value and low - 1e-9 <= value / 10 <= high + 1e-9)
    return MapPlot(WIDE, 340, left, right, floor_, _px(up(0)), top, _px(up(good) - top), tuple(dots), rows,
                   tuple(Tick(_px(left + (right - left) * share / 100), f"{share}%") for share in range(0, 101, 20)))


# ── rows of dots with intervals ──────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class DotRow:
    y: float
    x: float
    low: float
    high: float
    before: float | None        # of a gain: where it began
    is_out: bool


@dataclass(frozen=True)
class DotPlot:
    """One row for each group: a dot with its interval on a scale of 0..100 %. `line`: the expected value."""

    width: int
    height: int
    left: float
    right: float
    floor: float
    rows: tuple[DotRow, ...]
    ticks: tuple[Tick, ...]
    line: float | None


def dot_plot(values: Sequence[tuple[float, float, float]], line: float | None = None, before: Sequence[float] = ()) -> DotPlot:
    """`values`: (value, low, high), each 0..1. A row is out where its whole interval misses the line."""
    left, right, tall = 190.0, 450.0, 38.0
    floor_ = 26 + tall * len(values)

    def at(share: float) -> float:
        return _px(left + (right - left) * min(1.0, max(0.0, share)))

    rows = tuple(DotRow(26 + tall * index + tall / 2, at(value), at(low), at(high), at(before[index]) if before else None,
                        line is not None and not low <= line <= high) for index, (value, low, high) in enumerate(values))
    return DotPlot(WIDE, int(floor_ + 30), left, right, floor_, rows, tuple(Tick(at(share / 100), f"{share}%") for share in range(0, 101, 25)),
                   None if line is None else at(line))


# ── use of options by score group ────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Trace:
    """The line of one option from the bottom group over all to the top group. `series`: 0 the key, else 1, 2, 3 …"""

    letter: str
    points: tuple[tuple[float, float], ...]
    text_y: float
    series: int
    is_right: bool


@dataclass(frozen=True)
class TracePlot:
    width: int
    height: int
    left: float
    right: float
    floor: float
    stations: tuple[float, ...]
    traces: tuple[Trace, ...]
    rows: tuple[Tick, ...]


def trace_plot(options: Sequence[tuple[str, bool, float, float, float]]) -> TracePlot:
    """`options`: (letter, is it right, share at the bottom, share of all, share at the top). Letters at the end keep 15 units apart."""
    left, right, top, floor_ = 44.0, 470.0, 16.0, 226.0

    def up(share: float) -> float:
        return _px(floor_ - (floor_ - top) * share)

    stations = (left + 40, (left + right) / 2, right - 40)
    ends = sorted(range(len(options)), key=lambda index: up(options[index][4]))
    texts: dict[int, float] = {}
    last = -100.0
    for index in ends:
        last = texts[index] = max(up(options[index][4]) + 4, last + 15)
    over = max(0.0, last - floor_ - 4)
    wrong = 0
    traces = []
    for index, (letter, is_right, bottom, middle, high) in enumerate(options):
        wrong += not is_right
        points = tuple((_px(x), up(share)) for x, share in zip(stations, (bottom, middle, high), strict=True))
        traces.append(Trace(letter, points, _px(texts[index] - over), 0 if is_right else (wrong - 1) % 3 + 1, is_right))
    return TracePlot(WIDE, 262, left, right, floor_, tuple(map(_px, stations)), tuple(traces),
                     tuple(Tick(up(share / 100), f"{share}%") for share in range(0, 101, 25)))
