"""What two gradings of the same work must have in common, however often either was interrupted."""

from typing import Any

# Timings aside: durations and dates, what came from the store, how the command was written.
VARYING = frozenset({
    "created", "command", "cached", "duration_s", "train_time_s", "train_images_per_s",
    "epoch_time_s",
})  # fmt: skip


def comparable(document: Any) -> Any:
    """Returns a results.json, or a part of one, without what may differ from run to run."""
    if isinstance(document, dict):
        return {key: comparable(value) for key, value in document.items() if key not in VARYING}
    if isinstance(document, list):
        return [comparable(value) for value in document]
    return document


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Returns where two documents differ, as paths such as "subjects/0/score"."""
    if type(one) is not type(other):
        return [place]
    if isinstance(one, dict):
        keys = sorted({*one, *other})
        missing = [f"{place}/{key}" for key in keys if (key in one) != (key in other)]
        pairs = [(f"{place}/{key}", one[key], other[key]) for key in keys
                 if key in one and key in other]  # fmt: skip
    elif isinstance(one, list):
        if len(one) != len(other):
            return [place]
        missing = []
        pairs = [(f"{place}/{n}", a, b) for n, (a, b) in enumerate(zip(one, other, strict=True))]
    else:
        return [] if one == other else [place]
    return missing + [found for where, a, b in pairs for found in differences(a, b, where)]
