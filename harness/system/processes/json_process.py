"""A child process that speaks JSON, one document a line: workers and the sandbox's fork server."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from harness.system.directories import PROJECT_ROOT
from harness.system.machine import THREADS, thread_variables
from harness.system.processes import parent_death

_LOG_TAIL = 4000  # bytes of its last words that are worth showing


class ProcessDied(Exception):
    """The child ended without an answer; the message says how, with its last words."""


class ProcessTimeout(Exception):
    """The child gave no answer in time."""


@dataclass(frozen=True)
class Compute:
    """What a child process computes on: threads of the CPU, and whether it sees the GPUs."""

    threads: int = THREADS
    gpu: bool = False


# The same bits on every machine of a kind: `docs/decisions/0002`.
GRADING = Compute()


class JsonChannel(ABC):
    """One end of a conversation in lines of JSON with a process that may end at any time."""

    def __init__(self, name: str, log: Path) -> None:
        self._name = name
        self._log = log
        self._buffer = b""

    @property
    @abstractmethod
    def pid(self) -> int:
        """The process's number."""

    @abstractmethod
    def _write(self, data: bytes) -> None:
        """Writes all of it; raises OSError or ValueError when the reader is gone."""

    @abstractmethod
    def _descriptor(self) -> int:
        """What to read from."""

    @abstractmethod
    def _exit_code(self) -> int:
        """Waits for the process, which has ended; its exit code, negative for a signal."""

    @abstractmethod
    def stop(self) -> None:
        """Ends the process and lets go of its pipes; safe to call twice."""

    def send(self, document: Mapping[str, Any]) -> None:
        """Sends one document.

        Raises:
            ProcessDied: the process has ended.
        """
        try:
            self._write(json.dumps(document).encode() + b"\n")
        except (OSError, ValueError) as error:
            raise self._death() from error

    def receive(self, deadline: float | None = None) -> Any:
        """Returns the next document.

        Args:
            deadline: on `time.monotonic()`'s clock; None waits for ever.

        Raises:
            ProcessDied: the child ended first.
            ProcessTimeout: the deadline passed first.
        """
        descriptor = self._descriptor()
        while b"\n" not in self._buffer:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            readable, _, _ = select.select([descriptor], [], [], left)
            if not readable:
                raise ProcessTimeout(f"{self._name} gave no answer in time")
            try:
                chunk = os.read(descriptor, 1 << 20)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise self._death()
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def is_silent(self) -> bool:
        """Whether nothing has come that was not asked for: no word, and not the child's end."""
        readable, _, _ = select.select([self._descriptor()], [], [], 0)
        return not readable and not self._buffer

    def kill(self) -> None:
        """Ends the child and everything it started; a `receive` in another thread then raises."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _death(self) -> ProcessDied:
        return ProcessDied(f"{self._name} {ended(self._exit_code(), last_words(self._log))}")


def ended(code: int, words: str) -> str:
    """Says how a process ended: "exited with 3", "was killed by SIGKILL", and its last words."""
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
    # The kernel kills; libraries that cannot have a thread or a buffer abort.
    hint = " (often: out of memory)" if -code in {signal.SIGKILL, signal.SIGABRT} else ""
    return how + hint + (f":\n{words}" if words else "")


def last_words(log: Path) -> str:
    """Returns the end of what a process wrote on standard error."""
    try:
        return log.read_bytes()[-_LOG_TAIL:].decode(errors="replace").strip()
    except OSError:
        return ""


class JsonProcess(JsonChannel):
    """Runs `python -m module` in its own process group and exchanges lines of JSON with it.

    Ctrl-C in the terminal does not reach it; it ends when it is told, when its input closes, or
    when this process ends, which the kernel sees to even when that is killed.

    Args:
        log: where its standard error goes.
        prefix: a command that runs the child, e.g. a sandbox.
        compute: on what it computes.
        root: the project's folder that the module and all it imports are taken from.
    """

    def __init__(
        self,
        module: str,
        log: Path,
        prefix: Sequence[str] = (),
        compute: Compute = GRADING,
        root: Path = PROJECT_ROOT,
    ) -> None:
        super().__init__(module, log)
        self._process = spawn(
            module,
            log,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            prefix=prefix,
            compute=compute,
            root=root,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def _write(self, data: bytes) -> None:
        self._input.write(data)
        self._input.flush()

    def _descriptor(self) -> int:
        return self._output.fileno()

    def _exit_code(self) -> int:
        return self._process.wait()

    def stop(self) -> None:
        """Ends the child and lets go of its pipes; safe to call twice."""
        self.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._input.close()
        self._output.close()

    @property
    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101  (asked for with PIPE)
        return self._process.stdin

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None  # noqa: S101
        return self._process.stdout


def spawn(  # noqa: PLR0913  (each is one of Popen's own)
    module: str,
    log: Path,
    *,
    stdin: Any,
    stdout: Any,
    prefix: Sequence[str] = (),
    compute: Compute = GRADING,
    root: Path = PROJECT_ROOT,
    temporary: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts `python -m module` in a session of its own; for the arguments see `JsonProcess`.

    Args:
        temporary: where its temporary files go; None for where ours do.

    The module is to call `parent_death.end_with_parent` as soon as it runs.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        return parent_death.start(
            [*prefix, sys.executable, "-m", module],
            cwd=root,
            env=_environment(compute, root) | ({"TMPDIR": str(temporary)} if temporary else {}),
            stdin=stdin,
            stdout=errors if stdout is None else stdout,
            stderr=errors,
            start_new_session=True,
        )


def _environment(compute: Compute, root: Path) -> dict[str, str]:
    """The parent's variables, less what would change numbers or leak, plus our own."""
    kept = {
        key: os.environ[key]
        for key in (
            "PATH",
            "HOME",
            "LANG",
            "LC_ALL",
            "TMPDIR",
            "TF_ENABLE_ONEDNN_OPTS",
            "CUDA_VISIBLE_DEVICES",
        )
        if key in os.environ
    }
    return {
        **kept,
        **thread_variables(compute.threads),
        **({} if compute.gpu else {"CUDA_VISIBLE_DEVICES": "-1"}),
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
    }


def serve(handle: Any) -> None:
    """The child's side: answers documents from standard input until it closes.

    `handle(document, reply)` may call `reply` any number of times.
    """
    parent_death.end_with_parent(sys.stdin.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer_all(handle, sys.stdin.buffer, take_output())


def take_output() -> IO[bytes]:
    """Returns standard output, for answers alone.

    Whatever else writes there ends up on standard error, so it cannot be taken for an answer.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def answer_all(handle: Any, requests: Iterable[bytes], answers: IO[bytes]) -> None:
    """Hands every document to `handle`, with where its replies go, until one end closes."""

    def reply(document: Any) -> None:
        answers.write(json.dumps(document).encode() + b"\n")
        answers.flush()

    for line in requests:
        try:
            handle(json.loads(line), reply)
        except BrokenPipeError:
            return
