"""Can a folder that the user named be used? Better asked before the work than found out after."""

import shutil
import tempfile
from pathlib import Path

from reference.errors import UserError

PROJECT_ROOT = Path(__file__).parents[2]

_NEEDED_BYTES = 32 << 20

MEND_REPORT = "Make room or make the folder writable, or name another one with --report."
"""What to do where a file of the report cannot be written."""


def check_space(folder: Path, option: str) -> None:
    """Sees that there is room for a report and its log.

    Raises:
        UserError: there is no room, a file is in the way, or the folder cannot be read.
    """
    try:
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if not existing.is_dir():
            raise UserError(f"{option} {folder}: {existing} is a file; expected a folder")
        free = shutil.disk_usage(existing).free
    except OSError as error:  # another user's folder on the way, or too long a name
        raise UserError(
            f"{option} {folder}: {described(error)}. Expected a folder that can be reached and "
            "written."
        ) from error
    if free < _NEEDED_BYTES:
        raise UserError(
            f"{option} {folder}: {free / 1e6:.0f} MB are free there; the report and the test log "
            f"need {_NEEDED_BYTES / 1e6:.0f} MB. Make room, or name another folder."
        )


def prepare(folder: Path, option: str) -> None:
    """Makes a folder and sees that it can be written.

    Raises:
        UserError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Without a name: nothing of it is left, whenever this process may be killed, and others
        # that look at the same time have their own.
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(b"x")
    except OSError as error:
        raise UserError(
            f"the folder {folder} cannot be written: {error.strerror or error}. Make room "
            f"or make it writable, or name another one with {option}."
        ) from error


QUARANTINE = "quarantine"


def set_aside(path: Path, folder: Path) -> Path | None:
    """Moves what is at `path` into a new folder below `folder`; returns where it is now.

    A process that has it open keeps it.

    Returns:
        None when it is no longer there: another process was quicker.

    Raises:
        OSError: it cannot be moved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f"{path.name[:16]}-", dir=folder))
    try:
        path.rename(place / path.name)
    except FileNotFoundError:
        place.rmdir()
        return None
    return place / path.name


def described(error: OSError) -> str:
    """An error of the machine in its own words, without Python's."""
    return error.strerror or str(error)
