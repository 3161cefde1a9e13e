"""Benchmarks: our engine and plain Keras on the same task, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report import wording
from harness.report.view import SpeedGroup, SpeedRow, SpeedTask

TASKS = {"train": "training", "predict": "prediction"}
OURS = "engine"


def groups(benchmarks: Sequence[Mapping[str, Any]]) -> tuple[SpeedGroup, ...]:
    """One group for each network, in it one for each task and batch size; ours first."""
    by_network: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for item in benchmarks:
        tasks = by_network.setdefault(item["architecture"] or "not named", {})
        tasks.setdefault(_task(item), []).append(item)
    return tuple(
        SpeedGroup(
            wording.cut(name, 60), tuple(_compared(task, items) for task, items in tasks.items())
        )
        for name, tasks in by_network.items()
    )


def _task(item: Mapping[str, Any]) -> str:
    words = TASKS.get(item["task"], item["task"] or "task")
    size = item["batch_size"]
    return words if size is None else f"{words}, batch {size:,}"


def _compared(task: str, items: Sequence[Mapping[str, Any]]) -> SpeedTask:
    ordered = sorted(items, key=lambda item: item["runner"] != OURS)
    top = max((item["images_per_s"] or 0 for item in items), default=0)
    return SpeedTask(task, tuple(_row(item, ordered, top) for item in ordered))


def _row(item: Mapping[str, Any], group: Sequence[Mapping[str, Any]], top: float) -> SpeedRow:
    rate = item["images_per_s"]
    device = item["device"] or wording.NOTHING
    if item["threads"]:
        device += f", {item['threads']} thread{'' if item['threads'] == 1 else 's'}"
    return SpeedRow(
        runner=item["runner"] or wording.NOTHING,
        rate=wording.whole(rate),
        width=round(100 * rate / top) if rate and top else 0,
        ratio=_ratio(item, group),
        median=wording.seconds(item["median_s"]),
        p95=wording.seconds(item["p95_s"]),
        device=device,
        matmul=wording.percent(item["matmul_fraction"], 0),
    )


def _ratio(item: Mapping[str, Any], group: Sequence[Mapping[str, Any]]) -> str:
    """How many times as fast as the fastest other runner on the same device; ours only."""
    others = [
        other["images_per_s"]
        for other in group
        if other["runner"] != OURS and other["device"] == item["device"] and other["images_per_s"]
    ]
    if item["runner"] != OURS or not others or not item["images_per_s"]:
        return ""
    return f"{item['images_per_s'] / max(others):.2g}×"


def note(benchmarks: Sequence[Mapping[str, Any]]) -> str:
    """Where and when they were measured, or how to measure them."""
    if not benchmarks:
        return ""
    machines = list(dict.fromkeys(item["cpu"] for item in benchmarks if item["cpu"]))
    days = sorted({item["created"][:10] for item in benchmarks if item["created"]})
    parts = (
        [f"Measured on {wording.listed([wording.cut(m, 60) for m in machines])}"]
        if machines
        else []
    )
    if days:
        when = f"on {days[0]}" if len(days) == 1 else f"between {days[0]} and {days[-1]}"
        parts.append(when if parts else f"Measured {when}")
    return " ".join(parts) + "." if parts else ""
