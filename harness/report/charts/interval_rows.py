"""Dots, intervals and claims in rows: what every kind of experiment is drawn with."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.charts import axes
from harness.report.charts.svg import ACCENT, GATE, INK, MUTED, RULE, Panel, Point, Sheet, tick
from harness.report.text import formatting

Interval = tuple[float, float]
WIDTH = 336.0
LETTER = 5.7  # how wide one is at most on average, at the size of labels
BAR = "a bar for its 95 % interval, with an arrow where it goes on beyond the drawing"


@dataclass(frozen=True)
class Axis:
    """How accuracies lie on a drawing: their scale, the ticks to choose from, a tick's words."""

    scale: Callable[[float], float]
    candidates: tuple[float, ...]
    words: Callable[[float], str]
    smallest: float  # the least that an axis spans, on its own scale


def _share(value: float) -> str:
    return f"{100 * value:.4g}{formatting.NARROW}%"


# Equal steps divide the errors by equal factors; for thousands of images.
BY_ERROR = Axis(axes.by_error, axes.ACCURACY_TICKS, lambda height: tick("accuracy", height), 0.3)
# A few images: equal steps are equally many of them.
LINEAR = Axis(float, (1.0, 0.0, 0.5, 0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1), _share, 0.2)


@dataclass(frozen=True)
class Row:
    """One line of a drawing; accuracies as fractions.

    Attributes:
        dots: one for each seed or fold.
        claim: the claim's own place, where each row has another.
        box: the quartiles, where a box is to be drawn: least, 25 %, median, 75 %, most.
        strong: whether it is the one the others are compared with.
        runs: of how many runs the mean is; None: of the dots.
    """

    label: str
    dots: tuple[float, ...]
    mean: float | None
    interval: Interval | None = None
    claim: float | None = None
    box: tuple[float, float, float, float, float] | None = None
    value: str = ""
    strong: bool = False
    runs: int | None = None

    @property
    def several(self) -> bool:
        """Whether the mean is one of more than a single run."""
        return (len(self.dots) if self.runs is None else self.runs) > 1

    @property
    def values(self) -> tuple[float, ...]:
        """All that has a place of its own; an interval may end beyond the axis."""
        found = (*self.dots, self.mean, self.claim, *(self.box or ()))
        return tuple(value for value in found if value is not None)

    @property
    def words(self) -> str:
        parts = [f"{self.label}: {self.value or formatting.percent(self.mean)}"]
        if self.interval:
            parts.append(formatting.interval(self.interval))
        if self.claim is not None:
            parts.append(f"claimed {formatting.gate(self.claim)}")
        return " ".join(parts)


def reach(rows: Sequence[Row], claim: float | None, axis: Axis) -> tuple[float, float]:
    """The ends of an axis that holds every dot, mean and claim, on the axis's own scale.

    Intervals are held as far as they widen it by a fifth: of repeats that lie far apart they may
    reach beyond all images right, or none.
    """
    values = [value for row in rows for value in row.values]
    if claim is not None:
        values.append(claim)
    heights = [axis.scale(value) for value in values or [0.9]]
    low, high = axes.span(heights, 0.2, axis.smallest)
    ends = [axis.scale(end) for row in rows for end in row.interval or ()]
    heights += [min(max(end, low), high) for end in ends]
    low, high = axes.span(heights, 0.05, axis.smallest)
    # Nothing lies beyond all images right.
    return low, min(high, axis.scale(1.0) + 0.02 * (high - low))


def above(
    ident: str,
    title: str,
    rows: Sequence[Row],
    *,
    claim: float | None = None,
    axis: Axis = BY_ERROR,
    claims_word: str = "claim",
) -> Markup:
    """Rows with their names above them: room for long ones, and readable when narrow."""
    height, top = 37.0, 22.0 if claim is not None else 8.0
    sheet = Sheet(WIDTH, top + height * len(rows) + 24)
    bottom = top + height * len(rows)
    panel = Panel(8, top, WIDTH - 8, bottom, reach(rows, claim, axis), (0, 1))
    _ground(sheet, panel, axis)
    _claim(sheet, panel, claim, axis, claims_word)
    for place, row in enumerate(rows):
        y = top + height * place + 26
        _row(sheet, panel, row, y, axis)
        value = row.value or formatting.percent(row.mean)
        room = int((WIDTH - 12) / LETTER) - len(value)
        label = formatting.cut(row.label, room)
        sheet.write(0, y - 16, label, colour=INK, size=11, bold=row.strong)
        sheet.write(WIDTH, y - 16, value, colour=INK, anchor="end", size=11)
    return sheet.markup(ident, title, _described(rows, claim, claims_word))


