"""A worker's side: a trained network and test images in, robustness.json out."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import record
from harness.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from harness.corruptions.draws import Images
from harness.data.arrays import open_published
from harness.measures import correct
from harness.network import spec as specs
from harness.robustness.job import RobustnessJob, sampled
from harness.store import Store

DOCUMENT = "robustness.json"

Outputs = NDArray[np.float32]

# Relative to the largest output. Other sizes of a batch are added up in another order, which moves
# outputs by some 1e-6; other weights move them by far more.
_ROUNDING = 1e-3


def read_altered(
    job: RobustnessJob, data: Path, store: Store, on_epoch: Callable[[dict[str, Any]], None]
) -> str:
    """Has one network read its altered test images and stores the counts; returns the key.

    Raises:
        FileNotFoundError: the network's record, or the images, are not there.
        ValueError: the network does not read the unaltered images as its run did.
        UserError: the store cannot be written.
    """
    from harness.engine.reader import Reader  # noqa: PLC0415  (imports TensorFlow)

    folder = store.get(job.base)
    if folder is None:
        raise FileNotFoundError(f"no record {job.base} of a trained network in the store")
    run = record.read(folder, cached=True)
    arrays = open_published(data, job.data_digest)
    chosen = sampled(np.asarray(arrays.test_labels), job.images)
    images, labels = arrays.test_images[chosen], arrays.test_labels[chosen]
    with np.load(folder / "weights.npz", allow_pickle=False) as file:
        weights = {name: file[name] for name in file.files}
    spec = specs.from_json(run.document["job"]["spec"])
    reader = Reader(spec, weights, run.recipe["pixel_max"], len(images))
    own = run.predictions[chosen]
    check_same(reader(images), own)
    document = {
        "key": job.key,
        "job": job.to_json(),
        "clean": int(correct(own, labels).sum()),
        **counts(reader, images, labels, job.seed, on_epoch),
    }

    def write(target: Path) -> None:
        text = json.dumps(document, indent=1, sort_keys=True, allow_nan=False)
        (target / DOCUMENT).write_text(text, encoding="utf-8")

    store.put(job.key, write)
    return job.key


def read(folder: Path) -> dict[str, Any]:
    """Returns what a job left in its folder of the store."""
    document: dict[str, Any] = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
    return document


def counts(
    network: Callable[[Images], Outputs],
    images: Images,
    labels: NDArray[np.uint8],
    seed: int,
    on_epoch: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Returns how many of the altered images, (N, 28, 28), a network reads right.

    Args:
        on_epoch: told of each corruption that is done, as a training tells of its epochs.

    Returns:
        "images": N. "correct": by corruption, a count for each severity. "misread": for each
        image, in how many of all the alterations it was misread.
    """
    found: Mapping[str, list[int]] = {name: [] for name in CORRUPTIONS}
    misread = np.zeros(len(labels), dtype=int)
    for number, (name, known) in enumerate(found.items(), 1):
        for severity in SEVERITIES:
            right = correct(network(corrupt(images, name, severity, seed)), labels)
            known.append(int(right.sum()))
            misread += ~right
        on_epoch({"epoch": number, "epochs": len(found)})
    return {"images": len(labels), "correct": found, "misread": misread.tolist()}


def check_same(found: Outputs, expected: Outputs) -> None:
    """Holds the outputs for unaltered images to those of the run, which shows what was loaded.

    Raises:
        ValueError: they differ by more than rounding.
    """
    finite = np.abs(expected[np.isfinite(expected)])
    allowed = _ROUNDING * max(1.0, float(finite.max(initial=0.0)))
    if not np.allclose(found, expected, rtol=0, atol=allowed, equal_nan=True):
        worst = np.nanmax(np.abs(found - expected))
        raise ValueError(
            f"outputs for the unaltered images differ from those of the run by {worst:.3g}, but "
            f"should by no more than {allowed:.3g}: these are not the weights of the run"
        )
