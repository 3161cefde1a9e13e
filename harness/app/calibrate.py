"""Measures the accuracies to expect: `python -m harness.calibrate digits --seeds 20`.

Trains every documented network with many seeds and prints the [floor] tables of
reference/calibrations/<data set>.toml. Paste them there by hand: a program that edits its own
expectations could hide a regression. A file is valid for one recipe, its `measured_by`.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import get_args

from harness.app.arguments import DONE, ended, tell
from harness.app.grading.options import DEFAULT_STORE, RecipeName
from harness.data import DataRequest, Dataset, load, publish
from harness.jobs import planning
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.train import TrainJob
from harness.jobs.local.scheduler import Scheduler
from harness.jobs.store import record
from harness.jobs.store.locks import Locks
from harness.jobs.store.store import Store
from harness.network import documented as network_documented
from harness.statistics.intervals import tolerance_factor
from harness.system.directories import PROJECT_ROOT
from harness.system.machine import cores
from reference import calibration, facts
from reference.errors import UserError


def measure(
    dataset: Dataset, name: str, seeds: int, store: Store, data: Path
) -> Iterator[tuple[str, list[float]]]:
    """Yields each network's name and its test accuracies, one for each seed.

    Args:
        name: the recipe, a value of --recipe.

    Raises:
        UserError: a training run failed.
    """
    known = calibration.load(dataset.name)
    scheduler = Scheduler(
        cores(), data.absolute(), store.root.absolute(), store.root / "logs", lambda _job, _e: None
    )
    try:
        waiting: dict[str, list[Future[str]]] = {}
        for network in facts.names():
            documented = facts.load(network)
            recipe = network_documented.recipe_for(documented, name, known)
            # The documented network: a floor must not depend on an implementation in models/.
            spec = network_documented.documented_spec(documented)
            waiting[network] = [
                _train(job, dataset, store, scheduler)
                for job in planning.jobs_for(spec, recipe, dataset, seeds)
            ]
        for network, futures in waiting.items():
            yield network, [_accuracy(store, future) for future in futures]
    finally:
        scheduler.stop()


def table(name: str, accuracies: Sequence[float]) -> str:
    """Returns a network's [floor] table as TOML."""
    k = tolerance_factor(len(accuracies))
    average, deviation = mean(accuracies), stdev(accuracies)
    return (
        f"[floor.{name}]\n"
        f"floor = {average - k * deviation:.4f}\n"
        f"mean = {average:.4f}\n"
        f"deviation = {deviation:.5f}\n"
        f"seeds = {len(accuracies)}\n"
        f"k = {k:.3f}\n"
    )


def _train(job: TrainJob, dataset: Dataset, store: Store, scheduler: Scheduler) -> Future[str]:
    if store.get(job.key) is not None:
        done: Future[str] = Future()
        done.set_result(job.key)
        return done
    return scheduler.submit(job, planning.priority(job, len(dataset.train_labels)))


def _accuracy(store: Store, future: Future[str]) -> float:
    try:
        folder = store.get(future.result())
    except JobFailed as error:
        raise UserError(f"a run failed: {error}") from None
    if folder is None:
        raise UserError("a record vanished from the store; run the command again")
    document = record.read(folder, cached=False).document
    return float(document["test_correct"] / document["test_images"])


def _run(options: argparse.Namespace) -> int:
    store = Store(options.store, tell)
    data = options.store / "data"
    dataset = load(DataRequest(options.dataset, None, data), tell)
    with Locks(options.store, tell):  # other processes do not clean up what this one uses
        publish(dataset, data, tell)
        for name, accuracies in measure(dataset, options.recipe, options.seeds, store, data):
            print(table(name, accuracies), flush=True)
    return DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness.calibrate", description=__doc__)
    parser.add_argument("dataset", choices=["digits", "mnist"])
    parser.add_argument("--seeds", type=int, default=20)
    # On the digits both recipes are the same: that of their calibration.
    parser.add_argument("--recipe", choices=get_args(RecipeName), default="gate")
    parser.add_argument("--store", type=Path, default=PROJECT_ROOT / DEFAULT_STORE)
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error(f"--seeds {options.seeds}: a standard deviation needs at least 2")
    return ended(partial(_run, options))


if __name__ == "__main__":
    sys.exit(main())
