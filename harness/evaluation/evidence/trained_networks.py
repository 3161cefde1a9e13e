"""The networks of a session that are compared with one another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.jobs.store.record import Record

ANALYSED = 10
"""Networks of a session that are compared and disturbed; in a class, more than that, none is."""


@dataclass(frozen=True)
class Trained:
    """A subject with its runs, at least one, in the order of their seeds."""

    id: str
    runs: Sequence[Record]

    @property
    def keys(self) -> tuple[str, ...]:
        """Of its runs; those of identical networks are the same."""
        return tuple(run.key for run in self.runs)


@dataclass(frozen=True, eq=False)
class Reader:
    """A network by what its runs read of the N test images.

    Attributes:
        id: of the subject.
        digits: for each seed (N,); a stranger's network may read numbers beyond the digits.
    """

    id: str
    digits: dict[int, NDArray[np.int64]]

    def right(self, labels: NDArray[np.uint8], seeds: Sequence[int]) -> NDArray[np.bool_]:
        """Returns which images the runs of these seeds read right, (seeds, N)."""
        return np.array([self.digits[seed] == labels for seed in seeds])


def analysed(trained: Iterable[Trained]) -> tuple[Trained, ...]:
    """Returns the distinct networks, of identical ones the first; none of more than ANALYSED."""
    every = tuple(trained)
    if len(every) > ANALYSED:
        return ()
    first: dict[tuple[str, ...], Trained] = {}
    for one in every:
        first.setdefault(one.keys, one)
    return tuple(first.values())


def readers(networks: Iterable[Trained]) -> tuple[Reader, ...]:
    """Returns what the networks read: of each image and run the place of the largest output."""
    return tuple(
        Reader(one.id, {run.seed: run.predictions.argmax(axis=1) for run in one.runs})
        for one in networks
    )


def common_seeds(networks: Sequence[Reader]) -> list[int]:
    """Returns the seeds that all of at least one network were trained with, ascending."""
    return sorted(set.intersection(*(set(one.digits) for one in networks)))
