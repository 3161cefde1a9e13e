"""Experiments of seconds, through pytest, on a copy of the project: interrupted, and taken up."""

import json
import os
import signal
import subprocess

import pytest

from tests.support.experiment_copy import with_experiments
from tests.support.interrupts import heed_interrupts, processes_of, stored_runs
from tests.support.project_copy import FAILED, INTERRUPTED, command, environment, grade

pytestmark = pytest.mark.slow

ARGUMENTS = ("checks", "--dataset=digits", "--recipe=documented", "--seeds=1", "--workers=1", "-k")


def _interrupted(folder, selection):
    """Returns what a run shows that is interrupted when both folds are trained."""
    with subprocess.Popen(
        command(*ARGUMENTS, selection), cwd=folder, env=environment(folder / "home"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  (no other thread forks)
    ) as process:  # fmt: skip
        shown = ""
        try:
            while shown.count("trained mlp_64_32 fold") < 2:
                shown += process.stdout.readline()
                assert process.poll() is None, shown
            os.killpg(process.pid, signal.SIGINT)
            output, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == INTERRUPTED, shown + output
    return shown + output


def test_experiments_are_interrupted_taken_up_and_kept_apart(tmp_path):
    folder = with_experiments(tmp_path / "project")
    (folder / "wait").touch()
    output = _interrupted(folder, "mlp_64_32 and folds")
    assert "Traceback" not in output, output
    assert "Interrupted. Finished training runs are kept" in output
    assert processes_of(folder) == []
    # Only what was selected: not the subject's own run.
    finished = stored_runs(folder)
    assert len(finished) == 2

    (folder / "wait").unlink()
    result = grade(folder, *ARGUMENTS, "mlp_64_32 and test_experiment")
    assert result.code == FAILED
    assert "mlp_64_32 fold" not in result.output
    assert "trained mlp_64_32 seed 0" in result.output
    assert "2 failed, 1 passed" in result.output
    document = json.loads((folder / "reports" / "latest" / "results.json").read_text())

    experiments = document["experiments"]
    assert [(one["id"], one["status"]) for one in experiments] == [
        ("folds", "done"), ("broken", "failed"), ("of_runs", "done"),
    ]  # fmt: skip
    folds, broken, of_runs = experiments
    runs = folds["result"]["runs"]
    assert {run["key"] for run in runs} == finished
    assert [run["cached"] for run in runs] == [True, True]
    assert [(run["train_images"], run["validation_images"]) for run in runs] == [
        (718, 719), (719, 718),
    ]  # fmt: skip
    assert broken["result"] is None
    assert broken["reason"].startswith("KeyError: 'nothing' (harness/experiments/fakes.py, line ")
    assert of_runs["result"] == {"seeds": [0]}
    assert of_runs["problems"] == ["one thing moved", "another did, too"]

    (subject,) = document["subjects"]
    rows = {row["id"]: row for row in subject["checks"]}
    check = "test_experiments.py::test_experiment"
    assert {id_: row["status"] for id_, row in rows.items()} == {
        f"{check}[folds]": "passed",
        f"{check}[broken]": "grader_error",
        f"{check}[of_runs]": "failed",
    }
    found = rows[f"{check}[of_runs]"]
    assert (found["title"], found["group"]) == ("What its runs say", "experiments")
    assert found["message"] == "one thing moved\nanother did, too"
    assert {row["max_points"] for row in rows.values()} == {0}
