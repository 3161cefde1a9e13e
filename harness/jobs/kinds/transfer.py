"""The transfer of one trained network to the Greek letters, as a job."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from harness.data.letters import open_letters
from harness.jobs.kinds.base import ENGINE_VERSION, Job, OnEpoch
from harness.jobs.store import record
from harness.jobs.store.store import Store
from harness.network import spec as specs
from harness.network.recipe import Recipe
from harness.system.hashing import digest

TRANSFER = "transfer"
# Raise it when a change of harness/network/engine/transfer.py changes the numbers that it produces.
TRANSFER_VERSION = 1


@dataclass(frozen=True)
class TransferJob(Job):
    """Give a trained network a new last layer and train that alone, on published letters.

    Attributes:
        base: key of the trained network's record in the store.
        letters: digest of the letters that are trained on (`harness.data.letters`).
        test_letters: digest of letters that are only read; None for none.
        optimizer: key of `harness.network.engine.optimizers.OPTIMIZERS`.
        seed: of the new layer's initial weights and of the order of the letters.
        platform: as of `harness.jobs.kinds.base.TrainJob`.
    """

    base: str
    letters: str
    test_letters: str | None
    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    seed: int
    platform: Mapping[str, object]

    kind: ClassVar[str] = TRANSFER

    @property
    def key(self) -> str:
        """SHA-256 of everything that the numbers depend on.

        The engine that trained the base is in the base's key.
        """
        return digest({**self.to_json(), "engine": [ENGINE_VERSION, TRANSFER_VERSION]})


TRANSFER_FILE = "transfer.json"


def transfer(job: TransferJob, data: Path, store: Store, on_epoch: OnEpoch) -> str:
    """Does one transfer and stores what came of it; returns the key.

    Raises:
        FileNotFoundError: the base network's record is not there.
        UserError: the store cannot be written, or the network's last layer cannot be replaced.
    """
    from harness.network.engine import transfer as engine  # noqa: PLC0415  (imports TensorFlow)

    folder = store.get(job.base)
    if folder is None:
        raise FileNotFoundError(f"no record {job.base} of a trained network in the store")
    base = record.read(folder, cached=True)
    weights = record.read_weights(folder)
    letters = open_letters(data, job.letters)
    test = None if job.test_letters is None else open_letters(data, job.test_letters)
    done = engine.transfer(
        engine.Base(specs.from_json(base.document["job"]["spec"]), weights),
        letters,
        test,
        Recipe(
            optimizer=job.optimizer,
            learning_rate=job.learning_rate,
            loss="categorical_crossentropy",
            batch_size=job.batch_size,
            epochs=job.epochs,
            validation_images=0,
            pixel_max=base.recipe["pixel_max"],
        ),
        job.seed,
        lambda epoch, row: on_epoch({"epoch": epoch, "epochs": job.epochs, **row}),
    )
    document = {
        "key": job.key,
        "job": job.to_json(),
        **asdict(done),
        "labels": letters.labels.tolist(),
        "test_labels": None if test is None else test.labels.tolist(),
    }

    def write(target: Path) -> None:
        text = json.dumps(document, indent=1, sort_keys=True, allow_nan=False)
        (target / TRANSFER_FILE).write_text(text, encoding="utf-8")

    store.put(job.key, write)
    return job.key
