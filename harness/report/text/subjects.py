"""Names, anchors and accuracies of the networks of a report."""

import statistics
from collections.abc import Sequence

from harness.report.schema import results as schema
from harness.report.text.html import distinct, slug

LONGEST_NAME = 40


def anchors(subjects: Sequence[schema.Subject]) -> list[str]:
    """A fragment address for each network: readable, safe, and no two the same."""
    return distinct(f"net-{slug(subject.id) or 'network'}" for subject in subjects)


def accuracy(subject: schema.Subject) -> tuple[float | None, tuple[float, float] | None]:
    """Test accuracy and its 95 % interval: the gate's own, else what the runs tell."""
    gate = subject.gate or schema.Gate()
    if gate.accuracy is not None:
        return gate.accuracy, gate.interval
    measured = [(r.test_accuracy, r.interval) for r in subject.runs if r.test_accuracy is not None]
    if not measured:
        return None, None
    mean = statistics.fmean(value for value, _ in measured)
    return mean, measured[0][1] if len(measured) == 1 else None
