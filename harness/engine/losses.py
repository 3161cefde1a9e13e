"""Losses from the network's last values and integer labels, one value for each image."""

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


LOSSES: Mapping[str, tuple[Loss, Loss]] = {
    # name: (from logits, from the network's outputs when they are not a softmax's)
    "categorical_crossentropy": (categorical_crossentropy, probability_crossentropy),
}
