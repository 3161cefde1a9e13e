"""A trained network that reads images as they come: any number of them, as bytes."""

import numpy as np
from numpy.typing import NDArray

from harness.network.engine.inference import Predictor
from harness.network.engine.rebuild import rebuild
from harness.network.engine.training_loop import EVALUATION_BATCH
from harness.network.engine.weights import Arrays, set_weights
from harness.network.spec import Spec


class Reader:
    """A network with given weights.

    Args:
        weights: "node index/name" -> array, as of `harness.network.engine.weights.get_weights`.
        pixel_max: pixels are divided by this.
        expected: how many images will come at a time.
    """

    def __init__(self, spec: Spec, weights: Arrays, pixel_max: float, expected: int) -> None:
        model = rebuild(spec, seed=0)
        set_weights(model, spec, weights)
        self._shape = tuple(model.input_shape[1:])
        self._pixel_max = np.float32(pixel_max)
        self._batch = max(1, min(EVALUATION_BATCH, expected))
        self._predict = Predictor(model, spec, self._batch)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns outputs, (N, 10), for images (N, 28, 28)."""
        scaled = images.reshape(-1, *self._shape).astype(np.float32) / self._pixel_max
        outputs = []
        for start in range(0, len(scaled), self._batch):
            batch = scaled[start : start + self._batch]
            missing = self._batch - len(batch)
            if missing:  # the network is compiled for whole batches
                batch = np.concatenate([batch, np.zeros((missing, *self._shape), np.float32)])
            outputs.append(self._predict(batch)[: self._batch - missing])
        return np.concatenate(outputs)
