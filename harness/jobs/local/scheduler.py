"""Runs jobs on worker processes, the longest first, and tells of each one's progress."""

import contextlib
import itertools
import queue
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from threading import Lock, Thread

from harness.jobs.kinds.base import Job, OnEvent
from harness.jobs.kinds.errors import JobFailed, StoreFailed
from harness.jobs.store.store import INCOMING
from harness.network.cost import TimeLimit
from harness.system import memory
from harness.system.memory import data_bytes
from harness.system.processes.fork_server import ForkServer
from harness.system.processes.json_process import JsonChannel, ProcessDied, ProcessTimeout

WORKER = "harness.jobs.local.worker"
# How native code ends that was refused memory and does not look, or finds no room for a thread.
_WITHOUT_MEMORY = ("SIGSEGV", "SIGABRT", "SIGBUS")


# When a worker that has done enough jobs is replaced by a fresh one: TensorFlow keeps something of
# every network that a process has trained, about 4 MB, and 6 MB of one that XLA compiled. All of it
# counts towards the worker's limit, so a job would in the end be refused memory that a fresh worker
# has. A fresh one is a fork of a process that has imported TensorFlow: that takes 0.08 s, and its
# first job 0.2 s longer than another.


@dataclass(frozen=True)
class Use:
    """The jobs that a worker has done and the memory that it holds, between two jobs.

    Attributes:
        data_bytes: as of `harness.system.memory.data_bytes`.
        log_bytes: size of its standard error.
    """

    jobs: int
    data_bytes: int
    log_bytes: int


@dataclass(frozen=True)
class Recycling:
    """The limits of a worker before it is replaced."""

    jobs: float
    data_bytes: float
    log_bytes: float

    def is_due(self, use: Use) -> bool:
        """Whether a worker is to be replaced before its next job."""
        return (
            use.jobs >= self.jobs
            or use.data_bytes > self.data_bytes
            or use.log_bytes > self.log_bytes
        )


# A fresh worker after every 25 jobs makes short ones, of a second, 1 % longer; a worker has less
# than 0.9 GB of data by then (docs/reliability.md). The limit on data
# is for unmeasured cases, and leaves seven eighths of the limit to the next job.
RECYCLING = Recycling(jobs=25, data_bytes=2**30, log_bytes=2**20)


NEVER = Recycling(inf, inf, inf)


def use_of(process: int, jobs: int, log: Path) -> Use:
    """Measures a worker that has done so many jobs."""
    written = 0
    with contextlib.suppress(OSError):
        written = log.stat().st_size
    return Use(jobs, data_bytes(process), written)


@dataclass(order=True)
class _Task:
    priority: tuple[float, int]
    job: Job | None = field(compare=False)  # None: nothing to do, look whether to stop
    future: Future[str] = field(compare=False)
    limit: TimeLimit | None = field(compare=False, default=None)


