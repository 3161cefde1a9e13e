"""Names, anchors and accuracies of the networks of a report."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.text.anchors import distinct, slug

LONGEST_NAME = 40


def anchors(subjects: Sequence[Mapping[str, Any]]) -> list[str]:
    """A fragment address for each network: readable, safe, and no two the same."""
    return distinct(f"net-{slug(subject['id']) or 'network'}" for subject in subjects)


def accuracy(subject: Mapping[str, Any]) -> tuple[float | None, tuple[float, float] | None]:
    """Test accuracy and its 95 % interval: the gate's own, else what the runs tell."""
    gate = subject["gate"] or {}
    if gate.get("accuracy") is not None:
        return gate["accuracy"], gate["interval"]
    measured = [r for r in subject["runs"] if r["test_accuracy"] is not None]
    if not measured:
        return None, None
    mean = statistics.fmean(run["test_accuracy"] for run in measured)
    return mean, measured[0]["interval"] if len(measured) == 1 else None
