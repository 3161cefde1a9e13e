"""A process in the sandbox that forks for each submission: started, asked and ended from here."""

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from harness.submissions.sandbox.inside.limits import MAX_DOCUMENT, MAX_PAYLOAD, Limits
from harness.submissions.sandbox.isolation import Isolation
from harness.system.processes import parent_death
from harness.system.processes.json_process import ended, last_words

if TYPE_CHECKING:
    from subprocess import Popen

_MAX_MESSAGE = 1 << 16
MODULE = "harness.submissions.sandbox.inside.server"
# The import of Keras, on a busy machine.
START_TIMEOUT_S = 120.0
# How much longer than a submission the supervisor may take, which ends what is left of it.
_GRACE_S = 30.0
_MAX_REPLY = MAX_DOCUMENT + MAX_PAYLOAD + (1 << 16)


class ServerDied(Exception):
    """The server, or the supervisor of a request, ended without a word about its outcome."""


class Server:
    """Runs `inside.server`; `ask` may be called by several threads at once."""

    def __init__(self, isolation: Isolation, log: Path) -> None:
        self._log = log
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process: Popen[bytes] | None = None
        self._error: OSError | None = None
        self._ready = Event()
        self._asked: set[socket.socket] = set()
        try:
            with theirs:
                self._process = _started(isolation, log, theirs)
        except OSError as error:
            self._error = error

    @property
    def pid(self) -> int:
        """The number of the process that ends when the server does."""
        return self._process.pid if self._process is not None else -1

    def wait_until_ready(self) -> None:
        """Waits for it to have imported Keras.

        Raises:
            ServerDied: it ended first, or took too long.
        """
        if self._ready.is_set():
            return
        try:
            self._control.settimeout(START_TIMEOUT_S)
            warm = self._control.recv(_MAX_MESSAGE)
        except OSError:  # it takes too long, or `stop` has closed the socket
            warm = b""
        if not warm:
            raise self._death()
        self._ready.set()

    def ask(self, limits: Limits, request: int) -> tuple[dict[str, object], bytes]:
        """Has one submission opened; returns the outcome, and the answer's bytes as they came.

        Args:
            request: the descriptor of the packed submission.

        Raises:
            ServerDied: there is no outcome.
        """
        ours, theirs = socket.socketpair()
        with ours, self._asking(ours):
            try:
                with theirs:
                    message = json.dumps(limits.to_json()).encode()
                    socket.send_fds(self._control, [message], [request, theirs.fileno()])
                reply = _receive(ours, time.monotonic() + limits.wall_s + _GRACE_S)
            except OSError as error:
                raise self._death() from error
        head, newline, answer = reply.partition(b"\n")
        if not newline:
            raise self._death()
        header = json.loads(head)
        if header["size"] != len(answer):
            raise self._death()
        return header, answer

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends it and all that it has started; safe to call twice, and from any thread."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        # Where it is no server's end that ends a submission, its supervisor sees that nobody waits.
        for connection in tuple(self._asked):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._control.close()

    @contextlib.contextmanager
    def _asking(self, connection: socket.socket) -> Iterator[None]:
        """Lets `stop` know who is being waited for."""
        self._asked.add(connection)
        try:
            yield
        finally:
            self._asked.discard(connection)

    def _death(self) -> ServerDied:
        """Says how it ended; what is left of it is ended now."""
        if self._process is None:
            return ServerDied(f"the sandbox could not be started: {self._error}")
        self.stop()
        how = ended(self._process.wait(), last_words(self._log))
        return ServerDied(f"the sandbox {how}")


def _started(isolation: Isolation, log: Path, control: socket.socket) -> "Popen[bytes]":
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        return parent_death.start(
            isolation.command(MODULE),
            cwd="/",
            env=isolation.environment(),
            stdin=control.fileno(),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def _receive(connection: socket.socket, deadline: float) -> bytes:
    """Reads until the other end closes.

    Raises:
        OSError: that takes too long, or there is too much.
    """
    data = bytearray()
    while True:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = connection.recv(1 << 20)
        if not chunk:
            return bytes(data)
        data += chunk
        if len(data) > _MAX_REPLY:
            raise OSError("more than a supervisor says")
