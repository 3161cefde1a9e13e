"""Experiments that reproduce what a document prints: sample predictions and a summary table."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from math import isfinite
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Bytes
from harness.experiments.context import ExperimentContext, Kind, Outcome
from reference.facts import Facts
from reference.layers import Network
from reference.summary import COLUMNS, TOTALS, Summary, summarise, write

MAX_MISCLASSIFIED: Final = 10
"""The number of misclassified images that are shown."""


@dataclass(frozen=True)
class SamplePredictions:
    """The predictions of a network on test digits that a fixed rule chooses; kind "samples"."""

    architecture: str
    source: str
    id: str = "sample_predictions"
    kind: Kind = "samples"
    title: str = "Predictions on sample digits"
    question: str = "What does the trained network make of single test digits, and how sure is it?"

    def run(self, context: ExperimentContext) -> Outcome:
        """Returns the predictions of the first run."""
        run = context.runs(self.architecture)[0]
        data = context.dataset
        return Outcome(shown(run.predictions, data.test_labels, data.test_images, run.seed))


SAMPLES = (SamplePredictions("mlp_256_128", "the picture 'Real Test on Data', at the end"),)


def chosen(predicted: NDArray[np.integer[Any]], labels: Bytes) -> tuple[list[int], list[int]]:
    """Returns the first image of each digit, and the first misclassified ones beside them.

    The order of the test set decides, so that the samples cannot be picked for their looks.

    Args:
        predicted: the predicted digit of each test image, (N,).
        labels: its true digit, (N,).
    """
    first = sorted(int(np.flatnonzero(labels == digit)[0]) for digit in np.unique(labels))
    wrong = [int(index) for index in np.flatnonzero(predicted != labels) if index not in first]
    return first, wrong[:MAX_MISCLASSIFIED]


def shown(
    predictions: NDArray[np.float32], labels: Bytes, images: Bytes, seed: int
) -> dict[str, object]:
    """Returns the result of the experiment.

    Args:
        predictions: probabilities, (N, 10).
        images: (N, 28, 28).
    """
    predicted = predictions.argmax(axis=1)
    first, wrong = chosen(predicted, labels)
    correct = int((predicted == labels).sum())
    finding = (
        f"The first test image of each digit ({sum(predicted[first] == labels[first])} of "
        f"{len(first)} classified correctly), then the first {len(wrong)} misclassified ones. Of "
        f"all {len(labels):,} test images, {correct:,} are classified correctly "
        f"({100 * correct / len(labels):.2f} %)."
    )
    return {
        "seed": seed,
        "finding": finding,
        "samples": [
            {
                "index": index,
                "label": int(labels[index]),
                "prediction": int(predicted[index]),
                # JSON has no NaN.
                "probabilities": [
                    round(float(value), 4) if isfinite(value) else None
                    for value in predictions[index]
                ],
                "pixels": base64.b64encode(images[index].tobytes()).decode(),
            }
            for index in (*first, *wrong)
        ],
    }


@dataclass(frozen=True)
class SummaryTable:
    """The table that Keras prints of a network; follows from its layers without training."""

    architecture: str
    source: str
    id: str = "summary_table"
    kind: Kind = "summary_table"
    title: str = "Summary table"
    question: str = "Does the network print the table of the document, cell by cell?"

    def run(self, context: ExperimentContext) -> Outcome:
        """Compares the table of the project's own network with the printed one."""
        return compare(context.facts(self.architecture), context.spec(self.architecture).network)


# Only document 001 prints one.
TABLES: Final = (SummaryTable("sequential_cnn", "Model Architecture"),)


def compare(facts: Facts, network: Network) -> Outcome:
    """Returns both tables, every cell of either, and a problem for each cell that differs.

    The model's name in the first line is the document's, since a network does not have one.

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


def _cells(expected: Summary, actual: Summary) -> Iterator[dict[str, str | int]]:
    """Yields the cells of the layers, row by row, then one for each total."""
    rows = list(zip_longest(expected.rows, actual.rows, fillvalue=("", "", "")))
    for number, (theirs, ours) in enumerate(rows):
        for column, a, b in zip(COLUMNS, theirs, ours, strict=True):
            yield _cell(number, column, a, b)
    totals = zip(TOTALS, expected.totals, actual.totals, strict=True)
    for number, (label, a, b) in enumerate(totals, len(rows)):
        yield _cell(number, label, a, b)


def _cell(row: int, column: str, expected: str, actual: str) -> dict[str, str | int]:
    equal = expected == actual
    return {"row": row, "column": column, "expected": expected, "actual": actual, "equal": equal}
