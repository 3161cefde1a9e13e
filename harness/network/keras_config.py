"""Reads a Keras model configuration, which is plain JSON, into a spec, without Keras.

The child process that ran a submission's `build()` sends `model.get_config()`; this module runs on
the trusted side, so it believes nothing in it: every class, key and value is looked up in a table.
"""

from collections.abc import Mapping
from typing import Any

from harness.network.keras_layer import Row, layer_name, mapping, read_layer
from harness.network.spec import MAX_NODES, Spec, make_spec
from reference.errors import UserError
from reference.fields import shown


def read_model(document: Mapping[str, Any]) -> Spec:
    """Returns the spec of a Sequential or Functional model configuration.

    Args:
        document: `{"class": "Sequential" | "Functional", "config": model.get_config()}`.

    Raises:
        UserError: the model uses something that a spec cannot say.
    """
    if not isinstance(document, Mapping):
        raise UserError(f"the model is {shown(document)}; expected its class and configuration")
    kind = document.get("class")
    config = document.get("config")
    if kind not in _MODELS or not isinstance(config, Mapping):
        raise UserError(
            f"the model is a {shown(kind)}; expected keras.Sequential or a keras.Model made with "
            "the Functional API, whose layers can be listed"
        )
    return make_spec(*_read_graph(kind, config, frozen=False, depth=1))


Rows = tuple[list[Row], list[str]]
"""Layers in topological order, the input first, and their names."""

_MODELS = ("Sequential", "Functional")
_DEEPEST = 8  # models within models


def _read_graph(kind: str, config: Mapping[str, Any], *, frozen: bool, depth: int) -> Rows:
    """Returns the layers of a model, those of the models within it in their places."""
    if depth > _DEEPEST:
        raise UserError(f"models are nested more than {_DEEPEST} deep; expected a list of layers")
    layers = config.get("layers")
    if not isinstance(layers, list) or not all(_is_layer(layer) for layer in layers):
        raise UserError("the model's configuration lists no layers")
    if len(layers) > MAX_NODES:
        raise UserError(f"the network has {len(layers)} layers; at most {MAX_NODES} are accepted")
    frozen = frozen or config.get("trainable") is False
    reader = _read_sequential if kind == "Sequential" else _read_functional
    return reader(config, layers, frozen=frozen, depth=depth)


def _is_layer(layer: object) -> bool:
    return (
        isinstance(layer, Mapping)
        and isinstance(layer.get("class_name"), str)
        and isinstance(layer.get("config"), Mapping)
    )


def _read_sequential(
    config: Mapping[str, Any],  # noqa: ARG001  # the other reader needs it
    layers: list[Mapping[str, Any]],
    *,
    frozen: bool,
    depth: int,
) -> Rows:
    rows: list[Row] = []
    names: list[str] = []
    for layer in layers:
        _append(layer, (len(rows) - 1,) if rows else (), rows, names, frozen=frozen, depth=depth)
    return rows, names


def _read_functional(
    config: Mapping[str, Any], layers: list[Mapping[str, Any]], *, frozen: bool, depth: int
) -> Rows:
    entry = _single(config.get("input_layers"), "input")
    output = _single(config.get("output_layers"), "output")
    by_name: dict[str, Mapping[str, Any]] = {}
    for layer in layers:
        name = layer_name(layer)
        if name in by_name:
            raise UserError(f"two layers are both named {shown(name)}; names should be unique")
        by_name[name] = layer
    rows: list[Row] = []
    names: list[str] = []
    ends: dict[str, int] = {}  # the row that carries a layer's output
    for name in _topological_order(by_name, entry, output):
        layer = by_name[name]
        inputs = tuple(ends[source] for source in _inbound(layer))
        ends[name] = _append(layer, inputs, rows, names, frozen=frozen, depth=depth)
    return rows, names


def _append(
    layer: Mapping[str, Any],
    inputs: tuple[int, ...],
    rows: list[Row],
    names: list[str],
    *,
    frozen: bool,
    depth: int,
) -> int:
    """Adds a layer, or the layers of a model in its place; returns the row of its output."""
    if not _is_model(layer):
        rows.append(read_layer(layer, inputs, frozen=frozen))
        names.append(layer_name(layer))
        return len(rows) - 1
    where = f"the model {shown(layer_name(layer))} within the model"
    inner, inner_names = _read_graph(
        layer["class_name"], layer["config"], frozen=frozen, depth=depth + 1
    )
    if not inner or inner[0][0] != "InputLayer":
        raise UserError(f"{where} has no InputLayer; expected a model that was built")
    if not rows:  # the first of all: its input is the network's
        rows += inner
        names += inner_names
        return len(rows) - 1
    if len(inputs) != 1:
        raise UserError(f"{where} has {len(inputs)} inputs, but should have 1")
    # Its InputLayer stands for the row that it is given.
    place = [*inputs]
    for kind, config, sources, trainable in inner[1:]:
        rows.append((kind, config, tuple(place[i] for i in sources), trainable))
        place.append(len(rows) - 1)
    names += inner_names[1:]
    return place[-1]


def _is_model(layer: Mapping[str, Any]) -> bool:
    kind, module = layer["class_name"], layer.get("module")
    ours = module is None or module in ("keras", "keras.models")
    inner = isinstance(module, str) and module.startswith("keras.src.models.")
    return kind in _MODELS and (ours or inner) and layer.get("registered_name") in (None, kind)


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
            raise UserError(f"the layer graph refers to {shown(name)}, which is not in it")
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
        raise UserError(f"layer {shown(layer_name(layer))}: inbound_nodes should be a list")
    if len(nodes) > 1:
        raise UserError(
            f"layer {shown(layer_name(layer))} is used {len(nodes)} times; "
            "shared layers are not supported"
        )
    names: list[str] = []
    pending: list[Any] = [node.get("args") for node in nodes if isinstance(node, Mapping)]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += reversed(value)
        elif isinstance(value, Mapping):
            history = mapping(value.get("config")).get("keras_history")
            if value.get("class_name") != "__keras_tensor__" or not (
                isinstance(history, list) and len(history) == 3
            ):
                raise UserError(
                    f"layer {shown(layer_name(layer))} takes an argument that is not a tensor"
                )
            if history[1:] != [0, 0]:
                raise UserError(
                    f"layer {shown(layer_name(layer))} takes a second output of {shown(history[0])}"
                )
            if not isinstance(history[0], str):
                raise UserError(
                    f"layer {shown(layer_name(layer))} takes what {shown(history[0])} gives, "
                    "which is not a layer's name"
                )
            names.append(history[0])
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
