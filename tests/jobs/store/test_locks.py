"""Of the runs that share a store, one has a lease, and whoever ends has none any more."""

import errno
import fcntl
import subprocess
import sys

import pytest

from harness.jobs.store import locks as module
from harness.jobs.store.locks import Locks
from tests.support.other_process import Other

ONE, TWO = "a" * 64, "b" * 64


@pytest.fixture
def ours(tmp_path):
    with Locks(tmp_path / "store", pytest.fail) as locks:
        yield locks


@pytest.fixture
def other(ours, tmp_path):  # noqa: ARG001  (it comes second)
    started = Other(tmp_path / "store")
    yield started
    started.kill()


def test_a_key_is_leased_to_one_process_at_a_time(ours, other):
    assert ours.take(ONE)
    assert other("take", ONE) == "False"
    assert other("share", ONE) == "False"
    assert other("take", TWO) == "True"
    assert not ours.take(TWO)
    ours.release(ONE)
    assert other("take", ONE) == "True"


def test_who_reads_a_record_shares_it_and_nobody_replaces_it_meanwhile(ours, other):
    assert ours.take(ONE)
    assert ours.share(ONE)  # it is there now
    assert other("share", ONE) == "True"
    assert other("take", ONE) == "False"
    assert not ours.take(ONE)
    ours.release(ONE)
    assert other("take", ONE) == "True"


def test_a_killed_process_has_no_locks(ours, other):
    assert other("take", ONE) == "True"
    assert not ours.take(ONE)
    other.kill()
    assert ours.take(ONE)


def test_nor_has_one_that_is_done(ours, tmp_path):
    third = Other(tmp_path / "store")
    assert third("take", ONE) == "True"
    third("close")
    assert ours.take(ONE)
    third.kill()


def test_children_neither_have_leases_nor_end_them(ours, other):
    assert ours.take(ONE)
    subprocess.run([sys.executable, "-c", "pass"], check=True, close_fds=False)
    assert other("take", ONE) == "False"


def test_keys_that_differ_late_are_two_locks(ours, other):
    close = ONE[:14] + "b" + ONE[15:]
    assert ours.take(ONE)
    assert other("take", close) == "True"


def test_only_who_is_alone_sweeps_and_nobody_begins_meanwhile(ours, other, tmp_path):
    assert other("alone") == "False"
    swept = []
    ours.when_alone(lambda: swept.append(1))
    assert swept == []
    other.kill()

    def sweep():
        held = subprocess.run(
            [sys.executable, "-c", PROBE, tmp_path / "store" / module.NAME], check=False
        )
        swept.append(held.returncode)

    ours.when_alone(sweep)
    assert swept == [1]
    third = Other(tmp_path / "store")  # which would wait for ever were it not over
    third.kill()


PROBE = """
import fcntl, sys
fcntl.lockf(open(sys.argv[1], "rb+"), fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 0)
"""


def test_each_run_at_work_has_a_place_of_its_own(ours, other):
    assert ours.place() == 0
    assert other("place") == "1"


def test_what_was_made_since_this_run_began_is_told_from_what_was_there(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    with Locks(tmp_path, pytest.fail) as locks:
        after.mkdir()
        while after.stat().st_mtime_ns == locks._began_ns:
            after.touch()  # the clock of a file system moves in steps
        assert not locks.is_newer(before)
        assert locks.is_newer(after)


@pytest.mark.usefixtures("ours")
def test_two_for_one_store_in_one_process_are_refused(tmp_path):
    """To close one would end what the other has."""
    (tmp_path / "link").symlink_to(tmp_path / "store")
    with pytest.raises(RuntimeError, match="already has the locks of"):
        Locks(tmp_path / "link", pytest.fail)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_everything_is_granted_and_that_is_said_once(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, "no locks here")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    told = []
    with Locks(tmp_path, told.append) as locks:
        assert locks.take(ONE)
        assert locks.share(ONE)
        locks.release(ONE)
        assert locks.place() == 0
        locks.when_alone(lambda: told.append("swept"))
    (line,) = told
    assert "leases cannot be locked (no locks here)" in line


def test_locks_that_end_halfway_end_nothing_else(ours, other, monkeypatch):
    assert ours.take(ONE)

    def refuse(*_):
        raise OSError(errno.ENOLCK, "no more locks")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    told = []
    monkeypatch.setattr(ours, "_tell", told.append)
    assert ours.take(TWO)
    assert len(told) == 1
    assert other("take", ONE) == "False"


def test_a_store_that_cannot_be_written_is_read_without_locks(tmp_path):
    (tmp_path / "store").write_text("a file")
    told = []
    with Locks(tmp_path / "store", told.append) as locks:
        assert locks.take(ONE)
    assert len(told) == 1
