"""Reads the weights that came with a saved network: untrusted numbers, checked and assigned.

They cross as bytes and shapes, nothing else; what the shapes must be follows from the spec.
"""

import hashlib
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.network.spec import Spec, clean_name
from harness.system.hashing import digest
from reference.errors import UserError
from reference.layers import weights

Arrays = Mapping[str, NDArray[np.float32]]

_SCALAR = 4  # bytes


def read_weights(network: Mapping[str, Any], payload: bytes, spec: Spec) -> dict[str, Any]:
    """Returns the weights as "node index/name" -> float32 array, for the nodes of a spec.

    Args:
        network: the sandbox's answer about it; `weights` lists, for each layer of its
            configuration, the shapes of its arrays.
        payload: all values, little-endian float32, one array after another.
        spec: of the same network as its author wrote it.

    Raises:
        UserError: the shapes are not the network's, values are missing or not finite.
    """
    given = _shapes(network.get("weights"))
    nodes = _in_saved_order(network, spec)
    table = weights(spec.network)
    wanted = [(node, weight) for node in nodes for weight in table[node]]
    expected = [tuple(weight.shape) for _, weight in wanted]
    if given != expected:
        raise UserError(
            f"the file holds {len(given)} arrays of weights whose shapes are not those of its "
            f"{len(expected)} weights"
        )
    size = sum(prod(shape) for shape in expected)
    if len(payload) != size * _SCALAR:
        raise UserError(
            f"the file gave {len(payload):,} bytes of weights, but the network has "
            f"{size:,} weights of {_SCALAR} bytes"
        )
    values = np.frombuffer(payload, dtype="<f4")
    if not np.isfinite(values).all():
        raise UserError("some of its weights are not finite numbers")
    found: dict[str, Any] = {}
    start = 0
    for node, weight in wanted:
        stop = start + prod(weight.shape)
        found[f"{node:03d}/{weight.name}"] = values[start:stop].reshape(weight.shape)
        start = stop
    return found


def key(spec: Spec, arrays: Arrays) -> str:
    """Returns the key that weights are stored under: a hash of the network and every value."""
    sums = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    return digest({"kind": "weights", "spec": spec.digest, "arrays": sums})


def _shapes(value: object) -> list[tuple[int, ...]]:
    layers = value if isinstance(value, list) else []
    return [
        tuple(shape)
        for arrays in layers
        if isinstance(arrays, list)
        for shape in arrays
        if isinstance(shape, list) and all(type(size) is int for size in shape)
    ]


def _in_saved_order(network: Mapping[str, Any], spec: Spec) -> Sequence[int]:
    """Returns the nodes in the order of the file's layers, which need not be the spec's."""
    config = network.get("config")
    layers = config.get("layers") if isinstance(config, Mapping) else None
    places: dict[str, int] = {}
    for place, layer in enumerate(layers if isinstance(layers, list) else []):
        inner = layer.get("config") if isinstance(layer, Mapping) else None
        name = inner.get("name") if isinstance(inner, Mapping) else None
        places[clean_name(name)] = place
    nodes = range(len(spec.names))
    if len(places) < len(layers or []) or not set(spec.names) <= set(places):
        return nodes
    return sorted(nodes, key=lambda node: places[spec.names[node]])
