"""A script that goes on for too long is interrupted, whatever it catches."""

import signal
import sys

import pytest

from harness.submissions.sandbox.inside import run_script
from harness.submissions.sandbox.inside.notes import Notes, Source

BUSY = {
    "a loop": "while True:\n    pass\n",
    "a loop that catches exceptions": "while True:\n    try:\n        pass\n"
    "    except Exception:\n        pass\n",
    "a loop that catches everything at first": "count = 0\nwhile count < 3:\n    try:\n"
    "        while True:\n            pass\n    except BaseException:\n        count += 1\n"
    "while True:\n    pass\n",
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a source in this process, with hardly any time, and restores what that changes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(run_script, "BEFORE_FIT_S", 0.05)
    monkeypatch.setattr(run_script, "AFTER_FIT_S", 0.01)
    monkeypatch.setattr(run_script, "_AGAIN_S", 0.01)
    handler = signal.getsignal(signal.SIGALRM)

    def run(source, clock=None):
        (tmp_path / "train.py").write_text(source, encoding="utf-8")
        notes = Notes(Source("train.py", tmp_path))
        try:
            names, problem = run_script.run("train.py", notes, clock or run_script.Clock())
        except run_script.TimeIsUp:
            signal.setitimer(signal.ITIMER_REAL, 0)  # else it goes on ringing in pytest
            pytest.fail("the clock interrupted what is not the script's")
        return names, problem, notes.rows

    yield run
    left = signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, handler)
    assert left == (0, 0)


@pytest.mark.parametrize("what", BUSY)
def test_a_script_that_fits_nothing_is_told_so(run, what):
    names, problem, _ = run("made = 3\n" + BUSY[what])
    assert problem["stage"] == "timeout"
    assert "had not called model.fit()" in problem["message"]
    assert names["made"] == 3


def test_after_a_fit_it_is_no_error(run):
    clock = run_script.Clock()

    class First:
        def __getattr__(self, name):
            clock.first_fit()

    sys.modules["first"] = First()
    try:
        _, problem, notes = run("import first\nfirst.fit\nwhile True:\n    pass\n", clock)
    finally:
        del sys.modules["first"]
    assert problem["stage"] == "end"
    assert [row["kind"] for row in notes] == ["stopped"]


def test_a_ring_after_the_script_interrupts_nothing(run):
    """Rings come again and again: one may come while the first one's answer is written down."""
    rung = set()

    class Late(run_script.Clock):
        def __getattribute__(self, name):
            if name in ("fitted", "stop"):  # read by the answer; called by what comes after it
                rung.add(name)
                signal.raise_signal(signal.SIGALRM)
            return super().__getattribute__(name)

    _, problem, _ = run("while True:\n    pass\n", Late())
    assert problem["stage"] == "timeout"
    assert rung == {"fitted", "stop"}


def test_an_exception_that_takes_too_long_to_describe(run):
    # A few seconds, so that a clock that does not ring here fails, and does not hang.
    source = """
class Long(Exception):
    def __str__(self):
        for _ in range(10**8):
            pass
        return "said"
raise Long
"""
    _, problem, _ = run(source)
    assert problem["stage"] == "timeout"


def test_a_script_in_time_is_not_interrupted(run, monkeypatch):
    monkeypatch.setattr(run_script, "BEFORE_FIT_S", 60)
    names, problem, notes = run("made = 3\n")
    assert (names["made"], problem, notes) == (3, None, [])
