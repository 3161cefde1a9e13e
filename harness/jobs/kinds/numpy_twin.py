"""The job that trains the NumPy reimplementation once, in a worker, without TensorFlow.

It stores `twin.json`, `weights.npz` and `predictions.npz`.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from harness.data.dataset import Arrays, Bytes, Indexes
from harness.data.shared_arrays import open_published
from harness.jobs.kinds.base import Job, OnEpoch
from harness.jobs.store.store import Store
from harness.network.recipe import Recipe
from harness.network.splits import split_for
from harness.system.directories import PROJECT_ROOT
from harness.system.hashing import digest
from harness.system.source_lines import code_digest
from reference.twin.gradient_check import away_from_kinks, gradient_error, in_float64
from reference.twin.initialization import initial_network
from reference.twin.network import Dense, Floats, Network, log_softmax
from reference.twin.optimizers import OPTIMIZERS
from reference.twin.training import Examples, count_correct, predict, train

TWIN = "twin"
TWIN_FOLDER = PROJECT_ROOT / "reference" / "twin"
DOCUMENT = "twin.json"

# Raise it when a change of this module changes the measurements. The code of the reimplementation
# is in the key: students change it, and a change must not be answered from the store.
TWIN_VERSION = 1

# The gradient is checked at the weights that training starts from, on the first few training
# images, at so many entries of each array drawn at random. At trained weights the gradients are
# nearly zero, and relative to them rounding would weigh more.
_CHECKED_IMAGES, CHECKED_ENTRIES = 64, 500
# Keeps its choice of entries apart from every other use of the seed.
_CHECK_STREAM = 0x6AD


@dataclass(frozen=True)
class TwinJob(Job):
    """Train the network of dense layers in NumPy, once.

    Attributes:
        sizes: of the input, of each hidden layer and of the output.
        initializer: key of `reference.twin.initialization.INITIALIZERS`.
        recipe: its optimizer is a key of `reference.twin.optimizers.OPTIMIZERS`, its loss
            cross-entropy; trained for all epochs.
        dataset: name, for messages.
        platform: everything else that decides the bits (`numpy_platform`).
    """

    sizes: tuple[int, ...]
    initializer: str
    recipe: Recipe
    dataset: str
    data_digest: str
    seed: int
    platform: Mapping[str, object]

    kind: ClassVar[str] = TWIN

    @property
    def key(self) -> str:
        """SHA-256 of everything that the numbers depend on."""
        numbers = {name: value for name, value in self.to_json().items() if name != "dataset"}
        return digest({"version": TWIN_VERSION, "code": code_digest(TWIN_FOLDER), **numbers})


def numpy_platform(known: Mapping[str, object]) -> dict[str, object]:
    """Returns what of a machine, besides the job, decides the bits of NumPy's results.

    Args:
        known: its `numeric_platform`.
    """
    return {name: known[name] for name in ("numpy", "threads", "machine", "flags")}


def train_in_numpy(job: TwinJob, data: Path, store: Store, on_epoch: OnEpoch) -> str:
    """Trains the network in NumPy and stores the measurements; returns the key.

    A worker computes on one thread: `json_process` tells so the library that multiplies NumPy's
    matrices, too.
    """
    arrays = open_published(data, job.data_digest)
    parts = split_for(job.recipe, len(arrays.train_labels))
    training = _examples(arrays, parts.train_indexes, job.recipe.pixel_max)
    validation = _examples(arrays, parts.validation_indexes, job.recipe.pixel_max)
    rng = np.random.default_rng(job.seed)
    network = initial_network(job.sizes, job.initializer, rng)
    error = _gradient_error(network, training, job.seed)
    started = time.process_time()
    history = train(
        network,
        OPTIMIZERS[job.recipe.optimizer](job.recipe.learning_rate),
        training,
        validation,
        batch_size=job.recipe.batch_size,
        epochs=job.recipe.epochs,
        rng=rng,
        on_epoch=lambda epoch, row: on_epoch({"epoch": epoch, "epochs": job.recipe.epochs, **row}),
    )
    cpu_time = time.process_time() - started
    logits = predict(network, _scaled(arrays.test_images, job.recipe.pixel_max))
    document = {
        "key": job.key,
        "job": job.to_json(),
        "history": history,
        "gradient_error": error,
        "test_correct": count_correct(logits, arrays.test_labels),
        "test_images": len(arrays.test_labels),
        "train_images": len(parts.train_indexes),
        "train_time_s": sum(history["epoch_time_s"]),
        "cpu_time_s": cpu_time,
        "weights_sha256": weights_digest(network),
    }

    def write(folder: Path) -> None:
        np.savez(folder / "predictions.npz", test=np.exp(log_softmax(logits)))
        np.savez(folder / "weights.npz", allow_pickle=False, **_named(network))
        (folder / DOCUMENT).write_text(
            json.dumps(document, indent=1, sort_keys=True, allow_nan=True), encoding="utf-8"
        )

    store.put(job.key, write)
    return job.key


def read(folder: Path) -> dict[str, Any]:
    """Returns the stored result in the folder of a record."""
    document: dict[str, Any] = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    return document


def weights_digest(network: Network) -> str:
    """Returns the SHA-256 over name, dtype, shape and bytes of every array."""
    sha = hashlib.sha256()
    for name, array in _named(network).items():
        sha.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def _named(network: Iterable[Dense]) -> dict[str, Floats]:
    arrays: dict[str, Floats] = {}
    for index, layer in enumerate(network, 1):
        arrays |= {f"{index}/kernel": layer.kernel, f"{index}/bias": layer.bias}
    return arrays


def _examples(arrays: Arrays, indexes: Indexes, pixel_max: float) -> Examples:
    return Examples(_scaled(arrays.train_images[indexes], pixel_max), arrays.train_labels[indexes])


def _scaled(images: Bytes, pixel_max: float) -> Floats:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(pixel_max)


def _gradient_error(network: Network, training: Examples, seed: int) -> float:
    """The gradient's relative error at the start; the finite differences are taken in float64."""
    exact = in_float64(network)
    images = training.images[:_CHECKED_IMAGES].astype(np.float64)
    kept = away_from_kinks(exact, images)
    labels = training.labels[:_CHECKED_IMAGES][kept]
    rng = np.random.default_rng([seed, _CHECK_STREAM])
    return gradient_error(exact, images[kept], labels, rng, CHECKED_ENTRIES)
