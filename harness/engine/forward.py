"""Runs a rebuilt network's layers, with faster kernels where TensorFlow has them.

The Keras layers own the weights and stay the truth; a lowering only chooses another kernel for
the same function. `tests/test_engine_equivalence.py` compares forward pass, gradients and moving
statistics with Keras's own.
"""

from collections.abc import Callable, Mapping, Sequence

import keras
import tensorflow as tf

from harness.engine.rebuild import layers_of
from harness.spec import Spec
from reference.layers import Node

Lowering = Callable[[keras.Layer, tf.Tensor], tf.Tensor]


def fused_batch_normalization(layer: keras.layers.BatchNormalization, x: tf.Tensor) -> tf.Tensor:
    """Batch normalisation of (N, H, W, C) in one training-mode kernel, statistics updated.

    Keras 3 runs it as separate passes over the activations. The kernel returns the unbiased
    variance where Keras's moving average takes the biased one, hence the correction.
    """
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=layer.gamma.value,
        offset=layer.beta.value,
        mean=tf.constant([], tf.float32),
        variance=tf.constant([], tf.float32),
        epsilon=layer.epsilon,
        is_training=True,
    )
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)
    biased = variance * ((count - 1.0) / count)
    for moving, batch in ((layer.moving_mean, mean), (layer.moving_variance, biased)):
        value = moving.value
        value.assign(value * layer.momentum + batch * (1.0 - layer.momentum))
    return y


def _training_batch_normalization(layer: keras.Layer, x: tf.Tensor) -> tf.Tensor:
    fusable = x.shape.rank == 4 and layer.scale and layer.center and layer.trainable
    return fused_batch_normalization(layer, x) if fusable else layer(x, training=True)


# What training runs differently from inference, by node kind.
_TRAINING: Mapping[str, Lowering] = {
    "BatchNormalization": _training_batch_normalization,
    "Dropout": lambda layer, x: layer(x, training=True),
    "SpatialDropout2D": lambda layer, x: layer(x, training=True),
}
_INFERENCE: Mapping[str, Lowering] = {
    "BatchNormalization": lambda layer, x: layer(x, training=False),
    "Dropout": lambda _layer, x: x,
    "SpatialDropout2D": lambda _layer, x: x,
}


# Activations that never decrease: the largest value before one is the largest after it.
_MONOTONE = frozenset({"relu", "relu6", "leaky_relu", "sigmoid", "tanh", "softplus", "elu", "selu"})


def pooled_first(nodes: Sequence[Node]) -> Mapping[int, tuple[int | None, int]]:
    """Finds where max pooling may run before the activation, and before the bias, in front of it.

    Both commute with the maximum, and after pooling there is a quarter of the values left to add
    to, to activate and to differentiate. Returns, for each such pooling node, the convolution
    whose bias can wait (or None) and the activation.
    """
    consumers = [sum(i in node.inputs for node in nodes) for i in range(len(nodes))]
    found: dict[int, tuple[int | None, int]] = {}
    for index, node in enumerate(nodes):
        before = node.inputs[0] if node.kind == "MaxPooling2D" else 0
        activation = nodes[before]
        if activation.kind != "Activation" or consumers[before] != 1:
            continue
        if activation.config["activation"] not in _MONOTONE:
            continue
        source = activation.inputs[0]
        conv = nodes[source]
        waits = conv.kind == "Conv2D" and conv.config["use_bias"] and consumers[source] == 1
        found[index] = (source if waits else None, before)
    return found


# Final activations that Keras's cross-entropy looks behind. It marks the outputs of both with the
# values they were made of, and takes the loss of softmax(those values) even after a sigmoid.
_FINAL: Mapping[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "softmax": tf.nn.softmax,
    "sigmoid": tf.nn.sigmoid,
}


class Forward:
    """The network as a function of a batch of images, up to its last softmax or sigmoid.

    Attributes:
        ends_in_logits: whether `logits` returns the values before a final softmax or sigmoid;
            otherwise it returns the network's outputs.
    """

    def __init__(self, model: keras.Model, spec: Spec) -> None:
        self._nodes: Sequence[Node] = spec.network.nodes
        self._layers = layers_of(model, spec)
        self._pooled_first = pooled_first(self._nodes)
        self._delayed = {i for pair in self._pooled_first.values() for i in pair}
        last = self._nodes[-1]
        final = str(last.config["activation"]) if last.kind == "Activation" else ""
        self.ends_in_logits = final in _FINAL
        self._final = _FINAL.get(final, tf.identity)

    def logits(self, images: tf.Tensor, *, training: bool) -> tf.Tensor:
        """Returns (N, 10) values before the final softmax or sigmoid, else the outputs."""
        nodes = self._nodes[:-1] if self.ends_in_logits else self._nodes
        table = _TRAINING if training else _INFERENCE
        values: list[tf.Tensor | None] = [images]
        for index, node in enumerate(nodes[1:], start=1):
            if index in self._delayed:
                values.append(None)  # nobody but the pooling after it asks for it
            elif index in self._pooled_first:
                values.append(self._pool_first(index, values))
            else:
                inputs = [values[i] for i in node.inputs]
                x = inputs[0] if len(inputs) == 1 else inputs
                layer, lowering = self._layers[index], table.get(node.kind)
                values.append(lowering(layer, x) if lowering else layer(x))
        return values[-1]

    def _pool_first(self, index: int, values: Sequence[tf.Tensor | None]) -> tf.Tensor:
        """Convolution, pooling, bias, activation, in that order."""
        conv, activation = self._pooled_first[index]
        if conv is None:
            source = self._nodes[activation].inputs[0]
            return self._layers[activation](self._layers[index](values[source]))
        layer, config = self._layers[conv], self._nodes[conv].config
        x = tf.nn.conv2d(
            values[self._nodes[conv].inputs[0]],
            layer.kernel.value,
            strides=config["strides"],
            padding=config["padding"].upper(),
        )
        pooled = tf.nn.bias_add(self._layers[index](x), layer.bias.value)
        return self._layers[activation](pooled)

    def outputs(self, images: tf.Tensor) -> tf.Tensor:
        """Returns (N, 10) predictions, in inference mode."""
        return self.finished(self.logits(images, training=False))

    def finished(self, logits: tf.Tensor) -> tf.Tensor:
        """Returns the network's outputs for what `logits` returned."""
        return self._final(logits)
