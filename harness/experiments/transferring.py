"""A worker's side of a transfer: the base network and the letters in, transfer.json out."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from harness import record
from harness.data.letters import open_letters
from harness.experiments.transfer_job import TransferJob
from harness.network import spec as specs
from harness.network.recipe import Recipe
from harness.store import Store

TRANSFER_FILE = "transfer.json"


def transfer(
    job: TransferJob, data: Path, store: Store, on_epoch: Callable[[dict[str, Any]], None]
) -> str:
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
    with np.load(folder / "weights.npz", allow_pickle=False) as file:
        weights = {name: file[name] for name in file.files}
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
