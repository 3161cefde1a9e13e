"""The scikit-learn digits: complete, dressed as MNIST, split evenly and always alike."""

import gzip
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from harness.data import DIGITS_DIGEST, DataRequest, digest, digits, load, load_digits
from harness.data.digits import placed, stratified
from reference.errors import UserError


@pytest.fixture(scope="module")
def dataset():
    return load_digits()


def test_sizes_and_digest(dataset):
    assert dataset.train_images.shape == (1_437, 28, 28)
    assert dataset.test_images.shape == (360, 28, 28)
    assert digest(dataset) == dataset.digest == DIGITS_DIGEST == digits.DIGITS.digest
    assert (dataset.name, dataset.note) == ("digits", None)


def test_they_are_scikit_learns(dataset):
    from sklearn.datasets import load_digits as sklearn_digits

    bundle = sklearn_digits()
    expected = np.kron(bundle.images / 16 * 255, np.ones((3, 3)))

    def rows(images, labels):
        flat = np.floor(images + 0.5).astype(np.uint8).reshape(len(labels), -1)
        return sorted(map(bytes, np.column_stack([flat, labels.astype(np.uint8)])))

    inner = np.concatenate([dataset.train_images, dataset.test_images])[:, 2:-2, 2:-2]
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    assert rows(inner, labels) == rows(expected, bundle.target)


def test_placing():
    small = np.zeros((1, 8, 8), np.uint8)
    small[0, 0, 0], small[0, 7, 7], small[0, 3, 4] = 16, 1, 8
    large = placed(small)
    assert large.shape == (1, 28, 28)
    assert (large[0, 2:5, 2:5] == 255).all()
    assert (large[0, 23:26, 23:26] == 16).all()  # 15.94
    assert (large[0, 11:14, 14:17] == 128).all()  # 127.5
    assert large.astype(int).sum() == 9 * (255 + 16 + 128)


def test_each_class_has_its_share_of_the_test_part(dataset):
    train, test = (np.bincount(labels) for labels in (dataset.train_labels, dataset.test_labels))
    share = (train + test) * 360 / 1_797
    assert (np.abs(test - share) < 1).all()


def test_stratified_hands_out_every_place():
    labels = np.array([0] * 5 + [1] * 5 + [2] * 4, np.uint8)
    # Shares of 7 places: 2.5, 2.5 and 2; the one left over goes to the lower class.
    assert np.bincount(labels[stratified(labels, 7)]).tolist() == [3, 2, 2]


def test_the_split_is_spread_over_the_file_and_leaks_nothing(dataset):
    test = {image.tobytes() for image in dataset.test_images}
    assert not test & {image.tobytes() for image in dataset.train_images}
    chosen = np.flatnonzero(stratified(np.tile(np.arange(10, dtype=np.uint8), 100), 200))
    assert abs(chosen.mean() - 499.5) < 4 * 20  # the standard error is 18


def test_neither_scikit_learn_nor_the_network_code_is_imported():
    code = (
        "import sys; from harness.data import load_digits; load_digits();"
        "print([m for m in ('sklearn', 'scipy', 'urllib.request', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _bundle(tmp_path, monkeypatch, content):
    file = tmp_path / "datasets" / "data" / "digits.csv.gz"
    if content is not None:
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(digits.importlib.util, "find_spec", lambda _: found)
    return file


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read .No such file"),
        (b"not gzip", "damaged"),
        (gzip.compress(b"1,2,3\n4,x,6\n"), "damaged"),
        (gzip.compress(b"1,2,3\n4,5,6\n"), r"a table of \(2, 3\), but should be \(1797, 65\)"),
    ],
    # Packed bytes would say when they were packed.
    ids=["missing", "not packed", "no number", "another shape"],
)
def test_a_broken_bundle_is_refused(tmp_path, monkeypatch, content, complaint):
    file = _bundle(tmp_path, monkeypatch, content)
    with pytest.raises(UserError, match=complaint) as caught:
        load_digits()
    assert str(file) in str(caught.value)
    assert "scikit-learn" in str(caught.value)


def test_a_changed_bundle_is_noticed(tmp_path, monkeypatch):
    table = digits._table(digits._digits_file())
    table[100, 30] ^= 1
    lines = "\n".join(",".join(map(str, row)) for row in table)
    _bundle(tmp_path, monkeypatch, gzip.compress(lines.encode()))
    with pytest.raises(UserError, match=r"these are not digits's (training|test) images"):
        load_digits()


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setattr(digits.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match="not installed"):
        load_digits()


def test_a_folder_named_in_vain_is_mentioned(tmp_path):
    told = []
    load(DataRequest("digits", tmp_path, tmp_path), told.append)
    assert told == ["--mnist-dir is not used with --dataset digits"]
