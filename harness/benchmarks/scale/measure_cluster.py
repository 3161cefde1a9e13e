"""Measures what a job costs on a Dask cluster beside its work.

`python -m harness.benchmarks.scale.measure_cluster` is the command.

Real workers on this machine, and jobs of a millisecond. Once as the grader sends them, through Dask
to a node and a worker of it and back; once as plain tasks of Dask's, which tells whose the time is.
The scheduler runs in the measuring process, so its processor time is the controller's and the
scheduler's together: what is done one job at a time, however many workers there are.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.benchmarks.scale.idle_worker import JOB_S
from harness.benchmarks.scale.measure import Rate, job_of
from harness.jobs.cluster.address import parse
from harness.jobs.cluster.connection import Connection, connect
from harness.jobs.cluster.pool import ClusterPool
from harness.jobs.kinds.base import Inputs
from harness.jobs.store.store import Store
from harness.system.machine import cores, describe_cpu, numeric_platform
from reference.errors import UserError

JOBS = 10_000
_WORKER = "harness.benchmarks.scale.idle_worker"
_LIMIT_S = 600


def rates(workers: int, jobs: int, folder: Path) -> dict[str, Rate]:
    """Runs many jobs of a millisecond on so many workers, in both ways."""
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
            "through nodes": _rate(send, workers, jobs),
            "plain tasks of Dask's": _rate(partial(_plain, connection), workers, jobs),
        }
    finally:
        pool.stop()


def _plain(connection: Connection, number: int) -> Future[Any]:
    """A task that only takes the time: everything else is Dask's."""
    del number
    submitted: Future[Any] = connection.client.get_executor(pure=False).submit(time.sleep, JOB_S)
    return submitted


def _rate(send: Callable[[int], Future[Any]], workers: int, jobs: int) -> Rate:
    for future in [send(-1) for _ in range(20 * workers)]:  # the processes are started
        future.result(_LIMIT_S)
    started, processor = time.perf_counter(), time.process_time()
    for future in [send(number) for number in range(jobs)]:
        future.result(_LIMIT_S)
    return Rate(
        60 * jobs / (time.perf_counter() - started), (time.process_time() - processor) / jobs
    )


def table(workers: int, found: dict[str, Rate]) -> str:
    """Returns the rates as Markdown."""
    lines = [
        f"| {workers} workers | jobs of {1000 * JOB_S:g} ms a minute | processor time a job |",
        "|---|---:|---:|",
    ]
    lines += [
        f"| {name} | {rate.per_minute:,.0f} | {1000 * rate.processor_s:.2f} ms |"
        for name, rate in found.items()
    ]
    return "\n".join(lines)


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
    print(f"{describe_cpu()}, {cores()} cores\n\n{table(options.workers, found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
