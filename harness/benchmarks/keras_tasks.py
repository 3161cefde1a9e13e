"""What the benchmark lane times with TensorFlow: our engine and plain Keras, doing the same work.

Imports TensorFlow, so only a runner process (`harness.benchmarks.runner`) may import it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.benchmarks.workload import SEED, TimedTask, Workload, noise, timed
from harness.network.engine.inference import Predictor
from harness.network.engine.rebuild import rebuild
from harness.network.engine.train import steps_ahead
from harness.network.engine.training_loop import Trainer

MNIST_IMAGES = 60_000
MATMUL_SIZE = 1536


def engine_training(order: Workload) -> TimedTask:
    """Our compiled loop, over an order of the images that is drawn once."""
    images, labels = noise(order.images)
    trainer = Trainer(
        rebuild(order.spec, SEED),
        order.spec,
        order.recipe,
        images,
        labels,
        # As in a whole run of the recipe, of which a round is a short piece.
        steps_ahead=steps_ahead(order.recipe, MNIST_IMAGES - order.recipe.validation_images),
    )
    indexes = np.random.default_rng(SEED).permutation(order.images).astype(np.int32)
    return TimedTask(timed(lambda: trainer.train(indexes)))


class _Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Times the steps of a `fit`, from the first one's begin to the last one's end."""

    started = ended = 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        if batch == 0:
            self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.ended = time.perf_counter()


def keras_fit(order: Workload) -> TimedTask:
    """`model.fit` on arrays that are scaled beforehand.

    Only its steps are timed. Each call spends some 0.1 s before the first of them, which is little
    beside an epoch of a data set and would be much beside the few steps of a round.
    """
    images, labels = noise(order.images)
    model = rebuild(order.spec, SEED)
    model.compile(
        keras.optimizers.get({"class_name": order.recipe.optimizer, "config": {
            "learning_rate": order.recipe.learning_rate}}),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        # "auto" would choose XLA, which makes convolutions on a CPU two to four times slower.
        jit_compile=False,
    )  # fmt: skip
    scaled = _scaled(images, model)
    clock = _Clock()

    def run() -> float:
        size = order.batch_size
        model.fit(scaled, labels, batch_size=size, epochs=1, verbose=0, callbacks=[clock])
        return clock.ended - clock.started

    return TimedTask(run)


@dataclass(frozen=True)
class _Inference:
    """A model and one batch for it, the same in every process."""

    model: keras.Model
    images: NDArray[np.float32]


def _inference(order: Workload) -> _Inference:
    model = rebuild(order.spec, SEED)
    return _Inference(model, _scaled(noise(order.batch_size)[0], model))


def engine_prediction(order: Workload) -> TimedTask:
    """Our compiled network, one call for each batch."""
    given = _inference(order)
    predictor = Predictor(given.model, order.spec, order.batch_size)
    return _calls(order, lambda: predictor(given.images))


def keras_predict(order: Workload) -> TimedTask:
    """`model.predict`, one call for each batch."""
    given, size = _inference(order), order.batch_size
    return _calls(order, lambda: given.model.predict(given.images, batch_size=size, verbose=0))


def keras_call(order: Workload) -> TimedTask:
    """`model(x)`, one call for each batch; `.numpy()` waits for the result."""
    given = _inference(order)
    return _calls(order, lambda: given.model(given.images, training=False).numpy())


TASKS: Mapping[tuple[str, str], Callable[[Workload], TimedTask]] = {
    ("train", "engine"): engine_training,
    ("train", "keras fit"): keras_fit,
    ("predict", "engine"): engine_prediction,
    ("predict", "keras predict"): keras_predict,
    ("predict", "keras call"): keras_call,
}


def matmul_rate() -> float:
    """Returns this process's float32 matrix-multiply rate in FLOP/s, measured here and now.

    One product: a shared machine's rate drifts, so it is asked for again in each round.
    """
    multiply = _matmul()
    started = time.perf_counter()
    multiply().numpy()
    return 2 * MATMUL_SIZE**3 / (time.perf_counter() - started)


@cache
def _matmul() -> Any:
    a = tf.random.stateless_uniform((MATMUL_SIZE, MATMUL_SIZE), seed=(0, 0))
    multiply = tf.function(lambda: tf.reduce_sum(tf.matmul(a, a)), jit_compile=False)
    multiply().numpy()  # traces
    return multiply


def device() -> str:
    """Returns the first GPU's name, else "CPU"."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))


def _calls(order: Workload, call: Callable[[], NDArray[np.float32]]) -> TimedTask:
    def work() -> None:
        for _ in range(order.steps):
            call()

    return TimedTask(timed(work), outputs=call)


def _scaled(images: NDArray[np.uint8], model: keras.Model) -> NDArray[np.float32]:
    return images.reshape(-1, *model.input_shape[1:]).astype(np.float32) / np.float32(255)
