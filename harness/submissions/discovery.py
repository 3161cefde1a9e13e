"""Finds submissions: their files, their names and their main file. Nothing in them is run here.

A submission's folder is not trusted: links are not followed, only regular files are read, and their
number and size are limited.
"""

import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.submissions.sandbox.messages import MAX_BYTES, MAX_FILES, SubmittedFiles
from reference.errors import UserError

PYTHON, NOTEBOOK, SAVED = ".py", ".ipynb", (".keras", ".h5", ".hdf5")
KINDS = (PYTHON, NOTEBOOK, *SAVED)

MAX_DEPTH = 8
MAX_NAME = 40  # of an id, before what makes it unique

_OURS = frozenset({"__pycache__", "__MACOSX", ".git", ".ipynb_checkpoints", ".venv", "venv"})
# Names of main files, where several files could be it.
_USUAL = ("build", "model", "main", "train", "submission", "solution")
_BEGINS = re.compile(
    rb"\.fit\s*\(|^def (build|build_model|create_model|make_model|get_model)\b", re.MULTILINE
)


@dataclass(frozen=True)
class Entry:
    """One submission: a file or a folder.

    Attributes:
        id: safe as a file name and in a test's id; unique in its class.
        name: the author's name for it.
        path: where it lies.
    """

    id: str
    name: str
    path: Path


class Unreadable(Exception):
    """A submission that cannot be read; the message is for its author."""


