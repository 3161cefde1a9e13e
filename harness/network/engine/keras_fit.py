"""Keras as its users run it: `compile` and `fit` on arrays in memory, timed epoch by epoch."""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.network.engine.rebuild import rebuild
from harness.network.recipe import Recipe
from harness.network.spec import Spec

_SEED = 0
_CLASSES = 10


class _Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Times each epoch from its begin to its end."""

    def __init__(self, on_epoch: Callable[[int], None]) -> None:
        super().__init__()
        self.times: list[float] = []
        self._on_epoch = on_epoch
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.times.append(time.perf_counter() - self._started)
        self._on_epoch(epoch + 1)


def fit(
    spec: Spec,
    recipe: Recipe,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    on_epoch: Callable[[int], None],
) -> list[float]:
    """Trains a new network; returns the seconds of each epoch, the first with its tracing.

    Args:
        images: (N, 28, 28), bytes; scaled beforehand, as the documents do.
        labels: (N,); one-hot beforehand.
        on_epoch: told the number of each epoch that ended, from 1.
    """
    keras.utils.set_random_seed(_SEED)
    model = rebuild(spec, _SEED)
    model.compile(
        keras.optimizers.get(
            {"class_name": recipe.optimizer, "config": {"learning_rate": recipe.learning_rate}}
        ),
        loss=recipe.loss,
        metrics=["accuracy"],
    )
    clock = _Clock(on_epoch)
    shaped = images.reshape(-1, *model.input_shape[1:])
    scaled = shaped.astype(np.float32) / np.float32(recipe.pixel_max)
    hot = np.eye(_CLASSES, dtype=np.float32)[labels]
    model.fit(
        scaled,
        hot,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        verbose=0,
        callbacks=[clock],
    )
    return clock.times
