"""Two trained networks on the same images: is their difference in accuracy chance?

Only the images that one of them reads right and the other wrong tell them apart: `only_a` and
`only_b` count those, as b and c of the fourfold table that the literature has.
"""

from math import sqrt

from harness.statistics.intervals import Interval, normal_quantile

# A double has 52 bits, and the interval is at most 2 wide.
HALVINGS = 60


def mcnemar_exact_p(only_a: int, only_b: int) -> float:
    """Two-sided p of McNemar's exact test: of the discordant images, half should favour either.

    McNemar (1947), Psychometrika 12:153-157, with the binomial distribution in place of chi-square:
    Fagerland, Lydersen & Laake (2013), BMC Med. Res. Methodol. 13:91.

    Raises:
        ValueError: a count below 0.
    """
    up_to, _ = _tail(only_a, only_b)
    return min(1.0, 2 * up_to)


def mcnemar_mid_p(only_a: int, only_b: int) -> float:
    """Two-sided mid-p: the exact test less half of what was observed, at either end.

    The exact test rejects far less often than it says; this one about as often.
    Fagerland, Lydersen & Laake (2013), BMC Med. Res. Methodol. 13:91.

    Raises:
        ValueError: a count below 0.
    """
    up_to, just = _tail(only_a, only_b)
    return min(1.0, 2 * up_to - just)


def tango(only_a: float, only_b: float, images: int, confidence: float = 0.95) -> Interval:
    """Score interval for the difference of two accuracies on the same images, as fractions.

    It has width where no image is discordant, and stays within -1 and 1.
    Tango (1998), Statistics in Medicine 17:891-908.

    Raises:
        ValueError: counts below 0, more than there are images, or no images.
    """
    if min(only_a, only_b) < 0 or only_a + only_b > images or images == 0:
        raise ValueError(f"{only_a} and {only_b} of {images} images are not counts")
    z = normal_quantile(0.5 + confidence / 2)
    observed = (only_a - only_b) / images
    lower = -_reach(only_b, only_a, images, z)
    return min(lower, observed), max(_reach(only_a, only_b, images, z), observed)


def _reach(only_a: float, only_b: float, images: int, z: float) -> float:
    """The greatest difference that the score test does not reject, by bisection."""
    low, high = (only_a - only_b) / images, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _score(only_a, only_b, images, middle) < z:
            low = middle
        else:
            high = middle
    return high


def _score(only_a: float, only_b: float, images: int, difference: float) -> float:
    """By how many standard errors the observed difference falls short of the supposed one."""
    linear = -only_a - only_b + (2 * images - only_a + only_b) * difference
    constant = -only_b * difference * (1 - difference)
    root = sqrt(max(0.0, linear * linear - 8 * images * constant))
    # The likeliest share of images that only b reads, were the supposed difference the true one.
    share = (root - linear) / (4 * images)
    variance = images * (2 * share + difference * (1 - difference))
    short = images * difference - (only_a - only_b)
    if variance <= 0:
        return 0.0 if short <= 0 else float("inf")
    return short / sqrt(variance)


def _tail(only_a: int, only_b: int) -> tuple[float, float]:
    """Chances that of the discordant images at most, and just, the lesser count favours a side."""
    from scipy.special import bdtr  # noqa: PLC0415

    if min(only_a, only_b) < 0:
        raise ValueError(f"{only_a} and {only_b} are not counts")
    least, total = min(only_a, only_b), only_a + only_b
    up_to = float(bdtr(least, total, 0.5))
    below = float(bdtr(least - 1, total, 0.5)) if least else 0.0
    return up_to, up_to - below
