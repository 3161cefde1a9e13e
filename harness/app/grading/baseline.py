"""The side of a session: what it compares with, and what it knows of its own networks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from harness.app.grading.options import Options, RecipeName
from harness.app.grading.session import Session
from harness.data.dataset import Dataset
from harness.evaluation import results
from harness.evaluation.baseline import previous_results
from harness.evaluation.baseline.benchmarks import measurements
from harness.evaluation.baseline.comparison import Comparison
from harness.evaluation.baseline.judging import obstacle
from harness.evaluation.baseline.network import Data, Network
from harness.evaluation.baseline.speed import Speedups
from harness.evaluation.results import files
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.store.record import Record
from harness.network import documented
from harness.statistics import predictions
from harness.submissions.opened import OpenedSubmission
from harness.system.failure import BuildFailure
from harness.system.machine import describe
from reference.layers import flops, total_params


def begin(options: Options, present: Sequence[str]) -> Comparison | None:
    """Reads the baseline and, before this run overwrites them, the report's benchmarks.

    Args:
        present: the names of the project's networks.

    Returns:
        None without --baseline.

    Raises:
        UserError: the baseline cannot be used.
    """
    if options.baseline is None:
        return None
    own = options.report / files.RESULTS
    environment = describe(options.workers, "")
    return Comparison(
        previous_results.read(options.baseline),
        present,
        _benchmarks(results.read_benchmarks(own)),
        {key: environment[key] for key in previous_results.MACHINE},
        overwritten=own.exists() and own.samefile(options.baseline),
    )


def _benchmarks(rows: Sequence[object]) -> Speedups:
    """Those of the report before this one; where they are none, there are none to compare."""
    try:
        return measurements([row for row in rows if isinstance(row, dict)])
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def built(name: str, opened: OpenedSubmission | BuildFailure) -> Network:
    """Returns a network as it was opened, not trained."""
    if isinstance(opened, BuildFailure):
        return Network(name)
    network = opened.spec.network
    return Network(name, opened.spec.digest, total_params(network), sum(flops(network)))


def trained(network: Network, runs: Sequence[Record] | JobFailed, data: Dataset) -> Network:
    """Returns a network with what its runs read right."""
    if isinstance(runs, JobFailed):
        return network
    return replace(
        network,
        runs=len(runs),
        right={run.seed: predictions.correct(run.predictions, data.test_labels) for run in runs},
        images_per_s=sum(map(_images_per_s, runs)) / len(runs),
    )


def newcomers(comparison: Comparison, session: Session | None) -> list[Network]:
    """Waits for the networks that the baseline does not know by their names.

    Args:
        session: None when none was begun: no check of a network was selected.
    """
    if session is None:
        return []
    opened = {name: session.opened_project(name) for name in comparison.new}
    return [built(name, session.progress.wait(found)) for name, found in opened.items()]


def why_not(comparison: Comparison, session: Session) -> str | None:
    """Returns why no accuracies can be compared in a session; None where they can."""
    data = session.data if session.trains else None
    return obstacle(
        comparison.earlier,
        None if data is None else Data(data.name, data.digest, len(data.test_labels)),
        _same_recipe(comparison.earlier.recipe, session),
    )


def _same_recipe(then: str | None, session: Session) -> bool:
    """Whether what --recipe said then and says now come to the same, as on the bundled digits."""
    if then is None or then not in get_args(RecipeName):
        return False
    return all(
        documented.recipe_for(facts, then, session.calibration)
        == documented.recipe_for(facts, session.options.recipe, session.calibration)
        for facts in session.facts.values()
    )


def _images_per_s(run: Record) -> float:
    seen = len(run.history["loss"]) * int(run.document["train_images"])
    return seen / float(run.document["train_time_s"])
