"""The measurement of the scheduler and the store does what its table says; no time is judged."""

import pytest

from harness.benchmarks.scale import measure as measure_scale
from harness.benchmarks.scale.measure import Lookups, Rate, Times
from harness.jobs.store.store import Store


def test_the_idle_workers_do_every_job(tmp_path, monkeypatch):
    ended = []
    scheduler = measure_scale.Scheduler

    def spied(workers, data, store, logs, on_event, module):  # noqa: ARG001
        return scheduler(workers, data, store, logs, lambda job, _: ended.append(job.seed), module)

    monkeypatch.setattr(measure_scale, "Scheduler", spied)
    assert measure_scale.scheduler_rate(2, 50, tmp_path).per_minute > 0
    assert sorted(ended) == [-1] * 40 + list(range(50))


def test_lookups_are_measured_at_each_size(tmp_path):
    store = Store(tmp_path)
    rows = list(measure_scale.lookups(store, [3, 10], count=20))
    assert [row.records for row in rows] == [3, 10]
    assert len(list((tmp_path / "records").glob("*/*"))) == 10


def test_hits_hit_and_misses_miss(tmp_path):
    looked_up = []

    class Spy(Store):
        def get(self, key):
            found = super().get(key)
            looked_up.append(found is not None)
            return found

    list(measure_scale.lookups(Spy(tmp_path), [5], count=30))
    assert looked_up == [True] * 30 + [False] * 30


def test_times_are_the_median_and_the_95th_percentile(monkeypatch):
    clock = iter(t for i in range(1, 22) for t in (0.0, float(i)))
    monkeypatch.setattr(measure_scale.time, "perf_counter", lambda: next(clock))
    found = measure_scale.times(lambda _: None, ["x"] * 21)
    assert found == Times(median=11.0, p95=20.0)


def test_the_tables_say_what_was_measured():
    assert measure_scale.rate_table("workers", {2: Rate(34567.8, 0.00025)}).splitlines()[-1] == (
        "| 2 | 34,568 | 0.25 ms |"
    )
    row = Lookups(100_000, Times(1e-4, 2e-4), Times(1e-5, 3e-5), Times(4e-4, 5e-4))
    assert measure_scale.lookup_table([row]).splitlines()[-1] == (
        "| 100,000 | 100 (200) µs | 10 (30) µs | 400 (500) µs |"
    )
    assert measure_scale.cost_table({"a": 1.2345}).splitlines()[-1] == "| a | 1,234.50 |"


@pytest.mark.slow
def test_the_command_measures_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measure_scale.tempfile, "tempdir", str(tmp_path))
    arguments = ["--no-workers", "--records=20", "--jobs=20", f"--folder={tmp_path}"]
    assert measure_scale.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "\n| 20 | " in printed
    assert "| controller: schedule a job | " in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--records=0", "--jobs=0"])
def test_nothing_cannot_be_measured(option):
    with pytest.raises(SystemExit):
        measure_scale.main([option])
