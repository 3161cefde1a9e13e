"""Optimizers: those of the documents as fused kernels, one call for each weight; others plainly.

Each follows the update of the Keras optimizer of the same name, with its default settings;
`tests/network/engine/test_equivalence.py` holds them to it.
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


def adamw(weights: Sequence[tf.Variable], learning_rate: float) -> Update:
    """Adam with weight decay beside it (Loshchilov & Hutter 2019), of 0.004 as in Keras."""
    decay = 0.004
    step = adam(weights, learning_rate)

    def update(gradients: Sequence[tf.Tensor]) -> None:
        with tf.control_dependencies(
            [weight.assign_sub(weight * (decay * learning_rate)) for weight in weights]
        ):
            step([tf.identity(gradient) for gradient in gradients])

    return update


def nadam(weights: Sequence[tf.Variable], learning_rate: float) -> Update:
    """Adam with Nesterov's momentum (Dozat 2016), its momentum warming up as in Keras."""
    beta_1, beta_2, epsilon, warming = 0.9, 0.999, 1e-7, 0.96
    first = [tf.Variable(tf.zeros_like(w)) for w in weights]
    second = [tf.Variable(tf.zeros_like(w)) for w in weights]
    steps = tf.Variable(0.0)
    product = tf.Variable(1.0)  # of the momentum of every step so far

    def update(gradients: Sequence[tf.Tensor]) -> None:
        t = steps.assign_add(1.0, read_value=True)
        now = beta_1 * (1 - 0.5 * tf.pow(warming, t))
        following = beta_1 * (1 - 0.5 * tf.pow(warming, t + 1))
        so_far = product.assign(product * now, read_value=True)
        for weight, m, v, gradient in zip(weights, first, second, gradients, strict=True):
            new_m = m.assign_add((gradient - m) * (1 - beta_1), read_value=True)
            new_v = v.assign_add((tf.square(gradient) - v) * (1 - beta_2), read_value=True)
            m_hat = following * new_m / (1 - so_far * following)
            m_hat += (1 - now) * gradient / (1 - so_far)
            v_hat = new_v / (1 - tf.pow(beta_2, t))
            weight.assign_sub(learning_rate * m_hat / (tf.sqrt(v_hat) + epsilon))

    return update


def rmsprop(weights: Sequence[tf.Variable], learning_rate: float) -> Update:
    """RMSprop (Tieleman & Hinton 2012), rho = 0.9, without momentum."""
    rho, epsilon = 0.9, 1e-7
    squares = [tf.Variable(tf.zeros_like(w)) for w in weights]

    def update(gradients: Sequence[tf.Tensor]) -> None:
        for weight, square, gradient in zip(weights, squares, gradients, strict=True):
            mean = square.assign(rho * square + (1 - rho) * tf.square(gradient), read_value=True)
            weight.assign_sub(learning_rate * gradient / tf.sqrt(mean + epsilon))

    return update


def adagrad(weights: Sequence[tf.Variable], learning_rate: float) -> Update:
    """Adagrad (Duchi, Hazan & Singer 2011), its sums starting from 0.1."""
    epsilon = 1e-7
    squares = [tf.Variable(tf.fill(tf.shape(w), 0.1)) for w in weights]

    def update(gradients: Sequence[tf.Tensor]) -> None:
        for weight, square, gradient in zip(weights, squares, gradients, strict=True):
            total = square.assign_add(tf.square(gradient), read_value=True)
            weight.assign_sub(learning_rate * gradient / tf.sqrt(total + epsilon))

    return update


# `reference.kinds.OPTIMIZERS` is the list; it says what to change to add one.
OPTIMIZERS: Mapping[str, Callable[[Sequence[tf.Variable], float], Update]] = {
    "adam": adam,
    "adamw": adamw,
    "adagrad": adagrad,
    "nadam": nadam,
    "rmsprop": rmsprop,
    "sgd": sgd,
}
