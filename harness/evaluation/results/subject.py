"""The layout of one subject in results.json, and of its runs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Dataset
from harness.evaluation.evidence import alarms, metrics, robustness
from harness.evaluation.results.outcome import SubjectOutcome, settle, verdict
from harness.evaluation.rubric import total
from harness.jobs.store.record import Record
from harness.network.spec import Spec
from harness.report.schema import results as schema
from harness.report.schema.experiments import Curves
from harness.statistics import predictions
from harness.statistics.gate import GateResult
from harness.statistics.intervals import wilson
from harness.submissions.feedback.comparison import expected_rows
from harness.submissions.feedback.layer_row import Row
from reference.layers import total_params, trainable_params

MAX_MISREAD = 24
_RECIPE = (
    "optimizer", "learning_rate", "loss", "batch_size", "epochs", "validation_images", "pixel_max",
)  # fmt: skip


def subjects(graded: Sequence[SubjectOutcome], dataset: Dataset | None) -> list[schema.Subject]:
    """Returns `subjects` of results.json; what follows from the same runs is computed once."""
    known: dict[tuple[str, ...], _FromRuns] = {}
    found = []
    for one in graded:
        keys = tuple(record.key for record in one.runs)
        if keys not in known:
            known[keys] = _FromRuns(
                _runs(one.runs, dataset) if dataset else [], metrics.of_subject(one.runs, dataset)
            )
        found.append(_subject(one, known[keys], dataset))
    return found


@dataclass(frozen=True)
class _FromRuns:
    """What follows from a network's runs; all who submit the same network share it."""

    runs: Sequence[schema.Run]
    metrics: metrics.SubjectMetrics


def _runs(records: Sequence[Record], dataset: Dataset) -> list[schema.Run]:
    runs: list[schema.Run] = []
    for record in records:
        # The pictures of one run are enough; they are most of what a run takes up.
        pictures = not any(earlier.misread for earlier in runs)
        runs.append(run(record, dataset, pictures=pictures))
    return runs


def run(record: Record, dataset: Dataset, *, pictures: bool) -> schema.Run:
    """Returns one of a subject's `runs`.

    Args:
        pictures: whether the misclassified images come with their pixels.
    """
    document, labels = record.document, dataset.test_labels
    correct, images = document["test_correct"], document["test_images"]
    epochs = len(record.history["loss"])
    history = {name: list(map(_finite, values)) for name, values in record.history.items()}
    return schema.Run(
        key=record.key,
        seed=record.seed,
        cached=record.cached,
        epochs=epochs,
        documented_epochs=record.recipe["epochs"],
        train_images=document["train_images"],
        validation_images=record.recipe["validation_images"],
        batch_size=record.recipe["batch_size"],
        stopped=document["stopped"],
        history=Curves(**history),
        test_accuracy=correct / images,
        test_loss=_finite(document["test_loss"]),
        interval=wilson(correct, images),
        correct_bitmap=predictions.correct_bitmap(record.predictions, labels),
        confusion=predictions.confusion(record.predictions, labels),
        misread=_misclassified(record.predictions, dataset, pictures=pictures),
        train_time_s=document["train_time_s"],
        train_images_per_s=epochs * document["train_images"] / document["train_time_s"],
        weights_sha256=document["weights_sha256"],
        calibration=metrics.scores(record.predictions, labels),
    )


def _finite(value: float) -> float | None:
    """Returns None for a diverged loss, which JSON cannot hold."""
    return value if abs(value) < float("inf") else None


def _misclassified(
    outputs: NDArray[np.float32], dataset: Dataset, *, pictures: bool
) -> list[schema.Misread]:
    """Returns the misclassified images with the highest confidence."""
    predicted, confidence = outputs.argmax(axis=1), outputs.max(axis=1)
    wrong = np.flatnonzero(predicted != dataset.test_labels)
    # Stable, so that equal confidences keep the images' order on every machine.
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:MAX_MISREAD]
    return [
        schema.Misread(
            index=int(i),
            label=int(dataset.test_labels[i]),
            prediction=int(predicted[i]),
            confidence=round(float(confidence[i]), 6),
            pixels=dataset.test_images[i].tobytes() if pictures else None,
        )
        for i in order
    ]


