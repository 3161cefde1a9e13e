"""A row: one layer of a network, as a person would write it, with its activation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reference.facts import LayerFact
from reference.layers import Shape


@dataclass(frozen=True)
class Row:
    """One layer, as a person would write it.

    Attributes:
        kind: Keras's class name.
        name: the author's; the class name where the document gives none.
        config: for an expected row, only what the document fixes.
        output_shape: without the batch axis.
        fact: where an expected row comes from.
        implied: for an expected row, the settings that its shapes and counts leave no choice of.
        input_shape: of the first input; known for an actual row only.
        output: whether it is the network's last layer.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    output_shape: Shape
    params: int
    flops: int
    trainable: bool = True
    fact: LayerFact | None = None
    implied: Mapping[str, Any] = field(default_factory=dict)
    input_shape: Shape = ()
    output: bool = False

    @property
    def signature(self) -> tuple[str, str]:
        """What makes two rows the same layer, whatever their settings."""
        activation = str(self.config["activation"]) if self.kind == "Activation" else ""
        return self.kind, activation

    @property
    def title(self) -> str:
        """The layer in a sentence: "Conv2D", or "ReLU" for a layer that is an activation."""
        return _ACTIVATIONS.get(self.signature[1], self.signature[1]) or self.kind


_ACTIVATIONS: Mapping[str, str] = {"relu": "ReLU"}


def differing_settings(expected: Row, actual: Row) -> tuple[str, ...]:
    """Returns the names of the settings in which two layers of one kind differ, causes first.

    Shapes and counts are not settings: they follow from these, or from another layer's.
    """
    if expected.kind != actual.kind:
        return ()
    wanted = {**expected.implied, **expected.config}
    found = {key for key, value in wanted.items() if actual.config.get(key, value) != value}
    if "pool_size" in found:
        found.discard("strides")  # Keras takes the window's size for the step
    if not actual.trainable:
        found.add("trainable")
    return tuple(sorted(found, key=_rank))


_ORDER = (
    "units", "filters", "kernel_size", "pool_size", "strides", "padding", "rate", "activation",
    "kernel_initializer", "use_bias",
)  # fmt: skip


def _rank(key: str) -> tuple[int, str]:
    return _ORDER.index(key) if key in _ORDER else len(_ORDER), key
