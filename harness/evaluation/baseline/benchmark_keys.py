"""Which rows of a benchmark measure the same thing."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from harness.system.machine import cores, describe_cpu

# What a row is of: architecture, "train" or "predict", batch size.
Key = tuple[str, str, int]


# What a row holds only when its runner was timed.
MEASURED = (
    "median_s", "p95_s", "iqr_s", "quartiles_s", "rounds", "steps_per_round", "images_per_s",
    "threads", "flops_per_image", "matmul_fraction", "first_call_s", "speedup", "change",
)  # fmt: skip


TASKS = {"train": "training", "predict": "prediction"}


def key_of(row: Mapping[str, Any]) -> Key:
    return row["architecture"], row["task"], row["batch_size"]


def describe(key: Key) -> str:
    """Returns e.g. "deep_cnn training, batch 200"."""
    network, task, batch_size = key
    return f"{network} {TASKS.get(task, task)}, batch {batch_size:,}"


def machine() -> dict[str, Any]:
    """Returns what must be equal for two runs' figures to be compared."""
    names = ("tensorflow", "keras", "numpy")
    return {"cpu": describe_cpu(), "cores": cores(), **{name: version(name) for name in names}}


OURS = "engine"
