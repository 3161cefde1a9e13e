"""Quantiles and tails of the normal and of Student's distribution.

SciPy is imported where it is used: it takes a while, which collecting the checks should not pay.
"""


def normal_quantile(probability: float) -> float:
    """The z below which a standard normal variable falls with this probability."""
    from scipy.special import ndtri  # noqa: PLC0415

    return float(ndtri(probability))


def t_quantile(probability: float, degrees_of_freedom: float) -> float:
    """The t below which Student's t falls with this probability."""
    from scipy.special import stdtrit  # noqa: PLC0415

    return float(stdtrit(degrees_of_freedom, probability))


def t_two_sided(t: float, degrees_of_freedom: float) -> float:
    """The probability that Student's t lies at least as far from 0 as `t`."""
    from scipy.special import stdtr  # noqa: PLC0415

    return min(1.0, 2 * float(stdtr(degrees_of_freedom, -abs(t))))


def t_shift(power: float, degrees_of_freedom: float, alpha: float = 0.05) -> float:
    """How many standard errors a true difference must be, to be found with this power.

    That is the non-centrality at which the two-sided t test at `alpha` rejects on the right side
    with probability `power`: Cohen (1988), Statistical Power Analysis, chapter 2.
    """
    from scipy.special import nctdtrinc  # noqa: PLC0415

    critical = t_quantile(1 - alpha / 2, degrees_of_freedom)
    return float(nctdtrinc(degrees_of_freedom, 1 - power, critical))
