"""Whatever a description of a network says, it is refused before anything of its size is made.

These go straight to the reader on the trusted side, as if the sandbox had let everything through.
"""

import tracemalloc
from dataclasses import dataclass
from typing import Any

import pytest

from harness.network import spec as specs
from harness.network.keras_config import read_model
from harness.network.spec import MAX_NODES
from reference import layers
from reference.errors import UserError
from reference.kinds import LAYERS
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

TEN = dense(10, "predictions", activation="softmax")
UNKNOWN = "not a layer that can be graded; expected one of Keras's own: " + ", ".join(
    sorted((*LAYERS, "ReLU", "Softmax"))
)
# A refusal needs no more than the document itself, and a message: an array of the least of the
# sizes below would be hundreds of times as large.
MOST_BYTES = 512 << 10


@dataclass(frozen=True)
class Case:
    """A description of a network, and the one sentence that its author is to read."""

    model: dict[str, Any]
    message: str


def _dense(units: object, **config: Any) -> dict[str, Any]:
    return sequential(entry(784), dense(units, "hidden", **config), TEN)


def _image(*rows: dict[str, Any]) -> dict[str, Any]:
    return sequential(entry(28, 28, 1), *rows, flatten(), TEN)


def _units(shown: str) -> str:
    return f"layer 1 (Dense): units = {shown}, but should be an integer from 1 to 65536"


def _too_many(parameters: str) -> str:
    return f"the network has {parameters} parameters; at most 20,000,000 are accepted"


def _grown(times: int) -> dict[str, Any]:
    """Each layer sticks 64 copies of the one before together."""
    rows = [
        call(layer("Concatenate", f"c{i}"), [f"c{i - 1}" if i else "images"] * 64)
        for i in range(times)
    ]
    return functional(entry(784), *rows, call(TEN, f"c{times - 1}"))


def _ring(length: int) -> dict[str, Any]:
    rows = [call(dense(8, f"d{i}"), f"d{(i - 1) % length}") for i in range(length)]
    return functional(entry(784), *rows, call(TEN, "d0"))


