"""Imports Keras once; from then on a submission is opened in a fork, in a tenth of a second.

Keras and TensorFlow are imported but no operation runs here, so no thread exists and a fork is
safe. Each request comes as two descriptors: the submission, which only its own process reads, and
the socket for the outcome, which only its supervisor writes. This process never sees a byte of a
submission, so there is nothing of one in the memory of the next.

    in   the limits as JSON, with the two descriptors      out  {"event": "ready"}, once
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

from harness.submissions.sandbox.inside import namespaces
from harness.submissions.sandbox.inside.limits import (
    GB,
    MAX_DOCUMENT,
    MAX_PAYLOAD,
    Limits,
    measure_usage,
)

if __name__ == "__main__":
    # Before Keras is imported, which takes seconds in which the socket is not read.
    namespaces.end_with_parent(0)

from harness.submissions.sandbox.inside import containment
from harness.submissions.sandbox.inside import open as opener
from harness.submissions.sandbox.inside.containment import Contained, ContainmentFailed

_REQUEST = 1 << 16
_LOG_TAIL = 4000
_CHUNK = 1 << 16
_LOOK_EVERY_S = 0.05
# A submission that has answered gets this long to end; then it is ended, and its answer counts.
_GRACE_S = 5.0


def serve(control: socket.socket) -> None:
    """Forks a supervisor for each request, until the other end closes."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, _REQUEST, 2)
        if not data:
            return
        if os.fork() == 0:
            control.close()
            _be_supervisor(data, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _be_supervisor(data: bytes, request: int, result: int) -> NoReturn:
    try:
        # Out of the server's group: who ends that leaves us time to end the submission.
        os.setpgid(0, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        supervise(Limits(**json.loads(data)), request, socket.socket(fileno=result))
    except BaseException:  # noqa: BLE001  (for the log)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


def main() -> None:
    """Serves the socket that is standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors need not be waited for
    # No other process may look into this one, nor write to its sockets through /proc.
    namespaces.set_dumpable(allowed=False)
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    opener.preload()
    gc.collect()
    gc.freeze()  # what is here now is not touched again, so forks share it
    control.sendall(b'{"event": "ready"}')
    serve(control)


# One submission ----------------------------------------------------------------------------------


class _Pipe:
    """A pipe from the submission.

    Args:
        kept: how many of the last bytes are kept; None keeps all of them.
    """

    def __init__(self, kept: int | None) -> None:
        self.end, self.theirs = os.pipe()
        os.set_blocking(self.end, False)
        self.data = bytearray()
        self.closed = False
        self._kept = kept

    def read(self) -> bool:
        """Reads a chunk; False when none is available now, or the pipe is closed."""
        try:
            chunk = os.read(self.end, _CHUNK)
        except BlockingIOError:
            return False
        self.closed = not chunk
        self.data += chunk
        if self._kept is not None:
            del self.data[: -self._kept]
        return bool(chunk)


def supervise(limits: Limits, request: int, result: socket.socket) -> None:
    """Starts a submission, watches over it and writes the outcome to `result`.

    Only this process holds that socket, so a submission cannot write its own outcome.

        out  {"outcome": ..., "reason": "", "log": "last output", "size": n} and a newline, then
             the n bytes that the submission answered

    Outcomes: "answered", "died", "timeout", "oversize", "resource" (the reason says which limit),
    and "broken" when the sandbox itself could not be made.
    """
    log, answer = _Pipe(_LOG_TAIL), _Pipe(None)
    try:
        contained = containment.start(limits, log.theirs, answer.theirs, request)
    except ContainmentFailed as error:
        outcome, reason = "broken", f"a submission's own sandbox could not be made: {error}"
    else:
        for descriptor in (log.theirs, answer.theirs, request):
            os.close(descriptor)
        try:
            outcome, reason = _Watch(contained, limits, log, answer, result).outcome()
        finally:
            contained.end()
    data = bytes(answer.data) if outcome == "answered" else b""
    header = {
        "outcome": outcome,
        "reason": reason,
        "log": log.data.decode(errors="replace"),
        "size": len(data),
    }
    with contextlib.suppress(OSError):  # the request was cancelled
        result.sendall(json.dumps(header).encode() + b"\n" + data)


class _Watch:
    """Waits until the submission has ended or exceeds a limit."""

    def __init__(
        self,
        contained: Contained,
        limits: Limits,
        log: _Pipe,
        answer: _Pipe,
        result: socket.socket,
    ) -> None:
        self._contained, self._limits = contained, limits
        self._log, self._answer, self._result = log, answer, result
        self._poller = select.poll()
        for pipe in (log, answer):
            self._poller.register(pipe.end, select.POLLIN)
        self._poller.register(result, 0)  # says when the other end is closed
        self._has_ended = _end_of(contained.process, self._poller)

    def outcome(self) -> tuple[str, str]:
        """Returns how it ended, and the reason where there is more to say."""
        deadline = time.monotonic() + self._limits.wall_s
        look = time.monotonic() + _LOOK_EVERY_S
        found = None
        answered = False
        while found is None:
            ready = {number for number, _ in self._poller.poll(1000 * _LOOK_EVERY_S)}
            ended = self._has_ended(ready)
            self._listen(ready, whole=ended)
            if self._answered and not answered:
                answered, deadline = True, min(deadline, time.monotonic() + _GRACE_S)
            over = ended or time.monotonic() > deadline
            found = self._verdict(ready, ended=ended, over=over)
            if found is None and time.monotonic() >= look:
                began = time.monotonic()
                found = self._exceeded()
                # Where there are very many processes to look at, less often.
                look = time.monotonic() + max(_LOOK_EVERY_S, 5 * (time.monotonic() - began))
        return found

    @property
    def _answered(self) -> bool:
        return self._answer.data.find(b"\n", 0, MAX_DOCUMENT + 1) >= 0

    def _listen(self, ready: set[int], *, whole: bool) -> None:
        """Takes in what was written; all there is when `whole`, for then no more will come."""
        for pipe in (self._log, self._answer):
            if pipe.closed or not (whole or pipe.end in ready):
                continue
            while pipe.read() and whole and not self._oversize():
                pass
            if pipe.closed:
                self._poller.unregister(pipe.end)

    def _oversize(self) -> bool:
        end = self._answer.data.find(b"\n", 0, MAX_DOCUMENT + 1)
        return len(self._answer.data) > (MAX_DOCUMENT if end < 0 else end + 1 + MAX_PAYLOAD)

    def _verdict(self, ready: set[int], *, ended: bool, over: bool) -> tuple[str, str] | None:
        if self._result.fileno() in ready:
            return "died", "the request was cancelled"
        if self._oversize():
            return "oversize", ""
        if not over:
            return None
        return ("answered" if self._answered else "died" if ended else "timeout"), ""

    def _exceeded(self) -> tuple[str, str] | None:
        """Returns the limit that its processes exceed together, if any."""
        limits = self._limits
        used = measure_usage(self._contained.root, limits.memory_bytes, limits.processes)
        if used.processes > limits.processes:
            return "resource", f"it started more than {limits.processes} processes"
        if used.memory_bytes > limits.memory_bytes:
            return "resource", f"it used more than {limits.memory_bytes / GB:g} GB of memory"
        if used.cpu_s > limits.cpu_s:
            return "resource", f"it used more than {limits.cpu_s:g} s of processor time"
        return None


def _end_of(process: int, poller: select.poll) -> Callable[[set[int]], bool]:
    """Returns a function that says, given what is ready to read, whether a child has ended."""
    try:
        handle = os.pidfd_open(process)
    except (AttributeError, OSError):  # an old kernel
        return lambda _: os.waitpid(process, os.WNOHANG)[0] != 0
    poller.register(handle, select.POLLIN)
    return lambda ready: handle in ready


if __name__ == "__main__":
    main()
