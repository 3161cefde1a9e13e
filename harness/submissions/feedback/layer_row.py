"""Rows (one layer of a network each), causes of differences, and how values are written."""

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


@dataclass(frozen=True)
class Cause:
    """A likely cause.

    Attributes:
        kind: a slug, for counting over a class, e.g. "padding".
        text: one or two sentences.
        mistake: causes of a kind with the same mistake are one, even where the sizes in their
            texts differ; the text is what tells them apart where it is empty.
    """

    kind: str
    text: str
    mistake: str = ""


@dataclass(frozen=True)
class Found:
    """A cause in its place.

    Attributes:
        where: e.g. "layer 1 (Conv2D 'conv')", "compile", "fit" or "data".
        fixed: whether the document fixes it, or it cannot work together with the rest.
        setting: of a recipe: which one, as in the facts where it is one of them.
        given, wanted: its value, and what it should be.
    """

    where: str
    cause: Cause
    fixed: bool = True
    setting: str = ""
    given: Any = None
    wanted: Any = None


def by(sizes: Any) -> str:
    return " × ".join(str(size) for size in sizes[:2])


def as_pair(sizes: list[int]) -> str:
    return f"({', '.join(map(str, sizes))})"


def as_stride(sizes: list[int]) -> str:
    return str(sizes[0]) if sizes[0] == sizes[1] else as_pair(sizes)


def as_side(shape: tuple[int, ...]) -> str:
    return str(shape[0]) if len(shape) < 2 or shape[0] == shape[1] else by(shape)


def as_tuple(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def as_plain(value: Any) -> str:
    return str(value["class"]) if isinstance(value, Mapping) and "class" in value else str(value)
