"""Opens a saved network: its configuration, its weights, and what it was compiled with."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from harness.submissions.sandbox.inside import describe

MAX_FILE = 256 << 20
MAX_WEIGHTS = 80_000_000  # bytes
_MAX_CONFIG = 4 << 20
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
_SAVE = "save it with model.save('network.keras')"


class Unopenable(Exception):
    """A file that gives no network; the text says why, for its author."""


def open_file(name: str) -> tuple[describe.NetworkRow, bytes]:
    """Returns the network of a `.keras` or `.h5` file and its weights.

    Returns:
        a network as `Captures` would describe it, with origin "file", and its weights as '<f4',
        layer after layer, array after array, in C order.

    Raises:
        Unopenable: the file is damaged, too large, or holds what Keras cannot or should not load.
    """
    path = Path(name)
    if path.stat().st_size > MAX_FILE:
        raise Unopenable(f"{name} is larger than {MAX_FILE >> 20} MB")
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_ZIP):
        written = _read_archive(path)
    elif start == _HDF5:
        written = _read_hdf5(path)
    else:
        raise Unopenable(f"{name} is neither a .keras archive nor an HDF5 file; {_SAVE}")
    try:
        model = keras.saving.load_model(
            _with_right_ending(path, start), compile=False, safe_mode=True
        )
    except RecursionError as error:
        raise Unopenable(f"{name}: its configuration is nested too deeply") from error
    except Exception as error:
        raise Unopenable(f"{name} cannot be opened: {_reason(error)}") from error
    try:
        kind, config = describe.describe_model(model)
    except describe.Indescribable as error:
        raise Unopenable(f"{name}: {error}") from error
    shapes, data = _weights(model, config, name)
    network: describe.NetworkRow = {
        "class": kind,
        "config": config,
        "origin": "file",
        "line": None,
        "recipe": _recipe(written),
        "weights": shapes,
    }
    return network, data


def _with_right_ending(path: Path, start: bytes) -> Path:
    """Renames a file whose ending is wrong: Keras goes by it."""
    right = ".keras" if start.startswith(_ZIP) else ".h5"
    if path.suffix.lower() == right or (right == ".h5" and path.suffix == ".hdf5"):
        return path
    renamed = path.with_name(f"renamed{right}")
    path.rename(renamed)
    return renamed


def _read_archive(path: Path) -> Mapping[str, object]:
    """Checks a `.keras` archive before it is unpacked; returns the arguments of `compile`."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > MAX_FILE or len(archive.infolist()) > 1000:
                raise Unopenable(f"{path.name} would unpack to {size:,} bytes; that is too large")
            entry = archive.getinfo("config.json")
            if entry.file_size > _MAX_CONFIG:
                raise Unopenable(f"{path.name}: its config.json is too large")
            with archive.open(entry) as file:
                config = json.load(file)
            if "model.weights.h5" in archive.namelist():
                weights = io.BytesIO(archive.read("model.weights.h5"))
                with h5py.File(weights, "r") as file:
                    _check_size(file, path.name)
    except (ValueError, RecursionError) as error:
        raise Unopenable(f"{path.name}: its config.json is not JSON: {error}") from error
    except (zipfile.BadZipFile, KeyError, EOFError, OSError, RuntimeError) as error:
        raise Unopenable(f"{path.name} is damaged: {error}; {_SAVE} once more") from error
    return _mapping(_mapping(config).get("compile_config"))


def _read_hdf5(path: Path) -> Mapping[str, object]:
    """Checks an HDF5 file before it is loaded; returns the arguments of `compile`."""
    try:
        with h5py.File(path, "r") as file:
            if "model_config" not in file.attrs:
                raise Unopenable(f"{path.name} holds weights only, and no network; {_SAVE}")
            _check_size(file, path.name)
            training = file.attrs.get("training_config", "{}")
            return _mapping(json.loads(training))
    except (ValueError, RecursionError):
        return {}
    except (OSError, RuntimeError, KeyError) as error:
        raise Unopenable(f"{path.name} is damaged: {error}; {_SAVE} once more") from error


def _check_size(file: h5py.File, name: str) -> None:
    """Refuses arrays that claim more than a file may hold: a few bytes can claim any size."""
    total = 0

    def add(_: str, item: Any) -> None:
        nonlocal total
        if isinstance(item, h5py.Dataset):
            total += item.size * item.dtype.itemsize

    file.visititems(add)
    if total > MAX_FILE:
        raise Unopenable(f"{name} claims to hold {total:,} bytes of weights; that is too large")


def _reason(error: Exception) -> str:
    """Returns the informative sentence of Keras's message."""
    text = str(error).strip()
    known = (
        ("Requested the deserialization of a `Lambda`", "it holds a Lambda layer, which is code"),
        ("Lambda", "it holds a Lambda layer, which is code; write the network with Keras's layers"),
        ("Could not locate class", "it uses a class that is not Keras's own"),
        ("Unknown layer", "it uses a layer that is not Keras's own"),
    )
    reason = next((f"{said}. " for sign, said in known if sign in text), "")
    first = text.split("\n\n")[0][:300]
    return f"{reason}{type(error).__name__}: {first}"


def _weights(model: keras.Model, config: Any, name: str) -> tuple[list[Any] | None, bytes]:
    """Returns the shapes of each layer's arrays, in the configuration's order, and the bytes."""
    if not isinstance(config, Mapping):
        return None, b""
    by_name = {layer.name: layer for layer in model.layers}
    shapes: list[Any] = []
    chunks: list[bytes] = []
    for row in config.get("layers", []):
        layer = by_name.get(_mapping(row.get("config")).get("name"))
        arrays = [] if layer is None else layer.get_weights()
        shapes.append([list(array.shape) for array in arrays])
        chunks += [np.ascontiguousarray(array, "<f4").tobytes() for array in arrays]
    data = b"".join(chunks)
    if len(data) > MAX_WEIGHTS:
        raise Unopenable(
            f"{name} holds {len(data):,} bytes of weights; at most {MAX_WEIGHTS:,} fit"
        )
    return shapes, data


def _recipe(written: Mapping[str, object]) -> describe.RecipeRow | None:
    """Returns the recipe that a saved file holds: optimizer, loss and metrics."""
    optimizer = _mapping(written.get("optimizer") or written.get("optimizer_config"))
    if not optimizer and "loss" not in written:
        return None
    metrics = [str(name)[:80] for name in _flat(written.get("metrics"))][:20]
    return describe.recipe_row(
        _optimizer(optimizer), describe.loss_row(written.get("loss")), metrics
    )


def _optimizer(row: Mapping[str, object]) -> describe.OptimizerRow | None:
    if not row:
        return None
    config = _mapping(row.get("config"))
    rate = config.get("learning_rate", config.get("lr"))
    if isinstance(rate, Mapping):
        rate = describe.schedule_start(_mapping(rate.get("config")))
    known = isinstance(rate, (int, float))
    return {
        "class": str(row.get("class_name"))[:80],
        "learning_rate": describe.plain_rate(rate) if known else None,
    }


def _flat(metrics: Any) -> list[str]:
    if isinstance(metrics, str):
        return [metrics]
    if isinstance(metrics, Mapping):
        config = _mapping(metrics.get("config"))
        return [str(config.get("name") or metrics.get("class_name") or metrics.get("config"))]
    return [name for each in metrics or [] for name in _flat(each)]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
