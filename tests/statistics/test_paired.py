"""Paired comparisons against published examples, SciPy, enumeration, and the edges of the data."""

from itertools import product
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from harness.statistics.intervals import t_shift
from harness.statistics.mcnemar import mcnemar_exact_p, mcnemar_mid_p, tango
from harness.statistics.noninferiority import non_inferiority
from harness.statistics.paired import paired_difference, paired_differences
from tests.support.bootstrap_coverage import resampled

# (only_a, only_b): none, one side, both, equal, many.
COUNTS = [(0, 0), (1, 0), (0, 5), (1, 7), (3, 3), (4, 0), (9, 2), (15, 6), (40, 61), (700, 640)]


def runs(only_a: int, only_b: int, images: int, seeds: int = 1):
    """Two networks that differ on so many images, the same for each seed."""
    a, b = np.ones((2, seeds, images), bool)
    b[:, :only_a] = False
    a[:, only_a : only_a + only_b] = False
    return a, b


def test_mcnemar_gives_published_values():
    # Fagerland, Lydersen & Laake (2013), airway hyper-responsiveness before and after transplant:
    # 1 against 7 of 21 children. By hand: 2 (1 + 8) / 2^8, and 8 / 2^8 less.
    assert mcnemar_exact_p(1, 7) == pytest.approx(18 / 256, abs=1e-12)  # printed: 0.070
    assert mcnemar_mid_p(1, 7) == pytest.approx(10 / 256, abs=1e-12)  # printed: 0.039


@pytest.mark.parametrize(("only_a", "only_b"), COUNTS)
def test_mcnemar_agrees_with_scipy_and_is_even_handed(only_a, only_b):
    exact = mcnemar_exact_p(only_a, only_b)
    mid = mcnemar_mid_p(only_a, only_b)
    total = only_a + only_b
    theirs = stats.binomtest(only_a, total).pvalue if total else 1.0
    assert exact == pytest.approx(theirs, abs=1e-9)
    # As Fagerland et al. word it: half of the observed outcome at either end is left out.
    half = stats.binom.pmf(only_a, total, 0.5) / 2
    assert mid == pytest.approx(min(1.0, exact - 2 * half) if only_a != only_b else 1.0, abs=1e-9)
    assert (exact, mid) == (mcnemar_exact_p(only_b, only_a), mcnemar_mid_p(only_b, only_a))


def test_mcnemar_agrees_with_all_the_ways_that_coins_can_fall():
    heads = [sum(coins) for coins in product((0, 1), repeat=9)]
    for only_a in range(10):
        distance = abs(only_a - 4.5)
        as_far = sum(abs(h - 4.5) >= distance for h in heads) / len(heads)
        just = sum(abs(h - 4.5) == distance for h in heads) / len(heads)
        assert mcnemar_exact_p(only_a, 9 - only_a) == pytest.approx(as_far, abs=1e-12)
        assert mcnemar_mid_p(only_a, 9 - only_a) == pytest.approx(as_far - just / 2, abs=1e-12)


@pytest.mark.parametrize("function", [mcnemar_exact_p, mcnemar_mid_p])
def test_mcnemar_refuses_what_is_no_count(function):
    with pytest.raises(ValueError, match="not counts"):
        function(3, -1)


def test_tango_gives_published_values():
    # Fagerland, Lydersen & Laake (2014), Statistics in Medicine 33:2850-2875, the same children.
    assert tango(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=0.0005)


def likeliest(only_a, only_b, images, difference):
    """The likelihood's maximum over the share that only b reads, by trying ever closer."""
    low, high = max(0.0, -difference), (1 - difference) / 2
    for _ in range(8):
        shares = np.linspace(low, high, 401)
        with np.errstate(divide="ignore", invalid="ignore"):
            likelihood = (
                stats.binom.logpmf(0, 0, 0.5)
                + np.where(only_a, only_a * np.log(shares + difference), 0.0)
                + np.where(only_b, only_b * np.log(shares), 0.0)
                + (images - only_a - only_b) * np.log(1 - 2 * shares - difference)
            )
        best = int(np.nanargmax(likelihood))
        low, high = shares[max(best - 1, 0)], shares[min(best + 1, 400)]
    return shares[best]


