"""What is fuzzed: a parser, what it may raise, and examples of what it reads."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from reference.errors import UserError
from tests.fuzzing.formats import RAW, Format


@dataclass(frozen=True)
class Limits:
    """What one case may take at most; far more than any of the valid examples needs.

    Attributes:
        seconds: of processor time. What needs more is called a hang.
        megabytes: of memory, beyond what the process had before.
    """

    seconds: float = 10.0
    megabytes: int = 256


@dataclass(frozen=True)
class Target:
    """A parser under test.

    Attributes:
        read: parses the bytes and sees for itself that what was accepted may be: whatever it
            raises that is not among `refusals`, an AssertionError for instance, is a finding.
        valid: makes the examples that must be accepted, by name.
        hostile: makes those that must be refused, by name.
        format: what the changes know of the bytes.
        share: of a campaign's cases, relative to other targets; less where a case takes long.
    """

    name: str
    read: Callable[[bytes], object]
    valid: Callable[[], Mapping[str, bytes]]
    hostile: Callable[[], Mapping[str, bytes]] = dict
    refusals: tuple[type[Exception], ...] = (UserError,)
    format: Format = RAW
    limits: Limits = Limits()
    share: float = 1.0

    @cached_property
    def accepted(self) -> Mapping[str, bytes]:
        """The valid examples, made once."""
        return self.valid()

    @cached_property
    def refused(self) -> Mapping[str, bytes]:
        """The hostile examples, made once."""
        return self.hostile()

    @property
    def examples(self) -> list[bytes]:
        """All of them, the valid first."""
        return [*self.accepted.values(), *self.refused.values()]


@cache
def scratch() -> Path:
    """Returns this process's folder for files that parsers are to open."""
    memory = Path("/dev/shm")  # noqa: S108  (a file for each of 100,000 cases: not on a disk)
    return Path(tempfile.mkdtemp(prefix="fuzzing-", dir=memory if memory.is_dir() else None))


def as_file(data: bytes, name: str = "case") -> Path:
    """Returns a file that holds these bytes, the same one for every case."""
    path = scratch() / name
    path.write_bytes(data)
    return path
