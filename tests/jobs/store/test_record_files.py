"""What a run left behind is read as its worker wrote it, or said to be something else."""

import base64
import io
import json
import re
import zipfile

import numpy as np
import pytest

from harness.jobs.kinds import evaluate, verify
from harness.jobs.store import record
from harness.jobs.store.record import PROBE_IMAGES
from reference.errors import UserError

RECIPE = {"pixel_max": 255.0, "epochs": 2}
DOCUMENT = {
    "key": "k",
    "job": {"seed": 3, "recipe": RECIPE, "spec": {"nodes": [{}]}},
    "history": {"loss": [0.5, float("nan")]},
}


@pytest.fixture
def folder(tmp_path):
    def make(document):
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        (tmp_path / "record.json").write_bytes(text)
        return tmp_path

    return make


def test_a_record_is_read_though_a_loss_is_no_number(folder):
    found = record.read(folder(DOCUMENT), cached=True)
    assert (found.key, found.seed, found.recipe) == ("k", 3, RECIPE)
    assert np.isnan(found.history["loss"][1])


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[" * 100_000,
        [],
        DOCUMENT | {"key": 7},
        DOCUMENT | {"job": None},
        DOCUMENT | {"job": DOCUMENT["job"] | {"seed": "3"}},
        DOCUMENT | {"job": DOCUMENT["job"] | {"recipe": {}}},
        DOCUMENT | {"job": DOCUMENT["job"] | {"spec": {"nodes": {}}}},
        DOCUMENT | {"history": [1]},
        DOCUMENT | {"history": {"loss": 1}},
    ],
)
def test_what_is_no_record_is_said_to_be_none(folder, document):
    with pytest.raises(ValueError, match=r"^is |this is not the record of a training"):
        record.read(folder(document), cached=True)


def _archive_of_texts():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("test.npy", b"no array")
        archive.writestr("0/kernel.npy", b"no array")
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x05\x00{'de(", _archive_of_texts()],
    ids=["empty", "cut off", "one array", "texts"],
)
def test_damaged_arrays_are_named(folder, content):
    found = record.read(folder(DOCUMENT), cached=True)
    for name in ("predictions.npz", "weights.npz"):
        (found.folder / name).write_bytes(content)
    with pytest.raises(UserError, match=r"predictions\.npz was removed or damaged"):
        _ = found.predictions
    with pytest.raises(UserError, match=r"weights\.npz was removed or damaged"):
        _ = found.weights


# What was measured of it -------------------------------------------------------------------------


def _outputs(count):
    return base64.b64encode(np.zeros(count, "<f4").tobytes()).decode()


def _verification(**changes):
    whole = _outputs(PROBE_IMAGES * 10)
    return {"keras_file": whole, "npz_file": whole, "early_weights_sha256": "0" * 64} | changes


def test_a_verification_is_read_again(tmp_path):
    (tmp_path / verify.STORED).write_text(json.dumps(_verification()))
    assert verify.stored(tmp_path).keras_file.shape == (PROBE_IMAGES, 10)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        _verification(keras_file=_outputs(0)),
        _verification(keras_file=_outputs(PROBE_IMAGES + 1)),
        _verification(npz_file="?"),
        _verification(npz_file=None),
        _verification(early_weights_sha256=None),
    ],
)
def test_what_is_no_verification_is_said_to_be_none(tmp_path, document):
    (tmp_path / verify.STORED).write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"\w"):
        verify.stored(tmp_path)


def test_counts_are_read_again(tmp_path):
    (tmp_path / "e").write_text('{"correct": [9, 1], "test_images": 10}')
    assert evaluate.read_counts(tmp_path / "e") == ([9, 1], 10)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"correct": [], "test_images": 10},
        {"correct": [11], "test_images": 10},
        {"correct": [-1], "test_images": 10},
        {"correct": [True], "test_images": 10},
        {"correct": [0], "test_images": 0},
        {"correct": [1], "test_images": "10"},
    ],
)
def test_what_are_no_counts_is_said_to_be_none(tmp_path, document):
    (tmp_path / "e").write_text(json.dumps(document))
    named = re.escape(str(tmp_path / "e"))
    with pytest.raises(ValueError, match=rf"^{named}: this is not a count"):
        evaluate.read_counts(tmp_path / "e")
