"""What must not happen, whatever a submission does, and how a test learns that it has."""

import contextlib
import os
import select
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.security.attack import PROJECT_ROOT, Places
from tests.security.mnist import TEST_LABELS

VARIABLE = "GRADER_SECRET"
# What an attack is after, as folders that only the canaries use.
FOLDERS = ("store", "report", "home", "temp", "sibling", "data")
# Half of a secret: in the sources. The other half is drawn for each run and in none of them.
_BEGINS = "canary-secret-"
_SAYS = ("SEEN", "REACHED", "WRITABLE", f"LABELS {TEST_LABELS}")


@dataclass(frozen=True)
class Canaries:
    """Traps all around a sandbox.

    Attributes:
        places: where they are.
        secret: is in the grader's environment and in a file of each folder.
        before: content by path of every file in those folders.
        sockets: no process may speak to them.
    """

    places: Places
    secret: str
    before: dict[Path, bytes]
    sockets: tuple[socket.socket, ...]

    def touched(self) -> list[str]:
        """Returns what happened that must not, and makes it undone where that is possible."""
        return [*self._files(), *self._contacts(), *processes_of(self.places.mark)]

    def said(self, text: str) -> list[str]:
        """Returns the parts of what came out of a sandbox that speak of a breach."""
        words = (*_SAYS, self.secret)
        return [line[:300] for line in text.splitlines() if any(word in line for word in words)]

    def _files(self) -> Iterator[str]:
        now = contents(self.places)
        for path in sorted({*now, *self.before}):
            if now.get(path) != self.before.get(path):
                yield f"{path} was changed"
        for path in found_anywhere(self.places):
            yield f"{path} was made"
            path.unlink(missing_ok=True)  # through a link it has two names

    def _contacts(self) -> Iterator[str]:
        for door in select.select(self.sockets, [], [], 0)[0]:
            yield f"{door.getsockname()} was spoken to"
            if door.type == socket.SOCK_STREAM:
                door.accept()[0].close()
            else:
                door.recv(1000)


def contents(places: Places) -> dict[Path, bytes]:
    """Returns the files of the folders that only the canaries use."""
    folders = (getattr(places, name) for name in FOLDERS)
    return {path: path.read_bytes() for f in folders for path in f.rglob("*") if path.is_file()}


def found_anywhere(places: Places) -> list[Path]:
    """Returns the files called like the mark, wherever they may have been put."""
    shared = map(Path, ("/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/etc", "/root"))  # noqa: S108
    folders = {*shared, Path.home(), places.prefix, places.project, PROJECT_ROOT.parent}
    folders |= set(places.prefix.glob("lib/python*/site-packages"))
    everywhere = {*map(str, folders), *folders_below(PROJECT_ROOT)}
    return sorted(Path(f, places.mark) for f in everywhere if os.path.lexists(f"{f}/{places.mark}"))


# The folders directly below a folder, each with whether it is a link, as of the folder's last
# change: a whole environment may lie below the project, and is looked through after every attack.
_BELOW: dict[str, tuple[int, list[tuple[str, bool]]]] = {}


def folders_below(root: Path) -> Iterator[str]:
    """Returns every folder below one; git's own are left out, and no link is followed."""
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        try:
            # Of what changes a folder, this time is the one that cannot be set back.
            changed = os.stat(folder).st_ctime_ns  # noqa: PTH116  (of thousands of folders)
            if folder not in _BELOW or _BELOW[folder][0] != changed:
                _BELOW[folder] = (changed, _listed(folder))
        except FileNotFoundError:  # another test's, and gone by now
            continue
        for path, is_link in _BELOW[folder][1]:
            yield path
            if not is_link:
                waiting.append(path)


def _listed(folder: str) -> list[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if entry.is_dir() and entry.name != ".git"]
        return [(entry.path, entry.is_symlink()) for entry in found]


def processes_of(mark: str) -> list[str]:
    """Returns the command lines, anywhere on the machine, in which the mark occurs."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1")
                if mark in line:
                    found.append(f"process {folder.name} is running: {line[-200:]}")
    return found


class Planting:
    """Canaries below a folder; as a context, it opens their sockets and closes them again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Canaries:
        secret = _BEGINS + uuid4().hex
        folders = {name: self._root / name for name in FOLDERS}
        for folder in folders.values():
            folder.mkdir(parents=True)
            (folder / "secret").write_text(secret, encoding="utf-8")
        (folders["report"] / "results.json").write_text("{}", encoding="utf-8")
        # The paths of sockets are short, and pytest's temporary folders deep.
        short = Path(f"/dev/shm/canary-{uuid4().hex[:8]}")  # noqa: S108
        self._open.callback(short.unlink, missing_ok=True)
        tcp = self._listening(socket.AF_INET, ("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        places = Places(
            mark=f"canary-mark-{uuid4().hex}",
            secret=_BEGINS,
            project=PROJECT_ROOT,
            prefix=Path(sys.prefix),
            port=port,
            socket=short,
            **folders,
        )
        sockets = (
            tcp,
            self._listening(socket.AF_INET, ("127.0.0.1", port), socket.SOCK_DGRAM),
            self._listening(socket.AF_UNIX, str(short)),
            self._listening(socket.AF_UNIX, "\0" + places.mark),
        )
        return Canaries(places, secret, contents(places), sockets)

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _listening(
        self, family: int, address: object, kind: int = socket.SOCK_STREAM
    ) -> socket.socket:
        door = self._open.enter_context(socket.socket(family, kind))
        door.bind(address)  # type: ignore[arg-type]
        if kind == socket.SOCK_STREAM:
            door.listen()
        return door
