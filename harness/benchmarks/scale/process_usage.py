"""The memory, descriptors and threads of the processes of a run, as the kernel counts them."""

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.submissions.sandbox.client import SERVER_MODULE as SANDBOX_MODULE
from harness.submissions.sandbox.inside.limits import descendants

SETTLED_S = 30.0
_LOOK_EVERY_S = 0.05

CONTROLLER, SERVER, WORKER, SANDBOX = "controller", "fork server", "worker", "sandbox"


@dataclass(frozen=True)
class ProcessUsage:
    """The resources of one process.

    Attributes:
        resident_bytes: in memory, with all that it shares.
        proportional_bytes: in memory, with its part of what it shares.
        data_bytes: as of `harness.system.memory.data_bytes`.
    """

    resident_bytes: int
    proportional_bytes: int
    data_bytes: int
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Sample:
    """The resources of all processes after a number of jobs, while no job is running.

    Attributes:
        usage: by kind of process.
        zombies: number of processes that have ended and were not waited for.
        incoming: number of half-written records in the store.
        log_bytes: size of all logs.
    """

    jobs: int
    usage: Mapping[str, Sequence[ProcessUsage]]
    zombies: int = 0
    incoming: int = 0
    log_bytes: int = 0


@dataclass(frozen=True)
class Processes:
    """The ids of a run's processes, by kind, and the number of zombies."""

    by_kind: Mapping[str, Sequence[int]]
    zombies: int


def processes(module: str, controller: int | None = None) -> Processes:
    """Finds the processes of a run.

    Args:
        module: the module that its workers run.
        controller: id of the controller's process; None for this one.
    """
    root = os.getpid() if controller is None else controller
    found: dict[str, list[int]] = {CONTROLLER: [root], SERVER: [], WORKER: [], SANDBOX: []}
    zombies = 0
    running = descendants(root)
    commands = {number: _command(number) for number in running}
    for number, process in running.items():
        command = commands[number]
        if not command:
            zombies += _is_zombie(number)
        elif _runs(command, module):
            found[SERVER if process.parent == root else WORKER].append(number)
        elif _runs(command, SANDBOX_MODULE) and not _runs(
            commands.get(process.parent, []), SANDBOX_MODULE
        ):  # its children are the supervisors and the submissions that they supervise
            found[SANDBOX].append(number)
    return Processes(found, zombies)


def at_rest(
    module: str, expected: Mapping[str, int], within_s: float = SETTLED_S
) -> tuple[Processes, dict[str, list[ProcessUsage]]]:
    """Waits until no process starts or ends; returns the processes and their resources.

    Args:
        expected: the number of processes at rest, by kind.
        within_s: seconds after which it returns in any case.
    """
    deadline = time.monotonic() + within_s
    before: object = None
    while True:
        found = processes(module)
        used = {
            kind: [one for one in map(usage, numbers) if one is not None]
            for kind, numbers in found.by_kind.items()
        }
        now = {
            kind: [(one.descriptors, one.threads) for one in all_] for kind, all_ in used.items()
        }
        rest = all(len(used[kind]) == count for kind, count in expected.items())
        if (rest and not found.zombies and now == before) or time.monotonic() >= deadline:
            return found, used
        before = now
        time.sleep(_LOOK_EVERY_S)


def usage(number: int) -> ProcessUsage | None:
    """Returns the resources of a process; None if it has ended or may not be read."""
    folder = Path("/proc", str(number))
    with contextlib.suppress(OSError, KeyError):
        status = _fields(folder / "status")
        return ProcessUsage(
            resident_bytes=status["VmRSS"] * 1024,
            proportional_bytes=_fields(folder / "smaps_rollup")["Pss"] * 1024,
            data_bytes=status["VmData"] * 1024,
            descriptors=len(list((folder / "fd").iterdir())),
            threads=status["Threads"],
        )
    return None


def _fields(path: Path) -> dict[str, int]:
    """Returns the numbers of the lines of the form "Name:   12 kB"."""
    found = {}
    for line in path.read_text("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        number = value.split()[:1]
        if number and number[0].isdigit():
            found[name] = int(number[0])
    return found


def _command(number: int) -> list[str]:
    """Returns the arguments of a process's command; none if it has ended."""
    try:
        text = Path("/proc", str(number), "cmdline").read_text("utf-8", "replace")
    except OSError:
        return []
    return text.split("\0") if text else []


def _runs(command: Sequence[str], module: str) -> bool:
    """Whether Python itself, not a program that starts it, runs the module."""
    return bool(command) and "python" in Path(command[0]).name and module in command


def _is_zombie(number: int) -> bool:
    try:
        stat = Path("/proc", str(number), "stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "Z"
