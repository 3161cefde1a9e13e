"""Measures the memory that the controller keeps for each run.

`python -m harness.benchmarks.scale.measure_memory` is the command.

A class of 2,000 networks with five seeds is 10,000 runs. Here they are run by workers that train
nothing, with a store in memory; each run is waited for and its arrays are read, as checks do. The
growth of the controller divided by the runs is the memory that each keeps until the end. Records
are deleted during the measurement, so that the store stays small.
"""

import argparse
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.benchmarks.scale.measure import job_of
from harness.benchmarks.scale.process_usage import usage
from harness.jobs.kinds.base import Job
from harness.jobs.local.workers import Workers
from harness.jobs.progress import Progress
from harness.jobs.run_once import RunOnce
from harness.jobs.runner import Runs
from harness.jobs.store.locks import Locks
from harness.jobs.store.store import Store
from harness.network.cost import TimeLimit
from harness.network.spec import Spec, make_spec
from reference.errors import UserError

NETWORK = "mlp_64_32"
SEEDS = 5
_ROUND = 500
_LIMIT = TimeLimit(600.0, "stopped after ten minutes, its limit")
_WORKERS = 2


@dataclass(frozen=True)
class Kept:
    """The growth of the controller's memory since the start.

    Attributes:
        runs: number of finished runs.
    """

    runs: int
    memory_bytes: int

    @property
    def per_run_bytes(self) -> float:
        return self.memory_bytes / self.runs


def network(number: int) -> Spec:
    """Returns a different network for each number."""
    nodes = job_of(NETWORK).spec.network.nodes
    first = next(index for index, node in enumerate(nodes) if node.kind == "Dense")
    rows = [
        (
            node.kind,
            {**node.config, "units": 64 + number} if index == first else node.config,
            node.inputs,
            node.trainable,
        )
        for index, node in enumerate(nodes)
    ]
    return make_spec(rows, [f"layer_{index}" for index in range(len(rows))])


def kept(runs: int, folder: Path, each: int = _ROUND) -> Iterator[Kept]:
    """Executes runs, and yields the memory that they keep after every `each` of them.

    Raises:
        JobFailed: a run failed.
    """
    store = Store(folder / "store")
    progress = Progress(lambda _line: None)

    def on_event(job: Job, event: Mapping[str, Any]) -> None:
        if event["event"] == "epoch":
            progress.update(job.key, event["epoch"], event["val_accuracy"])

    workers = Workers(
        _WORKERS,
        folder,
        store.root,
        folder / "logs",
        on_event,
        module="harness.benchmarks.scale.recording_worker",
    )
    locks = Locks(store.root, progress.note)
    work = Runs(RunOnce(store, locks, progress.note), folder, workers, progress, fresh=False)
    try:
        before = _resident()
        for start in range(0, runs, each):
            end = min(start + each, runs)
            for future in [work.train(*_request(number)) for number in range(start, end)]:
                run = progress.wait(future)
                float(run.predictions.sum() + run.trained_outputs.sum())
                run.weights  # noqa: B018  (to read the file)
                shutil.rmtree(run.folder)
            yield Kept(end, _resident() - before)
    finally:
        work.stop()
        workers.stop()
        work.wait()
        locks.close()


def _request(number: int) -> tuple[Any, str, float, TimeLimit]:
    job = replace(job_of(NETWORK), spec=network(number // SEEDS), seed=number % SEEDS)
    return job, f"student-{number // SEEDS:04d} seed {number % SEEDS}", 1.0, _LIMIT


def _resident() -> int:
    gc.collect()
    found = usage(os.getpid())
    if found is None:
        raise UserError("/proc does not give the memory of this process")
    return found.resident_bytes


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.benchmarks.scale.measure_memory",
        description=__doc__.split("\n", maxsplit=1)[0],
    )
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    memory = Path("/dev/shm")  # noqa: S108  (its contents are made by mkdtemp)
    print("| runs | growth of the controller | per run |\n|---:|---:|---:|", flush=True)
    try:
        with tempfile.TemporaryDirectory(
            prefix="memory-", dir=memory if memory.is_dir() else None
        ) as name:
            for found in kept(options.runs, Path(name)):
                print(
                    f"| {found.runs:,} | {found.memory_bytes / 10**6:,.0f} MB "
                    f"| {found.per_run_bytes / 1000:,.0f} kB |",
                    flush=True,
                )
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