@pytest.mark.parametrize(
    ("only_a", "only_b", "images"), [(1, 7, 21), (9, 2, 40), (3, 3, 30), (40, 61, 10_000)]
)
def test_tangos_bounds_are_where_the_score_test_turns(only_a, only_b, images):
    for bound, side in zip(tango(only_a, only_b, images), (1, -1), strict=True):
        share = likeliest(only_a, only_b, images, bound)
        variance = (2 * share + bound - bound**2) / images
        score = ((only_a - only_b) / images - bound) / sqrt(variance)
        assert score == pytest.approx(side * stats.norm.ppf(0.975), abs=1e-4)


def test_tango_has_width_where_nothing_and_where_everything_is_discordant():
    z2 = stats.norm.ppf(0.975) ** 2
    assert tango(0, 0, 10_000) == pytest.approx((-z2 / (10_000 + z2), z2 / (10_000 + z2)), abs=1e-9)
    low, high = tango(500, 0, 500)
    assert (0.98 < low < 0.999, high) == (True, 1.0)
    assert tango(0, 500, 500) == (-high, -low)


@pytest.mark.parametrize(("only_a", "only_b", "images"), [(0, 0, 0), (-1, 2, 9), (6, 5, 10)])
def test_tango_refuses_what_is_no_count(only_a, only_b, images):
    with pytest.raises(ValueError, match="not counts"):
        tango(only_a, only_b, images)


@pytest.mark.parametrize(("only_a", "only_b"), COUNTS)
def test_one_run_is_mcnemar_and_tango_and_they_agree(only_a, only_b):
    found = paired_difference(*runs(only_a, only_b, 2_000))
    assert found.difference == pytest.approx((only_a - only_b) / 2_000, abs=1e-12)
    assert found.p == mcnemar_mid_p(only_a, only_b)
    low, high = found.interval
    assert (found.p < 0.05) == (not low <= 0 <= high)
    theirs = tango(only_a, only_b, 2_000)
    assert (low, high) == (theirs if found.p < 0.05 else (min(theirs[0], 0), max(theirs[1], 0)))
    assert found.method == "McNemar's test, mid-p"


def mean_squares(differences):
    """Sums of squares of a two-way layout, cell by cell as the textbooks define them."""
    seeds, images = differences.shape
    mean = differences.mean()
    rows, columns = differences.mean(axis=1), differences.mean(axis=0)
    between = across = rest = 0.0
    for s, i in product(range(seeds), range(images)):
        between += (rows[s] - mean) ** 2 / (seeds - 1)
        across += (columns[i] - mean) ** 2 / (images - 1)
        rest += (differences[s, i] - rows[s] - columns[i] + mean) ** 2
    return between, across, rest / ((seeds - 1) * (images - 1))


def test_several_runs_agree_with_a_plain_analysis_of_variance():
    rng = np.random.default_rng(7)
    a, b = rng.random((2, 4, 60)) < np.array([0.9, 0.7])[:, None, None]
    a[0] = rng.random(60) < 0.6  # a poor seed, so that seeds differ more than their rest explains
    between, across, rest = mean_squares(a.astype(float) - b)
    assert between > rest
    variance = (between + across - rest) / (4 * 60)
    freedom = (variance * 240) ** 2 / (between**2 / 3 + across**2 / 59 + rest**2 / (3 * 59))
    difference = a.mean() - b.mean()
    found = paired_difference(a, b)
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert found.standard_error == pytest.approx(sqrt(variance), abs=1e-9)
    assert found.freedom == pytest.approx(freedom, abs=1e-6)
    student = stats.t(freedom)
    half = student.ppf(0.975) * sqrt(variance)
    assert found.interval == pytest.approx((difference - half, difference + half), abs=1e-6)
    assert found.p == pytest.approx(2 * student.sf(abs(difference) / sqrt(variance)), abs=1e-6)
    # 80 % of what a non-central t would give lies beyond the critical value, where the variance is
    # that of more discordant images: by as many as the difference would be greater than it is.
    discordant = (a != b).mean()
    assert found.detectable > abs(difference)
    greater = (discordant + found.detectable - abs(difference)) / discordant
    shift = found.detectable / sqrt(variance * greater)
    assert stats.nct.sf(student.ppf(0.975), freedom, shift) == pytest.approx(0.80, abs=1e-6)


