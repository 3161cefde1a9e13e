"""A record is whole and as it was written, or it is not there."""

import io
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier
from types import SimpleNamespace

import pytest

from harness.jobs.store import manifest
from harness.jobs.store.store import Store, StoreError
from harness.system.directories import PROJECT_ROOT
from reference.errors import UserError

KEY = "ab" * 32
FILES = {"record.json": b'{"accuracy": 0.98}', "weights.npz": bytes(range(256)), "empty": b""}


def _write(folder):
    for name, content in FILES.items():
        (folder / name).write_bytes(content)


def _contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "manifest.json"}


def _set_aside(store):
    quarantine = store.root / "quarantine"
    return [p.name for p in quarantine.glob("*/*")] if quarantine.exists() else []


def _incoming(store):
    return list((store.root / "incoming").iterdir())


@pytest.fixture
def told():
    """What the user was told."""
    return []


@pytest.fixture
def store(tmp_path, told):
    return Store(tmp_path / "store", told.append)


@pytest.fixture
def stored(store):
    store.put(KEY, _write)
    return store


def test_what_was_put_is_got(store):
    assert store.get(KEY) is None
    folder = store.put(KEY, _write)
    assert store.get(KEY) == folder
    assert _contents(folder) == FILES
    assert _incoming(store) == []


def test_records_do_not_mix(stored):
    other = "ab" + "cd" * 31
    stored.put(other, lambda folder: (folder / "record.json").write_bytes(b"other"))
    assert _contents(stored.get(other)) == {"record.json": b"other"}
    assert _contents(stored.get(KEY)) == FILES


