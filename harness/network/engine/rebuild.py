"""Rebuilds a Keras model from a spec: our own code, allow-listed layers, our own seeds."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import layers

from harness.network.spec import Spec
from reference.layers import Node, shapes

Config = Mapping[str, Any]


def _initializer(value: Config, seed: int) -> keras.Initializer:
    """Makes a fresh initializer; random ones get a seed of their own."""
    cls = getattr(keras.initializers, value["class"])
    config = dict(value["config"])
    if "seed" in inspect.signature(cls).parameters:
        config["seed"] = seed
    return cls(**config)


def _with_weights(config: Config, seed: int) -> dict[str, Any]:
    arguments = dict(config)
    for offset, key in enumerate(("kernel_initializer", "bias_initializer")):
        arguments[key] = _initializer(config[key], seed + offset)
    return arguments


def _conv2d(config: Config, seed: int, name: str) -> keras.Layer:
    return layers.Conv2D(**_with_weights(config, seed), name=name)


def _dense(config: Config, seed: int, name: str) -> keras.Layer:
    return layers.Dense(**_with_weights(config, seed), name=name)


def _dropout(cls: type[keras.Layer]) -> Callable[[Config, int, str], keras.Layer]:
    return lambda config, seed, name: cls(**config, seed=seed, name=name)


def _plain(cls: type[keras.Layer]) -> Callable[[Config, int, str], keras.Layer]:
    return lambda config, _seed, name: cls(**config, name=name)


_BUILDERS: Mapping[str, Callable[[Config, int, str], keras.Layer]] = {
    "Activation": _plain(layers.Activation),
    "Add": _plain(layers.Add),
    "AveragePooling2D": _plain(layers.AveragePooling2D),
    "BatchNormalization": _plain(layers.BatchNormalization),
    "Concatenate": _plain(layers.Concatenate),
    "Conv2D": _conv2d,
    "Dense": _dense,
    "Dropout": _dropout(layers.Dropout),
    "Flatten": _plain(layers.Flatten),
    "GlobalAveragePooling2D": _plain(layers.GlobalAveragePooling2D),
    "GlobalMaxPooling2D": _plain(layers.GlobalMaxPooling2D),
    "LayerNormalization": _plain(layers.LayerNormalization),
    "MaxPooling2D": _plain(layers.MaxPooling2D),
    "Rescaling": _plain(layers.Rescaling),
    "Reshape": _plain(layers.Reshape),
    "SpatialDropout2D": _dropout(layers.SpatialDropout2D),
    "ZeroPadding2D": _plain(layers.ZeroPadding2D),
}


def layer_name(index: int, node: Node) -> str:
    """Returns the rebuilt layer's name: stable, unique, safe in every file format."""
    return f"layer{index:03d}_{node.kind.lower()}"


def rebuild(spec: Spec, seed: int) -> keras.Model:
    """Returns the untrained network, one Keras layer for each node, initialised from `seed`.

    The same spec and seed give the same weights, bit for bit, in every process.
    """
    nodes = spec.network.nodes
    tensors = [keras.Input(shapes(spec.network)[0], name=layer_name(0, nodes[0]))]
    for index, node in enumerate(nodes[1:], start=1):
        # A thousand seeds for each layer keep neighbours apart for any user's seed.
        layer = _BUILDERS[node.kind](
            node.config, (seed * 1_000_003 + index * 1_009) % 2**31, layer_name(index, node)
        )
        inputs = [tensors[i] for i in node.inputs]
        tensors.append(layer(inputs[0] if len(inputs) == 1 else inputs))
        layer.trainable = node.trainable
    return keras.Model(tensors[0], tensors[-1], name="network")


def layers_of(model: keras.Model, spec: Spec) -> list[keras.Layer]:
    """Returns the model's layers in the order of the spec's nodes."""
    return [model.get_layer(layer_name(i, node)) for i, node in enumerate(spec.network.nodes)]
