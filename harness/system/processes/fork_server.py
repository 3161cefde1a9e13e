"""A process that imports once, and from then on has children that start at once.

Importing TensorFlow takes seconds of a processor. The fork server pays for it once for all workers
of a run, and for every worker that has to be replaced. It computes nothing itself: TensorFlow's
threads would not survive a fork, and start with the first computation.

The control socket carries, besides requests, the socket that a new child will listen to:
{"log": path} with a descriptor -> {"pid": n}      {"wait": pid} -> {"code": exit code}
"""

import contextlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from harness.system.processes import parent_death
from harness.system.processes.json_process import (
    JsonChannel,
    ProcessDied,
    answer_all,
    ended,
    last_words,
    spawn,
)

_REQUEST = 1 << 16


class ForkServer:
    """Runs `python -m module`, which calls `serve_forks`, and asks it for children."""

    def __init__(self, module: str, log: Path, temporary: Path | None = None) -> None:
        self._module = module
        self._log = log
        self._lock = Lock()
        self._control, theirs = socket.socketpair()
        _keep_previous(log)
        with theirs:
            self._process = spawn(module, log, stdin=theirs, stdout=None, temporary=temporary)
        self._warm = False

    def fork(self, log: Path) -> "Fork":
        """Returns a new child; the first call waits until the server has imported what it needs.

        Args:
            log: where its standard error goes; what was there is kept beside it, as `log`.1.

        Raises:
            ProcessDied: the server is gone.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._lock:
                if not self._warm:
                    self._receive()
                    self._warm = True
                document = json.dumps({"log": str(log.absolute())}).encode()
                socket.send_fds(self._control, [document], [theirs.fileno()])
                pid = self._receive()["pid"]
        except OSError as error:
            ours.close()
            raise self._death() from error
        except BaseException:
            ours.close()
            raise
        return Fork(self, ours, pid, self._module, log)

    def wait(self, pid: int) -> int:
        """Returns the exit code of a child that has ended; -9 when the server is gone."""
        with self._lock:
            try:
                self._control.sendall(json.dumps({"wait": pid}).encode())
                return int(self._receive()["code"])
            except (OSError, ProcessDied):
                return -signal.SIGKILL

    def kill(self) -> None:
        """Ends the server; its children end with it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ends the server and lets go of its socket; safe to call twice."""
        self.kill()
        self._process.wait()
        self._control.close()

    def _receive(self) -> Any:
        data = self._control.recv(_REQUEST)
        if not data:
            raise self._death()
        return json.loads(data)

    def _death(self) -> ProcessDied:
        # No fork can be had of it any more, even should it still be alive.
        self.kill()
        code = self._process.wait()
        return ProcessDied(f"the server of {self._module} " + ended(code, last_words(self._log)))


class Fork(JsonChannel):
    """A child of a fork server, in a process group of its own."""

    def __init__(
        self, server: ForkServer, connection: socket.socket, pid: int, name: str, log: Path
    ) -> None:
        super().__init__(name, log)
        self._server = server
        self._connection = connection
        self._pid = pid
        self._code: int | None = None

    @property
    def pid(self) -> int:
        return self._pid

    def stop(self) -> None:
        if self._code is None:
            self.kill()
            self._exit_code()
        self._connection.close()

    def _write(self, data: bytes) -> None:
        self._connection.sendall(data)

    def _descriptor(self) -> int:
        return self._connection.fileno()

    def _exit_code(self) -> int:
        if self._code is None:
            self._code = self._server.wait(self._pid)
        return self._code


def serve_forks(handle: Any, warm: Callable[[], object]) -> None:
    """The server's side, with standard input as its control socket; returns when that closes.

    Args:
        handle: answers the documents that a child is sent, as in `json_process.serve`.
        warm: imports what the children will need.
    """
    parent_death.end_with_parent(0)  # importing takes seconds, in which the socket is not read
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    warm()
    control.sendall(b'{"event": "warm"}')
    server = os.getpid()
    children: set[int] = set()
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, _REQUEST, 1)
        if not data:
            break
        request = json.loads(data)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            children.discard(request["wait"])
            answer = {"code": os.waitstatus_to_exitcode(status)}
        else:
            (connection,) = descriptors
            pid = os.fork()
            if pid == 0:
                control.close()
                _be_child(handle, connection, Path(request["log"]), server)
            # Here as well as in the child: its caller may kill the group at once.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.setpgid(pid, pid)
            os.close(connection)
            children.add(pid)
            answer = {"pid": pid}
        control.sendall(json.dumps(answer).encode())
    for child in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)


def _be_child(handle: Any, connection: int, log: Path, server: int) -> None:
    """A child's whole life; never returns.

    It ends with the server, which ends with the controller: one that computes does not look at its
    socket for a long time.
    """
    code = 1
    try:
        parent_death.die_with_parent(signal.SIGKILL)
        if os.getppid() != server:
            return
        os.setpgid(0, 0)
        _keep_previous(log)
        errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        os.close(errors)
        with (
            os.fdopen(os.dup(connection), "rb") as requests,
            os.fdopen(connection, "wb") as answers,
        ):
            answer_all(handle, requests, answers)
        code = 0
    except BaseException:  # noqa: BLE001  (its last words, for the log)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # The server's own clean-up is not the child's business.
        os._exit(code)


def _keep_previous(log: Path) -> None:
    """Keeps what the previous process wrote: it may have ended while it was not listened to."""
    with contextlib.suppress(OSError):
        if log.stat().st_size:
            log.replace(log.with_name(f"{log.name}.1"))
