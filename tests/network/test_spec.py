"""A spec is the same for the same network, survives JSON, and never grows past its caps."""

import json
import tracemalloc

import pytest

from harness.network.keras_config import read_model
from harness.network.spec import MAX_NODES, MAX_PARAMS, clean_name, from_json, make_spec
from reference.errors import UserError
from reference.facts import expected_network, load, names
from reference.layers import total_params
from tests.support.samples.keras_json import conv, dense, entry, flatten, layer, sequential


def _rows(*layers):
    """A chain of (kind, config) as `make_spec` takes it."""
    return [(k, c, (i - 1,) if i else (), True) for i, (k, c) in enumerate(layers)]


def _spec(*layers):
    rows = _rows(("InputLayer", {"shape": [28, 28, 1]}), *layers)
    return make_spec(rows, [f"layer{i}" for i in range(len(rows))])


SMALL = (("Flatten", {}), ("Dense", {"units": 10, "activation": "softmax"}))


@pytest.mark.parametrize("name", names())
def test_json_brings_every_documented_network_back(name):
    network = expected_network(load(name))
    rows = [(n.kind, n.config, n.inputs, n.trainable) for n in network.nodes]
    spec = make_spec(rows, [f"layer {i}" for i in range(len(rows))])
    back = from_json(json.loads(json.dumps(spec.to_json())))
    assert back == spec
    assert back.digest == spec.digest
    assert back.network == network


def test_different_networks_have_different_digests():
    variants = [
        SMALL,
        (("Flatten", {}), ("Dense", {"units": 11, "activation": "softmax"})),
        (("Flatten", {}), ("Dense", {"units": 10, "activation": "sigmoid"})),
        (("Flatten", {}), ("Dense", {"units": 10})),
        (("Flatten", {}), ("Dense", {"units": 10, "activation": "softmax", "use_bias": False})),
        (("Flatten", {}), ("Dropout", {"rate": 0.5}), *SMALL[1:]),
        (("Flatten", {}), ("Dropout", {"rate": 0.25}), *SMALL[1:]),
        (
            ("Flatten", {}),
            ("Dense", {
                "units": 10,
                "activation": "softmax",
                "kernel_initializer": {"class": "HeUniform", "config": {}},
            }),
        ),
    ]  # fmt: skip
    assert len({_spec(*layers).digest for layers in variants}) == len(variants)


def test_freezing_a_layer_is_another_network():
    rows = _rows(("InputLayer", {"shape": [784]}), ("Dense", {"units": 10}))
    frozen = [rows[0], (*rows[1][:3], False)]
    assert make_spec(rows, ["a", "b"]).digest != make_spec(frozen, ["a", "b"]).digest


def _keras(*layers):
    return read_model(sequential(entry(28, 28, 1), *layers)).digest


def test_spellings_of_one_network_have_one_digest():
    relu = layer("Activation", "r", activation="relu")
    relu_layer = layer("ReLU", "r", max_value=None, negative_slope=0.0, threshold=0.0)
    softmax = layer("Softmax", "s", axis=-1)
    tail = [flatten(), dense(10, activation="softmax")]
    digests = {
        _keras(conv(8, activation="relu"), *tail),
        _keras(conv(8, "another_name", activation="relu"), *tail),
        _keras(conv(8), relu, *tail),
        _keras(conv(8, activation="linear"), relu_layer, *tail),
        _keras(conv(8, activation=None), relu, *tail),
        _keras(conv(8, kernel_size=[3, 3], strides=[1, 1]), relu, flatten(), dense(10), softmax),
        _keras(conv(8), layer("Activation", "l", activation="linear"), relu, *tail),
    }
    assert len(digests) == 1


def test_names_are_no_part_of_the_digest():
    rows = _rows(("InputLayer", {"shape": [784]}), ("Dense", {"units": 10}))
    assert make_spec(rows, ["a", "b"]).digest == make_spec(rows, ["c", "d"]).digest


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("block1_conv-1.a/b c", "block1_conv-1.a/b c"),
        ("<script>\n\x1b[31m", "?script????31m"),
        ("x" * 100, "x" * 80),
        ("", "?"),
        (None, "?"),
        ([["deep"]], "?"),
    ],
)
def test_names_are_safe_to_print(name, clean):
    assert clean_name(name) == clean


# Caps --------------------------------------------------------------------------------------------

