"""What Keras itself says about a rebuilt network: outputs on a few images, shapes, counts, FLOPs.

The checks compare these with arithmetic and with the NumPy reference, which know nothing of Keras.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.network.engine.inference import set_weights
from harness.network.engine.rebuild import layers_of, rebuild
from harness.network.spec import Spec
from reference.forward import probe_weights

# The operations that matrix-multiply work is made of; `reference.layers` counts the same.
_COUNTED = ["Conv2D", "MatMul", "BiasAdd"]


def trained_outputs(
    model: keras.Model, images: NDArray[np.uint8], pixel_max: float
) -> NDArray[np.float32]:
    """Returns `model`'s predictions, (N, 10), for uint8 images (N, 28, 28), by Keras's own call.

    One call on the whole batch: the same call in another process gives the same bits.
    """
    scaled = images.reshape(-1, *model.input_shape[1:]).astype(np.float32) / np.float32(pixel_max)
    outputs: NDArray[np.float32] = model(scaled, training=False).numpy()
    return outputs


def random_outputs(
    spec: Spec, seed: int, images: NDArray[np.uint8], pixel_max: float
) -> NDArray[np.float32]:
    """Returns the predictions of the same network with random weights, biases and statistics.

    Trained biases and batch statistics can be close to zero and one; random ones leave no term of
    the formula unseen.
    """
    model = rebuild(spec, seed=0)
    arrays = {
        f"{index:03d}/{name}": array
        for index, weights in enumerate(probe_weights(spec.network, seed))
        for name, array in weights.items()
    }
    set_weights(model, spec, arrays)
    return trained_outputs(model, images, pixel_max)


def keras_facts(model: keras.Model, spec: Spec) -> dict[str, Any]:
    """Returns each layer's output shape and parameters, totals, and FLOPs as TensorFlow counts."""
    layers = layers_of(model, spec)
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_variables)
    return {
        "output_shapes": [list(layer.output.shape[1:]) for layer in layers],
        "params": [int(layer.count_params()) for layer in layers],
        "total_params": int(model.count_params()),
        "trainable_params": trainable,
        "flops": _profiled_flops(model),
    }


def _profiled_flops(model: keras.Model) -> int:
    """Floating-point operations of one forward pass of one image, as TensorFlow counts them."""
    call = tf.function(lambda x: model(x, training=False), autograph=False)
    # Two images: with one, Keras takes the sum of two layers for a bias being added.
    graph = call.get_concrete_function(tf.TensorSpec([2, *model.input_shape[1:]], tf.float32)).graph
    profiler = tf.compat.v1.profiler
    options = {
        **profiler.ProfileOptionBuilder.float_operation(),
        "account_type_regexes": _COUNTED,
        "output": "none",
    }
    counted = profiler.profile(graph, options=options)
    return int(counted.total_float_ops) // 2
