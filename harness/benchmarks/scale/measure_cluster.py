"""Measures the overhead of a job on a Dask cluster.

`python -m harness.benchmarks.scale.measure_cluster` is the command.

Runs jobs of a millisecond on real workers on this machine: as the grader sends them, through Dask
to a worker of a node and back; and as plain tasks of Dask, to tell the overhead of both apart. The
scheduler runs in the measuring process, so the processor time is that of the controller and the
scheduler together, which work on one job at a time whatever the number of workers.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.benchmarks.scale.idle_worker import JOB_S
from harness.benchmarks.scale.measure import Rate, job_of, rate, rate_table
from harness.jobs.cluster.address import parse
from harness.jobs.cluster.connection import Connection, connect
from harness.jobs.cluster.pool import ClusterPool
from harness.jobs.kinds.base import Inputs
from harness.jobs.store.store import Store
from harness.system.machine import cores, describe_cpu, numeric_platform
from reference.errors import UserError

JOBS = 10_000
_WORKER = "harness.benchmarks.scale.idle_worker"


def rates(workers: int, jobs: int, folder: Path) -> dict[str, Rate]:
    """Measures jobs of a millisecond in both ways."""
    connection = connect(
        parse(f"local:{workers}", folder),
        folder / "data",
        folder / "cluster",
        lambda _line: None,
        resources={},
        options=("--module", _WORKER),
    )
    pool = ClusterPool(
        connection, folder, Store(folder / "store"), lambda *_: None, lambda _line: None, {}
    )
    try:
        job = replace(job_of("mlp_64_32"), platform=numeric_platform())

        def send(number: int) -> Future[Any]:
            return pool.ask("do", replace(job, seed=number), Inputs(), 1.0)

        return {
            "through nodes": rate(send, workers, jobs),
            "plain tasks of Dask": rate(partial(_plain, connection), workers, jobs),
        }
    finally:
        pool.stop()


def _plain(connection: Connection, number: int) -> Future[Any]:
    """Submits a task that only sleeps: the rest of its time is Dask's."""
    del number
    submitted: Future[Any] = connection.client.get_executor(pure=False).submit(time.sleep, JOB_S)
    return submitted


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.benchmarks.scale.measure_cluster",
        description=__doc__.split("\n")[0],
    )
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--workers", type=int, default=cores())
    options = parser.parse_args(arguments)
    if options.jobs < 1 or options.workers < 1:
        parser.error("--jobs and --workers must be at least 1")
    try:
        with tempfile.TemporaryDirectory(prefix="scale-") as name:
            found = rates(options.workers, options.jobs, Path(name))
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 4
    print(f"{describe_cpu()}, {cores()} cores\n\n{rate_table(f'{options.workers} workers', found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
