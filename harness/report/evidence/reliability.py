"""A reliability diagram: how often the network was right, over how sure it was."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.report import scales, wording
from harness.report.svg import ACCENT, INK, MUTED, RULE, Panel, Sheet

Bin = Mapping[str, Any]

WIDTH, LEFT, RIGHT = 236.0, 40.0, 226.0
SHARES = (0.0, 0.5, 1.0)


def diagram(ident: str, name: str, bins: Sequence[Bin], most: float) -> Markup:
    """Accuracy over confidence with the diagonal, and below it how many images there are.

    Args:
        most: the largest count of any network: all share their axes.
    """
    sheet = Sheet(WIDTH, 306)
    square = Panel(LEFT, 20, RIGHT, 206, (0.0, 1.0), (0.0, 1.0))
    sheet.write(0, 8, "right", colour=INK, bold=True)
    for value in SHARES:
        x, y = square.at(value, value)
        sheet.line([(square.left, y), (square.right, y)], RULE, 0.7)
        sheet.line([(x, square.top), (x, square.bottom)], RULE, 0.7)
        sheet.write(square.left - 6, y, _share(value), anchor="end", size=10.5)
    sheet.line([square.at(0, 0), square.at(1, 1)], MUTED, 1, dashes=(3, 2))
    sheet.write(*square.at(0.07, 0.93), "more often right", size=10.5)
    sheet.write(*square.at(0.07, 0.85), "than it is sure", size=10.5)
    sheet.write(*square.at(0.96, 0.14), "surer than", anchor="end", size=10.5)
    sheet.write(*square.at(0.96, 0.06), "it is right", anchor="end", size=10.5)
    for item in bins:
        if item["interval"]:
            ends = [square.at(item["confidence"], end) for end in item["interval"]]
            sheet.line(ends, ACCENT, 1.4)
    points = [square.at(item["confidence"], item["accuracy"]) for item in bins]
    sheet.line(points, ACCENT, 0.8)
    sheet.marks(points, "o", ACCENT, 6.5)
    _counts(sheet, bins, most)
    return sheet.markup(ident, f"Reliability of {name}", _described(bins))


def _counts(sheet: Sheet, bins: Sequence[Bin], most: float) -> None:
    """A stem for each bin on a logarithmic axis: most images are those it is sure of."""
    top = math.log10(max(most, 10))
    panel = Panel(LEFT, 240, RIGHT, 282, (0.0, 1.0), (-0.3, top))
    sheet.write(0, 227, "images", colour=INK, bold=True)
    for value in scales.ticks((0.0, 4.0, 2.0, 3.0, 1.0), -0.3, top, 0.3):
        _, y = panel.at(0, value)
        sheet.line([(panel.left, y), (panel.right, y)], RULE, 0.7)
        words = wording.short(10**value).replace(wording.NARROW, "")
        sheet.write(panel.left - 6, y, words, anchor="end", size=10.5)
    for item in bins:
        count = max(item["count"] or 0.0, 0.5)
        points = [panel.at(item["confidence"], height) for height in (-0.3, math.log10(count))]
        sheet.line(points, ACCENT, 3.5, solid_capstyle="butt")
    for value in SHARES:
        x, _ = panel.at(value, 0)
        words = "sure: 0" if value == 0 else _share(value)
        sheet.write(x, 296, words, anchor="middle", size=10.5)


def _share(value: float) -> str:
    return f"{100 * value:.0f}{wording.NARROW}%" if value else "0"


def _described(bins: Sequence[Bin]) -> str:
    parts = (
        f"{wording.percent(item['confidence'], 0)} sure, right {wording.percent(item['accuracy'], 0)}"
        f" of {wording.whole(item['count'])}"
        for item in bins
    )
    return f"From least to most sure: {'; '.join(parts)}."
