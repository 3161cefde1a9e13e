"""Shows which jobs run and how far they are.

A terminal shows a bar; elsewhere each finished run has a line.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, TypeVar

_T = TypeVar("_T")
TRAINED = "trained"
_POLL_S = 0.25


@dataclass(frozen=True)
class _Job:
    title: str
    epochs: int
    work: float
    verb: str = TRAINED
    epoch: int = 0
    accuracy: float | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> float:
        """How much of its work is done."""
        return self.work * self.epoch / self.epochs


class Progress:
    """Follows the jobs; the thread that waits for a result draws.

    Only sums are kept of jobs that have ended, so that their number does not slow it down.

    Args:
        tell: shows one line, for logs.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._jobs: dict[str, _Job] = {}  # those that have not ended
        self._under_way: set[str] = set()  # of these, those that have ended an epoch
        self._known = self._ended = 0
        self._work = self._ended_work = 0.0
        self._openings = self._opened = 0
        self._began: float | None = None
        self._lock = Lock()
        self._lines: list[str] = []
        # Replaced by the plugin: pytest captures the terminal while a check runs.
        self.uncaptured: Callable[[], AbstractContextManager[None]] = nullcontext

    def expect_openings(self, count: int) -> None:
        """Adds to the number of subjects that are to be opened."""
        with self._lock:
            self._openings += count

    def opened(self) -> None:
        """Counts one subject as opened."""
        with self._lock:
            self._opened += 1

    def expect(
        self, key: str, title: str, epochs: int, work: float = 1.0, verb: str = TRAINED
    ) -> None:
        """Adds a queued job.

        Args:
            work: any measure of its length, the same for all jobs.
            verb: names what was done, when it ends.
        """
        with self._lock:
            if self._began is None:
                self._began = time.monotonic()
            self._jobs[key] = _Job(title, epochs, work, verb)
            self._known += 1
            self._work += work

    def remaining_s(self) -> float | None:
        """Returns the expected seconds until all jobs are done; None before the first epoch."""
        with self._lock:
            began, total, done = self._began, self._work, self._done()
        if began is None or done == 0:
            return None
        return (time.monotonic() - began) * max(0.0, total - done) / done

    def _done(self) -> float:
        """Returns the work that is done; call it with the lock held."""
        return self._ended_work + sum(self._jobs[key].done for key in self._under_way)

    def update(self, key: str, epoch: int, accuracy: float | None) -> None:
        """Notes that a job ended an epoch, with its validation accuracy where that is known."""
        with self._lock:
            job = self._jobs[key]
            started = job.started if job.epoch else time.monotonic()
            self._jobs[key] = replace(job, epoch=epoch, accuracy=accuracy, started=started)
            self._under_way.add(key)

    def finish(self, key: str, *, failed: bool) -> None:
        """Notes that a job ended."""
        with self._lock:
            job = self._jobs.pop(key)
            self._under_way.discard(key)
            self._ended += 1
            self._ended_work += job.work
            ended, known = self._ended, self._known
            outcome = "failed" if failed else job.verb
            seen = _seen(job, failed=failed)
            line = f"{outcome} {job.title}{seen} ({ended} of {known})"
        left = _left(self.remaining_s()) if ended < known else ""
        with self._lock:
            self._lines.append(f"{line}; {left}" if left else line)

    def note(self, line: str) -> None:
        """Shows a line at the next wait, or at the end; any thread may call it."""
        with self._lock:
            self._lines.append(line)

    def flush(self) -> None:
        """Shows the lines that no wait has shown."""
        with self._lock:
            lines, self._lines = self._lines, []
        for line in lines:
            self._tell(line)

    def wait(self, future: Future[_T]) -> _T:
        """Returns a future's result, showing the progress until then."""
        if not future.done():
            with self.uncaptured():
                if sys.stderr.isatty():
                    self._draw_until(future)
                else:
                    self._report_until(future)
        elif self._lines:  # of runs that ended between two waits
            with self.uncaptured():
                self.flush()
        return future.result()

    def _report_until(self, future: Future[_T]) -> None:
        while not _is_done(future):
            self.flush()
        self.flush()

    def _draw_until(self, future: Future[_T]) -> None:
        # Imported where a bar is drawn: collecting the checks should not pay for it.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
        from rich.progress import Progress as Bar  # noqa: PLC0415

        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
        )
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            tasks: dict[str, Any] = {}
            while not _is_done(future):
                rows = self._rows()
                for key in tasks.keys() - rows.keys():
                    bar.remove_task(tasks.pop(key))
                for key, row in rows.items():
                    if key not in tasks:
                        tasks[key] = bar.add_task(row.title, status="")
                    bar.update(
                        tasks[key],
                        completed=row.completed,
                        total=row.total,
                        visible=row.visible,
                        status=row.status,
                    )
        self.flush()

    def _rows(self) -> dict[str, "_Row"]:
        """Returns the rows of the bar: subjects opened, jobs done, and each running job."""
        with self._lock:
            few = self._known <= _FEW
            shown = {key: self._jobs[key] for key in (self._jobs if few else self._under_way)}
            opened, openings = self._opened, self._openings
            ended, known, work, done = self._ended, self._known, self._work, self._done()
        left = _left(self.remaining_s())
        status = f"{ended} of {known}{', ' + left if left else ''}"
        rows = {
            "opened": _Row(
                "opened", opened, openings, f"{opened} of {openings}", opened < openings
            ),
            "all": _Row("trained", done, work, status, ended < known > 1),
        }
        for key, job in shown.items():
            seen = "" if job.accuracy is None else f"  val {100 * job.accuracy:.2f} %"
            word = "epoch" if job.verb == TRAINED else "part"
            status = f"{word} {job.epoch}/{job.epochs}{seen}"
            rows[key] = _Row(job.title, job.epoch, job.epochs, status, visible=True)
        return rows


def _seen(job: _Job, *, failed: bool) -> str:
    """Returns the epochs and the validation accuracy of a training; "" for other jobs."""
    if job.verb != TRAINED:
        return ""
    if job.epoch == 0:
        return ": 0 epochs, no epoch" if failed else ""
    count = f": {job.epoch} {'epoch' if job.epoch == 1 else 'epochs'}"
    return count if job.accuracy is None else f"{count}, validation {100 * job.accuracy:.2f} %"


# So many runs are shown from the start, more only when they are under way.
_FEW = 8


@dataclass(frozen=True)
class _Row:
    title: str
    completed: float
    total: float
    status: str
    visible: bool


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f"about {max(1, round(seconds))} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


def _is_done(future: Future[_T]) -> bool:
    """Waits a moment, short enough that Ctrl-C takes effect at once."""
    try:
        future.exception(timeout=_POLL_S)
    except FutureTimeoutError:
        return False
    return True
