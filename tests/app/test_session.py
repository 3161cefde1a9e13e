"""How a session begins and ends: what is refused first, and what is not waited for or begun."""

from types import SimpleNamespace

import pytest

from harness.app.grading import session as session_module
from harness.app.grading.options import Options
from harness.app.grading.session import Session
from harness.app.pytest_plugin import finish, plugin
from harness.app.pytest_plugin.check_results import CHECK_RESULTS
from harness.app.pytest_plugin.lookup import SESSION
from harness.app.pytest_plugin.options import OPTIONS
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.local import workers as module
from reference.errors import UserError


def _options(tmp_path):
    return Options(
        dataset="digits", mnist_dir=None, recipe="documented", seeds=1, workers=1,
        report=tmp_path / "report", store=tmp_path / "store", fresh=False,
    )  # fmt: skip


def test_letters_that_cannot_be_used_are_refused_before_hours_of_training(tmp_path, monkeypatch):
    began = []
    monkeypatch.setattr(session_module, "load", lambda *_: began.append(1))
    monkeypatch.setenv("GREEK_DIR", str(tmp_path / "mistyped"))
    session = Session(_options(tmp_path), [], {}, lambda _: None)
    try:
        with pytest.raises(UserError, match=r"GREEK_DIR: .*mistyped does not exist"):
            session.start(train=False, experiments=[SimpleNamespace(kind="transfer")])
    finally:
        session.stop()
    assert began == []


@pytest.mark.parametrize(
    ("shouldfail", "shouldstop", "expected"),
    [
        (False, False, ["conclude", "write", "stop"]),
        ("stopping after 1 failures", False, ["stop_experiments", "conclude", "write", "stop"]),
        (False, "a plugin asked for it", ["stop_experiments", "conclude", "write", "stop"]),
    ],
)
def test_a_run_that_stops_at_a_failure_waits_for_no_experiment(
    monkeypatch, shouldfail, shouldstop, expected
):
    done = []
    grading = SimpleNamespace(
        stop_experiments=lambda: done.append("stop_experiments"),
        stop=lambda: done.append("stop"),
        lost=None,
    )
    grading.progress = SimpleNamespace(flush=lambda: None)
    grading.losses = list
    monkeypatch.setattr(finish, "conclude", lambda *_, **__: done.append("conclude"))
    monkeypatch.setattr(finish, "write", lambda *_, **__: done.append("write"))
    monkeypatch.setattr(plugin, "is_benchmark", lambda _: False)
    config = SimpleNamespace(stash={OPTIONS: None, SESSION: grading, CHECK_RESULTS: None})
    session = SimpleNamespace(config=config, shouldfail=shouldfail, shouldstop=shouldstop)
    ending = plugin.pytest_sessionfinish(session, pytest.ExitCode.TESTS_FAILED)
    next(ending)
    with pytest.raises(StopIteration):
        ending.send(None)
    assert done == expected


def test_workers_that_are_asked_for_too_late_are_not_started(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(module, "Scheduler", lambda *_, **__: started.append(1))
    options = Options(
        dataset="digits", mnist_dir=None, recipe="gate", seeds=1, workers=1,
        report=tmp_path / "report", store=tmp_path / "store", fresh=False,
    )  # fmt: skip
    ended = Session(options, [], {}, lambda _: None)
    ended.stop()
    with pytest.raises(JobFailed, match="the session has ended"):
        ended._workers.get()
    assert started == []
