"""The networks of a session that are compared with one another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.record import Record

ANALYSED = 10
"""Networks of a session that are compared and disturbed; in a class, more than that, none is."""


@dataclass(frozen=True)
class Trained:
    """A subject with its runs, at least one, in the order of their seeds."""

    id: str
    runs: Sequence[Record]

    @property
    def keys(self) -> tuple[str, ...]:
        """Of its runs; those of identical networks are the same."""
        return tuple(run.key for run in self.runs)


def analysed(trained: Iterable[Trained]) -> tuple[Trained, ...]:
    """Returns the distinct networks, of identical ones the first; none where ANALYSED is passed."""
    every = tuple(trained)
    if len(every) > ANALYSED:
        return ()
    return tuple({one.keys: one for one in reversed(every)}.values())[::-1]
