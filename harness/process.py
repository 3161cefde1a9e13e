"""A child process that speaks JSON, one document a line: workers and the sandbox's fork server."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from harness.engine import thread_variables
from harness.environment import THREADS

ROOT = Path(__file__).parent.parent
_LOG_TAIL = 4000  # bytes of its last words that are worth showing


class ProcessDied(Exception):
    """The child ended without an answer; the message says how, with its last words."""


class ProcessTimeout(Exception):
    """The child gave no answer in time."""


class JsonProcess:
    """Runs `python -m module` in its own process group and exchanges lines of JSON with it.

    Ctrl-C in the terminal does not reach it; it ends when it is told, or when its input closes,
    which the kernel sees to even when this process is killed.

    Args:
        log: where its standard error goes.
        prefix: a command that runs the child, e.g. a sandbox.
        threads: on how many it computes.
        root: the project's folder that the module and all it imports are taken from.
    """

    def __init__(
        self,
        module: str,
        log: Path,
        prefix: Sequence[str] = (),
        threads: int = THREADS,
        root: Path = ROOT,
    ) -> None:
        self._module = module
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-m", module],
                cwd=root,
                env=_environment(threads, root),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self._buffer = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, document: Mapping[str, Any]) -> None:
        """Sends one document.

        Raises:
            ProcessDied: nobody is there to read it.
        """
        try:
            self._input.write(json.dumps(document).encode() + b"\n")
            self._input.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._death() from error

    def receive(self, deadline: float | None = None) -> Any:
        """Returns the next document.

        Args:
            deadline: on `time.monotonic()`'s clock; None waits for ever.

        Raises:
            ProcessDied: the child ended first.
            ProcessTimeout: the deadline passed first.
        """
        descriptor = self._output.fileno()
        while b"\n" not in self._buffer:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            readable, _, _ = select.select([descriptor], [], [], left)
            if not readable:
                raise ProcessTimeout(f"{self._module} gave no answer in time")
            chunk = os.read(descriptor, 1 << 20)
            if not chunk:
                raise self._death()
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def kill(self) -> None:
        """Ends the child and everything it started; a `receive` in another thread then raises."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ends the child and lets go of its pipes; safe to call twice."""
        self.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._input.close()
        self._output.close()

    def _death(self) -> ProcessDied:
        code = self._process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        hint = " (often: out of memory)" if code == -signal.SIGKILL else ""
        words = self._last_words()
        return ProcessDied(f"{self._module} {how}{hint}" + (f":\n{words}" if words else ""))

    def _last_words(self) -> str:
        try:
            return self._log.read_bytes()[-_LOG_TAIL:].decode(errors="replace").strip()
        except OSError:
            return ""

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101  (asked for with PIPE)
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101
        return self._process.stdout


def _environment(threads: int, root: Path) -> dict[str, str]:
    """The parent's variables, less what would change numbers or leak, plus our own."""
    kept = {
        key: os.environ[key]
        for key in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TF_ENABLE_ONEDNN_OPTS")
        if key in os.environ
    }
    return {
        **kept,
        **thread_variables(threads),
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
    }


def serve(handle: Any) -> None:
    """The child's side: answers documents from standard input until it closes.

    `handle(document, reply)` may call `reply` any number of times. Whatever else writes to
    standard output ends up on standard error, so it cannot be taken for an answer.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def reply(document: Mapping[str, Any]) -> None:
        answers.write(json.dumps(document).encode() + b"\n")
        answers.flush()

    for line in sys.stdin.buffer:
        try:
            handle(json.loads(line), reply)
        except BrokenPipeError:
            return
