"""The rows of results.json's `experiments`, each kind with a result of its own shape."""

from collections.abc import Mapping
from typing import Any

from harness.system.json_readers import (
    Reader,
    ShapeError,
    boolean,
    clean,
    count,
    integer,
    interval,
    kind,
    listing,
    mapping,
    name,
    number,
    optional,
    pixels,
    record,
    settings,
    text,
)


def words(value: object, path: str) -> str | None:
    """Text, or a number as its digits."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}"
    return text(value, path)


def lines(value: object, path: str) -> str:
    """Text whose spaces mean something: a printed table."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ShapeError(f"{path} is {kind(value)}, but should be text or null")
    return "\n".join(clean(f"|{line}|")[1:-1] for line in value.splitlines()).strip("\n")


# Of an epoch each, for whatever was trained.
CURVES = {name: listing(number) for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
HISTORY = record(**CURVES)
PICTURE = record(label=count, pixels=pixels)

STUDY = record(
    repeats=text, measure=text, measure_words=text, claim=number, axes=listing(name), method=text,
    finding=text,
    variants=listing(record(
        name=name, settings=settings, changes=settings, why=text, measure_words=text,
        params=integer, mean=number, std=number, interval=interval, meets_claim=optional(boolean),
        runs=listing(record(
            key=text, repeat=integer, accuracy=number, images=integer, epochs=integer,
            history=HISTORY, train_time_s=number, cached=boolean,
        )),
    )),
)  # fmt: skip

TRANSFER = record(
    letters=record(
        source=text, note=text, classes=listing(name), digest=text, pictures=listing(PICTURE),
    ),
    optimizer=text, learning_rate=number, batch_size=integer, epochs=integer, claim=number,
    mean=number, interval=interval, left_out_mean=number, left_out_interval=interval, finding=text,
    runs=listing(record(
        key=text, base_key=text, seed=integer, history=HISTORY, correct=integer, images=integer,
        left_out_correct=integer, left_out=listing(integer), frozen_before=text, frozen_after=text,
        head_before=text, head_after=text, epochs_to_claim=integer, train_time_s=number,
    )),
    test=optional(record(
        images=integer, trained_on=integer, correct=listing(integer), mean=number,
        interval=interval, pictures=listing(PICTURE), predicted=listing(listing(integer)),
    )),
)  # fmt: skip

TWIN = record(
    claim=number, optimizer=text, learning_rate=number, batch_size=integer, epochs=integer,
    initialization=text, gradient_error=number, mean=number, interval=interval, finding=text,
    runs=listing(record(
        key=text, seed=integer, accuracy=number, correct=integer, images=integer,
        validation_accuracy=number, history=HISTORY, train_time_s=number, cpu_time_s=number,
    )),
    table=listing(record(
        feature=name, numpy_document=words, numpy_measured=words, keras_document=words,
        keras_measured=words,
    )),
    configurations=listing(record(
        name=text, settings=settings, accuracy=number, mean=number, interval=interval,
        meets_claim=optional(boolean), runs=integer,
    )),
)  # fmt: skip

SUMMARY_TABLE = record(
    document=lines, regenerated=lines, finding=text,
    cells=listing(record(row=count, column=name, expected=words, actual=words, equal=boolean)),
)  # fmt: skip

SAMPLES = record(
    seed=integer, finding=text,
    samples=listing(record(
        index=integer, label=integer, prediction=count, probabilities=listing(number),
        pixels=pixels,
    )),
)  # fmt: skip

RESULTS: dict[str | None, Reader] = {
    "study": STUDY,
    "transfer": TRANSFER,
    "twin": TWIN,
    "summary_table": SUMMARY_TABLE,
    "samples": SAMPLES,
}
# Of a kind that this version does not know, the words are shown.
OTHER = record(finding=text, claim=number)

_ROW = record(
    id=name, architecture=text, kind=text, title=text, question=text, source=text, status=text,
    reason=text, problems=listing(name), result=optional(mapping(lambda value, _: value)),
)  # fmt: skip


def experiment(value: object, path: str) -> dict[str, Any]:
    """One experiment; `result` is None where there is none, else complete for its kind."""
    found: dict[str, Any] = _ROW(value, path)
    if isinstance(value, Mapping) and value.get("result") is not None:
        reader = RESULTS.get(found["kind"], OTHER)
        found["result"] = reader(value["result"], f"{path}.result")
    return found
