"""Trains one network by one recipe with one seed, and measures what came of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Split
from harness.network.engine.inference import weights_digest
from harness.network.engine.rebuild import rebuild
from harness.network.engine.training_loop import Totals, Trainer
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from harness.statistics.intervals import wilson

# So many steps into the first epoch the weights are hashed: what a second process repeats to show
# that the same seed gives the same bits, without paying for a whole run.
EARLY_STEPS = 10


@dataclass(frozen=True)
class Images:
    """uint8 images (N, 28, 28) and labels (N,) of the training and the test part."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


@dataclass(frozen=True)
class Trained:
    """A trained network and what was measured on the way.

    Attributes:
        history: per epoch: accuracy, loss, val_accuracy, val_loss (fractions, nats), epoch_time_s.
        stopped: why training ended, as a sentence.
        early_weights: SHA-256 of the weights after `EARLY_STEPS` steps.
        weights: SHA-256 of the final weights.
        predictions: float32, (test images, 10).
    """

    model: keras.Model
    history: Mapping[str, list[float]]
    stopped: str
    early_weights: str
    weights: str
    test_loss: float
    test_correct: int
    predictions: NDArray[np.float32]
    compile_time_s: float
    train_time_s: float


class Run:
    """One training run in progress: the order of the images is drawn from the run's own seed."""

    def __init__(self, spec: Spec, recipe: Recipe, images: Images, split: Split, seed: int) -> None:
        keras.utils.set_random_seed(seed)
        self.model = rebuild(spec, seed)
        self._batch_size = recipe.batch_size
        self._split = split
        self._order = np.random.default_rng(seed)
        self.trainer = Trainer(
            self.model,
            spec,
            recipe,
            images.train_images,
            images.train_labels,
            steps_ahead=steps_ahead(recipe, len(split.train_indexes)),
        )

    def first_steps(self) -> tuple[NDArray[np.int32], Totals]:
        """Trains `EARLY_STEPS` steps of a new epoch; returns the indexes left and the totals."""
        order = self.next_order()
        cut = min(EARLY_STEPS * self._batch_size, len(order))
        return order[cut:], self.trainer.train(order[:cut])

    def next_order(self) -> NDArray[np.int32]:
        """Returns a new permutation of the training images' indexes."""
        return self._order.permutation(self._split.train_indexes)


def train(
    spec: Spec,
    recipe: Recipe,
    images: Images,
    split: Split,
    seed: int,
    on_epoch: Callable[[int, Mapping[str, float]], None] = lambda _epoch, _values: None,
) -> Trained:
    """Trains until the recipe says stop, then looks at the test images, once.

    `on_epoch` is told the number of the epoch that ended, from 1, and its row of the history.
    """
    run = Run(spec, recipe, images, split, seed)
    started = time.perf_counter()
    run.trainer.compile()
    compile_time = time.perf_counter() - started

    validation = split.validation_indexes
    validation_images = images.train_images[validation]
    validation_labels = images.train_labels[validation]
    history: dict[str, list[float]] = {}
    early_weights = ""
    stopped = f"all {recipe.epochs} epochs of the recipe"
    train_time = 0.0
    for epoch in range(1, recipe.epochs + 1):
        started = time.perf_counter()
        if epoch == 1:
            rest, totals = run.first_steps()
            early_weights = weights_digest(run.model)
            if len(rest):
                totals += run.trainer.train(rest)
        else:
            totals = run.trainer.train(run.next_order())
        elapsed = time.perf_counter() - started
        train_time += elapsed
        seen, _ = run.trainer.evaluate(validation_images, validation_labels)
        row = {
            **_means(totals, len(split.train_indexes), ""),
            **_means(seen, len(validation), "val_"),
            "epoch_time_s": elapsed,
        }
        for name, value in row.items():
            history.setdefault(name, []).append(value)
        on_epoch(epoch, row)
        if recipe.stop_at is not None:
            lower, _ = wilson(seen.correct, len(validation))
            if lower >= recipe.stop_at:
                stopped = (
                    f"after epoch {epoch} of {recipe.epochs}: validation accuracy cleared "
                    f"{recipe.stop_at:.0%}"
                )
                break

    tested, predictions = run.trainer.evaluate(images.test_images, images.test_labels)
    return Trained(
        model=run.model,
        history=history,
        stopped=stopped,
        early_weights=early_weights,
        weights=weights_digest(run.model),
        test_loss=tested.loss / len(images.test_labels),
        test_correct=tested.correct,
        predictions=predictions,
        compile_time_s=compile_time,
        train_time_s=train_time,
    )


def repeat_first_steps(spec: Spec, recipe: Recipe, images: Images, split: Split, seed: int) -> str:
    """Returns `Trained.early_weights` of the same job, computed anew."""
    run = Run(spec, recipe, images, split, seed)
    run.first_steps()
    return weights_digest(run.model)


def steps_ahead(recipe: Recipe, train_images: int) -> int:
    """Returns how many steps a run is sure to make; one that may stop early, none."""
    return 0 if recipe.stop_at is not None else recipe.epochs * (train_images // recipe.batch_size)


def _means(totals: Totals, count: int, prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}accuracy": totals.correct / count,
        f"{prefix}loss": totals.loss / count,
    }
