"""Makes the benchmark rows of results.json from contests."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from harness.benchmarks.contest import Contest
from harness.benchmarks.workload import flops_per_image
from harness.evaluation.baseline.benchmarks import MEASURED, OURS, Key, machine
from harness.report.schema.results import Benchmark
from harness.statistics import time_ratios
from harness.system.machine import commit, describe_cpu
from reference.layers import Network


def blank(key: Key, runner: str, status: str, reason: str | None) -> dict[str, Any]:
    """Returns the row of a runner without times."""
    network, task, batch_size = key
    return {
        "architecture": network,
        "task": task,
        "runner": runner,
        "batch_size": batch_size,
        "status": status,
        "reason": reason,
        "device": None,
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": commit(),
        "cpu": describe_cpu(),
        "machine": machine(),
        "torch": _torch() if runner == "pytorch" else None,
        **dict.fromkeys(MEASURED),
    }


def measured(key: Key, runner: str, contest: Contest, network: Network) -> dict[str, Any]:
    """Returns the row of a timed runner; times are of one step or one call."""
    _, task, batch_size = key
    timing = contest.timings[runner]
    band = time_ratios.band(timing.step_times)
    per_image = flops_per_image(network, task)
    images_per_s = batch_size / band.median_s
    rate = timing.matmul_flops_per_s
    return blank(key, runner, "measured", None) | {
        "median_s": band.median_s,
        "p95_s": band.p95_s,
        "iqr_s": band.iqr_s,
        "quartiles_s": [band.q1_s, band.q3_s],
        "rounds": len(timing.times),
        "steps_per_round": timing.steps,
        "images_per_s": images_per_s,
        "device": contest.device,
        "threads": timing.threads,
        "flops_per_image": per_image,
        "matmul_fraction": images_per_s * per_image / rate if rate else None,
        "first_call_s": timing.first_call_s,
        "speedup": speedups(contest) if runner == OURS else None,
    }


def speedups(contest: Contest) -> dict[str, dict[str, float]]:
    """Returns the speed-up of our engine over each peer."""
    ours = contest.timings[OURS].step_times
    return {
        name: time_ratios.speedup(ours, timing.step_times).to_json()
        for name, timing in contest.timings.items()
        if name != OURS
    }


def failed(row: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Returns the row of a test that failed, without the times that were measured."""
    return {**row, **dict.fromkeys(MEASURED), "status": "failed", "reason": reason}


def merged(earlier: Sequence[Benchmark], rows: Sequence[Benchmark]) -> list[Benchmark]:
    """Returns the rows, and the earlier rows of contests that were not repeated.

    Runners are comparable only within a contest, so all its earlier rows are replaced together.
    """
    repeated = {(row.architecture, row.task, row.batch_size) for row in rows}
    kept = [row for row in earlier if (row.architecture, row.task, row.batch_size) not in repeated]
    return [*kept, *rows]


def _torch() -> str | None:
    try:
        return version("torch")
    except PackageNotFoundError:
        return None