def _subject(outcome: SubjectOutcome, found: _FromRuns, dataset: Dataset | None) -> schema.Subject:
    subject, facts, opened = outcome.subject, outcome.facts, outcome.opened
    comparison = opened.comparison if opened else None
    expected = comparison.expected if comparison else expected_rows(facts) if facts else ()
    checks = settle(outcome.checks)
    own = outcome.own_weights
    return schema.Subject(
        id=subject.id,
        name=subject.name,
        architecture=facts.name if facts else None,
        architecture_basis=opened.basis if opened else subject.basis,
        family=facts.family if facts else None,
        title=facts.title if facts else None,
        document=facts.document if facts else None,
        source=str(subject.path),
        trust=subject.trust,
        origin=opened.origin if opened else None,
        spec_digest=opened.spec.digest if opened else None,
        score=total(check.points for check in checks),
        max_score=total(check.max_points for check in checks),
        verdict=verdict(outcome),
        error=outcome.error,
        notes=[*opened.notes, *outcome.training_notes] if opened else [],
        findings=[schema.Finding(**asdict(finding)) for finding in opened.findings]
        if opened
        else [],
        recipe=_recipes(outcome),
        own_weights=schema.OwnWeights(**own.to_json()) if own else None,
        spec=_spec(comparison.spec, comparison.actual) if comparison else None,
        expected=schema.Layers(
            layers=[_layer(row) for row in expected],
            total_params=facts.total_params,
            trainable_params=facts.trainable_params,
        )
        if facts
        else None,
        diff=[
            schema.Diff(
                status=pair.status,
                expected=pair.expected_index,
                actual=pair.actual_index,
                changes=[str(d) for found in pair.differences.values() for d in found],
            )
            for pair in comparison.pairs
        ]
        if comparison
        else [],
        gate=_gate(outcome.gate, outcome.gate_basis) if outcome.gate else None,
        runs=found.runs,
        range=outcome.range,
        alarms=[
            schema.Alarm(kind=alarm.kind, text=alarm.text)
            for alarm in alarms.find(outcome.runs, dataset, outcome.range, own)
        ],
        robustness=robustness.robustness(outcome.robustness),
        calibration=found.metrics.calibration,
        calibration_note=found.metrics.calibration_note,
        classes=found.metrics.classes,
        confused=found.metrics.confused,
        checks=[schema.Check(**asdict(check)) for check in checks],
    )


def _recipes(outcome: SubjectOutcome) -> schema.ComparedRecipe | None:
    if outcome.facts is None:
        return None
    recipe = outcome.facts.recipe
    captured = outcome.opened.recipe if outcome.opened else None
    return schema.ComparedRecipe(
        documented={key: getattr(recipe, key) for key in _RECIPE},
        basis={key: recipe.evidence[key].basis for key in _RECIPE},
        submitted=captured.to_json() if captured else None,
        trained_with=outcome.trained_with,
    )


def _spec(spec: Spec, rows: Sequence[Row]) -> schema.Layers:
    return schema.Layers(
        layers=[_layer(row) for row in rows],
        total_params=total_params(spec.network),
        trainable_params=trainable_params(spec.network),
        flops=sum(row.flops for row in rows),
    )


def _layer(row: Row) -> schema.Layer:
    return schema.Layer(
        name=row.name,
        class_=row.kind,
        output_shape=list(row.output_shape),
        params=row.params,
        flops=row.flops,
        config=dict(row.config),
        source=row.fact.source if row.fact else None,
        basis=row.fact.basis if row.fact else None,
    )


def _gate(gate: GateResult, basis: str) -> schema.Gate:
    return schema.Gate(
        threshold=gate.threshold,
        basis=basis,
        accuracy=gate.accuracy,
        interval=gate.interval,
        margin=gate.margin,
        verdict=gate.verdict,
        seeds=gate.seeds,
        explanation=gate.explanation,
    )
