"""Away from a terminal, each finished run is one line, shown once."""

import io
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from rich.progress import Progress as Bar

from harness.app.pytest_plugin import plugin
from harness.jobs import progress as module
from harness.jobs.progress import Progress


class _Screen(io.StringIO):
    def __init__(self, *, terminal, awaited="nothing"):
        super().__init__()
        self._terminal = terminal
        self._awaited = awaited
        self.shown = threading.Event()

    def isatty(self):
        return self._terminal

    def write(self, text):
        count = super().write(text)
        if self._awaited in self.getvalue():
            self.shown.set()
        return count


@pytest.fixture
def lines(monkeypatch):
    monkeypatch.setattr(module.sys, "stderr", _Screen(terminal=False))
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    return []


@pytest.fixture
def progress(lines):
    return Progress(lines.append)


def _done(value="value"):
    future = Future()
    future.set_result(value)
    return future


def _soon(value="value", before=lambda: None):
    """A future that is there a moment after somebody began to wait for it."""
    future = Future()

    def finish():
        before()
        future.set_result(value)

    threading.Timer(0.05, finish).start()
    return future


def _train(progress, key, title, epochs, accuracies, *, failed=False):
    progress.expect(key, title, epochs)
    for epoch, accuracy in enumerate(accuracies, 1):
        progress.update(key, epoch, accuracy)
    progress.finish(key, failed=failed)


def test_the_result_is_passed_on(progress):
    assert progress.wait(_done(3)) == 3
    assert progress.wait(_soon(4)) == 4


def test_the_error_is_passed_on(progress):
    future = Future()
    future.set_exception(KeyError("x"))
    with pytest.raises(KeyError):
        progress.wait(future)


def test_each_finished_run_is_one_line(progress, lines):
    progress.expect("b", "mlp seed 0", 100)

    def finish():
        _train(progress, "a", "cnn seed 0", 10, [0.9, 0.98765])

    progress.wait(_soon(before=finish))
    (line,) = lines
    assert line.startswith("trained cnn seed 0: 2 epochs, validation 98.77 % (1 of 2); about ")
    progress.update("b", 1, 0.5)
    progress.finish("b", failed=False)
    progress.wait(_soon())
    assert lines[1:] == ["trained mlp seed 0: 1 epoch, validation 50.00 % (2 of 2)"]
    progress.wait(_soon())
    assert len(lines) == 2


def test_a_run_that_failed_says_so(progress, lines):
    _train(progress, "a", "cnn seed 0", 10, [], failed=True)
    progress.wait(_soon())
    assert lines == ["failed cnn seed 0: 0 epochs, no epoch (1 of 1)"]


def test_what_is_no_training_is_called_what_it_is(progress, lines):
    for key, failed in (("a", False), ("b", True)):
        progress.expect(key, f"cnn seed {key} on altered images", 8, verb="tried")
        if not failed:
            progress.update(key, 8, None)
        progress.finish(key, failed=failed)
    progress.wait(_soon())
    assert lines[0].startswith("tried cnn seed a on altered images (1 of 1)")
    assert lines[1:] == ["failed cnn seed b on altered images (2 of 2)"]


def test_epochs_are_no_lines(progress, lines):
    progress.expect("a", "cnn seed 0", 10)
    progress.wait(_soon(before=lambda: [progress.update("a", n, 0.9) for n in range(1, 10)]))
    assert lines == []


def test_a_line_is_shown_while_others_are_waited_for(progress, lines):
    """Not at the end only: a log is read while it grows."""
    seen = threading.Event()
    progress._tell = lambda line: (lines.append(line), seen.set())
    future = Future()
    waiter = threading.Thread(target=progress.wait, args=(future,))
    waiter.start()
    _train(progress, "a", "cnn seed 0", 10, [0.9])
    assert seen.wait(10)
    future.set_result(None)
    waiter.join()
    assert len(lines) == 1


def test_a_run_that_ended_while_nobody_waited_is_shown_all_the_same(progress, lines):
    _train(progress, "a", "cnn seed 0", 10, [0.9])
    progress.wait(_done())
    assert len(lines) == 1


@pytest.mark.usefixtures("lines")
def test_capturing_is_lifted_while_something_is_shown_and_only_then(progress):
    states = []

    @contextmanager
    def uncaptured():
        states.append("open")
        yield
        states.append("closed")

    progress.uncaptured = uncaptured
    progress.wait(_done())
    assert states == []  # nothing to show
    _train(progress, "a", "cnn seed 0", 10, [0.9])
    progress._tell = lambda line: states.append(line[:7])
    progress.wait(_soon())
    assert states == ["open", "trained", "closed"]


