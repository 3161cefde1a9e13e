"""The soak's verdict: flat runs pass, and each kind of leak is caught, real ones included."""

import os
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import replace

import pytest

from harness.benchmarks.scale import soak
from harness.benchmarks.scale.growth_bounds import BOUNDS, LOG_BYTES, MB, broken
from harness.benchmarks.scale.measure import job_of
from harness.benchmarks.scale.process_usage import (
    CONTROLLER,
    SANDBOX,
    SERVER,
    WORKER,
    ProcessUsage,
    Sample,
    at_rest,
    processes,
    usage,
)
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.local.scheduler import NEVER, Recycling, Scheduler

WAIT_S = 30
MODULE = "tests.support.processes.fake_worker"
ONE = ProcessUsage(100 * MB, 60 * MB, 80 * MB, descriptors=12, threads=5)
FLAT = {CONTROLLER: [ONE], SERVER: [ONE], WORKER: [ONE, ONE], SANDBOX: [ONE]}


# The verdict -------------------------------------------------------------------------------------


def _samples(last, *, before=FLAT):
    """Jobs 10 to 50, of which the first three are warming up; `last` is the fifth sample."""
    return [*(Sample(jobs, before) for jobs in (10, 20, 30, 40)), last]


def _changed(kind, **changes):
    return Sample(50, {**FLAT, kind: [*FLAT[kind][1:], replace(ONE, **changes)]})


def test_what_stays_as_it_was_is_good():
    assert broken(_samples(Sample(50, FLAT)), 30) == []


def test_what_grows_while_a_run_warms_up_does_not_count():
    fewer = {kind: [replace(ONE, descriptors=1, resident_bytes=0)] for kind in FLAT}
    samples = [Sample(10, fewer), *(Sample(jobs, FLAT) for jobs in (30, 40))]
    assert broken(samples, 30) == []


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (
            _changed(CONTROLLER, resident_bytes=151 * MB),
            "controller: memory: 151 MB after 50 jobs, but 100 MB after 30: at most 50 MB more",
        ),
        (
            _changed(CONTROLLER, resident_bytes=49 * MB),
            "controller: memory: 49 MB after 50 jobs, but 100 MB after 30: at most 50 MB less",
        ),
        (_changed(SERVER, data_bytes=131 * MB), "fork server: memory: 131 MB"),
        (_changed(SANDBOX, data_bytes=131 * MB), "sandbox: memory: 131 MB"),
        (_changed(WORKER, data_bytes=231 * MB), "worker: memory: 231 MB"),
        *(
            (_changed(kind, descriptors=13), f"{kind}: descriptors: 13 after 50 jobs, but 12 after")
            for kind in FLAT
        ),
        *(
            (_changed(kind, threads=6), f"{kind}: threads: 6 after 50 jobs, but 5 after 30")
            for kind in (CONTROLLER, SERVER, SANDBOX)
        ),
        (_changed(WORKER, threads=22), "worker: threads: 22"),
        (Sample(50, {**FLAT, WORKER: [ONE] * 3}), "worker: processes: 3"),
        (Sample(50, {**FLAT, WORKER: [ONE]}), "worker: processes: 1"),
        (Sample(50, {**FLAT, SANDBOX: [ONE] * 2}), "sandbox: processes: 2"),
        (Sample(50, FLAT, zombies=2), "2 processes have ended and were not waited for"),
        (Sample(50, FLAT, incoming=1), "1 half-written records are left in the store"),
        (Sample(50, FLAT, log_bytes=LOG_BYTES + 1), "the logs have 8,000,001 bytes"),
    ],
)
def test_each_kind_of_leak_is_caught_alone(last, words):
    (problem,) = broken(_samples(last), 30)
    assert problem.startswith(words)


def test_a_leak_in_the_middle_is_caught_though_it_is_gone_at_the_end():
    samples = [*_samples(_changed(SERVER, descriptors=99)), Sample(60, FLAT)]
    assert len(broken(samples, 30)) == 1


def test_a_run_too_short_to_be_judged_is_not_good():
    assert broken([Sample(50, FLAT)], 30) != []
    assert broken([], 30) != []


# Processes ---------------------------------------------------------------------------------------


@pytest.fixture
def pool(tmp_path):
    started = []

    def start(recycling=NEVER, workers=1):
        logs = tmp_path / "logs"
        started.append(
            Scheduler(
                workers, tmp_path, tmp_path, logs, lambda *_: None, MODULE, recycling=recycling
            )
        )
        return started[-1]

    yield start
    for one in started:
        one.stop()


def _jobs(pool, **told):
    job = job_of("mlp_64_32")

    def begin(number):
        work = {"name": f"j{number}", "do": "finish", **told}
        return pool.submit(replace(job, platform=work), 1)

    return begin


def _sample(jobs):
    found, used = at_rest(MODULE, {SERVER: 1, WORKER: 1})
    return Sample(jobs, used, zombies=found.zombies)


