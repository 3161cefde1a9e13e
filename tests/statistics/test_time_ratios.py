"""Paired ratios and their intervals: what they find, and what they do not claim."""

import numpy as np
import pytest

from harness.statistics.time_ratios import Ratio, band, change, judge, speedup


def _spells(seed: int, rounds: int = 20) -> np.ndarray:
    """Times of a machine that is slower for some rounds, by a half, and a little noisy."""
    random = np.random.default_rng(seed)
    slow = np.repeat(random.choice([1.0, 1.5], -(-rounds // 4)), 4)[:rounds]
    return slow * random.lognormal(0, 0.02, rounds)


def test_equal_times_give_one():
    assert speedup([0.2] * 20, [0.2] * 20) == Ratio(1.0, 1.0, 1.0)


def test_the_ratio_is_how_many_times_as_fast_the_first_is():
    found = speedup([1.0] * 20, [3.0] * 20)
    assert (found.ratio, found.low, found.high) == pytest.approx((3, 3, 3))


def test_what_slows_both_down_does_not_count():
    ours = _spells(1)
    found = speedup(ours, 2 * ours)
    assert (found.low, found.high) == pytest.approx((2, 2))


def test_the_interval_holds_its_ratio_whatever_the_rounding():
    for seed in range(50):
        times = np.random.default_rng(seed).random(20) + 0.5
        found = speedup(times, 1.1 * times)
        assert found.low <= found.ratio <= found.high


def test_the_same_code_is_rarely_taken_for_another():
    wrong = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        spell = _spells(seed)
        ours, theirs = (spell * random.lognormal(0, 0.02, 20) for _ in range(2))
        found = speedup(ours, theirs)
        wrong += not found.low <= 1 <= found.high
    # 95 % intervals: 5 of 100 are expected to miss, and more than 11 in one of 100 tests like this.
    assert wrong <= 11


def test_a_slow_down_is_seen_through_noise():
    for seed in range(20):
        spell = _spells(seed)
        found = speedup(1.3 * spell, spell * np.random.default_rng(seed).lognormal(0, 0.02, 20))
        assert found.high < 0.85


def test_an_interval_is_the_same_every_time():
    times = _spells(0)
    assert speedup(times, times[::-1]) == speedup(times, times[::-1])


def test_slow_spells_widen_the_interval():
    # Four slow rounds in a row are one event, four scattered ones are four.
    together, apart = np.ones(20), np.ones(20)
    together[8:16] = 2
    apart[[0, 2, 5, 7, 11, 13, 16, 18]] = 2
    base = np.ones(20) * np.random.default_rng(0).lognormal(0, 0.01, 20)
    width = [np.log(r.high / r.low) for r in (speedup(times, base) for times in (together, apart))]
    assert width[0] >= width[1]


def test_a_single_round_has_no_width():
    found = speedup([1.0], [2.0])
    assert (found.ratio, found.low, found.high) == pytest.approx((2, 2, 2))


def test_the_band_is_made_of_percentiles():
    found = band([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.q1_s, found.median_s, found.q3_s) == (2, 3, 4)
    assert found.iqr_s == 2
    assert found.p95_s == pytest.approx(4.8)


def test_a_change_adds_the_errors_of_both_runs():
    same = Ratio(4.0, 3.8, 4.2)
    found = change(same, same)
    assert found.ratio == 1
    # log(4.2 / 4) and log(4 / 3.8) in quadrature
    assert np.log(found.high) == pytest.approx(np.hypot(0.04879, 0.05129), abs=1e-4)
    assert np.log(found.low) == pytest.approx(-np.hypot(0.05129, 0.04879), abs=1e-4)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.70, 0.80, "regressed"),
        (0.70, 0.89, "regressed"),
        (0.70, 0.91, "cannot tell"),
        (0.89, 1.20, "cannot tell"),
        (0.91, 0.99, "fine"),
        (1.50, 1.60, "fine"),
    ],
)
def test_only_what_is_certain_is_a_regression(low, high, verdict):
    assert judge(Ratio((low * high) ** 0.5, low, high)) == verdict
