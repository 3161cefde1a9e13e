"""Were the document's other experiments repeated, and is their evidence consistent?

A refuted claim of the document is a finding of the report and fails no check. An experiment fails
if it was not done as described, or if its own evidence contradicts it.
"""

import pytest

from harness.evaluation.checking import Failed, Unavailable
from harness.experiments.runner import Finished


def test_experiment(finished: Finished) -> None:
    """an experiment of the document is repeated, and its evidence is consistent"""
    __tracebackhide__ = True
    if finished.status == "skipped":
        pytest.skip(str(finished.reason))
    if finished.status == "failed":
        raise Unavailable(finished.blame or "grader_error", str(finished.reason))
    if finished.problems:
        raise Failed("\n".join(finished.problems))
