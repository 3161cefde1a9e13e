"""The work that a runner is asked to time, its size, and the data that every runner gets."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.network import recipe as recipes
from harness.network import spec as specs
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from reference.errors import UserError
from reference.layers import Network, flops

# Seeds the weights, the images and their order, in every process alike.
SEED = 0

# One forward and two backward passes.
TRAINING_PASSES = 3

# FLOPs of a round: some tenths of a second on two cores. Networks whose steps cost more than their
# arithmetic reach the largest number of steps first.
_TRAINING_FLOPS, _PREDICTION_FLOPS = 10e9, 2e9
_MIN_STEPS, _MAX_STEPS = 6, 100
_MIN_CALLS = 1
_MAX_CALLS = {"engine": 100, "keras call": 5, "keras predict": 1}


class Unavailable(Exception):
    """The software of a runner is not installed; the message says what to install."""


@dataclass(frozen=True)
class Workload:
    """The work of a round: `steps` steps of training, or `steps` calls that predict a batch.

    Attributes:
        task: "train" or "predict".
        runner: the software that does it, e.g. "engine" or "keras fit".
        recipe: how to train, with the same `batch_size`; unused in predictions.
    """

    task: str
    runner: str
    spec: Spec
    recipe: Recipe
    batch_size: int
    steps: int

    @property
    def images(self) -> int:
        """The number of images of a round."""
        return self.batch_size * self.steps

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Workload":
        """Reads the workload of a request to a runner.

        Raises:
            UserError: a part is missing or of the wrong type.
        """
        try:
            found = cls(**{name: document[name] for name in cls.__dataclass_fields__})
        except KeyError as error:
            raise UserError(
                f"the workload has no {error}, but should have task, runner, spec, recipe, "
                "batch_size and steps"
            ) from error
        for name in ("batch_size", "steps"):
            value = getattr(found, name)
            if not isinstance(value, int) or value < 1:
                raise UserError(f"{name} = {value!r}, but should be an integer from 1")
        recipe = recipes.from_json(document["recipe"])
        return replace(
            found,
            spec=specs.from_json(document["spec"]),
            recipe=replace(recipe, batch_size=found.batch_size),
        )

    def to_json(self) -> dict[str, object]:
        """Returns the object that `from_json` reads."""
        return {**vars(self), "spec": self.spec.to_json(), "recipe": self.recipe.to_json()}


@dataclass(frozen=True)
class TimedTask:
    """Work that is ready to be timed.

    Attributes:
        run: does the work, waits until the last result is there and returns the seconds.
        outputs: returns predictions, (batch_size, 10), of the one batch; None for training.
    """

    run: Callable[[], float]
    outputs: Callable[[], NDArray[np.float32]] | None = None


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Returns a function that does the work and returns its seconds."""

    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


def noise(count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns random images, (count, 28, 28), and labels, (count,).

    The content of an image does not change how long it takes.
    """
    random = np.random.default_rng(SEED)
    images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, random.integers(0, 10, count, dtype=np.uint8)


def flops_per_image(network: Network, task: str) -> int:
    """Returns the FLOPs of one image in training or in prediction."""
    return sum(flops(network)) * (TRAINING_PASSES if task == "train" else 1)


def steps_per_round(network: Network, task: str, runner: str, batch_size: int) -> int:
    """Returns how many steps of training, or calls that predict a batch, make a round.

    In training the number is the same for all runners. The cost of a call beside its arithmetic
    differs a hundredfold between ways to predict, so there it depends on the runner.
    """
    cost = batch_size * max(1, flops_per_image(network, task))
    if task == "train":
        return max(_MIN_STEPS, min(round(_TRAINING_FLOPS / cost), _MAX_STEPS))
    return max(_MIN_CALLS, min(round(_PREDICTION_FLOPS / cost), _MAX_CALLS[runner]))
