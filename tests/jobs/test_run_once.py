"""What another run is at is waited for; what comes of it is taken, and what does not is done."""

from concurrent.futures import Future

import pytest

from harness.jobs.kinds.errors import JobFailed
from harness.jobs.run_once import WAITING, Request, RunOnce
from harness.jobs.store.locks import Locks
from harness.jobs.store.store import Store
from tests.support.other_process import Other

KEY = "a" * 64
WAIT_S = 60


class Asked:
    """A request, and what became of it."""

    def __init__(self, key=KEY, *, fresh=False):
        self.target = Future()
        self.acted = []
        self.request = Request(key, fresh, self.target.set_result, self._act, self.target)

    def _act(self):
        self.acted.append(1)
        self.target.set_result(None)

    def result(self):
        return self.target.result(WAIT_S)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def told():
    return []


@pytest.fixture
def locks(store):
    with Locks(store.root, pytest.fail) as held:
        yield held


@pytest.fixture
def run_once(store, locks, told):
    made = RunOnce(store, locks, told.append)
    yield made
    made.stop()
    made.wait()


@pytest.fixture
def other(locks, store):  # noqa: ARG001  (it comes second)
    started = Other(store.root)
    yield started
    started.kill()


def _put(store, text="one"):
    return store.put(KEY, lambda folder: (folder / "found.txt").write_text(text))


def _text(folder):
    return (folder / "found.txt").read_text()


def test_what_is_there_is_found_and_kept_from_being_replaced(store, run_once, other):
    _put(store)
    asked = Asked()
    run_once.ask(asked.request)
    assert _text(asked.result()) == "one"
    assert other("take", KEY) == "False"
    assert other("share", KEY) == "True"


def test_what_is_not_there_is_done_and_leased_until_it_is_done(run_once, other, told):
    asked = Asked()
    run_once.ask(asked.request)
    assert asked.acted == [1]
    assert other("share", KEY) == "False"
    run_once.done(KEY)
    assert other("share", KEY) == "True"
    assert told == []


def test_what_failed_is_anybody_s(run_once, other):
    run_once.ask(Asked().request)
    run_once.give_up(KEY)
    assert other("take", KEY) == "True"


def test_what_another_run_is_at_is_waited_for_and_taken(store, run_once, other, told):
    assert other("take", KEY) == "True"
    asked, more = Asked(), Asked("b" * 64)
    run_once.ask(asked.request)
    run_once.ask(more.request)
    assert more.acted == [1]  # nobody else is at that one
    assert not asked.target.done()
    assert told == [WAITING]
    _put(store)
    assert other("share", KEY) == "True"  # as it does when it is done
    assert _text(asked.result()) == "one"
    assert asked.acted == []


def test_what_a_killed_run_was_at_is_done_here(run_once, other):
    assert other("take", KEY) == "True"
    asked = Asked()
    run_once.ask(asked.request)
    assert asked.acted == []
    other.kill()
    assert asked.result() is None
    assert asked.acted == [1]


def test_what_is_to_be_fresh_is_done_anew(store, run_once):
    _put(store)
    asked = Asked(fresh=True)
    run_once.ask(asked.request)
    assert asked.result() is None
    assert store.get(KEY) is None


def test_but_not_while_another_run_reads_what_is_there(store, run_once, other):
    folder = _put(store)
    assert other("share", KEY) == "True"
    run_once._locks._began_ns = folder.stat().st_mtime_ns
    asked = Asked(fresh=True)
    run_once.ask(asked.request)
    assert asked.acted == []
    assert _text(folder) == "one"
    other("release", KEY)
    assert asked.result() is None
    assert asked.acted == [1]
    assert store.get(KEY) is None


def test_what_another_run_did_since_this_one_began_is_fresh(store, run_once, other):
    _put(store, "old")
    run_once._locks._began_ns = store.get(KEY).stat().st_mtime_ns
    assert other("take", KEY) == "True"
    asked = Asked(fresh=True)
    run_once.ask(asked.request)
    store.discard(KEY)
    while _put(store, "new").stat().st_mtime_ns == run_once._locks._began_ns:
        store.discard(KEY)  # the clock of a file system moves in steps
    assert other("share", KEY) == "True"
    assert _text(asked.result()) == "new"
    assert asked.acted == []


def test_what_cannot_be_begun_says_so_and_is_anybody_s(run_once, other):
    def fail():
        raise JobFailed("skipped", "the session has ended")

    target = Future()
    run_once.ask(Request(KEY, False, target.set_result, fail, target))
    with pytest.raises(JobFailed, match="has ended"):
        target.result(WAIT_S)
    assert other("take", KEY) == "True"


def test_the_end_of_the_session_is_the_end_of_waiting(run_once, other):
    assert other("take", KEY) == "True"
    before, after = Asked(), Asked()
    run_once.ask(before.request)
    run_once.stop()
    run_once.ask(after.request)
    run_once.wait()
    for asked in (before, after):
        with pytest.raises(JobFailed, match="ended before its turn"):
            asked.result()
        assert asked.acted == []
