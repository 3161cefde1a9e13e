"""When a worker that has served long enough gives its place to a fresh one.

TensorFlow keeps something of every network that a process has trained, and gives none of it back:
about 3 MB, and 9 MB of one that XLA compiled. All of it counts towards the worker's limit, so a job
would in the end be refused memory that a fresh worker has. A fresh one is a fork of a process that
has imported TensorFlow, so it costs a third of a second, most of it in its first job.
"""

import contextlib
from dataclasses import dataclass
from math import inf
from pathlib import Path

from harness.memory import data_bytes


@dataclass(frozen=True)
class Use:
    """What a worker has served and holds, between two jobs.

    Attributes:
        data_bytes: as of `harness.memory.data_bytes`.
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


# The shortest jobs, 1.3 s of a processor, become 1 % longer by a fresh worker after every 25. By
# then 530 MB of data, which is what a worker has after its first job, are 610, or 750 with XLA: the
# bound on data is for what nobody has measured, and leaves seven eighths of the limit to a job.
RECYCLING = Recycling(jobs=25, data_bytes=2**30, log_bytes=2**20)
NEVER = Recycling(inf, inf, inf)


def use_of(process: int, jobs: int, log: Path) -> Use:
    """Measures a worker that has done so many jobs."""
    written = 0
    with contextlib.suppress(OSError):
        written = log.stat().st_size
    return Use(jobs, data_bytes(process), written)
