"""The distribution of the scores of a class, in the style of the other drawings."""

import statistics
from collections.abc import Sequence

from markupsafe import Markup

from harness.report.charts.svg import ACCENT, GATE, INK, RULE, Panel, Sheet
from harness.report.text import formatting

BINS = 10
WIDTH = 344


def bins(percents: Sequence[float]) -> list[int]:
    """How many lie in 0 to 10, 10 to 20, …, 90 to 100; 100 belongs to the last."""
    counts = [0] * BINS
    for value in percents:
        counts[min(int(value * BINS / 100), BINS - 1)] += 1
    return counts


def histogram(ident: str, percents: Sequence[float]) -> Markup | None:
    """A bar for each tenth of the scale with its count, and the median; None without scores."""
    if not percents:
        return None
    counts = bins(percents)
    median = statistics.median(percents)
    sheet = Sheet(WIDTH, 196)
    panel = Panel(8, 52, WIDTH - 8, 160, (0, 100), (0, max(counts)))
    sheet.line([panel.at(0, 0), panel.at(100, 0)], RULE, 1)
    step = 100 / BINS
    for place, count in enumerate(counts):
        if count:
            middle = (place + 0.5) * step
            ends = [panel.at(middle, 0), panel.at(middle, count)]
            sheet.line(ends, ACCENT, 27, solid_capstyle="butt")
            x, y = ends[1]
            sheet.write(x, y - 9, str(count), colour=INK, anchor="middle", size=12)
    x, _ = panel.at(median, 0)
    sheet.line([(x, 17), (x, 27)], GATE, 2, solid_capstyle="butt")
    anchor = "start" if median < 30 else "end" if median > 70 else "middle"
    words = f"median {median:.0f}{formatting.NARROW}%"
    sheet.write(x, 8, words, colour=GATE, anchor=anchor, size=12)
    for value in range(0, 101, 20):
        x, _ = panel.at(value, 0)
        anchor = "start" if value == 0 else "end" if value == 100 else "middle"
        sheet.write(x, 176, f"{value}{formatting.NARROW}%", anchor=anchor, size=11)
    told = ", ".join(
        f"{count} from {place * 10} to {place * 10 + 10} %"
        for place, count in enumerate(counts)
        if count
    )
    return sheet.markup(
        ident, "Distribution of the scores", f"{told}. The median is {median:.0f} %."
    )
