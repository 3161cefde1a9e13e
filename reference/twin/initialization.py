"""Where training starts: biases of zero, and kernels drawn at random.

Were all units of a layer equal, they would get equal gradients and stay equal for ever. How far
apart they should be follows from one wish: that values neither grow nor shrink on their way through
the layers, nor gradients on their way back.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from reference.twin.network import Dense, Floats


def he_normal(inputs: int, outputs: int, rng: np.random.Generator) -> Floats:
    """Normal with mean 0 and variance 2 / inputs, (inputs, outputs).

    He, Zhang, Ren & Sun 2015, eq. 10: a sum of as many products as there are inputs, with half of
    the values put to zero by ReLU, then keeps its size. Keras's initializer of this name has the
    same variance, but draws again what lies more than two deviations from 0.
    """
    return rng.normal(0.0, np.sqrt(2 / inputs), (inputs, outputs))


def glorot_uniform(inputs: int, outputs: int, rng: np.random.Generator) -> Floats:
    """Uniform in ±√(6 / (inputs + outputs)), so of variance 2 / (inputs + outputs).

    Glorot & Bengio 2010, eq. 16: halfway between what keeps values their size on the way forward
    (1 / inputs) and gradients theirs on the way back (1 / outputs), for units that are about linear
    around 0. It is what Keras's `Dense` does when nothing is said.
    """
    limit = np.sqrt(6 / (inputs + outputs))
    return rng.uniform(-limit, limit, (inputs, outputs))


INITIALIZERS: Final[Mapping[str, Callable[[int, int, np.random.Generator], Floats]]] = {
    "he_normal": he_normal,
    "glorot_uniform": glorot_uniform,
}


def initial_network(
    sizes: Sequence[int], initializer: str, rng: np.random.Generator, dtype: Any = np.float32
) -> list[Dense]:
    """Returns an untrained network.

    Args:
        sizes: of the input, of each hidden layer and of the output: (784, 64, 32, 10).
        initializer: key of `INITIALIZERS`.
        rng: drawn from in float64, whatever the type of the weights.
        dtype: of the weights, and so of all that is computed with them.
    """
    draw = INITIALIZERS[initializer]
    return [
        Dense(draw(inputs, outputs, rng).astype(dtype), np.zeros(outputs, dtype))
        for inputs, outputs in pairwise(sizes)
    ]
