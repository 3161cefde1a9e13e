"""The same MNIST has the same digest, whatever it came from.

Runs on a small synthetic MNIST always, and on the real one too where $MNIST_DIR has it.
"""

import gzip
import hashlib
import os
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.data import MNIST_DIGEST, PARTS, DataRequest, digest, load
from harness.data.dataset import MNIST, Arrays, Bytes, Identity, part_digest
from harness.data.download import Network, Unavailable
from harness.data.folder import NPZ_NAME, idx_names, read_folder
from harness.data.idx import read_idx
from harness.data.npz import MEMBERS, write_npz
from harness.data.openml import fetch
from reference.errors import UserError
from tests.support.data_files import (
    NO_NETWORK,
    identity_of,
    isolate,
    openml_table,
    synthetic_parts,
    write_idx_folder,
)

REAL_FOLDER = os.environ.get("MNIST_DIR")


@pytest.fixture(scope="module", params=["synthetic", *(["real"] if REAL_FOLDER else [])])
def mnist(request: pytest.FixtureRequest) -> tuple[dict[str, Bytes], Identity]:
    if request.param == "synthetic":
        parts = synthetic_parts()
        return parts, identity_of(parts)
    arrays, _ = read_folder(Path(REAL_FOLDER), "MNIST_DIR", MNIST)
    return {name: arrays.part(name) for name in PARTS}, MNIST


def test_every_format_gives_the_same_digest(mnist, tmp_path, monkeypatch):
    parts, identity = mnist
    isolate(monkeypatch, tmp_path)
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda **_: openml_table(parts))

    plain, _ = read_folder(write_idx_folder(tmp_path / "plain", parts, "ubyte"), "x", identity)
    np.savez(tmp_path / NPZ_NAME, **{MEMBERS[name]: array for name, array in parts.items()})
    archive, source = read_folder(tmp_path, "x", identity)
    answers = Network(open=lambda *_: SimpleNamespace(close=lambda: None))
    table = fetch(answers, identity, lambda _: None)

    assert source == NPZ_NAME
    for arrays in (Arrays(**parts), plain, archive, table):
        assert digest(arrays) == identity.digest


def test_the_gzip_files_give_the_same_digest_too(tmp_path):
    parts = synthetic_parts()
    folder = write_idx_folder(tmp_path, parts)
    assert gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())[:4] == b"\0\0\x08\1"
    arrays, source = read_folder(folder, "x", identity_of(parts))
    assert (digest(arrays), source) == (identity_of(parts).digest, "IDX files")


# The canonical files, known by their MD5 long before this project.
CANONICAL_MD5 = {
    "train_images": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train_labels": "d53e105ee54ea40749a09fcbcd1e9432",
    "test_images": "9fb629c4189551a2d022fa330f9573f3",
    "test_labels": "ec29112dd5afa0611ce80d1b7f02629c",
}


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def canonical(tmp_path_factory) -> tuple[Path, Identity, dict[str, str]]:
    """The real files where they are at hand, otherwise a synthetic set of them."""
    if REAL_FOLDER:
        return Path(REAL_FOLDER), MNIST, CANONICAL_MD5
    parts = synthetic_parts()
    folder = write_idx_folder(tmp_path_factory.mktemp("canonical"), parts)
    return folder, identity_of(parts), {n: md5(folder / idx_names(n)[0]) for n in PARTS}


@pytest.mark.parametrize("part", PARTS)
def test_the_part_digests_are_those_of_the_canonical_files(canonical, part):
    folder, identity, expected = canonical
    file = folder / idx_names(part)[0]
    assert md5(file) == expected[part]
    array = read_idx(file, 3 if part.endswith("images") else 1)
    assert array.shape == identity.shape(part)
    assert part_digest(array) == identity.part_digests[PARTS.index(part)]


def test_mnist_digest_is_that_of_its_parts():
    assert MNIST.digest == MNIST_DIGEST


def test_a_shuffled_openml_table_is_refused(tmp_path, monkeypatch):
    isolate(monkeypatch, tmp_path)
    parts = synthetic_parts()
    table = openml_table(parts)
    table.data, table.target = table.data[::-1], table.target[::-1]
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda **_: table)
    answers = Network(open=lambda *_: SimpleNamespace(close=lambda: None))
    with pytest.raises(Unavailable, match="these are not MNIST's training images"):
        fetch(answers, identity_of(parts), lambda _: None)


