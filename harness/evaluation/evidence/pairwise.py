"""Every two networks compared on the same test images, and all of them at once."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.evaluation.evidence.trained_networks import Reader, common_seeds
from harness.statistics.mcnemar import mcnemar_mid_p
from harness.statistics.multiplicity import cochran_q, holm
from harness.statistics.paired import paired_difference

SIGNIFICANT = 0.05


def comparisons(networks: Sequence[Reader], labels: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Returns a row for every two networks that share a seed, the earlier network as `a`.

    Args:
        labels: of the test images, (N,).
    """
    rows = [
        _row(a, b, seeds, labels)
        for a, b in combinations(networks, 2)
        if (seeds := common_seeds([a, b]))
    ]
    adjusted = holm([row["p"] for row in rows])
    return [
        {**row, "p_adjusted": p, "verdict": _verdict(row["difference"], p)}
        for row, p in zip(rows, adjusted, strict=True)
    ]


def omnibus(networks: Sequence[Reader], labels: NDArray[np.uint8]) -> dict[str, Any] | None:
    """Returns Cochran's Q over the runs of the first seed that all share.

    None with fewer than three networks or without such a seed.
    """
    if len(networks) < 3 or not (seeds := common_seeds(networks)):
        return None
    seed = seeds[0]
    right = np.concatenate([one.right(labels, [seed]) for one in networks])
    q, degrees, p = cochran_q(right)
    return {
        "test": "Cochran's Q",
        "networks": len(networks),
        "images": len(labels),
        "seed": seed,
        "q": float(q),
        "df": int(degrees),
        "p": float(p),
    }


def _row(a: Reader, b: Reader, seeds: list[int], labels: NDArray[np.uint8]) -> dict[str, Any]:
    right_a, right_b = a.right(labels, seeds), b.right(labels, seeds)
    found = paired_difference(right_a, right_b)
    only_a = (right_a & ~right_b).sum(axis=1)
    only_b = (right_b & ~right_a).sum(axis=1)
    return {
        "a": a.id,
        "b": b.id,
        "seeds": len(seeds),
        "images": len(labels),
        "difference": found.difference,
        "interval": list(found.interval),
        "p": found.p,
        "method": found.method,
        "detectable": found.detectable,
        "only_a": float(only_a.mean()),
        "only_b": float(only_b.mean()),
        "runs": [
            {"seed": seed, "only_a": int(x), "only_b": int(y), "p": mcnemar_mid_p(int(x), int(y))}
            for seed, x, y in zip(seeds, only_a, only_b, strict=True)
        ],
    }


def _verdict(difference: float, p: float) -> str:
    if p >= SIGNIFICANT or difference == 0:
        return "none"
    return "a" if difference > 0 else "b"
