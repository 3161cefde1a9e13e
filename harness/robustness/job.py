"""The reading of altered test images by one trained network, as a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.data import corruptions
from harness.data.corruptions import CORRUPTIONS, SEVERITIES
from harness.data.digits import stratified
from harness.jobs import ENGINE_VERSION, PlainJob
from harness.system.hashing import digest
from harness.system.source_lines import code_digest

ROBUSTNESS = "robustness"
# Raise it when a change of harness/robustness/ changes the numbers that it produces.
ROBUSTNESS_VERSION = 1

# So many tell an accuracy of 90 % to 3 points; why no more: docs/decisions/0016.
MOST_IMAGES = 500
# All networks and seeds read the same images, altered in the same way.
SEED = 0

READINGS = 1 + len(CORRUPTIONS) * len(SEVERITIES)
"""How often each image is read: as it is, and once altered in every way."""


@dataclass(frozen=True)
class RobustnessJob(PlainJob):
    """Read some test images as they are and altered in every way.

    Attributes:
        base: key of the trained network's record in the store.
        data_digest: which test images; those that the network was tested on.
        images: how many of them, at most.
        seed: of the alterations.
        platform: as of `harness.jobs.TrainJob`.
    """

    base: str
    data_digest: str
    images: int
    seed: int
    platform: Mapping[str, Any]

    kind: ClassVar[str] = ROBUSTNESS

    @property
    def key(self) -> str:
        """SHA-256 of everything that the counts depend on, the alterations by their code.

        The engine that trained the network is in its own key.
        """
        version = [ENGINE_VERSION, ROBUSTNESS_VERSION]
        return digest({**self.to_json(), "engine": version, "code": _corruptions_digest()})


def sampled(labels: NDArray[np.uint8], most: int) -> NDArray[np.intp]:
    """Returns which of the test images, (N,) labels, are read: at most so many, in their order.

    Each digit is among them in its proportion; the choice is the same always.
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    return np.flatnonzero(stratified(labels, most))


@cache
def _corruptions_digest() -> str:
    return code_digest(Path(corruptions.__file__).parent)
