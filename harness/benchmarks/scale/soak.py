"""Runs the grader's long-lived parts for a long time and checks that nothing grows.

    python -m harness.benchmarks.scale.soak --jobs=300

Every job opens the module of a new network in the sandbox, trains it on the scikit-learn digits and
verifies it in another process; XLA compiles every tenth network. The controller keeps everything
that a session keeps. After every tenth job, while none is running, memory, descriptors and threads
of each process are sampled. The exit code is 1 if a bound of `scale.growth_bounds` is broken. All
files are written to a temporary folder and removed.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.benchmarks.scale.growth_bounds import MB, broken, most, proportional
from harness.benchmarks.scale.process_usage import (
    CONTROLLER,
    SANDBOX,
    SERVER,
    WORKER,
    Sample,
    at_rest,
)
from harness.data import DataRequest, load, publish
from harness.jobs import planning
from harness.jobs.kinds.base import Job
from harness.jobs.kinds.errors import JobFailed
from harness.jobs.kinds.train import TrainJob
from harness.jobs.local.scheduler import NEVER, RECYCLING
from harness.jobs.local.scheduler import WORKER as MODULE
from harness.jobs.local.workers import Workers
from harness.jobs.progress import Progress
from harness.jobs.run_once import RunOnce
from harness.jobs.runner import Runs
from harness.jobs.store.locks import Locks
from harness.jobs.store.store import INCOMING, Store
from harness.network import documented
from harness.network.cost import TimeLimit
from harness.network.recipe import Recipe
from harness.submissions.sandbox.client import Sandbox
from harness.submissions.sandbox.isolation import strongest
from harness.system.failure import BuildFailure
from harness.system.machine import cores, describe_cpu, numeric_platform
from harness.system.processes.json_process import ProcessDied
from reference import calibration, facts
from reference.errors import UserError

EVERY = 10
# By then each worker has trained every kind of network, compiled ones included.
WARM_UP = 40
_TRAINED = 600  # images
_LIMIT = TimeLimit(1800.0, "stopped after half an hour, its limit")

_DENSE = """import keras
from keras import layers


