"""Digit by digit: which are found, and whose readings can be trusted."""

import statistics
from collections.abc import Sequence

from harness.report.schema import results as schema
from harness.report.text import formatting
from harness.report.text.network_names import Names
from harness.report.views.evidence import DigitRow, Digits, HeatTable, Shade

Subjects = Sequence[schema.Subject]

MOST = 12
# upper ends of the shades, as shares that are wrong: each about twice the one before
SHADES = (0.005, 0.01, 0.02, 0.04, 0.08)
RECALL = "Each digit's images that are read right, in percent of them (recall)."
PRECISION = "Readings of each digit that are right, in percent of them (precision)."
HOW = "The darker the cell, the more are wrong; each network's lowest is underlined."


def digits(subjects: Subjects, names: Names) -> Digits | None:
    """None where no network has figures by digit."""
    known = [s for s in subjects if any(row.recall is not None for row in s.classes)][:MOST]
    if not known:
        return None
    labels = sorted({row.digit for subject in known for row in subject.classes})[:10]
    tables = tuple(
        HeatTable(
            heading,
            f"{caption} {HOW}",
            tuple(map(str, labels)),
            tuple((names.name(s.id), _cells(s, labels, key)) for s in known),
        )
        for key, heading, caption in (
            ("recall", "Found", RECALL),
            ("precision", "Trusted", PRECISION),
        )
    )
    return Digits(
        found=_found(known, labels),
        tables=tables,
        networks=tuple((names.name(s.id), tuple(map(_row, s.classes[:10]))) for s in known),
    )


def shade(wrong: float) -> str:
    """s0 for next to none, s6 for the most."""
    return f"s{sum(wrong >= end for end in SHADES)}"


def _cells(subject: schema.Subject, labels: Sequence[int], key: str) -> tuple[Shade, ...]:
    values = {row.digit: row for row in subject.classes if row[key] is not None}
    lowest = min((row[key] for row in values.values()), default=None)
    return tuple(
        Shade(
            f"{100 * values[label][key]:.1f}",
            shade(1 - values[label][key]),
            f"{label}: {formatting.percent(values[label][key])} "
            f"{formatting.interval(values[label][f'{key}_interval'])}".strip(),
            strong=values[label][key] == lowest,
        )
        if label in values
        else Shade(formatting.NOTHING, "s0", "")
        for label in labels
    )


def _means(known: Subjects, labels: Sequence[int], key: str) -> dict[int, float]:
    found = {}
    for label in labels:
        rows = (row for s in known for row in s.classes if row.digit == label)
        values = [row[key] for row in rows if row[key] is not None]
        if values:
            found[label] = statistics.fmean(values)
    return found


def _found(known: Subjects, labels: Sequence[int]) -> str:
    recall = _means(known, labels, "recall")
    hardest, easiest = min(recall, key=recall.__getitem__), max(recall, key=recall.__getitem__)
    name = formatting.apart(known[0].id)
    who = f"For {name}" if len(known) == 1 else f"For the {formatting.spelled(len(known))} networks"
    average = "" if len(known) == 1 else " on average"
    first = (
        f"{who}, {hardest} is the hardest digit: {formatting.percent(recall[hardest], 1)} of its "
        f"images are read right{average}; {easiest} is the easiest, with "
        f"{formatting.percent(recall[easiest], 1)}."
    )
    precision = _means(known, labels, "precision")
    if not precision:
        return first
    lowest = min(precision, key=precision.__getitem__)
    second = (
        f"A reading of {lowest} is the least to be trusted: it is right "
        f"{formatting.percent(precision[lowest], 1)} of the time."
    )
    return f"{first} {second}"


def _row(row: schema.DigitMetrics) -> DigitRow:
    return DigitRow(
        digit=str(row.digit),
        images=formatting.whole(row.images),
        recall=formatting.percent(row.recall),
        recall_interval=formatting.interval(row.recall_interval),
        precision=formatting.percent(row.precision),
        precision_interval=formatting.interval(row.precision_interval),
        f1=formatting.percent(row.f1),
    )
