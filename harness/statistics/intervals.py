"""Intervals for one accuracy: of one run, and of several."""

from collections.abc import Sequence
from math import hypot, sqrt

Interval = tuple[float, float]


def wilson(correct: float, total: float, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion, as fractions.

    Neither number need be whole: it may be a mean over several runs on the same images, which are
    no more images for having been read several times.

    Wilson (1927), JASA 22:209-212; the form of Brown, Cai & DasGupta (2001), eq. 4.

    Raises:
        ValueError: not 0 <= correct <= total, or total = 0.
    """
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"{correct} of {total} is not a proportion")
    z = normal_quantile(0.5 + confidence / 2)
    p = correct / total
    centre = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    # At 0 and at `total` the bounds are exact; rounding must not push them past the end.
    lower = 0.0 if correct == 0 else centre - half
    upper = 1.0 if correct == total else centre + half
    return lower, upper


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's t interval for the mean of K >= 2 independent runs (Student 1908).

    Raises:
        ValueError: fewer than two values.
    """
    count = len(values)
    if count < 2:
        raise ValueError("an interval for a mean needs at least two values")
    mean = sum(values) / count
    spread = sqrt(sum((v - mean) ** 2 for v in values) / (count - 1))
    half = t_quantile(0.5 + confidence / 2, count - 1) * spread / sqrt(count)
    return mean - half, mean + half


def repeats_interval(counts: Sequence[tuple[int, int]], *, same_images: bool) -> Interval:
    """95 % interval for the mean accuracy of repeats.

    One repeat: Wilson's, on its images. Several: Student's t over them, cut at 0 and 1. Where all
    repeats came out the same, Student's interval has no width, which so few repeats do not
    warrant, and Wilson's stands in.

    Args:
        counts: for each repeat, correct and all images; at least one repeat.
        same_images: whether all repeats read the same images, as seeds do, or each its own, as
            folds do. Wilson's counts an image once, however often it was read.

    Raises:
        ValueError: no repeats, or not 0 <= correct <= all.
    """
    accuracies = [correct / images for correct, images in counts]
    if len(set(accuracies)) <= 1:
        if counts and same_images:
            return wilson(*counts[0])
        return wilson(sum(c for c, _ in counts), sum(n for _, n in counts))
    lower, upper = mean_interval(accuracies)
    return max(lower, 0.0), min(upper, 1.0)


def over_both(estimate: float, seeds: Interval, images: Interval) -> Interval:
    """95 % interval for a mean over seeds that all read one sample of images, from either's.

    Distances from the estimate add up as squares, on either side for itself, as those of
    independent parts do: Zou & Donner (2008), Statistics in Medicine 27:1693-1702. What chance does
    to single readings is in both, so the interval is rather too wide.

    Args:
        seeds: had there been other seeds on these images.
        images: had these seeds read other images.
    """
    return (
        estimate - hypot(estimate - seeds[0], estimate - images[0]),
        estimate + hypot(seeds[1] - estimate, images[1] - estimate),
    )


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
