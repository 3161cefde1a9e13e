"""The networks of a session side by side: every two compared, all at once, and the hard images.

A network misses an image when more than half of its runs do. Its prediction for that image is then
the digit that most of these runs predicted, the smallest of equally frequent ones.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Dataset
from harness.jobs.store.record import Record
from harness.report.schema import results as schema
from harness.statistics.mcnemar import mcnemar_mid_p
from harness.statistics.multiplicity import cochran_q, holm
from harness.statistics.paired import paired_difference

MAX_ANALYSED = 10
"""In a session with more networks, as a class, none are compared or tested for robustness."""

SIGNIFICANT = 0.05
ALL_SHOWN = 24
ONE_SHOWN = 8


@dataclass(frozen=True)
class Trained:
    """A subject with its runs, at least one, in the order of their seeds."""

    id: str
    runs: Sequence[Record]

    @property
    def keys(self) -> tuple[str, ...]:
        """Returns the keys of its runs; identical networks have the same."""
        return tuple(run.key for run in self.runs)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network's runs predicted for the N test images.

    Attributes:
        id: of the subject.
        digits: for each seed (N,); a submitted network may predict numbers beyond the digits.
    """

    id: str
    digits: dict[int, NDArray[np.int64]]

    def correct(self, labels: NDArray[np.uint8], seeds: Iterable[int]) -> NDArray[np.bool_]:
        """Returns which images the runs of these seeds classified correctly, (seeds, N)."""
        return np.array([self.digits[seed] == labels for seed in seeds])


def analysed(trained: Iterable[Trained]) -> tuple[Trained, ...]:
    """Returns the distinct networks, of identical ones the first; empty beyond MAX_ANALYSED."""
    every = tuple(trained)
    if len(every) > MAX_ANALYSED:
        return ()
    first: dict[tuple[str, ...], Trained] = {}
    for one in every:
        first.setdefault(one.keys, one)
    return tuple(first.values())


def predicted(networks: Iterable[Trained]) -> tuple[Predictions, ...]:
    """Returns the networks' predictions: of each image and run the place of the largest output."""
    return tuple(
        Predictions(one.id, {run.seed: run.predictions.argmax(axis=1) for run in one.runs})
        for one in networks
    )


def common_seeds(networks: Sequence[Predictions]) -> list[int]:
    """Returns the seeds that all of at least one network were trained with, ascending."""
    return sorted(set.intersection(*(set(one.digits) for one in networks)))


def comparisons(
    networks: Sequence[Predictions], labels: NDArray[np.uint8]
) -> list[schema.Comparison]:
    """Returns a row for every two networks that share a seed, the earlier network as `a`.

    Args:
        labels: of the test images, (N,).
    """
    pairs = [
        _compared(a, b, seeds, labels)
        for a, b in combinations(networks, 2)
        if (seeds := common_seeds([a, b]))
    ]
    adjusted = holm([p for _, _, p in pairs])
    return [
        replace(row, p_adjusted=p, verdict=_verdict(difference, p))
        for (row, difference, _), p in zip(pairs, adjusted, strict=True)
    ]


def _compared(
    a: Predictions, b: Predictions, seeds: list[int], labels: NDArray[np.uint8]
) -> tuple[schema.Comparison, float, float]:
    """Returns the row without what depends on the other pairs, its difference and its p-value."""
    correct_a, correct_b = a.correct(labels, seeds), b.correct(labels, seeds)
    found = paired_difference(correct_a, correct_b)
    only_a = (correct_a & ~correct_b).sum(axis=1)
    only_b = (correct_b & ~correct_a).sum(axis=1)
    row = schema.Comparison(
        a=a.id,
        b=b.id,
        seeds=len(seeds),
        images=len(labels),
        difference=found.difference,
        interval=found.interval,
        p=found.p,
        method=found.method,
        detectable=found.detectable,
        only_a=float(only_a.mean()),
        only_b=float(only_b.mean()),
        runs=[
            schema.MatchedRun(
                seed=seed, only_a=int(x), only_b=int(y), p=mcnemar_mid_p(int(x), int(y))
            )
            for seed, x, y in zip(seeds, only_a, only_b, strict=True)
        ],
    )
    return row, found.difference, found.p


def _verdict(difference: float, p: float) -> str:
    if p >= SIGNIFICANT or difference == 0:
        return "none"
    return "a" if difference > 0 else "b"


def omnibus(networks: Sequence[Predictions], labels: NDArray[np.uint8]) -> schema.Omnibus | None:
    """Returns Cochran's Q over the runs of the first seed that all share.

    None with fewer than three networks or without such a seed.
    """
    if len(networks) < 3 or not (seeds := common_seeds(networks)):
        return None
    q, degrees, p = cochran_q(np.concatenate([one.correct(labels, seeds[:1]) for one in networks]))
    return schema.Omnibus(
        test="Cochran's Q",
        networks=len(networks),
        images=len(labels),
        seed=seeds[0],
        q=float(q),
        df=int(degrees),
        p=float(p),
    )


def image_groups(networks: Sequence[Predictions], dataset: Dataset) -> schema.ImageGroups | None:
    """Returns the test images that every network misses, and those that only one does.

    None with fewer than two networks.
    """
    if len(networks) < 2:
        return None
    labels = dataset.test_labels
    missed = np.array([missed_images(one, labels) for one in networks])
    by = missed.sum(axis=0)
    all_miss = np.flatnonzero(by == len(networks))
    alone = [np.flatnonzero(own & (by == 1)) for own in missed]
    return schema.ImageGroups(
        networks=[one.id for one in networks],
        images=len(labels),
        all_miss=schema.AllMiss(
            count=len(all_miss),
            images=[
                schema.MissedByAll(
                    index=int(image),
                    label=int(labels[image]),
                    pixels=dataset.test_images[image].tobytes(),
                    readings=[_prediction(one, image, labels) for one in networks],
                )
                for image in all_miss[:ALL_SHOWN]
            ],
        ),
        only_one=[
            schema.OnlyOne(
                network=one.id,
                count=len(own),
                images=[
                    schema.MissedByOne(
                        index=int(image),
                        label=int(labels[image]),
                        pixels=dataset.test_images[image].tobytes(),
                        reading=_prediction(one, image, labels),
                    )
                    for image in own[:ONE_SHOWN]
                ],
            )
            for one, own in zip(networks, alone, strict=True)
        ],
    )


def missed_images(network: Predictions, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Returns which images more than half of a network's runs misclassified, (N,)."""
    correct = network.correct(labels, network.digits)
    missed: NDArray[np.bool_] = 2 * (~correct).sum(axis=0) > len(correct)
    return missed


def _prediction(network: Predictions, image: int, labels: NDArray[np.uint8]) -> int:
    predictions = np.array([digits[image] for digits in network.digits.values()])
    return int(np.bincount(predictions[predictions != labels[image]]).argmax())
