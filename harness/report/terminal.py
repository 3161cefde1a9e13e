"""What has changed since the baseline, as lines for the terminal."""

from collections import Counter
from collections.abc import Iterator

from harness.report.schema.results import Baseline, BaselineRow
from harness.report.text.baseline_words import WORDS, tells
from harness.system.text import percent


def lines(baseline: Baseline | None) -> Iterator[str]:
    """Yields the lines of a `baseline` of results.json; none without one."""
    if baseline is None:
        return
    about = ", ".join(filter(None, (baseline.created, baseline.commit)))
    yield f"Against {baseline.file}" + (f" ({about}):" if about else ":")
    if not baseline.rows:
        yield "  nothing was compared: no check of test_baseline.py was selected"
        return
    if baseline.reason:
        yield f"  {baseline.reason}"
    for row in baseline.rows:
        if tells(row) and row.text != baseline.reason:
            name = row.subject or row.baseline_subject
            measure = WORDS.get(row.measure or "", row.measure)
            yield f"  {name:<16} {measure:<10} {row.status:<14} {_change(row)}"
    counts = Counter(row.status for row in baseline.rows)
    yield "  " + ", ".join(f"{count} {status}" for status, count in counts.most_common())
    if baseline.overwritten:
        yield (
            f"  {baseline.file} was this report's own file and is now this run's: copy it "
            "before the next run, to compare with the same again"
        )


def _change(row: BaselineRow) -> str:
    if row.measure == "accuracy" and row.difference is not None and row.interval is not None:
        low, high = (100 * end for end in row.interval)
        difference = f"{100 * row.difference:+.2f} points [{low:+.2f}, {high:+.2f}]"
        return f"{percent(row.before)} -> {percent(row.after)}, {difference}"
    if row.status in ("regressed", "improved") and row.measure in ("total_params", "flops"):
        return f"{row.before:,.0f} -> {row.after:,.0f}"
    return str(row.text)
