"""Changes of a network as data: `vary(spec, settings)` is the network that the settings ask for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from harness.network.spec import Spec, make_spec
from reference.errors import UserError
from reference.layers import Node

Row = tuple[str, Mapping[str, Any], str]
"""A layer of a chain: its kind, its configuration and its name."""

_DROPOUT: Final = "dropout_before_output"


def vary(spec: Spec, settings: Mapping[str, Any]) -> Spec:
    """Returns the network with some of its settings changed, validated as any other.

    Args:
        spec: a chain of layers that ends in a Dense layer, with or without an activation.
        settings: as of `reference.study_format`; other settings are left alone.

    Raises:
        UserError: the network has no such layers as the settings speak of, or would not be one.
    """
    asked = {key: value for key, value in settings.items() if key in CHANGES}
    if not asked:
        return spec
    rows = _chain(spec)
    for key, change in CHANGES.items():
        if key in asked:
            rows = change(rows, asked[key])
    return make_spec(
        [(kind, config, (i - 1,) if i else (), True) for i, (kind, config, _) in enumerate(rows)],
        [name for _, _, name in rows],
    )


def settings_of(spec: Spec) -> dict[str, Any]:
    """Returns the settings that `vary` could change, as they are.

    Raises:
        UserError: the network is not a chain that ends in a Dense layer.
    """
    rows = _chain(spec)
    last = _output(rows)
    before = rows[last - 1]
    hidden = [c["activation"] for k, c, _ in rows[:last] if k == "Activation"]
    return {
        "convolutions": any(kind == "Conv2D" for kind, _, _ in rows),
        "filters": [config["filters"] for kind, config, _ in rows if kind == "Conv2D"],
        "dense": [rows[i][1]["units"] for i in _hidden(rows)],
        "dropout": before[1]["rate"] if before[0] == "Dropout" else 0.0,
        "hidden_activation": " ".join(dict.fromkeys(hidden)) or "linear",
        "output_activation": rows[-1][1]["activation"] if last < len(rows) - 1 else "linear",
    }


def _chain(spec: Spec) -> list[Row]:
    nodes = spec.network.nodes
    if any(node.inputs != ((i - 1,) if i else ()) or not node.trainable
           for i, node in enumerate(nodes)):  # fmt: skip
        raise UserError(
            "the network branches or is frozen in part; only a chain of layers can be varied"
        )
    rows = [_row(node, name) for node, name in zip(nodes, spec.names, strict=True)]
    _output(rows)
    return rows


def _row(node: Node, name: str) -> Row:
    return node.kind, node.config, name


def _output(rows: Sequence[Row]) -> int:
    """Returns the place of the output layer: the last Dense, with at most an activation behind."""
    kinds = [kind for kind, _, _ in rows]
    tail = kinds[-2:] if kinds[-1] == "Activation" else kinds[-1:]
    if tail[0] != "Dense":
        raise UserError(f"the network ends in {tail[0]}; only one that ends in Dense can be varied")
    return len(rows) - len(tail)


def _hidden(rows: Sequence[Row]) -> list[int]:
    """Returns the places of the dense layers before the output."""
    return [i for i in range(_output(rows)) if rows[i][0] == "Dense"]


def _convolutions(rows: list[Row], wanted: bool) -> list[Row]:
    """False takes out all that lies between the images and the layer that flattens them."""
    kinds = [kind for kind, _, _ in rows]
    if wanted == ("Conv2D" in kinds):
        return rows
    if wanted:
        raise UserError("convolutions = true, but the network has none; name an architecture")
    if "Flatten" not in kinds:
        raise UserError("convolutions = false, but no layer flattens the images without them")
    return [rows[0], *rows[kinds.index("Flatten") :]]


def _filters(rows: list[Row], filters: Sequence[int]) -> list[Row]:
    places = [i for i, (kind, _, _) in enumerate(rows) if kind == "Conv2D"]
    if len(places) != len(filters):
        raise UserError(
            f"filters = {list(filters)}, but should be {len(places)} integers, one for each "
            "convolution of the network"
        )
    result = list(rows)
    for place, count in zip(places, filters, strict=True):
        kind, config, name = rows[place]
        result[place] = (kind, {**config, "filters": count}, name)
    return result


def _dense(rows: list[Row], widths: Sequence[int]) -> list[Row]:
    """Replaces the hidden dense layers; new ones are made like the first."""
    places = _hidden(rows)
    if not places:
        raise UserError(f"dense = {list(widths)}, but the network has no hidden dense layer")
    if len(places) == len(widths):
        result = list(rows)
        for place, units in zip(places, widths, strict=True):
            kind, config, name = rows[place]
            result[place] = (kind, {**config, "units": units}, name)
        return result
    gone = {i for place in places for i in _block(rows, place)}
    (kind, config, name), *behind = (rows[i] for i in _block(rows, places[0]))
    blocks = [
        row
        for number, units in enumerate(widths, start=1)
        for row in ((kind, {**config, "units": units}, f"{name}_{number}"), *behind)
    ]
    kept = [row for i, row in enumerate(rows[places[0] :], start=places[0]) if i not in gone]
    return [*rows[: places[0]], *blocks, *kept]


def _block(rows: Sequence[Row], place: int) -> list[int]:
    """A dense layer with the activation behind it."""
    return [place, place + 1] if rows[place + 1][0] == "Activation" else [place]


def _hidden_activation(rows: list[Row], activation: str) -> list[Row]:
    last = _output(rows)
    return [
        (kind, {"activation": activation}, name) if kind == "Activation" and i < last
        else (kind, config, name)
        for i, (kind, config, name) in enumerate(rows)
    ]  # fmt: skip


def _dropout(rows: list[Row], rate: float) -> list[Row]:
    last = _output(rows)
    before = rows[: last - 1] if rows[last - 1][0] == "Dropout" else rows[:last]
    layer: list[Row] = [("Dropout", {"rate": rate}, _DROPOUT)] if rate else []
    return [*before, *layer, *rows[last:]]


def _output_activation(rows: list[Row], activation: str) -> list[Row]:
    last = _output(rows)
    return [*rows[: last + 1], ("Activation", {"activation": activation}, rows[last][2])]


CHANGES: Final[Mapping[str, Callable[[list[Row], Any], list[Row]]]] = {
    # In this order: what is left of the network comes first.
    "convolutions": _convolutions,
    "filters": _filters,
    "dense": _dense,
    "hidden_activation": _hidden_activation,
    "dropout": _dropout,
    "output_activation": _output_activation,
}
