"""One network's figures over the runs: accuracy with its intervals, above parameters and speed.

All panels of a page span equally many percentage points, each around its own network, so equal
steps mean equal changes everywhere.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.charts import axes
from harness.report.charts.svg import ACCENT, GATE, INK, MUTED, RULE, Panel, Sheet
from harness.report.text import formatting

WIDTH, LEFT, RIGHT = 188.0, 44.0, 134.0
SMALLEST_SPAN, LARGEST_SPAN = 0.008, 0.04
"""Of the axes, as fractions of 1: a run that diverged must not flatten the others."""


@dataclass(frozen=True)
class Point:
    """One run of the network; `changed`: it is not the network of the run before."""

    accuracy: float | None
    interval: tuple[float, float] | None
    failed: bool
    changed: bool


@dataclass(frozen=True)
class Line:
    """A figure that is drawn below the accuracies; None where a run has none to compare."""

    name: str
    values: tuple[float | None, ...]
    steps: bool = False  # whether it keeps its value until it has another


def span(networks: Sequence[Sequence[Point]]) -> float:
    """How much of the accuracies every panel shows: what the network that moved most needs."""
    widths = [high - low for points in networks for low, high in [_reach(points)]]
    return min(max([SMALLEST_SPAN, *(1.15 * width for width in widths)]), LARGEST_SPAN)


def _reach(points: Sequence[Point]) -> tuple[float, float]:
    """The least and the most that an interval or an accuracy gets to."""
    ends = [end for p in points for end in (p.interval or (p.accuracy,)) if end is not None]
    return (min(ends), max(ends)) if ends else (0.0, 0.0)


def trend(  # noqa: PLR0913 - what is drawn, and on what
    ident: str,
    name: str,
    points: Sequence[Point],
    *,
    dates: Sequence[str],
    gate: float | None,
    wide: float,
    lines: Sequence[Line],
) -> Markup:
    """Returns the drawing of one network; `wide` is the accuracies' span."""
    top, bottom = 26.0, 136.0
    sheet = Sheet(WIDTH, bottom + 26 + 56 * len(lines))
    across = (0.0, float(len(points) - 1))
    panel = Panel(LEFT, top, RIGHT, bottom, across, _centred(points, wide))
    sheet.write(0, 10, "test accuracy", colour=INK, bold=True)
    _levels(sheet, panel)
    _changes(sheet, panel, points)
    _gate(sheet, panel, gate)
    _accuracies(sheet, panel, points)
    for place, line in enumerate(lines):
        start = bottom + 16 + 56 * place
        _below(sheet, Panel(LEFT, start + 18, RIGHT, start + 38, across, _around(line)), line)
    _dates(sheet, dates)
    return sheet.markup(ident, f"{name} over {len(points)} runs", _in_words(points, gate, lines))


def _centred(points: Sequence[Point], wide: float) -> tuple[float, float]:
    """The ends of the accuracy axis; where all fits it does, else most runs do."""
    low, high = _reach(points)
    if high - low <= wide:
        middle = (low + high) / 2
    else:
        middle = statistics.median(p.accuracy for p in points if p.accuracy is not None)
    # Nothing lies above all images right.
    return (middle - wide / 2, middle + wide / 2) if middle + wide / 2 <= 1 else (1 - wide, 1.0)


def _levels(sheet: Sheet, panel: Panel) -> None:
    low, high = panel.y
    step = next(s for s in (0.001, 0.002, 0.005, 0.01, 0.02) if (high - low) / s <= 5.5)
    first = int(low / step) + 1
    for place in range(first, int(high / step + 1e-9) + 1):
        _, y = panel.at(0, place * step)
        sheet.line([(panel.left, y), (panel.right, y)], RULE, 0.7)
        words = f"{100 * place * step:.1f}{formatting.NARROW}%"
        sheet.write(panel.left - 7, y, words, anchor="end", size=11)


def _changes(sheet: Sheet, panel: Panel, points: Sequence[Point]) -> None:
    """An upright line before each run that graded another network than the one before."""
    for place, point in enumerate(points):
        if point.changed:
            x, _ = panel.at(place - 0.5, panel.y[0])
            sheet.line([(x, panel.top), (x, panel.bottom)], MUTED, 0.9, dashes=(1.5, 2.5))


