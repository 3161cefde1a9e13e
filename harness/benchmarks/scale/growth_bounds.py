"""What may grow in a long run, and by how much: the verdict of `harness.benchmarks.scale.soak`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from harness.benchmarks.scale.process_usage import CONTROLLER, SANDBOX, SERVER, WORKER, Held, Sample

MB = 10**6

STEADY_BYTES = 50 * MB
# Workers are of different age when they are looked at: one of 25 jobs, of which XLA compiled a few,
# had up to 80 MB more than one of the 20 that it had when the run was warm.
WORKER_BYTES = 150 * MB
# XLA's own, which one worker has started and another not yet.
WORKER_THREADS = 16
# Of each worker two logs, each at most as long as makes it be replaced, and what one job wrote.
LOG_BYTES = 8 * MB


@dataclass(frozen=True)
class Bound:
    """By how much something may differ from what it was when the run had warmed up.

    Attributes:
        name: what it is, e.g. "controller: memory".
        unit: "MB", or "" for a number.
    """

    name: str
    value: Callable[[Sample], int]
    more: float = 0
    less: float = inf
    unit: str = ""

    def broken_by(self, samples: Sequence[Sample]) -> str | None:
        """Says at which of the samples, the first being the warm one, it first was too far off."""
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
    """Returns the most that any process of a kind has of something, a field of `Held`."""
    return max((getattr(one, what) for one in sample.held.get(kind, ())), default=0)


def proportional(sample: Sample, kind: str) -> int:
    """Returns the memory of all processes of a kind, of what they share their part."""
    held: Iterable[Held] = sample.held.get(kind, ())
    return sum(one.proportional_bytes for one in held)


def _count(sample: Sample, kind: str) -> int:
    return len(sample.held.get(kind, ()))


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
    """Returns a sentence for each bound that a run broke; none is good.

    Args:
        samples: in the order they were taken.
        warm_up: jobs until everything has been imported, cached and grown to its size.
    """
    warm = [sample for sample in samples if sample.jobs >= warm_up]
    if len(warm) < 2:
        return [f"there are no two samples after a warm-up of {warm_up} jobs to be compared"]
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
