"""A session that has ended starts nothing more."""

import pytest

from harness import workers as module
from harness.options import Options
from harness.scheduler import JobFailed
from harness.session import Session


def test_workers_that_are_asked_for_too_late_are_not_started(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(module, "Scheduler", lambda *_: started.append(1))
    options = Options(
        dataset="digits", mnist_dir=None, recipe="gate", seeds=1, workers=1,
        report=tmp_path / "report", store=tmp_path / "store", fresh=False,
    )  # fmt: skip
    ended = Session(options, [], {}, lambda _: None)
    ended.stop()
    with pytest.raises(JobFailed, match="the session has ended"):
        ended._workers.get()
    assert started == []
