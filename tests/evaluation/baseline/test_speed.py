"""Speed since the baseline: judged by benchmarks of one machine, else said why not."""

from dataclasses import replace

import pytest

from harness.evaluation.baseline.benchmarks import Measurement
from harness.evaluation.baseline.model import Network
from harness.evaluation.baseline.speed import other_machine, speed, training_rate
from harness.statistics.time_ratios import Ratio

NOW, THEN = Network("mlp"), Network("mlp")
MACHINE = {"cpu": "A", "cores": 2}
KEY = ("mlp", "train", 32)
BEFORE = Measurement(Ratio(4.0, 3.95, 4.05), "2026-11-21T00:00:00Z", "abc", MACHINE)
AFTER = replace(BEFORE, created="2026-11-22T00:00:00Z", commit="def")


def _judged(after, before=BEFORE, now=NOW, then=THEN):
    return speed(now, then, {KEY: after} if after else {}, {(then.id, *KEY[1:]): before})


@pytest.mark.parametrize(
    ("ratio", "status"),
    [
        ((4.0, 3.9, 4.1), "passed"),
        ((3.5, 3.2, 3.8), "inconclusive"),
        ((3.0, 2.9, 3.1), "regressed"),
        ((8.0, 7.0, 9.0), "improved"),
    ],
)
def test_a_speed_up_is_judged_as_benchmarks_judge_it(ratio, status):
    (row,) = _judged(replace(AFTER, speedup=Ratio(*ratio)))
    assert (row.measure, row.status) == ("speed", status)
    assert (row.before, row.after) == (4.0, ratio[0])
    assert row.difference == pytest.approx(ratio[0] / 4 - 1)
    assert row.interval[0] < row.difference < row.interval[1]
    assert "mlp training, batch 32, speed-up over keras fit: 4× [3.95, 4.05] before" in row.text
    assert "on the same machine" in row.text
    assert "Measured 2026-11-22T00:00:00Z, commit def." in row.text


def test_another_machine_is_not_compared_and_both_are_named():
    slow = replace(AFTER, speedup=Ratio(1.0, 0.9, 1.1), machine={"cpu": "B", "cores": 4})
    (row,) = _judged(slow)
    assert (row.status, row.difference) == ("not judged", None)
    assert "another machine: cpu 'A' then, 'B' now; cores 2 then, 4 now." in row.text


def test_the_very_benchmark_of_the_baseline_is_no_new_measurement():
    (row,) = _judged(BEFORE)
    assert row.status == "not judged"
    assert "not measured again since the baseline" in row.text


def test_a_benchmark_that_only_the_baseline_has_is_said_and_one_of_now_alone_is_nothing():
    (row,) = _judged(None)
    assert row.status == "not judged"
    assert "This run has no benchmarks: `pytest --benchmark-only --baseline=FILE`" in row.text
    assert speed(NOW, THEN, {KEY: AFTER}, {}) == []


def test_a_renamed_network_keeps_its_benchmarks():
    (row,) = _judged(AFTER, then=Network("old"))
    assert (row.subject, row.baseline_subject, row.status) == ("mlp", "old", "passed")
    assert speed(NOW, Network("other"), {KEY: AFTER}, {KEY: BEFORE}) == []


def test_the_rate_of_a_training_is_shown_and_never_judged():
    then, now = Network("mlp", images_per_s=1000.0), Network("mlp", images_per_s=10.0)
    row = training_rate(now, then, None)
    assert (row.status, row.before, row.after) == ("not judged", 1000.0, 10.0)
    assert "1,000 images/s before, 10 now, and no benchmark" in row.text
    elsewhere = training_rate(now, then, "cores 2 then, 4 now")
    assert "on another machine: cores 2 then, 4 now." in elsewhere.text


@pytest.mark.parametrize("rates", [(None, 1.0), (1.0, None), (1.0, 1.0)])
def test_a_run_from_the_store_is_no_new_rate(rates):
    before, after = (Network("mlp", images_per_s=rate) for rate in rates)
    assert training_rate(after, before, None) is None


def test_a_machine_is_the_same_where_all_of_it_is():
    assert other_machine(MACHINE, dict(MACHINE)) is None
    assert other_machine({"cpu": "A"}, MACHINE) == "cores None then, 2 now"
    assert other_machine({"cpu": "\x1b[1m"}, {"cpu": "A"}) == r"cpu '\x1b[1m' then, 'A' now"
    assert other_machine({}, MACHINE) == "the baseline does not say on which"
