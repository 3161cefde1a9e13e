"""Drawings with a row for each network: differences from a baseline, and calibrated ranges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.charts import axes
from harness.report.charts.svg import ACCENT, GATE, INK, MUTED, RULE, Panel, Sheet, tick
from harness.report.text import formatting

WIDTH, LEFT, RIGHT, HEIGHT = 336.0, 102.0, 276.0, 32.0
LONGEST = 16
# The mark and its colour by verdict: no two differ in colour alone.
MARKS = {"regressed": ("s", GATE), "improved": ("^", ACCENT), "inconclusive": ("D", MUTED)}


@dataclass(frozen=True)
class Difference:
    """How much more accurate a network is than before, as a fraction of 1."""

    name: str
    value: float
    interval: tuple[float, float] | None
    status: str


@dataclass(frozen=True)
class Band:
    """A network's calibrated range and the accuracies of its seeds, as fractions of 1."""

    name: str
    low: float
    high: float
    mean: float
    seeds: tuple[float, ...]


def differences(ident: str, found: Sequence[Difference], margin: float | None) -> Markup:
    """A mark and its interval for each network, zero and the margin as upright lines."""
    top = 30.0
    sheet, bottom = _sheet(top, len(found))
    panel = Panel(LEFT, top, RIGHT, bottom, _reach(found, margin), (0, 1))
    _steps(sheet, panel)
    zero, _ = panel.at(0, 0)
    sheet.line([(zero, top - 6), (zero, bottom)], INK, 1)
    sheet.write(zero, top - 14, "no change", colour=INK, anchor="middle", size=11)
    if margin is not None:
        x, _ = panel.at(-margin, 0)
        sheet.line([(x, top - 6), (x, bottom)], GATE, 1.2, dashes=(3, 2))
        words = f"−{100 * margin:.3g}{formatting.NARROW}pp"
        if zero - x > 56:
            sheet.write(x, top - 14, words, colour=GATE, anchor="middle", size=11)
        else:
            sheet.write(zero - 34, top - 14, words, colour=GATE, anchor="end", size=11)
    for place, row in enumerate(found):
        y = top + HEIGHT * (place + 0.5)
        if row.interval:
            ends = [(panel.at(end, 0)[0], y) for end in row.interval]
            sheet.line(ends, MUTED if row.status == "inconclusive" else ACCENT, 2)
        shape, colour = MARKS.get(row.status, ("o", ACCENT))
        sheet.marks([(panel.at(row.value, 0)[0], y)], shape, colour, 8)
        _ends(sheet, y, row.name, formatting.points(row.value))
    described = (
        f"{row.name}: {formatting.points(row.value)}{_interval(row.interval)}, {row.status}"
        for row in found
    )
    first = "" if margin is None else f"The margin is {100 * margin:.3g} percentage points. "
    return sheet.markup(
        ident, "Change of the test accuracy since the baseline", first + "; ".join(described) + "."
    )


def bands(ident: str, found: Sequence[Band]) -> Markup:
    """A wide pale bar for each calibrated range, its mean across it, a dot for each seed."""
    ordered = sorted(found, key=lambda band: -band.mean)
    top = 12.0
    sheet, bottom = _sheet(top, len(ordered))
    values = [v for band in ordered for v in (band.low, band.high, band.mean, *band.seeds)]
    across = axes.span(map(axes.by_error, values), 0.04, 0.3)
    panel = Panel(LEFT, top, RIGHT, bottom, across, (0, 1))
    places = map(axes.by_error, axes.ACCURACY_TICKS)
    for value in axes.ticks(places, *across, 46 / (RIGHT - LEFT)):
        x, _ = panel.at(value, 0)
        sheet.line([(x, top), (x, bottom)], RULE, 0.7)
        sheet.write(x, bottom + 13, tick("accuracy", value), anchor="middle", size=11)

    def at(accuracy: float) -> float:
        return panel.at(axes.by_error(accuracy), 0)[0]

    for place, band in enumerate(ordered):
        y = top + HEIGHT * (place + 0.5)
        ends = [(at(band.low), y), (at(band.high), y)]
        sheet.line(ends, RULE, 14, solid_capstyle="butt")
        sheet.line([(at(band.mean), y - 9), (at(band.mean), y + 9)], MUTED, 1.4)
        for inside, shape, colour in ((True, "o", ACCENT), (False, "s", GATE)):
            seeds = [(at(v), y) for v in band.seeds if (band.low <= v <= band.high) is inside]
            if seeds:
                sheet.marks(seeds, shape, colour, 6.5)
        mean = sum(band.seeds) / len(band.seeds) if band.seeds else None
        _ends(sheet, y, band.name, formatting.percent(mean))
    words = (
        f"{band.name}: calibrated {100 * band.low:.2f} to {formatting.percent(band.high)}, "
        f"measured "
        f"{', '.join(map(formatting.percent, band.seeds)) or 'nothing'}"
        for band in ordered
    )
    return sheet.markup(ident, "Test accuracy in its calibrated range", "; ".join(words) + ".")


def _sheet(top: float, count: int) -> tuple[Sheet, float]:
    bottom = top + HEIGHT * count
    return Sheet(WIDTH, bottom + 24), bottom


def _ends(sheet: Sheet, y: float, name: str, value: str) -> None:
    sheet.write(0, y, formatting.cut(name, LONGEST), colour=INK)
    sheet.write(WIDTH, y, value, colour=INK, anchor="end")


def _interval(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f" [{100 * ends[0]:+.2f}, {100 * ends[1]:+.2f}]"


def _reach(found: Sequence[Difference], margin: float | None) -> tuple[float, float]:
    values = [0.0, -(margin or 0.0), margin or 0.0]
    values += [v for row in found for v in (row.value, *(row.interval or ()))]
    return axes.span(values, 0.05, 0.002)


def _steps(sheet: Sheet, panel: Panel) -> None:
    """Rules at round numbers of percentage points."""
    low, high = panel.x
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * f for f in (1, 2, 5, 10) if power * f >= rough * 0.999)
    for place in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        x, _ = panel.at(place * step, 0)
        sheet.line([(x, panel.top), (x, panel.bottom)], RULE, 0.7)
        words = f"{100 * place * step:+.3g}".replace("-", "−") if place else "0"
        sheet.write(x, panel.bottom + 13, words, anchor="middle", size=11)
    sheet.write(WIDTH, panel.bottom + 13, "pp", anchor="end", size=11)
