"""Made-up digits in the shapes, types and range of MNIST: what a submission may train on here.

Each image is a digit of a coarse font, moved, slanted and softened. The labels say which digit was
drawn, so nothing about the real data set, least of all its test labels, can be learnt from them.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TRAIN, TEST = 60_000, 10_000
SIZE = 28

# Five columns by seven rows, row after row.
_FONT = (
    "01110 10001 10011 10101 11001 10001 01110",
    "00100 01100 00100 00100 00100 00100 01110",
    "01110 10001 00001 00010 00100 01000 11111",
    "11110 00001 00001 01110 00001 00001 11110",
    "00010 00110 01010 10010 11111 00010 00010",
    "11111 10000 11110 00001 00001 10001 01110",
    "00110 01000 10000 11110 10001 10001 01110",
    "11111 00001 00010 00100 01000 01000 01000",
    "01110 10001 10001 01110 10001 10001 01110",
    "01110 10001 10001 01111 00001 00010 01100",
)
_SCALE = (3, 3)  # a digit of 21 × 15 pixels, about as large as MNIST's
_SHIFTS = tuple((row, column) for row in (-1, 0, 1) for column in (-2, -1, 0, 1, 2))
_FAINT = 0.15  # one bright neighbour alone leaves no ink
_SLANTS = (-0.2, 0.0, 0.2)


class Pictures(NamedTuple):
    """Images (N, 28, 28) uint8 in 0..255 and labels (N,) uint8 in 0..9."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


@cache
def pictures() -> Pictures:
    """Returns the same 60,000 + 10,000 pictures each time."""
    random = np.random.default_rng(20)
    variants = np.stack([_variants(digit) for digit in range(10)])  # (10, V, 28, 28)
    labels = random.permutation(np.arange(TRAIN + TEST) % 10).astype(np.uint8)
    chosen = random.integers(variants.shape[1], size=len(labels))
    images = variants[labels, chosen]
    return Pictures(images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:])


def _variants(digit: int) -> NDArray[np.uint8]:
    """Returns one digit moved and slanted in every way, (V, 28, 28)."""
    cells = np.array([[int(c) for c in row] for row in _FONT[digit].split()], np.float64)
    glyph = np.kron(cells, np.ones(_SCALE))
    canvas = np.zeros((SIZE, SIZE))
    top, left = (SIZE - glyph.shape[0]) // 2, (SIZE - glyph.shape[1]) // 2
    canvas[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
    return np.stack(
        [
            _soft(np.roll(_slanted(canvas, slant), shift, (0, 1)))
            for slant in _SLANTS
            for shift in _SHIFTS
        ]
    )


def _slanted(canvas: NDArray[np.float64], slant: float) -> NDArray[np.float64]:
    rows = [
        np.roll(row, round(slant * (SIZE / 2 - index) * 0.8)) for index, row in enumerate(canvas)
    ]
    return np.stack(rows)


def _soft(canvas: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Blurs the edges a little, as pens do; the brightest pixel becomes 255."""
    around = sum(np.roll(canvas, step, axis) for axis in (0, 1) for step in (-1, 1))
    soft = canvas * 0.6 + np.asarray(around) * 0.1
    soft[soft < _FAINT] = 0
    return np.asarray(np.rint(soft / soft.max() * 255), np.uint8)
