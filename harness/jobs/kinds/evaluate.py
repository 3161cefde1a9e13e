"""Evaluating the weights that came with a saved network."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from harness.data.shared_arrays import open_published
from harness.jobs.kinds.base import ENGINE_VERSION, Job, OnEpoch
from harness.jobs.store import record
from harness.jobs.store.store import Store
from harness.network.spec import Spec
from harness.statistics.intervals import Interval, wilson
from harness.system.hashing import digest
from harness.system.strict_json import parse


@dataclass(frozen=True)
class OwnAccuracy:
    """How many test images a saved network classifies correctly with its own weights.

    It says nothing about how it was trained, or on what.
    """

    correct: int
    total: int

    @property
    def accuracy(self) -> float:
        return self.correct / self.total

    @property
    def interval(self) -> Interval:
        """Wilson's, 95 %."""
        return wilson(self.correct, self.total)

    def to_json(self) -> dict[str, Any]:
        return {
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "correct": self.correct,
            "total": self.total,
        }


def read_counts(file: Path) -> tuple[list[int], int]:
    """Returns how many test images were classified correctly at each scale, and their number.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not as `evaluate` writes it.
    """
    match parse(file.read_bytes()):
        case {"correct": [_, *_] as correct, "test_images": int(total)} if total > 0 and all(
            type(count) is int and 0 <= count <= total for count in correct
        ):
            return correct, int(total)
        case _:
            raise ValueError(f"{file}: this is not a count of correctly classified images")


EVALUATE = "evaluate"


@dataclass(frozen=True)
class EvaluateJob(Job):
    """Count the test images that a network classifies correctly with weights that it came with.

    Attributes:
        spec: as its author wrote it: the weights belong to its layers.
        weights: key of the store under which they lie, as weights.npz.
        scales: pixels are divided by each of these in turn; which of them the weights were
            trained with is unknown.
    """

    spec: Spec
    weights: str
    dataset: str
    data_digest: str
    scales: tuple[float, ...]
    platform: Mapping[str, object]

    kind: ClassVar[str] = EVALUATE

    @property
    def key(self) -> str:
        """SHA-256 of everything that the counts depend on."""
        return digest({"engine": ENGINE_VERSION, **self.to_json(), "spec": self.spec.digest})


EVALUATION = "evaluation.json"


def evaluate(job: EvaluateJob, data: Path, store: Store, _on_epoch: OnEpoch) -> str:
    """Counts what a network classifies correctly with the weights it came with.

    Raises:
        FileNotFoundError: the weights, or the images, are not there.
        UserError: the store cannot be written.
    """
    from harness.network.engine.inference import count_correct  # noqa: PLC0415  (imports TensorFlow)

    folder = store.get(job.weights)
    if folder is None:
        raise FileNotFoundError(f"no weights {job.weights} in the store")
    arrays = open_published(data, job.data_digest)
    images, labels = np.asarray(arrays.test_images), np.asarray(arrays.test_labels)
    weights = record.read_weights(folder)
    correct = [count_correct(job.spec, weights, images, labels, scale) for scale in job.scales]
    document = {"correct": correct, "scales": list(job.scales), "test_images": len(labels)}

    def write(folder: Path) -> None:
        (folder / EVALUATION).write_text(json.dumps(document), encoding="utf-8")

    store.put(job.key, write)
    return job.key
