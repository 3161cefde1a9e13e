"""What runs that were killed left behind, and where the logs of those at work go."""

import contextlib
import shutil
import tempfile
from pathlib import Path

from harness.jobs.store import store as store_store
from harness.jobs.store.store import INCOMING
from harness.system import atomic_files

_SWEPT = ".swept-"


def sweep(store: Path) -> None:
    """Removes from a store whatever is half done; only for who knows that nobody is at work.

    A worker whose run was killed a moment ago may still be writing a record. The whole folder of
    half-written ones is renamed first, so that what it then renames into place is not there.
    """
    with contextlib.suppress(OSError):
        if any((store / INCOMING).glob("*")):
            (store / INCOMING).rename(Path(tempfile.mkdtemp(prefix=_SWEPT, dir=store)) / "x")
    # `publish` and its like write under names that begin with a dot, and rename what is whole.
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
    """Removes half-written files of a report that nobody is writing."""
    atomic_files.sweep(folder)


def logs(store: Path, place: int) -> Path:
    """Returns where the processes of a run leave their last words: runs at work share no log.

    Args:
        place: as of `Locks.place`.
    """
    return store / "logs" / (f"run-{place + 1}" if place else "")
