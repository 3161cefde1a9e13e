"""A network of dense layers: what it computes, how wrong it is, and how that depends on weights.

    images    (N, 784)   one row for each image, pixels in [0, 1]
    hidden 1  (N, 64)    images @ kernel 1 + bias 1, then ReLU
    hidden 2  (N, 32)    hidden 1 @ kernel 2 + bias 2, then ReLU
    logits    (N, 10)    hidden 2 @ kernel 3 + bias 3; softmax makes probabilities of them

These are the sizes of document 004. Any others do: a network is a sequence of layers, the last one
without ReLU.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Dense:
    """A layer's weights, or anything that has a number for each weight, such as its gradient.

    Attributes:
        kernel: (inputs, outputs).
        bias: (outputs,).
    """

    kernel: Floats
    bias: Floats


Network = Sequence[Dense]


def parameters(network: Network) -> list[Floats]:
    """Returns kernel and bias of each layer in turn: the arrays themselves, not copies."""
    return [array for layer in network for array in (layer.kernel, layer.bias)]


def forward(network: Network, images: Floats) -> list[Floats]:
    """Returns what goes into each layer, the images first, and at the end the logits.

    Args:
        network: L layers.
        images: (N, inputs of the first layer).

    Returns:
        L + 1 arrays of N rows. The backward pass needs them all.
    """
    values = [images]
    for layer in network[:-1]:
        values.append(relu(values[-1] @ layer.kernel + layer.bias))
    values.append(values[-1] @ network[-1].kernel + network[-1].bias)
    return values


def relu(x: Floats) -> Floats:
    """max(x, 0): without something that is not linear, three layers would be worth one."""
    return np.maximum(x, 0)


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the probabilities exp(z_k) / Σ_j exp(z_j), (N, classes).

    A constant added to all logits of an image changes no probability. With the largest of them
    taken off, no exponential overflows; and the logarithm is taken of a sum of at least 1, never
    of a probability that was rounded to 0.
    """
    shifted: Floats = logits - logits.max(axis=1, keepdims=True)
    log_probabilities: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_probabilities


def cross_entropy(logits: Floats, labels: Labels) -> float:
    """Mean over the images of -log(probability of the right class), in nats.

    Args:
        logits: (N, classes).
        labels: (N,), the right class of each image.
    """
    return -float(log_softmax(logits)[np.arange(len(labels)), labels].mean())


def backward(network: Network, values: Sequence[Floats], labels: Labels) -> list[Dense]:
    """Returns the gradient of the cross-entropy with respect to every weight.

    It goes through the layers from the last to the first (backpropagation: Rumelhart, Hinton &
    Williams 1986) and carries `delta`, the gradient with respect to what a layer puts out before
    its ReLU, (N, outputs):

    - At the logits it is (probabilities - one-hot labels) / N. The derivatives of logarithm and
      softmax cancel to this difference; 1 / N is there because the loss is a mean.
    - From outputs = inputs @ kernel + bias follow the three products below. Each has the only
      order and transposition with which the shapes fit.
    - ReLU passes the gradient on where its output is positive, and nothing elsewhere.

    Args:
        values: what `forward` returned for the same network.
        labels: (N,).

    Returns:
        For each layer its gradient, of the same shapes.
    """
    count = len(labels)
    delta = np.exp(log_softmax(values[-1]))
    delta[np.arange(count), labels] -= 1
    delta /= count
    gradients = []
    for index in reversed(range(len(network))):
        inputs = values[index]
        gradients.append(Dense(kernel=inputs.T @ delta, bias=delta.sum(axis=0)))
        if index > 0:  # nobody needs the gradient with respect to the pixels
            delta = (delta @ network[index].kernel.T) * (inputs > 0)
    return gradients[::-1]