def bootstrapped(differences, *, seeds, images):
    """The variance of the mean over every sample with replacement that there is, each once."""
    count, total = differences.shape
    rows = np.array(list(product(range(count), repeat=count)) if seeds else [range(count)])
    columns = np.array(list(product(range(total), repeat=total)) if images else [range(total)])
    means = differences[rows][..., columns].mean(axis=(1, 3))
    assert means.shape == (len(rows), len(columns))
    return means.var()


def test_the_variance_is_that_of_bootstraps_over_seeds_and_images_without_their_bias():
    """Owen (2007): drawing both counts the rest three times; drawing either, once each."""
    differences = np.array([[1, 1, 0, -1], [1, 0, 0, -1], [1, 1, 1, 0]])
    a, b = differences > 0, differences < 0
    over_seeds = bootstrapped(differences, seeds=True, images=False)
    over_images = bootstrapped(differences, seeds=False, images=True)
    over_both = bootstrapped(differences, seeds=True, images=True)
    rest = over_both - over_seeds - over_images
    # K and N samples vary by (K - 1) / K and (N - 1) / N of what they come from.
    variance = 3 / 2 * over_seeds + 4 / 3 * over_images - 3 / 2 * 4 / 3 * rest
    assert variance > 2 / 4 / 12  # not the least that it is held to be
    assert paired_difference(a, b).standard_error == pytest.approx(sqrt(variance), abs=1e-12)


@pytest.mark.parametrize(("seeds", "images"), [(True, True), (True, False), (False, True)])
def test_the_simulated_bootstrap_draws_as_it_says(seeds, images):
    rng = np.random.default_rng(13)
    differences = rng.choice([-1, 0, 0, 0, 1], (3, 5)).astype(np.int8)
    drawn = resampled(differences, 20_000, rng, seeds=seeds, images=images)
    exact = bootstrapped(differences, seeds=seeds, images=images)
    assert drawn.mean() == pytest.approx(differences.mean(), abs=0.005)
    assert drawn.var() == pytest.approx(exact, rel=0.05)


def test_the_interval_of_several_runs_leaves_out_zero_just_where_p_is_small():
    rng = np.random.default_rng(8)
    significant = 0
    for _ in range(200):
        a, b = rng.random((2, 3, 90)) < rng.uniform(0.5, 1.0, (2, 1, 1))
        found = paired_difference(a, b)
        assert (found.p < 0.05) == (not found.interval[0] <= 0 <= found.interval[1])
        significant += found.p < 0.05
    assert 20 < significant < 180


def test_turning_a_pair_round_turns_the_signs():
    rng = np.random.default_rng(9)
    for seeds in (1, 3):
        a, b = rng.random((2, seeds, 200)) < 0.9
        there, back = paired_differences([(a, b), (b, a)])
        assert back.difference == -there.difference
        assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]), abs=1e-12)
        assert (back.p, back.detectable) == (there.p, there.detectable)


def test_what_was_surely_found_does_not_lower_what_would_be():
    # Of a difference of 15 points, five times what is detectable, discordance is not extrapolated.
    rng = np.random.default_rng(15)
    a, b = rng.random((2, 5, 2_000)) < np.array([0.95, 0.80])[:, None, None]
    found = paired_difference(a, b)
    reach = t_shift(0.80, found.freedom) * found.standard_error
    assert found.detectable == pytest.approx(reach, abs=1e-12)
    assert found.detectable < found.difference / 3