def test_scikit_learns_cache_of_the_table_needs_no_network(tmp_path, monkeypatch):
    isolate(monkeypatch, tmp_path)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    kept = tmp_path / "openml/openml.org/data/v1/download/52667/mnist_784.arff.gz"
    kept.parent.mkdir(parents=True)
    kept.touch()
    parts = synthetic_parts()
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda **_: openml_table(parts))
    request = DataRequest("mnist", None, tmp_path / "cache")
    first = load(request, lambda _: None, identity=identity_of(parts), network=NO_NETWORK)
    assert first.source == "OpenML mnist_784"
    # The table is slow to parse, so it must have been kept for the next time.
    monkeypatch.delattr("sklearn.datasets.fetch_openml")
    again = load(request, lambda _: None, identity=identity_of(parts), network=NO_NETWORK)
    assert (again.digest, again.source) == (first.digest, "mnist.npz (downloaded earlier)")


@pytest.mark.parametrize(
    ("member", "value", "complaint"),
    [
        ("y_train", None, "y_train: missing from the archive"),
        ("x_test", np.zeros((12, 28, 27), np.uint8), r"x_test: shape \(12, 28, 27\)"),
        ("x_train", np.full((30, 28, 28), 0.5), "integers from 0 to 255"),
        ("x_train", np.full((30, 28, 28), np.nan), "integers from 0 to 255"),
        ("y_train", np.full(30, -1), "integers from 0 to 9"),
        ("y_test", np.full(12, 10, np.uint8), "holds 10, but should be at most 9"),
        ("y_test", np.array(["3"] * 12), "values are <U1"),
        ("y_test", np.array([{}] * 12), "pickled objects, which are never loaded"),
        ("x_test", np.zeros((12, 280, 280)), "but should have at most"),
        ("y_test", np.zeros(12, np.uint8), "these are not MNIST's test labels"),
    ],
)
def test_archives_that_are_refused(tmp_path, member, value, complaint):
    parts = synthetic_parts()
    members = {MEMBERS[name]: array for name, array in parts.items()} | {member: value}
    np.savez(tmp_path / NPZ_NAME, **{k: v for k, v in members.items() if v is not None})
    with pytest.raises(UserError, match=complaint) as caught:
        read_folder(tmp_path, "--mnist-dir", identity_of(parts))
    assert str(tmp_path / NPZ_NAME) in str(caught.value)


@pytest.mark.parametrize(
    "damage", [lambda c: c[: len(c) // 2], lambda c: c[:2] * 50, lambda c: c[:0]]
)
def test_damaged_archives_are_refused(tmp_path, damage):
    parts = synthetic_parts()
    (tmp_path / NPZ_NAME).write_bytes(damage(write_npz(parts)))
    with pytest.raises(UserError, match=r"not an intact \.npz archive"):
        read_folder(tmp_path, "--mnist-dir", identity_of(parts))


def test_a_damaged_member_is_refused_however_it_is_packed(tmp_path):
    """The errors of LZMA are its own, and come with the damaged part alone."""
    parts = synthetic_parts()
    with zipfile.ZipFile(tmp_path / NPZ_NAME, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in parts.items():
            with archive.open(f"{MEMBERS[name]}.npy", "w") as member:
                np.lib.format.write_array(member, array)
    content = bytearray((tmp_path / NPZ_NAME).read_bytes())
    content[20_000:20_010] = b"\xff" * 10
    (tmp_path / NPZ_NAME).write_bytes(content)
    with pytest.raises(UserError, match="x_train: cannot be unpacked"):
        read_folder(tmp_path, "--mnist-dir", identity_of(parts))


def test_archives_of_other_dtypes_and_order_are_the_same_mnist(tmp_path):
    parts = synthetic_parts()
    changed = dict(parts)
    changed["train_labels"] = parts["train_labels"].astype(np.int64)
    changed["test_images"] = np.asfortranarray(parts["test_images"])
    np.savez(tmp_path / NPZ_NAME, **{MEMBERS[name]: array for name, array in changed.items()})
    arrays, _ = read_folder(tmp_path, "x", identity_of(parts))
    assert digest(arrays) == identity_of(parts).digest
