"""Intervals are the textbooks' and verdicts turn where arithmetic says they turn."""

from math import sqrt
from statistics import NormalDist

import pytest

from harness.statistics.gate import judge_floor, judge_gate
from harness.statistics.intervals import (
    mean_interval,
    over_both,
    repeats_interval,
    tolerance_factor,
    wilson,
)


@pytest.mark.parametrize(
    ("correct", "total", "lower", "upper"),
    [
        # Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # The two gates on MNIST's test images, in hundredths of a percent.
        (9_800, 10_000, 0.9771, 0.9826),
        (9_600, 10_000, 0.9560, 0.9637),
    ],
)
def test_wilson_gives_published_values(correct, total, lower, upper):
    assert wilson(correct, total) == pytest.approx((lower, upper), abs=0.00005)


def _roots(correct: int, total: int) -> tuple[float, float]:
    """The p at which |p^ - p| = z sqrt(p (1 - p) / n): the definition, solved as a quadratic."""
    z2n = NormalDist().inv_cdf(0.975) ** 2 / total
    observed = correct / total
    a, b, c = 1 + z2n, -(2 * observed + z2n), observed**2
    root = sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


CASES = [(0, 1), (1, 1), (1, 2), (3, 7), (27, 27), (26, 27), (350, 360), (9_999, 10_000), (0, 500)]


@pytest.mark.parametrize(("correct", "total"), CASES)
def test_wilson_agrees_with_its_definition_and_with_scipy(correct, total):
    from scipy.stats import binomtest

    interval = wilson(correct, total)
    theirs = binomtest(correct, total).proportion_ci(0.95, "wilson")
    assert interval == pytest.approx(_roots(correct, total), abs=1e-9)
    assert interval == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_wilson_stays_within_0_and_1():
    for total in range(1, 200):
        assert wilson(0, total)[0] == 0.0
        assert wilson(total, total)[1] == 1.0


@pytest.mark.parametrize(("correct", "total"), [(0, 0), (-1, 10), (11, 10)])
def test_wilson_refuses_what_is_no_proportion(correct, total):
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(correct, total)


def test_mean_interval_by_hand():
    # mean 3, s = sqrt(10 / 4), t(0.975, 4) = 2.776 (any table): 3 -+ 2.776 * 1.58114 / sqrt(5)
    assert mean_interval([1, 2, 3, 4, 5]) == pytest.approx((1.037, 4.963), abs=0.0005)
    # t(0.95, 4) = 2.132
    assert mean_interval([1, 2, 3, 4, 5], 0.90) == pytest.approx((1.4925, 4.5075), abs=0.0005)


def test_mean_interval_of_equal_runs_is_a_point():
    assert mean_interval([0.98, 0.98]) == (0.98, 0.98)


def test_mean_interval_needs_two_runs():
    with pytest.raises(ValueError, match="at least two"):
        mean_interval([0.98])


def test_repeats_that_differ_have_students_interval_within_0_and_1():
    for same in (True, False):
        found = repeats_interval([(97, 100), (98, 100)], same_images=same)
        assert found == (mean_interval([0.97, 0.98])[0], 1.0)


def test_an_image_that_every_seed_reads_counts_once():
    for correct in (26, 27):
        for repeats in (1, 2, 5):
            found = repeats_interval([(correct, 27)] * repeats, same_images=True)
            assert found == wilson(correct, 27)


def test_folds_that_agree_are_judged_on_the_images_of_all():
    assert repeats_interval([(90, 100)] * 5, same_images=False) == wilson(450, 500)
    assert repeats_interval([(9, 10), (90, 100)], same_images=False) == wilson(99, 110)


def test_two_intervals_of_one_estimate_are_put_together():
    """3-4-5 below, 5-12-13 above."""
    assert over_both(100, (97, 105), (96, 112)) == pytest.approx((95, 113))
    assert over_both(100, (100, 100), (96, 112)) == (96, 112)


@pytest.mark.parametrize("same", [True, False])
def test_an_interval_needs_a_repeat(same):
    with pytest.raises(ValueError, match="not a proportion"):
        repeats_interval([], same_images=same)


def test_seeds_that_agree_are_shown_with_the_interval_of_one():
    assert judge_gate([9_900] * 3, 10_000, 0.98).interval == wilson(9_900, 10_000)


