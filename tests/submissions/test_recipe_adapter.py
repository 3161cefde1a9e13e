"""What of a submitted recipe is trained by: what the engine can follow, and a note for the rest."""

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.network.documented import recipe_for
from harness.network.recipe import Recipe, from_json
from harness.network.spec import make_spec
from harness.submissions.normalization.captured_recipe import ArrayFacts, CapturedRecipe
from harness.submissions.recipe_adapter import (
    BATCHES,
    LOSSES,
    MAX_EPOCHS,
    RATES,
    SCALES,
    VALIDATION,
    scales_itself,
    trainable,
)
from reference.facts import load
from reference.kinds import OPTIMIZERS

DOCUMENTED = recipe_for(load("sequential_cnn"), "gate", None)
LONG = recipe_for(load("mlp_64_32"), "gate", None)
IMAGES = ArrayFacts((60_000, 28, 28, 1), "float32", 0.0, 1.0)
ONE_HOT = ArrayFacts((60_000, 10), "float32")
NUMBERS = ArrayFacts((60_000,), "uint8")

SCRIPT = CapturedRecipe(
    optimizer="rmsprop",
    learning_rate=0.01,
    loss="mean_squared_error",
    batch_size=64,
    epochs=7,
    validation_images=6_000,
    train_images=54_000,
    labels=ONE_HOT,
    images=replace(IMAGES, high=255.0),
)


def test_what_the_engine_can_follow_is_followed():
    recipe, notes = trainable(SCRIPT, DOCUMENTED)
    assert notes == ()
    assert recipe == replace(
        DOCUMENTED,
        optimizer="rmsprop",
        learning_rate=0.01,
        loss="mean_squared_error",
        batch_size=64,
        epochs=7,
        validation_images=6_000,
        pixel_max=1.0,
    )
    assert recipe.stop_at == DOCUMENTED.stop_at
    assert from_json(recipe.to_json()) == recipe


def test_what_a_script_does_not_say_is_the_documents():
    assert trainable(CapturedRecipe(), DOCUMENTED) == (DOCUMENTED, ())


@pytest.mark.parametrize(
    ("changes", "expected", "note"),
    [
        ({"optimizer": "lion"}, {"optimizer": "adam", "learning_rate": 0.001},
         ("the optimizer lion is not supported; trained with the document's, adam, and its "
         "learning rate")),
        ({"learning_rate": None}, {"optimizer": "rmsprop", "learning_rate": 0.001},
         "the learning rate is not one number; trained with Keras's default for rmsprop, 0.001"),
        ({"optimizer": "sgd", "learning_rate": None}, {"optimizer": "sgd", "learning_rate": 0.01},
         "the learning rate is not one number; trained with Keras's default for sgd, 0.01"),
        ({"learning_rate": 0.0}, {"optimizer": "rmsprop", "learning_rate": 0.001},
         ("a learning rate of 0 is not between 1e-07 and 100; trained with Keras's default for "
         "rmsprop, 0.001")),
        ({"loss": "hinge"}, {"loss": "categorical_crossentropy"},
         "the loss hinge is not supported; trained with the document's"),
        ({"labels": NUMBERS}, {"loss": "categorical_crossentropy"},
         ("the loss mean_squared_error does not take labels of shape [60000]; trained with the "
         "document's")),
        ({"loss": "sparse_categorical_crossentropy"}, {"loss": "categorical_crossentropy"},
         ("the loss sparse_categorical_crossentropy does not take labels of shape [60000, 10]; "
         "trained with the document's")),
        ({"labels": ArrayFacts((60_000, 12), "float32")}, {"loss": "categorical_crossentropy"},
         ("the loss mean_squared_error does not take labels of shape [60000, 12]; trained with the "
         "document's")),
        ({"batch_size": 7}, {"batch_size": DOCUMENTED.batch_size},
         ("batch_size is 7, but should be from 8 to 10,000; trained with the document's number")),
        ({"batch_size": 60_000}, {"batch_size": DOCUMENTED.batch_size},
         ("batch_size is 60,000, but should be from 8 to 10,000; trained with the document's "
         "number")),
        ({"epochs": 1_000}, {"epochs": 20},
         "epochs is 1,000; at most 20 are trained"),
        ({"validation_images": 59_999}, {"validation_images": DOCUMENTED.validation_images},
         ("validation_images is 59,999, but should be from 100 to 30,000; trained with the "
         "document's number")),
        ({"images": replace(IMAGES, low=-1.0)}, {"pixel_max": 255.0},
         ("pixels from -1 to 1 are not pixels divided by one number; trained with the document's "
         "scaling")),
        ({"images": replace(IMAGES, high=1e-9)}, {"pixel_max": 255.0},
         ("pixels from 0 to 1e-09 are not pixels divided by one number; trained with the "
         "document's scaling")),
    ],
)  # fmt: skip
def test_what_it_cannot_follow_is_said(changes, expected, note):
    recipe, notes = trainable(replace(SCRIPT, **changes), DOCUMENTED)
    assert notes == (note,)
    usual, _ = trainable(SCRIPT, DOCUMENTED)
    assert recipe == replace(usual, **expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"labels": NUMBERS, "loss": "sparse_categorical_crossentropy"},
         {"loss": "categorical_crossentropy"}),
        ({"labels": replace(NUMBERS, shape=(60_000, 1)), "loss": "sparse_categorical_crossentropy"},
         {"loss": "categorical_crossentropy"}),
        ({"labels": None, "loss": "mse"}, {"loss": "mean_squared_error"}),
        ({"labels": None, "loss": "mae"}, {"loss": "mean_absolute_error"}),
        ({"loss": "binary_crossentropy"}, {"loss": "binary_crossentropy"}),
        ({"epochs": 0}, {"epochs": DOCUMENTED.epochs}),
        ({"epochs": 20}, {"epochs": 20}),
        ({"validation_images": 0}, {"validation_images": DOCUMENTED.validation_images}),
        ({"images": IMAGES}, {"pixel_max": 255.0}),
        ({"images": replace(IMAGES, high=None)}, {"pixel_max": 255.0}),
        ({"optimizer": "adam"}, {"optimizer": "adam"}),
    ],
)  # fmt: skip
def test_what_needs_no_note(changes, expected):
    recipe, notes = trainable(replace(SCRIPT, **changes), DOCUMENTED)
    assert notes == ()
    usual, _ = trainable(SCRIPT, DOCUMENTED)
    assert recipe == replace(usual, **expected)


