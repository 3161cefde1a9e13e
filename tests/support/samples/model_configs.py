"""Real model configurations, from which property tests and fuzzing make broken ones."""

import json

from harness.network.spec import (
    make_spec,
)
from reference.facts import expected_network, load, names
from tests.support.samples import keras_json as k


def _batch_normalization(name: str) -> k.Json:
    return k.layer(
        "BatchNormalization", name, axis=-1, momentum=0.99, epsilon=0.001, center=True, scale=True,
        beta_initializer=k.initializer("Zeros"), gamma_initializer=k.initializer("Ones"),
        moving_mean_initializer=k.initializer("Zeros"), synchronized=False,
    )  # fmt: skip


SEQUENTIAL = k.sequential(
    k.entry(28, 28, 1),
    k.conv(8, "conv", activation="relu", kernel_initializer=k.initializer("HeUniform")),
    k.pool(),
    k.layer("Dropout", "dropout", rate=0.25, seed=None, noise_shape=None),
    k.flatten(),
    k.dense(16, "hidden", activation="relu"),
    k.dense(10, "scores", activation="softmax"),
)
RESIDUAL = k.functional(
    k.entry(28, 28, 1),
    k.call(k.conv(4, "a", padding="same"), "images"),
    k.call(_batch_normalization("norm"), "a"),
    k.call(k.layer("ReLU", "relu", max_value=None, negative_slope=0.0, threshold=0.0), "norm"),
    k.call(k.conv(4, "b", padding="same"), "relu"),
    k.call(k.layer("Add", "sum"), ["a", "b"]),
    k.call(k.layer("Concatenate", "both", axis=-1), ["sum", "relu"]),
    k.call(k.flatten(), "both"),
    k.call(k.dense(10, "scores", activation="softmax"), "flatten"),
)
WITHIN = k.sequential(
    k.entry(784),
    {"module": "keras", "class_name": "Sequential", "registered_name": None, "name": "inner",
     "config": k.sequential(k.entry(784, name="in"), k.dense(32, "d"))["config"]},
    k.dense(10, "scores"),
)  # fmt: skip
MODELS = [json.dumps(model) for model in (SEQUENTIAL, RESIDUAL, WITHIN)]


def _spec_text(name: str) -> str:
    nodes = expected_network(load(name)).nodes
    rows = [(node.kind, node.config, node.inputs, node.trainable) for node in nodes]
    return json.dumps(make_spec(rows, ["x"] * len(rows)).to_json())


SPECS = [_spec_text(name) for name in names()]
