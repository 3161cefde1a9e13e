"""Data sets as files: IDX, npz, OpenML's table, and arrays that we published ourselves."""

import gzip
import io
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Mapping
from unittest.mock import patch
from urllib.request import Request

import numpy as np

from harness.data import openml
from harness.data.dataset import PARTS, Arrays, digest
from harness.data.download import Network, Unavailable
from harness.data.folder import read_archive
from harness.data.idx import read_idx
from harness.data.letters import Letters, open_letters
from harness.data.npz import MEMBERS, write_npz
from harness.data.shared_arrays import open_published
from tests.fuzzing.formats import ARCHIVE, ARRAY, CSV, GZIP, archive
from tests.fuzzing.target import Limits, Target, as_file, scratch
from tests.support.data_files import identity_of, synthetic_parts
from tests.support.openml_answers import QUALITIES, answers, arff

SMALL = synthetic_parts(12, 3)
IDENTITY = identity_of(SMALL)


# IDX ---------------------------------------------------------------------------------------------


def _idx(dimensions: int) -> Target:
    shape = (3, 28, 28)[:dimensions]
    header = struct.pack(f">HBB{dimensions}I", 0, 8, dimensions, *shape)
    plain = header + bytes(range(250)) * 10

    def valid() -> Mapping[str, bytes]:
        whole = plain[: len(header) + int(np.prod(shape))]
        return {"plain": whole, "packed": gzip.compress(whole, mtime=0)}

    def hostile() -> Mapping[str, bytes]:
        huge = struct.pack(f">HBB{dimensions}I", 0, 8, dimensions, 2**31, *shape[1:])
        zeros = gzip.compress(huge + bytes(300 << 20), 1, mtime=0)
        return {
            "2^31 images": huge,
            "2^31 images of which some are there": huge + bytes(100_000),
            "300 MB of zeros in 1.4 MB": zeros,
            "sizes of zero": header[:4] + bytes(4 * dimensions),
            "255 dimensions": b"\0\0\x08\xff" + b"\0\0\0\x01" * 255,
            "floats": b"\0\0\x0d" + plain[3:],
            "two members": gzip.compress(plain[:9]) * 2,
        }

    def read(data: bytes) -> None:
        array = read_idx(as_file(data), dimensions)
        whole = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        sizes = struct.pack(f">HBB{dimensions}I", 0, 8, dimensions, *array.shape)
        assert (array.ndim, array.dtype) == (dimensions, np.uint8)
        assert sizes + array.tobytes() == whole

    name = "IDX images" if dimensions == 3 else "IDX labels"
    return Target(name, read, valid, hostile, format=GZIP, limits=Limits(megabytes=600))


# npz ---------------------------------------------------------------------------------------------


def _npy(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version, allow_pickle=True)
    return stream.getvalue()


def _header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


_BYTES = "{'descr': '|u1', 'fortran_order': False, 'shape': %s}"


def _with(part: str, content: bytes, **how: int) -> bytes:
    members = {f"{MEMBERS[name]}.npy": _npy(array) for name, array in SMALL.items()}
    return archive(*(members | {f"{MEMBERS[part]}.npy": content}).items(), **how)


def _archives() -> Mapping[str, bytes]:
    images = np.asfortranarray(SMALL["train_images"])
    labels = SMALL["train_labels"]
    return {
        "as Keras has it": write_npz(SMALL),
        "stored": _with("train_labels", _npy(labels.astype(np.int64)), method=zipfile.ZIP_STORED),
        "by columns": _with("train_images", _npy(images)),
        "version 2": _with("test_labels", _npy(SMALL["test_labels"], (2, 0))),
        "LZMA": _with("train_labels", _npy(labels), method=zipfile.ZIP_LZMA),
        "bzip2": _with("train_labels", _npy(labels), method=zipfile.ZIP_BZIP2),
    }


def _bad_archives() -> Mapping[str, bytes]:
    shape = _BYTES % "(12, 28, 28)"
    return {
        "pickled objects": _with("train_labels", _npy(np.array([None, {}, 1], object))),
        "no header": _with("train_labels", b""),
        "a promise of 2^63 images": _with(
            "train_images", _header(shape.replace("(12,", "(9223372036854775807,"))
        ),
        "sizes below zero": _with("train_images", _header(shape.replace("(12,", "(-3,"))),
        "a header that goes on": _with("train_images", _header("(" * 2_000)),
        "a header of code": _with("train_images", _header(shape.replace("False", "print()"))),
        "values of no size": _with("train_labels", _header(shape.replace("|u1", "|V0"))),
        "160 MB of zeros": _with("train_images", bytes(160 << 20)),
        "two of a name": archive(
            *((f"{MEMBERS[part]}.npy", _npy(array)) for part, array in SMALL.items()),
            ("x_train.npy", _npy(np.zeros((12, 28, 28), np.uint8))),
        ),
        "encrypted": _with("train_labels", _npy(SMALL["train_labels"])).replace(
            b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
        ),
        "LZMA that is none": _lzma_of_nothing(),
        "no archive": b"PK\x03\x04",
    }


def _lzma_of_nothing() -> bytes:
    """An archive whose first member is said to be LZMA, and is noise."""
    whole = bytearray(_with("train_images", _npy(SMALL["train_images"]), method=zipfile.ZIP_LZMA))
    start = whole.index(b"x_train.npy") + len(b"x_train.npy") + 9
    whole[start : start + 40] = b"\xff" * 40
    return bytes(whole)


