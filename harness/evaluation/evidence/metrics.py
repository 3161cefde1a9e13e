"""What predictions say beside the accuracy: calibration, metrics by digit, confusions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Dataset
from harness.jobs.store.record import Record
from harness.report.schema import results as schema
from harness.statistics import predictions
from harness.statistics.calibration import (
    are_probabilities,
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
)
from harness.statistics.intervals import Interval, mean_interval, wilson

BINS = 15
MAX_CONFUSED = 10

_NO_PROBABILITIES = (
    "The outputs of {runs} are not probabilities: ten numbers from 0 to 1 that add up to 1 for "
    "each image. Their calibration is therefore not measured."
)

Outputs = NDArray[np.float32]
Labels = NDArray[np.uint8]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class SubjectMetrics:
    """What a subject's runs say beside their accuracy; fields as of `schema.Subject`."""

    calibration: schema.Calibration | None = None
    calibration_note: str | None = None
    classes: Sequence[schema.DigitMetrics] = ()
    confused: Sequence[schema.Confused] = ()


def of_subject(runs: Sequence[Record], dataset: Dataset | None) -> SubjectMetrics:
    """Returns the metrics of a subject; `runs` may be empty."""
    if not runs or dataset is None:
        return SubjectMetrics()
    labels = dataset.test_labels
    outputs = [run.predictions for run in runs]
    unfit = [run.seed for run in runs if not are_probabilities(run.predictions)]
    confusions = np.array([predictions.confusion(one, labels) for one in outputs])
    return SubjectMetrics(
        calibration=None if unfit else calibration(outputs, labels),
        calibration_note=_NO_PROBABILITIES.format(runs=_seeds(unfit)) if unfit else None,
        classes=classes(confusions, labels),
        confused=confused(confusions, labels),
    )


def scores(outputs: Outputs, labels: Labels) -> schema.RunCalibration | None:
    """Returns the scores of outputs (N, 10); None where they are not probabilities."""
    if not are_probabilities(outputs):
        return None
    error, _ = expected_calibration_error(outputs, labels, BINS)
    return schema.RunCalibration(
        ece=error,
        nll=negative_log_likelihood(outputs, labels),
        brier=brier_score(outputs, labels),
    )


def calibration(outputs: Sequence[Outputs], labels: Labels) -> schema.Calibration:
    """Returns a subject's `calibration`: means over its runs, and their outputs in bins.

    Args:
        outputs: probabilities (N, 10), for each run.
    """
    found = [one for one in (scores(each, labels) for each in outputs) if one is not None]
    ece, nll, brier = (
        [getattr(one, name) for one in found] for name in ("ece", "nll", "brier")
    )  # fmt: skip
    return schema.Calibration(
        ece=float(np.mean(ece)),
        ece_interval=_bounded(ece, 1.0),
        nll=float(np.mean(nll)),
        nll_interval=_bounded(nll, -float(np.log(1e-7))),
        brier=float(np.mean(brier)),
        brier_interval=_bounded(brier, 2.0),
        seeds=len(outputs),
        images=len(labels),
        bins=_bins(outputs, labels),
    )


def _bounded(values: Sequence[float], largest: float) -> Interval | None:
    """Student's interval of the mean, within what the score can be; None for one value."""
    if len(values) < 2:
        return None
    low, high = mean_interval(values)
    return max(low, 0.0), min(high, largest)


def _bins(outputs: Sequence[Outputs], labels: Labels) -> list[schema.Bin]:
    """Returns the images of all runs, by their largest output.

    An image that five runs classify is not five images: the interval uses the mean count.
    """
    runs = len(outputs)
    _, rows = expected_calibration_error(
        np.concatenate(outputs), np.tile(labels, runs), BINS
    )  # fmt: skip
    return [
        schema.Bin(
            low=row.low,
            high=row.high,
            count=row.count / runs,
            confidence=row.confidence,
            accuracy=row.accuracy,
            interval=_share(row.accuracy * row.count / runs, row.count / runs),
        )
        for row in rows
    ]


def classes(confusions: Counts, labels: Labels) -> list[schema.DigitMetrics]:
    """Returns recall, precision and F1 of each digit.

    Over all runs, each image counted once. A share of nothing is None.

    Args:
        confusions: counts (runs, digit, prediction).
    """
    mean = confusions.mean(axis=0)
    correct, predicted = np.diagonal(mean), mean.sum(axis=0)
    images = np.bincount(labels, minlength=predictions.CLASSES)
    return [
        schema.DigitMetrics(
            digit=digit,
            images=int(images[digit]),
            recall=_ratio(correct[digit], images[digit]),
            recall_interval=_share(correct[digit], images[digit]),
            precision=_ratio(correct[digit], predicted[digit]),
            precision_interval=_share(correct[digit], predicted[digit]),
            f1=_ratio(2 * correct[digit], images[digit] + predicted[digit]),
        )
        for digit in range(predictions.CLASSES)
    ]


def confused(confusions: Counts, labels: Labels) -> list[schema.Confused]:
    """Returns the most frequent mistakes, the most frequent first.

    Args:
        confusions: counts (runs, digit, prediction).
    """
    mean = confusions.mean(axis=0)
    images = np.bincount(labels, minlength=predictions.CLASSES)
    np.fill_diagonal(mean, 0)
    # Stable, so that equal counts keep the order of the digits on every machine.
    order = np.argsort(-mean, axis=None, kind="stable")[:MAX_CONFUSED]
    pairs = [divmod(int(place), predictions.CLASSES) for place in order]
    return [
        schema.Confused(
            label=label,
            prediction=prediction,
            count=float(mean[label, prediction]),
            share=float(mean[label, prediction] / images[label]),
        )
        for label, prediction in pairs
        if mean[label, prediction] > 0
    ]


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _share(part: float, whole: float) -> Interval | None:
    """Returns Wilson's interval; the counts may be means over runs."""
    # Rounding may bring a mean of parts above the mean of wholes that it equals.
    return wilson(min(float(part), float(whole)), float(whole)) if whole else None


def _seeds(seeds: Sequence[int]) -> str:
    names = ", ".join(map(str, seeds))
    return f"seed {names}" if len(seeds) == 1 else f"seeds {names}"
