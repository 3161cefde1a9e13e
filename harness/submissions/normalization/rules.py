"""The rules that bring a network to the document's conventions, each for one habit.

A rule leaves the function and what it learns unchanged, for every input. Only layers without
weights are taken out or added, so the layers with weights keep their order.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from harness.network.spec import Spec
from harness.submissions.normalization.captured_recipe import CapturedRecipe
from reference.facts import Facts
from reference.layers import Network, Node, Shape, shapes

# 1 / 255 survives being written as 1.0 / 255, 0.00392157 or in float32.
_FUZZ: Final = 1e-5

Rule = Callable[[Spec, Facts, CapturedRecipe | None], tuple[Spec, str] | None]
"""Returns the rewritten network and a note, or None where there is nothing to rewrite."""


# Layers that do nothing -------------------------------------------------------------------------


def drop_idle(spec: Spec, _: Facts, __: CapturedRecipe | None) -> tuple[Spec, str] | None:
    done = shapes(spec.network)
    for index, node in enumerate(spec.network.nodes):
        if len(node.inputs) != 1 or len(spec.network.nodes) == 2:
            continue
        before = spec.network.nodes[node.inputs[0]]
        if _idle(node, before, done[node.inputs[0]], done[index]):
            note = f"the layer '{spec.names[index]}' ({node.kind}) does nothing here"
            return without(spec, index), note
    return None


def _idle(node: Node, before: Node, given: Shape, made: Shape) -> bool:
    config = node.config
    if node.kind in {"Flatten", "Reshape"}:
        return given == made
    if node.kind == "Activation":
        return (config, before.config) == ({"activation": "relu"}, {"activation": "relu"})
    if node.kind in {"MaxPooling2D", "AveragePooling2D"}:
        return (config["pool_size"], config["strides"]) == ([1, 1], [1, 1])
    return any(
        node.kind == kind and all(config[key] == value for key, value in settings.items())
        for kind, settings in _IDLE
    )


_IDLE: Final[tuple[tuple[str, dict[str, object]], ...]] = (
    ("Dropout", {"rate": 0}),
    ("SpatialDropout2D", {"rate": 0}),
    ("Rescaling", {"scale": 1, "offset": 0}),
    ("ZeroPadding2D", {"padding": [[0, 0], [0, 0]]}),
)


# Padding ----------------------------------------------------------------------------------------


def padding_within(spec: Spec, _: Facts, __: CapturedRecipe | None) -> tuple[Spec, str] | None:
    """Removes a border of zeros that a convolution with `same` adds itself."""
    for index, node in enumerate(spec.network.nodes):
        if node.kind != "Conv2D" or node.config["padding"] != "valid":
            continue
        source = node.inputs[0]
        border = spec.network.nodes[source]
        # Keras puts the odd row or column below and to the right.
        same = [[(k - 1) // 2, k // 2] for k in node.config["kernel_size"]]
        if (
            border.kind == "ZeroPadding2D"
            and border.config["padding"] == same
            and node.config["strides"] == [1, 1]
            and len(consumers(spec.network, source)) == 1
        ):
            note = (
                f"'{spec.names[source]}' (ZeroPadding2D) before '{spec.names[index]}' is what "
                "padding='same' does: the same function"
            )
            return without(with_config(spec, index, padding="same"), source), note
    return None


def same_without_border(spec: Spec, _: Facts, __: CapturedRecipe | None) -> tuple[Spec, str] | None:
    """Replaces `same` of a pooling whose windows fit exactly: nothing is padded."""
    done = shapes(spec.network)
    for index, node in enumerate(spec.network.nodes):
        config = node.config
        if node.kind not in _POOLING or config["padding"] != "same":
            continue
        sides = zip(done[node.inputs[0]][:2], config["pool_size"], config["strides"], strict=True)
        # The last window starts at the last multiple of the stride, and must end within the image.
        if all((-(-size // step) - 1) * step + window <= size for size, window, step in sides):
            changed = with_config(spec, index, padding="valid")
            if shapes(changed.network)[index] == done[index]:
                note = f"padding='same' adds nothing in '{spec.names[index]}': its windows fit"
                return changed, note
    return None


_POOLING: Final = frozenset({"MaxPooling2D", "AveragePooling2D"})


# Activations ------------------------------------------------------------------------------------


def relu_before_pooling(spec: Spec, _: Facts, __: CapturedRecipe | None) -> tuple[Spec, str] | None:
    """Moves ReLU before max pooling: the maximum of ReLU is ReLU of the maximum."""
    nodes = spec.network.nodes
    for index, node in enumerate(nodes):
        if node.kind != "Activation" or node.config != _RELU or nodes[node.inputs[0]].kind != _MAX:
            continue
        pooling = node.inputs[0]
        source = nodes[pooling].inputs[0]
        # No other layer may take what would change, and ReLU moves past one pooling only.
        alone = all(len(consumers(spec.network, i)) == 1 for i in (pooling, source))
        if alone and nodes[source].kind != _MAX:
            name = spec.names[index]
            moved = inserted_after(without(spec, index), source, "Activation", _RELU, name)
            return moved, f"ReLU after '{spec.names[pooling]}' gives what ReLU before it gives"
    return None


_RELU: Final = {"activation": "relu"}
_MAX: Final = "MaxPooling2D"


def softmax_of_logits(
    spec: Spec, _: Facts, recipe: CapturedRecipe | None
) -> tuple[Spec, str] | None:
    last = len(spec.network.nodes) - 1
    if recipe is None or not recipe.from_logits or spec.network.nodes[last].kind != "Dense":
        return None
    if len(shapes(spec.network)[last]) != 1:
        return None  # scores for something else than an image
    note = (
        "the network ends with scores and its loss has from_logits=True: the same network as one "
        "that ends with softmax"
    )
    softmax = {"activation": "softmax"}
    return inserted_after(spec, last, "Activation", softmax, spec.names[last]), note


# The way in ---------------------------------------------------------------------------------------


def _entrance(spec: Spec) -> Iterator[int]:
    """Yields the layers after the input that only arrange or scale pixels."""
    index = 0
    while True:
        following = consumers(spec.network, index)
        if len(following) != 1:
            return
        index = following[0]
        if spec.network.nodes[index].kind not in {"Flatten", "Reshape", "Rescaling"}:
            return
        yield index


def scaling_outside(spec: Spec, _: Facts, recipe: CapturedRecipe | None) -> tuple[Spec, str] | None:
    """Removes a division by 255: the grader divides pixels before they reach a network."""
    scalings = [i for i in _entrance(spec) if spec.network.nodes[i].kind == "Rescaling"]
    if len(scalings) != 1 or (recipe is not None and recipe.scaled_pixels):
        return None
    (index,) = scalings
    config = spec.network.nodes[index].config
    if abs(config["scale"] * 255 - 1) > _FUZZ or config["offset"] != 0:
        return None
    if len(spec.network.nodes) == 2:
        return None
    note = (
        f"the network divides its pixels by 255 itself, in '{spec.names[index]}': the same "
        "function as the document's, whose pixels are divided before they reach it"
    )
    return without(spec, index), note


def arrangement_outside(
    spec: Spec, facts: Facts, _: CapturedRecipe | None
) -> tuple[Spec, str] | None:
    """Images may come in any shape, where layers at the entrance bring them to the documented."""
    done = shapes(spec.network)
    arranging: list[int] = []
    for index in _entrance(spec):
        if spec.network.nodes[index].kind == "Rescaling":
            continue
        arranging.append(index)
        if done[index] == facts.input_shape:
            break
    else:
        return None
    if len(spec.network.nodes) - len(arranging) < 2:
        return None
    verb = "flattens" if len(facts.input_shape) == 1 else "reshapes"
    given, wanted = _shown(done[0]), _shown(facts.input_shape)
    note = (
        f"the network takes images of shape {given} and {verb} them itself: the same function as "
        f"the document's, which takes {wanted}"
    )
    for index in reversed(arranging):
        spec = without(spec, index)
    return with_config(spec, 0, shape=list(facts.input_shape)), note


def _shown(shape: Shape) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


RULES: Final[tuple[Rule, ...]] = (
    drop_idle,
    scaling_outside,
    arrangement_outside,
    padding_within,
    same_without_border,
    relu_before_pooling,
    softmax_of_logits,
)


def consumers(network: Network, index: int) -> list[int]:
    """Returns the nodes that take a node's output."""
    return [i for i, node in enumerate(network.nodes) if index in node.inputs]


def with_config(spec: Spec, index: int, **changes: Any) -> Spec:
    """Returns the network with some of a node's settings changed, all in normal form."""
    nodes = list(spec.network.nodes)
    nodes[index] = replace(nodes[index], config={**nodes[index].config, **changes})
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
