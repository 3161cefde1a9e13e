"""A trained network to predict with: taken from the store, or trained once, as in grading.

`reference.forward` predicts, in NumPy: importing TensorFlow takes longer (5 s) than classifying a
thousand images without it (3 s with `deep_cnn`). The tests compare its outputs with Keras's. No
saved model is opened: a record holds JSON and arrays.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import DIGITS_DIGEST, MNIST_DIGEST, DataRequest, Dataset, load, publish
from harness.jobs import planning
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.local.workers import Workers
from harness.jobs.progress import Progress
from harness.jobs.run_once import RunOnce
from harness.jobs.runner import Runs
from harness.jobs.store import maintenance, record
from harness.jobs.store.locks import Locks
from harness.jobs.store.record import Record
from harness.jobs.store.store import Store
from harness.network import documented
from harness.network import spec as specs
from harness.network.cost import time_limit
from harness.network.recipe import trained_images
from harness.system.machine import cores
from harness.system.strict_json import parse
from reference import calibration
from reference.errors import UserError
from reference.facts import Facts
from reference.forward import forward
from reference.layers import Network

Images = NDArray[np.uint8]
Weights = tuple[Mapping[str, NDArray[np.float32]], ...]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A documented network with weights.

    Attributes:
        architecture: its name.
        network: as it was trained.
        weights: as of `Record.weights`.
        pixel_max: pixels are divided by this.
        record: the run that the weights are from; its files may be deleted.
    """

    architecture: str
    network: Network
    weights: Weights
    pixel_max: float
    record: Record

    def predict(self, images: Images) -> NDArray[np.float64]:
        """Returns the probability of each digit, (N, 10), for images (N, 28, 28), ink is 255."""
        shape = self.network.nodes[0].config["shape"]
        scaled = images.reshape(len(images), *shape) / self.pixel_max
        return forward(self.network, self.weights, scaled)[:, :10]

    @property
    def origin(self) -> str:
        """Returns the origin of the weights: "deep_cnn, 10 epochs on mnist, seed 0"."""
        job = self.record.document["job"]
        epochs = len(self.record.history["loss"])
        count = f"{epochs} {'epoch' if epochs == 1 else 'epochs'}"
        return f"{self.architecture}, {count} on {job['dataset']}, seed {job['seed']}"


def trained_network(facts: Facts, request: DataRequest, store: Store, tell: Tell) -> Trained:
    """Returns a documented network with the weights of a finished run; trains it if there is none.

    Args:
        request: `cache_dir` is the store's own folder of data.
        tell: shows a line to the user.

    Raises:
        UserError: the data cannot be loaded, the store cannot be written, or training fails.
    """
    # A network in the store needs no data.
    known = ("digits", DIGITS_DIGEST) if request.dataset == "digits" else ("mnist", MNIST_DIGEST)
    if found := _stored(facts, store, *known):
        return found
    dataset = load(request, tell)
    if dataset.note:
        tell(dataset.note)
    found = _stored(facts, store, dataset.name, dataset.digest)
    return found or _train(facts, dataset, request.cache_dir, store, tell)


def _stored(facts: Facts, store: Store, dataset: str, digest: str) -> Trained | None:
    """Returns the best finished run, or None; skips damaged ones."""
    candidates = sorted(
        (rank, key)
        for key, document in _documents(store)
        if (rank := _rank(document, facts, dataset, digest)) is not None
    )
    for _, key in candidates:
        folder = store.get(key, partial(record.read, cached=True))
        if folder is not None:
            with suppress(FileNotFoundError):  # another run with --fresh has just deleted it
                return _opened(facts, record.read(folder, cached=True))
    return None


def _documents(store: Store) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields every training record in the store with its key; moves unreadable ones aside."""
    for path in (store.root / "records").glob("*/*/record.json"):
        try:
            document = parse(path.read_bytes(), strict=False)
        except (OSError, ValueError):
            store.get(path.parent.name)  # moves it aside and reports it
            continue
        yield path.parent.name, document


def _rank(
    document: Mapping[str, Any], facts: Facts, dataset: str, digest: str
) -> tuple[int, int] | None:
    """Returns a run's rank, the smallest first; None if it is unsuitable.

    A run of the whole documented recipe comes before one that stopped at the gate, and a lower seed
    before a higher one. Test accuracies are ignored: choosing by them would bias them. Runs of any
    other recipe, such as those of studies, are unsuitable.
    """
    try:
        job = document["job"]
        if job["data_digest"] != digest:
            return None
        known = calibration.load(dataset)
        recipes = [documented.recipe_for(facts, name, known) for name in ("documented", "gate")]
        place = [recipe.to_json() for recipe in recipes].index(job["recipe"])
        if specs.from_json(job["spec"]).digest != documented.documented_spec(facts).digest:
            return None
        return (place, job["seed"]) if type(job["seed"]) is int else None
    except (KeyError, TypeError, ValueError, UserError):
        return None


def _opened(facts: Facts, run: Record) -> Trained:
    job = run.document["job"]
    network = specs.from_json(job["spec"]).network
    # Reads the weights now: another run with --fresh may delete the record.
    return Trained(facts.name, network, run.weights, float(job["recipe"]["pixel_max"]), run)


def _train(facts: Facts, dataset: Dataset, data: Path, store: Store, tell: Tell) -> Trained:
    """Trains a network with the gate recipe, as in grading, and stores the record.

    Raises:
        UserError: the training fails.
    """
    recipe = documented.recipe_for(facts, "gate", calibration.load(dataset.name))
    (job,) = planning.jobs_for(documented.documented_spec(facts), recipe, dataset, 1, facts)
    size = prod(dataset.train_labels.shape)
    folder = store.get(job.key)  # a record with an unreadable job is moved aside
    if folder is not None:
        return _opened(facts, record.read(folder, cached=True))
    tell(
        f"{facts.name} has not been trained on {dataset.name} yet: training it on {size:,} "
        f"images, only this time (the result is stored in {store.root})"
    )
    progress = Progress(tell)

    def on_event(_job: object, event: Mapping[str, Any]) -> None:
        if event["event"] == "epoch":
            progress.update(job.key, event["epoch"], event["val_accuracy"])

    with Locks(store.root, progress.note) as locks:
        publish(dataset, data, tell)
        logs = maintenance.logs(store.root, locks.place())
        workers = Workers(1, data, store.root, logs, on_event)
        runs = Runs(RunOnce(store, locks, progress.note), data, workers, progress, fresh=False)
        images = trained_images(recipe, size)
        limit = time_limit(job.spec.network, recipe, images, workers=cores())
        try:
            run = progress.wait(runs.train(job, f"{dataset.name} seed {job.seed}", 0.0, limit))
        except JobFailed as error:
            raise UserError(f"{facts.name} could not be trained: {error}") from error
        finally:
            runs.stop()
            workers.stop()
            runs.wait()
        return _opened(facts, run)
