"""The spec: a network as data, all that ever comes out of a submission's `build()`.

A spec is a `reference.layers.Network` in normal form (fused activations split off, names, seeds
and default dtypes gone), so every way of writing the same network gives the same digest. The
author's layer names travel beside it, for messages only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from harness.system.hashing import digest
from reference.errors import UserError
from reference.fields import shown
from reference.layers import Network, normalise_traced, params, shapes

SCHEMA = 1

# Far above anything the documents describe, far below what would hurt the machine.
MAX_NODES = 256
MAX_PARAMS = 20_000_000
MAX_ACTIVATIONS = 20_000_000  # floats in one layer's output, for one image
MAX_NAME = 80
MAX_MESSAGE = 500  # characters


@dataclass(frozen=True)
class Spec:
    """A network in normal form and, for messages, the names its author gave the layers.

    Attributes:
        names: one for each node; a layer with a fused activation gave its name to two nodes.
    """

    network: Network
    names: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the network alone: the architecture's identity."""
        return digest(network_to_json(self.network))

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "nodes": network_to_json(self.network),
            "names": list(self.names),
        }


def network_to_json(network: Network) -> list[dict[str, Any]]:
    """Returns the nodes as plain JSON, in topological order."""
    return [
        {
            "kind": node.kind,
            "config": dict(node.config),
            "inputs": list(node.inputs),
            "trainable": node.trainable,
        }
        for node in network.nodes
    ]


def from_json(document: Mapping[str, Any]) -> Spec:
    """Reads what `Spec.to_json` wrote, validating it as if a stranger had written it.

    Raises:
        UserError: the document is not a spec, or describes a network beyond the caps.
    """
    if not isinstance(document, Mapping):
        raise UserError(f"spec: {shown(document)}, but should be a mapping of keys to values")
    schema = document.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        raise UserError(f"spec: schema = {shown(schema)}, but should be {SCHEMA}")
    nodes = document.get("nodes")
    names = document.get("names")
    if not isinstance(nodes, list) or not isinstance(names, list):
        raise UserError("spec: 'nodes' and 'names' should be lists")
    try:
        rows = [(n["kind"], n["config"], tuple(n["inputs"]), n["trainable"]) for n in nodes]
    except (TypeError, KeyError) as error:
        raise UserError("spec: each node should have kind, config, inputs and trainable") from error
    return make_spec(rows, names)


def make_spec(
    rows: list[tuple[str, Mapping[str, Any], tuple[int, ...], bool]], names: list[str]
) -> Spec:
    """Normalises, validates and caps a layer graph.

    Raises:
        UserError: a layer, a value or the size of the network is outside what is accepted.
    """
    if len(rows) > MAX_NODES:
        raise UserError(f"the network has {len(rows)} layers; at most {MAX_NODES} are accepted")
    if len(names) != len(rows):
        raise UserError(f"{len(names)} names for {len(rows)} layers")
    try:
        network, origins = normalise_traced(rows)
        if len(network.nodes) > MAX_NODES:
            raise UserError(
                f"the network has {len(network.nodes)} layers, each activation counted as one; "
                f"at most {MAX_NODES} are accepted"
            )
        check_caps(network)
    except UserError as error:
        # A stranger's file can be wrong in a thousand places.
        raise UserError(brief(str(error))) from None
    return Spec(network, tuple(clean_name(names[origin]) for origin in origins))


def check_caps(network: Network) -> None:
    """Refuses a network too large to train here, by arithmetic, before anything is allocated.

    Raises:
        UserError: too many parameters or too large an activation.
    """
    total = sum(params(network))
    if total > MAX_PARAMS:
        raise UserError(
            f"the network has {total:,} parameters; at most {MAX_PARAMS:,} are accepted"
        )
    for index, (node, shape) in enumerate(zip(network.nodes, shapes(network), strict=True)):
        if prod(shape) > MAX_ACTIVATIONS:
            raise UserError(
                f"layer {index} ({node.kind}) has an output of shape {list(shape)}; "
                f"at most {MAX_ACTIVATIONS:,} values are accepted"
            )


def brief(message: str) -> str:
    """Returns a message cut to a readable length."""
    return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…"


def clean_name(name: object) -> str:
    """Returns a layer name that is safe to print: one short line of printable characters."""
    text = re.sub(r"[^\w\-./ ]", "?", name[:MAX_NAME]) if isinstance(name, str) else ""
    return text or "?"
