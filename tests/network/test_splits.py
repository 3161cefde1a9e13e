"""Which images a run trains on, and which it holds out."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import KFold

from harness.data.dataset import split
from harness.network.documented import recipe_for
from harness.network.recipe import in_fold
from harness.network.splits import split_for
from reference.errors import UserError
from reference.facts import load

RECIPE = recipe_for(load("deep_cnn"), "documented", None)
IMAGES = 60_000


def test_without_folds_it_is_the_split_that_it_always_was():
    recipe = replace(RECIPE, validation_images=17, split_seed=3)
    parts, expected = split_for(recipe, 100), split(100, 17, 3)
    assert np.array_equal(parts.train_indexes, expected.train_indexes)
    assert np.array_equal(parts.validation_indexes, expected.validation_indexes)


def test_folds_are_scikit_learns():
    theirs = KFold(5, shuffle=True, random_state=1).split(np.zeros((IMAGES, 1)))
    for fold, (train, held_out) in enumerate(theirs):
        ours = split_for(in_fold(RECIPE, 5, fold, IMAGES, 1), IMAGES)
        assert np.array_equal(ours.train_indexes, train)
        assert np.array_equal(ours.validation_indexes, held_out)
        assert ours.train_indexes.dtype == ours.validation_indexes.dtype == np.int32


@pytest.mark.parametrize("images", [60_000, 1437])
def test_each_image_is_held_out_exactly_once(images):
    parts = [split_for(in_fold(RECIPE, 5, fold, images, 1), images) for fold in range(5)]
    held_out = np.concatenate([part.validation_indexes for part in parts])
    assert np.array_equal(np.sort(held_out), np.arange(images))
    for part in parts:
        both = np.concatenate([part.train_indexes, part.validation_indexes])
        assert np.array_equal(np.sort(both), np.arange(images))


def test_a_recipe_that_says_another_size_of_its_fold_is_refused():
    recipe = replace(in_fold(RECIPE, 5, 0, 60_000, 1), validation_images=10_000)
    with pytest.raises(
        UserError, match=r"validation_images = 10,000, but fold 0 of 5 has 12,000 of 60,000"
    ):
        split_for(recipe, 60_000)


def test_more_folds_than_images_are_refused():
    with pytest.raises(UserError, match="folds = 5, but should be at most 3"):
        split_for(in_fold(RECIPE, 5, 0, 3, 1), 3)


@pytest.mark.parametrize("recipe", [RECIPE, in_fold(RECIPE, 5, 2, IMAGES, 1)])
def test_fewer_images_are_drawn_from_those_not_held_out(recipe):
    whole = split_for(recipe, IMAGES)
    few, fewer = (split_for(replace(recipe, train_images=n), IMAGES) for n in (500, 100))
    assert len(few.train_indexes) == 500
    assert np.array_equal(fewer.train_indexes, few.train_indexes[:100])
    assert np.isin(few.train_indexes, whole.train_indexes).all()
    assert np.array_equal(few.validation_indexes, whole.validation_indexes)
    # Drawn from everywhere, not cut from the beginning.
    assert few.train_indexes.max() > IMAGES * 0.9


def test_without_folds_they_are_the_first_of_the_shuffled_ones():
    few = split_for(replace(RECIPE, train_images=500), IMAGES)
    assert np.array_equal(few.train_indexes, split_for(RECIPE, IMAGES).train_indexes[:500])


def test_more_images_than_are_left_are_refused():
    recipe = replace(RECIPE, validation_images=20, train_images=81)
    with pytest.raises(UserError, match="train_images = 81, but should be at most 80: 100 less"):
        split_for(recipe, 100)
