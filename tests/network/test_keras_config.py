"""A Keras configuration becomes the right network, or a message its author understands."""

from itertools import pairwise

import pytest

from harness.network.keras_config import read_model
from harness.network.spec import MAX_NODES
from reference.errors import UserError
from reference.facts import expected_network, load
from reference.layers import total_params
from tests.support.samples.keras_json import (
    call,
    conv,
    dense,
    entry,
    flatten,
    functional,
    initializer,
    layer,
    pool,
    sequential,
    tensor,
)

SOFTMAX = dense(10, "predictions", activation="softmax")


def _diamond(*first, order=(0, 1, 2, 3, 4, 5)):
    """Images, two dense layers side by side, added up, and ten classes."""
    rows = [
        entry(784),
        call(dense(32, "left"), "images"),
        call(dense(32, "right"), "images"),
        call(layer("Add", "sum"), ["left", "right"]),
        call(layer("Activation", "relu", activation="relu"), "sum"),
        call(SOFTMAX, "relu"),
    ]
    ends = {"inputs": ["images", 0, 0], "outputs": ["predictions", 0, 0]}
    return functional(*first, *(rows[i] for i in order), **ends)


def _chain(*layers):
    """The same layers as a Functional model."""
    rows = [layers[0]]
    rows += [call(row, previous["name"]) for previous, row in pairwise(layers)]
    return functional(*rows)


# The documents' networks, written out as Keras writes them ---------------------------------------

MLP = (
    entry(784),
    dense(64, "a", activation="relu"),
    dense(32, "b", activation="relu"),
    SOFTMAX,
)
CNN = (
    entry(28, 28, 1),
    conv(32, activation="relu"),
    pool(),
    flatten(),
    dense(128, "hidden", activation="relu"),
    SOFTMAX,
)


@pytest.mark.parametrize(("name", "layers"), [("mlp_64_32", MLP), ("sequential_cnn", CNN)])
@pytest.mark.parametrize("form", [_chain, sequential])
def test_documented_networks_are_read(name, layers, form):
    assert read_model(form(*layers)).network == expected_network(load(name))


def test_names_travel_beside_the_network():
    assert read_model(sequential(*MLP)).names == (
        "images", "a", "a", "b", "b", "predictions", "predictions",
    )  # fmt: skip


def test_a_graph_is_read_whatever_the_order_of_its_rows():
    straight, shuffled = read_model(_diamond()), read_model(_diamond(order=(5, 3, 0, 4, 2, 1)))
    assert straight.digest == shuffled.digest
    assert [node.kind for node in straight.network.nodes] == [
        "InputLayer", "Dense", "Dense", "Add", "Activation", "Dense", "Activation",
    ]  # fmt: skip
    assert straight.network.nodes[3].inputs == (1, 2)
    # 2 * (784 * 32 + 32) + 32 * 10 + 10
    assert total_params(straight.network) == 50_570


def test_ends_may_be_written_as_lists_of_one():
    model = _diamond()
    model["config"]["input_layers"] = [["images", 0, 0]]
    model["config"]["output_layers"] = [["predictions", 0, 0]]
    assert read_model(model).digest == read_model(_diamond()).digest


@pytest.mark.parametrize("form", [_chain, sequential])
def test_frozen_layers_are_read_as_frozen(form):
    frozen = dense(64, "a", activation="relu", trainable=False)
    spec = read_model(form(MLP[0], frozen, *MLP[2:]))
    # The activation has nothing to freeze.
    assert [node.trainable for node in spec.network.nodes] == [True, False, *[True] * 5]


def test_a_frozen_model_freezes_its_layers():
    model = sequential(*MLP, trainable=False)
    assert [node.trainable for node in read_model(model).network.nodes].count(False) == 3


def _normalization(axis, rank=4):
    build = {"input_shape": [None] * rank}
    config = {
        "axis": axis,
        "momentum": 0.99,
        "epsilon": 0.001,
        "center": True,
        "scale": True,
        "beta_initializer": initializer("Zeros"),
        "gamma_initializer": initializer("Ones"),
        "moving_mean_initializer": initializer("Zeros"),
        "moving_variance_initializer": initializer("Ones"),
        "beta_regularizer": None,
        "synchronized": False,
    }
    return {**layer("BatchNormalization", "norm", **config), "build_config": build}


@pytest.mark.parametrize("axis", [-1, 3, [3]])
def test_the_channels_axis_may_be_counted_from_either_end(axis):
    spec = read_model(sequential(entry(28, 28, 1), _normalization(axis), flatten(), SOFTMAX))
    assert spec.network.nodes[1].config["axis"] == -1
    # gamma, beta, mean and variance of one channel; 784 * 10 + 10
    assert total_params(spec.network) == 4 + 7_850


# What is refused, and in which words -------------------------------------------------------------

HIDDEN = "layer 'hidden' (Dense)"


