"""The table that Keras 2 prints of a sequential model: read, made from a network, and written.

A row for each layer (name and class, output shape, parameters), then three totals: document 001
prints one, see reference/facts/sequential_cnn.toml.
"""

import re
from dataclasses import dataclass
from typing import Final

from reference.errors import UserError
from reference.layers import LAYERS, Network, Shape, params, shapes, total_params, trainable_params

COLUMNS: Final = ("Layer (type)", "Output Shape", "Param #")
TOTALS: Final = ("Total params", "Trainable params", "Non-trainable params")

# Where Keras ends its columns in a line of 65 characters.
_ENDS: Final = (29, 55, 65)


@dataclass(frozen=True)
class Summary:
    """A printed table, cell by cell.

    Attributes:
        title: the model's name; no part of a network.
        rows: for each layer its name and class, output shape and parameters, as printed.
        totals: parameters in all, trainable and not, as printed.
    """

    title: str
    rows: tuple[tuple[str, str, str], ...]
    totals: tuple[str, str, str]


def summarise(network: Network, title: str) -> Summary:
    """Returns the table of a network, with the layers named as Keras names those without a name.

    The input has no row, as in a sequential model, and an activation has that of the layer that
    can carry it.
    """
    rows: list[tuple[str, str, str]] = []
    taken: dict[str, int] = {}
    measures = zip(network.nodes, shapes(network), params(network), strict=True)
    for index, (node, shape, count) in enumerate(measures):
        if node.kind == "InputLayer" or _fused(network, index):
            continue
        stem = default_name(node.kind)
        number = taken.get(stem, 0)
        taken[stem] = number + 1
        name = f"{stem}_{number}" if number else stem
        rows.append((f"{name} ({node.kind})", _printed(shape), str(count)))
    total, trainable = total_params(network), trainable_params(network)
    return Summary(title, tuple(rows), (f"{total:,}", f"{trainable:,}", f"{total - trainable:,}"))


def _fused(network: Network, index: int) -> bool:
    """Whether a node is an activation that only the layer before it can carry."""
    node = network.nodes[index]
    if node.kind != "Activation":
        return False
    (source,) = node.inputs
    users = sum(other.inputs.count(source) for other in network.nodes)
    return LAYERS[network.nodes[source].kind].fuses_activation and users == 1


def default_name(kind: str) -> str:
    """Returns Keras's name for the first layer of a class: MaxPooling2D -> max_pooling2d."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def _printed(shape: Shape) -> str:
    return f"(None, {', '.join(map(str, shape))})"


def write(summary: Summary) -> str:
    """Returns the table as text; columns are as wide as in Keras, wider where a cell needs it."""
    first, second = (
        max(end - start, *(len(row[column]) + 1 for row in summary.rows), 0)
        for column, (start, end) in enumerate(zip((0, *_ENDS), _ENDS[:2], strict=False))
    )
    width = first + second + _ENDS[2] - _ENDS[1]
    thin, thick = "_" * width, "=" * width
    lines = [f"{a:<{first}}{b:<{second}}{c}" for a, b, c in (COLUMNS, *summary.rows)]
    body = f"\n{thin}\n".join(lines[1:])
    totals = [f"{label}: {total}" for label, total in zip(TOTALS, summary.totals, strict=True)]
    head = [f'Model: "{summary.title}"', thin, lines[0], thick]
    return "\n".join([*head, *([body] if body else []), thick, *totals, thin, ""])


def read(text: str) -> Summary:
    """Returns the cells of a printed table.

    Raises:
        UserError: the text is not such a table; names the line.
    """
    lines = [line.rstrip() for line in text.splitlines()]
    lines = [line for line in lines if line.strip("_=")]
    if len(lines) < 2 or not lines[0].startswith('Model: "') or not lines[0].endswith('"'):
        raise UserError('a summary table should begin with Model: "…" and a row of headings')
    starts = [lines[1].find(column) for column in COLUMNS]
    if -1 in starts or starts != sorted(starts):
        raise UserError(f"line {lines[1]!r} of a summary table should have {', '.join(COLUMNS)}")
    rows, totals = lines[2 : -len(TOTALS)], lines[-len(TOTALS) :]
    if len(lines) < 2 + len(TOTALS):
        raise UserError(f"a summary table should end with {', '.join(TOTALS)}")
    return Summary(
        lines[0].removeprefix('Model: "')[:-1],
        tuple(_cells(line, starts) for line in rows),
        _totals(totals),
    )


def _cells(line: str, starts: list[int]) -> tuple[str, str, str]:
    a, b, c = starts
    cells = (line[a:b].strip(), line[b:c].strip(), line[c:].strip())
    if not all(cells):
        raise UserError(f"row {line!r} of a summary table should have three cells")
    return cells


def _totals(lines: list[str]) -> tuple[str, str, str]:
    found = []
    for label, line in zip(TOTALS, lines, strict=True):
        start, _, value = line.partition(": ")
        if start != label:
            raise UserError(f"line {line!r} of a summary table should be {label}: and a number")
        found.append(value)
    total, trainable, other = found
    return total, trainable, other
