"""The processes of one grading, as /proc shows them: who is what, and who is still there."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

PYTEST, WORKER, SERVER = "pytest", "worker", "fork server"
SUBMISSION, SANDBOX = "submission", "sandbox server"
ROLES = (PYTEST, WORKER, SERVER, SUBMISSION, SANDBOX)


@dataclass(frozen=True)
class Process:
    """One process.

    Attributes:
        started: in the kernel's ticks; with the number, nobody else's.
        command: its arguments.
        numbers: its number in each of the namespaces that it is in, from the outermost.
        namespace: of processes, the innermost.
    """

    pid: int
    parent: int
    started: int
    command: tuple[str, ...]
    numbers: tuple[int, ...]
    namespace: str

    def runs(self, module: str) -> bool:
        """Whether it is Python running a module of this name, and not what was told to start it."""
        return module in self.command and Path(self.command[0]).name.startswith("python")


def everything() -> list[Process]:
    """Returns all processes of this machine but those that have ended and wait to be reaped."""
    return list(_read(folder for folder in PROC.iterdir() if folder.name.isdigit()))


def _read(folders: Iterable[Path]) -> Iterator[Process]:
    for folder in folders:
        with contextlib.suppress(OSError):  # it has ended meanwhile
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] in "ZX":
                continue
            numbers = next(
                line.split()[1:]
                for line in (folder / "status").read_text(errors="replace").splitlines()
                if line.startswith("NSpid:")
            )
            yield Process(
                int(folder.name),
                int(fields[1]),
                int(fields[19]),
                tuple((folder / "cmdline").read_text(errors="replace").split("\0")),
                tuple(map(int, numbers)),
                str((folder / "ns" / "pid").readlink()),
            )


def tree(root: int, processes: Iterable[Process]) -> list[Process]:
    """Returns a process and all that descend from it."""
    known = list(processes)
    found = [process for process in known if process.pid == root]
    for process in found:  # which grows
        found += [child for child in known if child.parent == process.pid]
    return found


def by_role(root: int, family: Iterable[Process]) -> dict[str, list[Process]]:
    """Returns whom there is to kill, of a grading's processes; roles without any are left out.

    In the sandbox each submission is in namespaces of its own, inside those of the server.
    """
    known = list(family)
    servers = [p for p in known if p.parent == root and p.runs("harness.jobs.local.worker")]
    inside = [
        p
        for p in known
        if p.runs("harness.submissions.sandbox.inside.server") and len(p.numbers) > 1
    ]
    pids = {p.pid for p in inside}
    found = {
        PYTEST: [p for p in known if p.pid == root],
        SERVER: servers,
        WORKER: [p for p in known if p.parent in {server.pid for server in servers}],
        SANDBOX: [p for p in inside if p.parent not in pids],
        SUBMISSION: [p for p in inside if len(p.numbers) > 2 and p.numbers[-1] != 1],
    }
    return {role: who for role, who in found.items() if who}


def left(family: Iterable[Process], folder: Path) -> list[Process]:
    """Returns who is still there of a grading, or in its sandbox, or names its folder."""
    known = {(process.pid, process.started) for process in family}
    spaces = {process.namespace for process in family if len(process.numbers) > 1}
    return [
        process
        for process in everything()
        if (process.pid, process.started) in known
        or process.namespace in spaces
        or _names(process.pid, folder)
    ]


def _names(pid: int, folder: Path) -> bool:
    place = PROC / str(pid)
    with contextlib.suppress(OSError):
        texts = [(place / name).read_bytes() for name in ("cmdline", "environ")]
        return any(bytes(folder) in text for text in texts) or folder in (
            (place / "cwd").readlink(), *(place / "cwd").readlink().parents,
        )  # fmt: skip
    return False
