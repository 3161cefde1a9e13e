"""What is read off predictions beside the accuracy: calibration, digits, confusions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Dataset
from harness.jobs.store.record import Record
from harness.statistics import predictions
from harness.statistics.calibration import (
    are_probabilities,
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
)
from harness.statistics.intervals import mean_interval, wilson

BINS = 15
MOST_CONFUSED = 10

# The least and the most that each score can be, for intervals that would reach beyond.
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "ece": (0.0, 1.0),
    "nll": (0.0, -float(np.log(1e-7))),
    "brier": (0.0, 2.0),
}

_NO_PROBABILITIES = (
    "The outputs of {runs} are no probabilities: ten numbers from 0 to 1 that add up to 1 for each "
    "image. How far they can be believed is therefore not measured."
)

Outputs = NDArray[np.float32]
Labels = NDArray[np.uint8]
Counts = NDArray[np.int64]


def of_run(record: Record, dataset: Dataset) -> dict[str, Any]:
    """Returns what a run of results.json has from here."""
    return {"calibration": scores(record.predictions, dataset.test_labels)}


def of_subject(runs: Sequence[Record], dataset: Dataset | None) -> dict[str, Any]:
    """Returns what a subject of results.json has from here; `runs` may be empty."""
    if not runs or dataset is None:
        return {"calibration": None, "calibration_note": None, "classes": [], "confused": []}
    labels = dataset.test_labels
    outputs = [run.predictions for run in runs]
    unfit = [run.seed for run in runs if not are_probabilities(run.predictions)]
    confusions = np.array([predictions.confusion(one, labels) for one in outputs])
    return {
        "calibration": None if unfit else calibration(outputs, labels),
        "calibration_note": _NO_PROBABILITIES.format(runs=_seeds(unfit)) if unfit else None,
        "classes": classes(confusions, labels),
        "confused": confused(confusions, labels),
    }


def scores(outputs: Outputs, labels: Labels) -> dict[str, float] | None:
    """Returns how far outputs (N, 10) can be believed; None where they are no probabilities."""
    if not are_probabilities(outputs):
        return None
    error, _ = expected_calibration_error(outputs, labels, BINS)
    return {
        "ece": error,
        "nll": negative_log_likelihood(outputs, labels),
        "brier": brier_score(outputs, labels),
    }


def calibration(outputs: Sequence[Outputs], labels: Labels) -> dict[str, Any]:
    """Returns a subject's `calibration`: means over its runs, and their outputs in bins.

    Args:
        outputs: probabilities (N, 10), for each run.
    """
    found = [one for one in (scores(each, labels) for each in outputs) if one is not None]
    summary: dict[str, Any] = {"seeds": len(outputs), "images": len(labels)}
    for name, (least, most) in _BOUNDS.items():
        values = [one[name] for one in found]
        summary[name] = float(np.mean(values))
        summary[f"{name}_interval"] = None
        if len(values) > 1:
            low, high = mean_interval(values)
            summary[f"{name}_interval"] = [max(low, least), min(high, most)]
    return {**summary, "bins": _bins(outputs, labels)}


def _bins(outputs: Sequence[Outputs], labels: Labels) -> list[dict[str, Any]]:
    """The images of all runs, by their largest output.

    An image that five runs read is no five images: the interval goes by the mean count.
    """
    runs = len(outputs)
    _, rows = expected_calibration_error(
        np.concatenate(outputs), np.tile(labels, runs), BINS
    )  # fmt: skip
    return [
        {
            "low": row.low,
            "high": row.high,
            "count": row.count / runs,
            "confidence": row.confidence,
            "accuracy": row.accuracy,
            "interval": _share(row.accuracy * row.count / runs, row.count / runs),
        }
        for row in rows
    ]


def classes(confusions: Counts, labels: Labels) -> list[dict[str, Any]]:
    """Returns, digit by digit, how many of its images are found, and how far a reading is right.

    Recall is the share of a digit's images that are read as it, precision the share of readings as
    it that are right, F1 their harmonic mean; over all runs, each image counted once. A share of
    nothing is None.

    Args:
        confusions: counts (runs, digit, digit read).
    """
    mean = confusions.mean(axis=0)
    right, read = np.diagonal(mean), mean.sum(axis=0)
    images = np.bincount(labels, minlength=predictions.CLASSES)
    rows = []
    for digit in range(predictions.CLASSES):
        both = images[digit] + read[digit]
        rows.append(
            {
                "digit": digit,
                "images": int(images[digit]),
                "recall": _ratio(right[digit], images[digit]),
                "recall_interval": _share(right[digit], images[digit]),
                "precision": _ratio(right[digit], read[digit]),
                "precision_interval": _share(right[digit], read[digit]),
                "f1": _ratio(2 * right[digit], both),
            }
        )
    return rows


def confused(confusions: Counts, labels: Labels) -> list[dict[str, Any]]:
    """Returns the commonest mistakes, the commonest first: which digit is read as which other.

    Args:
        confusions: counts (runs, digit, digit read).
    """
    mean = confusions.mean(axis=0)
    images = np.bincount(labels, minlength=predictions.CLASSES)
    np.fill_diagonal(mean, 0)
    # Stable, so that equal counts keep the order of the digits on every machine.
    order = np.argsort(-mean, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [divmod(int(place), predictions.CLASSES) for place in order]
    return [
        {
            "label": label,
            "prediction": prediction,
            "count": float(mean[label, prediction]),
            "share": float(mean[label, prediction] / images[label]),
        }
        for label, prediction in pairs
        if mean[label, prediction] > 0
    ]


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _share(part: float, whole: float) -> list[float] | None:
    """Wilson's interval; the count may be a mean over runs, and so may the whole."""
    # Rounding may bring a mean of parts above the mean of wholes that it equals.
    return list(wilson(min(float(part), float(whole)), float(whole))) if whole else None


def _seeds(seeds: Sequence[int]) -> str:
    names = ", ".join(map(str, seeds))
    return f"seed {names}" if len(seeds) == 1 else f"seeds {names}"
