"""What the benchmark lane times: our engine and plain Keras, doing the same work.

Imports TensorFlow, so only the benchmark lane may import it, after `prepare`.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.engine import thread_variables
from harness.environment import cores
from harness.recipe import Recipe
from harness.spec import Spec

# Long enough that what a call of `fit` costs beside its steps (about 30 ms) says little.
STEPS_PER_ROUND: Mapping[str, int] = {"cnn": 10, "mlp": 300}
_MATMUL_SIZE = 1536
_MATMUL_TRIES = 12
_SEED = 0


def prepare() -> None:
    """Lets TensorFlow compute on every core of this machine; call before its first import."""
    for name, value in thread_variables(cores()).items():
        os.environ.setdefault(name, value)


@dataclass(frozen=True)
class Task:
    """One thing to time: `run` does `images` images' worth of work and waits until it is done."""

    run: Callable[[], Any]
    images: int
    steps: int


def training_tasks(spec: Spec, recipe: Recipe, family: str) -> Mapping[str, Task]:
    """Returns one task for each way to train some steps of the documented batch size."""
    import keras  # noqa: PLC0415

    from harness.engine.loop import Trainer  # noqa: PLC0415
    from harness.engine.rebuild import rebuild  # noqa: PLC0415

    steps = STEPS_PER_ROUND[family]
    count = steps * recipe.batch_size
    images, labels = _images(count)
    trainer = Trainer(rebuild(spec, _SEED), spec, recipe, images, labels)
    order = np.random.default_rng(_SEED).permutation(count).astype(np.int32)

    model = rebuild(spec, _SEED)
    model.compile(
        keras.optimizers.get({"class_name": recipe.optimizer, "config": {
            "learning_rate": recipe.learning_rate}}),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )  # fmt: skip
    scaled = _scaled(images, model.input_shape[1:])
    whole = {"batch_size": recipe.batch_size, "epochs": 1, "verbose": 0}
    return {
        "engine": Task(lambda: trainer.train(order), count, steps),
        "keras fit": Task(lambda: model.fit(scaled, labels, **whole), count, steps),
    }


def prediction_tasks(spec: Spec, batch_size: int) -> Mapping[str, Task]:
    """Returns one task for each way to predict one batch.

    Raises:
        AssertionError: the ways do not agree, so their times would compare nothing.
    """
    from harness.engine.predict import Predictor  # noqa: PLC0415
    from harness.engine.rebuild import rebuild  # noqa: PLC0415

    model = rebuild(spec, _SEED)
    images = _scaled(_images(batch_size)[0], model.input_shape[1:])
    predictor = Predictor(model, spec, batch_size)
    ways: Mapping[str, Callable[[], NDArray[np.float32]]] = {
        "engine": lambda: predictor(images),
        "keras predict": lambda: model.predict(images, batch_size=batch_size, verbose=0),
        "keras call": lambda: model(images, training=False).numpy(),
    }
    outputs = {name: way() for name, way in ways.items()}
    for name, output in outputs.items():
        np.testing.assert_allclose(output, outputs["engine"], atol=1e-5, err_msg=name)
    return {name: Task(way, batch_size, 1) for name, way in ways.items()}


def matmul_rate() -> float:
    """Returns the machine's float32 matrix-multiply rate in FLOP/s, measured here and now.

    The best of some tries: a rate is a property of the machine, and what disturbs a try only
    lowers it. A shared machine's rate drifts, so it is measured anew beside each benchmark.
    """
    import tensorflow as tf  # noqa: PLC0415

    shape = (_MATMUL_SIZE, _MATMUL_SIZE)
    a = tf.random.stateless_uniform(shape, seed=(0, 0))
    multiply = tf.function(lambda: tf.reduce_sum(tf.matmul(a, a)), jit_compile=False)
    times = []
    for _ in range(_MATMUL_TRIES):
        started = time.perf_counter()
        multiply().numpy()
        times.append(time.perf_counter() - started)
    return 2 * _MATMUL_SIZE**3 / min(times)


@cache
def device() -> str:
    """Returns the first GPU's name, else "CPU"."""
    import tensorflow as tf  # noqa: PLC0415

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))


def _images(count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Noise: what is in a picture does not change how long it takes."""
    random = np.random.default_rng(_SEED)
    images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, random.integers(0, 10, count, dtype=np.uint8)


def _scaled(images: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return images.reshape(-1, *shape).astype(np.float32) / np.float32(255)
