"""Is head slower than base? Pure functions of the times that `compare_revisions` measures.

On a shared machine one and the same code runs faster and slower from one second to the next, by
more than most changes do. So a process of base (A) and one of head (B) are alive side by side and
take turns, ABBA, and only neighbouring rounds are compared. A *pair* is two such processes, fresh
ones; its log-ratio is the median over its rounds. A *quad* is two pairs, in which the processes
are started, and begin, as A B and as B A: what being first does cancels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import median
from typing import Literal

import numpy as np

QUAD = "ABBA"
# Less than this is not worth an alarm on a machine that others use as well.
MIN_MARGIN = log(1.10)
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
    """Returns in which order processes are started, two for each pair: "ABBAABBA" for 2 quads."""
    return QUAD * quads


def turns(rounds: int) -> list[tuple[int, int]]:
    """Returns which of a pair's two processes is first and which second, in each round: ABBA."""
    return [(0, 1) if number % 2 == 0 else (1, 0) for number in range(rounds)]


def log_ratio(a: Sequence[float], b: Sequence[float]) -> float:
    """Returns a pair's log(B / A): the median over the rounds, each of a and b next to each other.

    Args:
        a: seconds of the rounds of A.
        b: seconds of the rounds of B, as many.

    Raises:
        ValueError: no rounds, not as many, or a time that is not positive.
    """
    if not a or len(a) != len(b) or min(*a, *b) <= 0:
        raise ValueError(f"{len(a)} and {len(b)} rounds are not pairs of positive times")
    return median(log(later / earlier) for earlier, later in zip(a, b, strict=True))


def compare(ratios: Sequence[float]) -> Comparison:
    """Returns the median of the pairs' log-ratios with its bootstrap interval.

    A pair of processes is what is drawn, with replacement, by a generator with a fixed seed: the
    same times give the same interval (Efron 1979; the percentile method, whose intervals are
    somewhat short for few pairs).

    Raises:
        ValueError: no pairs.
    """
    if not ratios:
        raise ValueError("there are no pairs to compare")
    values = np.asarray(ratios, dtype=np.float64)
    random = np.random.default_rng(_SEED)
    drawn = random.integers(0, len(values), (_RESAMPLES, len(values)))
    centres = np.median(values[drawn], axis=1)
    lower, upper = np.quantile(centres, (_LOWER, _UPPER))
    return Comparison(
        centre=float(np.median(values)),
        lower=float(lower),
        upper=float(upper),
        extreme=float(np.quantile(np.abs(centres), _EXTREME)),
    )


def margin(control: Comparison) -> float:
    """Returns what a difference must exceed, as a logarithm: 10 %, or what A/A shows if more."""
    return max(MIN_MARGIN, control.extreme)


def alarms(found: Comparison, beyond: float) -> bool:
    """Whether a difference is beyond a margin, and its own interval excludes chance."""
    return abs(found.centre) > beyond and found.lower * found.upper > 0


def judge(control: Comparison, found: Comparison) -> Verdict:
    """Decides about head, given what base against base (`control`) and against head showed.

    Slower, or faster: the median lies beyond the margin and the interval on one side of no
    difference. The same: the whole interval lies within 10 %; noise widens the margin of an alarm,
    but it is not evidence that two things are alike. Otherwise, and always when identical code
    differed by more than 10 %, nothing can be told.
    """
    if alarms(control, MIN_MARGIN):
        return "cannot tell"
    if alarms(found, margin(control)):
        return "slower" if found.centre > 0 else "faster"
    if max(-found.lower, found.upper) < MIN_MARGIN:
        return "same"
    return "cannot tell"
