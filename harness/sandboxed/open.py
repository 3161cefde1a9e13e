"""Opens a submission: runs a module's `build()` and answers the model's configuration."""

import linecache
import traceback
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

Answer = dict[str, Any]


def preload() -> None:
    """Imports what a submission will need, which importing this module has done."""


def open_submission(main: str) -> tuple[dict[str, Any], bytes]:
    """Opens a submission, whose files are in the current folder.

    Returns the document that the trusted side reads, and no weights.
    """
    found = build(main, Path(main).read_text(encoding="utf-8"))
    model, error = found.get("model"), found.get("error")
    network = {"origin": "build()", "line": None, "recipe": None, "weights": None}
    networks = [] if model is None else [{**model, **network}]
    return {"networks": networks, "notes": [], "error": error}, b""


def build(name: str, source: str) -> Answer:
    """Runs the source text of a module and its `build()`.

    Answers {"model": {"class", "config"}}, or {"error": {"stage", "message"}}.
    """
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
