"""Compiled inference: the network as one TensorFlow function, without Keras's per-call work."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.network.engine.forward import Forward
from harness.network.spec import Spec


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