def _problems(begin):
    samples = list(soak.sampled(begin, _sample, 60, every=20))
    assert [sample.jobs for sample in samples] == [20, 40, 60]
    return [problem.split(":")[:2] for problem in broken(samples, 20, BOUNDS)]


def test_workers_that_leak_nothing_pass(pool):
    assert _problems(_jobs(pool())) == []


def test_a_worker_that_keeps_memory_is_caught(pool):
    assert _problems(_jobs(pool(), keep=5 * MB)) == [["worker", " memory"]]


def test_unless_it_is_recycled(pool):
    often = Recycling(jobs=10, data_bytes=2**40, log_bytes=2**40)
    assert _problems(_jobs(pool(often), keep=5 * MB)) == []


def test_a_worker_that_keeps_descriptors_is_caught(pool):
    assert _problems(_jobs(pool(), open=1)) == [["worker", " descriptors"]]


def test_a_controller_that_keeps_memory_is_caught(pool):
    kept, begin = [], _jobs(pool())

    def leak(number):
        kept.append(b"x" * (2 * MB))
        return begin(number)

    assert _problems(leak) == [["controller", " memory"]]


def test_a_controller_that_keeps_descriptors_is_caught(pool):
    kept, begin = [], _jobs(pool())

    def leak(number):
        kept.append(os.open(os.devnull, os.O_RDONLY))
        return begin(number)

    try:
        assert _problems(leak) == [["controller", " descriptors"]]
    finally:
        for descriptor in kept:
            os.close(descriptor)


def test_processes_are_told_apart(pool):
    pool(workers=2)
    running = pool()
    running.submit(replace(job_of("mlp_64_32"), platform={"name": "j", "do": "finish"}), 1).result(
        WAIT_S
    )
    found = processes(MODULE)
    assert found.by_kind[CONTROLLER] == [os.getpid()]
    assert len(found.by_kind[SERVER]) == 2
    assert running._processes[0].pid in found.by_kind[WORKER]


def test_where_no_rest_comes_what_there_is_is_returned(pool):
    pool().submit(replace(job_of("mlp_64_32"), platform={"name": "j", "do": "hang"}), 1)
    found, used = at_rest(MODULE, {SERVER: 1, WORKER: 5}, within_s=0.2)
    assert len(found.by_kind[SERVER]) == len(used[SERVER]) == 1


def test_a_zombie_is_seen():
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert processes(MODULE).zombies == 1
    finally:
        child.wait()
    assert processes(MODULE).zombies == 0


def test_the_usage_of_a_process_is_read():
    before = usage(os.getpid())
    kept, reading = bytearray(64 * MB), os.open(os.devnull, os.O_RDONLY)
    after = usage(os.getpid())
    os.close(reading)
    assert after.descriptors == before.descriptors + 1
    assert after.data_bytes >= before.data_bytes + len(kept) - MB
    assert after.resident_bytes > 0
    assert after.threads >= 1
    assert usage(2**30) is None


# The command -------------------------------------------------------------------------------------


class FakeSoak:
    """A soak whose descriptors grow unless it recycles, and whose last job may fail."""

    fails = False

    def __init__(self, _workers, _folder, *, recycle, compiled):
        assert compiled == 10
        self.recycle = recycle
        self.stopped = False

    def begin(self, number):
        future = Future()
        if self.fails and number == 49:
            future.set_exception(JobFailed("resource", "out of memory"))
        else:
            future.set_result(None)
        return future

    def sample(self, jobs):
        sample = Sample(jobs, FLAT) if self.recycle else _changed(WORKER, descriptors=jobs)
        return replace(sample, jobs=jobs)

    def stop(self):
        self.stopped = True


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ([], 0, "nothing grew beyond its bound"),
        (["--no-recycling"], 1, "worker: descriptors: 50 after 50 jobs, but 40 after 40"),
    ],
)
def test_the_command_says_what_it_found(monkeypatch, capsys, options, code, words):
    monkeypatch.setattr(soak, "Soak", FakeSoak)
    assert soak.main(["--jobs=60", *options]) == code
    printed = capsys.readouterr().out
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("| ")] == [
        "jobs", "10", "20", "30", "40", "50", "60",
    ]  # fmt: skip
    assert words in printed


def test_a_failed_job_fails_the_command(monkeypatch, capsys):
    monkeypatch.setattr(soak, "Soak", FakeSoak)
    monkeypatch.setattr(FakeSoak, "fails", True)
    assert soak.main(["--jobs=60"]) == 1
    assert "ERROR: a job failed: out of memory" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--jobs=40", "--workers=0"])
def test_what_could_not_be_judged_is_refused(option):
    with pytest.raises(SystemExit):
        soak.main([option])


@pytest.mark.parametrize("compiled", [False, True])
def test_no_two_networks_are_alike(compiled):
    assert len({soak.source(number, compiled=compiled) for number in range(300)}) == 300
