"""A worker that has served long enough gives its place to a fresh one, and nobody notices."""

import os
import time
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from harness.benchmarks.scale.measure import job_of
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.local.scheduler import NEVER, RECYCLING, Recycling, Scheduler, Use, use_of

WAIT_S = 20
MB = 2**20


@pytest.fixture
def start(tmp_path):
    started = []

    def start(recycling):
        store, logs = tmp_path, tmp_path / "logs"
        started.append(
            Scheduler(
                1,
                store,
                store,
                logs,
                _nobody,
                "tests.support.processes.fake_worker",
                recycling=recycling,
            )
        )
        return started[-1]

    yield start
    for one in started:
        one.stop()


def _nobody(_job, _event):
    pass


@pytest.fixture
def do():
    """Gives jobs to a pool, one after the other, and waits for each."""
    job = job_of("mlp_64_32")

    def do(pool, count=1, what="finish", **orders):
        for _ in range(count):
            one = replace(job, platform={"name": "j", "do": what, **orders})
            pool.submit(one, 1).result(WAIT_S)

    return do


def _served(folder):
    """How many jobs each process had, in turn."""
    lines = (folder / "order.txt").read_text(encoding="utf-8").splitlines()
    processes = [int(line.split()[1]) for line in lines]
    return [processes.count(process) for process in dict.fromkeys(processes)]


def _until(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("use", "due"),
    [
        (Use(9, 100, 100), False),
        (Use(10, 0, 0), True),
        (Use(0, 101, 0), True),
        (Use(0, 0, 101), True),
    ],
)
def test_each_bound_counts(use, due):
    assert Recycling(10, 100, 100).is_due(use) is due
    assert not NEVER.is_due(use)


def test_a_worker_has_so_many_jobs(start, do, tmp_path):
    do(start(Recycling(3, inf, inf)), 7)
    assert _served(tmp_path) == [3, 3, 1]


def test_a_worker_that_holds_too_much_is_replaced(start, do, tmp_path):
    pool = start(Recycling(inf, _data_at_start(pool_folder=tmp_path) + 100 * MB, inf))
    do(pool, 3)
    do(pool, 3, keep=60 * MB)
    do(pool, 2)
    assert _served(tmp_path) == [5, 3]


def _data_at_start(pool_folder):
    """What a fresh fake worker has."""
    pool = Scheduler(
        1,
        pool_folder,
        pool_folder,
        pool_folder / "first",
        _nobody,
        "tests.support.processes.fake_worker",
    )
    try:
        _until(lambda: 0 in pool._processes)
        return use_of(pool._processes[0].pid, 0, pool_folder / "first").data_bytes
    finally:
        pool.stop()


def test_a_worker_that_has_written_too_much_is_replaced_and_its_log_kept(start, do, tmp_path):
    pool = start(Recycling(inf, inf, 1000))
    do(pool, 3, say="x" * 400)
    do(pool, 1, say="fresh")
    assert _served(tmp_path) == [3, 1]
    pool.stop()
    logs = tmp_path / "logs"
    assert (logs / "worker-0.log.1").read_text(encoding="utf-8") == "x" * 1200
    assert (logs / "worker-0.log").read_text(encoding="utf-8") == "fresh"


def test_however_many_are_replaced_two_logs_of_each_are_kept(start, do, tmp_path):
    do(start(Recycling(1, inf, inf)), 10, say="words")
    names = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert names == ["worker-0.log", "worker-0.log.1", "workers.log"]


def test_the_last_words_of_one_that_dies_are_told_though_it_would_have_been_replaced(
    start, do, tmp_path
):
    pool = start(Recycling(2, inf, inf))
    do(pool)
    with pytest.raises(JobFailed, match=r"exited with 3:\nlast words"):
        do(pool, what="die")
    do(pool, 2)
    assert _served(tmp_path) == [2, 2]


def test_one_that_died_while_it_was_idle_costs_no_job(start, do, tmp_path):
    pool = start(NEVER)
    do(pool, say="last words")
    idle = pool._processes[0]
    os.kill(idle.pid, 9)
    _until(lambda: not idle.is_silent())
    do(pool, 2)
    assert _served(tmp_path) == [1, 2]
    assert (tmp_path / "logs" / "worker-0.log.1").read_text(encoding="utf-8") == "last words"


def _children(process):
    path = Path(f"/proc/{process}/task/{process}/children")
    return path.read_text(encoding="ascii").split()


def test_replacing_leaves_no_process_and_no_descriptor_behind(start, do):
    pool = start(Recycling(1, inf, inf))
    do(pool, 2)

    def open_now():
        server = pool._server._process.pid
        _until(lambda: len(_children(server)) == 1)
        return [len(list(Path(f"/proc/{one}/fd").iterdir())) for one in ("self", server)]

    before = open_now()
    do(pool, 30)
    # One that is open for a moment is no leak: it is what stays open that counts.
    _until(lambda: all(now <= then for now, then in zip(open_now(), before, strict=True)))


def test_the_bounds_leave_a_job_most_of_its_memory():
    from harness.system.memory import MAX_BYTES

    assert RECYCLING.data_bytes <= MAX_BYTES / 8
    assert RECYCLING.jobs < inf
    assert RECYCLING.log_bytes < inf
