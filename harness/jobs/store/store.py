"""Records on disk: content-addressed, written whole or not at all, verified when read."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.jobs.store import manifest
from harness.system import directories
from reference.errors import UserError

# Folder in the store: half-written records.
INCOMING = "incoming"
_ATTEMPTS = 3
# No record is so large; where less is free, any error while writing one means a full disk.
_LITTLE_BYTES = 1 << 20


class StoreError(UserError):
    """The store cannot be written or read: a fault of the machine, or of the folder's rights."""


class Store:
    """A folder of records, each a folder named by its key.

    root/records/<first two of key>/<key>/   the files, and manifest.json: whose record it is, and
                                             the SHA-256 of each file
    root/incoming/                           half-written records, never read
    root/quarantine/                         records that failed verification, kept to look at

    Args:
        tell: shows a line to the user: of each record that was set aside.

    Attributes:
        failures: what could not be written or read, and what was removed, each as a sentence.
    """

    def __init__(self, root: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self.root = root
        self.failures: list[str] = []
        self._tell = tell

    def folder(self, key: str) -> Path:
        """Returns where the record of `key` is, or would be."""
        return self.root / "records" / key[:2] / key

    def get(self, key: str, read: Callable[[Path], object] | None = None) -> Path | None:
        """Returns the verified record's folder; None when it is not stored, or was set aside.

        Args:
            read: reads the record; where it raises OSError or ValueError, the record is intact
                but unusable, and is set aside as well.

        Raises:
            StoreError: it may not be read, or is damaged and cannot be set aside.
        """
        folder = self.folder(key)
        try:
            if _fault(folder, key, read) is None:
                return folder
            # Another process may have been replacing it: it is checked again before that.
            reason = _fault(folder, key, read)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise self._failed("read", error) from error
        if reason is None:
            return folder
        self._set_aside(folder, reason)
        return None

    def put(self, key: str, write: Callable[[Path], None]) -> Path:
        """Stores what `write` puts into an empty folder; a record that is already there stays.

        Raises:
            StoreError: the store cannot be written.
        """
        target = self.folder(key)
        try:
            incoming = self.root / INCOMING
            incoming.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f"{key[:16]}-", dir=incoming))
        except OSError as error:
            raise self._failed("written", error) from error
        try:
            write(temporary)
            manifest.write(temporary, key)
            if not self._place(temporary, key):
                shutil.rmtree(temporary)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise self._failed("written", error) from error
        except Exception as error:
            # Libraries that write files have errors of their own for a disk that is full.
            full = _is_full(self.root)
            shutil.rmtree(temporary, ignore_errors=True)
            if full:
                no_room = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                raise self._failed("written", no_room) from error
            raise
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return target

    def _place(self, temporary: Path, key: str) -> bool:
        """Renames a written record into place; False when an intact one was there already."""
        for _ in range(_ATTEMPTS):
            try:
                temporary.rename(self.folder(key))
            except OSError as error:
                if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                    raise
                if self.get(key) is not None:  # else what was there is set aside: try again
                    return False
            else:
                return True
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))

    def discard(self, key: str) -> None:
        """Forgets the record of `key`, if there is one.

        Raises:
            StoreError: it cannot be removed.
        """
        folder = self.folder(key)
        try:
            if folder.exists():
                incoming = self.root / INCOMING
                incoming.mkdir(parents=True, exist_ok=True)
                # Renamed first, so that no process reads half a record.
                doomed = Path(tempfile.mkdtemp(prefix=f"{key[:16]}-", dir=incoming))
                with contextlib.suppress(FileNotFoundError):  # another process was quicker
                    folder.rename(doomed / key)
                shutil.rmtree(doomed, ignore_errors=True)
        except OSError as error:
            raise self._failed("written", error) from error

    def _set_aside(self, folder: Path, reason: str) -> None:
        try:
            place = directories.set_aside(folder, self.root / directories.QUARANTINE)
        except OSError as error:
            raise self._failed("written", error) from error
        if place is not None:  # else another process was quicker, and has said so
            self._tell(
                f"WARNING: a stored record was damaged ({reason}) and was set aside in {place}; "
                "it is computed again"
            )

    def _failed(self, action: str, error: OSError) -> StoreError:
        """Notes that the store cannot be "read" or "written", and returns it as an error."""
        mend = "Make room or make it writable" if action == "written" else "Make it readable"
        failure = StoreError(
            f"the store {self.root} cannot be {action}: {directories.described(error)}. "
            f"{mend}, or name another folder with --store."
        )
        self.failures.append(str(failure))
        return failure


def _is_full(root: Path) -> bool:
    try:
        return shutil.disk_usage(root).free < _LITTLE_BYTES
    except OSError:
        return False


def _fault(folder: Path, key: str, read: Callable[[Path], object] | None) -> str | None:
    """Returns why a record is unusable; raises as `manifest.damage`."""
    reason = manifest.damage(folder, key)
    if reason is None and read is not None:
        try:
            read(folder)
        except (OSError, ValueError) as error:
            return f"it is intact, but cannot be used: {error}"
    return reason


# In the store: files of a cluster that a session started on this machine.
FOLDER = "cluster"
