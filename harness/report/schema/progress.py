"""What results.json says of a baseline, of earlier runs and of results too good to be true.

All of it is absent from older files.
"""

from typing import Any

from harness.system.json_readers import (
    boolean,
    count,
    integer,
    interval,
    listing,
    name,
    number,
    optional,
    record,
    text,
)

ALARM = record(kind=text, text=text)
RANGE = record(
    mean=number, deviation=number, low=number, high=number, seeds=integer, k=number, command=text
)
SHARED_IMAGES = record(count=count, examples=listing(record(test=integer, train=integer)))

# Fields that a subject and a data set have more than before.
SUBJECT = {"alarms": listing(ALARM), "range": optional(RANGE)}
DATASET = {"shared_images": optional(SHARED_IMAGES)}

_BASELINE = record(
    file=text, created=text, commit=text, margin=number, comparable=boolean, reason=text,
    overwritten=boolean,
    rows=listing(record(
        subject=text, baseline_subject=text, measure=text, status=text, before=number,
        after=number, difference=number, interval=interval, text=text,
    )),
)  # fmt: skip

HISTORY = listing(record(
    created=text, commit=text, dataset=text, dataset_digest=text, recipe=text, seeds=integer,
    outcome=text, cpu=text,
    networks=listing(record(
        id=name, spec_digest=text, accuracy=number, interval=interval, verdict=text,
        total_params=integer, train_images_per_s=number,
    )),
))  # fmt: skip


def baseline(value: object, path: str) -> dict[str, Any] | None:
    """The comparison with an earlier run; None where the run had none, which {} says too."""
    if value is None or value == {}:
        return None
    found: dict[str, Any] = _BASELINE(value, path)
    return found
