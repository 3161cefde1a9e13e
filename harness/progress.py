"""What is being trained and how far it is.

On a terminal a bar shows it; elsewhere there is a line for each finished run.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TypeVar

_T = TypeVar("_T")
_POLL_S = 0.25


@dataclass(frozen=True)
class _Job:
    title: str
    epochs: int
    epoch: int = 0
    accuracy: float | None = None
    started: float = field(default_factory=time.monotonic)
    ended: bool = False


class Progress:
    """Follows the jobs; whoever waits for a result draws.

    Args:
        tell: shows one line, for logs.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._jobs: dict[str, _Job] = {}
        self._lock = Lock()
        self._lines: list[str] = []
        # Replaced by the plugin: pytest captures the terminal while a check runs.
        self.uncaptured: Callable[[], AbstractContextManager[None]] = nullcontext

    def expect(self, key: str, title: str, epochs: int) -> None:
        """A job was queued."""
        with self._lock:
            self._jobs[key] = _Job(title, epochs)

    def update(self, key: str, epoch: int, accuracy: float) -> None:
        """A job ended an epoch, with this validation accuracy."""
        with self._lock:
            job = self._jobs[key]
            started = job.started if job.epoch else time.monotonic()
            self._jobs[key] = replace(job, epoch=epoch, accuracy=accuracy, started=started)

    def finish(self, key: str, *, failed: bool) -> None:
        """A job ended."""
        with self._lock:
            job = replace(self._jobs[key], ended=True)
            self._jobs[key] = job
            ended = sum(j.ended for j in self._jobs.values())
            seen = f"validation {job.accuracy:.2%}" if job.accuracy is not None else "no epoch"
            outcome = "failed" if failed else "trained"
            count = f"{job.epoch} {'epoch' if job.epoch == 1 else 'epochs'}"
            self._lines.append(
                f"{outcome} {job.title}: {count}, {seen} ({ended} of {len(self._jobs)})"
            )

    def wait(self, future: Future[_T]) -> _T:
        """Returns a future's result, showing what is going on until it is there."""
        if not future.done():
            with self.uncaptured():
                if sys.stderr.isatty():
                    self._draw_until(future)
                else:
                    self._report_until(future)
        elif self._lines:  # of runs that ended while nobody waited
            with self.uncaptured():
                self._flush()
        return future.result()

    def _report_until(self, future: Future[_T]) -> None:
        while not _is_done(future):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        for line in lines:
            self._tell(line)

    def _draw_until(self, future: Future[_T]) -> None:
        # Imported where a bar is drawn: collecting the checks should not pay for it.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
        from rich.progress import Progress as Bar  # noqa: PLC0415

        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=24),
            TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[accuracy]}"),
            TimeElapsedColumn(),
        )
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            tasks: dict[str, object] = {}
            while not _is_done(future):
                with self._lock:
                    jobs = dict(self._jobs)
                for key, job in jobs.items():
                    if key not in tasks:
                        tasks[key] = bar.add_task(job.title, total=job.epochs, accuracy="")
                    bar.update(
                        tasks[key],  # type: ignore[arg-type]
                        completed=job.epoch,
                        visible=not job.ended,
                        accuracy="" if job.accuracy is None else f"val {job.accuracy:.2%}",
                    )
        self._flush()


def _is_done(future: Future[_T]) -> bool:
    """Waits a moment; short enough that Ctrl-C is felt at once."""
    try:
        future.exception(timeout=_POLL_S)
    except FutureTimeoutError:
        return False
    return True
