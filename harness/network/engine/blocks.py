"""Convolution, batch normalisation, activation, pooling: run as one, in a cheaper order.

Layer by layer, each of them reads and writes every activation once or more, forward and backward,
and on a CPU that costs as much as the convolution. The block computes the same function with what
the whole of it allows:

- Max pooling runs before the bias and before an activation that never decreases. Both commute with
  the maximum, and after it a quarter of the values is left to add to, activate and differentiate.
- A bias before batch normalisation only moves the mean, which is taken off again.
- A convolution of few values (3 x 3 of one channel: nine) is a matrix product of its patches. The
  statistics of its outputs follow from those of the patches, mean(p) and cov(p):
  mean(w.p) = w.mean(p), var(w.p) = w.cov(p).w. Normalisation then scales the kernel and needs no
  pass over the outputs at all. Only for pixels: cov(p) is a difference of float32 sums, and loses
  its digits where values vary little about a large mean, as they may behind other layers.
- In inference the statistics are constants, and normalisation always scales the kernel.

The Keras layers own the weights and stay the truth; `tests/network/engine/test_equivalence.py`
compares forward pass, gradients and moving statistics with Keras's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import keras
import tensorflow as tf

from reference.layers import Node

# Activations that never decrease: the largest value before one is the largest after it.
_MONOTONE = frozenset({"relu", "relu6", "leaky_relu", "sigmoid", "tanh", "softplus", "elu", "selu"})

# A kernel of at most so many values runs as a product of patches. The patches' covariance costs
# the square of it for each output, and beyond this the direct convolution is at the machine's
# rate anyway.
_FEW = 16


@dataclass(frozen=True)
class Block:
    """Nodes that run as one, by index: each feeds the next one and nothing else."""

    conv: int
    norm: int | None = None
    activation: int | None = None
    pool: int | None = None

    @property
    def nodes(self) -> tuple[int, ...]:
        """The indexes in the order of the network."""
        chain = (self.conv, self.norm, self.activation, self.pool)
        return tuple(index for index in chain if index is not None)


def find_blocks(nodes: Sequence[Node]) -> tuple[Block, ...]:
    """Returns the blocks of a network, the longest that begin at each convolution."""
    users: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for source in node.inputs:
            users[source].append(index)

    def follower(index: int, kind: str) -> int | None:
        """The only user of a node, if it is of that kind."""
        if len(users[index]) == 1 and nodes[users[index][0]].kind == kind:
            return users[index][0]
        return None

    def block(conv: int) -> Block:
        norm = follower(conv, "BatchNormalization")
        before = conv if norm is None else norm
        activation = follower(before, "Activation")
        if activation is None:
            return Block(conv, norm, None, follower(before, "MaxPooling2D"))
        monotone = nodes[activation].config["activation"] in _MONOTONE
        pool = follower(activation, "MaxPooling2D") if monotone else None
        return Block(conv, norm, activation, pool)

    return tuple(block(index) for index, node in enumerate(nodes) if node.kind == "Conv2D")


def takes_pixels(nodes: Sequence[Node], source: int) -> bool:
    """Whether a node's values are those of the images, which lie between 0 and the largest."""
    while nodes[source].kind == "Reshape":
        (source,) = nodes[source].inputs
    return nodes[source].kind == "InputLayer"


