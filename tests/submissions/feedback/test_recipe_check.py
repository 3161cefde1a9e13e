"""The check of a submitted recipe: fails on what is fixed or cannot work, and says why."""

from dataclasses import replace
from fractions import Fraction

import pytest

from checks.test_recipe import test_submitted_recipe as check
from harness.evaluation.checking import Mismatch
from harness.submissions.feedback.comparison import compare
from harness.submissions.normalization.captured_recipe import ArrayFacts, CapturedRecipe
from reference.facts import load
from tests.support.samples.keras_networks import documented

# As document 004 trains.
RECIPE = CapturedRecipe(
    optimizer="adam",
    learning_rate=0.001,
    loss="categorical_crossentropy",
    from_logits=False,
    batch_size=32,
    epochs=100,
    validation_images=12_000,
    labels=ArrayFacts((60_000, 10), "float32"),
    images=ArrayFacts((60_000, 784), "float32", 0.0, 1.0),
)


def _check(**changes):
    check(compare(load("mlp_64_32"), documented("mlp_64_32"), replace(RECIPE, **changes)))


def _failure(**changes):
    with pytest.raises(Mismatch) as caught:
        _check(**changes)
    return caught.value


def test_the_documented_recipe_passes():
    _check()


def test_a_recipe_of_which_nothing_is_known_passes():
    _check(**{key: None for key in RECIPE.__dict__ if key not in ("metrics", "callbacks")})


def test_what_we_chose_ourselves_may_differ():
    # Document 004 gives no learning rate.
    _check(learning_rate=0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "mean_squared_error"},
         "loss = mean_squared_error, but should be categorical_crossentropy [Training Process]"),
        ({"epochs": 3}, "epochs = 3, but should be 100 [Training Process]"),
        ({"labels": ArrayFacts((60_000,), "uint8")},
         "labels = integers, but should be one-hot\n"),
        ({"labels": ArrayFacts((60_000, 9), "float32")},
         "columns of the labels = 9, but should be 10\n"),
        ({"from_logits": True}, "from_logits = True, but should be False\n"),
        ({"images": ArrayFacts((60_000, 784), "float32", 0.0, 255.0)},
         "pixel_max = pixels from 0 to 255, but should be from 0 to 1 [Dataset: "),
        ({"images": ArrayFacts((60_000, 28, 28), "float32", 0.0, 1.0)},
         "image shape = [28, 28], but should be [784]\n"),
    ],
)  # fmt: skip
def test_a_failure_says_what_where_and_why(changes, message):
    failure = _failure(**changes)
    assert str(failure).startswith(message)
    (difference,) = failure.differences
    assert difference.hint in str(failure)
    assert len(difference.hint) > 40


def test_credit_is_the_share_of_the_aspects_that_are_right():
    assert _failure(epochs=3).share == Fraction(7, 8)
    assert _failure(epochs=3, batch_size=64, optimizer="sgd").share == Fraction(5, 8)
