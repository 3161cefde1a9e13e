"""The tasks that are timed with TensorFlow: the same work in our engine and in plain Keras.

Imports TensorFlow, so only a runner process (`harness.benchmarks.runner`) imports it.
"""

import time
from collections.abc import Callable, Mapping
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


def engine_training(workload: Workload) -> TimedTask:
    """Returns our compiled loop, over the images in an order that is drawn once."""
    images, labels = noise(workload.images)
    trainer = Trainer(
        rebuild(workload.spec, SEED),
        workload.spec,
        workload.recipe,
        images,
        labels,
        # As in a whole run of the recipe; a round is a short part of it.
        steps_ahead=steps_ahead(workload.recipe, MNIST_IMAGES - workload.recipe.validation_images),
    )
    indexes = np.random.default_rng(SEED).permutation(workload.images).astype(np.int32)
    return TimedTask(timed(lambda: trainer.train(indexes)))


class _Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Times the steps of a `fit`, from the begin of the first to the end of the last."""

    started = ended = 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        if batch == 0:
            self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.ended = time.perf_counter()


def keras_fit(workload: Workload) -> TimedTask:
    """Returns `model.fit` on arrays that are scaled beforehand.

    Only its steps are timed. Each call takes about 0.1 s before the first step, which is little in
    an epoch of a data set but would be much in the few steps of a round.
    """
    images, labels = noise(workload.images)
    model = rebuild(workload.spec, SEED)
    model.compile(
        keras.optimizers.get({"class_name": workload.recipe.optimizer, "config": {
            "learning_rate": workload.recipe.learning_rate}}),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        # "auto" would choose XLA, which makes convolutions on a CPU two to four times slower.
        jit_compile=False,
    )  # fmt: skip
    scaled = _scaled(images, model)
    clock = _Clock()

    def run() -> float:
        size = workload.batch_size
        model.fit(scaled, labels, batch_size=size, epochs=1, verbose=0, callbacks=[clock])
        return clock.ended - clock.started

    return TimedTask(run)


def _inference(workload: Workload) -> tuple[keras.Model, NDArray[np.float32]]:
    """Returns a model and one batch for it, the same in every process."""
    model = rebuild(workload.spec, SEED)
    return model, _scaled(noise(workload.batch_size)[0], model)


def engine_prediction(workload: Workload) -> TimedTask:
    """Returns our compiled network, one call for each batch."""
    model, images = _inference(workload)
    predictor = Predictor(model, workload.spec, workload.batch_size)
    return _calls(workload, lambda: predictor(images))


def keras_predict(workload: Workload) -> TimedTask:
    """Returns `model.predict`, one call for each batch."""
    (model, images), size = _inference(workload), workload.batch_size
    return _calls(workload, lambda: model.predict(images, batch_size=size, verbose=0))


def keras_call(workload: Workload) -> TimedTask:
    """Returns `model(x)`, one call for each batch; `.numpy()` waits for the result."""
    model, images = _inference(workload)
    return _calls(workload, lambda: model(images, training=False).numpy())


TASKS: Mapping[tuple[str, str], Callable[[Workload], TimedTask]] = {
    ("train", "engine"): engine_training,
    ("train", "keras fit"): keras_fit,
    ("predict", "engine"): engine_prediction,
    ("predict", "keras predict"): keras_predict,
    ("predict", "keras call"): keras_call,
}


def matmul_rate() -> float:
    """Measures this process's float32 matrix-multiply rate, in FLOP/s, with one product.

    It is measured again in each round, since the rate of a shared machine drifts.
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
    """Returns the name of the first GPU, or "CPU"."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))


def _calls(workload: Workload, call: Callable[[], NDArray[np.float32]]) -> TimedTask:
    def work() -> None:
        for _ in range(workload.steps):
            call()

    return TimedTask(timed(work), outputs=call)


def _scaled(images: NDArray[np.uint8], model: keras.Model) -> NDArray[np.float32]:
    return images.reshape(-1, *model.input_shape[1:]).astype(np.float32) / np.float32(255)
