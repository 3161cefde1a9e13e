"""Jobs are done once, whoever asks, and not at all where the store has what comes of them."""

import json
from concurrent.futures import Future
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from harness.jobs import runner as module
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.train import TrainJob
from harness.jobs.progress import Progress
from harness.jobs.run_once import RunOnce
from harness.jobs.runner import Runs
from harness.jobs.store.locks import Locks
from harness.jobs.store.store import Store
from harness.network import documented
from harness.network.cost import TimeLimit
from harness.system.failure import BuildFailure
from reference.facts import load
from tests.support.other_process import Other

LIMIT = TimeLimit(60, "too long")
NOT_VERIFIED = BuildFailure("grader_error", "the process died")
WAIT_S = 60


@dataclass(frozen=True)
class Job:
    key: str = "a" * 64


class Scheduler:
    """Keeps what it is given."""

    def __init__(self):
        self.submitted = []

    def submit(self, job, cost, limit):
        future = Future()
        self.submitted.append((job, cost, limit, future))
        return future


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store" / "logs").mkdir(parents=True)  # as a session makes it
    return Store(tmp_path / "store")


@pytest.fixture
def lines():
    return []


@pytest.fixture
def scheduler():
    return Scheduler()


@pytest.fixture
def locks(store):
    with Locks(store.root, pytest.fail) as held:
        yield held


@pytest.fixture
def runs(store, locks, tmp_path, scheduler, lines):
    def make(*, fresh=False):
        progress = Progress(lines.append)
        turns = RunOnce(store, locks, progress.note)
        workers = SimpleNamespace(get=lambda: scheduler, verify=lambda *_: NOT_VERIFIED)
        return Runs(turns, tmp_path, workers, progress, fresh=fresh), progress

    return make


def _keep(store, text="one"):
    store.put(Job().key, lambda folder: (folder / "found.txt").write_text(text))


def test_what_two_ask_for_is_done_once(runs, scheduler, store, lines):
    work, progress = runs()
    asked = [work.do(Job(), title, 5.0, LIMIT, epochs=3) for title in ("first", "second")]
    ((job, cost, limit, done),) = scheduler.submitted
    assert (job, cost, limit) == (Job(), 5.0, LIMIT)
    progress.update(job.key, 3, None)
    _keep(store)
    done.set_result(job.key)
    assert [(one.result() / "found.txt").read_text() for one in asked] == ["one", "one"]
    progress.wait(asked[0])
    assert lines == ["trained first: 3 epochs (1 of 1)"]


def test_what_the_store_has_is_not_done_again(runs, scheduler, store):
    _keep(store)
    work, _ = runs()
    assert (work.do(Job(), "x", 1.0, LIMIT).result() / "found.txt").read_text() == "one"
    assert scheduler.submitted == []


def test_what_is_whole_but_no_record_is_done_again(runs, scheduler, store):
    facts = load("mlp_64_32")
    recipe = documented.recipe_for(facts, "gate", None)
    job = TrainJob(documented.documented_spec(facts), recipe, "mnist", "0" * 64, 0, {})
    store.put(job.key, lambda folder: (folder / "record.json").write_text("[]"))
    work, _ = runs()
    asked = work.train(job, "x", 1.0, LIMIT)
    assert not asked.done()
    ((wanted, *_, done),) = scheduler.submitted
    assert wanted == job
    whole = {"key": job.key, "job": job.to_json(), "history": {}}
    store.put(job.key, lambda folder: (folder / "record.json").write_text(json.dumps(whole)))
    done.set_result(job.key)
    assert asked.result().seed == 0


def test_unless_everything_is_wanted_anew(runs, scheduler, store):
    _keep(store)
    work, _ = runs(fresh=True)
    again = work.do(Job(), "x", 1.0, LIMIT)
    assert not again.done()
    _keep(store, "another")
    scheduler.submitted[0][-1].set_result(Job().key)
    assert (again.result() / "found.txt").read_text() == "another"


def test_a_job_that_failed_says_so_to_everyone_who_asked(runs, scheduler, lines):
    work, progress = runs()
    asked = [work.do(Job(), "twin", 1.0, LIMIT) for _ in range(2)]
    scheduler.submitted[0][-1].set_exception(JobFailed("timeout", "too long"))
    for one in asked:
        with pytest.raises(JobFailed, match="too long"):
            progress.wait(one)
    assert lines == ["failed twin: 0 epochs, no epoch (1 of 1)"]


def test_a_result_that_is_not_in_the_store_is_our_fault(runs, scheduler):
    work, _ = runs()
    asked = work.do(Job(), "x", 1.0, LIMIT)
    scheduler.submitted[0][-1].set_result(Job().key)
    with pytest.raises(JobFailed, match="was removed") as raised:
        asked.result()
    assert raised.value.status == "grader_error"


# Beside another run on the same store -------------------------------------------------------------


@pytest.fixture
def other(locks, store):  # noqa: ARG001  (it comes second)
    started = Other(store.root)
    yield started
    started.kill()


def test_another_run_does_not_do_what_is_under_way_and_may_use_what_is_done(
    runs, scheduler, store, other
):
    work, _ = runs()
    work.do(Job(), "x", 1.0, LIMIT)
    assert other("share", Job().key) == "False"
    _keep(store)
    scheduler.submitted[0][-1].set_result(Job().key)
    assert other("take", Job().key) == "False"
    assert other("share", Job().key) == "True"


def test_another_run_may_do_what_failed(runs, scheduler, other):
    work, _ = runs()
    work.do(Job(), "x", 1.0, LIMIT)
    scheduler.submitted[0][-1].set_exception(JobFailed("timeout", "too long"))
    assert other("take", Job().key) == "True"


def test_what_another_run_has_done_is_cached_and_nothing_of_ours(runs, scheduler, store, other):
    assert other("take", Job().key) == "True"
    work, progress = runs()
    asked = work.do(Job(), "x", 1.0, LIMIT)
    assert scheduler.submitted == []
    _keep(store)
    assert other("share", Job().key) == "True"
    assert (progress.wait(asked) / "found.txt").read_text() == "one"
    assert scheduler.submitted == []
    work.stop()
    work.wait()


def test_another_run_may_verify_what_was_not_verified(runs, tmp_path, monkeypatch, other):
    monkeypatch.setattr(module, "digest", lambda _: "c" * 64)
    work, _ = runs()
    run = Future()
    run.set_result(SimpleNamespace(folder=tmp_path, document={"weights_sha256": "w"}))
    assert work.verify(Job(), run).result(WAIT_S) == NOT_VERIFIED
    assert other("take", "c" * 64) == "True"
