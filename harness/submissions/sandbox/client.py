"""The trusted side of the sandbox: starts it, sends submissions in, and believes no answer."""

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from threading import BoundedSemaphore, Event, Lock
from typing import TYPE_CHECKING, NamedTuple

from harness.network.keras_config import read_model
from harness.network.spec import Spec
from harness.submissions.sandbox import messages
from harness.submissions.sandbox.inside.limits import GB, MAX_DOCUMENT, MAX_PAYLOAD, Limits
from harness.submissions.sandbox.isolation import Isolation
from harness.submissions.sandbox.messages import Answer, SubmittedFiles
from harness.system.failure import BuildFailure
from harness.system.memory import was_refused
from harness.system.processes import parent_death
from harness.system.processes.json_process import ended, last_words
from reference.errors import UserError

if TYPE_CHECKING:
    from subprocess import Popen

LIMITS = Limits()
SERVER_MODULE = "harness.submissions.sandbox.inside.server"
START_TIMEOUT_S = 120.0  # for the import of Keras, on a busy machine
_ATTEMPTS = 4
# How much longer than a submission the supervisor may take, which ends what is left of it.
_GRACE_S = 30.0
_MAX_MESSAGE = 1 << 16
_MAX_REPLY = MAX_DOCUMENT + MAX_PAYLOAD + _MAX_MESSAGE

_DIED = "the process ended without an answer; its last words: "
_OVERSIZE = "the description of the network is larger than 1 MB, or its weights than 80 MB"


