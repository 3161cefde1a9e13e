"""The workers of a session, started when the first of them is needed."""

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from threading import Lock
from typing import Protocol

from harness.jobs.kinds.base import Job, OnEvent
from harness.jobs.kinds.errors import JobFailed, WorkersLost
from harness.jobs.kinds.train import TrainJob
from harness.jobs.kinds.verify import Verification, Verifier
from harness.jobs.local.scheduler import RECYCLING, Recycling, Scheduler
from harness.network.cost import TimeLimit
from harness.system.failure import BuildFailure
from harness.system.machine import numeric_platform
from harness.system.processes.json_process import JsonChannel


class Pool(Protocol):
    """Runs jobs: `harness.jobs.local.scheduler.Scheduler`, or a cluster's pool."""

    def submit(self, job: Job, priority: float, limit: TimeLimit | None = None) -> Future[str]:
        """Queues a job and returns the future of its record's key; it raises `JobFailed`."""


class Computing(Protocol):
    """The workers of a session: this machine's or a cluster's.

    Attributes:
        platform: `numeric_platform` of where they are.
        at_once: how many jobs run at once.
        lost: why all workers are gone; None while there are some.
    """

    @property
    def platform(self) -> Mapping[str, object]: ...

    @property
    def at_once(self) -> int: ...

    @property
    def lost(self) -> WorkersLost | None: ...

    def begin(self, images: str) -> None:
        """Called once, before anything is computed; raises `UserError` where nothing can be.

        Args:
            images: digest of the data set that jobs will want.
        """

    def get(self) -> Pool:
        """Returns the pool; raises `JobFailed` after the end."""

    def verify(self, job: TrainJob, record: Path, data: Path) -> Verification | BuildFailure:
        """Has another process look at a finished run; see `harness.jobs.kinds.verify.Verifier`."""

    def describe(self) -> dict[str, object]:
        """Returns what `environment` in results.json says of them."""

    def stop(self) -> None:
        """Ends them; finished records stay in the store."""


class Workers:
    """A scheduler that does not start before it is asked for, and never after the end.

    Args:
        count: training processes.
        data: folder of the published arrays.
        store: root of the store.
        logs: where their standard error goes.
        on_event: told of every epoch.
        recycling: when a worker has served long enough.
        module: that each runs; None for the worker that trains.
    """

    lost = None

    def __init__(  # noqa: PLR0913  (as of `Scheduler`)
        self,
        count: int,
        data: Path,
        store: Path,
        logs: Path,
        on_event: OnEvent,
        *,
        recycling: Recycling = RECYCLING,
        module: str | None = None,
    ) -> None:
        self.at_once = count
        self._data = data
        self._store = store
        self._logs = logs
        self._on_event = on_event
        self._recycling = recycling
        self._module = module
        self._scheduler: Scheduler | None = None
        self._verifier = Verifier(self.fork, logs / "verifying.log")
        self._lock = Lock()
        self._stopped = False

    @property
    def platform(self) -> Mapping[str, object]:
        return numeric_platform()

    def begin(self, images: str) -> None:
        """They start when they are asked for, and see our disk."""

    def describe(self) -> dict[str, object]:
        return {"workers": self.at_once}

    def verify(self, job: TrainJob, record: Path, data: Path) -> Verification | BuildFailure:
        return self._verifier.verify(job, record, data)

    def get(self) -> Scheduler:
        """Returns the scheduler.

        Raises:
            JobFailed: the session has ended, and so would not end new workers.
        """
        with self._lock:
            if self._stopped:
                raise JobFailed("skipped", "the session has ended")
            if self._scheduler is None:
                self._scheduler = Scheduler(
                    self.at_once,
                    self._data.absolute(),
                    self._store.absolute(),
                    self._logs,
                    self._on_event,
                    self._module,
                    recycling=self._recycling,
                )
            return self._scheduler

    def fork(self, log: Path) -> JsonChannel:
        """Starts one more process; see `Scheduler.fork`."""
        return self.get().fork(log)

    def stop(self) -> None:
        """Ends them; finished records stay in the store."""
        self._verifier.stop()
        with self._lock:
            self._stopped = True
            if self._scheduler is not None:
                self._scheduler.stop()