class Scheduler:
    """So many workers, each a process of one thread, fed from one queue.

    A worker that dies costs the job it was at, and is replaced; the rest go on. So is one that has
    served long enough, or has run out of memory: a fresh one is a fork away.

    Args:
        workers: how many.
        data: folder of the published arrays.
        store: where workers leave their records.
        logs: where their standard error goes.
        on_event: told of every epoch and of every finished job, in a worker's own thread.
        module: that each worker runs; None for the worker that trains.
        recycling: when a worker has served long enough.
    """

    def __init__(  # noqa: PLR0913  (only measurements give the last two)
        self,
        workers: int,
        data: Path,
        store: Path,
        logs: Path,
        on_event: OnEvent,
        module: str | None = None,
        *,
        recycling: Recycling = RECYCLING,
    ) -> None:
        self._data, self._store, self._logs = data, store, logs
        self._on_event = on_event
        self._module = module or WORKER
        self._recycling = recycling
        self._tasks: queue.PriorityQueue[_Task] = queue.PriorityQueue()
        self._order = itertools.count()
        self._stopping = False
        self._forking = Lock()
        # One import of TensorFlow, begun before there is anything to train, for all workers.
        self._server = self._start_server()
        self._processes: dict[int, JsonChannel] = {}
        self._threads = [
            Thread(target=self._serve, args=(number,), name=f"worker-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job, priority: float, limit: TimeLimit | None = None) -> Future[str]:
        """Queues a job and returns the future of its record's key.

        Args:
            priority: any measure of its length; the longest job starts first, so that no worker
                is left with a long one at the end.
            limit: how long it may take from its start; None is for ever.

        The future raises `JobFailed`.
        """
        future: Future[str] = Future()
        self._tasks.put(_Task((-priority, next(self._order)), job, future, limit))
        return future

    def stop(self) -> None:
        """Kills the workers; what they had not stored is lost, what they had stored is whole."""
        self._stopping = True
        if not self._processes:
            self._server.kill()  # some wait until it has imported what they need
        for process in list(self._processes.values()):
            process.kill()
        for _ in self._threads:  # those that wait for a job are woken by an empty task
            self._tasks.put(_Task((-inf, next(self._order)), None, Future()))
        for thread in self._threads:
            thread.join()
        self._server.stop()
        with contextlib.suppress(queue.Empty):
            while True:
                future = self._tasks.get_nowait().future
                if future.set_running_or_notify_cancel():
                    future.set_exception(JobFailed("skipped", "the session ended before its turn"))

    def _serve(self, number: int) -> None:
        """Serves one worker: starts it, gives it jobs, replaces it."""
        process = self._start(number)
        served = 0
        while not self._stopping:
            task = self._tasks.get()
            if task.job is None or not task.future.set_running_or_notify_cancel():
                continue
            if _has_gone(process):  # while it had nothing to do: no job is to blame
                process, served = self._successor(number, process), 0
            served += 1
            spent = False
            try:
                key = self._run(process, task.job, task.limit)
            except JobFailed as error:
                task.future.set_exception(error)
                # What has been refused memory may lack anything now.
                spent = error.status == "resource"
            except Exception as error:  # noqa: BLE001  (the future waits for it)
                # Dead, out of step or at it for too long: it is not to have another job.
                task.future.set_exception(self._blamed(error, task.limit))
                spent = True
            else:
                task.future.set_result(key)
            if not self._stopping and (spent or self._is_due(number, process, served)):
                process, served = self._successor(number, process), 0
        _stop(process)

    def _is_due(self, number: int, process: JsonChannel | ProcessDied, served: int) -> bool:
        if isinstance(process, ProcessDied):
            return True
        return self._recycling.is_due(use_of(process.pid, served, self._log(number)))

    def _successor(
        self, number: int, process: JsonChannel | ProcessDied
    ) -> JsonChannel | ProcessDied:
        _stop(process)
        return self._start(number)

    def _log(self, number: int) -> Path:
        return self._logs / f"worker-{number}.log"

    def _start(self, number: int) -> JsonChannel | ProcessDied:
        try:
            process = self.fork(self._log(number))
        except ProcessDied as error:
            return error  # for the next job to report
        self._processes[number] = process
        if self._stopping:  # it may have come too late to be killed by `stop`
            process.kill()
        return process

    def fork(self, log: Path) -> JsonChannel:
        """Has the fork server start one more process.

        A server that was killed is replaced, once.

        Args:
            log: where its standard error goes.

        Raises:
            ProcessDied: it cannot be started.
        """
        with self._forking:
            try:
                return self._server.fork(log)
            except ProcessDied:
                if self._stopping:
                    raise
                self._server.stop()
                self._server = self._start_server()
                return self._server.fork(log)

    def _blamed(self, error: Exception, limit: TimeLimit | None) -> JobFailed:
        if self._stopping:
            return JobFailed("skipped", "the session ended before it did")
        if isinstance(error, ProcessTimeout) and limit is not None:
            return JobFailed("timeout", limit.reason)
        if isinstance(error, ProcessDied):
            return JobFailed("resource", _death(error))
        return JobFailed("grader_error", f"{type(error).__name__}: {error}")

    def _start_server(self) -> ForkServer:
        # Keras has temporary folders while it saves or opens a network. Those of a worker that was
        # killed are swept with what it had half written.
        temporary = self._store / INCOMING
        return ForkServer(self._module, self._logs / "workers.log", temporary)

    def _run(self, process: JsonChannel | ProcessDied, job: Job, limit: TimeLimit | None) -> str:
        if isinstance(process, ProcessDied):
            raise process
        deadline = time.monotonic() + limit.seconds if limit else None
        process.send({"job": job.to_json(), "data": str(self._data), "store": str(self._store)})
        while True:
            event = process.receive(deadline)
            if event["event"] == "done":
                self._on_event(job, event)
                return str(event["key"])
            if event["event"] == "failed":
                status = "resource" if event["kind"] == "resource" else "grader_error"
                known = StoreFailed if event["kind"] == "store" else JobFailed
                raise known(status, str(event["message"]))
            if event["event"] == "epoch":
                self._on_event(job, event)
            # One that has always something to say never keeps us waiting, and still has to end.
            if deadline is not None and time.monotonic() >= deadline:
                raise ProcessTimeout("the worker goes on after its limit")


def _stop(process: JsonChannel | ProcessDied) -> None:
    if isinstance(process, JsonChannel):
        process.stop()


def _has_gone(process: JsonChannel | ProcessDied) -> bool:
    return isinstance(process, JsonChannel) and not process.is_silent()


def _death(error: ProcessDied) -> str:
    """Says how a worker died, and of its limit of memory, where that may be why."""
    if memory.was_refused(str(error)):
        return f"out of memory: {memory.limit_in_words()}; the worker died of it: {error}"
    if any(f"was killed by {name}" in str(error) for name in _WITHOUT_MEMORY):
        return f"the worker died, perhaps out of memory: {memory.limit_in_words()}. {error}"
    return f"the worker died: {error}"
