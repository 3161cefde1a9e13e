"""Intervals and verdicts. Each function cites where its formula comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

Verdict = Literal["passed", "failed", "inconclusive"]
Interval = tuple[float, float]

# A seed this far below the gate did not fall short, it diverged.
DIVERGED = 0.01


def wilson(correct: float, total: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion, as fractions.

    `correct` need not be whole: it may be a mean over several runs on the same images, which are
    no more images for having been read several times.

    Wilson (1927), JASA 22:209-212; the form of Brown, Cai & DasGupta (2001), eq. 4.

    Raises:
        ValueError: not 0 <= correct <= total, or total = 0.
    """
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"{correct} of {total} is no proportion")
    z = _normal_quantile(0.5 + confidence / 2)
    p = correct / total
    centre = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    # At 0 and at `total` the bounds are exact; rounding must not push them past the end.
    lower = 0.0 if correct == 0 else centre - half
    upper = 1.0 if correct == total else centre + half
    return lower, upper


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's t interval for the mean of K >= 2 independent runs (Student 1908).

    Raises:
        ValueError: fewer than two values.
    """
    count = len(values)
    if count < 2:
        raise ValueError("an interval for a mean needs at least two values")
    mean = sum(values) / count
    spread = sqrt(sum((v - mean) ** 2 for v in values) / (count - 1))
    half = _t_quantile(0.5 + confidence / 2, count - 1) * spread / sqrt(count)
    return mean - half, mean + half


def repeats_interval(counts: Sequence[tuple[int, int]], *, same_images: bool) -> Interval:
    """95 % interval for the mean accuracy of repeats.

    One repeat: Wilson's, on its images. Several: Student's t over them, cut at 0 and 1. Where all
    repeats came out the same, Student's interval has no width, which so few repeats do not
    warrant, and Wilson's stands in.

    Args:
        counts: for each repeat, correct and all images; at least one repeat.
        same_images: whether all repeats read the same images, as seeds do, or each its own, as
            folds do. Wilson's counts an image once, however often it was read.

    Raises:
        ValueError: no repeats, or not 0 <= correct <= all.
    """
    accuracies = [correct / images for correct, images in counts]
    if len(set(accuracies)) <= 1:
        if counts and same_images:
            return wilson(*counts[0])
        return wilson(sum(c for c, _ in counts), sum(n for _, n in counts))
    lower, upper = mean_interval(accuracies)
    return max(lower, 0.0), min(upper, 1.0)


@dataclass(frozen=True)
class Gate:
    """What was decided about an accuracy, and on what grounds.

    Attributes:
        accuracy: of the run, or the mean over the runs.
        interval: two-sided 95 %, as of `repeats_interval`.
        margin: accuracy - threshold.
        explanation: the grounds, as a sentence.
    """

    threshold: float
    accuracy: float
    interval: Interval
    margin: float
    verdict: Verdict
    seeds: int
    explanation: str


def judge_gate(correct: Sequence[int], total: int, threshold: float) -> Gate:
    """Decides whether networks that got `correct[i]` of `total` test images reach a threshold.

    One run: passed when the Wilson interval lies above the threshold, failed when it lies below,
    otherwise inconclusive. K runs: passed when the one-sided 95 % t bound of the mean does and no
    run diverged; failed when the upper bound lies below, or a run diverged.

    Raises:
        ValueError: no runs.
    """
    if not correct:
        raise ValueError("a gate needs at least one run")
    accuracies = [c / total for c in correct]
    mean = sum(accuracies) / len(accuracies)
    if len(correct) == 1:
        interval = wilson(correct[0], total)
        lower, upper = interval
        method = f"95 % Wilson interval on {total:,} test images"
    else:
        interval = repeats_interval([(c, total) for c in correct], same_images=True)
        lower, upper = mean_interval(accuracies, confidence=0.90)  # one-sided 95 % each
        method = f"one-sided 95 % t bounds over {len(correct)} seeds"
    diverged = [a for a in accuracies if a < threshold - DIVERGED] if len(correct) > 1 else []
    if diverged:
        verdict: Verdict = "failed"
        grounds = f"a seed diverged: {min(diverged):.2%} is more than 1 point below the gate"
    elif lower >= threshold:
        verdict, grounds = "passed", f"the lower bound {lower:.2%} clears {threshold:.2%}"
    elif upper < threshold:
        verdict, grounds = "failed", f"the upper bound {upper:.2%} is below {threshold:.2%}"
    else:
        verdict = "inconclusive"
        grounds = f"the bounds {lower:.2%} to {upper:.2%} straddle {threshold:.2%}"
    return Gate(
        threshold=threshold,
        accuracy=mean,
        interval=interval,
        margin=mean - threshold,
        verdict=verdict,
        seeds=len(correct),
        explanation=f"{grounds} ({method})",
    )


def judge_floor(correct: Sequence[int], total: int, floor: float) -> Gate:
    """Decides by a calibrated floor: the least accuracy that the same recipe was seen to give.

    The floor is a tolerance bound over seeds on these very images, so the question is whether the
    recipe is reproduced, and each run is compared with it directly: no interval is straddled.
    """
    gate = judge_gate(correct, total, floor)
    worst = min(correct) / total
    passed = worst >= floor
    side = "at or above" if passed else "below"
    return Gate(
        threshold=floor,
        accuracy=gate.accuracy,
        interval=gate.interval,
        margin=worst - floor,
        verdict="passed" if passed else "failed",
        seeds=gate.seeds,
        explanation=f"the lowest run, {worst:.2%}, is {side} the calibrated floor {floor:.2%}",
    )


# One-sided normal tolerance factors k: with 95 % confidence, mean - k * s lies below 99.9 % of the
# runs. Non-central t: k = t'(n - 1, z_0.999 * sqrt(n); 0.95) / sqrt(n), Natrella (1963), sec. 2-13.
TOLERANCE_COVERAGE = 0.999
TOLERANCE_CONFIDENCE = 0.95


def tolerance_factor(count: int) -> float:
    """Returns the one-sided normal tolerance factor k for `count` runs (4.32 for 20)."""
    from scipy.stats import nct  # noqa: PLC0415

    shift = _normal_quantile(TOLERANCE_COVERAGE) * sqrt(count)
    return float(nct.ppf(TOLERANCE_CONFIDENCE, count - 1, shift)) / sqrt(count)


# SciPy takes a quarter of a second to import, which collecting the checks should not pay.


def _normal_quantile(probability: float) -> float:
    from scipy.special import ndtri  # noqa: PLC0415

    return float(ndtri(probability))


def _t_quantile(probability: float, degrees_of_freedom: int) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415

    return float(stdtrit(degrees_of_freedom, probability))
