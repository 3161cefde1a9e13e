"""Every parser refuses what is broken or hostile; and the drivers that say so would see it if not.

A short run of what `python -m tests.fuzzing` does at length: docs/reliability.md.
"""

import json
import subprocess
import sys

import pytest

from harness.system.directories import PROJECT_ROOT
from tests.fuzzing import broken, guided
from tests.fuzzing.table import TARGETS

pytestmark = pytest.mark.slow

CASES = 3_000


def _ran(folder, *options):
    """Runs the command; returns its exit code, its rows and what it complained of."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzzing", "--json", f"--keep={folder}", *options],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    rows = json.loads(done.stdout) if done.stdout else []
    return done.returncode, {row["target"]: row for row in rows}, done.stderr


@pytest.fixture(scope="module")
def short_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzzing")
    return _ran(folder, "--driver=hypothesis", f"--cases={CASES}")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_broken_file_is_refused_or_read(short_run, target):
    _, rows, complaint = short_run
    assert complaint == ""
    row = rows[target.name]
    assert row["findings"] == []
    # Both ends are reached: what is never accepted has only been tried at its door.
    assert row["cases"] == row["refused"] + row["accepted"]
    assert row["accepted"] > 0
    assert row["refused"] > 0 or not target.refused


def test_the_short_run_ends_well_and_is_as_large_as_it_should_be(short_run):
    code, rows, _ = short_run
    assert code == 0
    assert len(rows) == len(TARGETS) == len({target.name for target in TARGETS})
    assert sum(row["cases"] for row in rows.values()) >= CASES


# That the drivers would see it -------------------------------------------------------------------

# Target -> what is found.
SEEN = {
    "exception": ("exception", "KeyError: 'a key that nobody thought of'"),
    "silence": ("exception", "UserError without a word"),
    "recursion": ("exception", "RecursionError"),
    "hang": ("hang", "more than 0.3 s of processor time"),
    "swallowed hang": ("hang", "more than 0.3 s of processor time"),
    "native hang": ("died", "a hang outside of Python's own code"),
    "memory": ("memory", "more than 64 MB: 9"),
    "crash": ("died", "the process was killed by SIGSEGV"),
    "acceptance": ("accepted", "the example 'bad' was accepted"),
    "refusal": ("refused", "the example 'good' was refused"),
}
BROKEN = "--table=tests.fuzzing.broken"


@pytest.fixture(scope="module")
def broken_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    return folder, *_ran(folder, BROKEN, "--driver=hypothesis", "--cases=220")


@pytest.mark.parametrize("name", SEEN)
def test_what_is_wrong_with_a_parser_is_seen(broken_run, name):
    folder, code, rows, _ = broken_run
    kind, words = SEEN[name]
    found = next(one for one in rows[name]["findings"] if one["kind"] == kind)
    assert found["what"].startswith(words)
    # The case itself is kept, to try again.
    assert (folder / found["input"]).read_bytes().startswith(b"good")
    assert code == 1


def test_nothing_is_found_in_a_parser_that_is_sound(broken_run):
    _, _, rows, _ = broken_run
    assert set(rows) == {*SEEN, "sound"} == {target.name for target in broken.TARGETS}
    row = rows["sound"]
    assert row["findings"] == []
    assert row["cases"] > 10
    assert row["accepted"] < row["cases"]


def test_the_same_seed_tries_the_same_cases(tmp_path):
    one, other, third = (
        _ran(tmp_path / str(number), "--driver=hypothesis", "--target=evaluations", "--cases=60",
             f"--seed={seed}")[1]["evaluations"]
        for number, seed in enumerate((1, 1, 2))
    )  # fmt: skip
    counts = ("cases", "refused", "accepted")
    assert [one[key] for key in counts] == [other[key] for key in counts]
    assert [one[key] for key in counts] != [third[key] for key in counts]


# Guided by coverage ------------------------------------------------------------------------------


def test_the_guided_driver_sees_it_too(tmp_path):
    assert guided.available(), guided.MISSING
    chosen = [f"--target={name}" for name in ("exception", "native hang", "sound")]
    code, rows, _ = _ran(tmp_path, BROKEN, "--driver=atheris", "--cases=300", *chosen)
    assert code == 1
    assert rows["exception"]["findings"][0]["what"].startswith("KeyError")
    assert rows["native hang"]["findings"][0]["kind"] == "died"
    assert rows["sound"]["findings"] == []
    assert rows["sound"]["cases"] >= 100


def test_without_atheris_the_command_says_so_and_does_nothing(tmp_path):
    """A campaign of one driver alone must not look like one of both."""
    hide = "import sys; sys.modules['atheris'] = None; from tests.fuzzing.__main__ import main; "
    done = subprocess.run(
        [sys.executable, "-c", hide + f"sys.exit(main(['--keep={tmp_path}']))"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "atheris is not installed, so no case was guided by coverage" in done.stderr
    assert "--driver=hypothesis" in done.stderr


def test_an_unknown_target_is_told(tmp_path):
    code, rows, complaint = _ran(tmp_path, "--driver=hypothesis", "--target=letters")
    assert (code, rows) == (2, {})
    assert "no target 'letters'; there are IDX images, " in complaint
