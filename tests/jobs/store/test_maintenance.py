"""What killed runs left is removed, and nothing else is; nor is anything that somebody is at."""

import fcntl
import os

import pytest

from harness.data.digits import load_digits
from harness.data.shared_arrays import publish
from harness.jobs.store import maintenance
from harness.jobs.store.store import Store
from harness.system import atomic_files, directories
from harness.system.directories import prepare
from reference.errors import UserError

KEY = "a" * 64


def _tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_store_is_as_it_was_without_what_is_half_done(tmp_path):
    store = Store(tmp_path)
    store.put(KEY, lambda folder: (folder / "found.txt").write_text("one"))
    publish(load_digits(), tmp_path / "data")
    (tmp_path / "data" / "mnist.npz").touch()
    (tmp_path / "quarantine" / "damaged-x" / KEY).mkdir(parents=True)
    (tmp_path / "logs").mkdir()
    (tmp_path / "locks").touch()
    expected = [path for path in _tree(tmp_path) if path != "incoming"]

    (tmp_path / "incoming" / "aaaa-x").mkdir(parents=True)
    (tmp_path / "incoming" / "aaaa-x" / "weights.npz").write_text("half")
    for name in (".0123456789ab.x", ".damaged.x", ".mnist.npz.x"):
        (tmp_path / "data" / name / "y").mkdir(parents=True)
    (tmp_path / "data" / ".letters.x").touch()
    (tmp_path / ".swept-x" / "x").mkdir(parents=True)
    (tmp_path / "cluster" / "x" / "dask-scratch-space").mkdir(parents=True)
    (tmp_path / "quarantine" / "empty-x").mkdir()
    maintenance.sweep(tmp_path)
    assert _tree(tmp_path) == expected
    assert store.get(KEY)


def test_a_record_that_is_just_being_written_is_lost_whole(tmp_path, monkeypatch):
    """By a worker that does not know yet that its run was killed."""
    store = Store(tmp_path)
    rmtree = maintenance.shutil.rmtree
    seen = []

    def look(folder, **options):
        seen.append(list((tmp_path / "incoming").glob("*")) if folder.name[0] == "." else None)
        rmtree(folder, **options)

    monkeypatch.setattr(maintenance.shutil, "rmtree", look)

    def write(folder):
        (folder / "found.txt").write_text("one")
        maintenance.sweep(tmp_path)

    with pytest.raises(UserError, match="cannot be written"):
        store.put(KEY, write)
    assert seen[0] == []  # it was out of the writer's reach before the first file was removed
    assert store.get(KEY) is None


def test_what_was_written_aside_of_a_report_goes_and_what_is_being_written_stays(tmp_path):
    (tmp_path / "submissions").mkdir()
    kept = [tmp_path / ".gitkeep", tmp_path / "index.html", tmp_path / "submissions" / "a.html"]
    left = [tmp_path / ".index.html.x.part", tmp_path / "submissions" / ".a.html.x.part"]
    for path in (*kept, *left):
        path.touch()
    descriptor = os.open(tmp_path / "submissions", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # as who writes there does
        maintenance.sweep_report(tmp_path)
        assert [path.exists() for path in left] == [False, True]
    finally:
        os.close(descriptor)
    maintenance.sweep_report(tmp_path)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


def test_a_writer_s_own_file_is_not_swept(tmp_path, monkeypatch):
    rename = atomic_files.Path.replace
    swept = []

    def sweep_first(aside, target):
        swept.append(aside.name)
        atomic_files.sweep(tmp_path)
        return rename(aside, target)

    monkeypatch.setattr(atomic_files.Path, "replace", sweep_first)
    atomic_files.replace(tmp_path / "index.html", b"whole")
    assert len(swept) == 1
    assert swept[0].endswith(".part")
    assert _tree(tmp_path) == ["index.html"]
    assert (tmp_path / "index.html").read_bytes() == b"whole"


def test_a_folder_that_is_tried_has_nothing_in_it_meanwhile(tmp_path, monkeypatch):
    """So nothing is left of it, and two runs that try it at once do not take each other's."""
    temporary_file = directories.tempfile.TemporaryFile
    seen = []

    def look(**options):
        file = temporary_file(**options)
        seen.append(_tree(tmp_path))
        return file

    monkeypatch.setattr(directories.tempfile, "TemporaryFile", look)
    prepare(tmp_path, "--store")
    assert seen == [[]]


def test_runs_at_work_share_no_log(tmp_path):
    found = [maintenance.logs(tmp_path, place) for place in range(3)]
    assert found[0] == tmp_path / "logs"
    assert len(set(found)) == 3
