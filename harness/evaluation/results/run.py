"""The layout of one training run in results.json, read off its record."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.data.dataset import Dataset
from harness.evaluation.evidence import metrics
from harness.jobs.store.record import Record
from harness.statistics import predictions
from harness.statistics.intervals import wilson


def run(record: Record, dataset: Dataset, *, pictures: bool) -> dict[str, Any]:
    """Returns one of a subject's `runs`.

    Args:
        pictures: whether the misread images come with their pixels.
    """
    document = record.document
    labels = dataset.test_labels
    epochs = len(record.history["loss"])
    seen = epochs * document["train_images"]
    return {
        "key": record.key,
        "seed": record.seed,
        "cached": record.cached,
        "epochs": epochs,
        "documented_epochs": record.recipe["epochs"],
        "train_images": document["train_images"],
        "validation_images": record.recipe["validation_images"],
        "batch_size": record.recipe["batch_size"],
        "stopped": document["stopped"],
        "history": _finite(record.history),
        "test_accuracy": document["test_correct"] / document["test_images"],
        "test_loss": _number(document["test_loss"]),
        "interval": list(wilson(document["test_correct"], document["test_images"])),
        "correct_bitmap": predictions.correct_bitmap(record.predictions, labels),
        "confusion": predictions.confusion(record.predictions, labels),
        "misread": predictions.misread(
            record.predictions, labels, dataset.test_images, pictures=pictures
        ),
        "train_time_s": document["train_time_s"],
        "train_images_per_s": seen / document["train_time_s"],
        "weights_sha256": document["weights_sha256"],
        **metrics.of_run(record, dataset),
    }


def _finite(history: Mapping[str, Sequence[float]]) -> dict[str, list[float | None]]:
    return {name: [_number(value) for value in values] for name, values in history.items()}


def _number(value: float) -> float | None:
    """A diverged loss is no JSON number."""
    return value if abs(value) < float("inf") else None
