"""The document's printed summary beside the one that Keras prints now, cell by cell."""

from collections import Counter

from harness.report.schema import experiments as schema
from harness.report.text import formatting
from harness.report.views.experiments import Compared, SummaryTable

MAX_SHOWN = 4000  # cells; a network of this project has twenty


def body(result: schema.SummaryTable) -> SummaryTable:
    """Returns what the section of a summary table shows."""
    cells = result.cells[:MAX_SHOWN]
    counts = Counter(cell.row for cell in cells)
    several = [cell for cell in cells if counts[cell.row] > 1]
    columns = tuple(dict.fromkeys(cell.column for cell in several))
    rows = sorted({cell.row for cell in several})
    at = {(cell.row, cell.column): _cell(cell) for cell in several}
    return SummaryTable(
        columns=columns,
        rows=tuple(
            tuple(at.get((row, column)) for column in columns) for row in rows
        ),
        totals=tuple(
            (cell.column, _cell(cell)) for cell in cells if counts[cell.row] == 1
        ),
        summary=words(result),
        document=result.document,
        regenerated=result.regenerated,
    )  # fmt: skip


def words(result: schema.SummaryTable) -> str:
    """How many cells agree, in words."""
    cells = result.cells
    equal = sum(cell.equal for cell in cells)
    if not cells:
        return "No cell was compared."
    if equal == len(cells):
        return f"All {len(cells)} cells are equal."
    return f"{equal} of {len(cells)} cells are equal."


def _cell(cell: schema.Cell) -> Compared:
    return Compared(
        expected=cell.expected or formatting.NOTHING,
        actual=cell.actual or "nothing",
        equal=cell.equal,
    )
