"""Optimizers as fused TensorFlow kernels, one call for each weight.

Each follows the update of the Keras optimizer of the same name, with its default settings;
`tests/test_engine_equivalence.py` holds them to it.
"""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

Update = Callable[[Sequence[tf.Tensor]], None]


def adam(weights: Sequence[tf.Variable], learning_rate: float) -> Update:
    """Adam (Kingma & Ba 2015, algorithm 1 in the form of its section 2's last paragraph).

    beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-7: Keras's defaults.
    """
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-7
    first = [tf.Variable(tf.zeros_like(w)) for w in weights]
    second = [tf.Variable(tf.zeros_like(w)) for w in weights]
    power_1 = tf.Variable(1.0)
    power_2 = tf.Variable(1.0)

    def update(gradients: Sequence[tf.Tensor]) -> None:
        p1 = power_1.assign(power_1 * beta_1, read_value=True)
        p2 = power_2.assign(power_2 * beta_2, read_value=True)
        for weight, m, v, gradient in zip(weights, first, second, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle,
                m=m.handle,
                v=v.handle,
                beta1_power=p1,
                beta2_power=p2,
                lr=learning_rate,
                beta1=beta_1,
                beta2=beta_2,
                epsilon=epsilon,
                grad=gradient,
            )

    return update


def sgd(weights: Sequence[tf.Variable], learning_rate: float) -> Update:
    """Stochastic gradient descent without momentum."""

    def update(gradients: Sequence[tf.Tensor]) -> None:
        for weight, gradient in zip(weights, gradients, strict=True):
            tf.raw_ops.ResourceApplyGradientDescent(
                var=weight.handle, alpha=learning_rate, delta=gradient
            )

    return update


OPTIMIZERS: Mapping[str, Callable[[Sequence[tf.Variable], float], Update]] = {
    "adam": adam,
    "sgd": sgd,
}