def _flip_bit(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", ["record.json", "weights.npz", "manifest.json"])
def test_every_flipped_bit_is_noticed(stored, name, tmp_path):
    pristine = tmp_path / "pristine"
    shutil.copytree(stored.folder(KEY), pristine)
    bits = 8 * (pristine / name).stat().st_size
    # Each bit of the small file, and a stride that is coprime with 8 through the others.
    for bit in range(0, bits, 1 if name == "record.json" else 37):
        folder = stored.folder(KEY)
        _flip_bit(folder / name, bit)
        assert stored.get(KEY) is None, f"bit {bit} of {name}"
        shutil.copytree(pristine, folder)
    assert stored.get(KEY) is not None


def _truncate(folder, name):
    os.truncate(folder / name, (folder / name).stat().st_size - 1)


def _remove(folder, name):
    (folder / name).unlink()


def _empty(folder, name):
    (folder / name).write_bytes(b"")


def _to_folder(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()


def _to_pipe(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)  # whoever opened it would wait for ever


def _assert_set_aside(store, told, reason):
    """The record is gone from its place, kept elsewhere, and the user told of it in one line."""
    assert store.get(KEY) is None
    assert not store.folder(KEY).exists()
    (aside,) = (store.root / "quarantine").glob("*/*")
    what = f"a stored record was damaged ({reason}) and was set aside in {aside}"
    assert told == [f"WARNING: {what}; it is computed again"]
    assert store.get(KEY) is None
    assert len(told) == 1  # once
    assert store.failures == []  # nothing that the run could not do


MANIFEST = "manifest.json is not a list of checksums"
DAMAGE = {
    _truncate: ("{} differs from its checksum", MANIFEST),
    _remove: ("{} is missing",) * 2,
    _empty: ("{} differs from its checksum", MANIFEST),
    _to_folder: ("{} is not a file",) * 2,
    _to_pipe: ("{} is not a file",) * 2,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["record.json", "weights.npz", "manifest.json"])
def test_a_damaged_record_is_set_aside_and_told(stored, told, damage, name):
    damage(stored.folder(KEY), name)
    reason = DAMAGE[damage][name == "manifest.json"]
    _assert_set_aside(stored, told, reason.format(name))


@pytest.mark.parametrize(
    "manifest",
    [b"[]", b"null", b"{}", b"\xff", b'{"record.json": 1}', b"[" * 100_000,
     b'{"key": "%s", "sha256": 3}' % KEY.encode()],
)  # fmt: skip
def test_a_manifest_that_is_none_is_damage(stored, told, manifest):
    (stored.folder(KEY) / "manifest.json").write_bytes(manifest)
    _assert_set_aside(stored, told, MANIFEST)


def test_what_its_reader_cannot_read_is_set_aside_too(stored, told):
    """It is whole, but another version wrote it."""

    def refuse(folder):
        assert folder == stored.folder(KEY)
        raise ValueError("no record")

    assert stored.get(KEY, lambda _: None) == stored.folder(KEY)
    assert stored.get(KEY, refuse) is None
    (line,) = told
    assert "it is intact, but cannot be used: no record" in line


def test_an_added_file_is_damage(stored, told):
    (stored.folder(KEY) / "sitecustomize.py").write_bytes(b"")
    _assert_set_aside(stored, told, "sitecustomize.py was added")


OTHER = "ab" + "cd" * 31


@pytest.fixture
def other(stored):
    """Another record of the same kind, beside the first."""
    return stored.put(OTHER, lambda folder: (folder / "record.json").write_bytes(b"other"))


def test_a_file_of_another_record_is_damage(stored, told, other):
    shutil.copy(other / "record.json", stored.folder(KEY))
    _assert_set_aside(stored, told, "record.json differs from its checksum")


def test_another_record_under_this_key_is_damage(stored, told, other):
    """Its files agree with its manifest: what tells is that the manifest names its key."""
    shutil.rmtree(stored.folder(KEY))
    other.rename(stored.folder(KEY))
    _assert_set_aside(stored, told, f"it is the record of another key, {OTHER[:16]}…")


def test_two_records_that_changed_places_are_both_damage(stored, told, other):
    away = stored.root / "away"
    stored.folder(KEY).rename(away)
    other.rename(stored.folder(KEY))
    away.rename(other)
    assert [stored.get(KEY), stored.get(OTHER)] == [None, None]
    assert len(told) == 2


def test_a_file_in_a_record_s_place_is_damage(stored, told):
    shutil.rmtree(stored.folder(KEY))
    stored.folder(KEY).write_bytes(b"")
    _assert_set_aside(stored, told, "it is a file, not a folder")


def test_a_disk_that_cannot_be_read_is_damage(stored, told, monkeypatch):
    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(manifest, "_sha256", fail)
    _assert_set_aside(stored, told, "it cannot be read: Input/output error")


def test_a_record_that_may_not_be_read_is_the_users_to_mend(stored, told, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(manifest, "_sha256", refuse)
    with pytest.raises(
        StoreError, match=r"cannot be read: Permission denied\. .*--store"
    ) as caught:
        stored.get(KEY)
    assert stored.failures == [str(caught.value)]
    assert stored.folder(KEY).exists()  # it is no damage
    assert told == []


def test_what_another_process_has_just_replaced_is_not_set_aside(stored, told, monkeypatch):
    damage, looked = manifest.damage, []

    def overtaken(*arguments):
        looked.append(arguments)
        return "half gone" if len(looked) == 1 else damage(*arguments)

    monkeypatch.setattr(manifest, "damage", overtaken)
    assert stored.get(KEY) == stored.folder(KEY)
    assert told == []


def test_what_was_set_aside_is_kept_and_rebuilt(stored):
    for _ in range(2):  # twice: the second must find its own place
        _remove(stored.folder(KEY), "record.json")
        assert stored.get(KEY) is None
        stored.put(KEY, _write)
    assert _contents(stored.get(KEY)) == FILES
    assert _set_aside(stored) == [KEY, KEY]


def test_a_damaged_record_is_replaced_even_when_nobody_looked(stored):
    _truncate(stored.folder(KEY), "weights.npz")
    stored.put(KEY, _write)
    assert _contents(stored.get(KEY)) == FILES


def test_the_first_of_two_records_stays(stored):
    stored.put(KEY, lambda folder: (folder / "record.json").write_bytes(b"second"))
    assert _contents(stored.get(KEY)) == FILES
    assert _incoming(stored) == []


def test_many_may_put_the_same_record_at_once(store):
    together = Barrier(8)

    def write(folder):
        _write(folder)
        together.wait(10)

    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: store.put(KEY, write), range(8)))
    assert set(folders) == {store.folder(KEY)}
    assert _contents(store.get(KEY)) == FILES
    assert _incoming(store) == []
    assert _set_aside(store) == []


def test_many_may_find_the_same_damage_at_once(store):
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            store.put(KEY, _write)
            _truncate(store.folder(KEY), "record.json")
            assert list(pool.map(lambda _: store.get(KEY), range(8))) == [None] * 8


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_writer_that_raises_leaves_nothing(store, error):
    def write(folder):
        _write(folder)
        raise error

    with pytest.raises(error):
        store.put(KEY, write)
    assert store.get(KEY) is None
    assert _incoming(store) == []


# Python's own error, and that of a library which writes files in its own way.
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("HDF5")])
def test_a_full_disk_is_said_and_leaves_nothing(store, monkeypatch, error):
    def write(folder):
        _write(folder)
        raise error

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(StoreError, match=r"No space left on device.*--store") as caught:
        store.put(KEY, write)
    assert store.failures == [str(caught.value)]
    assert store.get(KEY) is None
    assert _incoming(store) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from harness.jobs.store import manifest, store

