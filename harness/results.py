"""results.json: everything a session found, as one document, the only input of the report."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import claims, measures
from harness.data.dataset import Dataset
from harness.feedback.alignment import Row, actual_rows, align, expected_rows
from harness.network.spec import Spec
from harness.record import Record
from harness.rubric import Rubric, total
from harness.statistics import Gate, wilson
from harness.subjects import PROJECT, SUBMISSION, Subject
from harness.submitted.opened import Opened
from harness.submitted.own_weights import OwnAccuracy
from reference.errors import UserError
from reference.facts import Facts
from reference.layers import total_params, trainable_params

SCHEMA = 1
EXPERIMENTS = "experiments"
"""The group of the checks that are experiments."""

DOCUMENTED_DATA = "mnist"


@dataclass(frozen=True)
class Graded:
    """What is known of one subject when its checks have run.

    Attributes:
        facts: None when it was not opened and nothing else says what it was to be.
        opened: None when it was not; `error` then says why.
        gate: None when it was not trained.
        checks: rows of results.json.
        trained_with: whose recipe trained it, "document" or "submission".
        training_notes: what of its author's recipe could not be followed.
    """

    subject: Subject
    facts: Facts | None
    opened: Opened | None
    error: str | None
    runs: Sequence[Record]
    gate: Gate | None
    gate_basis: str
    checks: Sequence[Mapping[str, Any]]
    trained_with: str = "document"
    training_notes: Sequence[str] = ()
    own_weights: OwnAccuracy | None = None

    @property
    def spec(self) -> Spec | None:
        return self.opened.spec if self.opened else None


@dataclass(frozen=True)
class Run:
    """What is known of the session as a whole."""

    command: str
    outcome: str
    dataset: Dataset | None
    recipe: str
    seeds: Sequence[int]
    environment: Mapping[str, Any]
    rubric: Rubric | None = None


def assemble(
    run: Run,
    graded: Sequence[Graded],
    benchmarks: Sequence[Mapping[str, Any]],
    experiments: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Returns results.json as plain data.

    Args:
        experiments: rows of the experiments, in the catalogue's order.
    """
    documented = run.dataset is not None and run.dataset.name == DOCUMENTED_DATA
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "command": run.command,
        "outcome": run.outcome,
        "dataset": _dataset(run),
        "recipe": run.recipe,
        "rubric": run.rubric.to_json() if run.rubric else None,
        "seeds": list(run.seeds),
        "environment": dict(run.environment),
        "submissions": any(one.subject.trust == SUBMISSION for one in graded),
        "subjects": _subjects(graded, run.dataset),
        # What the documents claim is held against the project's own networks alone.
        "claims": [
            row
            for one in graded
            if one.facts is not None and one.subject.trust == PROJECT
            for row in claims.judge(
                one.facts,
                one.spec,
                one.runs,
                experiments=[row for row in experiments if row["architecture"] == one.facts.name],
                documented_data=documented,
            )
        ],
        "experiments": list(experiments),
        "comparisons": [],
        "baseline": {},
        "benchmarks": list(benchmarks),
    }


def write(results: Mapping[str, Any], path: Path) -> None:
    """Writes results.json whole or not at all.

    Raises:
        UserError: the folder cannot be written.
    """
    text = json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror or error}. Make room or make the folder "
            "writable, or name another one with --report."
        ) from error


