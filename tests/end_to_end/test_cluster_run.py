"""The command itself with --cluster: it grades as it does with this machine's own workers."""

import json
import subprocess
import sys

import pytest

from harness.system.directories import PROJECT_ROOT
from tests.fault_injection.comparable import comparable, differences
from tests.support.cluster import DEADLINE_S, nodes_of, real_cluster, wait_for

pytestmark = pytest.mark.slow

SELECTED = "mlp_64_32 or mlp_256_128"
# Who computed, and where the log of it is: on purpose not the same.
_WHO = ("cluster", "workers")


def grade(folder, *options, popen=False):
    """Runs the command on the digits; its folder is its own."""
    command = [
        sys.executable, "-m", "pytest", "checks/", "-q", "-k", SELECTED, "--dataset=digits",
        "-p", "no:cacheprovider", f"--store={folder / 'store'}", f"--report={folder / 'report'}",
        *options,
    ]  # fmt: skip
    folder.mkdir(exist_ok=True)
    with (folder / "out.txt").open("w") as out:
        process = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=out, stderr=out)
    return process if popen else process.wait(DEADLINE_S * 5)


def results(folder):
    document = json.loads((folder / "report" / "results.json").read_text(encoding="utf-8"))
    for name in _WHO:
        document["environment"].pop(name, None)
    return document


def said(folder):
    return (folder / "out.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A grading by this machine's own workers."""
    folder = tmp_path_factory.mktemp("alone")
    assert grade(folder) == 0, said(folder)
    return folder


def test_a_cluster_gives_the_same_results(alone, tmp_path):
    assert grade(tmp_path, "--cluster=local:2") == 0, said(tmp_path)
    assert "Training on a Dask cluster: 2 workers, 2 at once" in said(tmp_path)
    ours, theirs = comparable(results(alone)), comparable(results(tmp_path))
    assert differences(ours, theirs) == []
    assert not any(run["cached"] for one in results(tmp_path)["subjects"] for run in one["runs"])
    assert not (tmp_path / "store" / "cluster").exists() or not list(
        (tmp_path / "store" / "cluster").iterdir()
    )


def test_what_this_machine_has_trained_a_cluster_does_not_train_again(alone):
    assert grade(alone, "--cluster=local:1") == 0, said(alone)
    assert "trained " not in said(alone)
    assert all(run["cached"] for one in results(alone)["subjects"] for run in one["runs"])


def test_a_lost_scheduler_ends_the_run_and_the_same_command_goes_on(alone, tmp_path):
    run = tmp_path / "run"
    with real_cluster(tmp_path / "first", 1) as doomed:
        process = grade(run, f"--cluster={doomed.file}", popen=True)
        try:
            wait_for(lambda: "trained " in said(run), lambda: said(run))
            doomed.kill_scheduler()
            assert process.wait(DEADLINE_S) == pytest.ExitCode.USAGE_ERROR, said(run)
        finally:
            process.kill()
            process.wait()
        address = doomed.address
        wait_for(lambda: not nodes_of(doomed.folder))
    assert f"the Dask scheduler {address} is gone" in said(run)
    assert "the same command goes on from there" in said(run)
    assert "Traceback" not in said(run)
    assert not (run / "report" / "results.json").exists()
    finished = {path.name for path in (run / "store" / "records").glob("*/*")}
    with real_cluster(tmp_path / "second", 1) as second:
        assert grade(run, f"--cluster={second.file}") == 0, said(run)
    found = results(run)
    assert differences(comparable(results(alone)), comparable(found)) == []
    kept = [run for one in found["subjects"] for run in one["runs"] if run["cached"]]
    assert kept
    assert {run["key"] for run in kept} <= finished
