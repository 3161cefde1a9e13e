"""When a worker that has served long enough gives its place to a fresh one.

TensorFlow keeps something of every network that a process has trained, and gives none of it back:
about 4 MB, and 6 MB of one that XLA compiled. All of it counts towards the worker's limit, so a job
would in the end be refused memory that a fresh worker has. A fresh one is a fork of a process that
has imported TensorFlow: that takes 0.08 s, and its first job 0.2 s longer than another.
"""

import contextlib
from dataclasses import dataclass
from math import inf
from pathlib import Path

from harness.system.memory import data_bytes


@dataclass(frozen=True)
class Use:
    """What a worker has served and holds, between two jobs.

    Attributes:
        data_bytes: as of `harness.system.memory.data_bytes`.
        log_bytes: what it has written on standard error.
    """

    jobs: int
    data_bytes: int
    log_bytes: int


@dataclass(frozen=True)
class Recycling:
    """What a worker may come to before it is replaced."""

    jobs: float
    data_bytes: float
    log_bytes: float

    def is_due(self, use: Use) -> bool:
        """Whether a worker is to be replaced before its next job."""
        return (
            use.jobs >= self.jobs
            or use.data_bytes > self.data_bytes
            or use.log_bytes > self.log_bytes
        )


# A fresh worker after every 25 jobs makes short ones, of a second, 1 % longer; a worker has less
# than 0.9 GB of data by then (docs/reliability.md). The bound on data is for what nobody has
# measured, and leaves seven eighths of the limit to the next job.
RECYCLING = Recycling(jobs=25, data_bytes=2**30, log_bytes=2**20)
NEVER = Recycling(inf, inf, inf)


def use_of(process: int, jobs: int, log: Path) -> Use:
    """Measures a worker that has done so many jobs."""
    written = 0
    with contextlib.suppress(OSError):
        written = log.stat().st_size
    return Use(jobs, data_bytes(process), written)
