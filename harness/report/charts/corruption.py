"""One panel for each corruption: accuracy over its severity, a line for each network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.charts import axes
from harness.report.charts.dot_rows import strokes
from harness.report.charts.svg import ACCENT, INK, MUTED, PAPER, RULE, Panel, Sheet
from harness.report.schema import results as schema
from harness.report.text import formatting

Subjects = Sequence[schema.Subject]

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 256.0, 40.0, 152.0, 10.0, 150.0
DASHES = (None, (5.0, 2.0), (1.2, 2.0), (7.0, 2.0, 1.2, 2.0))
SHARES = (1.0, 0.5, 0.0, 0.75, 0.25, 0.9, 0.8, 0.6, 0.7, 0.95)
LONGEST = 16


@dataclass(frozen=True)
class Look:
    """How a network is drawn everywhere: the colour says its family, the dashes which one."""

    colour: str
    dashes: tuple[float, ...] | None
    square: bool


def looks(subjects: Subjects) -> dict[str, Look]:
    taken: dict[bool, int] = {}
    found = {}
    for subject in subjects:
        square = subject.family == "mlp"
        place = taken.get(square, 0)
        taken[square] = place + 1
        dashes = DASHES[place % len(DASHES)]
        found[subject.id] = Look(INK if square else ACCENT, dashes, square)
    return found


def panel(
    ident: str, kind: str, subjects: Subjects, look: Mapping[str, Look], low: float
) -> Markup:
    """Draws one corruption.

    Args:
        low: the lowest accuracy of all panels, which share their axis.
    """
    sheet = Sheet(WIDTH, 176)
    lines = [
        (s.id, s.robustness.clean if s.robustness else None, _levels(s, kind)) for s in subjects
    ]
    lines = [(name, clean, levels) for name, clean, levels in lines if levels]
    last = max(len(levels) for _, _, levels in lines)
    frame = Panel(LEFT, TOP, RIGHT, BOTTOM, (0.0, float(last)), (max(low - 0.03, 0.0), 1.0))
    marked = axes.ticks(SHARES, *frame.y, 0.13)
    sheet.line(strokes([(frame.at(0, v), frame.at(last, v)) for v in marked]), RULE, 0.7)
    for value in marked:
        _, y = frame.at(0, value)
        words = f"{100 * value:.0f}{formatting.NARROW}%"
        sheet.write(frame.left - 6, y, words, anchor="end", size=11)
    _severities(sheet, frame, lines[0][2])
    ends = [_line(sheet, frame, look[name], clean, levels) for name, clean, levels in lines]
    heights = axes.spread(ends, 13, TOP, BOTTOM)
    leaders = zip(ends, heights, strict=True)
    sheet.line(strokes([((RIGHT + 5, end), (RIGHT + 14, y)) for end, y in leaders]), MUTED, 0.7)
    for (name, _, _), y in zip(lines, heights, strict=True):
        colour = look[name].colour
        sheet.write(RIGHT + 17, y, formatting.cut(name, LONGEST), colour=colour, size=11)
    return sheet.markup(ident, f"Accuracy under {formatting.cut(kind, 40)}", _described(lines))


def _levels(subject: schema.Subject, kind: str) -> list[schema.Level]:
    for curve in subject.robustness.curves if subject.robustness else ():
        if curve.corruption == kind:
            return [level for level in curve.levels if level.accuracy is not None]
    return []


def _severities(sheet: Sheet, frame: Panel, levels: Sequence[schema.Level]) -> None:
    """Under the axis what was done at each severity."""
    sheet.write(frame.left, BOTTOM + 13, "none", anchor="middle", size=11)
    for place, level in enumerate(levels, 1):
        x, _ = frame.at(place, frame.y[0])
        words = str(level.severity) if level.value is None else f"{level.value:.3g}"
        sheet.write(x, BOTTOM + 13, words, anchor="middle", size=11)


def _line(
    sheet: Sheet,
    frame: Panel,
    look: Look,
    clean: float | None,
    levels: Sequence[schema.Level],
) -> float:
    """Draws one network, from the original images on; returns the height of its end."""
    points = [frame.at(place, level.accuracy or 0.0) for place, level in enumerate(levels, 1)]
    if clean is not None:
        points = [frame.at(0, clean), *points]
    dashes = {"dashes": look.dashes} if look.dashes else {}
    sheet.line(points, look.colour, 1.5, **dashes)
    if look.square:
        rim = {"markeredgecolor": look.colour, "markeredgewidth": 1.4}
        sheet.marks(points[-1:], "s", PAPER, 4.5, **rim)
    else:
        sheet.marks(points[-1:], "o", look.colour, 5.5)
    return points[-1][1]


def _described(lines: Sequence[tuple[str, float | None, Sequence[schema.Level]]]) -> str:
    parts = (
        f"{formatting.cut(name, 40)}: {formatting.percent(clean, 1)} without corruption, then "
        + ", ".join(formatting.percent(level.accuracy, 1) for level in levels)
        for name, clean, levels in lines
    )
    return "; ".join(parts) + "."
