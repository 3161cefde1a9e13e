"""An earlier results.json to compare benchmarks with.

What is compared is our speed-up over Keras, measured in one contest, not a time: identical code
differs by a quarter between jobs on a shared machine, and by well under a hundredth against a
peer that runs beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.evaluation.checking import Mismatch
from harness.evaluation.results.files import read_baseline
from harness.network.difference import Difference
from harness.report.schema import results as schema
from harness.report.schema.results import Benchmark
from harness.statistics import time_ratios
from harness.statistics.time_ratios import Ratio
from harness.system.machine import cores, describe_cpu
from reference.errors import UserError
from reference.fields import shown

# Architecture, "train" or "predict", and batch size of a row.
Key = tuple[str, str, int]

# Keys that a row holds only if its runner was timed.
MEASURED = (
    "median_s", "p95_s", "iqr_s", "quartiles_s", "rounds", "steps_per_round", "images_per_s",
    "threads", "flops_per_image", "matmul_fraction", "first_call_s", "speedup", "change",
)  # fmt: skip

TASKS = {"train": "training", "predict": "prediction"}
OURS = "engine"
# Against whom the speed-up is taken: there without anything to install.
PEERS = {"train": "keras fit", "predict": "keras predict"}
USABLE = ("measured", "regressed")
MAKE = "`pytest --benchmark-only` writes reports/latest/results.json; copy it to keep it."


@dataclass(frozen=True)
class Baseline:
    """Speed-ups of an earlier run.

    Attributes:
        name: of the file, for messages.
        commits: what they were measured on.
    """

    name: str
    commits: tuple[str, ...]
    speedups: Mapping[Key, Ratio]

    @property
    def source(self) -> str:
        return f"{self.name}, commit {', '.join(self.commits)}" if self.commits else self.name


@dataclass(frozen=True)
class Measurement:
    """A speed-up over Keras, with when and where it was measured.

    Attributes:
        machine: as `harness.benchmarks.rows.machine` has it.
    """

    speedup: Ratio
    created: str
    commit: str
    machine: Mapping[str, object]


class BaselineMismatch(Mismatch):
    """A benchmark that was measured and does not stand up to the baseline.

    Attributes:
        status: of its row: "regressed", or "failed" when it could not be compared.
    """

    def __init__(self, difference: Difference, status: str) -> None:
        super().__init__([difference])
        self.status = status


def read(path: Path, machine: Mapping[str, object]) -> Baseline:
    """Reads a results.json with benchmarks of this machine.

    Args:
        machine: `harness.benchmarks.rows.machine` of this run.

    Raises:
        UserError: it is missing, no results.json, holds no benchmarks that can be compared, or
            was measured on another machine.
    """
    measured = [row for row in read_baseline(path, MAKE).benchmarks if row.runner]
    if not measured:
        raise UserError(f"--baseline {path} holds no benchmarks. {MAKE}")
    rows = list(filter(_is_ours, measured))
    try:
        found = measurements(rows)
    except ValueError as error:
        raise UserError(
            f"--baseline {path}: a benchmark in it is not as expected ({error}). {MAKE}"
        ) from error
    if not found:
        raise UserError(
            f"--baseline {path} holds no speed-up of the engine over Keras to compare with; an "
            f"earlier version of the grader may have written it. {MAKE}"
        )
    for row in rows:
        _check_machine(path, row, machine)
    commits = dict.fromkeys(one.commit for one in found.values() if one.commit)
    speedups = {key: one.speedup for key, one in found.items()}
    return Baseline(path.name, tuple(commits), speedups)


def measurements(rows: Iterable[Benchmark]) -> dict[Key, Measurement]:
    """Returns the engine's speed-ups over Keras, where they were measured.

    Raises:
        ValueError: a row does not say what it measured, or a speed-up lies outside its interval.
    """
    found: dict[Key, Measurement] = {}
    for row in filter(_is_ours, rows):
        if row.architecture is None or row.task is None or row.batch_size is None:
            raise ValueError("architecture, task or batch_size is null")
        speedup = row.speedup.get(PEERS.get(row.task, ""))
        if speedup:
            found[row.architecture, row.task, row.batch_size] = Measurement(
                _ratio(speedup), row.created or "", row.commit or "", row.machine
            )
    return found


def compare(baseline: Baseline, key: Key, row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how the speed-up of an engine row changed, with the verdict, as plain data.

    Raises:
        BaselineMismatch: the row is not in the baseline, or has no speed-up to compare.
    """
    peer = PEERS[key[1]]
    before = baseline.speedups.get(key)
    found = row["speedup"] and row["speedup"].get(peer)
    if before is None:
        raise BaselineMismatch(
            Difference(
                f"{describe(key)}, speed-up over {peer} in the baseline",
                "not in the baseline",
                "there, to compare with",
                baseline.source,
                "Compare with a results.json that has it, or make a new baseline: "
                "`pytest --benchmark-only` without --baseline.",
            ),
            "failed",
        )
    if found is None:
        raise BaselineMismatch(
            Difference(
                f"{describe(key)}, speed-up over {peer}", "not measured", before, baseline.source
            ),
            "failed",
        )
    changed = time_ratios.change(Ratio(**found), before)
    return {
        **changed.to_json(),
        "peer": peer,
        "verdict": time_ratios.judge(changed),
        "baseline": baseline.source,
    }


