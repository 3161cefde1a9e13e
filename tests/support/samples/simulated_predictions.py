"""Readings of networks that never were: what the simulations draw.

An image is read right where mean + image + own + seed + chance > 0, all but the mean normal:
`image` is how easy it is for every network, `own` for this one, `seed` how well a run came out. The
spreads give what five documented networks show over five seeds of MNIST: two runs of one network
disagree on about as many images as they misread, two networks on a fifth more, and seeds differ by
up to 0.13 points beyond chance.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

IMAGE = 2.3
OWN = 0.58
# Images this many standard deviations easier than the mean asks are not drawn: all read them right.
EASY = 3.0

Right = NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """Two networks, as the errors that they make in the long run.

    Attributes:
        seed: spread of a run's level; 0.07 is about 0.07 points of accuracy at 99 %.
        own: spread of what only one of the two finds easy; 0 for one network trained anew.
    """

    errors: tuple[float, float]
    seed: float
    seeds: int
    images: int = 10_000
    own: float = OWN

    @property
    def difference(self) -> float:
        """The true difference in accuracy, over seeds and images."""
        return self.errors[1] - self.errors[0]

    def draws(self, count: int, random_seed: int) -> Iterator[tuple[Right, Right]]:
        """Yields a and b, each (seeds, images), the images that some misread in front."""
        rng = np.random.Generator(np.random.SFC64(random_seed))  # the fastest
        rest = np.sqrt(self.own**2 + self.seed**2 + 1)
        means = -ndtri(np.array(self.errors)) * np.sqrt(IMAGE**2 + rest**2)
        hard = float(ndtr((EASY * rest - means.min()) / IMAGE))
        for _ in range(count):
            some = int(rng.binomial(self.images, hard))
            image = np.float32(IMAGE) * ndtri(np.float32(hard) * rng.random(some, np.float32))
            a, b = np.ones((2, self.seeds, self.images), bool)
            for right, mean in ((a, means[0]), (b, means[1])):
                ease = image + np.float32(self.own) * rng.standard_normal(some, np.float32)
                level = mean + self.seed * rng.standard_normal((self.seeds, 1))
                chance = rng.standard_normal((self.seeds, some), np.float32)
                np.greater(chance + ease, -level.astype(np.float32), out=right[:, :some])
            yield a, b
