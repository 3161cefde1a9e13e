"""What a process has tried so far, kept where another process reads it when the first has died."""

import json
import mmap
import os
import struct
from dataclasses import asdict, dataclass, replace
from pathlib import Path

_HEAD = struct.Struct("<QQQQQ")
_ROOM = 4 << 20  # bytes of the case at hand; of a longer one the start


@dataclass(frozen=True)
class Finding:
    """A case that was neither read nor refused as it should be.

    Attributes:
        kind: "exception", "hang", "memory", "died", "accepted" or "refused".
        what: in a line: the exception, or how long, or how much.
        where: the innermost line of the project that took part.
        input: the file that holds the case, in the campaign's folder.
    """

    kind: str
    what: str
    where: str = ""
    input: str = ""

    @property
    def name(self) -> str:
        """What it is called, without the words that differ from case to case."""
        return self.what.partition(":")[0]


@dataclass
class Counts:
    """How often a target was called, what came of it, and the processor time that it took."""

    cases: int = 0
    refused: int = 0
    accepted: int = 0
    nanoseconds: int = 0


class Ledger:
    """Counts, the case at hand and the findings of one target and driver, in two files.

    Args:
        path: of the counts and the case; they outlive the process that writes them.
        new: begin anew, whatever an earlier campaign left there.
    """

    def __init__(self, path: Path, *, new: bool = False) -> None:
        self.path = path
        if new:
            path.write_bytes(b"")
            os.truncate(path, _HEAD.size + _ROOM)
            self._list.write_bytes(b"")
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    @property
    def counts(self) -> Counts:
        return Counts(*_HEAD.unpack_from(self._memory)[:4])

    @property
    def case(self) -> bytes:
        """The case at hand, or the last one."""
        length = _HEAD.unpack_from(self._memory)[4]
        return self._memory[_HEAD.size : _HEAD.size + length]

    @property
    def findings(self) -> list[Finding]:
        lines = self._list.read_text(encoding="utf-8").splitlines()
        return [Finding(**json.loads(line)) for line in lines]

    def begin(self, counts: Counts, data: bytes) -> None:
        """Notes the case that is about to be tried."""
        kept = data[:_ROOM]
        numbers = (counts.cases, counts.refused, counts.accepted, counts.nanoseconds, len(kept))
        _HEAD.pack_into(self._memory, 0, *numbers)
        self._memory[_HEAD.size : _HEAD.size + len(kept)] = kept

    def add(self, kind: str, what: str, where: str = "") -> None:
        """Keeps a finding, with the case at hand; the same one in other words is left out."""
        known, this = self.findings, Finding(kind, what, where)
        if any((one.kind, one.name, one.where) == (kind, this.name, where) for one in known):
            return
        file = self.path.with_suffix(f".{len(known)}.input")
        file.write_bytes(self.case)
        with self._list.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(replace(this, input=file.name))) + "\n")

    @property
    def _list(self) -> Path:
        return self.path.with_suffix(".findings")
