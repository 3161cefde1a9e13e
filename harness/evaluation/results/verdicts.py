"""What a subject's checks come to."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.evaluation.results.outcome import SubjectOutcome

EXPERIMENTS = "experiments"
"""The group of the checks that are experiments."""

COMPARABLE = "test_baseline.py::test_comparable"


def settle(checks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows with what an error of ours kept from being checked out of the reckoning.

    An error in an experiment keeps no other check from anything.
    """
    ours = any(check["status"] == "grader_error" for check in _of_the_network(checks))
    return [
        {**check, "max_points": 0.0} if ours and check["status"] == "skipped" else dict(check)
        for check in checks
    ]


def verdict(graded: SubjectOutcome) -> str:
    """Returns a subject's verdict: failed beats not graded beats inconclusive beats passed.

    Experiments are what the document did besides: what becomes of them says nothing of its network.
    Nor does a baseline that it cannot be compared with.
    """
    statuses = {check["status"] for check in _of_the_network(graded.checks)}
    if statuses - {"passed", "skipped", "grader_error"}:
        return "failed" if graded.spec else "not built"
    if "grader_error" in statuses:
        return "not graded"
    if graded.spec is None:
        return "not built"
    if not graded.checks:  # -x ended the session before
        return "not graded"
    if graded.gate is not None and graded.gate.verdict == "inconclusive":
        return "inconclusive"
    return "passed"


def _of_the_network(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [
        check
        for check in checks
        if check.get("group") != EXPERIMENTS and check.get("id") != COMPARABLE
    ]
