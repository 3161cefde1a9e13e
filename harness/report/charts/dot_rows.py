"""Dots with intervals in rows on a plain axis: differences in points, errors in percent."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.charts import axes
from harness.report.charts.svg import ACCENT, INK, MUTED, PAPER, RULE, Panel, Point, Sheet
from harness.report.text import formatting

WIDTH = 336.0
STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Row:
    """One line: its label above, its value at the right; `sure` draws the mark filled."""

    label: str
    value: float
    interval: tuple[float, float] | None
    words: str
    sure: bool = True


@dataclass(frozen=True)
class Axis:
    """What is written at a tick; `zero` says what the upright line at 0 means, if there is one."""

    words: Callable[[float], str]
    zero: str = ""
    least: float = 0.0


def drawing(ident: str, title: str, rows: Sequence[Row], axis: Axis) -> Markup:
    """Rows in the order given; the axis holds every interval; inside `svg.house_style`."""
    height, top = 36.0, 24.0 if axis.zero else 8.0
    bottom = top + height * len(rows)
    sheet = Sheet(WIDTH, bottom + 24)
    panel = Panel(8, top, WIDTH - 10, bottom, _reach(rows, axis), (0, 1))
    middles = [top + height * place + 25 for place in range(len(rows))]
    marked = ticks(*panel.x)
    # The rules stop at the labels.
    sheet.line(strokes(_upright(panel, marked, middles)), RULE, 0.7)
    for value in marked:
        x, _ = panel.at(value, 0)
        sheet.write(x, bottom + 13, axis.words(value), anchor="middle", size=11)
    if axis.zero:
        x, _ = panel.at(0.0, 0)
        sheet.line(strokes(_upright(panel, [0.0], middles)), MUTED, 1.4)
        # At the left edge the words begin at the line, so that none are lost.
        near = x < 4 * len(axis.zero)
        sheet.write(x if not near else 0, top - 13, axis.zero,
                    anchor="start" if near else "middle", size=11)  # fmt: skip
    bars = [
        ((panel.at(row.interval[0], 0)[0], y), (panel.at(row.interval[1], 0)[0], y))
        for row, y in zip(rows, middles, strict=True)
        if row.interval
    ]
    if bars:
        sheet.line(strokes(bars), ACCENT, 2)
    for row, y in zip(rows, middles, strict=True):
        _row(sheet, panel, row, y)
    said = "; ".join(f"{row.label}: {row.words}" for row in rows)
    return sheet.markup(ident, title, f"{said}.")


def strokes(pieces: Sequence[tuple[Point, Point]]) -> list[Point]:
    """Separate strokes as one line with gaps: one path of the drawing instead of many."""
    gap = (math.nan, math.nan)
    return [point for piece in pieces for point in (*piece, gap)][:-1]


def _upright(
    panel: Panel, values: Sequence[float], middles: Sequence[float]
) -> list[tuple[Point, Point]]:
    places = [panel.at(value, 0)[0] for value in values]
    return [((x, y - 7), (x, y + 9)) for y in middles for x in places]


def _row(sheet: Sheet, panel: Panel, row: Row, y: float) -> None:
    point = (panel.at(row.value, 0)[0], y)
    if row.sure:
        sheet.marks([point], "o", ACCENT, 8)
    else:
        sheet.marks([point], "o", PAPER, 7, markeredgecolor=ACCENT, markeredgewidth=1.8)
    sheet.write(0, y - 15, formatting.cut(row.label, 44), colour=INK, size=11)
    sheet.write(WIDTH, y - 15, row.words, colour=INK, anchor="end", size=11, bold=row.sure)


def _reach(rows: Sequence[Row], axis: Axis) -> tuple[float, float]:
    ends = [end for row in rows for end in (row.value, *(row.interval or ()))]
    if axis.zero:
        ends.append(0.0)
    low, high = axes.span(ends, 0.05, axis.least)
    return low, high


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, at most `most` of them."""
    for power in range(-6, 4):
        for factor in STEPS:
            step = factor * 10.0**power
            # A little room, for ends that are ticks themselves.
            first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
            if last - first < most:
                return [place * step for place in range(first, last + 1)]
    return []
