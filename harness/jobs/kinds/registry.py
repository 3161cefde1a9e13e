"""Every kind of job: how it is read back from JSON."""

from collections.abc import Callable, Mapping
from typing import Any

from harness.jobs.kinds.base import EVALUATE, TRAIN, EvaluateJob, Job, TrainJob
from harness.jobs.kinds.keras_fit import FIT, FitJob
from harness.jobs.kinds.numpy_twin import TWIN, TwinJob
from harness.jobs.kinds.robustness import ROBUSTNESS, RobustnessJob
from harness.jobs.kinds.transfer import TRANSFER, TransferJob
from reference.errors import UserError

# What a worker does for each is in `harness.jobs.local.worker.PERFORM`.
KINDS: Mapping[str, Callable[[Mapping[str, Any]], Job]] = {
    TRAIN: TrainJob.from_json,
    EVALUATE: EvaluateJob.from_json,
    TWIN: TwinJob.from_json,
    FIT: FitJob.from_json,
    TRANSFER: TransferJob.from_json,
    ROBUSTNESS: RobustnessJob.from_json,
}


def from_json(document: Mapping[str, Any]) -> Job:
    """Reads what a job's `to_json` wrote; one without a kind is a training, as in records.

    Raises:
        UserError: there is no such kind.
    """
    kind = document.get("kind", TRAIN)
    if kind not in KINDS:
        raise UserError(f"job: kind = {kind!r}, but should be one of {', '.join(KINDS)}")
    return KINDS[kind](document)
