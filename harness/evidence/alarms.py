"""Results that are too good to be true."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.data.dataset import Dataset
from harness.record import Record
from reference.calibration import Calibration
from reference.facts import Facts


def calibrated_range(
    runs: Sequence[Record],
    facts: Facts | None,
    spec_digest: str | None,
    calibration: Calibration | None,
) -> dict[str, Any] | None:
    """Returns a subject's `range`: what this network and recipe were seen to give."""
    return None


def alarms(
    runs: Sequence[Record], dataset: Dataset | None, expected: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Returns a subject's `alarms`.

    Args:
        expected: its `range`.
    """
    return []


def shared_images(dataset: Dataset) -> dict[str, Any] | None:
    """Returns which test images are training images too; None when no two are the same."""
    return None