def beside(  # noqa: PLR0913 - what is drawn, and on what
    ident: str,
    title: str,
    rows: Sequence[Row],
    *,
    claim: float | None = None,
    axis: Axis = BY_ERROR,
    width: float = WIDTH,
    names: float = 70.0,
    shared: tuple[float, float] | None = None,
) -> Markup:
    """Rows with short names to their left, the boxes higher than the dots."""
    heights = [50.0 if row.box else 22.0 for row in rows]
    top = 22.0 if claim is not None else 8.0
    bottom = top + sum(heights)
    sheet = Sheet(width, bottom + 22)
    across = shared or reach(rows, claim, axis)
    panel = Panel(names, top, width - 62, bottom, across, (0, 1))
    _ground(sheet, panel, axis)
    _claim(sheet, panel, claim, axis, "claim")
    y = top
    for row, height in zip(rows, heights, strict=True):
        centre = y + height / 2
        _row(sheet, panel, row, centre, axis)
        label = formatting.cut(row.label, int(names / 6))
        sheet.write(0, centre, label, colour=INK, size=11, bold=row.strong)
        value = row.value or formatting.percent(row.mean)
        sheet.write(width, centre, value, colour=INK, anchor="end", size=11)
        y += height
    return sheet.markup(ident, title, _described(rows, claim, "claim"))


def _ground(sheet: Sheet, panel: Panel, axis: Axis) -> None:
    """Upright rules with their words below."""
    low, high = panel.x
    places = [axis.scale(value) for value in axis.candidates]
    gap = 46 / (panel.right - panel.left)
    for value in axes.ticks(places, low, high, gap):
        x, _ = panel.at(value, 0)
        sheet.line([(x, panel.top), (x, panel.bottom)], RULE, 0.7)
        sheet.write(x, panel.bottom + 12, axis.words(value), anchor="middle", size=11)


def _claim(sheet: Sheet, panel: Panel, claim: float | None, axis: Axis, word: str) -> None:
    if claim is None:
        return
    x, _ = panel.at(axis.scale(claim), 0)
    sheet.line([(x, panel.top - 4), (x, panel.bottom)], GATE, 1.2, dashes=(3, 2))
    words = f"{word} {formatting.gate(claim)}"
    half = 3.2 * len(words)
    anchor = "middle"
    if x - half < 0:
        anchor, x = "start", 0.0
    elif x + half > sheet.width:
        anchor, x = "end", sheet.width
    sheet.write(x, panel.top - 12, words, colour=GATE, anchor=anchor, size=11)


def _row(sheet: Sheet, panel: Panel, row: Row, y: float, axis: Axis) -> None:
    def at(accuracy: float, down: float = 0.0) -> Point:
        return panel.at(axis.scale(accuracy), 0)[0], y + down

    if row.claim is not None:
        sheet.line([at(row.claim, -7), at(row.claim, 7)], GATE, 2, solid_capstyle="butt")
    if row.box:
        _box(sheet, [at(value)[0] for value in row.box], y - 4)
    elif row.interval:
        _interval(sheet, panel, [at(end)[0] for end in row.interval], y)
    if len(row.dots) > 1:
        lower = 13.0 if row.box else 4.5
        sheet.marks([at(dot, lower) for dot in row.dots], "o", ACCENT, 5)
    if row.mean is not None:
        raised = -4.0 if row.box else 0.0
        shape, size = ("d", 9.0) if row.several else ("o", 7.5)
        sheet.marks([at(row.mean, raised)], shape, ACCENT, size)


def _interval(sheet: Sheet, panel: Panel, ends: Sequence[float], y: float) -> None:
    """A bar; where it goes on beyond the axis, the tip of an arrow at the panel's edge."""
    inside = [min(max(end, panel.left), panel.right) for end in ends]
    sheet.line([(end, y) for end in inside], ACCENT, 2)
    for end, cut in zip(ends, inside, strict=True):
        if abs(end - cut) > 0.5:  # less cannot be seen
            back = cut + (5 if end < cut else -5)
            sheet.line([(back, y - 4), (cut, y), (back, y + 4)], ACCENT, 2)


