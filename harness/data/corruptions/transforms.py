"""Corrupts images, each by a value in its own unit. Pure NumPy on uint8 (N, 28, 28).

Each image is corrupted by itself, whatever lies beside it. Sums are taken in a fixed order, since a
product of matrices is rounded differently for other numbers of images. Random numbers come from
SplitMix64 over the image's own bytes, a seed and a counter, so they do not depend on the image's
place, on how many images are corrupted at once, or on a library's version.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

WHITE = 255.0
_SIZE = 28
_CENTRE = (_SIZE - 1) / 2
_GREY = 128
# Beyond so many standard deviations a Gaussian is nothing.
_REACH = 4.0

# SplitMix64: Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators, fig. 14,
# with the constants of its variant 13. Arithmetic is modulo 2 ** 64.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_DROPPED = np.uint64(11)
_UNIT = 2.0**-53  # a double holds 53 bits


def shift(images: Images, pixels: float, seed: int) -> Images:
    """Moves each image by whole pixels, up, down, left or right; what leaves is lost."""
    distance = round(pixels)
    moved = np.zeros_like(images)
    kept, freed = slice(0, _SIZE - distance), slice(distance, _SIZE)
    everything = slice(None)
    moves = (
        ((freed, everything), (kept, everything)),
        ((kept, everything), (freed, everything)),
        ((everything, freed), (everything, kept)),
        ((everything, kept), (everything, freed)),
    )
    direction = (uniform(images, "shift", seed, 1)[:, 0] * len(moves)).astype(int)
    for number, (target, source) in enumerate(moves):
        chosen = np.flatnonzero(direction == number)
        moved[chosen, *target] = images[chosen, *source]
    return moved


def rotate(images: Images, degrees: float, seed: int) -> Images:
    """Turns each image about its centre, to the left or to the right."""
    turned = np.empty_like(images)
    left = uniform(images, "rotation", seed, 1)[:, 0] < 0.5
    turned[left] = turn(images[left], degrees)
    turned[~left] = turn(images[~left], -degrees)
    return turned


def turn(images: Images, degrees: float) -> Images:
    """Turns all images anticlockwise."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return _resampled(images, np.array([[cos, sin], [-sin, cos]]))


def scale(images: Images, percent: float, _seed: int) -> Images:
    """Makes each image smaller about its centre, to so much of its width."""
    return _resampled(images, np.eye(2) / (percent / 100))


