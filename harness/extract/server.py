"""A process in the sandbox that forks for each submission: started, asked and ended from here."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from threading import Event, Thread

from harness.process import ended, last_words
from harness.sandbox import Isolation
from harness.sandboxed.limits import MAX_DOCUMENT, MAX_PAYLOAD, Limits

_MAX_MESSAGE = 1 << 16
MODULE = "harness.sandboxed.server"
# The import of Keras, on a busy machine.
START_TIMEOUT_S = 120.0
# How much longer than a submission the supervisor may take, which ends what is left of it.
_GRACE_S = 30.0
_MAX_REPLY = MAX_DOCUMENT + MAX_PAYLOAD + (1 << 16)


class ServerDied(Exception):
    """The server, or the supervisor of a request, ended without a word about its outcome."""


class Server:
    """Runs `harness.sandboxed.server`; `ask` may be called by several threads at once."""

    def __init__(self, isolation: Isolation, log: Path) -> None:
        self._log = log
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process: subprocess.Popen[bytes] | None = None
        self._error: OSError | None = None
        self._started, self._ready = Event(), Event()
        # The sandbox ends with the thread that started it, so that thread does nothing else.
        keeper = Thread(
            target=self._keep, args=(isolation, theirs), name="sandbox-keeper", daemon=True
        )
        keeper.start()
        self._started.wait()

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
        with ours:
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
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._control.close()

    def _keep(self, isolation: Isolation, theirs: socket.socket) -> None:
        """Starts the process and waits for its end."""
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with theirs, self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    isolation.command(MODULE),
                    cwd="/",
                    env=isolation.environment(),
                    stdin=theirs.fileno(),
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            self._error = error
        finally:
            self._started.set()
        if self._process is not None:
            self._process.wait()

    def _death(self) -> ServerDied:
        """Says how it ended; what is left of it is ended now."""
        if self._process is None:
            return ServerDied(f"the sandbox could not be started: {self._error}")
        self.stop()
        how = ended(self._process.wait(), last_words(self._log))
        return ServerDied(f"the sandbox {how}")


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
