"""How far below their mean the runs of a recipe may fall: one-sided normal tolerance factors."""

from math import sqrt

from harness.statistics.quantiles import normal_quantile

# With 95 % confidence, mean - k * s lies below 99.9 % of the runs.
TOLERANCE_COVERAGE = 0.999
TOLERANCE_CONFIDENCE = 0.95


def tolerance_factor(count: int, runs: int = 1) -> float:
    """Returns the one-sided normal tolerance factor k of `count` measured runs (4.32 for 20).

    By the non-central t: k = t'(n - 1, z sqrt(n); 0.95) / sqrt(n), NIST/SEMATECH e-Handbook of
    Statistical Methods, section 7.2.6.3; tabled by Natrella (1963), Experimental Statistics, A-7.

    Args:
        runs: how many independent runs shall all be covered, with probability 99.9 % together.
    """
    from scipy.special import nctdtrit  # noqa: PLC0415

    shift = normal_quantile(TOLERANCE_COVERAGE ** (1 / runs)) * sqrt(count)
    return float(nctdtrit(count - 1, shift, TOLERANCE_CONFIDENCE)) / sqrt(count)
