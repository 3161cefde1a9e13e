"""A worker that writes a record of every job, as large as MNIST's, without training.

It replaces `harness.jobs.local.worker` in measurements of the memory that runs keep.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.jobs.kinds import registry
from harness.jobs.kinds.train import TrainJob
from harness.jobs.store.record import PROBE_IMAGES, SCHEMA
from harness.jobs.store.store import Store
from harness.system.processes.fork_server import serve_forks
from reference.layers import params, shapes, weights

_TEST_IMAGES = 10_000
_ROWS = ("accuracy", "loss", "val_accuracy", "val_loss", "epoch_time_s")


def handle(request: Mapping[str, Any], reply: Callable[[Mapping[str, Any]], None]) -> None:
    """Answers one request."""
    job = registry.from_json(request["job"])
    if not isinstance(job, TrainJob):
        raise TypeError(f"expected a TrainJob, got a {type(job).__name__}")
    for epoch in range(1, job.recipe.epochs + 1):
        reply({"event": "epoch", "epoch": epoch, "epochs": job.recipe.epochs, "val_accuracy": 0.9})

    def write(folder: Path) -> None:
        (folder / "record.json").write_text(
            json.dumps(document(job), indent=1, sort_keys=True), encoding="utf-8"
        )
        probe = np.zeros((PROBE_IMAGES, 10), np.float32)
        outputs = np.zeros((_TEST_IMAGES, 10), np.float32)
        np.savez(folder / "predictions.npz", test=outputs, trained_probe=probe, random_probe=probe)
        arrays = {
            f"{index:03d}/{weight.name}": np.zeros(weight.shape, np.float32)
            for index, node in enumerate(weights(job.spec.network))
            for weight in node
        }
        np.savez(folder / "weights.npz", allow_pickle=False, **arrays)

    Store(Path(request["store"])).put(job.key, write)
    reply({"event": "done", "key": job.key})


def document(job: TrainJob) -> dict[str, Any]:
    """Returns a record.json with as many numbers as that of a training."""
    network = job.spec.network
    return {
        "schema": SCHEMA,
        "key": job.key,
        "job": job.to_json(),
        "created": "2026-01-01T00:00:00+00:00",
        "history": {name: [0.1 + n for n in range(job.recipe.epochs)] for name in _ROWS},
        "stopped": f"all {job.recipe.epochs} epochs of the recipe",
        "early_weights_sha256": job.key,
        "weights_sha256": job.key,
        "test_loss": 0.1,
        "test_correct": _TEST_IMAGES - 100,
        "test_images": _TEST_IMAGES,
        "train_images": 6 * _TEST_IMAGES,
        "compile_time_s": 1.5,
        "train_time_s": 1.5,
        "job_time_s": 1.5,
        "process": 1,
        "keras": {
            "output_shapes": [list(shape) for shape in shapes(network)],
            "params": list(params(network)),
            "total_params": sum(params(network)),
            "trainable_params": sum(params(network)),
            "flops": 1_000_000,
        },
    }


if __name__ == "__main__":
    serve_forks(handle, warm=lambda: None)
