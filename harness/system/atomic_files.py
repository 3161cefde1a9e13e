"""Files that appear whole or not at all, and what is left of those whose writer was killed.

A file is written aside, in the same folder, and renamed into place. The writer shares a lock
on the folder meanwhile, so that no other process removes the file as a dead writer's.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

_ENDING = ".part"
_RANDOM_BYTES = 8


def replace(path: Path, content: bytes) -> None:
    """Writes a file aside and renames it into place, readable as far as the umask allows.

    Raises:
        OSError: it cannot be written; what was there before is there still.
    """
    with _locked(path.parent, fcntl.LOCK_SH):
        # Without the file's own name, which may be as long as a name can be.
        aside = path.with_name(f".{secrets.token_hex(_RANDOM_BYTES)}{_ENDING}")
        try:
            with aside.open("xb") as file:
                file.write(content)
            aside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            raise


def sweep(folder: Path) -> None:
    """Removes half-written files of ended processes from this folder and those in it."""
    for place in (folder, *(one for one in folder.glob("*") if one.is_dir())):
        with contextlib.suppress(OSError), _locked(place, fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
            for aside in place.glob(f".*{_ENDING}") if alone else ():
                aside.unlink()


@contextlib.contextmanager
def _locked(folder: Path, kind: int) -> Iterator[bool]:
    """Locks a folder meanwhile; False where that cannot be: not every file system does it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, kind)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
