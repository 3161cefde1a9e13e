"""The recipe of an untrusted script: sound values are read, the rest is refused by name."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.submissions.normalization.captured_recipe import (
    ArrayFacts,
    CapturedRecipe,
    read_recipe,
)
from reference.errors import UserError

DOCUMENT = {
    "optimizer": {"class": "Adam", "learning_rate": 0.001},
    "loss": {"name": "categorical_crossentropy", "from_logits": False},
    "batch_size": 128,
    "epochs": 10,
    "validation_images": 12_000,
    "train_images": 48_000,
    "labels": {"shape": [60_000, 10], "dtype": "float32"},
    "images": {"shape": [60_000, 28, 28, 1], "dtype": "float32", "min": 0.0, "max": 1.0},
    "metrics": ["accuracy"],
    "callbacks": ["EarlyStopping"],
}


def test_everything_is_read():
    assert read_recipe(DOCUMENT) == CapturedRecipe(
        optimizer="adam",
        learning_rate=0.001,
        loss="categorical_crossentropy",
        from_logits=False,
        batch_size=128,
        epochs=10,
        validation_images=12_000,
        train_images=48_000,
        labels=ArrayFacts((60_000, 10), "float32"),
        images=ArrayFacts((60_000, 28, 28, 1), "float32", 0.0, 1.0),
        metrics=("accuracy",),
        callbacks=("EarlyStopping",),
    )


def test_everything_may_be_missing():
    assert read_recipe({}) == CapturedRecipe()
    assert read_recipe(dict.fromkeys(DOCUMENT)) == CapturedRecipe()


def test_results_show_it_under_the_documents_names():
    assert read_recipe(DOCUMENT).to_json() == {
        "optimizer": "adam",
        "learning_rate": 0.001,
        "loss": "categorical_crossentropy",
        "batch_size": 128,
        "epochs": 10,
        "validation_images": 12_000,
        "pixel_max": 255.0,
        "from_logits": False,
        "labels": "one-hot",
        "callbacks": ["EarlyStopping"],
    }
    assert read_recipe({}).to_json() == {
        **dict.fromkeys(CapturedRecipe().to_json()), "callbacks": []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "pixel_max", "scaled"),
    [
        (0.0, 1.0, 255.0, True),
        (0.0, 255.0, 1.0, False),
        (0.0, 0.99609375, 256.0, True),
        (0.0, 1 / 255, 65_025.0, True),
        (-1.0, 1.0, None, True),
        (0.0, 0.0, None, True),
        (None, None, None, False),
    ],
)
def test_pixels(low, high, pixel_max, scaled):
    recipe = CapturedRecipe(images=ArrayFacts((60_000, 784), "float32", low, high))
    assert (recipe.pixel_max, recipe.scaled_pixels) == (pixel_max, scaled)
    assert recipe.image_shape == (784,)


@pytest.mark.parametrize(
    ("shape", "one_hot", "width"),
    [((60_000, 10), True, 10), ((60_000,), False, None), ((60_000, 1), False, None)],
)
def test_labels(shape, one_hot, width):
    recipe = CapturedRecipe(labels=ArrayFacts(shape, "int64"))
    assert (recipe.labels_one_hot, recipe.one_hot_width) == (one_hot, width)


def test_of_labels_not_seen_nothing_is_said():
    assert CapturedRecipe().labels_one_hot is None
    assert CapturedRecipe().pixel_max is None


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("batch_size", True, r"= True, but should be an integer from 1 to 1000000000"),
        ("batch_size", 0, r"batch_size = 0, but should be an integer"),
        ("batch_size", 10**30, r"batch_size = 10+, but should be an integer"),
        ("epochs", 1.0, r"epochs = 1\.0, but should be an integer from 0"),
        ("train_images", -1, r"train_images = -1, but"),
        ("validation_images", "12", r"validation_images = '12', but"),
        ("optimizer", "adam", r"optimizer = 'adam', but should be a mapping"),
        ("optimizer", {"class": 3}, r"optimizer\.class = 3, but should be a text of 1 to 80"),
        ("optimizer", {"class": "A" * 81}, r"optimizer\.class = 'A+\.\.\.A+', but"),
        (
            "optimizer",
            {"class": "Adam", "learning_rate": float("nan")},
            r"optimizer\.learning_rate = nan, but should be a number from 0 to 1e\+09",
        ),
        ("optimizer", {"learning_rate": float("inf")}, r"learning_rate = inf"),
        ("optimizer", {"learning_rate": -0.1}, r"learning_rate = -0\.1"),
        ("optimizer", {"learning_rate": True}, r"learning_rate = True"),
        ("loss", ["mse"], r"loss = \['mse'\], but should be a mapping"),
        ("loss", {"name": ""}, r"loss\.name = '', but"),
        ("loss", {"from_logits": 1}, r"loss\.from_logits = 1, but should be true or false"),
        ("labels", {"shape": "ten"}, r"labels\.shape = 'ten', but should be 1 to 6 integers"),
        ("labels", {"shape": [True]}, r"labels\.shape = \[True\]"),
        ("labels", {"shape": []}, r"labels\.shape = \[\]"),
        ("labels", {}, r"labels\.shape = None"),
        ("images", {"shape": [1, -1]}, r"images\.shape = \[1, -1\]"),
        ("images", {"shape": [1], "max": "1"}, r"images\.max = '1', but should be a number"),
        ("metrics", "accuracy", r"metrics = 'accuracy', but should be a list of at most 20 names"),
        ("metrics", ["a"] * 21, r"metrics = \["),
        ("callbacks", [None, 3], r"callbacks = 3, but should be a text"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_by_name(key, value, message):
    with pytest.raises(UserError, match=r"^recipe: .*" + message):
        read_recipe({**DOCUMENT, key: value})


def test_a_recipe_that_is_no_mapping_is_refused():
    with pytest.raises(UserError, match=r"^recipe = \[\], but should be a mapping"):
        read_recipe([])


def test_a_hostile_name_becomes_one_line_of_printable_characters():
    found = read_recipe({"callbacks": ["<b>\n\x1b[31m"], "loss": {"name": "a\x00b"}})
    assert found.callbacks == ("?b????31m",)
    assert found.loss == "a?b"


JSON = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers() | st.text(max_size=2), max_size=3),
    st.dictionaries(
        st.sampled_from(["class", "name", "shape", "dtype", "min", "learning_rate", "from_logits"]),
        st.none() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers()),
        max_size=3,
    ),
)


# No deadline: the machine may be busy.
@pytest.mark.slow
@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(DOCUMENT)), JSON))
def test_any_document_is_read_or_refused(document):
    with suppress(UserError):
        read_recipe(document).to_json()
