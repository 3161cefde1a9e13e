"""Runs a rebuilt network: convolutional blocks as one, other layers one by one.

The Keras layers own the weights and stay the truth; a lowering only chooses another kernel for
the same function.
"""

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from harness.network.engine.blocks import RunningBlock, find_blocks, fused_batch_normalization
from harness.network.engine.rebuild import layers_of
from harness.network.spec import Spec

Lowering = Callable[[keras.Layer, tf.Tensor], tf.Tensor]


def _training_batch_normalization(layer: keras.Layer, x: tf.Tensor) -> tf.Tensor:
    fusable = x.shape.rank == 4 and layer.trainable
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
        self._nodes = spec.network.nodes
        self._layers = layers_of(model, spec)
        last = self._nodes[-1]
        final = str(last.config["activation"]) if last.kind == "Activation" else ""
        self.ends_in_logits = final in _FINAL
        self._before_final = self._nodes[:-1] if self.ends_in_logits else self._nodes
        blocks = find_blocks(self._before_final)
        self._blocks = {
            block.nodes[-1]: RunningBlock(block, self._nodes, self._layers) for block in blocks
        }
        self._inside = {index for block in blocks for index in block.nodes[:-1]}
        self._final = _FINAL.get(final, tf.identity)

    def logits(self, images: tf.Tensor, *, training: bool) -> tf.Tensor:
        """Returns (N, 10) values before the final softmax or sigmoid, else the outputs."""
        table = _TRAINING if training else _INFERENCE
        values: list[tf.Tensor | None] = [images]
        for index, node in enumerate(self._before_final[1:], start=1):
            if index in self._inside:
                values.append(None)  # only the rest of its block asks for it
            elif index in self._blocks:
                block = self._blocks[index]
                values.append(block(values[block.source], training=training))
            else:
                inputs = [values[i] for i in node.inputs]
                x = inputs[0] if len(inputs) == 1 else inputs
                layer, lowering = self._layers[index], table.get(node.kind)
                values.append(lowering(layer, x) if lowering else layer(x))
        return values[-1]

    def outputs(self, images: tf.Tensor) -> tf.Tensor:
        """Returns (N, 10) predictions, in inference mode."""
        return self.finished(self.logits(images, training=False))

    def finished(self, logits: tf.Tensor) -> tf.Tensor:
        """Returns the network's outputs for what `logits` returned."""
        return self._final(logits)
