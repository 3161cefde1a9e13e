"""Can the network be built and trained? All other checks depend on it."""

import pytest

from harness.evaluation.checking import Failed, Unavailable
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.store.record import Record
from harness.submissions.opened import OpenedSubmission
from harness.system.failure import BuildFailure


def test_build(opened: OpenedSubmission | BuildFailure) -> None:
    """the network can be built and read as a graph of layers"""
    __tracebackhide__ = True
    if isinstance(opened, BuildFailure):
        if opened.status == "failed":
            raise Failed(opened.message)
        raise Unavailable(opened.status, opened.message)


def test_trains(trained: list[Record] | JobFailed) -> None:
    """training finishes"""
    __tracebackhide__ = True
    if isinstance(trained, JobFailed):
        if trained.status == "skipped":
            pytest.skip(str(trained))
        raise Unavailable(trained.status, str(trained))