CASES = {
    "a million billion units": Case(_dense(10**15), _units("1000000000000000")),
    "units beyond 64 bits": Case(
        _dense(10**40), _units("100000000000000000...0000000000000000000")
    ),
    "negative units": Case(_dense(-3), _units("-3")),
    "no units": Case(_dense(0), _units("0")),
    "units that are no number": Case(_dense(float("nan")), _units("nan")),
    "endless units": Case(_dense(float("inf")), _units("inf")),
    "true units": Case(_dense(True), _units("True")),
    "a million billion filters": Case(
        _image(conv(10**15)),
        "layer 1 (Conv2D): filters = 1000000000000000, but should be an integer from 1 to 4096",
    ),
    "a huge kernel": Case(
        _image(conv(8, kernel_size=[10**9, 1])),
        "layer 1 (Conv2D): kernel_size = [1000000000, 1], but should be one or two integers "
        "from 1 to 256",
    ),
    "a negative stride": Case(
        _image(conv(8, strides=[-1, -1])),
        "layer 1 (Conv2D): strides = [-1, -1], but should be one or two integers from 1 to 256",
    ),
    "a pool of nothing": Case(
        _image(pool(pool_size=[0, 0])),
        "layer 1 (MaxPooling2D): pool_size = [0, 0], but should be one or two integers "
        "from 1 to 256",
    ),
    "a wide border": Case(
        _image(layer("ZeroPadding2D", "pad", padding=[[10**12, 0], [0, 0]])),
        "layer 1 (ZeroPadding2D): padding = [[1000000000000, 0], [0, 0]], but should be n, "
        "[rows, columns] or [[top, bottom], [left, right]], each from 0 to 256",
    ),
    "a negative image": Case(
        sequential(entry(-28, -28, 1), flatten(), TEN),
        "layer 0 (InputLayer): shape = [-28, -28, 1], but should be 1 to 4 integers "
        "from 1 to 65536",
    ),
    "a huge image": Case(
        sequential(entry(60_000, 60_000, 64), layer("GlobalAveragePooling2D", "mean"), TEN),
        "layer 0 (InputLayer) has an output of shape [60000, 60000, 64]; at most 20,000,000 values "
        "are accepted",
    ),
    "a huge reshape": Case(
        sequential(entry(784), layer("Reshape", "shape", target_shape=[2**31, -1]), TEN),
        "layer 1 (Reshape): target_shape = [2147483648, -1], but should be 1 to 4 integers "
        "from 1 to 2147483647, one of them possibly -1",
    ),
    "two wide layers": Case(
        sequential(entry(784), dense(65_536, "a"), dense(65_536, "b"), TEN),
        # 784 * 65536 + 65536, 65536 * 65536 + 65536, 65536 * 10 + 10
        _too_many("4,347,133,962"),
    ),
    "borders upon borders": Case(
        _image(
            *(layer("ZeroPadding2D", f"pad{i}", padding=[[256, 256]] * 2) for i in range(20)),
            conv(64),
        ),
        # 28 + 20 * 512 = 10268 pixels a side; 10266 * 10266 * 64 * 10 + 10 after the 3x3 kernel
        _too_many(f"{9 * 64 + 64 + 10266 * 10266 * 64 * 10 + 10:,}"),
    ),
    "sizes that double": Case(_grown(4), _too_many(f"{784 * 64**4 * 10 + 10:,}")),
    "ten thousand layers": Case(
        sequential(entry(784), *(dense(4, f"d{i}") for i in range(10_000))),
        "the network has 10001 layers; at most 256 are accepted",
    ),
    "ten thousand layers in a graph": Case(
        functional(
            entry(4),
            *(call(dense(4, f"d{i}"), f"d{i - 1}" if i else "images") for i in range(10_000)),
        ),
        "the network has 10001 layers; at most 256 are accepted",
    ),
    "a circle of two": Case(_ring(2), "the layer graph has a cycle through 'd0'"),
    "a circle of two hundred": Case(_ring(200), "the layer graph has a cycle through 'd0'"),
    "duplicate names": Case(
        functional(
            entry(784),
            call(dense(8, "twin"), "images"),
            call(dense(9, "twin"), "images"),
            call(TEN, "twin"),
        ),
        "two layers are both named 'twin'; names should be unique",
    ),
    "thousands of inputs": Case(
        functional(
            entry(784),
            {**TEN, "inbound_nodes": [{"args": [[tensor("images")] * 3_000], "kwargs": {}}]},
        ),
        "layer 1 (Dense): has 3000 inputs, but should have 1",
    ),
    "an unknown class": Case(
        sequential(entry(784), layer("LSTM", "rnn", units=8), TEN),
        f"layer 1 (LSTM): {UNKNOWN}",
    ),
    "a custom layer": Case(
        sequential(
            entry(784),
            {**layer("Mine", "mine"), "module": "submission", "registered_name": "Mine"},
            TEN,
        ),
        f"layer 'mine' (Mine): {UNKNOWN}",
    ),
    "a disguised layer": Case(
        sequential(entry(784), {**TEN, "registered_name": "Custom>Dense"}),
        f"layer 'predictions' (Dense): {UNKNOWN}",
    ),
    "a Lambda": Case(
        sequential(
            entry(784), layer("Lambda", "trick", function={"class_name": "__lambda__"}), TEN
        ),
        "layer 'trick' (Lambda) holds code, which is not run here; write what it does with "
        "Keras's own layers, such as Rescaling, Reshape or Activation",
    ),
    "a rate that is no number": Case(
        sequential(entry(784), layer("Dropout", "drop", rate=float("nan")), TEN),
        "layer 1 (Dropout): rate = nan, but should be a number from 0 below 1",
    ),
    "an endless scale": Case(
        sequential(entry(784), layer("Rescaling", "scale", scale=float("inf")), TEN),
        "layer 1 (Rescaling): scale = inf, but should be a number from -1e+06 to 1e+06",
    ),
    "an activation of its own": Case(
        _dense(64, activation={"module": "builtins", "class_name": "function", "config": "eval"}),
        "an activation is the function 'eval'; it should be one of Keras's own, written by its "
        "name, as in activation='relu'",
    ),
    "a model of its own": Case(
        {"class": "Net", "config": {}},
        "the model is a 'Net'; expected keras.Sequential or a keras.Model made with the "
        "Functional API, whose layers can be listed",
    ),
}


