"""The history of runs: what enters it, and that nothing wrong with its file costs a verdict."""

import errno
import fcntl
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.app.pytest_plugin import finish
from harness.evaluation.results import history
from harness.evaluation.rubric import DEFAULT, load
from harness.report import render as report
from harness.report.schema.results import HistoryNetwork, checked
from harness.report.schema.values import plain

NETWORKS = ("deep_cnn", "mlp_64_32")
BUILD = "test_build.py::test_build"
ASKED_FOR = ("test_recipe", "test_own_weights", "test_experiments", "test_baseline")


def _subject(name, **changes):
    checks = [c for c in load(DEFAULT).checks if not c.startswith(ASKED_FOR)]
    runs = [
        {"train_images_per_s": 90.0, "cached": False},
        {"train_images_per_s": 110.0, "cached": False},
        {"train_images_per_s": 9000.0, "cached": True},
    ]
    return {
        "id": name,
        "trust": "project",
        "spec_digest": "5" * 64,
        "verdict": "passed",
        "gate": {"accuracy": 0.98, "interval": [0.97, 0.99], "threshold": 0.96},
        "spec": {"total_params": 52_650, "layers": []},
        "runs": runs,
        "checks": [{"id": check} for check in checks],
    } | changes


def _results(**changes):
    return checked(_document(**changes))


def _document(**changes):
    return {
        "schema": 1,
        "created": "2026-11-21T11:02:03Z",
        "outcome": "passed",
        "dataset": {"name": "mnist", "digest": "d" * 64},
        "recipe": "gate",
        "seeds": [0, 1, 2],
        "environment": {"cpu": "a processor", "commit": "0a1b2c3"},
        "submissions": False,
        "rubric": load(DEFAULT).to_json(),
        "subjects": [_subject(name) for name in NETWORKS],
    } | changes


def _entry(**changes):
    return replace(history.entry(_results(), NETWORKS), **changes)


def _line(**changes):
    """A line of the file, as JSON that may be wrong."""
    return json.dumps(json.loads(json.dumps(_entry(), default=plain)) | changes)


# What enters -------------------------------------------------------------------------------------


def test_a_complete_grading_is_one_line():
    assert json.loads(_line()) == {
        "created": "2026-11-21T11:02:03Z",
        "commit": "0a1b2c3",
        "dataset": "mnist",
        "dataset_digest": "d" * 64,
        "recipe": "gate",
        "seeds": 3,
        "outcome": "passed",
        "cpu": "a processor",
        "networks": [
            {
                "id": name,
                "spec_digest": "5" * 64,
                "accuracy": 0.98,
                "interval": [0.97, 0.99],
                "verdict": "passed",
                "total_params": 52_650,
                "train_images_per_s": 100.0,  # of the two that were trained in this run
            }
            for name in NETWORKS
        ],
    }


def test_a_network_that_could_not_be_built_has_no_figures():
    broken = _subject("mlp_64_32", verdict="not built", gate=None, spec=None, runs=[])
    found = history.entry(_results(subjects=[_subject("deep_cnn"), broken]), NETWORKS)
    assert found.networks[1] == HistoryNetwork(
        id="mlp_64_32", spec_digest="5" * 64, accuracy=None, interval=None,
        verdict="not built", total_params=None, train_images_per_s=None,
    )  # fmt: skip


def _without(check):
    subject = _subject("deep_cnn")
    kept = [one for one in subject["checks"] if one["id"] != check]
    return [subject | {"checks": kept}, _subject("mlp_64_32")]


@pytest.mark.parametrize(
    "changes",
    [
        {"submissions": True},
        {"subjects": [_subject("deep_cnn"), _subject("mlp_64_32", trust="submission")]},
        {"subjects": [_subject("deep_cnn")]},
        {"subjects": _without("test_training.py::test_same_seed_same_weights")},
        {"subjects": _without("test_structure.py::test_input_shape")},
        {"outcome": "interrupted"},
        {"dataset": None},
        {"rubric": None},
    ],
    ids=["class", "stranger", "one network", "-k", "-k structure", "Ctrl-C", "untrained", "old"],
)
def test_what_is_no_complete_grading_does_not_enter(changes):
    assert history.entry(_results(**changes), NETWORKS) is None


def test_only_runs_of_the_same_data_and_recipe_are_compared():
    others = [_entry(dataset_digest="e" * 64), _entry(recipe="documented")]
    assert history.comparable(others, _entry()) == [_entry()]
    earlier = [_entry(created=f"run {number}") for number in range(60)]
    found = history.comparable([*others, *earlier], this := _entry())
    assert len(found) == history.MAX_SHOWN
    assert found[0].created == "run 11"
    assert found[-1] is this


# The file ----------------------------------------------------------------------------------------


def test_it_lies_beside_the_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert history.place(Path("reports/latest")) == tmp_path / "reports" / "history.jsonl"
    assert history.place(Path()) == tmp_path.parent / "history.jsonl"


def test_what_was_appended_is_read(tmp_path):
    path = tmp_path / "history.jsonl"
    assert history.read(path) == ([], None)
    for number in range(3):
        assert history.append(path, _entry(created=f"run {number}")) is None
    entries, problem = history.read(path)
    assert problem is None
    assert entries == [_entry(created=f"run {number}") for number in range(3)]