def _box(sheet: Sheet, ends: Sequence[float], y: float) -> None:
    """A box plot lying down: whiskers to the least and the most, the box holds half of all."""
    least, first, median, third, most = ends
    for one, other in ((least, first), (third, most)):
        sheet.line([(one, y), (other, y)], INK, 1.2)
    for end in (least, most):
        sheet.line([(end, y - 5), (end, y + 5)], INK, 1.2)
    corners = [(first, y - 11), (third, y - 11), (third, y + 11), (first, y + 11)]
    sheet.line([*corners, corners[0]], INK, 1.2)
    sheet.line([(median, y - 11), (median, y + 11)], INK, 2.4, solid_capstyle="butt")


def _described(rows: Sequence[Row], claim: float | None, word: str) -> str:
    first = "" if claim is None else f"The {word} is {formatting.gate(claim)}. "
    return first + "; ".join(row.words for row in rows) + "."


def over_epochs(
    ident: str,
    title: str,
    runs: Sequence[Sequence[float | None]],
    *,
    claim: float | None,
    axis: Axis = LINEAR,
) -> Markup:
    """A thin line for each run and a thick one for their mean, over the epochs."""
    sheet = Sheet(WIDTH, 214)
    known = [value for run in runs for value in run if value is not None]
    values = [*known, *([] if claim is None else [claim])]
    low, high = axes.span(map(axis.scale, values), 0.04, axis.smallest)
    epochs = max(map(len, runs))
    across = (0.5, 1.5) if epochs == 1 else (1.0, float(epochs))
    panel = Panel(44, 12, WIDTH - 84, 182, across, (low, high))
    for value in axes.ticks(map(axis.scale, axis.candidates), low, high, 0.09):
        _, y = panel.at(panel.x[0], value)
        sheet.line([(panel.left, y), (panel.right, y)], RULE, 0.7)
        sheet.write(panel.left - 6, y, axis.words(value), anchor="end", size=11)
    labels: list[tuple[float, str, str]] = []
    if claim is not None:
        _, y = panel.at(1, axis.scale(claim))
        sheet.line([(panel.left, y), (panel.right, y)], GATE, 1.2, dashes=(3, 2))
        labels.append((y, f"claim {formatting.gate(claim)}", GATE))
    mean = [_mean(run[place] for run in runs if place < len(run)) for place in range(epochs)]
    several = len(runs) > 1
    for line in runs if several else []:
        _trace(sheet, panel, line, axis, MUTED, 0.7)
    if end := _trace(sheet, panel, mean, axis, ACCENT, 2.0):
        labels.append((end, f"mean of {len(runs)}" if several else "accuracy", ACCENT))
    heights = axes.spread([height for height, _, _ in labels], 13, panel.top, panel.bottom)
    for y, (_, words, colour) in zip(heights, labels, strict=True):
        sheet.write(panel.right + 6, y, words, colour=colour)
    for epoch in sorted({1, epochs}):
        x, _ = panel.at(epoch, low)
        sheet.write(x, 200, f"epoch {epoch}" if epoch == 1 else str(epoch), anchor="middle")
    last = next((value for value in reversed(mean) if value is not None), None)
    first = next((value for value in mean if value is not None), None)
    said = f"{formatting.percent(first, 1)} at first, {formatting.percent(last, 1)} at last"
    claimed = "" if claim is None else f" The claim is {formatting.gate(claim)}."
    who = f"Mean of {len(runs)} seeds: " if several else ""
    return sheet.markup(ident, title, f"{who}{said}, over {epochs} epochs.{claimed}")


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _trace(
    sheet: Sheet,
    panel: Panel,
    values: Sequence[float | None],
    axis: Axis,
    colour: str,
    width: float,
) -> float | None:
    """Draws a line with gaps where nothing is known; returns the height at which it ends."""
    points = [
        panel.at(epoch, float("nan") if value is None else axis.scale(value))
        for epoch, value in enumerate(values, 1)
    ]
    ends = [y for _, y in points if y == y]  # noqa: PLR0124 - only nan differs from itself
    if not ends:
        return None
    sheet.line(points, colour, width)
    return ends[-1]
