"""One run computes what is not in the store; the other runs that use the store wait for it."""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from harness.jobs.kinds.errors import JobFailed
from harness.jobs.store.locks import Locks
from harness.jobs.store.store import Store, StoreError
from harness.system.futures import fail

WAITING = (
    "Another run is already computing some of these results; waiting for them. If it stops, this "
    "run computes them."
)

_LOOK_EVERY_S = 0.25
# Looking may take this share of the time: ten thousand requests may be waiting.
_MAX_SHARE = 0.1


@dataclass(frozen=True)
class Request:
    """A result that is read from the store, or else computed.

    Attributes:
        fresh: compute it even where it is stored, unless another run did so since this one began.
        found: called with the record's folder, which stays until this run ends.
        act: starts computing it; call `RunOnce.done` or `RunOnce.give_up` in the end.
        target: gets the error where something goes wrong before.
        read: reads the record for `found`; a record that it cannot read is computed again.
    """

    key: str
    fresh: bool
    found: Callable[[Path], None]
    act: Callable[[], None]
    target: Future[Any]
    read: Callable[[Path], object] | None = None


class RunOnce:
    """Runs each request now, or waits while another process holds its lock.

    Args:
        tell: shows a line to the user; called once, when a request first waits.
    """

    def __init__(self, store: Store, locks: Locks, tell: Callable[[str], None]) -> None:
        self.store = store
        self._locks = locks
        self._tell = tell
        self._waiting: list[Request] = []
        self._changed = Condition()
        self._thread: Thread | None = None
        self._stopped = False

    def ask(self, request: Request) -> None:
        """Runs a request now or later; raises nothing."""
        if self._settled(request, first=True):
            return
        with self._changed:
            if self._stopped:
                fail(_ended(), request.target)
                return
            self._waiting.append(request)
            if self._thread is None:
                self._tell(WAITING)
                self._thread = Thread(target=self._look, name="run once", daemon=True)
                self._thread.start()

    def done(self, key: str) -> None:
        """Lets other runs use the record, which is in the store now."""
        self._locks.share(key)

    def give_up(self, key: str) -> None:
        """Lets another run compute the record: this one will not."""
        self._locks.release(key)

    def stop(self) -> None:
        """Cancels all pending requests."""
        with self._changed:
            self._stopped = True
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
        fail(_ended(), *(request.target for request in waiting))

    def wait(self) -> None:
        """Waits until `stop` has taken effect."""
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        """Tries all waiting requests, again and again."""
        pause = _LOOK_EVERY_S
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped, pause)
                if self._stopped:
                    return
                waiting = list(self._waiting)
            began = time.monotonic()
            settled = {request.key for request in waiting if self._settled(request, first=False)}
            with self._changed:
                self._waiting = [request for request in self._waiting if request.key not in settled]
            pause = max(_LOOK_EVERY_S, (time.monotonic() - began) / _MAX_SHARE)

    def _settled(self, request: Request, *, first: bool) -> bool:
        """Tries to run a request; False when it must wait.

        Args:
            first: whether this is the first try. A fresh request is then computed again: only
                while it waits can another run store a record that is newer than this run.
        """
        try:
            return self._run(request, first=first)
        except (Exception, CancelledError) as error:  # noqa: BLE001  (the request's future waits for it)
            if isinstance(error, StoreError):
                error = JobFailed("grader_error", str(error))
            self._locks.release(request.key)
            fail(error, request.target)
            return True

    def _run(self, request: Request, *, first: bool) -> bool:
        key = request.key
        if self._locks.take(key):
            folder = None if request.fresh and first else self._acceptable(request)
            if folder is None:
                if request.fresh:
                    self.store.discard(key)
                request.act()
            else:
                self._locks.share(key)
                request.found(folder)
            return True
        if not self._locks.share(key):
            return False  # another run computes it
        folder = self._acceptable(request)  # another run reads it, or looks for it
        if folder is None:
            self._locks.release(key)
            return False
        request.found(folder)
        return True

    def _acceptable(self, request: Request) -> Path | None:
        folder = self.store.get(request.key, request.read)
        if folder is None or not request.fresh:
            return folder
        with contextlib.suppress(FileNotFoundError):
            if self._locks.is_newer(folder):
                return folder
        return None


def _ended() -> JobFailed:
    return JobFailed("skipped", "the session ended before its turn")
