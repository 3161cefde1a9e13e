"""Simulates a grading of many jobs on many workers: `python -m harness.benchmarks.scale.simulate`.

A discrete-event simulation of what the session does, from measured costs, printed as the tables of
docs/performance.md. It has no randomness: the same costs give the same tables.

    sandbox     opens each module and verifies each finished run, one at a time; this is
                pessimistic, since submissions open in parallel and another process verifies
    controller  one thread of Python: looks a job up, hands it out, reads its record
    workers     ready after their start; each takes the longest waiting job (LPT)

With --cluster, as on Dask: workers verify before they train anything else, and the controller's
time includes that of the scheduler, which also does one thing at a time.

Each worker is a core of its own, as fast as the one on which the costs were measured.
"""

import argparse
import heapq
import json
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from itertools import count, cycle, islice
from math import inf
from pathlib import Path
from statistics import mean
from typing import Any

from reference.errors import UserError

WORKERS = (1, 2, 4, 8, 16, 32, 64)
JOBS = (1, 10, 100, 1_000, 10_000)

# Seconds of one job of each network on one core, until it reaches its gate on MNIST. For those of
# this machine: `pytest checks/ --fresh` on two workers, then
# `python -m harness.benchmarks.scale.simulate --results reports/latest/results.json`.
TRAINING_S: Mapping[str, float] = {
    "deep_cnn": 40.7,
    "functional_cnn": 36.5,
    "mlp_256_128": 2.8,
    "mlp_64_32": 1.6,
    "sequential_cnn": 27.1,
}


@dataclass(frozen=True)
class Costs:
    """Seconds beside training; the defaults were measured by `scale.measure`.

    Attributes:
        worker_start: process, import of TensorFlow and preparations of the first job.
        sandbox_start: start of the sandbox and its first module.
        opening: opening one more module in the sandbox.
        verification: reopening a run's files and repeating its first steps.
        controller: all work of the controlling process for one job.
        sandboxes: number of sandboxes; a session has one.
        workers_verify: whether workers verify, as on a cluster.
    """

    worker_start: float = 5.6
    sandbox_start: float = 4.8
    opening: float = 0.18
    verification: float = 0.78
    controller: float = 0.005
    sandboxes: int = 1
    workers_verify: bool = False


# `python -m harness.benchmarks.scale.measure_cluster` measures what Dask adds to the controller's
# own time. The controller opens one module per core in parallel.
CLUSTER = Costs(controller=0.005 + 0.0030, sandboxes=2, workers_verify=True)

