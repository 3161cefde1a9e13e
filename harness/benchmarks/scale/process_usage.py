"""What the processes of a run hold, as the kernel counts it."""

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
class Held:
    """What one process holds.

    Attributes:
        resident_bytes: in memory, with what it shares.
        proportional_bytes: of what it shares, its part.
        data_bytes: as of `harness.system.memory.data_bytes`.
    """

    resident_bytes: int
    proportional_bytes: int
    data_bytes: int
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Sample:
    """What all processes held after so many jobs, when none was under way.

    Attributes:
        held: by kind of process.
        zombies: processes that have ended, and that nobody has waited for.
        incoming: half-written records in the store.
        log_bytes: of all logs.
    """

    jobs: int
    held: Mapping[str, Sequence[Held]]
    zombies: int = 0
    incoming: int = 0
    log_bytes: int = 0


@dataclass(frozen=True)
class Processes:
    """The numbers of a run's processes, by kind, and how many are zombies."""

    by_kind: Mapping[str, Sequence[int]]
    zombies: int


def processes(module: str, controller: int | None = None) -> Processes:
    """Finds the processes of a run.

    Args:
        module: what its workers run.
        controller: its number; None for this process.
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
        ):  # its children are the supervisors, and what they watch over
            found[SANDBOX].append(number)
    return Processes(found, zombies)


def at_rest(
    module: str, expected: Mapping[str, int], within_s: float = SETTLED_S
) -> tuple[Processes, dict[str, list[Held]]]:
    """Returns the processes and what they hold as soon as none is coming or going.

    Args:
        expected: how many there are at rest, by kind.
        within_s: after so long, whatever there is.
    """
    deadline = time.monotonic() + within_s
    before: object = None
    while True:
        found = processes(module)
        holding = held_by_kind(found)
        now = {kind: [(h.descriptors, h.threads) for h in all_] for kind, all_ in holding.items()}
        rest = all(len(holding[kind]) == count for kind, count in expected.items())
        if (rest and not found.zombies and now == before) or time.monotonic() >= deadline:
            return found, holding
        before = now
        time.sleep(_LOOK_EVERY_S)


def held(number: int) -> Held | None:
    """Returns what a process holds; None where it has ended, or must not be looked into."""
    folder = Path("/proc", str(number))
    with contextlib.suppress(OSError, KeyError):
        status = _fields(folder / "status")
        return Held(
            resident_bytes=status["VmRSS"] * 1024,
            proportional_bytes=_fields(folder / "smaps_rollup")["Pss"] * 1024,
            data_bytes=status["VmData"] * 1024,
            descriptors=len(list((folder / "fd").iterdir())),
            threads=status["Threads"],
        )
    return None


def held_by_kind(found: Processes) -> dict[str, list[Held]]:
    """Returns what each process holds that is still there."""
    return {
        kind: [one for one in map(held, numbers) if one is not None]
        for kind, numbers in found.by_kind.items()
    }


def _fields(path: Path) -> dict[str, int]:
    """Reads "Name:   12 kB" lines, those that hold one number."""
    found = {}
    for line in path.read_text("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        number = value.split()[:1]
        if number and number[0].isdigit():
            found[name] = int(number[0])
    return found


def _command(number: int) -> list[str]:
    """The words of a process's command; none of one that has ended."""
    try:
        text = Path("/proc", str(number), "cmdline").read_text("utf-8", "replace")
    except OSError:
        return []
    return text.split("\0") if text else []


def _runs(command: Sequence[str], module: str) -> bool:
    """Whether it is Python itself, not what starts it, that runs the module."""
    return bool(command) and "python" in Path(command[0]).name and module in command


def _is_zombie(number: int) -> bool:
    try:
        stat = Path("/proc", str(number), "stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "Z"