@pytest.mark.parametrize(("only_a", "only_b"), [(60, 60), (90, 50), (50, 90), (30, 0), (100, 400)])
def test_what_one_run_detects_by_connors_sample_size(only_a, only_b):
    """N = (z_0.975 sqrt(psi) + z_0.80 sqrt(psi - d^2))^2 / d^2, psi the discordant share."""
    d = paired_difference(*runs(only_a, only_b, 10_000)).detectable
    psi = (only_a + only_b) / 10_000 + max(0, d - abs(only_a - only_b) / 10_000)
    images = (1.959964 * sqrt(psi) + 0.841621 * sqrt(psi - d * d)) ** 2 / d**2
    assert images == pytest.approx(10_000, rel=1e-5)


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_the_same_readings_are_no_proof_that_nothing_differs(seeds):
    a, b = runs(0, 0, 10_000, seeds)
    found = paired_difference(a, b)
    assert (found.difference, found.p) == (0.0, 1.0)
    assert found.interval == tango(0, 0, 10_000)
    assert found.detectable == pytest.approx(7.85e-4, abs=1e-5)


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_readings_that_always_differ(seeds):
    for only_a, sign in ((400, 1), (0, -1)):
        found = paired_difference(*runs(only_a, 400 - only_a, 400, seeds))
        assert found.difference == sign
        assert found.p < 1e-9
        inner, outer = sorted(np.abs(found.interval))
        assert 0.98 < inner < 1.0 == outer


def test_seeds_that_agree_by_chance_lend_no_certainty():
    # Each of five seeds misses another image, so that no seed differs from the next.
    a, b = runs(0, 0, 360, 5)
    b[np.arange(5), np.arange(5)] = False
    found = paired_difference(a, b)
    assert mean_squares(a.astype(float) - b)[0] == 0
    # As if each run had two discordant images: sqrt(2 / 5) / 360; five seeds have 4 degrees left.
    assert found.standard_error == pytest.approx(sqrt(2 / 5) / 360, abs=1e-9)
    assert found.freedom == pytest.approx(4, abs=0.1)
    assert found.p == pytest.approx(0.19, abs=0.01)


def test_seeds_that_agree_are_held_to_differ_as_their_rest_does():
    # Two seeds, 30 images either way in both, 10 in one alone: seeds do not differ at all.
    differences = np.zeros((2, 1_000), int)
    differences[:, :30], differences[0, 30:40], differences[1, 40:50] = 1, 1, 1
    between, across, rest = mean_squares(differences)
    assert between == pytest.approx(0, abs=1e-12)
    freedom = across**2 / (rest**2 + across**2 / 999 + rest**2 / 999)
    found = paired_difference(differences == 1, np.zeros((2, 1_000), bool))
    assert 20 < freedom == pytest.approx(found.freedom, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b"),
    [((2, 9), (3, 9)), ((2, 9), (2, 8)), ((0, 9), (0, 9)), ((2, 0), (2, 0)), ((9,), (9,))],
)
def test_runs_that_cannot_be_paired_are_refused(a, b):
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_difference(np.ones(a, bool), np.ones(b, bool))


def test_one_image_is_enough():
    for seeds in (1, 2, 3):
        a, b = runs(1, 0, 1, seeds)
        assert paired_difference(a, b).p > 0.05


# Non-inferiority ----------------------------------------------------------------------------------


def test_the_bound_of_one_run_by_hand():
    # b = 8 gained, c = 20 lost of 10,000: d = -0.12 points, 28 - 144 / 10,000 = 27.9856,
    # SE = 5.29014 / 10,000, bound -0.0012 - 1.644854 * 0.000529014.
    found = non_inferiority(*runs(20, 8, 10_000))
    assert found.difference == pytest.approx(-0.0012, abs=1e-12)
    assert found.bound == pytest.approx(-0.00207015, abs=1e-8)
    assert found.interval == paired_difference(*runs(8, 20, 10_000)).interval


