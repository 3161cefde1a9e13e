"""Where a value lies on an axis, and which values get a tick. Pure arithmetic."""

import itertools
import math
from collections.abc import Iterable, Sequence

# the roundest first: a less round value gets a tick only where there is room left for it
ACCURACY_TICKS = (
    0.9, 0.99, 0.999, 0.98, 0.95, 0.5, 0.8, 0.1, 0.995, 0.998, 0.97, 0.96, 0.9995, 0.985, 0.3, 0.7,
    0.85, 0.93, 0.992, 0.997,
)  # fmt: skip
LOSS_TICKS = (
    1.0, 0.1, 0.01, 0.001, 10.0, 0.0001, 0.5, 0.05, 0.005, 0.0005, 5.0, 0.2, 0.02, 0.002, 2.0,
)  # fmt: skip
SMALLEST_ERROR = 1e-4  # one image of 10,000: a perfect score still has a place
SMALLEST_LOSS = 1e-4

Box = tuple[float, float, float, float]  # left, top, right, bottom


def by_error(accuracy: float) -> float:
    """Accuracy on a scale on which equal steps divide the errors by equal factors."""
    return -math.log10(max(1 - accuracy, SMALLEST_ERROR))


def by_loss(loss: float) -> float:
    return math.log10(max(loss, SMALLEST_LOSS))


def span(values: Iterable[float], margin: float, smallest: float) -> tuple[float, float]:
    """The ends of an axis: the values' range and a share of it, `smallest` at least."""
    known = list(values)
    low, high = min(known), max(known)
    spare = max(margin * (high - low), (smallest - (high - low)) / 2)
    return low - spare, high + spare


def ticks(candidates: Iterable[float], low: float, high: float, gap: float) -> list[float]:
    """Those of the candidates that fit, first come first served.

    `gap` is the least distance of two ticks, as a share of the axis from low to high.
    """
    room = gap * (high - low)
    chosen: list[float] = []
    for value in candidates:
        if low <= value <= high and all(abs(value - other) >= room for other in chosen):
            chosen.append(value)
    return sorted(chosen)


def decades(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between two positive ones: 1, 2, 5; or 1, 3; or 1 only, times powers of ten."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside: list[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        inside = [
            value
            for exponent in exponents
            for factor in factors
            if low <= (value := factor * 10.0**exponent) <= high
        ]
        if len(inside) <= most:
            break
    return inside


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Moves labels apart so that neighbours are `gap` from each other, inside low..high.

    The order is kept and nothing moves that need not.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for _ in range(20):
        for before, after in itertools.pairwise(order):
            overlap = gap - (moved[after] - moved[before])
            if overlap > 1e-6:
                moved[before] -= overlap / 2
                moved[after] += overlap / 2
        moved = [min(max(place, low), high) for place in moved]
    return moved


def overlap(one: Box, two: Box) -> float:
    """The area two boxes share."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    return max(width, 0) * max(height, 0)


def place(
    point: tuple[float, float], size: tuple[float, float], taken: list[Box], frame: Box
) -> Box:
    """Finds the place beside a point where a label covers least of what is there already."""
    (x, y), (width, height) = point, size
    best: tuple[float, Box] | None = None
    for across, down in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1)):
        reach = 9 if not down or not across else 6
        left = x + across * reach - (width if across < 0 else width / 2 if not across else 0)
        top = y + down * 12 - height / 2
        box = (left, top, left + width, top + height)
        outside = width * height - overlap(box, frame)
        cost = 10 * outside + sum(overlap(box, other) for other in taken)
        if best is None or cost < best[0] - 1e-6:
            best = (cost, box)
    return best[1] if best else (x, y, x, y)
