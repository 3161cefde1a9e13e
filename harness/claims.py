"""The documents' claims, held against what was measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.network.spec import Spec
from harness.record import Record
from harness.statistics import Interval, mean_interval, wilson
from reference.facts import ClaimFact, Facts
from reference.layers import total_params, trainable_params

# What a training run measures.
_MEASURED = frozenset({"test_accuracy", "validation_accuracy"})


def judge(
    facts: Facts,
    spec: Spec | None,
    runs: Sequence[Record],
    experiments: Sequence[Mapping[str, Any]] = (),  # noqa: ARG001
    *,
    documented_data: bool,
) -> list[dict[str, Any]]:
    """Returns one row of results.json's `claims` for each claim of a document.

    Args:
        experiments: rows of results.json's `experiments` that belong to the same architecture.
        documented_data: whether the runs are on MNIST; on other data no claim is judged.
    """
    return [_row(facts, claim, spec, runs, documented_data) for claim in facts.claims]


def _row(
    facts: Facts, claim: ClaimFact, spec: Spec | None, runs: Sequence[Record], documented_data: bool
) -> dict[str, Any]:
    measured: float | None = None
    interval: Interval | None = None
    reason = claim.untestable
    verdict = "cannot be tested"
    if reason is None and claim.metric.endswith("_params"):
        if spec is None:
            reason = "the network was not built"
        else:
            count = total_params if claim.metric == "total_params" else trainable_params
            measured = float(count(spec.network))
            verdict = "holds" if measured == claim.value else "not reproduced"
    elif reason is None and claim.metric not in _MEASURED:
        reason = "no run of this suite measures it"
    elif reason is None and not documented_data:
        reason = "this run did not use MNIST"
    elif reason is None and not runs:
        reason = "the network was not trained"
    elif reason is None:
        measured, interval = _accuracy(claim.metric, runs)
        verdict = compare(claim, interval)
        reason = _early(runs)
    return {
        "architecture": facts.name,
        "document": facts.document,
        "what": claim.what,
        "claimed": claim.value,
        "quote": claim.quote,
        "measured": measured,
        "interval": list(interval) if interval else None,
        "seeds": len(runs) if interval else None,
        "verdict": verdict,
        "reason": reason,
        "source": claim.where,
    }


def compare(claim: ClaimFact, interval: Interval) -> str:
    """Returns "holds", "exceeded" or "not reproduced".

    A figure given to a last digit stands for every value that rounds to it; the claim holds when
    the interval meets that range.
    """
    if claim.value is None:
        return "cannot be tested"
    half = (claim.resolution or 0.0) / 2
    lower, upper = interval
    if upper < claim.value - half:
        return "not reproduced"
    if lower > claim.value + half:
        return "exceeded"
    return "holds"


def _accuracy(metric: str, runs: Sequence[Record]) -> tuple[float, Interval]:
    counts = [_count(metric, run) for run in runs]
    accuracies = [correct / total for correct, total in counts]
    mean = sum(accuracies) / len(accuracies)
    return mean, mean_interval(accuracies) if len(counts) > 1 else wilson(*counts[0])


def _count(metric: str, run: Record) -> tuple[int, int]:
    if metric == "test_accuracy":
        return run.document["test_correct"], run.document["test_images"]
    total = int(run.recipe["validation_images"])
    return round(run.history["val_accuracy"][-1] * total), total


def _early(runs: Sequence[Record]) -> str | None:
    """A run that stopped at its gate answers for less than the document trained."""
    epochs = {len(run.history["loss"]) for run in runs}
    documented = int(runs[0].recipe["epochs"])
    if epochs == {documented}:
        return None
    most = max(epochs)
    return f"measured after {most} of the {documented} documented epochs, where training stopped"
