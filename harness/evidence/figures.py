"""What is read off predictions beside the accuracy: calibration, digits, confusions."""

from collections.abc import Sequence
from typing import Any

from harness.data.dataset import Dataset
from harness.record import Record


def of_run(record: Record, dataset: Dataset) -> dict[str, Any]:
    """Returns what a run of results.json has from here."""
    return {"calibration": None}


def of_subject(runs: Sequence[Record], dataset: Dataset | None) -> dict[str, Any]:
    """Returns what a subject of results.json has from here; `runs` may be empty."""
    return {"calibration": None, "calibration_note": None, "classes": [], "confused": []}
