"""The keys of results.json that say more than accuracies; every one may be absent.

To be spread into the records of `schema/results.py`: RESULTS at the top, SUBJECT in each
network, RUN in each of its runs.
"""

from harness.system.json_readers import (
    Reader,
    count,
    integer,
    interval,
    listing,
    name,
    number,
    optional,
    pixels,
    record,
    text,
)

COMPARISON = record(
    a=name, b=name, seeds=integer, images=integer, difference=number, interval=interval,
    p=number, p_adjusted=number, method=text, only_a=number, only_b=number, detectable=number,
    verdict=text,
    runs=listing(record(seed=integer, only_a=integer, only_b=integer, p=number)),
)  # fmt: skip
OMNIBUS = record(
    test=text, networks=integer, images=integer, q=number, df=integer, p=number, seed=integer
)
IMAGE_GROUPS = record(
    networks=listing(name), images=integer,
    all_miss=record(
        count=integer,
        images=listing(record(
            index=integer, label=count, pixels=pixels, readings=listing(integer)
        )),
    ),
    only_one=listing(record(
        network=name, count=integer,
        images=listing(record(index=integer, label=count, pixels=pixels, reading=integer)),
    )),
)  # fmt: skip
CALIBRATION = record(
    ece=number, ece_interval=interval, nll=number, nll_interval=interval, brier=number,
    brier_interval=interval, seeds=integer, images=integer,
    bins=listing(record(
        low=number, high=number, count=number, confidence=number, accuracy=number,
        interval=interval,
    )),
)  # fmt: skip
CLASSES = record(
    digit=count, images=integer, recall=number, recall_interval=interval, precision=number,
    precision_interval=interval, f1=number,
)  # fmt: skip
CONFUSED = record(label=count, prediction=count, count=number, share=number)
ROBUSTNESS = record(
    images=integer, seeds=integer, clean=number, clean_interval=interval,
    mean_corruption_error=number, mean_corruption_error_interval=interval, note=text,
    curves=listing(record(
        corruption=name, words=text, unit=text,
        levels=listing(record(severity=count, value=number, accuracy=number, interval=interval)),
    )),
)  # fmt: skip

RESULTS: dict[str, Reader] = {
    "comparisons": listing(COMPARISON),
    "omnibus": optional(OMNIBUS),
    "image_groups": optional(IMAGE_GROUPS),
}
SUBJECT: dict[str, Reader] = {
    "calibration": optional(CALIBRATION),
    "calibration_note": text,
    "classes": listing(CLASSES),
    "confused": listing(CONFUSED),
    "robustness": optional(ROBUSTNESS),
}
RUN: dict[str, Reader] = {
    "calibration": optional(record(ece=number, nll=number, brier=number)),
}