def build():
    return keras.Sequential([
        keras.Input((784,)),
        layers.Dense({width}, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
"""

_CONVOLUTIONS = """import keras
from keras import layers


def build():
    images = keras.Input((28, 28, 1))
    x = layers.Conv2D({filters}, 3)(images)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.MaxPooling2D(4)(x)
    x = layers.Flatten()(x)
    x = layers.Dense({width}, activation="relu")(x)
    return keras.Model(images, layers.Dense(10, activation="softmax")(x))
"""


def source(number: int, *, compiled: bool = False) -> str:
    """Returns a module with a different network for each number; only dense if XLA compiles it."""
    template = _DENSE if compiled or number % 5 in (1, 4) else _CONVOLUTIONS
    return template.format(width=16 + number, filters=4 + number % 7)


class Soak:
    """The long-lived parts of a session.

    Args:
        folder: the folder for all files.
        recycle: whether workers are replaced.
        compiled: XLA compiles one network in this many; 0: none.
    """

    def __init__(self, workers: int, folder: Path, *, recycle: bool, compiled: int) -> None:
        self._data, self.store = folder / "data", Store(folder / "store")
        self._data.mkdir()
        self.store.root.mkdir()
        self._dataset = load(DataRequest("digits", None, self._data), lambda _line: None)
        publish(self._dataset, self._data)
        self._logs = folder / "logs"
        self._workers = workers
        self._compiled = compiled
        self.progress = Progress(lambda _line: None)
        self._locks = Locks(self.store.root, self.progress.note)
        self._pool = Workers(
            workers,
            self._data,
            self.store.root,
            self._logs,
            self._on_event,
            recycling=RECYCLING if recycle else NEVER,
        )
        self._extractor = Sandbox(strongest(), self._logs / "sandbox.log")
        run_once = RunOnce(self.store, self._locks, self.progress.note)
        self._runs = Runs(run_once, self._data, self._pool, self.progress, fresh=False)
        self._threads = ThreadPoolExecutor(workers, "opening")

    def begin(self, number: int) -> Future[Any]:
        """Opens, trains and verifies one network."""
        return self._threads.submit(self._whole, number)

    def sample(self, jobs: int) -> Sample:
        """Samples all processes, as soon as temporary ones have ended."""
        expected = {SERVER: 1, WORKER: self._workers, SANDBOX: 1}
        found, used = at_rest(MODULE, expected)
        incoming = self.store.root / INCOMING
        return Sample(
            jobs,
            used,
            zombies=found.zombies,
            incoming=len(list(incoming.iterdir())) if incoming.exists() else 0,
            log_bytes=sum(path.stat().st_size for path in self._logs.iterdir()),
        )

    def stop(self) -> None:
        """Ends every process."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._runs.stop()
        self._extractor.stop()
        self._pool.stop()
        self._threads.shutdown(wait=True)
        self._runs.wait()
        self._locks.close()

    def _whole(self, number: int) -> None:
        compiled = self._compiled > 0 and number % self._compiled == self._compiled - 1
        text = source(number, compiled=compiled)
        opened = self._extractor.build(f"network-{number}.py", text)
        if isinstance(opened, BuildFailure):
            raise JobFailed(opened.status, opened.message)
        job = TrainJob(
            opened,
            self._recipe(compiled=compiled),
            self._dataset.name,
            self._dataset.digest,
            number,
            numeric_platform(),
        )
        run = self._runs.train(job, f"network {number}", planning.priority(job, _TRAINED), _LIMIT)
        self.progress.wait(run).predictions.sum()
        verified = self.progress.wait(self._runs.verify(job, run))
        if isinstance(verified, BuildFailure):
            raise JobFailed(verified.status, verified.message)

    def _recipe(self, *, compiled: bool) -> Recipe:
        """Returns a short recipe; one with many small steps, which XLA compiles, if `compiled`."""
        known = calibration.load(self._dataset.name)
        recipe = documented.recipe_for(facts.load("mlp_64_32"), "documented", known)
        kept = len(self._dataset.train_labels) - _TRAINED
        batch_size, epochs = (1, 17) if compiled else (32, 2)
        return replace(recipe, validation_images=kept, batch_size=batch_size, epochs=epochs)

    def _on_event(self, job: Job, event: Mapping[str, Any]) -> None:
        if event["event"] == "epoch":
            self.progress.update(job.key, event["epoch"], event.get("val_accuracy"))


def sampled(
    begin: Callable[[int], Future[Any]],
    sample: Callable[[int], Sample],
    jobs: int,
    every: int = EVERY,
) -> Iterator[Sample]:
    """Executes jobs, and yields a sample after every `every` of them.

    Raises:
        JobFailed, UserError, ProcessDied: a job failed.
    """
    for start in range(0, jobs, every):
        end = min(start + every, jobs)
        for future in [begin(number) for number in range(start, end)]:
            future.result()
        yield sample(end)


HEAD = (
    "| jobs | controller | fork server | workers: data, all | sandbox "
    "| descriptors | threads | zombies | incoming | logs |\n"
    "|---:|---:|---:|---:|---:|---|---|---:|---:|---:|"
)


def row(sample: Sample) -> str:
    """Returns a sample as a row of the table, memory in megabytes."""
    kinds = (CONTROLLER, SERVER, WORKER, SANDBOX)
    cells = [
        f"{sample.jobs}",
        f"{most(sample, CONTROLLER, 'resident_bytes') / MB:.0f}",
        f"{most(sample, SERVER, 'data_bytes') / MB:.0f}",
        f"{most(sample, WORKER, 'data_bytes') / MB:.0f}, {proportional(sample, WORKER) / MB:.0f}",
        f"{most(sample, SANDBOX, 'data_bytes') / MB:.0f}",
        " ".join(str(most(sample, kind, "descriptors")) for kind in kinds),
        " ".join(str(most(sample, kind, "threads")) for kind in kinds),
        f"{sample.zombies}",
        f"{sample.incoming}",
        f"{sample.log_bytes / 1000:.0f} kB",
    ]
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table and the verdict; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.benchmarks.scale.soak",
        description=__doc__.split("\n", maxsplit=1)[0],
    )
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument(
        "--no-recycling", action="store_true", help="keep each worker, to see how it grows"
    )
    parser.add_argument(
        "--compiled",
        type=int,
        default=10,
        metavar="N",
        help="XLA compiles one network in N; 0: none (default: 10)",
    )
    options = parser.parse_args(arguments)
    if options.jobs <= WARM_UP or options.workers < 1:
        parser.error(f"--jobs must be greater than {WARM_UP}, and --workers at least 1")
    print(f"{describe_cpu()}, {cores()} cores, {options.workers} workers\n\n{HEAD}", flush=True)
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        soak = Soak(
            options.workers,
            Path(name),
            recycle=not options.no_recycling,
            compiled=options.compiled,
        )
        try:
            for sample in sampled(soak.begin, soak.sample, options.jobs):
                samples.append(sample)
                print(row(sample), flush=True)
        except (JobFailed, UserError, ProcessDied) as error:
            print(f"\nERROR: a job failed: {error}", file=sys.stderr)
            return 1
        finally:
            soak.stop()
    problems = broken(samples, WARM_UP)
    print("\n" + "\n".join(problems or ["nothing grew beyond its bound"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
