"""Comparing revisions measures each one's own code in fresh processes, and cleans up."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.benchmarks import compare_revisions
from harness.benchmarks.compare_revisions import Tree
from harness.statistics import revision_times as statistics
from harness.system.directories import PROJECT_ROOT
from reference import facts
from tests.support.interrupts import heed_interrupts

# A runner that trains nothing: a round takes what its tree says, and it notes who asked for what.
FAKE = """
import json, os, sys
from pathlib import Path

note = Path({note!r})
for line in sys.stdin:
    request = json.loads(line)
    with note.open("a") as file:
        file.write(f"{name} {{os.getpid()}} {{os.getcwd()}} {{json.dumps(request)}}\\n")
    answer = {{"event": "ready"}} if "prepare" in request else {{"event": "ran", "elapsed_s": {s}}}
    print(json.dumps({answer}), flush=True)
"""


def _git(folder, *arguments):
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _commit(folder):
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return _git(folder, "rev-parse", "HEAD")


@pytest.fixture
def write(tmp_path):
    """Writes a fake runner into a tree."""

    def write(folder, name, seconds=0.5, answer="answer"):
        path = folder / "harness" / "benchmarks" / "runner.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        note = str(tmp_path / "note.txt")
        path.write_text(
            FAKE.format(note=note, name=name, s=seconds, answer=answer), encoding="utf-8"
        )

    return write


@pytest.fixture
def noted(tmp_path):
    """What the fake runners were asked, as (tree, pid, folder, request)."""

    def noted():
        lines = (tmp_path / "note.txt").read_text(encoding="utf-8").splitlines()
        rows = [line.split(" ", 3) for line in lines]
        return [(name, int(pid), Path(where), json.loads(text)) for name, pid, where, text in rows]

    return noted


@pytest.fixture
def repository(tmp_path, write):
    """Two revisions: `base`, a tag, and HEAD."""
    folder = tmp_path / "repository"
    folder.mkdir()
    _git(folder, "init", "--quiet")
    write(folder, "base")
    _commit(folder)
    _git(folder, "tag", "base")
    write(folder, "head")
    _commit(folder)
    return folder


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where temporary folders are made, so that one sees what is left of them."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(compare_revisions.tempfile, "tempdir", str(folder))
    return folder


def _main(repository, *arguments):
    return compare_revisions.main(["--networks=mlp_64_32", *arguments], repository)


# The plan ----------------------------------------------------------------------------------------


def test_each_pair_is_started_abba_and_signed_alike(tmp_path):
    a, b = Tree("a", tmp_path), Tree("b", tmp_path)
    asked = []

    def pair(first, second):
        asked.append(first.name + second.name)
        return {"x": 0.25 if first is a else -0.25}  # b takes longer in both orders

    assert compare_revisions.measure(a, b, 2, pair, lambda _: None) == {"x": [0.25] * 4}
    assert asked == ["ab", "ba", "ab", "ba"]


def test_base_is_first_compared_with_itself(tmp_path):
    a, b = Tree("a", tmp_path), Tree("b", tmp_path)
    asked = []

    def pair(first, second):
        asked.append(first.name + second.name)
        return {"x": {"aa": 0.01, "ab": 0.3, "ba": -0.3}[first.name + second.name]}

    (found,) = compare_revisions.compare_trees(a, b, 1, pair, lambda _: None)
    assert asked == ["aa", "aa", "ab", "ba"]
    assert (found.found.centre, found.verdict) == (0.3, "slower")


def test_what_is_timed_is_the_documented_training():
    asked = compare_revisions.work_for(facts.names())
    assert list(asked) == list(facts.names())
    for name, workload in ((name, work.workload) for name, work in asked.items()):
        assert (workload.task, workload.runner) == ("train", "engine")
        assert workload.batch_size == facts.load(name).recipe.batch_size


# Processes ---------------------------------------------------------------------------------------


def test_fresh_processes_take_turns_in_the_trees_own_code(repository, noted, temporary, capsys):
    assert _main(repository, "--base=base", "--quads=2") == 0
    rows = noted()
    pairs = [rows[i : i + len(rows) // 8] for i in range(0, len(rows), len(rows) // 8)]
    processes = set()
    for number, pair in enumerate(pairs):
        first = list(dict.fromkeys(pid for _, pid, _, request in pair if "run" in request))
        processes.update(first)
        runs = [first.index(pid) for _, pid, _, request in pair if "run" in request]
        assert runs == [
            side
            for turn in compare_revisions.turns(compare_revisions.ROUNDS["mlp"])
            for side in turn
        ]
        names = {pid: name for name, pid, _, _ in pair}
        began = "".join(names[pid][0] for pid in first)
        assert began == ("bb" if number < 4 else "bh" if number % 2 == 0 else "hb")
    assert len(processes) == 16
    # Each ran in the folder of its own tree, none of them the project's.
    assert {f"{name} in {where.name}" for name, _, where, _ in rows} == {
        "base in base",
        "head in head",
    }
    assert all(temporary in where.parents for _, _, where, _ in rows)
    assert (
        "| mlp_64_32 | 1.000 [1.000, 1.000], no alarm | 1.000 [1.000, 1.000] | 10 % | same |"
        in (capsys.readouterr().out)
    )
    assert list(temporary.iterdir()) == []


def test_a_slower_head_fails_and_a_faster_one_does_not(repository, write, capsys, tmp_path):
    write(repository, "head", seconds=0.75)
    _commit(repository)
    report = tmp_path / "report.md"
    assert _main(repository, "--base=base", "--quads=1", f"--report={report}") == 1
    printed = capsys.readouterr().out
    assert "| 1.500 [1.500, 1.500] | 10 % | slower |" in printed
    assert report.read_text(encoding="utf-8") == printed
    _git(repository, "tag", "slow")
    write(repository, "head", seconds=0.5)
    _commit(repository)
    assert _main(repository, "--base=slow", "--quads=1") == 0
    assert "| 0.667 [0.667, 0.667] | 10 % | faster |" in capsys.readouterr().out
    assert _git(repository, "status", "--porcelain") == ""


# Trees -------------------------------------------------------------------------------------------


def test_a_clean_head_is_the_commit(repository, tmp_path):
    (repository / ".gitignore").write_text("ignored\n", encoding="utf-8")
    commit = _commit(repository)
    (repository / "ignored").touch()
    tree = compare_revisions.export_head(repository, tmp_path / "out")
    assert tree.name == f"HEAD ({commit[:12]})"
    assert not (tree.folder / "ignored").exists()
    assert (tree.folder / "harness" / "benchmarks" / "runner.py").exists()


def test_a_dirty_head_is_taken_as_it_is_and_said_to_be(repository, write, noted, capsys):
    write(repository, "dirty")
    (repository / "new.py").write_text("", encoding="utf-8")
    assert _main(repository, "--base=base", "--quads=1") == 0
    assert "changes that are not committed" in capsys.readouterr().out
    assert {name for name, *_ in noted()} == {"base", "dirty"}


def test_a_deleted_file_is_not_exported(repository, tmp_path):
    (repository / "a.py").touch()
    _commit(repository)
    (repository / "a.py").unlink()
    (repository / "b.py").touch()
    tree = compare_revisions.export_head(repository, tmp_path / "out")
    assert sorted(p.name for p in tree.folder.iterdir()) == ["b.py", "harness"]


# What can go wrong -------------------------------------------------------------------------------


def _fails(capsys, temporary, repository, *arguments):
    assert _main(repository, *arguments) == 4
    assert list(temporary.iterdir()) == []
    error = capsys.readouterr().err
    assert "ERROR: " in error
    return error.split("ERROR: ")[1]


@pytest.mark.parametrize("revision", ["nothing", "-x", "", "HEAD~99", "HEAD:harness"])
def test_an_unknown_revision_is_named(capsys, temporary, repository, revision):
    error = _fails(capsys, temporary, repository, f"--base={revision}")
    assert error.startswith("--base ")
    assert revision in error
    assert "expected a" in error


def test_a_base_without_a_runner_cannot_be_measured(capsys, temporary, repository):
    shutil.rmtree(repository / "harness")
    (repository / "x").touch()
    _commit(repository)
    error = _fails(capsys, temporary, repository, "--base=HEAD")
    assert error.startswith("HEAD (")
    assert "has no harness/benchmarks/runner.py, so it cannot be measured" in error


def test_a_folder_without_git_is_named(capsys, temporary, tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    assert "not a git repository" in _fails(capsys, temporary, folder, "--base=HEAD")


def test_a_machine_without_git_is_told(capsys, temporary, repository, monkeypatch):
    monkeypatch.setenv("PATH", str(temporary))
    assert "git is not installed" in _fails(capsys, temporary, repository, "--base=HEAD")


@pytest.mark.parametrize(
    "arguments", [("--networks=none",), ("--quads=0",), ("--report=/dev/x/y",)]
)
def test_an_option_that_says_nothing_is_named(capsys, temporary, repository, arguments):
    error = _fails(capsys, temporary, repository, "--base=base", "--quads=1", *arguments)
    assert error.startswith(arguments[0].replace("=", " "))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"event": "failed", "message": "no such layer"}', "no such layer"),
        ('{"event": "unavailable", "reason": "not installed"}', "not installed"),
        ('{"event": "nonsense"}', "nonsense"),
        ("[1]", "cannot be measured"),
        ("os._exit(3)", "exited with 3"),
        ("{**answer, 'elapsed_s': 0}", "elapsed_s = 0, but should be positive"),
    ],
)
def test_a_runner_that_does_not_answer_is_named(
    capsys, temporary, repository, write, answer, expected
):
    write(repository, "head", answer=answer)
    _commit(repository)
    error = _fails(capsys, temporary, repository, "--base=base", "--quads=1")
    assert error.startswith("HEAD (")
    assert "cannot be measured" in error
    assert expected in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_process_and_no_folder(repository, write, noted, temporary, number):
    write(repository, "head", answer="sys.stdin.readline()")  # it never answers
    _commit(repository)
    done = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.support.processes.compare_revisions_command",
            str(repository),
            "--base=base",
            "--quads=1",
        ],
        cwd=PROJECT_ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(PROJECT_ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  (no other thread forks)
    )
    with done:
        for line in done.stderr:  # until head's own pair begins
            if line.startswith("pair 1") and "HEAD" in line:
                break
        while not any(name == "head" for name, *_ in noted()):
            assert done.poll() is None
        done.send_signal(number)
        assert "interrupted" in done.stderr.read()
    assert done.returncode == 2
    assert list(temporary.iterdir()) == []
    for process in {pid for _, pid, _, _ in noted()}:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


# For real ----------------------------------------------------------------------------------------

SLOW = """

