"""The benchmark suite: runs each contest once and gives its rows to pytest-benchmark."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks import rows
from harness.benchmarks.contest import Contest, Pool, Start, hold
from harness.benchmarks.workload import Workload, steps_per_round
from harness.evaluation.baseline import benchmarks as baselines
from harness.evaluation.baseline.benchmarks import OURS, Baseline, Key
from harness.evaluation.checking import Mismatch, Unavailable
from harness.network.difference import Difference
from harness.network.recipe import Recipe
from harness.network.spec import Spec
from harness.system.failure import BuildFailure
from harness.system.processes.json_process import Compute, JsonProcess

# The runners of each task.
RUNNERS: Mapping[str, Sequence[str]] = {
    "train": (OURS, "keras fit", "pytorch"),
    "predict": (OURS, "keras predict", "keras call"),
}
PREDICTION_BATCHES = (1, 256)


class Replay:
    """A timer for pytest-benchmark that replays times measured elsewhere.

    `clock` is the timer and `play` the timed function: each call of `play` moves the clock by the
    next of the loaded times, so that the rounds of a benchmark are those of the contest.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._left: Iterator[float] = iter(())

    def load(self, times: Sequence[float], steps: int) -> None:
        """Loads the seconds of each round, in which `play` is called `steps` times."""
        parts = (repeat(seconds / steps, steps) for seconds in times)
        self._left = chain.from_iterable(parts)

    def play(self) -> None:
        # pytest-benchmark calls once more after the last round, for a result.
        self._now += next(self._left, 0.0)

    def clock(self) -> float:
        return self._now


REPLAY = Replay()


@dataclass(frozen=True)
class Entrant:
    """A row to measure: a runner and its work."""

    key: Key
    runner: str
    opened: Spec | BuildFailure
    recipe: Recipe

    @property
    def spec(self) -> Spec:
        """The network.

        Raises:
            Mismatch: the network could not be opened.
        """
        if isinstance(self.opened, BuildFailure):
            raise Mismatch([Difference("build()", self.opened.message, "a network to time")])
        return self.opened

    @property
    def workloads(self) -> list[Workload]:
        """The work of every runner of the contest."""
        _, task, batch_size = self.key
        return [
            Workload(
                task,
                runner,
                self.spec,
                self.recipe,
                batch_size,
                steps_per_round(self.spec.network, task, runner, batch_size),
            )
            for runner in RUNNERS[task]
        ]


def processes(logs: Path) -> Start:
    """Returns a function that starts runner processes with logs in a folder."""
    return lambda program, threads: JsonProcess(
        "harness.benchmarks.runner",
        logs / f"bench-{program}-{threads}.log",
        compute=Compute(threads, gpu=True),
    )


class Suite:
    """The contests of a session, each run when its first row is requested.

    Args:
        pool: restarted for each network.
        table: gets the rows, by test id.
    """

    def __init__(
        self, pool: Pool, cores: int, baseline: Baseline | None, table: dict[str, dict[str, Any]]
    ) -> None:
        self._pool = pool
        self._cores = cores
        self._baseline = baseline
        self._table = table
        self._network = ""
        self._contests: dict[Key, Contest] = {}

    def time(self, benchmark: Any, test: str, entrant: Entrant) -> None:
        """Enters the row of a test.

        Raises:
            Mismatch: the outputs of the runners differ, or the row is slower than the baseline.
            Unavailable: the runner failed.
        """
        __tracebackhide__ = True
        key, runner = entrant.key, entrant.runner
        self._table[test] = rows.blank(key, runner, "failed", "it was not measured")
        contest = self._contest(entrant)
        benchmark.group = baselines.describe(key)
        if contest.disagreement:
            raise Mismatch(
                [Difference("outputs", contest.disagreement, "the same of every runner")]
            )
        if runner in contest.absent:
            absent = contest.absent[runner]
            self._table[test] = rows.blank(key, runner, absent.status, absent.reason)
            if absent.status == "unavailable":
                pytest.skip(absent.reason)
            raise Unavailable("grader_error", absent.reason)
        timing = contest.timings[runner]
        REPLAY.load(timing.times, timing.steps)
        benchmark.pedantic(REPLAY.play, rounds=len(timing.times), iterations=timing.steps)
        row = rows.measured(key, runner, contest, entrant.spec.network)
        self._table[test] = row
        benchmark.extra_info.update({**row, "jit_compile": False, "dtype": "float32"})
        if self._baseline is not None and runner == OURS:
            row["change"] = baselines.compare(self._baseline, key, row)
            baselines.require_no_loss(self._baseline, key, row)

    def miss(self, test: str, key: Key) -> None:
        """Enters a row that only the baseline has, as failed.

        Raises:
            Mismatch: the row was not measured.
        """
        __tracebackhide__ = True
        self._table[test] = rows.blank(key, OURS, "failed", None)
        source = "" if self._baseline is None else self._baseline.source
        hint = (
            "If its network was removed on purpose, make a new baseline: `pytest "
            "--benchmark-only` without --baseline."
        )
        place = baselines.describe(key)
        raise Mismatch([Difference(place, "not measured in this run", "measured", source, hint)])

    def stop(self) -> None:
        """Ends the runner processes."""
        self._pool.stop()

    def _contest(self, entrant: Entrant) -> Contest:
        if entrant.key[0] != self._network:
            self._pool.stop()
            self._network = entrant.key[0]
        if entrant.key not in self._contests:
            self._contests[entrant.key] = hold(entrant.workloads, self._pool, self._cores)
        return self._contests[entrant.key]


def planned(batches: Mapping[str, int]) -> set[Key]:
    """Returns the keys that a run without a selection measures.

    Args:
        batches: the training batch size of each network.
    """
    return {(name, "train", size) for name, size in batches.items()} | {
        (name, "predict", size) for name in batches for size in PREDICTION_BATCHES
    }


def missing(baseline: Baseline, batches: Mapping[str, int], batch: int | None) -> list[Key]:
    """Returns the keys of the baseline that this run would not measure even without a selection.

    Args:
        batch: the requested training batch size, which leaves out the others on purpose.
    """
    return sorted(
        key
        for key in set(baseline.speedups) - planned(batches)
        if batch is None or key[1] != "train" or key[2] == batch
    )


def lines(table: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns lines for the terminal: the engine's speeds, and why others were not measured."""
    found = []
    for row in table:
        if row["runner"] == OURS and row["images_per_s"]:
            peers = "; ".join(
                f"{r['ratio']:.3g}× [{r['low']:.3g}, {r['high']:.3g}] {peer}"
                for peer, r in (row["speedup"] or {}).items()
            )
            threads = f"{row['threads']} thread{'' if row['threads'] == 1 else 's'}"
            what = baselines.describe(baselines.key_of(row))
            line = f"{what}: {row['images_per_s']:,.0f} images/s on {threads}"
            found.append(line + (f"; {peers}" if peers else ""))
            if row["change"]:
                change = row["change"]
                found.append(
                    f"    against the baseline: {baselines.percent(change)}, {change['verdict']}"
                )
    reasons = {
        f"{row['runner']}: {row['reason']}" for row in table if row["status"] == "unavailable"
    }
    return found + sorted(reasons)
