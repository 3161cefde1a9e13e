"""Benchmarks: our engine and its peers on the same task, side by side."""

from collections.abc import Sequence

from harness.report.schema import results as schema
from harness.report.text import formatting, verdicts
from harness.report.views.common import Verdict
from harness.report.views.page import SpeedGroup, SpeedRow, SpeedTask

TASKS = {"train": "training", "predict": "prediction"}
OURS = "engine"


def groups(benchmarks: Sequence[schema.Benchmark]) -> tuple[SpeedGroup, ...]:
    """One group for each network, in it one for each task and batch size; ours first."""
    by_network: dict[str, dict[str, list[schema.Benchmark]]] = {}
    for item in benchmarks:
        tasks = by_network.setdefault(item.architecture or "not named", {})
        tasks.setdefault(_task(item), []).append(item)
    return tuple(
        SpeedGroup(
            formatting.cut(name, 60), tuple(_compared(task, items) for task, items in tasks.items())
        )
        for name, tasks in by_network.items()
    )


def _task(item: schema.Benchmark) -> str:
    words = TASKS.get(item.task or "", item.task or "task")
    size = item.batch_size
    return words if size is None else f"{words}, batch {size:,}"


def _compared(task: str, items: Sequence[schema.Benchmark]) -> SpeedTask:
    ordered = sorted(items, key=lambda item: item.runner != OURS)
    top = max((item.images_per_s or 0 for item in items), default=0)
    return SpeedTask(task, tuple(_row(item, ordered, top) for item in ordered))


def _row(item: schema.Benchmark, group: Sequence[schema.Benchmark], top: float) -> SpeedRow:
    rate = item.images_per_s
    device = item.device or formatting.NOTHING
    if item.threads:
        device += f", {item.threads} thread{'' if item.threads == 1 else 's'}"
    quartiles = item.quartiles_s
    return SpeedRow(
        runner=item.runner or formatting.NOTHING,
        rate=formatting.whole(rate),
        width=_share(rate, top),
        band=_band(item, top),
        ratio=_ratio(item, group),
        median=formatting.seconds(item.median_s),
        spread=" – ".join(formatting.seconds(end) for end in quartiles) if quartiles else "",
        p95=formatting.seconds(item.p95_s),
        first_call=formatting.seconds(item.first_call_s),
        device=device,
        matmul=formatting.percent(item.matmul_fraction, 0),
        verdict=_verdict(item),
        note=_note(item),
    )


def _share(rate: float | None, top: float) -> int:
    return min(100, round(100 * rate / top)) if rate and top else 0


def _band(item: schema.Benchmark, top: float) -> tuple[int, int] | None:
    """The quartiles as rates: the slower one first."""
    rate, median, quartiles = item.images_per_s, item.median_s, item.quartiles_s
    if not rate or not median or not quartiles or not all(quartiles):
        return None
    fast, slow = (rate * median / end for end in quartiles)
    return _share(slow, top), _share(fast, top)


def _verdict(item: schema.Benchmark) -> Verdict | None:
    if item.status not in (None, "measured"):
        return verdicts.verdict(item.status)
    return verdicts.verdict(item.change.verdict) if item.change else None


def _note(item: schema.Benchmark) -> str:
    change = item.change
    if change and change.ratio and change.low is not None and change.high is not None:
        ends = formatting.interval((change.low - 1, change.high - 1), 1)
        return (
            f"against the baseline ({change.baseline or 'not named'}): speed-up over "
            f"{change.peer} {formatting.percent(change.ratio - 1, 1, sign=True)} {ends}"
        )
    return item.reason or ""


def _ratio(item: schema.Benchmark, group: Sequence[schema.Benchmark]) -> str:
    """How many times as fast our engine is as this runner, with the interval where it is known."""
    ours = next((other for other in group if other.runner == OURS), None)
    if ours is None or item is ours or not item.images_per_s or not ours.images_per_s:
        return ""
    found = ours.speedup.get(item.runner or "")
    if found and found.ratio is not None and found.low is not None and found.high is not None:
        return f"{found.ratio:.3g}× [{found.low:.3g}, {found.high:.3g}]"
    if ours.device != item.device:
        return ""
    return f"{ours.images_per_s / item.images_per_s:.2g}×"


def note(benchmarks: Sequence[schema.Benchmark]) -> str:
    """Where and when they were measured, or how to measure them."""
    if not benchmarks:
        return ""
    machines = list(dict.fromkeys(item.cpu for item in benchmarks if item.cpu))
    days = sorted({item.created[:10] for item in benchmarks if item.created})
    parts = (
        [f"Measured on {formatting.listed([formatting.cut(m, 60) for m in machines])}"]
        if machines
        else []
    )
    if days:
        when = f"on {days[0]}" if len(days) == 1 else f"between {days[0]} and {days[-1]}"
        parts.append(when if parts else f"Measured {when}")
    return " ".join(parts) + "." if parts else ""
