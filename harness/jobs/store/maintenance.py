"""Removes what killed runs left in the store, and explains why a store fails."""

import contextlib
import shutil
import tempfile
from pathlib import Path

from harness.data.shared_arrays import open_published
from harness.jobs.store import store as store_store
from harness.jobs.store.store import INCOMING, Store
from harness.system import atomic_files
from harness.system.directories import prepare
from reference.errors import UserError

_SWEPT = ".swept-"


def sweep(store: Path) -> None:
    """Removes half-written files from a store; only while no run uses it.

    A worker whose run was killed a moment ago may still be writing a record. The whole folder of
    half-written ones is renamed first, so that what it then renames into place is not there.
    """
    with contextlib.suppress(OSError):
        if any((store / INCOMING).glob("*")):
            (store / INCOMING).rename(Path(tempfile.mkdtemp(prefix=_SWEPT, dir=store)) / "x")
    # `publish` and its like write under names that begin with a dot, and rename the finished file.
    for left in (*store.glob(f"{_SWEPT}*"), *(store / "data").glob(".*")):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    # Of a Dask cluster that a run started on this machine.
    shutil.rmtree(store / store_store.FOLDER, ignore_errors=True)
    for place in (store / "quarantine").glob("*"):
        with contextlib.suppress(OSError):
            place.rmdir()  # only one that is empty: its record was never put there


def sweep_report(folder: Path) -> None:
    """Removes half-written files of a report; only while it is not being written."""
    atomic_files.sweep(folder)


def logs(store: Path, place: int) -> Path:
    """Returns where the processes of a run write their logs: no two running runs share one.

    Args:
        place: as of `Locks.place`.
    """
    return store / "logs" / (f"run-{place + 1}" if place else "")


def trouble(store: Store, data: Path, digest: str | None) -> str | None:
    """Finds out whether the store or its images caused a failure.

    Args:
        data: folder of the published arrays.
        digest: of the images that the job used; None without images.

    Returns:
        The fault, as a sentence that says what to do; None where the store is in order.
    """
    if not all(folder.is_dir() for folder in (store.root, data, store.root / "logs")):
        return removed(store.root)
    try:
        prepare(store.root, "--store")
    except UserError as error:
        return str(error)
    if digest is None:
        return None
    try:
        open_published(data, digest)
    except (OSError, ValueError):
        return (
            f"the stored images in {data / digest} were removed or damaged during the "
            "run. Run the same command again: it stores them again."
        )
    return None


def removed(root: Path) -> str:
    """Returns the message for a store that was removed, as a whole or in part."""
    return (
        f"the store {root}, or a part of it, was removed during the run. Run the same command "
        "again: it computes what is missing. Do not delete files there during a run."
    )
