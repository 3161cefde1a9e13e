"""results.json: all that a session found, and the only input of the report."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from harness.data.dataset import Dataset
from harness.evaluation import claims
from harness.evaluation.evidence import alarms, pairwise
from harness.evaluation.results.outcome import SessionOutcome, SubjectOutcome
from harness.evaluation.results.subject import subjects
from harness.report.schema import results as schema
from harness.report.schema.experiments import Experiment
from harness.submissions.subject import PROJECT, SUBMISSION

DOCUMENTED_DATA = "mnist"


def assemble(
    run: SessionOutcome,
    graded: Sequence[SubjectOutcome],
    benchmarks: Sequence[schema.Benchmark],
    experiments: Iterable[Mapping[str, Any]] = (),
    baseline: schema.Baseline | None = None,
) -> schema.Results:
    """Returns results.json, without its history.

    Args:
        experiments: rows of the experiments, in the catalogue's order.
        baseline: the comparison with an earlier results.json; None without one.
    """
    rows = list(experiments)
    trained = pairwise.analysed(
        pairwise.Trained(one.subject.id, one.runs) for one in graded if one.runs
    )
    networks = pairwise.predicted(trained) if run.dataset else ()
    labels = run.dataset.test_labels if run.dataset else None
    return schema.Results(
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        command=run.command,
        outcome=run.outcome,
        dataset=_dataset(run.dataset) if run.dataset else schema.Dataset(),
        recipe=run.recipe,
        rubric=run.rubric.to_json() if run.rubric else None,
        seeds=list(run.seeds),
        environment=schema.Environment(**run.environment),
        submissions=any(one.subject.trust == SUBMISSION for one in graded),
        subjects=subjects(graded, run.dataset),
        claims=_claims(graded, rows, run.dataset),
        experiments=[Experiment(**row) for row in rows],
        comparisons=[] if labels is None else pairwise.comparisons(networks, labels),
        omnibus=None if labels is None else pairwise.omnibus(networks, labels),
        image_groups=pairwise.image_groups(networks, run.dataset) if run.dataset else None,
        baseline=baseline,
        benchmarks=benchmarks,
    )


def _dataset(dataset: Dataset) -> schema.Dataset:
    return schema.Dataset(
        name=dataset.name,
        digest=dataset.digest,
        sizes=schema.Sizes(train=len(dataset.train_labels), test=len(dataset.test_labels)),
        source=dataset.source,
        note=dataset.note,
        shared_images=alarms.shared_images(dataset),
    )


def _claims(
    graded: Iterable[SubjectOutcome],
    experiments: Sequence[Mapping[str, Any]],
    dataset: Dataset | None,
) -> list[schema.Claim]:
    """Judges the documents' claims by the project's own networks alone."""
    return [
        row
        for one in graded
        if one.facts is not None and one.subject.trust == PROJECT
        for row in claims.judge(
            one.facts,
            one.spec,
            one.runs,
            experiments=[row for row in experiments if row["architecture"] == one.facts.name],
            documented_data=dataset is not None and dataset.name == DOCUMENTED_DATA,
        )
    ]
