"""Drawings that compare the networks: accuracy with its gate, accuracy over cost."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.charts import axes
from harness.report.charts.svg import (
    ACCENT,
    GATE,
    INK,
    PAPER,
    RULE,
    Panel,
    Point,
    Sheet,
    levels,
    tick,
)
from harness.report.text import formatting


@dataclass(frozen=True)
class Scored:
    """A network's place in the comparison: accuracies and gate as fractions."""

    name: str
    family: str
    accuracy: float
    interval: tuple[float, float] | None
    gate: float | None
    seeds: tuple[float, ...]
    params: float | None
    flops: float | None
    rates: tuple[float, ...] = ()  # training images per second, of each run

    @property
    def rate(self) -> float | None:
        return statistics.median(self.rates) if self.rates else None


WIDTH = 330.0
COSTS = {
    "params": "parameters",
    "flops": "FLOPs for one image",
    "rate": "training images per second",
}


def accuracy_dots(ident: str, networks: Sequence[Scored]) -> Markup:
    """One row for each network, best first: a dot for each seed, the interval, the gate."""
    rows = sorted(networks, key=lambda network: -network.accuracy)
    sheet = Sheet(WIDTH, 58 + 34 * len(rows))
    bottom = 22.0 + 34 * len(rows)
    across = _accuracy_span(rows)
    panel = Panel(104, 14, 274, bottom, across, (len(rows) - 0.5, -0.5))
    for value in _accuracy_ticks(*across, 0.24):
        x, _ = panel.at(value, 0)
        sheet.line([(x, panel.top), (x, bottom)], RULE, 0.7)
        sheet.write(x, bottom + 14, tick("accuracy", value), anchor="middle", size=11)
    gates = [_row(sheet, panel, row, network) for row, network in enumerate(rows)]
    if first := next((gate for gate in gates if gate), None):
        sheet.write(first[0], first[1] - 7, "gate", colour=GATE, anchor="middle", size=11)
    words = (
        f"{n.name}: {formatting.percent(n.accuracy)} {formatting.interval(n.interval)}, "
        f"gate {formatting.gate(n.gate)}"
        for n in rows
    )
    return sheet.markup(ident, "Test accuracy against the gates", "; ".join(words) + ".")


def _row(sheet: Sheet, panel: Panel, row: int, network: Scored) -> Point | None:
    """Draws one network's gate, interval and dots; returns the upper end of the gate."""

    def at(accuracy: float, down: float = 0) -> Point:
        return panel.at(axes.by_error(accuracy), row + down)

    several = len(network.seeds) > 1
    if network.gate is not None:
        sheet.line([at(network.gate, -0.3), at(network.gate, 0.3)], GATE, 2, solid_capstyle="butt")
    if network.interval:
        sheet.line(map(at, network.interval), ACCENT, 2)
    if several:
        sheet.marks([at(seed, 0.2) for seed in network.seeds], "o", ACCENT, 5)
    sheet.marks([at(network.accuracy)], "d" if several else "o", ACCENT, 9)
    _, y = at(network.accuracy)
    sheet.write(0, y, formatting.cut(network.name, 16), colour=INK)
    sheet.write(sheet.width, y, formatting.percent(network.accuracy), colour=INK, anchor="end")
    return None if network.gate is None else at(network.gate, -0.3)


def _accuracy_span(networks: Sequence[Scored]) -> tuple[float, float]:
    values = [
        value
        for n in networks
        for value in (*n.seeds, n.accuracy, *(n.interval or ()), n.gate)
        if value is not None
    ]
    return axes.span(map(axes.by_error, values), 0.06, 0.4)


def _accuracy_ticks(low: float, high: float, gap: float) -> list[float]:
    return axes.ticks(map(axes.by_error, axes.ACCURACY_TICKS), low, high, gap)


def accuracy_cost(ident: str, networks: Sequence[Scored], cost: str) -> Markup | None:
    """Accuracy over `cost`, one of COSTS; None where fewer than two have both."""
    known = [(n, value) for n in networks if (value := getattr(n, cost) or 0) > 0]
    if len(known) < 2:
        return None
    words = COSTS[cost]
    sheet = Sheet(WIDTH, 228)
    up = _accuracy_span([network for network, _ in known])
    reach = [v for n, value in known for v in (value, *_spread(n, cost))]
    across = axes.span(map(math.log10, reach), 0.12, 0.6)
    panel = Panel(46, 16, WIDTH - 8, 190, across, up)
    levels(sheet, panel, _accuracy_ticks(*up, 0.1), "accuracy")
    for value in axes.decades(10 ** across[0], 10 ** across[1], 5):
        x, _ = panel.at(math.log10(value), up[0])
        sheet.write(x, 204, formatting.short(value), anchor="middle", size=11)
    sheet.write(WIDTH - 8, 221, f"{words} →", anchor="end")
    taken = [
        box
        for network, value in known
        for box in _point(sheet, panel, network, value, _spread(network, cost))
    ]
    for network, value in known:
        _name(sheet, panel, network, value, taken)
    described = (
        f"{network.name}: {formatting.whole(value)} {words}, {formatting.percent(network.accuracy)}"
        for network, value in known
    )
    return sheet.markup(ident, f"Test accuracy over {words}", "; ".join(described) + ".")


def _spread(network: Scored, cost: str) -> tuple[float, ...]:
    """The least and the most of what was measured run by run; empty for what is counted."""
    rates = [rate for rate in network.rates if rate > 0] if cost == "rate" else []
    return (min(rates), max(rates)) if len(rates) > 1 else ()


def _point(
    sheet: Sheet, panel: Panel, network: Scored, cost: float, spread: Sequence[float]
) -> list[axes.Box]:
    """Draws a network, its interval upright, its spread lying; returns the room they take."""
    across = math.log10(cost)
    x, y = panel.at(across, axes.by_error(network.accuracy))
    taken = [(x - 6, y - 6, x + 6, y + 6)]
    if network.interval:
        low, high = (panel.at(across, axes.by_error(end)) for end in network.interval)
        sheet.line([low, high], ACCENT, 1.5)
        taken.append((x - 2, high[1], x + 2, low[1]))
    if spread:
        ends = [panel.at(math.log10(end), axes.by_error(network.accuracy)) for end in spread]
        sheet.line(ends, ACCENT, 1.5)
        taken.append((ends[0][0], y - 2, ends[1][0], y + 2))
    if network.family == "mlp":
        rim = {"markeredgecolor": ACCENT, "markeredgewidth": 1.8}
        sheet.marks([(x, y)], "s", PAPER, 7.5, **rim)
    else:
        sheet.marks([(x, y)], "o", ACCENT, 10)
    return taken


def _name(sheet: Sheet, panel: Panel, network: Scored, cost: float, taken: list[axes.Box]) -> None:
    """Writes a network's name where it hides least; in a crowd the table above has to do."""
    label = formatting.cut(network.name, 22)
    point = panel.at(math.log10(cost), axes.by_error(network.accuracy))
    frame = (panel.left, panel.top, panel.right, panel.bottom)
    box = axes.place(point, (6.2 * len(label), 13), taken, frame)
    if sum(axes.overlap(box, other) for other in taken) <= 60:
        taken.append(box)
        sheet.write(box[0], (box[1] + box[3]) / 2, label, colour=INK)
