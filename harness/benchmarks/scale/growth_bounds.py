"""The bounds of growth in a long run: the verdict of `harness.benchmarks.scale.soak`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from harness.benchmarks.scale.process_usage import CONTROLLER, SANDBOX, SERVER, WORKER, Sample

MB = 10**6

STEADY_BYTES = 50 * MB
# Workers have different ages when they are sampled: one after 25 jobs, of which XLA compiled a few,
# had up to 80 MB more than after the 20 jobs of the warm-up.
WORKER_BYTES = 150 * MB
# XLA's own threads, which one worker has started and another not yet.
WORKER_THREADS = 16
# Two logs of each worker, each up to the length that replaces it, and the output of one job.
LOG_BYTES = 8 * MB


@dataclass(frozen=True)
class Bound:
    """The allowed difference of a value from the one at the end of the warm-up.

    Attributes:
        name: e.g. "controller: memory".
        unit: "MB", or "" for a count.
    """

    name: str
    value: Callable[[Sample], int]
    more: float = 0
    less: float = inf
    unit: str = ""

    def broken_by(self, samples: Sequence[Sample]) -> str | None:
        """Returns a sentence about the first sample that differs too much, if there is one."""
        first, *later = samples
        start = self.value(first)
        for sample in later:
            now = self.value(sample)
            if not start - self.less <= now <= start + self.more:
                allowed = self.more if now > start else self.less
                return (
                    f"{self.name}: {self._shown(now)} after {sample.jobs} jobs, but "
                    f"{self._shown(start)} after {first.jobs}: at most {self._shown(allowed)} "
                    f"{'more' if now > start else 'less'} is allowed"
                )
        return None

    def _shown(self, value: float) -> str:
        return f"{value / MB:,.0f} MB" if self.unit == "MB" else f"{value:,.0f}"


def most(sample: Sample, kind: str, what: str) -> int:
    """Returns the largest value of a field of `ProcessUsage` among the processes of a kind."""
    return max((getattr(one, what) for one in sample.usage.get(kind, ())), default=0)


def proportional(sample: Sample, kind: str) -> int:
    """Returns the memory of all processes of a kind, with their part of what they share."""
    return sum(one.proportional_bytes for one in sample.usage.get(kind, ()))


def _count(sample: Sample, kind: str) -> int:
    return len(sample.usage.get(kind, ()))


def _bounds() -> Iterator[Bound]:
    resident = partial(most, kind=CONTROLLER, what="resident_bytes")
    yield Bound(f"{CONTROLLER}: memory", resident, STEADY_BYTES, STEADY_BYTES, "MB")
    for kind, more in ((SERVER, STEADY_BYTES), (SANDBOX, STEADY_BYTES), (WORKER, WORKER_BYTES)):
        data = partial(most, kind=kind, what="data_bytes")
        yield Bound(f"{kind}: memory", data, more, inf, "MB")
        yield Bound(f"{kind}: processes", partial(_count, kind=kind), 0, 0)
    for kind in (CONTROLLER, SERVER, SANDBOX, WORKER):
        yield Bound(f"{kind}: descriptors", partial(most, kind=kind, what="descriptors"))
        threads = WORKER_THREADS if kind == WORKER else 0
        yield Bound(f"{kind}: threads", partial(most, kind=kind, what="threads"), threads)


BOUNDS = tuple(_bounds())


def broken(samples: Sequence[Sample], warm_up: int, bounds: Sequence[Bound] = BOUNDS) -> list[str]:
    """Returns a sentence for each bound that a run broke.

    Args:
        samples: in the order in which they were taken.
        warm_up: number of jobs until everything is imported and cached.
    """
    warm = [sample for sample in samples if sample.jobs >= warm_up]
    if len(warm) < 2:
        return [
            f"only {len(warm)} samples follow the warm-up of {warm_up} jobs; expected at least 2"
        ]
    found = [said for bound in bounds if (said := bound.broken_by(warm)) is not None]
    last = warm[-1]
    zombies = max(sample.zombies for sample in samples)
    if zombies:
        found.append(f"{zombies} processes have ended and were not waited for")
    if last.incoming:
        found.append(f"{last.incoming} half-written records are left in the store")
    if last.log_bytes > LOG_BYTES:
        found.append(
            f"the logs have {last.log_bytes:,} bytes, but should have {LOG_BYTES:,} at most"
        )
    return found
