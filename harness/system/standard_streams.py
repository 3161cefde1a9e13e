"""Standard streams as a user may leave them: closed, on a full disk, or without an encoding."""

import io
import os
import sys
from collections.abc import Callable
from typing import IO, Any

_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}


def open_closed() -> None:
    """Opens what was closed before Python started, on nothing.

    Python has None in its place, at which libraries fail; and the next file that a library opened
    would get the number of a stream, and what is written to that.
    """
    for name, mode in _MODES.items():
        if getattr(sys, name) is None:
            # It stays open as long as the process lives, as a stream does.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


class Forgiving(io.TextIOWrapper):
    """A stream whose disk may be full: from then on it says nothing, and its owner goes on.

    A broken pipe is another case: its reader has ended and does not want the rest.

    Attributes:
        failure: why not all of it could be written; None where all was.
    """

    failure: OSError | None = None

    def write(self, text: str, /) -> int:
        """Writes a text, while that is possible."""
        return self._tried(lambda: super(Forgiving, self).write(text)) or 0

    def flush(self) -> None:
        """Hands on what was written."""
        self._tried(super().flush)

    def _tried(self, action: Callable[[], Any]) -> Any:
        if self.failure is not None:
            return None
        try:
            return action()
        except BrokenPipeError:
            raise
        except OSError as error:
            self.failure = error
            # What waits in the buffers would be tried again, at the end by Python itself.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return None


def forgive(stream: IO[str]) -> IO[str]:
    """Returns a standard stream as one that bears a full disk; another kind as it is."""
    if type(stream) is not io.TextIOWrapper:
        return stream
    encoding, errors, at_once = stream.encoding, stream.errors, stream.line_buffering
    return Forgiving(stream.detach(), encoding, errors, line_buffering=at_once)
