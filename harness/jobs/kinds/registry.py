"""Every kind of job: how it is read back from JSON."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.jobs.kinds.base import Job, Needs, OnEpoch
from harness.jobs.kinds.evaluate import EVALUATE, EvaluateJob, evaluate
from harness.jobs.kinds.keras_fit import FIT, FitJob, time_fit
from harness.jobs.kinds.numpy_twin import TWIN, TwinJob, train_twin
from harness.jobs.kinds.robustness import ROBUSTNESS, RobustnessJob, read_altered
from harness.jobs.kinds.train import TRAIN, TrainJob, train
from harness.jobs.kinds.transfer import TRANSFER, TransferJob, transfer
from harness.jobs.store.store import Store
from reference.errors import UserError

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


# What is done for each kind of `registry.KINDS`, given the job, the folder of the
# published arrays and the store; returns the key. What needs TensorFlow imports it inside.
PERFORM: Mapping[str, Callable[[Any, Path, Store, OnEpoch], str]] = {
    TRAIN: train,
    EVALUATE: evaluate,
    TWIN: train_twin,
    FIT: time_fit,
    TRANSFER: transfer,
    ROBUSTNESS: read_altered,
}


def _images(job: Any) -> Needs:
    return Needs(images=(job.data_digest,))


# One for each kind of `harness.jobs.kinds.registry.KINDS`.
NEEDS: Mapping[str, Callable[[Any], Needs]] = {
    TRAIN: _images,
    TWIN: _images,
    FIT: _images,
    EVALUATE: lambda job: Needs(records=(job.weights,), images=(job.data_digest,)),
    ROBUSTNESS: lambda job: Needs(records=(job.base,), images=(job.data_digest,)),
    TRANSFER: lambda job: Needs(
        records=(job.base,),
        letters=tuple(one for one in (job.letters, job.test_letters) if one is not None),
    ),
}


def needs(job: Job) -> Needs:
    """Returns what a job reads."""
    return NEEDS[job.kind](job)


def preload() -> None:
    """Imports what training needs, TensorFlow above all: it takes seconds."""
    import harness.network.engine.train  # noqa: F401, PLC0415
