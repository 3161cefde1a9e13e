"""Separates ink from paper: dark on light or light on dark, unevenly lit or noisy.

The border of the picture is taken to be paper. Its shade, a fitted surface if the light is uneven,
is subtracted; the largest differences are ink.
"""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from harness.app.predict.find_digit import SURE, find_digit
from reference.errors import UserError

Pixels = NDArray[np.float32]
Mask = NDArray[np.bool_]

BLANK = "the picture is blank: it shows no digit"
UNCLEAR = (
    "ink and paper cannot be told apart. Leave some paper around the digit, and light it evenly."
)

# The width of the border, as a share of the shorter side.
_BORDER = 0.04
# Ink differs from paper by at least this share of the range from black to white.
_MIN_CONTRAST = 0.05
# A picture with this much contrast is not blank.
_CONTRAST = 0.5
# A stroke has at least this many pixels.
_FEW = 20
# Paper whose shade varies by less than this (standard deviation) is evenly lit and clean.
_EVEN = 1.5 / 255
# The surface is fitted to at most this many rows and columns.
_FITTED_SIDE = 64
# Pixels within this many standard deviations of the paper are paper.
_NOISE = 4.0
# Paper rougher than this (standard deviation) is smoothed by a Gaussian of this width in pixels.
_ROUGH, _SMOOTHING = 0.01, 1.2


def find_ink(picture: Pixels) -> Pixels:
    """Returns the amount of ink, float32 (rows, columns): 0 is paper, 1 is a full stroke.

    Args:
        picture: (rows, columns, channels), 0 to 1.

    Raises:
        UserError: the picture is blank.
    """
    border = _border(picture.shape[0], picture.shape[1])
    difference = picture - _paper(picture, border)
    ink = _towards_ink(difference)
    if _deviation(ink[border]) > _ROUGH:
        ink = ndimage.gaussian_filter(ink, _SMOOTHING)
    floor = _NOISE * _deviation(ink[border])
    peak = _peak(ink, floor)
    if peak < max(_MIN_CONTRAST, 2 * floor):
        raise UserError(BLANK if np.ptp(picture) < _CONTRAST else UNCLEAR)
    found = find_digit(ink, floor, partial(_level, floor=floor))
    if found is None:
        raise UserError(BLANK)
    digit, level = found
    # Next to a stroke, even the faintest grey belongs to it.
    near = ndimage.binary_dilation(digit, iterations=2)
    low = floor / 2
    return np.where(near, np.clip((ink - low) / (level - low), 0, 1), 0).astype(np.float32)


def _level(ink: Pixels, floor: float) -> float:
    """Returns the amount of ink of a full stroke; 0 if there is no stroke."""
    peak = _peak(ink, floor)
    if peak < max(_MIN_CONTRAST, 2 * floor):
        return 0.0
    # With noise, the darkest pixels are too dark.
    return float(np.quantile(ink[ink > SURE * peak], 0.9)) if floor > 0 else peak


def _peak(ink: Pixels, floor: float) -> float:
    """Returns the largest amount of ink; with noise, the smallest of the _FEW largest amounts."""
    if floor == 0:
        return float(ink.max())
    return float(np.partition(ink, -_FEW, axis=None)[-_FEW]) if ink.size > _FEW else 0.0


def _border(rows: int, columns: int) -> Mask:
    width = max(1, round(_BORDER * min(rows, columns)))
    border = np.ones((rows, columns), np.bool_)
    border[width:-width, width:-width] = False
    return border


def _deviation(values: NDArray[np.float32]) -> float:
    """Returns the standard deviation, estimated by the median absolute deviation."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _paper(picture: Pixels, border: Mask) -> Pixels:
    """Returns the shade of the paper at every pixel, (rows, columns, channels)."""
    flat = np.median(picture[border], axis=0)
    if max(_deviation(picture[border][:, c]) for c in range(picture.shape[2])) <= _EVEN:
        return np.broadcast_to(flat, picture.shape)
    return _surface(picture, border)


def _surface(picture: Pixels, border: Mask) -> Pixels:
    """Fits a quadratic surface to the paper of an unevenly lit picture.

    First the border is taken to be paper, then all pixels close to the surface.
    """
    rows, columns = picture.shape[:2]
    step = -(-max(rows, columns) // _FITTED_SIDE)
    few, edge = picture[::step, ::step], border[::step, ::step]
    y, x = _axis(rows)[::step], _axis(columns)[::step]
    ones = np.ones((len(y), len(x)), np.float32)
    across, down = ones * x, ones * y[:, None]
    known = np.stack([ones, across, down, across * down, across**2, down**2], axis=-1)
    # The border alone does not determine the curvature of the middle.
    fitted = known[:, :, :3] @ _fit(known[edge][:, :3], few[edge])
    found = np.zeros((known.shape[2], few.shape[2]))
    for _ in range(4):
        error = np.abs(few - fitted).max(axis=2)
        reach = 3 * max(1.4826 * float(np.median(error[edge])), _EVEN)
        paper = error < reach
        found = _fit(known[paper], few[paper])
        fitted = known @ found
    return _evaluated(found, rows, columns)


def _evaluated(found: NDArray[np.float64], rows: int, columns: int) -> Pixels:
    """Returns the surface at every pixel, (rows, columns, channels)."""
    y, x = _axis(rows)[:, None], _axis(columns)
    layers = [
        (one + down * y + downs * y * y) + (across + both * y) * x + acrosses * (x * x)
        for one, across, down, both, acrosses, downs in found.astype(np.float32).T
    ]
    return np.stack(layers, axis=-1)


def _axis(size: int) -> Pixels:
    return np.linspace(-1, 1, size, dtype=np.float32)


def _fit(terms: Pixels, values: Pixels) -> NDArray[np.float64]:
    """Returns robust least-squares coefficients, (terms, channels)."""
    weights: NDArray[np.floating[Any]] = np.ones(len(values))
    found: NDArray[np.float64] = np.zeros((terms.shape[1], values.shape[1]))
    for _ in range(4):
        weighted = terms * weights[:, None]
        solved = np.linalg.lstsq(weighted.T @ terms, weighted.T @ values, rcond=None)
        found = np.asarray(solved[0], np.float64)
        error = np.abs(values - terms @ found).max(axis=1)
        scale = max(float(np.median(error)), 1e-3)
        weights = 1 / (1 + (error / (2 * scale)) ** 2)
    return found


def _towards_ink(difference: Pixels) -> Pixels:
    """Returns each pixel's difference from paper, (rows, columns), positive where there is ink.

    Colours are projected on the direction in which they differ most from the paper, so that red on
    green of the same brightness is as clear as black on white.
    """
    size = np.sqrt(np.mean(difference**2, axis=2))
    strong = difference[size > _otsu(size)]
    if len(strong) == 0:
        raise UserError(BLANK)
    _, directions = np.linalg.eigh(strong.T @ strong)
    direction = directions[:, -1]
    if float(np.mean(strong @ direction)) < 0:
        direction = -direction
    # Scaled so that black on white is 1 for any number of channels.
    return np.asarray(difference @ direction / np.abs(direction).sum(), np.float32)


def _otsu(values: NDArray[np.float32]) -> float:
    """Returns the threshold between the two most different groups of values (Otsu 1979)."""
    counts, edges = np.histogram(values, 256)
    middles = np.array([(a + b) / 2 for a, b in pairwise(edges)])
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1:][np.nanargmax(between)]) if np.isfinite(between).any() else 0.0
