"""Two networks on the same images: by how much is one more accurate, and is it chance?

One run of each says something about two trained networks; only images are sampled. Several seeds
say something about two architectures: seeds and images are both samples, and the difference is
what other seeds would give on other images (docs/decisions/0018).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from harness.statistics.intervals import Interval, normal_quantile, t_quantile, t_shift, t_two_sided
from harness.statistics.mcnemar import mcnemar_mid_p, tango

Right = NDArray[np.bool_]

ALPHA = 0.05
POWER = 0.80


@dataclass(frozen=True)
class PairedDifference:
    """How much more accurate a is than b; all but p as fractions.

    Attributes:
        difference: mean over seeds and images of (a right - b right).
        interval: 95 %; leaves out 0 just where p < 0.05.
        p: two-sided.
        detectable: the smallest true difference that such a comparison finds with 80 % power.
        method: how p was obtained, as part of a sentence.
        standard_error: of the difference.
        freedom: degrees of freedom of the standard error; infinite for one run.
    """

    difference: float
    interval: Interval
    p: float
    detectable: float
    method: str
    standard_error: float
    freedom: float


def paired_difference(a: Right, b: Right) -> PairedDifference:
    """Compares two networks, run for run and image for image.

    One run: McNemar's mid-p and Tango's interval, widened to 0 where the two disagree (they do so
    for few counts, the score test being the bolder). Several: as of `_several`.

    Args:
        a, b: (seeds, images), whether an image is read right; row i of both has the same seed.

    Raises:
        ValueError: shapes that differ or have not two dimensions, no seeds, or no images.
    """
    if a.shape != b.shape or a.ndim != 2 or 0 in a.shape:
        raise ValueError(f"runs of shapes {a.shape} and {b.shape} cannot be paired")
    differences = a.astype(np.int8) - b.astype(np.int8)
    seeds = len(differences)
    if seeds == 1:
        return _one_run(differences[0], "McNemar's test, mid-p")
    if not differences.any():
        # No spread among so few seeds does not prove that there is none: judged as one run is.
        return _one_run(differences[0], f"no image is read differently by {seeds} seeds")
    return _several(differences)


def paired_differences(pairs: Iterable[tuple[Right, Right]]) -> list[PairedDifference]:
    """Returns `paired_difference` of each pair."""
    return [paired_difference(a, b) for a, b in pairs]


def _one_run(differences: NDArray[np.int8], method: str) -> PairedDifference:
    images = len(differences)
    only_a, only_b = int((differences > 0).sum()), int((differences < 0).sum())
    p = mcnemar_mid_p(only_a, only_b)
    interval = tango(only_a, only_b, images)
    if p >= ALPHA:
        interval = min(interval[0], 0.0), max(interval[1], 0.0)
    difference = (only_a - only_b) / images
    return PairedDifference(
        difference=difference,
        interval=interval,
        p=p,
        detectable=_detectable((only_a + only_b) / images, abs(difference), images),
        method=method,
        standard_error=sqrt(((only_a + only_b) / images - difference**2) / images),
        freedom=inf,
    )


def _detectable(discordant: float, difference: float, images: int) -> float:
    """The d of d sqrt(N) = z_0.975 sqrt(psi) + z_0.80 sqrt(psi - d^2), by bisection.

    psi is the share of discordant images: Connor (1987), Biometrics 43:207-211. It is as observed,
    and greater by as much as d is greater than what was observed, since the worse
    network misclassifies more of the images that the other classifies.
    """
    reject, power = normal_quantile(1 - ALPHA / 2), normal_quantile(POWER)
    low, high = 0.0, 1.0
    for _ in range(60):
        d = (low + high) / 2
        psi = discordant + max(0.0, d - difference)
        if d * sqrt(images) < reject * sqrt(psi) + power * sqrt(psi - d * d):
            low = d
        else:
            high = d
    return high


def _several(differences: NDArray[np.int8]) -> PairedDifference:
    """Seeds and images as crossed random effects: d = mean + seed + image + rest.

    The variance of the mean is estimated by (MS_seeds + MS_images - MS_rest) / (K N): Searle,
    Casella & McCulloch (1992), Variance Components, chapter 4. Its degrees of freedom are those
    of Satterthwaite (1946), Biometrics Bulletin 2:110-114, with seeds held to differ at least as
    much as their rest alone makes them, so that chance cannot lend freedom that is not there.
    """
    seeds, images = differences.shape
    cells = seeds * images
    between, across, rest = _mean_squares(differences)
    # No less than if each run had two discordant images, as Bonett & Price (2012), JEBS 37:479-488,
    # add to the counts: few discordant images may happen to cancel.
    least = 2 / images
    variance = max(between + across - rest, least) / cells
    freedom = _freedom(max(between, rest), across, rest, seeds, images)
    error = sqrt(variance)
    difference = float(differences.sum(dtype=np.int64)) / cells
    half = t_quantile(1 - ALPHA / 2, freedom) * error
    return PairedDifference(
        difference=difference,
        interval=(max(-1.0, difference - half), min(1.0, difference + half)),
        p=t_two_sided(difference / error, freedom),
        detectable=_detectable_by_several(
            t_shift(POWER, freedom) * error,
            max(float(np.count_nonzero(differences)) / cells, least),
            abs(difference),
        ),
        method=f"seeds and images as crossed random effects, {seeds} seeds x {images:,} images",
        standard_error=error,
        freedom=freedom,
    )


def _detectable_by_several(reach: float, discordant: float, difference: float) -> float:
    """The d of d = reach sqrt(psi / discordant), psi as of `_detectable`.

    `reach` would be detected if networks that differ more had no more discordant images. They have,
    and the variance is taken to grow as the share of these does.
    """
    if reach <= difference:
        return reach
    growth = reach**2 / discordant
    common = max(0.0, discordant - difference)
    return min(1.0, (growth + sqrt(growth**2 + 4 * growth * common)) / 2)


def _mean_squares(differences: NDArray[np.int8]) -> tuple[float, float, float]:
    """Mean squares of (seeds, images): between seeds, between images, and of the rest."""
    seeds, images = differences.shape
    by_seed = differences.sum(axis=1, dtype=np.int64)
    by_image = differences.sum(axis=0, dtype=np.int64)
    correction = float(by_seed.sum()) ** 2 / (seeds * images)
    between = float(by_seed @ by_seed) / images - correction
    across = float(by_image @ by_image) / seeds - correction
    rest = float(np.count_nonzero(differences)) - correction - between - across
    free = max(1, images - 1)
    # Rounding may leave less than nothing.
    return (
        max(0.0, between) / (seeds - 1),
        max(0.0, across) / free,
        max(0.0, rest) / ((seeds - 1) * free),
    )


def _freedom(between: float, across: float, rest: float, seeds: int, images: int) -> float:
    """Satterthwaite's for between + across - rest, and no less than the seeds have."""
    free = max(1, images - 1)
    spread = between**2 / (seeds - 1) + across**2 / free + rest**2 / ((seeds - 1) * free)
    if spread == 0:
        return inf
    return max((between + across - rest) ** 2 / spread, float(seeds - 1))
