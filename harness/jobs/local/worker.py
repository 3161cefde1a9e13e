"""A worker process: takes jobs as JSON, leaves what comes of them in the store.

Of the same kind, because it needs the same imports: a process that verifies (`kinds.verify`).

in   {"job": {...}, "data": "<published arrays>", "store": "<root>"}
out  {"event": "epoch", "epoch": 1, "epochs": 10, ...}     any number of times
{"event": "done", "key": "..."}  or  {"event": "failed", "kind": ..., "message": ...}
"""

import json
import os
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.shared_arrays import open_published
from harness.jobs.kinds import registry, verify
from harness.jobs.kinds.base import EVALUATE, TRAIN, EvaluateJob, Job, TrainJob
from harness.jobs.kinds.keras_fit import FIT, time_fit
from harness.jobs.kinds.numpy_twin import TWIN, train_twin
from harness.jobs.kinds.robustness import ROBUSTNESS, read_altered
from harness.jobs.kinds.transfer import TRANSFER, transfer
from harness.jobs.store.record import PROBE_IMAGES, PROBE_SEED, SCHEMA
from harness.jobs.store.store import Store, StoreError
from harness.network.splits import split_for
from harness.system import memory
from harness.system.processes.fork_server import serve_forks
from reference.errors import UserError

EVALUATION = "evaluation.json"

Reply = Callable[[Mapping[str, Any]], None]
# Told of each epoch that ended: "epoch", "epochs" and, where it is known, "val_accuracy".
OnEpoch = Callable[[dict[str, Any]], None]


def handle(request: Mapping[str, Any], reply: Reply) -> None:
    """Answers one request; whatever goes wrong is an answer too."""
    if request.get("action") == verify.ACTION:
        verify.handle(request, reply)
        return
    try:
        key = run(
            registry.from_json(request["job"]),
            Path(request["data"]),
            Store(Path(request["store"])),
            lambda values: reply({"event": "epoch", **values}),
        )
    except StoreError as error:
        reply({"event": "failed", "kind": "store", "message": str(error)})
    except UserError as error:
        reply({"event": "failed", "kind": "user", "message": str(error)})
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  (reported whole; the next job must still run)
        refused = memory.refusal(error)
        kind = "resource" if refused else "internal"
        reply({"event": "failed", "kind": kind, "message": refused or traceback.format_exc()})
    else:
        reply({"event": "done", "key": key})


def _wants_memory(error: Exception) -> bool:
    """Whether an error is Python's, TensorFlow's or oneDNN's word for want of memory."""
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return True
    # oneDNN's status 1, which TensorFlow passes on as an operation that was aborted.
    return "Status: 1, message: could not create" in str(error)


def run(job: Job, data: Path, store: Store, on_epoch: OnEpoch) -> str:
    """Does one job and stores what comes of it; returns the key.

    Raises:
        UserError: the store cannot be written.
    """
    return PERFORM[job.kind](job, data, store, on_epoch)


def evaluate(job: EvaluateJob, data: Path, store: Store, _on_epoch: OnEpoch) -> str:
    """Counts what a network reads right with the weights it came with.

    Raises:
        FileNotFoundError: the weights, or the images, are not there.
        UserError: the store cannot be written.
    """
    from harness.network.engine.evaluate import count_correct  # noqa: PLC0415  (imports TensorFlow)

    folder = store.get(job.weights)
    if folder is None:
        raise FileNotFoundError(f"no weights {job.weights} in the store")
    arrays = open_published(data, job.data_digest)
    images, labels = np.asarray(arrays.test_images), np.asarray(arrays.test_labels)
    with np.load(folder / "weights.npz", allow_pickle=False) as file:
        weights = {key: file[key] for key in file.files}
    correct = [count_correct(job.spec, weights, images, labels, scale) for scale in job.scales]
    document = {"correct": correct, "scales": list(job.scales), "test_images": len(labels)}

    def write(folder: Path) -> None:
        (folder / EVALUATION).write_text(json.dumps(document), encoding="utf-8")

    store.put(job.key, write)
    return job.key


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
        from harness.network.engine.probe import keras_facts, random_outputs, trained_outputs  # noqa: PLC0415
        from harness.network.engine.weights import get_weights  # noqa: PLC0415

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


def warm() -> None:
    """Imports what training needs, which takes far longer than starting a process."""
    memory.limit_memory()
    import harness.network.engine.train  # noqa: F401, PLC0415


if __name__ == "__main__":
    serve_forks(handle, warm)
