"""Damaged files and folders are moved out of the way, and kept to look at."""

import tempfile
from pathlib import Path

NAME = "quarantine"


def set_aside(path: Path, folder: Path) -> Path | None:
    """Moves what is at `path` into a new folder below `folder`; returns where it is now.

    Whoever has it open keeps it.

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
