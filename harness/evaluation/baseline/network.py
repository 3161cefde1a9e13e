"""What a baseline compares of a network, whether it was graded then or now."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Right = NDArray[np.bool_]


@dataclass(frozen=True)
class Data:
    """A data set, as far as it must be the same for accuracies to be compared.

    Attributes:
        digest: over all its images and labels.
        images: of the test set.
    """

    name: str
    digest: str
    images: int

    def __str__(self) -> str:
        return f"{self.name}, {self.images:,} test images, digest {self.digest[:12]}"


@dataclass(frozen=True)
class Network:
    """One network of one session.

    Attributes:
        spec_digest: equal for identical networks; None, as the counts, where it was not built.
        flops: of one forward pass of one image.
        runs: how many times it was trained.
        right: by seed, which test images were read right, (N,); of older files, which do not say
            it, empty.
        images_per_s: mean rate of its trainings.
    """

    id: str
    spec_digest: str | None = None
    total_params: int | None = None
    flops: int | None = None
    runs: int = 0
    right: Mapping[int, Right] = field(default_factory=dict)
    images_per_s: float | None = None