def test_threads_may_report_at_once(progress, lines):
    def work(number):
        key = str(number)
        _train(progress, key, f"job {key}", 5, [0.1, 0.2, 0.3])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    progress.wait(_soon(before=lambda: [thread.join() for thread in threads]))
    assert len(lines) == 20
    assert sorted(line.split(":")[0] for line in lines) == sorted(
        f"trained job {n}" for n in range(20)
    )


def test_on_a_terminal_there_is_a_bar_and_the_lines_come_after_it(monkeypatch, progress, lines):
    screen = _Screen(terminal=True, awaited="val 50.00 %")
    monkeypatch.setattr(module.sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    progress.expect("b", "mlp seed 0", 100)
    progress.update("b", 7, 0.5)
    _train(progress, "a", "cnn seed 0", 10, [0.9])
    progress.wait(_soon(before=lambda: screen.shown.wait(60)))
    shown = screen.getvalue()
    assert "mlp seed 0" in shown
    assert "epoch 7/100" in shown
    assert "val 50.00 %" in shown
    (line,) = lines
    assert line.startswith("trained cnn seed 0: 1 epoch, validation 90.00 % (1 of 2); about ")


# How long it will still take ---------------------------------------------------------------------


def test_what_is_left_follows_from_the_work_that_is_done(monkeypatch, progress):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    progress.expect("a", "a", 10, work=30.0)
    now[0] = 100.0
    progress.expect("b", "b", 10, work=10.0)
    assert progress.remaining_s() is None
    progress.update("a", 5, 0.9)  # 15 of 40
    assert progress.remaining_s() == pytest.approx(100 * 25 / 15)
    progress.finish("a", failed=False)
    assert progress.remaining_s() == pytest.approx(100 * 10 / 30)
    progress.finish("b", failed=True)
    assert progress.remaining_s() == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.2, "about 1 s left"),
        (59, "about 59 s left"),
        (150, "about 2 min left"),
        (7200, "about 2.0 h left"),
    ],
)
def test_time_left_left(seconds, words):
    assert module._left(seconds) == words


def test_a_class_shows_how_many_are_opened_and_only_runs_under_way(progress):
    progress.expect_openings(20)
    for _ in range(3):
        progress.opened()
    for number in range(12):
        progress.expect(str(number), f"s{number}", 10)
    progress.update("4", 2, 0.5)
    rows = progress._rows()
    assert rows["opened"].status == "3 of 20"
    assert [row.title for row in rows.values() if row.visible] == ["opened", "trained", "s4"]
    assert rows["all"].status.startswith("0 of 12, about ")


def test_of_jobs_that_have_ended_nothing_is_kept(progress):
    for number in range(200):
        _train(progress, str(number), f"job {number}", 3, [0.1, 0.2])
    progress.expect("last", "last", 3)
    assert list(progress._jobs) == ["last"]
    assert not progress._under_way
    assert progress._rows()["all"].status.startswith("200 of 201, about ")


def test_a_bar_is_taken_away_when_its_run_has_ended(monkeypatch, progress):
    monkeypatch.setattr(module.sys, "stderr", _Screen(terminal=True))
    monkeypatch.setenv("TERM", "xterm")
    told = {"add_task": threading.Event(), "remove_task": threading.Event()}

    def spy(name, method):
        monkeypatch.setattr(Bar, name, lambda *a, **k: (method(*a, **k), told[name].set())[0])

    spy("add_task", Bar.add_task)
    spy("remove_task", Bar.remove_task)
    progress.expect("a", "cnn seed 0", 10)
    progress.update("a", 1, 0.5)
    future = Future()
    waiter = threading.Thread(target=progress.wait, args=(future,))
    waiter.start()
    try:
        assert told["add_task"].wait(10)
        assert not told["remove_task"].is_set()
        progress.finish("a", failed=False)
        assert told["remove_task"].wait(10)
    finally:
        future.set_result(None)
        waiter.join()


@pytest.mark.parametrize(("begun", "expected"), [("...F", ["...F", "trained"]), ("", ["trained"])])
def test_what_is_told_begins_a_line_with_q_too(begun, expected):
    shown = [begun]
    writer = SimpleNamespace(width_of_current_line=len(begun), line=lambda: shown.append(""))
    reporter = SimpleNamespace(
        ensure_newline=lambda: None,  # as with -q
        write_line=lambda line: shown.append(shown.pop() + line),
        flush=lambda: None,
    )
    plugins = SimpleNamespace(getplugin=lambda _: reporter)
    config = SimpleNamespace(pluginmanager=plugins, get_terminal_writer=lambda: writer)
    plugin._tell(config, "trained")
    assert shown == expected
