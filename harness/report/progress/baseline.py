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
    "passed", "not judged", "unchanged",
)  # fmt: skip
SAME = "unchanged"
MEASURES = {
    "presence": "graded",
    "accuracy": "test accuracy",
    "total_params": "parameters",
    "flops": "FLOPs for one image",
    "speed": "speed",
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
    overwritten = (
        "It was this report's own results.json, which this run has replaced: copy a results.json "
        "that you want to compare with again."
    )
    return Baseline(
        facts=_facts(found),
        refused=refused,
        warning=overwritten if found["overwritten"] else "",
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
    return BaselineRow(
        network=name,
        anchor=where.get(now or ""),
        measure=MEASURES.get(row["measure"] or "", row["measure"] or wording.NOTHING),
        verdict=verdict(row["status"]),
        before=words(row["before"]),
        after=words(row["after"]),
        difference=difference(row["difference"]),
        interval=_interval(row["measure"], row["interval"]),
        text=row["text"] or "",
    )


def _wording(measure: str | None) -> tuple[Callable[[Any], str], Callable[[Any], str]]:
    """How a figure and how a difference of two is written."""
    if measure == "accuracy":
        return wording.percent, wording.points
    if measure in {"total_params", "flops"}:
        return wording.whole, _more
    return wording.short, _change


def _more(difference: float | None) -> str:
    if difference is None:
        return wording.NOTHING
    return f"{difference:+,.0f}".replace("-", "−") if difference else "0"


def _change(ratio: float | None) -> str:
    """How much faster, as a share: 0.031 -> +3.1 %."""
    return wording.percent(ratio, 1, sign=True)


def _interval(measure: str | None, ends: tuple[float, float] | None) -> str:
    """In percentage points or, of a speed, percent, as the difference before it."""
    if ends is None:
        return ""
    digits = 2 if measure == "accuracy" else 1
    low, high = (f"{100 * end:+.{digits}f}".replace("-", "−") for end in ends)
    return f"[{low},{wording.WIDE}{high}]"


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
