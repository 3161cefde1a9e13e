"""Sends jobs to the cluster and stores their records; the counterpart of `scheduler.Scheduler`.

Every job goes through Dask's own executor, which is a `concurrent.futures` one. Dask decides where
and when it runs, and runs it again where its worker was lost. This module handles the content:
a worker that lacks a record or a data set says so, and the job is sent again with it; what comes
home goes into the store under its key.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypedDict

from harness.jobs.cluster import payloads
from harness.jobs.cluster.connection import Connection, remote
from harness.jobs.kinds.base import Inputs, Job, OnEvent
from harness.jobs.kinds.errors import JobFailed, StoreFailed, WorkersLost
from harness.jobs.kinds.registry import inputs
from harness.jobs.kinds.train import TrainJob
from harness.jobs.kinds.verify import Verification, read_verification
from harness.jobs.store.store import Store, StoreError
from harness.network.cost import TimeLimit
from harness.system.failure import BuildFailure
from harness.system.futures import fail

# How often a job is sent again because something that it needs was lost on its way.
_MAX_TRIES = 5
# Dask repeats a task so often that raised an error of its own, as on a worker whose disk is full.
_RETRIES = 2
# Threads that put what comes home into the store.
_LANDING = 4
_WATCH_S = 5.0
# Before every training: the checks of a finished run wait for its verification.
_AHEAD = 1e30


class _Answer(TypedDict):
    """The answer of a node, or its progress; which keys it has depends on `event`.

    `harness.jobs.cluster.node` lists them.
    """

    event: str
    worker: str
    message: str
    status: str
    job: str
    key: str
    files: Mapping[str, bytes]
    document: Mapping[str, str]
    inputs: Mapping[str, Sequence[str]]
    expected: Mapping[str, object]
    actual: Mapping[str, object]


@dataclass
class _Order:
    """A request on its way.

    Attributes:
        request: as `harness.jobs.cluster.node` takes it.
        priority: the highest goes first.
        near: a worker that has what it reads.
        target: gets the answer.
        lacking: inputs that have to be sent along.
        avoid: workers that could not do it.
        only: the workers that it may go to; none where it may go to any.
        waits: whether it is here until a worker joins that it may go to.
    """

    request: Mapping[str, object]
    priority: float
    near: str | None
    target: Future[_Answer]
    lacking: Inputs = field(default_factory=Inputs)
    avoid: set[str] = field(default_factory=set)
    only: frozenset[str] = frozenset()
    waits: bool = False
    tries: int = 0
    sent: Future[Any] | None = None


class ClusterPool:
    """Runs jobs on a cluster.

    Args:
        connection: a cluster that can do our work.
        data: folder of the published arrays.
        store: where records go.
        on_event: told of every epoch.
        tell: shows a line to the user.
        resources: what a worker must offer to be given a job.
    """

    def __init__(
        self,
        connection: Connection,
        data: Path,
        store: Store,
        on_event: OnEvent,
        tell: Callable[[str], None],
        resources: Mapping[str, float],
    ) -> None:
        self.connection = connection
        self._data, self._store = data, store
        self._on_event, self._tell = on_event, tell
        self._resources = dict(resources)
        self._landing = ThreadPoolExecutor(_LANDING, "landing")
        self._lock = Lock()
        self._orders: dict[int, _Order] = {}
        self._jobs: dict[str, Job] = {}  # by key, while they are under way
        self._made_by: dict[str, str] = {}  # records: the worker that has them
        self._refused: set[str] = set()
        self._in_trouble: set[str] = set()
        self._images: dict[str, Any] = {}  # Dask's futures of data sets that were sent
        self._stopping = Event()
        self.lost: WorkersLost | None = None
        connection.client.subscribe_topic(connection.session, self._hear)
        self._watcher = Thread(target=self._watch, name="cluster-watch", daemon=True)
        self._watcher.start()

    # What a session asks for ----------------------------------------------------------------

    def submit(self, job: Job, priority: float, limit: TimeLimit | None = None) -> Future[str]:
        """Queues a job and returns the future of its record's key; see `Scheduler.submit`.

        The future raises `JobFailed`, or `WorkersLost` where the cluster is gone.
        """
        self._jobs[job.key] = job
        target: Future[str] = Future()
        answered = self.ask("do", job, inputs(job), priority, limit)
        answered.add_done_callback(lambda found: self._land(job, found, target))
        return target

    def verify(self, job: TrainJob, record: Path, data: Path) -> Verification | BuildFailure:
        """Has a worker reopen a record and repeat its first steps; see `Verifier.verify`.

        Raises:
            WorkersLost: the cluster is gone.
        """
        del record, data  # the same as the job's in our store, and the session's data
        wanted = Inputs(records=(job.key,), images=(job.data_digest,))
        try:
            answer = self.ask("verify", job, wanted, _AHEAD).result()
            return read_verification(answer["document"])
        except JobFailed as error:
            return BuildFailure("grader_error", str(error))
        except (KeyError, TypeError, ValueError) as error:
            return BuildFailure("grader_error", f"an unreadable answer: {error}")

    def ask(
        self,
        action: str,
        job: Job,
        wanted: Inputs,
        priority: float,
        limit: TimeLimit | None = None,
    ) -> Future[_Answer]:
        """Returns the future of a node's answer (`cluster.node`), which is not stored yet.

        Args:
            action: "do" or "verify".
            wanted: its inputs.
            priority: the highest goes first.
        """
        request = {
            "action": action,
            "key": job.key,
            "job": job.to_json(),
            "limit": asdict(limit) if limit else None,
            "inputs": wanted.to_json(),
        }
        answered: Future[_Answer] = Future()
        self._send(_Order(request, priority, self._near(wanted.records), answered))
        return answered

    def offer(self, digest: str) -> None:
        """Puts a published data set where workers that lack it take it from, and not from here.

        It goes to one worker, and from there to the others, to each machine once.
        """
        packed = payloads.pack_images(self._data, digest)
        client, name = self.connection.client, self.connection.name_of(digest)
        with self._lock:
            self._images[digest] = client.scatter(packed)
            client.publish_dataset(self._images[digest], name=name, override=True)

    def stop(self) -> None:
        """Disconnects from the cluster; unfinished jobs are done by a later run."""
        self._stopping.set()
        with self._lock:
            orders = list(self._orders.values())
        for order in orders:
            if order.sent is not None:
                order.sent.cancel()
            self._settle(order, JobFailed("skipped", "the session ended before its turn"))
        self._images.clear()
        self.connection.close()
        self._landing.shutdown(wait=True, cancel_futures=True)
        self._watcher.join()

    # On its way -----------------------------------------------------------------------------

    def _near(self, records: Sequence[str]) -> str | None:
        return next((self._made_by[key] for key in records if key in self._made_by), None)

    def _send(self, order: _Order) -> None:
        with self._lock:
            self._orders[id(order)] = order
        if self._stopping.is_set():
            self._settle(order, JobFailed("skipped", "the session has ended"))
        elif self.lost is not None:
            self._settle(order, self.lost)
        else:
            try:
                self._submit(order)
            except Exception as error:  # noqa: BLE001  (the future waits for it)
                self._on_failure(order, error)

    def _submit(self, order: _Order) -> None:
        import dask  # noqa: PLC0415  (with a cluster only)

        connection = self.connection
        for digest in order.lacking.images:  # no worker has them, or has them any more
            if digest not in self._images or self._images[digest].status != "finished":
                self.offer(digest)
        if not self._find_workers(order):
            return
        contents = [*self._payloads(order.lacking)]
        with self._lock:
            images_at = {digest: connection.name_of(digest) for digest in self._images}
        with dask.annotate(priority=order.priority):
            order.sent = self._executor(order).submit(
                remote().perform,
                connection.session,
                {**order.request, "images_at": images_at},
                contents,
                connection.session,
            )
        order.sent.add_done_callback(lambda found: self._on_home(order, found))

    def _find_workers(self, order: _Order) -> bool:
        """Whether an order may go to some worker; else it waits for `_free`."""
        with self._lock:
            barred = self._refused | order.avoid
        present = self.connection.workers(self._resources) if barred else frozenset()
        order.only = present - barred
        order.waits = bool(present) and not order.only
        return not order.waits

    def _executor(self, order: _Order) -> Any:
        """Dask's executor, for the workers that an order may go to; one costs nothing."""
        options: dict[str, object] = {"pure": False, "retries": _RETRIES}
        if self._resources:
            options["resources"] = self._resources
        if order.only:
            options["workers"] = sorted(order.only)
        elif order.near is not None and self._is_there(order.near):
            options |= {"workers": [order.near], "allow_other_workers": True}
        return self.connection.client.get_executor(**options)

    def _is_there(self, worker: str) -> bool:
        """Whether a worker may be preferred: without it, Dask would forget the resources, too."""
        return not self._resources or worker in self.connection.client.nthreads()

    def _payloads(self, lacking: Inputs) -> Sequence[tuple[str, str, Any]]:
        found: list[tuple[str, str, Any]] = []
        for key in lacking.records:
            folder = self._store.get(key)
            if folder is None:
                raise JobFailed("grader_error", f"no record {key} in the store")
            found.append(("record", key, payloads.pack_record(folder)))
        found += [
            ("letters", digest, payloads.pack_letters(self._data, digest))
            for digest in lacking.letters
        ]
        return found

    def _hear(self, event: tuple[float, _Answer]) -> None:
        _, message = event
        job = self._jobs.get(message["job"])
        if job is not None:
            self._on_event(job, message)

    # At home --------------------------------------------------------------------------------

    def _on_home(self, order: _Order, found: Future[Any]) -> None:
        """Called in Dask's own thread, which has more to do than to write files."""
        with contextlib.suppress(RuntimeError):  # the end has come
            self._landing.submit(self._received, order, found)

    def _received(self, order: _Order, found: Future[Any]) -> None:
        try:
            self._take(order, found.result())
        except (Exception, CancelledError) as error:  # noqa: BLE001  (a future waits for it)
            self._on_failure(order, error)

    def _take(self, order: _Order, answer: _Answer) -> None:
        event = answer["event"]
        if event == "missing":
            order.lacking = Inputs.from_json(answer["inputs"])
            order.near = answer["worker"]
            self._again(order, f"{answer['worker']} asks for what it was sent")
        elif event == "refused":
            self._refuse(answer)
            order.near = None
            self._send(order)
        elif event == "broken":
            self._note_trouble(answer)
            self._elsewhere(order, answer)
        elif event == "died":
            self._settle(order, JobFailed("resource", f"the worker died: {answer['message']}"))
        elif event == "failed":
            self._settle(order, JobFailed(answer["status"], answer["message"]))
        else:
            self._settle(order, answer)

    def _on_failure(self, order: _Order, error: BaseException) -> None:
        """Finds out whether the job, a worker or the scheduler failed."""
        if self._stopping.is_set():
            self._settle(order, JobFailed("skipped", "the session ended before its turn"))
        elif isinstance(error, JobFailed):
            self._settle(order, error)
        elif not self.connection.alive():
            self._lose()
        elif isinstance(error, CancelledError) or type(error).__name__ == "FutureCancelledError":
            order.lacking = Inputs()  # what came along was lost with the worker that had it
            self._again(order, "its inputs were lost on the way")
        elif type(error).__name__ == "KilledWorker":
            self._settle(
                order, JobFailed("resource", f"the workers that it was given to died: {error}")
            )
        else:
            self._settle(order, JobFailed("grader_error", f"{type(error).__name__}: {error}"))

    def _again(self, order: _Order, why: str) -> None:
        order.tries += 1
        if order.tries > _MAX_TRIES:
            self._settle(
                order, JobFailed("grader_error", f"given up after {_MAX_TRIES} tries: {why}")
            )
        else:
            self._send(order)

    def _elsewhere(self, order: _Order, answer: _Answer) -> None:
        """Sends it to the workers that have not failed at it, as long as there are any."""
        order.near = None
        order.avoid.add(answer["worker"])
        present = self.connection.workers(self._resources)
        with self._lock:
            left = present - self._refused - order.avoid
        if left:
            self._send(order)
        else:
            why = f"no worker of the cluster can do it; {answer['worker']}: {answer['message']}"
            self._settle(order, JobFailed("grader_error", why))

    def _note_trouble(self, answer: _Answer) -> None:
        with self._lock:
            known = answer["worker"] in self._in_trouble
            self._in_trouble.add(answer["worker"])
        if not known:
            self._tell(
                f"WARNING: {answer['worker']} cannot do its work, which goes to others: "
                f"{answer['message']}"
            )

    def _refuse(self, answer: _Answer) -> None:
        with self._lock:
            known = answer["worker"] in self._refused
            self._refused.add(answer["worker"])
        if not known:
            self._tell(f"WARNING: a worker that joined is given nothing: {_difference(answer)}")

    def _settle(self, order: _Order, outcome: _Answer | BaseException) -> None:
        with self._lock:
            self._orders.pop(id(order), None)
        if order.target.done():
            return
        if isinstance(outcome, BaseException):
            fail(outcome, order.target)
        else:
            order.target.set_result(outcome)

    def _land(self, job: Job, found: Future[_Answer], target: Future[str]) -> None:
        """Puts what a job gave into the store."""
        self._jobs.pop(job.key, None)
        try:
            answer = found.result()
            if answer["key"] != job.key:
                raise JobFailed("grader_error", f"the key {answer['key']} came for {job.key}")
            payloads.keep_record(self._store, job.key, answer["files"])
            self._made_by[job.key] = answer["worker"]
            target.set_result(job.key)
        except StoreError as error:
            fail(StoreFailed("grader_error", str(error)), target)
        except (Exception, CancelledError) as error:  # noqa: BLE001  (a future waits for it)
            fail(error, target)

    # The end of a cluster -------------------------------------------------------------------

    def _lose(self) -> None:
        with self._lock:
            if self.lost is None:
                self.lost = WorkersLost(
                    f"the Dask scheduler {self.connection.address.url} is gone, and with it what "
                    "it had not finished. Finished runs are kept: start it again, with its "
                    "workers, and the same command goes on from there"
                )
            lost, orders = self.lost, list(self._orders.values())
        for order in orders:
            self._settle(order, lost)

    def _watch(self) -> None:
        """Tells the user where jobs wait because no worker is left; others may join."""
        told = False
        while not self._stopping.wait(_WATCH_S):
            client = self.connection.client
            with contextlib.suppress(OSError, TimeoutError, RuntimeError, KeyError):
                if client.status != "running":
                    continue
                workers = self.connection.workers(self._resources)
                self._free(workers)
                with self._lock:
                    none = not workers - self._refused
                if none and self._orders and not told:
                    self._tell(
                        "WARNING: the cluster has no worker any more that can do the work: waiting "
                        "for one to join. Ctrl-C ends the run; finished runs are kept"
                    )
                told = none

    def _free(self, workers: frozenset[str]) -> None:
        """Sends waiting orders to workers that joined, also those sent to workers that left."""
        with self._lock:
            orders = list(self._orders.values())
            refused = set(self._refused)
        for order in orders:
            if order.waits and workers - refused - order.avoid:
                self._send(order)
            elif order.only and order.sent is not None and not order.only & workers:
                order.sent.cancel()


def _difference(answer: _Answer) -> str:
    expected, actual = answer["expected"], answer["actual"]
    differing = [
        f"{name} is {actual[name]}, but should be {value}"
        for name, value in expected.items()
        if actual[name] != value
    ]
    return f"on {answer['worker']} {'; '.join(differing)}"
