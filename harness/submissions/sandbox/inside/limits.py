"""Limits what a submission may use, and measures what it uses."""

import contextlib
import os
import resource
from dataclasses import asdict, dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).parents[4]
"""Where the project lies, as the sandbox sees it."""

GB, MB = 10**9, 10**6
OPENING_TIMEOUT_S = 60.0  # for one submission, until it must have answered

# An answer is one line of JSON, then the raw weights of a saved file.
MAX_DOCUMENT = 1 << 20
MAX_PAYLOAD = 80 << 20

# Threads count as processes here, and TensorFlow starts some for each core; what is started on
# purpose is counted by the supervisor. More of them would leave the supervisor no time to count.
_TASKS = 128 + 4 * (os.cpu_count() or 1)
_OPEN_FILES = 1024

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Limits:
    """Limits of one submission, for all of its processes together.

    Attributes:
        wall_s: seconds until it must have answered.
        cpu_s: seconds of processor time.
        memory_bytes: memory.
        processes: how many there may be at once.
        folder_bytes: all the files that it has written.
        file_bytes: one such file.
        private: whether it gets namespaces of its own; otherwise it has a whole sandbox to itself.
    """

    wall_s: float = OPENING_TIMEOUT_S
    cpu_s: float = 120.0
    memory_bytes: int = 3 * GB
    processes: int = 64
    folder_bytes: int = 512 * MB
    file_bytes: int = 256 * MB
    private: bool = True

    def to_json(self) -> dict[str, float]:
        """Returns the limits by name; `Limits(**document)` reads them."""
        return asdict(self)


def apply(limits: Limits) -> None:
    """Limits the calling process and each of those it will start."""
    seconds = int(limits.cpu_s) + 1
    # TensorFlow maps far more than it uses, so the limit is on data, not on addresses. It is above
    # the one that the supervisor watches, to whom the reason is plainer.
    data = limits.memory_bytes + GB
    for what, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_DATA, data),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_NPROC, _TASKS),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        _, hard = resource.getrlimit(what)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (allowed, allowed))


# What its processes use together, as the kernel counts it -----------------------------------------


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


def measure_usage(root: int, enough: int, most: int) -> Usage:
    """Measures the descendants of a process.

    Args:
        enough: bytes; only where the plain sizes, which count shared memory many times, come to
            more than this is memory counted exactly, which takes longer.
        most: processes; where there are more, their use is not counted.
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
    """Returns a process's proportional memory in bytes; its resident memory if unreadable."""
    try:
        text = Path("/proc", str(number), "smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended since it was listed
    except OSError:
        return process.resident_bytes
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return process.resident_bytes
