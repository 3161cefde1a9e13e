"""Which of the training images a run trains on, and which it holds out."""

import numpy as np

from harness.data.dataset import Indexes, Split, split
from harness.network.recipe import Recipe
from reference.errors import UserError


def split_for(recipe: Recipe, images: int) -> Split:
    """Returns a recipe's split of the indexes 0 .. images - 1.

    The held-out part is as large as `recipe.validation_images` says. With `recipe.train_images`
    the first so many, in the split's shuffled order, are left to train on.

    Raises:
        UserError: there are not so many images.
    """
    parts = (
        split(images, recipe.validation_images, recipe.split_seed)
        if recipe.folds is None
        else fold_of(recipe, images)
    )
    if recipe.train_images is None:
        return parts
    if recipe.train_images > len(parts.train_indexes):
        raise UserError(
            f"recipe: train_images = {recipe.train_images:,}, but should be at most "
            f"{len(parts.train_indexes):,}: {images:,} less those that are held out"
        )
    return Split(_shuffled(parts, images, recipe)[: recipe.train_images], parts.validation_indexes)


def fold_of(recipe: Recipe, images: int) -> Split:
    """Returns one fold of scikit-learn's KFold, its indexes exactly.

    Raises:
        UserError: there are fewer images than folds, or the recipe says another size.
    """
    # Here, because it takes a second, and most runs do without.
    from sklearn.model_selection import KFold  # noqa: PLC0415

    folds, fold = recipe.folds, recipe.fold
    assert folds is not None  # noqa: S101
    assert fold is not None  # noqa: S101  (a recipe has both or neither)
    if folds > images:
        raise UserError(f"recipe: folds = {folds}, but should be at most {images:,}, the images")
    divided = KFold(folds, shuffle=True, random_state=recipe.split_seed).split(np.zeros(images))
    train, held_out = list(divided)[fold]
    if len(held_out) != recipe.validation_images:
        raise UserError(
            f"recipe: validation_images = {recipe.validation_images:,}, but fold {fold} of {folds} "
            f"has {len(held_out):,} of {images:,} images"
        )
    return Split(train.astype(np.int32), held_out.astype(np.int32))


def _shuffled(parts: Split, images: int, recipe: Recipe) -> Indexes:
    """The indexes to train on, in the order of the split's seed: a fold's own are sorted."""
    order = split(images, 0, recipe.split_seed).train_indexes
    kept = np.zeros(images, bool)
    kept[parts.train_indexes] = True
    return order[kept[order]]
