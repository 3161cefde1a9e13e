"""Adapts the recipe of a submission's author to what the engine can do.

A script's settings are taken over where the engine supports them; elsewhere the document's are
kept, and a note says so. `--train-with submission` trains by it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from harness.network.recipe import Recipe
from harness.network.spec import Spec
from harness.submissions.normalization.captured_recipe import CapturedRecipe
from reference.kinds import OPTIMIZERS

# Keras's names to the engine's.
LOSSES: Final[Mapping[str, str]] = {
    "categorical_crossentropy": "categorical_crossentropy",
    "sparse_categorical_crossentropy": "categorical_crossentropy",
    "binary_crossentropy": "binary_crossentropy",
    "mean_squared_error": "mean_squared_error",
    "mse": "mean_squared_error",
    "mean_absolute_error": "mean_absolute_error",
    "mae": "mean_absolute_error",
}
# The only one that takes integer labels; the others take a column for each class.
_INTEGERS: Final = "sparse_categorical_crossentropy"
_CLASSES: Final = 10

MAX_EPOCHS: Final = 20  # unless the document has more
BATCHES: Final = (8, 10_000)
VALIDATION: Final = (100, 30_000)
RATES: Final = (1e-7, 100.0)
SCALES: Final = (0.1, 1000.0)


def trainable(
    captured: CapturedRecipe,
    documented: Recipe,
    *,
    scales_itself: bool = False,
    calibrated: bool = False,
) -> tuple[Recipe, tuple[str, ...]]:
    """Returns the recipe to train a submission by, and a note for each setting not taken over.

    Args:
        captured: the script's recipe; settings that are not known are the document's.
        documented: the document's recipe; early stopping is always its own.
        scales_itself: the network scaled its pixels in a layer that is not part of it any more,
            because the images are scaled before they reach it.
        calibrated: the data is not MNIST: how long is trained, and in which batches, is part of
            what its floors were measured with.
    """
    parts = [_optimizer(captured, documented), _loss(captured)]
    if not calibrated:
        parts += [
            _within("batch_size", captured.batch_size, *BATCHES),
            _epochs(captured, documented),
            _within("validation_images", captured.validation_images, *VALIDATION),
        ]
    if not scales_itself:
        parts.append(_scale(captured))
    changes: dict[str, Any] = {}
    notes: list[str] = []
    for taken, note in parts:
        changes |= taken
        notes += [note] if note else []
    return replace(documented, **changes), tuple(notes)


def scales_itself(original: Spec, spec: Spec) -> bool:
    """Tells whether a network scaled its pixels in a layer that normalisation took out."""
    return _rescalings(original) > _rescalings(spec)


_Part = tuple[Mapping[str, Any], str | None]
_NOTHING: Final[_Part] = ({}, None)


def _rescalings(spec: Spec) -> int:
    return sum(node.kind == "Rescaling" for node in spec.network.nodes)


def _optimizer(captured: CapturedRecipe, documented: Recipe) -> _Part:
    name, rate = captured.optimizer, captured.learning_rate
    if name is None:
        return _NOTHING
    if name not in OPTIMIZERS:
        return {}, (
            f"the optimizer {name} is not supported; trained with the document's, "
            f"{documented.optimizer}, and its learning rate"
        )
    if rate is not None and not RATES[0] <= rate <= RATES[1]:
        return {"optimizer": name, "learning_rate": OPTIMIZERS[name]}, (
            f"a learning rate of {rate:g} is not between {RATES[0]:g} and {RATES[1]:g}; trained "
            f"with Keras's default for {name}, {OPTIMIZERS[name]:g}"
        )
    if rate is None:
        return {"optimizer": name, "learning_rate": OPTIMIZERS[name]}, (
            f"the learning rate is not one number; trained with Keras's default for {name}, "
            f"{OPTIMIZERS[name]:g}"
        )
    return {"optimizer": name, "learning_rate": rate}, None


def _loss(captured: CapturedRecipe) -> _Part:
    name = captured.loss
    if name is None:
        return _NOTHING
    if name not in LOSSES:
        return {}, f"the loss {name} is not supported; trained with the document's"
    # What the labels are like is not always known; where it is, they must fit the loss.
    if captured.labels is not None:
        integers = captured.one_hot_width is None
        if integers != (name == _INTEGERS) or (not integers and captured.one_hot_width != _CLASSES):
            return {}, (
                f"the loss {name} does not take labels of shape "
                f"{list(captured.labels.shape)}; trained with the document's"
            )
    return {"loss": LOSSES[name]}, None


def _epochs(captured: CapturedRecipe, documented: Recipe) -> _Part:
    count = captured.epochs
    if not count:
        return _NOTHING
    most = max(MAX_EPOCHS, documented.epochs)
    if count > most:
        return {"epochs": most}, f"epochs is {count:,}; at most {most} are trained"
    return {"epochs": count}, None


def _scale(captured: CapturedRecipe) -> _Part:
    if captured.images is None:
        return _NOTHING
    scale = captured.pixel_max
    if scale is None or not SCALES[0] <= scale <= SCALES[1]:
        low, high = captured.images.low, captured.images.high
        if low is None or high is None:
            return _NOTHING
        return {}, (
            f"pixels from {low:g} to {high:g} are not pixels divided by one number; trained with "
            "the document's scaling"
        )
    return {"pixel_max": scale}, None


def _within(key: str, value: int | None, low: int, high: int) -> _Part:
    if not value:  # some validation images are needed to know when to stop
        return _NOTHING
    if not low <= value <= high:
        return {}, (
            f"{key} is {value:,}, but should be from {low:,} to {high:,}; trained with the "
            "document's number"
        )
    return {key: value}, None
