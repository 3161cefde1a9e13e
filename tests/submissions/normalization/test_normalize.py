"""Habits do not count, differences do: what is the same function becomes the same network."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.submissions.normalization.captured_recipe import ArrayFacts, CapturedRecipe
from harness.submissions.normalization.normalize import conform
from reference.facts import expected_network, load, names
from reference.forward import forward, probe_weights
from reference.layers import shapes
from reference.layers import weights as weight_shapes
from tests.support.samples.keras_json import (
    call,
    conv,
    dense,
    entry,
    flatten,
    functional,
    layer,
    pool,
)
from tests.support.samples.keras_networks import SOFTMAX, documented, edited, network
from tests.support.samples.random_networks import RECIPES, specs

LOGITS = CapturedRecipe(loss="categorical_crossentropy", from_logits=True)
BYTES = CapturedRecipe(images=ArrayFacts((60_000, 28, 28), "uint8", 0.0, 255.0))
SCALED = CapturedRecipe(images=ArrayFacts((60_000, 28, 28), "float32", 0.0, 1.0))


def _reshape(*shape, name="reshape"):
    return layer("Reshape", name, target_shape=list(shape))


def _rescaling(scale=1 / 255, offset=0.0, name="rescaling"):
    return layer("Rescaling", name, scale=scale, offset=offset)


def _zeros(padding, name="zeros"):
    return layer("ZeroPadding2D", name, padding=padding, data_format="channels_last")


def _relu(name="relu"):
    return layer("Activation", name, activation="relu")


def _pool(**config):
    return pool("pool", **config)


FLAT = "flattens them itself"
SHAPED = "reshapes them itself"
DIVIDES = "divides its pixels by 255 itself"
NOTHING = "does nothing here"

# (architecture, layers, recipe, a part of each note)
SAME = {
    "as documented": ("mlp_64_32", edited("mlp_64_32"), None, []),
    "Flatten of (28, 28)": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(28, 28), flatten()]), None, [FLAT],
    ),
    "Flatten of (28, 28, 1)": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(28, 28, 1), flatten()]), None, [FLAT],
    ),
    "Reshape to 784": (
        "mlp_256_128", edited("mlp_256_128", images=[entry(28, 28), _reshape(-1)]), None, [FLAT],
    ),
    "Flatten of 784": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(784), flatten()]), None, [NOTHING],
    ),
    "there and back": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(784), _reshape(28, 28), flatten()]), None,
        [FLAT],
    ),
    "Reshape to an image": (
        "deep_cnn", edited("deep_cnn", images=[entry(28, 28), _reshape(28, 28, 1)]), None, [SHAPED],
    ),
    "Reshape of 784 to an image": (
        "sequential_cnn", edited("sequential_cnn", images=[entry(784), _reshape(28, 28, 1)]),
        SCALED, [SHAPED],
    ),
    "Reshape to the same shape": (
        "sequential_cnn", edited("sequential_cnn", images=[entry(28, 28, 1), _reshape(28, 28, -1)]),
        None, [NOTHING],
    ),
    "Rescaling, then Flatten": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(28, 28), _rescaling(), flatten()]), BYTES,
        [DIVIDES, FLAT],
    ),
    "Flatten, then Rescaling": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(28, 28), flatten(), _rescaling()]), None,
        [DIVIDES, FLAT],
    ),
    "Rescaling by a rounded number": (
        "deep_cnn", edited("deep_cnn", images=[entry(28, 28, 1), _rescaling(0.0039216)]), None,
        [DIVIDES],
    ),
    "Rescaling by 1": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(784), _rescaling(1.0)]), None, [NOTHING],
    ),
    "dropout of nothing": (
        "mlp_64_32", edited("mlp_64_32", hidden2=[dense(32, "hidden2", activation="relu"),
                                                  layer("Dropout", "drop", rate=0)]),
        None, [NOTHING],
    ),
    "ReLU twice": (
        "sequential_cnn",
        edited("sequential_cnn", conv=[conv(32, activation="relu"), _relu()]), None, [NOTHING],
    ),
    "logits": (
        "mlp_64_32", edited("mlp_64_32", predictions=dense(10, "scores")), LOGITS,
        ["ends with scores and its loss has from_logits=True"],
    ),
    "a border of zeros": (
        "functional_cnn",
        edited("functional_cnn", conv1=[_zeros([[1, 1], [1, 1]]), conv(32, "conv1")]), None,
        ["what padding='same' does"],
    ),
    "same pooling that fits": (
        "sequential_cnn", edited("sequential_cnn", pool=_pool(padding="same")), None,
        ["padding='same' adds nothing in 'pool'"],
    ),
    "ReLU after the pooling": (
        "functional_cnn",
        edited("functional_cnn", relu1=[], pool1=[pool("pool1"), _relu()]), None,
        ["ReLU after 'pool1' gives what ReLU before it gives"],
    ),
    "all at once": (
        "sequential_cnn",
        edited("sequential_cnn", images=[entry(28, 28), _rescaling(), _reshape(28, 28, 1)],
               conv=[conv(32), layer("Dropout", "none", rate=0.0)],
               pool=[_pool(padding="same"), _relu()], predictions=dense(10, "scores")),
        LOGITS,
        [NOTHING, DIVIDES, SHAPED, "adds nothing", "ReLU after 'pool'", "from_logits=True"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("architecture", "rows", "recipe", "notes"), SAME.values(), ids=SAME)
def test_the_same_function_is_the_same_network(architecture, rows, recipe, notes):
    found = conform(network(*rows), load(architecture), recipe)
    assert found.spec.digest == documented(architecture).digest
    assert len(found.notes) == len(notes)
    for note, part in zip(found.notes, notes, strict=True):
        assert part in note
    assert len(found.spec.names) == len(found.spec.network.nodes)


# Networks that look alike and are not: nothing is rewritten, nothing is said.
OTHERS = {
    "pixels divided twice": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(784), _rescaling()]), SCALED,
    ),
    "divided twice by the network": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(784), _rescaling(), _rescaling(name="b")]),
        None,
    ),
    "divided by 256": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(784), _rescaling(1 / 256)]), None,
    ),
    "between -1 and 1": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(784), _rescaling(1 / 127.5, -1.0)]), None,
    ),
    "no Flatten": ("mlp_64_32", edited("mlp_64_32", images=entry(28, 28)), None),
    "images of 32 by 32": (
        "mlp_64_32", edited("mlp_64_32", images=[entry(32, 32), flatten()]), None,
    ),
    "scores, and a loss that takes probabilities": (
        "mlp_64_32", edited("mlp_64_32", predictions=dense(10, "scores")),
        CapturedRecipe(loss="categorical_crossentropy", from_logits=False),
    ),
    "scores, and nothing known of the loss": (
        "mlp_64_32", edited("mlp_64_32", predictions=dense(10, "scores")), None,
    ),
    "softmax and from_logits": ("mlp_64_32", edited("mlp_64_32"), LOGITS),
    "sigmoid and from_logits": (
        "mlp_64_32", edited("mlp_64_32", predictions=dense(10, "scores", activation="sigmoid")),
        LOGITS,
    ),
    "a border of two": (
        "functional_cnn", edited("functional_cnn", conv1=[_zeros(2), conv(32, "conv1")]), None,
    ),
    "a border on one side": (
        "functional_cnn",
        edited("functional_cnn", conv1=[_zeros([[2, 0], [1, 1]]), conv(32, "conv1")]), None,
    ),
    "a border and a stride": (
        "functional_cnn",
        edited("functional_cnn", conv1=[_zeros(1), conv(32, "conv1", strides=[2, 2])]), None,
    ),
    "same pooling that does not fit": (
        "deep_cnn", edited("deep_cnn", pool2=pool("pool2", padding="same")), None,
    ),
    "tanh after the pooling": (
        "functional_cnn",
        edited("functional_cnn", relu1=[],
               pool1=[pool("pool1"), layer("Activation", "t", activation="tanh")]), None,
    ),
    "softmax twice": (
        "mlp_64_32",
        edited("mlp_64_32",
               predictions=[SOFTMAX, layer("Activation", "again", activation="softmax")]), None,
    ),
    "a dropout": (
        "mlp_64_32", edited("mlp_64_32", hidden1=[dense(64, "hidden1", activation="relu"),
                                                  layer("Dropout", "drop", rate=0.1)]), None,
    ),
    "a frozen layer": ("mlp_64_32", edited("mlp_64_32", hidden1={"trainable": False}), None),
    "batch normalization first": (
        "functional_cnn",
        edited("functional_cnn", conv1=conv(32, "conv1", padding="same", use_bias=False)), None,
    ),
    "global pooling": (
        "sequential_cnn",
        edited("sequential_cnn", flatten=layer("GlobalAveragePooling2D", "global")), None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("architecture", "rows", "recipe"), OTHERS.values(), ids=OTHERS)
def test_another_function_is_left_as_it_is(architecture, rows, recipe):
    spec = network(*rows)
    found = conform(spec, load(architecture), recipe)
    assert (found.spec, found.notes) == (spec, ())
    # Scores with nothing known of the loss are the document's network but for the softmax.
    assert found.spec.digest != documented(architecture).digest or recipe is LOGITS


def test_a_layer_in_the_middle_of_a_branch_is_taken_out_of_it():
    spec = network_of(
        call(flatten("idle"), "hidden"),
        call(layer("Add", "sum"), ["hidden", "idle"]),
        call(SOFTMAX, "sum"),
    )
    found = conform(spec, load("mlp_64_32"), None)
    assert [node.kind for node in found.spec.network.nodes] == [
        "InputLayer", "Dense", "Add", "Dense", "Activation",
    ]  # fmt: skip
    assert found.spec.network.nodes[2].inputs == (1, 1)


def network_of(*rows):
    from harness.network.keras_config import read_model

    return read_model(functional(entry(784), call(dense(64, "hidden"), "images"), *rows))


def test_relu_stays_behind_a_pooling_whose_output_others_take():
    from harness.network.keras_config import read_model

    spec = read_model(
        functional(
            entry(28, 28, 1),
            call(pool(), "images"),
            call(_relu(), "pool"),
            call(layer("Add", "sum"), ["pool", "relu"]),
            call(flatten(), "sum"),
            call(SOFTMAX, "flatten"),
        )
    )
    assert conform(spec, load("deep_cnn"), None).notes == ()


ANY = {"spec": specs(), "name": st.sampled_from(names()), "recipe": st.none() | RECIPES}


@settings(deadline=None)
@given(**ANY)
def test_to_conform_again_changes_nothing(spec, name, recipe):
    once = conform(spec, load(name), recipe)
    twice = conform(once.spec, load(name), recipe)
    assert twice.spec == once.spec
    assert twice.notes == ()


@settings(deadline=None)
@given(**ANY)
def test_layers_with_weights_keep_their_order(spec, name, recipe):
    conformed = conform(spec, load(name), recipe).spec
    assert _weights(spec) == _weights(conformed)


def _weights(spec):
    return [arrays for arrays in weight_shapes(spec.network) if arrays]


@settings(deadline=None, max_examples=50)
@given(spec=specs(), name=st.sampled_from(names()))
def test_what_is_computed_stays_the_same(spec, name):
    """By the reference's own arithmetic in float64, with random weights and images."""
    conformed = conform(spec, load(name), None).spec
    images = np.random.default_rng(0).uniform(size=(2, *shapes(spec.network)[0]))
    arrays = probe_weights(spec.network, 0)
    before = forward(spec.network, arrays, images)
    scaled = any("divides its pixels" in note for note in conform(spec, load(name), None).notes)
    given = (images / 255 if scaled else images).reshape(2, *shapes(conformed.network)[0])
    carried = iter([values for values in arrays if values])
    fitted = tuple(next(carried) if one else {} for one in weight_shapes(conformed.network))
    np.testing.assert_allclose(forward(conformed.network, fitted, given), before, atol=1e-9)


def test_relu_moves_past_one_pooling_only():
    """However long a chain of poolings and ReLUs is, it is soon rewritten."""
    rows = edited("functional_cnn", relu1=[], pool1=[pool("pool1"), pool("again"), _relu()])
    assert conform(network(*rows), load("functional_cnn"), None).notes == ()


def test_the_documents_own_networks_conform():
    for name in names():
        assert conform(documented(name), load(name), None).notes == ()
        assert [n.kind for n in documented(name).network.nodes] == [
            n.kind for n in expected_network(load(name)).nodes
        ]
