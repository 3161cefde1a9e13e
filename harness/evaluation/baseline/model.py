"""What a baseline compares of a network, whether it was graded then or now."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.report.schema.results import BaselineRow

Correct = NDArray[np.bool_]


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
        correct: by seed, which test images were classified correctly, (N,); empty for older files,
            which do not say.
        images_per_s: mean rate of its trainings.
    """

    id: str
    spec_digest: str | None = None
    total_params: int | None = None
    flops: int | None = None
    runs: int = 0
    correct: Mapping[int, Correct] = field(default_factory=dict)
    images_per_s: float | None = None


Measure = Literal["presence", "accuracy", "total_params", "flops", "speed"]


Status = Literal[
    "passed", "regressed", "inconclusive", "improved", "unchanged", "missing", "new", "renamed",
    "not comparable", "not judged",
]  # fmt: skip


Interval = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """What became of one measure of one network.

    Attributes:
        subject: the network's name now; None when it is gone.
        baseline_subject: its name in the baseline; None when it is new.
        before, after: accuracies as fractions, counts, speed-ups over Keras, images a second.
        difference: after less before; of speeds, the relative change.
        interval: of the difference, 95 %.
        text: all of it as a sentence.
    """

    subject: str | None
    baseline_subject: str | None
    measure: Measure
    status: Status
    text: str
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    interval: Interval | None = None

    def to_json(self) -> BaselineRow:
        return BaselineRow(**asdict(self))


def counterpart(now: Network, then: Iterable[Network], present: Collection[str]) -> Network | None:
    """Returns what a network was in the baseline; None where it is new.

    One of another name is it when that name is gone and the network is identical.

    Args:
        present: the names of all networks of this project, whether they are graded or not.
    """
    known = {network.id: network for network in then}
    if now.id in known:
        return known[now.id]
    for network in known.values():
        if network.id not in present and identical(now, network):
            return network
    return None


def gone(then: Iterable[Network], present: Collection[str]) -> tuple[str, ...]:
    """Returns the names that are in the baseline alone: of networks removed, or renamed."""
    return tuple(network.id for network in then if network.id not in present)


def new(then: Iterable[Network], present: Sequence[str]) -> tuple[str, ...]:
    """Returns the names that are not in the baseline: of networks added, or renamed."""
    known = {network.id for network in then}
    return tuple(name for name in present if name not in known)


def identical(now: Network, then: Network) -> bool:
    return now.spec_digest is not None and now.spec_digest == then.spec_digest
