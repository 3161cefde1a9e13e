"""Which source is taken, and that what a user named is never passed over."""

import os

import numpy as np
import pytest

from harness.data import PARTS, DataRequest, load, sources
from harness.data.dataset import Dataset
from harness.data.download import Unavailable
from harness.data.folder import NPZ_NAME, idx_names
from harness.data.idx import write_idx
from harness.data.npz import write_npz
from harness.data.sources import SOURCES
from reference.errors import UserError
from tests.support.data_files import (
    NO_NETWORK,
    identity_of,
    isolate,
    synthetic_parts,
    write_idx_folder,
)

MNIST = synthetic_parts()
OTHER = synthetic_parts(seed=1)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch, tmp_path):
    isolate(monkeypatch, tmp_path / "home")


def ask(tmp_path, dataset="mnist", folder=None):
    request = DataRequest(dataset, folder, tmp_path / "cache")
    return load(request, lambda _: None, identity=identity_of(MNIST), network=NO_NETWORK)


def keras_cache(tmp_path, content):
    file = tmp_path / "home" / ".keras" / "datasets" / NPZ_NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


def test_an_unknown_data_set_lists_the_known(tmp_path):
    with pytest.raises(UserError, match=r"--dataset cifar: .* one of: auto, mnist, digits\."):
        ask(tmp_path, "cifar")


def test_sources_are_tried_in_order_and_the_first_that_has_it_wins(tmp_path, monkeypatch):
    assert [title for title, _ in SOURCES] == ["a folder", "Keras's cache", "download", "OpenML"]
    tried = []

    def source(number, winner):
        def attempt(_search):
            tried.append(number)
            if number < winner:
                raise Unavailable("not here")
            return number

        return attempt

    for winner in range(4):
        tried.clear()
        patched = tuple((str(n), source(n, winner)) for n in range(4))
        monkeypatch.setattr(sources, "SOURCES", patched)
        assert ask(tmp_path) == winner
        assert tried == list(range(winner + 1))


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
@pytest.mark.parametrize("through", ["--mnist-dir", "MNIST_DIR"])
@pytest.mark.parametrize("form", ["idx", "plain", "dots", "npz"])
def test_a_folder_is_read(tmp_path, monkeypatch, dataset, through, form):
    keras_cache(tmp_path, b"must not be looked at")
    folder = tmp_path / "mnist"
    if form == "npz":
        folder.mkdir()
        (folder / NPZ_NAME).write_bytes(write_npz(MNIST))
    else:
        write_idx_folder(folder, MNIST, ".gz" if form == "idx" else "ubyte")
    if form == "dots":
        for name in PARTS:
            (folder / idx_names(name)[1]).rename(folder / idx_names(name)[3])
    if through == "MNIST_DIR":
        monkeypatch.setenv("MNIST_DIR", str(folder))
        folder = None
    found = ask(tmp_path, dataset, folder)
    assert isinstance(found, Dataset)
    assert (found.name, found.digest, found.note) == ("mnist", identity_of(MNIST).digest, None)
    assert found.source == ("mnist.npz" if form == "npz" else "IDX files") + f" ({through})"
    for name in PARTS:
        np.testing.assert_array_equal(found.part(name), MNIST[name])


def test_the_option_goes_before_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "nowhere"))
    folder = write_idx_folder(tmp_path / "mnist", MNIST)
    assert ask(tmp_path, folder=folder).source == "IDX files (--mnist-dir)"


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    write_idx_folder(tmp_path / "home" / "mnist", MNIST)
    monkeypatch.setenv("MNIST_DIR", "~/mnist")
    assert ask(tmp_path).source == "IDX files (MNIST_DIR)"


def _altered(folder):
    changed = MNIST["test_images"].copy()
    changed[3, 14, 14] ^= 1
    write_idx(folder / "t10k-images-idx3-ubyte.gz", changed)


def _swapped(folder):
    a, b = folder / "train-labels-idx1-ubyte.gz", folder / "t10k-labels-idx1-ubyte.gz"
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)


def _truncated(folder):
    file = folder / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:2_000])


