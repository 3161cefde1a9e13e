"""Records on disk: content-addressed, written whole or not at all, verified when read."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.plain_json import parse
from reference.errors import UserError

MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_ATTEMPTS = 3


class Store:
    """A folder of records, each a folder named by its key.

    root/records/<first two of key>/<key>/   the files, and manifest.json with their SHA-256
    root/incoming/                           half-written records, never read
    root/quarantine/                         records that failed verification, kept to look at
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, key: str) -> Path:
        """Returns where the record of `key` is, or would be."""
        return self.root / "records" / key[:2] / key

    def get(self, key: str, read: Callable[[Path], object] | None = None) -> Path | None:
        """Returns the verified record's folder; None when there is none, or it was set aside.

        Args:
            read: what is going to read it: where it raises OSError or ValueError, the record is
                whole, but of no use, and is set aside as well.
        """
        folder = self.folder(key)
        if not folder.is_dir():
            return None
        if _is_intact(folder) and (read is None or _is_readable(folder, read)):
            return folder
        self._set_aside(folder)
        return None

    def put(self, key: str, write: Callable[[Path], None]) -> Path:
        """Stores what `write` puts into an empty folder; a record that is already there stays.

        Raises:
            UserError: the store cannot be written.
        """
        target = self.folder(key)
        try:
            incoming = self.root / "incoming"
            incoming.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f"{key[:16]}-", dir=incoming))
        except OSError as error:
            raise _cannot_write(self.root, error) from error
        try:
            write(temporary)
            _write_manifest(temporary)
            if not self._place(temporary, key):
                shutil.rmtree(temporary)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise _cannot_write(self.root, error) from error
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
        """Forgets the record of `key`, if there is one."""
        folder = self.folder(key)
        if folder.exists():
            incoming = self.root / "incoming"
            incoming.mkdir(parents=True, exist_ok=True)
            # Renamed first, so that nobody ever reads half a record.
            doomed = Path(tempfile.mkdtemp(prefix=f"{key[:16]}-", dir=incoming))
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                folder.rename(doomed / key)
            shutil.rmtree(doomed, ignore_errors=True)

    def _set_aside(self, folder: Path) -> None:
        quarantine = self.root / "quarantine"
        try:
            quarantine.mkdir(parents=True, exist_ok=True)
            place = Path(tempfile.mkdtemp(prefix=f"{folder.name[:16]}-", dir=quarantine))
            try:
                folder.rename(place / folder.name)
            except FileNotFoundError:  # another process was quicker
                place.rmdir()
        except OSError as error:
            raise _cannot_write(self.root, error) from error


def _cannot_write(root: Path, error: OSError) -> UserError:
    return UserError(
        f"the store {root} cannot be written: {error.strerror or error}. "
        "Make room or make it writable, or name another folder with --store."
    )


def _write_manifest(folder: Path) -> None:
    sums = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps(sums, indent=1, sort_keys=True), encoding="utf-8")
    for path in folder.iterdir():
        _flush(path)


def _flush(path: Path) -> None:
    """Hands the file to the disk, so that a rename after it never uncovers an empty one."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_intact(folder: Path) -> bool:
    try:
        sums = parse((folder / MANIFEST).read_bytes())
        names = {path.name for path in folder.iterdir()} - {MANIFEST}
        return (
            isinstance(sums, dict)
            and names == set(sums)
            and all(_sha256(folder / name) == expected for name, expected in sums.items())
        )
    except (OSError, ValueError):
        return False


def _is_readable(folder: Path, read: Callable[[Path], object]) -> bool:
    try:
        read(folder)
    except (OSError, ValueError):
        return False
    return True


def _sha256(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha.update(chunk)
    return sha.hexdigest()
