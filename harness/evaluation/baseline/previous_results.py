"""What an earlier results.json says of its networks: read whole, or refused with the place."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.evaluation.baseline import file
from harness.evaluation.baseline.benchmark_keys import Key
from harness.evaluation.baseline.benchmarks import Measurement, measurements
from harness.evaluation.baseline.network import Data, Network, Right
from harness.system import json_readers
from harness.system.json_readers import ShapeError
from reference.errors import UserError

# What a rate of training depends on, beside the network.
MACHINE = ("cpu", "cores", "threads", "workers", "tensorflow", "keras", "numpy")


@dataclass(frozen=True)
class Earlier:
    """An earlier results.json.

    Attributes:
        file: its name, for messages.
        data: None where nothing was trained.
        recipe: "gate" or "documented".
        machine: of its trainings, as `environment` has it.
        speedups: of its benchmarks.
    """

    file: str
    created: str | None
    commit: str | None
    data: Data | None
    recipe: str | None
    networks: Sequence[Network]
    machine: Mapping[str, Any] = field(default_factory=dict)
    speedups: Mapping[Key, Measurement] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return f"{self.file}, commit {self.commit}" if self.commit else self.file


def read(path: Path) -> Earlier:
    """Reads a results.json with graded networks.

    Raises:
        UserError: it cannot be read, grades no networks of the project, or contradicts itself.
    """
    document = file.read(path)
    try:
        found = _earlier(document, json_readers.clean(path.name))
    except ShapeError as error:
        raise UserError(
            f"--baseline {path}: {error}. It is no results.json as the grader writes it, or was "
            f"changed since. {file.MAKE}"
        ) from None
    if not found.networks:
        raise UserError(f"--baseline {path} holds no graded networks. {file.MAKE}")
    if document.get("submissions"):
        raise UserError(
            f"--baseline {path} holds submissions, and the project's own networks are graded: "
            f"expected the results.json of a run without --submission. {file.MAKE}"
        )
    return found


_DATASET = json_readers.record(
    name=json_readers.name,
    digest=json_readers.name,
    sizes=json_readers.record(test=json_readers.count),
)
_RUN = json_readers.record(
    seed=json_readers.count,
    correct_bitmap=json_readers.text,
    test_accuracy=json_readers.number,
    train_images_per_s=json_readers.number,
)
_SUBJECT = json_readers.record(
    id=json_readers.name,
    spec_digest=json_readers.text,
    spec=json_readers.optional(
        json_readers.record(total_params=json_readers.count, flops=json_readers.count)
    ),
    runs=json_readers.listing(_RUN),
)
_ENVIRONMENT = json_readers.mapping(lambda value, _path: value)
_DOCUMENT = json_readers.record(
    created=json_readers.text,
    dataset=json_readers.optional(_DATASET),
    recipe=json_readers.text,
    environment=_ENVIRONMENT,
    subjects=json_readers.listing(_SUBJECT),
    benchmarks=json_readers.listing(json_readers.mapping(lambda value, _path: value)),
)


def _earlier(document: Mapping[str, Any], name: str) -> Earlier:
    found = _DOCUMENT(document, "")
    dataset, environment = found["dataset"], found["environment"]
    data = dataset and Data(dataset["name"], dataset["digest"], dataset["sizes"]["test"])
    networks = [
        _network(subject, data, f"subjects[{place}]")
        for place, subject in enumerate(found["subjects"])
    ]
    ids = [network.id for network in networks]
    if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise ShapeError(f"subjects are called {', '.join(twice)} more than once")
    return Earlier(
        file=name,
        created=found["created"],
        commit=json_readers.text(environment.get("commit"), "environment.commit"),
        data=data,
        recipe=found["recipe"],
        networks=networks,
        machine={key: environment.get(key) for key in MACHINE},
        speedups=_speedups(found["benchmarks"]),
    )


def _speedups(rows: Sequence[Mapping[str, Any]]) -> dict[Key, Measurement]:
    try:
        return measurements(rows)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ShapeError(f"one of the benchmarks is not as expected ({error!r})") from None


def _network(subject: Mapping[str, Any], data: Data | None, path: str) -> Network:
    spec, runs = subject["spec"], subject["runs"]
    seeds = [run["seed"] for run in runs]
    if len(set(seeds)) < len(seeds):
        raise ShapeError(f"{path}.runs have the seeds {seeds}, but should have each once")
    if runs and data is None:
        raise ShapeError(f"{path}.runs are there, but dataset is null")
    rates = [run["train_images_per_s"] for run in runs if run["train_images_per_s"]]
    return Network(
        id=subject["id"],
        spec_digest=subject["spec_digest"],
        total_params=spec and spec["total_params"],
        flops=spec and spec["flops"],
        runs=len(runs),
        right={
            run["seed"]: _right(run, data.images, f"{path}.runs[{place}]")
            for place, run in enumerate(runs)
            if data is not None and run["correct_bitmap"] is not None
        },
        images_per_s=sum(rates) / len(rates) if rates else None,
    )


def _right(run: Mapping[str, Any], images: int, path: str) -> Right:
    """Unpacks a bitmap, which must be of so many images and agree with the accuracy beside it."""
    place = f"{path}.correct_bitmap"
    try:
        packed = base64.b64decode(run["correct_bitmap"], validate=True)
    except (binascii.Error, ValueError):
        raise ShapeError(f"{place} is not base64") from None
    length = -(-images // 8)
    if len(packed) != length:
        raise ShapeError(
            f"{place} holds {len(packed)} bytes, but should hold {length}, a bit for each of "
            f"{images:,} test images"
        )
    bits = np.unpackbits(np.frombuffer(packed, np.uint8)).astype(bool)
    count = int(bits.sum())
    if bits[images:].any() or (
        run["test_accuracy"] is not None and round(run["test_accuracy"] * images) != count
    ):
        raise ShapeError(
            f"{place} has {count:,} images read right, which is not what test_accuracy = "
            f"{run['test_accuracy']} says of {images:,}"
        )
    return bits[:images]
