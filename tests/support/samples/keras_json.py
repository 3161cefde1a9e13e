"""Keras model configurations as JSON, written by hand after Keras 3.15's `get_config()`."""

from typing import Any

Json = dict[str, Any]

DTYPE = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}


def initializer(name: str, **config: Any) -> Json:
    return {
        "module": "keras.initializers",
        "class_name": name,
        "config": {"seed": None, **config},
        "registered_name": None,
    }


def layer(kind: str, name: str, **config: Any) -> Json:
    """Any of Keras's own layers."""
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, "trainable": True, "dtype": DTYPE, **config},
        "registered_name": None,
        "name": name,
    }


def entry(*shape: int, name: str = "images") -> Json:
    config = {"batch_shape": [None, *shape], "dtype": "float32", "sparse": False, "name": name}
    return {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": config,
        "registered_name": None,
        "name": name,
    }


_WEIGHTS = {
    "use_bias": True,
    "kernel_initializer": initializer("GlorotUniform"),
    "bias_initializer": initializer("Zeros"),
    "kernel_regularizer": None,
    "bias_regularizer": None,
    "activity_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
}


def dense(units: object, name: str = "dense", **config: Any) -> Json:
    return layer("Dense", name, **{"units": units, "activation": "linear", **_WEIGHTS, **config})


def conv(filters: object, name: str = "conv", **config: Any) -> Json:
    defaults = {
        "filters": filters,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "padding": "valid",
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "groups": 1,
        "activation": "linear",
    }
    return layer("Conv2D", name, **{**defaults, **_WEIGHTS, **config})


def pool(name: str = "pool", **config: Any) -> Json:
    defaults = {
        "pool_size": [2, 2],
        "strides": [2, 2],
        "padding": "valid",
        "data_format": "channels_last",
    }
    return layer("MaxPooling2D", name, **{**defaults, **config})


def flatten(name: str = "flatten") -> Json:
    return layer("Flatten", name, data_format="channels_last")


def sequential(*layers: Json, **config: Any) -> Json:
    return {
        "class": "Sequential",
        "config": {"name": "net", "trainable": True, "layers": list(layers), **config},
    }


def tensor(source: str, node: int = 0, output: int = 0) -> Json:
    """A layer's output, as an argument of another layer's call."""
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None], "keras_history": [source, node, output]},
    }


def call(layer: Json, *sources: str | list[str]) -> Json:
    """The layer, called once on other layers' outputs; a list of names for layers that merge."""
    args = [[tensor(s) for s in one] if isinstance(one, list) else tensor(one) for one in sources]
    return {**layer, "inbound_nodes": [{"args": args, "kwargs": {}}]}


def functional(*layers: Json, inputs: object = None, outputs: object = None) -> Json:
    """The first layer is the input and the last one the output, unless told otherwise."""
    rows = [{"inbound_nodes": [], **row} for row in layers]
    config = {
        "name": "net",
        "trainable": True,
        "layers": rows,
        "input_layers": inputs or [rows[0]["name"], 0, 0],
        "output_layers": outputs or [rows[-1]["name"], 0, 0],
    }
    return {"class": "Functional", "config": config}
