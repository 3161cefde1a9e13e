"""The recipe: how a network is trained, as data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from reference.errors import UserError


@dataclass(frozen=True)
class Recipe:
    """Everything about a training run but the network, the images and the seed.

    Attributes:
        optimizer: key of `harness.engine.optimizers.OPTIMIZERS`.
        learning_rate: constant step size.
        loss: key of `harness.engine.losses.LOSSES`.
        batch_size: images in one step; the last batch of an epoch may be smaller.
        epochs: passes over the training images, at most.
        validation_images: images of the training set held out for validation.
        split_seed: seed of the permutation that chooses them, the same for every run.
        pixel_max: pixels are divided by this, so 255 gives [0, 1].
        stop_at: stop after the first epoch whose validation accuracy is, by the lower end of its
            95 % Wilson interval, at least this; None trains all epochs.
    """

    optimizer: str
    learning_rate: float
    loss: str
    batch_size: int
    epochs: int
    validation_images: int
    split_seed: int = 0
    pixel_max: float = 255.0
    stop_at: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(document: Mapping[str, Any]) -> Recipe:
    """Reads what `Recipe.to_json` wrote.

    Raises:
        UserError: a key is missing or unknown.
    """
    expected = {field.name for field in fields(Recipe)}
    if set(document) != expected:
        raise UserError(f"recipe: keys {sorted(document)}, but should be {sorted(expected)}")
    return Recipe(**document)


def at_gate(recipe: Recipe, threshold: float) -> Recipe:
    """Returns the same recipe, stopped as soon as validation clears the gate."""
    return replace(recipe, stop_at=threshold)
