"""Reads one layer of a Keras model configuration: class, keys and values, each from a table."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from harness.network.spec import clean_name
from reference.errors import UserError
from reference.fields import plain, shown
from reference.layers import unknown_layer

Row = tuple[str, Mapping[str, Any], tuple[int, ...], bool]
"""A layer as its author wrote it: (kind, config, the rows that it takes, trainable)."""

# Keys that say nothing about what the network computes.
_IGNORED = frozenset({"name", "trainable", "dtype", "seed", "sparse", "ragged", "optional"})

# Keys that must have one value, because a network that differs there is not supported.
_FIXED: Mapping[str, Sequence[Any]] = {
    "data_format": ["channels_last", None],
    "dilation_rate": [[1, 1], 1],
    "groups": [1],
    "kernel_regularizer": [None],
    "bias_regularizer": [None],
    "activity_regularizer": [None],
    "kernel_constraint": [None],
    "bias_constraint": [None],
    "beta_regularizer": [None],
    "gamma_regularizer": [None],
    "beta_constraint": [None],
    "gamma_constraint": [None],
    "moving_mean_initializer": [{"class": "Zeros", "config": {}}],
    "moving_variance_initializer": [{"class": "Ones", "config": {}}],
    "beta_initializer": [{"class": "Zeros", "config": {}}],
    "gamma_initializer": [{"class": "Ones", "config": {}}],
    "synchronized": [False],
    "renorm": [False],
    "renorm_clipping": [None],
    "renorm_momentum": [0.99],
    "rms_scaling": [False],
    "noise_shape": [None],
    "quantization_config": [None],
    "lora_rank": [None],
    "lora_alpha": [None],
    "keepdims": [False],
}

_ALLOWED_DTYPES = ("float32", None)


def layer_name(layer: Mapping[str, Any]) -> str:
    """Returns the name that the author or Keras gave it; its class where the name is not text."""
    for name in (layer.get("name"), layer["config"].get("name")):
        if isinstance(name, str) and name:
            return name
    return str(layer["class_name"])


def read_layer(layer: Mapping[str, Any], inputs: tuple[int, ...], *, frozen: bool) -> Row:
    """Returns the layer as `harness.network.spec.make_spec` takes it.

    Raises:
        UserError: it is not one of Keras's own layers, or has a setting that a spec cannot say.
    """
    kind = clean_name(layer["class_name"])  # of a layer that we know, that is its name itself
    config: Mapping[str, Any] = layer["config"]
    where = f"layer {shown(layer_name(layer))} ({plain(kind)})"
    if kind == "Lambda":
        raise UserError(
            f"{where} holds code, which is not run here; write what it does with Keras's own "
            "layers, such as Rescaling, Reshape or Activation"
        )
    if layer.get("registered_name") is not None or not _from_keras(layer.get("module")):
        raise UserError(f"{where}: {unknown_layer()}")
    if kind == "InputLayer":
        return "InputLayer", {"shape": _input_shape(config, where)}, inputs, True
    known: dict[str, Any] = {}
    for key, raw in config.items():
        value = _plain(raw)
        if key == "dtype":
            _check_dtype(value, where)
        elif key == "axis" and kind in {"BatchNormalization", "LayerNormalization", "Concatenate"}:
            known[key] = _last_axis(value, layer, where)
        elif key in _FIXED:
            if value not in _FIXED[key]:
                raise UserError(
                    f"{where}: {key} = {shown(value)} is not supported; expected {_FIXED[key][0]!r}"
                )
        elif key not in _IGNORED:
            known[key] = value
    return kind, known, inputs, config.get("trainable") is not False and not frozen


def _from_keras(module: object) -> bool:
    if not isinstance(module, str):
        return module is None
    return module == "keras.layers" or module.startswith("keras.src.layers.")


def _input_shape(config: Mapping[str, Any], where: str) -> list[Any]:
    shape = config.get("batch_shape")
    if not isinstance(shape, list) or len(shape) < 2 or shape[0] is not None:
        raise UserError(
            f"{where}: batch_shape = {shown(shape)}, but should be [None, …]: any number of images"
        )
    if not all(isinstance(size, int) for size in shape[1:]):
        raise UserError(f"{where}: the shape {shown(shape[1:])} should hold integers only")
    return shape[1:]


def _plain(value: Any) -> Any:
    """Turns Keras's serialised objects into {"class", "config"} without seeds."""
    if isinstance(value, Mapping) and "class_name" in value:
        config = value.get("config")
        if value["class_name"] == "DTypePolicy" and isinstance(config, Mapping):
            return config.get("name")
        if value["class_name"] == "function":
            _refuse_function(value)
        inner = config if isinstance(config, Mapping) else {}
        return {
            "class": value["class_name"],
            "config": {k: v for k, v in inner.items() if k != "seed" and v is not None},
        }
    return value


def _refuse_function(value: Mapping[str, Any]) -> NoReturn:
    """A function from elsewhere may have any name: only Keras's own are known by theirs."""
    name = value.get("config")
    known = name.removesuffix("_v2") if isinstance(name, str) else ""  # as TensorFlow calls some
    meant = known if known in {"relu", "sigmoid", "softmax", "tanh"} else "relu"
    raise UserError(
        f"an activation is the function {shown(known or name)}; it should be one of Keras's own, "
        f"written by its name, as in activation={meant!r}"
    )


def _check_dtype(value: Any, where: str) -> None:
    if value not in _ALLOWED_DTYPES:
        raise UserError(f"{where}: dtype = {shown(value)} is not supported; expected 'float32'")


def _last_axis(value: Any, layer: Mapping[str, Any], where: str) -> int:
    """An axis counted from the front means the last one when it equals the input's rank."""
    shape = mapping(layer.get("build_config")).get("input_shape")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    ranks = _rank(shape)
    if value == -1 or (isinstance(value, int) and ranks and value == ranks - 1):
        return -1
    raise UserError(f"{where}: axis = {shown(value)} is not supported; expected -1, the channels")


def mapping(value: object) -> Mapping[str, Any]:
    """Returns the value where it is a mapping, an empty one where it is anything else."""
    return value if isinstance(value, Mapping) else {}


def _rank(shape: Any) -> int:
    if isinstance(shape, list) and shape and isinstance(shape[0], list):
        shape = shape[0]
    return len(shape) if isinstance(shape, list) else 0
