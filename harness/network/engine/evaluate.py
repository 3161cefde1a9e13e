"""How many test images a network reads right with given weights."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.network.engine.rebuild import rebuild
from harness.network.engine.weights import set_weights
from harness.network.spec import Spec

_BATCH = 250


def count_correct(
    spec: Spec,
    weights: Mapping[str, NDArray[np.float32]],
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    pixel_max: float,
) -> int:
    """Returns how many of the images, (N, 28, 28), have their label, (N,), as the largest output.

    Args:
        weights: "node index/name" -> array, as of `harness.network.engine.weights.get_weights`.
        pixel_max: pixels are divided by this.
    """
    model = rebuild(spec, seed=0)
    set_weights(model, spec, weights)
    correct = 0
    for start in range(0, len(labels), _BATCH):
        batch = images[start : start + _BATCH].reshape(-1, *model.input_shape[1:])
        outputs = model(batch.astype(np.float32) / np.float32(pixel_max), training=False).numpy()
        correct += int((outputs.argmax(axis=1) == labels[start : start + _BATCH]).sum())
    return correct
