"""Equivalent spellings give one network; anything that is no spelling of one is explained."""

import math
import re

import pytest

from reference.errors import UserError
from reference.facts import expected_network, load, names
from reference.layers import LAYERS, Node, normalise, normalise_traced

INPUT = ("InputLayer", {"shape": [8, 8, 1]}, (), True)


def one(kind, config, **inputs):
    """The nodes that one layer after the input becomes."""
    return normalise([INPUT, (kind, config, inputs.get("inputs", (0,)), True)]).nodes[1:]


def two(*layers):
    return normalise([INPUT, *((k, c, (i,), True) for i, (k, c) in enumerate(layers))])


RELU = Node("Activation", {"activation": "relu"}, (1,))
CONV = {"filters": 4, "kernel_size": [3, 3]}


def test_configuration_is_completed():
    (node,) = one("Conv2D", CONV)
    assert node.config == {
        "filters": 4,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "padding": "valid",
        "use_bias": True,
        "kernel_initializer": {"class": "GlorotUniform", "config": {}},
        "bias_initializer": {"class": "Zeros", "config": {}},
    }


@pytest.mark.parametrize("kind", LAYERS)
def test_defaults_and_required_keys_are_the_whole_configuration(kind):
    rule = LAYERS[kind]
    assert {*rule.defaults, *rule.required} == set(rule.fields)
    assert not set(rule.defaults) & set(rule.required)


def test_defaults_are_fresh_values():
    LAYERS["MaxPooling2D"].defaults["pool_size"].append(7)
    assert LAYERS["MaxPooling2D"].defaults["pool_size"] == [2, 2]


