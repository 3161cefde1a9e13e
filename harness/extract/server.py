"""The fork server: imports Keras once, then runs each request in a fork of its own.

TensorFlow is imported but never runs an operation here, so a fork is safe, and costs a tenth of a
second instead of the five of a fresh import. The forked child is where somebody's code runs: it
has its own process group, limits and result pipe, and is killed as a group when it has answered
or its time is over.

    in   {"action": "build" | "verify", ..., "timeout_s": 60}
    out  {"outcome": "answered" | "died" | "timeout" | "oversize", "answer": ..., "log": "..."}
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras  # noqa: F401  (imported here so that forks need not)

from harness.extract import actions
from harness.process import serve

# An answer is a layer graph or a few predictions; a megabyte is far more than either needs.
MAX_ANSWER = 1 << 20
_LOG_TAIL = 4000
_MAX_FILE = 256 << 20
_MAX_PROCESSES = 512

# <linux/prctl.h>
_SET_DUMPABLE = 4
_SET_CHILD_SUBREAPER = 36


def handle(request: Mapping[str, Any], reply: Callable[[Mapping[str, Any]], None]) -> None:
    """Runs one request in a fork and reports how it ended."""
    with tempfile.TemporaryFile() as log:
        receiver, sender = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receiver)
            _be_child(request, sender, log.fileno())
        os.close(sender)
        try:
            outcome, answer = _collect(receiver, time.monotonic() + request["timeout_s"])
        finally:
            os.close(receiver)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            _end_descendants()
        reply({"outcome": outcome, "answer": answer, "log": _tail(log.fileno())})


def _end_descendants() -> None:
    """Kills the request's fork and all that came of it, whatever session it moved to.

    As their subreaper, this process becomes the parent of those whose own parent has ended, so
    killing its children until there are none reaches them all.
    """
    while True:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _parent(entry) == os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(entry.name), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _parent(process: Path) -> int | None:
    try:
        # The name, in brackets, may hold anything.
        return int((process / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return None


def _collect(receiver: int, deadline: float) -> tuple[str, Any]:
    """Reads the child's answer, at most so much and for so long."""
    data = b""
    while True:
        readable, _, _ = select.select([receiver], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            return "timeout", None
        chunk = os.read(receiver, 1 << 16)
        if not chunk:
            break
        data += chunk
        if len(data) > MAX_ANSWER:
            return "oversize", None
        if b"\n" in chunk:
            break  # not the end of the pipe: something that the module left running may hold it
    try:
        return "answered", json.loads(data.split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return "died", None


def _be_child(request: Mapping[str, Any], sender: int, log: int) -> None:
    """The fork's whole life; never returns."""
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        # Nothing but the answer's pipe stays open: not the server's own, not its neighbours'.
        kept = os.dup2(sender, 3)
        os.closerange(4, 4096)
        _limit(request)
        answer = actions.ACTIONS[request["action"]](request)
        data = json.dumps(answer).encode() + b"\n"
        while data:
            data = data[os.write(kept, data) :]
    except BaseException:  # noqa: BLE001  (its last words, for the log)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        # No handler, no `atexit` hook, no flush of somebody's buffers: the process ends here.
        os._exit(0)


def _limit(request: Mapping[str, Any]) -> None:
    seconds = int(request["timeout_s"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (2 * seconds, 2 * seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE, _MAX_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NPROC, (_MAX_PROCESSES, _MAX_PROCESSES))
    with contextlib.suppress(ValueError, OSError):
        # TensorFlow maps far more than it uses, so the limit is on data, not on addresses.
        resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))


def _tail(log: int) -> str:
    size = os.fstat(log).st_size
    return os.pread(log, _LOG_TAIL, max(0, size - _LOG_TAIL)).decode(errors="replace")


if __name__ == "__main__":
    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.prctl(_SET_CHILD_SUBREAPER, 1)
    # Its forks may not look into it, nor write to its pipes through /proc.
    _libc.prctl(_SET_DUMPABLE, 0)
    sys.stdin.reconfigure(errors="strict")  # type: ignore[union-attr]
    serve(handle)
