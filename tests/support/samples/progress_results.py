"""What a results.json says of a baseline, earlier runs and calibrated ranges, for the page."""

import random
from typing import Any

from tests.support.samples.results import NETWORKS, sample, wilson
from tests.support.samples.shaky_digits import digest

STATUSES = ("passed", "passed", "regressed", "inconclusive", "improved")


def _row(subject: str | None, measure: str, status: str, /, **more: Any) -> dict[str, Any]:
    return {
        "subject": subject,
        "baseline_subject": subject,
        "measure": measure,
        "status": status,
        "before": None,
        "after": None,
        "difference": None,
        "interval": None,
        "text": f"{measure} of {subject} {status}, as a sentence says.",
    } | more


def baseline() -> dict[str, Any]:
    """Every status there is, on three measures."""
    rows = []
    changes = (0.0004, -0.0003, -0.0061, -0.0016, 0.0052)
    for name, status, change in zip(NETWORKS, STATUSES, changes, strict=True):
        before = NETWORKS[name]["accuracy"] - change
        ends = [change - 0.0011, change + 0.0011]
        figures = {"before": before, "after": before + change}
        rows.append(_row(name, "accuracy", status, difference=change, interval=ends, **figures))
        rows.append(
            _row(name, "total_params", "unchanged", before=52650, after=52650, difference=0)
        )
    rows.append(_row("mlp_64_32", "flops", "regressed", before=1e5, after=1.2e5, difference=2e4))
    rows.append(_row(None, "presence", "missing", baseline_subject="lenet"))
    rows.append(_row("deep_cnn", "presence", "new", baseline_subject=None))
    rows.append(_row("mlp_64_32", "presence", "renamed", baseline_subject="mlp_small"))
    rows.append(_row("mlp_64_32", "speed", "not judged", before=9e4, after=1.1e5))
    slower = {"before": 1.52, "after": 1.31, "difference": -0.138, "interval": [-0.16, -0.117]}
    rows.append(_row("deep_cnn", "speed", "regressed", **slower))
    return {
        "file": "before.json",
        "created": "2026-11-01T08:00:00Z",
        "commit": "aaaabbbbcccc",
        "margin": 0.002,
        "comparable": True,
        "reason": None,
        "overwritten": True,
        "rows": rows,
    }


def history(count: int = 12, names: tuple[str, ...] = tuple(NETWORKS)) -> list[dict[str, Any]]:
    """So many runs, in which one network is changed and one run is on another processor."""
    rng = random.Random(7)
    runs = []
    for place in range(count):
        networks = []
        for name in names:
            drop = 0.004 if name == "sequential_cnn" and place in (5, 6) else 0.0
            accuracy = NETWORKS[name]["accuracy"] + rng.gauss(0, 0.0007) - drop
            changed = name == "deep_cnn" and place >= 7
            networks.append(
                {
                    "id": name,
                    "spec_digest": digest(f"spec{name}{'old' * (not changed)}"),
                    "accuracy": round(accuracy, 5),
                    "interval": wilson(accuracy, 10000),
                    "verdict": "failed" if drop else "passed",
                    "total_params": 159_254 if changed else 187_000,
                    "train_images_per_s": NETWORKS[name]["rate"] * rng.uniform(0.93, 1.06),
                }
            )
        runs.append(
            {
                "created": f"2026-11-{place % 21 + 1:02}T11:02:03Z",
                "commit": digest(f"commit{place}")[:12],
                "dataset": "mnist",
                "dataset_digest": digest("mnist"),
                "recipe": "gate",
                "seeds": 1,
                "outcome": "failed" if place in (5, 6) else "passed",
                "cpu": "another processor" if place == 2 else "Intel Xeon (sample)",
                "networks": networks,
            }
        )
    return runs


def progressed(**more: Any) -> dict[str, Any]:
    """A sample of five seeds with all of it."""
    return with_progress(sample(**{"seeds": 5} | more))


def with_progress(results: dict[str, Any]) -> dict[str, Any]:
    """Adds a baseline, a history, calibrated ranges and alarms to a results.json."""
    for subject in results["subjects"]:
        mean = NETWORKS[subject["id"]]["accuracy"] - 0.0002
        subject["range"] = {
            "mean": mean,
            "deviation": 0.0009,
            "low": mean - 4.32 * 0.0009,
            "high": mean + 4.32 * 0.0009,
            "seeds": 20,
            "k": 4.32,
            "command": "python -m harness.calibrate --dataset=mnist --seeds=20",
        }
        subject["alarms"] = []
    wrong = results["subjects"][1]
    wrong["runs"][-1]["test_accuracy"] = 0.9969
    text = "seed 3 reads 99.69 % of the test images, above the range that 20 seeds gave."
    wrong["alarms"] = [{"kind": "above_range", "text": text}]
    results["dataset"]["shared_images"] = {
        "count": 3,
        "examples": [{"test": 11, "train": 204}, {"test": 40, "train": 59_999}],
    }
    return results | {"baseline": baseline(), "history": history()}