_train = Trainer.train


def _slow_train(self, indexes):
    import time

    started = time.perf_counter()
    totals = _train(self, indexes)
    ended = time.perf_counter()
    time.sleep(4 * (ended - started))
    return totals


Trainer.train = _slow_train
"""


@pytest.mark.slow
def test_a_slower_trainer_is_measured_in_its_own_tree(tmp_path, capsys, monkeypatch):
    """A commit slows `Trainer.train` by 5, and by at least half as much head is measured slower.

    Nothing finer is asserted of measured times: that 1.3 is caught is in docs/performance.md.
    """
    monkeypatch.setattr(compare_revisions, "ROUNDS", {"cnn": 2, "mlp": 4})
    monkeypatch.setattr(statistics, "QUAD", "AB")  # half of it: enough for so plain a difference
    folder = tmp_path / "clone"
    for package in ("harness", "reference"):
        shutil.copytree(
            PROJECT_ROOT / package, folder / package, ignore=shutil.ignore_patterns("*.pyc.*")
        )
    (folder / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
    _git(folder, "init", "--quiet")
    base = _commit(folder)
    loop = folder / "harness" / "network" / "engine" / "training_loop.py"
    loop.write_text(loop.read_text(encoding="utf-8") + SLOW, encoding="utf-8")
    _commit(folder)
    assert _main(folder, f"--base={base}", "--quads=1") in (0, 1)
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if line.startswith("| mlp_64_32 |"))
    assert float(row.split("|")[3].split()[0]) > 2.5, printed