@pytest.mark.parametrize(
    ("lost", "gained", "verdict", "words"),
    [
        (0, 0, "passed", "a loss of 0.2 points or more is ruled out"),
        (0, 30, "passed", "a loss of 0.2 points or more is ruled out"),
        (10, 0, "passed", "a loss of 0.2 points or more is ruled out"),
        # 12 lost on balance: within the margin if few images changed, shown if not many did.
        (17, 5, "passed", "a loss of 0.2 points or more is ruled out"),  # bound -0.197 points
        (18, 6, "inconclusive", "a loss is shown, but whether it is 0.2 points is not"),  # -0.201
        (26, 14, "inconclusive", "neither is a loss shown, nor one of 0.2 points ruled out"),
        (29, 10, "inconclusive", "a loss is shown, but whether it is 0.2 points is not"),
        (30, 10, "regressed", "a loss of 0.2 points or more was measured, and is not chance"),
        (90, 60, "regressed", "a loss of 0.2 points or more was measured, and is not chance"),
        (180, 160, "inconclusive", "neither is a loss shown, nor one of 0.2 points ruled out"),
    ],
)
def test_verdicts_of_one_run(lost, gained, verdict, words):
    found = non_inferiority(*runs(lost, gained, 10_000))
    assert (found.verdict, found.explanation.split(" (")[0]) == (verdict, words)


def test_the_words_say_the_numbers():
    found = non_inferiority(*runs(30, 10, 10_000))
    # SE = sqrt(40 - 0.04) / 10,000 = 0.0632 points, bound -0.2 - 1.645 SE; the interval is Tango's.
    assert found.explanation.endswith(
        " (-0.20 points [-0.34, -0.08], one-sided 95 % bound -0.30, 1 seed)"
    )


def test_several_runs_have_a_bound_of_student():
    a, b = np.ones((2, 5, 2_000), bool)
    rng = np.random.default_rng(4)
    a &= rng.random((5, 2_000)) < 0.98
    b &= rng.random((5, 2_000)) < 0.98
    found = non_inferiority(a, b)
    pair = paired_difference(b, a)
    t = stats.t(pair.freedom).ppf(0.95)
    assert found.bound == pytest.approx(pair.difference - t * pair.standard_error, abs=1e-9)
    assert found.interval == pair.interval
    # Seeds that only one of the two has cannot be paired.
    assert non_inferiority(a, b[:3]) == non_inferiority(a[:3], b[:3]) != found


@pytest.mark.parametrize("seeds", [1, 2, 5])
@pytest.mark.parametrize("images", [27, 360, 10_000])
def test_what_reads_every_image_as_before_passes(seeds, images):
    before = np.random.default_rng(6).random((seeds, images)) < 0.97
    found = non_inferiority(before, before.copy())
    assert (found.verdict, found.difference, found.bound) == ("passed", 0.0, 0.0)


def test_few_images_cannot_show_that_nothing_was_lost():
    # One of 360 is 0.28 points, more than the margin: lost, gained or exchanged.
    for lost, gained in ((1, 0), (1, 1), (3, 2)):
        assert non_inferiority(*runs(lost, gained, 360)).verdict == "inconclusive"


def test_losses_that_cancel_leave_a_bound():
    before, after = runs(0, 0, 360, 5)
    before[0, 3] = after[1, 4] = False
    found = non_inferiority(before, after)
    assert found.difference == 0.0
    assert found.bound < -0.001


def test_a_margin_of_ones_own():
    assert non_inferiority(*runs(30, 10, 10_000), margin=0.01).verdict == "passed"
    with pytest.raises(ValueError, match="must be positive, got 0"):
        non_inferiority(*runs(1, 1, 9), margin=0)


def test_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match="cannot be paired"):
        non_inferiority(np.ones((0, 9), bool), np.ones((2, 9), bool))
