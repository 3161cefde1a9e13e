"""The recipe: how a network is trained, as data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from reference.errors import UserError


@dataclass(frozen=True)
class Recipe:
    """Everything about a training run but the network, the images and the seed.

    Attributes:
        optimizer: key of `harness.network.engine.optimizers.OPTIMIZERS`.
        learning_rate: constant step size.
        loss: key of `harness.network.engine.losses.LOSSES`.
        batch_size: images in one step; the last batch of an epoch may be smaller.
        epochs: passes over the training images, at most.
        validation_images: images of the training set held out for validation.
        split_seed: seed of the permutation that chooses them, the same for every run.
        pixel_max: pixels are divided by this, so 255 gives [0, 1].
        stop_at: stop after the first epoch whose validation accuracy is, by the lower end of its
            95 % Wilson interval, at least this; None trains all epochs.
        folds: the training images are divided into so many parts by scikit-learn's
            `KFold(folds, shuffle=True, random_state=split_seed)`, and one of them is the
            validation images; None holds out a number of images once.
        fold: which of them, from 0.
        train_images: train on only so many of those that are not held out; None takes all.

    Raises:
        UserError: fields that contradict each other.
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
    folds: int | None = None
    fold: int | None = None
    train_images: int | None = None

    def __post_init__(self) -> None:
        if problem := _contradiction(self):
            raise UserError(f"recipe: {problem}")

    def to_json(self) -> dict[str, Any]:
        """Returns the recipe as data.

        Fields that are younger than the first stored runs are in it only where they say something:
        the keys of those runs stay what they were.
        """
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in _YOUNGER or value is not None
        }


_YOUNGER = frozenset({"folds", "fold", "train_images"})


def from_json(document: Mapping[str, Any]) -> Recipe:
    """Reads what `Recipe.to_json` wrote.

    Raises:
        UserError: a key is missing or unknown, or they contradict each other.
    """
    expected = {field.name for field in fields(Recipe)} - _YOUNGER
    if set(document) - _YOUNGER != expected:
        raise UserError(
            f"recipe: keys {sorted(document)}, but should be {sorted(expected)}, and may be "
            f"{sorted(_YOUNGER)}"
        )
    return Recipe(**document)


def at_gate(recipe: Recipe, threshold: float) -> Recipe:
    """Returns the same recipe, stopped as soon as validation clears the gate."""
    return replace(recipe, stop_at=threshold)


def in_fold(recipe: Recipe, folds: int, fold: int, images: int, split_seed: int) -> Recipe:
    """Returns the same recipe for one part of a cross-validation.

    Args:
        fold: the part that is held out, from 0.
        images: how many images there are to divide.
        split_seed: `random_state` of the division.
    """
    held_out = images // folds + (fold < images % folds)
    return replace(
        recipe, folds=folds, fold=fold, validation_images=held_out, split_seed=split_seed
    )


def trained_images(recipe: Recipe, images: int) -> int:
    """Returns how many of so many training images a run trains on."""
    left = images - recipe.validation_images
    return left if recipe.train_images is None else min(recipe.train_images, left)


def _contradiction(recipe: Recipe) -> str | None:
    folds, fold = recipe.folds, recipe.fold
    if (folds is None) != (fold is None):
        return f"folds = {folds} and fold = {fold}, but should be both given or both left out"
    if folds is not None and fold is not None:
        if folds < 2:
            return f"folds = {folds}, but should be at least 2"
        if not 0 <= fold < folds:
            return f"fold = {fold}, but should be in 0..{folds - 1}"
        if recipe.stop_at is not None:
            # The held-out part would choose the epoch that it then judges.
            return "stop_at is set with folds, but should be None: every fold trains all epochs"
    if recipe.train_images is not None and recipe.train_images < 1:
        return f"train_images = {recipe.train_images}, but should be at least 1"
    return None
