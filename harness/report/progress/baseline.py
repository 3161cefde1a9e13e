"""What became of an earlier run's networks: a verdict for each figure, the differences drawn."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.report import networks, wording
from harness.report.progress import rows
from harness.report.progress.view import Baseline, BaselineRow
from harness.report.verdicts import tally, verdict

ANCHOR = "baseline"
# The order in which a reader looks: what is worse first.
ORDER = (
    "regressed", "missing", "not comparable", "inconclusive", "renamed", "new", "improved",
    "passed", "unchanged",
)  # fmt: skip
SAME = "unchanged"
MEASURES = {
    "presence": "graded",
    "accuracy": "test accuracy",
    "total_params": "parameters",
    "flops": "FLOPs for one image",
    "speed": "training speed",
}

Row = Mapping[str, Any]


def baseline(
    found: Mapping[str, Any] | None,
    subjects: Sequence[Mapping[str, Any]],
    anchors: Sequence[str],
) -> Baseline | None:
    """Returns what to show of a comparison with an earlier results.json; None without one."""
    if found is None:
        return None
    where = dict(zip([s["id"] for s in subjects], anchors, strict=True))
    ordered = sorted(found["rows"], key=lambda row: _rank(row["status"]))
    refused = ""
    if not found["comparable"]:
        refused = found["reason"] or "The two runs cannot be compared."
    return Baseline(
        facts=_facts(found),
        refused=refused,
        tally=tally([row["status"] for row in ordered]),
        rows=tuple(_row(row, where) for row in ordered if row["status"] != SAME),
        unchanged=tuple(_row(row, where) for row in ordered if row["status"] == SAME),
        drawing=_drawing(found),
        margin=_margin(found["margin"]),
    )


def _rank(status: str | None) -> int:
    return ORDER.index(status) if status in ORDER else len(ORDER)


def _facts(found: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    rows_ = (
        ("Baseline", found["file"]),
        ("Of", (found["created"] or "").replace("T", " ").replace("Z", " UTC")),
        ("Commit", found["commit"]),
    )
    return tuple((label, wording.cut(text, 120)) for label, text in rows_ if text)


def _margin(margin: float | None) -> str:
    """0.002 -> 0.2 percentage points."""
    return "" if margin is None else f"{100 * margin:.3g} percentage points"


def _row(row: Row, where: Mapping[str, str]) -> BaselineRow:
    words, difference = _wording(row["measure"])
    now, then = row["subject"], row["baseline_subject"]
    name = wording.cut(now or then or wording.NOTHING, networks.LONGEST_NAME)
    if now and then and now != then:
        name += f" (was {wording.cut(then, networks.LONGEST_NAME)})"
    accuracy = row["measure"] == "accuracy"
    return BaselineRow(
        network=name,
        anchor=where.get(now or ""),
        measure=MEASURES.get(row["measure"] or "", row["measure"] or wording.NOTHING),
        verdict=verdict(row["status"]),
        before=words(row["before"]),
        after=words(row["after"]),
        difference=difference(row["difference"]),
        interval=_points_interval(row["interval"]) if accuracy else _ratios(row["interval"]),
        text=row["text"] or "",
    )


def _wording(measure: str | None) -> tuple[Callable[[Any], str], Callable[[Any], str]]:
    """How a figure and how a difference of two is written."""
    if measure == "accuracy":
        return wording.percent, wording.points
    if measure in {"total_params", "flops"}:
        return wording.whole, _more
    return _figure, _change


def _more(difference: float | None) -> str:
    if difference is None:
        return wording.NOTHING
    return f"{difference:+,.0f}".replace("-", "−") if difference else "0"


def _figure(value: float | None) -> str:
    return wording.short(value)


def _change(difference: float | None) -> str:
    if difference is None:
        return wording.NOTHING
    return f"{difference:+.3g}".replace("-", "−")


def _points_interval(ends: tuple[float, float] | None) -> str:
    if ends is None:
        return ""
    low, high = (f"{100 * end:+.2f}".replace("-", "−") for end in ends)
    return f"[{low},{wording.WIDE}{high}]"


def _ratios(ends: tuple[float, float] | None) -> str:
    if ends is None:
        return ""
    return f"[{ends[0]:.3g},{wording.WIDE}{ends[1]:.3g}]".replace("-", "−")


def _drawing(found: Mapping[str, Any]) -> Markup | None:
    """The accuracies' differences, where any was measured."""
    drawn = [
        rows.Difference(
            name=row["subject"] or row["baseline_subject"] or wording.NOTHING,
            value=row["difference"],
            interval=row["interval"],
            status=row["status"] or "",
        )
        for row in found["rows"]
        if row["measure"] == "accuracy" and row["difference"] is not None
    ]
    return rows.differences("baseline-d", drawn, found["margin"]) if drawn else None