def _refusal(model: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        read_model(model)
    return str(caught.value)


@pytest.mark.parametrize("what", CASES)
def test_it_is_refused_in_words_for_its_author(what):
    assert _refusal(CASES[what].model) == CASES[what].message


@pytest.mark.parametrize("what", CASES)
def test_nothing_of_its_size_is_allocated(what):
    tracemalloc.start()
    try:
        _refusal(CASES[what].model)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < MOST_BYTES


def test_weights_in_an_initializer_are_refused_in_a_short_message():
    trained = initializer("Constant", value=[[1.0] * 64] * 784)
    message = _refusal(_dense(64, kernel_initializer=trained))
    assert message.startswith("layer 1 (Dense): kernel_initializer = {'class': 'Constant', ")
    assert "but should be" in message
    assert len(message) < 1_200


HOSTILE = "\x1b[2J<script>alert(1)</script>\n=1+1\u202e"


@pytest.mark.parametrize(
    "model",
    [
        sequential(entry(784), layer(HOSTILE, "a"), TEN),
        sequential(entry(784), layer("LSTM", HOSTILE), TEN),
        sequential(entry(784), {**layer(HOSTILE, HOSTILE), "module": HOSTILE}, TEN),
        sequential(entry(784), layer("Dropout", HOSTILE, rate=HOSTILE), TEN),
        sequential(entry(784), layer("Dropout", "a", **{HOSTILE: 1}), TEN),
        _dense(64, activation=HOSTILE),
        _dense(64, activation={"class_name": "function", "config": HOSTILE}),
        _dense(64, kernel_initializer=initializer(HOSTILE)),
        _dense(64, dtype=HOSTILE),
        functional(entry(784), call(TEN, HOSTILE)),
        functional(entry(784), call(dense(8, HOSTILE), HOSTILE), call(TEN, HOSTILE)),
        functional(entry(784), dense(8, HOSTILE), dense(8, HOSTILE)),
        {"class": HOSTILE, "config": {}},
    ],
)
def test_a_message_holds_no_command_to_a_terminal(model):
    message = _refusal(model)
    assert message.isprintable(), repr(message)


def test_names_are_kept_without_commands():
    names = read_model(sequential(entry(784), dense(10, HOSTILE))).names
    assert names[1] == "?[2J?script?alert?1??/script???1?1?".replace("[", "?")


# How much work it is -----------------------------------------------------------------------------


@pytest.fixture
def looked_at(monkeypatch):
    """Counts the layers that are looked at one by one."""
    seen = []
    spell_out = layers._spell_out

    def counted(kind, config, *, trainable):
        seen.append(kind)
        return spell_out(kind, config, trainable=trainable)

    monkeypatch.setattr(layers, "_spell_out", counted)
    return seen


@pytest.mark.parametrize("what", ["ten thousand layers", "ten thousand layers in a graph"])
def test_too_many_layers_are_not_looked_at(what, looked_at):
    _refusal(CASES[what].model)
    assert looked_at == []


def test_many_paths_are_not_walked_one_by_one(looked_at, monkeypatch):
    """2 to the power of 200 paths lead from the images to the output, through 202 layers."""
    measured = []
    shapes = specs.shapes
    monkeypatch.setattr(specs, "shapes", lambda network: measured.append(1) or shapes(network))
    rows = [call(layer("Add", f"a{i}"), [f"a{i - 1}" if i else "images"] * 2) for i in range(200)]
    spec = read_model(functional(entry(10), *rows, call(TEN, "a199")))
    assert len(looked_at) == 202
    assert len(spec.network.nodes) == 203  # and the softmax
    assert len(measured) == 1


def test_the_most_layers_that_are_accepted_are_read():
    model = sequential(entry(4), *(dense(4, f"d{i}") for i in range(MAX_NODES - 1)))
    assert len(read_model(model).network.nodes) == MAX_NODES