class Sandbox:
    """Opens submissions in isolation, several at once; its server starts with the first one.

    Args:
        isolation: where each is opened.
        log: the file for messages of the sandbox itself.
    """

    def __init__(self, isolation: Isolation, log: Path) -> None:
        self.isolation = isolation
        self._log = log
        self._lock = Lock()
        self._server: SandboxServer | None = None
        self._single: set[SandboxServer] = set()
        self._stopped = False
        # Under limits alone they could see each other's processes, so there is one at a time.
        self._slots = BoundedSemaphore(1 if isolation.level == "limits" else 1 << 10)

    def open(self, submitted: SubmittedFiles) -> Answer | BuildFailure:
        """Returns what a submission's process answered, or why it gave no answer."""
        try:
            request = messages.pack(submitted)
        except UserError as error:
            return BuildFailure("failed", str(error))
        limits = replace(LIMITS, private=self.isolation.private)
        try:
            with self._slots:
                reply = self._ask(limits, request)
        except ServerDied as error:
            reason = "the session has ended" if self._stopped else str(error)
            return BuildFailure("grader_error", reason)
        finally:
            os.close(request)
        return _read_reply(reply, limits)

    def build(self, name: str, source: str) -> Spec | BuildFailure:
        """Returns the first network that a module gives, or why it gives none.

        Args:
            name: how messages call the module, e.g. "models/deep_cnn.py".
            source: its text.
        """
        path = PurePosixPath(name)
        outside = path.is_absolute() or ".." in path.parts
        main = path.name if outside else str(path)
        found = self.open(SubmittedFiles(main, {main: source.encode(errors="surrogatepass")}))
        if isinstance(found, BuildFailure):
            return found
        if not found.document["networks"]:
            return messages.failure(found.document)
        try:
            return read_model(found.document["networks"][0])
        except UserError as problem:
            return BuildFailure("failed", str(problem))

    def stop(self) -> None:
        """Ends the sandbox for good: a later request is refused."""
        self._stopped = True
        # Without the lock: its holder may be waiting for the server to be ready.
        for server in (*tuple(self._single), self._server):
            if server is not None:
                server.stop()

    def _ask(self, limits: Limits, request: int) -> "Reply":
        """Asks the server; when it has died, another one, a few times.

        The submission that asks need not be the one that killed it.

        Raises:
            ServerDied: they died one after another, or the session has ended.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            with self._server_for_one() as server:
                server.wait_until_ready()
                try:
                    return server.ask(limits, request)
                except ServerDied:
                    if self._stopped or attempt == _ATTEMPTS:
                        raise
        raise AssertionError  # the last attempt has returned or raised

    @contextlib.contextmanager
    def _server_for_one(self) -> "Iterator[SandboxServer]":
        """Gives the server, or where submissions cannot be kept apart in it, a fresh one."""
        if self.isolation.private:
            yield self._shared_server()
            return
        log = self._log.with_name(f"{self._log.name}-{os.urandom(4).hex()}")
        server = self._start(log)
        with self._lock:
            self._single.add(server)
        try:
            yield server
        finally:
            server.stop()
            with self._lock:
                self._single.discard(server)
            log.unlink(missing_ok=True)  # the failure, if any, holds its last words

    def _shared_server(self) -> "SandboxServer":
        with self._lock:
            if self._server is not None and not self._server.alive:
                self._server.stop()
                self._server = None
            if self._server is None:
                self._server = self._start(self._log)
            # The others wait: one of them reads that it is ready.
            self._server.wait_until_ready()
            return self._server

    def _start(self, log: Path) -> "SandboxServer":
        server = SandboxServer(self.isolation, log)
        if self._stopped:  # perhaps while it was being started
            server.stop()
            raise ServerDied("the session has ended")
        return server


class Reply(NamedTuple):
    """What the supervisor of one submission says: how it ended, and its answer as it came."""

    outcome: str
    reason: str
    log: str
    answer: bytes


def _read_reply(reply: Reply, limits: Limits) -> Answer | BuildFailure:
    """Returns the answer, checked for its form, or the failure that the outcome stands for."""
    if reply.outcome == "answered":
        try:
            found = messages.read(reply.answer, reply.log)
        except UserError as problem:
            return BuildFailure("failed", str(problem))
        error = found.document["error"]
        if error and not found.document["networks"] and was_refused(error["message"]):
            return _refused_memory(limits)
        return found
    last = reply.log.splitlines()[-1] if reply.log else "it printed nothing"
    # Untrusted text, on its way to a terminal.
    last = "".join(letter if letter.isprintable() else "?" for letter in last)
    out_of_memory = was_refused(reply.log)
    return {
        "timeout": BuildFailure("timeout", f"no network after {limits.wall_s:g} s; it was stopped"),
        "oversize": BuildFailure("failed", _OVERSIZE),
        "resource": BuildFailure("resource", f"{reply.reason}; it was stopped"),
        "broken": BuildFailure("grader_error", reply.reason),
        "died": _refused_memory(limits) if out_of_memory else BuildFailure("failed", _DIED + last),
    }[reply.outcome]


def _refused_memory(limits: Limits) -> BuildFailure:
    most = f"{limits.memory_bytes / GB:g} GB"
    return BuildFailure("resource", f"it asked for more memory than the {most} that it may use")


# The server -------------------------------------------------------------------------------------


class ServerDied(Exception):
    """The server, or the supervisor of a request, ended without reporting an outcome."""


class SandboxServer:
    """Runs `inside.server`, which forks for each submission.

    `ask` may be called by several threads at once.
    """

    def __init__(self, isolation: Isolation, log: Path) -> None:
        self._log = log
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process: Popen[bytes] | None = None
        self._error: OSError | None = None
        self._ready = Event()
        self._asked: set[socket.socket] = set()
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with theirs, log.open("wb") as file:
                self._process = parent_death.start(
                    isolation.command(SERVER_MODULE),
                    cwd="/",
                    env=isolation.environment(),
                    stdin=theirs.fileno(),
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                )
        except OSError as error:
            self._error = error

    @property
    def pid(self) -> int:
        """The number of the process that ends when the server does."""
        return self._process.pid if self._process is not None else -1

    def wait_until_ready(self) -> None:
        """Waits until it has imported Keras.

        Raises:
            ServerDied: it ended first, or took too long.
        """
        if self._ready.is_set():
            return
        try:
            self._control.settimeout(START_TIMEOUT_S)
            ready = self._control.recv(_MAX_MESSAGE)
        except OSError:  # it takes too long, or `stop` has closed the socket
            ready = b""
        if not ready:
            raise self._death()
        self._ready.set()

    def ask(self, limits: Limits, request: int) -> Reply:
        """Opens one submission and returns the outcome.

        Args:
            request: the descriptor of the packed submission.

        Raises:
            ServerDied: no outcome was reported.
        """
        ours, theirs = socket.socketpair()
        with ours, self._asking(ours):
            try:
                with theirs:
                    message = json.dumps(limits.to_json()).encode()
                    socket.send_fds(self._control, [message], [request, theirs.fileno()])
                data = _receive(ours, time.monotonic() + limits.wall_s + _GRACE_S)
            except OSError as error:
                raise self._death() from error
        head, newline, answer = data.partition(b"\n")
        header = json.loads(head) if newline else {}
        if header.get("size") != len(answer):
            raise self._death()
        return Reply(header["outcome"], header["reason"], header["log"].strip(), answer)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends it and all that it has started; safe to call twice, and from any thread."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        # Where the server's end does not end a submission, its supervisor sees the closed socket.
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
        """Lets `stop` close the connections of pending requests."""
        self._asked.add(connection)
        try:
            yield
        finally:
            self._asked.discard(connection)

    def _death(self) -> ServerDied:
        """Returns the error that says how it ended, after ending what is left of it."""
        if self._process is None:
            return ServerDied(f"the sandbox could not be started: {self._error}")
        self.stop()
        return ServerDied(f"the sandbox {ended(self._process.wait(), last_words(self._log))}")


def _receive(connection: socket.socket, deadline: float) -> bytes:
    """Reads until the other end closes.

    Raises:
        OSError: the deadline has passed, or the reply is too large.
    """
    data = bytearray()
    while True:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = connection.recv(1 << 20)
        if not chunk:
            return bytes(data)
        data += chunk
        if len(data) > _MAX_REPLY:
            raise OSError("the reply is larger than a supervisor's can be")
