"""Training a network by a recipe."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import numpy as np

from harness.data.shared_arrays import open_published
from harness.jobs.kinds.base import ENGINE_VERSION, Job, OnEpoch
from harness.jobs.store.record import PROBE_IMAGES, PROBE_SEED, SCHEMA
from harness.jobs.store.store import Store
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from harness.network.splits import split_for
from harness.system.hashing import digest

TRAIN = "train"


@dataclass(frozen=True)
class TrainJob(Job):
    """Train one network, once: JSON in, a record in the store out.

    Attributes:
        dataset: name, for messages.
        data_digest: which images and labels, exactly.
        platform: everything else that decides the bits: framework versions, device, threads, CPU
            flags (`harness.system.machine.numeric_platform`).
    """

    spec: Spec
    recipe: Recipe
    dataset: str
    data_digest: str
    seed: int
    platform: Mapping[str, object]

    kind: ClassVar[str] = TRAIN

    @property
    def key(self) -> str:
        """SHA-256 of everything that the numbers in the record depend on, and nothing else."""
        return digest(
            {
                "kind": TRAIN,
                "engine": ENGINE_VERSION,
                "spec": self.spec.digest,
                "recipe": self.recipe.to_json(),
                "data": self.data_digest,
                "seed": self.seed,
                "platform": dict(self.platform),
            }
        )

    def to_json(self) -> dict[str, object]:
        """Returns the job as plain data; without its kind, as records have it."""
        return {name: value for name, value in super().to_json().items() if name != "kind"}


def train(job: TrainJob, data: Path, store: Store, on_epoch: OnEpoch) -> str:
    """Trains one job and stores its record; returns the key."""
    from harness.network.engine import train as engine  # noqa: PLC0415  (imports TensorFlow)

    arrays = open_published(data, job.data_digest)
    images = engine.Images(
        np.asarray(arrays.train_images),
        np.asarray(arrays.train_labels),
        np.asarray(arrays.test_images),
        np.asarray(arrays.test_labels),
    )
    parts = split_for(job.recipe, len(images.train_labels))
    started = time.perf_counter()
    trained = engine.train(
        job.spec,
        job.recipe,
        images,
        parts,
        job.seed,
        lambda epoch, row: on_epoch({"epoch": epoch, "epochs": job.recipe.epochs, **row}),
    )

    def write(folder: Path) -> None:
        from harness.network.engine.inference import get_weights  # noqa: PLC0415
        from harness.network.engine.probe import keras_facts, random_outputs, trained_outputs  # noqa: PLC0415

        probe = images.test_images[:PROBE_IMAGES]
        scale = job.recipe.pixel_max
        np.savez(
            folder / "predictions.npz",
            test=trained.predictions,
            trained_probe=trained_outputs(trained.model, probe, scale),
            random_probe=random_outputs(job.spec, PROBE_SEED, probe, scale),
        )
        np.savez(folder / "weights.npz", allow_pickle=False, **get_weights(trained.model, job.spec))
        trained.model.save(folder / "model.keras")
        document = {
            "schema": SCHEMA,
            "key": job.key,
            "job": job.to_json(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "history": trained.history,
            "stopped": trained.stopped,
            "early_weights_sha256": trained.early_weights,
            "weights_sha256": trained.weights,
            "test_loss": trained.test_loss,
            "test_correct": trained.test_correct,
            "test_images": len(images.test_labels),
            "train_images": len(parts.train_indexes),
            "compile_time_s": trained.compile_time_s,
            "train_time_s": trained.train_time_s,
            "job_time_s": time.perf_counter() - started,
            "process": os.getpid(),
            "keras": keras_facts(trained.model, job.spec),
        }
        (folder / "record.json").write_text(
            json.dumps(document, indent=1, sort_keys=True, allow_nan=True), encoding="utf-8"
        )

    store.put(job.key, write)
    return job.key
