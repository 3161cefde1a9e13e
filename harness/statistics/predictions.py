"""What is read off a record's predictions: counts, bitmaps. Pure NumPy."""

import base64

import numpy as np
from numpy.typing import NDArray

CLASSES = 10


def correct(predictions: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Returns, for outputs (N, 10) and labels (N,), which images were read right, (N,)."""
    right: NDArray[np.bool_] = predictions.argmax(axis=1) == labels
    return right


def correct_bitmap(predictions: NDArray[np.float32], labels: NDArray[np.uint8]) -> str:
    """Returns `correct` as base64 of packed bits, the first image in the highest bit."""
    return base64.b64encode(np.packbits(correct(predictions, labels)).tobytes()).decode()


def read_bitmap(bitmap: str, images: int) -> NDArray[np.bool_]:
    """Returns which of so many images were read right, (images,): what `correct_bitmap` packed.

    Raises:
        ValueError: it is not base64, or not of so many images.
    """
    packed = base64.b64decode(bitmap, validate=True)
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8))
    if len(packed) != (images + 7) // 8 or bits[images:].any():
        raise ValueError(f"{len(packed)} bytes are not a bitmap of {images:,} images")
    return bits[:images].astype(np.bool_)


def confusion(predictions: NDArray[np.float32], labels: NDArray[np.uint8]) -> list[list[int]]:
    """Returns counts, one row for each true digit, one column for each digit read."""
    counts = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    read = predictions.argmax(axis=1)
    # A submitted network may have more outputs than there are digits; those are not digits.
    digits = read < len(counts)
    np.add.at(counts, (labels[digits], read[digits]), 1)
    rows: list[list[int]] = counts.tolist()
    return rows
