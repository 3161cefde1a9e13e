"""Compares a session's networks with an earlier results.json, given by --baseline."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from harness.app.grading.options import Options, RecipeName
from harness.app.grading.session import Session
from harness.data.dataset import Dataset
from harness.evaluation import results
from harness.evaluation.baseline import judging, previous_results
from harness.evaluation.baseline.benchmarks import measurements
from harness.evaluation.baseline.comparison import Comparison
from harness.evaluation.baseline.model import Data, Network
from harness.evaluation.baseline.speed import Speedups
from harness.evaluation.results import files
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.store.record import Record
from harness.network import documented
from harness.report.schema.results import Benchmark
from harness.statistics import predictions
from harness.submissions.opened import OpenedSubmission
from harness.system.failure import BuildFailure
from harness.system.machine import describe
from reference.layers import flops, total_params


def read(options: Options, baseline: Path, present: Sequence[str]) -> Comparison:
    """Reads the baseline and, before this run overwrites them, the report's benchmarks.

    Args:
        present: the names of the project's networks.

    Raises:
        UserError: the baseline cannot be used.
    """
    own = options.report / files.RESULTS
    environment = describe(options.workers, "")
    return Comparison(
        previous_results.read(baseline),
        present,
        _speedups(results.read_benchmarks(own)),
        {key: environment[key] for key in previous_results.MACHINE},
        overwritten=own.exists() and own.samefile(baseline),
    )


def _speedups(rows: Sequence[Benchmark]) -> Speedups:
    """Returns the speed-ups of the report before this one; empty if they cannot be used."""
    try:
        return measurements(rows)
    except ValueError:
        return {}


def opened_network(name: str, opened: OpenedSubmission | BuildFailure) -> Network:
    """Returns a network of this session before its training."""
    if isinstance(opened, BuildFailure):
        return Network(name)
    network = opened.spec.network
    return Network(name, opened.spec.digest, total_params(network), sum(flops(network)))


def trained_network(network: Network, runs: list[Record] | JobFailed, data: Dataset) -> Network:
    """Returns a network with the test images that its runs classified correctly."""
    if isinstance(runs, JobFailed):
        return network
    return replace(
        network,
        runs=len(runs),
        correct={run.seed: predictions.correct(run.predictions, data.test_labels) for run in runs},
        images_per_s=sum(map(_images_per_s, runs)) / len(runs),
    )


def new_networks(comparison: Comparison, session: Session | None) -> list[Network]:
    """Waits for the networks whose names the baseline does not have, and returns them.

    Args:
        session: None if no check of a network was selected.
    """
    if session is None:
        return []
    opened = {name: session.opened_project(name) for name in comparison.new}
    return [opened_network(name, session.progress.wait(found)) for name, found in opened.items()]


def why_incomparable(comparison: Comparison, session: Session) -> str | None:
    """Returns why a session's accuracies cannot be compared; None if they can."""
    data = session.data if session.trains else None
    return judging.why_incomparable(
        comparison.earlier,
        None if data is None else Data(data.name, data.digest, len(data.test_labels)),
        _same_recipe(comparison.earlier.recipe, session),
    )


def _same_recipe(then: str | None, session: Session) -> bool:
    """Returns whether --recipe then and now train alike, as both do on the scikit-learn digits."""
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
