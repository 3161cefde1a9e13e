"""Machines as they come: clocks that jump, no home, no terminal, closed streams, odd names.

What each of these changes alone is nothing to look at, so they come together, in one run that
must give the same bits as a run without any of them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.system.directories import PROJECT_ROOT
from tests.support.project_copy import FAILED, PASSED, USAGE, command, environment, grade, project

pytestmark = pytest.mark.slow

TRAINED = ("checks", "--dataset=digits", "--workers=1", "-k", "mlp_64_32")
STRUCTURE = ("checks/test_structure.py", "-k", "mlp_64_32")

# The wall clock of every process of ours: a day back or forth each time that somebody asks.
CLOCK = """
import itertools, time

real, jumps = time.time, itertools.cycle((86400, -86400, 0))
time.time = lambda: real() + next(jumps)
time.time_ns = lambda: int(time.time() * 1e9)
open("jumped", "a").close()
"""

ODD = {
    "HOME": "/nonexistent/home",
    "LANG": None,
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONHASHSEED": "random",
    "TERM": "dumb",
    "TMPDIR": "/nonexistent/tmp",
    "TZ": "Mars/Olympus+99",
}
# One core, nothing for others to read, and nobody at the keyboard.
ODDLY = ("taskset", "-c", str(min(os.sched_getaffinity(0))),
         "sh", "-c", 'umask 077; exec "$@" <&-', "sh")  # fmt: skip
# Quotes and spaces, a line's end, another alphabet, a long word, and bytes that are no text.
NAME = os.fsdecode(b'it\'s "a"\n$x \xcf\x80 ' + b"n" * 200 + b" \xff\xfe")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A copy that was graded on an ordinary machine."""
    folder = project(tmp_path_factory.mktemp("plain") / "project", epochs=4, validation=180)
    result = grade(folder, *TRAINED)
    assert result.code == PASSED, result.output
    return folder


def _subject(report):
    return json.loads((report / "results.json").read_text(encoding="utf-8"))["subjects"][0]


def test_a_machine_with_everything_odd_gives_the_same_bits(plain, tmp_path):
    folder = project(tmp_path / "project", epochs=4, validation=180)
    (folder / "sitecustomize.py").write_text(CLOCK)
    report, store = tmp_path / NAME / "latest", tmp_path / NAME / "store"
    options = (f"--report={report}", f"--store={store}")
    variables = ODD | {"PYTHONPATH": str(folder)}
    result = grade(folder, *TRAINED, *options, prefix=ODDLY, variables=variables)
    assert result.code == PASSED, result.output
    assert (folder / "jumped").exists()
    found, expected = _subject(report), _subject(plain / "reports" / "latest")
    assert found["verdict"] == expected["verdict"] == "passed"
    assert found["runs"][0]["weights_sha256"] == expected["runs"][0]["weights_sha256"]
    # No duration knows of a day, and none is negative.
    for run in found["runs"]:
        assert 0 < run["train_time_s"] < 3600
    assert all(0 <= check["duration_s"] < 3600 for check in found["checks"])
    # What is private stays so.
    for path in (report / "index.html", report / "results.json", report / "summary.md"):
        assert path.stat().st_mode & 0o077 == 0


# Streams ------------------------------------------------------------------------------------------


def _shell(folder, redirection):
    """Runs the structure checks of one network with its streams as a shell makes them."""
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {redirection}', "sh", *command(*STRUCTURE)],
        cwd=folder, env=environment(folder / "home"), capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_closed_streams_are_no_fault(plain):
    done = _shell(plain, "<&- >&- 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (PASSED, "", "")


def test_a_full_disk_behind_the_output_is_said_and_the_report_written(plain):
    report = plain / "reports" / "latest" / "results.json"
    report.unlink()
    done = _shell(plain, ">/dev/full")
    assert done.returncode == USAGE
    assert done.stderr == (
        "ERROR: the output of this command cannot be written: No space left on device. Free some "
        "space, or redirect the output. The report is not affected.\n"
    )
    assert report.exists()


def test_a_reader_who_leaves_gets_no_traceback(plain):
    done = _shell(plain, "| head -1")
    assert done.returncode == 1  # not all of it was seen
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


# Python -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["1", "2"])
def test_a_python_without_assertions_is_refused(plain, level):
    result = grade(plain, *STRUCTURE, variables={"PYTHONOPTIMIZE": level})
    assert result.code == USAGE
    line = result.line("^ERROR: ")
    assert "without the assertions" in line
    assert "unset PYTHONOPTIMIZE" in line
    assert "passed" not in result.output


def test_the_other_commands_need_no_assertions(plain, tmp_path):
    latest = plain / "reports" / "latest"
    page = tmp_path / "again.html"
    done = subprocess.run(
        [sys.executable, "-OO", "-m", "harness.report", latest / "results.json", "--output", page],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert page.exists()


# Names --------------------------------------------------------------------------------------------


def test_a_file_name_that_is_no_text_costs_its_submission_and_no_other(plain, tmp_path):
    source = (plain / "models" / "mlp_64_32.py").read_text()
    for name in (b"raw\xff", b"gr\xc3\xbc\xc3\x9fe", b"long" * 50, b"new\nline", b"a 'b' \"c\" $d"):
        (tmp_path / os.fsdecode(name + b".py")).write_text(source)
    report = tmp_path / "report"
    arguments = (f"--submissions={tmp_path}", "--as=mlp_64_32", f"--report={report}")
    checks = ("checks/test_build.py::test_build", "checks/test_structure.py")
    result = grade(plain, *checks, *arguments, variables={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert result.code == FAILED
    document = json.loads((report / "results.json").read_text(encoding="utf-8"))
    subjects = {Path(subject["source"]).name: subject for subject in document["subjects"]}
    found = {name: subject["verdict"] for name, subject in subjects.items()}
    assert sorted(found.values()) == ["not built"] * 3 + ["passed"] * 2
    assert found["grüße.py"] == found["a 'b' \"c\" $d.py"] == "passed"
    assert found["raw\N{REPLACEMENT CHARACTER}.py"] == "not built"
    assert "at most 200 bytes" in subjects["long" * 50 + ".py"]["checks"][0]["message"]
    pages = sorted(path.stem for path in (report / "submissions").iterdir())
    assert pages == sorted(subject["id"] for subject in document["subjects"])
