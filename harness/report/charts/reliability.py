"""A reliability diagram: how often the network was right, over how sure it was."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from harness.report.charts import axes
from harness.report.charts.dot_rows import strokes
from harness.report.charts.svg import ACCENT, INK, MUTED, PAPER, RULE, Panel, Sheet
from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text.network_names import counted

WIDTH, LEFT, RIGHT = 188.0, 38.0, 180.0
SHARES = (0.0, 0.5, 1.0)
FEW = 10  # images a run


def diagram(ident: str, name: str, bins: Sequence[schema.Bin], most: float) -> Markup:
    """Accuracy over confidence with the diagonal, and below it how many images there are.

    Args:
        most: the largest count of any network: all share their axes.
    """
    sheet = Sheet(WIDTH, 270)
    square = Panel(LEFT, 28, RIGHT, 170, (0.0, 1.0), (0.0, 1.0))
    sheet.write(0, 8, "accuracy", colour=INK, bold=True)
    lying = [(square.at(0, value), square.at(1, value)) for value in SHARES]
    upright = [(square.at(value, 0), square.at(value, 1)) for value in SHARES]
    sheet.line(strokes([*lying, *upright]), RULE, 0.7)
    for value in SHARES:
        _, y = square.at(0, value)
        sheet.write(square.left - 6, y, _share(value), anchor="end", size=11)
    sheet.line([square.at(0, 0), square.at(1, 1)], MUTED, 1, dashes=(3, 2))
    _bins(sheet, square, bins)
    _counts(sheet, bins, most)
    return sheet.markup(ident, f"Reliability of {formatting.cut(name, 40)}", _described(bins))


def _bins(sheet: Sheet, square: Panel, bins: Sequence[schema.Bin]) -> None:
    """Bins of a few images tell little: they are small and open, and not joined."""
    known = [(item.confidence or 0.0, *item.interval) for item in bins if item.interval]
    if known:
        bars = [(square.at(x, low), square.at(x, high)) for x, low, high in known]
        sheet.line(strokes(bars), ACCENT, 0.9)
    few = [item for item in bins if (item.count or 0) < FEW]
    many = [item for item in bins if (item.count or 0) >= FEW]
    if few:
        rim = {"markeredgecolor": ACCENT, "markeredgewidth": 1.0}
        points = [square.at(item.confidence or 0.0, item.accuracy or 0.0) for item in few]
        sheet.marks(points, "o", PAPER, 4.5, **rim)
    if many:
        points = [square.at(item.confidence or 0.0, item.accuracy or 0.0) for item in many]
        sheet.line(points, ACCENT, 1.2)
        sheet.marks(points, "o", ACCENT, 7)


def _counts(sheet: Sheet, bins: Sequence[schema.Bin], most: float) -> None:
    """A stem for each bin on a logarithmic axis: most images are those it is sure of."""
    top = float(math.ceil(math.log10(max(most, 10))))
    panel = Panel(LEFT, 206, RIGHT, 246, (0.0, 1.0), (-0.3, top))
    sheet.write(0, 191, "images", colour=INK, bold=True)
    marked = axes.ticks((0.0, 4.0, 2.0, 3.0, 1.0), -0.3, top, 0.3)
    sheet.line(strokes([(panel.at(0, value), panel.at(1, value)) for value in marked]), RULE, 0.7)
    for value in marked:
        _, y = panel.at(0, value)
        words = formatting.short(10**value).replace(formatting.NARROW, "")
        sheet.write(panel.left - 6, y, words, anchor="end", size=11)
    heights = [math.log10(max(item.count or 0.0, 0.5)) for item in bins]
    places = [item.confidence or 0.0 for item in bins]
    stems = [
        (panel.at(x, -0.3), panel.at(x, height)) for x, height in zip(places, heights, strict=True)
    ]
    sheet.line(strokes(stems), ACCENT, 3.5, solid_capstyle="butt")
    for value in SHARES:
        x, _ = panel.at(value, 0)
        words = "confidence: 0" if value == 0 else _share(value)
        anchor = "end" if value == 1 else "middle"
        sheet.write(x, 260, words, anchor=anchor, size=11)


def _share(value: float) -> str:
    return f"{100 * value:.0f}{formatting.NARROW}%" if value else "0"


def _described(bins: Sequence[schema.Bin]) -> str:
    parts = (
        f"confidence {formatting.percent(item.confidence, 0)}, "
        f"accuracy {formatting.percent(item.accuracy, 0)} on {counted(item.count)}"
        for item in bins
    )
    return f"By confidence: {'; '.join(parts)}."
