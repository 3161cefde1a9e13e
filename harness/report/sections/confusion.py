"""Which digits were taken for which: the matrix, the commonest pairs, the pictures."""

from collections.abc import Sequence

from harness.report.schema import results as schema
from harness.report.text import formatting, html
from harness.report.views.page import Cell, Confusion, ConfusionRow, Misread, Pair

# upper ends of the shades, as shares of a row's images: each is about twice the one before
SHADES = (0.001, 0.0025, 0.005, 0.01, 0.02)
MAX_PAIRS = 8
MAX_PICTURES = 24


def confusion(runs: Sequence[schema.Run]) -> Confusion | None:
    """The counts of all runs added up; None when no run has a matrix."""
    matrices = [run.confusion for run in runs if run.confusion]
    if not matrices:
        return None
    matrices = [matrix for matrix in matrices if len(matrix) == len(matrices[0])]
    size = range(len(matrices[0]))
    total = [[sum(matrix[i][j] for matrix in matrices) for j in size] for i in size]
    rows = tuple(_row(i, total[i]) for i in size)
    columns = [sum(total[i][j] for i in size) for j in size]
    images_counted = sum(columns)
    basis = f"{images_counted:,} predictions"
    if len(matrices) > 1:
        basis += f" of {len(matrices)} seeds added up"
    else:
        seeds = [run.seed for run in runs if run.confusion]
        basis += f", seed {seeds[0]}" if seeds[0] is not None else ""
    precision = tuple(formatting.percent(_share(total[j][j], columns[j]), 1) for j in size)
    return Confusion(rows, precision, _pairs(total), basis)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _row(label: int, counts: Sequence[int]) -> ConfusionRow:
    whole = sum(counts)
    cells = tuple(
        Cell(
            count=str(count) if count else "·",
            shade="right" if column == label else _shade(count, whole),
            hint=f"{label} classified as {column}: {count:,} of {whole:,} "
            f"({formatting.percent(_share(count, whole))})",
        )
        for column, count in enumerate(counts)
    )
    return ConfusionRow(label, cells, formatting.percent(_share(counts[label], whole), 1))


def _shade(count: int, whole: int) -> str:
    if not count:
        return "s0"
    return f"s{1 + sum(count / whole > end for end in SHADES)}"


def _pairs(total: Sequence[Sequence[int]]) -> tuple[Pair, ...]:
    counts = [
        (count, label, prediction)
        for label, row in enumerate(total)
        for prediction, count in enumerate(row)
        if label != prediction and count
    ]
    counts.sort(key=lambda item: (-item[0], item[1], item[2]))
    return tuple(
        Pair(
            label,
            prediction,
            f"{count:,}",
            formatting.percent(_share(count, sum(total[label]))),
            round(100 * count / counts[0][0]),
        )
        for count, label, prediction in counts[:MAX_PAIRS]
    )


def gallery(runs: Sequence[schema.Run]) -> tuple[tuple[Misread, ...], str]:
    """The pictures of the first run that has any, most confident first, and where they are from."""
    for run in runs:
        if run.misread:
            shown = sorted(run.misread, key=lambda item: -(item.confidence or 0))
            shown = shown[:MAX_PICTURES]
            seed = "" if run.seed is None else f", seed {run.seed}"
            basis = f"The {len(shown)} most confident mistakes{seed}."
            return tuple(map(_misread, shown)), basis
    return (), ""


def _misread(item: schema.Misread) -> Misread:
    confidence = formatting.percent(item.confidence, 1)
    return Misread(
        picture=html.data_uri(item.pixels),
        label=item.label,
        prediction=item.prediction,
        confidence=confidence,
        alternative=f"Handwritten {item.label}, classified as {item.prediction}",
        index="" if item.index is None else f"test image {item.index}",
    )
