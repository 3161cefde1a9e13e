"""How far a network's outputs can be believed as probabilities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Softmax in float32 is off by 1e-6 at most, in float16 by no more than this.
SUM_TOLERANCE = 1e-3
# What Keras clips at: a digit held for impossible would otherwise cost infinitely much.
LEAST = 1e-7

Probabilities = NDArray[np.floating]
Labels = NDArray[np.integer]


@dataclass(frozen=True)
class Bin:
    """The images whose largest output lies in (low, high].

    Attributes:
        confidence: mean largest output of these images.
        accuracy: share of them that is read right.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def expected_calibration_error(
    probabilities: Probabilities, labels: Labels, bins: int = 15
) -> tuple[float, list[Bin]]:
    """Mean gap between confidence and accuracy, over equal-width bins of the largest output.

    Naeini, Cooper & Hauskrecht (2015), AAAI; the bins of Guo et al. (2017), ICML, eq. 3.

    Args:
        probabilities: (images, classes), rows that sum to 1.
        labels: (images,), the true classes.

    Returns:
        The error as a fraction, and the bins that hold images, from the lowest.

    Raises:
        ValueError: no images, rows that are not probabilities, or labels out of range.
    """
    _check(probabilities, labels)
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    # (low, high]: an output of exactly 1 belongs into the last bin.
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    confidences = np.bincount(index, confidence, bins)
    rights = np.bincount(index, right, bins)
    rows = [
        Bin(
            low=i / bins,
            high=(i + 1) / bins,
            count=int(counts[i]),
            confidence=float(confidences[i] / counts[i]),
            accuracy=float(rights[i] / counts[i]),
        )
        for i in np.flatnonzero(counts).tolist()
    ]
    return float(np.abs(confidences - rights).sum() / len(labels)), rows


def negative_log_likelihood(probabilities: Probabilities, labels: Labels) -> float:
    """Mean of -ln p of the true class, p no less than 1e-7 (Good 1952, JRSS B 14:107-114).

    Raises:
        ValueError: as of `expected_calibration_error`.
    """
    _check(probabilities, labels)
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(true, LEAST, 1.0)).mean())


def brier_score(probabilities: Probabilities, labels: Labels) -> float:
    """Mean over images of the summed squared differences from the truth, 0 to 2.

    Brier (1950), Monthly Weather Review 78:1-3.

    Raises:
        ValueError: as of `expected_calibration_error`.
    """
    _check(probabilities, labels)
    # sum (p - y)^2 = sum p^2 - 2 p_true + 1
    p = probabilities.astype(np.float64)
    true = p[np.arange(len(labels)), labels]
    return float((np.einsum("ij,ij->i", p, p) - 2 * true + 1).mean())


def are_probabilities(outputs: Probabilities) -> bool:
    """Whether each row (images, classes) lies within 0 and 1 and sums to 1."""
    if outputs.ndim != 2 or outputs.size == 0 or not np.isfinite(outputs).all():
        return False
    within = outputs.min() >= -SUM_TOLERANCE and outputs.max() <= 1 + SUM_TOLERANCE
    sums = outputs.sum(axis=1, dtype=np.float64)
    return bool(within and np.abs(sums - 1).max() <= SUM_TOLERANCE)


def _check(probabilities: Probabilities, labels: Labels) -> None:
    if not are_probabilities(probabilities):
        raise ValueError("the outputs are not probabilities: expected rows that sum to 1")
    if labels.shape != probabilities.shape[:1]:
        raise ValueError(f"{probabilities.shape[0]} rows of outputs, {labels.shape} labels")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise ValueError(f"labels from {labels.min()} to {labels.max()}, not all of them a class")
