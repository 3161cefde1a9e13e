"""Separates the digit from dirt, frames, shadows and other ink in a picture."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.float32]
Mask = NDArray[np.bool_]
Areas = NDArray[np.int64]
Spots = NDArray[np.int32]

# Ink has at least this share of the digit's darkness; strokes contain pixels with at least half.
FAINT, SURE = 0.1, 0.5
# A spot smaller than this share of the largest spot's area is dirt.
_DIRT = 0.03
# A spot that touches several sides of the picture, or spans at least the first share of it, is a
# frame, a shadow or the edge of the table, if it encloses a spot of the second share of its area.
_SPANS, _INSIDE = 0.8, 0.2


def find_digit(
    ink: Pixels, floor: float, level_of: Callable[[Pixels], float]
) -> tuple[Mask, float] | None:
    """Returns where the digit is, without dirt and frames, and the darkness of its strokes.

    The darkness is measured without the frame, which may be printed around a digit in pencil.

    Args:
        ink: (rows, columns), 0 is paper.
        floor: smaller amounts of ink may be noise.
        level_of: returns the darkness of a full stroke in some ink; 0 if there is none.

    Returns:
        None if there is no digit.
    """
    level = level_of(ink)
    faint = max(floor, FAINT * level)
    spots, count = ndimage.label(ink > faint, np.ones((3, 3)))
    areas = np.bincount(spots.ravel(), minlength=count + 1)
    areas[0] = 0
    framing, cut = _at_the_border(spots, areas)
    rest = np.where(framing[spots], np.float32(0), ink)
    inner = level_of(rest)
    found = _with_ink(areas, spots, ink > max(floor, SURE * level))
    # Fainter ink cannot be distinguished from a smear.
    if SURE * inner >= faint:
        inside = _with_ink(areas, spots, rest > max(floor, SURE * inner))
        # The largest spot at the border may be part of the digit; smaller ones are neighbours.
        inside[cut & (inside <= np.where(cut, 0, inside).max())] = 0
        if inside.max() >= _INSIDE * found.max():
            found, level = inside, inner
    if found.max() == 0:
        return None
    return np.asarray((found >= _DIRT * found.max())[spots] & (found[spots] > 0)), level


def _with_ink(areas: Areas, spots: Spots, sure: Mask) -> Areas:
    """Returns the areas of the spots that have sure ink, 0 for the others."""
    return np.where(np.bincount(spots[sure], minlength=len(areas)) > 0, areas, 0)


def _at_the_border(spots: Spots, areas: Areas) -> tuple[Mask, Mask]:
    """Returns which spots frame the picture, and which are cut off by one side of it.

    Both are (number of spots + 1,). A frame touches at least two sides, or touches one and spans
    most of the picture, or spans it in both directions and surrounds all spots off the border.
    """
    framing, cut = np.zeros((2, len(areas)), np.bool_)
    sides = np.zeros(len(areas), np.int64)
    for side in (spots[0], spots[-1], spots[:, 0], spots[:, -1]):
        sides[np.unique(side)] += 1
    sides[0] = 0
    boxes = ndimage.find_objects(spots)
    within = [n for n in range(1, len(areas)) if not sides[n] and areas[n] >= _DIRT * areas.max()]
    for number, (down, across) in enumerate(boxes, start=1):
        spans = [
            part.stop - part.start >= _SPANS * size
            for part, size in zip((down, across), spots.shape, strict=True)
        ]
        if sides[number]:
            framing[number] = sides[number] > 1 or any(spans)
            cut[number] = not framing[number]
        elif all(spans):
            framing[number] = all(
                down.start < boxes[other - 1][0].start
                and boxes[other - 1][0].stop < down.stop
                and across.start < boxes[other - 1][1].start
                and boxes[other - 1][1].stop < across.stop
                for other in within
                if other != number
            )
    return framing, cut
