"""What a subject's checks come to."""

from collections.abc import Sequence
from dataclasses import replace

from harness.evaluation.results.outcome import CheckResult, SubjectOutcome

EXPERIMENTS = "experiments"
"""The group of the checks that are experiments."""

COMPARABLE = "test_baseline.py::test_comparable"


def settle(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """Returns the results without the points of checks that an error of the grader prevented.

    An error in an experiment prevents no other check.
    """
    broken = any(check.status == "grader_error" for check in _of_the_network(checks))
    return [
        replace(check, max_points=0.0) if broken and check.status == "skipped" else check
        for check in checks
    ]


def verdict(graded: SubjectOutcome) -> str:
    """Returns a subject's verdict: failed beats not graded beats inconclusive beats passed.

    Experiments are what the document did besides: what becomes of them says nothing of its network.
    Nor does a baseline that it cannot be compared with.
    """
    statuses = {check.status for check in _of_the_network(graded.checks)}
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


def _of_the_network(checks: Sequence[CheckResult]) -> list[CheckResult]:
    return [check for check in checks if check.group != EXPERIMENTS and check.id != COMPARABLE]
