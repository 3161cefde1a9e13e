"""Random numbers that belong to an image: the same ones whatever lies beside it.

NumPy promises the stream of a bit generator for ever, but not what its distributions make of it
(NEP 19), and one generator for each image would be slow. Here number j of an image is a hash of
the image's own bytes, a seed and j, so that it depends neither on the image's place, nor on how
many are altered at once, nor on the version of a library.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]

# SplitMix64: Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators, fig. 14,
# with the constants of its variant 13. Arithmetic is modulo 2 ** 64.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)

# A double holds 53 bits.
_UNIT = 2.0**-53
_DROPPED = np.uint64(11)


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
