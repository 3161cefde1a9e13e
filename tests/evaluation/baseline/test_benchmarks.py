"""Which files serve as a baseline, and what a comparison with one says."""

import json
from dataclasses import replace

import pytest

from harness.evaluation.baseline import benchmarks as baselines
from harness.evaluation.baseline.benchmarks import Baseline, BaselineMismatch
from harness.statistics.time_ratios import Ratio
from reference.errors import UserError
from tests.support.benchmark_files import KEY, MACHINE, benchmark_row

BASELINE = Baseline("old.json", ("abc",), {KEY: Ratio(4.0, 3.95, 4.05)})


def _write(tmp_path, rows, schema=1):
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"schema": schema, "benchmarks": rows}), encoding="utf-8")
    return path


def _read(path):
    return baselines.read(path, MACHINE)


def test_the_engines_speedups_over_keras_are_read(tmp_path):
    rows = [
        benchmark_row(),
        benchmark_row(runner="keras fit", speedup=None),
        benchmark_row(batch_size=64, status="failed"),
    ]
    assert _read(_write(tmp_path, rows)) == Baseline(
        "old.json", ("abc",), {KEY: Ratio(4.0, 3.9, 4.1)}
    )


def test_a_regressed_row_is_a_measurement_all_the_same(tmp_path):
    assert KEY in _read(_write(tmp_path, [benchmark_row(status="regressed")])).speedups


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist"),
        ("", "is empty, but should be a results.json"),
        (" \n", "is empty"),
        ("{", "is not JSON"),
        ("[]", "is not a results.json of schema 1"),
        ('{"benchmarks": [{"stats": {}}]}', "is not a results.json of schema 1"),
        ('{"schema": 1}', "holds no benchmarks"),
        ('{"schema": 1, "benchmarks": 3}', "benchmarks is the number 3"),
        ('{"schema": 1, "benchmarks": []}', "holds no benchmarks"),
        ('{"schema": 1, "benchmarks": [{"runner": "engine", "architecture": "a"}]}', "no speed-up"),
    ],
)
def test_a_file_that_is_of_no_use_says_why(tmp_path, text, message):
    path = tmp_path / "old.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as raised:
        _read(path)
    assert str(path) in str(raised.value)
    assert "pytest --benchmark-only" in str(raised.value)


@pytest.mark.parametrize(
    "speedup",
    [
        {"keras fit": {"ratio": 4.0}},
        {"keras fit": {"ratio": 4.0, "low": 4.1, "high": 4.2}},
        {"keras fit": {"ratio": "x", "low": 1, "high": 1}},
        {"keras fit": {"ratio": 0, "low": 0, "high": 0}},
        {"keras fit": 3},
        [1],
    ],
)
def test_a_speedup_that_is_none_says_so(tmp_path, speedup):
    with pytest.raises(UserError, match=r"not as expected|but should be"):
        _read(_write(tmp_path, [benchmark_row(speedup=speedup)]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cpu": "B"}, "cpu 'B', here 'A'"),
        ({"cores": 64}, "cores 64, here 2"),
        ({"tensorflow": "2.20.0"}, "tensorflow '2.20.0', here '2.21.0'"),
    ],
)
def test_another_machine_is_refused_and_both_are_named(tmp_path, changes, message):
    with pytest.raises(UserError, match="another machine") as raised:
        _read(
            _write(
                tmp_path,
                [benchmark_row(), benchmark_row(batch_size=64, machine={**MACHINE, **changes})],
            )
        )
    assert message in str(raised.value)


def test_a_machine_that_is_none_is_refused(tmp_path):
    rows = [benchmark_row(), benchmark_row(batch_size=64, speedup=None, machine="A")]
    with pytest.raises(UserError, match=r"\[1\].machine is text, but should be an object"):
        _read(_write(tmp_path, rows))


def test_a_row_that_does_not_name_its_machine_is_refused(tmp_path):
    with pytest.raises(UserError, match="another machine"):
        _read(_write(tmp_path, [benchmark_row(machine=None)]))


def _compared(ratio, low, high):
    row = benchmark_row(speedup={"keras fit": {"ratio": ratio, "low": low, "high": high}})
    row["change"] = baselines.compare(BASELINE, KEY, row)
    return row


def test_a_loss_beyond_doubt_is_a_mismatch_with_both_figures():
    row = _compared(3.0, 2.9, 3.1)
    assert row["change"]["verdict"] == "regressed"
    with pytest.raises(BaselineMismatch) as raised:
        baselines.require_no_loss(BASELINE, KEY, row)
    assert raised.value.status == "regressed"
    assert "mlp_64_32 training, batch 32, speed-up over keras fit = 3× [2.9, 3.1]" in str(
        raised.value
    )
    assert "but should be at least 3.6×: 4× [3.95, 4.05] less 10 %" in str(raised.value)
    assert "[old.json, commit abc]" in str(raised.value)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [((4.0, 3.9, 4.1), "fine"), ((3.5, 3.2, 3.8), "cannot tell"), ((8.0, 7.0, 9.0), "fine")],
)
def test_less_than_that_passes_and_is_said(found, verdict):
    row = _compared(*found)
    assert row["change"]["verdict"] == verdict
    baselines.require_no_loss(BASELINE, KEY, row)


def test_what_the_baseline_has_not_is_a_failure_with_what_to_do():
    with pytest.raises(BaselineMismatch, match="not in the baseline") as raised:
        baselines.compare(replace(BASELINE, speedups={}), KEY, benchmark_row())
    assert raised.value.status == "failed"
    assert "make a new baseline" in str(raised.value)


def test_an_engine_row_without_its_peer_cannot_be_compared():
    with pytest.raises(BaselineMismatch, match="not measured") as raised:
        baselines.compare(BASELINE, KEY, benchmark_row(speedup={"pytorch": {}}))
    assert raised.value.status == "failed"