NO_COSTS = Costs(0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Outcome:
    """The result of a simulated grading.

    Attributes:
        makespan_s: seconds from the command to the last verification.
        efficiency: training time divided by the time of all workers.
        limit: the bottleneck: the largest of the lower bounds of `limits`.
    """

    makespan_s: float
    efficiency: float
    limit: str


class _Kind(IntEnum):
    READY = 0  # a worker
    OPENED = 1
    TRAINED = 2
    VERIFIED = 3  # by the sandbox
    CHECKED = 4  # by a worker


@dataclass
class _Grading:
    """The state between two events of the simulation."""

    durations: Sequence[float]
    costs: Costs
    events: list[tuple[float, int, _Kind, int]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)
    idle: int = 0
    waiting: list[tuple[float, float, _Kind, int]] = field(default_factory=list)
    to_open: deque[int] = field(default_factory=deque)
    to_verify: deque[int] = field(default_factory=deque)
    sandboxes_free: int = 0
    opens_next: bool = True
    controller_free: float = 0.0

    def schedule(self, at: float, kind: _Kind, job: int) -> None:
        heapq.heappush(self.events, (at, next(self.numbers), kind, job))

    def use_sandbox(self, now: float) -> None:
        """Gives each free sandbox a request; openings and verifications alternate."""
        while self.sandboxes_free and (self.to_open or self.to_verify):
            opens = bool(self.to_open) and (self.opens_next or not self.to_verify)
            self.opens_next = not opens
            self.sandboxes_free -= 1
            if opens:
                self.schedule(now + self.costs.opening, _Kind.OPENED, self.to_open.popleft())
            else:
                after = now + self.costs.verification
                self.schedule(after, _Kind.VERIFIED, self.to_verify.popleft())

    def use_workers(self, now: float) -> None:
        """Hands out waiting jobs, longest first, as fast as the controller can."""
        while self.idle and self.waiting:
            _, seconds, ends, job = heapq.heappop(self.waiting)
            self.idle -= 1
            start = max(now, self.controller_free) + self.costs.controller
            self.controller_free = start
            self.schedule(start + seconds, ends, job)

    def enqueue(self, priority: float, seconds: float, ends: _Kind, job: int) -> None:
        heapq.heappush(self.waiting, (-priority, seconds, ends, job))

    def handle(self, now: float, kind: _Kind, job: int) -> None:
        if kind is _Kind.READY:
            self.idle += 1
        elif kind is _Kind.OPENED:
            self.sandboxes_free += 1
            self.enqueue(self.durations[job], self.durations[job], _Kind.TRAINED, job)
        elif kind is _Kind.TRAINED:
            self.idle += 1
            if self.costs.workers_verify:
                self.enqueue(inf, self.costs.verification, _Kind.CHECKED, job)
            else:
                self.to_verify.append(job)
        elif kind is _Kind.CHECKED:
            self.idle += 1
        else:
            self.sandboxes_free += 1
        self.use_sandbox(now)


def makespan(durations: Sequence[float], workers: int, costs: Costs) -> float:
    """Returns the seconds until every job is trained and verified.

    Args:
        durations: seconds of training of each job, in the order in which they are opened.
        workers: number of workers.

    Raises:
        ValueError: workers is less than 1.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    state = _Grading(durations, costs)
    state.to_open.extend(range(len(durations)))
    for _ in range(workers):
        state.schedule(costs.worker_start, _Kind.READY, -1)
    for _ in range(costs.sandboxes):
        state.schedule(costs.sandbox_start, _Kind.VERIFIED, -1)  # only frees the sandbox
    now = 0.0
    while state.events:
        now = state.events[0][0]
        # All events of one moment are handled before a job is handed out.
        while state.events and state.events[0][0] == now:
            _, _, kind, job = heapq.heappop(state.events)
            state.handle(now, kind, job)
        state.use_workers(now)
    return now


def limits(durations: Sequence[float], workers: int, costs: Costs) -> Mapping[str, float]:
    """Returns lower bounds of the makespan: the seconds that each part alone takes."""
    jobs = len(durations)
    by_workers = costs.verification if costs.workers_verify else 0.0
    in_sandbox = costs.opening + costs.verification - by_workers
    return {
        "training": (sum(durations) + jobs * by_workers) / workers,
        "longest job": max(durations, default=0.0),
        "worker start": costs.worker_start,
        "sandbox": costs.sandbox_start + jobs * in_sandbox / costs.sandboxes,
        "controller": jobs * costs.controller * (2 if costs.workers_verify else 1),
    }


def grade(durations: Sequence[float], workers: int, costs: Costs) -> Outcome:
    """Simulates one grading."""
    span = makespan(durations, workers, costs)
    bounds = limits(durations, workers, costs)
    return Outcome(
        makespan_s=span,
        efficiency=sum(durations) / (workers * span) if span else 1.0,
        limit=max(bounds, key=lambda name: bounds[name]),
    )


def mixed(jobs: int, training: Mapping[str, float]) -> list[float]:
    """Returns the durations of a mixed class: the networks in rotation, all jobs different."""
    return list(islice(cycle(training[name] for name in sorted(training)), jobs))


# Tables ------------------------------------------------------------------------------------------


def table(outcomes: Mapping[tuple[int, int], Outcome]) -> str:
    """Returns makespan, efficiency and limit as Markdown: a row for each number of jobs."""
    jobs = sorted({job for job, _ in outcomes})
    workers = sorted({worker for _, worker in outcomes})
    lines = [
        "| jobs | " + " | ".join(_count(n, "worker") for n in workers) + " |",
        "|---:|" + "---|" * len(workers),
    ]
    for job in jobs:
        cells = [outcomes[job, worker] for worker in workers]
        shown = [f"{duration(c.makespan_s)}, {100 * c.efficiency:.0f} %, {c.limit}" for c in cells]
        lines.append(f"| {job:,} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Returns seconds in a readable unit: "48 s", "12.5 min", "3.9 h"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def sharing(training: Mapping[str, float], costs: Costs, submissions: int) -> str:
    """Returns, as Markdown, what content addressing saves for a class with equal submissions."""
    total = submissions * len(training)
    lines = [
        (
            f"| workers | {total:,} different networks | {total:,} submissions of "
            f"{len(training)} networks |"
        ),
        "|---:|---:|---:|",
    ]
    for workers in (1, 2, 8):
        apart = makespan(mixed(total, training), workers, costs)
        lines.append(
            f"| {workers} | {duration(apart)} | "
            f"{duration(shared(training, workers, costs, total))} |"
        )
    return "\n".join(lines)


def shared(training: Mapping[str, float], workers: int, costs: Costs, submissions: int) -> float:
    """Returns the seconds of grading many submissions of a few networks, each trained once.

    The first submission of each network is opened, trained and verified; the others are opened one
    after another in the sandbox, and their network is found in the store.
    """
    first = makespan(mixed(len(training), training), workers, costs)
    others = submissions - len(training)
    asked = submissions * costs.opening + len(training) * costs.verification
    return max(first, costs.sandbox_start + asked / costs.sandboxes) + others * costs.controller


def read_training(path: Path) -> dict[str, float]:
    """Returns the mean seconds of training of each network in a results.json.

    Raises:
        UserError: the file has no trainings.
    """
    try:
        subjects: Any = json.loads(path.read_text(encoding="utf-8"))["subjects"]
        found = {
            str(subject["architecture"]): mean(run["train_time_s"] for run in subject["runs"])
            for subject in subjects
            if subject["runs"]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"--results {path}: expected a results.json of `pytest checks/` ({error})"
        ) from None
    if not found:
        raise UserError(f"--results {path}: no network was trained in that run")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.benchmarks.scale.simulate", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--results", type=Path, help="use the training times of a run")
    parser.add_argument("--cluster", action="store_true", help="simulate a Dask cluster")
    numbers = {name: value for name, value in vars(Costs()).items() if name != "workers_verify"}
    for name, value in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), metavar="N")
    options = parser.parse_args(arguments)
    given = {name: getattr(options, name) for name in numbers if getattr(options, name) is not None}
    costs = replace(CLUSTER if options.cluster else Costs(), **given)
    try:
        training = read_training(options.results) if options.results else TRAINING_S
    except UserError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 4
    print("Training:", ", ".join(f"{name} {training[name]:.1f} s" for name in sorted(training)))
    print("Beside it (s):", ", ".join(f"{name} {value:g}" for name, value in vars(costs).items()))
    outcomes = {
        (jobs, workers): grade(mixed(jobs, training), workers, costs)
        for jobs in JOBS
        for workers in WORKERS
    }
    print(f"\n{table(outcomes)}\n\n{sharing(training, costs, 200)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
