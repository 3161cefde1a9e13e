"""What a runner is asked to time, and the data that every runner is given alike."""

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

# Of the weights, of the images and of their order: the same in every process.
SEED = 0


class Unavailable(Exception):
    """A runner's software is not there; the message says what to install."""


@dataclass(frozen=True)
class Workload:
    """One piece of work: `steps` steps of training, or `steps` calls that predict a batch.

    Attributes:
        task: "train" or "predict".
        runner: who does it, e.g. "engine" or "keras fit".
        recipe: how to train, `batch_size` included; of no account to a prediction.
    """

    task: str
    runner: str
    spec: Spec
    recipe: Recipe
    batch_size: int
    steps: int

    @property
    def images(self) -> int:
        """How many images one run of the work takes."""
        return self.batch_size * self.steps


@dataclass(frozen=True)
class TimedTask:
    """Work that is ready to be timed.

    Attributes:
        run: does it, waits until the last result is there and returns the seconds that it took.
        outputs: predictions, (batch_size, 10), of the one batch; None where nothing is predicted.
    """

    run: Callable[[], float]
    outputs: Callable[[], NDArray[np.float32]] | None = None


def timed(work: Callable[[], Any]) -> Callable[[], float]:
    """Returns a function that does the work and returns the seconds that it took."""

    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


def from_json(document: Mapping[str, Any]) -> Workload:
    """Reads the order in a request to a runner.

    Raises:
        UserError: a part is missing or is none of its kind.
    """
    try:
        task, runner = document["task"], document["runner"]
        batch_size, steps = document["batch_size"], document["steps"]
        spec, recipe = document["spec"], document["recipe"]
    except KeyError as error:
        raise UserError(
            f"the order has no {error}, but should have task, runner, spec, recipe, batch_size "
            "and steps"
        ) from error
    for name, value in (("batch_size", batch_size), ("steps", steps)):
        if not isinstance(value, int) or value < 1:
            raise UserError(f"{name} = {value!r}, but should be an integer from 1")
    return Workload(
        task=task,
        runner=runner,
        spec=specs.from_json(spec),
        recipe=replace(recipes.from_json(recipe), batch_size=batch_size),
        batch_size=batch_size,
        steps=steps,
    )


def to_json(order: Workload) -> dict[str, Any]:
    """Returns what `from_json` reads."""
    return {
        "task": order.task,
        "runner": order.runner,
        "spec": order.spec.to_json(),
        "recipe": order.recipe.to_json(),
        "batch_size": order.batch_size,
        "steps": order.steps,
    }


def noise(count: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns images, (count, 28, 28), and labels, (count,): noise.

    What is in a picture does not change how long it takes.
    """
    random = np.random.default_rng(SEED)
    images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, random.integers(0, 10, count, dtype=np.uint8)


# One forward and two backward passes.
TRAINING_PASSES = 3


# FLOPs in a round: some tenths of a second on two cores. Networks whose steps cost more than their
# arithmetic come to the most steps first.
_TRAINING_FLOPS = 10e9


_PREDICTION_FLOPS = 2e9


_FEWEST_STEPS, _MOST_STEPS = 6, 100


_FEWEST_CALLS = 1


_MOST_CALLS = {"engine": 100, "keras call": 5, "keras predict": 1}


def flops_per_image(network: Network, task: str) -> int:
    """Returns what one image costs in training, or in prediction."""
    return sum(flops(network)) * (TRAINING_PASSES if task == "train" else 1)


def steps_per_round(network: Network, task: str, runner: str, batch_size: int) -> int:
    """Returns how many steps of training, or calls that predict a batch, make a round.

    In training all runners take as many. What a call costs beside its arithmetic differs a
    hundredfold between ways to predict, so there it depends on the runner.
    """
    cost = batch_size * max(1, flops_per_image(network, task))
    if task == "train":
        return _between(_FEWEST_STEPS, round(_TRAINING_FLOPS / cost), _MOST_STEPS)
    return _between(_FEWEST_CALLS, round(_PREDICTION_FLOPS / cost), _MOST_CALLS[runner])


def _between(least: int, value: int, most: int) -> int:
    return max(least, min(value, most))
