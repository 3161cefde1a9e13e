"""A network as data: a graph of layers in normal form, and what arithmetic says about it.

Normal form means one way to say one thing. A fused activation is an `Activation` node of its
own, so are `ReLU()` and `Softmax()`; every configuration is complete; nothing is kept that does
not change what the network computes and learns. Equal networks are then equal values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reference.arithmetic import Config, Shape, WeightShape
from reference.errors import UserError
from reference.fields import plain, shown
from reference.kinds import LAYERS, LayerRule

__all__ = [
    "LAYERS",
    "Config",
    "LayerRule",
    "LayerSpelling",
    "Network",
    "Node",
    "Shape",
    "WeightShape",
    "flops",
    "normalise",
    "normalise_traced",
    "params",
    "shapes",
    "total_params",
    "trainable_params",
    "weights",
]


@dataclass(frozen=True)
class Node:
    """One layer.

    Attributes:
        kind: Keras's class name, a key of `LAYERS`.
        config: complete, in normal form, JSON-plain; not to be changed.
        inputs: indexes of earlier nodes; empty for the InputLayer only.
        trainable: False where the layer's weights are frozen.
    """

    kind: str
    config: Config
    inputs: tuple[int, ...]
    trainable: bool = True


@dataclass(frozen=True)
class Network:
    """Nodes in topological order: the first is the only InputLayer, the last the output."""

    nodes: tuple[Node, ...]


# Arithmetic over a network --------------------------------------------------------------------


def shapes(network: Network) -> tuple[Shape, ...]:
    """Returns the output shape of every node, without the batch axis.

    Raises:
        UserError: a layer cannot take the shape it is given, for example a kernel larger than
            the image. The message names the node's index and kind.
    """
    done: list[Shape] = []
    for index, node in enumerate(network.nodes):
        try:
            done.append(LAYERS[node.kind].output_shape(node.config, [done[i] for i in node.inputs]))
        except UserError as error:
            raise UserError(f"layer {index} ({node.kind}): {error}") from None
    return tuple(done)


def weights(network: Network) -> tuple[tuple[WeightShape, ...], ...]:
    """Returns every node's weight arrays, in Keras's order.

    Raises:
        UserError: see `shapes`.
    """
    done = shapes(network)
    return tuple(
        LAYERS[node.kind].weights(node.config, done[node.inputs[0]] if node.inputs else ())
        for node in network.nodes
    )


def params(network: Network) -> tuple[int, ...]:
    """Returns the number of parameters of every node, trainable or not.

    Raises:
        UserError: see `shapes`.
    """
    return tuple(sum(weight.size for weight in arrays) for arrays in weights(network))


def total_params(network: Network) -> int:
    """Returns the number of parameters, trainable or not."""
    return sum(params(network))


def trainable_params(network: Network) -> int:
    """Returns the number of parameters that training changes by gradient.

    Running statistics and frozen layers are left out, as in Keras's summary.
    """
    return sum(
        weight.size
        for node, arrays in zip(network.nodes, weights(network), strict=True)
        for weight in arrays
        if node.trainable and weight.trainable
    )


def flops(network: Network) -> tuple[int, ...]:
    """Returns every node's FLOPs for one forward pass of one image.

    Two for each multiply-add of Conv2D and Dense and one for each bias added; other layers
    count as none (see `reference.arithmetic`).

    Raises:
        UserError: see `shapes`.
    """
    done = shapes(network)
    return tuple(
        LAYERS[node.kind].flops(node.config, [done[i] for i in node.inputs], output)
        for node, output in zip(network.nodes, done, strict=True)
    )


# Normal form ----------------------------------------------------------------------------------

LayerSpelling = tuple[str, Mapping[str, Any], Sequence[int], bool]
"""A layer as its author wrote it: (kind, config, indexes of its inputs, trainable)."""


@dataclass(frozen=True)
class _Alias:
    """A Keras layer that is an activation function under another name."""

    activation: str
    config: Config
    """The only values supported, and the defaults."""


_ALIASES: Final[Mapping[str, _Alias]] = {
    "ReLU": _Alias("relu", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}),
    "Softmax": _Alias("softmax", {"axis": -1}),
}


def normalise(layers: Sequence[LayerSpelling]) -> Network:
    """Returns the network in normal form; equivalent spellings give equal networks.

    `layers` are in topological order, the first the InputLayer, the last the output; `inputs`
    are indexes into `layers`. The order of the nodes is the order of `layers`.

    Raises:
        UserError: an unknown kind, key or value, or a graph that is not one network from one
            input to one output. The message names the index in `layers` and the kind.
    """
    return normalise_traced(layers)[0]


def normalise_traced(layers: Sequence[LayerSpelling]) -> tuple[Network, tuple[int, ...]]:
    """Like `normalise`, and returns for each node the index of the layer it came from.

    Raises:
        UserError: see `normalise`.
    """
    nodes: list[Node] = []
    origins: list[int] = []
    ends: list[int] = []  # for each layer, the node that carries its output
    for index, (kind, config, inputs, trainable) in enumerate(layers):
        try:
            spelled = _spell_out(kind, config, trainable=trainable)
            _check_inputs(kind, inputs, index)
        except UserError as error:
            raise UserError(f"layer {index} ({plain(kind)}): {error}") from None
        sources = tuple(ends[i] for i in inputs)
        for name, settings, learns in spelled:
            nodes.append(Node(name, settings, sources, learns))
            origins.append(index)
            sources = (len(nodes) - 1,)
        ends.append(sources[0])  # a linear activation leaves no node: its output is its input
    _check_ends(layers)
    return Network(tuple(nodes)), tuple(origins)


def _spell_out(
    kind: str, config: Mapping[str, Any], *, trainable: bool
) -> list[tuple[str, dict[str, Any], bool]]:
    """Returns the nodes, none to two, that one layer stands for: (kind, config, trainable)."""
    # The layers may come from a stranger's file: their types are not to be relied on.
    if not isinstance(kind, str):
        raise UserError(f"kind = {shown(kind)}, but should be the name of a Keras layer")
    if not isinstance(config, Mapping):
        raise UserError(f"config = {shown(config)}, but should be a mapping of keys to values")
    if not isinstance(trainable, bool):
        raise UserError(f"trainable = {shown(trainable)}, but should be True or False")
    if kind in _ALIASES:
        kind, config = "Activation", _unalias(_ALIASES[kind], config)
    if kind not in LAYERS:
        raise UserError(unknown_layer())
    rule = LAYERS[kind]
    settings = dict(config)
    fused = settings.pop("activation", None) if rule.fuses_activation else None
    parts = [(kind, rule.validate(settings))]
    if fused is not None:
        parts.append(("Activation", LAYERS["Activation"].validate({"activation": fused})))
    return [
        (name, complete, trainable or not _has_weights(LAYERS[name], complete))
        for name, complete in parts
        if (name, complete) != ("Activation", {"activation": "linear"})
    ]


def unknown_layer() -> str:
    """Returns the message about a layer of another kind than the known ones."""
    known = ", ".join(sorted((*LAYERS, *_ALIASES)))
    return f"not a layer that can be graded; expected one of Keras's own: {known}"


def _unalias(alias: _Alias, config: Config) -> dict[str, str]:
    for key, value in config.items():
        if key not in alias.config:
            raise UserError(f"knows no key {shown(key)}; known keys: {', '.join(alias.config)}")
        if isinstance(value, bool) or value != alias.config[key]:
            raise UserError(
                f"{key} = {shown(value)} is not supported; expected {alias.config[key]!r}"
            )
    return {"activation": alias.activation}


def _has_weights(rule: LayerRule, config: Config) -> bool:
    # Whether there are weights does not depend on the input's shape: any one will do.
    return bool(rule.weights(config, (1,)))


def _check_inputs(kind: str, inputs: Sequence[int], index: int) -> None:
    if (kind == "InputLayer") != (index == 0):
        raise UserError("a network should have one InputLayer, and it should come first")
    if not all(type(i) is int and 0 <= i < index for i in inputs):
        raise UserError(f"inputs = {shown(list(inputs))}, but should be indexes of earlier layers")
    fewest, most = LAYERS["Activation" if kind in _ALIASES else kind].inputs
    if not fewest <= len(inputs) <= most:
        expected = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise UserError(f"has {len(inputs)} inputs, but should have {expected}")


def _check_ends(layers: Sequence[LayerSpelling]) -> None:
    """Refuses layers that do not lead to the output, and a network without layers."""
    if len(layers) < 2:
        raise UserError("the network has no layers; expected an InputLayer and at least one more")
    used = {i for _, _, inputs, _ in layers for i in inputs}
    for index, (kind, *_) in enumerate(layers[:-1]):
        if index not in used:
            raise UserError(
                f"layer {index} ({kind}): no layer takes its output; expected one output, that "
                "of the last layer"
            )