@pytest.mark.parametrize(
    ("correct", "verdict"),
    [
        # Wilson's bound reaches p0 where |p^ - p0| = z sqrt(p0 (1 - p0) / n):
        # 1.96 * sqrt(0.98 * 0.02 / 10,000) = 0.002744, so 27.44 images either side of 9,800.
        (9_772, "failed"),
        (9_773, "inconclusive"),
        (9_800, "inconclusive"),
        (9_827, "inconclusive"),
        (9_828, "passed"),
    ],
)
def test_gate_of_one_run_turns_where_the_interval_leaves_it(correct, verdict):
    gate = judge_gate([correct], 10_000, 0.98)
    assert gate.verdict == verdict
    assert gate.interval == wilson(correct, 10_000)
    assert gate.margin == pytest.approx(correct / 10_000 - 0.98, abs=1e-12)
    assert gate.seeds == 1


@pytest.mark.parametrize(
    ("correct", "verdict"),
    [
        # s = 0.001 in each, t(0.95, 2) = 2.920: bounds 0.001686 either side of the mean.
        ([9_810, 9_820, 9_830], "passed"),  # 98.03 %: the two-sided bound, 97.95 %, would not do
        ([9_806, 9_816, 9_826], "inconclusive"),  # 97.99 to 98.33 %
        ([9_774, 9_784, 9_794], "inconclusive"),  # 97.67 to 98.01 %
        ([9_770, 9_780, 9_790], "failed"),  # 97.63 to 97.97 %
    ],
)
def test_gate_of_several_seeds_turns_on_the_one_sided_bound(correct, verdict):
    gate = judge_gate(correct, 10_000, 0.98)
    assert gate.verdict == verdict
    assert gate.accuracy == pytest.approx(correct[1] / 10_000, abs=1e-12)
    assert gate.seeds == 3
    # What is shown is two-sided: t(0.975, 2) = 4.303.
    half = 4.303 * 0.001 / sqrt(3)
    assert gate.interval == pytest.approx((gate.accuracy - half, gate.accuracy + half), abs=1e-6)


def test_a_diverged_seed_fails_the_gate_however_good_the_others():
    good = [9_900] * 99
    assert judge_gate([*good, 9_701], 10_000, 0.98).verdict == "passed"
    gate = judge_gate([*good, 9_699], 10_000, 0.98)
    assert gate.verdict == "failed"
    assert "a seed diverged: 96.99 %" in gate.explanation


@pytest.mark.parametrize(
    ("correct", "fails"),
    [
        ([9_772], True),  # failed
        ([9_773], False),  # short, but within what chance does to one run
        ([9_800], False),
        ([9_774, 9_784, 9_794], True),  # short on average; inconclusive
        ([9_806, 9_816, 9_826], False),  # inconclusive
        ([9_800, 9_800], False),
        ([*[9_900] * 99, 9_699], True),  # a seed diverged
    ],
)
def test_one_run_fails_the_check_at_a_failed_gate_and_several_below_it(correct, fails):
    assert judge_gate(correct, 10_000, 0.98).fails_check is fails


@pytest.mark.parametrize(("correct", "fails"), [([341], True), ([342], False), ([360, 341], True)])
def test_an_accuracy_below_the_floor_fails_the_check(correct, fails):
    assert judge_floor(correct, 360, 0.95).fails_check is fails


def test_gate_needs_a_run():
    with pytest.raises(ValueError, match="at least one run"):
        judge_gate([], 10_000, 0.98)


@pytest.mark.parametrize(
    ("correct", "verdict", "margin"),
    [
        ([342], "passed", 0.0),  # 342 / 360 is the floor itself
        ([341], "failed", -1 / 360),
        ([350, 342], "passed", 0.0),
        ([359, 360, 341], "failed", -1 / 360),
    ],
)
def test_floor_is_compared_with_the_lowest_run(correct, verdict, margin):
    gate = judge_floor(correct, 360, 0.95)
    assert gate.verdict == verdict
    assert gate.margin == pytest.approx(margin, abs=1e-12)
    assert gate.accuracy == pytest.approx(sum(correct) / len(correct) / 360, abs=1e-12)
    assert f"{100 * min(correct) / 360:.2f} %" in gate.explanation


@pytest.mark.parametrize(
    ("count", "factor"),
    # Natrella (1963), Experimental Statistics, table A-7: confidence 0.95, coverage 0.999.
    [(5, 7.50), (10, 5.20), (20, 4.32)],
)
def test_tolerance_factor_is_the_tabled_one(count, factor):
    assert tolerance_factor(count) == pytest.approx(factor, abs=0.01)


@pytest.mark.parametrize("runs", [1, 2, 5, 20])
def test_the_tolerance_factor_of_several_runs_covers_them_all(runs):
    from scipy.stats import nct

    shift = NormalDist().inv_cdf(0.999 ** (1 / runs)) * sqrt(20)
    factor = tolerance_factor(20, runs)
    assert nct.cdf(factor * sqrt(20), 19, shift) == pytest.approx(0.95, abs=1e-6)
