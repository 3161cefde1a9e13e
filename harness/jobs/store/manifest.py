"""A record's manifest: whose it is, and the checksums of its files; what differs is damage."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from harness.system.directories import described

NAME = "manifest.json"
_CHUNK = 1 << 20


class _Damaged(Exception):
    """A record is not as it was written; the message says what differs."""


def write(folder: Path, key: str) -> None:
    """Adds the manifest to the files of a record, and hands all of them to the disk.

    Raises:
        OSError: a file cannot be read or written.
    """
    sums = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    text = json.dumps({"key": key, "sha256": sums}, indent=1, sort_keys=True)
    (folder / NAME).write_text(text, encoding="utf-8")
    for path in folder.iterdir():
        _flush(path)


def damage(folder: Path, key: str) -> str | None:
    """Returns why a record is damaged; None where it is intact.

    A record that lies whole under another key is damage, too: nothing in its files says whose
    they are, and its numbers would be taken for another network's.

    Raises:
        FileNotFoundError: the record is missing.
        PermissionError: it may not be read.
    """
    try:
        names = _names(folder)
        sums = _sums(folder, key)
        for name in sorted(sums.keys() ^ names):
            raise _Damaged(f"{name} is missing" if name in sums else f"{name} was added")
        for name, expected in sums.items():
            if _sha256(folder / name) != expected:
                raise _Damaged(f"{name} differs from its checksum")
    except _Damaged as problem:
        return str(problem)
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        return f"it cannot be read: {described(error)}"
    return None


def _names(folder: Path) -> set[str]:
    """Returns the names of a record's files, less the manifest."""
    try:
        with os.scandir(folder) as entries:
            # Opening a pipe, for instance, might never end.
            plain = {entry.name: entry.is_file() for entry in entries}
    except NotADirectoryError:
        if not folder.exists():  # a file stands where its parent should
            raise FileNotFoundError(folder) from None
        raise _Damaged("it is a file, not a folder") from None
    for name, is_file in plain.items():
        if not is_file:
            raise _Damaged(f"{name} is not a file")
    if NAME not in plain:
        raise _Damaged(f"{NAME} is missing")
    return plain.keys() - {NAME}


def _sums(folder: Path, key: str) -> Mapping[str, str]:
    """Returns the checksums of a record's files by their names."""
    try:
        document = json.loads((folder / NAME).read_bytes())
        owner, sums = document.pop("key"), document.pop("sha256")
        if document:
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _Damaged(f"{NAME} is not a list of checksums") from None
    if owner != key:
        raise _Damaged(f"it is the record of another key, {str(owner)[:16]}…")
    if not isinstance(sums, dict):
        raise _Damaged(f"{NAME} is not a list of checksums")
    return sums


def _flush(path: Path) -> None:
    """Hands the file to the disk, so that a rename after it never uncovers an empty one."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha.update(chunk)
    return sha.hexdigest()
