"""Decoded data sets as .npy files that worker processes map into memory, and so share.

    <folder>/<digest>/{train_images,train_labels,test_images,test_labels}.npy

A worker is given the folder and the digest, and nothing else.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness.data.dataset import PARTS, Arrays, Bytes, Dataset, digest
from harness.system import directories
from harness.system.array_files import intact
from reference.errors import UserError


def publish(dataset: Dataset, folder: Path, tell: Callable[[str], None] = lambda _: None) -> Path:
    """Writes the arrays once and returns their folder, `folder`/<digest>.

    They are written to a temporary folder and renamed into place: no process sees half of them,
    and of two processes that publish at once one finds the other's work done. What is there
    already is verified; if it is damaged it is set aside and replaced.

    Args:
        tell: shows a line to the user: of arrays that were set aside.

    Raises:
        UserError: `folder` cannot be written (no permission, no space).
    """
    target = folder / dataset.digest
    if is_intact(folder, dataset.digest):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=f".{dataset.digest[:12]}."))
        try:
            for name in PARTS:
                _save(temporary / f"{name}.npy", dataset.part(name))
            temporary.chmod(0o755)  # mkdtemp's 0700 would shut out a worker of another user
            _place(temporary, target, dataset.name, tell)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise UserError(
            f"{folder}: the data set cannot be written there ({directories.described(error)}). "
            "Free some space (60 MB are needed), or make the folder writable."
        ) from error
    return target


def open_published(folder: Path, dataset_digest: str, *, verify: bool = False) -> Arrays:
    """Returns the published arrays, mapped read-only: no copy until a page is touched.

    Shapes and dtypes are always checked, the contents only if `verify`.

    Raises:
        FileNotFoundError: not published.
        ValueError: not arrays of the right shapes and dtypes, or of another digest.
    """
    target = folder / dataset_digest
    parts = {}
    for name in PARTS:
        file = target / f"{name}.npy"
        with intact(file):
            parts[name] = np.lib.format.open_memmap(file, mode="r")  # which holds no objects
    arrays = Arrays(**parts)
    if verify and (actual := digest(arrays)) != dataset_digest:
        message = f"{target}: digest {actual}, but should be {dataset_digest}"
        raise ValueError(message)
    return arrays


def is_intact(folder: Path, dataset_digest: str) -> bool:
    """Whether the arrays are published, whole and as they were: every byte is read."""
    try:
        open_published(folder, dataset_digest, verify=True)
    except (OSError, ValueError):
        return False
    return True


def _place(temporary: Path, target: Path, name: str, tell: Callable[[str], None]) -> None:
    """Renames into place; what is there stays if it is whole: another process was first."""
    try:
        temporary.rename(target)
    except OSError:
        if is_intact(target.parent, target.name):
            return
        # Only now, and not before the arrays were written: workers may read what is there.
        place = directories.set_aside(target, target.parent / directories.QUARANTINE)
        if place is not None:
            tell(
                f"WARNING: the stored images of {name} were damaged and were set aside in {place}; "
                "they are stored anew"
            )
        temporary.rename(target)


def _save(path: Path, array: Bytes) -> None:
    with path.open("wb") as file:
        try:
            np.save(file, array, allow_pickle=False)
        except OSError as error:
            if error.errno is None:  # NumPy says how many bytes were written, and not why
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
