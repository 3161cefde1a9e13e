"""Predictions on sample digits, as document 003 shows them: by a rule, misread ones among them."""

import base64
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Bytes
from harness.experiments.base import Kind, Outcome
from harness.experiments.context import Lab

# So many of the misread images are shown.
MISREAD = 10


@dataclass(frozen=True)
class SamplePredictions:
    """What a network makes of test digits that nobody picked by hand."""

    architecture: str
    source: str
    id: str = "sample_predictions"
    kind: Kind = "samples"
    title: str = "Predictions on sample digits"
    question: str = "What does the trained network make of single test digits, and how sure is it?"

    def run(self, lab: Lab) -> Outcome:
        """Shows the first run's predictions."""
        run = lab.runs(self.architecture)[0]
        data = lab.dataset
        return Outcome(shown(run.predictions, data.test_labels, data.test_images, run.seed))


SAMPLES = (SamplePredictions("mlp_256_128", "the picture 'Real Test on Data', at the end"),)


def chosen(read: NDArray[np.integer[Any]], labels: Bytes) -> tuple[list[int], list[int]]:
    """Returns the first image of each digit, and the first misread ones beside them.

    The order of the test set decides, so nobody could pick what looks well.

    Args:
        read: the digit that was read in each test image, (N,).
        labels: what it shows, (N,).
    """
    first = sorted(int(np.flatnonzero(labels == digit)[0]) for digit in np.unique(labels))
    wrong = [int(index) for index in np.flatnonzero(read != labels) if index not in first]
    return first, wrong[:MISREAD]


def shown(
    predictions: NDArray[np.float32], labels: Bytes, images: Bytes, seed: int
) -> dict[str, Any]:
    """Returns the experiment's result.

    Args:
        predictions: probabilities, (N, 10).
        images: (N, 28, 28).
    """
    read = predictions.argmax(axis=1)
    first, wrong = chosen(read, labels)
    right = int((read == labels).sum())
    read_rightly = sum(read[index] == labels[index] for index in first)
    finding = (
        f"Shown are the first test image of each digit, {read_rightly} of {len(first)} read "
        f"rightly, and then the first {len(wrong)} of the misread ones. Of all {len(labels):,} "
        f"test images {right:,} are read rightly ({right / len(labels):.2%})."
    )
    return {
        "seed": seed,
        "finding": finding,
        "samples": [
            {
                "index": index,
                "label": int(labels[index]),
                "prediction": int(read[index]),
                "probabilities": [_rounded(value) for value in predictions[index]],
                "pixels": base64.b64encode(images[index].tobytes()).decode(),
            }
            for index in (*first, *wrong)
        ],
    }


def _rounded(value: np.float32) -> float | None:
    """JSON knows no NaN."""
    return round(float(value), 4) if isfinite(value) else None
