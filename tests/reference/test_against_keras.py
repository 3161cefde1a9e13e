"""The reference agrees with Keras about every kind of layer: defaults, shapes, weights, outputs.

Keras runs in a process of its own (this file as a script), and builds each network from the
layers as they are spelled below, not from our normal form: so defaults, fused activations and
short spellings are compared as well.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.system.directories import PROJECT_ROOT
from reference.activations import ACTIVATIONS
from reference.facts import expected_network, load, names
from reference.fields import INITIALIZERS
from reference.forward import forward, probe_weights
from reference.layers import (
    LAYERS,
    flops,
    normalise_traced,
    params,
    shapes,
    trainable_params,
    weights,
)
from reference.summary import default_name

pytestmark = pytest.mark.slow

# Keras computes in float32 (24 bits, 6e-8) and sums up to 3,136 products: a few 1e-6 in practice.
RTOL, ATOL = 1e-4, 1e-5
IMAGES = 5


def chain(shape, *layers):
    return [["InputLayer", {"shape": shape}, []]] + [
        [kind, config, [index]] for index, (kind, config) in enumerate(layers)
    ]


CONV = {"filters": 4, "kernel_size": 3}
ZOO = {
    "conv valid": chain([7, 8, 2], ("Conv2D", CONV)),
    "conv same": chain([7, 8, 2], ("Conv2D", {**CONV, "padding": "same", "activation": "relu"})),
    "conv strides": chain([9, 8, 2], ("Conv2D", {**CONV, "strides": 2, "use_bias": False})),
    "conv same strides": chain(
        [9, 8, 1],
        ("Conv2D", {"filters": 3, "kernel_size": [2, 5], "strides": [2, 3], "padding": "same"}),
    ),
    "conv even same": chain(
        [6, 6, 1], ("Conv2D", {"filters": 2, "kernel_size": 4, "strides": 3, "padding": "same"})
    ),
    "max pooling": chain([9, 7, 3], ("MaxPooling2D", {})),
    "max pooling same": chain([9, 7, 3], ("MaxPooling2D", {"pool_size": 3, "padding": "same"})),
    "max pooling overlapping": chain(
        [9, 7, 3], ("Rescaling", {"scale": -1}), ("MaxPooling2D", {"pool_size": 3, "strides": 2})
    ),
    "average pooling": chain([9, 7, 3], ("AveragePooling2D", {"pool_size": [2, 3]})),
    "average pooling same": chain(
        [9, 7, 3], ("AveragePooling2D", {"pool_size": 4, "strides": 2, "padding": "same"})
    ),
    "global average": chain([5, 4, 3], ("GlobalAveragePooling2D", {})),
    "global max": chain([5, 4, 3], ("GlobalMaxPooling2D", {})),
    "flatten": chain([5, 4, 3], ("Flatten", {}), ("Dense", {"units": 6, "activation": "tanh"})),
    "reshape": chain(
        [12], ("Reshape", {"target_shape": [2, -1, 3]}), ("Conv2D", {**CONV, "kernel_size": 1})
    ),
    "dense on images": chain([5, 4, 3], ("Dense", {"units": 6})),
    "dense without bias": chain([5], ("Dense", {"units": 6, "use_bias": False})),
    "dropout": chain([5], ("Dense", {"units": 6}), ("Dropout", {"rate": 0.5})),
    "spatial dropout": chain([5, 4, 3], ("SpatialDropout2D", {"rate": 0.5})),
    "batch normalization": chain([5, 4, 3], ("BatchNormalization", {})),
    "batch normalization dense": chain(
        [7], ("BatchNormalization", {"epsilon": 0.01, "center": False, "scale": False})
    ),
    "layer normalization": chain([5, 4, 3], ("LayerNormalization", {})),
    "layer normalization bare": chain(
        [7], ("LayerNormalization", {"center": False, "epsilon": 0.5})
    ),
    "rescaling": chain([7], ("Rescaling", {"scale": 0.5, "offset": -1})),
    "zero padding": chain([4, 4, 2], ("ZeroPadding2D", {"padding": [[1, 0], [2, 3]]})),
    "zero padding default": chain([4, 4, 2], ("ZeroPadding2D", {})),
    "relu and softmax layers": chain([7], ("Dense", {"units": 6}), ("ReLU", {}), ("Softmax", {})),
    "residual": [
        *chain([6, 6, 3], ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "same"})),
        # One channel, repeated by Add. (Keras adds a single bias without a BiasAdd operation, so
        # the profiler would not count it: hence none here.)
        ["Conv2D", {"filters": 1, "kernel_size": 1, "use_bias": False, "activation": "relu"}, [1]],
        ["Add", {}, [0, 1, 2]],
        ["Concatenate", {}, [3, 1, 0]],
    ],
    **{
        f"activation {name}": chain(
            [7], ("Rescaling", {"scale": 6, "offset": -3}), ("Activation", {"activation": name})
        )
        for name in ACTIVATIONS
    },
    **{
        f"document {name}": [
            [node.kind, node.config, list(node.inputs)]
            for node in expected_network(load(name)).nodes
        ]
        for name in names()
    },
}


def traced(name):
    """The network in normal form, and which layer of the zoo each node comes from."""
    return normalise_traced([(kind, config, i, True) for kind, config, i in ZOO[name]])


def inputs_of(network):
    return np.random.default_rng(7).random((IMAGES, *shapes(network)[0])).astype(np.float32)


@pytest.fixture(scope="module")
def keras_says(tmp_path_factory):
    """What Keras makes of the zoo: a JSON document and the outputs by name."""
    folder = tmp_path_factory.mktemp("keras")
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, str(folder)]
    done = subprocess.run(  # noqa: PLW1510 - a better message than check=True's
        command, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(folder / "outputs.npz") as outputs:
        return json.loads((folder / "facts.json").read_text()), dict(outputs)


def test_the_zoo_has_every_kind():
    kinds = {kind for layers in ZOO.values() for kind, _, _ in layers}
    assert kinds >= set(LAYERS)


@pytest.mark.parametrize("name", ZOO)
def test_shapes_and_weights(keras_says, name):
    network, origins = traced(name)
    measured, arrays = shapes(network), weights(network)
    for index, layer in enumerate(keras_says[0]["networks"][name]["layers"]):
        nodes = [i for i, origin in enumerate(origins) if origin == index]
        ours = [(w.name, list(w.shape), w.trainable) for i in nodes for w in arrays[i]]
        assert [tuple(weight) for weight in layer["weights"]] == ours
        if nodes:  # a linear activation leaves none
            assert tuple(layer["output_shape"]) == measured[nodes[-1]]


@pytest.mark.parametrize("name", ZOO)
def test_parameters_and_flops(keras_says, name):
    network, _ = traced(name)
    theirs = keras_says[0]["networks"][name]
    assert sum(params(network)) == theirs["total_params"]
    assert trainable_params(network) == theirs["trainable_params"]
    assert sum(flops(network)) == theirs["flops"]


@pytest.mark.parametrize("name", ZOO)
def test_forward_pass(keras_says, name):
    network, _ = traced(name)
    ours = forward(network, probe_weights(network, seed=3), inputs_of(network))
    np.testing.assert_allclose(keras_says[1][name], ours, rtol=RTOL, atol=ATOL)


@pytest.mark.parametrize("kind", [kind for kind in LAYERS if kind != "InputLayer"])
def test_defaults_are_those_of_keras(keras_says, kind):
    theirs = keras_says[0]["defaults"][kind]
    ours = LAYERS[kind].defaults
    assert ours == {key: theirs[key] for key in ours}


@pytest.mark.parametrize("kind", [kind for kind in LAYERS if kind != "InputLayer"])
def test_names_are_those_that_keras_gives(keras_says, kind):
    assert keras_says[0]["names"][kind] == default_name(kind)


def test_initializer_defaults_are_those_of_keras(keras_says):
    field = LAYERS["Dense"].fields["kernel_initializer"]
    for name, config in keras_says[0]["initializers"].items():
        assert field.read({"class": name})["config"] == config


REQUIRED = {
    "filters": 2, "kernel_size": 3, "units": 2, "rate": 0.5, "activation": "relu", "scale": 2,
    "target_shape": [4], "pool_size": 2,
}  # fmt: skip


# In Keras's own process ------------------------------------------------------------------------


def plain(config):
    """Keras's serialised objects as {"class", "config"}, without what has no say."""
    return {
        key: {"class": value["class_name"], "config": settings(value["config"])}
        if isinstance(value, dict) and "class_name" in value
        else value
        for key, value in config.items()
    }


