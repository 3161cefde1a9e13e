"""Processes that import TensorFlow for the tests of the engine, and small inputs for them.

pytest's own process never imports TensorFlow. A test calls a module-level function of its own
file in an `Engine`: a fresh process with the grader's thread settings, on one thread, so that a
result has the same bits every time. What the function returns or raises comes back.
"""

import importlib
import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from harness.data.dataset import Dataset
from harness.data.digits import load_digits
from harness.network.documented import recipe_for
from harness.network.recipe import Recipe
from harness.network.spec import Spec, make_spec
from harness.system.machine import THREADS, thread_variables
from reference import facts

NETWORKS = facts.names()


class Engine:
    """A process with TensorFlow in it, which answers calls one after the other.

    It starts with the first call.
    """

    def __init__(self) -> None:
        # TensorFlow is not fork-safe, hence spawn.
        self._pool = ProcessPoolExecutor(
            1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_prepare,
        )

    def start(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Calls a module-level function there; the future brings its result."""
        return self._pool.submit(function, *arguments)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a module-level function there and waits for its result."""
        return self.start(function, *arguments).result()

    def close(self) -> None:
        """Ends the process once it has answered, and cancels the calls that it has not begun."""
        self._pool.shutdown(cancel_futures=True)


@cache
def digits() -> Dataset:
    """Returns the scikit-learn digits: 1,437 training and 360 test images."""
    return load_digits()


@cache
def documented(name: str) -> Spec:
    """Returns the network that a document describes, from its facts."""
    nodes = facts.expected_network(facts.load(name)).nodes
    rows = [(node.kind, node.config, node.inputs, node.trainable) for node in nodes]
    return make_spec(rows, [node.kind for node in nodes])


def chain(shape: tuple[int, ...], *layers: tuple[str, Mapping[str, Any]]) -> Spec:
    """Returns the network of layers in a row: (kind, configuration, perhaps with `trainable`)."""
    rows = [("InputLayer", {"shape": shape}, (), True)]
    for index, (kind, settings) in enumerate(layers):
        config = dict(settings)
        trainable = config.pop("trainable", True)
        rows.append((kind, config, (index,), trainable))
    return make_spec(rows, [kind for kind, *_ in rows])


def recipe(name: str, **changes: Any) -> Recipe:
    """Returns a document's recipe, changed where small data makes it necessary."""
    return replace(recipe_for(facts.load(name), "documented", None), **changes)


def batches(order: np.ndarray, size: int) -> list[np.ndarray]:
    """Cuts indexes into batches; the last one may be smaller."""
    return [order[start : start + size] for start in range(0, len(order), size)]


# In a process that imports TensorFlow ----------------------------------------------------------


def _prepare() -> None:
    # TensorFlow reads these once, when it is imported.
    os.environ.update(thread_variables(THREADS))


def written(name: str) -> Any:
    """Returns the Keras model that a document's module in models/ builds."""
    return importlib.import_module(f"models.{name}").build()


def scaled(images: np.ndarray, model: Any) -> np.ndarray:
    """Returns uint8 images, (N, 28, 28), as `model` takes them: float32 in [0, 1]."""
    shaped = images.reshape(-1, *model.input_shape[1:])
    return shaped.astype(np.float32) / np.float32(255)
