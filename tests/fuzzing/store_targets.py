"""What lies in the store: records, what was measured of them, and the list that guards each."""

import base64
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from harness.app import trained_network
from harness.data import MNIST_DIGEST
from harness.jobs.cluster import address
from harness.jobs.kinds import evaluate, verify
from harness.jobs.kinds.evaluate import EVALUATION
from harness.jobs.kinds.train import TrainJob
from harness.jobs.store import record
from harness.jobs.store.record import PROBE_IMAGES
from harness.jobs.store.store import Store
from harness.network import documented
from reference import facts
from reference.errors import UserError
from tests.fuzzing.data_targets import _bad_letters, _npy
from tests.fuzzing.formats import ARCHIVE, JSON, archive
from tests.fuzzing.network_targets import BAD_JSON
from tests.fuzzing.target import Target, as_file, scratch

_FACTS = facts.load("mlp_64_32")
_REFUSED = (OSError, ValueError)


def _document() -> dict[str, object]:
    recipe = documented.recipe_for(_FACTS, "documented", None)
    job = TrainJob(documented.documented_spec(_FACTS), recipe, "mnist", MNIST_DIGEST, 0, {})
    return {
        "schema": 1, "key": job.key, "job": job.to_json(), "test_correct": 9_700,
        "history": {"loss": [0.1, float("nan")], "val_accuracy": [0.9, 0.91]},
        "test_images": 10_000, "train_images": 48_000, "train_time_s": 1.5, "stopped": "epochs",
        "weights_sha256": "0" * 64, "early_weights_sha256": "1" * 64,
    }  # fmt: skip


def _records() -> Mapping[str, bytes]:
    return {"a training": json.dumps(_document()).encode()}


def _bad_records() -> Mapping[str, bytes]:
    whole = _document()
    return {
        **BAD_JSON,
        "a list": b"[]",
        "no job": json.dumps(whole | {"job": None}).encode(),
        "a seed that is text": _records()["a training"].replace(b'"seed": 0', b'"seed": "0"'),
        "no history": json.dumps(whole | {"history": [1]}).encode(),
        "a curve that is a number": json.dumps(whole | {"history": {"loss": 1}}).encode(),
    }


def _read_record(data: bytes) -> None:
    as_file(data, "record.json")
    read = record.read(scratch(), cached=True)
    assert isinstance(read.key, str)
    assert type(read.seed) is int
    assert all(isinstance(column, list) for column in read.history.values())
    assert read.recipe["pixel_max"] is not Ellipsis


def _read_candidate(data: bytes) -> None:
    """As the commands that predict look for a network: what is no record is passed over."""
    root = scratch() / "candidates"
    folder = root / "records" / "00" / "00aa"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_bytes(data)
    for _, document in trained_network._documents(Store(root)):
        place = trained_network._rank(document, _FACTS, "mnist", MNIST_DIGEST)
        assert place is None or (place[0] in {0, 1} and type(place[1]) is int)


# Arrays of a record ------------------------------------------------------------------------------


def _archives(name: str) -> Mapping[str, bytes]:
    values = _npy(np.zeros((PROBE_IMAGES, 10), np.float32))
    return {
        "packed": archive((f"{name}.npy", values), level=9),
        "stored": archive((f"{name}.npy", values), method=zipfile.ZIP_STORED),
    }


def _read_outputs(data: bytes) -> None:
    as_file(data, "predictions.npz")
    assert isinstance(record.Record(scratch(), {}, cached=True).predictions, np.ndarray)


def _read_weights(data: bytes) -> None:
    as_file(data, "weights.npz")
    document = {"job": {"spec": {"nodes": [{}, {}]}}}
    found = record.Record(scratch(), document, cached=True).weights
    assert all(isinstance(array, np.ndarray) for node in found for array in node.values())


# What was measured -------------------------------------------------------------------------------


def _verifications() -> Mapping[str, bytes]:
    outputs = base64.b64encode(np.zeros((PROBE_IMAGES, 10), "<f4").tobytes()).decode()
    document = {"keras_file": outputs, "npz_file": outputs, "early_weights_sha256": "1" * 64}
    return {"a verification": json.dumps(document).encode()}


