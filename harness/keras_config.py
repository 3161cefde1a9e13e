"""Reads a Keras model configuration, which is plain JSON, into a spec, without Keras.

The child process that ran somebody's `build()` sends `model.get_config()`; this module runs on
the trusted side, so it believes nothing in it: every class, key and value is looked up in a table.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from harness.spec import MAX_NODES, Spec, clean_name, make_spec
from reference.errors import UserError
from reference.fields import shown
from reference.layers import LAYERS

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


def read_model(document: Mapping[str, Any]) -> Spec:
    """Returns the spec of a Sequential or Functional model configuration.

    Args:
        document: `{"class": "Sequential" | "Functional", "config": model.get_config()}`.

    Raises:
        UserError: the model uses something that a spec cannot say.
    """
    readers = {"Sequential": _read_sequential, "Functional": _read_functional}
    kind = document.get("class")
    reader = readers.get(kind) if isinstance(kind, str) else None
    config = document.get("config")
    if reader is None or not isinstance(config, Mapping):
        raise UserError(
            f"the model is a {shown(kind)}; expected keras.Sequential or a keras.Model made with "
            "the Functional API, whose layers can be listed"
        )
    layers = config.get("layers")
    if not isinstance(layers, list) or not all(_is_layer(layer) for layer in layers):
        raise UserError("the model's configuration lists no layers")
    if len(layers) > MAX_NODES:
        raise UserError(f"the network has {len(layers)} layers; at most {MAX_NODES} are accepted")
    rows, names = reader(config, layers)
    return make_spec(rows, names)


Row = tuple[str, Mapping[str, Any], tuple[int, ...], bool]


def _is_layer(layer: object) -> bool:
    return (
        isinstance(layer, Mapping)
        and isinstance(layer.get("class_name"), str)
        and isinstance(layer.get("config"), Mapping)
    )


def _read_sequential(
    config: Mapping[str, Any], layers: list[Mapping[str, Any]]
) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    names: list[str] = []
    frozen = config.get("trainable") is False
    for index, layer in enumerate(layers):
        inputs = () if index == 0 else (index - 1,)
        rows.append(_read_layer(layer, inputs, frozen=frozen))
        names.append(_name(layer))
    return rows, names


def _read_functional(
    config: Mapping[str, Any], layers: list[Mapping[str, Any]]
) -> tuple[list[Row], list[str]]:
    entry = _single(config.get("input_layers"), "input")
    output = _single(config.get("output_layers"), "output")
    by_name: dict[str, Mapping[str, Any]] = {}
    for layer in layers:
        name = _name(layer)
        if name in by_name:
            raise UserError(f"two layers are both named {shown(name)}; names should be unique")
        by_name[name] = layer
    order = _topological_order(by_name, entry, output)
    position = {name: index for index, name in enumerate(order)}
    frozen = config.get("trainable") is False
    rows = [
        _read_layer(
            by_name[name], tuple(position[i] for i in _inbound(by_name[name])), frozen=frozen
        )
        for name in order
    ]
    return rows, order


def _topological_order(
    layers: Mapping[str, Mapping[str, Any]], entry: str, output: str
) -> list[str]:
    """Depth-first from the output, inputs first: one order for one graph, cycles refused."""
    order: list[str] = []
    done: set[str] = set()
    open_: set[str] = set()
    stack: list[tuple[str, bool]] = [(output, False)]
    while stack:
        name, leaving = stack.pop()
        if leaving:
            open_.discard(name)
            done.add(name)
            order.append(name)
            continue
        if name in done:
            continue
        if name in open_:
            raise UserError(f"the layer graph has a cycle through {shown(name)}")
        if name not in layers:
            raise UserError(f"the layer graph refers to {shown(name)}, which is no layer of it")
        open_.add(name)
        stack.append((name, True))
        stack.extend(
            (previous, False)
            for previous in reversed(_inbound(layers[name]))
            if previous not in done
        )
    if order[0] != entry:
        raise UserError(f"the output does not depend on the input layer {shown(entry)}")
    unused = sorted(set(layers) - done)
    if unused:
        raise UserError(f"layers that do not lead to the output: {shown(', '.join(unused))}")
    return order


def _inbound(layer: Mapping[str, Any]) -> list[str]:
    """The names of the layers whose outputs this one takes."""
    nodes = layer.get("inbound_nodes") or []
    if not isinstance(nodes, list):
        raise UserError(f"layer {shown(_name(layer))}: inbound_nodes should be a list")
    if len(nodes) > 1:
        raise UserError(
            f"layer {shown(_name(layer))} is used {len(nodes)} times; "
            "shared layers are not supported"
        )
    names: list[str] = []
    pending: list[Any] = [node.get("args") for node in nodes if isinstance(node, Mapping)]
    while pending:
        value = pending.pop(0)
        if isinstance(value, list):
            pending[:0] = value
        elif isinstance(value, Mapping):
            history = _mapping(value.get("config")).get("keras_history")
            if value.get("class_name") != "__keras_tensor__" or not (
                isinstance(history, list) and len(history) == 3
            ):
                raise UserError(f"layer {shown(_name(layer))} takes an argument that is no tensor")
            if history[1:] != [0, 0]:
                raise UserError(
                    f"layer {shown(_name(layer))} takes a second output of {shown(history[0])}"
                )
            names.append(str(history[0]))
    return names


def _single(ends: object, what: str) -> str:
    """Keras writes one end as [name, 0, 0] and several as a list of those."""
    if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list):
        ends = ends[0]
    if isinstance(ends, list) and len(ends) == 3 and isinstance(ends[0], str):
        return ends[0]
    count = len(ends) if isinstance(ends, (list, dict)) else 0
    raise UserError(
        f"the model has {count} {what}s, but should have 1: images in, ten class scores out"
    )


def _name(layer: Mapping[str, Any]) -> str:
    return str(layer.get("name") or layer["config"].get("name") or layer["class_name"])


def _read_layer(layer: Mapping[str, Any], inputs: tuple[int, ...], *, frozen: bool) -> Row:
    kind = clean_name(layer["class_name"])  # of a layer that we know, that is its name itself
    config: Mapping[str, Any] = layer["config"]
    where = f"layer {shown(_name(layer))} ({kind[:60]})"
    if kind == "Lambda":
        raise UserError(
            f"{where} holds code, which is not run here; write what it does with Keras's own "
            "layers, such as Rescaling, Reshape or Activation"
        )
    if layer.get("registered_name") is not None or not _from_keras(layer.get("module")):
        raise UserError(
            f"{where} is not one of Keras's own layers; expected one of {', '.join(sorted(LAYERS))}"
        )
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
    return module is None or module == "keras.layers" or str(module).startswith("keras.src.layers.")


def _input_shape(config: Mapping[str, Any], where: str) -> list[Any]:
    shape = config.get("batch_shape")
    if not isinstance(shape, list) or len(shape) < 2 or shape[0] is not None:
        raise UserError(
            f"{where}: batch_shape = {shown(shape)}, but should be [None, …]: any number of images"
        )
    if not all(isinstance(size, int) for size in shape[1:]):
        raise UserError(f"{where}: the shape {shown(shape[1:])} should hold whole numbers only")
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
    name = str(value.get("config")).removesuffix("_v2")  # as TensorFlow calls some of its own
    meant = name if name in {"relu", "sigmoid", "softmax", "tanh"} else "relu"
    raise UserError(
        f"an activation is the function {shown(name)}; it should be one of Keras's own, written "
        f"by its name, as in activation={meant!r}"
    )


def _check_dtype(value: Any, where: str) -> None:
    if value not in _ALLOWED_DTYPES:
        raise UserError(f"{where}: dtype = {shown(value)} is not supported; expected 'float32'")


def _last_axis(value: Any, layer: Mapping[str, Any], where: str) -> int:
    """An axis counted from the front means the last one when it equals the input's rank."""
    shape = _mapping(layer.get("build_config")).get("input_shape")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    ranks = _rank(shape)
    if value == -1 or (isinstance(value, int) and ranks and value == ranks - 1):
        return -1
    raise UserError(f"{where}: axis = {shown(value)} is not supported; expected -1, the channels")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _rank(shape: Any) -> int:
    if isinstance(shape, list) and shape and isinstance(shape[0], list):
        shape = shape[0]
    return len(shape) if isinstance(shape, list) else 0
