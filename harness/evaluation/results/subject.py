"""The layout of one subject in results.json."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.data.dataset import Dataset
from harness.evaluation.evidence import alarms, metrics, robustness
from harness.evaluation.results.outcome import SubjectOutcome
from harness.evaluation.results.run import run
from harness.evaluation.results.verdicts import settle, verdict
from harness.evaluation.rubric import total
from harness.jobs.store.record import Record
from harness.network.spec import Spec
from harness.statistics.gate import GateResult
from harness.submissions.feedback.comparison import expected_rows
from harness.submissions.feedback.layer_row import Row
from reference.layers import total_params, trainable_params


def subjects(graded: Sequence[SubjectOutcome], dataset: Dataset | None) -> list[dict[str, Any]]:
    """Returns `subjects` of results.json; what is read off the same runs is read once."""
    readings: dict[tuple[str, ...], _Readings] = {}
    for one in graded:
        keys = _keys(one)
        if keys not in readings:
            readings[keys] = _read(one.runs, dataset)
    return [_subject(one, readings[_keys(one)], dataset) for one in graded]


@dataclass(frozen=True)
class _Readings:
    """What is read off the runs of a network; whoever submits it again shares them.

    Attributes:
        figures: keys of a subject.
    """

    runs: Sequence[dict[str, Any]]
    figures: Mapping[str, Any]


def _keys(graded: SubjectOutcome) -> tuple[str, ...]:
    return tuple(record.key for record in graded.runs)


def _read(records: Sequence[Record], dataset: Dataset | None) -> _Readings:
    return _Readings(
        _runs(records, dataset) if dataset else [], metrics.of_subject(records, dataset)
    )


def _runs(records: Sequence[Record], dataset: Dataset) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    for record in records:
        # The pictures of one run do; they are most of what a run takes up.
        pictures = not any(earlier["misread"] for earlier in runs)
        runs.append(run(record, dataset, pictures=pictures))
    return runs


def _subject(
    graded: SubjectOutcome, readings: _Readings, dataset: Dataset | None
) -> dict[str, Any]:
    subject, facts, opened = graded.subject, graded.facts, graded.opened
    comparison = opened.comparison if opened else None
    expected = comparison.expected if comparison else expected_rows(facts) if facts else ()
    checks = settle(graded.checks)
    return {
        "id": subject.id,
        "name": subject.name,
        "architecture": facts.name if facts else None,
        "architecture_basis": opened.basis if opened else subject.basis,
        "family": facts.family if facts else None,
        "title": facts.title if facts else None,
        "document": facts.document if facts else None,
        "source": str(subject.path),
        "trust": subject.trust,
        "origin": opened.origin if opened else None,
        "spec_digest": opened.spec.digest if opened else None,
        "score": total(check.points for check in checks),
        "max_score": total(check.max_points for check in checks),
        "verdict": verdict(graded),
        "error": graded.error,
        "notes": [*opened.notes, *graded.training_notes] if opened else [],
        "findings": [asdict(finding) for finding in opened.findings] if opened else [],
        "recipe": _recipes(graded),
        "own_weights": graded.own_weights.to_json() if graded.own_weights else None,
        "spec": _spec(comparison.spec, comparison.actual) if comparison else None,
        "expected": {
            "layers": [_row(row) for row in expected],
            "total_params": facts.total_params,
            "trainable_params": facts.trainable_params,
        }
        if facts
        else None,
        "diff": [
            {
                "status": pair.status,
                "expected": pair.expected_index,
                "actual": pair.actual_index,
                "changes": [str(d) for found in pair.differences.values() for d in found],
            }
            for pair in comparison.pairs
        ]
        if comparison
        else [],
        "gate": _gate(graded.gate, graded.gate_basis) if graded.gate else None,
        "runs": list(readings.runs),
        "range": graded.range,
        "alarms": alarms.alarms(graded.runs, dataset, graded.range, graded.own_weights),
        "robustness": robustness.robustness(graded.robustness),
        **readings.figures,
        "checks": [asdict(check) for check in checks],
    }


_RECIPE = (
    "optimizer", "learning_rate", "loss", "batch_size", "epochs", "validation_images", "pixel_max",
)  # fmt: skip


def _recipes(graded: SubjectOutcome) -> dict[str, Any] | None:
    """The document's recipe, what each value of it rests on, and the one that a script showed."""
    if graded.facts is None:
        return None
    recipe = graded.facts.recipe
    captured = graded.opened.recipe if graded.opened else None
    return {
        "documented": {key: getattr(recipe, key) for key in _RECIPE},
        "basis": {key: recipe.evidence[key].basis for key in _RECIPE},
        "submitted": captured.to_json() if captured else None,
        "trained_with": graded.trained_with,
    }


def _spec(spec: Spec, rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "layers": [_row(row) for row in rows],
        "total_params": total_params(spec.network),
        "trainable_params": trainable_params(spec.network),
        "flops": sum(row.flops for row in rows),
    }


def _row(row: Row) -> dict[str, Any]:
    document = {
        "name": row.name,
        "class": row.kind,
        "output_shape": list(row.output_shape),
        "params": row.params,
        "flops": row.flops,
        "config": dict(row.config),
    }
    if row.fact is not None:
        document |= {"source": row.fact.source, "basis": row.fact.basis}
    return document


def _gate(gate: GateResult, basis: str) -> dict[str, Any]:
    return {
        "threshold": gate.threshold,
        "basis": basis,
        "accuracy": gate.accuracy,
        "interval": list(gate.interval),
        "margin": gate.margin,
        "verdict": gate.verdict,
        "seeds": gate.seeds,
        "explanation": gate.explanation,
    }