def require_no_loss(baseline: Baseline, key: Key, row: Mapping[str, Any]) -> None:
    """Raises BaselineMismatch when the change in a row is a regression."""
    __tracebackhide__ = True
    found = row["change"]
    if found["verdict"] != "regressed":
        return
    peer, before = found["peer"], baseline.speedups[key]
    raise BaselineMismatch(
        Difference(
            f"{describe(key)}, speed-up over {peer}",
            f"{Ratio(**row['speedup'][peer])} ({percent(found)})",
            f"at least {before.ratio * (1 - time_ratios.ALLOWED_LOSS):.3g}×: {before} less "
            f"{100 * time_ratios.ALLOWED_LOSS:.0f} %",
            baseline.source,
            "Find what made it slower since then. If it is intended, make a new baseline.",
        ),
        "regressed",
    )


def percent(change: Mapping[str, float]) -> str:
    """Returns e.g. "-12 % [-14 %, -10 %]"."""
    middle, low, high = (change[name] - 1 for name in ("ratio", "low", "high"))
    return f"{100 * middle:+.1f} % [{100 * low:+.1f} %, {100 * high:+.1f} %]"


def _is_ours(row: Benchmark) -> bool:
    return row.runner == OURS and row.status in USABLE


def _check_machine(path: Path, row: Benchmark, machine: Mapping[str, object]) -> None:
    there = row.machine
    if dict(there) == dict(machine):
        return
    different = [name for name in machine if there.get(name) != machine[name]]
    raise UserError(
        f"--baseline {path} was measured on another machine: "
        + "; ".join(
            f"{name} {shown(there.get(name))}, here {machine[name]!r}" for name in different
        )
        + ". Speed is comparable only where all of them are the same: measure a baseline here."
    )


def _ratio(found: schema.Ratio) -> Ratio:
    if found.ratio is None or found.low is None or found.high is None:
        raise ValueError("a speed-up lacks its ratio or an end of its interval")
    if not 0 < found.low <= found.ratio <= found.high:
        raise ValueError(f"a speed-up of {found.ratio} lies outside {found.low} to {found.high}")
    return Ratio(found.ratio, found.low, found.high)


def key_of(row: Mapping[str, Any]) -> Key:
    return row["architecture"], row["task"], row["batch_size"]


def describe(key: Key) -> str:
    """Returns e.g. "deep_cnn training, batch 200"."""
    network, task, batch_size = key
    return f"{network} {TASKS.get(task, task)}, batch {batch_size:,}"


def machine() -> dict[str, object]:
    """Returns the machine and versions that two comparable runs must share."""
    names = ("tensorflow", "keras", "numpy")
    return {"cpu": describe_cpu(), "cores": cores(), **{name: version(name) for name in names}}
