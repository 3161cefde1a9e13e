"""Many networks and many comparisons at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def cochran_q(right: NDArray[np.bool_]) -> tuple[float, int, float]:
    """Tests whether k networks are equally accurate on the same images.

    Cochran (1950), Biometrika 37:256-266. With two networks it is McNemar's chi-square.

    Args:
        right: (networks, images), whether a network reads an image right.

    Returns:
        Q, its degrees of freedom k - 1, and p by the chi-square distribution. Where no image is
        read differently nothing speaks against equality: Q = 0, p = 1.

    Raises:
        ValueError: fewer than two networks, or no images.
    """
    from scipy.special import chdtrc  # noqa: PLC0415

    if right.ndim != 2 or right.shape[0] < 2 or right.shape[1] == 0:
        raise ValueError(f"Cochran's Q needs (2 or more networks, images), not {right.shape}")
    networks = right.shape[0]
    by_network = right.sum(axis=1, dtype=np.int64)
    by_image = right.sum(axis=0, dtype=np.int64)
    everything = int(by_network.sum())
    above = networks * int((by_network**2).sum()) - everything**2
    below = networks * everything - int((by_image**2).sum())
    freedom = networks - 1
    if below == 0:
        return 0.0, freedom, 1.0
    q = freedom * above / below
    return q, freedom, float(chdtrc(freedom, q))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusts p-values for being many: none below 0.05 is false in 95 % of such families.

    Step-down Bonferroni: Holm (1979), Scandinavian Journal of Statistics 6:65-70. The order of the
    values is kept, and their dependence does not matter.

    Raises:
        ValueError: a value that is not a probability.
    """
    if not all(0 <= value <= 1 for value in p):
        raise ValueError(f"not all of {list(p)} are probabilities")
    adjusted = [0.0] * len(p)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        least = max(least, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = least
    return adjusted
