"""What the document did beside training its network once: done again, and sound?

A claim that does not come out as the document says is a finding of the report, and fails nothing
here. What fails is an experiment that was not done as described, or whose own evidence contradicts
it.
"""

import pytest

from harness.evaluation.checking import Failed, Unavailable
from harness.experiments.runner import Finished


def test_experiment(finished: Finished) -> None:
    """an experiment of the document is done again, and its evidence is sound"""
    __tracebackhide__ = True
    if finished.status == "skipped":
        pytest.skip(str(finished.reason))
    if finished.status == "failed":
        raise Unavailable(finished.blame or "grader_error", str(finished.reason))
    if finished.problems:
        raise Failed("\n".join(finished.problems))
