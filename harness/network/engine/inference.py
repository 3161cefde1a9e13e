"""Outputs of a network with given weights, and its weights as arrays.

Inference is one compiled TensorFlow function, without the work that Keras does for each call.
"""

import hashlib
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.network.engine.forward import Forward
from harness.network.engine.rebuild import layers_of, rebuild
from harness.network.engine.training_loop import EVALUATION_BATCH
from harness.network.spec import Spec

Arrays = Mapping[str, NDArray[np.float32]]
_BATCH = 250


class Predictor:
    """Predictions of a rebuilt network for batches of one fixed size.

    Args:
        batch_size: compiled for this many images; a fixed shape saves shape arithmetic per call.
    """

    def __init__(self, model: keras.Model, spec: Spec, batch_size: int) -> None:
        signature = tf.TensorSpec([batch_size, *model.input_shape[1:]], tf.float32)
        function = tf.function(
            Forward(model, spec).outputs,
            input_signature=[signature],
            autograph=False,
            jit_compile=False,
        )
        self._call = function.get_concrete_function()

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns predictions, (batch_size, 10), for scaled images, (batch_size, *input shape)."""
        outputs: NDArray[np.float32] = self._call(tf.constant(images)).numpy()
        return outputs


def count_correct(
    spec: Spec,
    weights: Arrays,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    pixel_max: float,
) -> int:
    """Returns how many of the images, (N, 28, 28), have their label, (N,), as the largest output.

    Args:
        weights: "node index/name" -> array, as of `get_weights`.
        pixel_max: pixels are divided by this.
    """
    model = rebuild(spec, seed=0)
    set_weights(model, spec, weights)
    correct = 0
    for start in range(0, len(labels), _BATCH):
        batch = images[start : start + _BATCH].reshape(-1, *model.input_shape[1:])
        outputs = model(batch.astype(np.float32) / np.float32(pixel_max), training=False).numpy()
        correct += int((outputs.argmax(axis=1) == labels[start : start + _BATCH]).sum())
    return correct


class Classifier:
    """A network with given weights, for any number of images of bytes at a time.

    Args:
        weights: "node index/name" -> array, as of `get_weights`.
        pixel_max: pixels are divided by this.
        expected: how many images will come at a time.
    """

    def __init__(self, spec: Spec, weights: Arrays, pixel_max: float, expected: int) -> None:
        model = rebuild(spec, seed=0)
        set_weights(model, spec, weights)
        self._shape = tuple(model.input_shape[1:])
        self._pixel_max = np.float32(pixel_max)
        self._batch = max(1, min(EVALUATION_BATCH, expected))
        self._predict = Predictor(model, spec, self._batch)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns outputs, (N, 10), for images (N, 28, 28)."""
        scaled = images.reshape(-1, *self._shape).astype(np.float32) / self._pixel_max
        outputs = []
        for start in range(0, len(scaled), self._batch):
            batch = scaled[start : start + self._batch]
            missing = self._batch - len(batch)
            if missing:  # the network is compiled for whole batches
                batch = np.concatenate([batch, np.zeros((missing, *self._shape), np.float32)])
            outputs.append(self._predict(batch)[: self._batch - missing])
        return np.concatenate(outputs)


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