CAPS = {
    # 784 * 30,000 + 30,000
    "parameters": (
        (("Flatten", {}), ("Dense", {"units": 30_000}), ("Dense", {"units": 10})),
        # 23,550,000 + 300,010
        ["23,850,010 parameters", "at most 20,000,000"],
    ),
    "parameters of many layers": (
        (("Flatten", {}), *[("Dense", {"units": 2_048})] * 6, ("Dense", {"units": 10})),
        # 1,607,680 + 5 * 4,196,352 + 20,490
        ["22,609,930 parameters"],
    ),
    "activation": (
        (("ZeroPadding2D", {"padding": 200}), ("Conv2D", {"filters": 128, "kernel_size": 1})),
        # 428 * 428 * 128
        ["layer 2 (Conv2D)", "[428, 428, 128]", "at most 20,000,000 values"],
    ),
    "units": ((("Flatten", {}), ("Dense", {"units": 10**15})), ["units = 1000000000000000"]),
    "filters": ((("Conv2D", {"filters": 10**9, "kernel_size": 3}),), ["filters = 1000000000"]),
    "kernel": ((("Conv2D", {"filters": 1, "kernel_size": 10**9}),), ["kernel_size = 1000000000"]),
    "padding": ((("ZeroPadding2D", {"padding": 10**9}),), ["padding = 1000000000"]),
    "activations": (
        (SMALL[0], *[("Dense", {"units": 10, "activation": "relu"})] * (MAX_NODES // 2)),
        ["258 layers, each activation counted as one", "at most 256"],
    ),
    "layers": ((*SMALL, *[SMALL[1]] * MAX_NODES), ["259 layers", "at most 256"]),
}


@pytest.mark.parametrize("what", CAPS)
def test_what_is_too_large_is_refused_before_anything_is_allocated(what):
    layers, words = CAPS[what]
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as caught:
            _spec(*layers)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    assert peak_bytes < 4 << 20


def test_the_cap_on_parameters_is_inclusive():
    # 1 * 2,500 + 2,500 and then 2,500 * n: 20,000,000 at n = 7,998
    rows = _rows(("InputLayer", {"shape": [1]}), ("Dense", {"units": 2_500}))
    rows.append(("Dense", {"units": 7_997, "use_bias": False}, (1,), True))
    spec = make_spec(rows, ["a", "b", "c"])
    assert total_params(spec.network) == 5_000 + 2_500 * 7_997 <= MAX_PARAMS  # 19,997,500
    rows[2] = ("Dense", {"units": 7_998, "use_bias": False}, (1,), True)
    assert total_params(make_spec(rows, ["a", "b", "c"]).network) == MAX_PARAMS
    rows[2] = ("Dense", {"units": 7_999, "use_bias": False}, (1,), True)
    with pytest.raises(UserError, match="20,002,500 parameters"):
        make_spec(rows, ["a", "b", "c"])


# What is read back is not believed ---------------------------------------------------------------


def _document(**changes):
    return {**_spec(*SMALL).to_json(), **changes}


def _node(**changes):
    nodes = _spec(*SMALL).to_json()["nodes"]
    return _document(nodes=[nodes[0], {**nodes[1], **changes}, *nodes[2:]])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "schema = None"),
        (_document(schema=2), "schema = 2, but should be 1"),
        (_document(nodes=None), "'nodes' and 'names' should be lists"),
        (_document(nodes=[1]), "each node should have kind, config, inputs and trainable"),
        (_document(nodes=[{"kind": "Dense"}]), "each node should have"),
        (_document(names=["one"]), "1 names for 4 layers"),
        (_node(kind="Lambda"), "layer 1 (Lambda): not a layer"),
        (_node(inputs=[1]), "should be indexes of earlier layers"),
        (_node(inputs=[-1]), "should be indexes of earlier layers"),
        (_node(inputs=[]), "has 0 inputs"),
        (_node(trainable="yes"), "trainable = 'yes'"),
        (_node(config={"units": 3}), "knows no key 'units'"),
    ],
)
def test_a_document_that_is_no_spec_is_refused(document, words):
    with pytest.raises(UserError) as caught:
        from_json(document)
    assert words in str(caught.value)


@pytest.mark.parametrize("junk", [None, 1, "x", [], [[]], {"a": []}, True])
@pytest.mark.parametrize("key", ["kind", "config", "inputs", "trainable"])
def test_whatever_stands_in_a_node_the_answer_is_a_spec_or_a_message(key, junk):
    try:
        from_json(_node(**{key: junk}))
    except UserError as error:
        assert "spec" in str(error) or "layer 1" in str(error)  # noqa: PT017