def _incomplete(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()


def _emptied(folder):
    for file in folder.iterdir():
        file.unlink()


def _removed(folder):
    _emptied(folder)
    folder.rmdir()


def _file(folder):
    _removed(folder)
    folder.write_text("a file")


def _dangling(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    (folder / "t10k-labels-idx1-ubyte.gz").symlink_to(folder / "gone")


def _pipe(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    os.mkfifo(folder / "t10k-labels-idx1-ubyte.gz")


FAULTS = [
    (_altered, ["t10k-images-idx3-ubyte.gz", "actual digest", "expected digest", "test images"]),
    (_swapped, ["train-labels-idx1-ubyte.gz", "shape (12,), but should be (30,)"]),
    (_truncated, ["train-images-idx3-ubyte.gz", "damaged or cut short"]),
    (_incomplete, ["lacks t10k-labels-idx1-ubyte.gz"]),
    (_emptied, ["is empty", "It should hold the four files", NPZ_NAME]),
    (_removed, ["does not exist"]),
    (_file, ["is a file, but should be a folder"]),
    (_dangling, ["t10k-labels-idx1-ubyte.gz", "No such file"]),
    (_pipe, ["t10k-labels-idx1-ubyte.gz", "not a plain file"]),
]


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
@pytest.mark.parametrize("through", ["--mnist-dir", "MNIST_DIR"])
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__[1:] for fault, _ in FAULTS])
def test_a_faulty_folder_is_an_error(tmp_path, monkeypatch, dataset, through, fault):
    keras_cache(tmp_path, write_npz(MNIST))  # a good one, which must not be fallen back on
    folder = write_idx_folder(tmp_path / "mnist", MNIST)
    damage, words = fault
    damage(folder)
    if through == "MNIST_DIR":
        monkeypatch.setenv("MNIST_DIR", str(folder))
    with pytest.raises(UserError) as caught:
        ask(tmp_path, dataset, folder if through == "--mnist-dir" else None)
    message = str(caught.value)
    for word in (str(folder), *words):
        assert word in message


@pytest.mark.parametrize("fault", [_altered, _emptied, _removed, _file])
def test_the_error_says_how_to_take_the_folder_back(tmp_path, monkeypatch, fault):
    folder = write_idx_folder(tmp_path / "mnist", MNIST)
    fault(folder)
    with pytest.raises(UserError, match="leave --mnist-dir out"):
        ask(tmp_path, folder=folder)
    monkeypatch.setenv("MNIST_DIR", str(folder))
    with pytest.raises(UserError, match="unset MNIST_DIR"):
        ask(tmp_path)


def test_a_wrong_file_is_left_as_it_is(tmp_path):
    folder = write_idx_folder(tmp_path / "mnist", MNIST)
    _altered(folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(UserError):
        ask(tmp_path, folder=folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.parametrize("method", ["iterdir", "open"])
def test_an_unreadable_folder_or_file_is_an_error(tmp_path, monkeypatch, method):
    folder = write_idx_folder(tmp_path / "mnist", MNIST)

    def deny(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(f"pathlib.Path.{method}", deny)
    with pytest.raises(UserError, match=r"cannot be read \(Permission denied\)") as caught:
        ask(tmp_path, "auto", folder)
    assert str(folder) in str(caught.value)


def test_a_folder_on_a_read_only_file_system_is_never_written(tmp_path, monkeypatch):
    folder = write_idx_folder(tmp_path / "mnist", MNIST)
    opened = []
    path_open = type(folder).open

    def watch(self, mode="r", *args, **kwargs):
        opened.append(mode)
        return path_open(self, mode, *args, **kwargs)

    monkeypatch.setattr("pathlib.Path.open", watch)
    ask(tmp_path, folder=folder)
    assert set(opened) == {"rb"}
    assert not (tmp_path / "cache").exists()


def test_complete_idx_files_go_before_an_archive_and_incomplete_ones_behind_it(tmp_path):
    folder = write_idx_folder(tmp_path / "mnist", MNIST)
    (folder / NPZ_NAME).write_bytes(write_npz(MNIST))
    assert ask(tmp_path, folder=folder).source == "IDX files (--mnist-dir)"
    _incomplete(folder)
    assert ask(tmp_path, folder=folder).source == "mnist.npz (--mnist-dir)"


@pytest.mark.parametrize("variable", [True, False])
def test_keras_cache_is_read(tmp_path, monkeypatch, variable):
    file = keras_cache(tmp_path, write_npz(MNIST))
    if variable:
        elsewhere = tmp_path / "keras-home" / "datasets"
        elsewhere.parent.mkdir()
        file.parent.rename(elsewhere)
        monkeypatch.setenv("KERAS_HOME", str(elsewhere.parent))
    found = ask(tmp_path)
    assert (found.source, found.digest) == ("mnist.npz (Keras's cache)", identity_of(MNIST).digest)


WRONG = {
    "another": (write_npz(OTHER), "expected digest"),
    "cut": (write_npz(MNIST)[:-50], "not an intact .npz archive"),
}


@pytest.mark.parametrize(
    ("where", "dataset", "kind"),
    [(w, d, k) for w in ("keras", "ours") for d in ("auto", "mnist") for k in WRONG],
)
def test_a_wrong_file_in_a_cache_is_an_error_that_names_it(tmp_path, where, dataset, kind):
    content, words = WRONG[kind]
    if where == "keras":
        file = keras_cache(tmp_path, content)
    else:
        file = tmp_path / "cache" / NPZ_NAME
        file.parent.mkdir()
        file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        ask(tmp_path, dataset)
    assert str(file) in str(caught.value)
    assert words in str(caught.value)
    assert file.read_bytes() == content


def test_an_unreadable_cache_is_told_and_passed_by(tmp_path, monkeypatch):
    file = keras_cache(tmp_path, write_npz(MNIST))

    def deny(self, *_args, **_kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.open", deny)
    with pytest.raises(UserError, match=f"Keras's cache: {file} cannot be read .Permission"):
        ask(tmp_path)


def test_auto_falls_back_on_the_digits_and_says_why(tmp_path):
    found = ask(tmp_path, "auto")
    assert found.name == "digits"
    for words in (
        "MNIST was not found",
        "a folder: neither --mnist-dir nor MNIST_DIR names one",
        f"Keras's cache: no file {tmp_path}",
        "download: storage.googleapis.com: Connection refused",
        "OpenML: www.openml.org: Connection refused",
    ):
        assert words in found.note
    assert "\n" not in found.note


def test_mnist_fails_where_it_cannot_be_had_and_says_what_to_do(tmp_path):
    with pytest.raises(UserError) as caught:
        ask(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0] == "MNIST was not found. Tried, in this order:"
    titles = [line.split(":")[0].strip() for line in lines[1:5]]
    assert titles == [title for title, _ in SOURCES]
    assert "--mnist-dir" in lines[5]
    assert "--dataset digits" in lines[5]