def test_a_document_with_more_epochs_allows_more():
    recipe, notes = trainable(replace(SCRIPT, epochs=100), LONG)
    assert (recipe.epochs, notes) == (100, ())
    assert trainable(replace(SCRIPT, epochs=101), LONG)[0].epochs == 100


def test_a_network_that_scaled_its_pixels_itself_gets_them_scaled():
    recipe, _ = trainable(SCRIPT, DOCUMENTED, scales_itself=True)
    assert recipe.pixel_max == DOCUMENTED.pixel_max


def test_other_data_keeps_the_length_its_floors_were_measured_with():
    recipe, notes = trainable(SCRIPT, DOCUMENTED, calibrated=True)
    kept = ("batch_size", "epochs", "validation_images", "stop_at")
    assert {key: getattr(recipe, key) for key in kept} == {
        key: getattr(DOCUMENTED, key) for key in kept
    }
    assert (recipe.optimizer, recipe.loss, recipe.pixel_max, notes) == (
        "rmsprop", "mean_squared_error", 1.0, (),
    )  # fmt: skip


def _spec(*layers):
    rows = [("InputLayer", {"shape": [784]}), *layers, ("Dense", {"units": 10})]
    spelled = [(k, c, (i - 1,) if i else (), True) for i, (k, c) in enumerate(rows)]
    return make_spec(spelled, ["x"] * len(spelled))


def test_a_rescaling_that_was_taken_out_is_seen():
    within, without = _spec(("Rescaling", {"scale": 1 / 255})), _spec()
    assert scales_itself(within, without)
    assert not scales_itself(within, within)
    assert not scales_itself(without, without)


NUMBER = st.one_of(st.none(), st.integers(0, 10**9))
ARRAYS = st.one_of(
    st.none(),
    st.builds(
        ArrayFacts,
        st.lists(st.integers(0, 10**9), min_size=1, max_size=6).map(tuple),
        st.just("float32"),
        st.one_of(st.none(), st.floats(-1e30, 1e30)),
        st.one_of(st.none(), st.floats(-1e30, 1e30)),
    ),
)
NAMES = st.one_of(st.none(), st.sampled_from([*OPTIMIZERS, *LOSSES.values(), "mse", "ftrl"]))
CAPTURED = st.builds(
    CapturedRecipe, NAMES, st.one_of(st.none(), st.floats(0, 1e9)), NAMES, st.none(), NUMBER,
    NUMBER, NUMBER, NUMBER, ARRAYS, ARRAYS,
)  # fmt: skip


@settings(max_examples=500, deadline=None, derandomize=True)
@given(CAPTURED, st.booleans(), st.booleans())
def test_whatever_was_captured_the_recipe_can_be_trained_by(captured, scaled, calibrated):
    recipe, notes = trainable(captured, DOCUMENTED, scales_itself=scaled, calibrated=calibrated)
    assert isinstance(recipe, Recipe)
    assert recipe.optimizer in OPTIMIZERS
    assert recipe.loss in set(LOSSES.values())
    assert RATES[0] <= recipe.learning_rate <= RATES[1]
    assert BATCHES[0] <= recipe.batch_size <= BATCHES[1]
    assert 1 <= recipe.epochs <= max(MAX_EPOCHS, DOCUMENTED.epochs)
    assert VALIDATION[0] <= recipe.validation_images <= VALIDATION[1]
    assert SCALES[0] <= recipe.pixel_max <= SCALES[1]
    assert (recipe.stop_at, recipe.split_seed) == (DOCUMENTED.stop_at, DOCUMENTED.split_seed)
    assert all(len(note) < 300 and note.isprintable() for note in notes)
    types = {field.name: type(getattr(DOCUMENTED, field.name)) for field in fields(Recipe)}
    assert {name: type(value) for name, value in vars(recipe).items()} == types
