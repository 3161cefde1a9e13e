"""What a submission may use, and the part of it that the kernel enforces for each process."""

import contextlib
import os
import resource
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).parents[4]
"""Where the project lies, as the sandbox sees it."""

GB, MB = 10**9, 10**6

# An answer is one line of JSON, then the raw weights of a saved file.
MAX_DOCUMENT = 1 << 20
MAX_PAYLOAD = 80 << 20

# Threads count as processes here, and TensorFlow starts some for each core; what is started on
# purpose is counted by the supervisor. More of them would leave the supervisor no time to count.
_TASKS = 128 + 4 * (os.cpu_count() or 1)
_OPEN_FILES = 1024


@dataclass(frozen=True)
class Limits:
    """What one submission may use, all of its processes together.

    Attributes:
        wall_s: seconds until it must have answered.
        cpu_s: seconds of processor time.
        memory_bytes: memory.
        processes: how many there may be at once.
        folder_bytes: all the files that it has written.
        file_bytes: one such file.
        private: whether it gets namespaces of its own; otherwise it has a whole sandbox to itself.
    """

    wall_s: float = 60.0
    cpu_s: float = 120.0
    memory_bytes: int = 3 * GB
    processes: int = 64
    folder_bytes: int = 512 * MB
    file_bytes: int = 256 * MB
    private: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(document: Mapping[str, Any]) -> Limits:
    """Reads `Limits.to_json`."""
    return Limits(**document)


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
