"""Has a network become worse since an earlier run? These checks need --baseline=FILE.

An inconclusive comparison passes and is reported; an impossible one fails.
"""

import pytest

from harness.evaluation.baseline.comparison import Comparison
from harness.evaluation.baseline.model import Row
from harness.evaluation.checking import NotApplicable, Unavailable, require_none
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.store.record import Record
from harness.network.difference import Difference
from harness.statistics.noninferiority import MARGIN
from harness.statistics.time_ratios import ALLOWED_LOSS
from harness.submissions.opened import OpenedSubmission
from harness.system.failure import BuildFailure
from harness.system.text import percent

RENEW = "If this is intended, use the results.json of this run as the new baseline."


def test_comparable(
    comparison: Comparison,
    opened: OpenedSubmission | BuildFailure,
    trained: list[Record] | JobFailed,
    accuracy_change: Row,
) -> None:
    """its accuracy can be compared with the baseline's, image by image"""
    __tracebackhide__ = True
    if isinstance(opened, BuildFailure):
        raise Unavailable(opened.status, opened.message)
    if isinstance(trained, JobFailed):
        if trained.status == "skipped":
            pytest.skip(str(trained))
        raise Unavailable(trained.status, str(trained))
    if accuracy_change.status == "new":
        raise NotApplicable(accuracy_change.text)
    require_none(
        Difference("comparison of accuracies", "impossible", "possible", comparison.earlier.source,
                   hint=f"{accuracy_change.text} Compare with another file, or use this run's "
                   "results.json as the new baseline.")
        for _ in [accuracy_change]
        if accuracy_change.status == "not comparable"
    )  # fmt: skip


def test_no_less_accurate(comparison: Comparison, accuracy_change: Row) -> None:
    """accuracy has not significantly fallen by 0.2 percentage points or more since the baseline"""
    __tracebackhide__ = True
    if accuracy_change.status == "new":
        raise NotApplicable(accuracy_change.text)
    if accuracy_change.status in ("missing", "not comparable"):
        pytest.skip("the accuracies cannot be compared: see the check for that")
    require_none(
        Difference("test accuracy", percent(row.after),
                   f"at least {percent(row.before - MARGIN)}",
                   comparison.earlier.source, f"{row.text} {RENEW}")
        for row in [accuracy_change]
        if row.status == "regressed" and row.before is not None
    )  # fmt: skip


def test_no_larger(comparison: Comparison, size_changes: list[Row]) -> None:
    """the network has no more parameters and FLOPs than in the baseline"""
    __tracebackhide__ = True
    if all(row.status in ("missing", "new") for row in size_changes):
        raise NotApplicable(size_changes[0].text)
    require_none(
        Difference(row.measure, row.after, f"at most {row.before:,}",
                   comparison.earlier.source, f"{row.text} {RENEW}")
        for row in size_changes
        if row.status == "regressed"
    )  # fmt: skip


def test_no_slower(comparison: Comparison, speed_changes: list[Row]) -> None:
    """no benchmark's speed-up over Keras has significantly fallen by more than 10 %"""
    __tracebackhide__ = True
    if all(row.status == "not judged" for row in speed_changes):
        reasons = dict.fromkeys(row.text for row in speed_changes)
        raise NotApplicable("\n".join(reasons) or "the baseline has no benchmarks of this network")
    require_none(
        Difference("speed-up over Keras", f"{row.after:.3g}×",
                   f"at least {row.before * (1 - ALLOWED_LOSS):.3g}×",
                   comparison.earlier.source, f"{row.text} {RENEW}")
        for row in speed_changes
        if row.status == "regressed" and row.before is not None
    )  # fmt: skip


def test_still_there(comparison: Comparison, absence: Row) -> None:
    """every network of the baseline is still in the project"""
    __tracebackhide__ = True
    require_none(
        Difference(f"network {absence.baseline_subject}", "missing", "in the project",
                   comparison.earlier.source, f"{absence.text} {RENEW}")
        for _ in [absence]
        if absence.status == "missing"
    )  # fmt: skip
