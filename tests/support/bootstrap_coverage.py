"""How often intervals for the difference of two networks hold the truth, by three methods.

`python -m tests.support.bootstrap_coverage` prints the table of docs/decisions/0018
in two minutes.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.statistics.intervals import Interval, mean_interval
from harness.statistics.paired import paired_difference
from tests.support.samples.simulated_predictions import Pair

# The accuracy of a network's runs, one standard deviation.
PAIRS = {
    "chance alone": Pair((0.010, 0.011), seed=0, seeds=5),
    "chance and 0.07 points": Pair((0.010, 0.011), seed=0.07, seeds=5),
    "chance and 0.2 points": Pair((0.010, 0.011), seed=0.20, seeds=5),
}

Differences = NDArray[np.int8]
"""(seeds, images): whether a is right, less whether b is."""


def resampled(
    differences: Differences, draws: int, rng: np.random.Generator, *, seeds: bool, images: bool
) -> NDArray[np.float64]:
    """Returns means of samples with replacement, (draws,): of the seeds, the images or both."""
    count, total = differences.shape
    # All images that the networks read alike count for nothing, and are drawn as one.
    telling = differences[:, differences.any(axis=0)].astype(float)
    rows, columns = np.ones((draws, count)), np.ones((draws, telling.shape[1]))
    if seeds:
        rows = rng.multinomial(count, np.full(count, 1 / count), draws).astype(float)
    if images:
        shares = np.full(telling.shape[1] + 1, 1 / total)
        shares[-1] = 1 - shares[:-1].sum()
        columns = rng.multinomial(total, shares, draws)[:, :-1].astype(float)
    sums: NDArray[np.float64] = ((rows @ telling) * columns).sum(axis=1)
    return sums / (count * total)


def percentiles(differences: Differences, rng: np.random.Generator) -> Interval:
    """The two-way bootstrap's interval: Owen (2007), Annals of Applied Statistics 1:386-411."""
    drawn = resampled(differences, 500, rng, seeds=True, images=True)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def coverages(pair: Pair, draws: int) -> dict[str, float]:
    """Returns the share of intervals that hold the true difference, by method."""
    rng = np.random.default_rng(18)
    methods: dict[str, Callable[[Any, Any, Differences], Interval]] = {
        "two-way bootstrap": lambda _a, _b, d: percentiles(d, rng),
        "t over seeds": lambda _a, _b, d: mean_interval(d.mean(axis=1).tolist()),
        "crossed effects": lambda a, b, _d: paired_difference(a, b).interval,
    }
    held = dict.fromkeys(methods, 0)
    for a, b in pair.draws(draws, 32):
        differences = a.astype(np.int8) - b.astype(np.int8)
        for name, method in methods.items():
            low, high = method(a, b, differences)
            held[name] += low <= pair.difference <= high
    return {name: count / draws for name, count in held.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a line for each spread of the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2_000)
    options = parser.parse_args(arguments)
    for name, pair in PAIRS.items():
        found = coverages(pair, options.draws)
        shares = ", ".join(f"{method} {share:.1%}" for method, share in found.items())
        print(f"seeds differ by {name}: {shares}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
