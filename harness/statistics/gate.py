"""Verdicts on an accuracy: does it reach the document's gate, or the minimum expected one?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.statistics.intervals import Interval, mean_interval, repeats_interval, wilson

Verdict = Literal["passed", "failed", "inconclusive"]

# A seed this far below the gate did not fall short, it diverged.
DIVERGED = 0.01


@dataclass(frozen=True)
class GateResult:
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

    @property
    def fails_check(self) -> bool:
        """Returns whether the check of the gate fails.

        The mean of several runs decides by itself. One run falls short by chance too often, so the
        check fails only if its interval also lies below the gate (docs/decisions/0003).
        """
        short = self.seeds > 1 and self.accuracy < self.threshold
        return short or self.verdict == "failed"


def judge_gate(correct: Sequence[int], total: int, threshold: float) -> GateResult:
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
        grounds = (
            f"a seed diverged: {100 * min(diverged):.2f} % is more than 1 point below the gate"
        )
    elif lower >= threshold:
        verdict, grounds = (
            "passed",
            f"the lower bound {100 * lower:.2f} % clears {100 * threshold:.2f} %",
        )
    elif upper < threshold:
        verdict, grounds = (
            "failed",
            f"the upper bound {100 * upper:.2f} % is below {100 * threshold:.2f} %",
        )
    else:
        verdict = "inconclusive"
        bounds = f"{100 * lower:.2f} % to {100 * upper:.2f} %"
        grounds = f"the bounds {bounds} straddle {100 * threshold:.2f} %"
    return GateResult(
        threshold=threshold,
        accuracy=mean,
        interval=interval,
        margin=mean - threshold,
        verdict=verdict,
        seeds=len(correct),
        explanation=f"{grounds} ({method})",
    )


def judge_floor(correct: Sequence[int], total: int, floor: float) -> GateResult:
    """Decides by the minimum expected accuracy, from runs of the same recipe.

    The floor is a tolerance bound over seeds on these very images, so the question is whether the
    recipe is reproduced, and each run is compared with it directly: no interval is straddled.

    Args:
        floor: one that so many runs may all be held to, as of `tolerance_factor`.
    """
    gate = judge_gate(correct, total, floor)
    worst = min(correct) / total
    passed = worst >= floor
    side = "at or above" if passed else "below"
    run = "the run" if len(correct) == 1 else f"the lowest of {len(correct)} runs"
    return GateResult(
        threshold=floor,
        accuracy=gate.accuracy,
        interval=gate.interval,
        margin=worst - floor,
        verdict="passed" if passed else "failed",
        seeds=gate.seeds,
        explanation=(
            f"{run}, {100 * worst:.2f} %, is {side} the minimum expected accuracy "
            f"{100 * floor:.2f} %"
        ),
    )
