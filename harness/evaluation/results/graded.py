"""What assembling results.json begins with: the session, and each subject whose checks have run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.data.dataset import Dataset
from harness.evaluation.evidence.robustness import Readings
from harness.evaluation.rubric import Rubric
from harness.jobs.kinds.evaluate import OwnAccuracy
from harness.jobs.store.record import Record
from harness.network.spec import Spec
from harness.statistics import Gate
from harness.submissions.opened import OpenedSubmission
from harness.submissions.subject import Subject
from reference.facts import Facts


@dataclass(frozen=True)
class Graded:
    """What is known of one subject when its checks have run.

    Attributes:
        facts: None when it was not opened and nothing else says what it was to be.
        opened: None when it was not; `error` then says why.
        gate: None when it was not trained.
        checks: rows of results.json.
        trained_with: whose recipe trained it, "document" or "submission".
        training_notes: what of its author's recipe could not be followed.
        range: the accuracies that were measured with this network and recipe before.
        disturbed: what its runs read of altered images; None where that was not wanted.
    """

    subject: Subject
    facts: Facts | None
    opened: OpenedSubmission | None
    error: str | None
    runs: Sequence[Record]
    gate: Gate | None
    gate_basis: str
    checks: Sequence[Mapping[str, Any]]
    trained_with: str = "document"
    training_notes: Sequence[str] = ()
    own_weights: OwnAccuracy | None = None
    range: Mapping[str, Any] | None = None
    disturbed: Readings | None = None

    @property
    def spec(self) -> Spec | None:
        return self.opened.spec if self.opened else None


@dataclass(frozen=True)
class Run:
    """What is known of the session as a whole."""

    command: str
    outcome: str
    dataset: Dataset | None
    recipe: str
    seeds: Sequence[int]
    environment: Mapping[str, Any]
    rubric: Rubric | None = None