def find(paths: Iterable[Path], folder: Path | None) -> list[Entry]:
    """Returns the submissions that were named, and those in the class's folder, by name.

    Raises:
        UserError: a path does not exist, or the folder holds no submission.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(
                f"--submission {path} was not found; expected a module, a script, a notebook, a "
                "saved .keras or .h5 file, or a folder with one of these"
            )
        if path.is_file() and path.suffix.lower() not in KINDS:
            raise UserError(
                f"--submission {path}: expected a file that ends in {', '.join(KINDS)}, or a folder"
            )
        found.append(path)
    if folder is not None:
        found += _members(folder)
    ids = _ids([_title(path) for path in found])
    return [Entry(ids[i], _title(path), path) for i, path in enumerate(found)]


def _members(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(
            f"--submissions {folder} is not a folder; expected one with a file or a folder for "
            "each student"
        )
    try:
        entries = sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name))
    except OSError as error:
        raise UserError(
            f"--submissions {folder} cannot be read: {error.strerror or error}"
        ) from error
    members = [path for path in entries if _is_member(path)]
    if not members:
        raise UserError(
            f"--submissions {folder} holds no submission; expected a file ({', '.join(KINDS)}) or "
            "a folder for each student"
        )
    return members


def _is_member(path: Path) -> bool:
    if path.name.startswith(".") or path.name in _OURS:
        return False
    return path.is_symlink() or path.is_dir() or path.suffix.lower() in KINDS


def _title(path: Path) -> str:
    name = (path if path.name else path.resolve()).name
    is_file = path.suffix.lower() in KINDS and not path.is_dir()
    return _as_text(name[: -len(path.suffix)] or name if is_file else name)


def _ids(names: Sequence[str]) -> list[str]:
    """Returns ids that are unique and safe as file names.

    Where two names have the same safe form, each gets a piece of its hash, so an id does not depend
    on the order of the class.
    """
    slugs = [_slug(name) for name in names]
    shared = Counter(slugs)
    ids = [
        slug if shared[slug] == 1 else f"{slug}-{_hash(name)}"
        for slug, name in zip(slugs, names, strict=True)
    ]
    seen: Counter[str] = Counter()
    unique = []
    for found in ids:  # the same name twice: from two folders
        seen[found] += 1
        unique.append(found if seen[found] == 1 else f"{found}-{seen[found]}")
    return unique


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:MAX_NAME].strip("-")
    return slug or f"submission-{_hash(name)}"


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:6]


# Reading ---------------------------------------------------------------------------------------


def read(entry: Entry, preferred: Sequence[str] = ()) -> SubmittedFiles:
    """Reads a submission's files, all of them at once.

    Args:
        preferred: stems of main files, e.g. the architecture's name.

    Raises:
        Unreadable: too many or too large files, no main file, a link, or no permission.
    """
    if entry.path.is_symlink():
        raise Unreadable("it is a symbolic link, which is not followed; submit the file itself")
    if entry.path.is_dir():
        files = dict(_walk(entry.path))
        return SubmittedFiles(_main(files, (*preferred, entry.name)), files)
    name = _as_text(entry.path.name)
    return SubmittedFiles(name, {name: _content(entry.path, MAX_BYTES)})


def _walk(folder: Path) -> Iterator[tuple[str, bytes]]:
    left = MAX_BYTES
    for count, path in enumerate(_regular(folder, 0)):
        if count == MAX_FILES:
            raise Unreadable(
                f"it has more than {MAX_FILES} files; submit only the files that are needed"
            )
        content = _content(path, left)
        left -= len(content)
        yield _as_text(path.relative_to(folder).as_posix()), content


def _regular(folder: Path, depth: int) -> Iterator[Path]:
    """Yields the regular files below a folder; links, pipes and devices are passed over."""
    if depth > MAX_DEPTH:
        raise Unreadable(f"its folders are nested more than {MAX_DEPTH} deep")
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise Unreadable(f"a folder cannot be read: {error.strerror or error}") from error
    for entry in entries:
        if entry.name in _OURS or entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _regular(Path(entry.path), depth + 1)
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _content(path: Path, limit: int) -> bytes:
    try:
        # Not blocking, should it have become a pipe since it was looked at.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable(f"{_shown(path.name)} is not a regular file")
            content = file.read(limit + 1)
    except OSError as error:
        raise Unreadable(
            f"{_shown(path.name)} cannot be read: {error.strerror or error}"
        ) from error
    if len(content) > limit:
        raise Unreadable(f"its files are larger than {MAX_BYTES >> 20} MB together")
    return content


def _shown(name: str) -> str:
    return re.sub(r"[^\w\-./ ]", "?", name[:80])


# The main file ---------------------------------------------------------------------------------


def _main(files: Mapping[str, bytes], preferred: Sequence[str]) -> str:
    """Returns the main file: code before notebooks before saved networks.

    Among several of a kind: one with a preferred or usual name, else the only one that builds or
    fits a network, else the only one that no other imports.

    Raises:
        Unreadable: no file can be it, or several can.
    """
    for suffixes in ((PYTHON,), (NOTEBOOK,), SAVED):
        some = [name for name in files if name.lower().endswith(suffixes)]
        if some:
            return _choose(some, files, preferred)
    raise Unreadable("no .py, .ipynb, .keras or .h5 file was found")


def _choose(names: Sequence[str], files: Mapping[str, bytes], preferred: Sequence[str]) -> str:
    shallow = min(name.count("/") for name in names)
    top = [name for name in names if name.count("/") == shallow]
    for stem in (*preferred, *_USUAL):
        for name in top:
            if Path(name).stem == stem:
                return name
    begin = [name for name in top if _BEGINS.search(files[name])]
    for some in (begin, [name for name in begin or top if not _imported(name, files)], top):
        if len(some) == 1:
            return some[0]
    shown = ", ".join(_shown(name) for name in top[:4])
    raise Unreadable(
        f"{len(top)} files could be the main one ({shown}, ...); name the right one main.py"
    )


def _imported(name: str, files: Mapping[str, bytes]) -> bool:
    stem = re.escape(Path(name).stem.encode(errors="surrogateescape"))
    # No pattern that could begin anew on each of a million empty lines.
    pattern = re.compile(rb"^[ \t]*(?:from|import)[ \t]+\.?" + stem + rb"\b", re.MULTILINE)
    return any(pattern.search(content) for other, content in files.items()
               if other != name and other.endswith(PYTHON))  # fmt: skip


def _as_text(name: str) -> str:
    """Decodes a file's name as UTF-8, whatever the locale is."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")
