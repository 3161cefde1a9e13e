"""Jobs run longest first, each on its own; a worker that dies takes only its own job along."""

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.train import TrainJob
from harness.jobs.local import scheduler
from harness.jobs.local.scheduler import Scheduler
from harness.network.cost import TimeLimit
from harness.network.documented import recipe_for
from harness.network.spec import make_spec
from harness.system.processes.fork_server import Fork
from reference.facts import expected_network, load

WAIT_S = 20  # for what takes milliseconds, on a busy machine
LONGEST_FIRST = ["d", "b", "c", "a"]


@pytest.fixture(scope="module")
def job():
    facts = load("mlp_64_32")
    nodes = expected_network(facts).nodes
    rows = [(node.kind, node.config, node.inputs, node.trainable) for node in nodes]
    spec = make_spec(rows, ["x"] * len(rows))
    return TrainJob(spec, recipe_for(facts, "gate", None), "mnist", "00", 0, {})


@pytest.fixture
def ordered(job):
    """Makes a job with orders for the fake worker."""
    return lambda name, do="finish", **orders: replace(
        job, platform={"name": name, "do": do, **orders}
    )


class Events:
    def __init__(self):
        self.seen = []

    def __call__(self, job, event):
        self.seen.append((job.platform["name"], event["event"], event.get("epoch")))


@pytest.fixture
def events():
    return Events()


@pytest.fixture
def start(monkeypatch, tmp_path, events):
    monkeypatch.setattr(scheduler, "WORKER", "tests.support.processes.fake_worker")
    started = []

    def start(workers=1, on_event=events):
        started.append(Scheduler(workers, tmp_path, tmp_path, tmp_path / "logs", on_event))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def _order(folder):
    return [line.split()[0] for line in _lines(folder)]


def _processes(folder):
    return [int(line.split()[1]) for line in _lines(folder)]


def _lines(folder):
    path = Path(folder) / "order.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _until(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_longest_job_starts_first(start, ordered, tmp_path):
    pool = start(1)
    first = pool.submit(ordered("first", wait="go"), 0)
    _until(lambda: _order(tmp_path) == ["first"])  # the worker is busy: the rest will queue up
    costs = {"a": 1, "b": 3.5, "c": 3.0, "d": 100}
    futures = [pool.submit(ordered(name), cost) for name, cost in costs.items()]
    (tmp_path / "go").touch()
    assert first.result(WAIT_S) == "key of first"
    assert [f.result(WAIT_S) for f in futures] == [f"key of {name}" for name in costs]
    assert _order(tmp_path) == ["first", *LONGEST_FIRST]


def test_jobs_of_equal_length_keep_their_order(start, ordered, tmp_path):
    pool = start(1)
    futures = [pool.submit(ordered("first", wait="go"), 9)]
    names = [f"job{i}" for i in range(12)]
    futures += [pool.submit(ordered(name), 1) for name in names]
    (tmp_path / "go").touch()
    for future in futures:
        future.result(WAIT_S)
    assert _order(tmp_path) == ["first", *names]


def test_workers_work_side_by_side(start, ordered, tmp_path):
    pool = start(2)
    futures = [pool.submit(ordered(name, wait="go"), 1) for name in "ab"]
    _until(lambda: len(_order(tmp_path)) == 2)  # both are under way, neither has ended
    assert len(set(_processes(tmp_path))) == 2
    (tmp_path / "go").touch()
    assert [f.result(WAIT_S) for f in futures] == ["key of a", "key of b"]


def test_one_worker_takes_job_after_job(start, ordered, tmp_path):
    pool = start(1)
    for name in "abc":
        pool.submit(ordered(name), 1).result(WAIT_S)
    assert len(set(_processes(tmp_path))) == 1


