"""The trusted side of the sandbox: has submissions opened, believes nothing of what they answer."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from threading import BoundedSemaphore, Lock
from typing import Any

from harness.network.keras_config import read_model
from harness.network.spec import Spec
from harness.submissions.sandbox import messages as documents
from harness.submissions.sandbox.inside.limits import GB, Limits
from harness.submissions.sandbox.isolation import Isolation
from harness.submissions.sandbox.messages import Submitted, packed
from harness.submissions.sandbox.server import Server, ServerDied
from harness.system.failure import BuildFailure
from harness.system.memory import was_refused
from reference.errors import UserError

BUILD_TIMEOUT_S = 60
LIMITS = Limits()
_ATTEMPTS = 4


_DIED = "the process ended without an answer; its last words: "
_OVERSIZE = "the description of the network is larger than 1 MB, or its weights than 80 MB"


@dataclass(frozen=True)
class Answer:
    """What a submission's process answered: checked for its form, true or not.

    Attributes:
        document: {"networks": [...], "notes": [...], "error": ... or None}.
        payload: the weights of a saved file, little-endian float32, else empty.
        log: the last that it printed.
    """

    document: Mapping[str, Any]
    payload: bytes
    log: str


class Extractor:
    """Opens submissions in the sandbox, several at once; starts it when it is needed.

    Args:
        isolation: where each is opened.
        log: where messages of the sandbox itself go.
    """

    def __init__(self, isolation: Isolation, log: Path) -> None:
        self.isolation = isolation
        self._log = log
        self._lock = Lock()
        self._server: Server | None = None
        self._single: set[Server] = set()
        self._stopped = False
        # Under limits alone they could see each other's processes, so there is one at a time.
        self._turns = BoundedSemaphore(1 if isolation.level == "limits" else 1 << 10)

    def open(self, submitted: Submitted) -> Answer | BuildFailure:
        """Returns what a submission's process answered, or why it gave no answer."""
        try:
            request = packed(submitted)
        except UserError as error:
            return BuildFailure("failed", str(error))
        limits = replace(LIMITS, wall_s=BUILD_TIMEOUT_S, private=self.isolation.private)
        try:
            with self._turns:
                header, answer = self._asked(limits, request)
        except ServerDied as error:
            ended = "the session has ended" if self._stopped else str(error)
            return BuildFailure("grader_error", ended)
        finally:
            os.close(request)
        return _outcome(header, answer, limits)

    def build(self, name: str, source: str) -> Spec | BuildFailure:
        """Returns the first network that a module gives, or why there is none.

        Args:
            name: how messages call the module, e.g. "models/deep_cnn.py".
            source: its text.
        """
        path = PurePosixPath(name)
        outside = path.is_absolute() or ".." in path.parts
        main = path.name if outside else str(path)
        found = self.open(Submitted(main, {main: source.encode(errors="surrogatepass")}))
        if isinstance(found, BuildFailure):
            return found
        networks, error = found.document["networks"], found.document["error"]
        if not networks:
            return BuildFailure(documents.status(error), error["message"])
        try:
            return read_model(networks[0])
        except UserError as problem:
            return BuildFailure("failed", str(problem))

    def stop(self) -> None:
        """Ends the sandbox, for good: a request that comes later is refused."""
        self._stopped = True
        # Without the lock: who holds it may be waiting for the server to be ready.
        for server in (*tuple(self._single), self._server):
            if server is not None:
                server.stop()

    def _asked(self, limits: Limits, request: int) -> tuple[Mapping[str, Any], bytes]:
        """Asks the server; when it has died, another one, a few times.

        Whoever killed it may not have been the submission that asks.

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
    def _server_for_one(self) -> Iterator[Server]:
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
            log.unlink(missing_ok=True)  # who asked has been told its last words

    def _shared_server(self) -> Server:
        with self._lock:
            if self._server is not None and not self._server.alive:
                self._server.stop()
                self._server = None
            if self._server is None:
                self._server = self._start(self._log)
            # The others wait: one of them reads that it is ready.
            self._server.wait_until_ready()
            return self._server

    def _start(self, log: Path) -> Server:
        server = Server(self.isolation, log)
        if self._stopped:  # perhaps while it was being started
            server.stop()
            raise ServerDied("the session has ended")
        return server


def _outcome(header: Mapping[str, Any], answer: bytes, limits: Limits) -> Answer | BuildFailure:
    """Reads what the supervisor says, and of an answer all that is to be believed of its form."""
    outcome, log = header["outcome"], str(header["log"]).strip()
    if outcome == "answered":
        return _answered(answer, log, limits)
    last = log.splitlines()[-1] if log else "it printed nothing"
    # A stranger's text, on its way to a terminal.
    last = "".join(letter if letter.isprintable() else "?" for letter in last)
    out_of_memory = was_refused(log)
    return {
        "timeout": BuildFailure("timeout", f"no network after {limits.wall_s:g} s; it was stopped"),
        "oversize": BuildFailure("failed", _OVERSIZE),
        "resource": BuildFailure("resource", f"{header['reason']}; it was stopped"),
        "broken": BuildFailure("grader_error", str(header["reason"])),
        "died": _refused_memory(limits) if out_of_memory else BuildFailure("failed", _DIED + last),
    }[str(outcome)]


def _answered(answer: bytes, log: str, limits: Limits) -> Answer | BuildFailure:
    line, _, payload = answer.partition(b"\n")
    try:
        found = documents.read(line)
    except UserError as problem:
        return BuildFailure("failed", str(problem))
    error = found["error"]
    if error and not found["networks"] and was_refused(error["message"]):
        return _refused_memory(limits)
    return Answer(found, payload, log)


def _refused_memory(limits: Limits) -> BuildFailure:
    most = f"{limits.memory_bytes / GB:g} GB"
    return BuildFailure("resource", f"it asked for more memory than the {most} that it may use")