def _read_npz(data: bytes) -> None:
    assert digest(read_archive(as_file(data), "mnist.npz", IDENTITY, "")) == IDENTITY.digest


# OpenML ------------------------------------------------------------------------------------------

_RARE = Network(
    openml_url="http://127.0.0.1:1/data", openml_fetch_s=1_000, open=lambda *_: io.BytesIO()
)


_ROWS = json.dumps(
    {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": "15.0"}]}}
).encode()


class _Answer(io.BytesIO):
    def info(self) -> Mapping[str, str]:
        return {}


def _tables() -> Mapping[str, bytes]:
    images = np.concatenate([SMALL["train_images"], SMALL["test_images"]])
    labels = np.concatenate([SMALL["train_labels"], SMALL["test_labels"]])
    return {"as OpenML has it": arff(images, labels)}


def _bad_tables() -> Mapping[str, bytes]:
    whole = _tables()["as OpenML has it"]
    head, rows = whole.split(b"@DATA\n")
    return {
        "no rows": head + b"@DATA\n",
        "nothing": b"",
        "a label of many digits": whole.replace(b",0\n", b"," + b"9" * 30 + b"\n").replace(
            b"{0,", b"{" + b"9" * 30 + b","
        ),
        "text for a pixel": head + b"@DATA\n" + rows.replace(b"1", b"one", 1),
        "sparse rows": head + b"@DATA\n{0 1, 784 3}\n{783 2}\n",
        "a quote that is not closed": head + b"@DATA\n'" + rows,
        "attributes without end": head + b"@ATTRIBUTE x real\n" * 20_000 + b"@DATA\n",
        "nested tables": head.replace(b"real", b"relational") + b"@DATA\n" + rows,
        "not a number": head + b"@DATA\n" + rows.replace(b"1", b"nan", 1),
        "infinite": head + b"@DATA\n" + rows.replace(b"1", b"1e999", 1),
    }


def _read_table(data: bytes) -> None:
    home = scratch() / "scikit-learn"
    shutil.rmtree(home, ignore_errors=True)
    replies = answers(data) | {QUALITIES: _ROWS}

    def opened(request: Request, *_: object, **__: object) -> _Answer:
        return _Answer(replies[request.full_url.removeprefix("https://www.openml.org")])

    with (
        patch.dict(os.environ, {"SCIKIT_LEARN_DATA": str(home)}),
        patch("sklearn.datasets._openml.urlopen", opened),
    ):
        arrays = openml.fetch(_RARE, IDENTITY, lambda _: None)
    assert digest(arrays) == IDENTITY.digest


# Our own files -----------------------------------------------------------------------------------


def _published() -> Mapping[str, bytes]:
    return {"an array": _npy(SMALL["train_images"])}


def _bad_published() -> Mapping[str, bytes]:
    return {
        "empty": b"",
        "objects": _npy(np.array([None], object)),
        "a header that goes on": _header("{'descr': (" + "(" * 200),
        "a header of two lines": _header("{'descr': '|u1',\n  'shape'\n : \"\"\" "),
        "2^40 images": _header(
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776, 28, 28)}"
        ),
        "another shape": _npy(SMALL["test_images"]),
        "an archive": write_npz(SMALL),
    }


def _read_published(data: bytes) -> None:
    expected = digest(Arrays(**SMALL))
    folder = scratch() / expected
    folder.mkdir(exist_ok=True)
    for name in PARTS:
        np.save(folder / f"{name}.npy", SMALL[name])
    (folder / "train_images.npy").write_bytes(data)
    assert digest(open_published(scratch(), expected, verify=True)) == expected


LETTERS = Letters(SMALL["train_images"][:3], np.arange(3, dtype=np.uint8), source="drawn")


def _letters() -> Mapping[str, bytes]:
    return {"letters": archive(*_letter_members().items())}


def _letter_members() -> dict[str, bytes]:
    return {"images.npy": _npy(LETTERS.images), "labels.npy": _npy(LETTERS.labels)}


def _bad_letters() -> Mapping[str, bytes]:
    members = _letter_members()
    return {
        "empty": b"",
        "one of the two": archive(*list(members.items())[:1]),
        "objects": archive(*(members | {"labels.npy": _npy(np.array([0, 1, 2], object))}).items()),
        "a header that goes on": archive(
            *(members | {"labels.npy": _header("{'descr': (" + "(" * 200)}).items()
        ),
        "no arrays": archive(("images.npy", b"a"), ("labels.npy", b"b")),
        "2^40 letters": archive(*(members | {
            "labels.npy": _header(_BYTES % "(1099511627776,)")
        }).items()),
    }  # fmt: skip


def _read_letters(data: bytes) -> None:
    as_file(data, f"{LETTERS.digest}.npz")
    assert open_letters(scratch(), LETTERS.digest).digest == LETTERS.digest


TARGETS = (
    # A header may promise 256 MB, and Python makes room for what is asked for.
    _idx(3),
    _idx(1),
    Target(
        "mnist.npz", _read_npz, _archives, _bad_archives, format=ARCHIVE,
        limits=Limits(megabytes=64),
    ),
    Target(
        "OpenML ARFF", _read_table, _tables, _bad_tables, refusals=(Unavailable,), format=CSV,
        share=0.1,
    ),
    Target(
        "published arrays", _read_published, _published, _bad_published,
        refusals=(FileNotFoundError, ValueError), format=ARRAY, share=0.5,
    ),
    Target(
        "published letters", _read_letters, _letters, _bad_letters,
        refusals=(FileNotFoundError, ValueError), format=ARCHIVE, share=0.5,
    ),
)  # fmt: skip
