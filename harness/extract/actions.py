"""What a fork of the server can be asked to do. Runs inside the sandbox, beside hostile code.

`build` runs a module's `build()` and answers the model's configuration, never a verdict.
`verify` opens a trained network's saved files and repeats its first training steps.
"""

import base64
import linecache
import os
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

# Nobody waits for a verification but the end of the run; training goes first while there is any.
_BEHIND_TRAINING = 10

Answer = dict[str, Any]


def build(request: Mapping[str, Any]) -> Answer:
    """Runs the source text of a module and its `build()`.

    Answers {"model": {"class", "config"}}, or {"error": {"stage", "message"}}.
    """
    name, source = str(request["name"]), str(request["source"])
    try:
        code = compile(source, name, "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{name}, line {line}" if line else name
        return _error("syntax", f"{where}: {getattr(error, 'msg', error)}")
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    module = types.ModuleType("submission")
    try:
        exec(code, module.__dict__)  # noqa: S102  (this is what the sandbox is for)
    except BaseException as error:  # noqa: BLE001  (SystemExit is an answer too)
        return _error("import", _describe(error, name))
    function = getattr(module, "build", None)
    if not callable(function):
        return _error("interface", f"{name} defines no function build()")
    try:
        model = function()
    except BaseException as error:  # noqa: BLE001
        return _error("build", f"build() raised {_describe(error, name)}")
    return _describe_model(model)


def _describe_model(model: object) -> Answer:
    if not isinstance(model, keras.Model):
        kind = type(model).__name__
        return _error("interface", f"build() returned {kind}, but should return a keras.Model")
    if not model.built or (isinstance(model, keras.Sequential) and not model.inputs):
        return _error(
            "interface",
            "build() returned a model whose input shape is not known: begin it with "
            "keras.Input((28, 28, 1))",
        )
    kind = "Sequential" if isinstance(model, keras.Sequential) else type(model).__name__
    try:
        config = model.get_config()
    except NotImplementedError:
        config = None
    return {"model": {"class": kind, "config": _to_json(config)}}


def _to_json(value: Any) -> Any:
    """Keras configurations are nearly JSON: tuples and NumPy numbers are not."""
    if isinstance(value, Mapping):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)


def _error(stage: str, message: str) -> Answer:
    return {"error": {"stage": stage, "message": message[:2000]}}


def _describe(error: BaseException, name: str) -> str:
    """Names the error, its text and the last line of the module that led to it."""
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == name]
    where = f" at {name}, line {lines[-1].lineno}" if lines else ""
    text = str(error).strip().split("\n\n")[0]
    return f"{type(error).__name__}{where}: {text}"


def verify(request: Mapping[str, Any]) -> Answer:
    """Repeats, in this process, what a worker did in another.

    Answers the predictions of the saved `.keras` file and of the exported `.npz` weights on the
    probe images, as base64 of float32, and the hash of the weights after the first steps of the
    same training job.
    """
    os.nice(_BEHIND_TRAINING)
    # Imported here: only this action needs the engine, and `build` must not see it.
    from harness import jobs  # noqa: PLC0415
    from harness.data.arrays import open_published  # noqa: PLC0415
    from harness.data.dataset import split  # noqa: PLC0415
    from harness.engine import train as engine  # noqa: PLC0415
    from harness.engine.probe import trained_outputs  # noqa: PLC0415
    from harness.engine.rebuild import rebuild  # noqa: PLC0415
    from harness.engine.weights import set_weights  # noqa: PLC0415
    from harness.record import PROBE_IMAGES  # noqa: PLC0415

    job = jobs.from_json(request["job"])
    record = Path(request["record"])
    arrays = open_published(Path(request["data"]), job.data_digest)
    images = engine.Images(
        np.asarray(arrays.train_images),
        np.asarray(arrays.train_labels),
        np.asarray(arrays.test_images),
        np.asarray(arrays.test_labels),
    )
    probe, scale = images.test_images[:PROBE_IMAGES], job.recipe.pixel_max

    saved = keras.saving.load_model(record / "model.keras", compile=False)
    rebuilt = rebuild(job.spec, job.seed)
    with np.load(record / "weights.npz", allow_pickle=False) as weights:
        set_weights(rebuilt, job.spec, {key: weights[key] for key in weights.files})
    parts = split(len(images.train_labels), job.recipe.validation_images, job.recipe.split_seed)
    return {
        "keras_file": _encode(trained_outputs(saved, probe, scale)),
        "npz_file": _encode(trained_outputs(rebuilt, probe, scale)),
        "early_weights_sha256": engine.repeat_first_steps(
            job.spec, job.recipe, images, parts, job.seed
        ),
    }


def _encode(array: NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


ACTIONS: Mapping[str, Callable[[Mapping[str, Any]], Answer]] = {"build": build, "verify": verify}
