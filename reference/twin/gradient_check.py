"""How to see that gradients are right: by changing a weight a little and looking at the loss.

    dL/dw ≈ (L(w + h) - L(w - h)) / 2h

The formula is wrong by a term of the size of h² (third derivatives), and by the rounding of L over
h, 1e-16 / 1e-5. In float64 both are near 1e-10; in float32, where rounding alone is 1e-2, the check
would say nothing.

It supposes that the loss is smooth between w - h and w + h, which it is not where ReLU has its
kink. If a change of a weight takes a unit's sum across 0, the two-sided difference mixes the slopes
of both sides and is right about neither. So the check uses only images at which every unit keeps a
distance from 0 that is large beside what h can change.
"""

import numpy as np

from reference.twin.network import (
    Dense,
    Floats,
    Labels,
    Network,
    backward,
    cross_entropy,
    forward,
    parameters,
)

H = 1e-5
# A weight's change of H changes a sum of its own layer by H times that layer's input: in the first
# layer by at most H, since pixels are at most 1, in later ones by as much more as their inputs are
# larger. The sums of the layers behind change by a few times that.
KINK_MARGIN = 100 * H


def gradient_error(
    network: Network,
    images: Floats,
    labels: Labels,
    rng: np.random.Generator,
    entries: int | None = None,
) -> float:
    """Returns the largest relative error of the gradient, over all of a network's arrays.

    For each array: the largest difference from the finite difference, over the largest gradient.
    An entry's own gradient is no yardstick: where it is nearly 0, only rounding is left of it.
    A gradient that is not a number gives NaN.

    Args:
        network: in float64.
        images: (N, pixels), float64; choose them with `away_from_kinks`.
        rng: draws the entries.
        entries: how many of each array are looked at; None looks at all.
    """
    gradients = parameters(backward(network, forward(network, images), labels))
    errors = []
    for array, gradient in zip(parameters(network), gradients, strict=True):
        count = array.size if entries is None else min(entries, array.size)
        chosen = rng.choice(array.size, count, replace=False)
        differences = finite_differences(network, array, chosen, images, labels)
        worst = np.abs(gradient.flat[chosen] - differences).max()
        errors.append(float(worst / np.abs(gradient).max()))
    # Python's max skips a NaN that does not come first.
    return float(np.max(errors))


def finite_differences(
    network: Network, array: Floats, entries: Labels, images: Floats, labels: Labels
) -> Floats:
    """Returns the loss's derivative by some entries of one of the network's arrays.

    Args:
        array: one of `parameters(network)`; it is changed on the way, and put back.
        entries: (K,), indexes into the array read row by row.

    Returns:
        (K,).
    """
    results = []
    for entry in entries:
        before = array.flat[entry]
        losses = []
        for value in (before + H, before - H):
            array.flat[entry] = value
            losses.append(cross_entropy(forward(network, images)[-1], labels))
        array.flat[entry] = before
        results.append((losses[0] - losses[1]) / (2 * H))
    return np.array(results)


def away_from_kinks(network: Network, images: Floats, margin: float = KINK_MARGIN) -> Floats:
    """Returns for each image whether all hidden units are at least `margin` from ReLU's kink."""
    kept = np.ones(len(images), bool)
    for layer, inputs in zip(network[:-1], forward(network, images), strict=False):
        kept &= (np.abs(inputs @ layer.kernel + layer.bias) >= margin).all(axis=1)
    return kept


def in_float64(network: Network) -> list[Dense]:
    """Returns a copy that is exact enough to check."""
    return [
        Dense(layer.kernel.astype(np.float64), layer.bias.astype(np.float64)) for layer in network
    ]
