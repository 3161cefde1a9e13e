"""Small edits of a network, each giving a new one: take a layer out, put one in its place, or add.

Only layers without weights are ever taken out or added, so the layers with weights keep their
order, and weights that belong to the one network fit the other.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.network.spec import Spec
from reference.layers import Network, Node


def consumers(network: Network, index: int) -> list[int]:
    """Returns the nodes that take a node's output."""
    return [i for i, node in enumerate(network.nodes) if index in node.inputs]


def with_config(spec: Spec, index: int, **changes: Any) -> Spec:
    """Returns the network with some of a node's settings changed, all in normal form."""
    node = spec.network.nodes[index]
    return with_node(spec, index, replace(node, config={**node.config, **changes}))


def with_node(spec: Spec, index: int, node: Node) -> Spec:
    """Returns the network with another node in a node's place."""
    nodes = list(spec.network.nodes)
    nodes[index] = node
    return Spec(Network(tuple(nodes)), spec.names)


def without(spec: Spec, index: int) -> Spec:
    """Returns the network without a node: what took its output takes its only input."""
    nodes = spec.network.nodes
    (source,) = nodes[index].inputs

    def moved(i: int) -> int:
        i = source if i == index else i
        return i - 1 if i > index else i

    kept = tuple(
        replace(node, inputs=tuple(moved(i) for i in node.inputs))
        for i, node in enumerate(nodes)
        if i != index
    )
    names = tuple(name for i, name in enumerate(spec.names) if i != index)
    return Spec(Network(kept), names)


def inserted_after(spec: Spec, index: int, kind: str, config: Mapping[str, Any], name: str) -> Spec:
    """Returns the network with a layer between a node and all that took its output.

    Args:
        config: complete and in normal form.
    """
    nodes = list(spec.network.nodes)

    def moved(i: int) -> int:
        return i + 1 if i >= index else i

    rest = [replace(n, inputs=tuple(moved(i) for i in n.inputs)) for n in nodes[index + 1 :]]
    new = Node(kind, config, (index,))
    names = (*spec.names[: index + 1], name, *spec.names[index + 1 :])
    return Spec(Network((*nodes[: index + 1], new, *rest)), names)
