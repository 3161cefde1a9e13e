"""Locks of the runs that share a store; they end with the process that holds them.

Each is a lock on one byte of one file (docs/decisions/0020): a killed process leaves none behind,
ten thousand of them need one descriptor, and they hold across machines wherever the file system has
locks.

    byte 0           shared by all runs; a run that holds it alone may clean up
    byte 1 ...       one for each key of the store, by the key's first 60 bits
    byte 2^61 ...    one for each run: its number among them
"""

import fcntl
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

NAME = "leases"  # a store that is in use knows it by this name

_ALONE, _TOGETHER = fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_SH | fcntl.LOCK_NB
_AT_WORK = 0
_KEYS = 1
_DIGITS = 15  # hexadecimal, of a key: 60 bits; an offset has 63
_PLACES = 1 << 61

_WITHOUT = (
    "{file} cannot be locked ({reason}): two runs that use this store at once may do the same work "
    "twice, and files of killed runs are not removed"
)

# Closing any descriptor of a file ends all locks that the process has on it.
_open: set[Path] = set()


class Locks:
    """The locks that one process holds on a store: at most one such object for each store.

    Where the file system has no locks, every lock succeeds, and the user is told once: at worst
    the work is done twice, with right results. All methods may be called from any thread; they do
    not keep the threads of a process from each other.

    Args:
        root: of the store.
        tell: shows a line to the user.
    """

    def __init__(self, root: Path, tell: Callable[[str], None]) -> None:
        self._folder = root.resolve()
        self._tell = tell
        self._mutex = Lock()
        self._works = True
        self._descriptor = -1
        self._began_ns = 0
        if self._folder in _open:
            raise RuntimeError(f"this process already has the locks of {root}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._folder / NAME, flags, 0o666)
            _open.add(self._folder)
            # By the clock of the file system, which may be another machine's.
            os.utime(self._descriptor)
            self._began_ns = os.fstat(self._descriptor).st_mtime_ns
            # Waits while another run sweeps, which never takes long.
            fcntl.lockf(self._descriptor, fcntl.LOCK_SH, 1, _AT_WORK)
        except OSError as error:
            self._do_without(error)

    def is_newer(self, record: Path) -> bool:
        """Whether a record was made since this run began."""
        return record.stat().st_mtime_ns > self._began_ns

    def take(self, key: str) -> bool:
        """Locks a key for this process alone; False where another process holds it."""
        return self._lock(_ALONE, _offset(key))

    def share(self, key: str) -> bool:
        """Locks a key together with other readers; False where a process holds it alone.

        A lock that this process held alone becomes shared.
        """
        return self._lock(_TOGETHER, _offset(key))

    def release(self, key: str) -> None:
        """Ends a lock of either kind."""
        self._lock(fcntl.LOCK_UN, _offset(key))

    def place(self) -> int:
        """Returns this run's number among all that use the store, from 0, until it ends."""
        return next(n for n in itertools.count() if self._lock(_ALONE, _PLACES + n))

    def when_alone(self, act: Callable[[], None]) -> None:
        """Calls `act` if no other run uses the store; none can begin until it returns."""
        if self._lock(_ALONE, _AT_WORK) and self._works:
            try:
                act()
            finally:
                self._lock(_TOGETHER, _AT_WORK)

    def close(self) -> None:
        """Ends all locks; safe to call twice."""
        with self._mutex:
            self._works = False
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
                _open.discard(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _lock(self, kind: int, offset: int) -> bool:
        with self._mutex:
            if not self._works:
                return True
            try:
                fcntl.lockf(self._descriptor, kind, 1, offset)
            except (BlockingIOError, PermissionError):  # one or the other, by the kernel
                return False
            except OSError as error:
                self._do_without(error)
            return True

    def _do_without(self, error: OSError) -> None:
        # Locks that are held stay until the end and still keep others away.
        self._works = False
        self._tell(_WITHOUT.format(file=self._folder / NAME, reason=error.strerror or error))


def _offset(key: str) -> int:
    return _KEYS + int(key[:_DIGITS], 16)
