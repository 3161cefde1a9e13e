"""What an earlier results.json says of its networks: read whole, or refused with the place."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from harness.evaluation.baseline.benchmarks import Key, Measurement, measurements
from harness.evaluation.baseline.model import Correct, Data, Network
from harness.evaluation.results.files import read_baseline
from harness.report.schema.results import Results, Run, Subject
from harness.report.schema.values import clean
from reference.errors import UserError

# What a rate of training depends on, beside the network.
MACHINE = ("cpu", "cores", "threads", "workers", "tensorflow", "keras", "numpy")
MAKE = "`pytest checks/` writes reports/latest/results.json; copy it to keep it."


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
    machine: Mapping[str, object] = field(default_factory=dict)
    speedups: Mapping[Key, Measurement] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return f"{self.file}, commit {self.commit}" if self.commit else self.file


def read(path: Path) -> Earlier:
    """Reads a results.json with graded networks.

    Raises:
        UserError: it cannot be read, grades no networks of the project, or contradicts itself.
    """
    document = read_baseline(path, MAKE)
    try:
        found = _earlier(document, clean(path.name))
    except _ContradictionError as error:
        raise UserError(
            f"--baseline {path}: {error}. The grader does not write such a results.json; it may "
            f"have been changed since. {MAKE}"
        ) from None
    if not found.networks:
        raise UserError(f"--baseline {path} holds no graded networks. {MAKE}")
    if document.submissions:
        raise UserError(
            f"--baseline {path} holds submissions, and the project's own networks are graded: "
            f"expected the results.json of a run without --submission. {MAKE}"
        )
    return found


class _ContradictionError(Exception):
    """A value is missing that all graded networks have, or two values contradict each other."""


def _null(place: str) -> NoReturn:
    raise _ContradictionError(f"{place} is null, but should be known")


def _earlier(document: Results, name: str) -> Earlier:
    data = _data(document)
    networks = [
        _network(subject, data, f"subjects[{place}]")
        for place, subject in enumerate(document.subjects)
    ]
    ids = [network.id for network in networks]
    if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise _ContradictionError(f"subjects are called {', '.join(twice)} more than once")
    try:
        speedups = measurements(document.benchmarks)
    except ValueError as error:
        raise _ContradictionError(f"one of the benchmarks is not as expected ({error})") from None
    return Earlier(
        file=name,
        created=document.created,
        commit=document.environment.commit,
        data=data,
        recipe=document.recipe,
        networks=networks,
        machine={key: getattr(document.environment, key) for key in MACHINE},
        speedups=speedups,
    )


def _data(document: Results) -> Data | None:
    dataset = document.dataset
    if dataset.name is None:
        return None
    if dataset.sizes.test is None or dataset.sizes.test < 0:
        raise _ContradictionError(
            f"dataset.sizes.test is {'null' if dataset.sizes.test is None else 'negative'}, but "
            "should be the number of test images"
        )
    return Data(dataset.name, dataset.digest or _null("dataset.digest"), dataset.sizes.test)


def _network(subject: Subject, data: Data | None, path: str) -> Network:
    seeds = [
        _null(f"{path}.runs[{place}].seed") if run.seed is None else run.seed
        for place, run in enumerate(subject.runs)
    ]
    if len(set(seeds)) < len(seeds):
        raise _ContradictionError(f"{path}.runs have the seeds {seeds}, but should have each once")
    if seeds and data is None:
        raise _ContradictionError(f"{path}.runs are there, but dataset is null")
    rates = [run.train_images_per_s for run in subject.runs if run.train_images_per_s]
    flops = subject.spec.flops if subject.spec else None
    return Network(
        id=subject.id,
        spec_digest=subject.spec_digest,
        total_params=subject.spec.total_params if subject.spec else None,
        flops=None if flops is None else int(flops),
        runs=len(seeds),
        correct={
            seed: _correct(run, run.correct_bitmap, data.images, f"{path}.runs[{place}]")
            for place, (seed, run) in enumerate(zip(seeds, subject.runs, strict=True))
            if data is not None and run.correct_bitmap is not None
        },
        images_per_s=sum(rates) / len(rates) if rates else None,
    )


def _correct(run: Run, bitmap: str, images: int, path: str) -> Correct:
    """Unpacks a bitmap, which must be of so many images and agree with the accuracy beside it."""
    place = f"{path}.correct_bitmap"
    try:
        packed = base64.b64decode(bitmap, validate=True)
    except (binascii.Error, ValueError):
        raise _ContradictionError(f"{place} is not base64") from None
    length = -(-images // 8)
    if len(packed) != length:
        raise _ContradictionError(
            f"{place} holds {len(packed)} bytes, but should hold {length}, a bit for each of "
            f"{images:,} test images"
        )
    bits = np.unpackbits(np.frombuffer(packed, np.uint8)).astype(bool)
    count = int(bits.sum())
    accuracy = run.test_accuracy
    if bits[images:].any() or (accuracy is not None and round(accuracy * images) != count):
        raise _ContradictionError(
            f"{place} has {count:,} correctly classified images, but test_accuracy = {accuracy} "
            f"of {images:,}"
        )
    return bits[:images]
