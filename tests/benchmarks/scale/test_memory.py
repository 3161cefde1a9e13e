"""The measurement of the memory that runs keep does what its table says; sizes are not judged."""

import pytest

from harness.benchmarks.scale import measure_memory, recording_worker
from harness.benchmarks.scale.measure import job_of
from harness.benchmarks.scale.measure_memory import Kept
from harness.jobs.store.record import Record


@pytest.mark.slow
def test_runs_are_done_looked_at_and_deleted(tmp_path):
    assert [found.runs for found in measure_memory.kept(25, tmp_path, each=10)] == [10, 20, 25]
    records = tmp_path / "store" / "records"
    assert list(records.glob("*/*")) == []
    assert len(list(records.iterdir())) > 5  # there were many, under keys of their own


def test_five_seeds_share_a_network_and_others_have_another():
    jobs = [measure_memory._request(number)[0] for number in range(15)]
    assert len({job.key for job in jobs}) == 15
    assert len({job.spec.digest for job in jobs}) == 3


def test_a_fake_record_can_be_read(tmp_path):
    job = job_of("mlp_64_32")
    replies = []
    request = {"job": job.to_json(), "store": str(tmp_path)}
    recording_worker.handle(request, replies.append)
    assert replies[-1] == {"event": "done", "key": job.key}
    folder = tmp_path / "records" / job.key[:2] / job.key
    run = Record(folder, recording_worker.document(job), cached=False)
    assert run.predictions.shape == (10_000, 10)
    assert run.trained_outputs.shape == run.random_outputs.shape == (64, 10)
    assert [{name: a.shape for name, a in node.items()} for node in run.weights if node] == [
        {"kernel": (784, 64), "bias": (64,)},
        {"kernel": (64, 32), "bias": (32,)},
        {"kernel": (32, 10), "bias": (10,)},
    ]


def test_the_memory_of_a_run_is_the_growth_divided():
    assert Kept(runs=200, memory_bytes=8_400_000).per_run_bytes == 42_000


def test_the_command_prints_a_row_for_every_few(monkeypatch, capsys):
    monkeypatch.setattr(measure_memory, "kept", lambda _runs, _folder: [Kept(500, 21_000_000)])
    assert measure_memory.main(["--runs=500"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "| 500 | 21 MB | 42 kB |"


def test_at_least_one_run_is_measured():
    with pytest.raises(SystemExit):
        measure_memory.main(["--runs=0"])