SAME = [
    # a fused activation, an Activation layer, a ReLU layer
    ([("Conv2D", {**CONV, "activation": "relu"})], [("Conv2D", CONV), ("ReLU", {})]),
    (
        [("Conv2D", {**CONV, "activation": "relu"})],
        [("Conv2D", CONV), ("Activation", {"activation": "relu"})],
    ),
    (
        [("Dense", {"units": 3, "activation": "softmax"})],
        [("Dense", {"units": 3}), ("Softmax", {"axis": -1})],
    ),
    (
        [("ReLU", {})],
        [("ReLU", {"max_value": None, "negative_slope": 0, "threshold": 0.0})],
    ),
    # linear is nothing
    ([("Dense", {"units": 3})], [("Dense", {"units": 3, "activation": None})]),
    ([("Dense", {"units": 3})], [("Dense", {"units": 3, "activation": "linear"})]),
    (
        [("Dense", {"units": 3})],
        [("Dense", {"units": 3}), ("Activation", {"activation": "linear"})],
    ),
    (
        [("Dense", {"units": 3}), ("Flatten", {})],
        [("Dense", {"units": 3}), ("Activation", {"activation": "linear"}), ("Flatten", {})],
    ),
    # values
    ([("Conv2D", CONV)], [("Conv2D", {"filters": 4, "kernel_size": 3, "strides": (1, 1)})]),
    ([("Conv2D", CONV)], [("Conv2D", {**CONV, "padding": "VALID"})]),
    ([("MaxPooling2D", {})], [("MaxPooling2D", {"pool_size": 2, "strides": None})]),
    (
        [("MaxPooling2D", {"pool_size": 3})],
        [("MaxPooling2D", {"pool_size": (3, 3), "strides": 3})],
    ),
    ([("ZeroPadding2D", {})], [("ZeroPadding2D", {"padding": ((1, 1), (1, 1))})]),
    ([("ZeroPadding2D", {"padding": 2})], [("ZeroPadding2D", {"padding": (2, 2)})]),
    ([("Rescaling", {"scale": 2})], [("Rescaling", {"scale": 2.0, "offset": 0})]),
    ([("Activation", {"activation": "swish"})], [("Activation", {"activation": "silu"})]),
    (
        [("Dense", {"units": 3, "kernel_initializer": {"class": "RandomNormal", "config": {}}})],
        [
            (
                "Dense",
                {
                    "units": 3,
                    "kernel_initializer": {
                        "class": "RandomNormal",
                        "config": {"mean": 0, "stddev": 0.05},
                    },
                },
            )
        ],
    ),
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_equivalent_spellings_are_equal(left, right):
    assert two(*left) == two(*right)
    # 2 == 2.0 in Python, but not as text, which is what a digest is taken over.
    assert repr(two(*left)) == repr(two(*right))


DIFFERENT = [
    ([("Dense", {"units": 3})], [("Dense", {"units": 3, "activation": "relu"})]),
    ([("Dense", {"units": 3})], [("Dense", {"units": 3, "use_bias": False})]),
    ([("MaxPooling2D", {})], [("AveragePooling2D", {})]),
    ([("Dropout", {"rate": 0.1})], [("Dropout", {"rate": 0.5})]),
    ([("ReLU", {}), ("Flatten", {})], [("Flatten", {}), ("ReLU", {})]),
    ([("BatchNormalization", {})], [("BatchNormalization", {"momentum": 0.9})]),
]


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_different_networks_differ(left, right):
    assert two(*left) != two(*right)


def test_fused_activation_takes_the_layers_place_for_those_after_it():
    network, origins = normalise_traced(
        [
            INPUT,
            ("Conv2D", {**CONV, "activation": "relu"}, (0,), True),
            ("Activation", {"activation": "linear"}, (1,), True),
            ("MaxPooling2D", {}, (2,), True),
            ("Conv2D", CONV, (1,), True),
            ("Flatten", {}, (3,), True),
            ("Flatten", {}, (4,), True),
            ("Concatenate", {}, (6, 5), True),
        ]
    )
    assert [(node.kind, node.inputs) for node in network.nodes] == [
        ("InputLayer", ()),
        ("Conv2D", (0,)),
        ("Activation", (1,)),
        ("MaxPooling2D", (2,)),
        ("Conv2D", (2,)),
        ("Flatten", (3,)),
        ("Flatten", (4,)),
        ("Concatenate", (6, 5)),
    ]
    assert origins == (0, 1, 1, 3, 4, 5, 6, 7)


@pytest.mark.parametrize("name", names())
def test_normal_form_of_normal_form_is_itself(name):
    network = expected_network(load(name))
    again = [(node.kind, node.config, node.inputs, node.trainable) for node in network.nodes]
    assert normalise(again) == network


def test_only_layers_with_weights_can_be_frozen():
    layers = [
        INPUT,
        ("Flatten", {}, (0,), False),
        ("Dense", {"units": 2, "activation": "relu"}, (1,), False),
        ("LayerNormalization", {"center": False, "scale": False}, (2,), False),
        ("BatchNormalization", {"center": False, "scale": False}, (3,), False),
    ]
    assert [(n.kind, n.trainable) for n in normalise(layers).nodes] == [
        ("InputLayer", True),
        ("Flatten", True),
        ("Dense", False),
        ("Activation", True),
        ("LayerNormalization", True),
        ("BatchNormalization", False),
    ]


BAD_VALUES = [
    (
        "Conv2D",
        {**CONV, "filters": -3},
        "filters = -3, but should be an integer from 1 to 4096",
    ),
    ("Conv2D", {**CONV, "filters": True}, "filters = True, but should be an integer"),
    ("Conv2D", {**CONV, "filters": 3.0}, "filters = 3.0, but should be an integer"),
    ("Conv2D", {**CONV, "filters": 10**30}, "but should be an integer from 1 to 4096"),
    ("Conv2D", {**CONV, "kernel_size": [3, 3, 3]}, "but should be one or two integers"),
    ("Conv2D", {**CONV, "kernel_size": "33"}, "kernel_size = '33', but should be one or two"),
    ("Conv2D", {**CONV, "strides": 0}, "strides = 0, but should be one or two integers"),
    (
        "Conv2D",
        {**CONV, "padding": "causal"},
        "padding = 'causal', but should be one of valid, same",
    ),
    ("Conv2D", {**CONV, "use_bias": 1}, "use_bias = 1, but should be True or False"),
    ("Conv2D", {"filters": 3}, "kernel_size is missing, but should be one or two integers"),
    ("Dense", {"units": 0}, "units = 0, but should be an integer from 1 to 65536"),
    (
        "Dense",
        {"units": 1, "activation": "reul"},
        "activation = 'reul', but should be one of linear",
    ),
    ("Dense", {"units": 1, "activation": ["relu"]}, "activation = ['relu'], but should be one of"),
    ("Dropout", {"rate": 1}, "rate = 1, but should be a number from 0 below 1"),
    ("Dropout", {"rate": -0.1}, "rate = -0.1, but should be a number from 0 below 1"),
    ("Dropout", {"rate": math.nan}, "rate = nan, but should be a number from 0 below 1"),
    ("Dropout", {"rate": False}, "rate = False, but should be a number from 0 below 1"),
    ("Rescaling", {"scale": math.inf}, "scale = inf, but should be a number from -1e+06 to 1e+06"),
    ("BatchNormalization", {"epsilon": 0}, "epsilon = 0, but should be a number greater than 0"),
    ("BatchNormalization", {"axis": 1}, "axis = 1, but should be -1, the last axis"),
    ("ZeroPadding2D", {"padding": [[1, 1], [1]]}, "[[top, bottom], [left, right]], each from 0"),
    (
        "Reshape",
        {"target_shape": [-1, -1]},
        "target_shape = [-1, -1], but should be 1 to 4 integers",
    ),
    ("Reshape", {"target_shape": []}, "target_shape = [], but should be 1 to 4 integers"),
    ("ReLU", {"max_value": 6.0}, "max_value = 6.0 is not supported; expected None"),
    ("ReLU", {"threshold": False}, "threshold = False is not supported; expected 0.0"),
    (
        "ReLU",
        {"slope": 1},
        "knows no key 'slope'; known keys: max_value, negative_slope, threshold",
    ),
    ("Dense", {"units": 3, "rate": 1}, "knows no key 'rate'; known keys: units, use_bias"),
    ("Flatten", {"x": 1}, "knows no key 'x'; known keys: none"),
    ("Conv3D", {}, "not a layer that can be graded; expected one of Keras's own: Activation, "),
]


@pytest.mark.parametrize(("kind", "config", "message"), BAD_VALUES)
def test_bad_value_is_explained(kind, config, message):
    with pytest.raises(UserError) as error:
        one(kind, config)
    assert str(error.value).startswith(f"layer 1 ({kind}): ")
    assert message in str(error.value)


def test_all_problems_are_reported_at_once():
    with pytest.raises(UserError) as error:
        one("Conv2D", {"filters": 0, "padding": "none", "groups": 2})
    for problem in (
        "knows no key 'groups'",
        "filters = 0, but",
        "kernel_size is missing",
        "padding = 'none', but",
    ):
        assert problem in str(error.value)


def test_long_values_are_cut_short():
    with pytest.raises(UserError) as error:
        one("Dense", {"units": "x" * 10_000})
    assert len(str(error.value)) < 200


BAD_INITIALIZERS = [
    "he_uniform",
    {"class": "Nonsense", "config": {}},
    {"class": ["Zeros"], "config": {}},
    {"class": "Constant", "config": {"value": [[1.0, 2.0]]}},  # weights brought along
    {"class": "HeUniform", "config": {"seed": 3}},
    {"class": "HeUniform", "config": None},
    {"config": {}},
    {"class": "Zeros", "config": {}, "module": "keras"},
]


@pytest.mark.parametrize("value", BAD_INITIALIZERS)
def test_bad_initializer_is_explained(value):
    with pytest.raises(
        UserError, match=r"kernel_initializer = .*, but should be \{\"class\": NAME"
    ):
        one("Dense", {"units": 3, "kernel_initializer": value})


FLAT = ("Flatten", {}, (0,), True)
BAD_GRAPHS = [
    ([], "the network has no layers"),
    ([INPUT], "the network has no layers"),
    ([("Dense", {"units": 3}, (), True)], "layer 0 (Dense): a network should have one InputLayer"),
    ([INPUT, INPUT], "layer 1 (InputLayer): a network should have one InputLayer"),
    ([INPUT, ("Flatten", {}, (), True)], "layer 1 (Flatten): has 0 inputs, but should have 1"),
    ([INPUT, FLAT, ("Softmax", {}, (0, 1), True)], "layer 2 (Softmax): has 2 inputs"),
    ([INPUT, ("Add", {}, (0,), True)], "layer 1 (Add): has 1 inputs, but should have 2 to 64"),
    (
        [INPUT, ("Flatten", {}, (1,), True)],
        "layer 1 (Flatten): inputs = [1], but should be indexes",
    ),
    ([INPUT, ("Flatten", {}, (-1,), True)], "inputs = [-1], but should be indexes of earlier"),
    ([INPUT, ("Flatten", {}, (False,), True)], "inputs = [False], but should be indexes"),
    ([INPUT, FLAT, FLAT], "layer 1 (Flatten): no layer takes its output"),
    ([INPUT, ("Flatten", {}, (0,), 1)], "layer 1 (Flatten): trainable = 1, but should be True"),
]


BAD_GRAPHS += [
    ([INPUT, (["Dense"], {}, (0,), True)], "kind = ['Dense'], but should be the name of a Keras"),
    ([INPUT, (3, {}, (0,), True)], "layer 1 (3): kind = 3, but should be the name"),
    ([INPUT, ("x" * 9_000, {}, (0,), True)], f"layer 1 ({'x' * 60}): not a layer"),
    ([INPUT, ("Flatten", None, (0,), True)], "config = None, but should be a mapping of keys"),
    ([INPUT, ("Flatten", [], (0,), True)], "config = [], but should be a mapping of keys"),
    ([INPUT, ("Flatten", {}, ([0],), True)], "inputs = [[0]], but should be indexes"),
]


@pytest.mark.parametrize(("layers", "message"), BAD_GRAPHS)
def test_bad_graph_is_explained(layers, message):
    with pytest.raises(UserError, match=re.escape(message)):
        normalise(layers)
