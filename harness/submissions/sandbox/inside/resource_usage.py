"""What a submission's processes use together, as the kernel counts it."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """A line of /proc/PID/stat: cpu_s includes the children that it has waited for."""

    parent: int
    cpu_s: float
    resident_bytes: int


@dataclass(frozen=True)
class Usage:
    """Of all processes that a given one has started, directly or not."""

    processes: int
    cpu_s: float
    memory_bytes: int


def descendants(root: int) -> dict[int, Process]:
    """Returns the processes that descend from one, by number; not itself."""
    running = _running()
    children: dict[int, list[int]] = {}
    for number, process in running.items():
        children.setdefault(process.parent, []).append(number)
    found: dict[int, Process] = {}
    pending = [*children.get(root, [])]
    while pending:
        number = pending.pop()
        if number not in found:
            found[number] = running[number]
            pending += children.get(number, [])
    return found


def of(root: int, enough: int, most: int) -> Usage:
    """Measures the descendants of a process.

    Args:
        enough: bytes; only where the plain sizes, which count shared memory many times, come to
            more than this is memory counted exactly, which takes longer.
        most: processes; where there are more, nobody waits for what they use to be counted.
    """
    found = descendants(root)
    if len(found) > most:
        return Usage(len(found), 0.0, 0)
    memory = sum(process.resident_bytes for process in found.values())
    if memory > enough:
        memory = sum(_proportional(number, process) for number, process in found.items())
    return Usage(len(found), sum(process.cpu_s for process in found.values()), memory)


def _running() -> dict[int, Process]:
    found = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208  (asked for often)
        if entry.isdigit():
            # It may end meanwhile.
            with contextlib.suppress(OSError, IndexError, ValueError):
                text = Path("/proc", entry, "stat").read_text(errors="replace", encoding="utf-8")
                # The name, in brackets, may hold anything.
                fields = text.rpartition(")")[2].split()
                cpu = sum(int(ticks) for ticks in fields[11:15]) / _TICKS
                found[int(entry)] = Process(int(fields[1]), cpu, int(fields[21]) * _PAGE)
    return found


def _proportional(number: int, process: Process) -> int:
    """A process's memory, its part of what it shares; all of it where it hides that."""
    try:
        text = Path("/proc", str(number), "smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended since it was listed: counted whole, it would be the others' undoing
    except OSError:
        return process.resident_bytes
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return process.resident_bytes