def test_runs_that_end_at_once_lose_no_line(tmp_path):
    path = tmp_path / "history.jsonl"
    threads = [
        threading.Thread(target=history.append, args=(path, _entry(created=f"run {number}")))
        for number in range(12)
    ]
    with path.open("ab") as other:  # a writer who is at it: the others wait
        fcntl.flock(other, fcntl.LOCK_EX)
        for thread in threads:
            thread.start()
        assert history.read(path) == ([], None)
    for thread in threads:
        thread.join()
    entries, problem = history.read(path)
    assert problem is None
    assert {one.created for one in entries} == {f"run {number}" for number in range(12)}


def test_a_line_that_was_cut_off_is_said_and_harms_no_other(tmp_path):
    path = tmp_path / "history.jsonl"
    history.append(path, _entry(created="first"))
    with path.open("ab") as file:
        file.write(_line().encode()[:200])
    assert history.append(path, _entry(created="last")) is None
    entries, problem = history.read(path)
    assert [one.created for one in entries] == ["first", "last"]
    assert problem == (
        f"{path}: line 2 is not an entry of the history, perhaps because a run was "
        "interrupted, and left out. Delete what is broken to remove this warning."
    )


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        _line(seeds="3").encode(),
        _line(created=None).encode(),
        _line(created="\ud800").encode(),
        _line(networks=None).encode(),
        _line(networks=[None]).encode(),
        _line().replace("0.98", "NaN").encode(),
        _line().replace("0.98", "1e999").encode(),
        # The report that shows it could not.
        _line().replace("100.0", "1" * 200).encode(),
        _line().replace("0.98", "true").encode(),
        _line().replace("[0.97, 0.99]", "[0.97]").encode(),
        _line().replace("0.99]", "-Infinity]").encode(),
    ],
)
def test_a_line_that_is_no_entry_is_left_out(tmp_path, line):
    path = tmp_path / "history.jsonl"
    path.write_bytes(line + b"\n\n" + _line().encode() + b"\n")
    entries, problem = history.read(path)
    assert entries == [_entry()]
    assert "line 1 is not an entry" in problem


def test_many_bad_lines_are_one_sentence(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text("{}\n" * 8, encoding="utf-8")
    assert "lines 1, 2, 3, 4, 5 are not an entry of the history and 3 more" in history.read(path)[1]


def test_keys_of_a_later_version_are_left_out(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text(_line(extra=[1]) + "\n", encoding="utf-8")
    assert history.read(path) == ([_entry()], None)


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "history.jsonl"
    history.append(path, _entry(created="first"))
    before, real = path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:100]))
    problem = history.append(path, _entry(created="second"))
    assert path.read_bytes() == before
    assert "cannot be written, so later reports will not show this run" in problem
    assert "there is no room for a whole line. The verdicts and the report of this run" in problem

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    assert "No space left on device" in history.append(path, _entry())
    assert path.read_bytes() == before


def test_a_folder_that_is_no_folder_is_said(tmp_path):
    (tmp_path / "reports").write_text("", encoding="utf-8")
    path = tmp_path / "reports" / "history.jsonl"
    assert "Not a directory" in history.append(path, _entry())
    assert "cannot be read, so no earlier run is shown: Not a directory" in history.read(path)[1]


def test_what_is_no_file_is_said(tmp_path):
    path = tmp_path / "history.jsonl"
    os.mkfifo(path)
    assert "it is not an ordinary file" in history.append(path, _entry())
    assert "it is not an ordinary file" in history.read(path)[1]


# The end of a session ----------------------------------------------------------------------------


@pytest.fixture
def end(tmp_path, monkeypatch):
    """Ends a session that found these results; returns its results.json and what it said."""
    folder = tmp_path / "reports" / "latest"
    monkeypatch.setattr(report, "write", lambda *_: None)
    monkeypatch.setattr(finish, "names", lambda: NETWORKS)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.setattr(finish, "_summarise", lambda *_: None)

    def run(results, *, benchmarked=False):
        said = []
        monkeypatch.setattr(finish, "_assembled", lambda *_: results)
        session = SimpleNamespace(options=SimpleNamespace(report=folder), tell=said.append)
        found = SimpleNamespace(benchmarks={})
        document = finish.conclude(
            session, found, command="c", passed=True, benchmarked=benchmarked
        )
        finish.write(document, session, benchmarked=benchmarked)
        return json.loads((folder / "results.json").read_text(encoding="utf-8")), said

    return run


def test_a_grading_enters_and_the_next_one_shows_it(end, tmp_path):
    first, said = end(_results(created="first"))
    assert ([one["created"] for one in first["history"]], said) == (["first"], [])
    second, _ = end(_results(created="second"))
    assert [one["created"] for one in second["history"]] == ["first", "second"]
    kept, _ = history.read(tmp_path / "reports" / "history.jsonl")
    assert json.loads(json.dumps(kept, default=plain)) == second["history"]


def test_benchmarks_and_partial_runs_do_not_enter(end, tmp_path):
    first, _ = end(_results())
    assert end(_results(), benchmarked=True)[0]["history"] == first["history"]
    assert end(_results(submissions=False, subjects=_without(BUILD)))[0]["history"] == []
    assert len(history.read(tmp_path / "reports" / "history.jsonl")[0]) == 1


def test_a_history_that_cannot_be_kept_costs_no_verdict(end, tmp_path):
    (tmp_path / "reports" / "history.jsonl").mkdir(parents=True)
    results, said = end(_results())
    assert [one["created"] for one in results["history"]] == ["2026-11-21T11:02:03Z"]
    assert len(said) == 2
    assert all(line.startswith("WARNING: ") for line in said)
