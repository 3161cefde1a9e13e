"""Test images that every network misses, and those that only one does."""

from collections.abc import Sequence
from typing import Any

from harness.data.dataset import Dataset
from harness.evidence.networks import Trained


def image_groups(networks: Sequence[Trained], dataset: Dataset) -> dict[str, Any] | None:
    """Returns counts and examples of both; None with fewer than two networks."""
    return None
