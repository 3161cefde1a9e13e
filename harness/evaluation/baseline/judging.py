"""Has a network's accuracy fallen, has it grown? Pure functions of what it was and is.

Speed is in `harness.evaluation.baseline.speed`.
"""

from collections.abc import Callable, Sequence

import numpy as np

from harness.evaluation.baseline.model import (
    Correct,
    Data,
    Measure,
    Network,
    Row,
    Status,
    identical,
)
from harness.evaluation.baseline.previous_results import Earlier
from harness.statistics.noninferiority import MARGIN, NonInferiority, non_inferiority

Judge = Callable[[Correct, Correct, float], NonInferiority]

_COUNTS: Sequence[tuple[Measure, str]] = (("total_params", "parameters"), ("flops", "FLOPs"))

_ONE = (
    " Chance is that of the test images here: one seed compares two trainings, and a network that "
    "is merely trained anew may differ as much. --seeds=5 in both runs compares the networks."
)


def why_incomparable(earlier: Earlier, data: Data | None, same_recipe: bool) -> str | None:
    """Returns why no accuracy of a baseline can be compared with one of this run, as a sentence.

    Args:
        data: of this run; None where nothing is trained.
        same_recipe: whether what the baseline's networks were trained by is what this run's are.
    """
    if data is None:
        return "This run does not train a network, so it has no accuracies to compare."
    if earlier.data is None or not any(network.runs for network in earlier.networks):
        return "The baseline has no trained network, so it has no accuracies to compare with."
    if earlier.data != data:
        return f"The baseline was measured on other images ({earlier.data}), this run on {data}."
    if not same_recipe:
        return (
            f"The baseline's networks were trained with --recipe={earlier.recipe or '(unknown)'} "
            "and this run's were not, so their accuracies cannot be compared."
        )
    if not any(network.correct for network in earlier.networks):
        return (
            "The baseline does not say which images each run classified correctly, because an "
            "earlier version of the grader wrote it."
        )
    return None


def accuracy(now: Network, then: Network, judge: Judge = non_inferiority) -> Row:
    """Returns how a network's accuracy changed, seed by seed and image by image.

    Args:
        now, then: of the same test images.
        judge: compares the correctly classified images before and after, each (seeds, images).
    """

    def row(status: Status, text: str) -> Row:
        return Row(now.id, then.id, "accuracy", status, text, _mean(then), _mean(now))

    if not now.correct:
        return row("missing", "It was not trained in this run: its other checks say why.")
    if not then.runs:
        return row("new", "In the baseline it was not trained: there is nothing to compare with.")
    seeds = sorted(set(now.correct) & set(then.correct))
    if not seeds:
        return row(
            "not comparable",
            f"No seed was trained in both: {_listed(then)} in the baseline, {_listed(now)} now.",
        )
    before = np.stack([then.correct[seed] for seed in seeds])
    after = np.stack([now.correct[seed] for seed in seeds])
    found = judge(before, after, MARGIN)
    return Row(
        now.id,
        then.id,
        "accuracy",
        _status(found, same=bool((before == after).all())),
        _explained(found, before, after, most=max(now.runs, then.runs)),
        before=float(before.mean()),
        after=float(after.mean()),
        difference=found.difference,
        interval=(found.interval[0], found.interval[1]),
    )


def counts(now: Network, then: Network) -> list[Row]:
    """Returns how a network's size changed: its parameters, and its FLOPs for one image."""
    return [
        _count(now, then, measure, words, getattr(then, measure), getattr(now, measure))
        for measure, words in _COUNTS
    ]


def _count(
    now: Network, then: Network, measure: Measure, words: str, before: int | None, after: int | None
) -> Row:
    if before is None:
        status, text = "new", f"In the baseline it was not built: no {words} to compare with."
    elif after is None:
        status, text = "missing", "It was not built in this run: its other checks say why."
    elif before == after:
        status, text = "unchanged", f"{after:,} {words}, as before."
    elif identical(now, then):
        status, text = "not comparable", (
            f"{before:,} {words} before and {after:,} now, of the same network: they were counted "
            "otherwise then."
        )  # fmt: skip
    else:
        more = after > before
        status = "regressed" if more else "improved"
        share = f" ({100 * (after / before - 1):+.1f} %)" if before else ""
        text = (
            f"{before:,} {words} before, {after:,} now{share}: {abs(after - before):,} "
            f"{'more' if more else 'fewer'}."
        )
    difference = None if before is None or after is None else after - before
    return Row(now.id, then.id, measure, status, text, before, after, difference)  # type: ignore[arg-type]


def _status(found: NonInferiority, *, same: bool) -> Status:
    if same:
        return "unchanged"
    if found.verdict == "passed" and found.interval[0] > 0:
        return "improved"
    return found.verdict


def _explained(found: NonInferiority, before: Correct, after: Correct, most: int) -> str:
    seeds, images = before.shape
    some = f" with {seeds} of {most} seeds" if most > seeds else ""
    return (
        f"{100 * before.mean():.2f} % before, {100 * after.mean():.2f} % now, on the same "
        f"{images:,} images{some}: "
        f"{found.explanation}.{_ONE if seeds == 1 and (before != after).any() else ''}"
    )


def _mean(network: Network) -> float | None:
    runs = list(network.correct.values())
    return float(np.mean([run.mean() for run in runs])) if runs else None


def _listed(network: Network) -> str:
    seeds = sorted(network.correct)
    return f"seeds {', '.join(map(str, seeds))}" if seeds else "no seed with its predictions"
