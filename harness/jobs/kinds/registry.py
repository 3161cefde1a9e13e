"""The kinds of jobs: for each its description, its inputs and the function that runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.jobs.kinds.base import Inputs, Job, OnEpoch
from harness.jobs.kinds.evaluate import EvaluateJob, evaluate
from harness.jobs.kinds.keras_fit import FitJob, time_fit
from harness.jobs.kinds.numpy_twin import TwinJob, train_in_numpy
from harness.jobs.kinds.robustness import RobustnessJob, classify_corrupted
from harness.jobs.kinds.train import TrainJob, train
from harness.jobs.kinds.transfer import TransferJob, transfer
from harness.jobs.store.store import Store
from reference.errors import UserError


@dataclass(frozen=True)
class Kind:
    """A kind of job.

    Attributes:
        job: its description.
        run: does it, given the job, the folder of the published arrays, the store and what to call
            after each epoch; returns the key. It imports TensorFlow inside, where it needs it.
        inputs: what it reads.
    """

    job: type[Job]
    run: Callable[[Any, Path, Store, OnEpoch], str]
    inputs: Callable[[Any], Inputs]


def _images(job: Any) -> Inputs:
    return Inputs(images=(job.data_digest,))


def _record_and_images(field: str) -> Callable[[Any], Inputs]:
    return lambda job: Inputs((getattr(job, field),), (job.data_digest,))


def _letters(job: TransferJob) -> Inputs:
    letters = tuple(one for one in (job.letters, job.test_letters) if one is not None)
    return Inputs(records=(job.base,), letters=letters)


# A verification is not among them: it repeats a training that is stored, and has no key of its own.
KINDS: Mapping[str, Kind] = {
    kind.job.kind: kind
    for kind in (
        Kind(TrainJob, train, _images),
        Kind(EvaluateJob, evaluate, _record_and_images("weights")),
        Kind(FitJob, time_fit, _images),
        Kind(TwinJob, train_in_numpy, _images),
        Kind(TransferJob, transfer, _letters),
        Kind(RobustnessJob, classify_corrupted, _record_and_images("base")),
    )
}


def from_json(document: Mapping[str, Any]) -> Job:
    """Reads what a job's `to_json` wrote; one without a kind is a training, as in records.

    Raises:
        UserError: the kind is unknown.
    """
    kind = document.get("kind", TrainJob.kind)
    if kind not in KINDS:
        raise UserError(f"job: kind = {kind!r}; expected one of {', '.join(KINDS)}")
    return KINDS[kind].job.from_json(document)


def run(job: Job, data: Path, store: Store, on_epoch: OnEpoch) -> str:
    """Does one job and stores its result; returns the key.

    Raises:
        UserError: the store cannot be written.
    """
    return KINDS[job.kind].run(job, data, store, on_epoch)


def inputs(job: Job) -> Inputs:
    """Returns what a job reads."""
    return KINDS[job.kind].inputs(job)


def preload() -> None:
    """Imports what training needs, TensorFlow above all: it takes seconds."""
    import harness.network.engine.train  # noqa: F401, PLC0415
