"""The trusted side of the sandbox: asks the fork server, believes nothing it answers."""

import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.jobs import TrainJob
from harness.keras_config import read_model
from harness.process import JsonProcess, ProcessDied, ProcessTimeout
from harness.record import PROBE_IMAGES
from harness.sandbox import Isolation
from harness.spec import Spec
from reference.errors import UserError

BUILD_TIMEOUT_S = 60
VERIFY_TIMEOUT_S = 300
# On top of a request's own time: the server's first import of Keras, on a busy machine.
_START_TIMEOUT_S = 120

Status = str  # one of results.json's: "failed", "timeout", "resource", "grader_error"


@dataclass(frozen=True)
class BuildFailure:
    """Why a module gave no network.

    Attributes:
        status: "failed" when the module is to blame, "timeout", or "grader_error" when we are.
        message: for its author.
    """

    status: Status
    message: str


@dataclass(frozen=True)
class Verification:
    """What another process made of a trained network's files and of its training job.

    Attributes:
        keras_file: predictions of the reopened `.keras` file on the probe images, (64, 10).
        npz_file: predictions of a fresh network with the exported `.npz` weights.
        early_weights: SHA-256 of the weights after the first training steps.
    """

    keras_file: NDArray[np.float32]
    npz_file: NDArray[np.float32]
    early_weights: str

    def to_json(self) -> dict[str, str]:
        return {
            "keras_file": _encode(self.keras_file),
            "npz_file": _encode(self.npz_file),
            "early_weights_sha256": self.early_weights,
        }


class Extractor:
    """Runs other people's code in the sandbox, one request at a time; starts it when needed."""

    def __init__(self, isolation: Isolation, log: Path) -> None:
        self.isolation = isolation
        self._log = log
        self._lock = Lock()
        self._server: JsonProcess | None = None
        self._stopped = False

    def build(self, name: str, source: str) -> Spec | BuildFailure:
        """Returns the network that a module's `build()` makes, or why there is none.

        Args:
            name: how messages call the module, e.g. "models/deep_cnn.py".
            source: its text.
        """
        request = {"action": "build", "name": name, "source": source}
        reply = self._ask(request, BUILD_TIMEOUT_S)
        if isinstance(reply, BuildFailure):
            return reply
        error = reply.get("error")
        if isinstance(error, Mapping):
            return BuildFailure("failed", str(error.get("message"))[:2000])
        model = reply.get("model")
        if not isinstance(model, Mapping):
            return BuildFailure("failed", f"{name}: the process gave no model and no reason")
        try:
            return read_model(model)
        except UserError as problem:
            return BuildFailure("failed", str(problem))

    def verify(self, job: TrainJob, record: Path, data: Path) -> Verification | BuildFailure:
        """Opens a record's saved files in another process and repeats its first steps there."""
        request = {
            "action": "verify",
            "job": job.to_json(),
            "record": str(record),
            "data": str(data),
        }
        reply = self._ask(request, VERIFY_TIMEOUT_S)
        if isinstance(reply, BuildFailure):
            return BuildFailure("grader_error", reply.message)  # these files are our own
        try:
            return read_verification(reply)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            return BuildFailure("grader_error", f"an unreadable answer: {error}")

    def stop(self) -> None:
        """Ends the sandbox, for good: a request that comes later is refused."""
        self._stopped = True
        self._end_server()

    def _end_server(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def _ask(self, request: Mapping[str, Any], timeout_s: int) -> Mapping[str, Any] | BuildFailure:
        with self._lock:
            if self._server is None:
                self._server = JsonProcess(
                    "harness.extract.server", self._log, self.isolation.prefix
                )
            if self._stopped:  # perhaps while the server was being started
                self._end_server()
                return BuildFailure("grader_error", "the session has ended")
            try:
                self._server.send({**request, "timeout_s": timeout_s})
                reply = self._server.receive(time.monotonic() + timeout_s + _START_TIMEOUT_S)
            except (ProcessDied, ProcessTimeout, ValueError) as error:
                self._end_server()
                return BuildFailure("grader_error", str(error))
        answer, log = reply.get("answer"), reply.get("log", "")
        if reply.get("outcome") == "answered" and isinstance(answer, Mapping):
            return answer
        return _no_answer(str(reply.get("outcome")), str(log).strip(), timeout_s)


def _no_answer(outcome: str, log: str, timeout_s: int) -> BuildFailure:
    last = log.splitlines()[-1] if log else "it printed nothing"
    if outcome == "timeout":
        return BuildFailure("timeout", f"no network after {timeout_s} s; it was stopped")
    if outcome == "oversize":
        return BuildFailure("failed", "the description of the network is larger than 1 MB")
    return BuildFailure("failed", f"the process ended without an answer; its last words: {last}")


def read_verification(reply: Mapping[str, Any]) -> Verification:
    """Decodes an answer of the `verify` action, or what was stored of it.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    return Verification(
        keras_file=_decode(reply["keras_file"]),
        npz_file=_decode(reply["npz_file"]),
        early_weights=str(reply["early_weights_sha256"]),
    )


def _decode(text: str) -> NDArray[np.float32]:
    array = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
    return array.reshape(PROBE_IMAGES, -1)


def _encode(array: NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()
