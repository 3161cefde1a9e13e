"""Normalizes a digit like MNIST's: scaled to 20 x 20, its centre of mass centred in 28 x 28.

"The original black and white images from NIST were size normalized to fit in a 20x20 pixel box
while preserving their aspect ratio. The resulting images contain grey levels as a result of the
anti-aliasing technique used by the normalization algorithm. The images were centered in a 28x28
image by computing the center of mass of the pixels."
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from harness.app.predict.binarize import find_ink
from harness.app.predict.image_files import read

Ink = NDArray[np.float32]
Digit = NDArray[np.uint8]

SIDE, BOX = 28, 20
# Of Pillow's filters, this one reproduces enlarged MNIST images best.
FILTER = Image.Resampling.HAMMING

# The digit's box ends where its ink falls below the first of these; below the second in small
# pictures, where a faint grey is the edge of a stroke and not blur.
_FAINT, _FAINT_WHEN_SMALL, _SMALL = 0.2, 0.02, 40

# Stroke widths after scaling, in pixels of the 28: about 95 % of MNIST's strokes lie in between.
# Thinner or thicker strokes are redrawn with the width of the limit, so that similar pictures give
# similar digits.
_THIN, _THICK = 1.5, 4.6


def normalize(path: Path) -> Digit:
    """Returns the digit in a picture file as an MNIST image: uint8 (28, 28), ink is 255.

    Raises:
        UserError: the file cannot be read, or shows no digit.
    """
    return place(find_ink(read(path)))


def place(ink: Ink) -> Digit:
    """Scales and centres ink, (rows, columns) from 0 to 1; returns uint8 (28, 28)."""
    cut = _redrawn(_cut_out(ink))
    rows, columns = cut.shape
    scale = BOX / max(rows, columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    small = np.asarray(Image.fromarray(cut).resize(size, FILTER))
    small = np.clip(small / max(float(small.max()), 1e-6), 0, 1)
    return _centred(np.rint(small * 255).astype(np.uint8))


def _cut_out(ink: Ink) -> Ink:
    cut = _box(ink, _FAINT_WHEN_SMALL)
    return cut if max(cut.shape) < _SMALL else _box(ink, _FAINT)


def _box(ink: Ink, faint: float) -> Ink:
    rows = np.flatnonzero((ink > faint).any(axis=1))
    columns = np.flatnonzero((ink > faint).any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def stroke_width(ink: Ink) -> float:
    """Estimates the width of the strokes in pixels.

    In a strip of width w the distance to the nearest paper is w/4 on average.
    """
    inside = ndimage.distance_transform_edt(np.pad(ink > 0.5, 1))
    if not inside.any():
        return 1.0
    return max(4 * float(inside[inside > 0].mean()) - 2, 1.0)


def _redrawn(ink: Ink) -> Ink:
    """Returns the digit with strokes as wide as MNIST's.

    Without this, a pencil line would fade away when the picture is reduced.
    """
    if not (ink > 0.5).any():
        return ink  # no stroke to measure or redraw
    scale = BOX / max(ink.shape)
    width = stroke_width(ink) * scale
    # In a small picture the greys are the edges of strokes, and redrawing would lose them.
    if _THIN <= width <= _THICK or max(ink.shape) < _SMALL:
        return ink
    more = (min(max(width, _THIN), _THICK) - width) / scale / 2
    room = int(max(more, 0)) + 2
    mask = np.pad(ink > 0.5, room)
    outside = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)
    return _cut_out(np.clip(more + 1 - outside, 0, 1).astype(np.float32))


def _centred(small: Digit) -> Digit:
    """Puts a digit of at most 20 x 20 into 28 x 28, its centre of mass in the middle."""
    rows, columns = small.shape
    row, column = ndimage.center_of_mass(small.astype(np.float64))
    top = min(max(round(SIDE / 2 - row), 0), SIDE - rows)
    left = min(max(round(SIDE / 2 - column), 0), SIDE - columns)
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + rows, left : left + columns] = small
    return image
