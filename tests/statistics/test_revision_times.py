"""The duet's verdicts on times whose truth is known: simulated, or worked by hand."""

from collections import Counter
from math import exp, log

import numpy as np
import pytest

from harness.statistics import revision_times as statistics
from harness.statistics.revision_times import Comparison, compare, judge, log_ratio, order, turns

DRAWS = 300
QUADS, ROUNDS = 2, 30


def test_processes_are_started_abba():
    assert order(1) == "ABBA"
    assert order(3) == "ABBAABBAABBA"


def test_rounds_take_turns_abba():
    assert turns(4) == [(0, 1), (1, 0), (0, 1), (1, 0)]
    # A steady drift weighs on both alike: the places in time add up to the same.
    places = [side for turn in turns(12) for side in turn]
    assert sum(i for i, side in enumerate(places) if side == 0) == sum(
        i for i, side in enumerate(places) if side == 1
    )


def test_a_log_ratio_by_hand():
    assert log_ratio([1.0, 2.0, 4.0], [2.0, 4.0, 4.0]) == pytest.approx(log(2))
    # Neighbours are compared: a machine that turns three times slower in between changes nothing.
    assert log_ratio([1.0, 3.0, 3.0], [1.3, 3.9, 3.9]) == pytest.approx(log(1.3))
    assert log_ratio([2.0], [1.0]) == pytest.approx(-log(2))


@pytest.mark.parametrize(
    ("a", "b"), [([], []), ([1.0], []), ([1.0], [1.0, 2.0]), ([1.0], [0.0]), ([-1.0], [1.0])]
)
def test_what_is_no_time_is_refused(a, b):
    with pytest.raises(ValueError, match="not pairs of positive times"):
        log_ratio(a, b)


def test_nothing_cannot_be_compared():
    with pytest.raises(ValueError, match="no pairs"):
        compare([])


def test_a_comparison_by_hand():
    assert compare([0.5] * 6) == Comparison(0.5, 0.5, 0.5, 0.5)
    found = compare([-1.0, 0.0, 1.0])
    assert found.centre == 0
    # Of three pairs the bootstrap's median is the least with the probability 7/27, over 2.5 %.
    assert (found.lower, found.upper, found.extreme) == (-1, 1, 1)
    assert compare([-1.0, 0.0, 1.0]) == found  # the same times, the same interval


def test_the_interval_is_about_the_median_not_the_pairs():
    ratios = list(np.random.default_rng(0).normal(0.2, 0.1, 200))
    found = compare(ratios)
    assert found.centre == pytest.approx(float(np.median(ratios)))
    # The median's standard error is 1.25 times that of the mean: 0.1 * 1.25 / sqrt(200) = 0.009.
    assert found.lower == pytest.approx(found.centre - 0.017, abs=0.01)
    assert found.upper == pytest.approx(found.centre + 0.017, abs=0.01)


def _found(ratio, low, high):
    return Comparison(log(ratio), log(low), log(high), max(abs(log(low)), abs(log(high))))


QUIET = _found(1.0, 0.98, 1.02)


@pytest.mark.parametrize(
    ("control", "found", "verdict"),
    [
        (QUIET, _found(1.3, 1.25, 1.35), "slower"),
        (QUIET, _found(0.7, 0.65, 0.75), "faster"),
        (QUIET, _found(1.0, 0.95, 1.05), "same"),
        (QUIET, _found(1.05, 1.02, 1.09), "same"),  # a difference, but less than 10 %
        (QUIET, _found(1.05, 1.02, 1.12), "cannot tell"),
        (QUIET, _found(0.95, 0.89, 1.02), "cannot tell"),
        (QUIET, _found(1.3, 0.95, 1.6), "cannot tell"),  # may be an accident
        (QUIET, _found(1.12, 1.05, 1.2), "slower"),
        # What identical code shows must be exceeded.
        (_found(1.0, 0.85, 1.2), _found(1.15, 1.1, 1.2), "cannot tell"),
        (_found(1.0, 0.85, 1.2), _found(1.3, 1.1, 1.4), "slower"),
        # Noise is no evidence that two things are alike.
        (_found(1.0, 0.5, 2.0), _found(1.3, 1.2, 1.4), "cannot tell"),
        # Identical code that differs: the machine cannot tell anything.
        (_found(1.2, 1.15, 1.25), _found(2.0, 1.9, 2.1), "cannot tell"),
        (_found(0.8, 0.75, 0.85), _found(1.0, 0.99, 1.01), "cannot tell"),
    ],
)
def test_the_verdicts(control, found, verdict):
    assert judge(control, found) == verdict


def test_the_margin_is_ten_percent_or_what_identical_code_shows():
    assert exp(statistics.margin(QUIET)) == pytest.approx(1.1)
    assert exp(statistics.margin(_found(1.0, 0.9, 1.4))) == pytest.approx(1.4)


# Simulated machines ------------------------------------------------------------------------------


def _ratios(random, truth, noise, drift, process=0.0):
    """The log-ratios of all pairs: noise of each round, of each process, and a random walk."""
    ratios = []
    for pair in range(2 * QUADS):
        swapped = pair % 2 == 1
        machine = np.cumsum(random.normal(0, drift, 2 * ROUNDS))
        own = random.normal(0, process, 2)
        times = ([], [])
        for number, turn in enumerate(turns(ROUNDS)):
            for place, side in enumerate(turn):
                slow = log(truth) if (side == 1) != swapped else 0.0
                at = machine[2 * number + place] + own[side] + random.normal(0, noise) + slow
                times[side].append(exp(at))
        ratio = log_ratio(*times)
        ratios.append(-ratio if swapped else ratio)
    return compare(ratios)


def _verdicts(truth, **machine):
    random = np.random.default_rng(7)
    return Counter(
        judge(_ratios(random, 1.0, **machine), _ratios(random, truth, **machine))
        for _ in range(DRAWS)
    )


MACHINES = [
    {"noise": 0.05, "drift": 0.0},
    {"noise": 0.05, "drift": 0.03},
    {"noise": 0.05, "drift": 0.02, "process": 0.03},
    {"noise": 0.12, "drift": 0.02},
]


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_identical_code_raises_no_alarm(machine):
    seen = _verdicts(1.0, **machine)
    assert seen["slower"] + seen["faster"] <= 0.05 * DRAWS


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_a_slow_down_of_1_3_is_caught(machine):
    assert _verdicts(1.3, **machine)["slower"] >= 0.95 * DRAWS
    assert _verdicts(1 / 1.3, **machine)["faster"] >= 0.95 * DRAWS


def test_on_a_quiet_machine_the_same_is_the_same():
    assert _verdicts(1.0, noise=0.03, drift=0.01)["same"] >= 0.95 * DRAWS


@pytest.mark.slow
@pytest.mark.parametrize("truth", [1.0, 1.1])
def test_a_noisy_machine_cannot_tell(truth):
    seen = _verdicts(truth, noise=0.1, drift=0.0, process=0.3)
    assert seen["cannot tell"] >= 0.9 * DRAWS
    assert seen["same"] <= 0.02 * DRAWS
