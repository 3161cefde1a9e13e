"""A model within a model is its layers, in its place; nesting without sense or end is refused."""

import pytest

from harness.network.keras_config import read_model
from harness.network.spec import MAX_NODES
from reference.errors import UserError
from reference.facts import expected_network, load
from tests.support.samples.keras_json import (
    call,
    dense,
    entry,
    flatten,
    functional,
    layer,
    sequential,
)
from tests.support.samples.keras_networks import SOFTMAX

HIDDEN1 = dense(64, "hidden1", activation="relu")
HIDDEN2 = dense(32, "hidden2", activation="relu")


def _model(model, name="inner", **more):
    """A model as a layer of another, as Keras writes it."""
    kind = model["class"]
    module = {"Sequential": "keras", "Functional": "keras.src.models.functional"}[kind]
    registered = {"Sequential": None, "Functional": "Functional"}[kind]
    config = {**model["config"], "name": name}
    return {
        "module": module, "class_name": kind, "config": config, "registered_name": registered,
        "name": name, **more,
    }  # fmt: skip


def _hidden(name="inner"):
    return _model(sequential(entry(784, name="given"), HIDDEN1, HIDDEN2), name)


def _hidden_functional(name="inner"):
    rows = entry(784, name="given"), call(HIDDEN1, "given"), call(HIDDEN2, "hidden1")
    return _model(functional(*rows), name)


NESTED = {
    "Sequential in Sequential": sequential(entry(784), _hidden(), SOFTMAX),
    "Functional in Sequential": sequential(entry(784), _hidden_functional(), SOFTMAX),
    "Sequential in Functional": functional(
        entry(784), call(_hidden(), "images"), call(SOFTMAX, "inner")
    ),
    "Functional in Functional": functional(
        entry(784), call(_hidden_functional(), "images"), call(SOFTMAX, "inner")
    ),
    "the first of all": sequential(_hidden(), SOFTMAX),
    "the only one": sequential(_model(sequential(entry(784), HIDDEN1, HIDDEN2, SOFTMAX))),
    "two in a row": sequential(
        entry(784),
        _model(sequential(entry(784), HIDDEN1), "first"),
        _model(sequential(entry(64), HIDDEN2), "second"),
        SOFTMAX,
    ),
    "a model that does nothing": sequential(
        entry(784), _model(sequential(entry(784))), HIDDEN1, HIDDEN2, SOFTMAX
    ),
    "one within one within one": sequential(
        entry(784), _model(sequential(entry(784), _hidden("deeper"))), SOFTMAX
    ),
}


@pytest.mark.parametrize("model", NESTED.values(), ids=NESTED)
def test_a_model_within_a_model_is_its_layers(model):
    spec = read_model(model)
    assert spec.network == expected_network(load("mlp_64_32"))
    assert spec.names[1:] == (
        "hidden1", "hidden1", "hidden2", "hidden2", "predictions", "predictions",
    )  # fmt: skip


def test_a_branch_may_run_through_a_model():
    inner = functional(
        entry(784, name="given"),
        call(dense(32, "left"), "given"),
        call(dense(32, "right"), "given"),
        call(layer("Add", "sum"), ["left", "right"]),
    )
    model = functional(
        entry(784),
        call(_model(inner), "images"),
        call(dense(32, "around"), "images"),
        call(layer("Add", "outer"), ["inner", "around"]),
        call(SOFTMAX, "outer"),
    )
    nodes = read_model(model).network.nodes
    assert [(node.kind, node.inputs) for node in nodes] == [
        ("InputLayer", ()), ("Dense", (0,)), ("Dense", (0,)), ("Add", (1, 2)), ("Dense", (0,)),
        ("Add", (3, 4)), ("Dense", (5,)), ("Activation", (6,)),
    ]  # fmt: skip


@pytest.mark.parametrize("inner", [_hidden(), _hidden_functional()])
def test_a_frozen_model_within_a_model_freezes_its_layers_only(inner):
    inner = {**inner, "config": {**inner["config"], "trainable": False}}
    nodes = read_model(sequential(entry(784), inner, SOFTMAX)).network.nodes
    assert [node.trainable for node in nodes if node.kind == "Dense"] == [False, False, True]


def test_a_frozen_model_freezes_the_models_within_it():
    nodes = read_model(sequential(entry(784), _hidden(), SOFTMAX, trainable=False)).network.nodes
    assert not any(node.trainable for node in nodes if node.kind == "Dense")


# What is refused ----------------------------------------------------------------------------------


def _deep(depth):
    model = sequential(entry(784), SOFTMAX)
    for _ in range(depth - 1):
        model = sequential(entry(784), _model(model))
    return model


def test_nesting_has_an_end():
    assert len(read_model(_deep(8)).network.nodes) == 3
    with pytest.raises(UserError, match=r"models are nested more than 8 deep"):
        read_model(_deep(9))


def _wide(*counts):
    models = (
        _model(sequential(entry(784), *[flatten(f"f{i}") for i in range(count)]), f"m{n}")
        for n, count in enumerate(counts)
    )
    return sequential(entry(784), *models)


def test_all_layers_count_whatever_model_they_are_in():
    assert len(read_model(_wide(100, 100)).network.nodes) == 201
    with pytest.raises(UserError, match=rf"at most {MAX_NODES} are accepted"):
        read_model(_wide(100, 100, 100))


LOOP = functional(
    entry(784, name="given"),
    call(layer("Add", "one"), ["given", "two"]),
    call(flatten("two"), "one"),
)


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (_model(sequential(HIDDEN1)), r"the model 'inner' within the model has no InputLayer"),
        (_model(sequential()), r"the model 'inner' within the model has no InputLayer"),
        (_model(LOOP), r"the layer graph has a cycle through 'two'"),
        (_model(functional(entry(784), HIDDEN1)), r"'images'"),
        ({**_hidden(), "config": {"layers": 3}}, r"lists no layers"),
        ({**_hidden(), "registered_name": "Mine>Sequential"}, r"not a layer that can be graded"),
        ({**_hidden(), "module": "student"}, r"not a layer that can be graded"),
        ({**_hidden(), "class_name": "Model"}, r"\(Model\): not a layer that can be graded"),
        (_model(sequential(entry(784), entry(784, name="b"))), r"should have one InputLayer"),
    ],
)
def test_a_model_that_makes_no_sense_is_refused(inner, message):
    with pytest.raises(UserError, match=message):
        read_model(sequential(entry(784), inner, SOFTMAX))


def test_a_model_is_used_once():
    twice = call(_hidden(), "images")
    twice["inbound_nodes"] *= 2
    with pytest.raises(UserError, match=r"'inner' is used 2 times; shared layers"):
        read_model(functional(entry(784), twice, call(SOFTMAX, "inner")))


def test_a_model_takes_one_input():
    rows = entry(784), call(flatten(), "images"), call(_hidden(), ["images", "flatten"])
    with pytest.raises(UserError, match=r"'inner' within the model has 2 inputs, but"):
        read_model(functional(*rows, call(SOFTMAX, "inner")))