class RunningBlock:
    """A block with its layers.

    Attributes:
        source: index of the node that it takes its inputs from.
    """

    def __init__(self, block: Block, nodes: Sequence[Node], layers: Sequence[keras.Layer]) -> None:
        (self.source,) = nodes[block.conv].inputs
        self._takes_pixels = takes_pixels(nodes, self.source)
        self._config = nodes[block.conv].config
        self._conv = layers[block.conv]
        self._norm = None if block.norm is None else layers[block.norm]
        self._activation = None if block.activation is None else layers[block.activation]
        self._pool = None if block.pool is None else layers[block.pool]

    def __call__(self, x: tf.Tensor, *, training: bool) -> tf.Tensor:
        """Returns the block's outputs, (N, H', W', C'), for its inputs, (N, H, W, C)."""
        kernel = self._conv.kernel.value
        bias = self._conv.bias.value if self._config["use_bias"] else None
        patches = self._patches(x)
        if self._norm is None:
            factor, offset = None, bias
        elif not (training and self._norm.trainable):
            mean, variance = self._norm.moving_mean.value, self._norm.moving_variance.value
            factor, offset = _affine(self._norm, mean - _or_zero(bias), variance)
        elif patches and self._takes_pixels:
            mean, variance = patches.statistics(kernel)
            _move(self._norm, mean + _or_zero(bias), variance)
            factor, offset = _affine(self._norm, mean, variance)
        else:
            y = fused_batch_normalization(self._norm, self._convolved(x, kernel), bias)
            return self._finished(y, None)
        if factor is not None:
            kernel = kernel * factor
        if patches:
            zeros = tf.zeros(kernel.shape[-1], kernel.dtype)
            return self._finished(
                patches.product(kernel, zeros if offset is None else offset), None
            )
        return self._finished(self._convolved(x, kernel), offset)

    def _finished(self, y: tf.Tensor, offset: tf.Tensor | None) -> tf.Tensor:
        """Pools, adds the offset and activates."""
        if self._pool is not None:
            y = self._pool(y)
        if offset is not None:
            y = tf.nn.bias_add(y, offset)
        return y if self._activation is None else self._activation(y)

    def _patches(self, x: tf.Tensor) -> "Patches | None":
        few = prod(self._config["kernel_size"]) * x.shape[-1] <= _FEW
        return Patches(x, self._config) if few else None

    def _convolved(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        strides, padding = self._config["strides"], self._config["padding"].upper()
        return tf.nn.conv2d(x, kernel, strides=strides, padding=padding)


class Patches:
    """What a convolution's kernel is multiplied with, as a matrix (K, N * H' * W').

    K = kernel height * kernel width * channels, in the order of the kernel's own first three axes.

    Args:
        x: (N, H, W, C).
        config: of the Conv2D node: `kernel_size`, `strides`, `padding`.
    """

    def __init__(self, x: tf.Tensor, config: Mapping[str, Any]) -> None:
        sides = x.shape[1:3]
        kernel, strides = config["kernel_size"], config["strides"]
        if config["padding"] == "same":
            outputs = [-(-side // stride) for side, stride in zip(sides, strides, strict=True)]
            borders = [
                max((output - 1) * stride + k - side, 0)
                for output, stride, k, side in zip(outputs, strides, kernel, sides, strict=True)
            ]
            # TensorFlow's rule: what does not divide evenly goes below and to the right.
            x = tf.pad(x, [[0, 0], *([b // 2, b - b // 2] for b in borders), [0, 0]])
        else:
            outputs = [
                (side - k) // stride + 1
                for side, stride, k in zip(sides, strides, kernel, strict=True)
            ]
        height, width = ((o - 1) * s + 1 for o, s in zip(outputs, strides, strict=True))
        shifted = [
            x[:, i : i + height : strides[0], j : j + width : strides[1], channel]
            for i in range(kernel[0])
            for j in range(kernel[1])
            for channel in range(x.shape[-1])
        ]
        self._shape = (-1, *outputs)
        # The last row multiplies the bias: a pass over the outputs less, forward and backward.
        shifted.append(tf.ones_like(shifted[0]))
        self._matrix = tf.reshape(tf.stack(shifted), (len(shifted), -1))

    def product(self, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        """Returns the convolution with a kernel, (kh, kw, C, F), plus bias: (N, H', W', F)."""
        flat = tf.concat([tf.reshape(kernel, (-1, kernel.shape[-1])), bias[None, :]], axis=0)
        y = tf.matmul(self._matrix, flat, transpose_a=True)
        return tf.reshape(y, (*self._shape, kernel.shape[-1]))

    def statistics(self, kernel: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns mean and (biased) variance of each of the convolution's outputs, (F,) each."""
        flat = tf.reshape(kernel, (-1, kernel.shape[-1]))
        # Products with the row of ones are sums: one matrix product gives both moments.
        products = tf.matmul(self._matrix, self._matrix, transpose_b=True)
        moments = products / products[-1, -1]
        means = moments[:-1, -1]
        covariance = moments[:-1, :-1] - means[:, None] * means[None, :]
        variance = tf.reduce_sum(flat * tf.matmul(covariance, flat), axis=0)
        # Rounding can take the variance of a constant below zero.
        return tf.linalg.matvec(flat, means, transpose_a=True), tf.maximum(variance, 0.0)


def fused_batch_normalization(
    layer: keras.layers.BatchNormalization, x: tf.Tensor, bias: tf.Tensor | None = None
) -> tf.Tensor:
    """Batch normalisation of x + bias, (N, H, W, C), in one training-mode kernel.

    The moving statistics are updated. Keras 3 runs it as separate passes over the activations.
    The kernel returns the unbiased variance where Keras's moving average takes the biased one,
    hence the correction.
    """
    channels = x.shape[-1]
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=layer.gamma.value if layer.scale else tf.ones(channels),
        offset=layer.beta.value if layer.center else tf.zeros(channels),
        mean=tf.constant([], tf.float32),
        variance=tf.constant([], tf.float32),
        epsilon=layer.epsilon,
        is_training=True,
    )
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), x.dtype)
    _move(layer, mean + _or_zero(bias), variance * ((count - 1.0) / count))
    return y


def _affine(
    layer: keras.layers.BatchNormalization, mean: tf.Tensor, variance: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns factor and offset, (C,) each: normalised x = x * factor + offset."""
    factor = tf.math.rsqrt(variance + layer.epsilon)
    if layer.scale:
        factor *= layer.gamma.value
    offset = -mean * factor
    return factor, offset + layer.beta.value if layer.center else offset


def _move(layer: keras.layers.BatchNormalization, mean: tf.Tensor, variance: tf.Tensor) -> None:
    """Moves the moving statistics towards those of a batch."""
    for moving, batch in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        value = moving.value
        value.assign(value * layer.momentum + batch * (1.0 - layer.momentum))


def _or_zero(bias: tf.Tensor | None) -> tf.Tensor | float:
    return 0.0 if bias is None else bias