def add_noise(images: Images, percent: float, seed: int) -> Images:
    """Adds Gaussian noise; its deviation is in per cent of white."""
    noise = normal(images, "noise", seed, _SIZE * _SIZE // 2).reshape(images.shape)
    return _bytes(images + noise * np.float32(WHITE * percent / 100))


def blur(images: Images, deviation: float, _seed: int) -> Images:
    """Smooths each image by a Gaussian of so many pixels; beyond its edge there is black."""
    if deviation == 0:
        return images.copy()
    reach = min(int(np.ceil(_REACH * deviation)), _SIZE)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    down = np.pad(images, ((0, 0), (reach, reach), (0, 0))).astype(np.float32)
    smooth = _weighted(taps, [down[:, place : place + _SIZE] for place in range(len(taps))])
    right = np.pad(smooth, ((0, 0), (0, 0), (reach, reach)))
    return _bytes(
        _weighted(taps, [right[:, :, place : place + _SIZE] for place in range(len(taps))])
    )


def lower_contrast(images: Images, percent: float, _seed: int) -> Images:
    """Brings each pixel nearer to its image's mean, to so much of its distance from it."""
    mean = images.mean(axis=(1, 2), keepdims=True)
    return _bytes(mean + (images - mean) * (percent / 100))


def invert(images: Images, percent: float, _seed: int) -> Images:
    """Mixes each image with its negative, of which there is so much in what comes out."""
    share = percent / 100
    return _bytes(images * (1 - share) + (WHITE - images) * share)


def occlude(images: Images, side: float, seed: int) -> Images:
    """Lays a grey square of so many pixels' side somewhere on each image, all of it inside."""
    width = round(side)
    corner = (uniform(images, "occlusion", seed, 2) * (_SIZE - width + 1)).astype(int)
    place = np.arange(_SIZE) - corner[..., None]  # (N, 2, 28): from the square's own corner
    inside = (place >= 0) & (place < width)
    covered = inside[:, 0, :, None] & inside[:, 1, None, :]
    result = images.copy()
    result[covered] = _GREY
    return result


Alter = Callable[[Images, float, int], Images]
"""Images, a value in the alteration's unit and a seed -> images."""


def _resampled(images: Images, backwards: Floats) -> Images:
    """Maps each pixel of the result back to a place in the image; black outside of it.

    Args:
        backwards: (2, 2), from (row, column) about the centre of the result to the image's.

    Between pixels, the four around a place count by how near they are (bilinear interpolation).
    """
    rows, columns = np.mgrid[:_SIZE, :_SIZE] - _CENTRE
    source = np.einsum("ij,jrc->irc", backwards, np.stack([rows, columns])) + _CENTRE
    # A place that is a pixel but for rounding is that pixel.
    nearest = np.rint(source)
    source = np.where(np.abs(source - nearest) < 1e-9, nearest, source)
    corner = np.floor(source).astype(int)
    part = source - corner
    # One pixel of black all around stands for all that is outside.
    count, side = len(images), _SIZE + 2
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1))).reshape(count, side * side)
    result = np.zeros((count, _SIZE * _SIZE), np.float32)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = (part[0] if down else 1 - part[0]) * (part[1] if right else 1 - part[1])
        row = np.clip(corner[0] + down + 1, 0, side - 1)
        column = np.clip(corner[1] + right + 1, 0, side - 1)
        place = (row * side + column).ravel()
        result += weight.astype(np.float32).ravel() * framed.take(place, axis=1)
    return _bytes(result.reshape(images.shape))


def _weighted(weights: Floats, parts: Sequence[Floats]) -> Floats:
    """Returns the sum of the parts, each by its weight, added up in their order."""
    total = np.zeros_like(parts[0])
    for weight, part in zip(weights, parts, strict=True):
        total += weight * part
    return total


def _bytes(values: Floats) -> Images:
    result: Images = np.clip(np.floor(values + 0.5), 0, WHITE).astype(np.uint8)
    return result


# Pseudorandom numbers, drawn from an image's own bytes -------------------------------------------


def uniform(images: Images, stream: str, seed: int, count: int) -> NDArray[np.float64]:
    """Returns (N, count) numbers in [0, 1) for images (N, 28, 28).

    Args:
        stream: what they are for; another word gives other numbers.
    """
    bits = _bits(images, stream, seed, count)
    return (bits >> _DROPPED).astype(np.float64) * _UNIT


def normal(images: Images, stream: str, seed: int, pairs: int) -> NDArray[np.float32]:
    """Returns (N, 2 * pairs) numbers from the normal distribution of mean 0 and deviation 1.

    Box & Muller (1958), Annals of Mathematical Statistics 29:610-611.
    """
    drawn = uniform(images, stream, seed, 2 * pairs)
    radius = np.sqrt(-2.0 * np.log1p(-drawn[:, :pairs]))  # of 1 - u, which is never 0
    angle = 2.0 * np.pi * drawn[:, pairs:]
    both = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return both.astype(np.float32)


def _bits(images: Images, stream: str, seed: int, count: int) -> NDArray[np.uint64]:
    start = f"{stream} {seed}\n".encode()
    keys = [hashlib.sha256(start + image.tobytes()).digest()[:8] for image in images]
    state = np.frombuffer(b"".join(keys), dtype="<u8").astype(np.uint64)
    steps = np.arange(1, count + 1, dtype=np.uint64) * _GAMMA
    mixed = state[:, None] + steps
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    bits: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return bits
