"""A model's weights as arrays: out, in, and their SHA-256."""

import hashlib
from collections.abc import Mapping

import keras
import numpy as np
from numpy.typing import NDArray

from harness.network.engine.rebuild import layers_of
from harness.network.spec import Spec

Arrays = Mapping[str, NDArray[np.float32]]


def weights_digest(model: keras.Model) -> str:
    """Returns the SHA-256 over name, dtype, shape and bytes of every weight, in layer order."""
    sha = hashlib.sha256()
    for weight in model.weights:
        array = np.ascontiguousarray(weight.numpy())
        sha.update(f"{weight.path}:{array.dtype.str}:{array.shape};".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def get_weights(model: keras.Model, spec: Spec) -> dict[str, NDArray[np.float32]]:
    """Returns every weight as "node index/name" -> array, e.g. "001/kernel"."""
    return {
        f"{index:03d}/{weight.name}": weight.numpy()
        for index, layer in enumerate(layers_of(model, spec))
        for weight in layer.weights
    }


def set_weights(model: keras.Model, spec: Spec, arrays: Arrays) -> None:
    """Assigns what `get_weights` returned.

    Raises:
        KeyError: a weight is missing.
        ValueError: a shape differs.
    """
    for index, layer in enumerate(layers_of(model, spec)):
        for weight in layer.weights:
            weight.assign(arrays[f"{index:03d}/{weight.name}"])
