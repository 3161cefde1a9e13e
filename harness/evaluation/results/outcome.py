"""What a session found out: about each subject whose checks have run, and as a whole.

A subject's verdict follows from its checks and its gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.data.dataset import Dataset
from harness.evaluation.evidence.robustness import Readings
from harness.evaluation.rubric import Rubric
from harness.jobs.kinds.evaluate import OwnAccuracy
from harness.jobs.store.record import Record
from harness.network.spec import Spec
from harness.report.schema.results import Range
from harness.statistics.gate import GateResult
from harness.submissions.opened import OpenedSubmission
from harness.submissions.subject import Subject
from reference.facts import Facts

EXPERIMENTS = "experiments"
"""The group of the checks that are experiments."""

COMPARABLE = "test_baseline.py::test_comparable"


@dataclass(frozen=True)
class CheckResult:
    """The result of one check, as in `checks` of results.json.

    Attributes:
        id: "file::test"; of an experiment, with its id in brackets.
        group: the section of the report.
        status: "passed", "failed", "skipped", "timeout", "resource" or "grader_error".
        applies: whether the check concerns the subject; if not, it has no part in the score.
        message: the reason; None if the check passed.
        source: the places in the document that the expected values come from.
    """

    id: str
    status: str
    group: str = "other"
    title: str = ""
    applies: bool = True
    points: float = 0.0
    max_points: float = 0.0
    expected: str | None = None
    actual: str | None = None
    hint: str | None = None
    message: str | None = None
    source: str | None = None
    duration_s: float = 0.0


@dataclass(frozen=True)
class SubjectOutcome:
    """All that a session found out about one subject.

    Attributes:
        facts: None if the subject could not be opened and no architecture was named.
        opened: None if it could not be opened; `error` then gives the reason.
        runs: one for each seed; empty if the subject was not trained.
        gate: None if it was not trained.
        gate_basis: the source of the gate's threshold.
        trained_with: whose recipe trained it, "document" or "submission".
        training_notes: the parts of the author's recipe that could not be followed.
        own_weights: None if no weights came with it, or they could not be evaluated.
        range: the accuracies measured earlier with this network and recipe.
        robustness: the predictions on corrupted images; None if they were not requested.
    """

    subject: Subject
    facts: Facts | None
    opened: OpenedSubmission | None
    error: str | None = None
    runs: Sequence[Record] = ()
    gate: GateResult | None = None
    gate_basis: str = ""
    checks: Sequence[CheckResult] = ()
    trained_with: str = "document"
    training_notes: Sequence[str] = ()
    own_weights: OwnAccuracy | None = None
    range: Range | None = None
    robustness: Readings | None = None

    @property
    def spec(self) -> Spec | None:
        return self.opened.spec if self.opened else None


@dataclass(frozen=True)
class SessionOutcome:
    """What is known of the session as a whole."""

    command: str
    outcome: str
    dataset: Dataset | None
    recipe: str
    seeds: Sequence[int]
    environment: Mapping[str, Any]
    rubric: Rubric | None = None


def settle(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """Returns the results without the points of checks that an error of the grader prevented.

    An error in an experiment prevents no other check.
    """
    broken = any(check.status == "grader_error" for check in _of_the_network(checks))
    return [
        replace(check, max_points=0.0) if broken and check.status == "skipped" else check
        for check in checks
    ]


def verdict(outcome: SubjectOutcome) -> str:
    """Returns a subject's verdict: failed beats not graded beats inconclusive beats passed.

    Experiments are what the document did besides: their results say nothing about its network.
    Nor does a baseline that it cannot be compared with.
    """
    statuses = {check.status for check in _of_the_network(outcome.checks)}
    if statuses - {"passed", "skipped", "grader_error"}:
        return "failed" if outcome.spec else "not built"
    if "grader_error" in statuses:
        return "not graded"
    if outcome.spec is None:
        return "not built"
    if not outcome.checks:  # -x ended the session before
        return "not graded"
    if outcome.gate is not None and outcome.gate.verdict == "inconclusive":
        return "inconclusive"
    return "passed"


def _of_the_network(checks: Sequence[CheckResult]) -> list[CheckResult]:
    return [check for check in checks if check.group != EXPERIMENTS and check.id != COMPARABLE]
