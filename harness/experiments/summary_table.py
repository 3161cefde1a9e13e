"""The summary table that a document prints, made again from the network and compared by cells."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, Literal

from harness.experiments.base import Outcome
from reference.facts import Facts
from reference.layers import Network
from reference.summary import COLUMNS, TOTALS, Summary, summarise, write

if TYPE_CHECKING:
    from harness.experiments.context import Lab

_NONE: Final = ("", "", "")


@dataclass(frozen=True)
class SummaryTable:
    """Trains nothing: what Keras prints of a network follows from its layers."""

    architecture: str
    source: str
    id: str = "summary_table"
    kind: Literal["summary_table"] = "summary_table"
    title: str = "Summary table"
    question: str = "Does the network print the table of the document, cell by cell?"

    def run(self, lab: "Lab") -> Outcome:
        """Compares the table of the project's own module with the printed one."""
        return compare(lab.facts(self.architecture), lab.spec(self.architecture).network)


# Document 001 alone prints one.
TABLES: Final = (SummaryTable("sequential_cnn", "Model Architecture"),)


def compare(facts: Facts, network: Network) -> Outcome:
    """Returns both tables, every cell of either, and a problem for each cell that differs.

    The model's name in the first line is the document's: it is no part of a network.

    Raises:
        ValueError: the document prints no table.
    """
    printed = facts.summary
    if printed is None:
        raise ValueError(f"{facts.document} prints no summary table")
    actual = summarise(network, printed.table.title)
    cells = list(_cells(printed.table, actual))
    problems = tuple(
        f"row {cell['row']}, {cell['column']} = {cell['actual'] or 'nothing'}, but should be "
        f"{cell['expected'] or 'nothing'} [{facts.document.partition(':')[0]}, {printed.where}]"
        for cell in cells
        if not cell["equal"]
    )
    result = {"document": printed.text, "regenerated": write(actual), "cells": cells}
    return Outcome(result, problems)


def _cells(expected: Summary, actual: Summary) -> Iterator[dict[str, Any]]:
    """The totals are rows of one cell each, below the layers."""
    rows = list(zip_longest(expected.rows, actual.rows, fillvalue=_NONE))
    for number, (theirs, ours) in enumerate(rows):
        for column, a, b in zip(COLUMNS, theirs, ours, strict=True):
            yield _cell(number, column, a, b)
    totals = zip(TOTALS, expected.totals, actual.totals, strict=True)
    for number, (label, a, b) in enumerate(totals, len(rows)):
        yield _cell(number, label, a, b)


def _cell(row: int, column: str, expected: str, actual: str) -> dict[str, Any]:
    equal = expected == actual
    return {"row": row, "column": column, "expected": expected, "actual": actual, "equal": equal}
