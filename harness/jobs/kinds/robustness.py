"""Robustness: one trained network classifies corrupted test images, as a job and in a worker."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.data import corruptions
from harness.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from harness.data.corruptions.transforms import Images
from harness.data.digits import stratified
from harness.data.shared_arrays import open_published
from harness.jobs.kinds.base import ENGINE_VERSION, Job, OnEpoch
from harness.jobs.store import record
from harness.jobs.store.store import Store
from harness.network import spec as specs
from harness.statistics.predictions import correct
from harness.system.hashing import digest
from harness.system.source_lines import code_digest

ROBUSTNESS = "robustness"
# Raise it when a change of this file changes the numbers that it produces.
ROBUSTNESS_VERSION = 1

# So many tell an accuracy of 90 % to 3 points; why no more: docs/decisions/0016.
MAX_IMAGES = 500
# All networks and seeds classify the same images, with the same corruptions.
SEED = 0

READINGS = 1 + len(CORRUPTIONS) * len(SEVERITIES)
"""How often each image is classified: as it is, and once with each corruption and severity."""


@dataclass(frozen=True)
class RobustnessJob(Job):
    """Classify some test images as they are and with every corruption.

    Attributes:
        base: key of the trained network's record in the store.
        data_digest: which test images; those that the network was tested on.
        images: how many of them, at most.
        seed: of the corruptions.
        platform: as of `harness.jobs.kinds.base.TrainJob`.
    """

    base: str
    data_digest: str
    images: int
    seed: int
    platform: Mapping[str, object]

    kind: ClassVar[str] = ROBUSTNESS

    @property
    def key(self) -> str:
        """SHA-256 of everything that the counts depend on, the corruptions by their code.

        The engine that trained the network is in its own key.
        """
        version = [ENGINE_VERSION, ROBUSTNESS_VERSION]
        return digest({**self.to_json(), "engine": version, "code": _corruptions_digest()})


def sampled(labels: NDArray[np.uint8], most: int) -> NDArray[np.intp]:
    """Returns which of the test images, (N,) labels, are classified: at most `most`, in order.

    Each digit is among them in its proportion; the choice is the same always.
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    return np.flatnonzero(stratified(labels, most))


@cache
def _corruptions_digest() -> str:
    return code_digest(Path(corruptions.__file__).parent)


DOCUMENT = "robustness.json"


Outputs = NDArray[np.float32]


Corrupted = Mapping[str, Sequence[Images]]
"""By corruption, the same images (N, 28, 28) at each severity."""


# Relative to the largest output. Other sizes of a batch are added up in another order, which moves
# outputs by some 1e-6; other weights move them by far more.
_ROUNDING = 1e-3


def classify_corrupted(job: RobustnessJob, data: Path, store: Store, on_epoch: OnEpoch) -> str:
    """Has one network classify corrupted test images and stores the counts; returns the key.

    Raises:
        FileNotFoundError: the network's record, or the images, are not there.
        ValueError: the outputs for the clean images differ from those of the run.
        UserError: the store cannot be written.
    """
    from harness.network.engine.inference import Classifier  # noqa: PLC0415  (imports TensorFlow)

    folder = store.get(job.base)
    if folder is None:
        raise FileNotFoundError(f"no record {job.base} of a trained network in the store")
    run = record.read(folder, cached=True)
    known = _examples(data, job.data_digest, job.images, job.seed)
    weights = record.read_weights(folder)
    spec = specs.from_json(run.document["job"]["spec"])
    classifier = Classifier(spec, weights, run.recipe["pixel_max"], len(known.labels))
    own = run.predictions[known.chosen]
    check_same(classifier(known.images), own)
    document = {
        "key": job.key,
        "job": job.to_json(),
        "clean": int(correct(own, known.labels).sum()),
        **counts(classifier, known.corrupted, known.labels, on_epoch),
    }

    def write(target: Path) -> None:
        text = json.dumps(document, indent=1, sort_keys=True, allow_nan=False)
        (target / DOCUMENT).write_text(text, encoding="utf-8")

    store.put(job.key, write)
    return job.key


def read(folder: Path) -> dict[str, Any]:
    """Returns the stored result in the folder of a record."""
    document: dict[str, Any] = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    return document


def counts(
    network: Callable[[Images], Outputs],
    corrupted: Corrupted,
    labels: NDArray[np.uint8],
    on_epoch: OnEpoch = lambda _: None,
) -> dict[str, Any]:
    """Returns how many of the corrupted images a network classifies correctly.

    Args:
        labels: of the images, (N,).
        on_epoch: told of each corruption that is done, as a training tells of its epochs.

    Returns:
        "images": N. "correct": by corruption, a count for each severity. "misread": for each
        image, under how many of all corruptions it was misclassified.
    """
    found: dict[str, list[int]] = {}
    misclassified = np.zeros(len(labels), dtype=int)
    for name, levels in corrupted.items():
        found[name] = []
        for images in levels:
            right = correct(network(images), labels)
            found[name].append(int(right.sum()))
            misclassified += ~right
        on_epoch({"epoch": len(found), "epochs": len(corrupted)})
    return {"images": len(labels), "correct": found, "misread": misclassified.tolist()}


def corrupt_all(images: Images, seed: int) -> Corrupted:
    """Returns images, (N, 28, 28), with every corruption at each severity."""
    return {
        name: [corrupt(images, name, severity, seed) for severity in SEVERITIES]
        for name in CORRUPTIONS
    }


def check_same(found: Outputs, expected: Outputs) -> None:
    """Checks that the outputs for clean images, and so the weights, are those of the run.

    Raises:
        ValueError: they differ by more than rounding.
    """
    finite = np.abs(expected[np.isfinite(expected)])
    allowed = _ROUNDING * max(1.0, float(finite.max(initial=0.0)))
    if not np.allclose(found, expected, rtol=0, atol=allowed, equal_nan=True):
        worst = np.nanmax(np.abs(found - expected))
        raise ValueError(
            f"the outputs for the clean images differ from those of the run by {worst:.3g}; "
            f"expected at most {allowed:.3g}. These are not the weights of the run"
        )


@dataclass(frozen=True)
class _Examples:
    """The images that every network classifies.

    Attributes:
        chosen: which of the test images these are.
    """

    chosen: NDArray[np.intp]
    images: Images
    labels: NDArray[np.uint8]
    corrupted: Corrupted


@lru_cache(maxsize=1)
def _examples(data: Path, digest: str, most: int, seed: int) -> _Examples:
    """Kept by a worker, 16 MB: one network after another classifies the same images."""
    arrays = open_published(data, digest)
    chosen = sampled(np.asarray(arrays.test_labels), most)
    images, labels = arrays.test_images[chosen], arrays.test_labels[chosen]
    return _Examples(chosen, images, labels, corrupt_all(images, seed))
