"""Is head slower than base? Pure functions of the times that `harness.duet` measures.

Times of one block differ from those of the next by more than most changes do, because a shared
machine drifts. So base (A) and head (B) are measured in turn, ABBA, and only neighbours are
compared: each quad gives two log-ratios, log(B / A), one with A first and one with B first, and
what drifts steadily cancels between the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

QUAD = "ABBA"
# Less than this is not worth an alarm on a machine that others use as well.
LEAST_MARGIN = log(1.10)
_RESAMPLES = 4_000
_SEED = 0
_LOWER, _UPPER = 0.025, 0.975
_EXTREME = 0.99

Verdict = Literal["faster", "slower", "same", "cannot tell"]


@dataclass(frozen=True)
class Comparison:
    """How one side's times compare with the other's, as natural logarithms of B / A.

    Attributes:
        centre: median over the pairs.
        lower: of the 95 % bootstrap interval of `centre`.
        upper: likewise.
        extreme: 99th percentile of the bootstrap's |centre|: how far from none a difference as
            noisy as this one strays.
    """

    centre: float
    lower: float
    upper: float
    extreme: float

    @property
    def ratio(self) -> float:
        """B / A."""
        return exp(self.centre)


def order(quads: int) -> str:
    """Returns which side each block measures: "ABBAABBA" for two quads."""
    return QUAD * quads


def log_ratios(times: Sequence[float]) -> list[float]:
    """Returns log(B / A) of each pair of neighbours.

    Args:
        times: seconds of the blocks, in the order that `order` gives.

    Raises:
        ValueError: not whole quads, or a time that is none.
    """
    if not times or len(times) % len(QUAD) or min(times) <= 0:
        raise ValueError(f"{len(times)} blocks are no quads of positive times")
    ratios = []
    for first in range(0, len(times), len(QUAD)):
        a, b, other_b, other_a = times[first : first + len(QUAD)]
        ratios += [log(b / a), log(other_b / other_a)]
    return ratios


def compare(times: Sequence[float]) -> Comparison:
    """Returns the median log-ratio of the pairs with its bootstrap interval.

    A pair of neighbouring blocks is what is drawn, with replacement, by a generator with a fixed
    seed: the same times give the same interval (Efron 1979; the percentile method).

    Raises:
        ValueError: see `log_ratios`.
    """
    ratios: NDArray[np.float64] = np.asarray(log_ratios(times))
    random = np.random.default_rng(_SEED)
    drawn = random.integers(0, len(ratios), (_RESAMPLES, len(ratios)))
    centres = np.median(ratios[drawn], axis=1)
    lower, upper = np.quantile(centres, (_LOWER, _UPPER))
    return Comparison(
        centre=float(np.median(ratios)),
        lower=float(lower),
        upper=float(upper),
        extreme=float(np.quantile(np.abs(centres), _EXTREME)),
    )


def margin(control: Comparison) -> float:
    """Returns what a difference must exceed, as a logarithm: 10 %, or what A/A shows if more."""
    return max(LEAST_MARGIN, control.extreme)


def alarms(found: Comparison, beyond: float) -> bool:
    """Whether a difference is beyond a margin, and is no accident by its own interval."""
    return abs(found.centre) > beyond and found.lower * found.upper > 0


def judge(control: Comparison, found: Comparison) -> Verdict:
    """Decides about head, given what base against base (`control`) and against head showed.

    Slower, or faster: the median lies beyond the margin and the interval on one side of no
    difference. The same: the whole interval lies within 10 %; noise widens the margin of an alarm,
    but it is no evidence that two things are alike. Otherwise, and always when identical code
    differed by more than 10 %, nothing can be told.
    """
    if alarms(control, LEAST_MARGIN):
        return "cannot tell"
    if alarms(found, margin(control)):
        return "slower" if found.centre > 0 else "faster"
    if -LEAST_MARGIN < found.lower and found.upper < LEAST_MARGIN:
        return "same"
    return "cannot tell"
