"""The workers of a session, started when the first of them is needed."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from harness.jobs import Job
from harness.process import JsonChannel
from harness.progress import Progress
from harness.scheduler import JobFailed, Scheduler


class Workers:
    """A scheduler that does not start before it is asked for, and never after the end.

    Args:
        count: training processes.
        data: folder of the published arrays.
        store: root of the store.
        logs: where their last words go.
        progress: told of every epoch.
    """

    def __init__(self, count: int, data: Path, store: Path, logs: Path, progress: Progress) -> None:
        self._count = count
        self._data = data
        self._store = store
        self._logs = logs
        self._progress = progress
        self._scheduler: Scheduler | None = None
        self._lock = Lock()
        self._stopped = False

    def get(self) -> Scheduler:
        """Returns the scheduler.

        Raises:
            JobFailed: the session has ended; nobody would end workers that start now.
        """
        with self._lock:
            if self._stopped:
                raise JobFailed("skipped", "the session has ended")
            if self._scheduler is None:
                self._scheduler = Scheduler(
                    self._count,
                    self._data.absolute(),
                    self._store.absolute(),
                    self._logs,
                    self._on_event,
                )
            return self._scheduler

    def fork(self, log: Path) -> JsonChannel:
        """Has one more process made, for whoever asks; see `Scheduler.fork`."""
        return self.get().fork(log)

    def stop(self) -> None:
        """Ends them; finished records stay in the store."""
        with self._lock:
            self._stopped = True
            if self._scheduler is not None:
                self._scheduler.stop()

    def _on_event(self, job: Job, event: Mapping[str, Any]) -> None:
        if event["event"] == "epoch":
            self._progress.update(job.key, event["epoch"], event.get("val_accuracy"))