def _gate(sheet: Sheet, panel: Panel, gate: float | None) -> None:
    if gate is None or not panel.y[0] <= gate <= panel.y[1]:
        return
    _, y = panel.at(0, gate)
    sheet.line([(panel.left, y), (panel.right, y)], GATE, 1, dashes=(3, 2))
    sheet.write(panel.left + 3, y + 8, f"gate {formatting.gate(gate)}", colour=GATE, size=11)


def _accuracies(sheet: Sheet, panel: Panel, points: Sequence[Point]) -> None:
    known = [(place, p) for place, p in enumerate(points) if p.accuracy is not None]
    thick = 1.7 if len(points) <= 25 else 1.2
    for place, point in known:
        if point.interval:
            ends = [panel.at(place, _inside(panel, end)) for end in point.interval]
            sheet.line(ends, MUTED, thick, solid_capstyle="butt")
    joined = [
        panel.at(place, float("nan") if p.accuracy is None else _inside(panel, p.accuracy))
        for place, p in enumerate(points)
    ]
    sheet.line(joined, ACCENT, 1.4)
    size = 5.5 if len(points) <= 25 else 3.5
    for place, point in known:
        _mark(sheet, panel, place, point, size)
    if known:
        place, last = known[-1]
        _, y = panel.at(place, _inside(panel, last.accuracy or 0.0))
        sheet.write(panel.right + 7, y, formatting.percent(last.accuracy), colour=INK, bold=True)


def _mark(sheet: Sheet, panel: Panel, place: int, point: Point, size: float) -> None:
    value = point.accuracy or 0.0
    at = panel.at(place, _inside(panel, value))
    if value != _inside(panel, value):
        sheet.marks([at], "v" if value < panel.y[0] else "^", GATE, size + 2.5)
    elif point.failed:
        sheet.marks([at], "s", GATE, size + 1)
    else:
        sheet.marks([at], "o", ACCENT, size)


def _inside(panel: Panel, value: float) -> float:
    return min(max(value, panel.y[0]), panel.y[1])


def _around(line: Line) -> tuple[float, float]:
    """The ends of the axis of a lower line: its values, a tenth of the largest at least."""
    known = [value for value in line.values if value is not None]
    return axes.span(known, 0.05, max(0.1 * max(known), 1e-9))


def _below(sheet: Sheet, panel: Panel, line: Line) -> None:
    known = [(place, value) for place, value in enumerate(line.values) if value is not None]
    sheet.write(0, panel.top - 14, line.name, colour=INK, bold=True)
    # A run without the figure is passed over: the line joins those that have one.
    look = {"drawstyle": "steps-post"} if line.steps else {}
    sheet.line([panel.at(place, value) for place, value in known], ACCENT, 1.4, **look)
    if len(known) <= 25:
        sheet.marks([panel.at(place, value) for place, value in known], "o", ACCENT, 4.5)
    place, last = known[-1]
    _, y = panel.at(place, last)
    sheet.write(panel.right + 9, y, formatting.short(last), colour=INK, bold=True)
    first = known[0]
    _, y = panel.at(*first)
    sheet.write(panel.left - 7, y, formatting.short(first[1]), anchor="end", size=11)


def _dates(sheet: Sheet, dates: Sequence[str]) -> None:
    y = sheet.height - 8
    first, last = dates[0], dates[-1]
    if first == last:
        sheet.write((LEFT + RIGHT) / 2, y, f"{len(dates)} runs on {first}", anchor="middle")
        return
    sheet.write(0, y, first, size=11)
    sheet.write(RIGHT + 12, y, last, anchor="end", size=11)


def _in_words(points: Sequence[Point], gate: float | None, lines: Sequence[Line]) -> str:
    known = [p for p in points if p.accuracy is not None]
    parts = []
    if known:
        first, last = known[0], known[-1]
        low, high = min(p.accuracy or 0 for p in known), max(p.accuracy or 0 for p in known)
        parts.append(
            f"Test accuracy {formatting.percent(first.accuracy)} at first, "
            f"{formatting.percent(last.accuracy)} {formatting.interval(last.interval)} at last, "
            f"between "
            f"{formatting.percent(low)} and {formatting.percent(high)} over {len(known)} runs."
        )
    if gate is not None:
        parts.append(f"The gate is {formatting.gate(gate)}.")
    for line in lines:
        values = [value for value in line.values if value is not None]
        parts.append(
            f"{line.name.capitalize()}: {formatting.short(values[0])} at first, "
            f"{formatting.short(values[-1])} at last."
        )
    return " ".join(parts)
