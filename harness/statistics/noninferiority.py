"""Did a network regress? "No significant difference" would not say that it did not."""

from dataclasses import dataclass
from math import inf
from typing import Literal

from harness.statistics.intervals import Interval, normal_quantile, t_quantile
from harness.statistics.paired import Right, paired_difference

# A loss of accuracy too small to act on: 20 of MNIST's 10,000 test images.
MARGIN = 0.002
CONFIDENCE = 0.95


@dataclass(frozen=True)
class NonInferiority:
    """What became of a network's accuracy; all as fractions.

    Attributes:
        difference: after - before.
        interval: two-sided 95 %, as of `paired_difference`.
        bound: one-sided 95 %: the loss is at most this.
        explanation: the grounds, as a sentence.
    """

    difference: float
    interval: Interval
    bound: float
    verdict: Literal["passed", "regressed", "inconclusive"]
    explanation: str


def non_inferiority(before: Right, after: Right, margin: float = MARGIN) -> NonInferiority:
    """Decides whether a network lost more accuracy than `margin`, paired on seeds and images.

    Passed: the lower one-sided 95 % bound of after - before lies above -margin. Regressed: the loss
    measured is the margin or more, and the two-sided 95 % interval lies below 0. Otherwise
    inconclusive. For one run the bound is d - 1.645 sqrt(b + c - (b - c)^2 / n) / n: Liu et al.
    (2002), Statistics in Medicine 21:231-245; for several, the t bound over seeds and images that
    belongs to `paired_difference`.
    Where every image is read as before, the bound is 0 for several too.

    Args:
        before, after: (seeds, images), whether an image is read right; row i has seed i. Rows that
            only one of them has are left out.

    Raises:
        ValueError: no seeds or images, other numbers of images, or a margin not above 0.
    """
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}")
    seeds = min(len(before), len(after))
    before, after = before[:seeds], after[:seeds]
    found = paired_difference(after, before)
    one = found.freedom == inf
    quantile = normal_quantile(CONFIDENCE) if one else t_quantile(CONFIDENCE, found.freedom)
    bound = max(-1.0, found.difference - quantile * found.standard_error)
    verdict: Literal["passed", "regressed", "inconclusive"]
    if bound > -margin:
        verdict = "passed"
        grounds = f"a loss of {_points(margin)} points or more is ruled out"
    elif found.difference <= -margin and found.interval[1] < 0:
        verdict = "regressed"
        grounds = f"a loss of {_points(margin)} points or more was measured, and is not chance"
    elif found.interval[1] < 0:
        verdict = "inconclusive"
        grounds = f"a loss is shown, but whether it is {_points(margin)} points is not"
    else:
        verdict = "inconclusive"
        grounds = f"neither is a loss shown, nor one of {_points(margin)} points ruled out"
    return NonInferiority(
        difference=found.difference,
        interval=found.interval,
        bound=bound,
        verdict=verdict,
        explanation=f"{grounds} ({_numbers(found.difference, found.interval, bound, seeds)})",
    )


def _numbers(difference: float, interval: Interval, bound: float, seeds: int) -> str:
    low, high = interval
    return (
        f"{100 * difference:+.2f} points [{100 * low:+.2f}, {100 * high:+.2f}], "
        f"one-sided 95 % bound {100 * bound:+.2f}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    )


def _points(fraction: float) -> str:
    return f"{100 * fraction:g}"
