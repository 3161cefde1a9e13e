"""Learning curves: one small drawing for each network, all on the same axes."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.charts import axes
from harness.report.charts.svg import ACCENT, GATE, INK, MUTED, Panel, Sheet, levels
from harness.report.text import formatting

Values = Sequence[float | None]

# Five fit beside each other on a wide screen, and none is ever drawn smaller than this.
WIDTH = 188.0
# Training accuracy ends near 100 %; without a ceiling it would take the room of all the rest.
HIGHEST = 0.999


@dataclass(frozen=True)
class Curve:
    """One training run, epoch by epoch; None where nothing was measured."""

    accuracy: Values
    val_accuracy: Values
    loss: Values
    val_loss: Values


@dataclass(frozen=True)
class Ranges:
    """The vertical axes that all learning curves share."""

    accuracy: tuple[float, float]
    loss: tuple[float, float]


def ranges(curves: Sequence[Curve], gates: Sequence[float]) -> Ranges:
    """The axes that hold every curve and gate, on the scales of `scales.py`."""
    accuracies = [v for c in curves for v in (*c.accuracy, *c.val_accuracy) if v is not None]
    losses = [v for c in curves for v in (*c.loss, *c.val_loss) if v is not None]
    shown = [min(value, HIGHEST) for value in (*accuracies, *gates)]
    return Ranges(
        axes.span(map(axes.by_error, shown or [0.9, 0.99]), 0.06, 0.4),
        axes.span(map(axes.by_loss, losses or [0.05, 0.5]), 0.06, 0.4),
    )


def learning_curves(
    ident: str,
    name: str,
    curves: Sequence[Curve],
    gate: float | None,
    shared: Ranges,
    *,
    line: str = "gate",
) -> Markup:
    """Accuracy above loss, training beside validation, all seeds; axes shared by all networks.

    Args:
        gate: where a line across the accuracies lies; `line` is what it is called.
    """
    sheet = Sheet(WIDTH, 282)
    epochs = max(max(map(len, (c.accuracy, c.val_accuracy, c.loss))) for c in curves)
    accuracies = [(curve.accuracy, curve.val_accuracy) for curve in curves]
    losses = [(curve.loss, curve.val_loss) for curve in curves]
    panels = (
        ("accuracy", _below_ceiling, shared.accuracy, 22, 150, accuracies),
        ("loss", axes.by_loss, shared.loss, 182, 252, losses),
    )
    across = (0.5, 1.5) if epochs == 1 else (1.0, float(epochs))
    for what, scale, (low, high), top, bottom, pairs in panels:
        panel = Panel(38, top, 130, bottom, across, (low, high))
        candidates = axes.ACCURACY_TICKS if what == "accuracy" else axes.LOSS_TICKS
        marked = axes.ticks(map(scale, candidates), low, high, 15 / (bottom - top))
        levels(sheet, panel, marked, what)
        sheet.write(0, top - 12, what, colour=INK, bold=True)
        labels = []
        if what == "accuracy" and gate is not None:
            _, y = panel.at(1, scale(gate))
            sheet.line([(panel.left, y), (panel.right, y)], GATE, 1, dashes=(3, 2))
            labels.append((y, f"{line} {formatting.gate(gate)}", GATE))
        for colour, word, which in ((MUTED, "training", 0), (ACCENT, "validation", 1)):
            drawn = [_line(sheet, panel, pair[which], scale, colour, len(pairs)) for pair in pairs]
            if ends := [end for end in drawn if end is not None]:
                labels.append((statistics.median(ends), word, colour))
        _end_labels(sheet, labels, top, bottom)
    for epoch in sorted({1, epochs}):
        x, _ = panel.at(epoch, low)
        words = f"epoch {epoch}" if epoch == 1 else str(epoch)
        sheet.write(x, 268, words, anchor="middle")
    return sheet.markup(ident, f"Learning curves of {name}", _curves_in_words(curves, gate, line))


def _below_ceiling(accuracy: float) -> float:
    return axes.by_error(min(accuracy, HIGHEST))


def _line(
    sheet: Sheet,
    panel: Panel,
    values: Values,
    scale: Callable[[float], float],
    colour: str,
    runs: int,
) -> float | None:
    """Draws one run; returns the pixel height at which it ends, None where nothing was measured."""
    points = [
        panel.at(epoch, math.nan if value is None else scale(value))
        for epoch, value in enumerate(values, 1)
    ]
    known = [point for point in points if not math.isnan(point[1])]
    if not known:
        return None
    sheet.line(points, colour, 1.7 if runs == 1 else 0.8)
    if len(points) <= 12 and runs <= 2:
        sheet.marks(known, "o", colour, 5.5)
    return known[-1][1]


def _end_labels(
    sheet: Sheet, labels: Sequence[tuple[float, str, str]], top: float, bottom: float
) -> None:
    heights = axes.spread([height for height, _, _ in labels], 12.5, top, bottom)
    for y, (_, words, colour) in zip(heights, labels, strict=True):
        sheet.write(135, y, words, colour=colour)


def _curves_in_words(curves: Sequence[Curve], gate: float | None, line: str) -> str:
    parts = []
    for word, which in (("Validation accuracy", "val_accuracy"), ("Training accuracy", "accuracy")):
        lines = [[v for v in getattr(c, which) if v is not None] for c in curves]
        if any(lines):
            first = statistics.median(values[0] for values in lines if values)
            last = statistics.median(values[-1] for values in lines if values)
            parts.append(
                f"{word} {formatting.percent(first)} at first, {formatting.percent(last)} at last."
            )
    for word, which in (("Validation loss", "val_loss"), ("Training loss", "loss")):
        lines = [[v for v in getattr(c, which) if v is not None] for c in curves]
        if any(lines):
            last = statistics.median(values[-1] for values in lines if values)
            parts.append(f"{word} {last:.3g} at last.")
    if gate is not None:
        parts.append(f"The {line} is {formatting.gate(gate)}.")
    if len(curves) > 1:
        parts.append(f"Medians of {len(curves)} seeds.")
    return " ".join(parts)