def test_epochs_are_reported_in_order(start, ordered, events):
    start(1).submit(ordered("a", epochs=3), 1).result(WAIT_S)
    assert events.seen == [
        ("a", "epoch", 1), ("a", "epoch", 2), ("a", "epoch", 3), ("a", "done", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status", "processes"),
    # What was refused memory may lack anything now: another process has the next job.
    [("resource", "resource", 2), ("internal", "grader_error", 1), ("user", "grader_error", 1)],
)
def test_a_failure_says_who_is_to_blame(start, ordered, kind, status, processes, tmp_path):
    pool = start(1)
    with pytest.raises(JobFailed, match=r"^a failed$") as caught:
        pool.submit(ordered("a", "fail", kind=kind), 1).result(WAIT_S)
    assert caught.value.status == status
    assert pool.submit(ordered("b"), 1).result(WAIT_S) == "key of b"
    assert len(set(_processes(tmp_path))) == processes


def test_a_worker_that_dies_costs_its_job_and_is_replaced(start, ordered, tmp_path):
    pool = start(1)
    dead = pool.submit(ordered("dead", "die"), 9)
    after = [pool.submit(ordered(name), 1) for name in "ab"]
    with pytest.raises(
        JobFailed, match=r"the worker died: .* exited with 3:\nlast words"
    ) as caught:
        dead.result(WAIT_S)
    assert caught.value.status == "resource"
    assert [f.result(WAIT_S) for f in after] == ["key of a", "key of b"]
    first, *rest = _processes(tmp_path)
    assert first not in rest
    assert len(set(rest)) == 1


def test_a_killed_worker_is_named_as_killed(start, ordered, tmp_path):
    pool = start(1)
    future = pool.submit(ordered("a", "hang"), 1)
    _until(lambda: _processes(tmp_path))
    os.kill(_processes(tmp_path)[0], 9)
    with pytest.raises(JobFailed, match=r"SIGKILL \(often: out of memory\)"):
        future.result(WAIT_S)
    assert pool.submit(ordered("b"), 1).result(WAIT_S) == "key of b"


NO_TIME = TimeLimit(0, "stopped after 0 s, its limit")
LONG = TimeLimit(WAIT_S, "stopped")


def test_a_job_beyond_its_limit_is_stopped_and_its_worker_replaced(start, ordered, tmp_path):
    pool = start(1)
    with pytest.raises(JobFailed, match=r"^stopped after 0 s, its limit$") as caught:
        pool.submit(ordered("a", "hang"), 1, NO_TIME).result(WAIT_S)
    assert caught.value.status == "timeout"
    assert pool.submit(ordered("b"), 1, LONG).result(WAIT_S) == "key of b"
    *killed, alive = _processes(tmp_path)
    assert _alive(alive)
    assert not any(_alive(process) for process in killed)


def test_a_job_that_never_stops_reporting_is_stopped_too(start, ordered, monkeypatch):
    # There is always something to read, so that reading never has to wait.
    receive = Fork.receive
    monkeypatch.setattr(Fork, "receive", lambda self, _deadline=None: receive(self, None))
    endless = start(1).submit(ordered("a", "hang", epochs=10**6), 1, NO_TIME)
    with pytest.raises(JobFailed, match=r"^stopped after 0 s, its limit$"):
        endless.result(WAIT_S)


def test_a_limit_runs_from_the_start_of_the_job_not_from_its_place_in_the_queue(
    start, ordered, tmp_path, monkeypatch
):
    now = [1000.0]
    monkeypatch.setattr(scheduler.time, "monotonic", lambda: now[0])
    deadlines = []
    receive = Fork.receive

    def spy(self, deadline=None):
        deadlines.append(deadline)
        return receive(self, None)

    monkeypatch.setattr(Fork, "receive", spy)
    pool = start(1)
    first = pool.submit(ordered("first", wait="go"), 9)
    second = pool.submit(ordered("second"), 1, TimeLimit(50, "stopped"))
    now[0] += 500
    (tmp_path / "go").touch()
    assert [f.result(WAIT_S) for f in (first, second)] == ["key of first", "key of second"]
    assert deadlines == [None, 1550.0]


def test_every_worker_may_die(start, ordered):
    pool = start(2)
    dead = [pool.submit(ordered(f"dead{i}", "die"), 9) for i in range(5)]
    alive = [pool.submit(ordered(f"alive{i}"), 1) for i in range(5)]
    assert all(isinstance(f.exception(WAIT_S), JobFailed) for f in dead)
    assert [f.result(WAIT_S) for f in alive] == [f"key of alive{i}" for i in range(5)]


def test_a_worker_that_talks_nonsense_fails_its_job(start, ordered):
    pool = start(1)
    with pytest.raises(JobFailed) as caught:
        pool.submit(ordered("a", "nonsense"), 1).result(WAIT_S)
    assert caught.value.status == "grader_error"
    assert pool.submit(ordered("b"), 1).result(WAIT_S) == "key of b"


def test_a_listener_that_raises_fails_its_job_not_the_pool(start, ordered):
    def listen(job, event):
        if job.platform["name"] == "a":
            raise KeyError(event["event"])

    pool = start(1, listen)
    with pytest.raises(JobFailed) as caught:
        pool.submit(ordered("a", epochs=1), 1).result(WAIT_S)
    assert caught.value.status == "grader_error"
    assert pool.submit(ordered("b"), 1).result(WAIT_S) == "key of b"


def test_a_cancelled_job_is_not_run(start, ordered, tmp_path):
    pool = start(1)
    first = pool.submit(ordered("first", wait="go"), 9)
    _until(lambda: _order(tmp_path))
    cancelled = pool.submit(ordered("cancelled"), 1)
    last = pool.submit(ordered("last"), 0)
    assert cancelled.cancel()
    (tmp_path / "go").touch()
    first.result(WAIT_S)
    last.result(WAIT_S)
    assert _order(tmp_path) == ["first", "last"]


def _alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_stop_kills_what_is_running_at_once(start, ordered, tmp_path):
    before = threading.active_count()
    pool = start(2)
    running = [pool.submit(ordered(name, "hang"), 2) for name in "ab"]
    queued = pool.submit(ordered("c"), 1)
    _until(lambda: len(_processes(tmp_path)) == 2)
    started = time.monotonic()
    pool.stop()
    assert time.monotonic() - started < 3
    assert [_alive(process) for process in _processes(tmp_path)] == [False, False]
    assert threading.active_count() == before
    assert sorted(_order(tmp_path)) == ["a", "b"]  # "c" was never begun
    # Nobody is left waiting for what will never come.
    assert all(isinstance(f.exception(1), JobFailed) for f in running)
    assert queued.cancelled() or isinstance(queued.exception(1), JobFailed)
    pool.stop()  # twice does no harm


def test_stop_wakes_whoever_waits_for_work(start):
    before = threading.active_count()
    pool = start(2)
    pool.stop()
    assert threading.active_count() == before


def test_a_thousand_jobs_a_moment_before_the_end_leave_nobody_waiting(start, ordered):
    pool = start(2)
    futures = [pool.submit(ordered(f"j{i}"), 1) for i in range(1000)]
    futures[0].result(WAIT_S)
    pool.stop()
    assert all(future.done() for future in futures)


@pytest.mark.slow
def test_two_thousand_jobs_are_each_done_once_and_the_longest_first(start, ordered, tmp_path):
    pool = start(1)
    first = pool.submit(ordered("first", wait="go"), 0)
    _until(lambda: _order(tmp_path) == ["first"])  # the worker is busy: the rest will queue up
    costs = {f"j{i}": i * 7919 % 2000 for i in range(2000)}  # a permutation: no two are alike
    futures = {name: pool.submit(ordered(name), cost) for name, cost in costs.items()}
    (tmp_path / "go").touch()
    first.result(WAIT_S)
    assert all(future.result(WAIT_S) == f"key of {name}" for name, future in futures.items())
    assert _order(tmp_path) == ["first", *sorted(costs, key=lambda name: -costs[name])]


@pytest.mark.slow
def test_two_thousand_jobs_on_several_workers_are_each_done_once(start, ordered, tmp_path):
    pool = start(3)
    names = [f"j{i}" for i in range(2000)]
    futures = [pool.submit(ordered(name), i % 7) for i, name in enumerate(names)]
    assert [f.result(WAIT_S) for f in futures] == [f"key of {name}" for name in names]
    assert sorted(_order(tmp_path)) == sorted(names)


def test_a_killed_fork_server_is_replaced(start, ordered):
    pool = start(1)
    assert pool.submit(ordered("a"), 1).result(WAIT_S) == "key of a"
    pool._server.kill()
    dead = pool.submit(ordered("b", "die"), 1)  # its worker will need a successor
    assert isinstance(dead.exception(WAIT_S), JobFailed)
    assert pool.submit(ordered("c"), 1).result(WAIT_S) == "key of c"


def test_workers_that_cannot_start_fail_every_job_with_the_reason(start, ordered, monkeypatch):
    monkeypatch.setattr(scheduler, "WORKER", "tests.no_such_module")
    pool = start(2)
    for future in [pool.submit(ordered(name), 1) for name in "abc"]:
        with pytest.raises(JobFailed, match=r"No module named tests\.no_such_module"):
            future.result(WAIT_S)
