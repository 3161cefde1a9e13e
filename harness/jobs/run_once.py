"""What is not in the store is done by one run, and the others that use the store wait for it."""

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from harness.jobs.kinds.errors import JobFailed
from harness.jobs.store.locks import Leases
from harness.jobs.store.store import Store, StoreError
from harness.system.futures import fail

WAITING = (
    "Another run that uses this store is at some of the same work: what comes of it is taken from "
    "there. Should that run end before, the work is done here."
)

_LOOK_EVERY_S = 0.25
# So many looks may take this share of the time: there may be ten thousand that wait.
_MOST_OF_THE_TIME = 0.1


@dataclass(frozen=True)
class Wish:
    """Something that is to be found in the store, or else to be done.

    Attributes:
        fresh: to be done even where it is found, unless another run did it since this one began.
        found: given the record's folder; nobody discards it until this run ends.
        act: has it done; `Turns.done` or `Turns.give_up` is to be called in the end.
        target: gets the error where something goes wrong before.
        read: what `found` reads the record with: one that it cannot read is done anew.
    """

    key: str
    fresh: bool
    found: Callable[[Path], None]
    act: Callable[[], None]
    target: Future[Any]
    read: Callable[[Path], object] | None = None


class Turns:
    """Has wishes granted: at once where no other run has to do with them, else later.

    Args:
        tell: shows a line to the user; called once, when another run is first waited for.
    """

    def __init__(self, store: Store, leases: Leases, tell: Callable[[str], None]) -> None:
        self.store = store
        self._leases = leases
        self._tell = tell
        self._waiting: list[Wish] = []
        self._changed = Condition()
        self._thread: Thread | None = None
        self._stopped = False

    def ask(self, wish: Wish) -> None:
        """Grants a wish, or sees to it that it is granted; raises nothing."""
        if self._settled(wish, first=True):
            return
        with self._changed:
            if self._stopped:
                fail(_ended(), wish.target)
                return
            self._waiting.append(wish)
            if self._thread is None:
                self._tell(WAITING)
                self._thread = Thread(target=self._look, name="turns", daemon=True)
                self._thread.start()

    def done(self, key: str) -> None:
        """Its record is in the store: from now on others may use it as well."""
        self._leases.share(key)

    def give_up(self, key: str) -> None:
        """There will be no record: let another run try."""
        self._leases.release(key)

    def stop(self) -> None:
        """Waits for nobody any more; what was waited for is skipped."""
        with self._changed:
            self._stopped = True
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
        fail(_ended(), *(wish.target for wish in waiting))

    def wait(self) -> None:
        """Waits for what `stop` has left."""
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        """Tries those that wait, again and again; each moment as many as there are."""
        pause = _LOOK_EVERY_S
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped, pause)
                if self._stopped:
                    return
                waiting = list(self._waiting)
            began = time.monotonic()
            settled = {wish.key for wish in waiting if self._settled(wish, first=False)}
            with self._changed:
                self._waiting = [wish for wish in self._waiting if wish.key not in settled]
            pause = max(_LOOK_EVERY_S, (time.monotonic() - began) / _MOST_OF_THE_TIME)

    def _settled(self, wish: Wish, *, first: bool) -> bool:
        """Tries to grant a wish; False when it must wait.

        Args:
            first: nobody has waited for it. What is fresh is then done anew: only who waits can
                have been given a record that is newer than this run.
        """
        try:
            return self._granted(wish, first=first)
        except (Exception, CancelledError) as error:  # noqa: BLE001  (somebody waits for it)
            if isinstance(error, StoreError):
                error = JobFailed("grader_error", str(error))
            self._leases.release(wish.key)
            fail(error, wish.target)
            return True

    def _granted(self, wish: Wish, *, first: bool) -> bool:
        key = wish.key
        if self._leases.take(key):
            folder = None if wish.fresh and first else self._acceptable(wish)
            if folder is None:
                if wish.fresh:
                    self.store.discard(key)
                wish.act()
            else:
                self._leases.share(key)
                wish.found(folder)
            return True
        if not self._leases.share(key):
            return False  # another run is at it
        folder = self._acceptable(wish)  # another run reads it, or looks whether it is there
        if folder is None:
            self._leases.release(key)
            return False
        wish.found(folder)
        return True

    def _acceptable(self, wish: Wish) -> Path | None:
        folder = self.store.get(wish.key, wish.read)
        if folder is None or not wish.fresh:
            return folder
        with contextlib.suppress(FileNotFoundError):
            if self._leases.is_newer(folder):
                return folder
        return None


def _ended() -> JobFailed:
    return JobFailed("skipped", "the session ended before its turn")
