"""Reads the record of a finished training from the store; plain data, no TensorFlow."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.system.array_files import archive, member
from harness.system.strict_json import parse
from reference.errors import UserError

SCHEMA = 1

# How many test images the numerical checks look at: enough that every digit occurs.
PROBE_IMAGES = 64
PROBE_SEED = 20

# The arrays of a run are read several times in a row, and then never again. A class may have ten
# thousand runs of two megabytes each, so only the latest are kept in memory.
_ARRAYS, _WEIGHTS = 64, 2


@dataclass(frozen=True)
class Record:
    """One run's record.

    Attributes:
        folder: in the store, verified.
        document: record.json.
        cached: it was not made by this session.
    """

    folder: Path
    document: Mapping[str, Any]
    cached: bool

    @property
    def key(self) -> str:
        return str(self.document["key"])

    @property
    def seed(self) -> int:
        return int(self.document["job"]["seed"])

    @property
    def recipe(self) -> Mapping[str, Any]:
        recipe: Mapping[str, Any] = self.document["job"]["recipe"]
        return recipe

    @property
    def history(self) -> Mapping[str, list[float]]:
        history: Mapping[str, list[float]] = self.document["history"]
        return history

    @property
    def predictions(self) -> NDArray[np.float32]:
        """Outputs for the test images, float32 (N, 10)."""
        return self._array("predictions.npz", "test")

    @property
    def trained_outputs(self) -> NDArray[np.float32]:
        """Keras's outputs for the first test images with the trained weights, (64, 10)."""
        return self._array("predictions.npz", "trained_probe")

    @property
    def random_outputs(self) -> NDArray[np.float32]:
        """The same with `reference.forward.probe_weights(network, PROBE_SEED)`."""
        return self._array("predictions.npz", "random_probe")

    @property
    def weights(self) -> tuple[Mapping[str, NDArray[np.float32]], ...]:
        """The trained weights: for each node of the network, name -> array."""
        path = self.folder / "weights.npz"
        return _weights(path, _version(path), len(self.document["job"]["spec"]["nodes"]))

    def _array(self, file: str, name: str) -> NDArray[np.float32]:
        path = self.folder / file
        return _array(path, _version(path), name)


def _version(path: Path) -> tuple[int, int] | None:
    """Returns a value that changes when a file is replaced; None where it was removed."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


@lru_cache(_ARRAYS)
def _array(path: Path, _version: tuple[int, int] | None, name: str) -> NDArray[np.float32]:
    with _opened(path) as arrays:
        array: NDArray[np.float32] = member(arrays, name)
    array.setflags(write=False)  # others are given the same one
    return array


@lru_cache(_WEIGHTS)
def _weights(
    path: Path, _version: tuple[int, int] | None, nodes: int
) -> tuple[Mapping[str, NDArray[np.float32]], ...]:
    weights: tuple[dict[str, NDArray[np.float32]], ...] = tuple({} for _ in range(nodes))
    with _opened(path) as arrays:
        for key in arrays:
            index, name = key.split("/")
            weights[int(index)][name] = array = member(arrays, key)
            array.setflags(write=False)
    return weights


@contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, Any]]:
    """Opens arrays of a record that was verified some time ago.

    Raises:
        UserError: they were removed or damaged since then.
    """
    try:
        with archive(path) as arrays:
            yield arrays
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} was removed or damaged during the run ({type(error).__name__}: {error}). Run "
            "the same command again: it computes what is missing."
        ) from error


def read_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the arrays of weights.npz in a record's folder, by name."""
    with np.load(folder / "weights.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def read(folder: Path, *, cached: bool) -> Record:
    """Reads the record in a folder that `Store.get` or `Store.put` returned.

    Raises:
        OSError: record.json cannot be read.
        ValueError: it is not as a worker writes it.
    """
    file = folder / "record.json"
    document = parse(file.read_bytes(), strict=False)  # a loss may be NaN
    if not _is_record(document):
        raise ValueError(f"{file}: this is not the record of a training")
    return Record(folder, document, cached)


def _is_record(document: object) -> bool:
    """Whether what every reader of a record relies on is there."""
    match document:
        case {
            "key": str(),
            "job": {"seed": int(), "recipe": {**recipe}, "spec": {"nodes": [*_]}},
            "history": {**history},
        }:
            columns = all(isinstance(column, list) for column in history.values())
            return columns and {"pixel_max", "epochs"} <= set(recipe)
        case _:
            return False
