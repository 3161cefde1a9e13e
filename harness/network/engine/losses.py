"""Losses from the network's last values and integer labels, one value for each image.

Each is Keras's loss of the same name; `tests/network/engine/test_equivalence.py` holds them to it.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def categorical_crossentropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of softmax(logits), (N, 10), against labels, (N,); returns (N,).

    One-hot and integer labels give the same value, so the recipe's name covers both. Taken from
    the logits in one kernel, as Keras does when the network's last operation is a softmax.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def probability_crossentropy(probabilities: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The same for a network that does not end in a softmax.

    Its outputs, (N, 10), are divided by their sum and kept 1e-7 away from 0 and 1, as in Keras.
    """
    total = tf.reduce_sum(probabilities, axis=-1, keepdims=True)
    clipped = tf.clip_by_value(probabilities / total, 1e-7, 1 - 1e-7)
    chosen = tf.gather(clipped, labels, axis=-1, batch_dims=1)
    return -tf.math.log(chosen)


def binary_crossentropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Mean over the classes of the cross-entropy of sigmoid(logits) against one-hot labels.

    Keras looks behind a final softmax as it does behind a sigmoid, and takes what it finds there
    for the logits of a sigmoid.
    """
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=_one_hot(labels, logits), logits=logits)
    return tf.reduce_mean(each, axis=-1)


def binary_probability_crossentropy(outputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The same of a network that ends in neither; its outputs are kept 1e-7 away from 0 and 1."""
    clipped = tf.clip_by_value(outputs, 1e-7, 1 - 1e-7)
    hot = _one_hot(labels, outputs)
    each = hot * tf.math.log(clipped) + (1 - hot) * tf.math.log(1 - clipped)
    return -tf.reduce_mean(each, axis=-1)


def mean_squared_error(outputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Mean over the classes of the squared distance from one-hot labels."""
    return tf.reduce_mean(tf.square(_one_hot(labels, outputs) - outputs), axis=-1)


def mean_absolute_error(outputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Mean over the classes of the distance from one-hot labels."""
    return tf.reduce_mean(tf.abs(_one_hot(labels, outputs) - outputs), axis=-1)


def _one_hot(labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    return tf.one_hot(labels, outputs.shape[-1], dtype=outputs.dtype)


LOSSES: Mapping[str, tuple[Loss | None, Loss]] = {
    # name: (from the values before a final softmax or sigmoid; None where the loss does not look
    # behind them, from the network's outputs)
    "categorical_crossentropy": (categorical_crossentropy, probability_crossentropy),
    "binary_crossentropy": (binary_crossentropy, binary_probability_crossentropy),
    "mean_squared_error": (None, mean_squared_error),
    "mean_absolute_error": (None, mean_absolute_error),
}
