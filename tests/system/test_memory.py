"""A worker that runs out of memory fails its job, says of which limit, and is replaced."""

import os
from dataclasses import replace

import pytest

from harness.benchmarks.scale.measure import job_of
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.local.scheduler import Scheduler
from harness.system import memory
from tests.support.processes.out_of_memory_worker import ASK

pytestmark = pytest.mark.slow

WAIT_S = 120
LIMIT = r"out of memory.*a worker may use \S+ GiB of memory \(RLIMIT_DATA\)"


class TooLarge(Exception):
    pass


def _handling(cause, error):
    """The error, as it is when it is raised while its cause is handled."""
    try:
        try:
            raise cause
        except type(cause):
            raise error  # noqa: B904  (the context is the point)
    except Exception as raised:  # noqa: BLE001  (it is what was made)
        return raised


def _from(cause, error):
    """The error, as it is when it is raised from its cause."""
    try:
        raise error from cause
    except Exception as raised:  # noqa: BLE001  (it is what was made)
        return raised


REFUSALS = {
    "NumPy": MemoryError("Unable to allocate 74.5 GiB for an array with shape (10000000000,)"),
    "Python": MemoryError(),
    "TensorFlow": type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor"),
    "oneDNN": type("AbortedError", (Exception,), {})(
        "Compute received an exception:Status: 1, message: could not create a primitive, in file "
        "tensorflow/core/kernels/mkl/mkl_maxpooling_op.cc:211"
    ),
    "XLA": RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 80 bytes"),
    "the system": OSError(12, "Cannot allocate memory"),
}


@pytest.mark.parametrize("error", REFUSALS.values(), ids=REFUSALS)
def test_each_library_s_word_for_it_is_understood(error):
    said = memory.refusal(error)
    assert said is not None
    assert said.startswith("out of memory: a worker may use 8 GiB of memory (RLIMIT_DATA); ")
    assert str(error)[:40] in said


@pytest.mark.parametrize("raised", [_handling, _from])
def test_an_error_that_came_of_a_refusal_is_one(raised):
    error = raised(MemoryError("no room"), TooLarge("the layer failed"))
    assert "MemoryError: no room" in memory.refusal(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("shapes do not match"),
        _handling(KeyError("memory"), TooLarge("the layer failed")),
        type("AbortedError", (Exception,), {})("Status: 3, message: could not create a primitive"),
    ],
)
def test_other_errors_are_none(error):
    assert memory.refusal(error) is None


def test_an_error_may_be_its_own_cause():
    error = TooLarge("the layer failed")
    error.__cause__ = error
    assert memory.refusal(error) is None


def test_what_is_said_is_short():
    assert len(memory.refusal(MemoryError("x" * 10_000))) < 500


def test_what_a_process_has_asked_for_counts():
    before = memory.data_bytes(os.getpid())
    kept = bytearray(64 * 2**20)
    assert memory.data_bytes(os.getpid()) >= before + len(kept)


def test_of_a_process_that_is_gone_nothing_is_known():
    assert memory.data_bytes(2**30) == 0


@pytest.fixture(scope="module")
def hungry(tmp_path_factory):
    """A pool of one real worker, and the processes that its jobs ran in."""
    folder = tmp_path_factory.mktemp("hungry")
    processes = []

    def on_event(_job, event):
        if event["event"] == "epoch":
            processes.append(event["process"])

    pool = Scheduler(
        1,
        folder,
        folder,
        folder / "logs",
        on_event,
        "tests.support.processes.out_of_memory_worker",
    )
    yield pool, processes
    pool.stop()


@pytest.mark.parametrize("what", ASK)
def test_a_job_that_needs_more_than_there_is_fails_as_such_and_the_rest_go_on(hungry, what):
    pool, processes = hungry
    job = replace(job_of("mlp_64_32"), platform={"do": what})
    with pytest.raises(JobFailed, match=LIMIT) as caught:
        pool.submit(job, 1).result(WAIT_S)
    assert caught.value.status == "resource"
    assert pool.submit(replace(job, platform={"do": "nothing"}), 1).result(WAIT_S) == "a key"
    failed, after = processes[-2:]
    assert failed != after