def settings(config):
    without = {"seed", "input_axes", "output_axes"}
    return {key: value for key, value in config.items() if key not in without}


def main(folder):
    import keras
    import tensorflow as tf

    def revived(value):
        known = isinstance(value, dict) and "class" in value
        return getattr(keras.initializers, value["class"])(**value["config"]) if known else value

    def build(layers):
        made, tensors = [], []
        for kind, config, inputs in layers:
            arguments = {key: revived(value) for key, value in config.items()}
            layer = getattr(keras.layers, kind)(**arguments)
            taken = [tensors[i] for i in inputs]
            tensors.append(
                layer.output if not taken else layer(taken[0] if len(taken) == 1 else taken)
            )
            made.append(layer)
        return keras.Model(tensors[0], tensors[-1]), made

    def profiled(model, shape):
        call = tf.function(lambda x: model(x, training=False), autograph=False)
        graph = call.get_concrete_function(tf.TensorSpec([1, *shape], tf.float32)).graph
        profiler = tf.compat.v1.profiler
        options = {
            **profiler.ProfileOptionBuilder.float_operation(),
            "account_type_regexes": ["Conv2D", "MatMul", "BiasAdd"],
            "output": "none",
        }
        return profiler.profile(graph, options=options).total_float_ops

    networks, outputs = {}, {}
    for name, layers in ZOO.items():
        network, origins = traced(name)
        model, made = build(layers)
        probes = probe_weights(network, seed=3)
        for index, layer in enumerate(made):
            own = [probes[i] for i, origin in enumerate(origins) if origin == index]
            layer.set_weights([array for node in own for array in node.values()])
        networks[name] = {
            "layers": [
                {
                    "output_shape": layer.output.shape[1:],
                    "weights": [(w.name, list(w.shape), w.trainable) for w in layer.weights],
                }
                for layer in made
            ],
            "total_params": model.count_params(),
            "trainable_params": sum(int(np.prod(w.shape)) for w in model.trainable_weights),
            "flops": profiled(model, shapes(network)[0]),
        }
        outputs[name] = model(inputs_of(network), training=False).numpy()
    defaults, given = {}, {}
    for kind, rule in LAYERS.items():
        if kind != "InputLayer":
            # Keras wants a pool_size for average pooling, though it has one for max pooling.
            keys = {*rule.required, *({"pool_size"} if kind == "AveragePooling2D" else ())}
            layer = getattr(keras.layers, kind)(**{key: REQUIRED[key] for key in keys})
            defaults[kind] = plain(layer.get_config())
            given[kind] = re.sub(r"_\d+$", "", layer.name)
    initializers = {
        name: settings(getattr(keras.initializers, name)().get_config()) for name in INITIALIZERS
    }
    document = {
        "networks": networks,
        "defaults": defaults,
        "initializers": initializers,
        "names": given,
    }
    (folder / "facts.json").write_text(json.dumps(document))
    np.savez(folder / "outputs.npz", **outputs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
