"""What times of interleaved rounds say: a ratio with its interval, and how noisy the times are.

Rounds of one contest are paired: whatever slowed the machine down for a while slowed every runner
down. So runners are compared round by round, and the intervals come from resampling blocks of
consecutive rounds, which keeps a slow spell together (Künsch 1989, circular as in Politis and
Romano 1992).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, hypot, log
from typing import Any, Literal

import numpy as np

# Rounds. Longer blocks would leave too few of them: with 4, intervals of independent rounds came
# out 3 % too rarely over the truth.
BLOCK = 2
RESAMPLES = 2000
SEED = 0
CONFIDENCE = 0.95

# How much of its speed-up a network may lose, in a comparison with an earlier run.
ALLOWED_LOSS = 0.10

Verdict = Literal["fine", "regressed", "cannot tell"]


@dataclass(frozen=True)
class Ratio:
    """How many times as fast, with the ends of its 95 % interval."""

    ratio: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.ratio:.3g}× [{self.low:.3g}, {self.high:.3g}]"

    def to_json(self) -> dict[str, float]:
        return {"ratio": self.ratio, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Band:
    """Where the times lie, in seconds."""

    median_s: float
    q1_s: float
    q3_s: float
    p95_s: float

    @property
    def iqr_s(self) -> float:
        return self.q3_s - self.q1_s


def band(times: Sequence[float]) -> Band:
    """Returns the median, the quartiles and the 95th percentile of some times."""
    q1, median, q3, p95 = (float(q) for q in np.percentile(times, [25, 50, 75, 95]))
    return Band(median, q1, q3, p95)


def speedup(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Returns how many times as fast we are: the median over rounds of theirs / ours.

    Args:
        ours: seconds for the same work in each round, in the order of the rounds.
        theirs: the same, of another runner in the same rounds.
    """
    logs = np.log(np.asarray(theirs, np.float64)) - np.log(np.asarray(ours, np.float64))
    middles = np.median(logs[_blocks(len(logs))], axis=1)
    tail = 100 * _tail(len(logs) / BLOCK)
    low, high = np.percentile(middles, [tail, 100 - tail])
    middle = float(np.median(logs))
    # Equal ratios may come out of the percentiles apart in the last bit.
    return Ratio(exp(middle), exp(min(float(low), middle)), exp(max(float(high), middle)))


def _tail(blocks: float) -> float:
    """Returns the share of resamples to leave out at each end.

    Few blocks vary less among themselves than the machine does; this is the expanded percentile
    interval of Hesterberg (2015, section 3.3), with blocks for observations.
    """
    if blocks <= 1:
        return 0.0
    # SciPy takes a quarter of a second to import, which collecting the checks should not pay.
    from scipy.special import ndtr, stdtrit  # noqa: PLC0415

    quantile = stdtrit(blocks - 1, (1 - CONFIDENCE) / 2)
    return float(ndtr((blocks / (blocks - 1)) ** 0.5 * quantile))


def _blocks(rounds: int) -> Any:
    """Returns (RESAMPLES, rounds) indexes: blocks of consecutive rounds, past the end from 0."""
    length = min(BLOCK, rounds)
    count = -(-rounds // length)
    starts = np.random.default_rng(SEED).integers(0, rounds, (RESAMPLES, count, 1))
    indexes = (starts + np.arange(length)) % rounds
    return indexes.reshape(RESAMPLES, -1)[:, :rounds]


def change(now: Ratio, before: Ratio) -> Ratio:
    """Returns now / before; the two were measured apart, so their errors add in quadrature."""
    middle = log(now.ratio / before.ratio)
    down = hypot(log(now.ratio / now.low), log(before.high / before.ratio))
    up = hypot(log(now.high / now.ratio), log(before.ratio / before.low))
    return Ratio(exp(middle), exp(middle - down), exp(middle + up))


def judge(found: Ratio) -> Verdict:
    """Decides whether a change of the speed-up is a loss beyond what is allowed."""
    floor = 1 - ALLOWED_LOSS
    if found.high < floor:
        return "regressed"
    return "fine" if found.low > floor else "cannot tell"
