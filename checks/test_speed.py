"""How fast is it? Run with `pytest --benchmark-only`; a grading run leaves these out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from harness import contest
from harness.environment import commit, cores, describe_cpu
from harness.plan import recipe_for
from harness.spec import Spec
from reference.facts import Facts
from reference.layers import flops

# The first call traces and compiles. pytest-benchmark would size its rounds by it, so they are
# fixed: some to warm up, and enough to tell a median and a 95th percentile.
WARMUP_ROUNDS = 3
ROUNDS = 20
# One forward and two backward passes.
TRAINING_PASSES = 3

Rows = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _threads() -> None:
    contest.prepare()


@pytest.mark.parametrize("runner", ["engine", "keras fit"])
def test_training(
    benchmark: Any, spec: Spec, facts: Facts, runner: str, benchmark_rows: Rows
) -> None:
    """training throughput at the documented batch size"""
    recipe = recipe_for(facts, "documented", None)
    tasks = contest.training_tasks(spec, recipe, facts.family)
    _time(benchmark, tasks, spec, facts, "train", runner, recipe.batch_size, benchmark_rows)


@pytest.mark.parametrize("batch_size", [1, 256])
@pytest.mark.parametrize("runner", ["engine", "keras predict", "keras call"])
def test_prediction(
    benchmark: Any, spec: Spec, facts: Facts, runner: str, batch_size: int, benchmark_rows: Rows
) -> None:
    """inference: latency of one image, throughput of a batch"""
    tasks = contest.prediction_tasks(spec, batch_size)
    _time(benchmark, tasks, spec, facts, "predict", runner, batch_size, benchmark_rows)


def _time(
    benchmark: Any,
    tasks: Mapping[str, contest.Task],
    spec: Spec,
    facts: Facts,
    kind: str,
    runner: str,
    batch_size: int,
    rows: Rows,
) -> None:
    """Times one task and enters its row; what is true of all rounds goes into extra_info."""
    task = tasks[runner]
    benchmark.group = f"{facts.name} {kind} {batch_size}"
    benchmark.pedantic(task.run, rounds=ROUNDS, warmup_rounds=WARMUP_ROUNDS, iterations=1)
    times = np.array(benchmark.stats.stats.data)
    per_image = sum(flops(spec.network)) * (TRAINING_PASSES if kind == "train" else 1)
    images_per_s = task.images / float(np.median(times))
    row = {
        "architecture": facts.name,
        "task": kind,
        "runner": runner,
        "batch_size": batch_size,
        "median_s": float(np.median(times)) / task.steps,
        "p95_s": float(np.percentile(times, 95)) / task.steps,
        "iqr_s": float(np.subtract(*np.percentile(times, [75, 25]))) / task.steps,
        "rounds": ROUNDS,
        "steps_per_round": task.steps,
        "images_per_s": images_per_s,
        "device": contest.device(),
        "threads": cores(),
        "flops_per_image": per_image,
        "matmul_fraction": images_per_s * per_image / contest.matmul_rate(),
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": commit(),
        "cpu": describe_cpu(),
    }
    benchmark.extra_info.update({**row, "jit_compile": False, "dtype": "float32"})
    rows.append(row)