def _bad_verifications() -> Mapping[str, bytes]:
    whole = _verifications()["a verification"]
    return {
        **BAD_JSON,
        "no outputs": b'{"keras_file": "", "npz_file": "", "early_weights_sha256": ""}',
        "no hash": whole.replace(b'"' + b"1" * 64 + b'"', b"null"),
        "half a number": whole.replace(b"AAAA", b"", 1),
    }


def _read_verification(data: bytes) -> None:
    as_file(data, verify.STORED)
    read = verify.stored(scratch())
    for outputs in (read.keras_file, read.npz_file):
        assert outputs.ndim == 2
        assert len(outputs) == PROBE_IMAGES
        assert outputs.size
    assert isinstance(read.early_weights, str)


def _evaluations() -> Mapping[str, bytes]:
    return {"counts": b'{"correct": [9700, 980], "scales": [255.0, 1.0], "test_images": 10000}'}


def _bad_evaluations() -> Mapping[str, bytes]:
    return {
        **BAD_JSON,
        "no counts": b'{"correct": [], "test_images": 10}',
        "more than there are": b'{"correct": [11], "test_images": 10}',
        "below zero": b'{"correct": [-1], "test_images": 10}',
        "true": b'{"correct": [true], "test_images": true}',
        "none at all": b'{"correct": [0], "test_images": 0}',
    }


def _read_evaluation(data: bytes) -> None:
    correct, total = evaluate.read_counts(as_file(data, EVALUATION))
    assert evaluate.OwnAccuracy(max(correct), total).interval[0] >= 0
    assert all(0 <= count <= total for count in correct)


# The manifest ------------------------------------------------------------------------------------


_KEY = "0" * 64


def _place() -> Path:
    return Store(scratch() / "store").folder(_KEY)


def _manifests() -> Mapping[str, bytes]:
    sums = {"a.bin": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"}
    return {"of one file": json.dumps({"key": _KEY, "sha256": sums}).encode()}


def _bad_manifests() -> Mapping[str, bytes]:
    return {
        **BAD_JSON,
        "of none": b"{}",
        "of another content": _manifests()["of one file"].replace(b"ca97", b"da97"),
        "of a file elsewhere": _manifests()["of one file"].replace(b"a.bin", b"../../etc/passwd"),
        "of another record": _manifests()["of one file"].replace(b'"000', b'"100'),
        "of names": b'{"key": "%s", "sha256": ["a.bin"]}' % _KEY.encode(),
    }


def _read_manifest(data: bytes) -> None:
    folder = _place()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.bin").write_bytes(b"a")
    (folder / "manifest.json").write_bytes(data)
    if Store(scratch() / "store").get(folder.name) is None:
        raise ValueError("set aside")
    assert json.loads(data.decode("utf-8-sig")) == json.loads(_manifests()["of one file"])


# Where a cluster is ------------------------------------------------------------------------------


def _schedulers() -> Mapping[str, bytes]:
    return {"Dask's": b'{"type": "Scheduler", "id": "s", "address": "tls://10.0.0.5:8786"}'}


def _bad_schedulers() -> Mapping[str, bytes]:
    return {
        **BAD_JSON,
        "a number": b'{"address": 7}',
        "no port": b'{"address": "tcp://a"}',
        "a bracket": b'{"address": "tcp://[::1:8786"}',
    }


def _read_scheduler(data: bytes) -> None:
    found = address.parse(as_file(data, "scheduler.json").name, scratch())
    assert found.url
    assert isinstance(found.encrypted, bool)
    assert isinstance(found.on_this_machine, bool)


TARGETS = (
    Target("records", _read_record, _records, _bad_records, _REFUSED, JSON),
    Target("records to choose from", _read_candidate,
           lambda: {**_records(), **_bad_records()}, format=JSON, share=0.5),
    Target("outputs of a record", _read_outputs, lambda: _archives("test"), _bad_letters,
           (UserError,), ARCHIVE, share=0.5),
    Target("weights of a record", _read_weights, lambda: _archives("000/kernel"), _bad_letters,
           (UserError,), ARCHIVE, share=0.5),
    Target("verifications", _read_verification, _verifications, _bad_verifications, _REFUSED, JSON),
    Target("evaluations", _read_evaluation, _evaluations, _bad_evaluations, _REFUSED, JSON),
    Target("scheduler files", _read_scheduler, _schedulers, _bad_schedulers, format=JSON,
           share=0.5),
    Target("manifests", _read_manifest, _manifests, _bad_manifests, _REFUSED, JSON, share=0.5),
)  # fmt: skip
