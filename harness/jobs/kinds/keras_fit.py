"""The job that times some epochs of plain `model.fit`, as the author of a document ran it.

The engine of this project does the same work several times faster, so it does not measure Keras.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from harness.data.shared_arrays import open_published
from harness.jobs.kinds.base import Job, OnEpoch
from harness.jobs.store.store import Store
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from harness.network.splits import split_for
from harness.system.hashing import digest

FIT = "fit"
DOCUMENT = "fit.json"
FIT_VERSION = 1


@dataclass(frozen=True)
class FitJob(Job):
    """Time `model.fit` for all epochs of a recipe, without validation.

    Attributes:
        dataset: name, for messages.
        platform: `harness.system.machine.numeric_platform`.
    """

    spec: Spec
    recipe: Recipe
    dataset: str
    data_digest: str
    platform: Mapping[str, object]

    kind: ClassVar[str] = FIT

    @property
    def key(self) -> str:
        """SHA-256 of everything that the work depends on."""
        numbers = {name: value for name, value in self.to_json().items() if name != "dataset"}
        return digest({"version": FIT_VERSION, **numbers, "spec": self.spec.digest})


def time_fit(job: FitJob, data: Path, store: Store, on_epoch: OnEpoch) -> str:
    """Times the epochs and stores the seconds of each; returns the key."""
    from harness.network.engine.keras_fit import fit  # noqa: PLC0415  (imports TensorFlow)

    arrays = open_published(data, job.data_digest)
    indexes = split_for(job.recipe, len(arrays.train_labels)).train_indexes
    images, labels = np.asarray(arrays.train_images), np.asarray(arrays.train_labels)
    times = fit(
        job.spec,
        job.recipe,
        images[indexes],
        labels[indexes],
        lambda epoch: on_epoch({"epoch": epoch, "epochs": job.recipe.epochs}),
    )
    document = {"epoch_time_s": times, "train_images": len(indexes)}

    def write(folder: Path) -> None:
        (folder / DOCUMENT).write_text(json.dumps(document), encoding="utf-8")

    store.put(job.key, write)
    return job.key


def read(folder: Path) -> dict[str, Any]:
    """Returns the stored result in the folder of a record."""
    document: dict[str, Any] = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    return document
