"""Reads results.json, schema 1: every type checked, every missing part filled in.

After `checked` the rest of the renderer can rely on the shape: each key is there, a list is a
list, a number is finite or None, and text is free of what could disturb a page (control and
direction-changing characters, terminal colours, unpaired surrogates).
"""

from collections.abc import Mapping
from typing import Any

from harness.report.schema import evidence, progress
from harness.report.schema.experiments import CURVES, experiment
from harness.report.schema.loading import REMEDY
from harness.system.json_readers import (
    ShapeError,
    boolean,
    clean,
    confusion,
    count,
    integer,
    interval,
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
from reference.errors import UserError

SCHEMA = 1

LAYER = record(
    name=text, class_=text, output_shape=listing(integer), params=integer, flops=number,
    config=settings, source=text, basis=text,
)  # fmt: skip
LAYERS = record(layers=listing(LAYER), total_params=integer, trainable_params=integer, flops=number)
DIFF = record(status=text, expected=integer, actual=integer, changes=listing(name))
GATE = record(
    threshold=number, basis=text, accuracy=number, interval=interval, margin=number,
    verdict=text, seeds=integer, explanation=text,
)  # fmt: skip
HISTORY = record(**CURVES, epoch_time_s=listing(number))
MISREAD = record(index=integer, label=count, prediction=count, confidence=number, pixels=pixels)
RUN = record(
    key=text, seed=integer, cached=boolean, epochs=integer, documented_epochs=integer,
    train_images=integer, validation_images=integer,
    batch_size=integer, stopped=text, history=HISTORY, test_accuracy=number, test_loss=number,
    interval=interval, confusion=confusion, misread=listing(MISREAD), train_time_s=number,
    train_images_per_s=number, weights_sha256=text, **evidence.RUN,
)  # fmt: skip
CHECK = record(
    id=name, group=text, title=text, status=text, applies=optional(boolean), points=number,
    max_points=number, expected=text, actual=text, hint=text, message=text, source=text,
    duration_s=number,
)  # fmt: skip
# What strangers' work has beside the project's own; all of it is absent from older files.
FINDING = record(kind=text, where=text, cause=text, severity=text)
COMPARED_RECIPE = record(
    documented=settings, submitted=optional(settings), trained_with=text, basis=mapping(text)
)
OWN_WEIGHTS = record(accuracy=number, interval=interval, correct=integer, total=integer)
SUBJECT = record(
    id=name, name=text, architecture=text, architecture_basis=text, origin=text, family=text,
    title=text, document=text, source=text, trust=text, notes=listing(name),
    findings=listing(FINDING), recipe=optional(COMPARED_RECIPE), own_weights=optional(OWN_WEIGHTS),
    spec_digest=text, score=number, max_score=number, verdict=text, error=text,
    spec=optional(LAYERS), expected=optional(LAYERS), diff=listing(DIFF), gate=optional(GATE),
    runs=listing(RUN), checks=listing(CHECK), **evidence.SUBJECT, **progress.SUBJECT,
)  # fmt: skip
CLAIM = record(
    architecture=text, document=text, what=text, claimed=number, quote=text, measured=number,
    interval=interval, seeds=integer, verdict=text, reason=text, source=text, experiment=text,
    repeats=text,
)  # fmt: skip
RATIO = record(ratio=number, low=number, high=number)
CHANGE = record(ratio=number, low=number, high=number, peer=text, verdict=text, baseline=text)
# Rows of earlier versions have no status and no speed-up; they are measured ones.
BENCHMARK = record(
    architecture=text, task=text, runner=text, batch_size=integer, median_s=number, p95_s=number,
    iqr_s=number, rounds=integer, steps_per_round=integer, images_per_s=number, device=text,
    threads=integer, flops_per_image=number, matmul_fraction=number, created=text, commit=text,
    cpu=text, quartiles_s=interval, first_call_s=number, status=text, reason=text,
    speedup=mapping(RATIO), change=optional(CHANGE),
)  # fmt: skip
# Absent from older files, as are the versions of all packages.
LOCK = record(
    file=text, sha256=text, packages=integer,
    differences=listing(record(package=name, locked=text, installed=text)),
)  # fmt: skip
# Null where this machine's own workers trained, and absent from older files.
CLUSTER = record(
    dask=text, workers=integer, threads=integer, cpus=listing(name), encrypted=boolean
)  # fmt: skip
ENVIRONMENT = record(
    cpu=text, flags=listing(name), cores=integer, threads=integer, workers=integer,
    memory_bytes=number, gpu=text, python=text, tensorflow=text, keras=text, numpy=text, os=text,
    commit=text, isolation=text, packages=mapping(text), lock=optional(LOCK),
    cluster=optional(CLUSTER),
)  # fmt: skip
DATASET = record(
    name=text,
    digest=text,
    sizes=record(train=integer, test=integer),
    source=text,
    note=text,
    **progress.DATASET,
)
RESULTS = record(
    created=text, command=text, outcome=text, dataset=DATASET, recipe=text,
    seeds=listing(integer), environment=ENVIRONMENT, subjects=listing(SUBJECT),
    claims=listing(CLAIM), benchmarks=listing(BENCHMARK), submissions=boolean,
    rubric=optional(settings), experiments=listing(experiment), **evidence.RESULTS,
    baseline=progress.baseline, history=progress.HISTORY,
)  # fmt: skip


def checked(results: Mapping[str, Any], where: str = "results.json") -> dict[str, Any]:
    """Returns results with every key of schema 1 present; absent parts are None or empty.

    Raises:
        UserError: another schema, or a part of another shape; names the part, what it is and
            what it should be.
    """
    version = results.get("schema")
    if version != SCHEMA or isinstance(version, bool):
        if version is None:
            found = 'has no "schema"'
        else:
            found = f"is of schema {clean(repr(version))[:40]}"
        later = isinstance(version, int | float) and version > SCHEMA
        remedy = "Use the version of the grader that wrote it." if later else REMEDY
        raise UserError(f"{where} {found}, but this report reads schema {SCHEMA}. {remedy}")
    if results.get("subjects") is None:
        raise UserError(f'{where} has no "subjects", but should list the networks. {REMEDY}')
    try:
        complete: dict[str, Any] = RESULTS(results, "")
    except ShapeError as error:
        raise UserError(f"{where}: {error}. {REMEDY}") from None
    return complete
