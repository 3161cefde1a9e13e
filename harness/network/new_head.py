"""A trained network made ready for other classes: all of it frozen but a new last layer."""

from dataclasses import replace

from harness.network.spec import Spec
from reference.errors import UserError
from reference.layers import Network, Node


def head_of(spec: Spec) -> int:
    """Returns the index of the last layer that has weights: dense, before a softmax.

    Raises:
        UserError: the network ends in something else.
    """
    nodes = spec.network.nodes
    ending = [(node.kind, node.config.get("activation")) for node in nodes[-2:]]
    if [kind for kind, _ in ending] != ["Dense", "Activation"] or ending[1][1] != "softmax":
        raise UserError(
            "the network's last layer cannot be replaced: it ends in "
            f"{' and '.join(kind for kind, _ in ending)}, but should end in a dense layer with a "
            "softmax"
        )
    return len(nodes) - 2


def with_new_head(spec: Spec, classes: int) -> Spec:
    """Returns the same network with so many outputs, and nothing trainable but its last layer.

    Raises:
        UserError: the network does not end in a dense layer with a softmax.
    """
    head = head_of(spec)

    def changed(index: int, node: Node) -> Node:
        if index == head:
            return replace(node, config={**node.config, "units": classes}, trainable=True)
        return replace(node, trainable=False)

    nodes = tuple(changed(index, node) for index, node in enumerate(spec.network.nodes))
    return Spec(Network(nodes), spec.names)