def _hidden(units=64, **config):
    return sequential(entry(784), dense(units, "hidden", **config), SOFTMAX)


def _with(row, shape=(28, 28, 1)):
    return sequential(entry(*shape), row, flatten(), SOFTMAX)


def _taking(argument):
    return {**SOFTMAX, "inbound_nodes": [{"args": [argument], "kwargs": {}}]}


L2 = {
    "module": "keras.regularizers",
    "class_name": "L2",
    "config": {"l2": 0.01},
    "registered_name": None,
}
HALF = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float16"}}
MIXED = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
LAMBDA = layer("Lambda", "trick", function={"class_name": "__lambda__", "config": {"code": "4w=="}})
CUSTOM = {
    **layer("MyDense", "mine", units=3),
    "module": "submission",
    "registered_name": "Custom>MyDense",
}
REGISTERED = {**dense(10, "mine"), "registered_name": "Custom>Dense"}
SHADOW = {**dense(10, "mine"), "module": "submission"}
SHARED = {**dense(784, "twice"), "inbound_nodes": [{"args": []}, {"args": []}]}

REFUSED = {
    "subclass": (
        {"class": "MyModel", "config": None},
        ["the model is a 'MyModel'", "keras.Sequential", "Functional API"],
    ),
    "no configuration": ({"class": "Sequential", "config": None}, ["the model is a 'Sequential'"]),
    "no layers": (sequential(), ["no layers"]),
    "only an input": (sequential(entry(784)), ["no layers"]),
    "lambda": (_with(LAMBDA), ["layer 'trick' (Lambda) holds code", "Rescaling"]),
    "unknown class": (_with(layer("LSTM", "rnn", units=3)), ["layer 1 (LSTM)", "not a layer"]),
    "nested model": (_with(layer("Functional", "net", layers=[])), ["(Functional)", "not a layer"]),
    "custom layer": (_with(CUSTOM), ["layer 'mine' (MyDense)", "not a layer that can be graded"]),
    "registered layer": (_with(REGISTERED), ["layer 'mine' (Dense)", "not a layer"]),
    "disguised layer": (_with(SHADOW), ["layer 'mine' (Dense)", "not a layer that can be graded"]),
    "regularizer": (_hidden(kernel_regularizer=L2), [HIDDEN, "kernel_regularizer", "L2", "None"]),
    "constraint": (_hidden(bias_constraint=L2), [HIDDEN, "bias_constraint", "not supported"]),
    "half precision": (_hidden(dtype=HALF), [HIDDEN, "dtype = 'float16'", "expected 'float32'"]),
    "mixed precision": (_hidden(dtype=MIXED), [HIDDEN, "dtype = 'mixed_float16'"]),
    "dtype as a word": (_hidden(dtype="float64"), [HIDDEN, "dtype = 'float64'"]),
    "quantized": (_hidden(quantization_config={"class_name": "Int8"}), [HIDDEN, "quantization"]),
    "lora": (_hidden(lora_rank=4), [HIDDEN, "lora_rank = 4", "expected None"]),
    "dilation": (
        _with(conv(8, "wide", dilation_rate=[2, 2])),
        ["layer 'wide' (Conv2D)", "dilation_rate = [2, 2]", "expected [1, 1]"],
    ),
    "groups": (_with(conv(8, groups=2), (28, 28, 2)), ["groups = 2", "expected 1"]),
    "channels first": (_with(conv(8, data_format="channels_first")), ["data_format", "channels_"]),
    "axis": (_with(_normalization(1)), ["layer 'norm'", "axis = 1", "expected -1, the channels"]),
    "unknown key": (_hidden(sparkle=1), ["Dense", "knows no key 'sparkle'", "units"]),
    "unknown activation": (_hidden(activation="relu7"), ["activation = 'relu7'", "relu", "tanh"]),
    "own activation": (
        _hidden(activation={"class_name": "function", "module": "builtins", "config": "mine"}),
        ["activation", "should be one of", "relu"],
    ),
    "array in an initializer": (
        _hidden(kernel_initializer=initializer("Constant", value=[[1.0]])),
        ["kernel_initializer", "should be"],
    ),
    "unknown initializer": (
        _hidden(kernel_initializer=initializer("Pretrained")),
        ["kernel_initializer", "HeUniform"],
    ),
    "moving statistics": (
        _with(
            {
                **_normalization(-1),
                "config": {
                    **_normalization(-1)["config"],
                    "moving_mean_initializer": initializer("Ones"),
                },
            }
        ),
        ["layer 'norm'", "moving_mean_initializer"],
    ),
    "fixed batch": (
        sequential({**entry(784), "config": {"batch_shape": [32, 784]}}, SOFTMAX),
        ["batch_shape = [32, 784]", "[None, …]"],
    ),
    "open shape": (
        sequential({**entry(784), "config": {"batch_shape": [None, None, 28, 1]}}, SOFTMAX),
        ["shape [None, 28, 1]", "integers"],
    ),
    "no input": (sequential(dense(10), SOFTMAX), ["layer 0 (Dense)", "InputLayer"]),
    "kernel larger than the image": (
        _with(conv(8, kernel_size=[29, 29])),
        ["layer 1 (Conv2D)", "29"],
    ),
    "too many units": (_hidden(10**15), ["Dense", "units = 1000000000000000", "65536"]),
    "units as text": (_hidden("64"), ["units = '64'", "integer"]),
    "too many layers": (
        sequential(entry(784), *[dense(4, f"d{i}") for i in range(MAX_NODES)]),
        ["257 layers", "at most 256"],
    ),
    "shared layer": (
        functional(entry(784), SHARED, call(SOFTMAX, "twice")),
        ["layer 'twice' is used 2 times", "shared layers are not supported"],
    ),
    "second call of a layer": (
        functional(entry(784), _taking(tensor("images", node=1))),
        ["layer 'predictions' takes a second output of 'images'"],
    ),
    "second output of a layer": (
        functional(entry(784), _taking(tensor("images", output=1))),
        ["layer 'predictions' takes a second output of 'images'"],
    ),
    "no tensor": (
        functional(entry(784), _taking({"class_name": "numpy", "config": {}})),
        ["layer 'predictions' takes an argument that is not a tensor"],
    ),
    "cycle": (
        functional(
            entry(784),
            call(layer("Add", "sum"), ["images", "back"]),
            call(dense(784, "back"), "sum"),
            call(SOFTMAX, "back"),
        ),
        ["the layer graph has a cycle", "back"],
    ),
    "a layer on itself": (
        functional(entry(784), call(layer("Add", "sum"), ["images", "sum"]), call(SOFTMAX, "sum")),
        ["cycle through 'sum'"],
    ),
    "missing layer": (
        functional(entry(784), call(SOFTMAX, "gone")),
        ["refers to 'gone', which is not in it"],
    ),
    "duplicate names": (
        _diamond(dense(3, "left")),
        ["two layers are both named 'left'", "unique"],
    ),
    "unused layer": (
        _diamond(call(dense(3, "aside"), "images")),
        ["do not lead to the output", "aside"],
    ),
    "output apart from the input": (
        functional(entry(784), dense(10, "alone"), inputs=["images", 0, 0]),
        ["does not depend on the input layer 'images'"],
    ),
    "two inputs": (
        functional(entry(784), call(SOFTMAX, "images"), inputs=[["images", 0, 0], ["b", 0, 0]]),
        ["2 inputs", "should have 1", "images in"],
    ),
    "two outputs": (
        functional(entry(784), call(SOFTMAX, "images"), outputs=[["a", 0, 0], ["b", 0, 0]]),
        ["2 outputs", "should have 1", "ten class scores out"],
    ),
    "named outputs": (
        functional(entry(784), call(SOFTMAX, "images"), outputs={"a": 1, "b": 2}),
        ["2 outputs", "should have 1"],
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_a_message_for_its_author(what):
    model, words = REFUSED[what]
    with pytest.raises(UserError) as caught:
        read_model(model)
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
    assert len(message) < 1000
    assert "Traceback" not in message


@pytest.mark.parametrize("value", [10**15, 2**63, -1, 0, True, 3.0, None, "3", [3], {}, 1e308])
@pytest.mark.parametrize("make", [dense, conv])
def test_sizes_that_are_none_are_refused_before_anything_is_allocated(make, value):
    with pytest.raises(UserError, match=r"should be an integer from 1"):
        read_model(_with(make(value)))


def _paths(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _paths(item, (*path, key))


def _replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(copy[path[0]], path[1:], new)
    return copy


def _deep(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


JUNK = [None, True, -1, 10**30, float("nan"), "", "x", [], [[]], {}, {"class_name": []}, _deep(90)]


@pytest.mark.parametrize("model", [_diamond(), _with(_normalization(3))], ids=["graph", "chain"])
def test_nothing_in_a_configuration_is_believed(model):
    """Whatever stands wherever: a network or a UserError, never another exception."""
    escaped = {}
    for path in _paths(model):
        for junk in JUNK:
            try:
                read_model(_replaced({**model}, path, junk) if path else {"class": junk})
            except UserError:
                pass
            except Exception as error:  # noqa: BLE001
                escaped[path, repr(junk)[:30]] = repr(error)[:120]
    assert escaped == {}


@pytest.mark.parametrize("model", [_diamond(), _with(_normalization(3))], ids=["graph", "chain"])
def test_messages_stay_short(model):
    long = {}
    for path in _paths(model):
        for junk in ("x" * 3_000, ["x"] * 3_000):
            try:
                read_model(_replaced(model, path, junk) if path else {"class": junk})
            except UserError as error:
                if len(str(error)) > 1_500:
                    long[path] = str(error)[:60]
            except Exception:  # noqa: BLE001, S110  (the test above is about these)
                pass
    assert long == {}
