"""What the exports say of a submission, in plain text and exact numbers."""

import re
from collections.abc import Iterable
from decimal import Decimal

from harness.report.schema.results import Check, Subject

LONGEST = 4000  # characters of one message
MISSING = "(no name)"
COUNTED = frozenset({"passed", "failed", "skipped", "timeout", "resource"})

_SPACES = re.compile(r"\s+")


def line(text: str | None) -> str:
    """Text of unknown origin on one line, without the ends' spaces."""
    return _SPACES.sub(" ", text or "").strip()


def name(subject: Subject) -> str:
    """The name to show: one line; the id where the submission has none."""
    return line(subject.name) or line(subject.id) or MISSING


def limited(text: str | None) -> str:
    """Text with its lines, cut where it is endless."""
    plain = (text or "").strip()
    return plain if len(plain) <= LONGEST else plain[:LONGEST].rstrip() + " …"


def points(value: float | None) -> Decimal:
    """Points in thousandths, as the rubric gives them: their sum is exact."""
    return Decimal(str(value or 0)).quantize(Decimal("0.001"))


def total(values: Iterable[float | None]) -> Decimal:
    return sum(map(points, values), Decimal(0))


def number(value: Decimal) -> int | float:
    """A JSON number: whole where it is whole."""
    return int(value) if value == value.to_integral_value() else float(value)


def counted(check: Check) -> bool:
    """Whether a check's points count: not where the grader itself went wrong."""
    return check.status in COUNTED


def accuracy(subject: Subject) -> float | None:
    """Test accuracy as a fraction: the gate's, else the mean over the runs; None untrained."""
    if subject.gate and subject.gate.accuracy is not None:
        return subject.gate.accuracy
    measured = [run.test_accuracy for run in subject.runs if run.test_accuracy is not None]
    return sum(measured) / len(measured) if measured else None


def first_fault(subject: Subject) -> str:
    """What to fix first: a finding's cause, else why it was not opened, else a failed check."""
    for finding in subject.findings:
        if finding.severity != "note" and finding.cause:
            return line(finding.cause)
    if subject.error:
        return line(subject.error)[:500]
    for check in subject.checks:
        if check.status not in {"passed", "skipped", None}:
            said = check.hint or check.message or check.title or check.id
            return line(said)[:500]
    return ""
