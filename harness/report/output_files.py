"""The files of a report, and the removal of earlier ones."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from harness.report.schema import results as schema
from harness.system import atomic_files
from reference.errors import UserError

MAKER = "MNIST architecture grader"  # what our files say of themselves

_SAFE = re.compile(r"[a-z0-9_][a-z0-9_-]{0,59}")
_UNSAFE = re.compile(r"[^a-z0-9_-]+")
# Windows takes these for devices, whatever comes after the dot.
_DEVICES = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
}


def stems(subjects: Sequence[schema.Subject]) -> tuple[str, ...]:
    """Returns a file name without its ending for each subject: its id, where that is safe as one.

    An id that is not (a results.json may come from anywhere), or that occurred before, becomes a
    readable rest and a digest of the id and its place: safe, and no two the same.
    """
    found: list[str] = []
    for place, subject in enumerate(subjects):
        ident = subject.id
        if not _SAFE.fullmatch(ident) or ident in _DEVICES or ident in found:
            rest = _UNSAFE.sub("-", ident.lower()).strip("-_")[:40]
            mark = sha256(f"{place} {ident}".encode(errors="replace")).hexdigest()[:12]
            ident = f"{rest or 'submission'}-{mark}"
        found.append(ident)
    return tuple(found)


def write_all(files: Mapping[Path, bytes], option: str) -> None:
    """Writes each file whole or not at all; makes their folders.

    Args:
        files: contents by path.
        option: the option that names another folder, for the message.

    Raises:
        UserError: a file cannot be written.
    """
    for path, content in files.items():
        if path.is_dir():
            raise UserError(f"{path} is a folder, but should be a file to write. Move it away.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_files.replace(path, content)
        except OSError as error:
            raise UserError(
                f"{path} cannot be written: {error.strerror or error}. "
                f"Choose a folder that is writable and has room, with {option}."
            ) from None


def prune(folder: Path, ending: str, keep: Collection[str], ours: Callable[[bytes], bool]) -> None:
    """Removes the files of submissions that are no longer there.

    Args:
        folder: whose plain files are looked at; none below it.
        keep: names, with the ending.
        ours: tells by its content whether we wrote a file. Other files are kept.

    Raises:
        UserError: a file of ours cannot be removed.
    """
    for path in sorted(folder.glob(f"*{ending}")):
        if path.name in keep or path.is_symlink() or not path.is_file():
            continue
        try:
            if ours(path.read_bytes()):
                path.unlink()
        except OSError as error:
            raise UserError(
                f"{path} is of a submission that is no longer there, and cannot be removed: "
                f"{error.strerror or error}. Remove it by hand."
            ) from None
