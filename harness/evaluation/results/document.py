"""results.json: everything a session found, as one document, the only input of the report."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from harness.data.dataset import Dataset
from harness.evaluation import claims
from harness.evaluation.evidence import alarms
from harness.evaluation.evidence.hard_images import image_groups
from harness.evaluation.evidence.pairwise import comparisons, omnibus
from harness.evaluation.evidence.trained_networks import Trained, analysed, readers
from harness.evaluation.results.outcome import SessionOutcome, SubjectOutcome
from harness.evaluation.results.subject import subjects
from harness.submissions.subject import PROJECT, SUBMISSION

SCHEMA = 1
DOCUMENTED_DATA = "mnist"


def assemble(
    run: SessionOutcome,
    graded: Sequence[SubjectOutcome],
    benchmarks: Sequence[Mapping[str, Any]],
    experiments: Sequence[Mapping[str, Any]] = (),
    baseline: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Returns results.json as plain data.

    Args:
        experiments: rows of the experiments, in the catalogue's order.
        baseline: what became of an earlier results.json's networks; None without one.
        history: earlier runs and this one, the oldest first.
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
        "subjects": subjects(graded, run.dataset),
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
        **_side_by_side(graded, run.dataset),
        "baseline": dict(baseline or {}),
        "history": [dict(row) for row in history],
        "benchmarks": list(benchmarks),
    }


def _dataset(run: SessionOutcome) -> dict[str, Any] | None:
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
        "shared_images": alarms.shared_images(run.dataset),
    }


def _side_by_side(graded: Sequence[SubjectOutcome], dataset: Dataset | None) -> dict[str, Any]:
    """What the trained networks are to one another."""
    if dataset is None:
        return {"comparisons": [], "omnibus": None, "image_groups": None}
    trained = analysed(Trained(one.subject.id, one.runs) for one in graded if one.runs)
    networks = readers(trained)
    return {
        "comparisons": comparisons(networks, dataset.test_labels),
        "omnibus": omnibus(networks, dataset.test_labels),
        "image_groups": image_groups(networks, dataset),
    }
