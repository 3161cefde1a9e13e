"""How a gradient becomes a step. Each optimizer changes the parameters in place.

Both do what Keras's optimizers of the same names do with their default settings.
"""

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import Final, Protocol

import numpy as np

from reference.twin.network import Floats


class Optimizer(Protocol):
    """What training needs of one."""

    def step(self, parameters: Sequence[Floats], gradients: Sequence[Floats]) -> None:
        """Makes one step; the arrays are the same ones, in the same order, every time."""


class SGD:
    """Gradient descent: the same fraction of the gradient at every step.

    It is called stochastic when each gradient is that of a few images drawn at random.
    """

    def __init__(self, learning_rate: float = 0.01) -> None:
        self._learning_rate = learning_rate

    def step(self, parameters: Sequence[Floats], gradients: Sequence[Floats]) -> None:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= self._learning_rate * gradient  # noqa: PLW2901  (in place)


class Adam:
    """Steps of about the learning rate for every weight, however small its gradient is.

    Kingma & Ba 2015, algorithm 1: running means m of the gradient and v of its square, and a step
    along m / √v. Both begin at 0 and are too small at first; 1 - beta^t corrects that.

    Where epsilon goes is Keras's way, which the paper names at the end of its section 2: both
    corrections are moved into the learning rate, and epsilon is added to √v as it is. In algorithm
    1 it is added to the corrected √v, which is larger: by 1 / √(1 - beta_2^t), 32 times in the
    first step (1 / √0.001), hardly at all in the end. So the same epsilon weighs that many times
    more here. Keras's epsilon is 1e-7, the paper's 1e-8.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        self._learning_rate = learning_rate
        self._beta_1, self._beta_2 = beta_1, beta_2
        self._epsilon = epsilon
        self._steps = 0
        self._means: list[Floats] = []
        self._squares: list[Floats] = []

    def step(self, parameters: Sequence[Floats], gradients: Sequence[Floats]) -> None:
        if self._steps == 0:
            self._means = [np.zeros_like(parameter) for parameter in parameters]
            self._squares = [np.zeros_like(parameter) for parameter in parameters]
        self._steps += 1
        correction = sqrt(1 - self._beta_2**self._steps) / (1 - self._beta_1**self._steps)
        rate = self._learning_rate * correction
        for parameter, gradient, m, v in zip(
            parameters, gradients, self._means, self._squares, strict=True
        ):
            m += (1 - self._beta_1) * (gradient - m)  # noqa: PLW2901  (in place)
            v += (1 - self._beta_2) * (gradient * gradient - v)  # noqa: PLW2901
            parameter -= rate * m / (np.sqrt(v) + self._epsilon)  # noqa: PLW2901


OPTIMIZERS: Final[Mapping[str, Callable[[float], Optimizer]]] = {"sgd": SGD, "adam": Adam}
