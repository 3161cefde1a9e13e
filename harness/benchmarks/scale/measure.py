"""Measures the overhead of the harness: `python -m harness.benchmarks.scale.measure`.

Prints the tables of docs/performance.md from which `scale.simulate` takes its constants: jobs per
minute of the scheduler, lookups in a large store, and the costs of a worker and the sandbox. All
files are written to temporary folders and removed.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

from harness.benchmarks.scale.idle_worker import JOB_S
from harness.data import DataRequest, Dataset, load, publish
from harness.jobs.kinds.train import TrainJob
from harness.jobs.kinds.verify import Verification, Verifier
from harness.jobs.local.scheduler import Scheduler
from harness.jobs.store import record
from harness.jobs.store.store import Store
from harness.network import documented as network_documented
from harness.network.spec import Spec
from harness.submissions.sandbox.client import Sandbox
from harness.submissions.sandbox.isolation import strongest
from harness.system.directories import PROJECT_ROOT
from harness.system.machine import cores, describe_cpu
from harness.system.processes.fork_server import ForkServer
from reference import calibration, facts
from reference.errors import UserError
from reference.facts import expected_network

SIZES = (100, 1_000, 10_000, 100_000)
JOBS = 2_000
_LOOKUPS = 2_000
_PUTS = 200
_LIMIT_S = 600
# The records of the five networks have 0.9 to 6 MB.
_RECORD_BYTES = 3_000_000
_TRAINED_IMAGES = 1_200


@dataclass(frozen=True)
class Times:
    """Seconds of single calls."""

    median: float
    p95: float


def times(call: Callable[[str], object], keys: Sequence[str]) -> Times:
    """Returns the times of `call` with each of the keys."""
    found = []
    for key in keys:
        started = time.perf_counter()
        call(key)
        found.append(time.perf_counter() - started)
    ordered = sorted(found)
    return Times(median(ordered), ordered[int(0.95 * (len(ordered) - 1))])


# The scheduler -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """The speed of jobs that train nothing.

    Attributes:
        per_minute: jobs, from the first submission to the last end.
        processor_s: the controller's own processor time per job.
    """

    per_minute: float
    processor_s: float


def rate(submit: Callable[[int], Future[Any]], workers: int, jobs: int) -> Rate:
    """Measures jobs of a millisecond.

    Args:
        submit: starts the job of a number.
    """
    # Starts the processes before the measurement.
    for future in [submit(-1) for _ in range(20 * workers)]:
        future.result(_LIMIT_S)
    started, processor = time.perf_counter(), time.process_time()
    for future in [submit(number) for number in range(jobs)]:
        future.result(_LIMIT_S)
    return Rate(
        60 * jobs / (time.perf_counter() - started), (time.process_time() - processor) / jobs
    )


def scheduler_rate(workers: int, jobs: int, folder: Path) -> Rate:
    """Measures the local scheduler with idle workers."""
    job = job_of("mlp_64_32")
    scheduler = Scheduler(
        workers,
        folder,
        folder,
        folder / "logs",
        lambda _job, _event: None,
        "harness.benchmarks.scale.idle_worker",
    )
    try:
        return rate(lambda i: scheduler.submit(replace(job, seed=i), i % 7), workers, jobs)
    finally:
        scheduler.stop()


def job_of(name: str, data: str = "digits") -> TrainJob:
    """Returns a job that trains a documented network for one epoch on the named data set."""
    documented = facts.load(name)
    network = expected_network(documented)
    spec = Spec(network, tuple(node.kind for node in network.nodes))
    recipe = network_documented.recipe_for(documented, "gate", calibration.load(data))
    return TrainJob(spec, replace(recipe, epochs=1), data, "", 0, {})


# The store ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lookups:
    """The times of lookups in a store of this many records, and of adding one."""

    records: int
    hit: Times
    miss: Times
    put: Times


def key_of(number: int) -> str:
    """Returns a key for a number, evenly distributed as those of the store."""
    return sha256(str(number).encode()).hexdigest()


def lookups(store: Store, sizes: Sequence[int], count: int = _LOOKUPS) -> Iterator[Lookups]:
    """Fills a store step by step and yields the times of lookups at each size."""
    filled = 0
    for size in sizes:
        put = times(lambda key: store.put(key, _small), [key_of(i) for i in range(filled, size)])
        filled = size
        draw = random.Random(size)
        present = [key_of(draw.randrange(size)) for _ in range(count)]
        absent = [key_of(-1 - draw.randrange(10 * size)) for _ in range(count)]
        yield Lookups(size, times(store.get, present), times(store.get, absent), put)


def _small(folder: Path) -> None:
    (folder / "record.json").write_text(json.dumps({"key": folder.name}), encoding="utf-8")


def _large(folder: Path, job: TrainJob) -> None:
    document = {"key": folder.name, "job": job.to_json(), "history": {}}
    (folder / "record.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "weights.npz").write_bytes(os.urandom(_RECORD_BYTES))


def controller(folder: Path) -> Mapping[str, float]:
    """Returns the seconds of the controller for one job, by action."""
    job = job_of("functional_cnn")
    store = Store(folder)
    keys = [key_of(i) for i in range(20)]
    for key in keys:
        store.put(key, partial(_large, job=job))

    def read(key: str) -> None:
        found = store.get(key)
        if found is None:
            raise RuntimeError(f"{key} vanished from the store")
        record.read(found, cached=False)

    return {
        "key of a job": times(lambda _: replace(job).key, keys).median,
        "verify and read a record of 3 MB": times(read, keys).median,
    }


# Workers and the sandbox -------------------------------------------------------------------------


def worker_costs(folder: Path, mnist: Path | None) -> Mapping[str, float]:
    """Returns the costs of a real worker and the real sandbox in seconds.

    Every documented network is trained on a few images, one of them twice: the difference between
    the first and the second job of a process is the time of its preparations.

    Args:
        folder: the folder for all files.
        mnist: the folder of MNIST; None measures on the scikit-learn digits.
    """
    data, store = folder / "data", Store(folder / "store")
    data.mkdir()
    store.root.mkdir()
    dataset = load(DataRequest("mnist" if mnist else "digits", mnist, data), lambda _line: None)
    publish(dataset, data)
    jobs = [_short(job_of(name, dataset.name), dataset) for name in facts.names()]

    started = time.perf_counter()
    server = ForkServer("harness.jobs.local.worker", folder / "workers.log")
    try:
        worker = server.fork(folder / "worker.log")
        ready = time.perf_counter() - started
        began = time.perf_counter()
        server.fork(folder / "another.log").stop()
        forked = time.perf_counter() - began

        def run(job: TrainJob) -> float:
            began = time.perf_counter()
            worker.send({"job": job.to_json(), "data": str(data), "store": str(store.root)})
            event: Mapping[str, Any] = {}
            while event.get("event") not in ("done", "failed"):
                event = worker.receive(time.monotonic() + _LIMIT_S)
            if event["event"] == "failed":
                raise UserError(f"a worker failed: {event['message']}")
            return time.perf_counter() - began

        small = jobs[facts.names().index("mlp_64_32")]
        first, second = run(small), run(replace(small, seed=1))
        for job in jobs:
            run(job)
        worker.stop()
        verifier = Verifier(server.fork, folder / "verifying.log")
        verified = [_timed(partial(_verify, verifier, job, store, data)) for job in jobs]
    finally:
        server.stop()
    return {
        "workers: process and import of TensorFlow, once": ready,
        "worker: fork, and its end": forked,
        "worker: preparations in its first job": first - second,
        "worker: verify a run": median(verified),
        **_sandbox_costs(folder),
    }


def _short(job: TrainJob, dataset: Dataset) -> TrainJob:
    """Returns the job with few training images; its verification uses all images anyway."""
    kept = len(dataset.train_labels) - _TRAINED_IMAGES
    recipe = replace(job.recipe, validation_images=kept)
    return replace(job, recipe=recipe, data_digest=dataset.digest)


def _sandbox_costs(folder: Path) -> Mapping[str, float]:
    extractor = Sandbox(strongest(), folder / "sandbox.log")
    try:
        sources = [PROJECT_ROOT / "models" / f"{name}.py" for name in facts.names()]
        opened = [_timed(partial(_open, extractor, source)) for source in sources]
    finally:
        extractor.stop()
    return {
        "sandbox: start and first module": opened[0],
        "sandbox: open a module": median(opened[1:]),
    }


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _open(extractor: Sandbox, source: Path) -> None:
    found = extractor.build(source.name, source.read_text(encoding="utf-8"))
    if not isinstance(found, Spec):
        raise UserError(f"{source} was not opened: {found.message}")


def _verify(verifier: Verifier, job: TrainJob, store: Store, data: Path) -> None:
    folder = store.get(job.key)
    if folder is None:
        raise RuntimeError("the record was removed from the store")
    found = verifier.verify(job, folder, data)
    if not isinstance(found, Verification):
        raise UserError(f"a run was not verified: {found.message}")


# Tables ------------------------------------------------------------------------------------------


def rate_table(heading: str, rates: Mapping[Any, Rate]) -> str:
    """Returns rates as Markdown, under a heading for their keys."""
    lines = [
        f"| {heading} | jobs of {1000 * JOB_S:g} ms per minute | processor time per job |",
        "|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {found.per_minute:,.0f} | {1000 * found.processor_s:.2f} ms |"
        for name, found in rates.items()
    ]
    return "\n".join(lines)


def lookup_table(rows: Sequence[Lookups]) -> str:
    """Returns the times of the store as Markdown, median and 95th percentile in microseconds."""
    lines = ["| records | hit (p95) | miss (p95) | put (p95) |", "|---:|---:|---:|---:|"]
    lines += [
        f"| {row.records:,} | {_micro(row.hit)} | {_micro(row.miss)} | {_micro(row.put)} |"
        for row in rows
    ]
    return "\n".join(lines)


def _micro(found: Times) -> str:
    return f"{1e6 * found.median:,.0f} ({1e6 * found.p95:,.0f}) µs"


def cost_table(costs: Mapping[str, float]) -> str:
    """Returns costs by name as Markdown."""
    lines = ["| cost | milliseconds |", "|---|---:|"]
    lines += [f"| {name} | {1000 * seconds:,.2f} |" for name, seconds in costs.items()]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.benchmarks.scale.measure", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--records", type=int, default=SIZES[-1], help="records of the largest store"
    )
    parser.add_argument("--jobs", type=int, default=JOBS, help="jobs for the scheduler")
    parser.add_argument(
        "--folder", type=Path, help="folder of the large store (default: in memory, /dev/shm)"
    )
    parser.add_argument(
        "--mnist-dir", type=Path, help="verify runs on MNIST instead of the scikit-learn digits"
    )
    parser.add_argument("--no-workers", action="store_true", help="leave TensorFlow out")
    options = parser.parse_args(arguments)
    if options.records < 1 or options.jobs < 1:
        parser.error("--records and --jobs must be at least 1")
    try:
        _print_tables(options)
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 4
    return 0


def _print_tables(options: argparse.Namespace) -> None:
    memory = Path("/dev/shm")  # noqa: S108  (its contents are made by mkdtemp)
    place = options.folder or (memory if memory.is_dir() else None)
    print(f"{describe_cpu()}, {cores()} cores\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        folder = Path(name)
        rates = {workers: scheduler_rate(workers, options.jobs, folder) for workers in (1, 2)}
        print(rate_table("workers", rates), "\n", flush=True)
        sizes = [*(size for size in SIZES if size < options.records), options.records]
        with tempfile.TemporaryDirectory(prefix="scale-", dir=place) as large:
            print(lookup_table(list(lookups(Store(Path(large)), sizes))), "\n", flush=True)
        costs = {
            "controller: schedule a job": rates[2].processor_s,
            **{f"controller: {what}": cost for what, cost in controller(folder / "c").items()},
            "worker: write a small record to disk": times(
                lambda key: Store(folder / "disk").put(key, _small),
                [key_of(i) for i in range(_PUTS)],
            ).median,
        }
        if not options.no_workers:
            costs |= worker_costs(folder, options.mnist_dir)
        print(cost_table(costs))


if __name__ == "__main__":
    sys.exit(main())
