"""What became of an earlier run's networks: a verdict for each figure, the differences drawn."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from harness.report.charts import baseline_rows
from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text import subjects as text_subjects
from harness.report.text.verdicts import tally, verdict
from harness.report.views.progress import Baseline, BaselineRow

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

SPEEDUP = "speed-up"  # what the sentence of a speed speaks of, unless it is a mere rate


def baseline(
    found: schema.Baseline | None,
    subjects: Sequence[schema.Subject],
    anchors: Sequence[str],
) -> Baseline | None:
    """Returns what to show of a comparison with an earlier results.json; None without one."""
    if found is None:
        return None
    where = dict(zip([s.id for s in subjects], anchors, strict=True))
    ordered = sorted(found.rows, key=lambda row: _rank(row.status))
    refused = ""
    if not found.comparable:
        refused = found.reason or "The two runs cannot be compared."
    overwritten = (
        "It was this report's own results.json, which this run has replaced: copy a results.json "
        "that you want to compare with again."
    )
    return Baseline(
        facts=_facts(found),
        refused=refused,
        warning=overwritten if found.overwritten else "",
        tally=tally([row.status for row in ordered]),
        rows=tuple(_row(row, where) for row in ordered if row.status != SAME),
        unchanged=tuple(_row(row, where) for row in ordered if row.status == SAME),
        drawing=_drawing(found),
        margin=_margin(found.margin),
    )


def _rank(status: str | None) -> int:
    return ORDER.index(status) if status in ORDER else len(ORDER)


def _facts(found: schema.Baseline) -> tuple[tuple[str, str], ...]:
    rows_ = (
        ("Baseline", found.file),
        ("Of", (found.created or "").replace("T", " ").replace("Z", " UTC")),
        ("Commit", found.commit),
    )
    return tuple((label, formatting.cut(text, 120)) for label, text in rows_ if text)


def _margin(margin: float | None) -> str:
    """0.002 -> 0.2 percentage points."""
    return "" if margin is None else f"{100 * margin:.3g} percentage points"


def _row(row: schema.BaselineRow, where: Mapping[str, str]) -> BaselineRow:
    measure, words, difference = _wording(row)
    now, then = row.subject, row.baseline_subject
    name = formatting.cut(now or then or formatting.NOTHING, text_subjects.LONGEST_NAME)
    if now and then and now != then:
        name += f" (was {formatting.cut(then, text_subjects.LONGEST_NAME)})"
    return BaselineRow(
        network=name,
        anchor=where.get(now or ""),
        measure=measure,
        verdict=verdict(row.status),
        before=words(row.before),
        after=words(row.after),
        difference=difference(row.difference),
        interval=_interval(row.measure, row.interval),
        text=row.text or "",
    )


def _wording(row: schema.BaselineRow) -> tuple[str, Callable[[Any], str], Callable[[Any], str]]:
    """What a row's figures are called, and how a figure and a difference of two are written."""
    measure = row.measure
    name = MEASURES.get(measure or "", measure or formatting.NOTHING)
    if measure == "accuracy":
        return name, formatting.percent, formatting.points
    if measure in {"total_params", "flops"}:
        return name, formatting.whole, _more
    if measure == "speed" and (row.before, row.after) != (None, None):
        # Benchmarks tell how many times as fast as a peer; trainings, images a second.
        if row.difference is None and SPEEDUP not in (row.text or ""):
            return "training images per second", formatting.whole, _change
        return "speed-up over a peer", _times, _change
    return name, formatting.short, _change


def _times(ratio: float | None) -> str:
    return formatting.NOTHING if ratio is None else f"{ratio:.3g}×"


def _more(difference: float | None) -> str:
    if difference is None:
        return formatting.NOTHING
    return f"{difference:+,.0f}".replace("-", "−") if difference else "0"


def _change(ratio: float | None) -> str:
    """How much faster, as a share: 0.031 -> +3.1 %."""
    return formatting.percent(ratio, 1, sign=True)


def _interval(measure: str | None, ends: tuple[float, float] | None) -> str:
    """In percentage points or, of a speed, percent, as the difference before it."""
    if ends is None:
        return ""
    digits = 2 if measure == "accuracy" else 1
    low, high = (f"{100 * end:+.{digits}f}".replace("-", "−") for end in ends)
    return f"[{low},{formatting.WIDE}{high}]"


def _drawing(found: schema.Baseline) -> Markup | None:
    """The accuracies' differences, where one is not simply that nothing changed."""
    drawn = [
        baseline_rows.Difference(
            name=row.subject or row.baseline_subject or formatting.NOTHING,
            value=row.difference,
            interval=row.interval,
            status=row.status or "",
        )
        for row in found.rows
        if row.measure == "accuracy" and row.difference is not None
    ]
    if all(row.status == SAME for row in drawn):
        return None
    return baseline_rows.differences("baseline-d", drawn, found.margin)
