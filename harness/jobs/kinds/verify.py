"""Verifies a training in another process: reopens its files and repeats its first steps.

The files are the grader's own, so they are not opened in the sandbox of the submissions, which sees
neither the store nor the data. The process is one more fork of the workers' server.
"""

import base64
import binascii
import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.shared_arrays import open_published
from harness.jobs.kinds import registry
from harness.jobs.kinds.train import TrainJob
from harness.jobs.store.record import PROBE_IMAGES, read_weights
from harness.network.splits import split_for
from harness.system.failure import BuildFailure
from harness.system.processes.json_process import JsonChannel, ProcessDied, ProcessTimeout
from harness.system.strict_json import parse

ACTION = "verify"
STORED = "verification.json"
TIMEOUT_S = 300
# Only the end of the run waits for a verification: training goes first.
_BEHIND_TRAINING = 10


@dataclass(frozen=True)
class Verification:
    """What another process computed from the files of a trained network and from its job.

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


def stored(folder: Path) -> Verification:
    """Reads a stored verification.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a verification.
    """
    document = parse((folder / STORED).read_bytes())
    try:
        return read_verification(document)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / STORED}: this is not a verification ({error!r})") from error


def read_verification(reply: Mapping[str, Any]) -> Verification:
    """Decodes an answer of the process, or a stored one.

    Raises:
        KeyError, TypeError, ValueError: it is not a verification.
    """
    return Verification(
        keras_file=_decode(reply["keras_file"]),
        npz_file=_decode(reply["npz_file"]),
        early_weights=_text(reply["early_weights_sha256"]),
    )


class Verifier:
    """Asks for verifications, each in a process of its own, one at a time.

    Args:
        fork: starts such a process, given where its standard error goes.
        log: where that is.
    """

    def __init__(self, fork: Callable[[Path], JsonChannel], log: Path) -> None:
        self._fork = fork
        self._log = log
        self._lock = Lock()
        self._process: JsonChannel | None = None
        self._stopped = False

    def verify(self, job: TrainJob, record: Path, data: Path) -> Verification | BuildFailure:
        """Opens a record's saved files in another process and repeats its first steps there.

        Args:
            record: its folder.
            data: folder of the published arrays.
        """
        request = {
            "action": ACTION,
            "job": job.to_json(),
            "record": str(record),
            "data": str(data),
        }
        with self._lock:
            try:
                reply = self._ask(request)
            except (ProcessDied, ProcessTimeout, ValueError) as error:
                return BuildFailure("grader_error", str(error))
        if "error" in reply:
            return BuildFailure("grader_error", str(reply["error"]))
        try:
            return read_verification(reply)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            return BuildFailure("grader_error", f"an unreadable answer: {error}")

    def stop(self) -> None:
        """Ends the running process; later requests are refused."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()

    def _ask(self, request: Mapping[str, object]) -> Any:
        if self._stopped:
            raise ProcessDied("the session has ended")
        self._process = process = self._fork(self._log)
        try:
            if self._stopped:  # it may have come too late to be killed by `stop`
                raise ProcessDied("the session has ended")
            process.send(request)
            return process.receive(time.monotonic() + TIMEOUT_S)
        finally:
            self._process = None
            process.stop()


def handle(request: Mapping[str, Any], reply: Callable[[Mapping[str, object]], None]) -> None:
    """Answers one request, in the other process."""
    try:
        job = registry.from_json(request["job"])
        if not isinstance(job, TrainJob):
            raise TypeError(f"a {type(job).__name__} is not a training that can be repeated")
        reply(_verified(job, Path(request["record"]), request["data"]))
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001  (reported whole)
        reply({"error": traceback.format_exc()})


def _verified(job: TrainJob, record: Path, data: str) -> dict[str, str]:
    """Repeats, in this process, what a worker did in another."""
    os.nice(_BEHIND_TRAINING)
    # Imported here: the side that asks does without TensorFlow.
    import keras  # noqa: PLC0415

    from harness.network.engine import train as engine  # noqa: PLC0415
    from harness.network.engine.inference import set_weights  # noqa: PLC0415
    from harness.network.engine.probe import trained_outputs  # noqa: PLC0415
    from harness.network.engine.rebuild import rebuild  # noqa: PLC0415

    arrays = open_published(Path(data), job.data_digest)
    images = engine.Images(
        np.asarray(arrays.train_images),
        np.asarray(arrays.train_labels),
        np.asarray(arrays.test_images),
        np.asarray(arrays.test_labels),
    )
    probe, scale = images.test_images[:PROBE_IMAGES], job.recipe.pixel_max

    saved = keras.saving.load_model(record / "model.keras", compile=False)
    rebuilt = rebuild(job.spec, job.seed)
    set_weights(rebuilt, job.spec, read_weights(record))
    parts = split_for(job.recipe, len(images.train_labels))
    return Verification(
        keras_file=trained_outputs(saved, probe, scale),
        npz_file=trained_outputs(rebuilt, probe, scale),
        early_weights=engine.repeat_first_steps(job.spec, job.recipe, images, parts, job.seed),
    ).to_json()


def _decode(text: str) -> NDArray[np.float32]:
    array = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
    if not array.size:
        raise ValueError("no outputs")
    return array.reshape(PROBE_IMAGES, -1)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a hash is text, not {type(value).__name__}")
    return value


def _encode(array: NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()
