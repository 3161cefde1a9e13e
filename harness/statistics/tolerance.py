"""How far below their mean the runs of a recipe may fall: one-sided normal tolerance factors."""

from math import sqrt

from harness.statistics.quantiles import normal_quantile

# One-sided normal tolerance factors k: with 95 % confidence, mean - k * s lies below 99.9 % of the
# runs. Non-central t: k = t'(n - 1, z_0.999 * sqrt(n); 0.95) / sqrt(n), Natrella (1963), sec. 2-13.
TOLERANCE_COVERAGE = 0.999
TOLERANCE_CONFIDENCE = 0.95


def tolerance_factor(count: int) -> float:
    """Returns the one-sided normal tolerance factor k for `count` runs (4.32 for 20)."""
    from scipy.stats import nct  # noqa: PLC0415

    shift = normal_quantile(TOLERANCE_COVERAGE) * sqrt(count)
    return float(nct.ppf(TOLERANCE_CONFIDENCE, count - 1, shift)) / sqrt(count)