def write(folder):
    (folder / "record.json").write_bytes(b"half")
    if sys.argv[2] == "writing":
        os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "manifest":
    manifest._flush = lambda path: os.kill(os.getpid(), signal.SIGKILL)
store.Store(Path(sys.argv[1])).put(sys.argv[3], write)
"""


@pytest.mark.parametrize("moment", ["writing", "manifest"])
def test_a_killed_writer_leaves_nothing_that_is_read(store, moment):
    root = PROJECT_ROOT
    command = [sys.executable, "-c", KILLED, str(store.root), moment, KEY]
    done = subprocess.run(command, cwd=root, check=False, env={"PYTHONPATH": str(root)})
    assert done.returncode == -signal.SIGKILL
    assert len(_incoming(store)) == 1  # it had begun
    assert store.get(KEY) is None
    store.put(KEY, _write)
    assert _contents(store.get(KEY)) == FILES


def test_a_discarded_record_is_gone(stored):
    stored.discard(KEY)
    assert stored.get(KEY) is None
    assert _incoming(stored) == []
    stored.discard(KEY)  # nothing there: nothing to do


@pytest.mark.parametrize("blocked", ["", "incoming", "records"])
def test_a_store_that_cannot_be_written_is_the_users_to_mend(store, blocked):
    # A file where a folder should be: unlike permissions, it stops root too.
    place = store.root / blocked
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"")
    with pytest.raises(UserError, match=r"cannot be written: .*--store") as caught:
        store.put(KEY, _write)
    assert str(store.root) in str(caught.value)


def test_a_record_that_cannot_be_discarded_is_the_users_to_mend(stored):
    shutil.rmtree(stored.root / "incoming")
    (stored.root / "incoming").write_bytes(b"")
    with pytest.raises(StoreError, match=r"cannot be written: .*--store"):
        stored.discard(KEY)


def test_damage_in_a_store_that_cannot_be_written_is_the_users_to_mend(stored):
    (stored.root / "quarantine").write_bytes(b"")
    _truncate(stored.folder(KEY), "record.json")
    with pytest.raises(UserError, match=r"cannot be written: .*--store"):
        stored.get(KEY)


# Many records ------------------------------------------------------------------------------------


def _key(number):
    return sha256(str(number).encode()).hexdigest()


def _fill(store, numbers):
    for number in numbers:
        store.put(_key(number), lambda folder, n=number: (folder / "n").write_text(str(n)))


class _Watch:
    """What a call asks of the file system: every file opened, listed or looked at."""

    # os.stat raises no audit event, so the functions themselves are watched as well.
    FUNCTIONS = ("stat", "lstat", "open", "listdir", "scandir")

    def __init__(self, monkeypatch):
        self.calls = []
        for name in self.FUNCTIONS:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))
        monkeypatch.setattr(io, "open", self._watched("io.open", io.open))

    def _watched(self, name, function):
        def call(*args, **kwargs):
            self.calls.append(name)
            return function(*args, **kwargs)

        return call

    def of(self, work):
        self.calls.clear()
        work()
        return list(self.calls)


def test_each_of_many_records_is_found_and_no_other(store):
    _fill(store, range(400))
    assert [(store.get(_key(i)) / "n").read_text() for i in range(400)] == [
        str(i) for i in range(400)
    ]
    assert [store.get(_key(i)) for i in range(400, 800)] == [None] * 400
    assert _set_aside(store) == []


def test_a_lookup_asks_no_more_of_a_store_with_many_records(store, monkeypatch):
    _fill(store, [1])
    watch = _Watch(monkeypatch)
    hit, miss = watch.of(lambda: store.get(_key(1))), watch.of(lambda: store.get(_key(-1)))
    assert hit  # they are seen
    assert miss
    _fill(store, range(2, 402))
    assert watch.of(lambda: store.get(_key(1))) == hit
    assert watch.of(lambda: store.get(_key(-1))) == miss


def test_no_folder_of_the_store_holds_most_of_its_records(store):
    _fill(store, range(400))
    folders = list((store.root / "records").iterdir())
    assert len(folders) > 100
    assert max(len(list(folder.iterdir())) for folder in folders) < 20
