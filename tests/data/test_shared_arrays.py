"""Published arrays: written once, whole or not at all, read-only, and verified."""

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest

from harness.data import PARTS, Dataset, digest, open_published, publish, shared_arrays
from harness.data.dataset import Arrays
from reference.errors import UserError
from tests.support.data_files import synthetic_parts


@pytest.fixture
def dataset():
    own = Arrays(**synthetic_parts())
    return Dataset.of(own, name="mnist", digest=digest(own), source="test")


def test_what_is_published_can_be_opened(dataset, tmp_path):
    target = publish(dataset, tmp_path / "new" / "folder")
    assert target == tmp_path / "new" / "folder" / dataset.digest
    assert sorted(file.name for file in target.iterdir()) == sorted(f"{p}.npy" for p in PARTS)
    opened = open_published(target.parent, dataset.digest, verify=True)
    for name in PARTS:
        np.testing.assert_array_equal(opened.part(name), dataset.part(name))


def test_opened_arrays_are_mapped_and_read_only(dataset, tmp_path):
    publish(dataset, tmp_path)
    opened = open_published(tmp_path, dataset.digest)
    for name in PARTS:
        assert isinstance(opened.part(name), np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            opened.part(name)[0] = 0


def test_other_users_may_read_it(dataset, tmp_path):
    assert publish(dataset, tmp_path).stat().st_mode & 0o055 == 0o055


def test_publishing_again_writes_nothing(dataset, tmp_path, monkeypatch):
    publish(dataset, tmp_path)
    monkeypatch.setattr(np, "save", None)
    publish(dataset, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [dataset.digest]


# A header that NumPy's own reader lets the tokenizer's error through for.
OPEN_HEADER = b"\x93NUMPY\x01\x00\x40\x00{'descr': (" + b"(" * 53


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "header", "zip", "remove", "file"])
def test_damage_is_noticed_and_repaired(dataset, tmp_path, damage):
    target = publish(dataset, tmp_path)
    file = target / "test_images.npy"
    content = file.read_bytes()
    if damage == "flip":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "cut":
        file.write_bytes(content[:-1])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "header":
        file.write_bytes(OPEN_HEADER)
    elif damage == "zip":
        np.savez(file.with_suffix(".npz"), dataset.test_images)
        file.with_suffix(".npz").replace(file)
    else:
        file.unlink()
    if damage == "file":
        for other in target.iterdir():
            other.unlink()
        target.rmdir()
        target.write_text("in the way")
    with pytest.raises((ValueError, OSError)):
        open_published(tmp_path, dataset.digest, verify=True)
    told = []
    publish(dataset, tmp_path, told.append)
    open_published(tmp_path, dataset.digest, verify=True)
    assert {entry.name for entry in tmp_path.iterdir()} == {dataset.digest, "quarantine"}
    (aside,) = (tmp_path / "quarantine").glob(f"*/{dataset.digest}")
    (line,) = told
    assert line.startswith("WARNING: the stored images of mnist were damaged")
    assert str(aside) in line
    publish(dataset, tmp_path, told.append)
    assert told == [line]


def test_contents_are_read_only_where_verification_is_asked_for(dataset, tmp_path):
    file = publish(dataset, tmp_path) / "train_images.npy"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    open_published(tmp_path, dataset.digest)
    with pytest.raises(ValueError, match="but should be"):
        open_published(tmp_path, dataset.digest, verify=True)


def test_other_shapes_are_refused_even_unverified(dataset, tmp_path):
    target = publish(dataset, tmp_path)
    np.save(target / "test_labels.npy", np.zeros(5, np.uint8))
    with pytest.raises(ValueError, match="but should be uint8"):
        open_published(tmp_path, dataset.digest)


def test_what_is_not_published_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_published(tmp_path, "0" * 64)


def test_a_digest_that_does_not_fit_is_refused(dataset, tmp_path):
    publish(replace(dataset, digest="0" * 64), tmp_path)
    with pytest.raises(ValueError, match=f"digest {dataset.digest}, but should be 000"):
        open_published(tmp_path, "0" * 64, verify=True)


def test_a_failed_write_leaves_nothing_and_says_so(dataset, tmp_path, monkeypatch):
    saved = []
    save = np.save

    def fill_up(file, *args, **kwargs):
        if saved:
            raise OSError(28, "No space left on device")
        saved.append(file)
        save(file, *args, **kwargs)

    monkeypatch.setattr(np, "save", fill_up)
    with pytest.raises(UserError, match="No space left on device") as caught:
        publish(dataset, tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(dataset, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written there"):
        publish(dataset, tmp_path / "file")


def test_the_other_writer_may_be_first(dataset, tmp_path, monkeypatch):
    looked = []
    intact = shared_arrays.is_intact

    def overtaken(folder, dataset_digest):
        if not looked:
            looked.append(folder)
            publish(dataset, folder)  # the other process, in between
            return False
        return intact(folder, dataset_digest)

    monkeypatch.setattr(shared_arrays, "is_intact", overtaken)
    # What the other one's workers are reading already is not taken from under them.
    monkeypatch.setattr(shared_arrays.directories, "set_aside", pytest.fail)
    publish(dataset, tmp_path)
    open_published(tmp_path, dataset.digest, verify=True)
    assert [entry.name for entry in tmp_path.iterdir()] == [dataset.digest]


def _publish_synthetic(folder):
    own = Arrays(**synthetic_parts())
    publish(Dataset.of(own, name="mnist", digest=digest(own), source="test"), folder)


def test_processes_may_publish_at_once(dataset, tmp_path):
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=_publish_synthetic, args=(tmp_path,)) for _ in range(2)]
    for other in others:
        other.start()
    publish(dataset, tmp_path)
    for other in others:
        other.join(60)
        assert other.exitcode == 0
    open_published(tmp_path, dataset.digest, verify=True)
    assert [entry.name for entry in tmp_path.iterdir()] == [dataset.digest]