def read_benchmarks(path: Path) -> list[Mapping[str, Any]]:
    """Returns the benchmarks of an earlier results.json, so that a grading run keeps them."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["benchmarks"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return rows if isinstance(rows, list) else []


def _dataset(run: Run) -> dict[str, Any] | None:
    if run.dataset is None:
        return None
    return {
        "name": run.dataset.name,
        "digest": run.dataset.digest,
        "sizes": {
            "train": len(run.dataset.train_labels),
            "test": len(run.dataset.test_labels),
        },
        "source": run.dataset.source,
        "note": run.dataset.note,
    }


def _subjects(graded: Sequence[Graded], dataset: Dataset | None) -> list[dict[str, Any]]:
    # Who submits the same network shares its runs: what is read off them is read once.
    runs: dict[str, dict[str, Any]] = {}
    if dataset is not None:
        for one in graded:
            for record in one.runs:
                if record.key not in runs:
                    runs[record.key] = _run(record, dataset)
    return [_subject(one, runs) for one in graded]


def _subject(graded: Graded, runs: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    subject, facts, opened = graded.subject, graded.facts, graded.opened
    expected = expected_rows(facts) if facts else ()
    actual = actual_rows(opened.spec, expected) if opened else ()
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
        "score": total(check["points"] for check in checks),
        "max_score": total(check["max_points"] for check in checks),
        "verdict": verdict(graded),
        "error": graded.error,
        "notes": [*opened.notes, *graded.training_notes] if opened else [],
        "findings": [asdict(finding) for finding in opened.findings] if opened else [],
        "recipe": _recipes(graded),
        "own_weights": graded.own_weights.to_json() if graded.own_weights else None,
        "spec": _spec(opened.spec, actual) if opened else None,
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
            for pair in align(expected, actual)
        ]
        if opened
        else [],
        "gate": _gate(graded.gate, graded.gate_basis) if graded.gate else None,
        "runs": [runs[record.key] for record in graded.runs if record.key in runs],
        "checks": checks,
    }


_RECIPE = (
    "optimizer", "learning_rate", "loss", "batch_size", "epochs", "validation_images", "pixel_max",
)  # fmt: skip


def _recipes(graded: Graded) -> dict[str, Any] | None:
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


def settle(checks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows with what an error of ours kept from being checked out of the reckoning.

    An error in an experiment keeps no other check from anything.
    """
    ours = any(check["status"] == "grader_error" for check in _of_the_network(checks))
    return [
        {**check, "max_points": 0.0} if ours and check["status"] == "skipped" else dict(check)
        for check in checks
    ]


def verdict(graded: Graded) -> str:
    """Returns a subject's verdict: failed beats not graded beats inconclusive beats passed.

    Experiments are what the document did besides: what becomes of them says nothing of its network.
    """
    statuses = {check["status"] for check in _of_the_network(graded.checks)}
    if statuses - {"passed", "skipped", "grader_error"}:
        return "failed" if graded.spec else "not built"
    if "grader_error" in statuses:
        return "not graded"
    if graded.spec is None:
        return "not built"
    if graded.gate is not None and graded.gate.verdict == "inconclusive":
        return "inconclusive"
    return "passed"


def _of_the_network(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [check for check in checks if check.get("group") != EXPERIMENTS]


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


def _gate(gate: Gate, basis: str) -> dict[str, Any]:
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


def _run(record: Record, dataset: Dataset) -> dict[str, Any]:
    document = record.document
    labels = dataset.test_labels
    epochs = len(record.history["loss"])
    seen = epochs * document["train_images"]
    return {
        "key": record.key,
        "seed": record.seed,
        "cached": record.cached,
        "epochs": epochs,
        "documented_epochs": record.recipe["epochs"],
        "train_images": document["train_images"],
        "validation_images": record.recipe["validation_images"],
        "batch_size": record.recipe["batch_size"],
        "stopped": document["stopped"],
        "history": _finite(record.history),
        "test_accuracy": document["test_correct"] / document["test_images"],
        "test_loss": _number(document["test_loss"]),
        "interval": list(wilson(document["test_correct"], document["test_images"])),
        "correct_bitmap": measures.correct_bitmap(record.predictions, labels),
        "confusion": measures.confusion(record.predictions, labels),
        "misread": measures.misread(record.predictions, labels, dataset.test_images),
        "train_time_s": document["train_time_s"],
        "train_images_per_s": seen / document["train_time_s"],
        "weights_sha256": document["weights_sha256"],
    }


def _finite(history: Mapping[str, Sequence[float]]) -> dict[str, list[float | None]]:
    return {name: [_number(value) for value in values] for name, values in history.items()}


def _number(value: float) -> float | None:
    """A diverged loss is no JSON number."""
    return value if abs(value) < float("inf") else None
